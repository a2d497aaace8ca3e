"""Stage: quality onto the catalog's assets, all surfaces of an asset in one call (DESIGN.md §5.3-§5.5).

The engine knows batches, connections and outcomes; what a write looks like is the catalog's business.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import takewhile

import msgspec

from qsync_pipeline.catalogs.base import BatchRejected, Role
from qsync_pipeline.core.alerts import owner_of
from qsync_pipeline.core.rows import CatalogAsset, Change, Outcome
from qsync_pipeline.core.tables import Table
from qsync_pipeline.interrupts import finished_first
from qsync_pipeline.ledger import Holding, Rejection
from qsync_pipeline.ledger.holdings import Place
from qsync_pipeline.sync.claiming import Held, claimed
from qsync_pipeline.sync.confirming import confirm, sample_of
from qsync_pipeline.sync.feeds.sights import make_good
from qsync_pipeline.sync.outgoing_tags import ground_of
from qsync_pipeline.sync.planning import TRANSIENT
from qsync_pipeline.sync.reading_back import ReadBack
from qsync_pipeline.sync.refusals import (
    ask_what_is_missing,
    forget_refusals,
    refusals,
    remember_refusal,
)
from qsync_pipeline.sync.rules import alert_rules
from qsync_pipeline.sync.run import Run
from qsync_pipeline.sync.settling import Tally, rejections
from qsync_pipeline.sync.write_permissions import STORM, Permissions
from qsync_pipeline.transport.errors import (
    Malformed,
    NotTheSystem,
    OutsideError,
    ServerError,
    Throttled,
    TimedOutAfterSend,
)

STAGE = "quality_metadata"
FEW = 1000
"""Objects of a datastore up to which each is read again before a write that repeats its name. A first sync of
more than that takes the names as they were read: to read them all again would double its requests."""

ALERTS: frozenset[Role] = frozenset({"alerts"})


def apply_quality(run: Run, key: str, plan: Table[Change], permissions: Permissions) -> Tally:
    """Carry out the quality plan of one datastore; when this returns, the ledger has every outcome."""
    tally = Tally(run, key, plan.meta["unchanged"])
    tally.pass_over(plan.rows)
    todo = [change for change in plan.rows if change.status == "planned"]
    if todo and run.held:
        tally.settle([Outcome(change, "parked", run.held) for change in todo])
        return tally
    notes = [change for change in todo if change.action == "note"]
    writes = [change for change in todo if change.action != "note"]
    if notes or writes:
        with claimed(run, run.name, key) as claim:
            tally.settle([Outcome(change, "unchanged", change.reason) for change in notes])
            _Writer(run, key, tally, claim, permissions, plan.meta.get("scored", {})).write(writes)
    if not TRANSIENT & tally.classes.keys():
        make_good(run.ledger, run.name, key, run.run_id)
    return tally


NOT_TRIED = "not tried"
"""Begins the reason of what was not sent, as the connection had closed before."""

Group = tuple[Change, ...]
"""All changes of one asset, those of its tags apart: they go in one call."""


class _Writer:
    def __init__(
        self,
        run: Run,
        key: str,
        tally: Tally,
        claim: Held,
        permissions: Permissions,
        scored: Mapping[str, float],
    ) -> None:
        """``scored`` says by target when Qualytics recorded what is written, where that is known."""
        self.run = run
        self.scored = scored
        self.again: frozenset[str] = frozenset()
        """Objects that a later reading of the listing is to show."""
        self.careful = False
        """Whether every object is read again just before it is written."""
        self.key = key
        self.tally = tally
        self.claim = claim
        self.permissions = permissions
        self.roles = {surface.name: surface.role for surface in run.catalog.surfaces}
        self.alert_rules = alert_rules(run.config, run.integration, run.actors, adopt=run.adopt)
        self.read_back = ReadBack(run, self.roles)
        self.noted = refusals(run.ledger, run.name)

    def write(self, changes: Sequence[Change]) -> None:
        targets = list(dict.fromkeys(change.target for change in sorted(changes, key=_top_down)))
        self.again = sample_of(targets, self.run.integration.read_back)
        self.careful = self.run.catalog.writes_carry_names and len(targets) <= FEW
        by_ground: dict[str, dict[str, list[Change]]] = defaultdict(lambda: defaultdict(list))
        stands = self.run.ledger.outcomes.latest_rejections(self.run.name, self.key)
        # Where a policy covers a part of a connection, the same first refusals would close it for ever.
        refused = {place for place, one in stands.items() if not one.reason.startswith(NOT_TRIED)}
        for change in sorted(changes, key=lambda change: (_place(change) in refused, _top_down(change))):
            by_ground[self._ground(change)][change.target].append(change)
        standing = self._standing(changes, stands)
        for ground, by_asset in by_ground.items():
            if not self.permissions.troubled(ground) and not self.permissions.proven_on(ground):
                self.permissions.remember(ground, standing.get(ground, {}))
            groups = [tuple(group) for group in by_asset.values()]
            while groups:
                groups = self._apart(ground, groups)
                # The first write on a connection and surface goes alone: one asset tells what we may do.
                known = list(takewhile(self._is_known, groups[: self.run.catalog.fits(groups)]))
                batch = known or groups[:1]
                self._batch(batch)
                groups = groups[len(batch) :]

    def _standing(
        self, changes: Sequence[Change], stands: Mapping[Place, Rejection]
    ) -> dict[str, Counter[str]]:
        """How many items of this datastore stand refused for lack of permission and are not tried now."""
        now = set(map(_place, changes))
        found: dict[str, Counter[str]] = defaultdict(Counter)
        connections = {change.connection for change in changes}
        for place, one in stands.items():
            if one.error_class == "permission" and place not in now and place[0] in self.roles:
                for connection in connections:
                    found[ground_of(connection, self.roles[place[0]])][place[0]] += 1
        return found

    def _apart(self, ground: str, groups: Sequence[Group]) -> list[Group]:
        """The groups, one for each surface where a surface was refused: what is permitted is not held up."""
        if not self.permissions.troubled(ground):
            return list(groups)
        return sorted(_by_surface(groups), key=lambda group: group[0].surface)

    def _is_known(self, group: Group) -> bool:
        return all(self.permissions.known(self._ground(change), change.surface) for change in group)

    def _ground(self, change: Change) -> str:
        return ground_of(change.connection, self.roles[change.surface])

    @finished_first()
    def _batch(self, groups: Sequence[Group]) -> None:
        groups = self._apart(self._ground(groups[0][0]), groups)
        closed = [
            group for group in groups if self.permissions.forbidden(self._ground(group[0]), group[0].surface)
        ]
        if closed:
            self._forbidden(closed[0][0], closed)
        groups = self._still_due([group for group in groups if group not in closed])
        if not groups:
            return
        flat = [change for group in groups for change in group]
        self.claim.fence()
        self.run.ledger.intend(self.run.run_id, self.run.name, self.key, flat)
        try:
            outcomes = list(self.run.catalog.write(flat))
        except BatchRejected as refusal:
            self._refused(groups, refusal)
            return
        except Throttled as trouble:
            self.tally.settle(rejections(flat, trouble))
            raise
        except (ServerError, TimedOutAfterSend, Malformed) as trouble:
            if isinstance(trouble, NotTheSystem):
                raise
            self._in_trouble(groups, trouble)
            return
        self.permissions.troubles = 0
        self.permissions.proven |= {(self._ground(change), change.surface) for change in flat}
        grounds = {ground for ground in map(self._ground, flat) if not self.permissions.troubled(ground)}
        mine = {ground: one for ground, one in self.noted.items() if ground in grounds}
        forget_refusals(self.run, mine, [change.target for change in flat])
        again = {
            change.target: self.scored.get(change.target) for change in flat if change.target in self.again
        }
        seen, fresh, roles = self.read_back.of(self._unless_gone(outcomes))
        self.tally.settle(seen, actor=self.run.identity.actor, scored=again)
        if self.run.catalog.lists_at_once:
            confirm(
                self.run.ledger,
                self.run.name,
                [surface for surface in self.run.catalog.surfaces if surface.role in roles - {"tags"}],
                self.key,
                fresh,
                decimals=self.run.integration.decimals,
                whole=False,
            )

    def _in_trouble(self, groups: Sequence[Group], trouble: OutsideError) -> None:
        """An answer that says nothing of what was written. One item can be why, and must not hold up all
        others at every run: so each goes alone, until several in a row fare no better."""
        if len(groups) > 1 and self.permissions.troubles < STORM:
            for group in groups:
                self._batch([group])
            return
        self.permissions.troubles += 1
        self.tally.settle(rejections([change for group in groups for change in group], trouble))
        if self.permissions.troubles >= STORM:
            raise trouble

    def _refused(self, groups: Sequence[Group], refusal: BatchRejected) -> None:
        """Split until the bad item is alone. Nothing of the batch was written."""
        if len(groups) > 1:
            named = [group for group in groups if group[0].target == refusal.culprit]
            rest = [group for group in groups if group[0].target != refusal.culprit]
            middle = len(groups) // 2
            for part in [named, rest] if named and rest else [groups[:middle], groups[middle:]]:
                self._batch(part)
            return
        group = groups[0]
        if len(apart := _by_surface(groups)) > 1:
            for alone in apart:
                self._batch([alone])
            return
        reason = refusal.reason
        if refusal.error_class == "permission":
            lacking = self._learn(group[0])
            reason += f"; missing: {', '.join(lacking)}" if lacking else ""
        rejected = [Outcome(change, "rejected", reason, refusal.error_class) for change in group]
        self.tally.settle(self._unless_gone(rejected), actor=self.run.identity.actor)

    def _unless_gone(self, outcomes: Sequence[Outcome]) -> list[Outcome]:
        """The outcomes; what was refused because its asset is not there, and that is so, is no rejection that
        stands. Where the asset comes back the next plan has it again, with nothing else changed."""
        refused = {
            one.change.target
            for one in outcomes
            if one.outcome == "rejected" and one.error_class == "missing"
        }
        gone = refused - set(self.run.catalog.reread(sorted(refused), roles=())) if refused else set()
        return [_gone(one.change) if one.change.target in gone else one for one in outcomes]

    def _learn(self, change: Change) -> tuple[str, ...] | None:
        """Take note of a refusal for lack of permission; the catalog is asked once per connection why."""
        ground = self._ground(change)
        self.permissions.refused[ground, change.surface] += 1
        if ground not in self.permissions.missing:
            self.permissions.missing[ground] = ask_what_is_missing(self.run, change)
        missing = self.permissions.missing[ground]
        remember_refusal(self.run, msgspec.structs.replace(change, connection=ground), missing)
        return missing

    def _forbidden(self, first: Change, groups: Sequence[Group]) -> None:
        lacking = self.permissions.missing.get(self._ground(first))
        surface = next(one for one in self.run.catalog.surfaces if one.name == first.surface)
        advice = f"missing in the token's policies there: {', '.join(lacking)}" if lacking else surface.needs
        verb = "tag" if surface.role == "tags" else "write"
        reason = (
            f"{NOT_TRIED}: the token may not {verb} on connection {first.connection} "
            f"(its first {STORM} writes were refused); {advice}"
        )
        self.tally.settle(
            [Outcome(change, "rejected", reason, "permission") for group in groups for change in group]
        )

    def _still_due(self, groups: Sequence[Group]) -> list[Group]:
        """Read again by id what may have changed since the plan: alerts always, all of it after a wait or
        where a write repeats names that a person may have changed."""
        ids = [
            group[0].target
            for group in groups
            if self.claim.waited
            or self.careful
            or any(self.roles[change.surface] == "alerts" for change in group)
        ]
        if not ids:
            return list(groups)
        # With names at stake or after a wait, all that is on an asset may have changed; else it is the alert.
        whole = self.claim.waited or self.careful
        fresh = self.run.catalog.reread(ids, roles=None if whole else ALERTS)
        held: dict[str, dict[str, list[Holding]]] = {
            surface: self.run.ledger.holdings.by_target(self.run.name, surface, ids)
            for surface, role in self.roles.items()
            if role == "alerts"
        }
        due: list[Group] = []
        for group in groups:
            if group[0].target not in ids:
                due.append(group)
                continue
            asset = fresh.get(group[0].target)
            left: list[Change] = []
            for change in group:
                rows = held.get(change.surface, {}).get(change.target, [])
                outcome = self._overtaken(change, asset, rows[0] if rows else None)
                if outcome is None:
                    left.append(_named_anew(change, asset))
                else:
                    self.tally.settle([outcome])
            if left:
                due.append(tuple(left))
        return due

    def _overtaken(self, change: Change, asset: CatalogAsset | None, row: Holding | None) -> Outcome | None:
        """What became of a change that the catalog has overtaken, or null if it is still due."""
        if asset is None:
            return _gone(change)
        role = self.roles[change.surface]
        if role == "alerts":
            if owner_of(asset.alert, row, self.alert_rules) == "person":
                by = asset.alert.by if asset.alert else "somebody"
                return Outcome(change, "skipped", f"{by} put an alert there meanwhile; ours waits")
            if change.after is None and asset.alert is None:
                return Outcome(change, "unchanged", "already cleared")
        if role in ("attributes", "tags") and self.claim.waited and self.read_back.agrees(change, asset):
            return Outcome(change, "unchanged", "another run wrote it meanwhile")
        return None


def _gone(change: Change) -> Outcome:
    return Outcome(change, "skipped", "the asset is gone or out of sight", "missing")


def _by_surface(groups: Sequence[Group]) -> list[Group]:
    """Each group cut into one for each of its surfaces."""
    return [
        tuple(change for change in group if change.surface == surface)
        for group in groups
        for surface in dict.fromkeys(change.surface for change in group)
    ]


def _named_anew(change: Change, asset: CatalogAsset | None) -> Change:
    """The change with the asset's names as they are now: a person may have renamed it since it was read."""
    if asset is None or "qualified_name" not in change.extra:
        return change
    names = {"name": asset.name, "qualified_name": asset.qualified_name}
    return msgspec.structs.replace(change, extra={**change.extra, **names})


def _place(change: Change) -> Place:
    return change.surface, change.target, change.key


def _top_down(change: Change) -> tuple[int, bool, str]:
    """Schemas before tables before columns: what most people look at first is right first. On each level what
    comes off goes first, as it may be in the way of what goes on."""
    order = {"datastore": 0, "container": 1, "field": 2}
    return order.get(change.source.partition(":")[0], 1), change.action != "remove", change.name
