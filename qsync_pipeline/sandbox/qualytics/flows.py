"""Flows: what a deployment calls when something happened (qualytics-api.md §2.13, decisions 37 and 38).

Each receiver stands for one flow per trigger, with one action of its form. There are no retries, no order and
no delivery ids. Documented are two triggers, operation and anomaly; the others are invented, and can be
switched off.
"""

from __future__ import annotations

import json
from typing import Any

from qsync_pipeline.sandbox.kernel import ControlError, VirtualClock
from qsync_pipeline.sandbox.outbox import Letter, Outbox, Receiver, post
from qsync_pipeline.sandbox.qualytics.model import Anomaly, Check, Container, Operation
from qsync_pipeline.sandbox.qualytics.operations import result_of
from qsync_pipeline.sandbox.qualytics.store import Store, iso, open_anomalies

TEMPLATE = {
    "flow": "{{flow_name}}",
    "datastore": "{{datastore_link}}",
    "container": "{{container_link}}",
    "target": "{{target_link}}",
    "operation_type": "{{operation_type}}",
    "operation_result": "{{operation_result}}",
}
"""What the HttpAction of a receiver sends; docs/running.md recommends the same. Tokens that do not belong to
the trigger stay as they are."""
MESSAGE = "{{flow_name}}: {{datastore_name}} {{container_name}}, see {{target_link}}"
"""What its Webhook says, as the text of a JSON object (decision 37: a guess)."""

_FLOWS = {"operation": 1, "anomaly": 2, "anomaly_status": 3, "quality_check": 4}


class Flows:
    """The flows of one deployment. ``store`` tells it of what happens."""

    def __init__(self, store: Store, clock: VirtualClock, seed: int) -> None:
        self.outbox = Outbox(clock.now, send, seed=seed)
        self.base_url = ""
        self._clock = clock
        self._store = store

    def subscribe(self, receiver: Receiver) -> None:
        """Make the flows that call this receiver."""
        if any(one.url == receiver.url for one in self.outbox.receivers):
            raise ControlError(f"url: {receiver.url} is called already")
        self.outbox.receivers.append(receiver)

    def notice(self, what: str, item: Operation | Anomaly | Check) -> None:
        """Note the calls that follow from this: ``finished``, ``detected``, ``status``, ``archived`` or
        ``deleted``."""
        if not self.outbox.receivers:
            return
        if what not in ("finished", "detected") and not self._store.switches.flow_changes:
            return
        match item:
            case Operation():
                body = self._operation(item)
            case Anomaly():
                body = self._anomaly(what, item)
            case Check():
                body = self._check(what, item)
        for receiver in self.outbox.receivers:
            self.outbox.put(receiver, self._rendered(receiver, body))

    def _head(self, kind: str, container: Container | None, target: str) -> dict[str, Any]:
        """What every call begins with."""
        found: dict[str, Any] = {
            "event": "qualytics.flow.triggered",
            "flow": {"id": _FLOWS[kind], "name": f"{kind} to qsync"},
            "trigger": {"type": kind, "timestamp": iso(self._clock.now())},
        }
        if container is not None:
            datastore = container.datastore
            found["datastore"] = {"id": datastore.id, "name": datastore.name}
            found["target_link"] = f"{self.base_url}/datastores/{datastore.id}{target}"
        return found

    def _operation(self, item: Operation) -> dict[str, Any]:
        """A finished operation; one that found anomalies ends in ``warning`` here (§2.13)."""
        result = result_of(item, self._clock.now())
        if item.type == "scan" and result == "success":
            found = any(True for container in item.containers for _ in open_anomalies(container))
            result = "warning" if found else result
        head = self._head("operation", None, "")
        if item.datastore is not None:
            link = f"{self.base_url}/datastores/{item.datastore.id}/activity?operation_id={item.id}"
            head |= {"datastore": {"id": item.datastore.id, "name": item.datastore.name}, "target_link": link}
        return head | {
            "context": {"containers": [_stub(container) for container in item.containers]},
            "operation": {"id": item.id, "type": item.type, "result": result},
        }

    def _anomaly(self, what: str, item: Anomaly) -> dict[str, Any]:
        """A new anomaly, or (invented) one of another status; ``status`` is then told as well."""
        kind = "anomaly" if what == "detected" else "anomaly_status"
        row: dict[str, Any] = {
            "id": item.id,
            "type": item.type,
            "description": item.message,
            "container": item.container.name,
            "fields": sorted({column.name for check in item.checks for column in check.fields}),
            "created_at": item.created,
        }
        if what != "detected":
            row["status"] = "Deleted" if what == "deleted" else item.status
        checks = [{"id": check.id, "name": check.description, "status": "failed"} for check in item.checks]
        return self._head(kind, item.container, f"/anomalies?id={item.id}") | {
            "context": {"anomalies": [row], "containers": [_stub(item.container)], "quality_checks": checks}
        }

    def _check(self, what: str, item: Check) -> dict[str, Any]:
        """Invented: a check that was archived or deleted."""
        row = {"id": item.id, "name": item.description, "status": what}
        containers = [] if item.container is None else [_stub(item.container)]
        return self._head("quality_check", item.container, f"/checks?id={item.id}") | {
            "context": {"containers": containers, "quality_checks": [row]}
        }

    def _rendered(self, receiver: Receiver, body: dict[str, Any]) -> bytes:
        if receiver.form == "n8n":
            return json.dumps(body).encode()
        values = self._tokens(body)
        if receiver.form == "text":
            return json.dumps({"text": _filled(MESSAGE, values)}).encode()
        # Not escaped, as nothing says that it would be: a name with a quote breaks the JSON (§2.13).
        return _filled(json.dumps(TEMPLATE), values).encode()

    def _tokens(self, body: dict[str, Any]) -> dict[str, str]:
        datastore, operation = body.get("datastore"), body.get("operation")
        values = {"flow_name": body["flow"]["name"], "target_link": body.get("target_link", "")}
        if datastore is not None:
            values["datastore_name"] = datastore["name"]
            values["datastore_link"] = f"{self.base_url}/datastores/{datastore['id']}"
        containers = (body.get("context") or {}).get("containers") or []
        if operation is not None:
            values |= {"operation_type": operation["type"], "operation_result": operation["result"]}
        elif containers and datastore is not None:
            link = f"{self.base_url}/datastores/{datastore['id']}/containers/{containers[0]['id']}/overview"
            values |= {"container_name": containers[0]["name"], "container_link": link}
        return values


def _stub(container: Container) -> dict[str, Any]:
    return {"id": container.id, "name": container.name}


def _filled(text: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(f"{{{{{name}}}}}", value)
    return text


def send(letter: Letter) -> bool:
    """One call: the n8n action shows its own header, HttpAction a bearer, Webhook nothing (§2.13)."""
    receiver = letter.receiver
    headers = {"content-type": "application/json", "user-agent": "qualytics-flows"}
    if receiver.form == "n8n":
        headers["x-qualytics-secret"] = receiver.secret
    elif receiver.form == "http":
        headers["authorization"] = f"Bearer {receiver.secret}"
    return post(receiver.url, headers, letter.body)
