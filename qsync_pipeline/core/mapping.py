"""The mapping of one datastore: every unit in exactly one bucket (DESIGN.md §5.1)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from qsync_pipeline.core.domains import DomainScope
from qsync_pipeline.core.locate import Placement, mapping_line, refers_to
from qsync_pipeline.core.names import dotted
from qsync_pipeline.core.pairing import Child, Pair, pair, seen
from qsync_pipeline.core.rows import BUCKETS, Bucket, CatalogAsset, Link, Unit
from qsync_pipeline.core.rules import LEVEL_OF, MatchRules

_INHERITED = "its {} is not matched: {}"


class Snapshot:
    """The assets of a table, indexed. ``chain`` walks from an asset upwards to its connection."""

    def __init__(self, assets: Iterable[CatalogAsset]) -> None:
        self.by_id: dict[str, CatalogAsset] = {}
        self.by_name: dict[tuple[str, str], CatalogAsset] = {}
        self.connections: dict[str, CatalogAsset] = {}
        self.databases: dict[tuple[str, str | None], CatalogAsset] = {}
        self.tables: dict[str, list[CatalogAsset]] = defaultdict(list)
        self.columns: dict[str, list[CatalogAsset]] = defaultdict(list)
        for asset in assets:
            self.by_id[asset.id] = asset
            self.by_name[(asset.level, asset.qualified_name)] = asset
            if asset.level == "connection":
                self.connections[asset.qualified_name] = asset
            elif asset.level == "database":
                self.databases[(asset.connection, asset.name)] = asset
            elif asset.level == "table":
                self.tables[asset.parent_id or ""].append(asset)
            elif asset.level == "column":
                self.columns[asset.parent_id or ""].append(asset)

    def chain(self, asset: CatalogAsset) -> list[CatalogAsset | None]:
        """The asset, then its table, schema, database and connection."""
        chain: list[CatalogAsset | None] = [asset]
        current = asset
        if current.level == "column":
            table = self.by_name.get(("table", current.parent_id or ""))
            chain.append(table)
            current = table or current
        if current.level == "table":
            chain.append(self.by_name.get(("schema", current.parent_id or "")))
        if asset.level != "database":
            chain.append(self.databases.get((asset.connection, asset.database)))
        chain.append(self.connections.get(asset.connection))
        return chain


def map_datastore(
    units: Sequence[Unit],
    placement: Placement,
    snapshot: Snapshot,
    rules: MatchRules,
    scope: DomainScope,
    links: Mapping[str, Collection[str]],
    presence: Mapping[str, str],
) -> list[Link]:
    """Links for every unit of one datastore, in the order of the units."""
    mapper = _Mapper(placement, snapshot, rules, scope, links, presence)
    return mapper.run(units)


class _Mapper:
    def __init__(
        self,
        placement: Placement,
        snapshot: Snapshot,
        rules: MatchRules,
        scope: DomainScope,
        links: Mapping[str, Collection[str]],
        presence: Mapping[str, str],
    ) -> None:
        self.placement = placement
        self.snapshot = snapshot
        self.rules = rules
        self.scope = scope
        self.links = links
        self.presence = presence
        self.pairs: dict[str, list[Pair]] = {}

    def run(self, units: Sequence[Unit]) -> list[Link]:
        datastore = next(unit for unit in units if unit.level == "datastore")
        containers = [unit for unit in units if unit.level == "container"]
        fields: dict[int, list[Unit]] = defaultdict(list)
        for unit in units:
            if unit.level == "field":
                fields[-2 if unit.container_id is None else unit.container_id].append(unit)
        links = {datastore.id: self._datastore(datastore)}
        self._pair_containers(datastore, containers)
        for container in containers:
            link = links[container.id] = self._link(container, datastore)
            self._fields(container, link, fields.pop(container.container_id or -1, []), datastore, links)
        for stray in (unit for rest in fields.values() for unit in rest):
            name = dotted(datastore.name, stray.container, stray.name)
            reason = "Qualytics does not list its container"
            links[stray.id] = Link(stray.id, stray.level, name, "absent", reason=reason)
        return [links[unit.id] for unit in units]

    def _datastore(self, unit: Unit) -> Link:
        placement = self.placement
        if placement.bucket != "matched":
            return Link(
                unit.id,
                unit.level,
                unit.name,
                placement.bucket,
                reason=placement.reason,
                hint=placement.hint,
                gone=placement.gone,
            )
        pairs = [Pair("matched", placement.how, schema) for schema in placement.schemas]
        return self._overlay(unit, unit.name, pairs, unit)

    def _pair_containers(self, datastore: Unit, containers: Sequence[Unit]) -> None:
        if self.placement.bucket != "matched":
            return
        explicit = {
            rule.container: rule
            for rule in self.rules.mappings
            if rule.container is not None and rule.names(datastore)
        }
        named = {unit.id for unit in containers if unit.name in explicit}
        plain = [
            Child(unit.id, unit.name, unit.kind == "view")
            for unit in containers
            if not unit.unsupported and unit.id not in named
        ]
        schemas = [self.snapshot.by_id[id_] for id_ in self.placement.schemas]
        taken: set[str] = set()
        tables = [table for schema in schemas for table in self.snapshot.tables[schema.qualified_name]]
        for unit in containers:
            if unit.id in named:
                self.pairs[unit.id] = self._explicit(explicit[unit.name].catalog, tables, schemas)
                taken |= {found.asset for found in self.pairs[unit.id] if found.asset}
        self._one_writer(named)
        for schema in schemas:
            free = [t for t in self.snapshot.tables[schema.qualified_name] if t.id not in taken]
            for id_, found in pair(plain, free, self.links, self.presence).items():
                self.pairs.setdefault(id_, []).append(found)

    def _one_writer(self, named: Collection[str]) -> None:
        """An asset that the config gives to several containers belongs to none of them."""
        claims = Counter(one.asset for id_ in named for one in self.pairs[id_] if one.asset)
        for id_ in named:
            if any(claims[one.asset] > 1 for one in self.pairs[id_] if one.asset):
                reason = "the config maps another container to the same asset: an asset has one writer"
                self.pairs[id_] = [Pair("ambiguous", reason=reason)]

    def _explicit(
        self, names: Sequence[str], tables: Sequence[CatalogAsset], schemas: Sequence[CatalogAsset]
    ) -> list[Pair]:
        connection = self.snapshot.connections.get(schemas[0].connection) if schemas else None
        pairs = []
        for name in names:
            hits = [
                table
                for table in tables
                if name == table.name or refers_to(name, table, connection.name if connection else "")
            ]
            if len(hits) == 1:
                pairs.append(seen(hits[0], "explicit"))
            elif hits:
                pairs.append(Pair("ambiguous", reason=f'the mapping "{name}" fits several assets'))
            else:
                pairs.append(
                    Pair("absent", reason=f'the mapping names "{name}", and its schema has no such table')
                )
        return pairs

    def _link(self, unit: Unit, datastore: Unit) -> Link:
        name = dotted(datastore.name, unit.name)
        if unit.unsupported:
            return Link(unit.id, unit.level, name, "unsupported", reason=unit.unsupported)
        if not self.rules.containers.allows(unit.name, name):
            return Link(
                unit.id, unit.level, name, "excluded", reason="the config's container patterns leave it out"
            )
        if self.placement.bucket != "matched":
            return self._inherit(unit, name, "datastore", self.placement.bucket, self.placement.gone)
        return self._overlay(unit, name, self.pairs[unit.id], datastore)

    def _fields(
        self,
        container: Unit,
        above: Link,
        fields: Sequence[Unit],
        datastore: Unit,
        links: dict[str, Link],
    ) -> None:
        # Levels and domains are judged for each object by itself, so what counts is whether the container
        # has assets, not whether it takes part.
        paired = [found.asset for found in self.pairs.get(container.id, ()) if found.bucket == "matched"]
        found: dict[str, list[Pair]] = defaultdict(list)
        if paired and (above.bucket not in ("unsupported", "excluded") or above.how):
            children = [Child(unit.id, unit.name) for unit in fields]
            for asset in paired:
                table = self.snapshot.by_id[asset or ""]
                columns = self.snapshot.columns[table.qualified_name]
                for id_, one in pair(children, columns, self.links, self.presence).items():
                    found[id_].append(one)
        for unit in fields:
            name = dotted(datastore.name, container.name, unit.name)
            if unit.id in found:
                link = self._overlay(unit, name, found[unit.id], datastore)
                links[unit.id] = msgspec.structs.replace(link, partial=link.partial or above.partial)
            else:
                links[unit.id] = self._inherit(unit, name, "container", above.bucket, above.gone)

    def _only_name(self, asset: CatalogAsset) -> str:
        """A name by which the config can mean this table alone: a view may have its very qualified name."""
        beside = self.snapshot.tables[asset.parent_id or ""]
        namesakes = sum(1 for one in beside if one.qualified_name == asset.qualified_name)
        return asset.qualified_name if namesakes < 2 else asset.id

    def _inherit(self, unit: Unit, name: str, what: str, bucket: Bucket, gone: bool) -> Link:
        states = {self.presence.get(id_, "unknown") for id_ in self.links.get(unit.id, ())}
        if bucket == "absent" and "forbidden" in states:
            reason = "its asset is still there, out of the token's sight"
            return Link(unit.id, unit.level, name, "forbidden", reason=reason)
        reason = _INHERITED.format(what, bucket.replace("_", " "))
        # What is remembered of the object itself is the better proof.
        gone = states == {"gone"} and bucket == "absent" if states else gone
        return Link(unit.id, unit.level, name, bucket, reason=reason, gone=gone)

    def _overlay(self, unit: Unit, name: str, pairs: Sequence[Pair], datastore: Unit) -> Link:
        matched = [found for found in pairs if found.bucket == "matched" and found.asset]
        if not matched:
            worst = min(pairs, key=lambda found: BUCKETS.index(found.bucket))
            near = self.snapshot.by_id.get(worst.near or "")
            hint = ""
            if near is not None and unit.level == "container":
                hint = mapping_line(datastore.name, self._only_name(near), unit.name)
            return Link(
                unit.id,
                unit.level,
                name,
                worst.bucket,
                reason=worst.reason,
                hint=hint,
                gone=all(found.gone for found in pairs),
            )
        assets = [self.snapshot.by_id[found.asset or ""] for found in matched]
        shown = ", ".join(asset.qualified_name for asset in assets)
        how, ids = matched[0].how, tuple(asset.id for asset in assets)
        if LEVEL_OF[unit.level] not in self.rules.levels:
            reason = f"the config's levels leave out {LEVEL_OF[unit.level]}s"
            return Link(unit.id, unit.level, name, "excluded", how, ids, shown, reason=reason)
        inside = [asset for asset in assets if self.scope.covers(self.snapshot.chain(asset))]
        if not inside:
            return Link(
                unit.id,
                unit.level,
                name,
                "outside_domain",
                how,
                ids,
                shown,
                reason="neither it nor what it lies in is in a domain that the config names",
            )
        inside_ids = tuple(asset.id for asset in inside)
        shown = ", ".join(asset.qualified_name for asset in inside)
        partial = len(inside) < len(assets) or self._partial(unit, pairs)
        return Link(unit.id, unit.level, name, "matched", how, inside_ids, shown, partial=partial)

    def _partial(self, unit: Unit, pairs: Sequence[Pair]) -> bool:
        """Whether, beside the assets of a unit that are seen, there is one that is not proved to be gone."""
        if any(found.bucket in ("forbidden", "ambiguous") for found in pairs):
            return True
        unseen = [id_ for id_ in self.links.get(unit.id, ()) if id_ not in self.snapshot.by_id]
        seen_all = all(found.bucket == "matched" for found in pairs)
        return not seen_all and any(self.presence.get(id_) != "gone" for id_ in unseen)


def bucket_counts(links: Iterable[Link]) -> dict[str, int]:
    """How many units stand in each bucket; all buckets are named, and the counts add up to the estate."""
    counts = Counter(link.bucket for link in links)
    return {bucket: counts.get(bucket, 0) for bucket in BUCKETS}


def unclaimed(links: Iterable[Link], snapshot: Snapshot) -> int:
    """Tables and columns of the catalog that no unit stands for: counted apart."""
    claimed = {asset for link in links for asset in link.assets}
    ours = [asset for asset in snapshot.by_id.values() if asset.level in ("table", "column")]
    return sum(1 for asset in ours if asset.id not in claimed)
