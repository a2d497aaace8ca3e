"""Connections (qualytics-api.md §2.1)."""

from __future__ import annotations

from typing import Any

from qsync_pipeline.sandbox.qualytics.model import Connection
from qsync_pipeline.sandbox.qualytics.web import PAGING, ApiError, Call, Endpoint, invalid, missing


def connection_of(call: Call, number: object) -> Connection:
    connection = call.system.store.connections.get(number) if isinstance(number, int) else None
    if connection is None:
        raise missing("Connection", number)
    return connection


def new_connection(call: Call, body: dict[str, Any]) -> Connection:
    store = call.system.store
    for key in ("name", "type"):
        if not isinstance(body.get(key), str):
            raise invalid(["body", key], "field required", "value_error.missing")
    if any(item.name == body["name"] for item in store.connections.values()):
        raise ApiError(409, f"Connection with name {body['name']} already exists")
    kind = "dfs" if body["type"] in ("abfs", "gcs", "s3") else "jdbc"
    connection = Connection(
        id=store.ids.take("connection"),
        name=body["name"],
        type=body["type"],
        kind="native" if body["type"].endswith("_native") else kind,
        host=body.get("host"),
        created=store.now(),
    )
    store.connections[connection.id] = connection
    store.touch(None)
    return connection


def list_connections(call: Call) -> dict[str, Any]:
    def rows() -> list[Connection]:
        name, types = call.one("name"), set(call.many("type"))
        return [
            item
            for item in call.system.store.connections.values()
            if (name is None or item.name == name) and (not types or item.type in types)
        ]

    return call.page(rows, call.system.views.connection)


def create_connection(call: Call) -> dict[str, Any]:
    return call.system.views.connection(new_connection(call, call.object()))


def get_connection(call: Call) -> dict[str, Any]:
    return call.system.views.connection(connection_of(call, call.number("connection_id")))


def update_connection(call: Call) -> dict[str, Any]:
    connection, body = connection_of(call, call.number("connection_id")), call.object()
    for key in ("name", "host"):
        if body.get(key) is not None:
            setattr(connection, key, body[key])
    call.system.store.touch(None)
    return call.system.views.connection(connection)


def delete_connection(call: Call) -> None:
    """409 while datastores use it (§1.4)."""
    connection = connection_of(call, call.number("connection_id"))
    if connection.datastores:
        raise ApiError(
            409, f"Connection id: {connection.id} is still used by {len(connection.datastores)} datastores"
        )
    del call.system.store.connections[connection.id]
    call.system.store.touch(None)


def check_connection(call: Call) -> None:
    connection_of(call, call.number("connection_id"))


ENDPOINTS = [
    Endpoint("GET", "/connections", list_connections, (*PAGING, "name", "type")),
    Endpoint("POST", "/connections", create_connection),
    Endpoint("GET", "/connections/{connection_id}", get_connection),
    Endpoint("PUT", "/connections/{connection_id}", update_connection),
    Endpoint("DELETE", "/connections/{connection_id}", delete_connection),
    Endpoint("POST", "/connections/{connection_id}/test", check_connection),
]
