"""Being stopped: which signal came, whoever handles it at that moment."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn

from qsync_pipeline.interrupts import STOPPING


class Watch:
    """Tells whether, and by which signal, this process was asked to stop."""

    def __init__(self, pipe: int | None) -> None:
        self._pipe = pipe
        self._came = 0

    @property
    def signal(self) -> int:
        """The first stopping signal that came, 0 while there is none."""
        if not self._came and self._pipe is not None:
            with suppress(BlockingIOError):
                numbers = os.read(self._pipe, 512)
                self._came = next((number for number in numbers if number in STOPPING), 0)
        return self._came

    @property
    def status(self) -> int:
        """The exit status that shells use for it: 130 for SIGINT, 143 for SIGTERM."""
        return 128 + (self.signal or signal.SIGINT)


@contextmanager
def watching() -> Iterator[Watch]:
    """Have SIGTERM interrupt like Ctrl-C, and take note of either.

    During a run Dagster puts handlers of its own in place, so the note is taken below them, by the wake-up
    pipe that Python writes every signal to.
    """
    if threading.current_thread() is not threading.main_thread():
        yield Watch(None)
        return
    reader, writer = os.pipe()
    for end in (reader, writer):
        os.set_blocking(end, False)
    former_pipe = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    before = {number: signal.getsignal(number) for number in STOPPING}
    for number in STOPPING:
        signal.signal(number, _interrupt)
    try:
        yield Watch(reader)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(former_pipe)
        os.close(reader)
        os.close(writer)


@contextmanager
def stopped_by_signals() -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set; the former handlers come back at the end."""
    stopped = threading.Event()
    before = {number: signal.getsignal(number) for number in STOPPING}
    for number in before:
        signal.signal(number, lambda *_: stopped.set())
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
