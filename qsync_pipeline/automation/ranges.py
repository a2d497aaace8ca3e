"""Which runs a set of datastores needs, and the tags that keep overlapping runs apart.

One run takes one contiguous range in the order of the dynamic partitions; a set with gaps becomes one run per
gap-free range (DESIGN.md §3).
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence

import dagster as dg

from qsync_pipeline.config import IntegrationConfig
from qsync_pipeline.resources import DIRECTION_TAG, INTEGRATION_TAG
from qsync_pipeline.sync.run import Direction, Retire

RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
SLOTS = 16


def job_name(integration: str, direction: Direction) -> str:
    """The job of an integration for a direction."""
    return f"{integration}_{'sync' if direction == 'both' else direction}"


def event_directions(integration: IntegrationConfig) -> frozenset[str]:
    """The directions that events start for an integration."""
    wanted = {"push": integration.event_driven, "pull": integration.pull_on_change}
    return frozenset(direction for direction, on in wanted.items() if on)


def ranges(ordered: Sequence[str], wanted: Collection[str]) -> list[list[str]]:
    """The gap-free ranges, in the order of the partitions, that make up the wanted keys."""
    found: list[list[str]] = []
    previous_wanted = False
    chosen = frozenset(wanted)
    for key in ordered:
        if key in chosen:
            if previous_wanted:
                found[-1].append(key)
            else:
                found.append([key])
        previous_wanted = key in chosen
    return found


def keys_between(ordered: Sequence[str], tags: Mapping[str, str]) -> list[str]:
    """The datastores of a run, from its tags: one partition, a range, or none."""
    if key := tags.get("dagster/partition"):
        return [key]
    first, last = tags.get(RANGE_START), tags.get(RANGE_END)
    if first not in ordered or last not in ordered:
        return []
    return list(ordered[ordered.index(first) : ordered.index(last) + 1])


def slot(datastore: str) -> str:
    """The slot of a datastore: runs that share one wait for each other."""
    digest = hashlib.blake2s(datastore.encode(), digest_size=2).digest()
    return f"qsync/slot-{int.from_bytes(digest) % SLOTS:02d}"


def run_tags(integration: str, direction: Direction, keys: Sequence[str], trigger: str) -> dict[str, str]:
    """The tags of a run over one gap-free range."""
    return {
        RANGE_START: keys[0],
        RANGE_END: keys[-1],
        INTEGRATION_TAG: integration,
        DIRECTION_TAG: direction,
        "qsync/trigger": trigger,
        **{slot(key): integration for key in keys},
    }


def run_config(
    *,
    dry_run: bool,
    first_write: bool = False,
    adopt: bool = False,
    scope: Mapping[str, Sequence[str]] | None = None,
    approve: Sequence[str] = (),
    lines: str = "",
    retire: Retire = "",
    revert: str = "",
) -> dg.RunConfig:
    """The settings of a run, all of them: what is left out falls back to the safe defaults.

    The direction is the job's. ``scope`` names the only containers of some datastores; ``lines``, ``retire``
    and ``revert`` say where the plans come from, if not from the two sides.
    """
    only = {key: list(names) for key, names in (scope or {}).items()}
    settings: dict[str, object] = {"direction": "both", "scope": only, "approve": list(approve)}
    settings |= {"dry_run": dry_run, "first_write": first_write, "adopt": adopt}
    settings |= {"lines": lines, "retire": retire, "revert": revert}
    return dg.RunConfig(resources={"settings": {"config": settings}})
