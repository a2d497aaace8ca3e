"""A whole page lost, or read twice: every list is read whole in spite of it, or fails by its name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any

import pytest

from qsync_pipeline.catalogs.alation.client import AlationClient
from qsync_pipeline.catalogs.atlan import queries
from qsync_pipeline.catalogs.atlan.client import AtlanClient
from qsync_pipeline.catalogs.registry import open_catalog
from qsync_pipeline.qualytics.client import QualyticsClient
from qsync_pipeline.qualytics.opening import open_qualytics
from qsync_pipeline.sandbox.estate.generate import make_estate
from qsync_pipeline.transport.errors import Malformed
from qsync_pipeline_tests.histories.clock import Clock, virtual_time
from qsync_pipeline_tests.histories.wire import wired
from qsync_pipeline_tests.histories.world import World

ROWS = 2
"""Rows of a page: every list has several."""


@dataclass(frozen=True)
class Systems:
    """The clients on one world."""

    world: World
    qualytics: QualyticsClient
    atlan: AtlanClient
    alation: AlationClient


@dataclass(frozen=True)
class Reading:
    """A list: whose it is, and its rows in some form that can be compared."""

    system: str
    route: str
    read: Callable[[Systems], list[Any]]


def _searched(on: Systems) -> list[Any]:
    tables = queries.active(queries.of_types("Table", "View"))
    return sorted(on.atlan.search(tables, [], lambda rows: [row.guid for row in rows]))


def _of_schemas(on: Systems, *, columns: bool) -> list[Any]:
    """The tables of each schema, or its columns: each a list of its own."""
    found: list[Any] = []
    for schema in on.alation.schemas():
        found += [row.id for row in on.alation.tables(schema.id)] if not columns else []
        found += [row.id for page in on.alation.columns(schema.id) for row in page] if columns else []
    return found


def _of_datastores(on: Systems, what: str) -> list[Any]:
    read = getattr(on.qualytics, what)
    return [row.id for one in on.qualytics.datastores() for row in read(one.id)]


def _tagged(on: Systems) -> list[Any]:
    """What carries each tag: each a list of its own."""
    return [
        (tag.name, row.on and row.on.asset)
        for tag in on.alation.tags()
        for row in on.alation.tagged(tag.name)
    ]


READINGS = (
    Reading("qualytics", "/api/datastores", lambda on: [one.id for one in on.qualytics.datastores()]),
    Reading("qualytics", "/api/containers", lambda on: _of_datastores(on, "containers")),
    Reading("qualytics", "/api/quality-checks", lambda on: _of_datastores(on, "checks")),
    Reading("qualytics", "/api/anomalies", lambda on: _of_datastores(on, "anomalies")),
    Reading("qualytics", "/api/global-tags", lambda on: [one.id for one in on.qualytics.global_tags()]),
    Reading("atlan", "/api/meta/search/indexsearch", _searched),
    Reading("alation", "/integration/v2/schema/", lambda on: [one.id for one in on.alation.schemas()]),
    Reading("alation", "/integration/v2/table/", lambda on: _of_schemas(on, columns=False)),
    Reading("alation", "/integration/v2/column/", lambda on: _of_schemas(on, columns=True)),
    Reading(
        "alation", "/integration/v2/datasource/", lambda on: [one.id for one in on.alation.data_sources()]
    ),
    Reading("alation", "/integration/tag/", lambda on: [one.id for one in on.alation.tags()]),
    Reading("alation", "/integration/tag/{name}/subject/", lambda on: _tagged(on)),
    Reading("alation", "/integration/flag/", lambda on: [one.id for one in on.alation.flags()]),
    Reading("alation", "/integration/v2/domain/", lambda on: [one.id for one in on.alation.domains()]),
    Reading(
        "alation",
        "/integration/v2/domain/membership/view_rules/",
        lambda on: [
            (one.domain_id, one.oid)
            for one in on.alation.domain_rules([row.id for row in on.alation.domains()], exclude=False)
        ],
    ),
    Reading(
        "alation",
        "/integration/v1/data_quality/values/",
        lambda on: [(one.field_key, one.otype, one.oid) for one in on.alation.health_values()],
    ),
    Reading(
        "alation", "/integration/v2/custom_field/", lambda on: [f.id for f in on.alation.custom_fields()]
    ),
)
FAULTS = [(kind, rows) for kind in ("lose_page", "repeat_page") for rows in (None, 1)]


@pytest.fixture(scope="module")
def systems() -> Iterator[Systems]:
    """The small estate, with clients that read small pages, one after the other."""
    clock = Clock()
    with ExitStack() as stack:
        stack.enter_context(virtual_time(clock))
        world = World(make_estate("small", 11), ("atlan", "alation"), clock)
        stack.enter_context(wired(lambda: world.wire))
        qualytics = open_qualytics(world.config.qualytics)
        catalogs: Any = [open_catalog(world.config.integration(name)) for name in world.catalogs]
        for one in (qualytics, *catalogs):
            stack.callback(one.close)
        found = Systems(world, qualytics, *(one.client for one in catalogs))
        for pages in (found.qualytics, found.atlan, found.alation.calls):
            pages.page_size = ROWS
        qualytics.parallel = 1
        for row in world.state("alation")[: 5 * ROWS]:
            world.mutate("alation", "set_alert", asset=row["name"], text="a person's")
        keys = [row.key for schema in found.alation.schemas() for row in found.alation.tables(schema.id)]
        fields = [{"field_key": "other.tool", "name": "Another tool's rule", "type": "NUMERIC"}]
        values = [
            {
                "field_key": "other.tool",
                "object_key": key,
                "object_type": "TABLE",
                "status": "GOOD",
                "value": 1,
            }
            for key in keys
        ]
        found.alation.post_health({"fields": fields, "values": values})
        world.settle()
        yield found


@pytest.mark.parametrize("reading", READINGS, ids=lambda one: one.route)
@pytest.mark.parametrize(("kind", "rows"), FAULTS)
def test_rows_lost_or_repeated_are_noticed_and_what_is_read_is_whole_or_nothing(
    systems: Systems, reading: Reading, kind: str, rows: int | None
) -> None:
    world = systems.world
    rule = {"kind": kind, "rows": rows, "system": reading.system, "route": reading.route}
    whole = reading.read(systems)
    assert len(set(whole)) == len(whole) > ROWS
    try:
        world.inject({**rule, "count": 1})
        assert reading.read(systems) == whole
        assert world.faults.as_list()[0]["fired"] == 1, "no page beyond a first one was asked for"
        world.faults.clear()
        world.inject(rule)
        with suppress(Malformed):
            assert reading.read(systems) == whole
    finally:
        world.faults.clear()
