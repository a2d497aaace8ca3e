"""Worlds with Alation in them. Its jobs end at once: how they are waited for is tested with the adapter."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from qsync_pipeline.sandbox.systems import SYSTEMS
from qsync_pipeline.sandbox.testing import ALATION_ONLY
from qsync_pipeline_tests.e2e.harness import Synced, World, world

QUICK_JOBS = {"job_seconds": 0, "job_polls": 0}

Key = tuple[str, str, str]
"""(system, object, what), as in the whole state of a world."""


def alation_world(
    estate: Any = "small", seed: int = 1, switches: dict[str, Any] | None = None
) -> AbstractContextManager[World]:
    """A world whose only catalog is Alation."""
    return world(estate, seed, kinds=ALATION_ONLY, switches={"alation": {**QUICK_JOBS, **(switches or {})}})


def both_world(estate: Any = "small", seed: int = 1) -> AbstractContextManager[World]:
    """A world with Atlan and Alation, in this order."""
    return world(estate, seed, kinds=SYSTEMS, switches={"alation": QUICK_JOBS})


def memory(one: World) -> Any:
    """Alation's own memory, for what no person and no client sees."""
    return one.sandbox.systems["alation"].world  # type: ignore[attr-defined]  # the real system


def containers(one: World) -> dict[str, Any]:
    """Qualytics' containers, as it remembers them, by the names that people see."""
    store: Any = one.sandbox.systems["qualytics"].store  # type: ignore[attr-defined]  # the real system
    by_id = {
        f"container:{container.id}": container
        for datastore in store.datastores.values()
        for container in datastore.containers.values()
    }
    return {entry["name"]: by_id[entry["id"]] for entry in one.all("qualytics") if entry["id"] in by_id}


def settle(one: World) -> Synced:
    """One sync that goes well and keeps to its plan, after which everything is as the reference says."""
    done = one.sync()
    assert done.ok, done.failures or done.crashes
    assert done.excess() == []
    one.check()
    return done


def on(name: str, *whats: str, kind: str = "TABLE") -> set[Key]:
    """Keys of the whole state: what people see on an object in Alation."""
    return {("alation", f"{name} ({kind})", what) for what in whats}


def tags_of(one: World, *names: str) -> set[Key]:
    """The tag lists of these objects in Qualytics and of all that lies below them."""
    return {
        ("qualytics", f"{entry['name']} ({entry['kind']})", "tags")
        for entry in one.all("qualytics")
        if any(entry["name"] == name or entry["name"].startswith(f"{name}.") for name in names)
    }
