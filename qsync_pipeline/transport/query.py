"""Query parameters the way both systems read them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Scalar = str | int | float | bool | None
Params = Mapping[str, Scalar | Sequence[Scalar]] | Sequence[tuple[str, Scalar]]


def query_pairs(params: Params | None) -> list[tuple[str, str]]:
    """Query parameters as pairs: lists become repeated keys, which is how both systems read arrays."""
    if params is None:
        return []
    items: Iterable[tuple[str, Any]] = params.items() if isinstance(params, Mapping) else params
    pairs: list[tuple[str, str]] = []
    for key, value in items:
        values = (
            value if isinstance(value, Sequence | set | frozenset) and not isinstance(value, str) else [value]
        )
        pairs += [(key, _text(v)) for v in values if v is not None]
    return pairs


def _text(value: Scalar) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
