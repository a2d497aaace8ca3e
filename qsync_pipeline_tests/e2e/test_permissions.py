"""What the token may see and write: withdrawn, given back, never there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from qsync_pipeline_tests.e2e.harness import World, world

CRM, SALES = "CRM PostgreSQL", "Snowflake Production"

RETRY = "A rejected item is tried again when its payload or our permissions changed"
STORM = "Per connection and surface one write goes first; after three single-item 403s"
FROZEN = "Before anything is removed because its counterpart is missing"


@pytest.fixture
def fresh() -> Iterator[World]:
    """A world that was never synced."""
    with world("small", seed=1) as one:
        yield one


@pytest.mark.parametrize("scrub", ["scrub", "legacy", "full"])
@pytest.mark.rule("5.1", "Before anything is removed because its counterpart is missing")
def test_a_connection_out_of_sight_is_frozen_and_catches_up_when_it_is_back(scrub: str) -> None:
    with world("small", seed=1, switches={"atlan": {"scrub": scrub}}) as one:
        assert one.sync().ok
        table = next(name for name in one.tables(alert="integration") if name.startswith("crm."))
        one.atlan("tag", table, tag="Before")
        assert one.sync().ok
        one.atlan("forbid", CRM)
        one.atlan("untag", table, tag="Before")
        one.atlan("tag", table, tag="Unseen")
        one.qualytics("set_score", table, dimension="total", value=None)
        one.qualytics("set_anomaly_status", table, id="all", status="Resolved")
        before = one.whole_state()
        done = one.sync()
        assert (done.ok, done.planned, done.writes) == (True, {}, {})
        assert one.changed(before) == set()
        assert done.buckets["forbidden"] > 0
        one.quiet()

        one.atlan("allow", CRM)
        one.settled()
        one.check()
        assert "Before" not in one.tags("qualytics", table)


@pytest.mark.parametrize("scrub", ["scrub", "full"])
def test_a_table_out_of_sight_is_frozen(scrub: str) -> None:
    with world("small", seed=1, switches={"atlan": {"scrub": scrub}}) as one:
        table = one.tables(alert="none")[0]
        one.qualytics("raise_anomaly", table, rule="volumetric")
        one.atlan("tag", table, tag="Before")
        assert one.sync().ok
        one.atlan("forbid", table)
        one.atlan("untag", table, tag="Before")
        one.qualytics("set_score", table, dimension="total", value=None)
        before = one.whole_state()
        done = one.sync()
        assert (done.ok, one.changed(before)) == (True, set())
        one.quiet()
        one.atlan("allow", table)
        assert one.sync().ok
        one.check()


@pytest.mark.rule("5.5", STORM)
def test_a_read_only_connection_costs_three_writes_once(fresh: World) -> None:
    fresh.atlan("forbid", CRM, mode="read")
    before = fresh.whole_state()
    done = fresh.sync()
    assert done.ok
    refused = [row for row in done.requests if row["status"] == 403 and row["method"] == "POST"]
    assert sum(row["count"] for row in refused) == 3
    assert done.outcomes["custom_metadata"]["rejected"] > 3
    reasons = [reason for reason in done.reasons if reason.startswith("rejected: not tried")]
    assert reasons
    assert all("Update custom metadata" in reason for reason in reasons), "the missing actions are named"
    assert not done.checks["quality_metadata:rejected"][0]
    crm = {name for system, name, _ in fresh.changed(before) if system == "atlan" and name.startswith("crm.")}
    assert crm == set()
    fresh.quiet()


@pytest.mark.rule("5.5", RETRY)
def test_write_permission_given_back_is_noticed_by_the_next_run(fresh: World) -> None:
    fresh.atlan("forbid", CRM, mode="read")
    assert fresh.sync().ok
    fresh.atlan("allow", CRM)
    assert fresh.sync().ok
    fresh.check()
    fresh.quiet()


def test_write_permission_withdrawn_later_leaves_what_stands(fresh: World) -> None:
    assert fresh.sync().ok
    table = next(name for name in fresh.tables(alert="integration") if name.startswith("crm."))
    fresh.atlan("forbid", CRM, mode="read")
    fresh.qualytics("set_score", table, dimension="total", value=77.7)
    before = fresh.whole_state()
    done = fresh.sync()
    assert done.outcomes["custom_metadata"]["rejected"] == 1
    assert fresh.changed(before) == set()
    fresh.quiet()
    fresh.qualytics("set_score", table, dimension="total", value=66.6)
    fresh.atlan("allow", CRM)
    assert fresh.sync().ok
    assert fresh.attributes(table)["Quality Score Total"] == 66.6
    fresh.check()
