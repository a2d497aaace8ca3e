"""What is ours on one object, and how a write changes that. Pure: no database, no clock.

The protocol of a write is *intend*, write, *settle*. :func:`intended` notes what is about to be written
beside what was last confirmed; :func:`settled` makes it the confirmed value, or takes the note back. A
process that dies in between leaves a holding with a pending value: the next run sees both, reads what is
really there, and knows that either value is ours.

Values are replaced whole, except where ``Change.extra["merge"]`` is true and the values are dicts
(attributes): then ``after`` holds only the changed keys, null meaning cleared, and the value becomes the old
one with these laid over it, without its nulls. Nothing left means nothing held.
"""

from __future__ import annotations

from typing import Any

import msgspec

from qsync_pipeline.core.quality import same_value
from qsync_pipeline.core.rows import LEFT_OFF, Change, Outcome
from qsync_pipeline.ledger.jsontext import plain

CONTROL = frozenset({"hold", "merge", "release", "stands", "held_on", "held_by", "look", "drift"})
"""Words of ``Change.extra`` that steer the ledger or a write, and are not kept in a holding's ``extra``."""

_DECIMALS = 9
"""More than any score is written with: what was about to be written was rounded by then."""


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """One value of ours on one object (a :class:`~qsync_pipeline.core.rows.Held` for the planners).

    ``target`` is the unit id (tags) or asset id (pushes), ``key`` the tag's folded name, else empty.
    ``value`` is what we last confirmed there (null: nothing confirmed yet), ``pending`` what a write that
    began and was not settled was to put there (null with ``has_pending``: a removal), ``base`` what was there
    before we first wrote. ``run_id`` is the run that set the value, ``pending_run`` the one that intends.
    """

    integration: str
    surface: str
    target: str
    key: str = ""
    datastore: str
    value: Any = None
    run_id: str
    set_at: float
    pending: Any = None
    has_pending: bool = False
    pending_run: str | None = None
    base: Any = None
    actor: str | None = None
    extra: dict[str, Any] = {}
    confirmed_at: float | None = None


def is_held(change: Change) -> bool:
    """Whether a change concerns the holdings at all (``extra["hold"]`` false: it is journalled only)."""
    return change.extra.get("hold", True) is not False


def intended(
    old: Holding | None, change: Change, *, integration: str, datastore: str, run_id: str, now: float
) -> Holding:
    """The holding once a create, update or remove is about to be written."""
    before, after = plain(change.before), None if change.action == "remove" else plain(change.after)
    merge = _merges(change, after)
    base = _base(old, before, after, merge)
    if old is not None:
        old = _landed(old, before, run_id, merge=merge)
        return msgspec.structs.replace(old, pending=after, has_pending=True, pending_run=run_id, base=base)
    return Holding(
        integration=integration,
        surface=change.surface,
        target=change.target,
        key=change.key,
        datastore=datastore,
        run_id=run_id,
        set_at=now,
        pending=after,
        has_pending=True,
        pending_run=run_id,
        base=base,
        extra=_own_extra(change),
    )


def settled(
    old: Holding | None,
    outcome: Outcome,
    *,
    integration: str,
    datastore: str,
    run_id: str,
    actor: str | None,
    now: float,
) -> Holding | None:
    """The holding after the write, null for none.

    Applied, or found to be so already: the value is ours, or (removal; note with ``extra["release"]``) no
    longer; a note with ``extra["left_off"]`` leaves a holding of nothing. Rejected, skipped or parked: as
    before this run's intention. An intention of another run is not taken back: nobody knows yet whether that
    write landed. Nor is one of this run where that is open (:func:`_is_open`).
    """
    change = outcome.change
    if _is_open(outcome):
        return old
    if outcome.outcome not in ("applied", "unchanged"):
        return _taken_back(old, run_id, merge=_merges(change, change.after))
    if change.action == "remove" or (change.action == "note" and change.extra.get("release")):
        return None
    before, after = plain(change.before), plain(change.after)
    merge = _merges(change, after)
    base = _base(old, before, after, merge)
    value, intention = after, {}
    if old is not None and change.action == "note":
        if old.has_pending and old.pending_run == run_id:
            # A note beside a write of this run on the same object: that write is still to be settled.
            intention = {"pending": old.pending, "has_pending": True, "pending_run": run_id}
        old = _landed(old, before, run_id, merge=merge)
        value = old.value if after is None else after
    left_off = change.action == "note" and bool(change.extra.get(LEFT_OFF))
    if left_off:
        value = None
    if merge:
        value = _merged(old.value if old else None, after)
        base = base if intention else _only(base, value)
    if not intention and not left_off and (value is None or (merge and not value)):
        return None
    as_before = old is not None and outcome.outcome == "unchanged" and old.value == value
    return Holding(
        integration=integration,
        surface=change.surface,
        target=change.target,
        key=change.key,
        datastore=datastore,
        value=value,
        base=base,
        extra={**(old.extra if old else {}), **_own_extra(change)},
        confirmed_at=now,
        run_id=old.run_id if old is not None and as_before else run_id,
        set_at=old.set_at if old is not None and as_before else now,
        actor=actor if actor is not None or old is None else old.actor,
        **intention,
    )


def _taken_back(old: Holding | None, run_id: str, *, merge: bool) -> Holding | None:
    if old is None or not old.has_pending or old.pending_run != run_id:
        return old
    if old.value is None:
        return None
    base = _only(old.base, old.value) if merge else old.base
    return msgspec.structs.replace(old, pending=None, has_pending=False, pending_run=None, base=base)


def _landed(old: Holding, before: Any, run_id: str, *, merge: bool) -> Holding:
    """A write of another run that was never settled, but is seen to have landed, counts as confirmed.

    Seen, because what the plan found there (``before``) is what that write was to put there, as a reader sees
    it; of merged values that is told key by key, and the plan may not speak of all. Without this a rejection
    of the new write would forget that the object carries a value of ours.
    """
    if not old.has_pending or old.pending_run == run_id:
        return old
    if merge and isinstance(old.pending, dict):
        there = before if isinstance(before, dict) else {}
        landed = {
            key: there[key]
            for key, value in old.pending.items()
            if key in there and same_value(value, there[key], _DECIMALS)
        }
        return msgspec.structs.replace(old, value=_merged(old.value, landed) or None)
    return msgspec.structs.replace(old, value=old.pending) if _shows(before, old.pending) else old


def _shows(there: Any, value: Any) -> bool:
    """Whether what stands there is this value; of an alert or a row, each part that the value has."""
    if isinstance(value, dict):
        return isinstance(there, dict) and all(_shows(there.get(key), part) for key, part in value.items())
    return value is not None and same_value(there, value, _DECIMALS)


def _base(old: Holding | None, before: Any, after: Any, merge: bool) -> Any:
    """What was there before us; of merged values key by key, the first time that a key becomes ours."""
    if not merge or not isinstance(after, dict):
        return old.base if old else before
    ours = _keys(old.value) | _keys(old.pending) if old else set()
    fresh = {key: before.get(key) if isinstance(before, dict) else None for key in after if key not in ours}
    return {**(old.base if old and isinstance(old.base, dict) else {}), **fresh}


def _merges(change: Change, after: Any) -> bool:
    return bool(change.extra.get("merge")) and (after is None or isinstance(after, dict))


def _merged(old: Any, after: Any) -> dict[str, Any]:
    both = {**(old if isinstance(old, dict) else {}), **(after or {})}
    return {key: value for key, value in both.items() if value is not None}


def _only(base: Any, value: Any) -> Any:
    return {key: base[key] for key in base if key in value} if isinstance(base, dict) else base


def _keys(value: Any) -> set[str]:
    return set(value) if isinstance(value, dict) else set()


def _is_open(outcome: Outcome) -> bool:
    """Whether a rejection leaves open what was written: an error on their side, no answer in time or one that
    cannot be read (class ``server``); or, of several values, one that was not there when they were read back.
    """
    if outcome.outcome != "rejected":
        return False
    several = _merges(outcome.change, outcome.change.after)
    return outcome.error_class == "server" or (outcome.error_class == "conflict" and several)


def _own_extra(change: Change) -> dict[str, Any]:
    return plain({key: value for key, value in change.extra.items() if key not in CONTROL}) or {}
