"""What a system refuses for each kind of reason: it is kept as it was, and tried again by its class."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from qsync_pipeline.ledger import Rejected
from qsync_pipeline_tests.faults.phases import WRITES
from qsync_pipeline_tests.histories.clock import Clock, virtual_time
from qsync_pipeline_tests.histories.estates import estate_of
from qsync_pipeline_tests.histories.wire import wired
from qsync_pipeline_tests.histories.world import World

TABLE = "DB1.S1.T1"
NEW = "New"
DAY = 86_400.0
STATUS = {"validation": 400, "permission": 403, "missing": 404, "throttle": 429, "server": 500}
TRANSIENT = ("throttle", "server")

SURFACES = {
    "custom_metadata": ("atlan", "atlan", "/api/meta/entity/bulk", "{}"),
    "custom_fields": (
        "alation",
        "alation",
        "/integration/v2/custom_field_value/async/",
        '"otype":"table","oid":{},',
    ),
    "external_tags": ("atlan", "qualytics", "/api/containers", '"id":{},'),
}
"""By surface: the catalog, the system that is written to, the route, and how a body names the table."""


@contextmanager
def world_of(catalog: str) -> Iterator[World]:
    """A table that carries a tag and has anomalies, and another one beside; nothing is synced yet."""
    clock = Clock()
    told: list[World] = []
    with virtual_time(clock), wired(lambda: told[0].wire):
        told.append(World(estate_of([("plain", ["tagged", "plain"])]), [catalog], clock))
        yield told[0]


def refuse(world: World, surface: str, error_class: str) -> str:
    """Let the system refuse what it is sent for the table; what it says."""
    _, system, route, named = SURFACES[surface]
    id_ = next(row["id"] for row in world.systems[system].state(name=TABLE)).rpartition(":")[2]
    said = f"no {error_class} here"
    body = {"detail": said, "message": said, "errorMessage": said, "errorCode": "X-1", "code": "X-1"}
    rule = {"system": system, "route": route, "method": WRITES, "holding": named.format(id_)}
    world.inject({**rule, "status": STATUS[error_class], "body": body})
    return said


def rejected(world: World, surface: str) -> list[Rejected]:
    return world.ledger.rejections.find(surface=surface)


def sync(world: World, catalog: str) -> bool:
    """One run; whether it wrote anything."""
    world.writes()
    world.sync(catalog)
    world.settle()
    return bool(world.writes())


def change(world: World, score: float = 12.5) -> None:
    world.mutate("qualytics", "set_score", asset=TABLE, dimension="total", value=score)


TRIGGERS: dict[str, Callable[[World], Any]] = {
    "somebody asks": lambda world: world.ledger.rejections.retry(world.ledger.rejections.find()),
    "somebody drops it": lambda world: world.ledger.rejections.drop(world.ledger.rejections.find()),
    "another payload": lambda world: change(world, 34.0),
    "a day": lambda world: world.clock.sleep(DAY + 60),
}


@pytest.mark.rule("5.5", "A rejected item is tried again when its payload or our permissions changed")
@pytest.mark.parametrize(
    ("surface", "error_class", "trigger"),
    [
        ("custom_metadata", "validation", "another payload"),
        ("custom_metadata", "permission", "somebody asks"),
        ("custom_metadata", "missing", "a day"),
        ("custom_metadata", "throttle", ""),
        ("custom_metadata", "server", ""),
        ("custom_fields", "validation", "a day"),
        ("custom_fields", "permission", "another payload"),
        ("custom_fields", "missing", "somebody drops it"),
        ("custom_fields", "throttle", ""),
        ("custom_fields", "server", ""),
        ("external_tags", "validation", "somebody asks"),
        ("external_tags", "permission", "a day"),
        ("external_tags", "missing", "somebody drops it"),
        ("external_tags", "throttle", ""),
        ("external_tags", "server", ""),
    ],
)
def test_a_refused_item_is_kept_whole_and_tried_again_by_its_class(
    surface: str, error_class: str, trigger: str
) -> None:
    catalog = SURFACES[surface][0]
    with world_of(catalog) as world:
        sync(world, catalog)
        change(world)
        world.mutate(catalog, "tag", asset=TABLE, tag=NEW)
        world.settle()
        said = refuse(world, surface, error_class)
        sync(world, catalog)
        (item,) = rejected(world, surface)
        kept = item.rejection
        assert kept.error_class == error_class
        assert said in kept.reason
        assert kept.payload == (NEW if surface == "external_tags" else {"Quality Score Total": 12.5})
        assert kept.attempts == 1
        sync(world, catalog)
        again = rejected(world, surface)[0].rejection.attempts == 2
        assert again == (error_class in TRANSIENT), "still refused: only what passes is tried at every run"
        world.faults.clear()
        if trigger:
            assert not sync(world, catalog), "never merely because a run started"
            assert rejected(world, surface)
            TRIGGERS[trigger](world)
        assert sync(world, catalog)
        assert not rejected(world, surface)
        assert not sync(world, catalog)


def test_what_nobody_wants_any_more_stands_rejected_no_longer() -> None:
    with world_of("atlan") as world:
        sync(world, "atlan")
        before = world.systems["qualytics"].state(name=TABLE)[0]["attributes"]["Quality Score Total"]
        change(world)
        refuse(world, "custom_metadata", "validation")
        sync(world, "atlan")
        change(world, before)
        world.sync("atlan", only=(1, ["T2"]))
        assert rejected(world, "custom_metadata"), "a run of other tables says nothing of it"
        assert not sync(world, "atlan")
        assert not rejected(world, "custom_metadata")
