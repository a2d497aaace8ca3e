"""The sandbox tells, the receiver takes, the ledger keeps: over real HTTP, with duplicates and disorder."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from qsync_pipeline import cli
from qsync_pipeline.automation.webhooks.app import Receiver
from qsync_pipeline.automation.webhooks.serve import Server
from qsync_pipeline.config import load_config
from qsync_pipeline.ledger import Event, Ledger
from qsync_pipeline.qualytics.opening import open_qualytics
from qsync_pipeline.sandbox.configfile import WEBHOOKS_SECRET
from qsync_pipeline.sandbox.testing import ATLAN_ONLY, Refused, RunningSandbox, running_sandbox
from qsync_pipeline.sync.feeds.poller import Poller

TABLE = "SALES_DB.SALES.ORDERS"
CUSTOMER = "SALES_DB.SALES.CUSTOMER"


class World:
    """A sandbox, a receiver over its config, and what they have in common."""

    def __init__(self, sandbox: RunningSandbox, ledger: Ledger, url: str, secret: str) -> None:
        self.sandbox = sandbox
        self.control = sandbox.control
        self.ledger = ledger
        self.url = url
        self.secret = secret

    def new(self, *changes: dict[str, object]) -> list[Event]:
        """The events that follow from these changes, once all that they made the systems tell has arrived."""
        before = self.ledger.events.newest()
        self.control.mutate(*changes)
        self.settle()
        return self.ledger.events.after(before)

    def settle(self) -> None:
        deadline = time.monotonic() + 30
        while True:
            rows = self.control.webhooks()
            if not any(row["waiting"] for row in rows):
                assert not any(row["given_up"] for row in rows)
                return
            assert time.monotonic() < deadline, rows
            time.sleep(0.02)  # until a thread of the sandbox has sent what it has


@contextmanager
def listening(sandbox: RunningSandbox) -> Iterator[World]:
    config = load_config(sandbox.config)
    secret = sandbox.config.with_name(WEBHOOKS_SECRET).read_text(encoding="utf-8").strip()
    with (
        Ledger.open(config.ledger.reveal_url()) as ledger,
        Server(Receiver(config, ledger), "127.0.0.1", 0) as server,
    ):
        yield World(sandbox, ledger, server.url, secret)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """After one sync, so that the ledger knows what is where; pulls on change are on."""
    directory = tmp_path_factory.mktemp("told")
    with running_sandbox("small", directory=directory, kinds=ATLAN_ONLY) as sandbox:
        text = sandbox.config.read_text(encoding="utf-8")
        sandbox.config.write_text(
            text.replace("event_driven: true", "event_driven: true\n    pull_on_change: true"),
            encoding="utf-8",
        )
        assert cli.run(["sync", "--config", str(sandbox.config), "--quiet"]) in (0, 1)
        with listening(sandbox) as found:
            found.control.add_webhook(
                "qualytics", f"{found.url}/qualytics", found.secret, duplicate=2, shuffle=True
            )
            found.control.add_webhook(
                "atlan", f"{found.url}/atlan/atlan", found.secret, duplicate=3, shuffle=True
            )
            yield found


def test_a_scan_a_status_an_archived_check_are_one_event_each_for_their_table(world: World) -> None:
    found = world.new(
        {"system": "qualytics", "do": "finish_scan", "asset": TABLE},
        {"system": "qualytics", "do": "raise_anomaly", "asset": CUSTOMER, "rule": "volumetric"},
    )
    assert sorted((one.kind, one.container, one.direction, one.integration) for one in found) == [
        ("anomaly", "CUSTOMER", "push", ""),
        ("operation", "ORDERS", "push", ""),
    ]
    assert {one.datastore_id for one in found} == {1}
    found = world.new(
        {"system": "qualytics", "do": "archive_check", "asset": CUSTOMER, "rule": "volumetric"},
    )
    assert sorted((one.kind, one.container) for one in found) == [
        ("anomaly", "CUSTOMER"),
        ("check", "CUSTOMER"),
    ]


def test_a_burst_with_copies_in_any_order_loses_nothing_and_repeats_nothing(world: World) -> None:
    found = world.new(
        {"system": "qualytics", "do": "raise_anomaly", "asset": TABLE, "rule": "volumetric", "count": 300}
    )
    assert len(found) == 300
    assert {(one.kind, one.container) for one in found} == {("anomaly", "ORDERS")}


def test_a_persons_tag_is_an_event_for_the_table_and_nothing_else_in_the_catalog_is(world: World) -> None:
    found = world.new(
        {"system": "atlan", "do": "tag", "asset": TABLE, "tag": "Told"},
        {"system": "atlan", "do": "tag", "asset": "SALES_DB.SALES", "tag": "Told"},
    )
    assert {(one.kind, one.container, one.direction, one.integration) for one in found} == {
        ("tags", "ORDERS", "pull", "atlan"),
        ("tags", "", "pull", "atlan"),
    }
    assert len(found) == 2
    assert world.new({"system": "atlan", "do": "set_alert", "asset": TABLE, "text": "Mind this"}) == []


def test_what_a_webhook_told_the_poll_does_not_tell_again(world: World) -> None:
    config = load_config(world.sandbox.config)
    client = open_qualytics(config.qualytics)
    poller = Poller(client, world.ledger)
    cursor = poller.tick(None).cursor
    told = world.new(
        {"system": "qualytics", "do": "finish_scan", "asset": TABLE},
        {"system": "qualytics", "do": "raise_anomaly", "asset": CUSTOMER, "rule": "volumetric", "count": 3},
    )
    keys = {one.key for one in told}
    assert len(keys) == 4
    before = world.ledger.events.newest()
    poller.tick(cursor)
    # It tells of what no flow tells of (a new check, what it sees on the tables), and leaves these alone.
    kinds = {one.key.partition(":")[0] for one in world.ledger.events.after(before)}
    assert kinds.isdisjoint({"operation", "anomaly"})
    client.close()


def test_a_sync_of_ours_is_told_by_nobody_as_news(world: World) -> None:
    before = world.ledger.events.newest()
    world.sandbox.control.advance(3600)
    assert cli.run(["sync", "--config", str(world.sandbox.config), "--quiet"]) in (0, 1)
    world.settle()
    assert [one for one in world.ledger.events.after(before) if one.kind == "tags"] == []


def test_who_is_told_can_be_seen_and_ended(world: World, tmp_path: Path) -> None:
    with running_sandbox("small", directory=tmp_path, kinds=ATLAN_ONLY) as other:
        hook = f"{world.url}/qualytics"
        other.control.add_webhook("qualytics", hook, world.secret, form="http")
        (row,) = other.control.webhooks()
        assert (row["system"], row["url"], "secret" in row) == ("qualytics", hook, False)
        with pytest.raises(Refused, match="already"):
            other.control.add_webhook("qualytics", hook, world.secret)
        with pytest.raises(Refused, match="validation"):
            other.control.add_webhook("atlan", f"{world.url}/atlan/nobody", world.secret)
        with pytest.raises(Refused, match="alation"):
            other.control.add_webhook("alation", hook, world.secret)
        other.control.drop_webhooks(system="qualytics")
        assert other.control.webhooks() == []


def test_the_sandbox_tells_a_receiver_that_comes_up_later_without_being_asked_again(tmp_path: Path) -> None:
    with running_sandbox("small", directory=tmp_path, kinds=ATLAN_ONLY) as probe:
        config = load_config(probe.config)
        with Ledger.open(config.ledger.reveal_url()) as ledger:
            server = Server(Receiver(config, ledger), "127.0.0.1", 0)
            with running_sandbox("small", kinds=ATLAN_ONLY, webhooks=server.url) as sandbox:
                assert [row["url"] for row in sandbox.control.webhooks()] == [
                    f"{server.url}/qualytics",
                    f"{server.url}/atlan/atlan",
                ]
                with server:
                    assert requests.get(f"{server.url}/healthz", timeout=30).ok
                    told = World(sandbox, ledger, server.url, "")
                    # Links lead to the sandbox itself; the n8n form needs none of them.
                    (event,) = told.new({"system": "qualytics", "do": "finish_scan", "asset": TABLE})
                    assert (event.kind, event.container) == ("operation", "ORDERS")
