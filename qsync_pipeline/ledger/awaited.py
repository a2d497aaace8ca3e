"""Writes that wait to be seen in the catalog's own listing, and how long that took.

A place stands here once: who writes there again before anybody looked takes the earlier write's place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec
from sqlalchemy import Connection, and_, bindparam, delete, func, select, tuple_, update

from qsync_pipeline.core.rows import Outcome
from qsync_pipeline.ledger.database import Database, chunks
from qsync_pipeline.ledger.holdings import Place, holdings_lock
from qsync_pipeline.ledger.jsontext import load
from qsync_pipeline.ledger.schema import awaited, holdings, lags, outcomes

_T = awaited.c
_O = outcomes.c
_L = lags.c

Found = Literal["seen", "changed", "gone"]


class Awaited(msgspec.Struct, frozen=True):
    """A write that was carried out. ``before`` and ``after`` are those of its line in the journal.

    ``scored_at`` is when Qualytics recorded what was written, null where that is not known or not the cause;
    ``asked_at`` when the catalog was last read without showing it. Seconds since the epoch.
    """

    surface: str
    target: str
    key: str
    datastore: str
    outcome_id: int
    run_id: str
    written_at: float
    scored_at: float | None
    asked_at: float | None
    before: object = None
    after: object = None


class Lag(msgspec.Struct, frozen=True):
    """What one run wrote on one datastore: how many values were measured, and seconds from score to sight."""

    datastore: str
    run_id: str
    at: float
    measured: int
    mean: float
    worst: float


_H = holdings.c
_IS = (
    _T.integration == bindparam("of_integration"),
    _T.surface == bindparam("of_surface"),
    _T.target == bindparam("of_target"),
    _T.key == bindparam("of_key"),
    _T.outcome_id == bindparam("of_entry"),
)
_ASK_AGAIN = update(awaited).where(*_IS).values(asked_at=bindparam("now"))
_TAKE = delete(awaited).where(*_IS)
_CONFIRM = (
    update(outcomes)
    .where(_O.id == bindparam("entry"))
    .values(confirmed=bindparam("word"), confirmed_at=bindparam("now"))
)
_CONFIRM_HOLDING = (
    update(holdings)
    .where(
        _H.integration == bindparam("of_integration"),
        _H.surface == bindparam("of_surface"),
        _H.target == bindparam("of_target"),
        _H.key == bindparam("of_key"),
        _H.run_id == bindparam("of_run"),
    )
    .values(confirmed_at=bindparam("now"))
)
_AT = (
    _T.integration == bindparam("of_integration"),
    tuple_(_T.surface, _T.target, _T.key).in_(bindparam("places", expanding=True)),
)
_EARLIER = select(_T.outcome_id).where(*_AT)
_LET_GO = delete(awaited).where(*_AT)
_OVERTAKEN = (
    update(outcomes).where(_O.id.in_(bindparam("entries", expanding=True))).values(confirmed="overtaken")
)
_OF = (
    select(*(_T[name] for name in Awaited.__struct_fields__ if name not in ("before", "after")))
    .add_columns(_O.before, _O.after)
    .join_from(awaited, outcomes, _O.id == _T.outcome_id)
    .where(_T.integration == bindparam("integration"), _T.datastore == bindparam("datastore"))
    .order_by(_T.outcome_id)
)


class Awaiting:
    """Keeps what waits, and settles it."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def of(self, integration: str, datastore: str) -> list[Awaited]:
        """What waits on one datastore."""
        here = {"integration": integration, "datastore": datastore}
        with self._db.read() as connection:
            rows = connection.execute(_OF, here).mappings().all()
        return [
            Awaited(**{**row, "before": load(row["before"]), "after": load(row["after"])}) for row in rows
        ]

    def counts(self, integration: str, *, written_before: float | None = None) -> dict[str, int]:
        """How many wait, by datastore; those written before a time, if one is named."""
        query = select(_T.datastore, func.count()).where(_T.integration == integration)
        if written_before is not None:
            query = query.where(_T.written_at < written_before)
        with self._db.read() as connection:
            rows = connection.execute(query.group_by(_T.datastore).order_by(func.min(_T.written_at)))
            return {row[0]: row[1] for row in rows}

    def overdue(self, integration: str, scored_before: float) -> dict[str, int]:
        """What was looked for, was not there, and was scored before a time; by datastore."""
        query = select(_T.datastore, func.count()).where(
            _T.integration == integration, _T.asked_at.is_not(None), _T.scored_at < scored_before
        )
        with self._db.read() as connection:
            return {row[0]: row[1] for row in connection.execute(query.group_by(_T.datastore))}

    def settle(
        self,
        integration: str,
        found: Mapping[Found, Sequence[Awaited]],
        not_yet: Sequence[Awaited],
        seen_at: Mapping[int, float],
    ) -> None:
        """Record what reading again found, in one transaction.

        ``seen_at`` is when each (by its journal id) was to be seen at the latest. ``not_yet`` goes on
        waiting. A row that a newer write took the place of meanwhile is left alone.
        """
        now = self._db.clock()
        with self._db.write(holdings_lock(integration)) as connection:
            for one in not_yet:
                connection.execute(_ASK_AGAIN, _is(integration, one) | {"now": now})
            for word, rows in found.items():
                here = [one for one in rows if _take(connection, integration, one)]
                for one in here:
                    at = seen_at.get(one.outcome_id, now)
                    connection.execute(_CONFIRM, {"entry": one.outcome_id, "word": word, "now": at})
                    if word == "seen":
                        _confirm_holding(connection, integration, one, at)
                if word == "seen":
                    self._measure(connection, integration, here, seen_at, now)

    def lags(self, integration: str) -> dict[str, Lag]:
        """The newest measured run of each datastore."""
        newest = (
            select(_L.datastore, func.max(_L.at).label("at"))
            .where(_L.integration == integration)
            .group_by(_L.datastore)
            .subquery()
        )
        query = (
            select(lags)
            .join(newest, and_(newest.c.datastore == _L.datastore, newest.c.at == _L.at))
            .where(_L.integration == integration)
            .order_by(_L.datastore, _L.run_id)
        )
        with self._db.read() as connection:
            return {
                row.datastore: Lag(
                    row.datastore, row.run_id, row.at, row.measured, row.total / row.measured, row.worst
                )
                for row in connection.execute(query)
            }

    def _measure(
        self,
        connection: Connection,
        integration: str,
        seen: Sequence[Awaited],
        seen_at: Mapping[int, float],
        now: float,
    ) -> None:
        by_run: dict[tuple[str, str], list[float]] = {}
        for one in seen:
            if one.scored_at is not None:
                lag = max(0.0, seen_at.get(one.outcome_id, now) - one.scored_at)
                by_run.setdefault((one.datastore, one.run_id), []).append(lag)
        for (datastore, run_id), measured in by_run.items():
            place = (_L.integration == integration, _L.datastore == datastore, _L.run_id == run_id)
            row = connection.execute(select(lags).where(*place)).first()
            values = {
                "integration": integration,
                "datastore": datastore,
                "run_id": run_id,
                "at": now,
                "measured": len(measured) + (row.measured if row else 0),
                "total": sum(measured) + (row.total if row else 0.0),
                "worst": max([*measured, *([row.worst] if row else [])]),
            }
            connection.execute(self._db.upsert(lags), values)


def await_writes(
    database: Database,
    connection: Connection,
    run_id: str,
    integration: str,
    datastore: str,
    settled: Sequence[Outcome],
    ids: Mapping[Place, int],
    scored: Mapping[str, float | None],
    now: float,
) -> None:
    """Have these writes (by their ids in the journal) wait, on an open transaction.

    Earlier ones at any place that was written now do not: nobody will see them any more. ``scored`` says by
    target when Qualytics recorded what was written.
    """
    places = [_place(one) for one in settled if one.outcome == "applied" and one.change.action != "note"]
    for part in chunks(dict.fromkeys(places), 150):
        at = {"of_integration": integration, "places": part}
        earlier = list(connection.scalars(_EARLIER, at))
        if earlier:
            connection.execute(_OVERTAKEN, {"entries": earlier})
            connection.execute(_LET_GO, at)
    rows = [
        {
            "integration": integration,
            "surface": place[0],
            "target": place[1],
            "key": place[2],
            "datastore": datastore,
            "outcome_id": id_,
            "run_id": run_id,
            "written_at": now,
            "scored_at": scored.get(place[1]),
            "asked_at": None,
        }
        for place, id_ in ids.items()
    ]
    if rows:
        connection.execute(database.upsert(awaited), rows)


def _place(outcome: Outcome) -> Place:
    return (outcome.change.surface, outcome.change.target, outcome.change.key)


def _is(integration: str, one: Awaited) -> dict[str, object]:
    return {
        "of_integration": integration,
        "of_surface": one.surface,
        "of_target": one.target,
        "of_key": one.key,
        "of_entry": one.outcome_id,
    }


def _take(connection: Connection, integration: str, one: Awaited) -> bool:
    return connection.execute(_TAKE, _is(integration, one)).rowcount == 1


def _confirm_holding(connection: Connection, integration: str, one: Awaited, at: float) -> None:
    """What is held there, if it is still what that run wrote, is confirmed."""
    place = _is(integration, one)
    del place["of_entry"]
    connection.execute(_CONFIRM_HOLDING, place | {"of_run": one.run_id, "now": at})
