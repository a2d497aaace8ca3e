"""One call in flight at a time, for systems that ask for it (alation-api.md §1.5, DESIGN.md §5.6)."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from qsync_pipeline.transport.budget import Budget


@contextmanager
def turn(budget: Budget | None, host: str, seconds: float, sleep: Callable[[float], None]) -> Iterator[None]:
    """The only call to the host among all who share the budget; without one, there is nothing to wait for.

    The turn lapses after ``seconds``, which is as long as a call may take: nobody waits for one that died.
    """
    if budget is None:
        yield
        return
    owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex}"
    while (wait := budget.take_turn(host, owner, seconds)) > 0:
        sleep(wait)
    try:
        yield
    finally:
        budget.end_turn(host, owner)
