"""The banner that reports damaged ledgers until someone acknowledges them."""

import streamlit as st

from dashboard.markdown import plain
from dashboard.services import services, state_reader, viewer
from operations.errors import Unavailable
from operations.recorder_report import DamagedLedger


def damage_banner(damaged: tuple[DamagedLedger, ...]) -> None:
    """Show which damaged ledgers the recorder keeps, and how to recover their content."""
    if not damaged:
        return
    with st.container(border=True, gap="small"):
        st.error("\n\n".join(map(_message, damaged)), icon=":material/database_off:")
        st.code("\n".join(each.recovery_command for each in damaged), None, wrap_lines=True)
        st.button("Acknowledge", key="acknowledge-damage", on_click=_acknowledge)


def _message(damaged: DamagedLedger) -> str:
    return (
        f"**The ledger was damaged, and was replaced at {damaged.moved_at:%d %b %H:%M:%S} UTC.** "
        "The new ledger has every instance that Dapr still has. Purged runs and the earlier audit "
        f"log are only in {plain(damaged.path)}. This command copies the readable rows into a new "
        "database:"
    )


def _acknowledge() -> None:
    """Record that the viewer knows of the damaged ledgers; the files stay."""
    try:
        services().ledger.damage.acknowledge(viewer())
    except Unavailable as error:
        st.error(plain(str(error)))
    state_reader().refresh()
