"""SQLite files of a Dagster instance, kept open while a command runs.

Dagster opens a connection for each event and closes it at once. With nobody else on the file, SQLite then
copies its log back into the database and deletes it, and waits for the disk three times: some eight hundred
times in a sync of four datastores, which is half of its time.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event


@contextmanager
def kept_open(directory: Path) -> Iterator[None]:
    """Hold each SQLite file below this directory open from its first use on; wait for the disk less often.

    ``synchronous = NORMAL``, like the ledger's: a killed process loses nothing; a power cut may take the last
    events of a run out of the UI, and never damages a file. Other processes on the files are not affected.
    """
    held: dict[str, sqlite3.Connection] = {}

    def connected(raw: Any, _record: Any) -> None:
        if not isinstance(raw, sqlite3.Connection):
            return
        path = str(raw.execute("PRAGMA database_list").fetchone()[2])
        if not path or not Path(path).is_relative_to(directory):
            return
        raw.execute("PRAGMA synchronous = NORMAL")
        if path not in held:
            held[path] = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
        with suppress(sqlite3.OperationalError):  # busy: the next connection tries again
            # A look is what takes part in the log; a file that is just being made has none yet.
            held[path].execute("PRAGMA schema_version").fetchone()

    directory = directory.resolve()
    event.listen(Engine, "connect", connected)
    try:
        yield
    finally:
        event.remove(Engine, "connect", connected)
        for connection in held.values():
            connection.close()
