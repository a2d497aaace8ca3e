"""Stage: which catalog asset is which Qualytics object. Pure but for the ledger's memory of earlier links."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence

import msgspec

from qsync_pipeline.core.domains import domain_scope
from qsync_pipeline.core.mapping import Snapshot, bucket_counts, map_datastore, unclaimed
from qsync_pipeline.core.rows import Bucket, CatalogAsset, Link, Unit
from qsync_pipeline.core.tables import Table
from qsync_pipeline.ledger import Pairing
from qsync_pipeline.sync.out_of_sight import GAPS, without_container
from qsync_pipeline.sync.rules import match_rules
from qsync_pipeline.sync.run import Run, alone
from qsync_pipeline.sync.scope import scope_of, units_of
from qsync_pipeline.sync.snapshot import assets_with_connections, domains_of, placement_of

STAGE = "asset_mapping"

UNSETTLED: tuple[Bucket, ...] = ("ambiguous", "forbidden", "kind_mismatch", "absent")
"""Buckets that ask for a person's look; they warn and are not red."""
WITHOUT_PLACE = "without_place"
"""Of a report: why the whole datastore stands in one of them."""


def map_range(
    run: Run,
    keys: Sequence[str],
    inventory: Mapping[str, Table[Unit]],
    assets: Mapping[str, Table[CatalogAsset]],
    index: Table[CatalogAsset],
) -> Iterator[tuple[str, Table[Link]]]:
    """The mapping of every datastore of this range."""
    for key in keys:

        def work(key: str = key) -> Table[Link]:
            return _map(run, key, inventory[key], assets[key], index)

        yield key, alone(run, STAGE, key, Link, work)


def snapshot_of(index: Table[CatalogAsset], table: Table[CatalogAsset]) -> Snapshot:
    """An indexed snapshot with the connections and databases above it."""
    return Snapshot(assets_with_connections(index, table))


def _map(
    run: Run,
    key: str,
    inventory: Table[Unit],
    assets: Table[CatalogAsset],
    index: Table[CatalogAsset],
) -> Table[Link]:
    units = inventory.rows
    scope = scope_of(inventory, assets)
    placement = placement_of(assets)
    remembered = run.ledger.links.of(run.name, key)
    rules = match_rules(run.integration, run.catalog.connector_matches)
    idle: list[str] = []
    if not units:
        links: list[Link] = []
        free = 0
    else:
        idle = without_container(rules.mappings, units)
        snapshot = snapshot_of(index, assets)
        links = map_datastore(
            units,
            placement,
            snapshot,
            rules,
            domain_scope(domains_of(index), run.integration.domains),
            {unit: pairing.assets for unit, pairing in remembered.items()},
            assets.meta["presence"],
        )
        free = unclaimed(links, Snapshot(assets.rows))
    counts = mapping_counts(links) | {"catalog_only": free} | _without_place(links)
    counts |= {GAPS: idle} if idle else {}
    if not run.dry_run and not run.ledger.read_only and units:
        held = {row.target for row in run.ledger.holdings.of(key, integration=run.name)}
        keep = to_remember(links, remembered, held)
        run.ledger.links.replace(run.name, key, keep, only=_touched(units, inventory, scope))
    run.report(STAGE, key, counts, partial=scope is not None)
    return Table(Link, links, meta={"counts": counts, "placement": placement.bucket})


def _without_place(links: Sequence[Link]) -> dict[str, object]:
    """Why the datastore itself has no place in the catalog, and what to do, where a person should look."""
    for link in links:
        if link.level == "datastore" and link.bucket in UNSETTLED:
            todo = f"; add to the config: {link.hint}" if link.hint else ""
            return {WITHOUT_PLACE: f"{link.bucket.replace('_', ' ')}: {link.reason}{todo}"}
    return {}


def _touched(
    units: Sequence[Unit], inventory: Table[Unit], scope: frozenset[str] | None
) -> frozenset[str] | None:
    """The units whose memory a scoped run may change; null for all."""
    if scope is None:
        return None
    return frozenset({unit.id for unit in units_of(units, scope)} | set(inventory.meta["missing"]))


def mapping_counts(links: Sequence[Link]) -> dict[str, object]:
    """Buckets, ways of matching, and how many near misses come with a config line."""
    how = Counter(link.how for link in links if link.bucket == "matched")
    return {
        "buckets": bucket_counts(links),
        "matched_by": {name: how.get(name, 0) for name in ("explicit", "exact", "case", "identity")},
        "hints": sum(1 for link in links if link.hint),
    }


def to_remember(
    links: Sequence[Link], remembered: Mapping[str, Pairing], held: Collection[str]
) -> list[Link]:
    """Links to keep in the ledger: what is paired now, what is out of sight, and what was proved gone.

    The last only while something of ours is still on the unit (``held``): until that is settled, the proof
    is asked for again at every run.
    """
    keep: list[Link] = []
    for link in links:
        before = remembered.get(link.unit)
        assets = link.assets
        if before is not None and (link.partial or (not assets and (not link.gone or link.unit in held))):
            assets = tuple(dict.fromkeys((*assets, *before.assets)))
        if assets:
            shown = link.asset_name or (before.asset_name if before else "")
            keep.append(msgspec.structs.replace(link, assets=assets, asset_name=shown))
    return keep
