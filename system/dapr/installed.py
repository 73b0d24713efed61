"""Finds a Dapr that is installed on this machine."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from system.dapr.errors import Report

PROCESSES = ("daprd", "placement", "scheduler")
OLDEST = (1, 18)


def find_installed(report: Report) -> Path | None:
    """Return the folder of an installed Dapr 1.18 or newer, on the PATH or in `~/.dapr/bin`."""
    on_path = shutil.which("daprd")
    candidates = [Path(on_path).absolute().parent] if on_path else []
    for folder in dict.fromkeys([*candidates, Path.home() / ".dapr" / "bin"]):
        missing = [name for name in PROCESSES if not os.access(folder / name, os.X_OK)]
        if "daprd" in missing:
            continue
        version = version_of(folder / "daprd")
        if missing:
            report(f"{folder} has daprd {version} but not {' and '.join(missing)}: not used.")
        elif version_numbers(version) < OLDEST:
            report(f"{folder} has Dapr {version}, expected 1.18 or newer: not used.")
        else:
            report(f"Using Dapr {version} from {folder}.")
            return folder
    return None


def version_of(daprd: Path) -> str:
    """Return the version that `daprd --version` prints, or "unknown" if it fails."""
    try:
        answer = subprocess.run(
            [daprd, "--version"], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return answer.stdout.strip()


def version_numbers(version: str) -> tuple[int, ...]:
    """Return the leading numbers of a version: "1.18.2-rc.1" gives (1, 18, 2)."""
    found = re.match(r"v?(\d+(?:\.\d+)*)", version)
    return tuple(map(int, found.group(1).split("."))) if found else ()
