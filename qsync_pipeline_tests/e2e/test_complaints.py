"""Complaints about other products that no other test holds yet; ``docs/complaints.md`` lists all of them."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator

import pytest

from qsync_pipeline_tests.e2e.harness import Synced, World, world

DAY = 86_400
REFUSED = {"errorCode": "ATLAS-400-00-0FA", "errorMessage": "Given typename is invalid, obviously made up"}
BULK = {"system": "atlan", "method": "POST", "route": "/api/meta/entity/bulk"}


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[World, Synced]]:
    """A world and what its first sync did."""
    with world("small", seed=4) as one:
        first = one.sync()
        assert first.ok
        one.control.advance(5)
        yield one, first


@pytest.fixture
def synced(both: tuple[World, Synced]) -> World:
    return both[0]


def test_5_writes_grow_with_batches_and_not_with_assets(both: tuple[World, Synced]) -> None:
    """OpenMetadata #23433, #29429: several calls for each asset, serial. Here: tens of assets a call."""
    _, first = both
    planned = sum(sum(first.plan[name].values()) for name in ("custom_metadata", "announcements"))
    writes = sum(count for (system, _, _), count in first.writes.items() if system == "atlan")
    assert planned > 100
    assert writes < planned / 8


def test_9b_every_planned_line_has_one_outcome_and_every_other_a_reason(both: tuple[World, Synced]) -> None:
    """Multiwoven #64, Allie-SDK #32: where did 998 of 1,000 rows go? Here: numbers add up, with reasons."""
    _, first = both
    for surface, row in first.plan.items():
        if surface != "definitions":
            assert sum(first.outcome[surface].values()) >= sum(row.values()) > 0, surface
    not_done = sum(row["skipped"] + row["rejected"] + row["parked"] for row in first.outcome.values())
    told = sum(count for reason, count in first.reasons.items() if not reason.startswith("beside the plan"))
    assert told >= not_done
    assert all(reason.partition(": ")[2] for reason in first.reasons)


def test_13_every_object_stands_in_one_bucket_with_a_reason(both: tuple[World, Synced]) -> None:
    """Qualytics' limits and Ranger's fourth hole: kinds that are not supported are dropped. Here: counted."""
    one, first = both
    found: Counter[str] = Counter()
    for log in (one.sandbox.config.parent / ".qsync").rglob("asset_mapping/*.csv"):
        with log.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                found[row["bucket"]] += 1
                assert row["bucket"] == "matched" or row["reason"], row
    assert found == first.buckets
    assert found["unsupported"] > 0
    assert sum(found.values()) == len(one.all("qualytics"))


def test_7_a_dry_run_shows_every_removal_and_removes_nothing(synced: World) -> None:
    """DataHub: a dry run switches deletion off, so it cannot show it. Here: the same lines, and no write."""
    table = next(name for name in synced.tables() if "managed" in synced.tags("qualytics", name).values())
    tags = synced.state("atlan", table)["tags"]
    synced.mutate(*({"system": "atlan", "do": "untag", "asset": table, "tag": tag["name"]} for tag in tags))
    before = synced.whole_state()
    shown = synced.sync(dry_run=True)
    assert shown.plan["external_tags"]["remove"] > 0
    assert shown.writes == {}
    assert synced.changed(before) == set()
    done = synced.sync()
    assert done.planned == shown.planned
    assert "managed" not in synced.tags("qualytics", table).values()
    synced.quiet()


def test_10_blanks_case_and_markup_set_off_no_loop(synced: World) -> None:
    """OpenCTI #14877, #6708: trimmed on one side and compared untrimmed. Here: the second sync is quiet."""
    table = synced.tables()[3]
    synced.atlan("tag", table, tag="  Loop \u00a0 Maker ", description="<p>bold&nbsp;<b>words</b> </p>\n")
    first = synced.sync()
    assert first.planned["external_tags"]["create"] == 1
    for _ in range(2):
        synced.quiet()


def test_9a_what_was_refused_is_red_and_written_later(synced: World) -> None:
    """Multiwoven #923 and Ranger's second hole: a 400 counts as delivered, later runs skip it for good."""
    table = synced.tables()[2]
    synced.qualytics("set_score", table, dimension="accuracy", value=41.5)
    synced.control.faults({**BULK, "status": 400, "body": REFUSED})
    refused = synced.sync()
    synced.control.clear_faults()
    assert refused.outcome["custom_metadata"]["rejected"] > 0
    assert refused.outcome["custom_metadata"]["applied"] == 0
    assert not refused.checks["quality_metadata:rejected"][0]
    assert any("obviously made up" in reason for reason in refused.reasons)
    synced.control.advance(DAY + 60)
    with synced.ledger() as ledger:
        standing = ledger.rejections.find()
        assert standing
        ledger.rejections.retry(standing)
    later = synced.sync()
    assert later.ok
    assert later.checks["quality_metadata:rejected"][0]
    assert synced.attributes(table)["Quality Score Accuracy"] == 41.5
    synced.quiet()


def test_ranger_3_one_poison_asset_holds_nothing_up(synced: World) -> None:
    """Ranger tagsync: one document is tried every 15 seconds for ever, and all behind it waits."""
    poison, *others = synced.tables()[4:8]
    for name in (poison, *others):
        synced.qualytics("set_score", name, dimension="accuracy", value=12.5)
    synced.control.faults({**BULK, "status": 400, "body": REFUSED, "count": 1})
    refused = synced.sync()
    synced.control.clear_faults()
    assert refused.outcome["custom_metadata"]["rejected"] == 1
    written = [name for name in others if synced.attributes(name)["Quality Score Accuracy"] == 12.5]
    assert len(written) >= len(others) - 1
    with synced.ledger() as ledger:
        if standing := ledger.rejections.find():
            ledger.rejections.retry(standing)
    assert synced.sync().ok
    synced.quiet()


def test_ranger_1_the_last_tag_of_a_whole_datastore_goes(synced: World) -> None:
    """Ranger tagsync uploads only where one tagged entity came back: the last tag of a service never goes."""
    by_store: dict[str, list[str]] = {}
    for name in synced.tables():
        if "managed" in synced.tags("qualytics", name).values():
            by_store.setdefault(name.rpartition(".")[0], []).append(name)
    store = min(by_store, key=lambda one: len(by_store[one]))
    inside = [row for row in synced.all("atlan") if row["name"].startswith(store)]
    synced.mutate(*({"system": "atlan", "do": "untag", "asset": row["name"], "tag": tag["name"]}
                    for row in inside for tag in row["tags"] if tag["origin"] != "propagated"))  # fmt: skip
    assert synced.sync().ok
    # What the datastore still has is its connection's, which is another object in the catalog.
    above = set(synced.tags("qualytics", store))
    left = {row["name"]: tag["name"] for row in synced.all("qualytics") if row["name"].startswith(f"{store}.")
            for tag in row["tags"] if tag["origin"] == "managed" and tag["name"] not in above}  # fmt: skip
    assert left == {}
    synced.quiet()
