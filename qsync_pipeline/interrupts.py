"""A write that has begun is finished: its batch and its ledger row, then the process may stop."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

STOPPING = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def finished_first() -> Iterator[None]:
    """Hold SIGINT and SIGTERM back for the length of a block (or, as a decorator, of a call).

    One that came meanwhile is delivered at the end, to whoever handled it before: Dagster, when it terminates
    a run from its UI, or the command line. May be nested. Off the main thread it does nothing, for signals
    never interrupt there.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = {number: signal.getsignal(number) for number in STOPPING}
    for number in STOPPING:
        signal.signal(number, lambda number, _: came.append(number))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])
