"""Containers and their profiles (qualytics-api.md §2.2, §2.4)."""

from __future__ import annotations

from typing import Any

from qsync_pipeline.sandbox.qualytics.api_datastores import get_score_settings, put_score_settings
from qsync_pipeline.sandbox.qualytics.lookups import (
    body_tags,
    bulk,
    container_of,
    in_scope,
    keep_tagged,
    matches_search,
    seen,
    write_tags,
)
from qsync_pipeline.sandbox.qualytics.model import Container
from qsync_pipeline.sandbox.qualytics.switches import QualyticsSwitches
from qsync_pipeline.sandbox.qualytics.views import CONTAINER_SETTINGS
from qsync_pipeline.sandbox.qualytics.web import PAGING, ApiError, Call, Endpoint, invalid

COMPUTED = ("computed_table", "computed_file", "computed_join")
DEFINITION = (
    *("query", "select_clause", "where_clause", "group_by_clause", "lateral_views", "source_container_id"),
    *("left_container_id", "right_container_id", "left_join_field_name", "right_join_field_name"),
    *("left_prefix", "right_prefix", "join_type", "sources"),
)
"""What defines a computed container (§2.2)."""

NEEDED = {
    "computed_table": ("query",),
    "computed_file": ("select_clause", "source_container_id"),
    "computed_join": ("left_container_id", "right_container_id"),
}


def matching_containers(call: Call) -> list[Container]:
    """Containers after the filters of the list and the listing (§1.6, §2.2)."""
    archived, types = call.archived(), set(call.many("container_type"))
    name, text = call.one("name"), call.one("search")
    if numbers := set(call.integers("id")):
        scope = [item for item in in_scope(call) if item.id in numbers]
    else:
        scope = in_scope(call)
    found = []
    for item in scope:
        if archived != "include" and (item.deleted_at is not None) != (archived == "only"):
            continue
        if types and not _is_of(item, types):
            continue
        if (name is None or item.name == name) and matches_search(text, item.name, item.id):
            found.append(item)
    return keep_tagged(call, found)


def _is_of(container: Container, types: set[str]) -> bool:
    """``view`` as a filter means a table whose table_type is view (decision 15)."""
    return container.container_type in types or ("view" in types and container.is_view)


def list_containers(call: Call) -> dict[str, Any]:
    """Rows are full objects with metrics and global_tags (§2.2)."""

    def rows() -> list[Container]:
        return call.sort(
            matching_containers(call),
            {
                "sort_id": lambda item: item.id,
                "sort_name": lambda item: item.name,
                "sort_created": lambda item: (item.created, item.id),
                "sort_favorite": lambda item: item.favorite,
                "sort_weight": call.system.views.weight,
                "sort_quality_score": lambda item: (item.scores or {}).get("total") or -1.0,
            },
        )

    return call.page(rows, call.system.views.container)


def containers_listing(call: Call) -> list[dict[str, Any]]:
    """A bare array of light rows; a ``type`` parameter is not honoured (§2.2)."""
    return [call.system.views.container_base(item) for item in matching_containers(call)]


def get_container(call: Call) -> dict[str, Any]:
    """Archived ones too, with their ``deleted_at``."""
    return call.system.views.container(container_of(call))


def create_container(call: Call) -> dict[str, Any]:
    """Computed containers only; creation ignores description and tags, and profiles at once (§1.8, §2.2)."""
    body, store = call.object(), call.system.store
    kind, name = _computed_definition(body, ("body",)), call.text("name")
    if kind == "computed_join":
        datastore = seen(call, store.containers, body["left_container_id"], "Container").datastore
    else:
        datastore = seen(call, store.datastores, body.get("datastore_id", 0), "Datastore")
    if any(item.name == name for item in datastore.containers.values()):
        raise ApiError(409, f"Container with name {name} already exists")
    container = Container(
        id=store.ids.take("container"),
        tags=None,
        name=name,
        datastore=datastore,
        container_type=kind,
        table_type=None,
        created=store.now(),
        settings={key: body[key] for key in DEFINITION if body.get(key) is not None},
    )
    store.add_container(container)
    call.system.operator.start("profile", datastore, [container], {})
    return call.system.views.container(container)


def validate_container(call: Call) -> None:
    """204 if the definition would do (§2.2)."""
    definition = call.object().get("container")
    if not isinstance(definition, dict):
        raise invalid(["body", "container"], "field required", "value_error.missing")
    _computed_definition(definition, ("body", "container"))


def _computed_definition(body: dict[str, Any], loc: tuple[str, ...]) -> str:
    kind = body.get("container_type")
    if kind not in COMPUTED:
        raise invalid(
            [*loc, "container_type"], f"No match for discriminator: permitted {', '.join(COMPUTED)}"
        )
    for key in NEEDED[kind]:
        if body.get(key) is None:
            raise invalid([*loc, key], "field required", "value_error.missing")
    return str(kind)


def update_container(call: Call) -> dict[str, Any]:
    """Close to a full replacement: settings of the type that are not given are reset (§2.2, decision 18)."""
    container, body = container_of(call), call.object()
    kind = body.get("container_type")
    if kind not in (container.container_type, call.system.views.container_type(container)):
        raise invalid(["body", "container_type"], "No match for discriminator 'container_type'")
    names = body_tags(body)
    if kind in COMPUTED and body.get("query", container.settings.get("query")) != container.settings.get(
        "query"
    ):
        _guard_fields(container, body)
    for key in CONTAINER_SETTINGS.get(container.container_type, ()):
        container.settings[key] = body.get(key)
    if kind in COMPUTED:
        container.settings |= {key: body[key] for key in DEFINITION if body.get(key) is not None}
        if isinstance(body.get("name"), str):
            container.name = body["name"]
    if body.get("description") is not None:
        container.description = body["description"]
    write_tags(call, container, names)
    call.system.store.touch(container.datastore)
    return call.system.views.container(container)


def _guard_fields(container: Container, body: dict[str, Any]) -> None:
    """A new query may drop fields that checks name: 409 until ``force_drop_fields`` is set (§1.4)."""
    if any(check.fields for check in container.checks.values()) and not body.get("force_drop_fields"):
        raise ApiError(409, {"message": "Set force_drop_fields=true to proceed."})


def patch_containers(call: Call) -> list[dict[str, Any]]:
    """Bulk ``[{id, tags}]``; answers with the updated containers and touches nothing else (§2.2)."""
    pairs = bulk(call, call.system.store.containers, "Container")
    for container, item in pairs:
        write_tags(call, container, body_tags(item))
    return [call.system.views.container(container) for container, _ in pairs]


def delete_container(call: Call) -> None:
    """Takes fields, checks and anomalies along (§2.2)."""
    call.system.store.remove_container(container_of(call))


def favor_container(call: Call) -> dict[str, Any]:
    """A toggle (§2.2)."""
    container = container_of(call)
    container.favorite = not container.favorite
    call.system.store.touch(container.datastore)
    return call.system.views.container(container)


def container_fields(call: Call) -> list[dict[str, Any]]:
    """An array, not paged: active and missing fields (§1.5, §2.2)."""
    wanted = set(call.many("status")) or {"active", "missing"}
    return [
        call.system.views.field(item) for item in container_of(call).fields.values() if item.status in wanted
    ]


def container_profile(call: Call) -> dict[str, Any]:
    """404 with these words is a state, not an absence (§1.4)."""
    container = container_of(call)
    if container.last_profiled is None:
        raise ApiError(404, f"Container id: {container.id} has not been profiled")
    return call.system.views.container_profile(container)


def container_field_profiles(call: Call) -> dict[str, Any]:
    container = container_of(call)
    rows = list(container.fields.values()) if container.last_profiled else []
    return call.page(lambda: rows, call.system.views.field_profile, remember=False)


def container_scan(call: Call) -> dict[str, Any]:
    """The latest scan (§2.2)."""
    container = container_of(call)
    if container.last_scanned is None:
        raise ApiError(404, f"Container id: {container.id} has not been scanned")
    counts = [anomaly.is_open for anomaly in container.anomalies.values()]
    return {
        "id": container.id,
        "created": container.last_scanned,
        "container": call.system.views.container_stub(container),
        "records_processed": container.records,
        "anomaly_count": len(counts),
        "open_anomaly_count": sum(counts),
        "archived_anomaly_count": len(counts) - sum(counts),
        "result": "success",
        "message": None,
    }


def container_scores(call: Call) -> list[dict[str, Any]]:
    return call.system.metrics.history(container_of(call))


def container_score_settings(call: Call) -> dict[str, Any]:
    return get_score_settings(call, container_of(call))


def put_container_score_settings(call: Call) -> dict[str, Any]:
    return put_score_settings(call, container_of(call))


_ITEM = "/containers/{container_id}"
_FILTERS = ("datastore", "container", "id", "container_type", "name", "search", "tag", "archived")
_SORTS = tuple(f"sort_{key}" for key in ("id", "name", "created", "favorite", "weight", "quality_score"))


def endpoints(switches: QualyticsSwitches) -> list[Endpoint]:
    """The container routes; those of decision 11 are there by switch."""
    by_symmetry = [
        Endpoint("GET", _ITEM + "/quality-scores", container_scores),
        Endpoint("GET", _ITEM + "/score-settings", container_score_settings),
        Endpoint("PUT", _ITEM + "/score-settings", put_container_score_settings),
    ]
    return [
        Endpoint("GET", "/containers", list_containers, (*PAGING, *_FILTERS, *_SORTS)),
        Endpoint("POST", "/containers", create_container),
        Endpoint("PATCH", "/containers", patch_containers),
        Endpoint("GET", "/containers/listing", containers_listing, _FILTERS),
        Endpoint("POST", "/containers/validate", validate_container, ("timeout_seconds",)),
        Endpoint("GET", _ITEM, get_container),
        Endpoint("PUT", _ITEM, update_container),
        Endpoint("DELETE", _ITEM, delete_container),
        Endpoint("PATCH", _ITEM + "/favorite", favor_container),
        Endpoint("GET", _ITEM + "/fields", container_fields, ("status",)),
        Endpoint("GET", _ITEM + "/profile", container_profile),
        Endpoint("GET", _ITEM + "/field-profiles", container_field_profiles, PAGING),
        Endpoint("GET", _ITEM + "/scan", container_scan),
        *(by_symmetry if switches.container_score_routes else ()),
    ]
