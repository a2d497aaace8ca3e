"""Outgoing webhooks: what changed on assets, at least once, unordered (atlan-api.md §3.1, row 27)."""

from __future__ import annotations

import urllib.request
from collections import deque
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from qsync_pipeline.sandbox.atlan.audit import AuditRecord
from qsync_pipeline.sandbox.atlan.model import Doc
from qsync_pipeline.sandbox.atlan.switches import AtlanSwitches
from qsync_pipeline.sandbox.atlan.views import classification
from qsync_pipeline.sandbox.kernel import ControlError, VirtualClock

_RETRIES = (1.0, 5.0, 25.0)
_EVENTS = {
    "ENTITY_CREATE": "ENTITY_CREATE",
    "ENTITY_UPDATE": "ENTITY_UPDATE",
    "ENTITY_DELETE": "ENTITY_DELETE",
    "ENTITY_PURGE": "ENTITY_DELETE",
    "BUSINESS_ATTRIBUTE_UPDATE": "BUSINESS_ATTRIBUTE_UPDATE",
    "CLASSIFICATION_ADD": "CLASSIFICATION_ADD",
    "CLASSIFICATION_DELETE": "CLASSIFICATION_DELETE",
    "PROPAGATED_CLASSIFICATION_ADD": "CLASSIFICATION_ADD",
    "PROPAGATED_CLASSIFICATION_DELETE": "CLASSIFICATION_DELETE",
}
"""Audit action -> operationType of the notification; propagated copies are notified too."""

Sender = Callable[[str, str | None, bytes], bool]


@dataclass(frozen=True)
class Subscription:
    """One webhook, as an admin makes it in the UI. ``events`` empty: all of them."""

    url: str
    secret: str
    events: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Delivery:
    """One body on its way to one URL; ``attempt`` counts the retries made."""

    url: str
    secret: str
    body: bytes
    attempt: int = 0
    due: float = 0.0


def post(url: str, secret: str | None, body: bytes) -> bool:
    """Send one body; true on any 2xx. The secret is a plain header, not a signature (§3.1)."""
    headers = {"content-type": "application/json", "user-agent": "go-resty/2.7.0"}
    if secret is None:
        headers["content-type"] = "text/plain"
    else:
        headers["x-atlan-signing-secret"] = secret
    request = urllib.request.Request(url, data=body, headers=headers, method="POST")  # noqa: S310  # checked by subscribe
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=10) as answer:
            return bool(200 <= answer.status < 300)
    except OSError:
        return False


class Webhooks:
    """Subscriptions and deliveries of one sandbox. Sending happens on a worker thread."""

    def __init__(self, clock: VirtualClock, switches: AtlanSwitches, send: Sender = post) -> None:
        self._clock = clock
        self._mode = switches.webhooks
        self._send = send
        self._subscriptions: list[Subscription] = []
        self._waiting: deque[Delivery] = deque()
        self._pool: ThreadPoolExecutor | None = None

    def subscribe(self, url: str, secret: str, events: Collection[str] = ()) -> bool:
        """Add a webhook after the validation call, which carries no secret (§3.1); false if that failed."""
        if not url.startswith(("http://", "https://")):
            raise ControlError(f"url: {url!r} must begin with http:// or https://")
        sample = msgspec.json.encode(
            {"atlan-webhook": "Hello, humans of data! It worked. Excited to see what you build!"}
        )
        if not self._send(url, None, sample):
            return False
        self._subscriptions.append(Subscription(url, secret, frozenset(events)))
        return True

    def notice(self, record: AuditRecord, doc: Doc | None) -> None:
        """Turn an audit record into notifications for whoever asked for them."""
        event = _EVENTS.get(record.action)
        if event is None or not self._subscriptions or self._mode == "off":
            return
        body = msgspec.json.encode(envelope(record, doc, event, self._clock.now_ms()))
        for one in self._subscriptions:
            if not one.events or event in one.events:
                for _ in range(2 if self._mode == "duplicates" else 1):
                    self._submit(Delivery(one.url, one.secret, body))

    def pump(self) -> None:
        """Retry what is due by now."""
        now = self._clock.now()
        for _ in range(len(self._waiting)):
            delivery = self._waiting.popleft()
            if delivery.due <= now:
                self._submit(delivery)
            else:
                self._waiting.append(delivery)

    def _submit(self, delivery: Delivery) -> None:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="atlan-webhook")
        self._pool.submit(self._deliver, delivery)

    def _deliver(self, delivery: Delivery) -> None:
        if self._send(delivery.url, delivery.secret, delivery.body) or delivery.attempt >= len(_RETRIES):
            return
        due = self._clock.now() + _RETRIES[delivery.attempt]
        self._waiting.append(replace(delivery, attempt=delivery.attempt + 1, due=due))

    def drain(self) -> None:
        """Wait until everything handed over so far was tried once; for tests."""
        if self._pool is not None:
            self._pool.shutdown(wait=True)
            self._pool = None


def envelope(record: AuditRecord, doc: Doc | None, event: str, now_ms: int) -> dict[str, Any]:
    """The notification's body (§3.1)."""
    entity: dict[str, Any] = {
        "typeName": record.type_name,
        "guid": record.guid,
        "status": doc.status if doc is not None else "DELETED",
        "attributes": {"qualifiedName": record.qn},
        "isIncomplete": False,
    }
    if doc is not None:
        entity["displayText"] = doc.name
        entity["attributes"]["name"] = doc.name
        entity["classificationNames"] = list(dict.fromkeys(tag.type_name for tag in doc.tags))
        entity["classifications"] = [classification(tag) for tag in doc.tags]
        entity.update(
            createdBy=doc.created_by, updatedBy=doc.updated_by, createTime=doc.created, updateTime=doc.updated
        )
    message: dict[str, Any] = {
        "type": "ENTITY_NOTIFICATION_V2",
        "operationType": event,
        "eventTime": record.created,
        "entity": entity,
        "headers": dict(record.headers),
    }
    if event == "BUSINESS_ATTRIBUTE_UPDATE":
        message["mutatedDetails"] = {record.detail["typeName"]: record.detail["attributes"]}
    elif event == "ENTITY_UPDATE":
        message["mutatedDetails"] = record.detail
    elif event.startswith("CLASSIFICATION"):
        message["mutatedDetails"] = [record.detail]
    if event == "ENTITY_DELETE":
        message["entity"]["deleteHandler"] = "PURGE" if record.action == "ENTITY_PURGE" else "SOFT"
    return {
        "source": {},
        "version": {"version": "1.0.0", "versionParts": [1]},
        "msgCompressionKind": "NONE",
        "msgSplitIdx": 1,
        "msgSplitCount": 1,
        "msgSourceIP": "127.0.0.1",
        "msgCreatedBy": "",
        "msgCreationTime": now_ms,
        "spooled": False,
        "message": message,
    }
