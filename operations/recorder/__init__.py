"""The process that keeps the ledger up to date: it follows the engine and records every run."""
