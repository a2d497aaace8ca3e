"""What people have been told of, so that each cause is told once."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import delete, select

from qsync_pipeline.ledger.database import Database, chunks
from qsync_pipeline.ledger.jsontext import plain_text
from qsync_pipeline.ledger.schema import notices

_T = notices.c


class Notices:
    """One entry per cause that stands and was told; ``cause`` also names the channel it went through."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def told(self) -> dict[str, str]:
        """Causes that were told, with what was said of them."""
        with self._db.read() as connection:
            return {row.cause: row.text for row in connection.execute(select(_T.cause, _T.text))}

    def put(self, causes: Mapping[str, str]) -> None:
        """Remember that these causes were told, with a text for each."""
        at = self._db.clock()
        rows = [{"cause": key, "text": plain_text(text), "told_at": at} for key, text in causes.items()]
        if rows:
            with self._db.write() as connection:
                connection.execute(self._db.upsert(notices), rows)

    def forget(self, causes: Collection[str]) -> None:
        """Causes that no longer stand: should they come back, they are told again."""
        if not causes:
            return
        with self._db.write() as connection:
            for part in chunks(set(causes)):
                connection.execute(delete(notices).where(_T.cause.in_(part)))
