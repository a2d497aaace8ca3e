"""What Qualytics flow actions send (qualytics-api.md §2.13, decisions 37 and 38).

The n8n action is the one structured form; a receiver poses as n8n. Webhook and HttpAction send a rendered
template of the user's making, in a wrapper that is not documented: there any text will do that holds a link
to a datastore or container of this deployment.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Final

import msgspec

from qsync_pipeline.automation.webhooks.told import MOST_ID, Look, NotUnderstood, Told
from qsync_pipeline.ledger.jsontext import plain_text
from qsync_pipeline.qualytics.happenings import (
    anomaly_key,
    check_key,
    delivery_key,
    flow_key,
    operation_key,
)

TRIGGERED: Final = "qualytics.flow.triggered"
"""The ``event`` of the n8n form, the only one there is."""
WINDOW = 60.0
"""Seconds within which the same unstructured text is a repetition."""
_UNFINISHED = frozenset({"", "queued", "running"})
_MOST_DEPTH = 20

Id = Annotated[int, msgspec.Meta(ge=1, le=MOST_ID)]
Name = Annotated[str, msgspec.Meta(max_length=1000)]


class _Flow(msgspec.Struct):
    id: Id
    name: str | None = None


class _Trigger(msgspec.Struct):
    type: Annotated[str, msgspec.Meta(max_length=100)]
    timestamp: Annotated[str, msgspec.Meta(max_length=100)] | None = None


class _Named(msgspec.Struct):
    id: Id
    name: Name | None = None


class _Anomaly(msgspec.Struct):
    """``status`` is no part of the documented form; where a deployment sends it, it is taken."""

    id: Id
    container: Name | None = None
    created_at: Annotated[str, msgspec.Meta(max_length=100)] | None = None
    status: Annotated[str, msgspec.Meta(max_length=100)] | None = None


class _Check(msgspec.Struct):
    id: Id
    status: Annotated[str, msgspec.Meta(max_length=100)] | None = None


class _Context(msgspec.Struct):
    anomalies: list[_Anomaly] | None = None
    containers: list[_Named] | None = None
    quality_checks: list[_Check] | None = None


class _Operation(msgspec.Struct):
    id: Id
    type: str | None = None
    result: Annotated[str, msgspec.Meta(max_length=100)] | None = None


class _Triggered(msgspec.Struct):
    """The n8n form. Whatever else it may hold is passed over."""

    event: str
    flow: _Flow
    trigger: _Trigger
    datastore: _Named | None = None
    context: _Context | None = None
    operation: _Operation | None = None
    target_link: str | None = None


class FlowReader:
    """Reads what flow actions of one deployment send. ``origins`` are the URLs that its links begin with."""

    def __init__(self, origins: tuple[str, ...], clock: Callable[[], float]) -> None:
        any_origin = "|".join(re.escape(one) for one in sorted(set(origins), key=len, reverse=True))
        self._link = re.compile(
            rf"(?:{any_origin})/datastores/(?P<datastore>[0-9]+)"
            r"(?:/containers/(?P<container>[0-9]+)|/activity\?operation_id=(?P<operation>[0-9]+))?(?![0-9])",
            re.IGNORECASE,
        )
        self._origins = origins
        self._clock = clock

    def read(self, body: bytes) -> Told:
        """What a body says. Raises :class:`NotUnderstood`."""
        try:
            text = body.decode("utf-8")
        except UnicodeDecodeError:
            raise NotUnderstood("the body is not UTF-8 text") from None
        try:
            content = msgspec.json.decode(body)
        except (msgspec.DecodeError, RecursionError):
            return self._plain(body, text, {})
        if isinstance(content, dict) and "event" in content:
            return Told(looks=tuple(self._triggered(body)))
        found = "\n".join(_texts(content))
        return self._plain(body, found, content if isinstance(content, dict) else {})

    # -- the n8n form -------------------------------------------------------------------------------------

    def _triggered(self, body: bytes) -> Iterator[Look]:
        try:
            told = msgspec.json.decode(body, type=_Triggered)
        except msgspec.ValidationError as problem:
            raise NotUnderstood(f"not the form of a flow's n8n action: {problem}") from None
        if told.event != TRIGGERED:
            raise NotUnderstood(f"an event that is not {TRIGGERED}")
        datastore = told.datastore.id if told.datastore else self._linked(told.target_link or "")
        if datastore is None:
            raise NotUnderstood("the flow tells of no datastore; give it a trigger that has one")
        context = told.context or _Context()
        containers = {_clean(one.name): one.id for one in context.containers or () if one.name}
        at = _seconds(told.trigger.timestamp)

        def look(key: str, kind: str, container: str, happened: float = at) -> Look:
            return Look(key, kind, datastore, container, happened_at=happened)

        looks: list[Look] = []
        operation = told.operation
        if operation is not None and (operation.result or "").strip().casefold() not in _UNFINISHED:
            for container in containers or ("",):
                key = operation_key(operation.id, operation.result or "", container)
                looks.append(look(key, "operation", container))
        detected = told.trigger.type.strip().casefold() == "anomaly"
        for one in context.anomalies or ():
            container = _clean(one.container or "")
            # A new anomaly is known by when it was detected, which a poll sees too; what became of an old
            # one, by when the flow says so: an anomaly can come into one status twice.
            time = one.created_at if detected else told.trigger.timestamp
            status = "Active" if detected else one.status or told.trigger.type
            happened = _seconds(time) or at
            looks.append(look(anomaly_key(one.id, status, time), "anomaly", container, happened))
        if not looks or told.trigger.type.strip().casefold().startswith("quality_check"):
            for check in context.quality_checks or ():
                for container in containers or ("",):
                    key = check_key(check.id, check.status or told.trigger.type, told.trigger.timestamp)
                    looks.append(look(key, "check", container))
        if not looks:
            for container in containers or ("",):
                key = flow_key(told.flow.id, told.trigger.timestamp, datastore, container)
                looks.append(look(key, "flow", container))
        yield from looks

    def _linked(self, text: str) -> int | None:
        match = self._link.match(text)
        return _id(match["datastore"]) if match else None

    # -- templates ----------------------------------------------------------------------------------------

    def _plain(self, body: bytes, text: str, values: Mapping[str, Any]) -> Told:
        now = self._clock()
        places: dict[tuple[int, int | None], int | None] = {}
        for match in self._link.finditer(text):
            datastore, container = _id(match["datastore"]), _id(match["container"])
            if datastore is None or (match["container"] and container is None):
                continue
            operation = _id(match["operation"])
            places[datastore, container] = places.get((datastore, container)) or operation
        # A container's link stands beside its datastore's; the narrower one is meant.
        narrow = {datastore for datastore, container in places if container is not None}
        looks = []
        for (datastore, container), operation in places.items():
            if container is None and datastore in narrow:
                continue
            result = values.get("operation_result")
            if operation is not None and isinstance(result, str) and _is_filled(result):
                key, kind = operation_key(operation, result[:100]), "operation"
            else:
                place = f"{datastore}:{container or ''}".encode()
                key, kind = delivery_key("qualytics", place + b"\n" + body, int(now // WINDOW)), "message"
            looks.append(Look(key, kind, datastore, container_id=container, happened_at=now))
        if not looks:
            raise NotUnderstood(
                "neither a flow's n8n action nor a text with a link to a datastore of "
                f"{' or '.join(dict.fromkeys(self._origins))}"
            )
        return Told(looks=tuple(looks))


def _texts(content: Any, depth: int = 0) -> Iterator[str]:
    """Every text in a JSON value."""
    if isinstance(content, str):
        yield content
    elif depth < _MOST_DEPTH and isinstance(content, dict | list):
        for item in content.values() if isinstance(content, dict) else content:
            yield from _texts(item, depth + 1)


def _is_filled(value: str) -> bool:
    """Tokens that do not belong to the trigger stay as they are, in double braces (§2.13)."""
    return bool(value.strip()) and "{{" not in value


def _id(digits: str | None) -> int | None:
    if not digits or len(digits) > 10 or not 1 <= int(digits) <= MOST_ID:
        return None
    return int(digits)


def _clean(name: str) -> str:
    return plain_text(name)


def _seconds(time: str | None) -> float:
    """Seconds since the epoch; 0 where that is unknown or no time."""
    try:
        at = datetime.datetime.fromisoformat((time or "").strip())
        at = at.replace(tzinfo=datetime.UTC) if at.tzinfo is None else at
        return max(0.0, at.timestamp())
    except (ValueError, OverflowError, OSError):
        return 0.0
