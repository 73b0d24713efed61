"""Separates an application's own frames of a stack trace from library frames. Pure functions.

Reads the traces of Python, Go, Java, .NET and JavaScript. A library is the SDK of Dapr, the
standard library, or a package that was installed beside the application.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

_PYTHON = re.compile(r'(\s*)File "([^"]*)", line \d+')
_REPEATED = re.compile(r"\s*\[Previous line repeated \d+ more times?\]")
_AT = re.compile(r"\s*at (.+)")  # Java, .NET, JavaScript
_REST = re.compile(r"\s*(\.\.\. \d+ (more|common frames omitted)|--- End of .* ---)$")
_GO_FILE = re.compile(r"\t(\S.*\.(?:go|s)):\d+( \+0x[0-9a-f]+)?$")

_LIBRARY_FILES = re.compile(
    r"[\\/](site|dist)-packages[\\/]|[\\/]lib(64)?[\\/]python3|[\\/]Python3\d*[\\/]Lib[\\/]"
    r"|^<frozen |^<string>$|[\\/]durabletask[\\/]|[\\/]dapr[\\/]ext[\\/]"  # Python
    r"|[\\/]pkg[\\/]mod[\\/]|@v\d+\.|[\\/]go(-1[.\d]*)?[\\/]src[\\/]|[\\/]libexec[\\/]src[\\/]"
    r"|^(runtime|reflect|sync|net|context|encoding|internal|os|io|fmt|errors|testing)[\\/]"  # Go
    r"|[\\/]node_modules[\\/]|\bnode:|\(internal/|<anonymous>|\(native\)"  # JavaScript
)
_LIBRARY_NAMES = re.compile(
    r"(?:[\w.]+(?:@[\w.]+)?/|app//)?"  # the module of a class, such as java.base/
    r"(?:javax?|jdk|sun|com\.sun|kotlinx?|scala|reactor|io\.(?:dapr|grpc|netty|opentelemetry)"
    r"|com\.microsoft\.durabletask|org\.(?:springframework|apache|junit)"  # Java
    r"|System|Microsoft|Dapr|Grpc)\."  # .NET
)


class _Kind(Enum):
    TEXT = "text"  # such as the message of an error
    OWN = "own"
    LIBRARY = "library"


@dataclass(frozen=True)
class OwnFrames:
    """A stack trace without library frames, and the number of the hidden frames."""

    text: str
    hidden: int


def own_frames(trace: str) -> OwnFrames:
    """Return the own frames and the texts between them, or the whole trace without own frames."""
    blocks = list(_blocks(trace.splitlines()))
    hidden = sum(kind is _Kind.LIBRARY for kind, _ in blocks)
    if not hidden or not any(kind is _Kind.OWN for kind, _ in blocks):
        return OwnFrames(trace, 0)
    kept = (line for kind, lines in blocks if kind is not _Kind.LIBRARY for line in lines)
    return OwnFrames("\n".join(kept), hidden)


def _blocks(lines: Sequence[str]) -> Iterator[tuple[_Kind, Sequence[str]]]:
    """Yield each frame with its lines, and each line that belongs to no frame."""
    at = 0
    while at < len(lines):
        kind, size = _block(lines, at)
        yield kind, lines[at : at + size]
        at += size


def _block(lines: Sequence[str], at: int) -> tuple[_Kind, int]:
    """Return the kind and the number of lines of the block that begins at an index."""
    line = lines[at]
    if found := _PYTHON.match(line):
        return _kind(_LIBRARY_FILES.search(found[2])), _python_lines(lines, at, len(found[1]))
    if found := _AT.match(line):
        is_library = _LIBRARY_NAMES.match(found[1]) or _LIBRARY_FILES.search(found[1])
        return _kind(is_library), 2 if _REST.match(_next(lines, at)) else 1
    if found := _GO_FILE.match(_next(lines, at)):
        return _kind(_LIBRARY_FILES.search(found[1])), 2
    return _Kind.TEXT, 1


def _next(lines: Sequence[str], at: int) -> str:
    return lines[at + 1] if at + 1 < len(lines) else ""


def _python_lines(lines: Sequence[str], at: int, indent: int) -> int:
    """Return the number of lines of a frame: its code, and the marks below the code, are deeper."""
    end = at + 1
    while end < len(lines) and (_is_deeper(lines[end], indent) or _REPEATED.match(lines[end])):
        end += 1
    return end - at


def _is_deeper(line: str, indent: int) -> bool:
    return line[: indent + 1].isspace() and not _PYTHON.match(line)


def _kind(is_library: object) -> _Kind:
    return _Kind.LIBRARY if is_library else _Kind.OWN
