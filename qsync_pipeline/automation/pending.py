"""What events ask for, until a run takes it: grouped by datastore, held until a burst is over. Pure.

The state between two ticks is a :class:`Pending`, kept as JSON in the sensor's cursor: Dagster saves it
together with the runs of a tick, so that an event is neither lost nor acted on twice.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import msgspec

from qsync_pipeline.ledger import Event
from qsync_pipeline.sync.run import Direction

QUIET = 1.0
"""Seconds without a further event after which a datastore's burst counts as over."""

PATIENCE = 20.0
"""Seconds after which a burst that does not end is acted on all the same."""

MANY = 50
"""Tables named one by one; with more of them the whole datastore is looked at."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What the events of one datastore ask for. ``containers`` are names; with ``whole`` they do not matter.

    ``first`` and ``last`` are ids of events, ``since`` and ``newest`` when they were noted.
    """

    first: int
    last: int
    since: float
    newest: float
    directions: tuple[str, ...]
    containers: tuple[str, ...] = ()
    whole: bool = False

    @property
    def direction(self) -> Direction:
        """Pull, push, or both where events of both kinds wait."""
        if len(self.directions) > 1:
            return "both"
        return "pull" if "pull" in self.directions else "push"

    def quiet_in(self, now: float) -> float:
        """Seconds until it is ripe, if nothing more comes; 0 when it is."""
        return max(0.0, min(self.newest + QUIET, self.since + PATIENCE) - now)


class Pending(msgspec.Struct, frozen=True):
    """The events up to ``last`` have been taken in; ``wanted`` is what waits, by datastore id."""

    last: int
    wanted: dict[int, Wanted] = {}

    def taking(self, events: Iterable[Event], *, concerning: Collection[str]) -> Pending:
        """With these events taken in. ``concerning`` are the directions that the integration acts on."""
        last, wanted = self.last, dict(self.wanted)
        for event in events:
            last = max(last, event.id)
            if event.direction in concerning:
                wanted[event.datastore_id] = _with(wanted.get(event.datastore_id), event)
        return Pending(last, wanted)

    def ripe(self, now: float, busy: Collection[int]) -> dict[int, Wanted]:
        """What a run may start for now: its burst is over, and no run of the integration is at it.

        What comes in while a run is at a datastore waits for its end, and then starts one more.
        """
        return {
            number: one
            for number, one in self.wanted.items()
            if number not in busy and one.quiet_in(now) == 0
        }

    def without(self, numbers: Collection[int]) -> Pending:
        """Without what a run has taken."""
        return Pending(self.last, {key: one for key, one in self.wanted.items() if key not in numbers})

    def quiet_in(self, now: float, busy: Collection[int]) -> float | None:
        """Seconds until something ripens, or null where nothing waits."""
        waits = [one.quiet_in(now) for number, one in self.wanted.items() if number not in busy]
        return min(waits, default=None)

    def encode(self) -> str:
        """As the text of a cursor."""
        return msgspec.json.encode(self).decode()


def decode(cursor: str) -> Pending:
    """The inverse of :meth:`Pending.encode`; raises ``msgspec.DecodeError`` for anything else."""
    return msgspec.json.decode(cursor, type=Pending)


def _with(before: Wanted | None, event: Event) -> Wanted:
    names = {event.container} if event.container else set()
    whole = not event.container
    if before is not None:
        names |= set(before.containers)
        whole = whole or before.whole
    whole = whole or len(names) > MANY
    return Wanted(
        first=before.first if before else event.id,
        last=event.id,
        since=before.since if before else event.noted_at,
        newest=event.noted_at,
        directions=tuple(sorted({event.direction, *(before.directions if before else ())})),
        containers=() if whole else tuple(sorted(names)),
        whole=whole,
    )
