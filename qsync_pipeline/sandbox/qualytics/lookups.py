"""What the routes share: finding objects by id under the token's visibility, and the ``tags`` of a body."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

from qsync_pipeline.sandbox.qualytics.model import Anomaly, Check, Container, Datastore, Field, Taggable
from qsync_pipeline.sandbox.qualytics.views import TEAM
from qsync_pipeline.sandbox.qualytics.web import ApiError, Call, invalid, missing

Seen = TypeVar("Seen", Datastore, Container, Field, Check, Anomaly)


def seen(call: Call, table: dict[int, Seen], number: int, what: str) -> Seen:
    """The object of this id: 404 if there is none, 403 if the token's teams may not see it (decision 41)."""
    item = table.get(number)
    if item is None:
        raise missing(what, number)
    if not call.system.store.visible(item):
        if call.system.switches.invisible_is_404:
            raise missing(what, number)
        raise ApiError(
            403, f"You must have reporter permission in at least one of these teams: ['{TEAM['name']}']"
        )
    return item


def datastore_of(call: Call, name: str = "datastore_id") -> Datastore:
    return seen(call, call.system.store.datastores, call.number(name), "Datastore")


def container_of(call: Call, name: str = "container_id") -> Container:
    return seen(call, call.system.store.containers, call.number(name), "Container")


def field_of(call: Call, name: str = "field_id") -> Field:
    return seen(call, call.system.store.fields, call.number(name), "Field")


def in_scope(call: Call) -> list[Container]:
    """Containers that the ``datastore`` and ``container`` parameters leave, in order of id; all without them.

    The indexes are used, so that a question about one container never walks the estate.
    """
    store = call.system.store
    wanted = set(call.integers("datastore"))
    containers: Iterable[Container]
    if numbers := set(call.integers("container")):
        containers = [store.containers[number] for number in sorted(numbers) if number in store.containers]
        if wanted:
            containers = [item for item in containers if item.datastore.id in wanted]
    elif wanted:
        stores = [store.datastores[number] for number in sorted(wanted) if number in store.datastores]
        containers = [container for item in stores for container in item.containers.values()]
    else:
        containers = store.containers.values()
    return [item for item in containers if store.visible(item)]


def keep_tagged(call: Call, rows: list[Any]) -> list[Any]:
    """Rows that carry one of the ``tag`` parameters, by name."""
    names = set(call.many("tag"))
    if not names:
        return rows
    return [item for item in rows if any(tag.name in names for tag in item.tags or ())]


def matches_search(text: str | None, name: str, number: int) -> bool:
    """``search`` is part of the name, or the id (§2.1)."""
    return text is None or text.lower() in name.lower() or text == str(number)


def body_tags(body: dict[str, Any], loc: tuple[str | int, ...] = ("body",)) -> list[str] | None:
    """The ``tags`` of a write: names that replace the list; null or absent leaves it as it is (§2.1)."""
    names = body.get("tags")
    if names is None:
        return None
    if not isinstance(names, list) or not all(isinstance(name, str) and name.strip() for name in names):
        raise invalid([*loc, "tags"], "value is not a valid list of strings", "type_error.list")
    return names


def write_tags(call: Call, item: Taggable, names: list[str] | None) -> None:
    if names is not None:
        call.system.store.tags.replace(item, names)


def bulk(call: Call, table: dict[int, Seen], what: str) -> list[tuple[Seen, dict[str, Any]]]:
    """The objects that a bulk body names, all of them known and visible before anything is written."""
    pairs = []
    for position, item in enumerate(call.items()):
        body_tags(item, ("body", position))
        pairs.append((seen(call, table, item["id"], what), item))
    return pairs
