"""New ledgers in SQLite without the migrations: those run once per process, and what they made is made again.

For worlds that are about something else; the migrations themselves are tested in ``ledger/test_opening.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from unittest import mock

from sqlalchemy import Connection

from qsync_pipeline.ledger import engines, migrate
from qsync_pipeline.ledger.database import Database
from qsync_pipeline.ledger.schema import HEAD

_migrate = migrate._run_migrations


@contextmanager
def quick_ledgers() -> Iterator[None]:
    """Within this, a ledger that has no tables yet gets them in a thirtieth of the time."""
    with mock.patch.object(migrate, "_run_migrations", _make):
        yield


def _make(connection: Connection, version: str | None, shown: str) -> None:
    if version is not None or connection.dialect.name != "sqlite":
        _migrate(connection, version, shown)
        return
    for statement in _statements():
        connection.exec_driver_sql(statement)
    connection.exec_driver_sql(f"INSERT INTO {migrate.VERSION_TABLE} VALUES (?)", (HEAD,))


@cache
def _statements() -> tuple[str, ...]:
    """What makes the tables and indexes as the migrations leave them."""
    engine = engines.make_engine(engines.parse_url("sqlite://"), read_only=False)
    database = Database(engine, lambda: 0.0, read_only=False)
    with database.write() as connection:
        _migrate(connection, None, "memory")
    with database.read() as connection:
        made = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master ORDER BY rowid")
        return tuple(str(sql) for name, sql in made if sql and not name.startswith("sqlite_"))
