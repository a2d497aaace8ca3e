"""Qualytics and Alation in step: a sync, one after people changed much, and one more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from qsync_pipeline.core.quality import rounded
from qsync_pipeline.sandbox.testing import ALATION_ONLY
from qsync_pipeline_tests.catalogs.alation.conftest import QUICK_JOBS
from qsync_pipeline_tests.e2e.harness import Synced, World, world

SURFACES = ("custom_fields", "trust_flags", "data_health")
TAGS = ("PII #1", "a/b c", "Données 客户")
READING = ("createAPIAccessToken", "validateRefreshToken", "view_rules")


@dataclass
class Story:
    """The world, what its syncs did, and which table had which change."""

    one: World
    first: Synced
    again: Synced
    second: Synced | None = None
    third: Synced | None = None
    tables: dict[str, str] = field(default_factory=dict)
    before: dict[str, dict[str, Any]] = field(default_factory=dict)

    def seen(self, what: str) -> dict[str, Any]:
        """What a person sees in Alation on the table of that change."""
        return self.one.state("alation", self.tables[what])

    def change(self, system: str, do: str, what: str, **words: Any) -> None:
        self.one.mutate({"system": system, "do": do, "asset": self.tables[what], **words})


def sync(one: World) -> Synced:
    done = one.sync(integration="alation")
    assert (done.ok, done.failures, done.crashes) == (True, [], [])
    return done


def writes(done: Synced) -> list[tuple[str, str, str]]:
    return [key for key in done.writes if not any(word in key[2] for word in READING)]


def tables_of(one: World) -> dict[str, str]:
    """A table for each change: matched, with health rows, and with or without a flag of ours."""
    ours = {entry["name"] for entry in one.all("qualytics") if entry["kind"] == "table"}
    found: dict[str, list[str]] = {"flagged": [], "plain": []}
    for entry in one.all("alation"):
        if entry["name"] in ours and entry["kind"] == "TABLE" and entry["health"]:
            by = (entry["alert"] or {"by": "nobody"})["by"]
            if by in ("integration", "nobody"):
                found["flagged" if by == "integration" else "plain"].append(entry["name"])
    names = {"resolved": found["flagged"][0], "dropped": found["flagged"][1]}
    changes = ("persons flag", "archived check", "tagged", "renamed", "drift")
    return names | dict(zip(changes, found["plain"], strict=False))


@pytest.fixture(scope="module")
def story() -> Iterator[Story]:
    with world("small", 1, kinds=ALATION_ONLY, switches={"alation": QUICK_JOBS}) as one:
        story = Story(one, sync(one), sync(one))
        story.tables = tables_of(one)
        story.before = {what: story.seen(what) for what in story.tables}
        story.change("qualytics", "set_anomaly_status", "resolved", id="all", status="Resolved")
        story.change("alation", "set_alert", "persons flag", text="Load is late")
        rule = story.before["persons flag"]["health"][0]["rule"]
        story.change("qualytics", "raise_anomaly", "persons flag", rule=rule)
        archived = story.before["archived check"]["health"][0]["rule"]
        story.change("qualytics", "archive_check", "archived check", rule=archived)
        for tag in TAGS:
            story.change("alation", "tag", "tagged", tag=tag)
        story.change("alation", "rename", "renamed", to="ANOTHER_NAME")
        story.tables["renamed"] = f"{story.tables['renamed'].rpartition('.')[0]}.ANOTHER_NAME"
        story.change("alation", "set_attribute", "drift", name="Check Count", value=999)
        story.change("alation", "tag", "dropped", tag="Doomed")
        story.second = sync(one)
        yield story


@pytest.fixture(scope="module")
def ended(story: Story) -> Story:
    """The same after some of it was taken back."""
    assert "Doomed" in story.one.tags("qualytics", story.tables["dropped"])
    story.change("alation", "clear_alert", "persons flag")
    story.change("alation", "untag", "tagged", tag=TAGS[0])
    story.change("alation", "drop", "dropped")
    story.third = sync(story.one)
    return story


def test_the_first_sync_fills_every_surface(story: Story) -> None:
    assert set(SURFACES) <= set(story.first.planned)
    for surface in SURFACES:
        assert set(story.first.outcomes[surface]) <= {"applied", "skipped"}


def test_the_second_sync_writes_nothing_on_any_surface(story: Story) -> None:
    assert story.again.planned == {}
    assert writes(story.again) == []


def test_both_sides_show_the_same_numbers(story: Story) -> None:
    theirs = story.one.state("qualytics", story.tables["drift"])["attributes"]
    mine = story.before["drift"]["attributes"]
    expected = {name: rounded(value, 1) for name, value in theirs.items() if name != "URL"}
    assert {name: value for name, value in mine.items() if name != "URL"} == {
        name: value for name, value in expected.items() if value is not None
    }


def test_anomalies_that_are_resolved_clear_the_flag_and_calm_the_rows(story: Story) -> None:
    assert story.before["resolved"]["alert"] is not None
    assert story.seen("resolved")["alert"] is None
    assert {(row["status"], row["value"]) for row in story.seen("resolved")["health"]} == {("No Issues", 0)}


def test_a_persons_flag_stays_while_the_rows_tell_of_the_anomaly(story: Story) -> None:
    now = story.one.state("alation", story.tables["persons flag"])
    assert now["attributes"]["Anomaly Count"] == 1
    assert "Alert" in {row["status"] for row in now["health"]}
    assert story.second is not None
    assert "create" not in story.second.planned.get("trust_flags", {})


def test_an_archived_check_takes_its_row_along(story: Story) -> None:
    before, now = story.before["archived check"]["health"], story.seen("archived check")["health"]
    assert len(now) == len(before) - 1
    assert story.seen("archived check")["attributes"]["Check Count"] == len(now)


def test_rows_that_say_the_same_keep_their_time(story: Story) -> None:
    assert story.seen("drift")["health"] == story.before["drift"]["health"]


def test_tags_of_any_name_arrive(story: Story) -> None:
    tags = story.one.tags("qualytics", story.tables["tagged"])
    assert {tags[tag] for tag in TAGS[1:]} == {"managed"}


def test_a_table_renamed_in_alation_keeps_its_link(story: Story) -> None:
    now = story.seen("renamed")
    assert {row["object"] for row in now["health"]} == {"ANOTHER_NAME"}
    assert now["attributes"] == story.before["renamed"]["attributes"]


def test_a_value_that_a_person_changed_is_set_back_and_counted_as_drift(story: Story) -> None:
    assert story.seen("drift")["attributes"] == story.before["drift"]["attributes"]
    assert story.second is not None
    assert story.second.counts["drift"] == 1


def test_once_the_persons_flag_is_gone_ours_stands(ended: Story) -> None:
    flag = ended.seen("persons flag")["alert"]
    assert flag["by"] == "integration"
    assert "1 active anomaly" in flag["text"]


def test_a_tag_taken_off_in_alation_is_taken_off_in_qualytics(ended: Story) -> None:
    assert set(TAGS) & set(ended.one.tags("qualytics", ended.tables["tagged"])) == set(TAGS[1:])


def test_a_dropped_table_loses_its_tags_in_qualytics(ended: Story) -> None:
    assert "Doomed" not in ended.one.tags("qualytics", ended.tables["dropped"])


def test_after_all_that_a_sync_writes_nothing_and_calls_one_at_a_time(ended: Story) -> None:
    quiet = sync(ended.one)
    assert quiet.planned == {}
    assert writes(quiet) == []
    assert ended.one.control.requests()["peak_in_flight"]["alation"] == 1
