"""Reading assets: the index, the contents of schemas, and single assets by id."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from msgspec import structs

from qsync_pipeline.catalogs.alation.client import IDS_PER_CALL, KEYS_PER_CALL, AlationClient, AnyRow
from qsync_pipeline.catalogs.alation.fields import FieldIds
from qsync_pipeline.catalogs.alation.flags import FlagBook
from qsync_pipeline.catalogs.alation.health import HealthBook, prefix_of
from qsync_pipeline.catalogs.alation.keys import asset_id, numbers_by_otype, split_id
from qsync_pipeline.catalogs.alation.models import ColumnRow, Flag, SchemaRow, TableRow
from qsync_pipeline.catalogs.alation.settings import AlationSettings
from qsync_pipeline.catalogs.alation.shared import Shared
from qsync_pipeline.catalogs.alation.tags import deleted_subjects
from qsync_pipeline.catalogs.alation.translate import Place, Translator
from qsync_pipeline.catalogs.base import CatalogIndex, Presence, Role
from qsync_pipeline.core.names import fold
from qsync_pipeline.core.rows import CatalogAsset
from qsync_pipeline.transport.errors import Forbidden, NotFound, Rejected

FEW_TABLES = 50
"""Up to so many tables of a schema their columns are asked for by table, else those of the whole schema."""
FEW_FLAGS = 2
"""Up to so many objects their flags are asked for one by one, else all flags are listed."""
FEW_NAMES = 5
"""Up to so many tables are asked for by name, else those of the whole schema are listed."""


class Reader:
    """All reads of one integration. ``ids`` are our custom fields, once they are known."""

    def __init__(self, client: AlationClient, settings: AlationSettings) -> None:
        self._client = client
        self._settings = settings
        self.shared = Shared(client, settings)
        self.ids = FieldIds()
        self._sees_everything: bool | None = None
        self._given: dict[str, CatalogAsset] = {}
        """Schemas and tables of light reads: what lies above the objects that are read again by id."""

    def index(self) -> CatalogIndex:
        """Data sources, schemas and domains; everything shared is read afresh from here on.

        Alation knows no databases as objects: a schema's key names its database.
        """
        self.shared = shared = Shared(self._client, self._settings)
        tags, (tree, domains) = shared.tags, shared.domains
        rows = self._client.schemas()
        shared.look_for({row.ds_id for row in rows})
        translator = Translator(
            sources=shared.sources,
            tags=tags,
            domains=domains,
            fields=self.ids,
            complete=shared.complete,
        )
        return CatalogIndex(
            connections=tuple(translator.source(row) for row in shared.sources.values()),
            databases=(),
            schemas=tuple(translator.schema(row) for row in rows),
            domains=tree,
            gaps=tuple(shared.gaps),
            tags=tags.known if shared.complete else None,
        )

    def read(
        self,
        schemas: Sequence[CatalogAsset],
        tables: Collection[str] | None = None,
        *,
        quality_only: bool = False,
    ) -> Iterator[CatalogAsset]:
        """Schemas with all that is in them; each is handed on once it was read whole.

        ``quality_only`` asks for nothing that is kept for the whole instance (tags, domains, all flags, all
        health rows), so that what it costs does not grow with the estate. Its rows are not ``complete``.
        """
        wanted = None if tables is None else {fold(name) for name in tables}
        names = None if tables is None or len(tables) > FEW_NAMES else list(tables)
        numbers = numbers_by_otype(schema.id for schema in schemas).get("schema", [])
        given = {schema.id: schema for schema in schemas}
        translator = (
            Translator(fields=self.ids, complete=False) if quality_only else self._translator(whole=True)
        )
        for row in self._client.rows("schema", numbers):
            if not isinstance(row, SchemaRow):
                continue
            rows = [one for one in self._tables(row.id, names) if wanted is None or fold(one.name) in wanted]
            schema = translator.schema(row)
            if quality_only:
                translator = self._with_quality(translator, schema, rows)
                schema = _placed(translator.schema(row), given.get(schema.id))
            yield from self._contents(translator, row, schema, rows, narrow=wanted is not None)

    def _tables(self, schema: int, names: Sequence[str] | None) -> list[TableRow]:
        if names is None:
            return self._client.tables(schema)
        found = [row for name in names for row in self._client.tables(schema, name)]
        return list({row.id: row for row in found}.values())

    def _with_quality(
        self, translator: Translator, schema: CatalogAsset, tables: Sequence[TableRow]
    ) -> Translator:
        """The translator, with flags and health rows of these objects only."""
        keys = [row.key for row in tables]
        return replace(
            translator,
            flags=FlagBook(self._flags_of(schema.id, [row.id for row in tables]), self._settings.marker),
            health=HealthBook(
                self._client.health_values(objects=keys) if keys else (),
                prefix_of(self._settings.integration),
            ),
        )

    def _flags_of(self, schema: str, tables: Sequence[int]) -> Iterator[Flag]:
        """Flags on the levels that may carry ours."""
        otypes = self._settings.flag_otypes
        if "schema" in otypes:
            yield from self._client.flags(*(split_id(schema) or (None, None)))
        if "table" in otypes and len(tables) <= FEW_FLAGS:
            for number in tables:
                yield from self._client.flags("table", number)
        elif "table" in otypes:
            yield from self._client.flags("table")
        if "attribute" in otypes:
            yield from self._client.flags("attribute")  # there may be hundreds of columns: one list instead

    def _contents(
        self,
        translator: Translator,
        row: SchemaRow,
        schema: CatalogAsset,
        table_rows: Sequence[TableRow],
        *,
        narrow: bool,
    ) -> list[CatalogAsset]:
        found = [schema]
        tables: dict[int, Place] = {}
        above = (schema.id, asset_id("data", row.ds_id))
        for table_row in table_rows:
            table = translator.table(table_row, schema)
            tables[table_row.id] = translator.place(table, above)
            found.append(table)
        if not translator.complete:
            self._given.update({asset.id: asset for asset in found})
        if not tables:
            return found
        few = list(tables) if narrow and len(tables) <= FEW_TABLES else None
        for page in self._client.columns(row.id, few):
            for column_row in page:
                # A column whose table is not listed belongs to a table that went, or that we may not see.
                place = tables.get(column_row.table_id)
                if place is not None:
                    found.append(translator.column(column_row, place))
        return found

    def reread(self, ids: Sequence[str], *, roles: Collection[Role] | None = None) -> dict[str, CatalogAsset]:
        """Assets by id with what stands on them now; those that are not listed are left out.

        Flags and health rows cost calls of their own: without these ``roles`` they are not asked for.

        Tags come from what has been read of them; where nothing has been, the assets are not complete.
        """
        rows = self._rows(ids)
        flagged = list(rows) if roles is None or "alerts" in roles else []
        keys = [row.key for row in rows.values() if isinstance(row, TableRow)]
        if roles is not None and "health" not in roles:
            keys = []
        translator = replace(
            self._translator(whole=False),
            flags=FlagBook(self._flags_on(flagged), self._settings.marker),
            health=HealthBook(
                self._client.health_values(objects=keys) if keys else (),
                prefix_of(self._settings.integration),
            ),
        )
        return self._assets(translator, rows)

    def reread_costs(self, ids: Sequence[str], *, roles: Collection[Role] | None = None) -> int:
        """About how many requests :meth:`reread` takes: lists by level, then flags and health rows."""
        numbers = {otype: found for otype, found in numbers_by_otype(ids).items() if otype != "data"}
        lists = sum(-(-len(found) // IDS_PER_CALL) for found in numbers.values())
        flags = len(ids) if len(ids) <= FEW_FLAGS else 1
        health = -(-len(numbers.get("table", ())) // KEYS_PER_CALL)
        wanted = {"alerts", "health"} if roles is None else set(roles)
        return lists + flags * ("alerts" in wanted) + health * ("health" in wanted)

    def presence(self, ids: Sequence[str]) -> dict[str, Presence]:
        """Present, gone or forbidden.

        Alation's lists leave out what was deleted and what we may not see alike. So what is not listed is
        gone only where that is proved: by the answer for a data source, by the role of a server admin, who
        sees everything, or by a tag or flag on it whose subject Alation calls deleted. All else is forbidden.
        """
        answer: dict[str, Presence] = dict.fromkeys(ids, "forbidden")
        listed = self._rows(ids)
        answer.update(dict.fromkeys(listed, "present"))
        unlisted: list[str] = []
        for id in ids:
            parts = split_id(id)
            if parts is None or id in listed:
                continue
            if parts[0] == "data":
                answer[id] = self._source_presence(parts[1])
            else:
                unlisted.append(id)
        if unlisted:
            gone = unlisted if self._sees_all() else deleted_subjects(self._client, unlisted)
            answer.update(dict.fromkeys(gone, "gone"))
        return answer

    # Below

    def _translator(self, *, whole: bool) -> Translator:
        """``whole``: with all that is kept for the whole instance, else with what of it has been read."""
        shared = self.shared
        plain = Translator(
            sources=shared.sources if whole else shared.known_sources,
            tags=shared.tags if whole else shared.tags_now(),
            domains=shared.domains[1] if whole else shared.known_membership,
            fields=self.ids,
        )
        plain = replace(plain, complete=shared.complete)
        return replace(plain, flags=shared.flags, health=shared.health) if whole else plain

    def _rows(self, ids: Sequence[str]) -> dict[str, AnyRow]:
        """The rows of schemas, tables and columns by asset id."""
        return {
            asset_id(otype, row.id): row
            for otype, numbers in numbers_by_otype(ids).items()
            if otype != "data"
            for row in self._client.rows(otype, numbers)
        }

    def _assets(self, translator: Translator, rows: dict[str, AnyRow]) -> dict[str, CatalogAsset]:
        """Rows of any level as assets; what they lie in is read along, unless a light read has."""
        columns = [row for row in rows.values() if isinstance(row, ColumnRow)]
        tables = {row.id: row for row in rows.values() if isinstance(row, TableRow)}
        table_assets = self._seen("table", {row.table_id for row in columns} - set(tables))
        for above in self._above("table", {row.table_id for row in columns} - {*tables, *table_assets}):
            if isinstance(above, TableRow):
                tables[above.id] = above
        schema_rows = {row.id: row for row in rows.values() if isinstance(row, SchemaRow)}
        needed = {row.schema_id for row in tables.values()} - set(schema_rows)
        schemas = self._seen("schema", needed)
        for above in self._above("schema", needed - set(schemas)):
            if isinstance(above, SchemaRow):
                schema_rows[above.id] = above
        for number, row in schema_rows.items():
            schema = translator.schema(row)
            schemas[number] = _placed(schema, self._given.get(schema.id))
        table_assets |= {
            number: translator.table(one, schemas[one.schema_id])
            for number, one in tables.items()
            if one.schema_id in schemas
        }
        found = {asset.id: asset for asset in (*schemas.values(), *table_assets.values())}
        for one in columns:
            table = table_assets.get(one.table_id)
            if table is not None:
                above_ids = asset_id("schema", one.schema_id), asset_id("data", one.ds_id)
                column = translator.column(one, translator.place(table, above_ids))
                found[column.id] = column
        return {id: found[id] for id in rows if id in found}

    def _seen(self, otype: str, numbers: Collection[int]) -> dict[int, CatalogAsset]:
        """Those of these objects that a light read has handed on."""
        found = {number: self._given.get(asset_id(otype, number)) for number in numbers}
        return {number: asset for number, asset in found.items() if asset is not None}

    def _above(self, otype: str, numbers: Collection[int]) -> list[AnyRow]:
        return self._client.rows(otype, sorted(numbers)) if numbers else []

    def _flags_on(self, ids: Sequence[str]) -> list[Flag]:
        if len(ids) > FEW_FLAGS:
            return self._client.flags()
        return [flag for id in ids for flag in self._client.flags(*(split_id(id) or (None, None)))]

    def _source_presence(self, number: int) -> Presence:
        try:
            return "gone" if self._client.data_source(number) is None else "present"
        except (Forbidden, NotFound):
            return "forbidden"

    def _sees_all(self) -> bool:
        """Whether the token's owner is a server admin, above all restrictions of data sources."""
        if self._sees_everything is None:
            try:
                user = self._client.user(self._client.userinfo().id)
            except (Forbidden, NotFound, Rejected):
                user = None
            role = (user.role if user else None) or ""
            self._sees_everything = "".join(filter(str.isalpha, role)).lower() == "serveradmin"
        return self._sees_everything


def _placed(schema: CatalogAsset, given: CatalogAsset | None) -> CatalogAsset:
    """A schema with what its data source says of it, from an earlier reading where this one has not asked."""
    if given is None or schema.connector:
        return schema
    return structs.replace(
        schema,
        connection=given.connection,
        connector=given.connector,
        host=given.host,
        database=schema.database or given.database,
    )
