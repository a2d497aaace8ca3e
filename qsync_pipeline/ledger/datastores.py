"""The registry of Qualytics datastores and their partition keys."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

import msgspec
from sqlalchemy import select, update

from qsync_pipeline.ledger.database import Database, chunks
from qsync_pipeline.ledger.schema import datastores

_T = datastores.c
_ROWS = select(datastores)
_KEYS = select(_T.id, _T.key).order_by(_T.id)
_SLUG_LENGTH = 60


class DatastoreSeen(msgspec.Struct, frozen=True):
    """A datastore as Qualytics lists it now."""

    id: int
    name: str
    type: str = ""
    host: str | None = None
    database: str | None = None
    schema: str | None = None


class DatastoreRecord(msgspec.Struct, frozen=True):
    """A datastore as last seen, with its key. ``vanished_at`` is set while Qualytics does not list it."""

    id: int
    key: str
    name: str
    type: str
    host: str | None
    database: str | None
    schema: str | None
    first_seen: float
    last_seen: float
    vanished_at: float | None


_ALL = select(*(_T[name] for name in DatastoreRecord.__struct_fields__)).order_by(_T.id)


class Datastores:
    """Gives every datastore a key at first sight, and keeps it for ever."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def register(self, seen: Sequence[DatastoreSeen]) -> dict[int, str]:
        """Take note of the whole list of datastores, and return their keys by id.

        New ones get the key ``<id>-<slug>``; known ones keep theirs through renames; those missing from the
        list are marked as vanished, and unmarked when they return. Hand in complete listings only.
        """
        now = self._db.clock()
        with self._db.write("datastores") as connection:
            known = {row.id: row for row in connection.execute(_ROWS)}
            rows = []
            for one in {datastore.id: datastore for datastore in seen}.values():
                before = known.get(one.id)
                rows.append(
                    {
                        **msgspec.structs.asdict(one),
                        "key": before.key if before else f"{one.id}-{slug(one.name)}",
                        "first_seen": before.first_seen if before else now,
                        "last_seen": now,
                        "vanished_at": None,
                    }
                )
            if rows:
                connection.execute(self._db.upsert(datastores), rows)
            keys = {int(row["id"]): str(row["key"]) for row in rows}
            missing = [id_ for id_, row in known.items() if id_ not in keys and row.vanished_at is None]
            for part in chunks(missing):
                connection.execute(update(datastores).where(_T.id.in_(part)).values(vanished_at=now))
        return keys

    def keys(self) -> dict[int, str]:
        """The keys of all datastores ever seen, by id; vanished ones too."""
        with self._db.read() as connection:
            return {row.id: row.key for row in connection.execute(_KEYS)}

    def all(self) -> list[DatastoreRecord]:
        """Every datastore ever seen, by id."""
        with self._db.read() as connection:
            return [DatastoreRecord(*row) for row in connection.execute(_ALL)]


def slug(name: str) -> str:
    """A name as ``[a-z0-9_-]``: no accents, the rest one dash; ``datastore`` if nothing is left."""
    folded = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9_]+", "-", folded)[:_SLUG_LENGTH].strip("-") or "datastore"
