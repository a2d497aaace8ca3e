"""Histories told by hand: what random ones would come upon too seldom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from qsync_pipeline_tests.e2e.trees import tag_key
from qsync_pipeline_tests.histories.clock import Clock, virtual_time
from qsync_pipeline_tests.histories.estates import estate_of
from qsync_pipeline_tests.histories.settings import SETTINGS
from qsync_pipeline_tests.histories.steps import BLIND, ROUTES
from qsync_pipeline_tests.histories.story import Story
from qsync_pipeline_tests.histories.telling import history
from qsync_pipeline_tests.histories.wire import wired
from qsync_pipeline_tests.histories.world import World

TABLES = [("plain", ["tagged", "banner"]), ("plain", ["view"])]
"""Two datastores, each with a table that carries a tag in the catalog, one with another table beside."""


@contextmanager
def begun(
    catalog: str = "atlan", setting: Mapping[str, Any] | None = None, **switches: Any
) -> Iterator[Story]:
    """A story over those tables, of which nothing is told yet; ``setting`` goes into the config."""
    clock = Clock()
    told: list[Story] = []
    with virtual_time(clock), wired(lambda: told[0].world.wire):
        told.append(
            Story(estate_of(TABLES), [catalog], (), clock, {catalog: switches}, {catalog: setting or {}})
        )
        yield told[0]


@pytest.fixture
def story() -> Iterator[Story]:
    with begun() as story:
        yield story


def test_definitions_are_cleared_away_though_the_last_datastore_is_out_of_sight(story: Story) -> None:
    world = story.world
    world.sync("atlan")
    ours = {tag.name for tag in world.store.tags.by_name.values() if tag.maker == "api"}
    assert {"PII", "Ünï/côde #1"} <= ours
    assert world.mutate("atlan", "untag", asset="DB1.S1.T1", tag="PII")
    world.systems["qualytics"].deny_datastore(2)  # type: ignore[attr-defined]  # the sandbox's own
    world.settle()
    world.sync("atlan")
    left = {tag.name for tag in world.store.tags.by_name.values() if tag.maker == "api"}
    assert left == ours - {"PII"}, "what may still stand on the other datastore keeps its definition"


RUN = ("run", 0, "both", None, None)
RUN_ALL = (*RUN, None, False)


@pytest.mark.parametrize("number", range(1, 7))
def test_what_somebody_changes_right_after_it_was_written_is_not_called_written(
    story: Story, number: int
) -> None:
    """Whichever write it is: the run claims nothing that does not stand there when it ends."""
    story.tell([(*RUN, None, False, (number, ("catalog", "set_attribute", 1, 7)))])
    story.end()


@pytest.mark.parametrize("kind", BLIND)
@pytest.mark.parametrize(("side", "where"), [("qualytics", 97), ("atlan", 98)])
def test_what_went_is_cleared_up_after_only_once_it_is_proved_gone(
    story: Story, side: str, where: int, kind: int
) -> None:
    story.tell([(*RUN, None, False)])
    assert story.world.mutate(side, "drop", asset="DB1.S1.T1")
    story.tell([(*RUN, (kind, "1", 0, where), False)])
    story.end()


@pytest.mark.parametrize("number", range(1, 12))
def test_a_tag_that_a_run_which_was_killed_wrote_comes_off_again(story: Story, number: int) -> None:
    """At whichever write that run is killed, after it was carried out."""
    story.tell([("run", 0, "pull", None, (number, True), None, False)])
    assert story.world.mutate("atlan", "untag", asset="DB1.S1.T1", tag="PII")
    story.end()


def test_a_copy_that_is_wanted_for_itself_too_keeps_no_definition_alive_on_a_column_that_withered(
    story: Story,
) -> None:
    """It is on already when its turn comes: nobody wrote it, and it goes with the tag above."""
    world = story.world
    for asset in ("DB1.S1", "DB1.S1.T1.A"):
        assert world.mutate("atlan", "tag", asset=asset, tag="PII")
    assert world.mutate("atlan", "untag", asset="DB1.S1.T1", tag="PII")
    world.settle()
    world.sync("atlan")
    assert world.mutate("qualytics", "drop", asset="DB1.S1.T1.A", how="missing")
    story.people.missing.add("DB1.S1.T1.A")
    assert world.mutate("atlan", "untag", asset="DB1.S1", tag="PII")
    story.end()


@pytest.mark.parametrize("where", ["plain", "twice"])
def test_a_pull_of_a_few_tables_does_not_go_by_a_snapshot_whose_tags_could_not_be_read(where: str) -> None:
    """A push may go by it: the pull that an event asks for right after reads the datastore whole."""
    no_tags = (2, "1", 0, [*ROUTES["qualytics"], *ROUTES["alation"]].index("*/subject/"))
    push = ("run", 0, "push", 0, None, no_tags, False)
    history(["alation"], [(where, ["tagged"])], [push, ("run", 0, "both", 0, None, None, False)])


@pytest.mark.parametrize("catalog", ["atlan", "alation"])
def test_what_only_is_out_of_sight_keeps_what_is_ours(catalog: str) -> None:
    """Forbidden is not gone, although both are missing from every list."""
    with begun(catalog) as story:
        story.tell([(*RUN, None, False)])
        story.tell([("catalog", "forbid_tagged", 0, 0), (*RUN, None, False)])
        assert "DB1.S1.T1" in story.people.hidden[catalog]
        (table,) = story.world.systems["qualytics"].state(name="DB1.S1.T1")
        assert [tag["name"] for tag in table["tags"]] == ["PII"]
        story.end()


KEEP = {"on_drift": "keep"}


def _change_by_hand(story: Story, catalog: str) -> None:
    """A person changes a value, clears an alert and takes a tag off, all of them ours."""
    world, people, name, tag = story.world, story.people, "DB2.S2.T1", "Ünï/côde #1"
    assert world.mutate(catalog, "set_attribute", asset=name, name="Quality Score Total", value=7)
    assert world.mutate(catalog, "clear_alert", asset=name)
    assert world.mutate("qualytics", "untag", asset=name, tag=tag)
    (asset,) = (one["id"] for one in world.state(catalog) if one["name"] == name)
    (unit,) = (one["id"] for one in world.state("qualytics") if one["name"] == name)
    people.typed[asset, "Quality Score Total"] = 7
    people.cleared.add(asset)
    people.taken.add((unit, tag_key(tag)))


@pytest.mark.parametrize("catalog", ["atlan", "alation"])
def test_what_people_changed_stays_where_the_config_says_so(catalog: str) -> None:
    with begun(catalog, KEEP) as story:
        story.tell([(*RUN, None, False)])
        _change_by_hand(story, catalog)
        story.tell([(*RUN, None, False)])
        (asset,) = story.world.systems[catalog].state(name="DB2.S2.T1")
        (unit,) = story.world.systems["qualytics"].state(name="DB2.S2.T1")
        assert (asset["attributes"]["Quality Score Total"], asset["alert"], unit["tags"]) == (7, None, [])
        story.end()


@pytest.mark.parametrize("catalog", ["atlan", "alation"])
def test_the_judge_sees_what_is_set_again_where_it_should_stay(catalog: str) -> None:
    """The config says reset here, and the judge is told otherwise."""
    with begun(catalog) as story:
        story.world.settings[catalog] = KEEP
        story.tell([(*RUN, None, False)])
        _change_by_hand(story, catalog)
        with pytest.raises(AssertionError) as seen:
            story.tell([(*RUN, None, False)])
    said = str(seen.value)
    assert "Quality Score Total was 7, a person's, and is 81.2" in said
    assert "an alert that a person cleared is back" in said
    assert "which a person took off, is back" in said


def test_an_index_that_is_minutes_behind_is_taken_for_nobodys_change() -> None:
    """However soon the next run comes: it writes nothing again, and calls nothing drift."""
    with begun(index_lag=600.0) as story:
        world, clock = story.world, story.world.clock
        world.sync("atlan")
        clock.sleep(700)
        world.writes()
        for score in (12.5, None):
            world.mutate("qualytics", "set_score", asset="DB1.S1.T1", dimension="coverage", value=score)
            world.sync("atlan")
            assert world.writes()
            for seconds in (1, 150, 200):
                clock.sleep(seconds)
                ran = world.sync("atlan")
                assert (ran.failures, ran.planned, world.writes()) == ([], [], {})
        clock.sleep(700)
        story.end()


def _tag_of_the_schema_goes(story: Story) -> None:
    """The tag of a table was on its schema too when it was synced, and is taken off that in the catalog."""
    assert story.world.mutate("atlan", "tag", asset="DB1.S1", tag="PII")
    story.world.settle()
    story.world.sync("atlan")
    assert story.world.mutate("atlan", "untag", asset="DB1.S1", tag="PII")


def test_a_table_out_of_sight_keeps_its_own_tag_though_the_same_tag_of_its_schema_goes(story: Story) -> None:
    world = story.world
    _tag_of_the_schema_goes(story)
    story.tell([("catalog", "forbid", 2, 0)])
    assert story.told[-1].endswith("'DB1.S1.T1'}")
    story.end()
    (table,) = [one for one in world.state("qualytics") if one["name"] == "DB1.S1.T1"]
    assert "PII" in [tag["name"] for tag in table["tags"]]


def test_a_killed_run_that_took_off_what_another_catalog_supplies_passes_for_no_person() -> None:
    """The tag of the schema went, with that of the table, which was to be put back: the other catalog, set to
    leave off what people took off, puts it on again."""
    clock, told = Clock(), list[Story]()
    with virtual_time(clock), wired(lambda: told[0].world.wire):
        told.append(Story(estate_of(TABLES), ["atlan", "alation"], (), clock, {}, {"alation": KEEP}))
        (story,) = told
        world = story.world
        assert world.mutate("atlan", "untag", asset="DB1.S1.T1", tag="PII")
        assert world.mutate("atlan", "tag", asset="DB1.S1", tag="PII")
        story.tell([RUN_ALL, ("run", 1, "both", None, None, None, False)])
        assert world.mutate("atlan", "untag", asset="DB1.S1", tag="PII")
        killed = (1, True, ("/api/datastores", "/api/containers", "/api/fields"))
        story.tell([("run", 0, "pull", None, killed, None, False)])
        (table,) = world.systems["qualytics"].state(name="DB1.S1.T1")
        assert table["tags"] == [], "the run died in between, or this history tells of nothing"
        story.end()
        (table,) = world.systems["qualytics"].state(name="DB1.S1.T1")
        assert [tag["name"] for tag in table["tags"]] == ["PII"]


def test_a_run_that_may_not_put_back_what_it_wants_as_another_catalog_does_passes_for_no_person() -> None:
    """The tag of the schema went, and was to stay on two columns, which both want: no answer there but 403.
    The other catalog, set to leave off what people took off, has its turn first."""
    killed = (3, True, ("/api/datastores", "/api/containers", "/api/fields"))
    refused = (BLIND[0], "1", 0, 97)
    told = [
        ("run", 1, "pull", None, killed, None, False),
        ("catalog", "undo", 0, 0),
        ("catalog", "undo", 0, 0),
        ("catalog", "undo", 0, 1),
        RUN_ALL,
        ("qualytics", "drop", 0, 0),
        ("run", 1, "both", None, None, refused, False),
    ]
    keep = next(n for n, one in enumerate(SETTINGS) if one.get("atlan") == KEEP and "alation" in one)
    tables = [("hidden", ["anomalous"]), ("tagged", ["tagged columns"])]
    ended = history(["atlan", "alation"], tables, told, setting=keep)
    held = {row.integration for row in ended.world.ledger.holdings.of("2-store-2") if row.key == "pii"}
    assert held == {"atlan", "alation"}


def test_a_tag_that_stays_below_is_put_back_beside_a_persons_that_differs_by_case_only(story: Story) -> None:
    """Theirs came down to it from above: it is another tag, and no reason to leave ours off."""
    world = story.world
    _tag_of_the_schema_goes(story)
    assert world.mutate("qualytics", "tag", asset="DB1.S1", tag="pii")
    story.people.native.add("pii")
    world.settle()
    world.sync("atlan")
    (table,) = world.systems["qualytics"].state(name="DB1.S1.T1")
    assert {tag["name"]: tag["origin"] for tag in table["tags"]} == {"PII": "managed", "pii": "propagated"}
    assert not story.left_over()


def test_nothing_is_planned_for_a_tag_that_stays_while_the_removal_above_it_waits() -> None:
    """The table with the tag is out of sight, its schema lost its own, and the other table is gone: what is
    ours on the datastore waits for approval, and nothing below it is in danger meanwhile."""
    run = (*RUN, None, False)
    acts = [("catalog", "forbid_tagged", 0, 0), run, run, ("catalog", "undo", 0, 0)]
    drops = [("catalog", "drop", 2, 0), ("catalog", "drop", 4, 0)]
    told = history(
        ["alation"], [("tagged", ["twins"])], [("catalog", "tag_inside", 0, 0), run, *acts, *drops]
    )
    assert told.world.ledger.parked.of("alation"), "the removal above waits, or this history tells of nothing"


@pytest.mark.parametrize(
    "places",
    [("DB1.S1", "DB1.S1"), ("DB1.S1.T1", "DB1.S1"), ("DB1.S1.T1", "DB2.S2.T1"), ("DB2.S2.T1", "DB1.S1.T1")],
)
def test_of_tags_that_differ_by_case_the_one_spelled_like_a_persons_definition_gives_it_its_look(
    places: tuple[str, str],
) -> None:
    """Wherever it is, whichever is met first: the second sync has nothing to set right."""
    with begun(setting={"overwrite_tags": True}) as story:
        world = story.world
        assert world.mutate("atlan", "untag", asset="DB1.S1.T1", tag="PII")
        assert world.mutate("qualytics", "tag", asset=places[0], tag="pii")
        story.people.native.add("pii")
        for place, tag in zip(places, ("PII", "pii"), strict=True):
            assert world.mutate("atlan", "tag", asset=place, tag=tag)
        story.end()


@pytest.mark.parametrize("name", ["PII", "pii"])
@pytest.mark.parametrize("overwrite", [True, False])
@pytest.mark.parametrize("seen", [True, False])
def test_a_tag_whose_definition_a_person_made_anew_is_the_persons(
    name: str, overwrite: bool, seen: bool
) -> None:
    """It stands where ours was, is never taken off, and its definition is not deleted: another is never
    ours for its name."""
    with begun(setting={"overwrite_tags": overwrite}) as story:
        world = story.world
        story.tell([RUN_ALL])
        assert world.mutate("qualytics", "delete_tag", name="PII")
        assert world.mutate("qualytics", "tag", asset="DB1.S1.T1", tag=name)
        story.people.native.add(name)
        story.tell([RUN_ALL] if seen else [])
        assert world.mutate("atlan", "untag", asset="DB1.S1.T1", tag="PII")
        story.end()
        (table,) = world.systems["qualytics"].state(name="DB1.S1.T1")
        assert [(tag["name"], tag["origin"]) for tag in table["tags"]] == [(name, "native")]


@pytest.mark.parametrize("elsewhere", [True, False])
def test_what_was_seen_off_where_drift_is_kept_is_a_persons_once_it_is_on_again(elsewhere: bool) -> None:
    """Whether the definition is still in use meanwhile, or is a person's by then."""
    with begun(setting=KEEP) as story:
        world = story.world
        if elsewhere:
            assert world.mutate("atlan", "tag", asset="DB2.S2.T1", tag="PII")
        story.tell([RUN_ALL])
        (table,) = world.systems["qualytics"].state(name="DB1.S1.T1")
        story.people.taken.add((table["id"], "pii"))
        assert world.mutate("qualytics", "untag", asset="DB1.S1.T1", tag="PII")
        story.tell([RUN_ALL])
        if elsewhere:
            story.people.theirs.add((table["id"], "pii"))
        else:
            story.people.native.add("PII")
        assert world.mutate("qualytics", "tag", asset="DB1.S1.T1", tag="PII")
        story.tell([RUN_ALL])
        assert world.mutate("atlan", "untag", asset="DB1.S1.T1", tag="PII")
        story.end()
        (table,) = world.systems["qualytics"].state(name="DB1.S1.T1")
        assert [tag["name"] for tag in table["tags"]] == ["PII"]


@pytest.mark.parametrize("act", [("delete_tag", 0, 0), ("untag", 1, 0)])
def test_what_another_catalog_puts_on_again_where_drift_is_kept_looks_like_that_ones_for_good(
    act: tuple[str, int, int],
) -> None:
    """The first takes no part in it any more, until its catalog has dropped the tag and has it again."""
    runs = [("run", number, "both", None, None, None, False) for number in (0, 1)]
    keeping = next(n for n, one in enumerate(SETTINGS) if set(one) == {"atlan"})
    tables = [("tagged", ["tagged"]), ("plain", ["plain"])]
    told = history(["atlan", "alation"], tables, [*runs, ("qualytics", *act)], setting=keeping)
    tags = [tag for one in told.world.systems["qualytics"].state() for tag in one["tags"]]
    (color,) = {tag["color"] for tag in tags if tag["name"] == "PII"}
    assert (color == "#BF1B1B") == (act[0] == "untag"), "Alation has no colours"


def test_where_a_person_puts_theirs_in_the_place_of_ours_it_is_taken_over_as_ours_goes() -> None:
    """Theirs differs by case only: it is another definition, and has the catalog's look after one sync."""
    with begun(setting={"overwrite_tags": True}) as story:
        world = story.world
        story.tell([(*RUN, None, False)])
        assert world.mutate("qualytics", "untag", asset="DB1.S1.T1", tag="PII")
        assert world.mutate("qualytics", "tag", asset="DB1.S1.T1", tag="pii")
        story.people.native.add("pii")
        story.end()
        (table,) = world.systems["qualytics"].state(name="DB1.S1.T1")
        assert [(tag["name"], tag["color"]) for tag in table["tags"]] == [("pii", "#BF1B1B")]


@pytest.mark.parametrize("catalog", ["atlan", "alation"])
def test_an_event_on_what_is_out_of_sight_by_now_fails_nothing(catalog: str) -> None:
    """The schema of its table is no longer shown: the index of the run before is read again."""
    with begun(catalog) as story:
        story.tell([(*RUN, None, False)])
        story.tell([("catalog", "forbid", 0, 0), ("run", 0, "both", 0, None, None, False)])
        assert story.people.hidden[catalog] == {"DB1.S1"}
        story.end()


def test_a_copy_that_a_killed_run_was_taking_off_stays_where_another_catalog_has_put_it_since() -> None:
    killed = (1, True, ("/api/datastores", "/api/containers", "/api/fields"))
    told = history(
        ["atlan", "alation"],
        [("tagged", ["anomalous"])],
        [
            ("run", 1, "both", None, None, None, False),
            ("catalog", "undo", 0, 1),
            ("run", 1, "pull", None, killed, None, False),
            ("catalog", "undo", 0, 0),
            ("catalog", "tag", 2, 0),
        ],
    )
    (table,) = told.world.systems["qualytics"].state(name="DB1.S1.T1")
    assert [tag["name"] for tag in table["tags"] if tag["origin"] == "managed"] == ["PII"]


FLAGS = len(ROUTES["qualytics"]) + ROUTES["alation"].index("*/flag/")


@pytest.mark.parametrize("fault", [(3, "0.1", 11, None), (14, "1", 2, FLAGS)])
def test_what_was_accepted_or_refused_by_a_proxy_is_no_refusal_for_good(fault: tuple[Any, ...]) -> None:
    """A job that may not be asked for, and a page with a 404 where flags should be listed."""
    run = ("run", 0, "both", None, None, fault, False)
    history(["alation"], [("plain", ["anomalous"])], [run, ("catalog", "tag", 0, 0)])


def test_what_was_written_is_ours_though_there_was_no_budget_left_to_ask_how_it_ended() -> None:
    """Alation has taken the values of a table, answers no question about them, and the table goes meanwhile:
    nothing of ours stays there."""
    with begun("alation") as story:
        world = story.world
        world.inject({"kind": "status", "status": 429, "route": "*/bulk_metadata/job/", "skip": 6})
        assert any("429" in failure for failure in world.sync("alation").failures)
        (table,) = world.systems["alation"].state(name="DB1.S1.T1")
        assert table["attributes"]["URL"], "it was written, or this history tells of nothing"
        world.faults.clear()
        assert world.mutate("qualytics", "drop", asset="DB1.S1.T1")
        story.end()


def test_a_persons_tag_that_differs_by_case_only_is_not_held_for_ours_once_ours_is_off() -> None:
    """A run that died has taken ours off, another catalog wants it, and the person has put on theirs: the
    definition of ours goes with its last use, in one sync of both."""
    killed = (1, True, ("/api/datastores", "/api/containers", "/api/fields"))
    acts = [("catalog", "undo", 0, 0), ("catalog", "tag", 0, 0), ("qualytics", "tag", 0, 1)]
    begin = [("run", 1, "both", None, None, None, False), ("catalog", "undo", 0, 1)]
    died = ("run", 1, "pull", None, killed, None, False)
    told = history(["atlan", "alation"], [("tagged", ["anomalous"])], [*begin, died, *acts])
    (schema,) = told.world.systems["qualytics"].state(name="DB1.S1")
    assert ("pii", "native") in [(tag["name"], tag["origin"]) for tag in schema["tags"]]


def test_what_is_ours_on_the_columns_of_an_archived_container_goes() -> None:
    """It still answers for its fields: values and alerts on columns tell which container they were of, to the
    run after one that was not told that it is gone."""
    run, not_told = (*RUN, None, False), (*RUN, (3, "1", 0, 97), False)
    archived = ("qualytics", "drop", 0, 1)
    loud = next(n for n, one in enumerate(SETTINGS) if "column" in str(one.get("alation", {}).get("alerts")))
    tables = [("plain", ["anomalous", "anomalous"])]
    told = history(["alation"], tables, [run, archived, not_told], setting=loud)
    (column,) = told.world.systems["alation"].state(name="DB1.S1.T1.A")
    assert (column["attributes"], column["alert"]) == ({}, None)


def test_what_went_out_of_sight_amid_a_run_is_written_as_soon_as_it_is_back() -> None:
    """Its columns are refused as missing: that is no reason to wait once they are there again."""
    hiding = (1, ("catalog", "forbid", 0, 0))
    told = [("run", 0, "both", None, None, None, False, hiding), ("catalog", "allow", 0, 0)]
    history(["alation"], [("plain", ["anomalous"])], told)


def test_the_first_trial_puts_on_no_tag_of_a_persons_that_is_spelled_alike() -> None:
    """Definitions were made and nothing was written yet when a person makes one that differs by spaces."""
    told = [
        ("run", 0, "both", None, (5, True), None, False),
        ("qualytics", "create_tag", 0, 4),
        ("run", 0, "both", None, None, None, False, (1, ("catalog", "tag", 0, 0))),
    ]
    history(["atlan"], [("tagged", ["tagged columns"])], told)


@pytest.mark.parametrize("domain", [0, 1])
def test_a_table_that_has_a_domain_of_its_own_is_in_that_of_its_schema_too(domain: int) -> None:
    """In Alation, whose domains each have rules of their own."""
    told = [("catalog", "set_domain", 0, domain)]
    history(["alation"], [("plain", ["in a domain"])], told, domains=["Finance"])


def test_a_copy_stays_as_long_as_the_tag_above_though_a_run_over_its_table_comes_first() -> None:
    """What a person put in its place in between could not be told from it."""
    told = [
        ("run", 0, "both", None, None, None, False),
        ("catalog", "untag", 0, 0),
        ("run", 0, "both", 0, None, None, False),
        ("qualytics", "tag", 2, 0),
    ]
    history(["atlan"], [("tagged", ["anomalous"])], told)


def test_rows_make_room_for_those_of_a_table_whose_name_differs_by_case_only() -> None:
    """A table that comes to be fits by its very name; Alation names the objects of rows without case."""
    told = [("run", 0, "both", None, None, None, False), ("catalog", "create", 0, 0)]
    history(["alation"], [("plain", ["other case"])], told)


@pytest.mark.parametrize("catalog", ["atlan", "alation"])
def test_a_datastore_that_takes_over_a_schema_leaves_nothing_there_of_the_one_out_of_sight(
    catalog: str,
) -> None:
    """Of two datastores on one schema now the one is shown to us, now the other."""
    told = [
        ("qualytics", "deny", 2, 0),
        ("run", 0, "both", None, None, None, False),
        ("qualytics", "admit", 0, 0),
        ("qualytics", "deny", 0, 0),
    ]
    history([catalog], [("twice", ["anomalous"])], told)


def test_a_copy_that_is_held_on_to_and_was_never_written_goes_with_the_tag_that_it_comes_from_now() -> None:
    """The tag of the schema goes, those of a table and its column stay; then the column withers."""
    told = [
        ("catalog", "tag", 0, 0),
        ("run", 0, "both", None, None, None, False),
        ("catalog", "undo", 0, 0),
        ("catalog", "tag_inside", 2, 0),
        ("run", 0, "both", None, None, None, False),
        ("qualytics", "lose_column", 0, 0),
        ("catalog", "undo", 0, 0),
    ]
    history(["atlan"], [("plain", ["twins"])], told)


def test_a_tag_that_came_from_beyond_the_estate_stays_on_a_table_that_gets_a_column() -> None:
    """Whoever spread it is nobody that could be asked. The run waits until that is due."""
    throttled = (0, "0.1", 0, None)
    told = [("catalog", "create", 2, 0), ("run", 0, "both", None, None, throttled, True)]
    history(["atlan"], [("plain", ["propagated"])], told)


def test_what_waits_for_approval_gives_the_look_of_its_tag_to_the_catalog_that_supplies_it_now() -> None:
    """All of it waits in the first catalog, whose only table is gone: it is settled in the same sync."""
    told = [("run", 0, "both", None, None, None, False), ("catalog", "drop", 0, 0)]
    ended = history(["atlan", "alation"], [("plain", ["in a domain"])], told)
    (definition,) = (tag for tag in ended.world.store.tags.by_name.values() if tag.maker == "api")
    assert definition.category == "alation"


def test_of_what_waited_the_rest_goes_once_another_catalog_supplies_so_much_that_it_is_little() -> None:
    """A guard weighs the plan of each sync anew (README, Limits)."""
    two = ("DB1.S1.T1", "DB1.S1.T2")
    clock = Clock()
    worlds: list[World] = []
    with virtual_time(clock), wired(lambda: worlds[0].wire):
        few = {"atlan": {"guards": {"share": 0.1, "items": 1}}}
        world = World(estate_of([("plain", ["tagged", "tagged"])]), ("atlan", "alation"), clock, settings=few)
        worlds.append(world)
        for table in two:
            assert world.mutate("alation", "untag", asset=table, tag="PII")
        world.settle()
        for catalog in world.catalogs:
            world.sync(catalog)
        for table in two:
            assert world.mutate("atlan", "untag", asset=table, tag="PII")
        assert world.mutate("alation", "tag", asset=two[0], tag="PII")
        carrying = []
        for _ in range(2):
            world.settle()
            for catalog in world.catalogs:
                assert not world.sync(catalog).failures
            carrying.append([bool(one["tags"]) for one in world.state("qualytics") if one["name"] in two])
        assert carrying == [[True, True], [True, False]]
