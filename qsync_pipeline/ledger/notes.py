"""Small things to remember per integration: definition handles, first contact, recorded actors."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, select

from qsync_pipeline.ledger.database import Database
from qsync_pipeline.ledger.jsontext import dump, load
from qsync_pipeline.ledger.schema import notes

_T = notes.c


class Notes:
    """JSON values by integration and name."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def get(self, integration: str, name: str, default: Any = None) -> Any:
        """The value noted, else ``default``."""
        query = select(_T.value).where(_T.integration == integration, _T.name == name)
        with self._db.read() as connection:
            row = connection.execute(query).first()
        return default if row is None else load(row.value)

    def put(self, integration: str, name: str, value: Any) -> None:
        """Note a value, in place of the one before."""
        row = {"integration": integration, "name": name, "value": dump(value), "at": self._db.clock()}
        with self._db.write() as connection:
            connection.execute(self._db.upsert(notes), row)

    def of(self, integration: str) -> dict[str, Any]:
        """Everything noted of an integration."""
        query = select(_T.name, _T.value).where(_T.integration == integration).order_by(_T.name)
        with self._db.read() as connection:
            return {row.name: load(row.value) for row in connection.execute(query)}

    def drop(self, integration: str, name: str) -> None:
        """Forget a value."""
        with self._db.write() as connection:
            connection.execute(delete(notes).where(_T.integration == integration, _T.name == name))
