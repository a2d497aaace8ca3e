"""Tables between stages: one file per datastore, written aside and renamed (DESIGN.md §3)."""

from __future__ import annotations

import csv
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from qsync_pipeline.core.rows import Change, Unit
from qsync_pipeline.core.tables import FailedTable, Table
from qsync_pipeline.stored_tables import Collected, NoTable, StoredTables
from qsync_pipeline.tables_io import TableIOManager
from qsync_pipeline_tests.core.build import container, datastore

KEY = dg.AssetKey(["atlan", "asset_mapping"])
PARTIAL = "Never act on a partial read"


def store(manager: TableIOManager, **tables: Table[Unit]) -> None:
    context = dg.build_output_context(asset_key=KEY)
    manager.handle_output(context, Collected.of(tables.items()))


def stored(directory: Path) -> StoredTables:
    return StoredTables(directory.joinpath(*KEY.path), "atlan/asset_mapping", ["sales"])


@pytest.fixture
def manager(tmp_path: Path) -> TableIOManager:
    return TableIOManager(directory=str(tmp_path))


@pytest.mark.parametrize("content", [b"", b"junk", b"PAR1PAR1PAR1"])
def test_a_table_that_cannot_be_read_counts_as_none_and_is_named(
    manager: TableIOManager, tmp_path: Path, content: bytes
) -> None:
    store(manager, sales=Table(Unit, [datastore()]))
    (path,) = tmp_path.rglob("sales.parquet")
    path.write_bytes(content)
    tables = stored(tmp_path)
    assert tables.find("sales") is None
    with pytest.raises(NoTable, match="atlan/asset_mapping: the table for sales cannot be read"):
        tables["sales"]


def test_what_a_stage_stores_the_next_one_reads(manager: TableIOManager, tmp_path: Path) -> None:
    rows = [datastore(), container(1, "Größe “x”")]
    store(manager, sales=Table(Unit, rows, meta={"read_at": 1.5, "missing": {}}))
    table = stored(tmp_path)["sales"]
    assert table.rows == tuple(rows)
    assert table.meta == {"read_at": 1.5, "missing": {}}


@pytest.mark.rule("3", "An IO manager of our own")
def test_a_range_of_datastores_is_one_file_each_and_the_others_stay(
    manager: TableIOManager, tmp_path: Path
) -> None:
    store(manager, sales=Table(Unit, [datastore()]), hr=Table(Unit))
    store(manager, hr=Table(Unit, [datastore(2, "HR")]))
    assert len(stored(tmp_path)["sales"]) == len(stored(tmp_path)["hr"]) == 1


@pytest.mark.rule("3", "So inside a run each datastore fails on its own")
def test_a_failed_table_comes_back_failed(manager: TableIOManager, tmp_path: Path) -> None:
    store(manager, sales=Table(Unit, failure="no answer"))
    with pytest.raises(FailedTable, match="no answer"):
        _ = stored(tmp_path)["sales"].rows


def test_tables_of_any_row_type_say_which_they_are(manager: TableIOManager, tmp_path: Path) -> None:
    store(manager, sales=Table(Change, [Change("s", "create", "t", "n", after="")]))  # type: ignore[arg-type]  # rows vary
    assert stored(tmp_path)["sales"].row_type is Change


@pytest.mark.rule("5.5", PARTIAL)
def test_a_table_that_was_never_written_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NoTable, match="materialize atlan/asset_mapping for it first"):
        _ = stored(tmp_path)["sales"]


@pytest.mark.rule("5.5", PARTIAL)
def test_a_write_that_breaks_off_leaves_the_old_table_whole_and_no_litter(
    manager: TableIOManager, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(manager, sales=Table(Unit, [datastore()]))

    def half(table: pa.Table, path: Path) -> None:
        path.write_bytes(b"PAR1 half of a file")
        raise OSError("disk full")

    monkeypatch.setattr(pq, "write_table", half)
    with pytest.raises(OSError, match="disk full"):
        store(manager, sales=Table(Unit))
    monkeypatch.undo()
    assert len(stored(tmp_path)["sales"]) == 1
    assert [path.name for path in tmp_path.joinpath(*KEY.path).iterdir()] == ["sales.parquet"]


def test_the_stored_tables_are_those_of_the_partitions_asked_for(tmp_path: Path) -> None:
    assert list(stored(tmp_path)) == ["sales"]
    assert len(stored(tmp_path)) == 1


def test_a_log_for_people_cannot_act_as_a_formula(manager: TableIOManager) -> None:
    rows = [{"name": "=HYPERLINK(1)", "reason": "ß, “quoted”"}, {"name": "plain", "reason": ""}]
    path = manager.write_log(KEY, "log", rows)
    with path.open(newline="", encoding="utf-8") as file:
        read = list(csv.DictReader(file))
    assert read == [{"name": "'=HYPERLINK(1)", "reason": "ß, “quoted”"}, {"name": "plain", "reason": ""}]
