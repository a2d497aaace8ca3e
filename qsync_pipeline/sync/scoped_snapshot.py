"""The catalog's side of a scoped run: a few tables read anew, in a stored snapshot (DESIGN.md §3, Scope)."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence

import msgspec

from qsync_pipeline.core.locate import Placement
from qsync_pipeline.core.names import fold
from qsync_pipeline.core.rows import CatalogAsset
from qsync_pipeline.core.tables import Table
from qsync_pipeline.ledger import Pairing
from qsync_pipeline.sync.index_lag import confirm_written, settled
from qsync_pipeline.sync.run import Run
from qsync_pipeline.sync.scope import META, folded, merged_assets

STAGE = "catalog_assets"
TAGS_UNREAD = "tags_unread"
"""Meta of a snapshot: why the tags on it cannot all be told, or an empty text."""


def read_scope(
    run: Run, key: str, stored: Table[CatalogAsset], placement: Placement
) -> Table[CatalogAsset] | None:
    """The stored snapshot with the tables of the run's scope read anew; null where a schema of it cannot be
    found any more, and the datastore has to be read whole.

    Tables are looked for by the containers' names and by those of the assets they were last paired with. An
    asset that is then missing is asked for by id: it is gone, out of sight, or has another name now.
    """
    scope = folded(run.scope[key])
    meta = stored.meta | {META: sorted(scope), "read_at": time.time()}
    if placement.bucket != "matched":
        return Table(CatalogAsset, stored.rows, meta=meta)
    places = [row for row in stored.rows if row.level == "schema" and row.id in placement.schemas]
    pairings = run.ledger.links.of(run.name, key)
    paired = _paired(pairings, scope)
    names = scope | {
        fold(row.table) for row in stored.rows if row.level == "table" and row.id in paired and row.table
    }
    fresh = _read(run, places, names, stored)
    if {place.id for place in places} - {asset.id for asset in fresh}:
        return None
    left = {row.id for row in stored.rows if row.table is not None and fold(row.table) in names} | paired
    missing = sorted(left - {asset.id for asset in fresh})
    presence = dict(run.catalog.presence(missing)) if missing else {}
    renamed = _renamed(run, [id_ for id_, state in presence.items() if state == "present"], names)
    if renamed:
        fresh += [row for row in _read(run, places, renamed, stored) if row.level != "schema"]
        presence = {id_: state for id_, state in presence.items() if id_ not in {row.id for row in fresh}}
    light = "tags" in run.catalog.light_reads_omit and run.direction == "push"
    confirm_written(run, key, fresh, whole=False, tags=not light)
    held = run.ledger.holdings.of(key, integration=run.name)
    fresh = settled(run, key, fresh, held)
    rows = merged_assets(stored.rows, fresh, left)
    shown = {row.id for row in rows}
    known: dict[str, str] = {id_: state for id_, state in meta["presence"].items() if id_ not in shown}
    meta["presence"] = known | presence
    if not light:
        meta[TAGS_UNREAD] = run.catalog.tags_unread()
    run.report(STAGE, key, {"assets": len(rows)}, partial=True)
    return Table(CatalogAsset, rows, meta=meta)


def _paired(pairings: dict[str, Pairing], scope: frozenset[str]) -> set[str]:
    """Assets (ids) that the scope's containers were last paired with. A pairing keeps its container's whole
    name; to take one too many along costs a name in a query."""
    return {
        asset
        for unit, pairing in pairings.items()
        if unit.startswith("container:") and fold(pairing.unit_name).endswith(tuple(scope))
        for asset in pairing.assets
    }


def _read(
    run: Run, places: Sequence[CatalogAsset], names: Collection[str], stored: Table[CatalogAsset]
) -> list[CatalogAsset]:
    """These tables; in a run that only pushes, tags and domains are taken from what is stored where reading
    them costs calls of its own. An asset that is new to us is read with all that it has."""
    omitted = run.catalog.light_reads_omit if run.direction == "push" else frozenset()
    if not omitted:
        return list(run.catalog.read(places, names))
    light = list(run.catalog.read(places, names, quality_only=True))
    known = {row.id: row for row in stored.rows}
    if any(row.id not in known for row in light):
        return list(run.catalog.read(places, names))
    return [
        msgspec.structs.replace(row, **{name: getattr(known[row.id], name) for name in omitted})
        for row in light
    ]


def _renamed(run: Run, present: Sequence[str], names: Collection[str]) -> set[str]:
    """The new names of tables that are still there under another one."""
    rows = run.catalog.reread(present).values() if present else ()
    return {fold(row.table) for row in rows if row.level == "table" and row.table} - set(names)
