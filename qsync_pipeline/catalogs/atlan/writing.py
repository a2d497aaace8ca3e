"""Writing custom metadata and announcements: bodies, outcomes, and how many assets a call may carry.

A write names its asset by guid and repeats name and qualified name exactly as they were read: a guid that is
gone then fails the call instead of creating a ghost (atlan-api.md §2.7).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from qsync_pipeline.catalogs.atlan.client import AtlanClient
from qsync_pipeline.catalogs.atlan.models import MutationAnswer
from qsync_pipeline.catalogs.atlan.types import AttributeIds
from qsync_pipeline.catalogs.base import BatchRejected, Surface
from qsync_pipeline.core.rows import Change, Outcome, RejectionClass
from qsync_pipeline.core.tags_out import SURFACE as TAGS_NAME
from qsync_pipeline.transport.errors import Conflict, Forbidden, NotFound, OutsideError, Rejected

POLICY = "the persona needs a metadata policy there with the actions"
WRITES, TAGGING = f"{POLICY} Update and Custom metadata", f"{POLICY} Add tags and Remove tags"
CUSTOM_METADATA = Surface("custom_metadata", "attributes", call="entities", per_call=50, needs=WRITES)
ANNOUNCEMENTS = Surface("announcements", "alerts", call="entities", per_call=50, needs=WRITES)
TAGS = Surface(TAGS_NAME, "tags", call="tags", per_call=50, needs=TAGGING)

SLOW_SECONDS = 5.0
"""Atlan asks for smaller batches when an answer takes longer than this (atlan-api.md §1.7)."""

INVALID_INSTANCE = "ATLAS-404-00-007"
"""A 404 that means a wrong value or a set that does not apply, not a missing asset (atlan-api.md §1.5)."""

NEW_SET_WAITS = (1.0, 3.0)
"""Seconds before a first write is tried again whose custom-metadata set Atlan does not know yet."""


class BatchSize:
    """Assets per bulk write: halved by a slow answer, grown back by a tenth of the maximum at a time."""

    def __init__(self, most: int) -> None:
        self._most = max(1, most)
        self.current = self._most

    def took(self, seconds: float) -> None:
        """Take note of how long the tenant needed for the last write."""
        if seconds > SLOW_SECONDS:
            self.current = max(1, self.current // 2)
        else:
            self.current = min(self._most, self.current + max(1, self._most // 10))


def entity_bodies(changes: Sequence[Change], ids: AttributeIds) -> list[dict[str, Any]]:
    """One entity per asset with all its changes, in the order of the assets' first changes.

    ``Change.extra`` carries ``qualified_name`` and ``name`` as they were read, and as ``stands`` the
    attributes beside the changed ones. Those are sent along: by Atlan's code a write changes the keys that it
    names, by its notes it replaces the set (atlan-api.md §2.7, §6.2 row 12).
    """
    bodies: dict[str, dict[str, Any]] = {}
    for change in changes:
        body = bodies.setdefault(
            change.target,
            {
                "typeName": change.kind,
                "guid": change.target,
                "attributes": {
                    "name": change.extra["name"],
                    "qualifiedName": change.extra["qualified_name"],
                },
            },
        )
        if change.surface == CUSTOM_METADATA.name:
            stands = {k: v for k, v in (change.extra.get("stands") or {}).items() if k in ids.ids}
            body["businessAttributes"] = ids.body({**stands, **(change.after or {})})
        else:
            body["attributes"].update(announcement(change.after))
    return list(bodies.values())


def announcement(after: Mapping[str, Any] | None) -> dict[str, Any]:
    """Attributes of an announcement; three nulls clear it (atlan-api.md §2.9).

    Who wrote it and when fill themselves.
    """
    alert = after or {}
    return {
        "announcementType": alert.get("type"),
        "announcementTitle": alert.get("title"),
        "announcementMessage": alert.get("text"),
    }


def outcomes(changes: Sequence[Change], answer: MutationAnswer) -> list[Outcome]:
    """One outcome per change. An asset that the answer does not list had the values already: unchanged.

    An asset listed as created would be a ghost; it cannot be, with a real guid, and is not passed over. One
    that is archived takes values, but nobody will see them there.
    """
    updated, created = answer.updated(), answer.created()
    results = []
    for change in changes:
        if change.target in created:
            results.append(
                Outcome(change, "rejected", "the write made a new asset instead of changing one", "conflict")
            )
        elif updated.get(change.target, "ACTIVE") != "ACTIVE":
            results.append(Outcome(change, "rejected", "the asset is archived in Atlan", "missing"))
        else:
            results.append(Outcome(change, "applied" if change.target in updated else "unchanged"))
    return results


def rejection(error: OutsideError) -> BatchRejected:
    """The refusal of a whole batch, with what kind it is and, where Atlan names it, by which asset."""
    return BatchRejected(
        str(error), error_class=class_of(error), culprit=error.culprit or None, status=error.status
    )


def class_of(error: OutsideError) -> RejectionClass:
    """What kind of refusal it is, from its status and code (atlan-api.md §1.5)."""
    return "validation" if error.code == INVALID_INSTANCE else error.rejection_class


class Writer:
    """Bulk writes of one integration."""

    def __init__(
        self, client: AtlanClient, batch_size: int, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._client = client
        self._sleep = sleep
        self._set_known = False
        self.batch_size = BatchSize(batch_size)

    def write(self, changes: Sequence[Change], ids: AttributeIds) -> list[Outcome]:
        """All changes in one call; raises :class:`BatchRejected` where Atlan refuses it as a whole."""
        if not changes:
            return []
        unknown = _unknown_attributes(changes, ids)
        if unknown:
            raise BatchRejected(
                f"no definition is known for {', '.join(sorted(unknown))}: run the definitions step first",
                error_class="conflict",  # nothing was sent: the next run, with definitions, tries again
            )
        bodies = entity_bodies(changes, ids)
        try:
            answer = self._upsert(bodies)
        except (Forbidden, NotFound, Conflict, Rejected) as error:
            raise rejection(error) from error
        self.batch_size.took(self._client.session.last_latency)
        return outcomes(changes, answer)

    def _upsert(self, bodies: Sequence[Mapping[str, Any]]) -> MutationAnswer:
        """The call; until one has succeeded, a set that Atlan does not know is given time.

        A brand-new set has to reach every node of the tenant first (atlan-api.md §1.8).
        """
        custom_metadata = any("businessAttributes" in body for body in bodies)
        waits = list(NEW_SET_WAITS) if custom_metadata and not self._set_known else []
        while True:
            try:
                answer = self._client.upsert(bodies, custom_metadata=custom_metadata)
            except NotFound as error:
                if error.code != INVALID_INSTANCE or not waits:
                    raise
                self._sleep(waits.pop(0))
            else:
                self._set_known = self._set_known or custom_metadata
                return answer


def _unknown_attributes(changes: Sequence[Change], ids: AttributeIds) -> set[str]:
    return {
        name
        for change in changes
        if change.surface == CUSTOM_METADATA.name
        for name in change.after or {}
        if name not in ids.ids
    }
