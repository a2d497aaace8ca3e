"""The quarantine: items that stand rejected now, whole, until they are applied or found to be as they should.

Apart from the journal, so that pruning that forgets no refusal.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, bindparam, case, delete, func, select, tuple_, update

from qsync_pipeline.core.rows import Outcome
from qsync_pipeline.ledger.database import Database, chunks
from qsync_pipeline.ledger.holdings import Place
from qsync_pipeline.ledger.jsontext import dump, load, payload_hash, plain_text
from qsync_pipeline.ledger.schema import rejections

_R = rejections.c
_HERE = (_R.integration == bindparam("integration"), _R.datastore == bindparam("datastore"))
_LATEST = select(rejections).where(*_HERE)
_STANDING = select(_R.surface, _R.target, _R.key).where(*_HERE)

ANSWER = 500
"""Characters of an answer that are kept."""


class Rejection(msgspec.Struct, frozen=True):
    """The last refusal of an item that was not applied since.

    ``payload`` is what was to be there (null: nothing), ``payload_hash`` its hash, by which the retry rule
    goes. ``reason`` is the answer, redacted and shortened, ``attempts`` in how many runs it was refused.
    ``retry``: somebody asked for another try, and the next run makes it.
    """

    payload_hash: str
    error_class: str
    at: float
    reason: str = ""
    name: str = ""
    action: str = ""
    payload: Any = None
    attempts: int = 1
    first_at: float = 0.0
    retry: bool = False


class Rejected(msgspec.Struct, frozen=True):
    """A rejected item with its place."""

    integration: str
    datastore: str
    surface: str
    target: str
    key: str
    rejection: Rejection


class Rejections:
    """Finds rejected items, has them tried again, and forgets them."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def find(
        self,
        *,
        integration: str = "",
        datastore: str = "",
        surface: str = "",
        error_class: str = "",
        targets: Collection[str] = (),
    ) -> list[Rejected]:
        """Those that agree with everything named, oldest first."""
        named = {
            "integration": integration,
            "datastore": datastore,
            "surface": surface,
            "error_class": error_class,
        }
        wanted = {name: value for name, value in named.items() if value}
        with self._db.read() as connection:
            rows = connection.execute(_found(tuple(wanted)), wanted).all()
        return [
            Rejected(row.integration, row.datastore, row.surface, row.target, row.key, _rejection(row))
            for row in rows
            if not targets or row.target in targets
        ]

    def retry(self, items: Sequence[Rejected]) -> int:
        """Have the next run that plans them try these again; says how many still stand."""
        return self._each(items, update(rejections).values(retry=True))

    def drop(self, items: Sequence[Rejected]) -> int:
        """Forget these; says how many still stood. What is still to be written is then tried as if new."""
        return self._each(items, delete(rejections))

    def _each(self, items: Sequence[Rejected], statement: Any) -> int:
        done = 0
        if not items:
            return done
        with self._db.write() as connection:
            for part in chunks(items, 150):
                places = [(one.integration, one.datastore, one.surface, one.target, one.key) for one in part]
                place = tuple_(_R.integration, _R.datastore, _R.surface, _R.target, _R.key)
                done += connection.execute(statement.where(place.in_(places))).rowcount
        return done


def latest_rejections(connection: Connection, integration: str, datastore: str) -> dict[Place, Rejection]:
    """What stands rejected of one datastore, by place."""
    rows = connection.execute(_LATEST, {"integration": integration, "datastore": datastore})
    return {(row.surface, row.target, row.key): _rejection(row) for row in rows}


def stands_rejected(
    connection: Connection, integration: str, error_class: str, datastores: Collection[str]
) -> bool:
    """Whether anything in these datastores stands rejected for this class of reason."""
    mine = (_R.integration == integration, _R.error_class == error_class)
    return any(
        connection.execute(select(_R.target).where(*mine, _R.datastore.in_(part)).limit(1)).first()
        for part in chunks(set(datastores))
    )


def note_rejections(
    database: Database,
    connection: Connection,
    integration: str,
    datastore: str,
    settled: Sequence[Outcome],
    now: float,
) -> None:
    """Bring the standing rejections up to date, on an open transaction."""
    latest = {(o.change.surface, o.change.target, o.change.key): o for o in settled}
    rejected = [
        {
            "integration": integration,
            "datastore": datastore,
            "surface": place[0],
            "target": place[1],
            "key": place[2],
            "payload_hash": payload_hash(outcome.change.after),
            "error_class": outcome.error_class,
            "reason": shortened(plain_text(outcome.reason)),
            "at": now,
            "name": plain_text(outcome.change.name),
            "action": outcome.change.action,
            "after": dump(outcome.change.after),
            "attempts": 1,
            "first_at": now,
            "retry": False,
        }
        for place, outcome in sorted(latest.items())
        if outcome.outcome == "rejected"
    ]
    place_of = {"integration": integration, "datastore": datastore}
    standing = connection.execute(_STANDING, place_of).all()
    done = [
        tuple(place)
        for place in standing
        if (outcome := latest.get(tuple(place))) and outcome.outcome in ("applied", "unchanged")
    ]
    for part in chunks(done, 150):
        gone = delete(rejections).where(*_HERE, tuple_(_R.surface, _R.target, _R.key).in_(part))
        connection.execute(gone, place_of)
    if rejected:
        add = database.insert(rejections)
        keys = [column.name for column in rejections.primary_key.columns]
        news: dict[str, Any] = {
            c.name: add.excluded[c.name] for c in rejections.columns if c.name not in keys
        }
        # Another payload is another item: it is counted from the start.
        same = _R.payload_hash == add.excluded.payload_hash
        news["attempts"] = case((same, _R.attempts + 1), else_=1)
        news["first_at"] = case((same, func.coalesce(_R.first_at, _R.at)), else_=add.excluded.first_at)
        connection.execute(add.on_conflict_do_update(index_elements=keys, set_=news), rejected)


def shortened(answer: str) -> str:
    """As much of an answer as is kept."""
    return answer if len(answer) <= ANSWER else f"{answer[: ANSWER - 3]}..."


@cache
def _found(columns: tuple[str, ...]) -> Select[Any]:
    """Those that have a value in each of these columns, oldest first."""
    wanted = (_R[name] == bindparam(name) for name in columns)
    return select(rejections).where(*wanted).order_by(_R.at, _R.target, _R.key)


def _rejection(row: Row[Any]) -> Rejection:
    return Rejection(
        payload_hash=row.payload_hash,
        error_class=row.error_class,
        at=row.at,
        reason=row.reason,
        name=row.name,
        action=row.action,
        payload=load(row.after),
        attempts=row.attempts,
        first_at=row.at if row.first_at is None else row.first_at,
        retry=row.retry,
    )
