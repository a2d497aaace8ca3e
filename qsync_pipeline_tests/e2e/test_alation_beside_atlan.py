"""Two catalogs on one Qualytics (DESIGN.md §5.2): whose a tag is, and when it goes."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from qsync_pipeline_tests.e2e.alation import both_world
from qsync_pipeline_tests.e2e.commands import qsync
from qsync_pipeline_tests.e2e.events import Daemon, without_waiting
from qsync_pipeline_tests.e2e.harness import SETTLED, World

CATALOGS = ("atlan", "alation")


@pytest.fixture(scope="module")
def both() -> Iterator[World]:
    """A world after the first sync of both. Each test leaves it in step, which is proved at the end."""
    with both_world(seed=1) as one:
        before = one.whole_state()
        one.sync_all()
        assert {(system, what) for system, _, what in one.changed(before)} == {
            ("atlan", "attributes"), ("atlan", "alert"),
            ("alation", "attributes"), ("alation", "alert"), ("alation", "health"),
            ("qualytics", "tags"), ("qualytics", "definition"),
        }  # fmt: skip
        one.check()
        one.control.advance(SETTLED)
        yield one
        one.all_quiet()
        one.check()


def change(one: World, do: str, asset: str, tag: str, *catalogs: str) -> None:
    """One change of a tag, in each of these catalogs."""
    one.mutate(*({"system": name, "do": do, "asset": asset, "tag": tag} for name in catalogs))


def category(one: World, tag: str) -> str | None:
    """The category of a definition in Qualytics; null where there is none."""
    look = one.whole_state().get(("qualytics", tag, "definition"))
    return None if look is None else look[2]


def test_a_definition_belongs_to_the_first_catalog_that_supplies_it(both: World) -> None:
    supplied = {tag["name"].casefold() for entry in both.all("atlan") for tag in entry["tags"]}
    makers = {
        (key in supplied, look[2])
        for (system, key, what), look in both.whole_state().items()
        if (system, what) == ("qualytics", "definition") and look[2] in CATALOGS
    }
    assert makers <= {(True, "atlan"), (False, "alation")}
    assert (True, "atlan") in makers


@pytest.mark.parametrize(("first", "last"), [CATALOGS, CATALOGS[::-1]])
def test_an_assignment_stays_until_the_last_catalog_drops_it(both: World, first: str, last: str) -> None:
    table = both.tables()[0]
    change(both, "tag", table, "Held By Two", *CATALOGS)
    both.sync_all()
    assert (both.tags("qualytics", table)["Held By Two"], category(both, "held by two")) == (
        "managed",
        "atlan",
    )
    change(both, "untag", table, "Held By Two", first)
    before = both.whole_state()
    both.sync_all()
    assert {key for key in both.changed(before) if key[2] == "tags"} == set()
    change(both, "untag", table, "Held By Two", last)
    both.sync_all()
    assert "Held By Two" not in both.tags("qualytics", table)
    assert category(both, "held by two") is None
    both.check()


def test_a_definition_moves_to_the_first_catalog_once_that_supplies_it_too(both: World) -> None:
    table, other = both.tables()[:2]
    change(both, "tag", table, "Moving", "alation")
    both.sync_all()
    assert category(both, "moving") == "alation"
    both.atlan("tag", other, tag="Moving", color="Red")
    both.sync_all()
    assert category(both, "moving") == "atlan"
    shown = next(tag for tag in both.state("qualytics", table)["tags"] if tag["name"] == "Moving")
    assert shown["color"] == "#BF1B1B"
    both.all_quiet()
    change(both, "untag", other, "Moving", "atlan")
    both.sync_all()
    assert category(both, "moving") == "alation", "the first that supplies it now"
    both.all_quiet()
    change(both, "untag", table, "Moving", "alation")
    both.sync_all()
    assert category(both, "moving") is None


def test_a_copy_below_a_tag_of_one_catalog_is_kept_where_the_other_wants_it(both: World) -> None:
    table = both.tables()[2]
    column = both.column_of(table)
    change(both, "tag", table, "Layered", "atlan")
    change(both, "tag", column, "Layered", "alation")
    both.sync_all()
    both.check()
    change(both, "untag", table, "Layered", "atlan")
    both.sync_all()
    assert "Layered" in both.tags("qualytics", column)
    both.check()
    both.all_quiet()
    change(both, "untag", column, "Layered", "alation")
    both.sync_all()
    assert not [entry for entry in both.all("qualytics") if "Layered" in str(entry["tags"])]


def test_a_plan_counts_once_what_both_catalogs_would_do_in_qualytics(both: World) -> None:
    table = both.tables()[1]
    change(both, "tag", table, "Planned By Two", *CATALOGS)
    said = qsync(both, "plan")
    assert said.status == 0
    plans = {
        name: {surface: {a: n for a, n in row.items() if n} for surface, row in one["plan"].items()}
        for name, one in said.object["integrations"].items()
    }
    assert plans["atlan"]["external_tags"] == plans["atlan"]["tag_definitions"] == {"create": 1}
    done = both.sync_all()
    for name in CATALOGS:
        assert {surface: row for surface, row in plans[name].items() if row} == done[name].planned
    change(both, "untag", table, "Planned By Two", *CATALOGS)
    both.sync_all()
    both.all_quiet()


def test_a_change_in_qualytics_reaches_both_catalogs(both: World) -> None:
    table = both.tables(alert="none")[0]
    both.qualytics("raise_anomaly", table, rule="volumetric")
    done = both.sync_all()
    assert done["atlan"].planned["announcements"] == done["alation"].planned["trust_flags"] == {"create": 1}
    both.check()
    both.qualytics("set_anomaly_status", table, id="all", status="Resolved")
    both.sync_all()
    assert both.alert(table) is both.state("alation", table)["alert"] is None


@pytest.mark.parametrize("seed", range(2))
def test_whatever_people_tag_anywhere_one_sync_of_each_settles_it(both: World, seed: int) -> None:
    draw = random.Random(seed)
    tables = both.tables()[:3]
    names = [*tables, *(both.column_of(table) for table in tables)]
    tags = ("Red", "green", "Blue/1", "blå #2")
    for _ in range(3):
        for system in CATALOGS:
            for name in names:
                there = {tag["name"] for tag in both.state(system, name)["tags"] if tag["origin"] == "person"}
                for tag in draw.sample(tags, 2):
                    both.control.mutate(
                        {
                            "system": system,
                            "do": "untag" if tag in there else "tag",
                            "asset": name,
                            "tag": tag,
                        }
                    )
        both.control.advance(SETTLED)
        both.sync_all()
        both.check()
        both.all_quiet()


def test_what_happened_to_one_table_costs_each_catalog_twenty_requests_at_most(both: World) -> None:
    table = next(name for name in both.tables(alert="none") if both.state("alation", name)["health"])
    both.mutate(
        {"system": "qualytics", "do": "raise_anomaly", "asset": table, "rule": "notNull"},
        {"system": "qualytics", "do": "set_score", "asset": table, "dimension": "timeliness", "value": 12.5},
        {"system": "qualytics", "do": "finish_scan", "asset": table},
    )
    unit = both.state("qualytics", table)["id"]
    for name in CATALOGS:
        with both.ledger() as ledger:
            keys = ledger.datastores.keys().values()
            key = next(key for key in keys if unit in ledger.links.of(name, key))
        scope = {key: [table.rpartition(".")[2]]}
        done = both.sync("push", name, datastores=[key], scope=scope)
        assert done.ok
        written = {surface for surface, counts in done.outcome.items() if counts["applied"]}
        assert written == {surface for surface in done.outcome if "definition" not in surface}, (
            "every surface"
        )
        asked = [
            row
            for row in done.requests
            if row["system"] == name and "Token" not in row["route"] and "/job/" not in row["route"]
        ]
        assert sum(row["count"] for row in asked) <= 20, asked


def test_no_sensor_takes_what_we_wrote_for_news(both: World, monkeypatch: pytest.MonkeyPatch) -> None:
    without_waiting(monkeypatch)
    for name in CATALOGS:
        both.configure(name, pull_on_change=True)
    daemon = Daemon(both)
    sensors = (
        "qualytics_changes",
        *(f"{name}_{what}" for what in ("changes", "events") for name in CATALOGS),
    )
    while daemon.tick(*sensors):
        both.control.advance(SETTLED)
    tables = both.tables(alert="none")[:5]
    both.mutate(
        *(
            {"system": "qualytics", "do": "raise_anomaly", "asset": name, "rule": "notNull"}
            for name in tables
        ),
        *({"system": name, "do": "tag", "asset": tables[0], "tag": "PII"} for name in CATALOGS),
    )
    started = []
    for _ in range(6):
        both.control.advance(SETTLED)
        started.append(daemon.tick(*sensors))
    assert started[0] + started[1] > 0, "the sensors look"
    assert started[-1] == 0
    both.sync_all()
    both.check()
    for _ in range(100):
        both.control.advance(60)
        assert daemon.tick(*sensors) == 0
    for name in CATALOGS:
        both.configure(name, pull_on_change=None)
