"""The choice of a period on the overview and on the page of failure groups."""

import streamlit as st

from dashboard.overview.overview_data import PeriodLength

PERIOD = "period"  # in the address


def period_choice() -> PeriodLength:
    """Show the choice, which is kept in the address, and return the chosen period."""
    chosen = st.segmented_control(
        "Figures of the last",
        [length.value for length in PeriodLength],
        default=PeriodLength.DAY.value,
        key=PERIOD,
        bind="query-params",
        required=True,
        label_visibility="collapsed",
    )
    return PeriodLength(chosen) if chosen in set(PeriodLength) else PeriodLength.DAY
