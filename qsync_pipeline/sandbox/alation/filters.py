"""The filters of the relational lists: ``name__icontains=..``, ``id__gt=..`` and their like (§2.2).

A repeated parameter is an "or", different ones are an "and".
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Any

from qsync_pipeline.sandbox.alation.errors import refused
from qsync_pipeline.sandbox.alation.http import Call
from qsync_pipeline.sandbox.alation.model import Node
from qsync_pipeline.sandbox.alation.world import World

_COMPARE = ("gt", "gte", "lt", "lte")
_EXACT_CASE = ("contains", "startswith", "endswith")
_ANY_CASE = ("iexact", "icontains", "istartswith", "iendswith")

Read = Callable[[Node], Any]


def _above(levels: int) -> Callable[[Node], Node]:
    def find(node: Node) -> Node:
        for _ in range(levels):
            assert node.parent is not None
            node = node.parent
        return node

    return find


_parent, _grandparent = _above(1), _above(2)


def table_name(table: Node) -> str:
    """``table_name`` on a table's columns: the lower-cased ``db.schema.table`` (§2.2)."""
    return f"{_parent(table).name}.{table.name}".lower()


_COMMON: dict[str, Read] = {
    "id": lambda node: node.id,
    "ds_id": lambda node: node.data.id,
    "name": lambda node: node.name,
}
READS: dict[str, dict[str, Read]] = {
    "schema": _COMMON,
    "table": {
        **_COMMON,
        "schema_id": lambda node: _parent(node).id,
        "schema_name": lambda node: _parent(node).name,
    },
    "attribute": {
        **_COMMON,
        "table_id": lambda node: _parent(node).id,
        "table_name": lambda node: table_name(_parent(node)),
        "schema_id": lambda node: _grandparent(node).id,
    },
}
OTHER = ("order_by", "fields", "exclude_deleted_ref")
"""Parameters that are no filters. ``custom_fields`` and ``values`` exist, but their syntax is not known."""


def operators(otype: str) -> set[str]:
    """Every filter that the list of an otype has; schemas know no comparison without regard to case."""
    names = set()
    for name in READS[otype]:
        text = name in ("name", "schema_name", "table_name")
        kinds = (*_EXACT_CASE, *(() if otype == "schema" else _ANY_CASE)) if text else _COMPARE
        names |= {name, *(f"{name}__{kind}" for kind in kinds)}
    return names


def found(world: World, call: Call, otype: str) -> Sequence[Node]:
    """What the filters of a call find, in the order asked for: by id where none is (row 10)."""
    known = operators(otype)
    call.known(*known, *OTHER)
    query = call.request.query_params
    asked = {name: tuple(query.getlist(name)) for name in query if name in known}
    order = call.one("order_by") or "id"
    # Keyset paging asks for id__gt anew on each page: that one is found by bisection.
    after = asked.pop("id__gt", ()) if order == "id" else ()
    low = min((_number(value, "id__gt") for value in after), default=None)
    rules = world.access.rules and not call.user.may("SERVER_ADMIN")
    nodes = world.store.remembered(
        (otype, order, tuple(sorted(asked.items())), bool(rules)),
        lambda: _search(world, call, otype, asked, order),
    )
    if low is None:
        return nodes
    start = bisect_right(nodes, low, key=lambda node: node.id)
    # One page and one row are enough to tell whether more follow, unless totals are to be told.
    limit, skip = call.window()
    end = None if call.switches.total_count else start + skip + limit + 1
    return nodes[start:end]


def _search(
    world: World, call: Call, otype: str, asked: dict[str, tuple[str, ...]], order: str
) -> list[Node]:
    nodes = world.visible(call.user, _candidates(world, otype, asked))
    for name, values in asked.items():
        accepts = _test(otype, name, values)
        nodes = [node for node in nodes if accepts(node)]
    field = order.removeprefix("-")
    if field not in READS[otype]:
        raise refused(400, f"Invalid value for query parameter: order_by [{field}]", 6)
    read = READS[otype][field]
    nodes.sort(key=lambda node: node.id)
    if order != "id":
        nodes.sort(key=read, reverse=order.startswith("-"))
    return nodes


def _candidates(world: World, otype: str, asked: dict[str, tuple[str, ...]]) -> list[Node]:
    """The objects below the narrowest scope that the filters name by id."""
    store = world.store
    if "id" in asked:
        numbers = {_number(value, "id") for value in asked["id"]}
        return [node for number in numbers if (node := store.get(otype, number)) is not None]
    for name, level in (("table_id", "table"), ("schema_id", "schema"), ("ds_id", "data")):
        if name in asked and name in READS[otype]:
            tops = {_number(value, name) for value in asked[name]}
            below = [node for number in tops if (node := store.get(level, number)) is not None]
            while below and below[0].otype != otype:
                below = [child for node in below for child in node.children if not child.deleted]
            return below
    return list(store.nodes[otype].values())


def _number(value: str, name: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise refused(400, f"Invalid value for query parameter: {name}", 6) from None


def _test(otype: str, name: str, values: tuple[str, ...]) -> Callable[[Node], bool]:
    field, _, kind = name.partition("__")
    read = READS[otype][field]
    if field not in ("name", "schema_name", "table_name"):
        numbers = {_number(value, name) for value in values}
        if not kind:
            return lambda node: read(node) in numbers
        compare = _COMPARISONS[kind]
        return lambda node: any(compare(read(node), number) for number in numbers)
    if not kind:
        return lambda node: read(node) in values
    if kind in _ANY_CASE:
        match, folded = _MATCHES[kind[1:]], [value.lower() for value in values]
        return lambda node: any(match(read(node).lower(), value) for value in folded)
    match = _MATCHES[kind]
    return lambda node: any(match(read(node), value) for value in values)


_COMPARISONS: dict[str, Callable[[int, int], bool]] = {
    "gt": lambda a, b: a > b,
    "gte": lambda a, b: a >= b,
    "lt": lambda a, b: a < b,
    "lte": lambda a, b: a <= b,
}
_MATCHES: dict[str, Callable[[str, str], bool]] = {
    "exact": lambda text, value: text == value,
    "contains": lambda text, value: value in text,
    "startswith": lambda text, value: text.startswith(value),
    "endswith": lambda text, value: text.endswith(value),
}


def picked_fields(call: Call, allowed: Sequence[str]) -> list[str] | None:
    """The properties that ``fields`` asks for, or null for all of them."""
    text = call.one("fields")
    if not text:
        return None
    names = [name.strip() for name in text.split(",") if name.strip()]
    extra = [name for name in names if name not in allowed]
    if extra:
        raise refused(400, f"Invalid value for query parameter: fields [{', '.join(extra)}]", 6)
    return names
