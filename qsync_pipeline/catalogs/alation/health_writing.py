"""Writing data-health rows, and believing only what was attached (alation-api.md §2.9 and §4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from qsync_pipeline.catalogs.alation.client import AlationClient
from qsync_pipeline.catalogs.alation.health import (
    Pair,
    failed_pairs,
    field_body,
    object_of,
    pair_of,
    prefix_of,
    value_body,
)
from qsync_pipeline.catalogs.alation.jobs import JobFailed, Jobs, once_accepted
from qsync_pipeline.catalogs.alation.keys import split_id
from qsync_pipeline.catalogs.alation.models import HealthValue
from qsync_pipeline.catalogs.alation.settings import AlationSettings
from qsync_pipeline.catalogs.common import chunks
from qsync_pipeline.core.names import fold
from qsync_pipeline.core.rows import Change, Outcome
from qsync_pipeline.transport.errors import Forbidden, OutsideError, Rejected, Throttled

ROWS_PER_CALL = 1000
"""No figure is published; this is Alation's general advice (alation-api.md §2.9)."""


class HealthWriter:
    """Health rows of one integration. ``now`` is the wall clock, in seconds since the epoch."""

    def __init__(
        self, client: AlationClient, jobs: Jobs, settings: AlationSettings, now: Callable[[], float]
    ) -> None:
        self._client = client
        self._jobs = jobs
        self._prefix = prefix_of(settings.integration)
        self._now = now

    def write(self, changes: Sequence[Change]) -> list[Outcome]:
        """One outcome per change, in order. What comes off goes first: it may be in the way of what goes on.

        ``Forbidden`` and ``Throttled`` are raised where the very first call is refused.
        """
        done: dict[tuple[str, str], Outcome] = {}
        written = [change for change in changes if change.after is not None]
        removed = [change for change in changes if change.after is None]
        for some in chunks(removed, ROWS_PER_CALL):
            self._settle(done, self._remove(some, first=not done))
        for some in chunks(written, ROWS_PER_CALL):
            self._settle(done, self._put(some, first=not done))
        return [done[(change.target, change.key)] for change in changes]

    @staticmethod
    def _settle(done: dict[tuple[str, str], Outcome], outcomes: Sequence[Outcome]) -> None:
        done.update({(one.change.target, one.change.key): one for one in outcomes})

    def _put(self, changes: Sequence[Change], *, first: bool) -> list[Outcome]:
        """One request; a refused one is split until the bad row is alone: nothing of it was written."""
        fields = {
            self._key(change): field_body(self._key(change), change.after)
            for change in changes
            if _rule_changed(change)
        }
        values = [self._value(change) for change in changes]
        try:
            body: dict[str, Any] = {"fields": list(fields.values())} if fields else {}
            end = self._jobs.finish(self._client.post_health({**body, "values": values}))
            with once_accepted("a write of health rows"):
                failed = failed_pairs(end.result, values, self._of_rules)
                strayed = self._strayed([change for change in changes if change.before is None])
        except Rejected as error:
            if len(changes) == 1:
                return [Outcome(changes[0], "rejected", str(error), "validation")]
            middle = len(changes) // 2
            return [
                *self._put(changes[:middle], first=False),
                *self._put(changes[middle:], first=False),
            ]
        except (Forbidden, Throttled) as error:
            return _refused(changes, error, first)
        except JobFailed as error:
            return [Outcome(change, "rejected", str(error), "server") for change in changes]
        outcomes: list[Outcome] = []
        for change, value in zip(changes, values, strict=True):
            pair, key = pair_of(value), value["object_key"]
            if pair in strayed:
                reason = f"Alation put the row on {strayed[pair]}, whose key differs from {key} by case only"
                outcomes.append(
                    Outcome(change, "rejected", f"{reason}; it was taken off again", "validation")
                )
            elif pair in failed:
                reason = f"Alation reported success but attached nothing to {key}"
                outcomes.append(Outcome(change, "rejected", reason, "missing"))
            else:
                outcomes.append(Outcome(change, "applied"))
        return outcomes

    def _strayed(self, changes: Sequence[Change]) -> dict[Pair, str]:
        """Which new rows stand on another object than they were meant for; they are taken off it.

        Keys are compared without case (§2.0), so of two objects that differ by case only it may be the other.
        """
        meant = {(self._key(change), fold(change.extra["qualified_name"])): change for change in changes}
        keys = list(dict.fromkeys(change.extra["qualified_name"] for change in changes))
        strayed: dict[Pair, str] = {}
        for value in self._client.health_values(objects=keys) if keys else ():
            pair = pair_of({"field_key": value.field_key, "object_key": value.object_key})
            on = object_of(value)
            if on is not None and pair in meant and on != meant[pair].target:
                strayed[pair] = on
        if strayed:
            body = {"values": [{"field_key": field, "object_key": key} for field, key in strayed]}
            with suppress(JobFailed):  # it is rejected all the same, and its next try finds it there
                self._jobs.finish(self._client.delete_health(body))
        return strayed

    def _remove(self, changes: Sequence[Change], *, first: bool) -> list[Outcome]:
        """Delete rows, then the rules that no row is left of: else they would be listed for ever."""
        pairs = [
            {"field_key": self._key(change), "object_key": change.extra["qualified_name"]}
            for change in changes
        ]
        keys = list(dict.fromkeys(pair["field_key"] for pair in pairs))
        try:
            self._jobs.finish(self._client.delete_health({"values": pairs}))
            with once_accepted("a removal of health rows"):
                there = self._of_rules(keys)
                left = {pair_of({"field_key": v.field_key, "object_key": v.object_key}) for v in there}
                unused = [key for key in keys if key not in {key for key, _ in left}]
                if unused:
                    self._jobs.finish(self._client.delete_health({"fields": unused}))
        except (Forbidden, Throttled) as error:
            return _refused(changes, error, first)
        except Rejected as error:
            return [Outcome(change, "rejected", str(error), "validation") for change in changes]
        except JobFailed as error:
            return [Outcome(change, "rejected", str(error), "server") for change in changes]
        return [
            Outcome(change, "applied")
            if pair_of(pair) not in left
            else Outcome(change, "rejected", "Alation did not remove the row", "server")
            for change, pair in zip(changes, pairs, strict=True)
        ]

    def _of_rules(self, keys: Sequence[str]) -> list[HealthValue]:
        return self._client.health_values(fields=keys)

    def _key(self, change: Change) -> str:
        return self._prefix + change.key

    def _value(self, change: Change) -> Mapping[str, Any]:
        parts = split_id(change.target)
        now = datetime.fromtimestamp(self._now(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return value_body(
            self._key(change),
            change.extra["qualified_name"],
            parts[0] if parts else "table",
            change.after,
            now,
        )


def _rule_changed(change: Change) -> bool:
    """Whether the rule has to be defined anew: its row is new, or says something else of it."""
    before, after = change.before or {}, change.after
    return any(before.get(word) != after[word] for word in ("rule", "description"))


def _refused(changes: Sequence[Change], error: OutsideError, first: bool) -> list[Outcome]:
    if first:
        raise error
    return [Outcome(change, "rejected", str(error), error.rejection_class) for change in changes]
