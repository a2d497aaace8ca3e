"""Copies of the ledger, made while runs go on, and the way back."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path

from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError

from qsync_pipeline.ledger import engines
from qsync_pipeline.ledger.errors import LedgerError, LedgerMisplaced
from qsync_pipeline.ledger.ledger import Ledger
from qsync_pipeline.transport.redact import redact

PAGES = 2000
"""Pages of SQLite's file that are copied at a time: whoever writes meanwhile is let in between."""
TABLES = "qsync_*"


def backup(url: str, file: Path) -> None:
    """Copy the ledger at a URL into a file that must not be there yet; only its owner may read it.

    SQLite: by its online backup, a consistent state in one file. PostgreSQL: by ``pg_dump``, its own format,
    our tables alone. Raises :class:`LedgerError` with what to do.
    """
    parsed = engines.parse_url(url)
    if file.exists():
        raise LedgerMisplaced(f"{file}: is there already; choose another name, or move it away")
    aside = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    try:
        aside.touch(mode=0o600)
    except OSError as wrong:
        raise LedgerMisplaced(f"{file}: cannot be made: {wrong.strerror}") from wrong
    try:
        if parsed.get_backend_name() == "postgresql":
            _dump(parsed, aside)
        else:
            _copy(parsed, aside)
        aside.replace(file)
    finally:
        aside.unlink(missing_ok=True)


def restore(url: str, file: Path) -> Path | None:
    """Put a copy in the place of a SQLite ledger, and note in it that it is an older copy.

    What was there is kept beside it; returns where (null: there was none). Nothing may run meanwhile. Raises
    :class:`LedgerError`, and leaves everything as it is, for what is no copy of a ledger.
    """
    parsed = engines.parse_url(url)
    there = engines.sqlite_file(parsed)
    if there is None:
        raise LedgerMisplaced(
            "ledger: it is no SQLite file; restore it with PostgreSQL's own tool: "
            f"pg_restore --clean --if-exists --dbname=... {file}"
        )
    _is_whole(file)
    there.parent.mkdir(parents=True, exist_ok=True)
    aside = there.with_name(f".{there.name}.{os.getpid()}.tmp")
    shutil.copyfile(file, aside)
    aside.chmod(0o600)
    try:
        with Ledger.open(f"sqlite:///{aside}") as copy:
            copy.epoch.doubt(0)
        with closing(sqlite3.connect(aside)) as raw:
            raw.execute("PRAGMA journal_mode = DELETE")  # all of it in one file
        kept = _moved_away(there)
        aside.replace(there)
    finally:
        for end in ("", "-wal", "-shm"):
            aside.with_name(aside.name + end).unlink(missing_ok=True)
    return kept


def _copy(url: URL, aside: Path) -> None:
    source = engines.sqlite_file(url)
    if source is None or not source.exists():
        raise LedgerMisplaced(f"ledger: there is none at {engines.shown(url)} yet")
    try:
        with closing(sqlite3.connect(source)) as of, closing(sqlite3.connect(aside)) as into:
            of.backup(into, pages=PAGES)
            into.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as wrong:
        raise LedgerError(f"ledger: cannot copy {engines.shown(url)}: {wrong}") from wrong


def _dump(url: URL, aside: Path) -> None:
    """The password goes by the environment: arguments can be seen by everybody on the machine."""
    options = url.query.get("options", "")
    env = {
        **os.environ,
        **({"PGPASSWORD": url.password} if url.password else {}),
        **({"PGOPTIONS": str(options)} if options else {}),
    }
    command = ["pg_dump", "--format=custom", f"--table={TABLES}", "--no-owner", f"--file={aside}"]
    for flag, value in (("--host", url.host), ("--port", url.port), ("--username", url.username)):
        command += [f"{flag}={value}"] if value else []
    command += ["--no-password", f"--dbname={url.database}"]
    try:
        # Every argument comes from our own config, and none goes through a shell.
        subprocess.run(command, env=env, check=True, capture_output=True, text=True)  # noqa: S603 - see above
    except FileNotFoundError:
        raise LedgerError("pg_dump is not on the PATH: install PostgreSQL's client programs") from None
    except subprocess.CalledProcessError as wrong:
        said = " ".join(wrong.stderr.split()) or f"it ended with {wrong.returncode}"
        raise LedgerError(f"pg_dump: {redact(said)}") from None


def _is_whole(file: Path) -> None:
    if not file.is_file():
        raise LedgerMisplaced(f"{file}: is no file")
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as raw:
            said = raw.execute("PRAGMA integrity_check").fetchone()[0]
            ours = raw.execute("SELECT 1 FROM sqlite_master WHERE name = 'qsync_holdings'").fetchone()
    except (sqlite3.Error, DBAPIError) as wrong:
        raise LedgerMisplaced(f"{file}: is no copy of a SQLite ledger ({wrong})") from wrong
    if said != "ok" or not ours:
        raise LedgerMisplaced(
            f"{file}: is no copy of a ledger" if said == "ok" else f"{file}: is damaged: {said}"
        )


def _moved_away(there: Path) -> Path | None:
    """The present ledger under another name, whole: what its log holds goes into it first."""
    if not there.exists():
        return None
    with closing(sqlite3.connect(there)) as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    kept = there.with_name(f"{there.name}.before-{time.strftime('%Y%m%dT%H%M%S')}")
    there.replace(kept)
    for end in ("-wal", "-shm"):
        there.with_name(there.name + end).unlink(missing_ok=True)
    return kept
