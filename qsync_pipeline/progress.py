"""How a run in this process tells a terminal how far it is: (stage, done, total)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Listener = Callable[[str, int, int], None]


def _silent(stage: str, done: int, total: int) -> None:
    """Nobody listens."""


_listeners: list[Listener] = [_silent]


def listener() -> Listener:
    """Whoever listens now."""
    return _listeners[-1]


@contextmanager
def listening(to: Listener) -> Iterator[None]:
    """Have a listener told for the length of a block."""
    _listeners.append(to)
    try:
        yield
    finally:
        _listeners.remove(to)
