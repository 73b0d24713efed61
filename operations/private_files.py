"""Keeps the data of Flowdeck unreadable for other users of the machine."""

import os
from contextlib import suppress
from pathlib import Path

_UMASK = 0o077
_FOLDER, _FILE = 0o700, 0o600


def keep_private(folder: Path) -> None:
    """Create new files of this process, and of its children, for this user alone.

    The files that `folder` already has become private too; a file of another user stays as it is.
    """
    os.umask(_UMASK)
    for path, _, files in os.walk(folder.resolve()):
        _set_mode(Path(path), _FOLDER)
        for name in files:
            _set_mode(Path(path, name), _FILE)


def _set_mode(path: Path, mode: int) -> None:
    with suppress(OSError):  # it is gone, or of another user
        if not path.is_symlink() and path.stat().st_mode & 0o777 != mode:
            path.chmod(mode)
