"""From an estate to a filled instance: what Alation's extraction and people would have put there."""

from __future__ import annotations

from html import escape

from qsync_pipeline.sandbox.alation.domains import Domain, Rule
from qsync_pipeline.sandbox.alation.fields import Field
from qsync_pipeline.sandbox.alation.keys import join
from qsync_pipeline.sandbox.alation.model import Node, Source
from qsync_pipeline.sandbox.alation.richtext import clean
from qsync_pipeline.sandbox.alation.world import World
from qsync_pipeline.sandbox.estate.model import (
    ConnectionSpec,
    DatabaseSpec,
    Estate,
    SchemaSpec,
    TableSpec,
    TagUse,
)

MULTI_PART = frozenset(
    {
        "snowflake", "redshift", "sqlserver", "synapse", "bigquery", "netezza", "athena", "presto", "trino",
        "databricks",
    }
)  # fmt: skip
"""Connectors whose schema part holds the database too (§2.0)."""
TABLE_TYPES = {
    "table": "TABLE",
    "view": "VIEW",
    "materialised_view": "MATERIALIZED VIEW",
    "dynamic_table": "DYNAMIC TABLE",
}
_NOT_EXTRACTED = frozenset({"computed_table", "computed_file", "computed_join", "file"})
PERSON = "grace.hopper"
"""Who set the flags that people set."""
EXTRACTED_AT = 1_767_225_600
"""2026-01-01: when all content came in; the same for every run."""


class Builder:
    """Fills one world from one estate; used once.

    Alation has no databases and no propagated tags: tags on databases and those that came over lineage
    have no place there. A database's domain holds for each of its schemas.
    """

    def __init__(self, estate: Estate, world: World) -> None:
        self._estate = estate
        self._world = world
        self._now = float(EXTRACTED_AT)
        self._domains: dict[str, Domain] = {}
        self._foreign: dict[tuple[str, str], Field] = {}
        self._native = {name.strip() for name in world.switches.native_connectors.split(",")}

    def build(self) -> None:
        world = self._world
        for person in ("ada.lovelace", PERSON, "edgar.codd", "hedy.lamarr"):
            world.users.named(person)
        for tag in self._estate.tags:
            text = clean(tag.description or "", wrap=world.switches.wrap_rich_text)
            world.tags.make(tag.name, self._now, text)
        for domain in self._estate.domains:
            above, _, title = domain.path.rpartition("/")
            parent = self._domains.get(above)
            self._domains[domain.path] = world.domains.make(title if parent else domain.path, "", parent)
        for foreign in self._estate.foreign_sets:
            for attribute in foreign.attributes:
                # Named after their set: the vendor's own integration uses names that ours would adopt.
                field = world.fields.make("RICH_TEXT", f"{foreign.name}: {attribute.name}")
                self._foreign[foreign.name, attribute.name] = field
        for connection in self._estate.connections:
            self._connection(connection)

    # The tree.

    def _connection(self, spec: ConnectionSpec) -> None:
        """One data source, or one for each database where schemas do not show theirs."""
        if spec.connector in MULTI_PART:
            self._source(spec, spec.name, None, spec.databases)
            return
        for database in spec.databases:
            title = spec.name if len(spec.databases) == 1 else f"{spec.name} ({database.name})"
            self._source(spec, title, database.name, [database])

    def _source(
        self, spec: ConnectionSpec, title: str, database: str | None, databases: list[DatabaseSpec]
    ) -> None:
        node = self._world.store.add("data", title)
        node.source = Source(spec.connector, spec.host, spec.connector in self._native, database)
        if spec.access != "full":
            self._world.access.set(node, "read" if spec.access == "read_only" else "hidden")
        self._furnish(node, spec.tags, spec.domain, None)
        for each in databases:
            for schema in each.schemas:
                if schema.in_catalog:
                    self._schema(schema, each, node, spec)

    def _schema(self, spec: SchemaSpec, database: DatabaseSpec, above: Node, source: ConnectionSpec) -> None:
        name = spec.catalog_name or spec.name
        shown = database.catalog_name or database.name
        multi = source.connector in MULTI_PART and shown is not None
        parts = (shown, name) if multi and shown is not None else (name,)
        node = self._world.store.add("schema", join(parts) if multi else name, above)
        node.parts = parts
        inherited = database.domain or source.domain
        self._furnish(node, spec.tags, spec.domain or database.domain, source.domain)
        for table in spec.tables:
            if table.in_catalog and table.container_kind not in _NOT_EXTRACTED:
                self._table(table, node, spec.domain or inherited)

    def _table(self, spec: TableSpec, above: Node, inherited: str | None) -> None:
        store = self._world.store
        node = store.add("table", spec.catalog_name or spec.name, above)
        node.put("table_type", TABLE_TYPES[spec.kind])
        if spec.description:
            node.put("description", clean(spec.description, wrap=True))
        self._furnish(node, spec.tags, spec.domain, inherited)
        if spec.banner:
            reason = clean(escape(spec.banner, quote=False), wrap=True)
            owner = self._world.users.named(PERSON)
            self._world.flags.add("WARNING", reason, node, owner, self._now)
        for name, values in spec.foreign_values.items():
            for key, value in values.items():
                field = self._foreign.get((name, key))
                if field is not None:
                    text = self._world.fields.stored_form(field, escape(str(value), quote=False))
                    self._world.fields.put(node, field, text, self._now)
        for position, column in enumerate(spec.columns, start=1):
            if column.in_catalog:
                child = store.add("attribute", column.catalog_name or column.name, node)
                child.column_type, child.position = column.native_type, position
                if column.tags or column.domain:
                    self._furnish(child, column.tags, column.domain, spec.domain or inherited)

    # What people put on it.

    def _furnish(
        self, node: Node, uses: tuple[TagUse, ...], domain: str | None, inherited: str | None
    ) -> None:
        world = self._world
        for use in uses:
            if not use.propagated:
                tag = world.tags.named(use.name) or world.tags.make(use.name, self._now)
                world.tags.put(tag, node, self._now)
        if domain in self._domains and domain != inherited:
            self._domains[domain].rules[node] = Rule(exclude=False, recursive=True)
            above = self._domains.get(inherited or "")
            if above is not None and self._domains[domain] not in world.domains.below(above):
                # What has a domain of its own is taken out of the one that it would inherit.
                above.rules[node] = Rule(exclude=True, recursive=True)
