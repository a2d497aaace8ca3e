"""The demo estate: twelve datastores over five kinds of sources, with every awkward case several times."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from qsync_pipeline_tests.e2e.harness import SETTLED, World, world


@pytest.fixture(scope="module")
def demo() -> Iterator[World]:
    """The demo estate, synced by the first test."""
    with world("demo", seed=1) as one:
        yield one


def test_the_first_sync_brings_twelve_datastores_into_step(demo: World) -> None:
    before = demo.whole_state()
    first = demo.sync()
    assert (first.ok, first.failures, first.excess()) == (True, [], [])
    demo.check(left_out=enrichment(demo), **domains(demo))
    kinds = {(system, what) for system, _, what in demo.changed(before)}
    assert kinds == {
        ("atlan", "attributes"), ("atlan", "alert"), ("qualytics", "tags"), ("qualytics", "definition"),
    }, "what the vendor's own integration and other tools left is untouched"  # fmt: skip
    assert sum(first.buckets.values()) == len(demo.all("qualytics"))


def test_the_second_sync_writes_nothing(demo: World) -> None:
    demo.quiet()


def test_changes_all_over_the_estate_arrive_in_one_sync(demo: World) -> None:
    tables = demo.tables(alert="integration")
    spread = list({name.split(".")[0]: name for name in tables}.values())
    for name in spread:
        demo.control.mutate(
            {"system": "atlan", "do": "tag", "asset": name, "tag": "All Over"},
            {"system": "qualytics", "do": "set_score", "asset": name, "dimension": "total", "value": None},
            {"system": "qualytics", "do": "set_anomaly_status", "asset": name, "id": "all",
             "status": "Resolved"},
        )  # fmt: skip
    demo.control.advance(SETTLED)
    done = demo.sync()
    assert (done.ok, done.excess()) == (True, [])
    assert done.planned["announcements"] == {"update": len(spread)}
    assert Counter(demo.tags("qualytics", name)["All Over"] for name in spread) == {"managed": len(spread)}
    demo.check(left_out=enrichment(demo), **domains(demo))
    demo.quiet()


def enrichment(one: World) -> Callable[[str, str], bool]:
    """Enrichment datastores take no part."""
    names = {
        f"{datastore.database}.{datastore.schema}" if datastore.database else str(datastore.schema)
        for datastore in one.estate.datastores
        if datastore.enrichment
    }
    return lambda level, name: any(name == top or name.startswith(f"{top}.") for top in names)


def domains(one: World) -> dict[str, set[str]]:
    wanted = one.estate.domains_of_interest
    if not wanted:
        return {}
    paths = [spec.path for spec in one.estate.domains]
    return {
        "domains": {
            path.rsplit("/", 1)[-1]
            for path in paths
            if any(path == top or path.startswith(f"{top}/") for top in wanted)
        }
    }
