"""Stage: the catalog's attribute definitions, made once, by one step, under a lease (DESIGN.md §5.3)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from qsync_pipeline.catalogs.base import DefinitionPlan
from qsync_pipeline.core.domains import domain_scope
from qsync_pipeline.core.mapping import Snapshot
from qsync_pipeline.core.plan import outcome_counts, plan_counts
from qsync_pipeline.core.rows import CatalogAsset, Change, Outcome
from qsync_pipeline.core.tables import Table
from qsync_pipeline.interrupts import finished_first
from qsync_pipeline.ledger.claims import process_alive
from qsync_pipeline.sync.run import Run, error_class
from qsync_pipeline.sync.snapshot import domains_of, place_datastores, read_index
from qsync_pipeline.transport.errors import SyncError

STAGE = "definitions"
SURFACE = "definitions"
LEASE_TTL = 300.0
PATIENCE = 120.0


@dataclass
class DefinitionResult:
    """What the definitions step found, planned and did."""

    plan: DefinitionPlan
    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def changes(self) -> tuple[Change, ...]:
        """What was planned."""
        return self.plan.changes

    @property
    def problems(self) -> tuple[str, ...]:
        """What stands in the way, each with the config line that settles it."""
        return self.plan.problems


def make_definitions(run: Run) -> DefinitionResult:
    """Plan the definitions for the connections in use, and make them unless this is a dry run."""
    try:
        result = _make(run)
    except SyncError as error:
        run.report(STAGE, "", error=str(error), error_class=error_class(error))
        raise
    counts = {
        "plan": plan_counts(result.changes, [SURFACE]),
        "outcome": outcome_counts(result.outcomes, [SURFACE]),
        "problems": list(result.problems),
        # A plan that is saved takes its lines from here: definitions have no table between the steps.
        **({"lines": msgspec.to_builtins(result.changes)} if run.dry_run else {}),
    }
    trouble = "; ".join(result.problems)
    run.report(STAGE, "", counts, error=trouble, error_class="definitions" if trouble else "")
    return result


def _make(run: Run) -> DefinitionResult:
    known = run.ledger.notes.get(run.name, "definitions", {})
    if known and run.scope:
        return DefinitionResult(DefinitionPlan((), (), known))  # a few tables: what was made is used
    given = run.plan_file.of(run.name, STAGE, "") if run.lines else []
    if run.steered and not given:
        return DefinitionResult(DefinitionPlan((), (), known))  # nothing was asked for
    connections = connections_in_use(run, known=bool(known))
    if run.dry_run or run.ledger.read_only or run.direction == "pull":
        plan = run.catalog.plan_definitions(connections, known)
        run.catalog.use_definitions(plan.handle)
        return DefinitionResult(_as_given(plan, given) if given else plan)
    owner = f"{run.host}:{run.pid}:{run.run_id}"
    lease = f"definitions:{run.name}"
    deadline = time.monotonic() + PATIENCE
    while not run.ledger.leases.acquire(lease, owner, ttl=LEASE_TTL):
        holder = run.ledger.leases.holder(lease)
        if holder and _is_dead(holder, run.host):
            run.ledger.leases.release(lease, holder)
            continue
        if time.monotonic() > deadline:
            raise SyncError(
                f"{run.name}: another process ({run.ledger.leases.holder(lease)}) makes definitions"
            )
        time.sleep(0.5)
    try:
        known = run.ledger.notes.get(run.name, "definitions", {})  # by now somebody may have made them
        plan = run.catalog.plan_definitions(connections, known)
        plan = _as_given(plan, given) if given else plan
        outcomes: list[Outcome] = []
        final = plan
        with finished_first():
            if plan.changes and run.held:
                outcomes = [Outcome(change, "parked", run.held) for change in plan.changes]
            elif plan.changes:
                final, made = run.catalog.make_definitions(plan)
                outcomes = list(made)
                run.ledger.settle(run.run_id, run.name, "", [_journal_only(one) for one in outcomes])
            # With problems there is none; what was known by then stays known.
            if final.handle and final.handle != known:
                run.ledger.notes.put(run.name, "definitions", dict(final.handle))
        run.catalog.use_definitions(final.handle)
        return DefinitionResult(
            DefinitionPlan(plan.changes, final.problems or plan.problems, final.handle), outcomes
        )
    finally:
        run.ledger.leases.release(lease, owner)


def _as_given(plan: DefinitionPlan, given: Sequence[Change]) -> DefinitionPlan:
    """The plan, if it is what the given lines say, or less; with more nothing is made, and it says so."""
    allowed = [_said(change) for change in given]
    others = [one for one in plan.changes if not any(_covers(line, _said(one)) for line in allowed)]
    if not others:
        return plan
    names = ", ".join(change.name for change in others)
    problem = f"the definitions have changed since the plan was made ({names}): make it anew"
    return DefinitionPlan((), (*plan.problems, problem), plan.handle)


def _said(change: Change) -> list[Any]:
    """What a line of definitions says, as a file would keep it."""
    words = (change.action, change.target, change.name, change.key, change.before, change.after)
    said: list[Any] = msgspec.json.decode(msgspec.json.encode(words))
    return said


def _covers(line: list[Any], said: list[Any]) -> bool:
    """Whether a given line says this, or the same of more: a connection that vanished since needs nothing."""
    *words, more = line
    *same, less = said
    return words == same and _holds(more, less)


def _holds(more: Any, less: Any) -> bool:
    if isinstance(more, dict) and isinstance(less, dict):
        return more.keys() == less.keys() and all(_holds(more[name], one) for name, one in less.items())
    if isinstance(more, list) and isinstance(less, list):
        return all(one in more for one in less)
    return bool(more == less)


def _is_dead(owner: str, host: str) -> bool:
    """Whether the owner of a lease was a process of this host that is no more."""
    where, _, rest = owner.partition(":")
    pid = rest.partition(":")[0]
    return where == host and pid.isdigit() and not process_alive(int(pid))


def connections_in_use(run: Run, *, known: bool = False) -> list[str]:
    """Qualified names of the catalog's connections that a datastore of ours lives in.

    None at all where the domains of the config hold nothing of these datastores: for nothing, nothing is
    made. That takes a reading of the catalog up to the first asset in scope, so it is left out where
    definitions are ``known`` to be there already.
    """
    index = read_index(run)
    schemas = {asset.id: asset for asset in index.rows if asset.level == "schema"}
    used = [
        schemas[id_]
        for placement in place_datastores(run, index).values()
        if placement.bucket == "matched"
        for id_ in placement.schemas
    ]
    if not known and not _anything_in_scope(run, index, used):
        return []
    return sorted({schema.connection for schema in used})


def _anything_in_scope(run: Run, index: Table[CatalogAsset], schemas: Sequence[CatalogAsset]) -> bool:
    scope = domain_scope(domains_of(index), run.integration.domains)
    above = Snapshot(index.rows)
    if any(scope.covers(above.chain(schema)) for schema in schemas):
        return True
    return any(asset.domain in scope.wanted for asset in run.catalog.read(schemas)) if schemas else False


def _journal_only(outcome: Outcome) -> Outcome:
    extra = {**outcome.change.extra, "hold": False}
    return msgspec.structs.replace(outcome, change=msgspec.structs.replace(outcome.change, extra=extra))
