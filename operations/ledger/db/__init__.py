"""The ledger's databases, SQLite and PostgreSQL: engines, sessions, column types."""
