"""Outgoing webhooks: what changed on assets, at least once, unordered (atlan-api.md §3.1, row 27)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from qsync_pipeline.sandbox import outbox
from qsync_pipeline.sandbox.atlan.audit import AuditRecord
from qsync_pipeline.sandbox.atlan.model import Doc
from qsync_pipeline.sandbox.atlan.switches import AtlanSwitches
from qsync_pipeline.sandbox.atlan.views import classification
from qsync_pipeline.sandbox.kernel import ControlError, VirtualClock
from qsync_pipeline.sandbox.outbox import Letter, Outbox, Receiver

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


def post(url: str, secret: str | None, body: bytes) -> bool:
    """Send one body; true on any 2xx. The secret is a plain header, not a signature (§3.1)."""
    headers = {"content-type": "application/json", "user-agent": "go-resty/2.7.0"}
    if secret is None:
        headers["content-type"] = "text/plain"
    else:
        headers["x-atlan-signing-secret"] = secret
    return outbox.post(url, headers, body)


class Webhooks:
    """Subscriptions and deliveries of one tenant."""

    def __init__(
        self, clock: VirtualClock, switches: AtlanSwitches, send: Sender = post, seed: int = 0
    ) -> None:
        self._clock = clock
        self._mode = switches.webhooks
        self._send = send
        self.outbox = Outbox(clock.now, self._deliver, retries=_RETRIES, seed=seed)

    def subscribe(self, receiver: Receiver, *, validate: bool = True) -> None:
        """Add a webhook, as an admin does in the UI, after the validation call, which carries no secret.

        :class:`ControlError` if that is not answered with a 2xx (§3.1).
        """
        if not receiver.url.startswith(("http://", "https://")):
            raise ControlError(f"url: {receiver.url!r} must begin with http:// or https://")
        if any(one.url == receiver.url for one in self.outbox.receivers):
            raise ControlError(f"url: {receiver.url} is told already")
        sample = msgspec.json.encode(
            {"atlan-webhook": "Hello, humans of data! It worked. Excited to see what you build!"}
        )
        if validate and not self._send(receiver.url, None, sample):
            raise ControlError(f"url: {receiver.url} did not answer the validation call with a 2xx")
        self.outbox.receivers.append(receiver)

    def notice(self, record: AuditRecord, doc: Doc | None) -> None:
        """Turn an audit record into notifications for whoever asked for them."""
        event = _EVENTS.get(record.action)
        if event is None or not self.outbox.receivers or self._mode == "off":
            return
        body = msgspec.json.encode(envelope(record, doc, event, self._clock.now_ms()))
        for one in self.outbox.receivers:
            if not one.events or event in one.events:
                self.outbox.put(one, body, copies=2 if self._mode == "duplicates" else 1)

    def _deliver(self, letter: Letter) -> bool:
        return self._send(letter.receiver.url, letter.receiver.secret, letter.body)


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
