"""Whose a tag definition is: what was asked for, what is there, what somebody made anew (DESIGN.md §5.2)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from qsync_pipeline.core.names import tag_key
from qsync_pipeline.core.rows import Action, Change
from qsync_pipeline.core.tag_definition import TagDefinition
from qsync_pipeline.ledger import Ledger
from qsync_pipeline.qualytics.client import QualyticsClient
from qsync_pipeline.sandbox.testing import RunningSandbox
from qsync_pipeline.sync.definition_records import read_definitions
from qsync_pipeline.sync.run import Run
from qsync_pipeline.sync.tag_definitions import STILL_THERE, apply_definition
from qsync_pipeline.transport.errors import Throttled
from qsync_pipeline_tests.qualytics.test_sandbox import qualytics
from qsync_pipeline_tests.sync.fakes import config_in, run_on

LOOK = {"name": "PII", "category": "atlan", "color": "#7E57C2", "description": None, "weight_modifier": 0}


@pytest.fixture(scope="module")
def system() -> Iterator[tuple[RunningSandbox, QualyticsClient]]:
    with qualytics() as (sandbox, client):
        yield sandbox, client


class World:
    """One run on a deployment, in which people make and delete tags."""

    def __init__(self, sandbox: RunningSandbox, client: QualyticsClient, directory: Path) -> None:
        self.sandbox = sandbox
        self.client = client
        self.ledger = Ledger.open("sqlite://")
        self.run: Run = run_on(config_in(directory), self.ledger, client)  # type: ignore[arg-type]  # a real one

    def person(self, do: str, **more: Any) -> None:
        self.sandbox.control.mutate({"system": "qualytics", "do": do, "name": "PII", **more})

    def carry_out(self, action: Action, **more: Any) -> str:
        change = Change("tag_definitions", action, "PII", "PII", "pii", kind="global", **more)
        return apply_definition(self.run, change).outcome

    def make(self) -> str:
        return self.carry_out("create", after=LOOK)

    def seen(self) -> TagDefinition:
        return next(one for one in read_definitions(self.run).rows if one.name == "PII")


@pytest.fixture
def world(system: tuple[RunningSandbox, QualyticsClient], tmp_path: Path) -> Iterator[World]:
    it = World(*system, tmp_path)
    if any(tag.name == "PII" for tag in it.client.global_tags()):
        it.person("delete_tag")
    yield it
    it.ledger.close()


class Lost:
    """A client of which the calls that make a definition and look for it fail from some moment on."""

    def __init__(self, client: QualyticsClient, *, after: bool, sees_before: bool = False) -> None:
        self._client = client
        self._after = after
        self._sees_before = sees_before
        self._asked = False

    def create_tag(self, *args: Any, **kwargs: Any) -> Any:
        if self._after:
            self._client.create_tag(*args, **kwargs)
        raise Throttled("no answer")

    def update_tag(self, *args: Any, **kwargs: Any) -> Any:
        if self._after:
            self._client.update_tag(*args, **kwargs)
        self._asked = True
        raise Throttled("no answer")

    def global_tags(self) -> Any:
        if not self._asked and self._sees_before:
            return self._client.global_tags()
        raise Throttled("no answer")


def lose(world: World, *, after: bool) -> None:
    """A run asks for the definition, and never learns what became of it."""
    world.run.__dict__["qualytics"] = Lost(world.client, after=after)
    assert world.make() == "rejected"
    world.run.__dict__["qualytics"] = world.client


def test_what_was_made_is_ours_and_may_be_deleted_again(world: World) -> None:
    assert world.make() == "applied"
    assert (world.seen().made_by, world.seen().made) == ("atlan", True)
    assert world.carry_out("remove") == "applied"
    assert tag_key("PII") not in world.ledger.tag_definitions.all()


def test_what_was_asked_for_and_made_without_an_answer_is_ours(world: World) -> None:
    lose(world, after=True)
    assert world.ledger.tag_definitions.all()["pii"].definition_id is None
    assert world.seen().made
    assert world.ledger.tag_definitions.all()["pii"].definition_id is not None
    world.client.update_tag(
        next(tag for tag in world.client.global_tags() if tag.name == "PII"), category="Governance"
    )
    assert world.seen().made, "it is known by its id from then on, whatever people do to its look"


def test_what_was_asked_for_and_never_made_does_not_make_a_persons_ours(world: World) -> None:
    lose(world, after=False)
    world.person("create_tag")
    assert (world.seen().made_by, world.seen().made) == (None, False)
    assert "pii" not in world.ledger.tag_definitions.all()


def test_what_was_asked_for_stays_noted_while_nothing_of_that_name_is_there(world: World) -> None:
    lose(world, after=False)
    read_definitions(world.run)
    assert world.ledger.tag_definitions.all()["pii"].definition_id is None


def test_what_a_person_made_anew_after_ours_was_deleted_is_the_persons(world: World) -> None:
    world.make()
    world.person("delete_tag")
    world.person("create_tag", category="Legal")
    assert world.seen().made_by is None


def test_a_definition_made_anew_between_plan_and_write_is_left_alone(world: World) -> None:
    world.make()
    look = {"category": "atlan", "color": "#000000", "description": None}
    world.person("delete_tag")
    world.person("create_tag", category="Legal")
    assert world.carry_out("remove") == "skipped"
    assert world.carry_out("update", before=look, after=look) == "skipped"
    tag = next(tag for tag in world.client.global_tags() if tag.name == "PII")
    assert tag.category == "Legal"


def test_a_persons_that_is_taken_over_after_ours_was_deleted_is_not_ours_to_delete(world: World) -> None:
    world.make()
    world.person("delete_tag")
    world.person("create_tag", category="Legal")
    before = {"category": "Legal", "color": "#7E57C2", "description": None}
    after = {**before, "category": "atlan"}
    assert world.carry_out("update", before=before, after=after, extra={"takes_over": True}) == "applied"
    record = world.ledger.tag_definitions.all()["pii"]
    assert (record.made, record.taken_over, record.before["look"]) == (False, True, before)


def test_a_persons_beside_ours_is_not_taken_over_while_ours_is_there(world: World) -> None:
    world.make()
    world.person("create_tag", name="pii")
    look = {"category": None, "color": "#7E57C2", "description": None}
    takes = Change(
        "tag_definitions", "update", "pii", "pii", "pii", before=look, after={**look, "category": "atlan"},
        kind="global", extra={"takes_over": True},
    )  # fmt: skip
    outcome = apply_definition(world.run, takes)
    assert (outcome.outcome, outcome.reason) == ("skipped", STILL_THERE)
    assert world.ledger.tag_definitions.all()["pii"].name == "PII"
    assert world.carry_out("remove") == "applied"
    assert apply_definition(world.run, takes).outcome == "applied"
    assert world.ledger.tag_definitions.all()["pii"].taken_over
    world.person("delete_tag", name="pii")


def test_a_run_that_writes_nothing_settles_nothing(world: World) -> None:
    lose(world, after=False)
    world.person("create_tag")
    world.run = replace_dry(world.run)
    assert world.seen().made_by is None
    assert world.ledger.tag_definitions.all()["pii"].definition_id is None


def test_what_somebody_noted_meanwhile_is_neither_confirmed_nor_forgotten(world: World) -> None:
    book = world.ledger.tag_definitions
    lose(world, after=False)
    old = book.all()["pii"]
    book.put(replace(old, definition_id=7))
    book.disown(old)
    book.confirm("pii", 8)
    assert book.all()["pii"].definition_id == 7


def replace_dry(run: Run) -> Run:
    dry = Run(run.run_id, run.config, run.integration, run.ledger, run.ledger, dry_run=True)
    dry.__dict__["qualytics"] = run.qualytics
    return dry


PERSONS = {"category": "Legal", "color": "#123456", "description": None}


@pytest.mark.rule("5.2", "Same name as a native tag")
@pytest.mark.parametrize("after", [True, False])
def test_a_persons_tag_that_a_run_was_taking_over_when_it_died_stays_a_persons(
    world: World, after: bool
) -> None:
    world.person("create_tag", category="Legal", color="#123456")
    world.run.__dict__["qualytics"] = Lost(world.client, after=after, sees_before=True)
    look = {"category": "atlan", "color": "#BF1B1B", "description": "Personal"}
    assert world.carry_out("update", before=PERSONS, after=look, extra={"takes_over": True}) == "rejected"
    world.run.__dict__["qualytics"] = world.client
    seen = world.seen()
    assert (seen.made_by, seen.taken_over, seen.made) == (
        ("atlan", True, False) if after else (None, False, False)
    )
    record = world.ledger.tag_definitions.all().get("pii")
    assert (record.before["look"] if record else None) == (PERSONS if after else None)


@pytest.mark.rule("5.2", "Same name as a native tag")
def test_a_takeover_that_was_refused_leaves_no_trace_in_the_ledger(world: World) -> None:
    world.person("create_tag", category="Legal", color="#123456")
    world.sandbox.control.faults(
        {"system": "qualytics", "method": "PUT", "route": "*/global-tags/*", "status": 422}
    )
    look = {"category": "atlan", "color": "#BF1B1B", "description": "Personal"}
    assert world.carry_out("update", before=PERSONS, after=look, extra={"takes_over": True}) == "rejected"
    world.sandbox.control.clear_faults()
    assert "pii" not in world.ledger.tag_definitions.all()
