"""Two runs on one datastore at once: the second works its tag plan out anew (DESIGN.md §3, §5.2).

Tag writes of all integrations on a datastore go one after the other, under one claim. Plans are made before
that, so the plan of the second run may be older than what the first one wrote: it would take off what the
first has just found wanted, or count on what the first has taken off. So each run leaves word of when it
wrote, and one that finds newer word than its reading reads Qualytics again and plans again, under the claim.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from qsync_pipeline.core.names import tag_key
from qsync_pipeline.core.rows import CatalogAsset, Change, Link, Unit
from qsync_pipeline.core.tables import Table
from qsync_pipeline.core.tags import SURFACE
from qsync_pipeline.qualytics.inventory import read_inventory
from qsync_pipeline.sync import planning
from qsync_pipeline.sync.definition_records import read_definitions
from qsync_pipeline.sync.run import Run
from qsync_pipeline.sync.scope import folded, merged_units
from qsync_pipeline.transport.errors import SyncError

Replan = Callable[[str], Table[Change]]
"""Key of a datastore -> its tag plan by what Qualytics shows now. Raises ``SyncError``."""


def leave_word(run: Run, key: str) -> None:
    """Note that this run writes tags of a datastore now."""
    word = {"run": run.run_id, "integration": run.name, "at": run.ledger.clock()}
    run.ledger.notes.put("", _note(key), word)


def overtaken(run: Run, key: str, plan: Table[Change]) -> str:
    """Why a plan no longer holds, because of what other runs wrote since it was made; else empty."""
    read_at = plan.meta.get("read_at")
    if read_at is None:
        return ""  # the plan of a datastore that is gone
    word: Mapping[str, Any] | None = run.ledger.notes.get("", _note(key))
    if word is not None and word["run"] != run.run_id and word["at"] >= read_at:
        return f"{word['integration']} wrote tags here meanwhile"
    made = {change.key for change in plan.rows if change.surface != SURFACE and change.action == "create"}
    needed = {
        change.key: change.after
        for change in plan.rows
        if (change.surface, change.action, change.status) == (SURFACE, "create", "planned")
    }
    if needed.keys() - made:
        there = {tag_key(tag.name) for tag in run.qualytics.global_tags()}
        if gone := [name for tag, name in needed.items() if tag not in there | made]:
            return f"the definition of {gone[0]} was deleted meanwhile"
    return ""


def plan_again(
    run: Run,
    inventory: Mapping[str, Table[Unit]],
    assets: Mapping[str, Table[CatalogAsset]],
    links: Mapping[str, Table[Link]],
    index: Table[CatalogAsset],
    last: str,
    key: str,
) -> Table[Change]:
    """The tag plan of one datastore by a fresh reading; the other arguments are as they were planned on.

    ``last`` is the last datastore of the run, whose plan cleans up after all. What has come into being since
    the first reading has no link yet, and is left to the next run.
    """
    units = _read(run, key, inventory[key], links[key])
    definitions = read_definitions(run)
    [(_, plan)] = planning.plan_tags_of_range(
        run, [key], {key: units}, assets, links, index, definitions, clean_up=key == last
    )
    if plan.failure is not None:
        raise SyncError(plan.failure)
    return plan


def _read(run: Run, key: str, stored: Table[Unit], links: Table[Link]) -> Table[Unit]:
    meta = {**stored.meta, "read_at": time.time()}
    numbers = {known: number for number, known in run.ledger.datastores.keys().items()}
    datastore = run.qualytics.datastore(numbers[key])
    if scope := run.scope.get(key):
        fresh = read_inventory(run.qualytics, datastore, key=key, containers=scope)
        units = merged_units(stored.rows, fresh, folded(scope))
    else:
        units = read_inventory(run.qualytics, datastore, key=key)
    known = {link.unit for link in links.rows}
    return Table(Unit, [unit for unit in units if unit.id in known], meta=meta)


def _note(key: str) -> str:
    return f"tags_written:{key}"
