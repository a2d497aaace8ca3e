"""The sensor that tells people, on a real ledger and instance, over a real socket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest

from qsync_pipeline.automation.ranges import run_config, run_tags
from qsync_pipeline.definitions import build_definitions
from qsync_pipeline.sync.run import CREDENTIALS
from qsync_pipeline_tests.e2e.events import Daemon
from qsync_pipeline_tests.e2e.harness import World, world
from qsync_pipeline_tests.transport.scripted import Reply, Request, Server, serving

PATH = "/hooks/obviously-fake-path-0815"
REFUSED = {"system": "atlan", "status": 401}


class People:
    """Who is told: the bodies that reached them. ``away``: they answer 503."""

    def __init__(self) -> None:
        self.away = False
        self.got: list[dict[str, Any]] = []

    def __call__(self, request: Request) -> Reply:
        if self.away:
            return Reply(503)
        self.got.append(json.loads(request.body))
        return Reply(204)

    def told(self) -> list[tuple[str, str, tuple[str, ...]]]:
        """What they were told since the last time: kind, title, datastores."""
        got, self.got = self.got, []
        causes = [cause for body in got for cause in body["causes"]]
        return [(one["kind"], one["title"], tuple(one["datastores"])) for one in causes]


@pytest.fixture(scope="module")
def people() -> People:
    return People()


@pytest.fixture(scope="module")
def receiver(people: People) -> Iterator[Server]:
    with serving(people) as server:
        yield server


@pytest.fixture(scope="module")
def one(receiver: Server) -> Iterator[World]:
    with world("small") as made:
        config = made.sandbox.config
        (config.parent / "hook").write_text(receiver.url + PATH)
        with config.open("a") as text:
            text.write("\nnotify:\n  webhook:\n    url: {file: hook}\n")
        made.settled()
        yield made


def tick(one: World) -> None:
    Daemon(one).tick("notices")


def test_a_failed_run_is_told_once_and_again_when_it_came_back(one: World, people: People) -> None:
    tick(one)
    assert people.told() == []
    for _ in range(2):
        one.control.faults(REFUSED)
        for _ in range(2):
            assert not one.sync("push").ok
            tick(one)
        ((kind, title, datastores),) = people.told()
        assert (kind, datastores) == ("failed_run", ())
        assert title.startswith("atlan: ")
        one.control.clear_faults()
        assert one.sync("push").ok
        tick(one)
        assert people.told() == []


def test_a_dry_run_that_fails_tells_nothing(one: World, people: People) -> None:
    one.control.faults(REFUSED)
    assert not one.sync("push", dry_run=True).ok
    one.control.clear_faults()
    tick(one)
    assert people.told() == []


def test_what_could_not_be_delivered_fails_the_tick_and_is_told_by_the_next(
    one: World, people: People
) -> None:
    one.control.faults(REFUSED)
    assert not one.sync("push").ok
    one.control.clear_faults()
    people.away = True
    with pytest.raises(dg.Failure) as caught:
        tick(one)
    assert "503" in str(caught.value.description)
    assert PATH not in str(caught.value.description)
    people.away = False
    tick(one)
    assert len(people.told()) == 1
    assert one.sync("push").ok
    tick(one)


def test_a_run_that_died_without_a_word_in_the_ledger_is_told_until_another_went_through(
    one: World, people: People
) -> None:
    key = one.keys()["CRM"]
    _run_that_dies(one, key, dry=True)
    tick(one)
    assert people.told() == []
    for _ in range(2):
        _run_that_dies(one, key, dry=False)
        tick(one)
    assert "the process of this run is gone" in people.got[0]["causes"][0]["happened"]
    assert people.told() == [("failed_run", "atlan: a run ended before it was done", (key,))]
    assert one.sync("push", datastores=[key]).ok
    tick(one)
    _run_that_dies(one, key, dry=False)
    tick(one)
    assert len(people.told()) == 1
    assert one.sync("push", datastores=[key]).ok
    tick(one)
    assert people.told() == []


def _run_that_dies(one: World, key: str, *, dry: bool) -> None:
    job = build_definitions(one.config()).get_job_def("atlan_push")
    run = one.instance.create_run_for_job(
        job,
        run_config={"resources": run_config(dry_run=dry).resources},
        tags=run_tags("atlan", "push", [key], "cli"),
    )
    one.instance.report_run_failed(run, "the process of this run is gone")


def test_a_token_that_lapses_soon_is_told_from_what_the_runs_noted(one: World, people: People) -> None:
    with one.ledger() as ledger:
        known = ledger.notes.get("atlan", CREDENTIALS)
        assert known["lapses_at"] > ledger.clock()
        ledger.notes.put("atlan", CREDENTIALS, {**known, "lapses_at": ledger.clock() + 86400})
    for _ in range(2):
        tick(one)
    assert people.told() == [("expiring_token", "atlan: the token lapses soon", ())]


def test_without_notify_there_is_no_such_sensor(one: World) -> None:
    sensors = {sensor.name: sensor for sensor in build_definitions(one.config()).sensors or ()}
    assert sensors["notices"].default_status == dg.DefaultSensorStatus.RUNNING
    without = build_definitions(one.config().model_copy(update={"notify": None}))
    assert {sensor.name for sensor in without.sensors or ()} == set(sensors) - {"notices"}
