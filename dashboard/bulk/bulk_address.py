"""The address of the page of bulk jobs: a job, or an action and its instances."""

import streamlit as st
from pydantic import TypeAdapter, ValidationError

from dashboard.listing.address_filter import address_query, parsed
from dashboard.listing.filter_parameters import MORE_FILTERS, SEARCH, is_filtered
from operations.model import Action
from operations.records import Filter

JOB, ACTION, INSTANCE, ALL, EVENT = "id", "action", "instance", "all", "event"
SELECTED = "selected"  # JSON: pairs of a `run_id` and an instance id. See `_selected`
REST = "rest_of"  # the id of a job that is over: the instances on which it has not acted
MATCH = "match"  # a part of an id; Streamlit removes `q`, which a field of another page is bound to
PARAMETERS = (
    JOB,
    ACTION,
    INSTANCE,
    SELECTED,
    ALL,
    REST,
    EVENT,
    MATCH,
    "status",
    *MORE_FILTERS,
)
_PAIRS = TypeAdapter(list[tuple[int, str]])


def job_id() -> str | None:
    """Return the id of the job in the address."""
    return st.query_params.get(JOB)


def action() -> Action | None:
    """Return the action in the address, None without one."""
    name = st.query_params.get(ACTION)
    return Action(name) if name in set(Action) else None


def rest_of() -> str | None:
    """Return the id of the job whose rest is selected, None without one."""
    return st.query_params.get(REST)


def selection() -> tuple[str, ...] | Filter | None:
    """Return the instances in the address, by their ids or by a filter, None without any."""
    if ids := [*st.query_params.get_all(INSTANCE), *(each for _, each in _selected())]:
        return tuple(ids)
    wanted = parsed(filter_query()).filter
    return wanted if is_filtered(wanted) or ALL in st.query_params else None


def filter_query() -> dict[str, list[str]]:
    """Return the parameters of the list in the address, by their names in the list."""
    query = address_query()
    query.pop(SEARCH, None)
    match = query.pop(MATCH, [])
    return {**query, SEARCH: match}


def selected_runs() -> dict[str, int]:
    """Return the `run_id` of each instance that was selected in a table."""
    return {instance_id: run_id for run_id, instance_id in _selected()}


def _selected() -> list[tuple[int, str]]:
    """Return the pairs in one parameter: Streamlit ignores an address with more than 1,000."""
    try:
        return _PAIRS.validate_json(st.query_params.get(SELECTED, "[]"))
    except ValidationError:
        return []


def event() -> str:
    """Return the name of the event to raise; the form shows it."""
    return st.query_params.get(EVENT, "")


def show_job(bulk_id: str) -> None:
    """Change the address to a job's."""
    st.query_params.from_dict({JOB: bulk_id})
