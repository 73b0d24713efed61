"""Alembic's way into the ledger: it runs this file, within the transaction that it is given."""

from alembic import context

from operations.ledger.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
)
context.run_migrations()
