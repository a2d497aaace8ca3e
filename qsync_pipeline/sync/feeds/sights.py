"""What runs have seen of Qualytics: whether what a look finds is news to them.

Whatever a webhook tells, the poll finds once more by comparison, some seconds later. By then a run has often
read the container, after the very change. So a run that goes by Qualytics' present state notes prints of what
it reads, and makes them good once it has pushed; a look asks here before it notes an event. The other way
round, a change that was taken back between two looks shows no difference, but a run may have read it in
between: what the runs have read last, and is so no longer, is news as well.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Literal

import msgspec

from qsync_pipeline.core.names import fold
from qsync_pipeline.ledger import Ledger
from qsync_pipeline.sync.feeds.memory import Difference, Memory, loaded, prints_of

AWAIT = 60.0
"""Seconds for which a run is awaited that an event is to start or has started. After that a difference is
noted anew: the run may have failed, or never come."""

Standing = Literal["seen", "awaited", "news"]


class Print(msgspec.Struct, frozen=True, array_like=True):
    """What something looked like, when (our clock, seconds) the reading of it began, and whether the run that
    read it has pushed it."""

    text: str
    at: float
    pushed: bool = False


class Sight(msgspec.Struct, frozen=True):
    """What an integration's runs have seen of a datastore: its containers by id, and its own score."""

    score: Print | None = None
    containers: dict[int, Print] = {}

    def with_newer(self, newer: Sight) -> Sight:
        """With what was read later in place of it."""
        return Sight(newer.score, {**self.containers, **newer.containers})

    def as_pushed(self) -> Sight:
        """The same, pushed."""
        pushed = {number: _pushed(one) for number, one in self.containers.items()}
        return Sight(self.score and _pushed(self.score), pushed)


class _Taken(msgspec.Struct, frozen=True):
    """What a run has read and not pushed yet. ``whole``: it took in every container."""

    run: str
    whole: bool
    sight: Sight


def take_down(
    ledger: Ledger, integration: str, key: str, run: str, memory: Memory, at: float, scope: Collection[str]
) -> None:
    """Note what a run has read of a datastore. ``scope`` names the containers it acts on; empty is all."""
    wanted = {fold(name) for name in scope}
    prints = {
        number: Print(text, at)
        for number, text in prints_of(memory).items()
        if not wanted or fold(memory.containers[number][0]) in wanted
    }
    taken = _Taken(run, not wanted, Sight(Print(memory.score, at), prints))
    ledger.notes.put(integration, _reading(key), msgspec.to_builtins(taken, str_keys=True))


def make_good(ledger: Ledger, integration: str, key: str, run: str) -> None:
    """What the run has read of a datastore it has pushed: from now on this is no news."""
    taken = loaded(ledger.notes.get(integration, _reading(key)), _Taken)
    if taken is None or taken.run != run:
        return
    sight = taken.sight.as_pushed()
    if not taken.whole and (before := loaded(ledger.notes.get(integration, _seen(key)), Sight)):
        sight = before.with_newer(sight)
    ledger.notes.put(integration, _seen(key), msgspec.to_builtins(sight, str_keys=True))
    ledger.notes.drop(integration, _reading(key))


class Sights:
    """The newest sights of all integrations that events start runs of, for one datastore.

    ``noted`` says when an event was last noted, by container; empty for all of it. Without integrations
    everything is news.
    """

    def __init__(self, sights: Sequence[Sight], noted: Mapping[str, float], now: float) -> None:
        self._sights = sights
        self._noted = noted
        self._now = now

    @classmethod
    def of(cls, ledger: Ledger, integrations: Collection[str], datastore: int) -> Sights:
        """As the ledger has them."""
        if not integrations:
            return cls([], {}, 0.0)
        key = ledger.datastores.keys().get(datastore, "")
        found = []
        for name in integrations:
            sight = loaded(ledger.notes.get(name, _seen(key)), Sight) or Sight()
            taken = loaded(ledger.notes.get(name, _reading(key)), _Taken)
            found.append(sight.with_newer(taken.sight) if taken else sight)
        return cls(found, ledger.events.newest_noted(datastore), ledger.clock())

    def of_container(self, number: int, name: str, text: str) -> Standing:
        """Where a container stands that looks like this: every integration's runs have seen it so, or a run
        that is to read it is awaited, or neither."""
        return self._standing(self._prints(number), text, self._told_at(name))

    def of_score(self, text: str) -> Standing:
        """The same of the datastore's own score, which every run reads and pushes."""
        at = max(self._noted.values(), default=0.0)
        return self._standing([sight.score for sight in self._sights], text, at)

    def contradicts(self, number: int, name: str, text: str) -> bool:
        """Whether a run saw a container otherwise, and no event has been noted since."""
        return _otherwise(self._prints(number), text, self._told_at(name))

    def _prints(self, number: int) -> list[Print | None]:
        return [sight.containers.get(number) for sight in self._sights]

    def _told_at(self, name: str) -> float:
        return max(self._noted.get(name, 0.0), self._noted.get("", 0.0))

    def _standing(self, prints: Sequence[Print | None], text: str, told_at: float) -> Standing:
        if prints and all(one is not None and one.pushed and one.text == text for one in prints):
            return "seen"
        if not prints or _otherwise(prints, text, told_at):
            return "news"
        since = max([told_at, *(one.at for one in prints if one is not None and not one.pushed)])
        return "awaited" if self._now - since < AWAIT else "news"


def _otherwise(prints: Sequence[Print | None], text: str, told_at: float) -> bool:
    return any(one is not None and one.text != text and one.at > told_at for one in prints)


def _pushed(one: Print) -> Print:
    return msgspec.structs.replace(one, pushed=True)


class Standings:
    """Where what a look found stands by the sights of a datastore. Pure."""

    def __init__(self, now: Memory, sights: Sights) -> None:
        self._now = now
        self._sights = sights
        self._prints = prints_of(now)
        self._ids: dict[str, list[int]] = {}
        for number, (name, _) in now.containers.items():
            self._ids.setdefault(name, []).append(number)

    def of(self, one: Difference) -> Standing:
        """Of a difference; one that concerns the whole datastore is news."""
        return self._sights.of_score(self._now.score) if one.is_score else self.of_name(one.container)

    def contradicted(self) -> list[Difference]:
        """Containers that some run saw otherwise when it last read them, and that no event told of since."""
        return [
            Difference("container", number, "changed", name, number)
            for number, (name, _) in self._now.containers.items()
            if self._sights.contradicts(number, name, self._prints[number])
        ]

    def of_name(self, name: str) -> Standing:
        """Of whatever containers have this name; of none, it is news."""
        standings = {
            self._sights.of_container(number, name, self._prints[number])
            for number in self._ids.get(name, ())
        }
        return next((one for one in ("news", "awaited", "seen") if one in standings), "news")


def _seen(key: str) -> str:
    return f"seen:{key}"


def _reading(key: str) -> str:
    return f"reading:{key}"
