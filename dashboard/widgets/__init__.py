"""Streamlit components of the dashboard: each has a script and a style sheet.

They show data as text, never as markup.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from streamlit.components.v2 import component

_HERE = Path(__file__).parent


@cache
def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def widget(
    name: str, *, isolated: bool = True, folder: Path = _HERE, scripts: tuple[str, ...] = ()
) -> Callable[..., Any]:
    """Return the command that mounts a component, from `name`.js and `name`.css in `folder`.

    `scripts` names other scripts in `folder`, which are loaded before the widget's own.
    A component that is not isolated has only its own style sheet, which applies to the whole page.
    """
    shared = _read(_HERE / "shared.css") if isolated else ""
    files = [_HERE / "shared.js", *(folder / f"{each}.js" for each in (*scripts, name))]
    return component(
        f"flowdeck_{name}",
        js="\n".join(_read(each) for each in files),
        css=f"{shared}\n{_read(folder / f'{name}.css')}",
        isolate_styles=isolated,
    )
