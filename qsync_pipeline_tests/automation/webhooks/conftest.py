"""A receiver that serves on a free port, over a ledger that a test may look into."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import delete

from qsync_pipeline.automation.webhooks.app import Receiver
from qsync_pipeline.automation.webhooks.serve import Server
from qsync_pipeline.config import load_config
from qsync_pipeline.core.rows import Link
from qsync_pipeline.ledger import Event, Ledger
from qsync_pipeline.ledger.datastores import DatastoreSeen
from qsync_pipeline.ledger.schema import events

SECRET = "fake-shared-secret"
ATLAN_SECRET = "fake-atlan-signing-secret"
UI = "https://acme.qualytics.example"
NOW = 1_790_000_000.0

CONFIG = """
qualytics: {url: https://acme.qualytics.example, token: {env: TOKEN}}
integrations:
  - {name: atlan, type: atlan, url: https://acme.atlan.example, token: {env: TOKEN}, PULL}
  - {name: alation, type: alation, url: https://acme.alation.example, refresh_token: {env: TOKEN}, user_id: 1}
webhooks: WEBHOOKS
"""


class Talk:
    """A receiver, what is sent to it and what it noted."""

    def __init__(self, url: str, ledger: Ledger) -> None:
        self.url = url
        self.ledger = ledger
        self.session = requests.Session()
        self.session.trust_env = False

    def post(self, path: str, body: object, headers: Mapping[str, str] | None = None) -> requests.Response:
        """Send a body (anything but bytes and text goes as JSON) with these headers and no others of ours."""
        data = body if isinstance(body, bytes | str) else json.dumps(body)
        return self.session.post(self.url + path, data=data, headers=headers, timeout=30)

    def flow(self, body: object) -> requests.Response:
        """As the n8n action sends it."""
        return self.post("/qualytics", body, {"x-qualytics-secret": SECRET})

    def atlan(self, body: object) -> requests.Response:
        """As an Atlan webhook sends it."""
        return self.post("/atlan/atlan", body, {"x-atlan-signing-secret": ATLAN_SECRET})

    @property
    def events(self) -> list[Event]:
        return self.ledger.events.after(0)

    @property
    def places(self) -> list[tuple[int, str]]:
        return [(one.datastore_id, one.container) for one in self.events]


Serve = Callable[..., Talk]


@contextmanager
def serving(directory: Path, settings: str, integration: str) -> Iterator[Talk]:
    """A receiver with these settings, over a ledger in this directory."""
    path = directory / "qsync.yaml"
    path.write_text(CONFIG.replace("WEBHOOKS", settings).replace("PULL", integration), encoding="utf-8")
    with (
        pytest.MonkeyPatch.context() as patched,
        Ledger.open(f"sqlite:///{directory}/ledger.db") as ledger,
    ):
        for name, value in {"TOKEN": "fake-token", "SECRET": SECRET, "ATLAN": ATLAN_SECRET}.items():
            patched.setenv(name, value)
        with Server(Receiver(load_config(path), ledger, clock=lambda: NOW), "127.0.0.1", 0) as server:
            talk = Talk(server.url, ledger)
            yield talk
            talk.session.close()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Serve with these settings: ``serve("{max_body_kb: 1}", "pull_on_change: true")``."""
    with ExitStack() as open_ones:

        def start(
            settings: str = "{secret: {env: SECRET}}", integration: str = "pull_on_change: true"
        ) -> Talk:
            return open_ones.enter_context(serving(tmp_path, settings, integration))

        yield start


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Talk]:
    """A receiver with a secret for each sender, whose ledger knows two datastores and their links."""
    own = "pull_on_change: true, webhook_secret: {env: ATLAN}"
    with serving(tmp_path_factory.mktemp("receiver"), "{secret: {env: SECRET}}", own) as talk:
        remember(talk.ledger)
        yield talk


@pytest.fixture
def talk(shared: Talk) -> Talk:
    """The shared one, without the events of other tests."""
    with shared.ledger.events._db.write() as connection:
        connection.execute(delete(events))
    return shared


def remember(ledger: Ledger) -> None:
    """What a run would have left behind: datastores 1 (Sales) and 2 (CRM) with tables and columns."""
    ledger.datastores.register([DatastoreSeen(1, "Sales"), DatastoreSeen(2, "CRM")])
    sales = "default/snowflake/1/DB/SALES"
    crm = "default/snowflake/1/DB/CRM"
    ledger.links.replace(
        "atlan",
        "1-sales",
        [
            link("datastore:1", "Sales", "g-schema", sales),
            link("container:10", "Sales.ORDERS", "g-orders", f"{sales}/ORDERS"),
            link("container:11", "Sales.ORDERS.old", "g-old", f"{sales}/ORDERS.old"),
            link("field:100", "Sales.ORDERS.AMOUNT", "g-amount", f"{sales}/ORDERS/AMOUNT"),
            link("field:101", "Sales.ORDERS.old.AMOUNT", "g-old-amount", f"{sales}/ORDERS.old/AMOUNT"),
        ],
    )
    ledger.links.replace(
        "atlan",
        "2-crm",
        [
            link("datastore:2", "CRM", "g-crm", crm),
            link("container:20", "CRM.ACCOUNT", "g-account", f"{crm}/ACCOUNT", "g-account-copy"),
        ],
    )
    ledger.notes.put("atlan", "actors", ["service-account-apikey-ours"])


def link(unit: str, name: str, asset: str, asset_name: str, *others: str) -> Link:
    level: Any = unit.partition(":")[0]
    return Link(unit, level, name, "matched", "exact", (asset, *others), asset_name)


def triggered(**more: Any) -> dict[str, Any]:
    """A body of the n8n action (qualytics-api.md §2.13), with a datastore and nothing else unless asked."""
    return {
        "event": "qualytics.flow.triggered",
        "flow": {"id": 12, "name": "tell qsync"},
        "trigger": {"type": "operation", "timestamp": "2026-10-02T10:00:05Z"},
        "datastore": {"id": 1, "name": "Sales"},
        "target_link": f"{UI}/datastores/1",
        **more,
    }


def tagged(guid: str, action: str = "CLASSIFICATION_ADD", by: str = "ada", **more: Any) -> dict[str, Any]:
    """A body of an Atlan webhook (atlan-api.md §3.1): somebody changed a tag on this asset."""
    entity = more.pop("entity", {})
    detail = {"typeName": "hT9", "entityGuid": guid, "entityStatus": "ACTIVE", "propagate": False}
    return {
        "source": {},
        "version": {"version": "1.0.0", "versionParts": [1]},
        "msgCompressionKind": "NONE",
        "msgSplitIdx": 1,
        "msgSplitCount": 1,
        "msgSourceIP": "10.0.0.9",
        "msgCreatedBy": "",
        "msgCreationTime": 1712345678500,
        "spooled": False,
        "message": {
            "type": "ENTITY_NOTIFICATION_V2",
            "operationType": action,
            "eventTime": 1712345678400,
            "entity": {
                "typeName": "Table",
                "guid": guid,
                "status": "ACTIVE",
                "displayText": "ORDERS",
                "attributes": {"name": "ORDERS", "qualifiedName": "default/snowflake/1/DB/SALES/ORDERS"},
                "createdBy": "ada",
                "updatedBy": by,
                "isIncomplete": False,
            }
            | entity,
            "mutatedDetails": [detail],
            "headers": {},
            **more,
        },
    }
