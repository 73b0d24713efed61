"""`python -m tests.browser.chromium` sees to it that this machine has a Chromium."""

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
_INSTALL = (("apt-get", "update"), ("apt-get", "install", "--yes", "chromium"))


def find() -> str:
    """Return where Chromium is; raises `FileNotFoundError` with what to type."""
    for name in NAMES:
        if found := shutil.which(name):
            return found
    raise FileNotFoundError("No Chromium here. On Debian, type: apt-get install chromium")


def install() -> None:
    """Install Debian's Chromium, as root or with a sudo that asks nothing."""
    print("Installing Chromium, which the tests of the pages need", flush=True)
    sudo = () if os.geteuid() == 0 else ("sudo", "--non-interactive")
    for command in _INSTALL:
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run((*sudo, *command), check=True, env=quiet, stdout=subprocess.DEVNULL)


def main() -> None:
    """Find it, else install it, else say what to type."""
    try:
        find()
    except FileNotFoundError as error:
        try:
            install()
            find()
        except (OSError, subprocess.CalledProcessError):
            sys.exit(str(error))


if __name__ == "__main__":
    main()
