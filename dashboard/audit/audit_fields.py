"""The filter of the audit log: its fields, which are kept in the address of the page."""

from datetime import UTC, datetime, timedelta

import streamlit as st

from dashboard.live.banner import zone
from dashboard.live.fragment_reruns import keep_texts
from operations.actions.context import MAX_REASON_LENGTH
from operations.audit_filter import AUDITED_ACTIONS, AuditFilter
from operations.errors import InvalidInput
from operations.ledger.audit_cursors import AuditCursor
from operations.ledger.tables import MAX_NAME_LENGTH
from operations.records import Outcome

WHO, WHAT, WHICH, WHEN, WHY, OUTCOME = "who", "what", "which", "when", "why", "outcome"
FROM, TO = "from", "to"
BEFORE = "before"  # the cursor of the page
PARAMETERS = (WHO, WHAT, WHICH, WHEN, FROM, TO, WHY, OUTCOME, BEFORE)
"""The parameters of the page in its address."""
ANY_TIME, RANGE = "any time", "between"
LENGTHS = {
    "last hour": timedelta(hours=1),
    "last 24 hours": timedelta(hours=24),
    "last 7 days": timedelta(days=7),
    "last 30 days": timedelta(days=30),
}
_NARROW, _WIDE = 140, 180  # pixels: a line of 1,280 has all fields, a line of 420 has two


def filter_fields(now: datetime) -> AuditFilter:
    """Show the fields, and return the filter that they select.

    The minute of `now` ends the periods of the field "When", so that they change once a minute.
    """
    keep_texts()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        when = st.selectbox(
            "When",
            [ANY_TIME, *LENGTHS, RANGE],
            key=WHEN,
            bind="query-params",
            on_change=show_newest_page,
            width=_NARROW,
        )
        since, until = _range() if when == RANGE else (None, None)
        actions = st.multiselect(
            "Action",
            AUDITED_ACTIONS,
            key=WHAT,
            bind="query-params",
            on_change=show_newest_page,
            placeholder="any",
            width=_WIDE,
        )
        outcomes = st.multiselect(
            "Outcome",
            [each.value for each in Outcome],
            key=OUTCOME,
            bind="query-params",
            on_change=show_newest_page,
            placeholder="any",
            width=_WIDE,
        )
        who = _text_field("Who", WHO, MAX_NAME_LENGTH, _NARROW)
        which = _text_field("Instance id", WHICH, MAX_NAME_LENGTH, _WIDE)
        why = _text_field("Part of the reason", WHY, MAX_REASON_LENGTH, _WIDE)
    if when in LENGTHS:
        since = now.replace(second=0, microsecond=0) - LENGTHS[when]
    return AuditFilter(
        actor=who,
        actions=frozenset(actions),
        outcomes=frozenset(map(Outcome, outcomes)),
        instance_id=which,
        since=since,
        until=until,
        reason=why,
    )


def current_cursor() -> str | None:
    """Return the cursor of the page in the address; None for the newest page."""
    cursor = st.query_params.get(BEFORE)
    try:
        return str(AuditCursor.read(cursor)) if cursor else None
    except InvalidInput:
        return None


def ignored_cursor() -> str | None:
    """Return the value in the address that should be a cursor but is not, None without one."""
    cursor = st.query_params.get(BEFORE)
    return cursor if cursor and current_cursor() is None else None


def show_newest_page() -> None:
    """Remove the cursor from the address."""
    st.query_params.pop(BEFORE, None)


def show_page(cursor: str | None) -> None:
    """Put the cursor of a page into the address; None for the newest page."""
    if cursor is None:
        show_newest_page()
    else:
        st.query_params[BEFORE] = cursor


def _range() -> tuple[datetime | None, datetime | None]:
    """Show the fields of the range, in the time zone of the viewer, and return it in UTC."""
    first, last = (
        st.datetime_input(
            label,
            None,
            key=key,
            bind="query-params",
            on_change=show_newest_page,
            step=timedelta(minutes=1),
            width=_WIDE,
        )
        for label, key in (("From", FROM), ("To", TO))
    )
    since, until = (
        each.replace(tzinfo=zone()).astimezone(UTC) if each else None for each in (first, last)
    )
    return since, until


def _text_field(label: str, key: str, max_chars: int, width: int) -> str:
    text = st.text_input(
        label,
        key=key,
        bind="query-params",
        on_change=show_newest_page,
        max_chars=max_chars,
        placeholder="any",
        type="search",
        width=width,
    )
    return text.strip()[:max_chars]
