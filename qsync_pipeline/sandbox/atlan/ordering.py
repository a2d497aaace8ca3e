"""The order of hits, and pages of them by offset or by the last row seen (atlan-api.md §2.3)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from qsync_pipeline.sandbox.atlan.errors import query_rejected
from qsync_pipeline.sandbox.atlan.fields import Field


class Descending:
    """Turns the order of a sort value round."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __lt__(self, other: Descending) -> bool:
        return bool(other.value < self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Descending) and bool(self.value == other.value)

    __hash__ = None  # type: ignore[assignment]  # sort keys are compared, never hashed


@dataclass(frozen=True, slots=True)
class Found:
    """The whole answer to a query, in order: cached, so that the pages of one search cost one evaluation."""

    docs: list[Any]
    key: Callable[[Any], Any]
    after: Callable[[list[Any]], Any]
    sort_values: Callable[[Any], list[Any]]


def order(docs: list[Any], sort: Any, fields: Callable[[str], Field]) -> Found:
    """Sort hits as Elasticsearch does: by each item in turn, missing values last whatever the direction."""
    items: list[tuple[Field, bool]] = []
    for item in sort if isinstance(sort, list) else [sort] if sort else []:
        name, body = (item, "asc") if isinstance(item, str) else next(iter(item.items()))
        direction = body.get("order", "asc") if isinstance(body, Mapping) else str(body)
        if name not in ("_score", "_doc"):
            items.append((fields(name), direction == "desc"))

    def part(field: Field, desc: bool) -> Callable[[Any], Any]:
        read = field.read
        if field.total:
            return (lambda doc: Descending(read(doc))) if desc else read
        return lambda doc: _ordered(read(doc), desc)

    parts = [part(field, desc) for field, desc in items]
    key: Callable[[Any], Any]
    if len(parts) == 1:
        key = parts[0]
    elif len(parts) == 2:
        first, second = parts
        key = lambda doc: (first(doc), second(doc))  # noqa: E731  # hot: called once per hit
    else:
        key = lambda doc: tuple(each(doc) for each in parts)  # noqa: E731  # the general case of the above

    def after(values: list[Any]) -> Any:
        if len(values) != len(items):
            raise query_rejected(f"search_after has {len(values)} value(s) but sort has {len(items)}")
        made = [
            (Descending(value) if desc else value) if field.total else _ordered(value, desc)
            for (field, desc), value in zip(items, values, strict=True)
        ]
        return made[0] if len(made) == 1 else tuple(made)

    if items:
        docs.sort(key=key)
    return Found(docs, key, after, lambda doc: [field.read(doc) for field, _ in items])


def _ordered(value: Any, desc: bool) -> tuple[int, Any]:
    if isinstance(value, tuple):
        value = min(value, default=None)
    if value is None:
        return (1, 0)
    return (0, Descending(value) if desc else value)


def page(found: Found, start: int, size: int, search_after: list[Any] | None) -> list[Any]:
    """One page of the hits, by offset or after the sort values of the last row seen."""
    if search_after:
        try:
            start = bisect_right(found.docs, found.after(search_after), key=found.key)
        except TypeError as error:
            raise query_rejected(f"search_after: {error}") from error
    return found.docs[start : start + size]
