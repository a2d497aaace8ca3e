"""Object keys: how names are joined and taken apart (alation-api.md §2.0).

``<ds_id>.<schema>.<table>.<column>``. A part with a period or a double quote in it is quoted, with the quote
escaped by a backslash. The dot between database and schema of a multi-part source is not quoted.
"""

from __future__ import annotations

from collections.abc import Iterable


def part(name: str) -> str:
    """One name as it stands in a key."""
    if "." not in name and '"' not in name:
        return name
    # Backslashes are doubled too, so that a name that ends with one can be read back [inferred].
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def join(names: Iterable[str]) -> str:
    """Names as a key, or the piece of one."""
    return ".".join(part(name) for name in names)


def split(key: str) -> tuple[str, ...] | None:
    """The names in a key, quotes resolved; null where it is malformed (a quote without its end)."""
    names: list[str] = []
    at = 0
    while True:
        if key.startswith('"', at):
            read = _quoted(key, at + 1)
            if read is None:
                return None
            name, at = read
        else:
            end = key.find(".", at)
            end = len(key) if end < 0 else end
            name, at = key[at:end], end
        names.append(name)
        if at == len(key):
            return tuple(names)
        if key[at] != ".":
            return None
        at += 1


def _quoted(key: str, at: int) -> tuple[str, int] | None:
    """The name that begins behind a quote, and where its end is."""
    name: list[str] = []
    while at < len(key):
        char = key[at]
        if char == '"':
            return "".join(name), at + 1
        if char == "\\" and at + 1 < len(key) and key[at + 1] in '"\\.':
            at += 1
            char = key[at]
        name.append(char)
        at += 1
    return None
