"""The actions on an instance: one-click buttons, and a menu of pages that show effects first."""

from dataclasses import dataclass

import streamlit as st

from dashboard.action_results import act, purge_by_force
from dashboard.bulk.bulk_address import ACTION, EVENT, INSTANCE
from dashboard.listing.table_data import offered_actions, offers_forced_purge
from dashboard.markdown import plain, shortened
from dashboard.terminate_question import ask_to_terminate, asks_before_terminate
from operations.model import Action, allowed_actions
from operations.records import RunSummary
from operations.run_view import View
from operations.timeline import SpanKind

ICONS = {
    Action.PAUSE: ":material/pause:",
    Action.RESUME: ":material/play_arrow:",
    Action.TERMINATE: ":material/stop:",
}
MORE = {
    Action.RERUN: ("Rerun…", ":material/replay:"),
    Action.RAISE: ("Raise event…", ":material/bolt:"),
    Action.PURGE: ("Purge…", ":material/delete:"),
}  # each opens a page that shows the effects first
MAX_EVENTS, MAX_NAME = 2, 30  # links that raise an event, and characters of its name
BULK_PAGE, START_PAGE = "app_pages/bulk.py", "app_pages/start.py"
PURGE_EFFECTS = (
    "The engine refuses every other action. If you remove the cause of the stall, it continues the "
    "instance by itself. A forced purge archives the history in the ledger first, and then deletes "
    "the instance and its descendants in the engine. Nothing brings them back, and a parent that "
    "waits for the instance waits forever. The id can be used again after a restart of daprd."
)


@dataclass(frozen=True)
class Entry:
    """A link to a page of the dashboard that acts on an instance."""

    label: str
    icon: str
    page: str
    parameters: dict[str, str]


def action_bar(shown: View, blocked: str | None) -> None:
    """Show the actions; a button whose action is not possible now is disabled, and says why.

    A stalled instance allows only a forced purge. A run that has ended or was purged, and an
    earlier run, have the entries of the menu in place of the buttons. `blocked` says why no action
    is possible now, None if actions are.
    """
    summary = shown.summary
    if offers_forced_purge(summary):
        _forced_purge(summary, shown.key, blocked)
        return
    entries = menu(summary)
    is_there = summary.is_latest and summary.purged_at is None
    with st.container(horizontal=True, vertical_alignment="center"):
        if summary.status.is_finished or not is_there:
            _show_links(entries)
            if not is_there:
                st.caption(why_disabled(summary))
            return
        _button(Action.PAUSE, shown, blocked)
        _button(Action.RESUME, shown, blocked)
        _show_links(awaited_events(shown))
        if entries:
            with st.popover("More", icon=":material/more_horiz:", key=f"more-{shown.key}"):
                _show_links(entries)
        st.space("medium")  # so that nobody terminates an instance by a click beside Resume
        _button(Action.TERMINATE, shown, blocked)


def menu(summary: RunSummary) -> tuple[Entry, ...]:
    """Return the entries that the state of a run allows; an earlier run has none."""
    if not summary.is_latest:
        return ()
    of = summary.instance_id
    start = Entry("Start again like this one", ":material/add:", START_PAGE, {"like": of})
    allowed = () if summary.purged_at else allowed_actions(summary.status)
    others = (
        Entry(*MORE[action], BULK_PAGE, {ACTION: action.value, INSTANCE: of})
        for action in MORE
        if action in allowed
    )
    return (start, *others)


def awaited_events(shown: View) -> tuple[Entry, ...]:
    """Return a link for each event that a run waits for, at most two."""
    summary = shown.summary
    if not summary.is_latest or Action.RAISE not in allowed_actions(summary.status):
        return ()
    waits = (each for each in shown.timeline.spans if each.kind is SpanKind.WAIT)
    names = dict.fromkeys(each.name for each in waits if each.name and not each.ended_at)
    icon, of = MORE[Action.RAISE][1], {ACTION: Action.RAISE.value, INSTANCE: summary.instance_id}
    return tuple(
        Entry(f"Raise {plain(shortened(name, MAX_NAME))}…", icon, BULK_PAGE, of | {EVENT: name})
        for name in list(names)[:MAX_EVENTS]
    )


def _show_links(entries: tuple[Entry, ...]) -> None:
    for entry in entries:
        st.page_link(entry.page, label=entry.label, icon=entry.icon, query_params=entry.parameters)


def _button(action: Action, shown: View, blocked: str | None) -> None:
    summary = shown.summary
    is_allowed = action in offered_actions(summary)
    asks = action is Action.TERMINATE and asks_before_terminate()
    st.button(
        f"{action.value.capitalize()}{'…' if asks else ''}",
        key=f"do-{action}-{shown.key}",  # another run of the id gets new buttons
        icon=ICONS[action],
        type="tertiary" if action is Action.TERMINATE else "secondary",
        disabled=not is_allowed or blocked is not None,
        help=blocked if is_allowed else why_disabled(summary),
        on_click=_act_or_ask,
        args=(action, summary.instance_id),
    )


def _act_or_ask(action: Action, instance_id: str) -> None:
    if action is Action.TERMINATE and asks_before_terminate():
        ask_to_terminate([instance_id])
    else:
        act(action, instance_id)


def why_disabled(summary: RunSummary) -> str:
    """Return why the state of a run forbids an action."""
    if not summary.is_latest:
        return "This is an earlier run: actions apply only to the latest one."
    if summary.purged_at:
        return "The engine no longer has this instance."
    return f"The status of the instance is {summary.status.lower()}."


def _forced_purge(summary: RunSummary, key: str, blocked: str | None) -> None:
    """Show the button that opens the question; `blocked` says why no action is possible now."""
    with st.popover(
        "Purge by force",
        icon=":material/delete_forever:",
        disabled=blocked is not None,
        help=blocked,
        key=f"ask-purge-{key}",
    ):
        st.markdown(f"**Purge {plain(summary.instance_id)} by force?**  \n{PURGE_EFFECTS}")
        st.button(
            "Archive and purge",
            key=f"do-purge-{key}",
            type="primary",
            on_click=purge_by_force,
            args=(summary.instance_id, summary.run_id or None),
        )
