"""From facts to causes: what people are told of, once for as long as it stands. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from qsync_pipeline.catalogs.base import LAPSES_SOON
from qsync_pipeline.config import CauseKind
from qsync_pipeline.ledger import ParkedScope, Rejection, Report
from qsync_pipeline.notices.crashes import Crash
from qsync_pipeline.sync import inventory, mapping

DAY = 86400.0

CHECKS = "?view=checks"
"""What leads to the checks on an asset's page in Dagster."""

_TODO = {
    "unauthorized": "Make a new token, and put it where the config reads it from.",
    "unreachable": "Check that the system is up and reachable from here: qsync doctor.",
    "config": "Correct the config: qsync doctor.",
    "internal": "Look at the run's log. This may be a fault of qsync's own: report it with that log.",
}
_TOLD = "make a new one", "When that is done, qsync doctor tells whether it works."
"""Words of an error that says itself what to do (``transport.auth``), and what is left to say."""
_LOOK = "Look at the run, mend what it names, and sync again."


@dataclass(frozen=True)
class Cause:
    """Something that needs a person.

    ``key`` stays the same for as long as the cause stands, across runs and restarts; causes that differ in
    their ``datastore`` alone make one line of a message. ``link`` is a path in Dagster's UI. ``early``: a run
    is at it, so it may go by itself; not told yet, nor forgotten where it was told before.
    """

    kind: CauseKind
    about: str
    key: str
    title: str
    happened: str
    todo: str
    datastore: str = ""
    link: str = ""
    early: bool = False

    @property
    def id(self) -> str:
        """Names the cause in the ledger."""
        return "|".join((self.kind, self.about, self.key, self.datastore))


@dataclass(frozen=True)
class TokenLife:
    """When the credentials for a system lapse (seconds since the epoch), and what a person does about it."""

    system: str
    lapses_at: float
    todo: str


@dataclass(frozen=True)
class Facts:
    """What is known to stand against one integration.

    ``rejected`` is by stage and datastore; ``parked_in`` the stage that each surface is parked in; ``behind``
    the datastores out of step by the stage that should have written; ``unmatched`` why coverage is red though
    no datastore failed. ``at_work`` are datastores that a run waits for or is at, ``first_contact`` is
    whether the first write was not asked for yet.
    """

    integration: str
    failures: Sequence[Report] = ()
    crashes: Sequence[Crash] = ()
    parked: Sequence[ParkedScope] = ()
    parked_in: Mapping[str, str] = field(default_factory=dict)
    rejected: Mapping[str, Mapping[str, Sequence[Rejection]]] = field(default_factory=dict)
    behind: Mapping[str, Collection[str]] = field(default_factory=dict)
    unmatched: str = ""
    at_work: frozenset[str] = frozenset()
    first_contact: bool = False


def causes_of(facts: Facts) -> list[Cause]:
    """Everything that stands against an integration, the gravest first.

    A datastore that is out of step because of something that is told anyway, or that was approved and waits
    for the next sync, is not told of twice.
    """
    found = [*_crashed(facts), *_failed(facts), *_parked(facts), *_rejected(facts)]
    if facts.unmatched:
        found.append(_unmatched(facts))
    explained = {one.datastore for one in found if one.kind != "red_check" or one.datastore}
    explained |= {scope.datastore for scope in facts.parked}
    if "" not in explained:  # a whole run failed, which explains them all
        found += _behind(facts, explained)
    once: dict[str, Cause] = {}
    for cause in found:  # several runs may have failed alike: the newest is shown
        once.setdefault(cause.id, cause)
    return list(once.values())


def token_causes(tokens: Sequence[TokenLife], now: float) -> Iterator[Cause]:
    """Credentials with under 14 days left. A new token makes a new cause."""
    for one in tokens:
        if one.lapses_at - now >= LAPSES_SOON * DAY:
            continue
        day = datetime.fromtimestamp(one.lapses_at, UTC).strftime("%Y-%m-%d")
        lapsed = one.lapses_at <= now
        yield Cause(
            "expiring_token",
            one.system,
            day,
            f"{one.system}: the token {'has lapsed' if lapsed else 'lapses soon'}",
            f"it {'lapsed' if lapsed else 'lapses'} on {day}",
            one.todo,
        )


def _crashed(facts: Facts) -> Iterator[Cause]:
    name = facts.integration
    for crash in facts.crashes:
        for key in crash.datastores:
            yield Cause(
                "failed_run",
                name,
                f"crashed:{crash.direction}",
                f"{name}: a run ended before it was done",
                crash.why or "its process is gone, and left no reason",
                "Look at the run, and start it again.",
                key,
                f"/runs/{crash.run_id}",
            )


def _failed(facts: Facts) -> Iterator[Cause]:
    name = facts.integration
    for report in facts.failures:
        # The inventory is read once for all integrations: its failure is none of this one's catalog.
        what = report.stage if report.stage == inventory.STAGE else f"{name}: {report.stage}"
        yield Cause(
            "failed_run",
            name,
            f"{report.stage}:{report.error_class}",
            f"{what} failed",
            report.error,
            _TOLD[1] if _TOLD[0] in report.error else _TODO.get(report.error_class, _LOOK),
            report.datastore,
            f"/runs/{report.run_id}",
        )


def _parked(facts: Facts) -> Iterator[Cause]:
    name = facts.integration
    for scope in facts.parked:
        if scope.is_approved:
            continue
        stage = facts.parked_in.get(scope.surface, "")
        look = f"qsync plan --integration {name} shows the lines."
        yield Cause(
            "parked_scope",
            name,
            scope.surface,
            f"{name}: {scope.surface} waits for approval",
            scope.reason,
            f"{look} If they are right: qsync approve {scope.code}" if scope.code else look,
            scope.datastore,
            f"/assets/{name}/{stage}{CHECKS}" if stage else "",
        )


def _rejected(facts: Facts) -> Iterator[Cause]:
    name = facts.integration
    for stage, by_datastore in facts.rejected.items():
        for key, standing in sorted(by_datastore.items()):
            by_class: dict[str, list[Rejection]] = defaultdict(list)
            for one in standing:
                by_class[one.error_class].append(one)
            for kind, same in sorted(by_class.items()):
                yield Cause(
                    "red_check",
                    name,
                    f"{stage}:rejected:{kind}",
                    f"{name}: {stage} was refused in part",
                    min(one.reason for one in same) or kind,
                    "qsync rejected list shows what; mend what the reason names, and it is "
                    "tried again by itself.",
                    key,
                    f"/assets/{name}/{stage}{CHECKS}",
                )


def _unmatched(facts: Facts) -> Cause:
    name = facts.integration
    return Cause(
        "red_check",
        name,
        "coverage",
        f"{name}: nothing is matched",
        facts.unmatched,
        "Compare domains and patterns in the config with both systems, and what the token may see: "
        "qsync doctor.",
        link=f"/assets/{name}/{mapping.STAGE}{CHECKS}",
        early=bool(facts.at_work),
    )


def _behind(facts: Facts, explained: Collection[str]) -> Iterator[Cause]:
    name = facts.integration
    if facts.first_contact:
        happened = "the first write was not asked for yet"
        todo = f"Look at qsync plan --integration {name}, then ask for it: qsync sync --first-write."
    else:
        happened = "the last sync left something of its plan unwritten"
        todo = f"Sync again; if it stays, qsync plan --integration {name} shows what is left."
    for stage, keys in facts.behind.items():
        for key in sorted(set(keys) - set(explained)):
            yield Cause(
                "red_check",
                name,
                f"in_step:{stage}",
                f"{name}: {stage} is not in step",
                happened,
                todo,
                key,
                f"/assets/{name}/{stage}{CHECKS}",
                early=key in facts.at_work,
            )
