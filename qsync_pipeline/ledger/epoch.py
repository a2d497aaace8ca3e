"""How far this ledger has come: an id that it keeps for good, and a number that grows with every settlement.

Whoever keeps the number elsewhere can tell a ledger that was restored from an older copy (sync/witness.py).
"""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import Connection, Integer, Text, bindparam, cast, select, update

from qsync_pipeline.ledger.database import Database
from qsync_pipeline.ledger.jsontext import dump, load
from qsync_pipeline.ledger.schema import notes

_T = notes.c
ID, NUMBER, DOUBTED = "ledger_id", "epoch", "doubted_at"
"""Notes that belong to no integration."""
_GET = select(_T.value).where(_T.integration == "", _T.name == bindparam("note"))
_STAND = select(_T.name, _T.value).where(_T.integration == "", (_T.name == ID) | (_T.name == NUMBER))
_ADVANCE = (
    update(notes)
    .where(_T.integration == "", _T.name == NUMBER)
    .values(value=cast(cast(_T.value, Integer) + 1, Text))
)


class Epoch:
    """Reads and sets where the ledger stands."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def get(self) -> tuple[str, int]:
        """The ledger's id and its number; an empty id before the first settlement."""
        with self._db.read() as connection:
            found = {row.name: load(row.value) for row in connection.execute(_STAND)}
        return str(found.get(ID) or ""), int(found.get(NUMBER) or 0)

    def doubted_at(self) -> float | None:
        """When it turned out that this is an older copy, or null."""
        with self._db.read() as connection:
            at = _get(connection, DOUBTED)
        return None if at is None else float(at)

    def doubt(self, number: int) -> None:
        """Note that from now on this is an older copy of a ledger that had come to ``number``."""
        now = self._db.clock()
        with self._db.write("epoch") as connection:
            for name, value in ((DOUBTED, now), (NUMBER, max(number, int(_get(connection, NUMBER) or 0)))):
                row = {"integration": "", "name": name, "value": dump(value), "at": now}
                connection.execute(self._db.upsert(notes), row)


def advance(database: Database, connection: Connection) -> None:
    """One settlement more, on an open transaction."""
    if connection.execute(_ADVANCE).rowcount:
        return
    now = database.clock()
    for name, value in ((ID, uuid.uuid4().hex), (NUMBER, 1)):
        row = {"integration": "", "name": name, "value": dump(value), "at": now}
        connection.execute(database.insert(notes).on_conflict_do_nothing(), row)


def _get(connection: Connection, name: str) -> Any:
    return load(connection.execute(_GET, {"note": name}).scalar())
