"""Ids and object keys.

Alation counts every type of object by itself: table 93 and column 93 are two things. So an asset's id is its
otype and number (``table:93``), which is also how Alation's error texts name objects.

Keys (``6.EDW.PUBLIC.ORDERS``) are compared whole and without case. The dot between database and schema of a
multi-part source is bare, a dot inside a name is quoted (alation-api.md §2.0): only so can a schema's key be
told apart into database and schema. No other key is ever split.
"""

from __future__ import annotations

from collections.abc import Iterable

from qsync_pipeline.core.names import fold

OTYPES = ("data", "schema", "table", "attribute")
"""Otypes of what we deal with, from the top down."""


def asset_id(otype: str, number: int | str) -> str:
    """The asset id of an object."""
    return f"{otype}:{number}"


def split_id(asset: str) -> tuple[str, int] | None:
    """Otype and number of an asset id, or null where it is none of ours."""
    otype, _, number = asset.partition(":")
    return (otype, int(number)) if otype in OTYPES and number.isascii() and number.isdigit() else None


def numbers_by_otype(assets: Iterable[str]) -> dict[str, list[int]]:
    """The numbers of these ids, each once, by otype; what is no id of ours is left out."""
    found: dict[str, dict[int, None]] = {}
    for asset in assets:
        parts = split_id(asset)
        if parts is not None:
            found.setdefault(parts[0], {})[parts[1]] = None
    return {otype: list(numbers) for otype, numbers in found.items()}


def key_parts(key: str) -> list[str]:
    """The names in a key, quotes resolved. A quote that does not end takes the rest as it stands."""
    parts: list[str] = []
    position = 0
    while position <= len(key):
        if key.startswith('"', position):
            name, position = _quoted(key, position + 1)
        else:
            end = key.find(".", position)
            end = len(key) if end < 0 else end
            name, position = key[position:end], end
        parts.append(name)
        position += 1  # the dot, or the end
    return parts


def _quoted(key: str, start: int) -> tuple[str, int]:
    """A quoted name and the position behind its closing quote; a backslash escapes what follows."""
    name: list[str] = []
    position = start
    while position < len(key):
        char = key[position]
        if char == '"':
            return "".join(name), position + 1
        if char == "\\" and position + 1 < len(key):
            position += 1
            char = key[position]
        name.append(char)
        position += 1
    return "".join(name), position


def database_and_schema(key: str, name: str) -> tuple[str | None, str]:
    """Database (null where the source shows none) and schema, by the schema's key and name.

    A key that does not say the same as the name proves nothing: then the whole name is the schema.
    """
    parts = key_parts(key)[1:]
    if fold(name) not in (fold(".".join(parts)), fold(key.partition(".")[2])):
        return None, name
    return ".".join(parts[:-1]) or None, parts[-1]
