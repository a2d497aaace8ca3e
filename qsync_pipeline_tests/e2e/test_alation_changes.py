"""What becomes of Alation's objects and of ours: renamed, gone, out of the domain, out of sight."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from qsync_pipeline_tests.e2e.alation import alation_world, memory, on, settle, tags_of
from qsync_pipeline_tests.e2e.harness import World


@pytest.fixture
def fresh() -> Iterator[World]:
    """A world after its first sync."""
    with alation_world(seed=4) as one:
        settle(one)
        yield one


def tagged(one: World, tag: str = "Known") -> str:
    """A table with a flag of ours, and a tag that has come over."""
    table = one.tables(alert="integration", catalog="alation")[0]
    one.alation("tag", table, tag=tag)
    settle(one)
    return table


def test_a_renamed_table_keeps_its_link_and_nothing_has_to_be_written(fresh: World) -> None:
    table = tagged(fresh)
    renamed = f"{table.rpartition('.')[0]}.ANOTHER_NAME"
    fresh.alation("rename", table, to="ANOTHER_NAME")
    before = fresh.whole_state()
    done = fresh.sync()
    assert (done.ok, done.planned, done.writes, fresh.changed(before)) == (True, {}, {}, set())
    assert {row["object"] for row in fresh.state("alation", renamed)["health"]} == {"ANOTHER_NAME"}

    fresh.alation("untag", renamed, tag="Known")
    fresh.qualytics("set_anomaly_status", table, id="all", status="Resolved")
    before = fresh.whole_state()
    done = fresh.sync()
    assert (done.ok, done.excess()) == (True, [])
    assert "Known" not in fresh.tags("qualytics", table)
    assert fresh.state("alation", renamed)["alert"] is None
    seen = {key for key in fresh.changed(before) if key[0] == "alation" and key[2] != "attributes"}
    assert seen == on(renamed, "alert", "health")
    fresh.quiet()


def test_a_table_dropped_in_alation_loses_its_tags_in_qualytics_and_nothing_else_is_touched(
    fresh: World,
) -> None:
    table = tagged(fresh, tag="Only Here")
    fresh.alation("drop", table)
    before = fresh.whole_state()
    done = fresh.sync()
    assert (done.ok, done.excess()) == (True, [])
    changed = fresh.changed(before)
    assert changed <= tags_of(fresh, table) | {("qualytics", "only here", "definition")}
    assert fresh.tags("qualytics", table).get("Only Here") is None
    fresh.quiet()


def test_a_table_gone_in_qualytics_loses_values_flag_and_rows_in_alation(fresh: World) -> None:
    table = tagged(fresh)
    rules = set(memory(fresh).health.fields)
    rows = len(fresh.state("alation", table)["health"])
    fresh.qualytics("drop", table)
    before = fresh.whole_state()
    done = fresh.sync()
    assert (done.ok, done.excess()) == (True, [])
    shown = fresh.state("alation", table)
    assert (shown["attributes"], shown["alert"], shown["health"]) == ({}, None, [])
    assert len(rules) - len(memory(fresh).health.fields) == rows
    beside = {
        key
        for key in fresh.changed(before) - on(table, "attributes", "alert", "health")
        if key[0] == "alation" and not key[1].startswith(f"{table}.")
    }
    assert all(key[2] == "attributes" and key[1].endswith("(schema)") for key in beside), beside
    fresh.quiet()


def test_what_a_domain_rule_excludes_is_frozen_and_what_is_not_goes_on(fresh: World) -> None:
    table = tagged(fresh)
    other = fresh.tables(alert="integration", catalog="alation")[1]
    schema = next(
        e["name"] for e in fresh.all("alation") if e["kind"] == "schema" and table.startswith(f"{e['name']}.")
    )
    fresh.alation("set_domain", schema, domain="Sales")
    fresh.alation("set_domain", table, domain="Sales", exclude=True)
    fresh.configure("alation", domains=["Sales"])
    assert fresh.sync().ok
    for name in (table, other):
        fresh.qualytics("set_score", name, dimension="total", value=9.9)
        fresh.qualytics("raise_anomaly", name, rule="volumetric")
    fresh.alation("untag", table, tag="Known")
    before = fresh.whole_state()
    done = fresh.sync()
    assert (done.ok, done.excess()) == (True, [])
    assert done.buckets["outside_domain"] > 0
    touched = {key[1].rpartition(" (")[0] for key in fresh.changed(before)}
    assert not {name for name in touched if name == table or name.startswith(f"{table}.")}
    assert fresh.attributes(other, "alation")["Quality Score Total"] == 9.9
    assert "Known" in fresh.tags("qualytics", table)
    fresh.check(domains={"Sales", "Retail"}, frozen=True)
    fresh.quiet()

    fresh.alation("set_domain", table, domain="Sales")
    assert fresh.sync().ok
    assert fresh.attributes(table, "alation")["Quality Score Total"] == 9.9
    assert "Known" not in fresh.tags("qualytics", table)
    fresh.check(domains={"Sales", "Retail"}, frozen=True)


@pytest.mark.parametrize("what", ["table", "source"])
def test_what_is_out_of_sight_is_frozen_and_catches_up_when_it_is_back(fresh: World, what: str) -> None:
    table = tagged(fresh)
    sources = fresh.rules("alation").connections
    source = next(title for schema, title in sources.items() if table.startswith(f"{schema}."))
    hidden = table if what == "table" else source
    fresh.alation("forbid", hidden)
    fresh.alation("untag", table, tag="Known")
    fresh.qualytics("set_score", table, dimension="total", value=None)
    fresh.qualytics("set_anomaly_status", table, id="all", status="Resolved")
    before = fresh.whole_state()
    done = fresh.sync()
    touched = {key[1].rpartition(" (")[0] for key in fresh.changed(before)}
    assert done.ok
    assert not {name for name in touched if name == table or name.startswith(f"{table}.")}
    assert "Known" in fresh.tags("qualytics", table)

    fresh.alation("allow", hidden)
    settle(fresh)
    assert "Known" not in fresh.tags("qualytics", table)
    fresh.quiet()


def test_a_source_that_may_not_be_written_is_rejected_and_not_tried_at_every_sync(fresh: World) -> None:
    table = tagged(fresh)
    fresh.alation("forbid", table, mode="read")
    fresh.qualytics("set_score", table, dimension="total", value=11.1)
    before = fresh.whole_state()
    done = fresh.sync()
    assert done.outcome["custom_fields"]["rejected"] == 1
    assert fresh.changed(before) == set()
    again = fresh.sync()
    assert again.writes == {}
