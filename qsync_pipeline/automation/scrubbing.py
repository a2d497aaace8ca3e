"""What goes wrong in a tick without anybody having thought of it: Dagster keeps its text for ever."""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeVar, cast

import dagster as dg

from qsync_pipeline.transport.redact import redact, scrub

P = ParamSpec("P")
R = TypeVar("R")


def scrubbed(evaluate: Callable[P, R]) -> Callable[P, R]:
    """Mask secrets in every error that leaves the evaluation of a sensor or a schedule.

    Goes between Dagster's decorator and the function, which may be a generator.
    """
    if inspect.isgeneratorfunction(evaluate):

        @wraps(evaluate)
        def ticks(*args: P.args, **kwargs: P.kwargs) -> Iterator[Any]:
            with _scrubbing():
                yield from evaluate(*args, **kwargs)

        return cast("Callable[P, R]", ticks)

    @wraps(evaluate)
    def tick(*args: P.args, **kwargs: P.kwargs) -> R:
        with _scrubbing():
            return evaluate(*args, **kwargs)

    return tick


@contextmanager
def _scrubbing() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        scrub(error)
        if isinstance(error, dg.Failure) and error.description:
            error.description = redact(error.description)
        raise
