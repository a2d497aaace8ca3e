"""What the sandbox holds of an asset: immutable versions of slotted documents.

A write never changes a :class:`Doc`; it makes a new version. So the graph can be ahead of the search index
(atlan-api.md §1.8) at the cost of one reference. The large estate holds 620,000 documents: what all columns
of a table share stands once, in their :class:`Scope`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_SQL = ("Referenceable", "Asset", "Catalog", "SQL")
_CATALOG = ("Referenceable", "Asset", "Catalog")
_ASSET = ("Referenceable", "Asset")

SUPER_TYPES: dict[str, tuple[str, ...]] = {
    "Connection": _ASSET,
    "Database": _SQL,
    "Schema": _SQL,
    "Table": _SQL,
    "View": _SQL,
    "MaterialisedView": _SQL,
    "SnowflakeDynamicTable": (*_SQL, "Table"),
    "Column": _SQL,
    "TablePartition": _SQL,
    "CalculationView": _SQL,
    "Procedure": _SQL,
    "Function": _SQL,
    "SnowflakeStage": _SQL,
    "SnowflakePipe": _SQL,
    "SnowflakeStream": _SQL,
    "SnowflakeTag": (*_SQL, "Tag"),
    "DbtTag": (*_CATALOG, "Dbt", "Tag"),
    "DatabricksUnityCatalogTag": (*_SQL, "Tag"),
    "Process": _ASSET,
    "ColumnProcess": (*_ASSET, "Process"),
    "DataDomain": (*_CATALOG, "DataMesh"),
    "DataProduct": (*_CATALOG, "DataMesh"),
    "Badge": _ASSET,
    "Readme": (*_CATALOG, "Resource"),
    "Link": (*_CATALOG, "Resource"),
    "AtlasGlossary": _ASSET,
    "AtlasGlossaryTerm": _ASSET,
    "AtlasGlossaryCategory": _ASSET,
    "Incident": _ASSET,
}
"""Entity types that the sandbox knows, with all their supertypes (atlan-api.md §2.4, §2.6, §2.8, §2.10)."""

FOLDED_TYPES: dict[str, str] = {name: name.lower() for name in SUPER_TYPES}
TYPE_OF_FOLDED: dict[str, str] = {folded: name for name, folded in FOLDED_TYPES.items()}

TABLE_TYPES = ("Table", "View", "MaterialisedView", "SnowflakeDynamicTable")
VIEW_TYPES = frozenset({"View", "MaterialisedView"})
"""Their columns carry viewName and viewQualifiedName, those of the others tableName and so on (§2.4)."""
LEVEL_OF_TYPE: dict[str, str] = {
    "Connection": "connection",
    "Database": "database",
    "Schema": "schema",
    "Column": "column",
    **dict.fromkeys(TABLE_TYPES, "table"),
}
PARENT_RELATION: dict[str, str] = {
    "Database": "",
    "Schema": "database",
    "Table": "atlanSchema",
    "View": "atlanSchema",
    "MaterialisedView": "atlanSchema",
    "SnowflakeDynamicTable": "atlanSchema",
    "DataDomain": "parentDomain",
}
"""Name of the relation from a type to its parent; a Column's depends on the parent's type."""
COLUMN_RELATION: dict[str, str] = {
    "Table": "table",
    "View": "view",
    "MaterialisedView": "materialisedView",
    "SnowflakeDynamicTable": "snowflakeDynamicTable",
}
CHILD_RELATION: dict[str, str] = {
    "Schema": "schemas",
    "Table": "tables",
    "View": "views",
    "MaterialisedView": "materialisedViews",
    "SnowflakeDynamicTable": "snowflakeDynamicTables",
    "Column": "columns",
    "DataDomain": "subDomains",
}
HIERARCHY = frozenset(
    {*PARENT_RELATION.values(), *COLUMN_RELATION.values(), *CHILD_RELATION.values(), "dataDomain"}
)
"""Relations that say where an asset lives: they count when it is created, and cannot be edited later."""


@dataclass(frozen=True, slots=True)
class Tag:
    """A classification on an asset; direct when ``origin`` is the asset's own guid (§2.5)."""

    type_name: str
    origin: str
    propagate: bool = False
    remove_on_delete: bool = True
    restrict_lineage: bool = False
    restrict_hierarchy: bool = False
    attributes: dict[str, Any] | None = None

    @property
    def spreads(self) -> bool:
        """Whether it goes down the hierarchy."""
        return self.propagate and not self.restrict_hierarchy


@dataclass(slots=True)
class Scope:
    """Where an asset lives: the names above it, shared by all its siblings. Never changed."""

    parent: str | None = None
    """Guid of the parent asset."""
    connector: str | None = None
    connection_qn: str | None = None
    connection: str | None = None
    database: str | None = None
    database_qn: str | None = None
    schema: str | None = None
    schema_qn: str | None = None
    table: str | None = None
    table_qn: str | None = None
    table_type: str | None = None


NO_SCOPE = Scope()
NO_ATTRS: dict[str, Any] = {}
NO_CM: dict[str, dict[str, Any]] = {}


class Doc:
    """One version of one asset. Built and copied by hand because it is made 620,000 times."""

    __slots__ = (
        "attrs", "cm", "created", "created_by", "data_type", "guid", "labels", "name", "order", "qn",
        "scope", "status", "tags", "type", "updated", "updated_by",
    )  # fmt: skip

    def __init__(
        self,
        guid: str,
        type_name: str,
        name: str,
        qn: str,
        scope: Scope,
        created: int,
        created_by: str,
        *,
        attrs: dict[str, Any] = NO_ATTRS,
        tags: tuple[Tag, ...] = (),
        cm: dict[str, dict[str, Any]] = NO_CM,
        data_type: str | None = None,
        order: int | None = None,
    ) -> None:
        self.guid = guid
        self.type = type_name
        self.name = name
        self.qn = qn
        self.scope = scope
        self.status = "ACTIVE"
        self.created = created
        self.created_by = created_by
        self.updated = created
        self.updated_by = created_by
        self.attrs = attrs
        self.tags = tags
        self.cm = cm
        self.data_type = data_type
        self.order = order
        self.labels: tuple[str, ...] = ()

    def copy(self) -> Doc:
        """The next version, to be changed until it is committed."""
        new = object.__new__(Doc)
        for slot in Doc.__slots__:
            setattr(new, slot, getattr(self, slot))
        return new

    def set_attr(self, key: str, value: Any) -> None:
        """Set or, with null, clear an attribute of this version only."""
        attrs = dict(self.attrs)
        if value is None:
            attrs.pop(key, None)
        else:
            attrs[key] = value
        self.attrs = attrs

    def direct(self) -> list[Tag]:
        return [tag for tag in self.tags if tag.origin == self.guid]

    @property
    def full_name(self) -> str:
        """``DB.SCHEMA.TABLE.COLUMN`` down to this asset's own level, as Atlan spells it."""
        scope = self.scope
        parts = [part for part in (scope.database, scope.schema, scope.table) if part is not None]
        return ".".join([*parts, self.name])


def child_scope(parent: Doc) -> Scope:
    """The scope of the direct children of an asset."""
    above = parent.scope
    if parent.type == "Connection":
        return Scope(parent.guid, parent.attrs.get("connectorName"), parent.qn, parent.name)
    scope = Scope(
        parent.guid, above.connector, above.connection_qn, above.connection,
        above.database, above.database_qn, above.schema, above.schema_qn,
    )  # fmt: skip
    if parent.type == "Database":
        scope.database, scope.database_qn = parent.name, parent.qn
    elif parent.type == "Schema":
        scope.schema, scope.schema_qn = parent.name, parent.qn
    elif parent.type in TABLE_TYPES:
        scope.table, scope.table_qn, scope.table_type = parent.name, parent.qn, parent.type
    return scope
