"""Tables between stages: one parquet file per datastore, written aside and renamed.

Dagster's own path-based IO manager refuses several partitions in one output (dagster-practice.md §5), and a
range of datastores is what a run of ours is.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pyarrow.parquet as pq

from qsync_pipeline.outside_text import for_csv
from qsync_pipeline.stored_tables import Collected, StoredTables


@contextmanager
def _aside(path: Path) -> Iterator[Path]:
    """A file beside this one that takes its place when the block ends well, and goes when it does not."""
    aside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield aside
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


class TableIOManager(dg.IOManager):
    """Stores :class:`Collected` under ``<directory>/<asset key>/<datastore>.parquet``."""

    def __init__(self, directory: str) -> None:
        self.directory = directory

    def handle_output(self, context: dg.OutputContext, obj: Collected) -> None:
        """Write every table aside, then rename: a reader sees the old one or the new one, never a part."""
        folder = self._folder(context.asset_key)
        folder.mkdir(parents=True, exist_ok=True)
        for key, table in obj.arrow.items():
            with _aside(folder / f"{key}.parquet") as aside:
                pq.write_table(table, aside)
        context.add_output_metadata({"stored in": dg.MetadataValue.path(str(folder))})

    def write_log(self, key: dg.AssetKey, name: str, rows: Iterable[Mapping[str, str]]) -> Path:
        """Write a log for people beside the stage's tables, as CSV; returns where it is."""
        folder = self._folder(key)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{name}.csv"
        with _aside(path) as aside, aside.open("w", newline="", encoding="utf-8") as file:
            writer: csv.DictWriter[str] | None = None
            for row in rows:
                if writer is None:
                    writer = csv.DictWriter(file, fieldnames=list(row))
                    writer.writeheader()
                writer.writerow({column: for_csv(cell) for column, cell in row.items()})
        return path

    def stored(self, key: dg.AssetKey) -> StoredTables:
        """What a stage wrote in earlier runs."""
        return StoredTables(self._folder(key), key.to_user_string())

    def load_input(self, context: dg.InputContext) -> StoredTables:
        """The upstream stage's tables, lazily."""
        keys = context.asset_partition_keys if context.has_asset_partitions else ()
        return StoredTables(self._folder(context.asset_key), context.asset_key.to_user_string(), keys)

    def _folder(self, key: dg.AssetKey) -> Path:
        return Path(self.directory).joinpath(*key.path)
