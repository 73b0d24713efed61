"""`python -m tests.browser.chromium` installs Chromium unless the machine has one."""

import os
import shutil
import subprocess
import sys

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--font-render-hinting=none",
    "--no-first-run",
)
_INSTALL = (("apt-get", "update"), ("apt-get", "install", "--yes", "chromium"))


def find() -> str:
    """Return the path of Chromium; raise `FileNotFoundError` with the command that installs it."""
    for name in NAMES:
        if found := shutil.which(name):
            return found
    raise FileNotFoundError("Chromium is not installed. On Debian, run: apt-get install chromium")


def install() -> None:
    """Install Debian's Chromium, as root or with a sudo that needs no password."""
    print("Installing Chromium for the browser tests", flush=True)
    sudo = () if os.geteuid() == 0 else ("sudo", "--non-interactive")
    for command in _INSTALL:
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run((*sudo, *command), check=True, env=quiet, stdout=subprocess.DEVNULL)


def main() -> None:
    """Install Chromium if it is missing; if that fails, print the command that installs it."""
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
