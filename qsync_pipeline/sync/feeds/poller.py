"""One tick of the poller of Qualytics: read the feeds, look where something changed, note events.

What can be seen directly is read from feeds, newest first: operations that ended, anomalies and checks that
came up. Everything else (a status that changed, an archive, a deletion, an edit) is found by looking into the
datastores whose counts or score changed, and, in turn, into all of them: a change that leaves every count as
it was is found when its datastore's turn comes. What was done and undone between two looks is no change.

A tick on which nothing happened costs four requests, one for each hundred datastores (three at most) and
:data:`TURN_REQUESTS` on average for the turns, whatever the size of the estate.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from qsync_pipeline.ledger import Ledger
from qsync_pipeline.ledger.events import Event
from qsync_pipeline.qualytics.client import QualyticsClient
from qsync_pipeline.qualytics.feeds import CountedDatastore, Feeds, OperationRow, QualityRow
from qsync_pipeline.qualytics.happenings import anomaly_key, check_key
from qsync_pipeline.sync.feeds.cursor import VERSION, Cursor, dump, load
from qsync_pipeline.sync.feeds.looking import Looker, operation_events, whole
from qsync_pipeline.sync.feeds.memory import counts_print, score_print
from qsync_pipeline.sync.feeds.newest import Reading, read_newest, seconds
from qsync_pipeline.sync.feeds.operations import ended, matters
from qsync_pipeline.transport.paging import MAX_PAGES

LIST_PAGES = 3
"""Pages of the list of datastores in one tick; a longer list is read in turns."""
LOOK_REQUESTS = 60
"""Requests in one tick after which datastores that want a look wait for the next."""
LOOK_SECONDS = 25.0
"""The same in seconds: Dagster ends a sensor's evaluation after sixty."""
TURN_REQUESTS = 3.0
"""Requests that each tick adds to what taking turns may spend."""


@dataclass(frozen=True)
class Noticed:
    """The outcome of a tick: the new cursor, the number of new events, and how many looks are still due."""

    cursor: str
    events: int
    due: int
    first: bool = False


class Poller:
    """Qualytics' changes as events. ``tick`` raises what the calls raise; the old cursor then still holds.

    ``integrations``: those that events start runs of.
    """

    def __init__(
        self,
        client: QualyticsClient,
        ledger: Ledger,
        *,
        integrations: Collection[str] = (),
        feeds: Feeds | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._feeds = feeds or Feeds(client)
        self._ledger = ledger
        self._looker = Looker(client, ledger, integrations)
        self._monotonic = monotonic

    def tick(self, cursor: str | None) -> Noticed:
        """Notice what happened since ``cursor``; without one only remember how things stand."""
        until = self._monotonic() + LOOK_SECONDS
        before = load(cursor)
        old = before or Cursor(version=VERSION)
        now = self._ledger.clock()
        running = self._feeds.unfinished_operations()
        operations = read_newest(self._feeds.finished_operations, old.operations if before else None, now)
        anomalies = read_newest(self._feeds.anomalies, old.anomalies if before else None, now)
        checks = read_newest(self._feeds.checks, old.checks if before else None, now)
        prints, changed, page = self._counts(old)

        late = ended(old.running, [row.id for row in running], [row.id for row in operations.new])
        over = [*operations.new, *(self._feeds.operations(late) if late else [])]
        done: dict[int, list[OperationRow]] = defaultdict(list)
        for row in over:
            if row.datastore is not None and matters(row):
                done[row.datastore.id].append(row)
        found: dict[int, list[Event]] = defaultdict(list)
        for event in (*_came_up("anomaly", anomalies), *_came_up("check", checks)):
            found[event.datastore_id].append(event)
        if operations.behind or anomalies.behind or checks.behind:
            for number in prints:
                found[number].append(whole(number, "behind", self._ledger.clock()))

        due = list(dict.fromkeys([*done, *old.due, *changed, *found]))
        moved = {*old.moved, *(changed if before else ())}
        self._looker.requests, events, left = 0, 0, list(due)
        again: list[int] = []
        while left and self._looker.requests < LOOK_REQUESTS and self._monotonic() < until:
            number = left.pop(0)
            looked = self._looker.look(
                number,
                operations=done.pop(number, ()),
                others=found.pop(number, ()),
                score=score_print(prints.get(number, "")),
                surprise=number in moved,
            )
            events += looked.events
            again += [number] if looked.again else []
        left += again
        turn, credit = old.turn, min(old.credit, LOOK_REQUESTS) + TURN_REQUESTS
        if not due and prints and credit > 0:
            turn = _next(prints, turn)
            looked = self._looker.look(turn, others=found.pop(turn, ()), score=score_print(prints[turn]))
            events += looked.events
            left += [turn] if looked.again else []
            credit -= self._looker.requests
        rest = [event for one in found.values() for event in one]
        rest += [event for rows in done.values() for row in rows for event in operation_events(row, None)]
        events += self._ledger.events.note(rest)
        after = Cursor(
            version=VERSION,
            operations=operations.mark,
            anomalies=anomalies.mark,
            checks=checks.mark,
            running=tuple(row.id for row in running),
            prints=prints,
            due=tuple(left),
            moved=tuple(sorted(moved.intersection(left))),
            page=page,
            turn=turn,
            credit=credit,
        )
        return Noticed(dump(after), events, len(left), first=before is None)

    def _counts(self, old: Cursor) -> tuple[dict[int, str], list[int], int]:
        """Counts by datastore, those that changed or are new, and the page to begin with next time."""
        rows: list[CountedDatastore] = []
        page, pages, count = old.page, 1, 0
        for _ in range(LIST_PAGES if old.prints else MAX_PAGES):
            answer = self._feeds.datastores(page)
            rows += answer.items
            pages, count = max(answer.pages, 1), count + 1
            page = page + 1 if page < pages else 1
            if page == old.page or page == 1 or not answer.items:
                break
        seen = {row.id: counts_print(row.metrics) for row in rows}
        is_all = old.page == 1 and count == pages
        kept: Mapping[int, str] = {} if is_all else old.prints
        changed = [number for number, text in seen.items() if old.prints.get(number) != text]
        return {**kept, **seen}, changed, page


def _came_up(kind: str, reading: Reading[QualityRow]) -> Iterable[Event]:
    """Events for anomalies and checks that are new."""
    for row in reading.new:
        if row.datastore is None:
            continue
        status = row.status or ""
        key = (
            anomaly_key(row.id, status, row.created)
            if kind == "anomaly"
            else check_key(row.id, "new", row.created)
        )
        yield Event(
            key=key,
            source="poll",
            kind=kind,
            direction="push",
            datastore_id=row.datastore.id,
            container=(row.container.name if row.container else None) or "",
            happened_at=seconds(row.created) or 0.0,
        )


def _next(prints: Mapping[int, str], turn: int) -> int:
    """The datastore whose turn is next, by id."""
    return min((number for number in prints if number > turn), default=min(prints))


__all__ = ["Noticed", "Poller"]
