"""The one list of processes."""

import re
from pathlib import Path

_LINE = re.compile(r"^([A-Za-z0-9_-]+):\s*(.+)$")


def read_procfile(path: Path) -> dict[str, str]:
    """Return the command of each process, by name; raises `ValueError` for a line that is neither
    `name: command`, nor blank, nor a comment, and for a name given twice.
    """
    commands: dict[str, str] = {}
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        found = _LINE.match(line)
        if not found:
            raise ValueError(f"{path}:{number}: found {line!r}, expected `name: command`.")
        name, command = found.groups()
        if name in commands:
            raise ValueError(f"{path}:{number}: found a second process {name!r}, expected one.")
        commands[name] = command
    return commands
