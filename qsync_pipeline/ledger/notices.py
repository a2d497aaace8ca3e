"""What people have been told of, so that each cause is told once."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import delete, select

from qsync_pipeline.ledger.database import Database
from qsync_pipeline.ledger.jsontext import plain_text
from qsync_pipeline.ledger.schema import notices

_T = notices.c


class Notices:
    """One entry per cause that stands and was told."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def told(self) -> dict[str, float]:
        """Causes that were told, with the time."""
        with self._db.read() as connection:
            return {row.cause: row.told_at for row in connection.execute(select(_T.cause, _T.told_at))}

    def put(self, cause: str, text: str) -> None:
        """Remember that a cause was told."""
        row = {"cause": cause, "text": plain_text(text), "told_at": self._db.clock()}
        with self._db.write() as connection:
            connection.execute(self._db.upsert(notices), row)

    def keep_only(self, standing: Collection[str]) -> int:
        """Forget causes that no longer stand: should they come back, they are told again. Says how many."""
        with self._db.write(lock="notices") as connection:
            gone = set(connection.scalars(select(_T.cause))) - set(standing)
            for cause in sorted(gone):
                connection.execute(delete(notices).where(_T.cause == cause))
        return len(gone)
