"""The sensor that turns events into runs: one per integration, whoever noticed the events.

Events wait in the ledger (:mod:`qsync_pipeline.ledger.events`). A tick groups them by datastore, lets a burst
end, keeps away from datastores that a run is at, and starts one run for each gap-free range, with the tables
that are concerned as its scope.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import dagster as dg
import msgspec

from qsync_pipeline.assets.common import DATASTORES
from qsync_pipeline.automation.pending import Pending, Wanted, decode
from qsync_pipeline.automation.ranges import (
    event_directions,
    job_name,
    keys_between,
    ranges,
    run_config,
    run_tags,
)
from qsync_pipeline.automation.scrubbing import scrubbed
from qsync_pipeline.automation.sensors import discover
from qsync_pipeline.config import IntegrationConfig
from qsync_pipeline.ledger import Ledger
from qsync_pipeline.resources import INTEGRATION_TAG, LedgerResource, QualyticsResource
from qsync_pipeline.sync.run import Direction

INTERVAL = 1
"""Seconds; Dagster's daemon looks every five."""

WATCH = 3.4
"""Seconds that a tick waits for something to happen, where other ticks do not wait for it (``sensors:
use_threads`` in dagster.yaml). Dagster looks every five seconds: with the burst's end, this stays below."""

LINGER = 1.2
"""Seconds that a tick waits for a burst to end."""

PAUSE = 0.2
"""Seconds between two looks into the ledger while a tick waits."""

_WATCHING = threading.BoundedSemaphore(2)
"""Ticks of one code server that may watch at a time: each holds one of its few threads (cores + 4)."""

RANGE = 12
"""Datastores of one run: more go side by side."""

ACTIVE = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
"""States of a run that will still write, or may."""


def build_events_sensor(integration: IntegrationConfig, jobs: Sequence[Any]) -> dg.SensorDefinition | None:
    """The integration's sensor over its ``jobs``, running because the configuration asks for it; null where
    it does not."""
    directions = event_directions(integration)
    if not directions:
        return None

    @dg.sensor(
        name=f"{integration.name}_events",
        jobs=list(jobs),
        minimum_interval_seconds=INTERVAL,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Starts {' and '.join(sorted(directions))} runs of {integration.name} for the tables "
        "that something happened to: polls and webhooks note what happened, this picks it up.",
    )
    @scrubbed
    def by_event(
        context: dg.SensorEvaluationContext, qualytics: QualyticsResource, ledger: LedgerResource
    ) -> dg.SensorResult | dg.SkipReason:
        book = ledger.ledger()
        if not context.cursor:
            # What happened before the sensor was there is for the first whole sync, not for events.
            context.update_cursor(Pending(book.events.newest()).encode())
            return dg.SkipReason("First look: events from now on are acted on.")
        pending = decode(context.cursor)
        keys = book.datastores.keys()
        order = context.instance.get_dynamic_partitions(str(DATASTORES.name))
        busy = _busy(context.instance, integration.name, order, keys)
        pending = _watch(book, pending, integration, busy, side_by_side=_side_by_side(context.instance))
        ripe = pending.ripe(book.clock(), busy)
        new: Sequence[str] = []
        if any(keys.get(number) not in order for number in ripe):
            new = discover(context.instance, qualytics, book)
            keys = book.datastores.keys()
        order = [*order, *new]
        by_key = {keys[number]: wanted for number, wanted in ripe.items() if keys.get(number) in order}
        for number in sorted(set(ripe) - set(keys)):
            context.log.warning(f"an event names datastore {number}, which Qualytics does not show to us")
        requests = list(_requests(integration.name, by_key, order))
        if not requests:
            context.update_cursor(pending.without(ripe).encode())
            return dg.SkipReason(_waiting(pending.without(ripe)))
        return dg.SensorResult(
            run_requests=requests,
            cursor=pending.without(ripe).encode(),
            dynamic_partitions_requests=[DATASTORES.build_add_request(list(new))] if new else [],
        )

    return by_event


def _watch(
    book: Ledger, pending: Pending, integration: IntegrationConfig, busy: set[int], *, side_by_side: bool
) -> Pending:
    """What waits, as soon as some of it is ripe; waits a few seconds for that."""
    watches = side_by_side and _WATCHING.acquire(blocking=False)
    began = time.monotonic()
    try:
        while True:
            pending = _take_in(book, pending, integration)
            left = pending.quiet_in(book.clock(), busy)
            waited = time.monotonic() - began
            patience = (WATCH if watches else 0.0) + (0.0 if left is None else LINGER)
            if left == 0 or waited + (left or PAUSE) > patience:
                return pending
            time.sleep(PAUSE if left is None else min(left, PAUSE))
    finally:
        if watches:
            _WATCHING.release()


def _side_by_side(instance: dg.DagsterInstance) -> bool:
    return bool((instance.get_settings("sensors") or {}).get("use_threads"))


def _take_in(book: Ledger, pending: Pending, integration: IntegrationConfig) -> Pending:
    events = book.events.after(pending.last)
    mine = [one for one in events if one.integration in ("", integration.name)]
    taken = pending.taking(mine, concerning=event_directions(integration))
    return msgspec.structs.replace(taken, last=max([pending.last, *(one.id for one in events)]))


def _requests(
    integration: str, wanted: Mapping[str, Wanted], order: Sequence[str]
) -> Iterable[dg.RunRequest]:
    by_direction: dict[Direction, dict[str, Wanted]] = defaultdict(dict)
    for key, one in wanted.items():
        by_direction[one.direction][key] = one
    for direction, chosen in by_direction.items():
        for whole_part in ranges(order, chosen):
            for start in range(0, len(whole_part), RANGE):
                part = whole_part[start : start + RANGE]
                ids = f"{min(chosen[key].first for key in part)}-{max(chosen[key].last for key in part)}"
                yield dg.RunRequest(
                    run_key=f"{integration}:{direction}:{part[0]}:{ids}",
                    job_name=job_name(integration, direction),
                    tags=run_tags(integration, direction, part, "event"),
                    run_config=run_config(
                        dry_run=False,
                        scope={key: chosen[key].containers for key in part if not chosen[key].whole},
                    ),
                )


def _busy(
    instance: dg.DagsterInstance, integration: str, order: Sequence[str], keys: Mapping[int, str]
) -> set[int]:
    """Ids of the datastores that a run of this integration waits for or works on."""
    active = instance.get_runs(dg.RunsFilter(statuses=ACTIVE, tags={INTEGRATION_TAG: integration}))
    taken = {key for run in active for key in keys_between(order, run.tags)}
    return {number for number, key in keys.items() if key in taken}


def _waiting(pending: Pending) -> str:
    if not pending.wanted:
        return "Nothing happened."
    return f"{len(pending.wanted)} datastores wait: their burst goes on, or a run is at them."
