"""The parts of a page that Streamlit does not have: each a script, a style sheet, and its data.

They are given data alone, and make text of it, never markup.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from streamlit.components.v2 import component

_HERE = Path(__file__).parent


@cache
def _file(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def part(name: str, *, isolated: bool = True) -> Callable[..., Any]:
    """Return the command that mounts a part; `name` is that of its files.

    One that is not isolated has no style but its own, and that holds for the whole page.
    """
    shared = _file("shared.css") if isolated else ""
    return component(
        f"flowdeck_{name}",
        js=f"{_file('shared.js')}\n{_file(f'{name}.js')}",
        css=f"{shared}\n{_file(f'{name}.css')}",
        isolate_styles=isolated,
    )
