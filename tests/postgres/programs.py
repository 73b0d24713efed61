"""Finds PostgreSQL's programs, or installs them."""

import os
import shutil
import subprocess
from pathlib import Path

_DEBIANS = Path("/usr/lib/postgresql")
NO_CLUSTER = Path("/etc/postgresql-common/createcluster.d/flowdeck.conf")
_INSTALL = (("apt-get", "update"), ("apt-get", "install", "--yes", "postgresql"))


def find(debians: Path = _DEBIANS) -> Path:
    """Return the folder of the programs; raises `FileNotFoundError` with the command to type.

    The newest version in the folder `debians` comes first, then those on the PATH.
    """
    found = sorted(debians.glob("*/bin/initdb"), key=lambda file: int(file.parts[-3]))
    if found:
        return found[-1].parent
    if elsewhere := shutil.which("initdb"):
        return Path(elsewhere).resolve().parent
    raise FileNotFoundError("No PostgreSQL here. On Debian, type: apt-get install postgresql")


def install() -> None:
    """Install Debian's PostgreSQL, as root or with a passwordless sudo; no server is started."""
    sudo = () if os.geteuid() == 0 else ("sudo", "--non-interactive")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    _run(*sudo, "mkdir", "--parents", str(NO_CLUSTER.parent))
    _run(*sudo, "tee", str(NO_CLUSTER), stdin="create_main_cluster = false\n")
    try:
        for command in _INSTALL:
            _run(*sudo, *command, env=quiet)
    finally:
        _run(*sudo, "rm", str(NO_CLUSTER))


def _run(*command: str, env: dict[str, str] | None = None, stdin: str = "") -> None:
    subprocess.run(
        command, check=True, env=env, input=stdin, stdout=subprocess.DEVNULL, encoding="utf-8"
    )
