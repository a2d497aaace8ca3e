"""A Dagster instance in memory on which a sync costs half of what it does on ``DagsterInstance.ephemeral``.

Runs are Dagster's own, as are the events that they hand to whoever carries them out. Of what Dagster *keeps*
of a run, this event log holds what the package reads back: the failures, and the partitions. The rest (a
materialization is stored in three tables, and looked up again by every step below it) is for Dagster's UI:
tests of that, and those that start processes, run on instances in files, which are Dagster's as they come.
"""

from __future__ import annotations

import threading
from collections import defaultdict, namedtuple
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any
from unittest import mock

import dagster as dg
from dagster._core.definitions import scoped_resources_builder
from dagster._core.storage import event_log, runs
from dagster._core.storage.event_log import InMemoryEventLogStorage
from dagster._core.storage.event_log.base import AssetRecord
from dagster._core.storage.runs import InMemoryRunStorage
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.pool import StaticPool

_KEPT = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE}


class _OneConnection:
    """A database in memory on one connection, for the threads of a run in turn.

    Its empty tables are a copy of Dagster's: to make them, and to look up the newest migration, takes longer
    than what a small sync reads.
    """

    def __init__(self, made: Engine) -> None:
        self.engine = create_engine(
            "sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False}
        )
        self._turn = threading.RLock()
        with made.connect() as from_, self.engine.connect() as to:
            source: Any = from_.connection.driver_connection
            source.backup(to.connection.driver_connection)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Committed at the end, rolled back on an exception."""
        with self._turn, self.engine.begin() as connection:
            yield connection


@cache
def _made(storage: type[InMemoryRunStorage] | type[InMemoryEventLogStorage]) -> Any:
    """One of Dagster's own, once per process."""
    return storage()


class QuickRuns(InMemoryRunStorage):
    """Dagster's run storage on one connection."""

    def __init__(self, preload: None = None) -> None:
        self._one = _OneConnection(_made(InMemoryRunStorage)._engine)
        self._engine = self._one.engine

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        with self._one.transaction() as connection:
            yield connection

    def dispose(self) -> None:
        self._engine.dispose()


class QuickEventLog(InMemoryEventLogStorage):
    """The failures of runs, in memory, on one connection. Partition keys are remembered until they change."""

    def __init__(self, inst_data: None = None, preload: None = None) -> None:
        self._inst_data = inst_data
        self._one = _OneConnection(_made(InMemoryEventLogStorage)._engine)
        self._engine = self._one.engine
        self._handlers = defaultdict(set)
        self._storage_id = 0
        self._keys: dict[str, list[str]] = {}

    @contextmanager
    def _connect(self) -> Iterator[Connection]:
        with self._one.transaction() as connection:
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
        self._engine.dispose()


@cache
def _tuple_of(name: str, *fields: str) -> type:
    return namedtuple(name, fields)


def _known_tuple(name: str, fields: Iterable[str]) -> type:
    return _tuple_of(name, *fields)


# Dagster makes a class for the resources of each step, input and output, of the same few names each time.
setattr(scoped_resources_builder, "namedtuple", _known_tuple)  # noqa: B010 - it is no name that module exports

_ephemeral = dg.DagsterInstance.ephemeral
"""Dagster's own, also where a test has put the quick one in its place."""


def quick_instance() -> dg.DagsterInstance:
    """An ephemeral instance with a :class:`QuickEventLog`; close it, or use it in a ``with``."""
    with (
        mock.patch.object(runs, "InMemoryRunStorage", QuickRuns),
        mock.patch.object(event_log, "InMemoryEventLogStorage", QuickEventLog),
    ):
        return _ephemeral()
