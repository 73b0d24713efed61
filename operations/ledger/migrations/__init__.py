"""Migrations of the ledger's schema with Alembic: one file in `versions` for each change."""

import alembic.command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection


def known_versions() -> frozenset[str]:
    """Return the names of all versions."""
    scripts = ScriptDirectory.from_config(_config(None))
    return frozenset(script.revision for script in scripts.walk_revisions())


def migrate(connection: Connection) -> None:
    """Migrate the schema to the newest version, within the open transaction."""
    alembic.command.upgrade(_config(connection), "head")


def _config(connection: Connection | None) -> Config:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", __name__.replace(".migrations", ":migrations"))
    return config
