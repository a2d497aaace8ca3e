"""The custom fields: found by exact name, adopted, or made once (DESIGN.md §5.3, alation-api.md §2.3).

Alation offers no way to change or delete a field, and its names are not unique: a duplicate is for ever. So
nothing is made before all fields were listed, never twice, and nothing at all while one name is in doubt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from qsync_pipeline.catalogs.alation.client import AlationClient
from qsync_pipeline.catalogs.alation.jobs import Jobs
from qsync_pipeline.catalogs.alation.models import CustomField
from qsync_pipeline.catalogs.alation.settings import AlationSettings
from qsync_pipeline.catalogs.base import DefinitionPlan
from qsync_pipeline.catalogs.common import ABOUT
from qsync_pipeline.core.rows import Change, Outcome, RejectionClass
from qsync_pipeline.transport.errors import (
    Forbidden,
    Malformed,
    OutsideError,
    Rejected,
    ServerError,
    TimedOutAfterSend,
)

SURFACE = "definitions"
FIELD_TYPE = "RICH_TEXT"
"""Takes text and numbers; there is no type for numbers, plain text or URLs (alation-api.md §2.3)."""


@dataclass(frozen=True)
class FieldPlan:
    """What is there and what is to be made, by canonical name; with ``problems`` nothing is made.

    ``known`` are the ids that the ledger kept of what is missing now.
    """

    settings: AlationSettings
    ids: Mapping[str, int] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    known: Mapping[str, int] = field(default_factory=dict)

    def handle(self) -> dict[str, object]:
        """``{"fields": {canonical: id}, "names": {canonical: name}}`` of what is there.

        What an answer leaves out stays known until it was made anew: values that nobody reads any more would
        pass for cleared.
        """
        ids = {**self.known, **self.ids}
        names = {canonical: self.settings.attributes[canonical] for canonical in ids}
        return {"fields": ids, "names": names} if ids else {}


def plan_fields(
    present: Sequence[CustomField], handle: Mapping[str, object], settings: AlationSettings
) -> FieldPlan:
    """Compare what stands there with what should.

    ``handle`` recognises a field that was renamed in Alation, as long as the config asks for the name under
    which it was found.
    """
    by_id = {one.id: one for one in present}
    known, names = _mapping(handle.get("fields")), _mapping(handle.get("names"))
    ids: dict[str, int] = {}
    missing: list[str] = []
    problems: list[str] = []
    for canonical, name in settings.attributes.items():
        recorded = by_id.get(known.get(canonical, -1)) if names.get(canonical) == name else None
        hits = [recorded] if recorded else [one for one in present if one.name_singular == name]
        if not hits:
            missing.append(canonical)
        elif len(hits) > 1:
            listed = ", ".join(str(one.id) for one in hits)
            problems.append(_problem(canonical, name, f"is there {len(hits)} times (ids {listed})"))
        elif hits[0].field_type != FIELD_TYPE:
            what = f"is of type {hits[0].field_type}, but {FIELD_TYPE} is needed"
            problems.append(_problem(canonical, name, what))
        else:
            ids[canonical] = hits[0].id
    unseen = {
        one: known[one] for one in missing if one in known and names.get(one) == settings.attributes[one]
    }
    return FieldPlan(settings, ids, tuple(missing), tuple(problems), unseen)


class DefinitionMaker:
    """Plans and makes the fields of one integration."""

    def __init__(self, client: AlationClient, jobs: Jobs, settings: AlationSettings) -> None:
        self._client = client
        self._jobs = jobs
        self._settings = settings

    def plan(self, connections: Sequence[str], handle: Mapping[str, object]) -> DefinitionPlan:
        """One change for each field that is missing; reads only. Without connections nothing is needed."""
        if not connections:
            return DefinitionPlan(changes=(), handle=handle)
        plan = self._look(handle)
        if plan.problems:
            return DefinitionPlan(changes=(), problems=plan.problems)
        return DefinitionPlan(changes=self._changes(plan, handle), handle=plan.handle())

    def make(self, plan: DefinitionPlan) -> tuple[DefinitionPlan, list[Outcome]]:
        """Make what is missing now, in one call that is never sent twice; then read what came of it."""
        if plan.problems or not plan.changes:
            return plan, []
        recorded: Mapping[str, object] = plan.changes[0].extra["handle"]
        before = self._look(recorded)
        if before.problems:
            reason = before.problems[0]
            return DefinitionPlan(changes=(), problems=before.problems), [
                Outcome(change, "rejected", reason, "validation") for change in plan.changes
            ]
        trouble: OutsideError | None = None
        if before.missing:
            try:
                self._jobs.finish(self._client.make_fields([self._body(name) for name in before.missing]))
            except (Forbidden, Rejected, TimedOutAfterSend, ServerError, Malformed) as error:
                trouble = error
        after = self._look(recorded) if before.missing else before
        outcomes = [self._outcome(change, before, after, trouble) for change in plan.changes]
        left = DefinitionPlan(
            changes=self._changes(after, recorded) if not after.problems else (),
            problems=after.problems,
            handle={} if after.problems else after.handle(),
        )
        return left, outcomes

    def _look(self, handle: Mapping[str, object]) -> FieldPlan:
        return plan_fields(self._client.custom_fields(), handle, self._settings)

    def _body(self, canonical: str) -> dict[str, Any]:
        return {
            "field_type": FIELD_TYPE,
            "name_singular": self._settings.attributes[canonical],
            "tooltip_text": ABOUT[canonical],
        }

    def _changes(self, plan: FieldPlan, handle: Mapping[str, object]) -> tuple[Change, ...]:
        return tuple(
            Change(
                surface=SURFACE,
                action="create",
                target=self._settings.attributes[canonical],
                name=self._settings.attributes[canonical],
                key=canonical,
                after={"name": self._settings.attributes[canonical], "type": FIELD_TYPE},
                reason="there is no custom field of this name",
                kind="CustomField",
                extra={"handle": dict(handle)},
            )
            for canonical in plan.missing
        )

    def _outcome(
        self, change: Change, before: FieldPlan, after: FieldPlan, trouble: OutsideError | None
    ) -> Outcome:
        if change.key in before.ids:
            return Outcome(change, "unchanged", "it stands there already")
        if change.key in after.ids:
            return Outcome(change, "applied", "the answer was lost; it stands there" if trouble else "")
        if after.problems:
            return Outcome(change, "rejected", after.problems[0], "conflict")
        if isinstance(trouble, Forbidden):
            reason = f"{trouble} (making custom fields needs a catalog or server admin)"
            return Outcome(change, "rejected", reason, "permission")
        error_class: RejectionClass = "validation" if isinstance(trouble, Rejected) else "server"
        said = str(trouble) if trouble else "Alation accepted the definition, and the field is not there"
        return Outcome(change, "rejected", said, error_class)


def _problem(canonical: str, name: str, what: str) -> str:
    return (
        f"Alation's custom field {name!r} {what}; no field is made. Use another name:"
        f' attributes: {{names: {{"{canonical}": "<another name>"}}}}'
    )


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
