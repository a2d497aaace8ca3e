"""The everyday path of Qualytics and Atlan: one change, one sync, both sides where they should be."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from qsync_pipeline_tests.e2e.harness import World, world
from qsync_pipeline_tests.e2e.judging import problems


@pytest.fixture(scope="module")
def synced() -> Iterator[World]:
    """A world after its first sync. Each test leaves it in step, which is proved when all are done."""
    with world("small", seed=1) as one:
        first = one.sync()
        assert first.ok
        one.control.advance(5)
        yield one
        one.quiet()
        one.check()


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.rule("5.5", "A second run with nothing changed writes nothing")
def test_two_syncs_bring_both_sides_to_where_they_should_be_and_the_second_writes_nothing(seed: int) -> None:
    with world("small", seed) as one:
        assert problems(one.all("atlan"), one.all("qualytics"), one.rules()), "the reference sees nothing"
        before = one.whole_state()
        first = one.sync()
        assert (first.ok, first.failures, first.excess()) == (True, [], [])
        one.check()
        kinds = {(system, what) for system, _, what in one.changed(before)}
        assert kinds == {
            ("atlan", "attributes"), ("atlan", "alert"), ("qualytics", "tags"), ("qualytics", "definition"),
        }  # fmt: skip
        _people_keep_what_is_theirs(one, before)
        one.quiet()


def _people_keep_what_is_theirs(one: World, before: dict[tuple[str, str, str], object]) -> None:
    now = one.whole_state()
    for (system, name, what), value in before.items():
        if (system, what) == ("atlan", "alert") and value is not None:
            assert now[(system, name, what)] == value
        if (system, what) == ("qualytics", "tags"):
            assert isinstance(value, list)
            assert all(tag in now[(system, name, what)] for tag in value)
        if (system, what) == ("qualytics", "definition"):
            assert now[(system, name, what)] == value


def _tags_below(one: World, *names: str) -> set[tuple[str, str, str]]:
    """The tag lists of these Qualytics objects and of all that lies below them."""
    return {
        ("qualytics", f"{entry['name']} ({entry['kind']})", "tags")
        for entry in one.all("qualytics")
        if any(entry["name"] == name or entry["name"].startswith(f"{name}.") for name in names)
    }


def test_a_tag_added_in_the_catalog_arrives_on_that_table_and_cascades(synced: World) -> None:
    table = synced.tables()[0]
    synced.atlan("tag", table, tag="Brand New", color="Yellow", description="<b>Bold</b> words")
    before = synced.whole_state()
    done = synced.sync()
    assert done.planned == {"tag_definitions": {"create": 1}, "external_tags": {"create": 1}}
    assert not done.excess()
    changed = synced.changed(before)
    assert changed == _tags_below(synced, table) | {("qualytics", "brand new", "definition")}
    shown = next(tag for tag in synced.state("qualytics", table)["tags"] if tag["name"] == "Brand New")
    assert (shown["origin"], shown["color"], shown["description"]) == ("managed", "#F7B43D", "Bold words")
    look = synced.whole_state()[("qualytics", "brand new", "definition")]
    assert look == ("Brand New", "global", "atlan", "#F7B43D", "Bold words", 0, "api")
    synced.check()


def test_a_tag_removed_in_the_catalog_goes_with_its_copies_and_its_definition(synced: World) -> None:
    table = synced.tables()[1]
    synced.atlan("tag", table, tag="Passing Fancy")
    synced.sync()
    before = synced.whole_state()
    synced.atlan("untag", table, tag="Passing Fancy")
    done = synced.sync()
    assert "Passing Fancy" not in synced.tags("qualytics", table)
    assert done.planned["tag_definitions"] == {"remove": 1}
    changed = {key for key in synced.changed(before) if key[0] == "qualytics"}
    assert changed == _tags_below(synced, table) | {("qualytics", "passing fancy", "definition")}
    synced.check()


def test_the_last_tag_of_a_table_goes_too(synced: World) -> None:
    for entry in synced.all("atlan"):
        if entry["kind"] == "Table" and entry["name"].startswith("crm.") and entry["tags"]:
            table, tags = entry["name"], [t["name"] for t in entry["tags"] if t["origin"] == "person"]
            if any(origin == "managed" for origin in synced.tags("qualytics", table).values()):
                break
    else:
        pytest.fail("the estate has no tagged table")
    for tag in tags:
        synced.atlan("untag", table, tag=tag)
    done = synced.sync()
    assert done.ok
    assert "managed" not in synced.tags("qualytics", table).values()
    synced.check()


def test_a_tag_of_a_column_stays_on_that_field(synced: World) -> None:
    column = synced.column_of(synced.tables()[2])
    synced.atlan("tag", column, tag="PII")
    before = synced.whole_state()
    done = synced.sync()
    assert done.planned["external_tags"] == {"create": 1}
    assert synced.tags("qualytics", column)["PII"] == "managed"
    assert {key for key in synced.changed(before) if key[2] == "tags"} == {
        ("qualytics", f"{column} (field)", "tags")
    }
    synced.check()


def test_tags_of_a_connection_land_on_its_datastores_and_leave_again(synced: World) -> None:
    connection, datastore = "CRM PostgreSQL", "crm.public"
    synced.atlan("tag", connection, tag="From Above")
    done = synced.sync()
    assert done.planned["external_tags"] == {"create": 1}
    assert synced.tags("qualytics", datastore)["From Above"] == "managed"
    synced.check()
    synced.atlan("untag", connection, tag="From Above")
    synced.sync()
    assert not any("From Above" in _names(entry) for entry in synced.all("qualytics"))
    synced.check()


def test_a_tag_named_like_a_native_one_is_skipped_until_overwriting_is_allowed(synced: World) -> None:
    table = next(
        name for name in synced.tables() if "High Priority" not in synced.tags("qualytics", name)
    )  # fmt: skip
    carriers = [e["name"] for e in synced.all("qualytics") if "High Priority" in _names(e)]
    native = synced.whole_state()[("qualytics", "high priority", "definition")]
    synced.atlan("tag", table, tag="High priority", color="Green", description="From the catalog")
    before = synced.whole_state()
    off = synced.sync()
    assert off.planned == {}
    assert any("overwrite_tags is off" in reason for reason in off.reasons)
    assert synced.changed(before) == set()

    synced.configure(overwrite_tags=True)
    on = synced.sync()
    assert on.ok
    taken = synced.whole_state()[("qualytics", "high priority", "definition")]
    assert taken == (native[0], native[1], "atlan", "#047960", "From the catalog", native[5], native[6])
    assert "High Priority" in synced.tags("qualytics", table)
    synced.check(overwrite=True)
    synced.quiet()

    synced.configure(overwrite_tags=False)
    synced.atlan("untag", table, tag="High priority")
    synced.sync()
    assert "High Priority" not in synced.tags("qualytics", table)
    assert [e["name"] for e in synced.all("qualytics") if "High Priority" in _names(e)] == carriers
    assert ("qualytics", "high priority", "definition") in synced.whole_state(), "a person's tag was deleted"


def _names(entry: dict[str, list[dict[str, str]]]) -> set[str]:
    return {tag["name"] for tag in entry["tags"]}


def test_a_changed_score_is_written_and_one_that_went_away_is_cleared(synced: World) -> None:
    table = synced.tables()[0]
    synced.qualytics("set_score", table, dimension="total", value=12.345)
    before = synced.whole_state()
    done = synced.sync(direction="push")
    assert done.planned == {"custom_metadata": {"update": 1}}
    assert sum(done.writes.values()) == 1
    assert synced.attributes(table)["Quality Score Total"] == 12.3
    assert synced.changed(before) == {("atlan", f"{table} (Table)", "attributes")}
    synced.check()

    synced.qualytics("set_score", table, dimension="total", value=None)
    done = synced.sync(direction="push")
    assert done.planned == {"custom_metadata": {"update": 1}}
    assert "Quality Score Total" not in synced.attributes(table)
    synced.check()


def test_half_a_tenth_is_rounded_to_the_even_digit(synced: World) -> None:
    table = synced.tables()[0]
    synced.qualytics("set_score", table, dimension="coverage", value=70.25)
    synced.qualytics("set_score", table, dimension="accuracy", value=70.35)
    synced.sync(direction="push")
    shown = synced.attributes(table)
    assert (shown["Quality Score Coverage"], shown["Quality Score Accuracy"]) == (70.2, 70.4)


@pytest.mark.rule("5.4", "One per table or view")
def test_an_announcement_is_opened_updated_in_place_and_cleared(synced: World) -> None:
    table = next(n for n in synced.tables(alert="none") if synced.attributes(n)["Anomaly Count"] == 0)
    synced.qualytics("raise_anomaly", table, rule="volumetric")
    done = synced.sync(direction="push")
    assert done.planned["announcements"] == {"create": 1}
    opened = synced.alert(table)
    assert opened is not None
    assert (opened["by"], "1 active anomal" in opened["title"]) == ("integration", True)

    synced.qualytics("raise_anomaly", table, rule="volumetric", count=2)
    done = synced.sync(direction="push")
    assert done.planned["announcements"] == {"update": 1}
    updated = synced.alert(table)
    assert updated is not None
    assert "3 active anomalies" in updated["title"]
    synced.check()

    synced.qualytics("set_anomaly_status", table, id="all", status="Resolved")
    before = synced.whole_state()
    done = synced.sync(direction="push")
    assert done.planned["announcements"] == {"update": 1}
    assert synced.alert(table) is None
    above = table.rsplit(".", 1)[0]
    expected = {("atlan", f"{table} (Table)", "alert"), ("atlan", f"{table} (Table)", "attributes"),
                ("atlan", f"{above} (Schema)", "attributes")}  # fmt: skip
    assert synced.changed(before) == expected
    synced.check()


def test_an_archived_check_is_counted_no_more(synced: World) -> None:
    table = next(name for name in synced.tables() if (synced.attributes(name)["Check Count"] or 0) > 1)
    synced.qualytics("archive_check", table)
    done = synced.sync(direction="push")
    assert not done.excess()
    assert synced.attributes(table)["Check Count"] == 0
    synced.check()


@pytest.mark.rule("5.4", "A person's banner or flag is never replaced")
def test_a_persons_banner_stays_and_ours_waits_until_it_is_gone(synced: World) -> None:
    table = synced.tables(alert="integration")[0]
    synced.atlan("set_alert", table, text="We are looking into it")
    before = synced.whole_state()
    done = synced.sync(direction="push")
    assert done.planned == {}
    assert done.writes == {}
    assert synced.changed(before) == set()
    again = synced.sync(direction="push")
    assert any("ours waits" in reason for reason in again.reasons)

    synced.atlan("clear_alert", table)
    done = synced.sync(direction="push")
    assert done.planned == {"announcements": {"create": 1}}
    alert = synced.alert(table)
    assert alert is not None
    assert alert["by"] == "integration"
    synced.check()


def test_a_pull_writes_nothing_to_the_catalog_and_a_push_nothing_to_qualytics(synced: World) -> None:
    table = synced.tables()[0]
    synced.atlan("tag", table, tag="Both Ways")
    synced.qualytics("set_score", table, dimension="total", value=55.5)
    pulled = synced.sync(direction="pull")
    assert {system for system, _, _ in pulled.writes} == {"qualytics"}
    pushed = synced.sync(direction="push")
    assert {system for system, _, _ in pushed.writes} == {"atlan"}
    synced.check()


@pytest.mark.rule("3", "Dry run is `dry_run: true`")
def test_a_dry_run_plans_and_writes_nothing_anywhere(synced: World) -> None:
    table = synced.tables()[0]
    synced.atlan("tag", table, tag="Planned Only")
    before = synced.whole_state()
    plan = synced.sync(dry_run=True)
    assert plan.planned["external_tags"] == {"create": 1}
    assert (plan.writes, plan.materialized, synced.changed(before)) == ({}, set(), set())
    synced.atlan("untag", table, tag="Planned Only")
