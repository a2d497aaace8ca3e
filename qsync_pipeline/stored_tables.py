"""The tables that stages have stored: one parquet file per datastore, read when it is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from qsync_pipeline.core.rows import CatalogAsset, Change, Link, Unit
from qsync_pipeline.core.tables import Table
from qsync_pipeline.core.tag_definition import TagDefinition

ROW_TYPES: dict[str, type[msgspec.Struct]] = {
    row_type.__name__: row_type for row_type in (Unit, CatalogAsset, Link, Change, TagDefinition)
}


class NoTable(Exception):
    """A table that a stage needs was never written, or can no longer be read."""


class Collected:
    """What a stage hands on: tables by key, kept as Arrow so that a large range stays small in memory."""

    def __init__(self) -> None:
        self.arrow: dict[str, pa.Table] = {}

    def add(self, key: str, table: Table[Any]) -> None:
        """Keep the table of one datastore."""
        self.arrow[key] = table.to_arrow()

    @classmethod
    def of(cls, tables: Iterable[tuple[str, Table[Any]]]) -> Collected:
        """Collect what a stage yields."""
        collected = cls()
        for key, table in tables:
            collected.add(key, table)
        return collected


class StoredTables(Mapping[str, Table[Any]]):
    """The stored tables of a stage, each read when it is asked for."""

    def __init__(self, directory: Path, stage: str, keys: Iterable[str] = ()) -> None:
        self._directory = directory
        self._stage = stage
        self._keys = tuple(keys)

    def __getitem__(self, key: str) -> Table[Any]:
        """The table of one datastore; raises :class:`NoTable` with what to do."""
        path = self._directory / f"{key}.parquet"
        if not path.exists():
            raise NoTable(f"{self._stage} has no table for {key}: materialize {self._stage} for it first")
        try:
            # One small file: handing it to Arrow's threads costs three times what reading it does.
            with pq.ParquetFile(path, pre_buffer=False) as file:
                arrow = file.read(use_threads=False)
            row_type = ROW_TYPES[msgspec.json.decode((arrow.schema.metadata or {})[b"qsync"])["row"]]
        except (pa.ArrowException, OSError, KeyError, msgspec.DecodeError) as wrong:
            raise NoTable(
                f"{self._stage}: the table for {key} cannot be read ({wrong}): materialize {self._stage} for "
                "it again"
            ) from wrong
        return Table.from_arrow(row_type, arrow)

    def find(self, key: str) -> Table[Any] | None:
        """The table of one datastore, or null where there is none that can be read."""
        try:
            return self[key]
        except NoTable:
            return None

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)
