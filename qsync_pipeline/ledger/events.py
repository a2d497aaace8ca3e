"""Events: something outside says that a datastore is worth a look. They are noted here by whoever notices
them (a poll, a webhook, an audit log) and picked up by the sensor that starts runs, in the order of ``id``.

An event never carries a value to write: it only says where to look sooner (DESIGN.md §1).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import msgspec
from sqlalchemy import ColumnElement, Row, delete, func, insert, select

from qsync_pipeline.ledger.database import Database, chunks
from qsync_pipeline.ledger.schema import events

_T = events.c

Source = Literal["poll", "webhook", "audit"]
Direction = Literal["pull", "push"]


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened.

    ``key`` names the happening, whoever noticed it: the same operation told by a webhook and found by a poll
    has one key, and is noted once. ``integration`` is the catalog that a change was made in, or empty for a
    change in Qualytics, which concerns every integration. ``container`` is the name of the table or view as
    Qualytics spells it; empty means the whole datastore. ``happened_at`` is by the outside system's clock,
    ``noted_at`` by ours; both in seconds since the epoch.
    """

    key: str
    source: Source
    kind: str
    direction: Direction
    datastore_id: int
    integration: str = ""
    container: str = ""
    happened_at: float = 0.0
    noted_at: float = 0.0
    id: int = 0


class Events:
    """The durable list of events."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def note(self, found: Iterable[Event]) -> int:
        """Keep these events; those whose key is known already are passed over. Says how many were new.

        When this returns they are on disk.
        """
        now = self._db.clock()
        new = 0
        with self._db.write(lock="events") as connection:
            for part in chunks(found):
                by_key = {one.key: one for one in reversed(part)}
                known = set(connection.scalars(select(_T.key).where(_T.key.in_(by_key))))
                rows = [_row(one, now) for key, one in reversed(by_key.items()) if key not in known]
                if rows:
                    connection.execute(insert(events), rows)
                new += len(rows)
        return new

    def after(self, last: int, *, limit: int = 10_000) -> list[Event]:
        """Events noted after that id, oldest first."""
        query = select(events).where(_T.id > last).order_by(_T.id).limit(limit)
        with self._db.read() as connection:
            return [_event(row) for row in connection.execute(query)]

    def newest(self) -> int:
        """The id of the newest event; 0 where there was none."""
        with self._db.read() as connection:
            return int(connection.scalar(select(func.max(_T.id))) or 0)

    def newest_happenings(self, datastore_id: int) -> dict[str, float]:
        """When something last happened in Qualytics, by container; empty for the whole datastore."""
        return self._newest(datastore_id, _T.happened_at)

    def newest_noted(self, datastore_id: int) -> dict[str, float]:
        """When something of Qualytics was last noted, by container; empty for the whole datastore."""
        return self._newest(datastore_id, _T.noted_at)

    def _newest(self, datastore_id: int, time: ColumnElement[float]) -> dict[str, float]:
        query = (
            select(_T.container, func.max(time))
            .where(_T.datastore_id == datastore_id, _T.direction == "push")
            .group_by(_T.container)
        )
        with self._db.read() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def known(self, keys: Sequence[str]) -> set[str]:
        """Those of these keys that were noted already."""
        found: set[str] = set()
        with self._db.read() as connection:
            for part in chunks(keys):
                found.update(connection.scalars(select(_T.key).where(_T.key.in_(part))))
        return found

    def prune(self, before: float) -> int:
        """Forget events noted before that time, but for the newest; says how many."""
        newest = select(func.max(_T.id)).scalar_subquery()
        drop = delete(events).where(_T.noted_at < before, _T.id < newest)
        with self._db.write(lock="events") as connection:
            return connection.execute(drop).rowcount


def _row(event: Event, now: float) -> dict[str, Any]:
    row = msgspec.structs.asdict(event)
    del row["id"]
    return row | {"noted_at": now}


def _event(row: Row[Any]) -> Event:
    return Event(**row._mapping)
