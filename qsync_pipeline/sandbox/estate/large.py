"""The large estate: the yardstick of DESIGN.md §7, 200 datastores, 20,000 tables, 600,000 columns.

Counts are exact and include what stands on one side only. The same maker serves scaled-down variants for
tests.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import accumulate

from qsync_pipeline.sandbox.estate import vocabulary
from qsync_pipeline.sandbox.estate.awkward_shapes import qualytics_alone
from qsync_pipeline.sandbox.estate.columns import Style, native_type, spelled, type_of
from qsync_pipeline.sandbox.estate.furnish import catalog_only, fill, rng_of, shape
from qsync_pipeline.sandbox.estate.model import (
    Access,
    ColumnSpec,
    ConnectionSpec,
    DatabaseSpec,
    DatastoreSpec,
    Estate,
    SchemaSpec,
    TableKind,
    TableSpec,
)
from qsync_pipeline.sandbox.estate.places import Picker
from qsync_pipeline.sandbox.estate.tagging import use


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


AREAS = _words(
    "sales finance customer marketing logistics inventory pricing risk claims billing procurement quality "
    "service web mobile stores loyalty treasury people production"
)
_LAYERS = _words("raw stg int dim fct agg rpt")
_NOUNS = _words(
    "customers accounts invoices payments shipments products events sessions contracts tickets visits "
    "returns quotes subscriptions devices employees vendors campaigns journals positions"
)
_SUBJECTS = _words(
    "customer order product invoice payment shipment account vendor store campaign employee contract device "
    "session ticket region channel category currency period"
)
_ASPECTS = _words(
    "id name status amount quantity created_at updated_at start_date end_date email phone is_active rate "
    "code description total_amount"
)
_STYLES: dict[str, Style] = {
    "snowflake": "upper",
    "postgresql": "lower",
    "sqlserver": "as_is",
    "bigquery": "lower",
    "databricks": "lower",
    "mysql": "lower",
}
_CONNECTORS = ("snowflake", "postgresql", "mysql", "sqlserver", "snowflake", "bigquery", "databricks")
_COMPUTED = 4
_TIMES = 40
_PLANTED = 7 + 2 * _COMPUTED
"""Tables that :func:`~.furnish.shape` adds: a twin, a view, a pair, three odd names, the computed ones."""
_NARROWEST, _WIDEST = 4, 160


def split(total: int, parts: int, low: int, high: int, rng: random.Random) -> list[int]:
    """Whole numbers from ``low`` to ``high`` that add up to ``total``: many small, a few large.

    Raises ValueError where there are none.
    """
    if not low * parts <= total <= high * parts:
        raise ValueError(f"{total}: cannot be split into {parts} parts of {low} to {high}")
    weights = [min(6.0, rng.lognormvariate(0.0, 0.6)) for _ in range(parts)]
    scale = (total - low * parts) / sum(weights)
    sizes = [min(high, low + int(weight * scale)) for weight in weights]
    short = total - sum(sizes)
    while short:
        for i in range(parts):
            if short and sizes[i] < high:
                sizes[i] += 1
                short -= 1
    return sizes


def _camel(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))


def _spell(name: str, connector: str) -> str:
    return _camel(name) if connector == "sqlserver" else spelled(name, _STYLES.get(connector, "lower"))


class _Columns:
    """Names and types of columns to share out, spelled once per connector."""

    def __init__(self) -> None:
        self._pools: dict[str, list[tuple[str, str, str]]] = {}

    def draw(self, connector: str, count: int, rng: random.Random) -> list[ColumnSpec]:
        pool = self._pools.get(connector)
        if pool is None:
            names = [f"{subject}_{aspect}" for subject in _SUBJECTS for aspect in _ASPECTS]
            pool = [
                (_spell(name, connector), kind, native_type(connector, kind))
                for name in names
                for kind in (type_of(name),)
            ]
            pool += pool  # so that a run may start anywhere
            self._pools[connector] = pool
        start = rng.randrange(len(pool) // 2)
        return [ColumnSpec(*each) for each in pool[start : start + count]]


def _tables(connector: str, sizes: list[int], columns: _Columns, rng: random.Random) -> Iterator[TableSpec]:
    """Tables with the given numbers of columns; the first one holds orders."""
    kinds: tuple[TableKind, ...] = ("table",) * 8 + ("view",) * 2
    for i, size in enumerate(sizes):
        name = f"{rng.choice(_LAYERS)}_{rng.choice(_NOUNS)}_{i:04d}" if i else "fct_orders"
        kind = rng.choice(kinds) if i else "table"
        yield TableSpec(_spell(name, connector), kind, columns=columns.draw(connector, size, rng))


def _connection(number: int, connector: str, access: Access, rng: random.Random) -> ConnectionSpec:
    area = AREAS[number % len(AREAS)]
    labels = {
        "snowflake": "Snowflake",
        "postgresql": "PostgreSQL",
        "sqlserver": "SQL Server",
        "bigquery": "BigQuery",
        "databricks": "Databricks",
        "mysql": "MySQL",
    }
    name = None if connector == "mysql" else _spell(f"{area}_db_{number:02d}", connector)
    return ConnectionSpec(
        f"{area.capitalize()} {labels[connector]} {number:02d}",
        connector,
        f"{connector}-{number:02d}.acme.example.com",
        [DatabaseSpec(name, catalog_name="DEFAULT" if name is None else None)],
        tags=(use(rng.choice(vocabulary.TABLE_TAGS)),) if number == 0 or rng.random() < 0.3 else (),
        domain=area.capitalize() if rng.random() < 0.7 else None,
        access=access,
    )


def _bare(seed: int, name: str, datastores: int, tables: int, columns: int) -> Estate:
    """Connections, schemas and tables, without awkward cases: ``tables`` and ``columns`` are exact."""
    domains = [path for area in AREAS for path in (area.capitalize(), f"{area.capitalize()}/Core")]
    estate = Estate(
        name,
        seed,
        connections=[],
        datastores=[],
        domains=vocabulary.domains(*domains, "Innovation Lab"),
        tags=vocabulary.catalog_tags(),
        native_tags=vocabulary.native_tags(),
        foreign_sets=[vocabulary.SODA, vocabulary.VENDOR_SET],
    )
    rng = rng_of(estate, "layout")
    shared = max(2, datastores // 5)
    for number in range(shared + 2):
        access: Access = "full" if number < shared else "read_only" if number == shared else "hidden"
        connector = _CONNECTORS[number % len(_CONNECTORS)]
        estate.connections.append(_connection(number, connector, access, rng))
    stock = _Columns()
    shares = split(tables, datastores, 2, tables, rng)
    ends = [columns * done // tables for done in (0, *accumulate(shares))]
    for number, share in enumerate(shares):
        own = random.Random(f"{seed}/{name}/{number}/tables")
        sizes = split(ends[number + 1] - ends[number], share, _NARROWEST, _WIDEST, own)
        area = AREAS[number % len(AREAS)]
        if number == datastores - 1:
            files = list(_tables("s3", sizes, stock, own))
            for table in files:
                table.container_kind = "file"
                qualytics_alone(table)
            files[-1].container_kind = "computed_file"
            store = DatastoreSpec("Landing Zone", "s3://acme-landing", None, None, "dfs", "s3", tables=files)
            estate.datastores.append(store)
            continue
        apart = {datastores - 4: shared, datastores - 3: shared + 1}  # read-only, hidden
        enrichment = number == datastores - 2
        connection = estate.connections[0 if enrichment else apart.get(number, number % shared)]
        connector = connection.connector
        schema = SchemaSpec(_spell(f"{area}_{number:03d}", connector))
        schema.tables = list(_tables(connector, sizes, stock, own))
        if number % 3 == 0:
            schema.domain = f"{area.capitalize()}/Core"
        if number % 4 == 0:
            schema.tags = (use(own.choice(vocabulary.TABLE_TAGS)),)
        database = connection.databases[0]
        database.schemas.append(schema)
        label = "Qualytics Enrichment" if enrichment else f"{area.capitalize()} {number:03d}"
        estate.datastores.append(
            DatastoreSpec(
                label, connection.name, database.name, schema.name, type=connector, enrichment=enrichment
            )
        )
    return estate


def _pad(estate: Estate, picker: Picker, columns: int) -> None:
    """Add columns here and there, but not to planted cases, until the estate has exactly so many."""
    rng = rng_of(estate, "padding")
    able = [
        (place.connection.connector, table)
        for place in picker.places
        for table in place.tables
        if id(table) not in picker.taken
    ]
    for number in range(columns - count_columns(estate)):
        connector, table = rng.choice(able)
        name = _spell(f"attribute_{number:04d}", connector)
        table.columns.append(ColumnSpec(name, "String", native_type(connector, "String")))


def all_tables(estate: Estate) -> Iterator[TableSpec]:
    """Every table of the estate, of whatever side."""
    for connection in estate.connections:
        for database in connection.databases:
            for schema in database.schemas:
                yield from schema.tables
    for datastore in estate.datastores:
        yield from datastore.tables


def count_columns(estate: Estate) -> int:
    return sum(len(table.columns) for table in all_tables(estate))


def make_large(
    seed: int, *, datastores: int = 200, tables: int = 20_000, columns: int = 600_000, name: str = "large"
) -> Estate:
    """The large estate for a seed, or one like it of another size.

    Needs some ten datastores, ten tables in each and twenty columns in each table: room for every case.
    """
    room = _PLANTED * _WIDEST  # what the planted tables may need at most
    aside = 3  # tables of a schema that no datastore shows
    estate = _bare(seed, name, datastores, tables - _PLANTED - aside, columns - room)
    first = estate.connections[0]
    own = rng_of(estate, "aside")
    extra = SchemaSpec(
        _spell("sandbox_area", first.connector),
        catalog_only(_tables(first.connector, [5] * aside, _Columns(), own)),
    )
    first.databases[0].schemas.append(extra)
    picker = shape(estate, times=_TIMES if datastores >= 100 else 3, computed=_COMPUTED)
    _pad(estate, picker, columns)
    return fill(estate, picker, times=_TIMES if datastores >= 100 else 3, pages=True, shared_scores=True)
