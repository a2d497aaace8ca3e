"""Opening a ledger: migrations, read-only, and what is said when it does not work."""

from __future__ import annotations

import multiprocessing
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from qsync_pipeline.core.rows import Change, Outcome
from qsync_pipeline.ledger import (
    DatastoreSeen,
    Ledger,
    LedgerMisplaced,
    LedgerReadOnly,
    LedgerTooNew,
    LedgerTooOld,
    LedgerUnavailable,
    Rejected,
    Rejection,
    Report,
    TagDefinition,
    engines,
    migrate,
    schema,
)

WRITES: dict[str, Callable[[Ledger], object]] = {
    "intend": lambda it: it.intend("r", "atlan", "1-x", [Change("tags", "create", "t", "n", after="PII")]),
    "settle": lambda it: it.settle(
        "r", "atlan", "1-x", [Outcome(Change("tags", "create", "t", "n", after="PII"), "applied")]
    ),
    "register": lambda it: it.datastores.register([DatastoreSeen(1, "x")]),
    "forget": lambda it: it.holdings.forget("atlan"),
    "prune": lambda it: it.pruning.prune(1.0),
    "retry": lambda it: it.rejections.drop(
        [Rejected("atlan", "1-x", "tags", "t", "", Rejection("", "", 1.0))]
    ),
    "links": lambda it: it.links.replace("atlan", "1-x", []),
    "report": lambda it: it.reports.put(Report("r", "atlan", "1-x", "match", ok=True)),
    "requests": lambda it: it.reports.add_requests("r", "atlan", "catalog", "read", 1),
    "claim": lambda it: it.claims.acquire("atlan", "1-x", "r", host="h", pid=1),
    "free_dead": lambda it: it.claims.free_dead(lambda host, pid: True),
    "lease": lambda it: it.leases.acquire("definitions", "me", ttl=60),
    "note": lambda it: it.notes.put("atlan", "actor", "svc"),
    "budget": lambda it: it.budget.reserve("host", 10, 0.0),
    "lock out": lambda it: it.budget.lock_out("host", 10.0),
    "park": lambda it: it.parked.put("atlan", "1-x", "tags", ["a"], "many", "r"),
    "run": lambda it: it.runs.start("r", host="h", pid=1),
    "definition": lambda it: it.tag_definitions.put(TagDefinition("PII", "pii", "atlan", made=True)),
}


def migrated_tables(url: str) -> list[object]:
    """What Alembic would still have to change to get from the database to the code's tables."""
    engine = create_engine(engines.parse_url(url))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": migrate.VERSION_TABLE})
        differences = compare_metadata(context, schema.metadata)
    engine.dispose()
    return list(differences)


def open_and_note(url: str, name: str) -> None:
    with Ledger.open(url) as ledger:
        ledger.notes.put("atlan", name, 1)


def test_an_empty_database_is_migrated_to_exactly_the_tables_of_the_code(url: str) -> None:
    Ledger.open(url).close()
    assert migrated_tables(url) == []


def test_the_code_stands_on_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrate.__file__).parent / "migrations"))
    assert ScriptDirectory.from_config(config).get_current_head() == schema.HEAD


def test_what_was_written_is_there_when_the_ledger_is_opened_again(url: str) -> None:
    with Ledger.open(url) as ledger:
        ledger.notes.put("atlan", "handle", {"set": "Ünï"})
    with Ledger.open(url) as ledger:
        assert ledger.notes.get("atlan", "handle") == {"set": "Ünï"}


def test_processes_that_open_a_new_ledger_at_once_do_not_clash(url: str) -> None:
    spawn = multiprocessing.get_context("spawn")
    names = ["first", "second", "third"]
    processes = [spawn.Process(target=open_and_note, args=(url, name)) for name in names]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    with Ledger.open(url) as ledger:
        assert sorted(ledger.notes.of("atlan")) == sorted(names)


def test_the_directory_of_a_sqlite_ledger_is_made(tmp_path: Path) -> None:
    with Ledger.open(f"sqlite:///{tmp_path}/a/b/ledger.db"):
        assert (tmp_path / "a/b/ledger.db").exists()


def test_a_sqlite_ledger_logs_ahead_and_syncs_normally(sqlite_url: str) -> None:
    with Ledger.open(sqlite_url) as ledger, ledger._db.read() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "busy_timeout")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 1, "busy_timeout": 30000}


def test_a_ledger_in_memory_is_shared_by_its_threads_and_gone_when_closed() -> None:
    with Ledger.open("sqlite://") as ledger:
        ledger.notes.put("atlan", "a", 1)
        assert ledger.notes.get("atlan", "a") == 1
    with Ledger.open("sqlite://") as ledger:
        assert ledger.notes.get("atlan", "a") is None


def test_a_ledger_of_a_newer_version_is_refused_and_left_as_it_is(url: str) -> None:
    Ledger.open(url).close()
    set_version(url, "9999")
    for read_only in (False, True):
        with pytest.raises(LedgerTooNew, match=r"schema 9999.*install the newer qsync"):
            Ledger.open(url, read_only=read_only)


def test_read_only_an_older_ledger_is_not_migrated(url: str) -> None:
    Ledger.open(url).close()
    set_version(url, "0000")
    with pytest.raises(LedgerTooOld, match="schema 0000"):
        Ledger.open(url, read_only=True)


def test_read_only_a_missing_file_reads_as_an_empty_ledger_and_is_not_made(tmp_path: Path) -> None:
    file = tmp_path / "missing" / "ledger.db"
    with Ledger.open(f"sqlite:///{file}", read_only=True) as ledger:
        assert ledger.holdings.of("1-x") == []
        assert ledger.reports.latest("atlan", "match") == {}
        with pytest.raises(LedgerReadOnly):
            ledger.notes.put("atlan", "a", 1)
    assert list(tmp_path.iterdir()) == []


def test_read_only_a_database_without_a_ledger_reads_as_empty(postgres_url: str) -> None:
    with Ledger.open(postgres_url, read_only=True) as ledger:
        assert ledger.datastores.keys() == {}
    engine = create_engine(engines.parse_url(postgres_url))
    with engine.connect() as connection:
        assert migrate.current_version(connection) is None
    engine.dispose()


def test_reading_changes_neither_the_file_nor_the_directory(tmp_path: Path) -> None:
    file = tmp_path / "ledger.db"
    with Ledger.open(f"sqlite:///{file}") as ledger:
        ledger.notes.put("atlan", "a", 1)
    before = (file.stat().st_mtime_ns, file.read_bytes())
    with Ledger.open(f"sqlite:///{file}", read_only=True) as ledger:
        assert ledger.notes.get("atlan", "a") == 1
    assert (file.stat().st_mtime_ns, file.read_bytes()) == before
    assert list(tmp_path.iterdir()) == [file]


def test_read_only_sees_what_another_process_writes_meanwhile(url: str) -> None:
    with Ledger.open(url) as writer, Ledger.open(url, read_only=True) as reader:
        writer.notes.put("atlan", "a", 2)
        assert reader.notes.get("atlan", "a") == 2


@pytest.mark.parametrize("method", sorted(WRITES))
def test_every_method_that_writes_is_refused_read_only(tmp_path: Path, method: str) -> None:
    Ledger.open(f"sqlite:///{tmp_path}/ledger.db").close()
    with (
        Ledger.open(f"sqlite:///{tmp_path}/ledger.db", read_only=True) as ledger,
        pytest.raises(LedgerReadOnly, match="read-only"),
    ):
        WRITES[method](ledger)


def test_the_database_itself_refuses_writes_of_a_read_only_ledger(url: str) -> None:
    Ledger.open(url).close()
    with Ledger.open(url, read_only=True) as ledger:
        ledger._db.read_only = False  # as if a method had forgotten to ask
        with pytest.raises(Exception, match=r"readonly|read-only"):
            ledger.notes.put("atlan", "a", 1)


@pytest.mark.parametrize("wrong", ["ledger.db", "mysql://u:hunter2@h/db", "postgresql//u:hunter2@h/db"])
def test_a_wrong_url_is_named_without_its_password(wrong: str) -> None:
    with pytest.raises(LedgerMisplaced, match="ledger: ") as caught:
        Ledger.open(wrong)
    assert "hunter2" not in str(caught.value)
    assert caught.value.exit_status == 2, "the config's fault"


def test_a_server_that_is_not_there_is_named_without_its_password() -> None:
    with pytest.raises(LedgerUnavailable, match=r"cannot open postgresql.*127\.0\.0\.1:1/db") as caught:
        Ledger.open("postgresql://u:hunter2@127.0.0.1:1/db")
    assert "hunter2" not in str(caught.value)
    assert caught.value.exit_status == 3, "a system that cannot be reached"


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_text("Dear diary, this is not a database at all. " * 50)
    for read_only in (False, True):
        with pytest.raises(LedgerMisplaced, match="not a database"):
            Ledger.open(f"sqlite:///{tmp_path}/ledger.db", read_only=read_only)


def test_a_directory_that_cannot_be_made_is_an_error_of_the_ledger(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(LedgerMisplaced):
        Ledger.open(f"sqlite:///{tmp_path}/file/ledger.db")


def test_a_failed_write_leaves_nothing_behind(ledger: Ledger) -> None:
    def killed_half_way() -> None:
        with ledger._db.write() as connection:
            connection.execute(text("INSERT INTO qsync_leases VALUES ('a', 'me', 1e12)"))
            raise RuntimeError("killed here")

    with pytest.raises(RuntimeError):
        killed_half_way()
    assert ledger.leases.holder("a") is None


def test_tables_of_somebody_else_in_the_same_database_stay(postgres_url: str) -> None:
    engine = create_engine(engines.parse_url(postgres_url))
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE runs (id int)"))
        connection.execute(text("CREATE TABLE alembic_version (version_num text)"))
        connection.execute(text("INSERT INTO alembic_version VALUES ('of Dagster')"))
    Ledger.open(postgres_url).close()
    with engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == "of Dagster"
    engine.dispose()


def test_an_empty_file_becomes_a_ledger(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "ledger.db").close()
    (tmp_path / "ledger.db").touch()
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db", read_only=True) as ledger:
        assert ledger.datastores.all() == []
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db") as ledger:
        assert ledger.datastores.register([DatastoreSeen(7, "A")]) == {7: "7-a"}


def set_version(url: str, version: str) -> None:
    engine = create_engine(engines.parse_url(url))
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE {migrate.VERSION_TABLE} SET version_num = '{version}'"))
    engine.dispose()
