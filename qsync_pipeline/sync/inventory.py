"""Stage: what Qualytics knows of each datastore, and the deployment's tag definitions."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial

from qsync_pipeline.core.names import fold
from qsync_pipeline.core.rows import Unit
from qsync_pipeline.core.tables import Table
from qsync_pipeline.ledger import DatastoreSeen, Holding, Ledger
from qsync_pipeline.qualytics.inventory import DatastoreRead, assemble, read_datastore
from qsync_pipeline.qualytics.models import Container, Datastore
from qsync_pipeline.sync.feeds.memory import remembered, score_seen
from qsync_pipeline.sync.feeds.sights import take_down
from qsync_pipeline.sync.run import Run, alone
from qsync_pipeline.sync.scope import META, Earlier, folded, merged_units, nothing_stored, stored_whole

STAGE = "qualytics_inventory"
DEPLOYMENT = "_deployment"
"""Key of the table that belongs to no datastore: the tag definitions of the whole deployment."""


def register_datastores(ledger: Ledger, datastores: Sequence[Datastore]) -> dict[int, str]:
    """Give every datastore its key, fixed at first sight; returns keys by id (read-only: as far as known)."""
    seen = [
        DatastoreSeen(
            id=one.id,
            name=one.name,
            type=one.type or "",
            host=one.host,
            database=one.database,
            schema=one.schema,
        )
        for one in datastores
    ]
    if not ledger.read_only:
        return ledger.datastores.register(seen)
    with Ledger.open("sqlite://") as scratch:
        fresh = scratch.datastores.register(seen)
    return {**fresh, **ledger.datastores.keys()}


def datastore_unit(datastore: Datastore, key: str) -> Unit:
    """The unit of a datastore alone, from its listing row: enough to find its place in a catalog."""
    return assemble(DatastoreRead(datastore, (), {}, (), ()), key=key)[0]


def read_inventories(
    run: Run, keys: Sequence[str], earlier: Earlier = nothing_stored
) -> Iterator[tuple[str, Table[Unit]]]:
    """The inventory of every datastore of this range; a failed one is a failed table.

    A datastore that the deployment no longer lists comes as a table without rows whose meta says what asking
    for it by id proved (``vanished``). A datastore with a scope comes as its ``earlier`` table with the
    scope's containers read anew; without one it is read whole.
    """
    datastores = run.qualytics.datastores()
    known = register_datastores(run.ledger, datastores)
    by_key = {known[one.id]: one for one in datastores}
    ids = {key: number for number, key in run.ledger.datastores.keys().items()}
    for done, key in enumerate(keys):
        run.tell(STAGE, done, len(keys))
        if key in by_key:
            yield key, alone(run, STAGE, key, Unit, partial(_read, run, by_key[key], key, earlier))
        else:
            yield key, alone(run, STAGE, key, Unit, partial(_vanished, run, key, ids.get(key)))
    run.tell(STAGE, len(keys), len(keys))


def _read(run: Run, datastore: Datastore, key: str, earlier: Earlier) -> Table[Unit]:
    stored = stored_whole(earlier, key) if run.scope.get(key) else None
    meta: dict[str, object] = {"read_at": time.time(), "name": datastore.name}
    names = None if stored is None else run.scope[key]
    began = run.ledger.clock()
    read = read_datastore(run.qualytics, datastore, names)
    _take_down(run, key, read, began)
    fresh = assemble(read, key=key)
    if stored is None:
        units = fresh
        meta["missing"] = _missing(run, key, units)
    else:
        scope = folded(run.scope[key])
        if unknown := not_listed(run.scope[key], read.containers):
            run.say(f"{key}: the scope names {', '.join(unknown)}, which Qualytics does not list there")
        units = merged_units(stored.rows, fresh, scope)
        meta |= {META: sorted(scope), "missing": _missing_in_scope(run, key, stored.rows, units, scope)}
    run.report(STAGE, key, {"units": len(units)}, partial=stored is not None)
    return Table(Unit, units, meta=meta)


def not_listed(names: Iterable[str], containers: Iterable[Container]) -> list[str]:
    """The names of a scope that no container has: a table that went, or a slip of the pen."""
    there = {fold(row.name) for row in containers}
    return sorted(name for name in names if fold(name) not in there)


def _take_down(run: Run, key: str, read: DatastoreRead, began: float) -> None:
    """Note what was seen, if this run is to bring the catalog in step with it and events ask for that."""
    if (
        not run.integration.event_driven
        or run.dry_run
        or run.ledger.read_only
        or run.direction == "pull"
        or run.steered
    ):
        return
    memory = remembered(read.containers, read.checks, read.anomalies, score_seen(read.datastore.metrics))
    take_down(run.ledger, run.name, key, run.run_id, memory, began, run.scope.get(key, ()))


def _vanished(run: Run, key: str, number: int | None) -> Table[Unit]:
    presence = run.qualytics.presence("datastore", number) if number is not None else "forbidden"
    run.report(STAGE, key, {"units": 0, "vanished": presence})
    return Table(Unit, meta={"read_at": time.time(), "vanished": presence, "missing": {}})


def _missing(run: Run, key: str, units: Sequence[Unit]) -> dict[str, str]:
    """What became of units that the ledger holds something for and that are not there any more."""
    held = run.ledger.holdings.of(key)
    units_held = {str(row.extra.get("unit") or row.target) for row in held}
    linked = {unit for one in run.config.integrations for unit in run.ledger.links.of(one.name, key)}
    return _ask(run, (units_held | linked) - {unit.id for unit in units}, units, _within(held))


def _missing_in_scope(
    run: Run, key: str, before: Sequence[Unit], units: Sequence[Unit], scope: frozenset[str]
) -> dict[str, str]:
    """What became of units of the scope that were there when it was last read, and are not any more.

    A scoped reading says nothing of what lies outside it.
    """
    known = {unit.id for unit in before if unit.level != "datastore" and fold(unit.container or "") in scope}
    known -= {unit.id for unit in units}
    return _ask(run, known, units, _within(run.ledger.holdings.of(key))) if known else {}


def _within(held: Sequence[Holding]) -> dict[str, str]:
    """The container of each field that something is held for, as unit ids."""
    told = (row for row in held if row.extra.get("within"))
    return {str(row.extra.get("unit")): str(row.extra["within"]) for row in told}


def _ask(
    run: Run, asked: Collection[str], units: Sequence[Unit], within: Mapping[str, str]
) -> dict[str, str]:
    """What became of these units: asked for by id."""
    shown = {unit.id for unit in units}
    missing: dict[str, str] = {}

    def ask(unit: str) -> str:
        level, _, number = unit.partition(":")
        if unit not in missing and level in ("datastore", "container", "field") and number.isdigit():
            missing[unit] = run.qualytics.presence(level, int(number))
        return missing.get(unit, "")

    for unit in sorted(asked):
        # An archived container still answers for its fields: they are gone with it (qualytics-api.md §2.2).
        above = within.get(unit, "")
        if above.startswith("container:") and above not in shown and ask(above) == "gone":
            missing[unit] = "gone"
        else:
            ask(unit)
    return missing
