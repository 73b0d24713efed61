"""The ledger's databases, SQLite and PostgreSQL: engines, connections, column types."""
