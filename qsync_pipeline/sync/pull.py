"""Stage: catalog tags onto Qualytics objects (DESIGN.md §5.2).

The API replaces an object's whole list of tags, with no version check, and turns a name it does not know
into a new global tag. So every object is read again just before it is written, merged, written, and read
back; a name whose definition went meanwhile is dropped.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Protocol

from qsync_pipeline.core import definitions
from qsync_pipeline.core.names import tag_key
from qsync_pipeline.core.rows import Change, Outcome
from qsync_pipeline.core.tables import Table
from qsync_pipeline.interrupts import finished_first
from qsync_pipeline.qualytics.models import Datastore, Field, GlobalTag
from qsync_pipeline.sync.claiming import ALL_INTEGRATIONS, Held, claimed
from qsync_pipeline.sync.first_contact import try_first
from qsync_pipeline.sync.overtaken import Replan, leave_word, overtaken
from qsync_pipeline.sync.refusals import remember_qualytics_refusal
from qsync_pipeline.sync.run import Run
from qsync_pipeline.sync.settling import Tally, class_of
from qsync_pipeline.sync.tag_definitions import adopt_definitions, apply_definition
from qsync_pipeline.transport.errors import NotFound, OutsideError, Unauthorized, Unreachable
from qsync_pipeline.transport.paging import parallel_map

STAGE = "external_tags"
CHUNK = 24
"""Objects of one bulk write. What a person changes between our reading them and our writing them is lost, so
it is as few as three rounds of reads (eight at once) take in: bigger batches would save hardly any time."""


class Tagged(Protocol):
    """A Qualytics object as far as tags go."""

    @property
    def id(self) -> int: ...
    @property
    def tags(self) -> list[GlobalTag]: ...


def apply_tags(run: Run, key: str, plan: Table[Change], *, replan: Replan | None = None) -> Tally:
    """Carry out the tag plan of one datastore; when this returns, the ledger has every outcome.

    ``replan`` makes another plan where other runs have written since this one was made; without it, it is
    carried out all the same.
    """
    todo = [change for change in plan.rows if change.status == "planned"]
    if run.held:
        tally = Tally(run, key, plan.meta["unchanged"])
        tally.pass_over(plan.rows)
        tally.settle([Outcome(change, "parked", run.held) for change in todo])
        return tally
    if run.adopt:
        adopt_definitions(run)
    if not todo and not (replan and overtaken(run, key, plan)):
        tally = Tally(run, key, plan.meta["unchanged"])
        tally.pass_over(plan.rows)
        return tally
    with claimed(run, ALL_INTEGRATIONS, key) as claim:
        return _carry_out(run, key, plan, replan, claim)


def _carry_out(run: Run, key: str, plan: Table[Change], replan: Replan | None, claim: Held) -> Tally:
    why = overtaken(run, key, plan) if replan else ""
    if replan and why:
        plan = replan(key)
    tally = Tally(run, key, plan.meta["unchanged"])
    tally.pass_over(plan.rows)
    if why:
        run.say(f"{key}: {why}; planned anew")
        tally.reasons[f"beside the plan: planned anew, because {why}"] += 1
    todo = [change for change in plan.rows if change.status == "planned"]
    if todo:
        leave_word(run, key)
        notes = [change for change in todo if change.action == "note"]
        tally.settle([Outcome(change, "unchanged", change.reason) for change in notes])
        containers = {int(field): number for field, number in plan.meta.get("containers", {}).items()}
        writes = [change for change in todo if change.action != "note"]
        _Writer(run, key, tally, claim, containers).write(writes)
        leave_word(run, key)
    return tally


class _Writer:
    def __init__(self, run: Run, key: str, tally: Tally, claim: Held, containers: Mapping[int, int]) -> None:
        """``containers`` tells which container a field is in."""
        self.containers = containers
        self.run = run
        self.key = key
        self.tally = tally
        self.claim = claim
        self.known: dict[str, GlobalTag] = {}
        self.refused = False
        """Whether what we are allowed to has been noted, after a refusal."""

    @cached_property
    def actor(self) -> str:
        """Who we are in Qualytics, for the journal."""
        me = self.run.qualytics.me()
        return str(me.name or me.email or me.user_id or me.id or "")

    def write(self, changes: Sequence[Change]) -> None:
        book = [change for change in changes if change.surface == definitions.SURFACE]
        assignments = [change for change in changes if change.surface != definitions.SURFACE]
        for change in book:
            if change.action != "remove":
                self._definition(change)
        if assignments:
            self.known = {tag_key(tag.name): tag for tag in self.run.qualytics.global_tags()}
            if trial := try_first(self.run, self.key, assignments, self.known):
                self.tally.reasons[f"beside the plan: {trial.reason}"] += 1
            # A removal takes copies further down with it: all of them, and those that are wanted for
            # themselves, are noted before the first is written, so that a run that dies in between knows
            # the rest for ours.
            noted = [
                change for change in assignments if change.action == "remove" or change.extra.get("held_on")
            ]
            self.run.ledger.intend(self.run.run_id, self.run.name, self.key, noted)
            by_target: dict[str, dict[int, list[Change]]] = defaultdict(lambda: defaultdict(list))
            for change in assignments:
                level, _, number = change.target.partition(":")
                by_target[level][int(number)].append(change)
            self._datastores(by_target["datastore"])
            self._containers(by_target["container"])
            self._fields(by_target["field"])
        for change in book:
            if change.action == "remove":
                self._definition(change)

    @finished_first()
    def _definition(self, change: Change) -> None:
        self.claim.fence()
        outcome = apply_definition(self.run, change)
        self._note_refusal(outcome.error_class)
        self.tally.settle([outcome])

    def _note_refusal(self, error_class: str) -> None:
        """The first time that Qualytics lets us know that we may not: what we are allowed to is noted."""
        if error_class == "permission" and not self.refused:
            self.refused = True
            remember_qualytics_refusal(self.run)

    def _datastores(self, groups: dict[int, list[Change]]) -> None:
        for number, changes in groups.items():
            read: dict[int, Datastore] = {}

            def look(ids: Sequence[int], read: dict[int, Datastore] = read) -> Iterable[Tagged]:
                read.update((number, self.run.qualytics.datastore(number)) for number in ids)
                return read.values()

            def send(
                names: Sequence[tuple[int, Sequence[str]]], read: dict[int, Datastore] = read
            ) -> Iterable[Tagged]:
                return [self.run.qualytics.set_datastore_tags(read[n], tags) for n, tags in names]

            self._batch({number: changes}, look, send)

    def _containers(self, groups: dict[int, list[Change]]) -> None:
        client = self.run.qualytics
        for part in _parts(groups):
            self._batch(part, lambda ids: client.containers_by_id(ids).values(), client.set_container_tags)

    def _fields(self, groups: dict[int, list[Change]]) -> None:
        together = dict(sorted(groups.items(), key=lambda one: self.containers.get(one[0], 0)))
        for part in _parts(together):
            self._batch(part, self._read_fields, self.run.qualytics.set_field_tags)

    def _read_fields(self, ids: Sequence[int]) -> list[Field]:
        """Fields as they are now: those of a container in one call, where it holds several of them."""
        client = self.run.qualytics
        by_container: dict[int, set[int]] = defaultdict(set)
        for number in ids:
            by_container[self.containers.get(number, 0)].add(number)
        whole = [number for number, fields in by_container.items() if number and len(fields) > 1]
        found = [
            row
            for number, rows in zip(
                whole, parallel_map(client.fields, whole, parallel=client.parallel), strict=True
            )
            for row in rows
            if row.id in by_container[number] and row.status != "missing"
        ]
        shown = {row.id for row in found}
        return found + list(client.fields_by_id([number for number in ids if number not in shown]).values())

    @finished_first()
    def _batch(
        self,
        groups: dict[int, list[Change]],
        read: Callable[[Sequence[int]], Iterable[Tagged]],
        send: Callable[[Sequence[tuple[int, Sequence[str]]]], Iterable[Tagged]],
    ) -> None:
        """Read again, merge, write, read back; a refused batch is split until the bad one is alone.

        All that takes time comes before the reading: between that and the write lies nothing.
        """
        self.claim.fence()
        intended = [change for changes in groups.values() for change in changes]
        self.run.ledger.intend(self.run.run_id, self.run.name, self.key, intended)
        try:
            current = {row.id: row for row in read(list(groups))}
        except NotFound:
            current = {}
        merged: dict[int, list[str]] = {}
        live: dict[int, list[Change]] = {}
        needless: list[Outcome] = []
        for number, changes in groups.items():
            if number not in current:
                reason = "the object is gone or out of sight"
                needless += [Outcome(change, "skipped", reason, "missing") for change in changes]
                continue
            names, done = self._merge(current[number].tags, changes)
            needless += done
            left = [change for change in changes if all(change is not one.change for one in done)]
            if left:
                merged[number], live[number] = names, left
        if not merged:
            self.tally.settle(needless)
            return
        flat = [change for changes in live.values() for change in changes]
        try:
            answered = {row.id: row for row in send(list(merged.items()))}
        except (Unauthorized, Unreachable):
            raise
        except OutsideError as error:
            self.tally.settle(needless)
            if len(live) == 1:
                self._note_refusal(class_of(error))
                self.tally.reject(flat, error)
                return
            numbers = list(live)
            for half in (numbers[: len(numbers) // 2], numbers[len(numbers) // 2 :]):
                self._batch({number: live[number] for number in half}, read, send)
            return
        self.tally.settle(needless)
        missing = [number for number in merged if number not in answered]
        if missing:
            answered |= {row.id: row for row in read(missing)}
        for number, changes in live.items():
            row = answered.get(number)
            self.tally.settle([self._confirm(change, row) for change in changes], actor=self.actor)

    def _merge(self, tags: Sequence[GlobalTag], changes: Sequence[Change]) -> tuple[list[str], list[Outcome]]:
        """The list to write, and the changes that need no write after all."""
        there = {tag_key(tag.name): tag.name for tag in tags}
        wanted = {key: name for key, name in there.items() if key in self.known}
        done: list[Outcome] = []
        for change in changes:
            if change.action == "remove":
                wanted.pop(change.key, None)
                if change.key not in there:
                    done.append(Outcome(change, "unchanged", "already off"))
            elif change.key in there:
                done.append(Outcome(change, "unchanged", "already on"))
            elif change.key not in self.known:
                reason = "its definition was deleted meanwhile; the next sync makes it again"
                done.append(Outcome(change, "skipped", reason, "missing"))
            else:
                wanted[change.key] = self.known[change.key].name
        return list(wanted.values()), done

    def _confirm(self, change: Change, row: Tagged | None) -> Outcome:
        keys = {tag_key(tag.name) for tag in row.tags} if row is not None else set()
        if row is not None and (change.key in keys) == (change.action != "remove"):
            return Outcome(change, "applied", change.reason)
        return Outcome(change, "rejected", "read back, the object does not show it", "conflict")


def _parts(groups: dict[int, list[Change]]) -> Iterable[dict[int, list[Change]]]:
    numbers = list(groups)
    for start in range(0, len(numbers), CHUNK):
        yield {number: groups[number] for number in numbers[start : start + CHUNK]}
