"""Reading a list whole: numbered pages in parallel, and nothing that is shorter than it says.

The envelope is ``{items, total, page, size, pages}``, 1-based (qualytics-api.md §1.5). A missing key, a page
other than the one asked for, counts that do not add up: each raises, because a short list reads as "gone".
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import Generic, TypeVar

import msgspec

from qsync_pipeline.transport.errors import Malformed

T = TypeVar("T")
R = TypeVar("R")

MAX_PAGES = 20_000
"""A fuse: two million rows at a hundred a page. More is a server that counts wrongly."""


class Page(msgspec.Struct, Generic[T], frozen=True):
    """The envelope of fastapi-pagination. No key has a default: a body that lacks one does not decode."""

    items: list[T]
    total: int
    page: int
    size: int
    pages: int


def each_once(rows: Sequence[T], key: Callable[[T], Hashable], *, what: str, system: str) -> Sequence[T]:
    """The rows of a list that came whole, in one answer: one that names an object twice is no such list."""
    if len({key(row) for row in rows}) != len(rows):
        raise Malformed(f"{system}: the list of {what} names an object twice", system=system)
    return rows


def parallel_map(do: Callable[[T], R], items: Iterable[T], *, parallel: int) -> list[R]:
    """``do`` for every item on at most ``parallel`` threads; results in order.

    The first failure is raised and what has not started yet is dropped.
    """
    todo = list(items)
    if parallel <= 1 or len(todo) <= 1:
        return [do(item) for item in todo]
    with ThreadPoolExecutor(min(parallel, len(todo)), thread_name_prefix="qsync-http") as pool:
        futures = [pool.submit(do, item) for item in todo]
        try:
            wait(futures, return_when=FIRST_EXCEPTION)
        finally:
            for future in futures:
                future.cancel()
        for future in futures:
            if not future.cancelled() and (error := future.exception()) is not None:
                raise error
        return [future.result() for future in futures]


def read_pages(
    fetch: Callable[[int], Page[T]],
    *,
    what: str,
    system: str,
    parallel: int = 8,
    key: Callable[[T], Hashable] | None = None,
    max_pages: int = MAX_PAGES,
) -> list[T]:
    """All items of a list whose page ``n`` (from 1) is ``fetch(n)``.

    ``what`` names the list in errors; ``key`` tells items apart (their id), so that a list that shifted while
    it was read is noticed. A list that changed in between, or whose counts do not add up, is read once more;
    a second time raises :class:`~qsync_pipeline.transport.errors.Malformed`, as does everything that cannot
    be a change.
    """
    for attempt in (1, 2):
        items, changed = _read(fetch, what, system, parallel, key, max_pages)
        if not changed:
            return items
        if attempt == 2:
            raise Malformed(f"{system}: the list of {what} {changed}, twice in a row", system=system)
    raise AssertionError("unreachable")  # the loop returns or raises


def requests_for(rows: int, page_size: int) -> int:
    """What :func:`read_pages` takes for a list that holds still: its pages, and its ends once more."""
    pages = max(1, -(-rows // page_size))
    return pages + min(pages - 1, 2)


def _read(
    fetch: Callable[[int], Page[T]],
    what: str,
    system: str,
    parallel: int,
    key: Callable[[T], Hashable] | None,
    max_pages: int,
) -> tuple[list[T], str]:
    """One pass; the second value says what changed meanwhile, or is empty.

    As many rows may come as go, which no count shows, and those between would change their page unseen. Rows
    come at an end of a list. So the first and the last page are read before the others, and once more after
    them (of two pages only the first: nothing is read after the last).
    """

    def checked(number: int) -> Page[T]:
        page = fetch(number)
        if page.page != number:
            raise Malformed(
                f"{system}: page {number} of {what} was answered with page {page.page}", system=system
            )
        return page

    first = checked(1)
    expected = -(-first.total // first.size) if first.size > 0 else first.pages
    if first.total < 0 or first.pages > max_pages or max(first.pages, 1) != max(expected, 1):
        raise Malformed(
            f"{system}: the list of {what} claims {first.total} items on {first.pages} pages of {first.size}",
            system=system,
        )
    last = [checked(first.pages)] if first.pages > 1 else []
    pages: Sequence[Page[T]] = [
        first,
        *parallel_map(checked, range(2, first.pages), parallel=parallel),
        *last,
    ]
    items = [item for page in pages for item in page.items]
    if any(page.total != first.total for page in pages):
        return items, "changed while it was read"
    if len(items) != first.total:
        return items, f"claims {first.total} items and holds {len(items)}"
    if key is not None and len({key(item) for item in items}) != len(items):
        return items, "names an item on two pages"
    ends: Sequence[Page[T]] = () if not last else (first, *last) if first.pages > 2 else (first,)
    if key is not None:
        again = parallel_map(lambda page: checked(page.page), ends, parallel=parallel)
        if [key(item) for page in again for item in page.items] != [
            key(i) for page in ends for i in page.items
        ]:
            return items, "shifted while it was read"
    return items, ""
