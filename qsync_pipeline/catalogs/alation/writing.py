"""Writing: field values in bulk, flags one by one, health rows in batches; one outcome per change.

Field values go first, in one request that is all or nothing. As long as nothing was written, a refusal of the
whole is :class:`BatchRejected`, and the write engine splits the batch. After that every surface answers for
itself: a flag or health row that is refused, or that no budget is left for, takes nothing else with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from qsync_pipeline.catalogs.alation.client import AlationClient
from qsync_pipeline.catalogs.alation.fields import MOST_VALUES, FieldIds
from qsync_pipeline.catalogs.alation.flag_writing import FlagWriter
from qsync_pipeline.catalogs.alation.health_writing import HealthWriter
from qsync_pipeline.catalogs.alation.jobs import JobFailed, Jobs
from qsync_pipeline.catalogs.alation.keys import OTYPES, split_id
from qsync_pipeline.catalogs.alation.settings import AlationSettings
from qsync_pipeline.catalogs.alation.tag_writing import TagWriter, Touched
from qsync_pipeline.catalogs.base import BatchRejected, Surface
from qsync_pipeline.core.rows import Change, Outcome, RejectionClass
from qsync_pipeline.core.tags_out import SURFACE as TAGS_NAME
from qsync_pipeline.transport.errors import Forbidden, NotFound, OutsideError, Rejected, Throttled

POLLS = 3
"""Questions after a job until it is done, on average (measured against the sandbox)."""
RIGHTS = "the account needs the role Catalog Admin, and access to that data source where it is private"
CUSTOM_FIELDS = Surface("custom_fields", "attributes", call="values", per_call=800, polls=POLLS, needs=RIGHTS)
TRUST_FLAGS = Surface("trust_flags", "alerts", needs=RIGHTS)
DATA_HEALTH = Surface("data_health", "health", per_call=1000, polls=POLLS, needs=RIGHTS)
TAGS = Surface(TAGS_NAME, "tags", needs=RIGHTS)

REFUSED = (Forbidden, NotFound, Rejected)

MOST_OTHERS = 1000
"""Flags, tags and health rows of one write: flags and tags are a call each, and a write is to end soon."""

_MISSING = re.compile(r"Object not found: (\w+:\d+)")
_NAMED = re.compile(r"\b((?:schema|table|attribute):\d+)\b")
"""How a refused write names an object that is not there (alation-api.md §2.4), and any object at fault."""


class Writer:
    """Writes of one integration. ``now`` is the wall clock, in seconds since the epoch."""

    def __init__(
        self, client: AlationClient, jobs: Jobs, settings: AlationSettings, now: Callable[[], float]
    ) -> None:
        self._client = client
        self._jobs = jobs
        self._flags = FlagWriter(client, settings)
        self._health = HealthWriter(client, jobs, settings, now)
        self._tags = TagWriter(client)

    def write(
        self, changes: Sequence[Change], ids: FieldIds, touched: Touched = lambda tag: None
    ) -> list[Outcome]:
        """One outcome per change, in order; ``touched`` as for :meth:`.tag_writing.TagWriter.write`."""
        if not changes:
            return []
        done: dict[int, Outcome] = {}
        wrote = False
        assets = len({change.target for change in changes})
        for surface, work in (
            (CUSTOM_FIELDS, lambda some: self._values(some, ids)),
            (TRUST_FLAGS, self._flags.write),
            (DATA_HEALTH, self._health.write),
            (TAGS, lambda some: self._tags.write(some, touched)),
        ):
            numbered = [(n, change) for n, change in enumerate(changes) if change.surface == surface.name]
            some = [change for _, change in numbered]
            if not some:
                continue
            try:
                outcomes = work(some)
            except Throttled as error:
                if not done:
                    raise
                outcomes = [Outcome(change, "rejected", str(error), class_of(error)) for change in some]
            except REFUSED as error:
                if not wrote and (assets > 1 or isinstance(error, Forbidden)):
                    raise rejection(error) from error
                outcomes = [Outcome(change, "rejected", str(error), class_of(error)) for change in some]
            wrote = wrote or any(outcome.outcome == "applied" for outcome in outcomes)
            done.update((n, outcome) for (n, _), outcome in zip(numbered, outcomes, strict=True))
        return [done[n] for n in range(len(changes))]

    def _values(self, changes: Sequence[Change], ids: FieldIds) -> list[Outcome]:
        """Field values, in as few requests as there may be; refusals of the first are raised."""
        unknown = sorted({name for change in changes for name in change.after or {}} - set(ids.ids))
        if unknown:
            raise BatchRejected(
                f"no custom field is known for {', '.join(unknown)}: run the definitions step first",
                error_class="conflict",  # nothing was sent: the next run, with definitions, tries again
            )
        outcomes: list[Outcome] = []
        for some in _fitting(changes):
            bodies = [
                body for change in some for body in ids.bodies(*parts_of(change.target), change.after or {})
            ]
            try:
                reason = self._put(bodies) if bodies else ""
            except (Throttled, *REFUSED) as error:
                if not outcomes:
                    raise
                outcomes += [Outcome(change, "rejected", str(error), class_of(error)) for change in some]
                continue
            verdict = ("rejected", reason, "server") if reason else ("applied", "", "")
            outcomes += [Outcome(change, *verdict) for change in some]  # type: ignore[arg-type]  # literals
        return outcomes

    def _put(self, bodies: Sequence[Mapping[str, object]]) -> str:
        """Send values and see both jobs through; why they did not arrive, or empty.

        If either of the two jobs of a cloud instance fails, the whole is sent again (§2.4), once. A refusal
        of that says nothing of what the first has written.
        """
        reason = ""
        for _ in range(2):
            try:
                end = self._jobs.finish(self._client.put_values([dict(body) for body in bodies]))
            except JobFailed as error:
                reason = str(error)
                continue
            except (Throttled, *REFUSED) as error:
                if not reason:
                    raise
                return f"{reason}; sent again: {error}"
            if end.whole:
                return ""
            reason = f"Alation wrote only a part of it: {end.msg}"
        return reason


def fits(assets: Sequence[Sequence[Change]]) -> int:
    """How many of these assets one write takes: their values fill one request, however few each has."""
    values = others = 0
    for number, changes in enumerate(assets):
        for change in changes:
            if change.surface == CUSTOM_FIELDS.name:
                values += len(change.after or {})
            else:
                others += 1
        if number and (values > MOST_VALUES or others > MOST_OTHERS):
            return number
    return len(assets)


def _fitting(changes: Sequence[Change]) -> list[list[Change]]:
    """Changes in runs of at most :data:`.fields.MOST_VALUES` values, those of an asset together."""
    runs: list[list[Change]] = [[]]
    held = 0
    for change in changes:
        size = len(change.after or {})
        if held + size > MOST_VALUES and runs[-1]:
            runs.append([])
            held = 0
        runs[-1].append(change)
        held += size
    return runs


def parts_of(asset: str) -> tuple[str, int]:
    """Otype and number of an asset that is written on."""
    parts = split_id(asset)
    if parts is None or parts[0] not in OTYPES[1:]:
        raise BatchRejected(f"not an Alation object: {asset}", error_class="validation", culprit=asset)
    return parts


def rejection(error: OutsideError) -> BatchRejected:
    """The refusal of a whole request, with the asset that its text names."""
    named = _NAMED.search(error.detail)
    return BatchRejected(
        str(error),
        error_class=class_of(error),
        culprit=named.group(1) if named else None,
        status=error.status,
    )


def class_of(error: OutsideError) -> RejectionClass:
    """What kind of refusal it is. One of a whole request may name an object that is not there."""
    if isinstance(error, Rejected) and _MISSING.search(error.detail):
        return "missing"
    return error.rejection_class
