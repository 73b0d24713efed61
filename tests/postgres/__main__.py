"""`python -m tests.postgres` sees to it that this machine has a PostgreSQL."""

import subprocess
import sys

from tests.postgres.programs import find, install


def main() -> None:
    """Find it, else install it, else say what to type."""
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
