"""Where awkward cases are planted: the schemas of ordinary datastores, and how tables are picked."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from qsync_pipeline.sandbox.estate.model import (
    ConnectionSpec,
    DatabaseSpec,
    DatastoreSpec,
    Estate,
    SchemaSpec,
    TableSpec,
)

_TRIES = 20
"""Random tries before all tables are looked through: an estate may have 20,000."""


@dataclass(slots=True)
class Place:
    """A datastore with the physical schema behind it."""

    connection: ConnectionSpec
    database: DatabaseSpec
    schema: SchemaSpec
    datastore: DatastoreSpec

    @property
    def tables(self) -> list[TableSpec]:
        return self.schema.tables


def places_of(estate: Estate) -> list[Place]:
    """Every datastore with a schema behind it, in the estate's order."""
    found = []
    for datastore in estate.datastores:
        behind = estate.schema_of(datastore)
        if behind:
            found.append(Place(*behind, datastore))
    return found


def ordinary(places: Iterable[Place]) -> list[Place]:
    """Those that the everyday path covers: readable, writable, no enrichment datastore."""
    return [p for p in places if p.connection.access == "full" and not p.datastore.enrichment]


def both_sides(table: TableSpec) -> bool:
    return table.in_catalog and table.in_qualytics


def settled(table: TableSpec) -> bool:
    """On both sides, profiled, scanned, with a check that may raise an anomaly."""
    return both_sides(table) and table.scanned and any(check.status == "Active" for check in table.checks)


@dataclass(slots=True)
class Picker:
    """Picks tables at random, none twice, so that cases do not cover each other up."""

    places: Sequence[Place]
    rng: random.Random
    taken: set[int] = field(default_factory=set)

    def take(self, table: TableSpec) -> TableSpec:
        self.taken.add(id(table))
        return table

    def pick(
        self,
        fits: Callable[[TableSpec], bool] = both_sides,
        where: Callable[[Place], bool] | None = None,
    ) -> tuple[Place, TableSpec]:
        """A table that fits and was not picked before; one picked before if there is no other.

        Raises LookupError when nothing fits.
        """
        places = [place for place in self.places if place.tables and (where is None or where(place))]
        for _ in range(_TRIES if places else 0):
            place = self.rng.choice(places)
            table = self.rng.choice(place.tables)
            if id(table) not in self.taken and fits(table):
                return place, self.take(table)
        spots = [(place, table) for place in places for table in place.tables if fits(table)]
        if not spots:
            raise LookupError("the estate has no table that fits")
        fresh = [spot for spot in spots if id(spot[1]) not in self.taken]
        place, table = self.rng.choice(fresh or spots)
        return place, self.take(table)
