"""Histories told by hand: what random ones would come upon too seldom."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from qsync_pipeline_tests.histories.clock import Clock, virtual_time
from qsync_pipeline_tests.histories.estates import estate_of
from qsync_pipeline_tests.histories.story import Story
from qsync_pipeline_tests.histories.wire import wired


@pytest.fixture
def story() -> Iterator[Story]:
    """Two datastores, each with one table that carries a tag in the catalog."""
    clock = Clock()
    told: list[Story] = []
    with virtual_time(clock), wired(lambda: told[0].world.wire):
        told.append(Story(estate_of([("plain", ["tagged"]), ("plain", ["view"])]), ["atlan"], (), clock, {}))
        yield told[0]


def test_definitions_are_cleared_away_though_the_last_datastore_is_out_of_sight(story: Story) -> None:
    world = story.world
    world.sync("atlan")
    ours = {tag.name for tag in world.store.tags.by_name.values() if tag.maker == "api"}
    assert {"PII", "Ünï/côde #1"} <= ours
    assert world.mutate("atlan", "untag", asset="DB1.S1.T1", tag="PII")
    world.systems["qualytics"].deny_datastore(2)  # type: ignore[attr-defined]  # the sandbox's own
    world.settle()
    world.sync("atlan")
    left = {tag.name for tag in world.store.tags.by_name.values() if tag.maker == "api"}
    assert left == ours - {"PII"}, "what may still stand on the other datastore keeps its definition"
