"""Qualytics' own tags on the assets of either catalog (``push_tags``): no echo, and nobody's tag is lost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from qsync_pipeline.sandbox.testing import ALATION_ONLY, ATLAN_ONLY
from qsync_pipeline_tests.catalogs.alation.conftest import QUICK_JOBS
from qsync_pipeline_tests.e2e.harness import Synced, World, world

KINDS = {"atlan": ATLAN_ONLY, "alation": ALATION_ONLY}


@dataclass
class Story:
    """A world whose tags go out, after its first sync. ``gold``, ``clash`` and ``theirs`` are tables."""

    one: World
    catalog: str
    gold: str
    clash: str
    theirs: str
    first: Synced

    def there(self, name: str) -> set[str]:
        """Tags that the catalog shows."""
        return set(self.one.tags(self.catalog, name))

    def here(self, name: str) -> dict[str, str]:
        """Tags that Qualytics shows, with where they come from."""
        return self.one.tags("qualytics", name)

    def in_catalog(self, do: str, asset: str, **words: Any) -> None:
        self.one.mutate({"system": self.catalog, "do": do, "asset": asset, **words})

    def sync(self) -> Synced:
        return self.one.settled(integration=self.catalog)


@pytest.fixture(scope="module", params=["atlan", "alation"])
def story(request: pytest.FixtureRequest) -> Iterator[Story]:
    catalog = str(request.param)
    switches = {"alation": QUICK_JOBS} if catalog == "alation" else {}
    with world("small", 3, kinds=KINDS[catalog], switches=switches) as one:
        bare = [t for t in one.tables(catalog=catalog) if not one.state(catalog, t)["tags"]]
        gold, clash, theirs = bare[:3]
        story = Story(one, catalog, gold, clash, theirs, Synced(ok=False))
        one.configure(catalog, push_tags=True)
        one.qualytics("tag", gold, tag="Gold/Rot #1")
        one.qualytics("tag", clash, tag="Silver")
        story.in_catalog("tag", theirs, tag="silver")
        story.first = one.sync(integration=catalog)
        yield story


def test_a_tag_of_a_person_in_qualytics_is_put_on_the_table_and_nowhere_below(story: Story) -> None:
    assert story.first.ok
    assert story.first.outcomes["tags"]["applied"] == story.first.planned["tags"]["create"] >= 1
    assert "Gold/Rot #1" in story.there(story.gold)
    assert "Gold/Rot #1" not in story.there(story.one.column_of(story.gold))


def test_a_tag_of_the_catalog_with_the_same_name_is_left_alone_and_named(story: Story) -> None:
    assert story.there(story.clash) == set()
    assert story.first.outcomes["tags"]["skipped"] >= 1
    assert story.here(story.clash)["Silver"] == "native"


def test_nothing_of_it_comes_back_and_a_second_sync_writes_nothing(story: Story) -> None:
    story.one.quiet(integration=story.catalog)
    assert story.here(story.gold)["Gold/Rot #1"] == "native"


def test_what_a_person_takes_off_is_put_there_again_and_what_a_person_puts_there_stays(story: Story) -> None:
    story.in_catalog("untag", story.gold, tag="Gold/Rot #1")
    story.in_catalog("tag", story.gold, tag="Of a person")
    story.sync()
    assert story.there(story.gold) == {"Gold/Rot #1", "Of a person"}
    assert story.here(story.gold)["Of a person"] == "managed"
    story.one.qualytics("untag", story.gold, tag="Gold/Rot #1")
    story.sync()
    assert story.there(story.gold) == {"Of a person"}


def test_of_two_tags_of_its_name_the_one_that_a_person_renamed_is_ours(story: Story) -> None:
    """Theirs, of a definition that they made in its place, stays when ours goes."""
    one = story.one
    one.qualytics("tag", story.gold, tag="Brass")
    story.sync()
    one.mutate({"system": story.catalog, "do": "rename_tag", "from": "Brass", "to": "Old brass"})
    story.in_catalog("tag", story.gold, tag="Brass")
    story.sync()
    assert {"Brass", "Old brass"} <= story.there(story.gold)
    one.qualytics("untag", story.gold, tag="Brass")
    story.sync()
    assert "Brass" in story.there(story.gold)
    assert "Old brass" not in story.there(story.gold)
    story.in_catalog("untag", story.gold, tag="Brass")
    story.sync()
    one.quiet(integration=story.catalog)


def test_a_tag_that_was_pulled_is_not_pushed_on(story: Story) -> None:
    other = next(t for t in story.one.tables(catalog=story.catalog) if t not in (story.gold, story.clash))
    before = story.there(other)
    story.one.qualytics("tag", other, tag="Of a person")
    story.sync()
    assert story.there(other) == before


def test_with_overwrite_tags_the_tag_of_the_catalog_is_used(story: Story) -> None:
    story.one.configure(story.catalog, overwrite_tags=True)
    story.sync()
    assert story.there(story.clash) == {"silver"}
    assert story.here(story.theirs) != {}
    story.in_catalog("untag", story.theirs, tag="silver")
    story.sync()
    assert story.there(story.clash) == {"silver"}
    assert story.there(story.theirs) == set()


UNREAD: dict[str, dict[str, Any]] = {
    "atlan": {"route": "/api/meta/types/typedefs", "kind": "drop_key", "key": "classificationDefs"},
    "alation": {"route": "/integration/tag/", "status": 403},
}


@pytest.mark.rule("5.5", "Never act on a partial read")
def test_tags_that_cannot_be_read_go_nowhere_by_name_and_the_rest_goes_on(story: Story) -> None:
    one = story.one
    one.qualytics("tag", story.gold, tag="Bronze")
    one.qualytics("set_score", story.gold, dimension="accuracy", value=45.6)
    before = story.there(story.gold)
    one.control.faults({"system": story.catalog, **UNREAD[story.catalog]})
    done = one.sync("push", story.catalog)
    planned = one.sync("push", story.catalog, dry_run=True)
    one.control.clear_faults()
    assert done.outcomes["tags"]["rejected"] == len(one.keys())
    assert done.outcomes["tags"].keys() <= {"rejected", "unchanged", "skipped"}
    assert any("the catalog's tags could not be read, so none are planned" in why for why in done.reasons)
    in_step, told = done.checks["quality_metadata:in_step"]
    assert not in_step
    assert all(key in told["datastores at fault"] for key in one.keys().values())
    assert planned.counts["frozen"] == done.counts["frozen"] > 0
    assert story.there(story.gold) == before
    assert one.attributes(story.gold, story.catalog)["Quality Score Accuracy"] in (45.6, "45.6")
    story.sync()
    assert story.there(story.gold) == {*before, "Bronze"}


FORBIDDEN = {
    "atlan": "/api/meta/types/typedefs",
    "alation": "/integration/tag/Platinum/subject/",
}


def test_who_may_not_tag_still_writes_the_rest_and_is_told(story: Story) -> None:
    """The last story of this world: it ends with a rejection."""
    one = story.one
    one.qualytics("tag", story.gold, tag="Platinum")
    one.qualytics("set_score", story.gold, dimension="accuracy", value=12.3)
    one.control.faults(
        {"system": story.catalog, "route": FORBIDDEN[story.catalog], "method": "POST", "status": 403}
    )
    done = one.sync(integration=story.catalog)
    one.control.clear_faults()
    assert done.outcomes["tags"] == {"rejected": 1} | {
        word: n for word, n in done.outcomes["tags"].items() if word != "rejected"
    }
    assert set(done.outcomes["custom_metadata" if story.catalog == "atlan" else "custom_fields"]) <= {
        "applied",
        "unchanged",
        "skipped",
    }
    assert one.attributes(story.gold, story.catalog)["Quality Score Accuracy"] in (12.3, "12.3")
    assert "Platinum" not in story.there(story.gold)
