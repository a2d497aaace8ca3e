"""Planning and making the definitions over the wire. What to do is decided in :mod:`.definitions`, purely."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qsync_pipeline.catalogs.atlan import queries
from qsync_pipeline.catalogs.atlan.badges import badge_bodies, badge_names
from qsync_pipeline.catalogs.atlan.client import AtlanClient
from qsync_pipeline.catalogs.atlan.definitions import SetPlan, plan_set
from qsync_pipeline.catalogs.atlan.models import TypeDefs
from qsync_pipeline.catalogs.atlan.reading import TagCache
from qsync_pipeline.catalogs.atlan.settings import AtlanSettings
from qsync_pipeline.catalogs.atlan.writing import class_of
from qsync_pipeline.catalogs.base import DefinitionPlan
from qsync_pipeline.core.rows import Change, Outcome
from qsync_pipeline.transport.errors import (
    Conflict,
    Forbidden,
    NotFound,
    OutsideError,
    Rejected,
    TimedOutAfterSend,
)

SURFACE = "definitions"
SET, BADGES = "set", "badges"
"""The keys of the two changes there can be: one write call each."""

REFUSED = (Forbidden, NotFound, Rejected)


class DefinitionMaker:
    """Plans and makes the set and its badges for one integration."""

    def __init__(self, client: AtlanClient, settings: AtlanSettings, tags: TagCache) -> None:
        self._client = client
        self._settings = settings
        self._tags = tags

    def plan(self, connections: Sequence[str], handle: Mapping[str, object]) -> DefinitionPlan:
        """What is missing, as at most two changes; reads only. Without connections nothing is needed."""
        if not connections:
            return DefinitionPlan(changes=(), handle=handle)
        plan = self._plan_set(connections, handle)
        if plan.problems:
            return DefinitionPlan(changes=(), problems=plan.problems)
        found = self._with_badges(plan.handle(), handle)
        changes = [self._set_change(plan, handle)] if plan.action else []
        if plan.missing or badge_bodies(found, _made(found)):
            changes += self._badge_change(plan, found)
        return DefinitionPlan(changes=tuple(changes), handle=found)

    def make(self, plan: DefinitionPlan) -> tuple[DefinitionPlan, list[Outcome]]:
        """Carry it out, from a fresh read. Nothing is ever sent twice: after a lost answer it reads."""
        if plan.problems or not plan.changes:
            return plan, []
        wanted = plan.changes[0].extra
        connections, recorded = list(wanted["connections"]), dict(wanted["handle"])
        results: list[Outcome] = []
        fresh = False
        handle: dict[str, object] = dict(plan.handle)
        for change in plan.changes:
            if change.key == SET:
                settled, outcome = self._make_set(change, connections, recorded)
                handle = {**settled.handle(), "badges": sorted(_made(recorded) | _made(plan.handle))}
                results.append(outcome)
                fresh = change.action == "create" and outcome.outcome == "applied"
                if settled.problems:
                    return DefinitionPlan(changes=(), problems=settled.problems), [
                        *results,
                        *_skipped(plan.changes[len(results) :]),
                    ]
                if outcome.outcome == "rejected":
                    # Adopted as far as it stands; what is missing is planned anew by the next run.
                    return DefinitionPlan(changes=plan.changes, handle=plan.handle), [
                        *results,
                        *_skipped(plan.changes[len(results) :]),
                    ]
            else:
                outcome = self._make_badges(change, handle, fresh=fresh)
                if outcome.outcome != "rejected":
                    handle = {**handle, "badges": badge_names(handle)}
                results.append(outcome)
        left = tuple(o.change for o in results if o.outcome == "rejected")
        return DefinitionPlan(changes=left, handle=handle), results

    # The set

    def _plan_set(self, connections: Sequence[str], handle: Mapping[str, object]) -> SetPlan:
        types: TypeDefs = self._client.typedefs()
        self._tags.take(types)
        return plan_set(types.business_metadata_defs, connections, handle, self._settings)

    def _make_set(
        self, change: Change, connections: Sequence[str], recorded: Mapping[str, object]
    ) -> tuple[SetPlan, Outcome]:
        """One create or update, and how the set stands afterwards."""
        before = self._plan_set(connections, recorded)
        if before.problems:
            return before, Outcome(change, "rejected", before.problems[0], "validation")
        if before.action is None:
            return before, Outcome(change, "unchanged", "it stands there already")
        lost: OutsideError | None = None
        try:
            send = self._client.create_set if before.action == "create" else self._client.update_set
            send(before.body())
        except (TimedOutAfterSend, Conflict) as error:
            lost = error
        except REFUSED as error:
            hint = " (making custom metadata needs admin rights)" if isinstance(error, Forbidden) else ""
            return before, Outcome(change, "rejected", f"{error}{hint}", class_of(error))
        after = self._plan_set(connections, recorded)
        if after.problems:
            return after, Outcome(change, "rejected", after.problems[0], "validation")
        if after.action is None:
            if isinstance(lost, Conflict):
                return after, Outcome(change, "unchanged", "somebody else made it meanwhile; adopted")
            return after, Outcome(change, "applied", "the answer was lost; it stands there" if lost else "")
        if isinstance(lost, Conflict):
            reason = f"{lost}; what stands in the way is not visible to this token, or not what was asked for"
            return after, Outcome(change, "rejected", reason, "conflict")
        reason = (
            f"{lost}; it is not there" if lost else "Atlan accepted the definition but did not keep all of it"
        )
        return after, Outcome(change, "rejected", reason, "server")

    def _set_change(self, plan: SetPlan, handle: Mapping[str, object]) -> Change:
        names = self._settings.attributes
        created = plan.found is None
        parts = [
            f"{len(plan.missing)} attribute(s) missing" if plan.missing else "",
            f"{len(plan.connections)} connection(s) it does not apply to" if plan.connections else "",
            f"{len(plan.types)} asset type(s) it does not apply to" if plan.types else "",
        ]
        return Change(
            surface=SURFACE,
            action="create" if created else "update",
            target=self._settings.attribute_set,
            name=self._settings.attribute_set,
            key=SET,
            before=None if created else {"attributes": [names[c] for c in plan.ids]},
            after={
                "attributes": [names[c] for c in plan.missing],
                "connections": list(plan.wanted_connections if created else plan.connections),
                "types": list(plan.types),
            },
            reason="the set is not there" if created else "; ".join(part for part in parts if part),
            kind="BusinessMetadata",
            extra=_extra(plan, handle),
        )

    # Badges

    def _with_badges(self, found: Mapping[str, object], recorded: Mapping[str, object]) -> dict[str, Any]:
        """The handle, with the badges that were made once or stand there now."""
        if not found:
            return {}
        made = set(_made(recorded)) if recorded.get("set") == found.get("set") else set()
        names = set(badge_names(found))
        if names - made:
            rows = self._client.search(queries.badges(names), ("qualifiedName",), list, classifications=False)
            made |= {name for row in rows if (name := row.text("qualifiedName"))}
        return {**found, "badges": sorted(made & names)}

    def _badge_change(self, plan: SetPlan, found: Mapping[str, object]) -> list[Change]:
        return [
            Change(
                surface=SURFACE,
                action="create",
                target=self._settings.attribute_set,
                name=f"{self._settings.attribute_set} badges",
                key=BADGES,
                reason="number badges show the main attributes in colour",
                kind="Badge",
                extra=_extra(plan, found),
            )
        ]

    def _make_badges(self, change: Change, handle: Mapping[str, object], *, fresh: bool) -> Outcome:
        """Make those that are missing. A ``fresh`` set has none; beside an older one each is looked for.

        By name, not in the index: a run that was killed may have made them a moment ago.
        """
        bodies = badge_bodies(handle, _made(handle))
        if not fresh:
            names = [str(body["attributes"]["qualifiedName"]) for body in bodies]
            there = frozenset(name for name in names if self._client.stands("Badge", name))
            bodies = badge_bodies(handle, _made(handle) | there)
        if not bodies:
            return Outcome(change, "unchanged", "they stand there already")
        try:
            self._client.upsert(bodies, custom_metadata=False)
        except (*REFUSED, Conflict) as error:
            return Outcome(change, "rejected", str(error), class_of(error))
        return Outcome(change, "applied")


def _extra(plan: SetPlan, handle: Mapping[str, object]) -> dict[str, Any]:
    """What :meth:`DefinitionMaker.make` needs to look again."""
    return {"connections": list(plan.wanted_connections), "handle": dict(handle)}


def _made(handle: Mapping[str, object]) -> frozenset[str]:
    """Badges that were made once: never made again, even if a person removed one."""
    badges = handle.get("badges")
    return frozenset(str(name) for name in badges) if isinstance(badges, list | tuple) else frozenset()


def _skipped(changes: Sequence[Change]) -> list[Outcome]:
    return [Outcome(change, "skipped", "the set is not settled yet") for change in changes]
