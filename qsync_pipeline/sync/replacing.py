"""Lists of tags on Qualytics objects, replaced so that nobody's tag is lost (DESIGN.md §5.2).

The API replaces an object's whole list, with no version check. What a person changes on an object between our
reading and our writing it is lost, and nothing could tell: so nothing lies between the two, neither a wait
nor a retry (``HttpSession.together``), and up to :data:`FEW` objects go one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import msgspec

from qsync_pipeline.core.names import tag_key
from qsync_pipeline.core.rows import Change, Outcome
from qsync_pipeline.core.tag_definition import ID
from qsync_pipeline.core.tag_lines import HELD_BY
from qsync_pipeline.interrupts import finished_first
from qsync_pipeline.qualytics.models import GlobalTag
from qsync_pipeline.sync.claiming import Held
from qsync_pipeline.sync.refusals import remember_qualytics_refusal
from qsync_pipeline.sync.run import Run
from qsync_pipeline.sync.settling import Tally, rejections
from qsync_pipeline.transport.errors import NotFound, OutsideError, Unauthorized, Unreachable

FEW = 200
"""Objects of a datastore up to which each is read and written by itself: whatever follows a person's work. A
first sync of more would take twice as long."""
CHUNK = 24
"""Objects of one bulk write beyond that: as few as three rounds of reads (eight at once) take in, because
what a person changes meanwhile is lost. Bigger ones would save hardly any time."""


def calls_for(objects: int) -> int:
    """The writes that so many tables or fields of a datastore take, and the rounds of reading before them."""
    return objects if objects <= FEW else -(-objects // CHUNK)


class Tagged(Protocol):
    """A Qualytics object as far as tags go."""

    @property
    def id(self) -> int: ...
    @property
    def tags(self) -> list[GlobalTag]: ...
    @property
    def shows_tags(self) -> bool: ...


Read = Callable[[Sequence[int]], Iterable[Tagged]]
Send = Callable[[Sequence[tuple[int, Sequence[str]]]], Iterable[Tagged]]


@dataclass(frozen=True)
class _Replaced:
    """What one write was: its changes and the answer, by object, and the changes that needed none."""

    live: dict[int, list[Change]]
    answered: dict[int, Tagged]
    needless: list[Outcome]


class TagLists:
    """Replaces lists of tags in one datastore, under its claim; every outcome goes to ``tally``.

    Only names that it was told of by :meth:`learn` are ever sent.
    """

    def __init__(self, run: Run, key: str, tally: Tally, claim: Held) -> None:
        self.run = run
        self.key = key
        self.tally = tally
        self.claim = claim
        self._names: frozenset[str] = frozenset()
        self._refused = False
        """Whether what we are allowed to has been noted, after a refusal."""

    @cached_property
    def actor(self) -> str:
        """Who we are in Qualytics, for the journal."""
        me = self.run.qualytics.me()
        return str(me.name or me.email or me.user_id or me.id or "")

    def learn(self, tags: Sequence[GlobalTag]) -> None:
        """The definitions that there are."""
        self._names = frozenset(tag.name for tag in tags)

    def note_refusal(self, error_class: str) -> None:
        """The first time that Qualytics lets us know that we may not: what we are allowed to is noted."""
        if error_class == "permission" and not self._refused:
            self._refused = True
            remember_qualytics_refusal(self.run)

    def replace(self, groups: dict[int, list[Change]], read: Read, send: Send) -> None:
        """The tags of objects of one kind, with one transaction of the ledger before and after each chunk."""
        size = 1 if len(groups) <= FEW else CHUNK
        for chunk in _parts(groups, CHUNK):
            self._chunk(list(_parts(chunk, size)), read, send)

    @finished_first()
    def _chunk(self, parts: Sequence[dict[int, list[Change]]], read: Read, send: Send) -> None:
        self.claim.fence()
        intended = [change for part in parts for changes in part.values() for change in changes]
        self.run.ledger.intend(self.run.run_id, self.run.name, self.key, intended)
        outcomes: list[Outcome] = []
        try:
            for part in parts:
                outcomes += self._replace(part, read, send)
        finally:
            written = [one for one in outcomes if one.outcome == "applied"]
            self.tally.settle(written, actor=self.actor if written else None)
            self.tally.settle([one for one in outcomes if one.outcome != "applied"])
            back = [one.change for one in outcomes if one.outcome in ("applied", "unchanged")]
            for holder, theirs in for_others(back).items():
                stand = [Outcome(change, "unchanged", change.reason) for change in theirs]
                self.run.ledger.settle(self.run.run_id, holder, self.key, stand)

    def _replace(self, groups: dict[int, list[Change]], read: Read, send: Send) -> list[Outcome]:
        """Read again, merge, write, read back; a refused batch is split until the bad one is alone."""
        sent: set[int] = set()
        unread = False

        def cycle() -> _Replaced:
            nonlocal unread
            unread = bool(sent)
            try:
                current = {row.id: row for row in read(list(groups))}
            except NotFound:
                current = {}
            unread = False
            names, live, needless = self._merge_all(groups, current, sent)
            sent.update(live)
            answered = send(list(names.items())) if names else ()
            return _Replaced(live, {row.id: row for row in answered if row.shows_tags}, needless)

        try:
            done = self.run.qualytics.session.together(2, cycle)
        except (Unauthorized, Unreachable):
            raise
        except OutsideError as error:
            if not sent:
                raise
            if len(groups) == 1:
                # What could not be read after a write without an answer may carry it.
                error_class = "server" if unread else error.rejection_class
                self.note_refusal(error_class)
                flat = [change for changes in groups.values() for change in changes]
                return rejections(flat, error, error_class)
            halves = _parts(groups, -(-len(groups) // 2))
            return [outcome for half in halves for outcome in self._replace(half, read, send)]
        missing = [number for number in done.live if number not in done.answered]
        answered = done.answered | ({row.id: row for row in read(missing)} if missing else {})
        confirmed = [
            self._confirm(change, answered.get(number))
            for number, changes in done.live.items()
            for change in changes
        ]
        return done.needless + confirmed

    def _merge_all(
        self, groups: dict[int, list[Change]], current: Mapping[int, Tagged], sent: Collection[int]
    ) -> tuple[dict[int, list[str]], dict[int, list[Change]], list[Outcome]]:
        """The lists to write, the changes that they carry, and what became of the others.

        ``sent`` names the objects that were written once without an answer: what shows there now is ours.
        """
        names: dict[int, list[str]] = {}
        live: dict[int, list[Change]] = {}
        needless: list[Outcome] = []
        for number, changes in groups.items():
            if number not in current:
                reason = "the object is gone or out of sight"
                needless += [Outcome(change, "skipped", reason, "missing") for change in changes]
                continue
            merged, done = self._merge(current[number].tags, changes)
            left = [change for change in changes if all(change is not one.change for one in done)]
            if left:
                names[number], live[number] = merged, left
            if number in sent:
                done = [
                    Outcome(one.change, "applied", one.change.reason) if one.outcome == "unchanged" else one
                    for one in done
                ]
            needless += map(_as_a_copy, done)
        return names, live, needless

    def _merge(self, tags: Sequence[GlobalTag], changes: Sequence[Change]) -> tuple[list[str], list[Outcome]]:
        """The list to write, and the changes that need no write after all."""
        # Tags that differ by case only are one to us; a person may well have put on both, and keeps theirs.
        # What is held on to is put back by its own name: it stood beside theirs.
        ids = {tag.name: tag.id for tag in tags}
        names = ids.keys()
        there = {tag_key(name) for name in names}
        wanted = [tag.name for tag in tags if tag.name in self._names]
        done: list[Outcome] = []
        for change in changes:
            if change.action == "remove":
                there_is = ids.get(change.before)
                if there_is is None or change.extra.get(ID, there_is) != there_is:
                    # Off, though there may be one of that name whose definition was made anew meanwhile.
                    done.append(Outcome(change, "unchanged", "already off"))
                else:
                    wanted = [name for name in wanted if name != change.before]
            elif change.after in names or (change.key in there and not change.extra.get("held_on")):
                done.append(Outcome(change, "unchanged", "already on"))
            elif change.after not in self._names:
                reason = "its definition was deleted meanwhile; the next sync makes it again"
                done.append(Outcome(change, "skipped", reason, "missing"))
            else:
                wanted.append(change.after)
        return wanted, done

    def _confirm(self, change: Change, row: Tagged | None) -> Outcome:
        names = {tag.name for tag in row.tags} if row is not None else set()
        keys = {tag_key(name) for name in names}
        shown = change.before in names if change.action == "remove" else change.key in keys
        if row is not None and shown == (change.action != "remove"):
            return Outcome(change, "applied", change.reason)
        return Outcome(change, "rejected", "read back, the object does not show it", "conflict")


def for_others(changes: Iterable[Change]) -> dict[str, list[Change]]:
    """What is put back for other integrations, as lines of theirs: by them, what each of them holds there."""
    found: dict[str, list[Change]] = {}
    for change in changes:
        for holder in change.extra.get(HELD_BY, ()):
            found.setdefault(holder, []).append(msgspec.structs.replace(change, extra={}))
    return found


def _as_a_copy(outcome: Outcome) -> Outcome:
    """What was on already when its turn came may have come down from above in this run: it is held as what
    may go with its origin. So is what is held on to and was not written here before."""
    change = outcome.change
    if outcome.outcome != "unchanged" or change.action != "create":
        return outcome
    if change.extra.get("held_on") and "came_down" not in change.extra:
        return outcome
    noted = msgspec.structs.replace(change, extra={**change.extra, "came_down": True})
    return msgspec.structs.replace(outcome, change=noted)


def _parts(groups: dict[int, list[Change]], size: int) -> Iterable[dict[int, list[Change]]]:
    numbers = list(groups)
    for start in range(0, len(numbers), size):
        yield {number: groups[number] for number in numbers[start : start + size]}
