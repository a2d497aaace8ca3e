"""Time that moves only when somebody waits, for the package and the sandbox alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

from qsync_pipeline.catalogs.alation.adapter import AlationCatalog
from qsync_pipeline.catalogs.alation.jobs import Jobs
from qsync_pipeline.catalogs.alation.tokens import AlationAuth
from qsync_pipeline.catalogs.atlan import tag_writing, writing
from qsync_pipeline.transport.session import HttpSession

START = 1_795_000_000.0
"""When every history begins, in seconds since the epoch."""

_HOLDERS: tuple[Any, ...] = (
    HttpSession, AlationCatalog, Jobs, AlationAuth, *(
        one for module in (writing, tag_writing) for one in vars(module).values()
        if isinstance(one, type) and one.__module__ == module.__name__
    ),
)  # fmt: skip
"""Classes whose constructors took hold of the real clock when they were defined."""


class Clock:
    """One clock for all; :meth:`sleep` is the only thing that moves it."""

    def __init__(self) -> None:
        self.now = START

    def time(self) -> float:
        """Seconds since the epoch, which serve as the monotonic ones too."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Wait, in no time."""
        self.now += max(seconds, 0.0)


@contextmanager
def virtual_time(clock: Clock) -> Iterator[Clock]:
    """Put this clock in the place of the real one."""
    real: dict[Callable[..., Any], Callable[..., Any]] = {
        time.time: clock.time,
        time.monotonic: clock.time,
        time.sleep: clock.sleep,
    }
    with ExitStack() as stack:
        for holder in _HOLDERS:
            given = getattr(holder.__init__, "__kwdefaults__", None) or {}
            fakes = {name: real[value] for name, value in given.items() if callable(value) and value in real}
            if fakes:
                stack.enter_context(mock.patch.dict(given, fakes))
        for name in ("time", "monotonic", "sleep"):
            stack.enter_context(mock.patch.object(time, name, real[getattr(time, name)]))
        yield clock
