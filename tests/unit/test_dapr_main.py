"""`python -m system.dapr` with shell scripts in place of Dapr's programs."""

import os
import subprocess
import sys
from pathlib import Path

from system.dapr.settings import PROJECT


def run(folder: Path, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run `python -m system.dapr` in a folder; Dapr's programs print how they were started."""
    for name in ("daprd", "placement", "scheduler"):
        program = folder / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text('#!/bin/sh\n[ "$1" = --version ] && echo 1.18.2 || echo $PWD: $0 $*\n')
        program.chmod(0o755)
    return subprocess.run(
        [sys.executable, "-m", "system.dapr", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(PROJECT), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def test_an_unknown_process_is_refused(tmp_path: Path) -> None:
    """The message names the unknown process and the processes of Dapr."""
    answer = run(tmp_path, "sentry")
    assert answer.returncode == 1
    assert answer.stderr == (
        "Unknown process 'sentry'; expected one of placement, scheduler, daprd.\n"
    )


def test_a_bad_setting_is_reported_without_a_traceback(tmp_path: Path) -> None:
    """An invalid setting ends the start with one message that has the value."""
    answer = run(tmp_path, "placement", PATH=f"{tmp_path}/bin", FLOWDECK_DAPR_PORTS="80")
    assert answer.returncode == 1
    assert "FLOWDECK_DAPR_PORTS: found '80', expected greater" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_relative_folders_are_relative_to_the_start_folder(tmp_path: Path) -> None:
    """PATH and FLOWDECK_HOME may be relative; the process creates its home and runs in it."""
    answer = run(tmp_path, "scheduler", PATH="bin:/usr/bin:/bin", FLOWDECK_HOME="state")
    assert answer.stderr == ""
    line = answer.stdout.splitlines()[-1]
    assert line.startswith(f"{tmp_path}/state: {tmp_path}/bin/scheduler --port=")
    assert f"--etcd-data-dir={tmp_path}/state/data/scheduler " in line
