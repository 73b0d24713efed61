"""The forced purge of a stalled instance, which asks first."""

import streamlit as st

from dashboard.action_results import purge_by_force
from dashboard.markdown import plain
from operations.records import RunSummary

_EFFECTS = (
    "The engine refuses every other action. If you remove the cause of the stall, it continues the "
    "instance by itself. A forced purge archives the history in the ledger first, and then deletes "
    "the instance and its descendants in the engine. Nothing brings them back, and a parent that "
    "waits for the instance waits forever. The id can be used again after a restart of daprd."
)


def forced_purge(summary: RunSummary, key: str, blocked: str | None) -> None:
    """Show the button that opens the question; `blocked` says why no action is possible now."""
    with st.popover(
        "Purge by force",
        icon=":material/delete_forever:",
        disabled=blocked is not None,
        help=blocked,
        key=f"ask-purge-{key}",
    ):
        st.markdown(f"**Purge {plain(summary.instance_id)} by force?**  \n{_EFFECTS}")
        st.button(
            "Archive and purge",
            key=f"do-purge-{key}",
            type="primary",
            on_click=purge_by_force,
            args=(summary.instance_id, summary.run_id or None),
        )
