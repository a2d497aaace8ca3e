"""A search of Atlan read whole, by keyset paging (atlan-api.md §1.7, §2.3)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from qsync_pipeline.catalogs.atlan.models import Entity, SearchPage
from qsync_pipeline.catalogs.atlan.queries import search_body
from qsync_pipeline.transport.errors import Malformed

SYSTEM = "atlan"
WINDOW = 10_000
"""Rows that one page may hold at most: Elasticsearch's default window (atlan-api.md §1.7)."""


class Chain:
    """One keyset walk over a search: pages of new rows, and whether they were all.

    The key is (createTime, guid) of the last row (atlan-api.md §2.3). A hidden row may lack both. Then the
    next page starts behind the last row that has a key, is longer by the rows that come again, and from there
    on the pages carry their sort values.
    """

    def __init__(
        self,
        read: Callable[[Mapping[str, Any]], SearchPage],
        page_size: int,
        query: Mapping[str, Any],
        attributes: Sequence[str],
        classifications: bool = True,
    ) -> None:
        self._read = read
        self._page_size = page_size
        self._body: Callable[..., dict[str, Any]] = lambda size, after: search_body(
            dict(query),
            attributes,
            size=size,
            after=after,
            classifications=classifications,
            keys=self._keys,
        )
        self._keys = False
        self.rows = 0
        self._counts: list[int] = []

    def __iter__(self) -> Iterator[list[Entity]]:
        after: tuple[int, str] | None = None
        again = 0
        seen: set[str] = set()
        while True:
            size = self._page_size + again
            if size > WINDOW:
                raise Malformed(
                    f"Atlan: {again} rows in a row are hidden from this token and cannot be paged over;"
                    " narrow its persona, or ask for a tenant that scrubs rows without hiding their guid",
                    system=SYSTEM,
                )
            page = self._read(self._body(size, after))
            found = page.entities or []
            self._counts.append(page.approximate_count or 0)
            fresh = []
            for row in found[again:]:
                if row.guid not in seen:
                    fresh.append(row)
                    if not _keyless(row):
                        seen.add(row.guid)
            self.rows += len(fresh)
            if fresh:
                yield fresh
            if len(found) <= again or self.rows >= max(self._counts):
                return
            if len(found) < size and self.rows >= self._counts[-1]:
                return
            following = self._next(page, found, after)
            if following == (after, again):
                return  # the same page once more: asking on would never end
            after, again = following

    def _next(
        self, page: SearchPage, found: Sequence[Entity], after: tuple[int, str] | None
    ) -> tuple[tuple[int, str] | None, int]:
        """Where the next page starts, and how many of its rows will have been seen."""
        key = page.last_key()
        if key is not None:
            return key, 0
        for distance, row in enumerate(reversed(found)):
            if not _keyless(row):
                self._keys = self._keys or distance > 0
                return (row.create_time or 0, row.guid), distance
        self._keys = True
        return after, len(found)

    def complete(self) -> bool:
        """Whether all was read: as many rows as Atlan counted at the end, and not more than it ever counted.

        Rows that are made meanwhile come last and are both read and counted; rows that are deleted meanwhile
        lower the count behind our back.
        """
        return bool(self._counts) and self._counts[-1] <= self.rows <= max(self._counts)

    def verdict(self) -> str:
        """What is wrong, for a message."""
        counted = self._counts[-1] if self._counts else "none"
        return f"a search gave {self.rows} rows where Atlan counts {counted}"


def _keyless(row: Entity) -> bool:
    """Whether a row cannot serve as a paging key."""
    return row.guid == "-1" or row.create_time is None
