"""Estates under test, made once per process, and ways to walk them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest

from qsync_pipeline.sandbox.estate.furnish import containers_of
from qsync_pipeline.sandbox.estate.generate import make_estate
from qsync_pipeline.sandbox.estate.large import make_large
from qsync_pipeline.sandbox.estate.model import (
    AnomalySpec,
    CheckSpec,
    ColumnSpec,
    Estate,
    SchemaSpec,
    TableSpec,
    TagUse,
)
from qsync_pipeline.sandbox.estate.places import Place, both_sides, ordinary, places_of

KINDS = [("small", seed) for seed in range(12)] + [("demo", seed) for seed in range(4)] + [("scaled", 3)]
"""``scaled`` is a large estate of a hundredth of the size."""

BIG = [kind for kind in KINDS if kind[0] != "small"]


@cache
def estate_of(name: str, seed: int) -> Estate:
    if name == "scaled":
        return make_large(seed, datastores=20, tables=400, columns=10_000, name="scaled")
    return make_estate(name, seed)  # type: ignore[arg-type]  # pytest hands over plain strings


every_estate = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind[0]}-{kind[1]}")
big_estates = pytest.mark.parametrize("kind", BIG, ids=lambda kind: f"{kind[0]}-{kind[1]}")


def everyday(estate: Estate) -> list[Place]:
    return ordinary(places_of(estate))


def everyday_tables(estate: Estate) -> list[TableSpec]:
    """Tables of readable, writable datastores, of whatever side."""
    return [table for place in everyday(estate) for table in place.tables]


def matched_tables(estate: Estate) -> list[TableSpec]:
    return [table for table in everyday_tables(estate) if both_sides(table)]


def all_schemas(estate: Estate) -> Iterator[SchemaSpec]:
    for connection in estate.connections:
        for database in connection.databases:
            yield from database.schemas


def containers(estate: Estate) -> Iterator[TableSpec]:
    """Everything that Qualytics shows."""
    for datastore in estate.datastores:
        yield from (table for table in containers_of(estate, datastore) if table.in_qualytics)


def matched_columns(estate: Estate) -> Iterator[ColumnSpec]:
    for table in matched_tables(estate):
        yield from (column for column in table.columns if column.in_catalog and column.in_qualytics)


def tag_uses(estate: Estate) -> Iterator[TagUse]:
    """Every use of a tag on what the catalog shows."""
    for connection in estate.connections:
        yield from connection.tags
        for database in connection.databases:
            yield from database.tags
            for schema in database.schemas:
                yield from schema.tags
                for table in schema.tables:
                    yield from table.tags
                    for column in table.columns:
                        yield from column.tags


def checks(estate: Estate) -> Iterator[CheckSpec]:
    for table in containers(estate):
        yield from table.checks


def anomalies(estate: Estate) -> Iterator[AnomalySpec]:
    for table in containers(estate):
        yield from table.anomalies
