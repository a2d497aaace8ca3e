"""What people act in, and what its objects are called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from qsync_pipeline.sandbox.kernel import System
from qsync_pipeline_tests.e2e.trees import folded
from qsync_pipeline_tests.histories.world import Json

_LEVELS = {"datastore": 0, "schema": 0, "container": 1, "field": 2, "column": 2, "attribute": 2}


def level_of(entry: Json) -> int:
    """0 for schemas, 1 for tables, 2 for columns, -1 for what lies above."""
    if entry["kind"] in ("data", "Connection", "Database"):
        return -1
    if entry["id"].startswith("container:"):
        return 1
    return _LEVELS.get(str(entry["kind"]).lower(), 1)


def plain_name(entry: Json) -> str:
    """The name under which an object of one system has its counterparts in the others."""
    return folded(str(entry["name"]).removeprefix("DEFAULT."))


class Scene(Protocol):
    """What people act in: a :class:`.world.World`, or a sandbox that serves."""

    @property
    def catalogs(self) -> Sequence[str]: ...
    @property
    def domains(self) -> Sequence[str]: ...
    @property
    def settings(self) -> Mapping[str, Mapping[str, Any]]: ...
    @property
    def systems(self) -> Mapping[str, System]: ...
    @property
    def store(self) -> Any: ...
    @property
    def sandbox(self) -> Any: ...
    def mutate(self, system: str, do: str, **words: Any) -> bool: ...
    def state(self, system: str) -> list[Json]: ...
    def settle(self) -> None: ...
