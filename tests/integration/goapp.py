"""Builds the tests' application in Go."""

import subprocess
from pathlib import Path

from system.dapr.build import HERE, go_environment
from system.dapr.golang import find_go

SOURCES = Path(__file__).parent / "golang"
EVENT = "approval"
"""The external event that its workflows wait for."""
GENERATIONS = 3
NOT_JSON = "plain text, \0\x01\x7f \u241b \u2603, <b>not</b> JSON {"
"""A text that its workflows use as a payload, and that is not JSON."""


def build(folder: Path) -> str:
    """Build the application with the modules of Dapr's build, and return the program's path.

    The build takes seconds, because Dapr's build has filled Go's caches.
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
