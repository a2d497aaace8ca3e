"""A look into one datastore: what differs from the look before becomes events."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import msgspec

from qsync_pipeline.ledger import Ledger
from qsync_pipeline.ledger.events import Event
from qsync_pipeline.qualytics.client import QualyticsClient
from qsync_pipeline.qualytics.feeds import OperationRow
from qsync_pipeline.qualytics.happenings import operation_key
from qsync_pipeline.qualytics.models import Container
from qsync_pipeline.sync.feeds.memory import Difference, Memory, differences, loaded, remembered
from qsync_pipeline.sync.feeds.newest import seconds
from qsync_pipeline.sync.feeds.operations import covered
from qsync_pipeline.sync.feeds.sights import Sights, Standings
from qsync_pipeline.transport.errors import Forbidden, NotFound
from qsync_pipeline.transport.paging import requests_for

QUALYTICS = ""
"""Where the ledger's notes of no integration stand."""
MANY = 50
"""Containers of one datastore from which on its events are one: look at all of it."""


class Looked(NamedTuple):
    """How many events a look noted, and whether it is to be repeated: it found what a run that is awaited
    may see as well."""

    events: int
    again: bool = False


class Looker:
    """Looks into datastores, remembers in the ledger what they looked like, and notes what differs.

    ``integrations`` are those that events start runs of: what all of them have pushed since is no event. An
    event is noted after what it tells of was read, and the memory is changed after that: whoever is killed in
    between tells it twice, and nothing is lost.
    """

    def __init__(self, client: QualyticsClient, ledger: Ledger, integrations: Collection[str] = ()) -> None:
        self._client = client
        self._ledger = ledger
        self._integrations = integrations
        self.requests = 0
        """A fair estimate of the requests that looks have taken."""

    def look(
        self,
        datastore: int,
        *,
        operations: Sequence[OperationRow] = (),
        others: Sequence[Event] = (),
        score: str = "",
        surprise: bool = False,
    ) -> Looked:
        """Look into a datastore and note everything there is to note of it.

        ``operations`` ended in it. ``others`` are events of it that were found elsewhere and are noted along.
        ``score`` is the print of its own score. ``surprise``: something changed in it, so that a first look,
        which has nothing to compare with, notes an event for all of it.
        """
        note = f"look:{datastore}"
        before = loaded(self._ledger.notes.get(QUALYTICS, note), Memory)
        read = self._read(datastore, before)
        if read is None:
            self._ledger.notes.drop(QUALYTICS, note)
            return Looked(0)
        containers, now = read
        now = msgspec.structs.replace(now, score=score)
        differing = _differing(before, now)
        told = [event for row in operations for event in operation_events(row, containers, differing)]
        if before is None:
            told = self._unknown([*told, *others])
            if surprise and not told:
                told.append(whole(datastore, "changed", self._ledger.clock()))
            fresh = self._ledger.events.note(told)
            self._ledger.notes.put(QUALYTICS, note, msgspec.to_builtins(now, str_keys=True))
            return Looked(fresh)
        standings = Standings(now, Sights.of(self._ledger, self._integrations, datastore))
        # What is known already covers nothing that was read just now, unless a run has read it since.
        told = self._unknown([*told, *(one for one in others if standings.of_name(one.container) == "news")])
        found = [*differences(before, now), *standings.contradicted()]
        if not found:
            return Looked(self._ledger.events.note(told))
        # The serial goes up on disk before its events are noted, so that none ever gets a key of before.
        serial = before.serial + 1
        raised = msgspec.structs.replace(before, serial=serial)
        self._ledger.notes.put(QUALYTICS, note, msgspec.to_builtins(raised, str_keys=True))
        names = {event.container for event in told}
        found = [one for one in found if names.isdisjoint({"", one.container})]
        told += _events(datastore, serial, [one for one in found if standings.of(one) == "news"], names)
        fresh = self._ledger.events.note(told)
        awaited = [one for one in found if standings.of(one) == "awaited"]
        now = msgspec.structs.replace(now, serial=serial)
        now = now.holding_back(before, awaited)
        self._ledger.notes.put(QUALYTICS, note, msgspec.to_builtins(now, str_keys=True))
        return Looked(fresh, again=bool(awaited))

    def _unknown(self, told: Sequence[Event]) -> list[Event]:
        known = self._ledger.events.known([one.key for one in told])
        return [one for one in told if one.key not in known]

    def _read(self, datastore: int, before: Memory | None) -> tuple[list[Container], Memory] | None:
        """What is there now; null where the datastore went or is out of sight: that is no change in it."""
        try:
            containers = self._client.containers(datastore)
            checks = self._client.checks(datastore)
            anomalies = self._client.anomalies(datastore)
        except (NotFound, Forbidden):
            return None
        for rows in (containers, checks, anomalies):
            self.requests += requests_for(len(rows), self._client.page_size)
        vanished = not containers and before is not None and not before.is_empty
        if vanished and self._client.presence("datastore", datastore) != "present":
            return None
        return containers, remembered(containers, checks, anomalies)


def operation_events(
    row: OperationRow, containers: Sequence[Container] | None, differing: Collection[int] = ()
) -> list[Event]:
    """An event for each container that an operation took in; one for all of it where that is not known."""
    assert row.datastore is not None  # of those that matter
    names = covered(row, containers, differing) if containers is not None else None
    if names is None or len(names) > MANY:
        names = [""]
    return [
        Event(
            key=operation_key(row.id, row.result or "", name),
            source="poll",
            kind="operation",
            direction="push",
            datastore_id=row.datastore.id,
            container=name,
            happened_at=seconds(row.end_time) or seconds(row.created) or 0.0,
        )
        for name in names
    ]


def whole(datastore: int, why: str, now: float) -> Event:
    """One event for all of a datastore."""
    return Event(
        key=f"datastore:{datastore}:{why}:{now:.3f}",
        source="poll",
        kind="datastore",
        direction="push",
        datastore_id=datastore,
        happened_at=now,
    )


def _events(datastore: int, serial: int, found: Sequence[Difference], names: Collection[str]) -> list[Event]:
    """An event for every container with a difference. ``names``: containers that are told of otherwise."""
    if names or any(not one.is_score for one in found):
        found = [one for one in found if not one.is_score]  # whatever is read, the score goes along
    if len({one.container for one in found}.union(names)) > MANY or any(not one.container for one in found):
        found = [Difference("datastore", datastore, "changed", "")]
    by_container = {one.container: one for one in reversed(found)}
    return [
        Event(
            key=f"look:{datastore}:{serial}:{one.what}:{one.id}:{one.how}:{name}",
            source="poll",
            kind=one.what,
            direction="push",
            datastore_id=datastore,
            container=name,
        )
        for name, one in by_container.items()
    ]


def _differing(before: Memory | None, now: Memory) -> set[int]:
    known = before.containers if before is not None else {}
    return {number for number, kept in now.containers.items() if known.get(number) != kept}
