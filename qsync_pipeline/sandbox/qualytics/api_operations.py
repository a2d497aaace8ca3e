"""Operations over HTTP (qualytics-api.md §1.8, §2.11)."""

from __future__ import annotations

from typing import Any

from qsync_pipeline.sandbox.qualytics.lookups import seen
from qsync_pipeline.sandbox.qualytics.model import Operation
from qsync_pipeline.sandbox.qualytics.operations import OPERATION_TYPES, choose_containers, result_of
from qsync_pipeline.sandbox.qualytics.store import iso
from qsync_pipeline.sandbox.qualytics.views import date_of
from qsync_pipeline.sandbox.qualytics.web import PAGING, ApiError, Call, Endpoint, invalid, missing

SYNC_NAMES = frozenset({"sync", "catalog"})


def matching_operations(call: Call) -> list[Operation]:
    """Operations after the filters; a sync is found by either of its names (decision 32)."""
    now, store = call.system.clock.now(), call.system.store
    kinds, results = set(call.many("operation_type")), set(call.many("result"))
    if kinds & SYNC_NAMES:
        kinds |= SYNC_NAMES
    numbers, datastores = set(call.integers("id")), set(call.integers("datastore"))
    containers, finished = set(call.integers("container")), call.flag("finished")
    first, last = call.date("start_date"), call.date("end_date")
    found = []
    for item in store.operations.values():
        result = result_of(item, now)
        day = date_of(iso(item.created))
        if (kinds and item.type not in kinds) or (results and result not in results):
            continue
        if (numbers and item.id not in numbers) or (first and day < first) or (last and day > last):
            continue
        if datastores and (item.datastore is None or item.datastore.id not in datastores):
            continue
        if containers and not any(container.id in containers for container in item.containers):
            continue
        if finished is not None and (result not in ("queued", "running")) != finished:
            continue
        if item.datastore is None or store.visible(item.datastore):
            found.append(item)
    return call.sort(
        found,
        {
            "sort_created": lambda item: (item.created, item.id),
            "sort_duration": lambda item: item.ends - item.begins,
        },
    )


def list_operations(call: Call) -> dict[str, Any]:
    return call.page(lambda: matching_operations(call), call.system.quality_views.operation, remember=False)


def _known(call: Call) -> Operation:
    number = call.number("operation_id")
    operation = call.system.store.operations.get(number)
    if operation is None:
        raise missing("Operation", number)
    if operation.datastore is not None and operation.datastore.id in call.system.store.datastores:
        seen(call, call.system.store.datastores, operation.datastore.id, "Datastore")
    return operation


def get_operation(call: Call) -> dict[str, Any]:
    return call.system.quality_views.operation(_known(call))


def run_operation(call: Call) -> dict[str, Any]:
    """Answers at once with an operation that is queued (§1.8)."""
    body, store = call.object(), call.system.store
    kind = body.get("type")
    if kind not in OPERATION_TYPES:
        permitted = ", ".join(f"'{value}'" for value in OPERATION_TYPES)
        raise invalid(["body", "type"], f"No match for discriminator 'type'; permitted: {permitted}")
    number = body.get("datastore_id")
    if not isinstance(number, int):
        raise invalid(["body", "datastore_id"], "field required", "value_error.missing")
    datastore = seen(call, store.datastores, number, "Datastore")
    names, tags = body.get("container_names"), body.get("container_tags")
    if names and tags:
        raise invalid(["body"], "container_names and container_tags are mutually exclusive")
    containers = choose_containers(datastore, names, tags)
    if numbers := body.get("container_ids"):
        containers = [item for item in containers if item.id in numbers]
    operation = call.system.operator.start(kind, datastore, containers, body)
    return call.system.quality_views.operation(operation)


def _again(call: Call) -> dict[str, Any]:
    former = _known(call)
    operation = call.system.operator.start(former.type, former.datastore, former.containers, former.request)
    return call.system.quality_views.operation(operation)


def rerun_operation(call: Call) -> dict[str, Any]:
    """The same once more, as a new operation (§2.11)."""
    return _again(call)


def resume_operation(call: Call) -> dict[str, Any]:
    """Take up an aborted one; any other is 409 [inferred]."""
    if result_of(_known(call), call.system.clock.now()) != "aborted":
        raise ApiError(409, "Only aborted operations can be resumed")
    return _again(call)


def abort_operation(call: Call) -> dict[str, Any]:
    """Nothing happens to a finished one (§2.11)."""
    operation = _known(call)
    call.system.operator.abort(operation)
    return call.system.quality_views.operation(operation)


def delete_operation(call: Call) -> None:
    """Removes the record of a run (§2.11)."""
    del call.system.store.operations[_known(call).id]


_QUERY = (
    *("id", "schedule_id", "operation_type", "finished", "result", "created_date", "start_date", "end_date"),
    *("datastore", "container", "has_logs", "sort_created", "sort_duration"),
)
ENDPOINTS = [
    Endpoint("GET", "/operations", list_operations, (*PAGING, *_QUERY)),
    Endpoint("POST", "/operations/run", run_operation),
    Endpoint("PUT", "/operations/run/{operation_id}", resume_operation),
    Endpoint("PUT", "/operations/rerun/{operation_id}", rerun_operation),
    Endpoint("PUT", "/operations/abort/{operation_id}", abort_operation),
    Endpoint("GET", "/operations/{operation_id}", get_operation),
    Endpoint("DELETE", "/operations/{operation_id}", delete_operation),
]
