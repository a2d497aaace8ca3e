"""Stage: what Qualytics knows of each datastore, and the deployment's tag definitions."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from functools import partial

from qsync_pipeline.core.definitions import TagDefinition
from qsync_pipeline.core.names import tag_key
from qsync_pipeline.core.rows import Unit
from qsync_pipeline.core.tables import Table
from qsync_pipeline.ledger import DatastoreSeen, Ledger
from qsync_pipeline.qualytics.client import QualyticsClient
from qsync_pipeline.qualytics.inventory import DatastoreRead, assemble, read_inventory
from qsync_pipeline.qualytics.models import Datastore
from qsync_pipeline.sync.run import Run, alone

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


def read_inventories(run: Run, keys: Sequence[str]) -> Iterator[tuple[str, Table[Unit]]]:
    """The inventory of every datastore of this range; a failed one is a failed table.

    A datastore that the deployment no longer lists comes as a table without rows whose meta says what asking
    for it by id proved (``vanished``).
    """
    datastores = run.qualytics.datastores()
    known = register_datastores(run.ledger, datastores)
    by_key = {known[one.id]: one for one in datastores}
    ids = {key: number for number, key in run.ledger.datastores.keys().items()}
    for done, key in enumerate(keys):
        run.tell(STAGE, done, len(keys))
        if key in by_key:
            yield key, alone(run, STAGE, key, Unit, partial(_read, run, by_key[key], key))
        else:
            yield key, alone(run, STAGE, key, Unit, partial(_vanished, run, key, ids.get(key)))
    run.tell(STAGE, len(keys), len(keys))


def _read(run: Run, datastore: Datastore, key: str) -> Table[Unit]:
    units = read_inventory(
        run.qualytics,
        datastore,
        key=key,
        containers=run.scope.get(key) or None,
    )
    meta = {"read_at": time.time(), "missing": _missing(run, key, units), "name": datastore.name}
    run.report(STAGE, key, {"units": len(units)}, partial=key in run.scope)
    return Table(Unit, units, meta=meta)


def _vanished(run: Run, key: str, number: int | None) -> Table[Unit]:
    presence = run.qualytics.presence("datastore", number) if number is not None else "forbidden"
    run.report(STAGE, key, {"units": 0, "vanished": presence})
    return Table(Unit, meta={"read_at": time.time(), "vanished": presence, "missing": {}})


def _missing(run: Run, key: str, units: Sequence[Unit]) -> dict[str, str]:
    """What became of units that the ledger holds something for and that are not there any more."""
    if key in run.scope:
        return {}  # a scoped reading says nothing of what lies outside it
    shown = {unit.id for unit in units}
    held = run.ledger.holdings.of(key)
    within = {str(row.extra.get("unit")): str(row.extra.get("within")) for row in held}
    units_held = {str(row.extra.get("unit") or row.target) for row in held}
    linked = {unit for one in run.config.integrations for unit in run.ledger.links.of(one.name, key)}
    missing: dict[str, str] = {}

    def ask(unit: str) -> str:
        level, _, number = unit.partition(":")
        if unit not in missing and level in ("datastore", "container", "field") and number.isdigit():
            missing[unit] = run.qualytics.presence(level, int(number))
        return missing.get(unit, "")

    for unit in sorted((units_held | linked) - shown):
        # An archived container still answers for its fields: they are gone with it (qualytics-api.md §2.2).
        above = within.get(unit, "")
        if above.startswith("container:") and above not in shown and ask(above) == "gone":
            missing[unit] = "gone"
        else:
            ask(unit)
    return missing


def read_definitions(client: QualyticsClient, ledger: Ledger) -> Table[TagDefinition]:
    """All tag definitions of the deployment, with what the ledger knows of those that are ours."""
    known = ledger.tag_definitions.all()
    rows = []
    for tag in client.global_tags():
        record = known.get(tag_key(tag.name))
        rows.append(
            TagDefinition(
                name=tag.name,
                type=tag.type,
                category=tag.category,
                color=tag.color,
                description=tag.description,
                weight_modifier=tag.weight_modifier or 0,
                count=tag.count,
                made_by=record.made_by if record else None,
                made=bool(record and record.made),
                source_ids=tuple((record.before or {}).get("tag_ids", ())) if record else (),
            )
        )
    return Table(TagDefinition, rows)
