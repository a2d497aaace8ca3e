"""SQLAlchemy engines for the ledger: SQLite for one machine, PostgreSQL for many."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import tenacity
from sqlalchemy import URL, Dialect, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import QueuePool
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlalchemy.util import LRUCache

from qsync_pipeline.ledger import schema
from qsync_pipeline.ledger.database import BUSY_SECONDS
from qsync_pipeline.ledger.errors import LedgerMisplaced

CACHE_KIB = 65_536
"""SQLite's page cache of one connection: guids come in no order, so the index wants to be in memory."""

_POSTGRES = {"postgres": "postgresql+psycopg2", "postgresql": "postgresql+psycopg2"}


def parse_url(url: str) -> URL:
    """The database URL, with the driver named. Raises :class:`LedgerMisplaced` for what is none of ours."""
    try:
        parsed = make_url(url)
    except ArgumentError as wrong:
        # The text itself is not repeated: it may hold a password.
        raise LedgerMisplaced(
            "ledger: not a database URL; write sqlite:///path/to/ledger.db or postgresql://user@host/database"
        ) from wrong
    if parsed.drivername in _POSTGRES:
        return parsed.set(drivername=_POSTGRES[parsed.drivername])
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise LedgerMisplaced(
            f"ledger: {parsed.get_backend_name()} is not supported; use a sqlite or postgresql URL"
        )
    return parsed


def shown(url: URL) -> str:
    """The URL for messages: no password, no query (drivers take passwords there too)."""
    return url.set(query={}).render_as_string(hide_password=True)


def sqlite_file(url: URL) -> Path | None:
    """The file of a SQLite URL; null for one in memory or on a server."""
    if url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:"):
        return None
    return Path(str(url.database))


def make_engine(url: URL, *, read_only: bool) -> Engine:
    """An engine for this URL. Nothing is opened yet; SQLite's directory is made (unless read-only)."""
    if url.get_backend_name() == "postgresql":
        return _postgres(url, read_only)
    file = sqlite_file(url)
    if file is None:
        # One connection that stays: it *is* the database. Threads take turns.
        return _sqlite(lambda: _connect(":memory:"), pool_size=1, max_overflow=0)
    if not read_only:
        file.parent.mkdir(parents=True, exist_ok=True)
        return _sqlite(lambda: _connect(str(file)), pool_size=5, max_overflow=20)
    # Not mode=ro: such a connection leaves the -wal and -shm files it had to make behind. With query_only
    # SQLite refuses every change all the same, tidies up, and falls back by itself on a file that is
    # write-protected.
    address = f"{file.absolute().as_uri()}?mode=rw"
    return _sqlite(lambda: _connect(address, uri=True, query_only=True), pool_size=5, max_overflow=20)


def empty_engine() -> Engine:
    """What a read-only ledger reads where there is none yet: the tables, empty, in memory."""
    statements = [str(CreateTable(table)) for table in schema.metadata.sorted_tables]
    statements += [
        str(CreateIndex(index)) for table in schema.metadata.sorted_tables for index in table.indexes
    ]

    def connect() -> sqlite3.Connection:
        raw = _connect(":memory:")
        for statement in statements:
            raw.execute(statement)
        raw.execute("PRAGMA query_only = ON")
        return raw

    return _sqlite(connect, pool_size=5, max_overflow=20)


def use_wal(engine: Engine) -> None:
    """Turn write-ahead logging on, once per file: readers then never wait for the writer.

    SQLite does not wait for other openers here (the busy time-out does not cover the switch), so we do.
    """

    @tenacity.retry(
        retry=tenacity.retry_if_exception_type(sqlite3.OperationalError),
        wait=tenacity.wait_random(0.01, 0.05),
        stop=tenacity.stop_after_delay(BUSY_SECONDS),
        reraise=True,
    )
    def switch(raw: Any) -> None:
        if raw.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            raw.execute("PRAGMA journal_mode = WAL")

    pooled = engine.raw_connection()
    try:
        switch(pooled.driver_connection)
    finally:
        pooled.close()


def _connect(target: str, *, uri: bool = False, query_only: bool = False) -> sqlite3.Connection:
    raw = sqlite3.connect(
        target,
        timeout=BUSY_SECONDS,
        isolation_level=None,  # transactions are begun by Database, not guessed by the driver
        check_same_thread=False,  # the pool hands a connection to one thread at a time
        uri=uri,
    )
    raw.execute("PRAGMA synchronous = NORMAL")
    raw.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    if query_only:
        raw.execute("PRAGMA query_only = ON")
    return raw


def _sqlite(creator: Callable[[], Any], *, pool_size: int, max_overflow: int) -> Engine:
    dialect, statements = _shared()
    pool = QueuePool(
        creator, pool_size=pool_size, max_overflow=max_overflow, timeout=BUSY_SECONDS, dialect=dialect
    )
    return Engine(
        pool,
        dialect,
        make_url("sqlite://"),
        hide_parameters=True,  # values stay out of error texts
        execution_options={"compiled_cache": statements},
    )


@cache
def _shared() -> tuple[Dialect, LRUCache[Any, Any]]:
    """The dialect of all SQLite engines of this process, and the statements compiled for it.

    A process opens a ledger more than once, and ``create_engine`` begins each with no statement compiled:
    to compile those of one sync takes 50 ms (measured).
    """
    engine = create_engine("sqlite://")
    with engine.connect():  # which makes the dialect ask SQLite for its version
        return engine.dialect, LRUCache(1000)


def _postgres(url: URL, read_only: bool) -> Engine:
    try:
        engine = create_engine(
            url, pool_pre_ping=True, hide_parameters=True, connect_args={"connect_timeout": 10}
        )
    except ModuleNotFoundError as missing:
        raise LedgerMisplaced(
            f"ledger: {shown(url)} needs the package {missing.name}; install qsync-pipeline[postgres]"
        ) from missing

    if read_only:

        def _forbid(raw: Any, _record: Any) -> None:
            with raw.cursor() as cursor:
                cursor.execute("SET default_transaction_read_only = on")
            raw.commit()

        event.listen(engine, "connect", _forbid)
    return engine
