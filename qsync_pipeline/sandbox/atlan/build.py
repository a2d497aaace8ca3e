"""From an estate to a filled store: what Atlan's crawlers and people would have put there."""

from __future__ import annotations

import gc
from typing import Any

from qsync_pipeline.sandbox.atlan.access import Access
from qsync_pipeline.sandbox.atlan.ids import IdSource
from qsync_pipeline.sandbox.atlan.model import NO_ATTRS, NO_CM, NO_SCOPE, Doc, Scope, Tag, child_scope
from qsync_pipeline.sandbox.atlan.store import Store
from qsync_pipeline.sandbox.atlan.typedefs import Json, TypeDefs
from qsync_pipeline.sandbox.estate.model import (
    ColumnSpec,
    ConnectionSpec,
    DatabaseSpec,
    Estate,
    SchemaSpec,
    TableSpec,
    TagUse,
)

SLUGS = {"postgresql": "postgres", "sqlserver": "mssql", "synapse": "azure-synapse"}
"""Atlan's connector slugs where they differ from Qualytics' types (atlan-api.md §2.4)."""
KINDS = {
    "table": "Table",
    "view": "View",
    "materialised_view": "MaterialisedView",
    "dynamic_table": "SnowflakeDynamicTable",
}
CRAWLED_AT = 1_712_345_678
"""Epoch seconds of the first connection, part of its qualifiedName."""
CRAWLER = "service-account-atlan-argo"
_BATCH = 40
"""Assets that a crawler creates in one millisecond: several rows share a __timestamp."""
_NOT_CRAWLED = frozenset({"computed_table", "computed_file", "computed_join", "file"})


class Builder:
    """Fills one store from one estate; used once."""

    def __init__(self, estate: Estate, store: Store, types: TypeDefs, access: Access, ids: IdSource) -> None:
        self._estate = estate
        self._store = store
        self._types = types
        self._access = access
        self._ids = ids
        self._made = 0
        self._domains: dict[str, str] = {}
        self._origins: dict[str, str] = {}
        self._pending: list[tuple[str, tuple[TagUse, ...]]] = []
        self._tables: dict[str, str] = {}

    def build(self) -> None:
        """Fill the store. The collector pauses: nothing made here is garbage, and it would scan it all."""
        collecting = gc.isenabled()
        gc.disable()
        try:
            self._build()
        finally:
            if collecting:
                gc.enable()

    def _build(self) -> None:
        for tag in self._estate.tags:
            self._types.make_tag(
                tag.name, "ada.lovelace", color=tag.color, description=tag.description, source=tag.source
            )
        for foreign in self._estate.foreign_sets:
            pairs = [(attribute.name, attribute.type) for attribute in foreign.attributes]
            self._types.make_set(
                foreign.name, pairs, "service-account-apikey-other-tool", foreign.description
            )
        for domain in self._estate.domains:
            self._domain(domain.path)
        for number, connection in enumerate(self._estate.connections):
            self._connection(connection, CRAWLED_AT + 1000 * number)
        self._propagated()

    def _stamp(self) -> int:
        self._made += 1
        return CRAWLED_AT * 1000 + self._made // _BATCH

    def _domain(self, path: str) -> None:
        above, _, name = path.rpartition("/")
        parent = self._store.get(self._domains[above]) if above in self._domains else None
        qn = (
            f"{parent.qn}/domain/{self._ids.nanoid()}"
            if parent
            else f"default/domain/{self._ids.nanoid()}/super"
        )
        attrs: dict[str, Any] = {"superDomainQualifiedName": qn}
        if parent is not None:
            attrs = {
                "parentDomainQualifiedName": parent.qn,
                "superDomainQualifiedName": parent.attrs["superDomainQualifiedName"],
            }
        scope = Scope(parent.guid) if parent is not None else NO_SCOPE
        guid = self._ids.guid()
        doc = Doc(
            guid,
            "DataDomain",
            name if parent else path,
            qn,
            scope,
            self._stamp(),
            "ada.lovelace",
            attrs=attrs,
        )
        self._store.load(doc)
        self._domains[path] = guid

    def _asset(
        self,
        type_name: str,
        name: str,
        qn: str,
        scope: Scope,
        uses: tuple[TagUse, ...],
        domain: str | None,
        attrs: dict[str, Any] = NO_ATTRS,
        **more: Any,
    ) -> Doc:
        guid = self._ids.guid()
        if domain is not None and domain in self._domains:
            attrs = {**attrs, "domainGUIDs": [self._domains[domain]]}
        doc = Doc(guid, type_name, name, qn, scope, self._stamp(), CRAWLER, attrs=attrs, **more)
        if uses:
            doc.tags = tuple(self._direct(use, guid) for use in uses if not use.propagated)
            if any(use.propagated for use in uses):
                self._pending.append((guid, uses))
        self._store.load(doc)
        return doc

    def _direct(self, use: TagUse, guid: str) -> Tag:
        """A tag as people attach them: the UI's default is not to propagate (§2.5)."""
        definition = self._definition(use.name)
        self._origins.setdefault(use.name, guid)
        attributes = None
        if use.value is not None:
            source = next(
                (
                    one["name"]
                    for one in definition["attributeDefs"]
                    if one["displayName"] == "sourceTagAttachment"
                ),
                None,
            )
            attributes = {source: [_attachment(use)]} if source else None
        return Tag(definition["name"], guid, attributes=attributes)

    def _definition(self, name: str) -> Json:
        return self._types.tag_named(name) or self._types.make_tag(name, "ada.lovelace")

    def _connection(self, spec: ConnectionSpec, epoch: int) -> None:
        slug = SLUGS.get(spec.connector, spec.connector)
        qn = f"default/{slug}/{epoch}"
        attrs = {
            "connectorName": slug,
            "category": "warehouse",
            "host": spec.host,
            "adminUsers": ["ada.lovelace"],
        }
        doc = self._asset("Connection", spec.name, qn, NO_SCOPE, spec.tags, spec.domain, attrs)
        if spec.access != "full":
            self._access.persona[qn] = "read" if spec.access == "read_only" else "hidden"
        scope = child_scope(doc)
        for database in spec.databases:
            self._database(database, qn, scope)

    def _database(self, spec: DatabaseSpec, above: str, scope: Scope) -> None:
        name = spec.catalog_name or spec.name or "DEFAULT"
        qn = f"{above}/{name}"
        doc = self._asset("Database", name, qn, scope, spec.tags, spec.domain)
        below = child_scope(doc)
        for schema in spec.schemas:
            if schema.in_catalog:
                self._schema(schema, qn, below)

    def _schema(self, spec: SchemaSpec, above: str, scope: Scope) -> None:
        name = spec.catalog_name or spec.name
        qn = f"{above}/{name}"
        doc = self._asset("Schema", name, qn, scope, spec.tags, spec.domain)
        below = child_scope(doc)
        for table in spec.tables:
            if table.in_catalog and table.container_kind not in _NOT_CRAWLED:
                self._table(table, qn, below)

    def _table(self, spec: TableSpec, above: str, scope: Scope) -> None:
        name = spec.catalog_name or spec.name
        attrs: dict[str, Any] = {}
        if spec.description:
            attrs["description"] = spec.description
        if spec.banner:
            attrs.update(
                announcementType="information",
                announcementTitle="Note",
                announcementMessage=spec.banner,
                announcementUpdatedBy="grace.hopper",
                announcementUpdatedAt=CRAWLED_AT * 1000,
            )
        values = self._foreign(spec.foreign_values) if spec.foreign_values else NO_CM
        qn = f"{above}/{name}"
        type_name = KINDS[spec.kind]
        doc = self._asset(type_name, name, qn, scope, spec.tags, spec.domain, attrs or NO_ATTRS, cm=values)
        self._tables.setdefault(spec.name, doc.guid)
        below = child_scope(doc)
        for order, column in enumerate(spec.columns, start=1):
            if column.in_catalog:
                self._column(column, qn, below, order)

    def _column(self, spec: ColumnSpec, above: str, scope: Scope, order: int) -> None:
        name = spec.catalog_name or spec.name
        self._asset(
            "Column",
            name,
            f"{above}/{name}",
            scope,
            spec.tags,
            spec.domain,
            data_type=spec.native_type,
            order=order,
        )

    def _foreign(self, values: dict[str, dict[str, object]]) -> dict[str, dict[str, Any]]:
        made: dict[str, dict[str, Any]] = {}
        for name, pairs in values.items():
            definition = self._types.set_named(name)
            if definition is None:
                continue
            ids = self._types.attribute_ids(definition)
            made[definition["name"]] = {ids[key]: value for key, value in pairs.items() if key in ids}
        return made

    def _propagated(self) -> None:
        """Tags that came over lineage: entityGuid names the asset they came from (§2.2)."""
        for guid, uses in self._pending:
            doc = self._store.get(guid)
            if doc is None:
                continue
            came = [use for use in uses if use.propagated]
            doc.tags += tuple(
                Tag(self._definition(use.name)["name"], self._origin(use), propagate=True) for use in came
            )

    def _origin(self, use: TagUse) -> str:
        named = self._tables.get(use.origin or "")
        return named or self._origins.setdefault(use.name, self._ids.guid())


def _attachment(use: TagUse) -> Json:
    # Without the optional sourceTagSyncTimestamp: pyatlan_v9 11.6.0 cannot read it as a number.
    return {
        "typeName": "SourceTagAttachment",
        "attributes": {
            "sourceTagName": use.name,
            "sourceTagConnectorName": "snowflake",
            "isSourceTagSynced": True,
            "sourceTagValue": [{"tagAttachmentKey": "value", "tagAttachmentValue": use.value}],
        },
    }
