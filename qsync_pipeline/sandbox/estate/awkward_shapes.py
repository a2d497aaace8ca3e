"""Awkward cases of structure: names, kinds, sides and what was profiled. Planted before checks and tags.

Every estate gets every case for every seed; the seed decides where. The list is that of issue 2, point 3.
"""

from __future__ import annotations

import random

from qsync_pipeline.sandbox.estate.columns import native_type
from qsync_pipeline.sandbox.estate.model import ColumnSpec, SchemaSpec, TableSpec
from qsync_pipeline.sandbox.estate.places import Picker, Place, both_sides

ODD_TABLES: tuple[tuple[str, ...], ...] = (
    ("campaign.2024/Q1", "export.v2/daily", "in/out.balance"),
    ('the "VIP" list', 'client\'s notes "old"', '"quoted" name'),
    ("Kundenübersicht", "顧客", "Données clients"),
)
"""Table names with dots and slashes, with quotes and blanks, in other scripts; one of each is planted."""

ODD_COLUMNS = ("net.amount", 'size "EU"', "Postal Code", "price/unit", "straße", "100%", "a#b")

CASE_SENSITIVE = frozenset({"snowflake", "postgresql", "bigquery"})
"""Connectors whose schemas may hold two tables that differ by case only (quoted identifiers)."""

BLUE, GREEN = "ORDERS_BLUE", "ORDERS_GREEN"
"""The pair of tables of like shape whose contents a later change swaps."""


def other_case(name: str) -> str:
    """The same letters in another case: lower for an upper-case name, upper for any other."""
    return name.lower() if name == name.upper() else name.upper()


def _odd_names(picker: Picker) -> None:
    rng = picker.rng
    for group in ODD_TABLES:
        place = rng.choice(picker.places)
        names = [
            ("id", "Integral"),
            (rng.choice(ODD_COLUMNS), "String"),
            ("amount", "Fractional"),
            ("changed at", "Timestamp"),
        ]
        columns = [ColumnSpec(n, t, native_type(place.connection.connector, t)) for n, t in names]
        place.tables.append(picker.take(TableSpec(rng.choice(group), columns=columns)))


def clone(table: TableSpec, name: str) -> TableSpec:
    """A table of the same shape with a name of its own."""
    return TableSpec(name, columns=[ColumnSpec(c.name, c.type, c.native_type) for c in table.columns])


def _case_pair(picker: Picker) -> None:
    def able(place: Place) -> bool:
        return place.connection.connector in CASE_SENSITIVE

    def single(table: TableSpec) -> bool:
        return table.kind == "table" and other_case(table.name) != table.name

    place, table = picker.pick(single, able)
    twin = clone(table, table.name.capitalize() if table.name.isupper() else other_case(table.name))
    place.tables.append(picker.take(twin))


def _name_in_two_schemas(picker: Picker, siblings: list[tuple[Place, SchemaSpec]]) -> None:
    """A view in one schema with the name of a table in another one of the same database."""
    place, other = picker.rng.choice(siblings)
    names = {table.name for table in other.tables}
    tables = [t for t in place.tables if t.kind == "table" and both_sides(t) and t.name not in names]
    fresh = [t for t in tables if id(t) not in picker.taken] or tables
    table = picker.take(picker.rng.choice(fresh))
    view = clone(table, table.name)
    view.kind = "view"
    if all(each.schema is not other for each in picker.places):
        view.in_qualytics = view.profiled = view.scanned = False
    other.tables.append(picker.take(view))


def _swap_pair(picker: Picker) -> None:
    """Two tables of like shape with the names of a blue-green change, in an upper-case schema."""

    def upper(place: Place) -> bool:
        return place.connection.connector == "snowflake"

    place, table = picker.pick(lambda t: both_sides(t) and t.kind == "table" and "ORDER" in t.name, upper)
    for name in (BLUE, GREEN):
        place.tables.append(picker.take(clone(table, name)))


def _one_side_only(picker: Picker, times: int) -> None:
    for _ in range(times):
        table = picker.pick()[1]
        table.in_qualytics = table.profiled = table.scanned = False
        picker.pick()[1].in_catalog = False
        _, table = picker.pick(lambda t: both_sides(t) and len(t.columns) > 2)
        picker.taken.discard(id(table))  # a column more or less covers up no other case
        missing, extra = picker.rng.sample(range(1, len(table.columns)), 2)
        table.columns[missing].in_qualytics = False
        table.columns[extra].in_catalog = False


def _case_in_catalog(picker: Picker, times: int) -> None:
    for _ in range(times):
        place, table = picker.pick(lambda t: both_sides(t) and other_case(t.name) != t.name)
        folded = [t.name.casefold() for t in place.tables]
        if folded.count(table.name.casefold()) == 1:
            table.catalog_name = other_case(table.name)
        _, table = picker.pick(lambda t: both_sides(t) and other_case(t.columns[0].name) != t.columns[0].name)
        picker.taken.discard(id(table))
        table.columns[0].catalog_name = other_case(table.columns[0].name)


def _unmeasured(picker: Picker, times: int) -> None:
    """Containers that were never profiled, and some profiled but never scanned."""
    for _ in range(times):
        table = picker.pick(lambda t: both_sides(t) and t.profiled)[1]
        table.profiled = table.scanned = False
        picker.pick(lambda t: both_sides(t) and t.scanned)[1].scanned = False


def qualytics_alone(table: TableSpec) -> None:
    """Mark a container, with its fields, as one that no catalog shows."""
    table.in_catalog = False
    for column in table.columns:
        column.in_catalog = False


def qualytics_only(place: Place, rng: random.Random, *, files: bool) -> None:
    """Computed containers beside the schema's tables; with ``files`` also a file and a computed file."""
    base = rng.choice([t for t in place.tables if t.in_qualytics])
    kinds = ["computed_table", "computed_join"] + (["file", "computed_file"] if files else [])
    for kind in kinds:
        stem = base.name.lower().replace(" ", "_")
        name = f"{stem}_{kind.rpartition('_')[2]}" if kind.startswith("computed") else f"{stem}_export.csv"
        table = clone(base, name if kind != "computed_file" else f"{stem}_export_clean")
        table.container_kind = kind  # type: ignore[assignment]  # a literal of the list above
        qualytics_alone(table)
        place.datastore.tables.append(table)


def plant(
    places: list[Place], siblings: list[tuple[Place, SchemaSpec]], rng: random.Random, *, times: int
) -> Picker:
    """Plant every case of structure, those that may come often ``times`` over.

    ``siblings`` are pairs of a place and another schema of the same database. Returns the picker, which knows
    the tables that are spoken for.
    """
    picker = Picker(places, rng)
    _swap_pair(picker)
    _case_pair(picker)
    _name_in_two_schemas(picker, siblings)
    _odd_names(picker)
    _one_side_only(picker, times)
    _case_in_catalog(picker, times)
    _unmeasured(picker, times)
    return picker
