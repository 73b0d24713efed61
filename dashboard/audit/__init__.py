"""The audit log: its filter in the address, and its table."""
