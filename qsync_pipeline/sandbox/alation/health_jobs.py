"""What the jobs of data health do, and what they tell (alation-api.md §2.9).

The most important fact for a client: a job is successful although a row's key names nothing. Such rows are
counted in ``created_object_attribution`` and stored nowhere.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from qsync_pipeline.sandbox.alation.health import OTYPE_OF, STATUSES
from qsync_pipeline.sandbox.alation.jobs import Keeps, Work
from qsync_pipeline.sandbox.alation.model import Node
from qsync_pipeline.sandbox.alation.times import read
from qsync_pipeline.sandbox.alation.users import User
from qsync_pipeline.sandbox.alation.world import World

Pair = dict[str, Any]
_DURATION = 0.000_01
"""Seconds that ``total_duration`` says a row took."""


def post_work(world: World, user: User, fields: list[Pair], values: list[Pair]) -> Work:
    """Upsert fields by field_key, then values by field_key and object."""

    def work(keeps: Keeps) -> dict[str, Any]:
        now = world.clock.now()
        tally = _Tally(world.switches.health_sample)
        for index, row in enumerate(fields):
            if keeps(index):
                new = world.health.put_field(
                    row["field_key"], str(row["name"]), row["type"], str(row.get("description") or ""), now
                )
                tally.add("fields", "created" if new else "updated", {"field_key": row["field_key"]})
        states: Counter[str] = Counter()
        for index, row in enumerate(values):
            if not keeps(index):
                continue
            pair = {"field_key": row["field_key"], "object_key": row["object_key"]}
            node = _target(world, user, row)
            if node is None:
                tally.add("attribution", "failure", pair)
                continue
            stamp = read(row["last_updated"]) if row.get("last_updated") else now
            new = world.health.put_value(
                row["field_key"], node, row["status"], row["value"], row.get("url"), stamp or now
            )
            tally.add("values", "created" if new else "updated", pair)
            if new or world.switches.attribution == "all":
                tally.add("attribution", "success", pair)
            states[row["status"]] += 1
        return {
            "fields": {name: tally.told("fields", name) for name in ("created", "updated")},
            "values": {name: tally.told("values", name) for name in ("created", "updated")},
            "created_object_attribution": {
                "success_count": tally.count("attribution", "success"),
                "failure_count": tally.count("attribution", "failure"),
                "success_sample": tally.sample("attribution", "success"),
                "failure_sample": tally.sample("attribution", "failure"),
            },
            "flag_counts": {state: states[state] for state in STATUSES},
            "total_duration": _DURATION * (len(fields) + len(values)),
        }

    return work


def _target(world: World, user: User, row: Pair) -> Node | None:
    """The object of a value; null where the row fails alone (rows 12, 13, 18)."""
    if row["field_key"] not in world.health.fields:
        return None
    node = world.store.resolve(str(row["object_key"]))
    if node is None or node.otype != OTYPE_OF[row["object_type"]]:
        return None
    return node if world.access.writes(user, node) else None


def delete_work(world: World, user: User, fields: list[str], values: list[Pair]) -> Work:
    """Delete fields and values; what is not there is counted, and no error."""

    def work(keeps: Keeps) -> dict[str, Any]:
        tally = _Tally(world.switches.health_sample)
        for index, row in enumerate(values):
            if keeps(index):
                node = world.store.resolve(str(row["object_key"]))
                allowed = node is not None and world.access.writes(user, node)
                gone = node is not None and allowed and world.health.delete_value(row["field_key"], node)
                pair = {"field_key": row["field_key"], "object_key": row["object_key"]}
                tally.add("values", "deleted" if gone else "not_found", pair)
        for index, key in enumerate(fields):
            if keeps(index):
                gone = world.health.delete_field(key)
                tally.add("fields", "deleted" if gone else "not_found", {"field_key": key})
        told = {
            kind: {name: tally.told(kind, name) for name in ("deleted", "not_found")}
            for kind in ("fields", "values")
        }
        return {**told, "total_duration": _DURATION * (len(fields) + len(values))}

    return work


class _Tally:
    """Counts by kind and fate, with a sample of each."""

    def __init__(self, cap: int) -> None:
        self._cap = cap
        self._counts: Counter[tuple[str, str]] = Counter()
        self._samples: dict[tuple[str, str], list[Pair]] = {}

    def add(self, kind: str, fate: str, pair: Pair) -> None:
        self._counts[kind, fate] += 1
        sample = self._samples.setdefault((kind, fate), [])
        if len(sample) < self._cap:
            sample.append(pair)

    def count(self, kind: str, fate: str) -> int:
        return self._counts[kind, fate]

    def sample(self, kind: str, fate: str) -> list[Pair]:
        return self._samples.get((kind, fate), [])

    def told(self, kind: str, fate: str) -> dict[str, Any]:
        return {"count": self.count(kind, fate), "sample": self.sample(kind, fate)}
