"""The process that keeps the ledger true: it follows the engine and records what it reads."""
