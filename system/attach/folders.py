"""The folder of each attached application: its ledger, its log files, its lock."""

import re
from dataclasses import dataclass
from pathlib import Path

from system.preconditions import lock_data

_UNKNOWN = "unknown"
_APPLICATION = "application"  # the file that names the application of an unknown folder


@dataclass(frozen=True)
class Folders:
    """The folders of the applications at one address, below `data/attached/`.

    Two applications at one address, and one application id at two addresses, such as a test and a
    production system, have different folders.
    """

    data: Path
    address: str

    def of(self, app_id: str) -> Path:
        """Return the folder of an application; it may have been the unknown one until now."""
        folder, unknown = self._all / _name(app_id), self._all / _UNKNOWN
        if not folder.exists() and self.application(unknown) == app_id:
            with lock_data(unknown):
                unknown.rename(folder)
        return folder

    def last_used(self) -> Path:
        """Return the folder that was used last, for an application that is not known yet."""
        locks = self._all.glob("*/lock")
        last = max(locks, key=lambda lock: lock.stat().st_mtime, default=None)
        return last.parent if last else self._all / _UNKNOWN

    def application(self, folder: Path) -> str:
        """Return the id of the application that uses a folder, empty if it is unknown."""
        if folder.name != _UNKNOWN:
            return _text(folder.name)
        file = folder / _APPLICATION
        return file.read_text() if file.exists() else ""

    def identify(self, folder: Path, app_id: str) -> None:
        """Write the id of the application that uses a folder, if the folder is the unknown one."""
        if folder.name == _UNKNOWN:
            (folder / _APPLICATION).write_text(app_id)

    @property
    def _all(self) -> Path:
        return self.data / "attached" / _name(self.address.replace(":", "_"))


def _name(text: str) -> str:
    """Return a text as the name of a file; different texts have different names."""
    return re.sub(r"^\.|[^\w.-]", lambda found: f"~{ord(found[0]):x}~", text, flags=re.ASCII)


def _text(name: str) -> str:
    """Return the text that `_name` returned this name for."""
    return re.sub(r"~([0-9a-f]+)~", lambda found: chr(int(found[1], 16)), name)
