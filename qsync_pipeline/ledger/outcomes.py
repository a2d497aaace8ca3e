"""The journal of outcomes: append only, but for the word that says what reading a write again found.

Objects that were found unchanged are not journalled one by one; the reports hold their counts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, and_, func, insert, or_, select

from qsync_pipeline.core.rows import Outcome
from qsync_pipeline.ledger.database import Database, chunks
from qsync_pipeline.ledger.holdings import Place
from qsync_pipeline.ledger.jsontext import dump, load, plain_text
from qsync_pipeline.ledger.notes import Notes
from qsync_pipeline.ledger.rejections import Rejection, latest_rejections, stands_rejected
from qsync_pipeline.ledger.schema import outcomes

_O = outcomes.c
_APPEND = insert(outcomes)
_APPEND_NUMBERED = _APPEND.returning(_O.id, sort_by_parameter_order=True)
FORGOTTEN = "journal_forgotten"
"""Note: until when (seconds since the epoch) runs are forgotten, or on their way."""

Confirmed = Literal["", "waiting", "seen", "changed", "gone", "overtaken"]
"""What reading a write again found: nothing was asked for (not written, or outside the sample); it waits to
be read; it was seen; something else stands there; the object is not listed any more; we wrote there again
before anybody looked."""


class JournalEntry(msgspec.Struct, frozen=True):
    """What became of one change, for good. ``id`` rises with time."""

    id: int
    run_id: str
    at: float
    integration: str
    datastore: str
    surface: str
    target: str
    name: str
    key: str
    action: str
    before: Any
    after: Any
    outcome: str
    reason: str
    error_class: str
    actor: str = ""
    """Who the written system says we were; empty where nothing was sent."""
    confirmed: str = ""
    """See :data:`Confirmed`."""
    confirmed_at: float | None = None


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """Which entries of the journal are meant; what is empty or null narrows nothing.

    ``targets`` are ids of objects, ``names`` their names as the journal spells them: either will do.
    """

    integration: str = ""
    surface: str = ""
    run_id: str = ""
    outcome: str = ""
    since: float | None = None
    targets: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


class Journal:
    """Queries on the journal."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def of_run(self, run_id: str, *, integration: str | None = None) -> list[JournalEntry]:
        """Everything that one run did, in order."""
        query = select(*(_O[name] for name in JournalEntry.__struct_fields__)).where(_O.run_id == run_id)
        if integration is not None:
            query = query.where(_O.integration == integration)
        with self._db.read() as connection:
            rows = connection.execute(query.order_by(_O.id)).all()
        return [_entry(row) for row in rows]

    def is_whole(self, run_id: str) -> bool:
        """Whether everything that a run did is still there: runs are forgotten together, in small steps."""
        with self._db.read() as connection:
            newest = connection.scalar(select(func.max(_O.at)).where(_O.run_id == run_id))
        return newest is None or newest >= float(Notes(self._db).get("", FORGOTTEN, 0.0))

    def find(self, wanted: Query, *, limit: int | None = None) -> list[JournalEntry]:
        """The entries that agree with everything named, newest first."""
        query = select(*(_O[name] for name in JournalEntry.__struct_fields__))
        query = query.where(*_conditions(wanted)).order_by(_O.id.desc()).limit(limit)
        with self._db.read() as connection:
            return [_entry(row) for row in connection.execute(query)]

    def run_ids(self, prefix: str) -> list[str]:
        """The runs whose id begins so, as far as they are in the journal."""
        query = select(_O.run_id).distinct().where(_O.run_id.startswith(prefix, autoescape=True))
        with self._db.read() as connection:
            return sorted(connection.scalars(query.limit(10)))

    def counts(self, run_ids: Collection[str]) -> dict[str, dict[str, dict[str, int]]]:
        """``{integration: {surface: {outcome: n}}}``, added up over these runs."""
        counts: dict[str, dict[str, dict[str, int]]] = {}
        with self._db.read() as connection:
            for part in chunks(set(run_ids)):
                query = (
                    select(_O.integration, _O.surface, _O.outcome, func.count())
                    .where(_O.run_id.in_(part))
                    .group_by(_O.integration, _O.surface, _O.outcome)
                )
                for integration, surface, outcome, n in connection.execute(query):
                    of_surface = counts.setdefault(integration, {}).setdefault(surface, {})
                    of_surface[outcome] = of_surface.get(outcome, 0) + n
        return counts

    def latest_rejections(self, integration: str, datastore: str) -> dict[Place, Rejection]:
        """What stands rejected: ``{(surface, target, key): Rejection}``, for the retry rule (DESIGN.md §5.5).

        An item leaves the list when it is applied, or found to be as it should. Skipping it leaves it there.
        """
        with self._db.read() as connection:
            return latest_rejections(connection, integration, datastore)

    def stands_rejected(self, integration: str, error_class: str, datastores: Collection[str]) -> bool:
        """Whether anything in these datastores stands rejected for this class of reason."""
        with self._db.read() as connection:
            return stands_rejected(connection, integration, error_class, datastores)


def append_outcomes(
    connection: Connection,
    run_id: str,
    integration: str,
    datastore: str,
    settled: Sequence[Outcome],
    now: float,
    *,
    actor: str = "",
    words: Mapping[int, Confirmed] | None = None,
) -> dict[Place, int]:
    """Append all but the unchanged to the journal, on an open transaction.

    ``words`` says, by position, what is known of reading them again. Returns the ids of those that wait.
    """
    words = words or {}
    rows: list[dict[str, Any]] = [
        {
            "run_id": run_id,
            "at": now,
            "integration": integration,
            "datastore": datastore,
            "surface": outcome.change.surface,
            "target": outcome.change.target,
            "name": plain_text(outcome.change.name),
            "key": outcome.change.key,
            "action": outcome.change.action,
            "before": dump(outcome.change.before),
            "after": dump(outcome.change.after),
            "outcome": outcome.outcome,
            # What was carried out without a word was carried out for the reason of the plan.
            "reason": plain_text(outcome.reason or outcome.change.reason),
            "error_class": outcome.error_class,
            "actor": plain_text(actor) if outcome.outcome in ("applied", "rejected") else "",
            "confirmed": words.get(position, ""),
            "confirmed_at": now if words.get(position) == "seen" else None,
        }
        for position, outcome in enumerate(settled)
        if outcome.outcome != "unchanged"
    ]
    waiting = [row for row in rows if row["confirmed"] == "waiting"]
    rest = [row for row in rows if row["confirmed"] != "waiting"]
    if rest:
        connection.execute(_APPEND, rest)
    if not waiting:
        return {}
    ids = connection.scalars(_APPEND_NUMBERED, waiting).all()
    return {(row["surface"], row["target"], row["key"]): id_ for row, id_ in zip(waiting, ids, strict=True)}


def _entry(row: Row[Any]) -> JournalEntry:
    entry = JournalEntry(*row)
    return msgspec.structs.replace(entry, before=load(entry.before), after=load(entry.after))


def _conditions(wanted: Query) -> Iterable[ColumnElement[bool]]:
    for column, value in (
        (_O.integration, wanted.integration),
        (_O.surface, wanted.surface),
        (_O.run_id, wanted.run_id),
        (_O.outcome, wanted.outcome),
    ):
        if value:
            yield column == value
    if wanted.since is not None:
        yield _O.at >= wanted.since
    objects = []
    if wanted.targets:
        objects.append(_O.target.in_(wanted.targets))
    if wanted.names:
        objects.append(_O.name.in_(wanted.names))
    if objects:
        yield or_(*objects) if len(objects) > 1 else and_(*objects)
