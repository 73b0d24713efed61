"""The runs in the ledger: which run a snapshot belongs to, and how it is written and read."""
