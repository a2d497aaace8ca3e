"""Stage: what the catalog knows of the objects of each datastore.

Where to look is decided for all datastores at once (:mod:`qsync_pipeline.core.locate`); what is there is
read datastore by datastore, so that each can fail alone.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

import msgspec

from qsync_pipeline.core.domains import UnknownDomains, domain_scope
from qsync_pipeline.core.locate import Placement, locate
from qsync_pipeline.core.rows import CatalogAsset, Domain, TagRef, Unit
from qsync_pipeline.core.tables import Table
from qsync_pipeline.core.tag_definition import variants_among
from qsync_pipeline.ledger import Holding
from qsync_pipeline.sync.index_lag import confirm_written, settled
from qsync_pipeline.sync.inventory import datastore_unit, register_datastores
from qsync_pipeline.sync.out_of_sight import blind_spots, without_datastore
from qsync_pipeline.sync.outgoing_tags import vocabulary_meta
from qsync_pipeline.sync.refusals import granted_again
from qsync_pipeline.sync.rules import match_rules, patterns
from qsync_pipeline.sync.run import Run, alone
from qsync_pipeline.sync.scope import Earlier, nothing_stored, stored_whole
from qsync_pipeline.sync.scoped_snapshot import TAGS_UNREAD, read_scope
from qsync_pipeline.transport.errors import ConfigError, Malformed

STAGE = "catalog_assets"
INDEX = "_index"
"""Key of the table that belongs to no datastore: connections, databases, schemas; domains in its meta."""
VARIANTS = "variants"
"""Meta of the index: the catalog's tags that differ from another of its own by case or blanks only."""
_EARLIER = "earlier"
"""Meta of an index that an earlier run has read."""


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
    meta = {
        "domains": [msgspec.to_builtins(domain) for domain in index.domains],
        "gaps": list(index.gaps),
        VARIANTS: msgspec.to_builtins(variants_among(index.tags or ())),
        **vocabulary_meta(run, index.tags),
    }
    return Table(CatalogAsset, rows, meta=meta)


def with_grants(run: Run, index: Table[CatalogAsset], keys: Sequence[str]) -> Table[CatalogAsset]:
    """The index with the connections that refused us and would no longer, for the planning to go by."""
    return Table(CatalogAsset, index.rows, meta=index.meta | {"granted": sorted(granted_again(run, keys))})


def variants_of(index: Table[CatalogAsset]) -> list[TagRef]:
    """The catalog's tags that differ by case or blanks only, out of the index table."""
    return msgspec.convert(index.meta.get(VARIANTS, []), list[TagRef])


def grants_of(index: Table[CatalogAsset]) -> frozenset[str]:
    """The connections of :func:`with_grants` out of the index table."""
    return frozenset(index.meta.get("granted", ()))


def domains_of(index: Table[CatalogAsset]) -> list[Domain]:
    """The catalog's domains out of the index table."""
    return msgspec.convert(index.meta["domains"], list[Domain])


def _datastores(run: Run) -> list[Unit]:
    """All datastores of the deployment."""
    keys = register_datastores(run.ledger, run.listed)
    return [datastore_unit(one, keys[one.id]) for one in run.listed]


def idle_mappings(run: Run) -> list[str]:
    """Mappings of the config that name no datastore, in words."""
    rules = match_rules(run.integration, run.catalog.connector_matches)
    return without_datastore(rules.mappings, _datastores(run))


def place_datastores(run: Run, index: Table[CatalogAsset]) -> dict[str, Placement]:
    """Where every datastore of the deployment stands, by key."""
    units = _datastores(run)
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


def index_for(run: Run, keys: Sequence[str], earlier: Earlier) -> Table[CatalogAsset]:
    """The index for this range: read, or the stored one where every datastore has a scope and a whole
    snapshot. Where datastores stand was settled by the last whole reading; a few tables do not move it."""
    stored = stored_whole(earlier, INDEX)
    if stored is None or stored.meta["gaps"]:
        return read_index(run)
    scoped = all(run.scope.get(key) and _whole_enough(run, earlier, key) for key in keys)
    return (
        Table(CatalogAsset, stored.rows, meta=stored.meta | {_EARLIER: True}) if scoped else read_index(run)
    )


def _whole_enough(run: Run, earlier: Earlier, key: str) -> Table[CatalogAsset] | None:
    """The stored snapshot that a scope can be read into: to a pull one without its tags is none."""
    stored = stored_whole(earlier, key)
    if stored is not None and run.direction != "push" and stored.meta.get(TAGS_UNREAD):
        return None
    return stored


def read_snapshots(
    run: Run, keys: Sequence[str], index: Table[CatalogAsset], earlier: Earlier = nothing_stored
) -> Iterator[tuple[str, Table[CatalogAsset]]]:
    """The snapshot of every datastore of this range; a failed one is a failed table.

    A datastore with a scope comes as its ``earlier`` table with the scope's tables read anew; without one, or
    where its schema cannot be found any more, it is read whole.
    """
    whole = _Whole(run, index)
    for done, key in enumerate(keys):
        run.tell(STAGE, done, len(keys))
        stored = _whole_enough(run, earlier, key) if run.scope.get(key) else None

        def work(key: str = key, stored: Table[CatalogAsset] | None = stored) -> Table[CatalogAsset]:
            table = read_scope(run, key, stored, placement_of(stored)) if stored is not None else None
            return table if table is not None else whole.read(key)

        yield key, alone(run, STAGE, key, CatalogAsset, work)
    run.tell(STAGE, len(keys), len(keys))


class _Whole:
    """Reads whole datastores; where they stand is worked out once, when the first is asked for.

    An index of an earlier run is read again then: where a few tables could not be read by it, it is old.
    """

    def __init__(self, run: Run, index: Table[CatalogAsset]) -> None:
        self._run = run
        self._given = index

    @cached_property
    def _index(self) -> Table[CatalogAsset]:
        return read_index(self._run) if self._given.meta.get(_EARLIER) else self._given

    @cached_property
    def _schemas(self) -> dict[str, CatalogAsset]:
        return {asset.id: asset for asset in self._index.rows if asset.level == "schema"}

    @cached_property
    def _placed(self) -> dict[str, Placement]:
        return place_datastores(self._run, self._index)

    def read(self, key: str) -> Table[CatalogAsset]:
        """The snapshot of one datastore."""
        gone = Placement("", "absent", reason="Qualytics no longer lists it")
        gaps = [*self._index.meta["gaps"], *self._idle]
        return _read(self._run, key, self._placed.get(key) or gone, self._schemas, self._index, gaps)

    @cached_property
    def _idle(self) -> list[str]:
        return idle_mappings(self._run)


def _read(
    run: Run,
    key: str,
    placement: Placement,
    schemas: Mapping[str, CatalogAsset],
    index: Table[CatalogAsset],
    gaps: Sequence[str],
) -> Table[CatalogAsset]:
    assets: list[CatalogAsset] = []
    if placement.bucket == "matched":
        places = [schemas[id_] for id_ in placement.schemas]
        assets = list(run.catalog.read(places))
        _refuse_lost(run, places, assets)
    confirm_written(run, key, assets, whole=True)
    held = run.ledger.holdings.of(key, integration=run.name)
    assets = settled(run, key, assets, held)
    meta = {
        "read_at": time.time(),
        "placement": msgspec.to_builtins(placement),
        "presence": _presence(run, key, assets, held),
        TAGS_UNREAD: run.catalog.tags_unread(),
    }
    unclear = blind_spots(run, assets, index.rows, gaps)
    run.report(STAGE, key, {"assets": len(assets), **unclear})
    return Table(CatalogAsset, assets, meta=meta)


def _refuse_lost(run: Run, places: Sequence[CatalogAsset], assets: Sequence[CatalogAsset]) -> None:
    """Raise where a schema of the index is not among what was read of it, and was not deleted meanwhile."""
    lost = {place.id: place for place in places}
    for asset in assets:
        lost.pop(asset.id, None)
    if not lost:
        return
    presence = run.catalog.presence(list(lost))
    unanswered = [place.qualified_name for id_, place in lost.items() if presence.get(id_) != "gone"]
    if unanswered:
        raise Malformed(
            f"{run.name}: the catalog lists {', '.join(unanswered)}, and did not answer for it; nothing of it"
            " was used"
        )


def placement_of(table: Table[CatalogAsset]) -> Placement:
    """Where the datastore of a snapshot stands."""
    return msgspec.convert(table.meta["placement"], Placement)


def _presence(run: Run, key: str, assets: Sequence[CatalogAsset], held: Sequence[Holding]) -> dict[str, str]:
    """What became of assets that the ledger knows and that are not there any more: asked for by id."""
    shown = {asset.id for asset in assets}
    linked = {asset for pairing in run.ledger.links.of(run.name, key).values() for asset in pairing.assets}
    pushed = {row.target for row in held if row.surface in {one.name for one in run.catalog.surfaces}}
    missing = sorted((linked | pushed) - shown)
    return dict(run.catalog.presence(missing)) if missing else {}


def assets_with_connections(index: Table[CatalogAsset], table: Table[CatalogAsset]) -> list[CatalogAsset]:
    """A snapshot's rows over those of the index: the newer reading of a schema wins."""
    own = {asset.id for asset in table.rows}
    return [asset for asset in index.rows if asset.id not in own] + list(table.rows)
