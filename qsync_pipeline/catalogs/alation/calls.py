"""How Alation is called: one call at a time, and lists read whole (alation-api.md §1.5, §1.6).

One call is in flight at a time for each instance, whatever threads ask: that is Alation's rule for every
caller. It counts no rows for us, so a page that shifted would be missed in silence. Hence each page begins
with the last row of the one before: where it does not, rows before it went or came meanwhile.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, TypeVar

from qsync_pipeline.catalogs.alation.models import ColumnRow, SchemaRow, Subject, TableRow, Tagged
from qsync_pipeline.transport.errors import Malformed
from qsync_pipeline.transport.query import Params
from qsync_pipeline.transport.session import HttpSession, Method

T = TypeVar("T")
Relational = TypeVar("Relational", SchemaRow, TableRow, ColumnRow)
Json = dict[str, Any]

SYSTEM = "alation"
MOST_ROWS = 1000
"""Rows per page: more are not given, whatever is asked for (alation-api.md §1.6)."""
NEXT_PAGE = "X-Next-Page"

_turns: dict[str, threading.RLock] = {}
_turns_lock = threading.Lock()


class Calls:
    """Calls of one instance, each in its turn. ``turn`` is held over calls that belong together."""

    def __init__(self, session: HttpSession, page_size: int) -> None:
        self._session = session
        self.page_size = page_size
        with _turns_lock:
            self.turn = _turns.setdefault(session.base_url, threading.RLock())

    def get(self, path: str, kind: type[T], params: Params | None = None, route: str | None = None) -> T:
        with self.turn:
            return self._session.request("GET", path, kind="read", params=params, decode=kind, route=route)

    def send(
        self,
        method: Method,
        path: str,
        body: Any,
        kind: type[T],
        *,
        route: str | None = None,
        idempotent: bool | None = None,
    ) -> T:
        with self.turn:
            return self._session.request(
                method, path, kind="write", json=body, decode=kind, route=route, idempotent=idempotent
            )

    def _page(
        self, path: str, kind: type[T], params: Mapping[str, Any], body: Json | None, route: str | None
    ) -> tuple[list[T], bool]:
        """One page, and whether more remain: the header says so (§1.6), and so does a full page."""
        with self.turn:
            rows = self._session.request(
                "GET" if body is None else "POST",
                path,
                kind="read",
                params={**params, "limit": self.page_size},
                json=body,
                decode=list[kind],  # type: ignore[valid-type]  # a type made at run time
                route=route,
            )
            return rows, bool(self._session.last_header(NEXT_PAGE)) or len(rows) >= self.page_size

    def by_skip(
        self,
        path: str,
        kind: type[T],
        params: Params | None = None,
        *,
        body: Json | None = None,
        route: str | None = None,
    ) -> list[T]:
        """A list read whole by ``skip``. The header's URL is not followed: a token stays with its host."""
        for _ in (1, 2):
            found: list[T] = []
            whole = more = True
            while whole and more:
                at = {**dict(params or {}), "skip": len(found) - 1 if found else None}
                rows, more = self._page(path, kind, at, body, route)
                if found:
                    last = _identity(found[-1])
                    whole = _goes_on(rows, more) and _identity(rows[0]) == last
                    # Of rows that nothing tells apart every page would seem to join, for ever.
                    whole = whole and (len(rows) == 1 or _identity(rows[-1]) != last)
                    found += rows[1:]
                else:
                    found, whole = rows, bool(rows) or not more
            if not whole:
                problem = "has pages that do not join"
            elif _all_different(found):
                return found
            else:
                problem = "names an object twice"
        # Something came or went while it was read, and shifted the pages; once may happen, twice is no list.
        raise Malformed(f"alation: the list {path} {problem}, twice in a row", system=SYSTEM)

    def pages(
        self, path: str, kind: type[Relational], params: Mapping[str, Any]
    ) -> Iterator[list[Relational]]:
        """A list read whole by keyset, in the order of ids: rows that come or go shift no page (§1.6)."""
        last: int | None = None
        rows: list[Relational]
        while True:
            rows, more = self._behind(path, kind, params, last)
            if any(one.id >= other.id for one, other in pairwise(rows)) or (
                rows and rows[0].id < (last or 0)
            ):
                raise Malformed(f"alation: the list {path} is not in the order asked for", system=SYSTEM)
            if last is not None:
                rows = [row for row in rows if row.id > last]
            if rows:
                yield rows
                last = rows[-1].id
            elif more:
                raise Malformed(f"alation: the list {path} goes on and gives no more rows", system=SYSTEM)
            if not more:
                return

    def _behind(
        self, path: str, kind: type[Relational], params: Mapping[str, Any], last: int | None
    ) -> tuple[list[Relational], bool]:
        """The page that begins with the row of id ``last``, or behind it where that one went meanwhile."""
        after = last - 1 if last is not None else None
        asked = {**params, "order_by": "id", "id__gt": after}
        for _ in (1, 2):
            rows, more = self._page(path, kind, asked, None, None)
            if last is None or (_goes_on(rows, more) and rows[0].id == last):
                return rows, more
        there, _ = self._page(path, kind, {"id": last}, None, None)
        if any(row.id == last for row in there):
            raise Malformed(f"alation: the list {path} lacks rows, at least that of id {last}", system=SYSTEM)
        return rows, more

    def by_key(self, path: str, kind: type[Relational], params: Mapping[str, Any]) -> Iterator[Relational]:
        for page in self.pages(path, kind, params):
            yield from page


def _goes_on(rows: Sequence[object], more: bool) -> bool:
    """Whether a page beyond the first holds more than the row that is known already, or is the last one."""
    return len(rows) > 1 or (bool(rows) and not more)


def _all_different(rows: Sequence[object]) -> bool:
    """Whether each row stands for another object, where rows carry an id or name what they are on."""
    keys = [key for row in rows if (key := _identity(row)) is not row]
    return len(set(keys)) == len(keys)


def _identity(row: object) -> object:
    """What tells a row of a list from others: its id, or what it is on; else the row itself."""
    found = row.on if isinstance(row, Tagged) else getattr(row, "id", None)
    found = found.asset if isinstance(found, Subject) else found
    return row if found is None else found
