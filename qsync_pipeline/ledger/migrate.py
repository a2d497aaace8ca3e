"""Bring the database to the schema of this code, safely when several processes open it at once.

Every revision of ``migrations/versions`` runs inside one transaction: on SQLite under its write lock, on
PostgreSQL under an advisory lock. Whoever comes second finds the work done.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from qsync_pipeline.ledger.database import Database
from qsync_pipeline.ledger.errors import LedgerTooNew
from qsync_pipeline.ledger.schema import HEAD

VERSION_TABLE = "qsync_ledger_version"
"""Not Alembic's own ``alembic_version``, which Dagster's storage uses in a database shared with it."""


def current_version(connection: Connection) -> str | None:
    """The revision that the database is at; null for one that holds no ledger yet."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    version = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608 - a constant
    return None if version is None else str(version)


def upgrade(database: Database, shown: str) -> None:
    """Migrate to :data:`HEAD`. Raises :class:`LedgerTooNew` where the database is ahead of this code."""
    with database.read() as connection:
        if current_version(connection) == HEAD:
            return
    with database.write("migrations") as connection:
        version = current_version(connection)
        if version != HEAD:
            _run_migrations(connection, version, shown)


def _run_migrations(connection: Connection, version: str | None, shown: str) -> None:
    # Only here: Alembic costs an import, and nearly every opening finds the schema at its head.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    folder = Path(__file__).parent / "migrations"
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if version is not None and version not in known:
        raise too_new(version, shown)
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def too_new(version: str, shown: str) -> LedgerTooNew:
    """The error for a database that a newer version of this package has migrated."""
    return LedgerTooNew(
        f"ledger: {shown} has schema {version}, this version of qsync knows it up to {HEAD}; "
        "install the newer qsync that made it"
    )
