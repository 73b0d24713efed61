"""The indicator of live updates on each page."""

from pathlib import Path

from dashboard.live.banner import why_not_live
from dashboard.live.fragment_reruns import register_fragment
from dashboard.live.system_state import SystemState
from dashboard.live.updates import PATH
from dashboard.services import offers_orders
from dashboard.widgets import widget

_HERE = Path(__file__).parent
_live_updates, _page_rerun = (
    widget("live_updates", folder=_HERE),
    widget("page_rerun", folder=_HERE),
)


def live_updates(state: SystemState) -> None:
    """Show whether the page is live, and register its fragment, which shows `state`, for reruns.

    Pages of an attached application name it.
    """
    session, render_id = register_fragment(state.version)
    _live_updates(
        key="live-updates",
        data={
            "path": PATH.removeprefix("/"),
            "session": session,
            "renderId": render_id,
            "application": None if offers_orders() else state.app_id,
            "problem": why_not_live(state),
        },
    )


def page_rerun() -> None:
    """Let the indicator rerun the whole page after a restart of the server."""
    _page_rerun(key="page-rerun", on_run_change=lambda: None)
