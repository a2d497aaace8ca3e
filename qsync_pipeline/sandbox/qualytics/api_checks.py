"""Quality checks and their templates (qualytics-api.md §2.6)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from qsync_pipeline.sandbox.qualytics.lookups import body_tags, bulk, in_scope, keep_tagged, seen, write_tags
from qsync_pipeline.sandbox.qualytics.model import (
    ARCHIVED_CHECK_STATUSES,
    OPEN_CHECK_STATUSES,
    Check,
    Container,
    Field,
)
from qsync_pipeline.sandbox.qualytics.quality import archive_check, delete_check, set_check_status
from qsync_pipeline.sandbox.qualytics.web import PAGING, ApiError, Call, Endpoint, invalid

EXTRA = ("owner_id", "default_anomaly_assignee_id", "anomaly_message_field")


def matching_checks(call: Call) -> list[Check]:
    """Checks after the filters (§1.6): archived ones, and those in archived containers, only on demand."""
    archived, statuses = call.archived(), set(call.many("status"))
    rules, inferred = set(call.many("rule_type")), call.flag("inferred")
    columns, numbers = set(call.integers("field")), set(call.integers("id"))
    if call.flag("template_only"):
        found: Iterable[Check] = call.system.store.templates.values()
    else:
        found = (check for container in in_scope(call) for check in container.checks.values())
    rows = [
        check
        for check in found
        if (archived == "include" or is_archived(check) == (archived == "only"))
        and (not statuses or check.status in statuses)
        and (not rules or check.rule_type in rules)
        and (inferred is None or check.inferred == inferred)
        and (not numbers or check.id in numbers)
        and (not columns or any(item.id in columns for item in check.fields))
    ]
    return call.sort(
        keep_tagged(call, rows),
        {
            "sort_id": lambda item: item.id,
            "sort_created": lambda item: (item.created, item.id),
            "sort_rule_type": lambda item: item.rule_type,
            "sort_weight": call.system.views.weight,
        },
    )


def is_archived(check: Check) -> bool:
    return check.deleted_at is not None or (
        check.container is not None and check.container.deleted_at is not None
    )


def list_checks(call: Call) -> dict[str, Any]:
    return call.page(lambda: matching_checks(call), call.system.quality_views.check)


def checks_listing(call: Call) -> list[dict[str, Any]]:
    return [call.system.quality_views.check(check) for check in matching_checks(call)]


def _known(call: Call) -> Check:
    number, store = call.number("check_id"), call.system.store
    return store.templates.get(number) or seen(call, store.checks, number, "Quality Check")


def get_check(call: Call) -> dict[str, Any]:
    return call.system.quality_views.check(_known(call))


def _columns(container: Container, names: object) -> tuple[Field, ...]:
    """The fields of a write, by name; an unknown one is 422."""
    if not isinstance(names, list | None):
        raise invalid(["body", "fields"], "value is not a valid list", "type_error.list")
    by_name = {column.name: column for column in container.fields.values()}
    for position, name in enumerate(names or []):
        if name not in by_name:
            raise invalid(
                ["body", "fields", position], f"Field '{name}' not found in container '{container.name}'"
            )
    return tuple(by_name[name] for name in names or [])


def _status(body: dict[str, Any], default: str) -> str:
    status = body.get("status") or default
    if status not in OPEN_CHECK_STATUSES:
        raise invalid(
            ["body", "status"], "value is not a valid enumeration member; permitted: 'Active', 'Draft'"
        )
    return str(status)


def create_check(call: Call) -> dict[str, Any]:
    """``rule`` on writes, and a description is required; the same check twice is 409 (§1.4, §2.6)."""
    body, store = call.object(), call.system.store
    rule, description = call.text("rule"), call.text("description")
    container = seen(call, store.containers, body.get("container_id", 0), "Container")
    columns, names, status = _columns(container, body.get("fields")), body_tags(body), _status(body, "Active")
    properties = body.get("properties") or {}
    for check in container.checks.values():
        same = check.rule_type == rule and check.fields == columns and check.filter == body.get("filter")
        if same and check.properties == properties and check.deleted_at is None:
            raise ApiError(409, f"Quality check already exists with id: {check.id}")
    check = Check(
        id=store.ids.take("check"),
        tags=None,
        container=container,
        rule_type=rule,
        description=description,
        fields=columns,
        status=status,
        created=store.now(),
        last_updated=store.now(),
        coverage=body.get("coverage"),
        filter=body.get("filter"),
        properties=properties,
        additional_metadata=body.get("additional_metadata") or {},
        extra={key: body[key] for key in EXTRA if body.get(key) is not None},
    )
    store.add_check(check)
    for tag in store.tags.resolve(names or []):
        store.tags.assign(check, tag)
    return call.system.quality_views.check(check)


def create_template(call: Call) -> dict[str, Any]:
    """Templates have a collection of their own and no container (§2.6)."""
    body, store = call.object(), call.system.store
    check = Check(
        id=store.ids.take("check"),
        tags=None,
        container=None,
        rule_type=call.text("rule"),
        description=call.text("description"),
        fields=(),
        status="Active",
        created=store.now(),
        coverage=body.get("coverage"),
        filter=body.get("filter"),
        properties=body.get("properties") or {},
        additional_metadata=body.get("additional_metadata") or {},
        template_locked=bool(body.get("template_locked")),
    )
    store.add_check(check)
    write_tags(call, check, body_tags(body))
    return call.system.quality_views.check(check)


def list_templates(call: Call) -> dict[str, Any]:
    return call.page(lambda: list(call.system.store.templates.values()), call.system.quality_views.check)


def update_check(call: Call) -> dict[str, Any]:
    """A replacement of the whole check; an AI-managed one becomes authored (§2.6)."""
    check, body = _known(call), call.object()
    description, names = call.text("description"), body_tags(body)
    status = _status(body, check.status if check.status in OPEN_CHECK_STATUSES else "Active")
    if check.container is not None:
        check.fields = _columns(check.container, body.get("fields"))
    check.description = description
    check.coverage, check.filter = body.get("coverage"), body.get("filter")
    check.properties = body.get("properties") or {}
    check.additional_metadata = body.get("additional_metadata") or {}
    check.extra = {key: body[key] for key in EXTRA if body.get(key) is not None}
    check.inferred = False
    check.last_updated = call.system.store.now()
    set_check_status(call.system.store, check, status)
    write_tags(call, check, names)
    return call.system.quality_views.check(check)


def patch_checks(call: Call) -> list[dict[str, Any]]:
    """Bulk ``[{id, status?, description?, tags?}]`` (§2.6)."""
    store = call.system.store
    pairs = bulk(call, store.checks, "Quality Check")
    statuses = [_status(item, check.status) if item.get("status") else None for check, item in pairs]
    for (check, item), status in zip(pairs, statuses, strict=True):
        if isinstance(item.get("description"), str):
            check.description = item["description"]
            store.touch_item(check)
        if status is not None:
            set_check_status(store, check, status)
        write_tags(call, check, body_tags(item))
    return [call.system.quality_views.check(check) for check, _ in pairs]


def _remove(call: Call, check: Check, *, archive: bool, status: object, anomalies: bool) -> None:
    if archive and check.container is not None:
        archive_check(call.system.store, check, _archive_status(status), anomalies=anomalies)
    else:
        delete_check(call.system.store, check, anomalies=anomalies)


def _archive_status(status: object) -> str:
    if status is None:
        return "Discarded"
    if status not in ARCHIVED_CHECK_STATUSES:
        raise invalid(
            ["query", "status"], "value is not a valid enumeration member; permitted: 'Invalid', 'Discarded'"
        )
    return str(status)


def remove_check(call: Call) -> None:
    """Archives by default; ``archive=false`` deletes for good (§2.6, decision 36)."""
    check, archive = _known(call), call.flag("archive") is not False
    _archive_status(call.one("status"))
    anomalies = call.flag("delete_anomalies") is not False
    _remove(call, check, archive=archive, status=call.one("status"), anomalies=anomalies)


def remove_checks(call: Call) -> None:
    """Bulk, with a JSON body ``[{id, archive?, status?, delete_anomalies?}]`` (§2.6, decision 35)."""
    pairs = bulk(call, call.system.store.checks, "Quality Check")
    for _, item in pairs:
        _archive_status(item.get("status"))
    for check, item in pairs:
        _remove(
            call,
            check,
            archive=item.get("archive", True),
            status=item.get("status"),
            anomalies=item.get("delete_anomalies", True),
        )


def favor_check(call: Call) -> dict[str, Any]:
    check = _known(call)
    check.favorite = not check.favorite
    call.system.store.touch_item(check)
    return call.system.quality_views.check(check)


_QUERY = (
    *(
        "id",
        "datastore",
        "container",
        "field",
        "rule_type",
        "status",
        "archived",
        "tag",
        "inferred",
        "owner_id",
    ),
    *(
        "template_only",
        "template_locked",
        "owner",
        "sort_id",
        "sort_created",
        "sort_rule_type",
        "sort_weight",
    ),
)
_ITEM = "/quality-checks/{check_id}"
ENDPOINTS = [
    Endpoint("GET", "/quality-checks", list_checks, (*PAGING, *_QUERY)),
    Endpoint("POST", "/quality-checks", create_check),
    Endpoint("PATCH", "/quality-checks", patch_checks),
    Endpoint("DELETE", "/quality-checks", remove_checks),
    Endpoint("GET", "/quality-checks/listing", checks_listing, _QUERY),
    Endpoint("GET", _ITEM, get_check),
    Endpoint("PUT", _ITEM, update_check),
    Endpoint("DELETE", _ITEM, remove_check, ("archive", "status", "delete_anomalies")),
    Endpoint("PATCH", _ITEM + "/favorite", favor_check),
    Endpoint("GET", "/quality-check-templates", list_templates, PAGING),
    Endpoint("POST", "/quality-check-templates", create_template),
]
