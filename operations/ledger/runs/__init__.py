"""The runs in the ledger: matches snapshots to runs, writes runs, reads runs."""
