"""The ledger: one database, one repository per concern."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Self

from sqlalchemy import URL, Engine
from sqlalchemy.exc import DBAPIError

from qsync_pipeline.core.rows import Change, Outcome
from qsync_pipeline.ledger import engines, migrate
from qsync_pipeline.ledger.awaited import Awaiting
from qsync_pipeline.ledger.budget import LedgerBudget
from qsync_pipeline.ledger.claims import Claims
from qsync_pipeline.ledger.database import Database, first_line
from qsync_pipeline.ledger.datastores import Datastores
from qsync_pipeline.ledger.epoch import Epoch
from qsync_pipeline.ledger.errors import LedgerMisplaced, LedgerTooOld, LedgerUnavailable
from qsync_pipeline.ledger.events import Events
from qsync_pipeline.ledger.holdings import Holdings
from qsync_pipeline.ledger.leases import Leases
from qsync_pipeline.ledger.links import Links
from qsync_pipeline.ledger.notes import Notes
from qsync_pipeline.ledger.notices import Notices
from qsync_pipeline.ledger.outcomes import Journal
from qsync_pipeline.ledger.parked import Parked
from qsync_pipeline.ledger.pruning import Pruning
from qsync_pipeline.ledger.rejections import Rejections
from qsync_pipeline.ledger.reports import Reports
from qsync_pipeline.ledger.runs import Runs
from qsync_pipeline.ledger.schema import HEAD
from qsync_pipeline.ledger.tag_definitions import TagDefinitions
from qsync_pipeline.ledger.writes import Writes


class Ledger:
    """The durable record of who set what, when, in which run, and of what runs owe each other.

    Open it with :meth:`open`, close it, or use it as a context manager. May be shared by threads; processes
    open their own. Every method is one transaction.
    """

    def __init__(self, database: Database) -> None:
        self._db = database
        self.read_only = database.read_only
        self.clock = database.clock
        self.datastores = Datastores(database)
        self.holdings = Holdings(database)
        self.outcomes = Journal(database)
        self.links = Links(database)
        self.reports = Reports(database)
        self.claims = Claims(database)
        self.leases = Leases(database)
        self.notes = Notes(database)
        self.budget = LedgerBudget(database)
        self.parked = Parked(database)
        self.runs = Runs(database)
        self.tag_definitions = TagDefinitions(database)
        self.events = Events(database)
        self.notices = Notices(database)
        self.awaited = Awaiting(database)
        self.rejections = Rejections(database)
        self.pruning = Pruning(database)
        self.epoch = Epoch(database)
        self._writes = Writes(database)

    @classmethod
    def open(cls, url: str, *, read_only: bool = False, clock: Callable[[], float] = time.time) -> Ledger:
        """Open the ledger at a URL (``sqlite:///relative.db``, ``sqlite:////absolute.db``, ``postgresql://...``).

        Makes the file, its directories and the tables where they are missing, and migrates older ones.
        Read-only it makes and changes nothing: where there is no ledger yet it reads as an empty one.

        Raises :class:`~.errors.LedgerUnavailable` (no answer), its kind :class:`~.errors.LedgerMisplaced` (a
        URL or file that is no ledger), :class:`~.errors.LedgerTooNew` (made by a newer version),
        :class:`~.errors.LedgerTooOld` (read-only, and needs a migration first).
        """
        parsed = engines.parse_url(url)
        file = engines.sqlite_file(parsed)
        if read_only and parsed.get_backend_name() == "sqlite" and (file is None or not file.exists()):
            return cls(Database(engines.empty_engine(), clock, read_only=True))
        try:
            engine = engines.make_engine(parsed, read_only=read_only)
        except OSError as wrong:
            raise LedgerMisplaced(f"ledger: {engines.shown(parsed)}: {wrong.strerror}") from wrong
        try:
            return cls(_ready(engine, parsed, clock, read_only=read_only))
        except (LedgerUnavailable, DBAPIError, sqlite3.Error) as wrong:
            engine.dispose()
            cause = wrong.__cause__ if isinstance(wrong, LedgerUnavailable) and wrong.__cause__ else wrong
            where = engines.shown(parsed)
            said = first_line(cause)
            kind = LedgerUnavailable if file is None or "locked" in said else LedgerMisplaced
            raise kind(f"ledger: cannot open {where}: {said}") from cause
        except BaseException:
            engine.dispose()
            raise

    def intend(self, run_id: str, integration: str, datastore: str, changes: Sequence[Change]) -> None:
        """Before a write: see :meth:`.writes.Writes.intend`."""
        self._writes.intend(run_id, integration, datastore, changes)

    def settle(
        self,
        run_id: str,
        integration: str,
        datastore: str,
        outcomes: Sequence[Outcome],
        *,
        actor: str | None = None,
        scored: Mapping[str, float | None] | None = None,
    ) -> None:
        """After a write: see :meth:`.writes.Writes.settle`."""
        self._writes.settle(run_id, integration, datastore, outcomes, actor=actor, scored=scored)

    def schema_version(self) -> str | None:
        """The schema that the database is at; null where there is no ledger yet (read-only)."""
        with self._db.read() as connection:
            return migrate.current_version(connection)

    def close(self) -> None:
        """Close all connections."""
        self._db.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _ready(engine: Engine, url: URL, clock: Callable[[], float], *, read_only: bool) -> Database:
    """The database behind an engine at this code's schema; read-only, an empty one if it holds no ledger."""
    database = Database(engine, clock, read_only=read_only)
    if not read_only:
        if engines.sqlite_file(url) is not None:
            engines.use_wal(engine)
        migrate.upgrade(database, engines.shown(url))
        return database
    with database.read() as connection:
        version = migrate.current_version(connection)
    if version is None:
        engine.dispose()
        return Database(engines.empty_engine(), clock, read_only=True)
    if version != HEAD:
        if version > HEAD:
            raise migrate.too_new(version, engines.shown(url))
        raise LedgerTooOld(
            f"ledger: {engines.shown(url)} has schema {version}, this version of qsync needs {HEAD}; "
            "any run that writes migrates it"
        )
    return database
