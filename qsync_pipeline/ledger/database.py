"""Transactions on the ledger's database, the same for SQLite and PostgreSQL.

Statements that every run repeats are built once, as constants of their modules with bound parameters: to
build one anew takes SQLAlchemy longer than to execute it (0.16 against 0.06 ms, measured).
"""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, Table, TextClause, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, OperationalError

from qsync_pipeline.ledger.errors import LedgerReadOnly, LedgerUnavailable

_T = TypeVar("_T")
Insert = sqlite.Insert | postgresql.Insert
Build = Callable[[Callable[[Table], Insert]], Insert]
CHUNK = 500
"""Values in one IN list; SQLite before 3.32 takes 999 parameters in all."""
BUSY_SECONDS = 30.0
"""How long a SQLite writer waits for another one."""


class Database:
    """An engine, the clock, and whether writing is allowed. Shared by all repositories of one ledger."""

    def __init__(self, engine: Engine, clock: Callable[[], float], *, read_only: bool) -> None:
        self.engine = engine
        self.clock = clock
        self.read_only = read_only
        self.is_sqlite = engine.dialect.name == "sqlite"
        self._turn = threading.Lock()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that reads one consistent state (on SQLite) and changes nothing."""
        try:
            with self.engine.connect() as connection, connection.begin():
                self._begin(connection, "BEGIN")
                yield connection
        except OperationalError as wrong:
            raise _unavailable(wrong) from wrong

    @contextmanager
    def write(self, lock: str = "") -> Iterator[Connection]:
        """A transaction that writes; committed at the end, rolled back on an exception.

        SQLite has one writer at a time anyway. On PostgreSQL ``lock`` names what is read and then changed:
        transactions of one name follow each other. Raises :class:`LedgerReadOnly`.
        """
        if self.read_only:
            raise LedgerReadOnly("ledger: opened read-only, nothing may be written")
        # Threads of this process take turns here: SQLite lets them poll, and wait up to 0.1 s too long.
        mine = self.is_sqlite and self._turn.acquire(timeout=BUSY_SECONDS)
        try:
            with self.engine.connect() as connection, connection.begin():
                # The write lock at once: a reader that turns writer half-way fails instead of waiting.
                self._begin(connection, "BEGIN IMMEDIATE")
                if lock and not self.is_sqlite:
                    connection.execute(_ADVISORY, {"key": lock_key(lock)})
                yield connection
        except OperationalError as wrong:
            raise _unavailable(wrong) from wrong
        finally:
            if mine:
                self._turn.release()

    def _begin(self, connection: Connection, how: str) -> None:
        """SQLite's transaction, begun past SQLAlchemy.

        The other way to do it, an event of the engine, is looked for at every step of every statement.
        """
        if not self.is_sqlite:
            return
        raw: Any = connection.connection.driver_connection
        try:
            raw.execute(how)
        except sqlite3.OperationalError as wrong:
            raise OperationalError(how, None, wrong) from wrong

    def upsert(self, table: Table, changed: Sequence[str] | None = None) -> Any:
        """An insert that, where the primary key is taken, sets the columns ``changed`` (default: all others).

        To be executed with one dict or, in bulk, with a list of dicts that differ in their key; each names
        all columns of the table.
        """
        return self.fixed(_upsert(table, None if changed is None else tuple(changed)))

    def fixed(self, build: Build) -> TextClause:
        """The statement that ``build`` makes with the dialect's own insert, compiled once for good.

        SQLAlchemy compiles ON CONFLICT anew at every execution (0.2 ms and more). All columns of the table
        have to be given when it is executed.
        """
        return _fixed(build, self.is_sqlite)

    def insert(self, table: Table) -> Insert:
        """The dialect's own insert, which knows ON CONFLICT."""
        return sqlite.insert(table) if self.is_sqlite else postgresql.insert(table)


@cache
def _fixed(build: Build, is_sqlite: bool) -> TextClause:
    insert: Any = sqlite.insert if is_sqlite else postgresql.insert
    dialect = sqlite.dialect if is_sqlite else postgresql.dialect
    return text(str(build(insert).compile(dialect=dialect(paramstyle="named"))))


@cache
def _upsert(table: Table, changed: tuple[str, ...] | None) -> Build:
    def build(insert: Callable[[Table], Insert]) -> Insert:
        adding = insert(table)
        keys = [column.name for column in table.primary_key.columns]
        names = changed if changed is not None else [c.name for c in table.columns if c.name not in keys]
        return adding.on_conflict_do_update(
            index_elements=keys, set_={name: adding.excluded[name] for name in names}
        )

    return build


def _unavailable(wrong: OperationalError) -> LedgerUnavailable:
    """An error of the connection, not of a statement, in a sentence for users."""
    return LedgerUnavailable(f"ledger: {first_line(wrong)}")


def first_line(wrong: BaseException) -> str:
    """What the database says went wrong, without the statement and its values."""
    cause = wrong.orig if isinstance(wrong, DBAPIError) and wrong.orig else wrong
    return (str(cause).strip().splitlines() or [type(cause).__name__])[0]


_ADVISORY = text("SELECT pg_advisory_xact_lock(:key)")


def lock_key(name: str) -> int:
    """A signed 64-bit number for PostgreSQL's advisory locks."""
    return int.from_bytes(hashlib.sha256(f"qsync:{name}".encode()).digest()[:8], "big", signed=True)


def chunks(values: Iterable[_T], size: int = CHUNK) -> Iterator[list[_T]]:
    """Lists of at most ``size`` values, in order."""
    part: list[_T] = []
    for value in values:
        part.append(value)
        if len(part) == size:
            yield part
            part = []
    if part:
        yield part
