"""Processes that a command starts, and stops when it ends, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from qsync_pipeline.transport.errors import SyncError
from qsync_pipeline.transport.redact import redact

GRACE = 20.0
"""Seconds that a child has to end by itself; Dagster takes its servers down one after the other."""
TAIL = 15


@dataclass
class Child:
    """A process in a session of its own: a Ctrl-C reaches it only through us, after what depends on it."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path | None

    def check(self) -> None:
        """Raise ``SyncError``, with the end of its log, if it is not running any more."""
        status = self.process.poll()
        if status is None:
            return
        tail = ""
        if self.log is not None:
            lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL:]
            tail = "".join(f"\n  {redact(line)}" for line in lines)
        raise SyncError(
            f"{self.name} ended by itself, with status {status}{f'; see {self.log}' if tail else ''}{tail}"
        )


class Children:
    """All of them; a context manager that stops the youngest first."""

    def __init__(self) -> None:
        self._all: list[Child] = []

    def start(
        self, name: str, arguments: Sequence[str], *, env: Mapping[str, str], log: Path | None = None
    ) -> Child:
        """Start a process; its output goes to ``log``, or to the terminal where there is none."""
        if log is None:
            process = subprocess.Popen(  # noqa: S603 - our own words, no shell
                arguments, env=env, start_new_session=True, preexec_fn=_heed
            )
        else:
            with log.open("wb") as file:
                process = subprocess.Popen(  # noqa: S603 - callers pass this interpreter and our own words
                    arguments,
                    env=env,
                    stdin=subprocess.DEVNULL,
                    stdout=file,
                    stderr=file,
                    start_new_session=True,
                    preexec_fn=_heed,
                )
        child = Child(name, process, log)
        self._all.append(child)
        return child

    def wait_until(self, ready: Callable[[], bool], what: str, patience: float) -> None:
        """Wait until something is there. Raises ``SyncError`` after ``patience``, or when a child ends."""
        deadline = time.monotonic() + patience
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                raise SyncError(f"{what} did not come up within {patience:.0f} s")
            time.sleep(0.1)

    def check(self) -> None:
        """Raise ``SyncError`` if one of them ended by itself."""
        for child in self._all:
            child.check()

    def finish(self, child: Child) -> int:
        """Wait for a child that ends by itself; returns its exit status."""
        status = child.process.wait()
        self._all.remove(child)
        return status

    def stop(self) -> None:
        """Ask each to stop, the youngest first, and end whatever is left of it. Interrupted at that, as by a
        second Ctrl-C, it waits for none any more, and leaves none behind either."""
        grace = GRACE
        while self._all:
            try:
                self._end(self._all[-1], grace)
            except KeyboardInterrupt:
                grace = 0.0
            else:
                self._all.pop()

    @staticmethod
    def _end(child: Child, grace: float) -> None:
        with suppress(ProcessLookupError):
            child.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            child.process.wait(grace)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.process.pid, signal.SIGKILL)  # and what it may have left behind
        child.process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _heed() -> None:
    """In the child, before it begins: it stops when it is asked to, though we may not.

    A shell has its background jobs ignore Ctrl-C, Dagster then ignores SIGTERM as well, and children inherit
    both: each would go on until its grace is over.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
