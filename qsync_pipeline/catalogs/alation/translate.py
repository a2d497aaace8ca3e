"""From Alation's rows to :class:`~qsync_pipeline.core.rows.CatalogAsset`, purely."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from qsync_pipeline.catalogs.alation import connectors
from qsync_pipeline.catalogs.alation.domains import Membership
from qsync_pipeline.catalogs.alation.fields import FieldIds
from qsync_pipeline.catalogs.alation.flags import FlagBook
from qsync_pipeline.catalogs.alation.health import HealthBook
from qsync_pipeline.catalogs.alation.keys import asset_id, database_and_schema
from qsync_pipeline.catalogs.alation.models import ColumnRow, DataSource, SchemaRow, TableRow
from qsync_pipeline.catalogs.alation.tags import TagIndex
from qsync_pipeline.core.rows import CatalogAsset

UNKNOWN = DataSource(id=0)


class Place(NamedTuple):
    """Where columns stand, worked out once for all of a table.

    The ids in ``above`` begin with the table's own; ``domain`` is that of columns which no rule names.
    """

    table: CatalogAsset
    above: tuple[str, ...]
    domain: str | None


@dataclass(frozen=True)
class Translator:
    """What a translation depends on. ``complete`` is false where a shared read (the tags) failed."""

    sources: Mapping[int, DataSource] = field(default_factory=dict)
    tags: TagIndex = field(default_factory=TagIndex)
    domains: Membership = field(default_factory=Membership)
    fields: FieldIds = field(default_factory=FieldIds)
    flags: FlagBook = field(default_factory=lambda: FlagBook((), ""))
    health: HealthBook = field(default_factory=lambda: HealthBook((), ""))
    complete: bool = True

    def source(self, row: DataSource) -> CatalogAsset:
        """A data source: the connection. Its number as text is what the assets in it name."""
        id = asset_id("data", row.id)
        return CatalogAsset(
            id=id,
            level="connection",
            kind="Data source",
            name=row.title or str(row.id),
            qualified_name=str(row.id),
            connection=str(row.id),
            connector=connectors.connector_of(row),
            host=connectors.host_of(row),
            domain=self.domains.shown([id]),
            tags=self.tags.of(id),
            complete=self.complete,
        )

    def schema(self, row: SchemaRow) -> CatalogAsset:
        """A schema. Where its key shows no database, the one that its source stands for counts."""
        id = asset_id("schema", row.id)
        source = self.sources.get(row.ds_id, UNKNOWN)
        database, schema = database_and_schema(row.key, row.name)
        return CatalogAsset(
            id=id,
            level="schema",
            kind="Schema",
            name=schema,
            qualified_name=row.key,
            connection=str(row.ds_id),
            connector=connectors.connector_of(source),
            database=database or connectors.database_of(source),
            schema=schema,
            parent_id=str(row.ds_id),
            host=connectors.host_of(source),
            domain=self.domains.shown([id, asset_id("data", row.ds_id)]),
            tags=self.tags.of(id),
            attributes=self.fields.values(row.custom_fields),
            alert=self.flags.alert(id),
            complete=self.complete,
        )

    def table(self, row: TableRow, schema: CatalogAsset) -> CatalogAsset:
        """A table or view of a schema."""
        id = asset_id("table", row.id)
        return CatalogAsset(
            id=id,
            level="table",
            kind="View" if "VIEW" in (row.table_type or "").upper() else "Table",
            name=row.name,
            qualified_name=row.key,
            connection=schema.connection,
            connector=schema.connector,
            database=schema.database,
            schema=schema.schema,
            table=row.name,
            parent_id=schema.qualified_name,
            host=schema.host,
            domain=self.domains.shown([id, schema.id, asset_id("data", row.ds_id)]),
            tags=self.tags.of(id),
            attributes=self.fields.values(row.custom_fields),
            alert=self.flags.alert(id),
            health=self.health.rows(id, row.key, row.name),
            complete=self.complete,
        )

    def place(self, table: CatalogAsset, above: tuple[str, ...]) -> Place:
        """Where columns of a table stand; ``above`` are the ids of what the table lies in."""
        above = (table.id, *above)
        return Place(table, above, self.domains.shown(("", *above)))

    def column(self, row: ColumnRow, place: Place) -> CatalogAsset:
        """A column."""
        id, table = f"attribute:{row.id}", place.table
        domain = self.domains.shown((id, *place.above)) if id in self.domains.rules else place.domain
        return CatalogAsset(
            id,
            "column",
            "Column",
            row.name,
            row.key,
            table.connection,
            table.connector,
            table.database,
            table.schema,
            table.name,
            row.name,
            table.qualified_name,
            table.host,
            domain,
            self.tags.tags.get(id, ()),
            self.fields.values(row.custom_fields),
            self.flags.alert(id),
            complete=self.complete,
        )
