"""A few searches side by side, bounded in number and in what they hold."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

LANES = 4
"""Searches in flight at once: enough to hide latency; the request budget bounds the rate anyway."""

A = TypeVar("A")
B = TypeVar("B")


def side_by_side(work: Callable[[A], B], items: Iterable[A], *, lanes: int = LANES) -> Iterator[B]:
    """Results in the order of the items, at most ``lanes`` of them in work or waiting to be taken.

    The first failure ends it; what was not begun is never begun.
    """
    todo = list(items)
    if len(todo) <= 1:
        yield from map(work, todo)
        return
    pool = ThreadPoolExecutor(max_workers=min(lanes, len(todo)), thread_name_prefix="atlan")
    try:
        running: deque[Future[B]] = deque()
        for item in todo:
            if len(running) == lanes:
                yield running.popleft().result()
            running.append(pool.submit(work, item))
        while running:
            yield running.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
