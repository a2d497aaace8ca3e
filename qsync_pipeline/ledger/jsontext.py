"""JSON as the ledger stores it: compact text with sorted keys, so that equal values are equal text."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

_ENCODER = msgspec.json.Encoder(order="deterministic")
_DECODER: msgspec.json.Decoder[Any] = msgspec.json.Decoder()


def dump(value: Any) -> str | None:
    """The JSON text of a value; null stays null, so that "nothing there" is SQL's NULL."""
    return None if value is None else _ENCODER.encode(value).decode()


def load(text: str | None) -> Any:
    """The value of a JSON text (lists, dicts, scalars); null for NULL."""
    return None if text is None else _DECODER.decode(text)


def plain(value: Any) -> Any:
    """The value as it comes back from the ledger: structs as dicts, tuples as lists."""
    return load(dump(value))


def payload_hash(value: Any) -> str:
    """A stable hash of a payload (32 hex digits). The order of keys does not matter.

    The retry rule compares it: a rejected item whose payload hashes the same is not sent again at once
    (DESIGN.md §5.5).
    """
    return hashlib.sha256((dump(value) or "null").encode()).hexdigest()[:32]


def plain_text(value: str) -> str:
    """Text that every database takes: PostgreSQL refuses NUL, and no driver encodes lone surrogates."""
    return value.replace("\x00", "").encode("utf-8", "replace").decode()
