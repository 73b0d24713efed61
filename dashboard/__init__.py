"""The Streamlit pages of the operator: they show the ledger and call `operations.actions`."""
