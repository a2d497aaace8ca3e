"""Stage: catalog tags onto Qualytics objects (DESIGN.md §5.2).

The API replaces an object's whole list of tags, with no version check, and turns a name it does not know
into a new global tag. So every object is read again just before it is written, merged, written, and read
back; a name whose definition went meanwhile is dropped (:mod:`qsync_pipeline.sync.replacing`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

from qsync_pipeline.core import definitions
from qsync_pipeline.core.rows import Change, Outcome
from qsync_pipeline.core.tables import Table
from qsync_pipeline.core.tag_definition import ID
from qsync_pipeline.interrupts import finished_first
from qsync_pipeline.qualytics.models import Datastore, Field
from qsync_pipeline.sync.claiming import ALL_INTEGRATIONS, Held, claimed
from qsync_pipeline.sync.definition_records import adopt_definitions
from qsync_pipeline.sync.first_contact import try_first
from qsync_pipeline.sync.overtaken import Replan, leave_word, overtaken
from qsync_pipeline.sync.replacing import Tagged, TagLists, for_others
from qsync_pipeline.sync.run import Run
from qsync_pipeline.sync.settling import Tally
from qsync_pipeline.sync.tag_definitions import apply_definition
from qsync_pipeline.transport.paging import parallel_map

STAGE = "external_tags"


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
        self.lists = TagLists(run, key, tally, claim)

    def write(self, changes: Sequence[Change]) -> None:
        book = [change for change in changes if change.surface == definitions.SURFACE]
        assignments = [change for change in changes if change.surface != definitions.SURFACE]
        # What has the name of one that goes takes its place: that one has to be gone by then.
        going = {change.key for change in book if change.action == "remove"}
        for change in book:
            if change.key not in going:
                self._definition(change)
        if assignments:
            tags = self.run.qualytics.global_tags()
            self.lists.learn(tags)
            ids = {tag.name: tag.id for tag in tags}
            assignments = [_of_its_definition(change, ids) for change in assignments]
            if trial := try_first(self.run, self.key, assignments, {tag.name for tag in tags}):
                self.tally.reasons[f"beside the plan: {trial.reason}"] += 1
            # A removal takes copies further down with it: all of them, and those that are wanted for
            # themselves, are noted before the first is written, so that a run that dies in between knows
            # the rest for ours.
            noted = [
                change for change in assignments if change.action == "remove" or change.extra.get("held_on")
            ]
            self.run.ledger.intend(self.run.run_id, self.run.name, self.key, noted)
            for holder, theirs in for_others(noted).items():
                self.run.ledger.intend(self.run.run_id, holder, self.key, theirs)
            by_target: dict[str, dict[int, list[Change]]] = defaultdict(lambda: defaultdict(list))
            for change in assignments:
                level, _, number = change.target.partition(":")
                by_target[level][int(number)].append(change)
            self._datastores(by_target["datastore"])
            self._containers(by_target["container"])
            self._fields(by_target["field"])
        for change in book:
            if change.key in going:
                self._definition(change)

    @finished_first()
    def _definition(self, change: Change) -> None:
        self.claim.fence()
        outcome = apply_definition(self.run, change)
        self.lists.note_refusal(outcome.error_class)
        self.tally.settle([outcome])

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

            self.lists.replace({number: changes}, look, send)

    def _containers(self, groups: dict[int, list[Change]]) -> None:
        client = self.run.qualytics
        self.lists.replace(
            groups, lambda ids: client.containers_by_id(ids).values(), client.set_container_tags
        )

    def _fields(self, groups: dict[int, list[Change]]) -> None:
        together = dict(sorted(groups.items(), key=lambda one: self.containers.get(one[0], 0)))
        self.lists.replace(together, self._read_fields, self.run.qualytics.set_field_tags)

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


def _of_its_definition(change: Change, ids: Mapping[str, int]) -> Change:
    """A tag that is put on tells the definition that it is of, as that is by now: its holding keeps it."""
    if change.action != "create" or change.after not in ids:
        return change
    return replace(change, extra={**change.extra, ID: ids[change.after]})
