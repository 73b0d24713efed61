"""The panel with all filters of the list. Nothing changes before its button is pressed."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import streamlit as st

from dashboard.listing.address_filter import change_list, current_query, parsed
from dashboard.listing.filter_labels import PERIOD_WORDS, group_words
from dashboard.listing.filter_parameters import (
    CHILDREN,
    DURATIONS,
    EARLIEST,
    LATEST,
    MAX_NAME,
    PERIODS,
    TEXTS,
    TIMES,
    Ignored,
    Query,
    local_minute,
)
from dashboard.live.banner import zone
from dashboard.markdown import plain
from dashboard.overview.attention_texts import ATTENTION_TEXTS
from dashboard.services import services, state_reader
from dashboard.workflow_names import workflow_names
from operations.errors import LedgerUnavailable, QueryTimeout
from operations.records import Period
from operations.time_texts import parse_time, time_text

_PANEL, _SHOWN, _ERRORS = "filters", "filters-shown", "filters-errors"  # in the session state
_DAY = timedelta(days=1)
_RECENT = timedelta(days=7)  # the period of the offered failure groups
_ANY = ""
_LABELS = {
    "text": ("Text anywhere", "ids, payloads, failures …"),
    "custom_status": ("Custom status", "the whole text"),
    "waits_for": ("Waits for", "an event, activity, child or timer"),
    "failure": ("Failure type", "such as ValueError"),
    "parent": ("Parent", "the id of an instance"),
    "rerun_of": ("Rerun of", "the id of an instance"),
}
_WIDE = (
    "<style>[data-testid=stPopoverBody]:has(.st-key-apply-filters) "
    "{width: min(56rem, 94vw)}</style>"
)
_SINGLE = ("attention", "failure_group", *PERIODS)
_FIELDS = ("workflow", *TEXTS, *_SINGLE, *TIMES, *DURATIONS, CHILDREN)


def filter_panel(count: int) -> None:
    """Show the button that opens the panel; its label has the number of active filters."""
    label = f"Filters ({count})" if count else "Filters"
    panel = st.popover(label, icon=":material/filter_list:", key=_PANEL, on_change="rerun")
    if not panel.open:
        st.session_state.pop(_SHOWN, None)
        return
    query = {name: values for name, values in current_query().items() if name in _FIELDS}
    if st.session_state.get(_SHOWN) != query:
        _fill(query)
    with panel, st.form("filter-form", border=False):
        st.html(_WIDE)
        for each in st.session_state.pop(_ERRORS, ()):
            st.error(plain(f"{each.value}: expected {each.expected}."))
        _fields(query)
        with st.container(horizontal=True):
            st.form_submit_button("Apply", type="primary", on_click=_apply, key="apply-filters")
            st.form_submit_button("Remove all", on_click=_remove_all, key="remove-filters")


def _fields(query: Query) -> None:
    created, ended, others = st.columns(3)
    with created:
        st.multiselect(
            "Workflow",
            sorted({*(workflow_names() or ()), *query.get("workflow", ())}),
            key=_key("workflow"),
            accept_new_options=True,
            placeholder="Choose, or type a name",
        )
        _period("Created", "last", TIMES[:2], query)
        for name, label in zip(DURATIONS, ("Took at least", "Took at most"), strict=True):
            st.text_input(label, key=_key(name), placeholder="such as 500ms, 90s, 2h")
    with ended:
        _period("Ended", "ended_last", TIMES[2:], query)
        _choices(query)
    for name, (label, placeholder) in _LABELS.items():
        column = ended if name == "rerun_of" else others
        column.text_input(label, key=_key(name), placeholder=placeholder, max_chars=MAX_NAME)
    st.checkbox(
        "With children: list them like other runs, not under their parents", key=_key(CHILDREN)
    )


def _choices(query: Query) -> None:
    st.selectbox(
        "Needs a person",
        [_ANY, *(each.value for each in ATTENTION_TEXTS)],
        key=_key("attention"),
        format_func=_attention_words,
    )
    groups = _groups()
    st.selectbox(
        "Failure group",
        list(dict.fromkeys([_ANY, *groups, *query.get("failure_group", ())])),
        key=_key("failure_group"),
        format_func=lambda each: groups.get(each, each) or "any run",
    )


def _period(words: str, period: str, times: Sequence[str], query: Query) -> None:
    """Show the fields of a time: one that moves with the clock, and a range."""
    offered = dict.fromkeys([*PERIOD_WORDS, *query.get(period, ())])
    st.selectbox(
        words,
        list(offered),
        key=_key(period),
        format_func=lambda each: PERIOD_WORDS.get(each, f"last {each}"),
    )
    for name, label in zip(times, ("from", "before"), strict=True):
        st.datetime_input(
            f"{words} {label}",
            None,
            EARLIEST.replace(tzinfo=None) - _DAY,
            LATEST.replace(tzinfo=None) + _DAY,
            key=_key(name),
            step=timedelta(minutes=1),
            format="YYYY-MM-DD",
        )


def _key(name: str) -> str:
    return f"filter-{name}"


def _fill(query: Query) -> None:
    """Fill the fields with the filters of the address."""
    last = {name: next(iter(query.get(name, ())[-1:]), "") for name in _FIELDS}
    invalid = {each.name for each in parsed(query).ignored}
    values: dict[str, Any] = {name: last[name] for name in (*TEXTS, *_SINGLE, *DURATIONS)}
    values["workflow"] = list(query.get("workflow", ()))
    values[CHILDREN] = bool(last[CHILDREN])
    for name in TIMES:
        is_time = last[name] and name not in invalid
        values[name] = local_minute(parse_time(last[name]), zone()) if is_time else None
    if "attention" in invalid:
        values["attention"] = _ANY
    for name, value in values.items():
        st.session_state[_key(name)] = value
    st.session_state[_SHOWN] = query


def _apply() -> None:
    """Write the fields into the address; if one is wrong, the panel stays open and says so."""
    query = current_query()
    changes = {name: _typed(name, query) for name in _FIELDS}
    wrong = _wrong(changes)
    st.session_state[_ERRORS] = wrong
    if not wrong:
        st.session_state[_PANEL] = False
        change_list(changes)


def _wrong(changes: Mapping[str, Sequence[str]]) -> tuple[Ignored, ...]:
    return parsed({name: values for name, values in changes.items() if values}).ignored


def _typed(name: str, query: Query) -> list[str]:
    """Return the values of a parameter that a field of the panel has."""
    value = st.session_state.get(_key(name))
    if name in TIMES:
        return [_time(value, query.get(name, ()))] if value else []
    if name == CHILDREN:
        return ["1"] if value else []
    if isinstance(value, str):
        return [value.strip()] if value.strip() else []
    return list(value or [])


def _time(local: datetime, before: Sequence[str]) -> str:
    """Return a time of a field; the text of the address if the field still shows that."""
    for text in before[-1:]:
        try:
            if local_minute(parse_time(text), zone()) == local:
                return text
        except ValueError:
            break
    return time_text(local.replace(tzinfo=zone()))


def _remove_all() -> None:
    st.session_state[_PANEL] = False
    change_list({name: [] for name in _FIELDS})


def _attention_words(value: str) -> str:
    words = {each.value: ": ".join(texts) for each, texts in ATTENTION_TEXTS.items()}
    return words.get(value, "any run")


def _groups() -> dict[str, str]:
    """Return the failure groups of the last week by their ids, in words."""
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    within = Period(now - _RECENT, now)
    try:
        groups = state_reader().query(
            ("failure groups", within), lambda: services().ledger.statistics.failures(within)
        )
    except (LedgerUnavailable, QueryTimeout):
        return {}
    return {each.key.group_id: group_words(each.key) for each in groups}
