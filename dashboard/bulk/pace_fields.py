"""The fields for the pace of a bulk job: its rate and its stop rule."""

from dataclasses import dataclass

import streamlit as st

from operations.actions.bulk.jobs import DEFAULT_RATE, MAX_RATE, MAX_STOP_OF, default_stop_rule
from operations.bulk_job import StopRule
from operations.model import Action

_RATE, _A_MINUTE, _STOPS = "bulk-rate", "bulk-reruns-a-minute", "bulk-stops"  # keys of fields
_STOP_FAILED, _STOP_OF = "bulk-stop-failed", "bulk-stop-of"
RERUNS_A_MINUTE = 30  # by default: slow enough to see whether the first ones fail again


@dataclass(frozen=True)
class JobPace:
    """How many instances a second a job may act on, and when it stops by itself."""

    rate: float
    stop_rule: StopRule | None = None


def show_pace(action: Action, number: int) -> None:
    """Show the fields for the pace of a job on this many instances."""
    if action is not Action.RERUN:
        st.number_input(
            "Instances a second, at most",
            min_value=1,
            max_value=int(MAX_RATE),
            value=int(DEFAULT_RATE),
            key=_RATE,
            width=260,
        )
    elif number > 1:
        st.number_input(
            "Reruns a minute, at most",
            min_value=1,
            max_value=int(MAX_RATE) * 60,
            value=RERUNS_A_MINUTE,
            key=_A_MINUTE,
            width=260,
        )
        stops = st.checkbox(
            "Stop by itself when too many reruns fail again", value=True, key=_STOPS
        )
        with st.container():
            if stops:
                _show_stop_rule(number)


def _show_stop_rule(number: int) -> None:
    """Show the fields for the stop rule of a job of this many reruns."""
    default = default_stop_rule(number)
    with st.container(horizontal=True):
        for label, value, key in (
            ("Stop when this many reruns have failed", default.failed, _STOP_FAILED),
            ("of the last reruns that ended", default.of, _STOP_OF),
        ):
            st.number_input(
                label, min_value=1, max_value=MAX_STOP_OF, value=value, key=key, width=260
            )
    rule = chosen_pace(Action.RERUN, number).stop_rule
    if rule and rule.failed > rule.of:
        words = "choose fewer failures, or more reruns."
        st.error(f"{rule.failed} of {rule.of} reruns cannot fail: {words}")
    else:
        st.caption(
            f"The job stops when {rule}. The other instances stay as they are, and another job "
            "can continue with them."
        )


def chosen_pace(action: Action, number: int) -> JobPace:
    """Return the pace in the fields; a job of one rerun has neither a pace nor a rule."""
    fields = st.session_state
    if action is not Action.RERUN:
        return JobPace(float(fields[_RATE]))
    if number == 1:
        return JobPace(DEFAULT_RATE)
    default = default_stop_rule(number)  # a click may come before the fields are shown
    rule = StopRule(
        int(fields.get(_STOP_FAILED, default.failed)), int(fields.get(_STOP_OF, default.of))
    )
    return JobPace(fields[_A_MINUTE] / 60, rule if fields[_STOPS] else None)
