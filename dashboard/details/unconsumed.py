"""Shows the external events that were raised to a run, and that no wait in its history took."""

import streamlit as st

from dashboard.details.payloads import show_tree
from dashboard.live.banner import zone
from dashboard.markdown import plain, shortened
from dashboard.times import clock_time
from operations.run_view import View
from operations.timeline.unconsumed import UnconsumedEvent

MAX_SHOWN = 3  # events of each kind, the newest ones; the others are counted
MAX_NAME, MAX_INLINE = 80, 160  # characters of a name, and of a payload in a sentence


def show_unconsumed(shown: View) -> None:
    """Show the events that no wait took: first the certain ones, then the doubtful ones."""
    kept = [each for each in shown.unconsumed if each.is_certain]
    doubtful = [each for each in shown.unconsumed if not each.is_certain]
    if kept:
        verb = "was not" if shown.summary.over_at else "has not been"
        lines = [f"{_raised(each)} and {verb} consumed." for each in kept[-MAX_SHOWN:]]
        st.warning("  \n".join([*lines, *_more(kept)]), icon=":material/mark_email_unread:")
        _show_payloads(kept, shown.key)
    if doubtful:
        lines = [f"{_raised(each)}." for each in doubtful[-MAX_SHOWN:]]
        lines.append(
            "No wait in the history took it: the workflow took it without waiting, which leaves no "
            "trace, or never asked for it."
        )
        st.caption("  \n".join([*_more(doubtful), *lines]))


def _raised(found: UnconsumedEvent) -> str:
    """Return when an event was raised, with a short payload."""
    event = found.event
    payload = f" with {event.payload}" if _is_short(event.payload) else ""
    name, at = shortened(event.name or "", MAX_NAME), clock_time(event.timestamp, zone())
    return f"Event {plain(repr(name))} was raised at {at}{plain(payload)}"


def _is_short(payload: str | None) -> bool:
    return payload is not None and len(payload) <= MAX_INLINE and payload.isprintable()


def _more(found: list[UnconsumedEvent]) -> list[str]:
    more = len(found) - MAX_SHOWN
    return [f"{more:,} earlier event{'s' * (more != 1)} too."] if more > 0 else []


def _show_payloads(found: list[UnconsumedEvent], key: str) -> None:
    """Show the payloads that are too long for a sentence."""
    events = [each.event for each in found[-MAX_SHOWN:]]
    long = [each for each in events if each.payload is not None and not _is_short(each.payload)]
    if long:
        with st.expander("Payloads of these events", key=f"unconsumed-{key}"):
            for event in long:
                name = shortened(event.name or "", MAX_NAME)
                show_tree(st.container(), plain(name), event.payload)
