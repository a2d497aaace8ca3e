"""Qualified names: exact look-up, and prefixes by a sorted list."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator

_LAST = chr(0x10FFFF)


class QualifiedNames:
    """Maps a qualified name to the guids that have it; several types may share one (atlan-api.md §2.7)."""

    def __init__(self) -> None:
        self._guids: dict[str, str | tuple[str, ...]] = {}
        self._sorted: list[str] | None = None

    def add(self, name: str, guid: str) -> None:
        known = self._guids.get(name)
        if known is None:
            self._guids[name] = guid
            if self._sorted is not None:
                insort(self._sorted, name)
        elif guid not in (have := known if isinstance(known, tuple) else (known,)):
            self._guids[name] = (*have, guid)

    def discard(self, name: str, guid: str) -> None:
        known = self.get(name)
        if guid not in known:
            return
        rest = tuple(other for other in known if other != guid)
        if rest:
            self._guids[name] = rest if len(rest) > 1 else rest[0]
            return
        del self._guids[name]
        if self._sorted is not None:
            del self._sorted[bisect_left(self._sorted, name)]

    def get(self, name: str) -> tuple[str, ...]:
        known = self._guids.get(name)
        if known is None:
            return ()
        return known if isinstance(known, tuple) else (known,)

    def count(self, prefix: str) -> int:
        """How many distinct names begin with the prefix."""
        low, high = self._range(prefix)
        return high - low

    def under(self, prefix: str) -> Iterator[str]:
        """The guids of all names that begin with the prefix."""
        low, high = self._range(prefix)
        for name in self._ordered()[low:high]:
            known = self._guids[name]
            if isinstance(known, tuple):
                yield from known
            else:
                yield known

    def _ordered(self) -> list[str]:
        if self._sorted is None:
            self._sorted = sorted(self._guids)
        return self._sorted

    def _range(self, prefix: str) -> tuple[int, int]:
        names = self._ordered()
        return bisect_left(names, prefix), bisect_left(names, prefix + _LAST)
