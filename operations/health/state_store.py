"""The state store's file of `make run`: checks that daprd uses the file at its path."""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from operations.model import Problem, Service

_DELETED = " (deleted)"  # Linux appends this to the name of an open file that was deleted

_Identity = tuple[int, int]  # device and inode


def daprd_beside() -> int | None:
    """Return the process id of the `daprd` that has the same parent as this process, or None."""
    with suppress(OSError):
        for task in Path(f"/proc/{os.getppid()}/task").iterdir():
            for pid in (task / "children").read_text().split():
                if Path(f"/proc/{pid}/comm").read_text().strip() == "daprd":
                    return int(pid)
    return None


class StateStoreFile:
    """The SQLite file of Dapr's state store on this machine.

    The class remembers by device and inode which files daprd had open at the path. So it notices
    that a file was moved away, but only if it saw the file before.
    A sidecar elsewhere, a daprd with another state store, and a system without `/proc` have no
    problem that this class can see.
    """

    def __init__(self, file: Path, find_daprd: Callable[[], int | None] = daprd_beside) -> None:
        self._file = file
        self._find_daprd = find_daprd
        self._user: int | None = None
        self._used: set[_Identity] = set()  # files that this daprd had open at the path

    def problems(self) -> tuple[Problem, ...]:
        """Return a problem if daprd has a file open that was deleted, moved or replaced."""
        pid = self._find_daprd()
        if pid is None:
            return ()
        if pid != self._user:
            self._user, self._used = pid, set()
        opened = dict(_open_files(pid))
        self._used |= {identity for identity, name in opened.items() if name == str(self._file)}
        is_lost = not opened.keys().isdisjoint(self._used - {_identity(self._file)})
        reason = (
            f"the state store's file {self._file} was deleted or replaced while daprd has it open, "
            "and what runs now is lost when daprd ends: put the file back, or restart Flowdeck"
        )
        return (Problem(Service.STATE_STORE, reason),) if is_lost else ()


def _open_files(pid: int) -> Iterator[tuple[_Identity, str]]:
    """Yield each open file of a process, and its name."""
    with suppress(OSError):
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                name, identity = str(link.readlink()), _identity(link)
                if identity and name.startswith("/"):
                    yield identity, name.removesuffix(_DELETED)


def _identity(path: Path) -> _Identity | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
