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
                "time": pd.Series([d.at for d in shown.audit_entries], dtype="datetime64[ms, UTC]"),
                "who": pd.Series([d.actor.name for d in shown.audit_entries], dtype="str"),
                "action": pd.Series([d.action for d in shown.audit_entries], dtype="str"),
                "outcome": pd.Series([d.outcome.value for d in shown.audit_entries], dtype="str"),
                "before": pd.Series([d.before or "" for d in shown.audit_entries], dtype="str"),
                "after": pd.Series([d.after or "" for d in shown.audit_entries], dtype="str"),
                "reason": pd.Series([d.reason or "" for d in shown.audit_entries], dtype="str"),
                "message": pd.Series([d.message or "" for d in shown.audit_entries], dtype="str"),
            }
        ),
        key=f"audit-log-{shown.summary.run_id}",
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
