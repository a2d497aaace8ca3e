"""Ledgers in memory: the migrations run once per process, and a fresh ledger is a copy of that."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from sqlalchemy import Connection, Engine

from qsync_pipeline.ledger import Ledger, engines, migrate
from qsync_pipeline.ledger.database import Database


class MortalDatabase(Database):
    """A database that a dead process writes nothing to any more; ``alive`` raises for such a one."""

    alive: Callable[[], None]

    @contextmanager
    def write(self, lock: str = "") -> Iterator[Connection]:
        """As for the living."""
        self.alive()
        with super().write(lock) as connection:
            yield connection


@cache
def _prepared() -> tuple[Engine, sqlite3.Connection]:
    """The one engine (statements are compiled once for each) and an empty ledger to copy."""
    engine = engines.make_engine(engines.parse_url("sqlite://"), read_only=False)
    migrate.upgrade(Database(engine, lambda: 0.0, read_only=False), "memory")
    template = sqlite3.connect(":memory:", check_same_thread=False)
    _copy(engine, lambda raw: raw.backup(template))
    return engine, template


def _copy(engine: Engine, work: Callable[[Any], None]) -> None:
    pooled = engine.raw_connection()
    try:
        work(pooled.driver_connection)
    finally:
        pooled.close()


def fresh_ledger(clock: Callable[[], float], alive: Callable[[], None]) -> Ledger:
    """An empty ledger by this clock, in the place of the one before: there is one at a time."""
    engine, template = _prepared()
    _copy(engine, template.backup)
    database = MortalDatabase(engine, clock, read_only=False)
    database.alive = alive
    return Ledger(database)
