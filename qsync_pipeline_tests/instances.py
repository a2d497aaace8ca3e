"""A Dagster instance in memory on which a sync costs half of what it does on ``DagsterInstance.ephemeral``.

Runs are Dagster's own, as are the events that they hand to whoever carries them out. Of what Dagster *keeps*
of a run, this event log holds what the package reads back: the failures, and the partitions. The rest (a
materialization is stored in three tables, and looked up again by every step below it) is for Dagster's UI:
tests of that, and those that start processes, run on instances in files, which are Dagster's as they come.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import dagster as dg
from dagster._core.storage.event_log import InMemoryEventLogStorage
from dagster._core.storage.event_log.base import AssetRecord
from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import StaticPool

_KEPT = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE}


class QuickEventLog(InMemoryEventLogStorage):
    """The failures of runs, in memory, on one connection. Partition keys are remembered until they change."""

    def __init__(self) -> None:
        super().__init__()
        self._quick = create_engine(
            self._engine.url, poolclass=StaticPool, connect_args={"check_same_thread": False}
        )
        self._keys: dict[str, list[str]] = {}

    @contextmanager
    def _connect(self) -> Iterator[Connection]:
        with self._db_lock, self._quick.begin() as connection:
            yield connection

    def store_event(self, event: dg.EventLogEntry) -> None:
        if event.dagster_event_type in _KEPT:
            super().store_event(event)

    @property
    def asset_records_have_last_observation(self) -> bool:
        return True  # so nobody looks for one elsewhere

    def get_asset_records(self, asset_keys: Sequence[dg.AssetKey] | None = None) -> Sequence[AssetRecord]:
        return []

    def has_table(self, table_name: str) -> bool:
        return True

    def _has_asset_key_col_on_connection(self, conn: Connection, column_name: str) -> bool:
        return True

    def get_dynamic_partitions(self, partitions_def_name: str) -> Sequence[str]:
        if partitions_def_name not in self._keys:
            self._keys[partitions_def_name] = list(super().get_dynamic_partitions(partitions_def_name))
        return list(self._keys[partitions_def_name])

    def has_dynamic_partition(self, partitions_def_name: str, partition_key: str) -> bool:
        return partition_key in self.get_dynamic_partitions(partitions_def_name)

    def add_dynamic_partitions(self, partitions_def_name: str, partition_keys: Sequence[str]) -> None:
        super().add_dynamic_partitions(partitions_def_name, partition_keys)
        self._keys.pop(partitions_def_name, None)

    def delete_dynamic_partition(self, partitions_def_name: str, partition_key: str) -> None:
        super().delete_dynamic_partition(partitions_def_name, partition_key)
        self._keys.pop(partitions_def_name, None)

    def dispose(self) -> None:
        self._quick.dispose()
        super().dispose()


_ephemeral = dg.DagsterInstance.ephemeral
"""Dagster's own, also where a test has put the quick one in its place."""


def quick_instance() -> dg.DagsterInstance:
    """An ephemeral instance with a :class:`QuickEventLog`; close it, or use it in a ``with``."""
    instance: Any = _ephemeral()
    instance._event_storage.dispose()
    instance._event_storage = QuickEventLog()
    instance._event_storage.register_instance(instance)
    return instance
