"""Small things to remember per integration: definition handles, first contact, recorded actors."""

from __future__ import annotations

from typing import Any

from sqlalchemy import bindparam, delete, select

from qsync_pipeline.ledger.database import Database
from qsync_pipeline.ledger.jsontext import dump, load
from qsync_pipeline.ledger.schema import notes

_T = notes.c
_GET = select(_T.value).where(_T.integration == bindparam("integration"), _T.name == bindparam("name"))
_OF = select(_T.name, _T.value).where(_T.integration == bindparam("integration")).order_by(_T.name)


class Notes:
    """JSON values by integration and name."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def get(self, integration: str, name: str, default: Any = None) -> Any:
        """The value noted, else ``default``."""
        with self._db.read() as connection:
            row = connection.execute(_GET, {"integration": integration, "name": name}).first()
        return default if row is None else load(row.value)

    def put(self, integration: str, name: str, value: Any) -> None:
        """Note a value, in place of the one before."""
        row = {"integration": integration, "name": name, "value": dump(value), "at": self._db.clock()}
        with self._db.write() as connection:
            connection.execute(self._db.upsert(notes), row)

    def of(self, integration: str) -> dict[str, Any]:
        """Everything noted of an integration."""
        with self._db.read() as connection:
            found = connection.execute(_OF, {"integration": integration})
            return {row.name: load(row.value) for row in found}

    def drop(self, integration: str, name: str) -> None:
        """Forget a value."""
        with self._db.write() as connection:
            connection.execute(delete(notes).where(_T.integration == integration, _T.name == name))
