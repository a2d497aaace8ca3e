"""A second writer on the same catalog is refused, unless the config says that they may live side by side."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from qsync_pipeline_tests.e2e.harness import World, world


@pytest.fixture(scope="module")
def beside() -> Iterator[World]:
    with world(seed=5) as one:
        one.sandbox.systems["qualytics"].connect_catalog(  # type: ignore[attr-defined]  # the system's own hook
            "atlan", one.sandbox.urls["atlan"]
        )
        yield one


@pytest.mark.rule("5.1", "A catalog asset has one writer.")
def test_beside_the_vendors_own_integration_nothing_is_written(beside: World) -> None:
    before = beside.whole_state()
    synced = beside.sync()
    assert not synced.writes
    assert not beside.changed(before)
    assert synced.outcome["custom_metadata"]["parked"]
    assert any("own atlan integration" in reason for reason in synced.reasons)
    passed, _ = synced.checks["quality_metadata:in_step"]
    assert not passed


def test_with_coexist_it_writes(beside: World) -> None:
    beside.configure(coexist=True)
    synced = beside.sync()
    assert synced.outcome["custom_metadata"]["applied"]
    beside.check()
    beside.quiet()
