"""Which schemas of the catalog a Qualytics datastore stands for: the top of matching (DESIGN.md §5.1).

Decided for all datastores at once, since a schema may have one writer only and a source without databases
is matched by its schema alone only where that is unique.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from qsync_pipeline.core.names import dotted, fold, host_name, listed
from qsync_pipeline.core.rows import Bucket, CatalogAsset, Unit
from qsync_pipeline.core.rules import MatchRules


class Placement(msgspec.Struct, frozen=True):
    """Where a datastore stands. ``schemas`` are asset ids, several only by an explicit mapping."""

    unit: str
    bucket: Bucket
    how: str = ""
    schemas: tuple[str, ...] = ()
    reason: str = ""
    hint: str = ""
    gone: bool = False


def names_of(unit: Unit) -> tuple[str | None, str | None]:
    """Database and schema of a datastore. A source without schemas shows its database as the schema."""
    if unit.schema:
        return unit.database, unit.schema
    return None, unit.database


def locate(
    datastores: Sequence[Unit],
    schemas: Sequence[CatalogAsset],
    connections: Sequence[CatalogAsset],
    rules: MatchRules,
    links: Mapping[str, Sequence[str]],
    presence: Mapping[str, str],
) -> dict[str, Placement]:
    """Place every datastore; keys are unit ids.

    ``links`` are the asset ids that the ledger remembers for a unit, ``presence`` what asking by id said of
    linked ids that are not among ``schemas``.
    """
    finder = _Finder(datastores, schemas, connections, rules, links, presence)
    placed = {unit.id: finder.place(unit) for unit in datastores}
    return _one_writer(placed, {unit.id: unit for unit in datastores}, {s.id: s for s in schemas})


class _Finder:
    def __init__(
        self,
        datastores: Sequence[Unit],
        schemas: Sequence[CatalogAsset],
        connections: Sequence[CatalogAsset],
        rules: MatchRules,
        links: Mapping[str, Sequence[str]],
        presence: Mapping[str, str],
    ) -> None:
        self.rules = rules
        self.links = links
        self.presence = presence
        self.hosts = {c.qualified_name: host_name(c.host) for c in connections}
        self.connection_names = {c.qualified_name: c.name for c in connections}
        self.schemas = schemas
        self.by_id = {schema.id: schema for schema in schemas}
        self.by_schema: dict[str, list[CatalogAsset]] = defaultdict(list)
        for schema in schemas:
            self.by_schema[fold(schema.name)].append(schema)
        self.same_name: dict[tuple[str, str], int] = defaultdict(int)
        for unit in datastores:
            self.same_name[(unit.connector, fold(names_of(unit)[1] or ""))] += 1

    def place(self, unit: Unit) -> Placement:
        if unit.unsupported:
            return Placement(unit.id, "unsupported", reason=unit.unsupported)
        if not self.rules.datastores.allows(unit.name, unit.datastore):
            return Placement(unit.id, "excluded", reason="the config's datastore patterns leave it out")
        explicit = [rule for rule in self.rules.mappings if rule.container is None and rule.names(unit)]
        if explicit:
            return self._explicit(unit, [name for rule in explicit for name in rule.catalog])
        return self._by_name(unit)

    def _explicit(self, unit: Unit, names: Sequence[str]) -> Placement:
        found: list[str] = []
        for name in names:
            hits = [
                s for s in self.schemas if refers_to(name, s, self.connection_names.get(s.connection, ""))
            ]
            if not hits:
                return Placement(
                    unit.id,
                    "absent",
                    reason=f'the mapping names "{name}", and the catalog shows no such schema',
                )
            if len(hits) > 1:
                several = listed(hit.qualified_name for hit in hits)
                return Placement(
                    unit.id, "ambiguous", reason=f'the mapping "{name}" fits several schemas: {several}'
                )
            found.append(hits[0].id)
        return self._visible(unit, "explicit", tuple(dict.fromkeys(found)))

    def _by_name(self, unit: Unit) -> Placement:
        database, schema = names_of(unit)
        if not schema:
            return Placement(unit.id, "unsupported", reason="it names neither a database nor a schema")
        named = [s for s in self.by_schema.get(fold(schema), ()) if self._database_fits(unit, database, s)]
        of_type = [s for s in named if self.rules.same_connector(s.connector, unit.connector)]
        fits = [s for s in of_type if self._host_fits(unit, s)]
        exact = [
            s for s in fits if s.name == schema and (not database or not s.database or s.database == database)
        ]
        linked = set(self.links.get(unit.id, ()))
        for how, candidates in (("exact", exact), ("case", [] if exact else fits)):
            if len(candidates) == 1:
                return self._visible(unit, how, (candidates[0].id,))
            if len(candidates) > 1:
                known = [s for s in candidates if s.id in linked]
                if len(known) == 1:
                    return self._visible(unit, "identity", (known[0].id,))
                several = listed(self._where(s) for s in candidates)
                return Placement(
                    unit.id,
                    "ambiguous",
                    reason=f"several schemas of the catalog have its name: {several}",
                    hint=self._hint(unit, candidates[0]),
                )
        return self._missing(unit, named, of_type, linked)

    def _missing(
        self, unit: Unit, named: list[CatalogAsset], of_type: list[CatalogAsset], linked: set[str]
    ) -> Placement:
        kept = [self.by_id[id_] for id_ in linked if id_ in self.by_id]
        if len(kept) == 1 and self.rules.same_connector(kept[0].connector, unit.connector):
            return self._visible(unit, "identity", (kept[0].id,))
        states = {self.presence.get(id_) for id_ in linked}
        if of_type:
            where = self._where(of_type[0])
            return Placement(
                unit.id,
                "absent",
                reason=f"the name stands on another host in the catalog: {where}",
                hint=self._hint(unit, of_type[0]),
            )
        if named:
            return Placement(
                unit.id,
                "kind_mismatch",
                reason=f"the name stands under another type of source ({named[0].connector}): "
                f"{self._where(named[0])}",
                hint=self._hint(unit, named[0]),
            )
        if "forbidden" in states:
            return Placement(
                unit.id, "forbidden", reason="its schema is still there, out of the token's sight"
            )
        name = dotted(*names_of(unit))
        gone = bool(linked) and states == {"gone"}
        reason = "its schema was deleted in the catalog" if gone else f"the catalog shows no schema {name}"
        near = self._near(unit)
        return Placement(
            unit.id, "absent", reason=reason, gone=gone, hint=self._hint(unit, near) if near else ""
        )

    def _near(self, unit: Unit) -> CatalogAsset | None:
        _, schema = names_of(unit)
        same = [
            s
            for s in self.by_schema.get(fold(schema or ""), ())
            if self.rules.same_connector(s.connector, unit.connector)
        ]
        return same[0] if len(same) == 1 else None

    def _database_fits(self, unit: Unit, database: str | None, schema: CatalogAsset) -> bool:
        if database and schema.database:
            return fold(database) == fold(schema.database)
        peers = [
            s
            for s in self.by_schema[fold(schema.name)]
            if self.rules.same_connector(s.connector, unit.connector) and self._host_fits(unit, s)
        ]
        return len(peers) == 1 and self.same_name[(unit.connector, fold(schema.name))] == 1

    def _host_fits(self, unit: Unit, schema: CatalogAsset) -> bool:
        ours, theirs = host_name(unit.host), self.hosts.get(schema.connection)
        return ours is None or theirs is None or ours == theirs

    def _visible(self, unit: Unit, how: str, ids: tuple[str, ...]) -> Placement:
        hidden = [self.by_id[id_] for id_ in ids if not self.by_id[id_].readable]
        if hidden:
            return Placement(
                unit.id,
                "forbidden",
                how=how,
                schemas=ids,
                reason=f"the token may not read {self._where(hidden[0])}: the persona needs a metadata "
                "policy with read permission for this connection",
            )
        return Placement(unit.id, "matched", how=how, schemas=ids)

    def _where(self, schema: CatalogAsset) -> str:
        connection = self.connection_names.get(schema.connection, schema.connection)
        return f"{connection}:{dotted(schema.database, schema.name)}"

    def _hint(self, unit: Unit, schema: CatalogAsset) -> str:
        return mapping_line(unit.name, schema.qualified_name)


def mapping_line(datastore: str, catalog: str, container: str | None = None) -> str:
    """The config line that settles a near miss."""
    middle = f", container: {_quoted(container)}" if container else ""
    return f"mappings: [{{datastore: {_quoted(datastore)}{middle}, catalog: {_quoted(catalog)}}}]"


def _quoted(text: Any) -> str:
    return msgspec.json.encode(str(text)).decode()


def refers_to(reference: str, asset: CatalogAsset, connection_name: str) -> bool:
    """Whether a name in the config means this asset.

    A qualified name, or the dotted names from the database (or the schema) down, perhaps after the
    connection's name and a colon. Compared whole, never split: names may hold dots.
    """
    if reference == asset.qualified_name:
        return True
    names = [part for part in (asset.schema or asset.name, asset.table, asset.column) if part]
    paths = {".".join(names)}
    if asset.database:
        paths.add(".".join([asset.database, *names]))
    return reference in paths or any(reference == f"{connection_name}:{path}" for path in paths)


def _one_writer(
    placed: dict[str, Placement], units: Mapping[str, Unit], schemas: Mapping[str, CatalogAsset]
) -> dict[str, Placement]:
    """A schema that several datastores claim belongs to the one that the config names, or to none."""
    claims: dict[str, list[Placement]] = defaultdict(list)
    for placement in placed.values():
        for schema in placement.schemas:
            claims[schema].append(placement)
    for schema, rivals in claims.items():
        if len(rivals) < 2:
            continue
        named = [rival for rival in rivals if rival.how == "explicit"]
        losers = [rival for rival in rivals if rival not in named] if len(named) == 1 else rivals
        for loser in losers:
            others = listed(units[rival.unit].name for rival in rivals if rival is not loser)
            placed[loser.unit] = Placement(
                loser.unit,
                "ambiguous",
                reason=f"{others} claims the same schema: an asset has one writer",
                hint=mapping_line(units[loser.unit].name, schemas[schema].qualified_name),
            )
    return placed
