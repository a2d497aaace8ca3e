"""The holdings: what is ours on which object, of every integration."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Column, Connection, Row, Select, bindparam, delete, func, or_, select, tuple_

from qsync_pipeline.ledger.database import Database, chunks
from qsync_pipeline.ledger.holding import Holding
from qsync_pipeline.ledger.jsontext import dump, load
from qsync_pipeline.ledger.schema import holdings

_T = holdings.c
_COLUMNS = tuple(_T[name] for name in Holding.__struct_fields__)
_OF = select(*_COLUMNS).where(_T.datastore == bindparam("datastore"))
_ON_TARGETS = select(*_COLUMNS).where(
    _T.integration == bindparam("integration"),
    _T.surface == bindparam("surface"),
    _T.target.in_(bindparam("targets", expanding=True)),
)
Place = tuple[str, str, str]
"""(surface, target, key): where a holding is, within an integration."""


class Holdings:
    """Reads and drops holdings; they are written through :class:`~qsync_pipeline.ledger.writes.Writes`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def of(
        self, datastore: str, *, integration: str | None = None, surface: str | None = None
    ) -> list[Holding]:
        """Everything held on one datastore (key), of all integrations unless one is named; sorted."""
        query, wanted = _OF, {"datastore": datastore}
        for column, value in ((_T.integration, integration), (_T.surface, surface)):
            if value is not None:
                query, wanted[column.name] = _narrowed(query, column), value
        with self._db.read() as connection:
            rows = connection.execute(query, wanted).all()
        return sorted((_holding(row) for row in rows), key=_order)

    def get(self, integration: str, surface: str, target: str, key: str = "") -> Holding | None:
        """The holding at one place, or null."""
        with self._db.read() as connection:
            return load_places(connection, integration, [(surface, target, key)]).get((surface, target, key))

    def by_target(self, integration: str, surface: str, targets: Iterable[str]) -> dict[str, list[Holding]]:
        """The holdings on these objects, by object id, whichever datastore they were reached through."""
        found: dict[str, list[Holding]] = {}
        with self._db.read() as connection:
            for part in chunks(dict.fromkeys(targets)):
                wanted = {"integration": integration, "surface": surface, "targets": part}
                for row in connection.execute(_ON_TARGETS, wanted):
                    holding = _holding(row)
                    found.setdefault(holding.target, []).append(holding)
        return {target: sorted(held, key=_order) for target, held in found.items()}

    def forget(
        self,
        integration: str,
        *,
        datastore: str | None = None,
        surface: str | None = None,
        targets: Sequence[str] | None = None,
        key: str | None = None,
    ) -> int:
        """Drop the holdings that agree with everything named, and say how many. Nothing else is touched."""
        drop = delete(holdings).where(_T.integration == integration)
        for column, wanted in ((_T.datastore, datastore), (_T.surface, surface), (_T.key, key)):
            if wanted is not None:
                drop = drop.where(column == wanted)
        with self._db.write(holdings_lock(integration)) as connection:
            if targets is None:
                return connection.execute(drop).rowcount
            return sum(
                connection.execute(drop.where(_T.target.in_(part))).rowcount
                for part in chunks(dict.fromkeys(targets))
            )

    def holders(
        self,
        surface: str,
        integrations: Iterable[str],
        word: str,
        besides: Collection[tuple[str, str, str]] = (),
    ) -> dict[str, set[tuple[str, Any]]]:
        """Which of these integrations hold anything on a surface, by key, each with what the ``extra`` of its
        holdings says under a word. What is left off holds nothing, and what ``besides`` names, as
        (integration, target, key), does not count."""
        something = or_(_T.value.is_not(None), _T.has_pending)
        targets = [_T.target] if besides else []  # else there are fewer rows
        query = select(_T.key, _T.integration, _T.extra, *targets).distinct()
        query = query.where(_T.surface == surface, something, _T.integration.in_(list(integrations)))
        found: dict[str, set[tuple[str, Any]]] = {}
        with self._db.read() as connection:
            for key, who, extra, *target in connection.execute(query):
                if not target or (who, target[0], key) not in besides:
                    found.setdefault(key, set()).add((who, load(extra).get(word)))
        return found

    def counts(self, *, datastore: str | None = None) -> dict[str, dict[str, int]]:
        """How many holdings there are: ``{integration: {surface: n}}``."""
        query = select(_T.integration, _T.surface, func.count()).group_by(_T.integration, _T.surface)
        if datastore is not None:
            query = query.where(_T.datastore == datastore)
        counts: dict[str, dict[str, int]] = {}
        with self._db.read() as connection:
            for integration, surface, n in connection.execute(query):
                counts.setdefault(integration, {})[surface] = n
        return counts


@cache
def _narrowed(query: Select[Any], column: Column[Any]) -> Select[Any]:
    return query.where(column == bindparam(column.name))


def holdings_lock(integration: str) -> str:
    """The name under which writers of an integration's holdings follow each other (PostgreSQL)."""
    return f"holdings:{integration}"


def load_places(connection: Connection, integration: str, places: Iterable[Place]) -> dict[Place, Holding]:
    """The holdings at these places, read on an open transaction."""
    wanted: dict[str, set[str]] = {}
    asked = set(places)
    for surface, target, _ in asked:
        wanted.setdefault(surface, set()).add(target)
    found: dict[Place, Holding] = {}
    for surface, targets in wanted.items():
        for part in chunks(sorted(targets)):
            these = {"integration": integration, "surface": surface, "targets": part}
            for row in connection.execute(_ON_TARGETS, these):
                holding = _holding(row)
                place = (holding.surface, holding.target, holding.key)
                if place in asked:
                    found[place] = holding
    return found


def store(
    database: Database, connection: Connection, held: Iterable[Holding], changed: Sequence[str] | None = None
) -> None:
    """Insert these holdings (one per place), or set their columns ``changed`` (default: all)."""
    rows = [_row(holding) for holding in sorted(held, key=_order)]
    if rows:
        connection.execute(database.upsert(holdings, changed), rows)


def drop_places(connection: Connection, integration: str, places: Iterable[Place]) -> None:
    """Delete the holdings at these places, on an open transaction."""
    for part in chunks(sorted(places), 150):
        connection.execute(
            delete(holdings).where(
                _T.integration == integration, tuple_(_T.surface, _T.target, _T.key).in_(part)
            )
        )


def _order(holding: Holding) -> tuple[str, str, str, str]:
    return (holding.integration, holding.surface, holding.target, holding.key)


def _holding(row: Row[Any]) -> Holding:
    # Unpacked: to ask a row for a column by its name takes longer than all the rest.
    integration, surface, target, key, datastore, value, run_id, set_at, *more = row
    pending, has_pending, pending_run, base, actor, extra, confirmed_at = more
    return Holding(
        integration=integration,
        surface=surface,
        target=target,
        key=key,
        datastore=datastore,
        value=load(value),
        run_id=run_id,
        set_at=set_at,
        pending=load(pending),
        has_pending=has_pending,
        pending_run=pending_run,
        base=load(base),
        actor=actor,
        extra=load(extra),
        confirmed_at=confirmed_at,
    )


def _row(holding: Holding) -> dict[str, Any]:
    row = {name: getattr(holding, name) for name in Holding.__struct_fields__}
    for name in ("value", "pending", "base", "extra"):
        row[name] = dump(row[name])
    return row
