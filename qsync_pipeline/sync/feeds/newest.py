"""Reading a list that is sorted newest first, as far as it is new. Pure but for the page reader it is given.

How nothing is lost: the mark keeps the newest time that was seen and, for a stretch of time before it
(:data:`OVERLAP`), the ids of all rows. A row that comes late, or has the time of another one, is not among
those ids and is therefore new. Times are the server's own, so its clock may differ from ours.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Generic, Protocol, TypeVar

import msgspec

from qsync_pipeline.transport.paging import Page

OVERLAP = 600.0
"""Seconds before the newest row in which rows may still turn up late."""
LATE_PAGES = 3
"""Pages without anything new that are read for rows that come late: after a burst the overlap holds more.
Once a reading found the top unchanged for as long as the overlap, one page is enough."""
AHEAD = 366 * 86400.0
"""Seconds by which the server's clock may be ahead of ours (a sandbox's is moved by days): a row that is
further ahead moves no mark, or nothing that comes before it would ever be new again."""
MOST_PAGES = 12
"""Pages of one feed in one tick. Whoever is further behind looks at whole datastores instead."""
MOST_SEEN = 3000
"""Ids that a mark remembers. What is forgotten is noted once more, under a key that the ledger knows."""
_ATTEMPTS = 3


class Row(Protocol):
    """What a feed's row has to say."""

    @property
    def id(self) -> int: ...
    @property
    def created(self) -> str | None: ...


R = TypeVar("R", bound=Row)


class Mark(msgspec.Struct, frozen=True):
    """How far a feed was read: the newest time, and the ids of the rows near it, by their whole second.

    ``since`` is when the newest time last moved, ``read`` when the list was last read, both by our own clock.
    Times are seconds since the epoch.
    """

    at: float = 0.0
    seen: dict[int, list[int]] = {}
    since: float = 0.0
    read: float = 0.0

    @property
    def known(self) -> set[int]:
        """The ids of the rows near the newest one."""
        return {number for numbers in self.seen.values() for number in numbers}


@dataclass(frozen=True)
class Reading(Generic[R]):
    """What was new, newest first, and the mark after it.

    ``behind``: there was more than could be read, or the list would not hold still; what was missed is not
    known.
    """

    new: list[R]
    mark: Mark
    behind: bool = False


def read_newest(fetch: Callable[[int], Page[R]], mark: Mark | None, now: float) -> Reading[R]:
    """Read from the top until the mark; without a mark nothing is new, and the mark is set to the top.

    ``now`` is the time by our own clock.

    Deletions between two pages move rows upwards, past the page boundary: such a reading is done again.
    """
    patience = LATE_PAGES if mark is None or mark.read - mark.since < OVERLAP else 1
    for _ in range(_ATTEMPTS):
        rows, reached, sound = _read(fetch, mark, patience)
        if sound:
            break
    after = _advance(mark or Mark(), rows, now)
    if mark is None:
        return Reading([], after)
    floor, known = mark.at - OVERLAP, mark.known
    new = [row for row in rows if row.id not in known and _time(row, after.at) >= floor]
    return Reading(new, after, behind=not (reached and sound))


def seconds(text: str | None) -> float | None:
    """A time of the API in seconds since the epoch; null where there is none, or it is no time."""
    if not text:
        return None
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)).timestamp()


def _read(fetch: Callable[[int], Page[R]], mark: Mark | None, patience: int) -> tuple[list[R], bool, bool]:
    """The rows, whether the mark was reached, and whether the pages fit together."""
    found: dict[int, R] = {}
    totals: list[int] = []
    count, old_pages, known = 0, 0, mark.known if mark else set()
    for number in range(1, MOST_PAGES + 1):
        page = fetch(number)
        totals.append(page.total)
        count += len(page.items)
        old_pages += all(row.id in known for row in page.items)
        found.update((row.id, row) for row in page.items if row.id not in found)
        times = [time for row in found.values() if (time := seconds(row.created)) is not None]
        floor = (mark.at if mark else max(times, default=0.0)) - OVERLAP
        oldest = seconds(page.items[-1].created) if page.items else None
        if (
            number >= page.pages
            or not page.items
            or old_pages >= patience
            or (oldest is not None and oldest < floor)
        ):
            return list(found.values()), True, _fits(totals, count - len(found))
    return list(found.values()), False, _fits(totals, count - len(found))


def _fits(totals: list[int], doubles: int) -> bool:
    """Rows are passed over only where more went than came (the total falls), or where rows of one time
    change places between two calls (rows come twice that no newcomer pushed down)."""
    falls = any(later < before for before, later in pairwise(totals))
    return not falls and doubles <= totals[-1] - totals[0]


def _advance(mark: Mark, rows: list[R], now: float) -> Mark:
    told = [time for row in rows if (time := seconds(row.created)) is not None]
    at = max([mark.at, *(time for time in told if time <= now + AHEAD)])
    times = {number: float(second) for second, numbers in mark.seen.items() for number in numbers}
    times |= {row.id: _time(row, at) for row in rows}
    near = sorted(
        ((time, number) for number, time in times.items() if time >= at - OVERLAP - 1), reverse=True
    )
    seen: dict[int, list[int]] = {}
    for time, number in near[:MOST_SEEN]:
        seen.setdefault(int(time), []).append(number)
    return Mark(at, seen, mark.since if at == mark.at else now, now)


def _time(row: Row, otherwise: float) -> float:
    time = seconds(row.created)
    return otherwise if time is None else time
