"""Guards: what is too much to remove without asking (DESIGN.md §5.5), and what is not worth repeating."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from qsync_pipeline.core.rows import Change
from qsync_pipeline.core.rules import GuardRules


@dataclass(frozen=True)
class Parked:
    """A scope whose removals wait for approval, with the numbers."""

    surface: str
    items: int
    held: int
    reason: str


def park(
    changes: Sequence[Change],
    held: Mapping[str, int],
    rules: GuardRules,
    *,
    emptied: Iterable[str] = (),
) -> tuple[list[Change], list[Parked]]:
    """Park the removals of every surface that goes above both limits, or that suddenly reads nothing.

    ``held`` counts what the ledger holds per surface of this datastore; ``emptied`` names surfaces whose
    scope held rows and now reads none. Everything else goes on. Returns the changes in their order.
    """
    removals: dict[str, int] = {}
    for change in changes:
        if _counts(change):
            removals[change.surface] = removals.get(change.surface, 0) + 1
    parked: dict[str, Parked] = {}
    hollow = frozenset(emptied)
    for surface, items in removals.items():
        total = max(held.get(surface, 0), items)
        if surface in hollow:
            reason = f"the scope held {total} and reads none: {items} removals wait for approval"
            parked[surface] = Parked(surface, items, total, reason)
        elif items > rules.items and items > rules.share * total:
            reason = (
                f"{items} of {total} would be removed, more than {rules.share:.0%} and {rules.items} items: "
                "they wait for approval"
            )
            parked[surface] = Parked(surface, items, total, reason)
    result = [
        msgspec.structs.replace(
            change, status="parked", reason=f"{change.reason}; {parked[change.surface].reason}"
        )
        if change.surface in parked and (_counts(change) or _is_copy(change))
        else change
        for change in changes
    ]
    return result, list(parked.values())


def _counts(change: Change) -> bool:
    return (
        change.action == "remove"
        and change.status == "planned"
        and not change.extra.get("exempt")
        and not _is_copy(change)
    )


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
