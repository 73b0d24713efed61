"""The script that Alembic runs for each command, within the transaction that it is given."""

from alembic import context

from operations.ledger.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
)
context.run_migrations()
