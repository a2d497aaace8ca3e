"""``qsync retire``: nothing of ours is left, and nothing of anybody else's is gone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest

from qsync_pipeline.core.definitions_back import STILL_CARRIED
from qsync_pipeline_tests.e2e.alation import alation_world, both_world
from qsync_pipeline_tests.e2e.commands import qsync
from qsync_pipeline_tests.e2e.harness import World, world

WORLDS: dict[str, Any] = {"atlan": lambda: world("small", seed=1), "alation": lambda: alation_world()}


@pytest.fixture(params=sorted(WORLDS))
def one(request: pytest.FixtureRequest) -> Iterator[World]:
    made: AbstractContextManager[World] = WORLDS[request.param]()
    with made as opened:
        yield opened


def lasting(changed: set[tuple[str, str, str]]) -> set[tuple[str, str, str]]:
    """Without what no call deletes: definitions whose name no URL reaches, and tags made by push_tags."""
    return {
        (system, name, what)
        for system, name, what in changed
        if not (what == "definition" and "/" in name) and what != "tag"
    }


def test_retiring_leaves_all_systems_as_they_were_before_the_first_sync(one: World) -> None:
    name = one.catalogs[0]
    one.configure(name, overwrite_tags=True, push_tags=True)
    before = one.whole_state()
    assert one.sync().ok
    one.control.advance(5)
    assert one.changed(before)
    plan = qsync(one, "retire", name, "--dry-run")
    assert (plan.status, plan.object["retire"]["lines"] > 100) == (0, True)
    assert one.changed(before), "a dry run takes nothing back"
    done = qsync(one, "retire", name, "--yes")
    assert done.status == 0, done.said
    assert done.object["retire"]["stays"]
    assert lasting(one.changed(before)) == set()
    with one.ledger() as ledger:
        assert ledger.holdings.counts().get(name, {}) == {}
    again = qsync(one, "retire", name, "--yes")
    assert (again.status, again.object["retire"]["lines"]) == (0, 0)
    one.configure(name, first_write=False)
    assert one.sync().writes == {}, "the next sync is a first contact"


def test_the_last_to_be_retired_takes_the_definitions_that_the_first_had_to_leave() -> None:
    with both_world() as one:
        for name in ("atlan", "alation"):
            one.configure(name, overwrite_tags=True)
        before = one.whole_state()
        one.sync_all()
        one.control.advance(5)
        first = qsync(one, "retire", "atlan", "--yes")
        assert (first.status, STILL_CARRIED in first.said) == (0, True), first.said
        last = qsync(one, "retire", "alation", "--yes")
        assert last.status == 0, last.said
        assert lasting(one.changed(before)) == set()
        assert "Finance/Tier 1" in str(last.object["retire"]["stays"]), "no call reaches a name with a slash"
        with one.ledger() as ledger:
            assert {key for key in ledger.tag_definitions.all() if "/" not in key} == set()


def test_what_people_changed_or_took_over_stays_and_is_named(one: World) -> None:
    name = one.catalogs[0]
    system = "trust_flags" if name == "alation" else "announcements"
    assert one.sync().ok
    one.control.advance(5)
    edited, table = one.tables(alert="integration", catalog=name)[:2]
    one.mutate(
        {"system": name, "do": "set_attribute", "asset": edited, "name": "Quality Score Total", "value": 1.5},
        {"system": name, "do": "set_alert", "asset": table, "text": "Ask Ada before you use this"},
    )
    done = qsync(one, "retire", name, "--yes")
    assert done.status == 0, done.said
    assert one.attributes(edited, name) == {"Quality Score Total": 1.5}
    alert = one.state(name, table)["alert"]
    assert (alert["by"], "Ada" in alert["text"]) == ("person", True)
    assert "somebody changed Quality Score Total" in done.said
    assert done.outcome(name, system).get("skipped") == 1


def test_only_one_datastore_is_retired_where_one_is_named() -> None:
    with world("small", seed=1) as one:
        before = one.whole_state()
        assert one.sync().ok
        one.control.advance(5)
        synced = one.whole_state()
        keys = one.keys()
        done = qsync(one, "retire", f"atlan/{keys['CRM']}", "--yes")
        assert done.status == 0, done.said
        with one.ledger() as ledger:
            assert ledger.holdings.of(keys["CRM"], integration="atlan") == []
        touched = {name.lower() for _, name, what in one.changed(synced) if what in ("attributes", "alert")}
        assert touched
        assert all(name.startswith("crm") for name in touched)
        theirs = {key: value for key, value in before.items() if "crm" in key[1].lower()}
        now = one.whole_state()
        assert {key: now[key] for key in theirs} == theirs


def test_what_was_left_behind_is_withdrawn_and_what_takes_part_stays() -> None:
    with world("small", seed=1) as one:
        before = one.whole_state()
        assert one.sync().ok
        one.configure(containers={"exclude": ["PRODUCT"]})
        assert one.sync().ok
        one.control.advance(5)
        synced = one.whole_state()
        done = qsync(one, "retire", "atlan", "--left-behind", "--yes")
        assert done.status == 0, done.said
        changed = {name for system, name, what in one.changed(synced) if what == "attributes"}
        assert changed
        assert all("PRODUCT" in name for name in changed)
        left = [key for key in before if key[0] == "atlan" and ".PRODUCT " in key[1]]
        now = one.whole_state()
        assert all(now[key] == before[key] for key in left)
        one.quiet()
