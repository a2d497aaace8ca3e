"""Fields, computed fields and field profiles (qualytics-api.md §2.3, §2.4)."""

from __future__ import annotations

from typing import Any

from qsync_pipeline.sandbox.qualytics.lookups import (
    body_tags,
    bulk,
    field_of,
    in_scope,
    keep_tagged,
    seen,
    write_tags,
)
from qsync_pipeline.sandbox.qualytics.model import Field
from qsync_pipeline.sandbox.qualytics.store import live_checks, open_anomalies
from qsync_pipeline.sandbox.qualytics.web import PAGING, ApiError, Call, Endpoint, invalid

DEFINITION = ("transformation", "source_fields", "properties", "additional_metadata")


def matching_fields(call: Call) -> list[Field]:
    """Fields by ``container_id`` and ``name`` (§2.3); without a container, all of them."""
    store, name = call.system.store, call.one("name")
    numbers = sorted(set(call.integers("container_id")))
    if numbers:
        containers = [store.containers[number] for number in numbers if number in store.containers]
        found = [column for item in containers for column in item.fields.values()]
    else:
        found = list(store.fields.values())
    return [item for item in found if (name is None or item.name == name) and store.visible(item)]


def list_fields(call: Call) -> dict[str, Any]:
    return call.page(lambda: matching_fields(call), call.system.views.field)


def fields_listing(call: Call) -> list[dict[str, Any]]:
    return [{"id": item.id, "name": item.name, "type": item.type} for item in matching_fields(call)]


def get_field(call: Call) -> dict[str, Any]:
    return call.system.views.field(field_of(call))


def update_field(call: Call) -> dict[str, Any]:
    """``{name?, tags?}`` (§2.3)."""
    column, body = field_of(call), call.object()
    names = body_tags(body)
    if isinstance(body.get("name"), str):
        column.name = body["name"]
        call.system.store.touch_item(column)
    write_tags(call, column, names)
    return call.system.views.field(column)


def patch_fields(call: Call) -> list[dict[str, Any]]:
    """Bulk ``[{id, tags}]``, answering with the updated fields (§2.3)."""
    pairs = bulk(call, call.system.store.fields, "Field")
    for column, item in pairs:
        write_tags(call, column, body_tags(item))
    return [call.system.views.field(column) for column, _ in pairs]


def create_computed_field(call: Call) -> dict[str, Any]:
    """A field with a transformation (§2.3)."""
    body, store, name = call.object(), call.system.store, call.text("name")
    call.text("transformation")
    container = seen(call, store.containers, body.get("container_id", 0), "Container")
    if any(item.name == name for item in container.fields.values()):
        raise ApiError(409, f"Field with name {name} already exists")
    column = Field(
        id=store.ids.take("field"),
        tags=None,
        name=name,
        container=container,
        type="Unknown",
        native_type="computed",
        scores=None,
        computed={key: body.get(key) for key in DEFINITION},
    )
    store.add_field(column)
    return call.system.views.computed_field(column)


def _computed(call: Call) -> Field:
    column = field_of(call)
    if column.computed is None:
        raise ApiError(404, f"Computed field id: {column.id} not found")
    return column


def update_computed_field(call: Call) -> dict[str, Any]:
    """A full replacement, without the container (§2.3)."""
    column, body = _computed(call), call.object()
    column.name = call.text("name")
    column.computed = {key: body.get(key) for key in DEFINITION}
    call.system.store.touch_item(column)
    return call.system.views.computed_field(column)


def delete_computed_field(call: Call) -> None:
    call.system.store.remove_field(_computed(call))


def matching_profiles(call: Call) -> list[Field]:
    """Fields that were profiled, as the filters leave them (§2.4)."""
    name, types = call.one("name"), set(call.many("type"))
    found = [
        column
        for container in in_scope(call)
        if container.last_profiled is not None and container.deleted_at is None
        for column in container.fields.values()
        if (name is None or column.name == name) and (not types or column.type in types)
    ]
    return call.sort(
        keep_tagged(call, found),
        {
            "sort_name": lambda item: item.name,
            "sort_quality_score": lambda item: (item.scores or {}).get("total") or -1.0,
            "sort_active_checks": lambda item: sum(
                item in check.fields for check in live_checks(item.container)
            ),
            "sort_active_anomalies": lambda item: sum(
                anomaly.names(item) for anomaly in open_anomalies(item.container)
            ),
        },
    )


def list_field_profiles(call: Call) -> dict[str, Any]:
    return call.page(lambda: matching_profiles(call), call.system.views.field_profile)


def field_profiles_listing(call: Call) -> list[dict[str, Any]]:
    return [{"id": item.id, "name": item.name, "field_type": item.type} for item in matching_profiles(call)]


def get_field_profile(call: Call) -> dict[str, Any]:
    column = field_of(call, "profile_id")
    if column.container.last_profiled is None:
        raise ApiError(404, f"Field profile id: {column.id} not found")
    return call.system.views.field_profile(column)


def profiles_of_field(call: Call) -> list[dict[str, Any]]:
    """The history of a field's profiles: the sandbox keeps the latest only (§2.3)."""
    column = field_of(call)
    if column.container.last_profiled is None:
        return []
    return [call.system.views.field_profile(column)]


def export(call: Call) -> None:
    """The deprecated exports: 204, nothing is written anywhere (§2.6)."""
    store = call.system.store
    numbers = call.integers("datastore")
    if not numbers and call.one("enrich_datastore_id") is None:
        raise invalid(["query", "datastore"], "field required", "value_error.missing")
    for number in [*numbers, *call.integers("enrich_datastore_id")]:
        seen(call, store.datastores, number, "Datastore")


_PROFILE_QUERY = (
    *("name", "type", "datastore", "container", "tag", "latest_only"),
    *("sort_name", "sort_quality_score", "sort_active_checks", "sort_active_anomalies"),
)
_EXPORT_QUERY = ("datastore", "containers", "enrich_datastore_id", "template_ids")
ENDPOINTS = [
    Endpoint("GET", "/fields", list_fields, (*PAGING, "name", "container_id")),
    Endpoint("PATCH", "/fields", patch_fields),
    Endpoint("GET", "/fields/listing", fields_listing, ("name", "container_id")),
    Endpoint("GET", "/fields/{field_id}", get_field),
    Endpoint("PUT", "/fields/{field_id}", update_field),
    Endpoint("GET", "/fields/{field_id}/field-profiles", profiles_of_field, ("limit",)),
    Endpoint("GET", "/field-profiles", list_field_profiles, (*PAGING, *_PROFILE_QUERY)),
    Endpoint("GET", "/field-profiles/listing", field_profiles_listing, _PROFILE_QUERY),
    Endpoint("GET", "/field-profiles/{profile_id}", get_field_profile),
    Endpoint("POST", "/computed-fields", create_computed_field),
    Endpoint("PUT", "/computed-fields/{field_id}", update_computed_field),
    Endpoint("DELETE", "/computed-fields/{field_id}", delete_computed_field),
    *(
        Endpoint("POST", f"/export/{kind}", export, _EXPORT_QUERY)
        for kind in ("anomalies", "checks", "check-templates", "field-profiles")
    ),
]
