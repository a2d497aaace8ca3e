"""SQLite files below a directory stay open, so that a closed connection copies no log back."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from qsync_pipeline.cli.databases import kept_open


def write(path: Path) -> int:
    """One row over a connection of its own, closed again; the level of ``synchronous`` that it had."""
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)
    with engine.begin() as connection:
        level = int(connection.execute(text("PRAGMA synchronous")).scalar_one())
        connection.execute(text("CREATE TABLE IF NOT EXISTS t (n INTEGER)"))
        connection.execute(text("INSERT INTO t VALUES (1)"))
    return level


def made(directory: Path) -> Path:
    """A database with a write-ahead log."""
    directory.mkdir()
    path = directory / "index.db"
    with sqlite3.connect(path) as raw:
        raw.execute("PRAGMA journal_mode = WAL")
    raw.close()
    return path


def log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def test_a_file_stays_open_while_the_command_runs_and_is_tidied_up_after_it(tmp_path: Path) -> None:
    path = made(tmp_path / "home")
    with kept_open(tmp_path / "home"):
        assert write(path) == 1
        assert log_of(path).exists()
    assert not log_of(path).exists()
    assert write(path) == 2
    assert not log_of(path).exists()
    with sqlite3.connect(path) as raw:
        assert raw.execute("SELECT count(*) FROM t").fetchone() == (2,)
    raw.close()


def test_files_elsewhere_are_left_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    path = made(tmp_path / "elsewhere")
    with kept_open(tmp_path / "home"):
        assert write(path) == 2
        assert not log_of(path).exists()


def test_a_file_that_is_made_meanwhile_is_held_as_soon_as_it_has_a_log(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    with kept_open(tmp_path):
        write(path)
        with sqlite3.connect(path) as raw:
            raw.execute("PRAGMA journal_mode = WAL")
        raw.close()
        write(path)
        assert log_of(path).exists()
    assert not log_of(path).exists()
