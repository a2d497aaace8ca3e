"""The poller of Qualytics over HTTP against the sandbox's demo estate."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from qsync_pipeline.automation.watching import build_watching
from qsync_pipeline.config import load_config
from qsync_pipeline.ledger import Ledger
from qsync_pipeline.ledger.events import Event
from qsync_pipeline.qualytics.client import QualyticsClient
from qsync_pipeline.qualytics.opening import open_qualytics
from qsync_pipeline.resources import LedgerResource, QualyticsResource
from qsync_pipeline.sandbox.testing import RunningSandbox, kinds_of, running_sandbox
from qsync_pipeline.sync.feeds.poller import Noticed, Poller

WEEK = 7 * 86_400


class Clock:
    """Our own clock, which can be put forward."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


class Watch:
    """A sandbox, a ledger and a poller, and what is noted from one look at the events to the next."""

    def __init__(
        self, sandbox: RunningSandbox, client: QualyticsClient, ledger: Ledger, clock: Clock
    ) -> None:
        self.sandbox, self.client, self.ledger, self.clock = sandbox, client, ledger, clock
        self.control = sandbox.control
        self.poller = Poller(client, ledger)
        self.cursor: str | None = None
        self.settle()
        self.read = ledger.events.newest()

    def tick(self) -> Noticed:
        noticed = self.poller.tick(self.cursor)
        self.cursor = noticed.cursor
        return noticed

    def settle(self) -> None:
        while self.tick().due:
            pass

    def events(self) -> list[Event]:
        found = self.ledger.events.after(self.read)
        self.read = self.ledger.events.newest()
        return found

    def qualytics(self, do: str, **words: Any) -> list[str]:
        return self.control.mutate({"system": "qualytics", "do": do, **words})

    def tables(self) -> list[str]:
        entries = self.control.state("qualytics", like="%")
        names = Counter(row["name"] for row in entries if row["kind"] == "table")
        return [name for name, count in names.items() if count == 1]

    def places(self) -> dict[str, tuple[int, str]]:
        """Datastore id and container name by the full name of a table."""
        store: Any = getattr(self.sandbox.systems["qualytics"], "store")  # noqa: B009 - not in the seam
        found = {}
        for container in store.containers.values():
            path = (container.datastore.database, container.datastore.schema, container.name)
            found[".".join(part for part in path if part)] = (container.datastore.id, container.name)
        return found


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox("demo", 1, kinds=kinds_of("qualytics", "atlan")) as running:
        yield running


@pytest.fixture
def watch(sandbox: RunningSandbox, tmp_path: Path) -> Iterator[Watch]:
    client = open_qualytics(load_config(sandbox.config).qualytics)
    clock = Clock()
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.sqlite", clock=clock) as ledger:
        yield Watch(sandbox, client, ledger, clock)
    client.close()


def covered(events: list[Event]) -> set[tuple[int, str]]:
    return {(event.datastore_id, event.container) for event in events}


def test_a_first_start_replays_no_history(watch: Watch) -> None:
    assert watch.ledger.events.newest() == 0
    watch.tick()
    assert watch.events() == []


def test_a_scan_names_the_tables_it_took_in_and_no_other(watch: Watch) -> None:
    name = watch.tables()[0]
    operation = watch.qualytics("finish_scan", asset=name)[0].partition(":")[2]
    watch.tick()
    (event,) = watch.events()
    assert (event.datastore_id, event.container) == watch.places()[name]
    assert event.key == f"operation:{operation}:success:{event.container}"
    assert (event.kind, event.direction, event.source) == ("operation", "push", "poll")
    watch.tick()
    assert watch.events() == []


def test_an_operation_that_ran_for_hours_is_noticed_when_it_ends(watch: Watch) -> None:
    place = watch.places()[watch.tables()[3]]
    started = watch.client.session.request(
        "POST",
        "/operations/run",
        kind="write",
        json={"type": "scan", "datastore_id": place[0], "container_names": [place[1]]},
        decode=dict[str, Any],
    )
    watch.tick()
    assert watch.events() == []
    store: Any = getattr(watch.sandbox.systems["qualytics"], "store")  # noqa: B009 - not in the seam
    running = store.operations[started["id"]]
    running.ends += 9000
    watch.control.advance(8000)
    for name in watch.tables()[:3]:  # newer operations push it down in the list
        watch.qualytics("finish_scan", asset=name)
    watch.tick()
    assert place not in covered(watch.events())
    watch.control.advance(2000)
    watch.tick()
    assert f"operation:{started['id']}:success:{place[1]}" in {event.key for event in watch.events()}


@pytest.mark.parametrize("status", ["Resolved", "Acknowledged"])
def test_an_anomaly_that_came_up_and_one_that_changed_its_status_are_noticed(
    watch: Watch, status: str
) -> None:
    name = watch.tables()[5]
    number = watch.qualytics("raise_anomaly", asset=name, rule="volumetric")[-1].partition(":")[2]
    watch.tick()
    assert covered(watch.events()) == {watch.places()[name]}
    watch.qualytics("set_anomaly_status", id=int(number), status=status)
    _turn(watch)
    assert covered(watch.events()) == {watch.places()[name]}


def test_an_anomaly_that_was_deleted_is_noticed(watch: Watch) -> None:
    name = watch.tables()[6]
    number = watch.qualytics("raise_anomaly", asset=name, rule="volumetric")[-1].partition(":")[2]
    watch.tick()
    watch.events()
    path = f"/anomalies/{number}"
    watch.client.session.request("DELETE", path, kind="write", params=[("archive", False)])
    watch.tick()
    (event,) = watch.events()
    assert (event.datastore_id, event.container) == watch.places()[name]
    assert f":anomaly:{number}:gone:" in event.key


@pytest.mark.parametrize("archive", [True, False], ids=["archived", "deleted"])
def test_a_check_that_was_archived_or_deleted_is_noticed(watch: Watch, archive: bool) -> None:
    name = watch.tables()[7]
    watch.qualytics("raise_anomaly", asset=name, rule="volumetric" if archive else "fieldCount")
    watch.tick()
    watch.events()
    store: Any = getattr(watch.sandbox.systems["qualytics"], "store")  # noqa: B009 - not in the seam
    place = watch.places()[name]
    check = next(
        number
        for number, row in sorted(store.checks.items(), reverse=True)
        if row.container.name == place[1] and row.container.datastore.id == place[0] and not row.deleted_at
    )
    watch.client.session.request(
        "DELETE", f"/quality-checks/{check}", kind="write", params=[("archive", archive)]
    )
    watch.tick()
    assert covered(watch.events()) == {place}


def test_a_check_that_was_edited_is_noticed_when_its_datastore_has_its_turn(watch: Watch) -> None:
    name = watch.tables()[8]
    watch.qualytics("raise_anomaly", asset=name, rule="volumetric")
    watch.tick()
    watch.events()
    check = watch.qualytics("raise_anomaly", asset=name, rule="volumetric")[1].partition(":")[2]
    watch.tick()
    watch.events()
    watch.qualytics("edit_check", id=int(check), description="other words")
    _turn(watch)
    (event,) = watch.events()
    assert (event.datastore_id, event.container) == watch.places()[name]
    assert f":check:{check}:changed:" in event.key


def test_a_burst_of_a_thousand_changes_over_all_datastores_is_noted_completely(watch: Watch) -> None:
    places, tables = watch.places(), watch.tables()
    chosen = [tables[number % len(tables)] for number in range(1000)]
    for start in range(0, 1000, 100):
        watch.control.mutate(
            *(
                {"system": "qualytics", "do": "raise_anomaly", "asset": name, "rule": "volumetric"}
                if number % 3
                else {"system": "qualytics", "do": "finish_scan", "asset": name}
                for number, name in enumerate(chosen[start : start + 100])
            )
        )
    watch.settle()
    found = covered(watch.events())
    wanted = {places[name] for name in chosen}
    assert {place for place in wanted if place not in found and (place[0], "") not in found} == set()
    assert len({number for number, _ in wanted}) >= 10
    watch.control.advance(60)
    watch.settle()
    assert watch.events() == []


def test_a_poller_that_was_off_for_a_week_catches_up_without_a_flood(watch: Watch) -> None:
    tables, places = watch.tables(), watch.places()
    for _ in range(7):
        watch.control.mutate(
            *({"system": "qualytics", "do": "finish_scan", "asset": name} for name in tables)
        )
        watch.control.advance(WEEK / 7)
    watch.control.reset_requests()
    watch.settle()
    events = watch.events()
    found = covered(events)
    assert all(places[name] in found or (places[name][0], "") in found for name in tables)
    watch.tick()
    assert watch.events() == []
    assert watch.control.count("qualytics") < 150


def test_an_old_cursor_tells_nothing_twice(watch: Watch) -> None:
    old = watch.cursor
    watch.qualytics("finish_scan", asset=watch.tables()[0])
    watch.qualytics("raise_anomaly", asset=watch.tables()[1], rule="volumetric")
    watch.settle()
    assert watch.events()
    watch.cursor = old
    watch.settle()
    assert watch.events() == []


def test_what_a_webhook_told_is_noted_once_and_what_was_read_since_is_told_beside_it(watch: Watch) -> None:
    """The webhook's event may have started its run before scores were final: a difference is news."""
    name = watch.tables()[2]
    number = watch.qualytics("finish_scan", asset=name)[0].partition(":")[2]
    datastore, container = watch.places()[name]
    told = Event(
        key=f"operation:{number}:success:{container}",
        source="webhook",
        kind="operation",
        direction="push",
        datastore_id=datastore,
        container=container,
    )
    watch.ledger.events.note([told])
    watch.tick()
    by_webhook, by_poll = watch.events()
    assert by_webhook.key == told.key
    assert by_poll.key.startswith("look:")
    assert covered([by_poll]) == {(datastore, container)}
    watch.settle()
    assert watch.events() == []


def test_a_tick_without_news_costs_a_handful_of_requests(watch: Watch) -> None:
    for _ in range(30):
        watch.tick()
    watch.control.advance(3600)
    watch.clock.ahead += 3600
    watch.tick()
    watch.control.reset_requests()
    for _ in range(20):
        watch.tick()
        watch.control.advance(15)
    assert watch.control.count("qualytics") / 20 <= 5 + 5
    assert len(watch.cursor or "") < 20_000, "how many rows are near the newest depends on the hour"


def test_a_sensor_whose_call_fails_says_so_and_keeps_its_cursor(sandbox: RunningSandbox) -> None:
    config = load_config(sandbox.config)
    (sensor,) = [one for one in build_watching(config) if one.name == "qualytics_changes"]
    resources = {
        "qualytics": QualyticsResource(config_path=str(sandbox.config), url=config.qualytics.url),
        "ledger": LedgerResource(config_path=str(sandbox.config)),
    }
    assert sensor.default_status == dg.DefaultSensorStatus.RUNNING

    def evaluate(cursor: str | None) -> tuple[str, str | None]:
        with dg.build_sensor_context(resources=resources, cursor=cursor) as context:
            answer = sensor(context)
            assert isinstance(answer, dg.SkipReason)
            return str(answer.skip_message), context.cursor

    said, cursor = evaluate(None)
    assert said.startswith("First tick")
    sandbox.control.faults({"system": "qualytics", "route": "/api/operations", "status": 401})
    with pytest.raises(dg.Failure, match="token"):
        evaluate(cursor)
    sandbox.control.clear_faults()
    assert evaluate(cursor)[0].startswith("Nothing new")


def _turn(watch: Watch) -> None:
    """So many ticks that every datastore had its turn."""
    for _ in range(40):
        watch.tick()


def test_a_datastore_out_of_sight_is_no_news_and_what_changed_meanwhile_is_when_it_is_back(
    watch: Watch,
) -> None:
    name = watch.tables()[0]
    place = watch.places()[name]
    store: Any = getattr(watch.sandbox.systems["qualytics"], "store")  # noqa: B009 - not in the seam
    store.denied.add(place[0])
    store.touch(None)
    try:
        watch.qualytics("set_score", asset=name, dimension="total", value=1.5)
        _turn(watch)
        assert watch.events() == []
    finally:
        store.denied.discard(place[0])
        store.touch(None)
    watch.settle()
    assert covered(watch.events()) == {place}
