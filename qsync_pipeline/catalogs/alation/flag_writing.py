"""Writing trust flags: ours only, changed in place, one call each (alation-api.md §2.7 and §4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qsync_pipeline.catalogs.alation.client import AlationClient
from qsync_pipeline.catalogs.alation.flags import FlagBook, alert_of, flag_body, reason_of, type_of
from qsync_pipeline.catalogs.alation.jobs import once_accepted
from qsync_pipeline.catalogs.alation.keys import split_id
from qsync_pipeline.catalogs.alation.models import Flag
from qsync_pipeline.catalogs.alation.one_by_one import one_by_one
from qsync_pipeline.catalogs.alation.settings import AlationSettings
from qsync_pipeline.core.alerts import same_alert
from qsync_pipeline.core.rows import Change, Outcome
from qsync_pipeline.transport.errors import (
    Forbidden,
    NotFound,
    Rejected,
    ServerError,
    Throttled,
    TimedOutAfterSend,
)

ONE_BY_ONE = 2
"""Up to so many objects their flags are asked for singly, else all flags are listed."""


class FlagWriter:
    """Flags of one integration. It looks at what stands there now, and touches no flag but ours."""

    def __init__(self, client: AlationClient, settings: AlationSettings) -> None:
        self._client = client
        self._marker = settings.marker

    def write(self, changes: Sequence[Change]) -> list[Outcome]:
        """One outcome per change. ``Forbidden`` is raised where the very first one is refused."""
        book = FlagBook(self._flags(changes), self._marker)
        # What was valid for others is refused for a flag that came meanwhile (§6 row 38).
        return one_by_one(
            changes, lambda change: self._one(change, book.ours(change.target)), rejected="conflict"
        )

    def _flags(self, changes: Sequence[Change]) -> list[Flag]:
        targets = {change.target for change in changes}
        if len(targets) > ONE_BY_ONE:
            return self._client.flags()
        return [flag for target in targets for flag in self._client.flags(*_parts(target))]

    def _one(self, change: Change, standing: Flag | None) -> Outcome:
        alert: dict[str, Any] | None = change.after
        if alert is None:
            if standing is None:
                return Outcome(change, "unchanged", "already cleared")
            return self._remove(change, standing)
        if standing is None:
            return self._create(change, alert)
        if standing.flag_type.upper() != type_of(alert):
            # The type of a flag cannot change (§2.7).
            self._remove(change, standing)
            try:
                return self._create(change, alert)
            except (Throttled, Forbidden, NotFound, Rejected) as error:
                # Ours is off by now: as after an answer that was lost, what stands there has to be read.
                return Outcome(change, "rejected", str(error), "server")
        if same_alert(alert_of(standing), alert):
            return Outcome(change, "unchanged", "it stands there already")
        self._client.put_flag(standing.id, reason_of(alert))
        return Outcome(change, "applied")

    def _remove(self, change: Change, standing: Flag) -> Outcome:
        try:
            self._client.delete_flag(standing.id)
        except NotFound:
            return Outcome(change, "unchanged", "already cleared")
        return Outcome(change, "applied")

    def _create(self, change: Change, alert: dict[str, Any]) -> Outcome:
        """A new flag. After a lost answer it is looked for, and sent once more only if it is not there."""
        body = flag_body(*_parts(change.target), alert)
        try:
            self._client.post_flag(body)
        except TimedOutAfterSend:
            with once_accepted("a flag"):
                flags = self._client.flags(*_parts(change.target))
            if FlagBook(flags, self._marker).ours(change.target) is not None:
                return Outcome(change, "applied", "the answer was lost; it stands there")
            try:
                self._client.post_flag(body)
            except (TimedOutAfterSend, ServerError, Throttled) as again:
                return Outcome(change, "rejected", str(again), "server")
        return Outcome(change, "applied")


def _parts(asset: str) -> tuple[str, int]:
    parts = split_id(asset)
    if parts is None:
        raise Rejected(f"not an Alation object: {asset}")
    return parts
