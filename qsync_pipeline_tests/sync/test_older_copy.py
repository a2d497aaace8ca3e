"""While the ledger is known for an older copy, tags in the catalog are not taken off on its word either."""

from __future__ import annotations

import pytest

from qsync_pipeline_tests.histories.clock import Clock, virtual_time
from qsync_pipeline_tests.histories.estates import NATIVE, estate_of
from qsync_pipeline_tests.histories.wire import wired
from qsync_pipeline_tests.histories.world import World

TABLE = "DB1.S1.T1"


@pytest.mark.rule("5.5", "A lost ledger removes nothing")
@pytest.mark.parametrize("doubted", [True, False])
@pytest.mark.parametrize("catalog", ["atlan", "alation"])
def test_a_tag_that_went_out_is_let_go_where_an_older_copy_calls_it_ours(catalog: str, doubted: bool) -> None:
    clock = Clock()
    told: list[World] = []
    with virtual_time(clock), wired(lambda: told[0].wire):
        world = World(estate_of([("plain", ["native tag", "plain"])]), [catalog], clock)
        told.append(world)
        mine = world.config.integration(catalog).model_copy(update={"push_tags": True})
        world.config = world.config.model_copy(update={"integrations": [mine]})

        def tags() -> set[str]:
            return {tag["name"] for tag in world.systems[catalog].state(name=f"{TABLE}.A")[0]["tags"]}

        world.mutate("qualytics", "tag", asset=f"{TABLE}.A", tag="Theirs")
        world.sync(catalog)
        assert "Theirs" in tags()
        world.mutate("qualytics", "untag", asset=f"{TABLE}.A", tag="Theirs")
        world.settle()
        if doubted:
            world.ledger.epoch.doubt(1_000_000)
        world.sync(catalog)
        assert ("Theirs" in tags()) == doubted
        world.settle()
        world.sync(catalog)
        assert ("Theirs" in tags()) == doubted, "what was let go is nobody's of ours any more"
        assert NATIVE not in tags()
