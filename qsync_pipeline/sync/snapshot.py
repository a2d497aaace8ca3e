"""Stage: what the catalog knows of the objects of each datastore.

Where to look is decided for all datastores at once (:mod:`qsync_pipeline.core.locate`); what is there is
read datastore by datastore, so that each can fail alone.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import msgspec

from qsync_pipeline.core.domains import UnknownDomains, domain_scope
from qsync_pipeline.core.locate import Placement, locate
from qsync_pipeline.core.quality import same_value
from qsync_pipeline.core.rows import CatalogAsset, Domain
from qsync_pipeline.core.tables import Table
from qsync_pipeline.ledger import Holding
from qsync_pipeline.sync.inventory import datastore_unit, register_datastores
from qsync_pipeline.sync.refusals import granted_again
from qsync_pipeline.sync.rules import match_rules, patterns
from qsync_pipeline.sync.run import Run, alone
from qsync_pipeline.transport.errors import ConfigError, Malformed

STAGE = "catalog_assets"
INDEX = "_index"
"""Key of the table that belongs to no datastore: connections, databases, schemas; domains in its meta."""

LAG = 120.0
"""Seconds for which a search index is not believed against our own ledger (DESIGN.md §5.5)."""


def read_index(run: Run) -> Table[CatalogAsset]:
    """Connections, databases and schemas of the catalog, and its domains. Raises ``ConfigError`` for domains
    that the config names and the catalog does not have."""
    index = run.index
    try:
        domain_scope(index.domains, run.integration.domains)
    except UnknownDomains as wrong:
        unread = [gap for gap in index.gaps if gap.startswith("domain")]
        if unread:
            raise Malformed(
                f"{run.name}: the domains could not be read whole: {'; '.join(unread)}"
            ) from wrong
        raise ConfigError(
            f"{run.config.path}: integrations: {run.name}: domains: {wrong}; correct the name, or leave "
            "domains empty to take the whole catalog"
        ) from wrong
    allowed = patterns(run.integration.connections)
    left_out = {c.qualified_name for c in index.connections if not allowed.allows(c.name, c.qualified_name)}
    rows = [
        asset
        for asset in (*index.connections, *index.databases, *index.schemas)
        if asset.connection not in left_out
    ]
    meta = {"domains": [msgspec.to_builtins(domain) for domain in index.domains], "gaps": list(index.gaps)}
    return Table(CatalogAsset, rows, meta=meta)


def with_grants(run: Run, index: Table[CatalogAsset], keys: Sequence[str]) -> Table[CatalogAsset]:
    """The index with the connections that refused us and would no longer, for the planning to go by."""
    return Table(CatalogAsset, index.rows, meta=index.meta | {"granted": sorted(granted_again(run, keys))})


def grants_of(index: Table[CatalogAsset]) -> frozenset[str]:
    """The connections of :func:`with_grants` out of the index table."""
    return frozenset(index.meta.get("granted", ()))


def domains_of(index: Table[CatalogAsset]) -> list[Domain]:
    """The catalog's domains out of the index table."""
    return msgspec.convert(index.meta["domains"], list[Domain])


def place_datastores(run: Run, index: Table[CatalogAsset]) -> dict[str, Placement]:
    """Where every datastore of the deployment stands, by key."""
    datastores = run.qualytics.datastores()
    keys = register_datastores(run.ledger, datastores)
    units = [datastore_unit(one, keys[one.id]) for one in datastores]
    schemas = [asset for asset in index.rows if asset.level == "schema"]
    connections = [asset for asset in index.rows if asset.level == "connection"]
    links = {
        unit.id: pairing.assets
        for unit in units
        if (pairing := run.ledger.links.of(run.name, unit.datastore).get(unit.id))
    }
    known = {schema.id for schema in schemas}
    unseen = sorted({asset for assets in links.values() for asset in assets} - known)
    presence = run.catalog.presence(unseen) if unseen else {}
    rules = match_rules(run.integration, run.catalog.connector_matches)
    placed = locate(units, schemas, connections, rules, links, presence)
    return {unit.datastore: placed[unit.id] for unit in units}


def read_snapshots(
    run: Run, keys: Sequence[str], index: Table[CatalogAsset]
) -> Iterator[tuple[str, Table[CatalogAsset]]]:
    """The snapshot of every datastore of this range; a failed one is a failed table."""
    placed = place_datastores(run, index)
    schemas = {asset.id: asset for asset in index.rows if asset.level == "schema"}
    for done, key in enumerate(keys):
        run.tell(STAGE, done, len(keys))
        placement = placed.get(key) or Placement("", "absent", reason="Qualytics no longer lists it")
        yield key, alone(run, STAGE, key, CatalogAsset, partial(_read, run, key, placement, schemas))
    run.tell(STAGE, len(keys), len(keys))


def _read(
    run: Run, key: str, placement: Placement, schemas: Mapping[str, CatalogAsset]
) -> Table[CatalogAsset]:
    assets: list[CatalogAsset] = []
    if placement.bucket == "matched":
        places = [schemas[id_] for id_ in placement.schemas]
        assets = list(run.catalog.read(places, run.scope.get(key) or None))
    held = run.ledger.holdings.of(key, integration=run.name)
    assets = _settled(run, key, assets, held)
    meta = {
        "read_at": time.time(),
        "placement": msgspec.to_builtins(placement),
        "presence": _presence(run, key, assets, held),
    }
    run.report(STAGE, key, {"assets": len(assets)}, partial=key in run.scope)
    return Table(CatalogAsset, assets, meta=meta)


def placement_of(table: Table[CatalogAsset]) -> Placement:
    """Where the datastore of a snapshot stands."""
    return msgspec.convert(table.meta["placement"], Placement)


def _presence(run: Run, key: str, assets: Sequence[CatalogAsset], held: Sequence[Holding]) -> dict[str, str]:
    """What became of assets that the ledger knows and that are not there any more: asked for by id."""
    if key in run.scope:
        return {}
    shown = {asset.id for asset in assets}
    linked = {asset for pairing in run.ledger.links.of(run.name, key).values() for asset in pairing.assets}
    pushed = {row.target for row in held if row.surface in {one.name for one in run.catalog.surfaces}}
    missing = sorted((linked | pushed) - shown)
    return dict(run.catalog.presence(missing)) if missing else {}


def _settled(
    run: Run, key: str, assets: Sequence[CatalogAsset], held: Sequence[Holding]
) -> list[CatalogAsset]:
    """Assets that differ from what we wrote a moment ago are read again by id: search indexes lag."""
    now = run.ledger.clock()
    roles = {surface.name: surface.role for surface in run.catalog.surfaces}
    ours: dict[str, list[Holding]] = {}
    for row in held:
        if row.surface in roles:
            ours.setdefault(row.target, []).append(row)
    wrote = run.ledger.reports.latest(run.name, "quality_metadata").get(key)
    wrote_lately = wrote is not None and wrote.at > now - LAG
    doubtful = []
    for asset in assets:
        rows = ours.get(asset.id, [])
        if not rows:
            # What we took away a moment ago leaves no holding behind, and may still be in the index.
            if wrote_lately and (asset.attributes or asset.alert):
                doubtful.append(asset.id)
        elif any(_is_young(row, now) and not _shows(asset, row, roles[row.surface]) for row in rows):
            doubtful.append(asset.id)
    fresh = run.catalog.reread(doubtful) if doubtful else {}
    return [fresh.get(asset.id, asset) for asset in assets]


def _is_young(row: Holding, now: float) -> bool:
    return max(row.confirmed_at or 0.0, row.set_at) > now - LAG


def _shows(asset: CatalogAsset, row: Holding, role: str) -> bool:
    if role == "attributes":
        return all(
            same_value(value, asset.attributes.get(name), 3) for name, value in (row.value or {}).items()
        )
    if role == "alerts":
        alert = asset.alert
        return alert is not None and row.value is not None and alert.text == row.value.get("text")
    return True


def assets_with_connections(index: Table[CatalogAsset], table: Table[CatalogAsset]) -> list[CatalogAsset]:
    """A snapshot's rows over those of the index: the newer reading of a schema wins."""
    own = {asset.id for asset in table.rows}
    return [asset for asset in index.rows if asset.id not in own] + list(table.rows)
