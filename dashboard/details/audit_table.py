"""The audit log of an instance as a table."""

import pandas as pd
import streamlit as st

from dashboard.live.banner import zone
from operations.run_view import View


def audit_table(shown: View) -> None:
    """Show the operators' actions on the instance, newest first."""
    if not shown.audit_entries:
        st.caption("No operator has acted on this instance.")
        return
    st.dataframe(
        pd.DataFrame(
            {
                "time": pd.Series([e.at for e in shown.audit_entries], dtype="datetime64[ms, UTC]"),
                "who": pd.Series([e.actor.name for e in shown.audit_entries], dtype="str"),
                "action": pd.Series([e.action for e in shown.audit_entries], dtype="str"),
                "outcome": pd.Series([e.outcome.value for e in shown.audit_entries], dtype="str"),
                "before": pd.Series([e.before or "" for e in shown.audit_entries], dtype="str"),
                "after": pd.Series([e.after or "" for e in shown.audit_entries], dtype="str"),
                "reason": pd.Series([e.reason or "" for e in shown.audit_entries], dtype="str"),
                "message": pd.Series([e.message or "" for e in shown.audit_entries], dtype="str"),
            }
        ),
        key=f"audit-log-{shown.key}",
        hide_index=True,
        column_config={
            "time": st.column_config.DatetimeColumn(
                "Time", format="YYYY-MM-DD HH:mm:ss", timezone=str(zone())
            ),
            "who": "Who",
            "action": "Action",
            "outcome": "Outcome",
            "before": "Before",
            "after": "After",
            "reason": st.column_config.TextColumn("Reason", width="medium"),
            "message": st.column_config.TextColumn("Message", width="large"),
        },
    )
