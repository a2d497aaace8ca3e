"""Copies of the ledger, and how far it has come."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsync_pipeline.core.rows import Change, Outcome
from qsync_pipeline.ledger import Ledger, LedgerError, LedgerMisplaced, backup
from qsync_pipeline_tests.ledger import postgres
from qsync_pipeline_tests.ledger.conftest import Clock


def write(ledger: Ledger, run: str = "run") -> None:
    change = Change("external_tags", "create", f"field:{run}", "T", "pii", after="PII")
    ledger.settle(run, "atlan", "1-x", [Outcome(change, "applied")])


def test_a_copy_made_in_mid_use_holds_what_was_settled_before_and_nothing_after(
    ledger: Ledger, url: str, tmp_path: Path
) -> None:
    write(ledger, "before")
    copy = tmp_path / "copy"
    backup.backup(url, copy)
    write(ledger, "after")
    assert copy.stat().st_mode & 0o077 == 0
    if url.startswith("sqlite"):
        with Ledger.open(f"sqlite:///{copy}") as copied:
            assert [row.target for row in copied.holdings.of("1-x")] == ["field:before"]


def test_a_dump_of_postgresql_is_put_back_by_its_own_tool(postgres_url: str, tmp_path: Path) -> None:
    copy = tmp_path / "copy.dump"
    with Ledger.open(postgres_url) as ledger:
        write(ledger, "before")
        backup.backup(postgres_url, copy)
        write(ledger, "after")
    programs = postgres.binaries()
    assert programs is not None
    address, _, options = postgres_url.partition("?options=")
    restore = [
        f"{programs}/pg_restore",
        "--clean",
        "--if-exists",
        "--no-owner",
        f"--dbname={address}",
        str(copy),
    ]
    subprocess.run(restore, check=True, capture_output=True)
    assert options
    with Ledger.open(postgres_url) as ledger:
        assert [row.target for row in ledger.holdings.of("1-x")] == ["field:before"]
        write(ledger, "again")
        assert len(ledger.outcomes.of_run("again")) == 1, "it goes on counting where the copy stood"
    with pytest.raises(LedgerError, match="pg_restore"):
        backup.restore(postgres_url, copy)


def test_a_server_that_is_not_there_is_told_without_the_password(tmp_path: Path) -> None:
    url = "postgresql://qsync:fake-password-000@127.0.0.1:1/none"
    with pytest.raises(LedgerError) as told:
        backup.backup(url, tmp_path / "copy")
    assert "pg_dump" in str(told.value)
    assert "fake-password-000" not in str(told.value)
    assert list(tmp_path.iterdir()) == []


def test_where_there_is_no_ledger_there_is_no_copy(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="there is none"):
        backup.backup(f"sqlite:///{tmp_path}/none.sqlite", tmp_path / "copy")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("file", "said"), [("no/such/copy", "cannot be made"), ("taken", "is there already")]
)
def test_a_copy_that_cannot_be_made_there_is_told(tmp_path: Path, file: str, said: str) -> None:
    url = f"sqlite:///{tmp_path}/ledger.sqlite"
    Ledger.open(url).close()
    (tmp_path / "taken").write_text("of somebody", encoding="utf-8")
    with pytest.raises(LedgerMisplaced, match=said):
        backup.backup(url, tmp_path / file)
    assert (tmp_path / "taken").read_text(encoding="utf-8") == "of somebody"
    with pytest.raises(LedgerMisplaced, match="no copy of a SQLite ledger"):
        backup.restore(url, tmp_path / "taken")


def test_every_settlement_moves_the_ledger_on_and_its_id_stays(
    open_ledger: Callable[..., Ledger],
) -> None:
    ledger = open_ledger()
    assert ledger.epoch.get() == ("", 0)
    write(ledger)
    first = ledger.epoch.get()
    write(open_ledger())
    assert ledger.epoch.get() == (first[0], first[1] + 1)


def test_an_older_copy_is_noted_once_and_stands_where_the_ledger_had_come(
    ledger: Ledger, clock: Clock
) -> None:
    write(ledger)
    assert ledger.epoch.doubted_at() is None
    ledger.epoch.doubt(7)
    assert (ledger.epoch.doubted_at(), ledger.epoch.get()[1]) == (clock.now, 7)


@given(st.integers(0, 30))
def test_a_number_grows_by_one_with_each_settlement(count: int) -> None:
    with Ledger.open("sqlite://") as ledger:
        for _ in range(count):
            write(ledger)
        assert ledger.epoch.get()[1] == count
