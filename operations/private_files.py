"""Keeps the data of Flowdeck unreadable for other users of the machine."""

import os
from contextlib import suppress
from pathlib import Path

_UMASK = 0o077
_OWN = 0o700  # the permissions of the file's user


def keep_private(folder: Path) -> None:
    """Create new files of this process, and of its children, for this user alone.

    The files that `folder` already has become private too; a file of another user stays as it is.
    """
    os.umask(_UMASK)
    for path, _, files in os.walk(folder.resolve()):
        _make_private(Path(path))
        for name in files:
            _make_private(Path(path, name))


def _make_private(path: Path) -> None:
    """Remove the permissions of the group and of others."""
    with suppress(OSError):  # it is gone, or of another user
        mode = path.stat().st_mode & 0o777
        if not path.is_symlink() and mode & ~_OWN:
            path.chmod(mode & _OWN)
