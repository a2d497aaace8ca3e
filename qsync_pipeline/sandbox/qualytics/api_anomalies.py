"""Anomalies (qualytics-api.md §2.7)."""

from __future__ import annotations

from typing import Any

from qsync_pipeline.sandbox.qualytics.lookups import body_tags, bulk, in_scope, keep_tagged, seen, write_tags
from qsync_pipeline.sandbox.qualytics.model import ARCHIVED_ANOMALY_STATUSES, OPEN_STATUSES, Anomaly
from qsync_pipeline.sandbox.qualytics.quality import delete_anomaly, set_anomaly_status
from qsync_pipeline.sandbox.qualytics.views import date_of
from qsync_pipeline.sandbox.qualytics.views_quality import id_of_uuid, uuid_of
from qsync_pipeline.sandbox.qualytics.web import PAGING, Call, Endpoint, invalid, missing


def matching_anomalies(call: Call) -> list[Anomaly]:
    """Anomalies after the filters (§1.6); an archived status needs ``archived`` as well."""
    archived, statuses, kinds = call.archived(), set(call.many("status")), set(call.many("anomaly_type"))
    rules, checks, columns = (
        set(call.many("rule_type")),
        set(call.integers("quality_check")),
        call.integers("field"),
    )
    identities = set(call.many("id"))
    first, last = call.date("start_date"), call.date("end_date")
    exact = call.date("created_date")
    if call.flag("source_enriched"):
        return []
    rows = []
    for container in in_scope(call):
        for item in container.anomalies.values():
            put_away = not item.is_open or container.deleted_at is not None
            if archived != "include" and put_away != (archived == "only"):
                continue
            if (statuses and item.status not in statuses) or (kinds and item.type not in kinds):
                continue
            if rules and not any(check.rule_type in rules for check in item.checks):
                continue
            if checks and not any(check.id in checks for check in item.checks):
                continue
            if columns and not any(column.id in columns for check in item.checks for column in check.fields):
                continue
            if identities and str(item.id) not in identities and uuid_of(item.id) not in identities:
                continue
            day = date_of(item.created)
            if (first and day < first) or (last and day > last) or (exact and day != exact):
                continue
            rows.append(item)
    return call.sort(
        keep_tagged(call, rows),
        {"sort_created": lambda item: (item.created, item.id), "sort_weight": call.system.views.weight},
    )


def list_anomalies(call: Call) -> dict[str, Any]:
    return call.page(lambda: matching_anomalies(call), call.system.quality_views.anomaly)


def _known(call: Call) -> Anomaly:
    """By id or uuid (§2.7)."""
    store, text = call.system.store, call.path["anomaly_id"]
    if text.isdecimal():
        return seen(call, store.anomalies, int(text), "Anomaly")
    number = id_of_uuid(text)
    if number is None:
        raise missing("Anomaly", text)
    return seen(call, store.anomalies, number, "Anomaly")


def get_anomaly(call: Call) -> dict[str, Any]:
    return call.system.quality_views.anomaly(_known(call))


def _judge(item: dict[str, Any], loc: tuple[str | int, ...]) -> None:
    """Writes take open statuses only; archiving is a DELETE (§2.7)."""
    status = item.get("status")
    if status is not None and status not in OPEN_STATUSES:
        message = "value is not a valid enumeration member; permitted: 'Active', 'Acknowledged'"
        raise invalid([*loc, "status"], message, "type_error.enum")
    body_tags(item, loc)
    assignees = item.get("assignee_ids")
    if assignees is not None and not (
        isinstance(assignees, list) and all(isinstance(number, int) for number in assignees)
    ):
        raise invalid([*loc, "assignee_ids"], "value is not a valid list of integers", "type_error.list")


def _apply(call: Call, anomaly: Anomaly, item: dict[str, Any]) -> None:
    if item.get("status") is not None:
        set_anomaly_status(call.system.store, anomaly, item["status"])
    if item.get("description") is not None:
        anomaly.description = str(item["description"])
    if item.get("assignee_ids") is not None:
        anomaly.assignee_ids = item["assignee_ids"]
    write_tags(call, anomaly, body_tags(item))
    call.system.store.touch_item(anomaly)


def update_anomaly(call: Call) -> dict[str, Any]:
    """An open status restores an archived anomaly (§2.7)."""
    anomaly, body = _known(call), call.object()
    _judge(body, ("body",))
    _apply(call, anomaly, body)
    return call.system.quality_views.anomaly(anomaly)


def patch_anomalies(call: Call) -> list[dict[str, Any]]:
    pairs = bulk(call, call.system.store.anomalies, "Anomaly")
    for position, (_, item) in enumerate(pairs):
        _judge(item, ("body", position))
    for anomaly, item in pairs:
        _apply(call, anomaly, item)
    return [call.system.quality_views.anomaly(anomaly) for anomaly, _ in pairs]


def _archive_status(status: object) -> str:
    if status is None:
        return "Resolved"
    if status not in ARCHIVED_ANOMALY_STATUSES:
        permitted = ", ".join(f"'{value}'" for value in ARCHIVED_ANOMALY_STATUSES)
        raise invalid(["query", "status"], f"value is not a valid enumeration member; permitted: {permitted}")
    return str(status)


def _remove(call: Call, anomaly: Anomaly, *, archive: bool, status: str) -> None:
    if archive:
        set_anomaly_status(call.system.store, anomaly, status)
    else:
        delete_anomaly(call.system.store, anomaly)


def remove_anomaly(call: Call) -> None:
    """Archives with a status; ``archive=false`` deletes for good (§2.7, decision 36)."""
    anomaly, status = _known(call), _archive_status(call.one("status"))
    _remove(call, anomaly, archive=call.flag("archive") is not False, status=status)


def remove_anomalies(call: Call) -> None:
    """Bulk: a JSON body ``[{id, archive?, status?}]``, or repeated or comma-joined ``ids`` (decision 35)."""
    store = call.system.store
    joined = [text for value in call.many("ids") for text in value.split(",") if text]
    if joined and call.body is None:
        if not all(text.isdecimal() for text in joined):
            raise invalid(["query", "ids"], "value is not a valid integer", "type_error.integer")
        archive, status = call.flag("archive") is not False, _archive_status(call.one("status"))
        for anomaly in [seen(call, store.anomalies, int(text), "Anomaly") for text in joined]:
            _remove(call, anomaly, archive=archive, status=status)
        return
    pairs = bulk(call, store.anomalies, "Anomaly")
    statuses = [_archive_status(item.get("status")) for _, item in pairs]
    for (anomaly, item), status in zip(pairs, statuses, strict=True):
        _remove(call, anomaly, archive=item.get("archive", True), status=status)


_QUERY = (
    *("id", "datastore", "container", "field", "quality_check", "rule_type", "tag", "anomaly_type", "status"),
    *("archived", "source_enriched", "created_date", "start_date", "end_date", "timeframe"),
    *("container_scan", "partition_scan", "sort_created", "sort_weight"),
)
_ITEM = "/anomalies/{anomaly_id}"
ENDPOINTS = [
    Endpoint("GET", "/anomalies", list_anomalies, (*PAGING, *_QUERY)),
    Endpoint("PATCH", "/anomalies", patch_anomalies),
    Endpoint("DELETE", "/anomalies", remove_anomalies, ("ids", "archive", "status")),
    Endpoint("GET", _ITEM, get_anomaly),
    Endpoint("PUT", _ITEM, update_anomaly),
    Endpoint("DELETE", _ITEM, remove_anomaly, ("archive", "status")),
]
