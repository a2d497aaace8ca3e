"""First contact: one object is written, read back and restored before anything else (DESIGN.md §5.5).

The API documents that a tag write leaves everything else alone. On a deployment that we never wrote to, that
is tried on one object first: if anything foreign on it changes, the pull stops and shows the difference.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import msgspec

from qsync_pipeline.core.names import tag_key
from qsync_pipeline.core.rows import Change, Outcome
from qsync_pipeline.interrupts import finished_first
from qsync_pipeline.qualytics.client import QualyticsClient
from qsync_pipeline.sync.run import Run
from qsync_pipeline.transport.answers import Id
from qsync_pipeline.transport.errors import Malformed, SyncError

DONE = "first_pull_done"
"""Ledger note of the integration: the canary has passed."""

MOVING = frozenset(
    {"global_tags", "updated", "last_editor", "last_updated", "metrics", "weight", "quality_score"}
)
"""Keys that a tag write may change: the tags, who edited when, and what is computed from tag weights."""

TRIAL = "first contact: written, read back and taken off again, before the rest (two writes of their own)"

_ORDER = ("field", "container", "datastore")
"""A field first: nothing lies below it that a cascade could reach."""


class ForeignChange(SyncError):
    """A tag write changed something else, or could not be taken back."""


@finished_first()
def try_first(run: Run, datastore: str, changes: Sequence[Change], names: Collection[str]) -> Outcome | None:
    """Prove on one object that a tag write changes the tags alone; once per integration.

    ``names`` are those of the definitions that there are: of tags that differ by case or spaces only, the one
    that the plan speaks of is tried. Returns the trial, which the journal has too: it took two writes beside
    those of the plan. Null where nothing was written. Raises :class:`ForeignChange` with the difference.
    """
    if run.ledger.notes.get(run.name, DONE, False):
        return None
    change = _candidate([change for change in changes if change.action == "create" and change.after in names])
    if change is None:
        return None
    trial = None
    level, _, number = change.target.partition(":")
    client, id_ = run.qualytics, int(number)
    if change.key not in {tag_key(name) for name in _names(_raw(client, level, id_))}:
        tag = str(change.after)
        # Noted first: should the run die before the tag is taken off again, the next one knows it for ours.
        run.ledger.intend(run.run_id, run.name, datastore, [change])
        before, put = _change(client, level, id_, lambda there: [*there, tag])
        written = _raw(client, level, id_)
        # Back to what is there now without ours, not to what was there before: a person may have tagged.
        _, back = _change(client, level, id_, lambda there: [name for name in there if name != tag])
        restored = _raw(client, level, id_)
        trial = Outcome(change, "skipped", TRIAL)
        run.ledger.settle(run.run_id, run.name, datastore, [trial])
        moved = _difference(before, written) + _difference(before, restored)
        left = _names(restored)
        if tag in left or set(back) - set(left):
            there = sorted(name for name in put if name != tag)
            moved.append(f"tags: {there} before, {sorted(left)} after they were restored")
        if moved:
            raise ForeignChange(
                f"first contact with {change.name}: writing one tag changed something else, so the pull "
                f"stops; {'; '.join(dict.fromkeys(moved))}. Ask the deployment's owner before going on"
            )
        run.say(f"first contact: one tag was written on {change.name}, read back and taken off again")
    run.ledger.notes.put(run.name, DONE, True)
    return trial


def _candidate(changes: Sequence[Change]) -> Change | None:
    """The write to try: one that would be made in just this way anyhow, so that a run that dies here has
    done nothing else. A tag that also comes from above would arrive as a copy."""
    levels = {id(change): change.target.partition(":")[0] for change in changes}
    for position, level in enumerate(_ORDER):
        from_above = {change.key for change in changes if levels[id(change)] in _ORDER[position + 1 :]}
        for change in changes:
            if levels[id(change)] == level and change.key not in from_above:
                return change
    return None


class _Tag(msgspec.Struct):
    name: str


class _Told(msgspec.Struct):
    """What has to be told of an object whose list of tags is replaced; null is none, and no key is not."""

    id: Id
    global_tags: list[_Tag] | None


def _raw(client: QualyticsClient, level: str, number: int) -> dict[str, Any]:
    answer = client.session.request("GET", f"/{level}s/{number}", kind="read", route=f"/{level}s/{{id}}")
    try:
        whole = msgspec.convert(answer, _Told).id == number
    except msgspec.ValidationError:
        whole = False
    if not whole:
        told = f"{client.session.system}: {level} {number} was answered without its id or its global_tags"
        raise Malformed(f"{told}, and left alone", system=client.session.system, status=200)
    found: dict[str, Any] = answer
    return found


def _names(answer: dict[str, Any]) -> list[str]:
    return [str(tag["name"]) for tag in answer["global_tags"] or ()]


def _change(
    client: QualyticsClient, level: str, number: int, wanted: Callable[[list[str]], list[str]]
) -> tuple[dict[str, Any], list[str]]:
    """Read an object and replace its list of tags, with nothing in between; what was read, and the list."""

    def cycle() -> tuple[dict[str, Any], list[str]]:
        before = _raw(client, level, number)
        names = wanted(_names(before))
        _set(client, level, number, names)
        return before, names

    return client.session.together(2, cycle)


def _set(client: QualyticsClient, level: str, number: int, names: Sequence[str]) -> None:
    if level == "field":
        client.set_field_tags([(number, names)])
    elif level == "container":
        client.set_container_tags([(number, names)])
    else:
        client.set_datastore_tags(client.datastore(number), names)


def _difference(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    return [
        f"{key}: {before.get(key)!r} before, {after.get(key)!r} after"
        for key in sorted({*before, *after} - MOVING)
        if before.get(key) != after.get(key)
    ]
