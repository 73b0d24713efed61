"""The application in Go, as a program."""

import subprocess
from pathlib import Path

from system.dapr.build import HERE, go_environment
from system.dapr.golang import find_go

SOURCES = Path(__file__).parent / "golang"
EVENT = "approval"
"""The external event that its workflows wait for."""
GENERATIONS = 3
ODD = "plain text, \0\x01\x7f \u241b \u2603, <b>not</b> JSON {"
"""What its workflows say that no JSON is."""


def build(folder: Path) -> str:
    """Build it from the modules that the engine is built from, and return the program's path.

    Seconds where Go's caches are warm, as they are once the engine was built.
    """
    go = find_go(HERE.oldest_go(), lambda _: None)
    answer = subprocess.run(
        [go, "install", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "."],
        cwd=SOURCES,
        env=go_environment(folder),
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    return str(folder / "goapp")
