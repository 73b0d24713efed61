"""`python -m tests.postgres` installs PostgreSQL if this machine has none."""

import subprocess
import sys

from tests.postgres.programs import find, install


def main() -> None:
    """Install PostgreSQL if it is missing; if that fails, print the command to type."""
    try:
        find()
    except FileNotFoundError as error:
        print("Installing PostgreSQL, which the tests of the ledger need", flush=True)
        try:
            install()
            find()
        except (OSError, subprocess.CalledProcessError):
            sys.exit(str(error))


if __name__ == "__main__":
    main()
