"""What an estate is: one physical world, and what each outside system shows of it.

The generator (:mod:`.generate`) makes an :class:`Estate` from a name and a seed; each sandbox system builds
its own state from it. Nothing here knows of HTTP. Plain slotted dataclasses: the large estate holds 600,000
columns and must be made in under a minute.

An estate is read only once made: scores, tag uses and tuples may be shared between objects, so a system
copies what it wants to change.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

TableKind = Literal["table", "view", "materialised_view", "dynamic_table"]
ContainerKind = Literal["table", "view", "computed_table", "computed_file", "computed_join", "file"]
CheckStatus = Literal["Active", "Draft", "Invalid", "Discarded"]
AnomalyStatus = Literal["Active", "Acknowledged", "Resolved", "Duplicate", "Invalid", "Discarded"]
Access = Literal["full", "read_only", "hidden"]


@dataclass(slots=True)
class TagSpec:
    """A tag of a catalog. ``source`` marks a source tag whose assignments carry values (Snowflake's)."""

    name: str
    color: str | None = None
    """Atlan: Green, Yellow, Red, Gray or a hex value."""
    description: str | None = None
    source: bool = False


@dataclass(slots=True)
class NativeTagSpec:
    """A tag that people made in Qualytics itself."""

    name: str
    type: Literal["global", "entity", "lineage"] = "global"
    color: str = "#5C6BC0"
    description: str | None = None
    category: str | None = None
    weight_modifier: int = 1


@dataclass(slots=True)
class TagUse:
    """A tag on a catalog asset. ``propagated`` uses came over lineage from another asset."""

    name: str
    propagated: bool = False
    value: str | None = None
    """Value of a source tag, e.g. HIGH."""
    by: str = "ada.lovelace"
    origin: str | None = None
    """For a propagated use: the name of the table of the same schema that it came from."""


@dataclass(slots=True)
class DomainSpec:
    """A domain by its path from the root, ``Finance/Risk``; the parent stands earlier in the list."""

    path: str


@dataclass(slots=True)
class CheckSpec:
    """A check of a container. ``fields`` are column names of that container; empty for table-level rules."""

    rule_type: str
    description: str
    fields: tuple[str, ...] = ()
    status: CheckStatus = "Active"
    is_passing: bool | None = True
    """Null: never asserted."""
    inferred: bool = True


@dataclass(slots=True)
class AnomalySpec:
    """An anomaly of a container; ``checks`` are indexes into the container's own list of checks."""

    type: Literal["shape", "record"]
    message: str
    checks: tuple[int, ...]
    status: AnomalyStatus = "Active"


Scores = dict[str, float | None]
"""``total`` and the eight dimensions (0-100) or null for what was not measured."""


@dataclass(slots=True)
class ColumnSpec:
    """A column, with what each side knows of it. A null ``scores`` means never profiled."""

    name: str
    type: str = "String"
    """Qualytics field type: Unknown, Integral, Fractional, Boolean, String, Date, Timestamp."""
    native_type: str = "VARCHAR"
    tags: tuple[TagUse, ...] = ()
    native_tags: tuple[str, ...] = ()
    """Names of native Qualytics tags that a person put on the field."""
    scores: Scores | None = None
    in_catalog: bool = True
    in_qualytics: bool = True
    domain: str | None = None
    catalog_name: str | None = None
    """Its spelling in the catalog where that differs in case."""


@dataclass(slots=True)
class TableSpec:
    """A table-like thing. Computed and file containers exist in Qualytics only."""

    name: str
    kind: TableKind = "table"
    container_kind: ContainerKind | None = None
    """What Qualytics calls it where that does not follow from ``kind`` (computed_table, file, ...)."""
    columns: list[ColumnSpec] = field(default_factory=list)
    tags: tuple[TagUse, ...] = ()
    native_tags: tuple[str, ...] = ()
    scores: Scores | None = None
    profiled: bool = True
    scanned: bool = True
    checks: list[CheckSpec] = field(default_factory=list)
    anomalies: list[AnomalySpec] = field(default_factory=list)
    in_catalog: bool = True
    in_qualytics: bool = True
    domain: str | None = None
    banner: str | None = None
    """Text of an announcement that a person put on it in the catalog."""
    description: str | None = None
    foreign_values: dict[str, dict[str, object]] = field(default_factory=dict)
    """Values of other tools' custom metadata: set name -> attribute -> value."""
    catalog_name: str | None = None
    """Its spelling in the catalog where that differs in case."""


@dataclass(slots=True)
class SchemaSpec:
    """A schema. ``catalog_name`` is its spelling in the catalog where that differs in case."""

    name: str
    tables: list[TableSpec] = field(default_factory=list)
    tags: tuple[TagUse, ...] = ()
    domain: str | None = None
    catalog_name: str | None = None
    in_catalog: bool = True


@dataclass(slots=True)
class DatabaseSpec:
    """A database. A null ``name`` is a source without databases (MySQL): Qualytics shows none."""

    name: str | None
    schemas: list[SchemaSpec] = field(default_factory=list)
    tags: tuple[TagUse, ...] = ()
    domain: str | None = None
    catalog_name: str | None = None
    """The catalog's name for it where it has one of its own (Atlan shows ``DEFAULT`` for MySQL)."""


@dataclass(slots=True)
class ConnectionSpec:
    """A connection (Atlan) or data source (Alation). ``access`` is what the sandbox's first token may do."""

    name: str
    connector: str
    """Qualytics' connector type: snowflake, postgresql, sqlserver, bigquery, databricks, mysql, ..."""
    host: str
    databases: list[DatabaseSpec] = field(default_factory=list)
    tags: tuple[TagUse, ...] = ()
    domain: str | None = None
    access: Access = "full"


@dataclass(slots=True)
class DatastoreSpec:
    """A Qualytics datastore: one schema of one connection (or a file store, or an enrichment datastore)."""

    name: str
    connection: str
    """Name of the :class:`ConnectionSpec`; for file stores a name that no connection has."""
    database: str | None
    schema: str | None
    store_type: Literal["jdbc", "dfs", "native"] = "jdbc"
    type: str = "snowflake"
    native_tags: tuple[str, ...] = ()
    enrichment: bool = False
    tables: list[TableSpec] = field(default_factory=list)
    """Containers in Qualytics only (files, computed ones); the schema's tables come beside them."""
    scores: Scores | None = None


@dataclass(slots=True)
class ForeignAttributeSpec:
    name: str
    type: Literal["string", "float", "int", "boolean"] = "float"


@dataclass(slots=True)
class ForeignSetSpec:
    """A custom-metadata set of another tool, such as what the vendor's own integration left behind."""

    name: str
    attributes: tuple[ForeignAttributeSpec, ...] = ()
    description: str = ""


@dataclass(slots=True)
class Estate:
    """Everything the sandbox starts with.

    ``domains_of_interest`` are the domains that the config written for this estate names (empty: all).
    """

    name: str
    seed: int
    connections: list[ConnectionSpec]
    datastores: list[DatastoreSpec]
    domains: list[DomainSpec] = field(default_factory=list)
    tags: list[TagSpec] = field(default_factory=list)
    native_tags: list[NativeTagSpec] = field(default_factory=list)
    foreign_sets: list[ForeignSetSpec] = field(default_factory=list)
    domains_of_interest: tuple[str, ...] = ()

    def schema_of(self, datastore: DatastoreSpec) -> tuple[ConnectionSpec, DatabaseSpec, SchemaSpec] | None:
        """The physical schema behind a datastore, or null for file stores and the like."""
        for connection in self.connections:
            if connection.name != datastore.connection:
                continue
            for database in connection.databases:
                if database.name != datastore.database:
                    continue
                for schema in database.schemas:
                    if schema.name == datastore.schema:
                        return connection, database, schema
        return None
