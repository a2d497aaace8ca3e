"""What a datastore looked like when we last looked, and what differs now. Pure.

Anomalies carry no time of their last change, and what was deleted is in no feed (qualytics-api.md §2.7): both
show only by comparison. Prints are hashes of what goes into a sync; tags do not, so that our own writes to
Qualytics are no change.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Literal, TypeVar

import msgspec

from qsync_pipeline.qualytics.feeds import Counts
from qsync_pipeline.qualytics.models import Anomaly, Check, Container, DatastoreMetrics

What = Literal["container", "check", "anomaly", "datastore"]

Kind = TypeVar("Kind")

Below = tuple[int, str]
"""Of a check or an anomaly: the id of its container (0 where it names none), and its print."""


class Memory(msgspec.Struct, frozen=True):
    """One datastore: containers by id (name, print), checks and open anomalies by id.

    ``serial`` counts the looks that found a difference.
    """

    serial: int = 0
    score: str = ""
    containers: dict[int, tuple[str, str]] = {}
    checks: dict[int, Below] = {}
    anomalies: dict[int, Below] = {}

    @property
    def is_empty(self) -> bool:
        return not self.containers

    def holding_back(self, before: Memory, found: Collection[Difference]) -> Memory:
        """With these as they were ``before``, so that the next look finds them differing still."""
        containers = {one.place for one in found if not one.is_score}

        def mixed(
            old: Mapping[int, tuple[int, str]], new: Mapping[int, tuple[int, str]]
        ) -> dict[int, tuple[int, str]]:
            kept = {number: row for number, row in new.items() if row[0] not in containers}
            return kept | {number: row for number, row in old.items() if row[0] in containers}

        rest = {number: row for number, row in self.containers.items() if number not in containers}
        held = {number: row for number, row in before.containers.items() if number in containers}
        return msgspec.structs.replace(
            self,
            score=before.score if any(one.is_score for one in found) else self.score,
            containers=rest | held,
            checks=mixed(before.checks, self.checks),
            anomalies=mixed(before.anomalies, self.anomalies),
        )


class Difference(msgspec.Struct, frozen=True):
    """One thing that is not as it was. ``container`` is empty where the whole datastore is concerned;
    ``place`` is the container's id, 0 for the datastore's own score."""

    what: What
    id: int
    how: Literal["new", "changed", "gone"]
    container: str
    place: int = 0

    @property
    def is_score(self) -> bool:
        return self.what == "datastore" and self.container != ""


def loaded(value: Any, kind: type[Kind]) -> Kind | None:
    """What a ledger's note holds; null where there is none, or one of another version: as if it were new."""
    if value is None:
        return None
    try:
        return msgspec.convert(value, kind, strict=False)
    except msgspec.ValidationError:
        return None


def printed(*parts: object) -> str:
    """A short hash of some values."""
    return hashlib.blake2s(msgspec.json.encode(parts), digest_size=5).hexdigest()


def counts_print(counts: Counts | None) -> str:
    """The print of a datastore's counts, and of its score behind it; empty where the build shows none."""
    return "" if counts is None else f"{printed(counts)}.{score_seen(counts)}"


def score_seen(metrics: Counts | DatastoreMetrics | None) -> str:
    """The print of a datastore's own score; empty where the build shows none in its listing."""
    return "" if metrics is None else printed(metrics.quality_score)


def score_print(counts: str) -> str:
    """The print of the score within :func:`counts_print`."""
    return counts.partition(".")[2]


def remembered(
    containers: Sequence[Container], checks: Sequence[Check], anomalies: Sequence[Anomaly], score: str = ""
) -> Memory:
    """What is to be remembered of a look: Active checks, open anomalies."""
    return Memory(
        score=score,
        containers={
            row.id: (row.name, printed(row.name, row.container_type, row.status, row.metrics or None))
            for row in containers
        },
        checks={
            row.id: (
                row.container.id if row.container else 0,
                printed(row.rule_type, row.description, row.field_names, row.container and row.container.id),
            )
            for row in checks
        },
        anomalies={
            row.id: (
                row.container.id if row.container else 0,
                printed(row.status, row.type, sorted(check.id for check in row.checks)),
            )
            for row in anomalies
        },
    )


def prints_of(memory: Memory) -> dict[int, str]:
    """One print for each container, of itself and all that is in it."""
    parts: dict[int, list[object]] = {number: [row] for number, row in memory.containers.items()}
    for rows in (memory.checks, memory.anomalies):
        for number in sorted(rows):
            container, text = rows[number]
            if container in parts:
                parts[container].append((number, text))
    return {number: printed(*found) for number, found in parts.items()}


def differences(before: Memory, now: Memory) -> list[Difference]:
    """Everything that differs, by container.

    A container that went or was renamed concerns the whole datastore. The score of the datastore itself goes
    out with any container, for every scoped run writes it: it comes last, with the first of them.
    """
    found: list[Difference] = []
    for number in sorted(before.containers.keys() | now.containers.keys()):
        old, new = before.containers.get(number), now.containers.get(number)
        if old == new:
            continue
        if new is None:
            found.append(Difference("container", number, "gone", ""))
        elif old is None:
            found.append(Difference("container", number, "new", new[0], number))
        else:
            name = new[0] if old[0] == new[0] else ""
            found.append(Difference("container", number, "changed", name, number))
    names = {number: name for number, (name, _) in {**before.containers, **now.containers}.items()}
    found += _below("check", before.checks, now.checks, names)
    found += _below("anomaly", before.anomalies, now.anomalies, names)
    if before.score != now.score:
        some = min(now.containers.items(), default=(0, ("", "")))
        found.append(Difference("datastore", 0, "changed", some[1][0]))
    return found


def _below(
    what: What,
    before: Mapping[int, Below],
    now: Mapping[int, Below],
    names: Mapping[int, str],
) -> Iterable[Difference]:
    for number in sorted(before.keys() | now.keys()):
        old, new = before.get(number), now.get(number)
        if old == new:
            continue
        how: Literal["new", "changed", "gone"] = (
            "gone" if new is None else "new" if old is None else "changed"
        )
        # A check that moved concerns both containers; an id without a name concerns the whole datastore.
        places = {place[0] for place in (old, new) if place is not None}
        for container in sorted(places):
            yield Difference(what, number, how, names.get(container, ""), container)
