"""Datastores (qualytics-api.md §2.1, §2.5)."""

from __future__ import annotations

from typing import Any

from qsync_pipeline.sandbox.qualytics.api_connections import connection_of, new_connection
from qsync_pipeline.sandbox.qualytics.lookups import (
    body_tags,
    datastore_of,
    keep_tagged,
    matches_search,
    seen,
    write_tags,
)
from qsync_pipeline.sandbox.qualytics.metrics import SCORE_KEYS
from qsync_pipeline.sandbox.qualytics.model import Container, Datastore
from qsync_pipeline.sandbox.qualytics.store import live_containers
from qsync_pipeline.sandbox.qualytics.views import TEAM
from qsync_pipeline.sandbox.qualytics.web import PAGING, ApiError, Call, Endpoint, Reply, invalid

WRITABLE = (
    "enrichment_prefix",
    "enrichment_source_record_limit",
    "enrichment_remediation_strategy",
    "high_count_rollup_threshold",
    "folder_globbing_enabled",
    "root_path",
)
"""Settings that are kept as they are sent and shown back."""

SCORE_SETTINGS = ("decay_period_days", *(f"{key}_weight" for key in SCORE_KEYS if key != "total"))


def list_datastores(call: Call) -> dict[str, Any]:
    """Enrichment datastores only with ``enrichment_only=true``, and only those then (§2.1)."""

    def rows() -> list[Datastore]:
        numbers, types = set(call.integers("id")), set(call.many("datastore_type"))
        groups, enrichment = set(call.integers("group")), bool(call.flag("enrichment_only"))
        name, text = call.one("name"), call.one("search")
        found = [
            item
            for item in call.system.store.seen_datastores()
            if item.enrichment_only == enrichment
            and (not numbers or item.id in numbers)
            and (not types or item.type in types)
            and (not groups or item.group_id in groups)
            and (name is None or item.name == name)
            and matches_search(text, item.name, item.id)
        ]
        metrics = call.system.metrics
        return call.sort(
            keep_tagged(call, found),
            {
                "sort_name": lambda item: item.name,
                "sort_created": lambda item: (item.created, item.id),
                "sort_favorite": lambda item: item.favorite,
                "sort_containers": lambda item: metrics.datastore(item)["containers"],
                "sort_active_anomalies": lambda item: metrics.datastore(item)["active_anomalies"],
            },
        )

    return call.page(rows, call.system.views.datastore)


def datastores_listing(call: Call) -> list[dict[str, Any]]:
    return [call.system.views.datastore_stub(item) for item in call.system.store.seen_datastores()]


def get_datastore(call: Call) -> dict[str, Any]:
    return call.system.views.datastore(datastore_of(call))


def create_datastore(call: Call) -> Reply:
    """201 (decision 2); the connection is named by id or given whole (§2.1)."""
    body, store = call.object(), call.system.store
    name = call.text("name")
    names = body_tags(body)
    given = body.get("connection")
    if any(item.name == name for item in store.datastores.values()):
        raise ApiError(409, f"Datastore with name {name} already exists")
    if isinstance(given, dict):
        connection = new_connection(call, given)
    else:
        connection = connection_of(call, body.get("connection_id"))
    datastore = Datastore(
        id=store.ids.take("datastore"),
        tags=None,
        name=name,
        connection=connection,
        store_type=connection.kind,
        type=connection.type,
        database=body.get("catalog" if connection.kind == "native" else "database"),
        schema=body.get("schema"),
        created=store.now(),
        enrichment_only=bool(body.get("enrichment_only")),
        description=body.get("description"),
        settings={key: body[key] for key in WRITABLE if body.get(key) is not None},
        teams=list(body.get("teams") or [TEAM["name"]]),
    )
    store.add_datastore(datastore)
    write_tags(call, datastore, names)
    if body.get("trigger_sync") or body.get("trigger_catalog"):
        call.system.operator.start("sync", datastore, [], {})
    return Reply(201, call.system.views.datastore(datastore))


def update_datastore(call: Call) -> dict[str, Any]:
    """Only what is given is applied; ``tags`` and ``teams`` replace (§2.1, decision 17)."""
    datastore, body = datastore_of(call), call.object()
    marker = body.get("connection")
    if datastore.store_type == "native" and not (isinstance(marker, dict) and marker.get("type")):
        raise invalid(
            ["body", "connection", "type"], "Discriminator 'type' is missing", "value_error.missing"
        )
    names = body_tags(body)
    if isinstance(body.get("connection_id"), int):
        connection = connection_of(call, body["connection_id"])
        del datastore.connection.datastores[datastore.id]
        connection.datastores[datastore.id] = datastore
        datastore.connection = connection
    for key in ("name", "schema", "description", "enrichment_only"):
        if body.get(key) is not None:
            setattr(datastore, key, body[key])
    database = body.get("catalog" if datastore.store_type == "native" else "database")
    if database is not None:
        datastore.database = database
    if body.get("teams") is not None:
        datastore.teams = list(body["teams"])
    datastore.settings |= {key: body[key] for key in WRITABLE if body.get(key) is not None}
    write_tags(call, datastore, names)
    call.system.store.touch(datastore)
    return call.system.views.datastore(datastore)


def delete_datastore(call: Call) -> None:
    """Takes containers, checks and anomalies along (§2.1)."""
    call.system.store.remove_datastore(datastore_of(call))


def favor_datastore(call: Call) -> dict[str, Any]:
    datastore = datastore_of(call)
    datastore.favorite = bool(call.object().get("favorite"))
    call.system.store.touch(datastore)
    return call.system.views.datastore(datastore)


def assign_datastore_group(call: Call) -> dict[str, Any]:
    datastore = datastore_of(call)
    group = call.object().get("group_id")
    if group is not None and not isinstance(group, int):
        raise invalid(["body", "group_id"], "value is not a valid integer", "type_error.integer")
    datastore.group_id = group
    call.system.store.touch(datastore)
    return call.system.views.datastore(datastore)


def link_enrichment(call: Call) -> dict[str, Any]:
    datastore = datastore_of(call)
    target = seen(call, call.system.store.datastores, call.number("enrichment_id"), "Datastore")
    if not target.enrichment_only:
        raise ApiError(400, f"Datastore id: {target.id} is not an enrichment datastore")
    datastore.enrichment = target
    call.system.store.touch(datastore)
    return call.system.views.datastore(datastore)


def unlink_enrichment(call: Call) -> None:
    datastore = datastore_of(call)
    datastore.enrichment = None
    call.system.store.touch(datastore)


def verify_datastore_connection(call: Call) -> dict[str, bool]:
    datastore_of(call)
    return {"connected": True}


def validate_datastore(call: Call) -> None:
    """A dry run of a creation: 204 if it would do (§2.1)."""
    call.text("name")


def get_datastore_scores(call: Call) -> list[dict[str, Any]]:
    """At most ten daily rows, not paged (§2.5)."""
    return call.system.metrics.history(datastore_of(call))


def get_datastore_score_settings(call: Call) -> dict[str, Any]:
    return get_score_settings(call, datastore_of(call))


def put_datastore_score_settings(call: Call) -> dict[str, Any]:
    return put_score_settings(call, datastore_of(call))


def get_score_settings(call: Call, item: Datastore | Container) -> dict[str, Any]:
    """Nulls where nothing was ever configured, or 404 by switch (decision 12)."""
    if item.score_settings is None and call.system.switches.unset_settings_404:
        raise ApiError(404, f"No quality score settings found for id: {item.id}")
    return {key: (item.score_settings or {}).get(key) for key in SCORE_SETTINGS}


def put_score_settings(call: Call, item: Datastore | Container) -> dict[str, Any]:
    """Partial; the decay period is 7 to 180 days, weights are 0 to 2 (§2.5)."""
    body = call.object()
    for key, value in body.items():
        least, most = (7, 180) if key == "decay_period_days" else (0.0, 2.0)
        if key not in SCORE_SETTINGS or value is None:
            continue
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise invalid(["body", key], "value is not a valid float", "type_error.float")
        if value < least:
            message = f"ensure this value is greater than or equal to {least}"
            raise invalid(["body", key], message, "value_error.number.not_ge")
        if value > most:
            raise invalid(
                ["body", key],
                f"ensure this value is less than or equal to {most}",
                "value_error.number.not_le",
            )
    item.score_settings = (item.score_settings or {}) | {
        key: body[key] for key in SCORE_SETTINGS if key in body
    }
    return {key: item.score_settings.get(key) for key in SCORE_SETTINGS}


def datastore_catalog(call: Call) -> list[dict[str, Any]]:
    """The tree of containers and fields (§2.1)."""
    return [
        {**call.system.views.container_stub(item), "fields": [column.name for column in item.fields.values()]}
        for item in live_containers(datastore_of(call))
    ]


def datastore_operations(call: Call) -> list[dict[str, Any]]:
    """The latest operation of each type (§2.1)."""
    datastore = datastore_of(call)
    latest = {
        item.type: item for item in call.system.store.operations.values() if item.datastore is datastore
    }
    return [call.system.quality_views.operation(item) for item in latest.values()]


_ITEM = "/datastores/{datastore_id}"
ENDPOINTS = [
    Endpoint(
        "GET",
        "/datastores",
        list_datastores,
        (
            *PAGING,
            *("id", "name", "search", "datastore_type", "tag", "group", "enrichment_only"),
            *("sort_name", "sort_created", "sort_favorite", "sort_containers", "sort_active_anomalies"),
        ),
    ),
    Endpoint("POST", "/datastores", create_datastore),
    Endpoint("GET", "/datastores/listing", datastores_listing),
    Endpoint("POST", "/datastores/connection", validate_datastore),
    Endpoint("GET", _ITEM, get_datastore),
    Endpoint("PUT", _ITEM, update_datastore),
    Endpoint("DELETE", _ITEM, delete_datastore),
    Endpoint("PATCH", _ITEM + "/favorite", favor_datastore),
    Endpoint("PATCH", _ITEM + "/assign-group", assign_datastore_group),
    Endpoint("PATCH", _ITEM + "/enrichment/{enrichment_id}", link_enrichment),
    Endpoint("DELETE", _ITEM + "/enrichment", unlink_enrichment),
    Endpoint("POST", _ITEM + "/connection", verify_datastore_connection),
    Endpoint("GET", _ITEM + "/score-settings", get_datastore_score_settings),
    Endpoint("PUT", _ITEM + "/score-settings", put_datastore_score_settings),
    Endpoint("GET", _ITEM + "/quality-scores", get_datastore_scores),
    Endpoint("GET", _ITEM + "/catalog", datastore_catalog),
    Endpoint("GET", _ITEM + "/operations", datastore_operations),
]
