"""Which process carries which run, so that the runs of dead processes can be found."""

from __future__ import annotations

import msgspec
from sqlalchemy import select, update

from qsync_pipeline.ledger.database import Database
from qsync_pipeline.ledger.schema import runs

_T = runs.c


class RunRecord(msgspec.Struct, frozen=True):
    """A run and the process that carries it; ``ended_at`` is null while it goes on."""

    run_id: str
    host: str
    pid: int
    started_at: float
    ended_at: float | None


class Runs:
    """Start and end of runs."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def start(self, run_id: str, *, host: str, pid: int) -> None:
        """A run begins, or goes on in another process; its first start time stays."""
        row = {"run_id": run_id, "host": host, "pid": pid, "started_at": self._db.clock(), "ended_at": None}
        with self._db.write() as connection:
            connection.execute(self._db.upsert(runs, ["host", "pid", "ended_at"]), row)

    def end(self, run_id: str) -> None:
        """A run is over, however it went; the first end counts."""
        over = update(runs).where(_T.run_id == run_id, _T.ended_at.is_(None))
        with self._db.write() as connection:
            connection.execute(over.values(ended_at=self._db.clock()))

    def get(self, run_id: str) -> RunRecord | None:
        """A run, or null if it never started here."""
        with self._db.read() as connection:
            row = connection.execute(select(runs).where(_T.run_id == run_id)).first()
        return RunRecord(*row) if row is not None else None

    def open_on(self, host: str) -> list[RunRecord]:
        """Runs of this host that have not ended, oldest first."""
        query = select(runs).where(_T.host == host, _T.ended_at.is_(None)).order_by(_T.started_at, _T.run_id)
        with self._db.read() as connection:
            return [RunRecord(*row) for row in connection.execute(query)]
