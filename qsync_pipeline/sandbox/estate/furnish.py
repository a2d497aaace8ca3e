"""From bare schemas to a whole estate: awkward shapes, checks, anomalies, tags and scores, in that order."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

from qsync_pipeline.sandbox.estate import awkward_findings, awkward_shapes
from qsync_pipeline.sandbox.estate.checks import inspect
from qsync_pipeline.sandbox.estate.model import DatastoreSpec, Estate, SchemaSpec, Scores, TableSpec
from qsync_pipeline.sandbox.estate.places import Picker, Place, ordinary, places_of
from qsync_pipeline.sandbox.estate.scores import pool_of, score_datastore, score_table
from qsync_pipeline.sandbox.estate.tagging import tag_table


def rng_of(estate: Estate, *scope: str) -> random.Random:
    """A generator of its own for one part of an estate, so that parts do not disturb each other."""
    return random.Random("/".join((str(estate.seed), estate.name, *scope)))


def catalog_only(tables: Iterable[TableSpec]) -> list[TableSpec]:
    """Tables that no datastore shows: Qualytics knows nothing of them."""
    marked = list(tables)
    for table in marked:
        table.in_qualytics = table.profiled = table.scanned = False
    return marked


def containers_of(estate: Estate, datastore: DatastoreSpec) -> list[TableSpec]:
    """All tables of a datastore: those of its schema, then those that Qualytics alone has."""
    behind = estate.schema_of(datastore)
    return [*(behind[2].tables if behind else ()), *datastore.tables]


def _siblings(estate: Estate, places: Sequence[Place]) -> list[tuple[Place, SchemaSpec]]:
    """Each place with the other schemas of its database, but for those of enrichment datastores."""
    apart = {id(each.schema) for each in places_of(estate) if each.datastore.enrichment}
    return [
        (place, other)
        for place in places
        for other in place.database.schemas
        if other is not place.schema and id(other) not in apart
    ]


def shape(estate: Estate, *, times: int, computed: int, files: bool = False) -> Picker:
    """First half: plant the cases of structure in a bare estate.

    Cases that may come often come ``times`` over; ``computed`` places get computed containers (with
    ``files``, files too). Returns the picker that :func:`fill` goes on with.
    """
    places = ordinary(places_of(estate))
    rng = rng_of(estate, "shapes")
    picker = awkward_shapes.plant(places, _siblings(estate, places), rng, times=times)
    for place in rng.sample(places, computed):
        awkward_shapes.qualytics_only(place, rng, files=files)
    return picker


def fill(
    estate: Estate, picker: Picker, *, times: int, pages: bool = False, shared_scores: bool = False
) -> Estate:
    """Second half: checks, anomalies, tags and scores, in place; returns the estate.

    ``pages`` asks for one container with over a hundred checks and anomalies; ``shared_scores`` lets columns
    share score objects.
    """
    for datastore in estate.datastores:
        rng = rng_of(estate, datastore.name, "findings")
        for table in containers_of(estate, datastore):
            if datastore.enrichment:
                table.profiled = table.scanned = False
            else:
                inspect(table, rng)
            tag_table(table, rng)
    _tag_the_rest(estate)
    picker.rng = rng_of(estate, "findings")
    awkward_findings.findings(picker)
    if pages:
        awkward_findings.many_checks(picker, 110)
    picker.rng = rng_of(estate, "tags")
    awkward_findings.tags(picker, estate, times=times)

    for datastore in estate.datastores:
        rng = rng_of(estate, datastore.name, "scores")
        pools: dict[bool, list[Scores]] = {}
        if shared_scores:
            pools = {scanned: pool_of(rng, 64, scanned=scanned) for scanned in (True, False)}
        for table in containers_of(estate, datastore):
            score_table(table, rng, pools.get(table.scanned))
    awkward_findings.null_dimensions(picker)
    for datastore in estate.datastores:
        datastore.scores = score_datastore(containers_of(estate, datastore))
    return estate


def _tag_the_rest(estate: Estate) -> None:
    """Tags for the catalog's schemas that no datastore stands for."""
    shown = {id(place.schema) for place in places_of(estate)}
    for connection in estate.connections:
        for database in connection.databases:
            for schema in database.schemas:
                if id(schema) not in shown:
                    rng = rng_of(estate, connection.name, schema.name)
                    for table in schema.tables:
                        tag_table(table, rng)
