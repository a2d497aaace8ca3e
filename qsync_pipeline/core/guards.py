"""Guards: what is too much to do without asking (DESIGN.md §5.5), and what is not worth repeating.

Three things are watched, for each datastore and surface by itself: removals, values of people that ours would
overwrite (drift that is reset), and alerts that are cleared. Above both its limits, share and number, the
lines of that kind wait; all others go on. What waits has fingerprints and a code to approve it by.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from qsync_pipeline.core.rows import Change
from qsync_pipeline.core.rules import Bounds, GuardRules

Kind = Literal["removal", "overwrite", "clearing"]

_WOULD: dict[Kind, str] = {
    "removal": "{items} of {held} would be removed",
    "overwrite": "{items} of {held} were changed by people and would be set again",
    "clearing": "{items} of {held} alerts would be cleared",
}


@dataclass(frozen=True)
class Parked:
    """A scope of which lines wait for approval, with the numbers.

    ``lines`` are the fingerprints of what waits, ``code`` theirs all together; ``passed`` those that wait no
    longer because they were approved. Where only such are left, ``items`` is 0.
    """

    surface: str
    items: int
    held: int
    reason: str
    code: str = ""
    lines: tuple[str, ...] = ()
    passed: tuple[str, ...] = ()


def fingerprint(change: Change) -> str:
    """What tells a line that waits from all others: what is done where, and to which value of a person.

    What ours would become is left out: a score that moved on makes no other line of it.
    """
    before = None if change.action == "remove" else change.before
    said = msgspec.json.encode([change.surface, change.action, change.target, change.key, before])
    return hashlib.blake2s(said, digest_size=8).hexdigest()


def code_of(place: str, lines: Iterable[str]) -> str:
    """The code of all lines that wait in one scope; ``place`` is the scope."""
    text = "\n".join([place, *sorted(lines)])
    return hashlib.blake2s(text.encode(), digest_size=4).hexdigest()


def park(
    changes: Sequence[Change],
    held: Mapping[str, int],
    rules: GuardRules,
    *,
    emptied: Iterable[str] = (),
    approved: Mapping[str, Collection[str]] | None = None,
    place: str = "",
) -> tuple[list[Change], list[Parked]]:
    """Park the lines of every surface and kind that go above both limits, and removals of what reads nothing.

    ``held`` counts what the ledger holds per surface of this datastore; ``emptied`` names surfaces whose
    scope held rows and now reads none; ``approved`` are fingerprints that may pass, by surface; ``place``
    goes into the codes. Everything else goes on. Returns the changes in their order.
    """
    counts = Counter((change.surface, kind) for change in changes if (kind := _kind(change)))
    hollow = frozenset(emptied)
    tripped: dict[str, dict[Kind, str]] = {}
    for (surface, kind), items in counts.items():
        total = max(held.get(surface, 0), items)
        if reason := _reason(kind, items, total, rules, hollow=surface in hollow):
            tripped.setdefault(surface, {})[kind] = reason
    parked: dict[str, Parked] = {}
    waiting: dict[int, str] = {}
    """By position of a line that waits: its surface."""
    passed: set[int] = set()
    for surface, kinds in tripped.items():
        stopped, through = _sort(changes, surface, kinds, (approved or {}).get(surface, ()))
        waiting |= dict.fromkeys(stopped, surface)
        passed.update(through)
        parked[surface] = _scope(changes, surface, kinds, stopped, through, held, place)
    result = []
    for position, change in enumerate(changes):
        if position in waiting:
            reason = f"{change.reason}; {parked[waiting[position]].reason}"
            change = msgspec.structs.replace(change, status="parked", reason=reason)
        elif position in passed:
            change = msgspec.structs.replace(change, reason=f"{change.reason}; approved")
        result.append(change)
    return result, list(parked.values())


def _reason(kind: Kind, items: int, total: int, rules: GuardRules, *, hollow: bool) -> str:
    """Why lines of a kind wait, or nothing."""
    if kind == "removal" and hollow:
        return f"the scope held {total} and reads none: {items} removals"
    bounds = _bounds(kind, rules)
    if items <= bounds.items or items <= bounds.share * total:
        return ""
    would = _WOULD[kind].format(items=items, held=total)
    return f"{would}, more than {bounds.share:.0%} and {bounds.items} items"


def _bounds(kind: Kind, rules: GuardRules) -> Bounds:
    if kind == "overwrite":
        return rules.overwrites
    return rules.clearings if kind == "clearing" else Bounds(rules.share, rules.items)


def _sort(
    changes: Sequence[Change], surface: str, kinds: Collection[Kind], approved: Collection[str]
) -> tuple[list[int], list[int]]:
    """Positions of the lines that wait, and of those that were approved.

    A copy waits with its origin; one whose origin is no line of this plan is approved by its own fingerprint.
    """
    stopped: list[int] = []
    through: list[int] = []
    origins: set[tuple[str, str]] = set()
    copies: list[int] = []
    for position, change in enumerate(changes):
        if change.surface != surface:
            continue
        if _kind(change) in kinds:
            if fingerprint(change) in approved:
                through.append(position)
                origins.add((change.target, change.key))
            else:
                stopped.append(position)
        elif "removal" in kinds and _is_copy(change):
            copies.append(position)
    waiting = {(changes[position].target, changes[position].key) for position in stopped}
    for position in copies:
        copy = changes[position]
        origin = (str(copy.extra["copy_of"]), copy.key)
        passes = origin in origins or (origin not in waiting and fingerprint(copy) in approved)
        (through if passes else stopped).append(position)
    return sorted(stopped), sorted(through)


def _scope(
    changes: Sequence[Change],
    surface: str,
    kinds: Mapping[Kind, str],
    stopped: Sequence[int],
    through: Sequence[int],
    held: Mapping[str, int],
    place: str,
) -> Parked:
    items = sum(1 for position in stopped if _kind(changes[position]))
    lines = tuple(fingerprint(changes[position]) for position in stopped)
    passed = tuple(fingerprint(changes[position]) for position in through)
    total = max(held.get(surface, 0), items)
    if not lines:
        return Parked(surface, 0, total, "", passed=passed)
    code = code_of(f"{place}/{surface}", lines)
    why = "; ".join(kinds.values())
    if passed:
        through_items = sum(1 for position in through if _kind(changes[position]))
        why += f"; {through_items} of them were approved, {items or len(lines)} were not"
    reason = f"{why}: they wait for approval (qsync approve {code})"
    return Parked(surface, items, total, reason, code, lines, passed)


def _kind(change: Change) -> Kind | None:
    """Which limit a line counts against, if any."""
    if change.status != "planned" or change.extra.get("exempt") or _is_copy(change):
        return None
    if change.action == "remove":
        return "removal"
    if change.action in ("create", "update") and change.extra.get("drift"):
        return "overwrite"
    return "clearing" if change.action == "update" and change.after is None else None


def _is_copy(change: Change) -> bool:
    """A cascade copy goes or waits with its origin, and is no removal of its own."""
    return (
        change.action == "remove"
        and change.status == "planned"
        and bool(change.extra.get("copy_of"))
        and not change.extra.get("exempt")
    )


def hold_back(changes: Sequence[Change], reason_for: Callable[[Change], str | None]) -> list[Change]:
    """Skip the planned writes for which there is a reason not to try them now."""
    result = []
    for change in changes:
        reason = reason_for(change) if change.status == "planned" and change.action != "note" else None
        result.append(msgspec.structs.replace(change, status="skipped", reason=reason) if reason else change)
    return result
