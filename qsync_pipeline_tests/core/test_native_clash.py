"""Catalog tags called like a native one: skipped or taken over, as the setting says (DESIGN.md §5.2)."""

from __future__ import annotations

import pytest

from qsync_pipeline_tests.core.build import tag
from qsync_pipeline_tests.core.tag_world import tag_rules
from qsync_pipeline_tests.core.test_tags import C_ID, T_ORDERS, T_PEOPLE, lines, world

NATIVE = "Same name as a native tag"
ONLY_OURS = "Only assignments that an integration of ours made are ever removed; a person's stay"


@pytest.mark.rule("5.2", NATIVE)
def test_a_native_tag_of_the_name_is_skipped_counted_and_named_with_overwrite_off() -> None:
    w = world()
    w.define("pii", category="Person", color="#111111")
    w.retag(C_ID.id, tag("PII"))
    w.retag(T_ORDERS.id, tag("PII"))
    plan = w.sync()
    assert lines(plan.changes, status="skipped") == [
        ("create", "container:1", "pii", "skipped"),
        ("create", "field:1", "pii", "skipped"),
    ]
    assert "overwrite_tags" in plan.changes[0].reason
    assert plan.changes[0].after == "pii"
    assert w.state() == {}
    assert w.definitions["pii"].category == "Person"


@pytest.mark.rule("5.2", NATIVE)
def test_with_overwrite_on_a_native_tag_takes_the_catalogs_look_and_keeps_its_assignments() -> None:
    w = world()
    w.define("pii", category="Person", color="#111111", weight_modifier=7)
    w.put("container:2", "pii")
    w.retag(C_ID.id, tag("PII", color="#BF1B1B", description="<p>Personal</p>"))
    w.sync(tag_rules(overwrite=True))
    one = w.definitions["pii"]
    assert (one.name, one.category, one.color, one.description) == ("pii", "atlan", "#BF1B1B", "Personal")
    assert one.weight_modifier == 7
    assert w.tags("container:2") == w.tags("field:1") == {"pii"}
    w.retag(C_ID.id)
    w.sync(tag_rules(overwrite=True))
    assert w.state() == {"container:2": {"pii"}}
    assert "pii" in w.definitions, "we did not make it, we do not delete it"


@pytest.mark.rule("5.2", "A tag that any integration of ours made is never a native clash")
def test_a_tag_that_another_integration_made_is_shared_with_overwrite_off() -> None:
    w = world()
    w.retag(C_ID.id, tag("PII"))
    w.sync(tag_rules("second"))
    w.retag(T_PEOPLE.id, tag("PII"))
    w.sync()
    assert w.tags("container:2") == {"pii"}


@pytest.mark.rule("5.2", NATIVE)
@pytest.mark.parametrize("first", ["atlan", "second"])
def test_a_native_tag_that_another_integration_took_over_is_still_skipped_where_overwrite_is_off(
    first: str,
) -> None:
    other = "second" if first == "atlan" else "atlan"
    w = world()
    w.define("pii", category="Person", color="#111111")
    w.retag(C_ID.id, tag("PII", color="#222222"), integration=first)
    w.sync(tag_rules(first, overwrite=True))
    w.retag(T_PEOPLE.id, tag("PII", color="#333333"), integration=other)
    w.retag(C_ID.id, tag("PII", color="#333333"), integration=other)
    plan = w.sync(tag_rules(other))
    assert {change.status for change in plan.changes} == {"skipped"}
    assert w.state() == {"field:1": {"pii"}}
    assert (w.definitions["pii"].category, w.definitions["pii"].color) == (first, "#222222")


@pytest.mark.rule("5.2", NATIVE)
def test_with_overwrite_switched_off_again_what_was_put_there_stays_and_nothing_more_comes() -> None:
    w = world()
    w.define("pii", category="Person", color="#111111")
    w.retag(C_ID.id, tag("PII", color="#222222"))
    w.sync(tag_rules(overwrite=True))
    w.retag(C_ID.id, tag("PII", color="#333333"))
    w.retag(T_PEOPLE.id, tag("PII", color="#333333"))
    w.sync()
    assert w.state() == {"field:1": {"pii"}}
    assert w.definitions["pii"].color == "#222222"
    w.retag(C_ID.id)
    w.sync()
    assert w.state() == {}


@pytest.mark.rule("5.2", NATIVE)
@pytest.mark.parametrize("steps", range(1, 6))
def test_with_overwrite_switched_off_after_a_run_that_died_nothing_more_is_put_there(steps: int) -> None:
    w = world()
    w.define("pii", category="Person")
    w.retag(C_ID.id, tag("PII"))
    w.retag(T_PEOPLE.id, tag("PII"))
    w.sync(tag_rules(overwrite=True), steps=steps)
    before = w.state()
    w.sync()
    assert w.state() == before
    w.retag(C_ID.id)
    w.retag(T_PEOPLE.id)
    w.sync()
    assert w.state() == {}
    assert "pii" in w.definitions


@pytest.mark.rule("5.2", ONLY_OURS)
@pytest.mark.parametrize("overwrite", [True, False])
@pytest.mark.parametrize("name", ["PII", "pii"])
def test_what_a_person_tags_with_a_definition_made_anew_is_not_ours_whatever_we_held_there(
    name: str, overwrite: bool
) -> None:
    w = world()
    w.retag(C_ID.id, tag("PII", color="#BF1B1B"))
    w.sync(tag_rules(overwrite=overwrite))
    w.undefine("pii")
    w.define(name, color="#111111")
    w.put("field:1", name)
    w.sync(tag_rules(overwrite=overwrite))
    assert w.held() == {}
    assert w.definitions["pii"].color == ("#BF1B1B" if overwrite else "#111111")
    w.retag(C_ID.id)
    w.sync(tag_rules(overwrite=overwrite))
    assert w.state() == {"field:1": {"pii"}}
    assert w.plan(tag_rules(overwrite=overwrite))[1] == []


@pytest.mark.rule("5.2", ONLY_OURS)
def test_what_a_person_put_below_since_is_no_copy_of_what_lapsed_above() -> None:
    w = world()
    w.retag(T_ORDERS.id, tag("PII"))
    w.sync()
    w.undefine("pii")
    w.put("field:1", "PII")
    w.retag(T_ORDERS.id)
    assert {change.action for change in w.sync().changes} == {"note"}
    assert (w.state(), w.held()) == ({"field:1": {"pii"}}, {})
