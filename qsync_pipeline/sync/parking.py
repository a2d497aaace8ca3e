"""What waits for approval: asked of the guards with the ledger's approvals, and noted in the ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

from qsync_pipeline.core.guards import Parked, code_of, fingerprint, park
from qsync_pipeline.core.rows import Change, is_left_off
from qsync_pipeline.ledger import Holding
from qsync_pipeline.sync.rules import guard_rules
from qsync_pipeline.sync.run import Run

GONE = "Qualytics no longer lists the datastore, and it is gone: what is ours on it"
OUT_OF_SIGHT = (
    "Qualytics no longer lists the datastore, and does not say that it is gone: what is ours on it waits "
    "until it is in sight again, or is withdrawn (qsync retire)"
)


def guarded(
    run: Run,
    key: str,
    changes: Sequence[Change],
    held: Mapping[str, int],
    emptied: Iterable[str],
    *,
    scoped: bool,
) -> tuple[list[Change], list[Parked]]:
    """The lines of one datastore as the guards let them go; what was approved passes.

    What waits already is not let go table by table: in a ``scoped`` run it waits on.
    """
    surfaces = {change.surface for change in changes}
    approved = approvals(run, key, surfaces)
    place = f"{run.name}/{key}"
    rules = guard_rules(run.integration)
    lines, parked = park(changes, held, rules, emptied=emptied, approved=approved, place=place)
    if not scoped:
        return lines, parked
    by_surface = {one.surface: one for one in parked}
    entries = run.ledger.parked.on(run.name, key)
    for surface in surfaces:
        known = entries.get(surface)
        waiting = set(known.lines) - set(known.approved) if known is not None else set()
        if known is None or not waiting:
            continue
        for place_of, change in enumerate(lines):
            if change.surface != surface or change.status != "planned" or fingerprint(change) not in waiting:
                continue
            lines[place_of] = replace(change, status="parked", reason=f"{change.reason}; {known.reason}")
            by_surface.setdefault(
                surface, Parked(surface, len(known.items), held.get(surface, 0), known.reason, known.code)
            )
    return lines, list(by_surface.values())


def approvals(run: Run, key: str, surfaces: Iterable[str]) -> dict[str, frozenset[str]]:
    """Fingerprints that were approved, by surface; codes that this run was given are approved first."""
    _ = run.approved_now
    entries = run.ledger.parked.on(run.name, key)
    return {surface: frozenset(entries[surface].approved) for surface in surfaces if surface in entries}


def park_vanished(
    run: Run, key: str, held: Sequence[Holding], *, gone: bool
) -> tuple[list[Change], list[Parked], list[Holding]]:
    """What we hold on a datastore that Qualytics no longer lists: lines that wait, scopes, what was approved.

    Only what is proved to be ``gone`` can be approved. The approved holdings are the caller's to withdraw.
    What is left off is nothing of ours: it waits for nobody.
    """
    ours = [row for row in held if not is_left_off(row)]
    passing = approvals(run, key, {row.surface for row in ours}) if gone else {}
    waiting: list[Change] = []
    approved: list[Holding] = [row for row in held if gone and is_left_off(row)]
    for row in ours:
        name = str(row.extra.get("qualified_name") or row.target)
        change = Change(row.surface, "remove", row.target, name, row.key, before=row.value)
        if fingerprint(change) in passing.get(row.surface, ()):
            approved.append(row)
        else:
            waiting.append(change)
    scopes: dict[str, Parked] = {}
    totals = Counter(row.surface for row in ours)
    for surface, total in totals.items():
        lines = tuple(fingerprint(change) for change in waiting if change.surface == surface)
        passed = tuple(passing.get(surface, frozenset()))
        code = code_of(f"{run.name}/{key}/{surface}", lines) if gone and lines else ""
        reason = f"{GONE} waits for approval (qsync approve {code})" if gone else OUT_OF_SIGHT
        scopes[surface] = Parked(surface, len(lines), total, reason if lines else "", code, lines, passed)
    lines_ = [replace(one, status="parked", reason=scopes[one.surface].reason) for one in waiting]
    return lines_, list(scopes.values()), approved


def waiting_removals(run: Run, integrations: Iterable[str], surface: str) -> set[tuple[str, str, str]]:
    """What is held on a surface and unwanted, and waits for approval to go: (integration, target, key)."""
    found: set[tuple[str, str, str]] = set()
    for name in integrations:
        for scope in run.ledger.parked.of(name):
            if scope.surface != surface or not scope.code:
                continue
            waiting = frozenset(scope.lines)
            for row in run.ledger.holdings.of(scope.datastore, integration=name, surface=surface):
                removal = Change(surface, "remove", row.target, row.target, row.key)
                if fingerprint(removal) in waiting:
                    found.add((name, row.target, row.key))
    return found


def note_parked(
    run: Run,
    key: str,
    surfaces: Sequence[str],
    changes: Sequence[Change],
    parked: Sequence[Parked],
    *,
    scoped: bool,
) -> None:
    """Bring the ledger's list of parked scopes up to date.

    A scope that no longer parks is taken off, and with it its approval: that is how one is used up. A run of
    a few tables says nothing of what waits in the rest, so it adds to what is there and clears nothing.
    """
    if run.dry_run or run.ledger.read_only:
        return
    by_surface = {one.surface: one for one in parked}
    entries = run.ledger.parked.on(run.name, key)
    for surface in surfaces:
        here = by_surface.get(surface)
        known = entries.get(surface)
        if here is None:
            if known is not None and not scoped:
                run.ledger.parked.clear(run.name, key, surface)
            continue
        names = {c.name for c in changes if c.surface == surface and c.status == "parked"}
        lines, approved = set(here.lines), set(here.passed)
        if known is not None and scoped:
            names |= set(known.items)
            approved |= set(known.approved)
            lines |= set(known.lines) - approved
        code = here.code
        if set(here.lines) != lines:
            code = code_of(f"{run.name}/{key}/{surface}", lines)
        elif not lines and known is not None:
            code = known.code  # nothing waits: the code that let it through stays known until it is through
        reason = here.reason.replace(here.code, code) if here.code else here.reason
        run.ledger.parked.put(
            run.name,
            key,
            surface,
            sorted(names),
            reason or (known.reason if known is not None else ""),
            run.run_id,
            code=code,
            lines=lines,
            approved=approved,
            approved_at=known.approved_at if known is not None and approved else None,
        )
