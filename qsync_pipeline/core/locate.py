"""Which schemas of the catalog a Qualytics datastore stands for: the top of matching (DESIGN.md §5.1).

Decided for all datastores at once, since a schema may have one writer only and a source without databases
is matched by its schema alone only where that is unique.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

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
    named = {unit.id: finder.place(unit) for unit in datastores}
    # Ids come last: a schema that somebody has by name is no longer there for who only remembers it.
    placed = {unit.id: named[unit.id] or finder.unnamed(unit) for unit in datastores}
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
        self.same_name: dict[tuple[str, str], list[Unit]] = defaultdict(list)
        for unit in datastores:
            if not unit.unsupported and self._included(unit):
                self.same_name[_same_source(unit)].append(unit)
        self.spoken_for: set[str] = set()
        """Schemas that a datastore names, or could mean."""

    def _included(self, unit: Unit) -> bool:
        return self.rules.datastores.allows(unit.name, unit.datastore)

    def place(self, unit: Unit) -> Placement | None:
        """Where a datastore stands by the config or by its name; null where nothing has its name."""
        if unit.unsupported:
            return Placement(unit.id, "unsupported", reason=unit.unsupported)
        if not self._included(unit):
            return Placement(unit.id, "excluded", reason="the config's datastore patterns leave it out")
        explicit = [rule for rule in self.rules.mappings if rule.container is None and rule.names(unit)]
        if explicit:
            return self._explicit(unit, [name for rule in explicit for name in rule.catalog])
        return self._by_name(unit)

    def _explicit(self, unit: Unit, names: Sequence[str]) -> Placement:
        found: list[str] = []
        missing: list[str] = []
        for name in names:
            hits = [
                s for s in self.schemas if refers_to(name, s, self.connection_names.get(s.connection, ""))
            ]
            if len(hits) > 1:
                several = listed(hit.qualified_name for hit in hits)
                return Placement(
                    unit.id, "ambiguous", reason=f'the mapping "{name}" fits several schemas: {several}'
                )
            found += [hit.id for hit in hits]
            missing += [] if hits else [name]
        self.spoken_for.update(found)
        if not missing:
            return self._visible(unit, "explicit", tuple(dict.fromkeys(found)))
        linked = set(self.links.get(unit.id, ()))
        if "forbidden" in self._states(linked):
            return self._out_of_sight(unit)
        reason = f"the mapping names {listed(missing)}, and the catalog shows no such schema"
        return Placement(unit.id, "absent", reason=reason, gone=not found and self._gone(linked))

    def _by_name(self, unit: Unit) -> Placement | None:
        database, schema = names_of(unit)
        if not schema:
            reason = "Qualytics shows neither a database nor a schema of it: name its schema under mappings"
            return Placement(unit.id, "absent", reason=reason)
        peers = [
            s
            for s in self.by_schema.get(fold(schema), ())
            if self.rules.same_connector(s.connector, unit.connector) and self._host_fits(unit, s)
        ]
        fits = [s for s in peers if database and s.database and fold(database) == fold(s.database)]
        exact = [s for s in fits if s.name == schema and s.database == database]
        candidates = exact or fits
        certain = len(candidates) == 1
        if not fits:
            # One side shows no database: the schema alone, where that is unique on both sides.
            fits = candidates = [s for s in peers if not (database and s.database)]
            exact = [s for s in fits if s.name == schema]
            certain = len(peers) == 1
        if not candidates:
            return None
        self.spoken_for.update(s.id for s in fits)
        # One that is known to be on another host cannot mean the same schema.
        namesakes = [
            other.name
            for other in self.same_name[_same_source(unit)]
            if other.id == unit.id or any(self._host_fits(other, s) for s in fits)
        ]
        if len(namesakes) > 1 and not (database and candidates[0].database):
            return self._ambiguous(
                unit, f"several datastores have its name: {listed(namesakes)}", candidates[0]
            )
        if certain:
            return self._visible(unit, "exact" if exact else "case", (candidates[0].id,))
        linked = set(self.links.get(unit.id, ()))
        known = [s for s in candidates if s.id in linked]
        if len(known) == 1:
            return self._visible(unit, "identity", (known[0].id,))
        several = listed(self._where(s) for s in peers)
        return self._ambiguous(
            unit, f"several schemas of the catalog have its name: {several}", candidates[0]
        )

    def unnamed(self, unit: Unit) -> Placement:
        """Where a datastore stands whose name nothing has: what the ledger remembers, or a reason."""
        linked = set(self.links.get(unit.id, ()))
        kept = [self.by_id[id_] for id_ in sorted(linked & self.by_id.keys() - self.spoken_for)]
        kept = [s for s in kept if self.rules.same_connector(s.connector, unit.connector)]
        kept = [s for s in kept if self._host_fits(unit, s)]
        if len(kept) == 1:
            return self._visible(unit, "identity", (kept[0].id,))
        if "forbidden" in self._states(linked):
            return self._out_of_sight(unit)
        gone = self._gone(linked)
        database, schema = names_of(unit)
        named = [
            s
            for s in self.by_schema.get(fold(schema or ""), ())
            if fold(database or "") == fold(s.database or "")
        ]
        of_type = [s for s in named if self.rules.same_connector(s.connector, unit.connector)]
        if of_type:
            reason = f"the name stands on another host in the catalog: {self._where(of_type[0])}"
            return Placement(unit.id, "absent", reason=reason, hint=self._hint(unit, of_type[0]), gone=gone)
        if untyped := self._untyped(unit):
            source = self.connection_names.get(untyped.connection, untyped.connection)
            reason = (
                f'the catalog does not show what type of source "{source}" is, so nothing in it is matched by'
                " name: complete its connection settings there (in Alation its URI), let the token see it, or"
                " map it"
            )
            return Placement(
                unit.id, "kind_mismatch", reason=reason, hint=self._hint(unit, untyped), gone=gone
            )
        if named:
            where, connector = self._where(named[0]), named[0].connector
            reason = f"the name stands under another type of source ({connector}): {where}"
            return Placement(
                unit.id, "kind_mismatch", reason=reason, hint=self._hint(unit, named[0]), gone=gone
            )
        shows_none = f"the catalog shows no schema {dotted(database, schema)}"
        reason = "its schema was deleted in the catalog" if gone else shows_none
        near = self._near(unit)
        hint = self._hint(unit, near) if near else ""
        return Placement(unit.id, "absent", reason=reason, gone=gone, hint=hint)

    def _states(self, linked: Collection[str]) -> set[str]:
        return {self.presence.get(id_, "unknown") for id_ in linked if id_ not in self.by_id}

    def _gone(self, linked: Collection[str]) -> bool:
        """Whether all that the ledger remembers was proved to be gone."""
        return bool(linked) and all(self.presence.get(id_) == "gone" for id_ in linked)

    def _out_of_sight(self, unit: Unit) -> Placement:
        return Placement(unit.id, "forbidden", reason="its schema is still there, out of the token's sight")

    def _ambiguous(self, unit: Unit, reason: str, near: CatalogAsset) -> Placement:
        return Placement(unit.id, "ambiguous", reason=reason, hint=self._hint(unit, near))

    def _near(self, unit: Unit) -> CatalogAsset | None:
        _, schema = names_of(unit)
        same = [
            s
            for s in self.by_schema.get(fold(schema or ""), ())
            if self.rules.same_connector(s.connector, unit.connector)
        ]
        return same[0] if len(same) == 1 else None

    def _untyped(self, unit: Unit) -> CatalogAsset | None:
        """A schema of a datastore's name in a source that shows no type; the best of several is the one whose
        database has the name as well."""
        database, schema = names_of(unit)
        found = [
            s
            for s in self.by_schema.get(fold(schema or ""), ())
            if not s.connector and (not database or not s.database or fold(database) == fold(s.database))
        ]
        return max(found, key=lambda s: bool(s.database), default=None)

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
                reason=f"the token may not read {self._where(hidden[0])}: grant it permission to read "
                "this connection (in Atlan by a metadata policy of its persona)",
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


def _quoted(text: str) -> str:
    """Double-quoted YAML; what nobody can see, and what YAML would not take, is escaped."""
    plain = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(char if char.isprintable() else f"\\U{ord(char):08x}" for char in plain) + '"'


def _same_source(unit: Unit) -> tuple[str, str]:
    """Datastores of one of these keys cannot be told apart where no database is shown."""
    return unit.connector, fold(names_of(unit)[1] or "")


def refers_to(reference: str, asset: CatalogAsset, connection_name: str) -> bool:
    """Whether a name in the config means this asset.

    Its qualified name or its id, or the dotted names from the database (or the schema) down, perhaps after
    the connection's name and a colon. Compared whole, never split: names may hold dots.
    """
    if reference in (asset.qualified_name, asset.id):
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
