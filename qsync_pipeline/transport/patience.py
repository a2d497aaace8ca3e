"""How a session waits: for the request budget before a try, and for better times after a failed one."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar, cast

from tenacity import RetryCallState, Retrying, retry_if_exception_type

from qsync_pipeline.transport.budget import Budget
from qsync_pipeline.transport.redact import redact
from qsync_pipeline.transport.retry import Again, Cause, RetryPolicy

log = logging.getLogger("qsync.http")

T = TypeVar("T")
OnWait = Callable[[str, float, str], None]
"""Told before every wait: system, seconds, why."""

_WHY: dict[Cause, str] = {
    "connect": "no connection",
    "throttle": "rate limit",
    "busy": "busy over there",
    "server": "trouble over there",
}


class Patience:
    """The waiting of one session; thread-safe. Without a ``budget`` there is no limit to wait for."""

    def __init__(
        self,
        system: str,
        host: str,
        policy: RetryPolicy,
        budget: Budget | None,
        limit_per_minute: int,
        *,
        on_wait: OnWait | None,
        sleep: Callable[[float], None],
        clock: Callable[[], float],
    ) -> None:
        self._system = system
        self._host = host
        self._policy = policy
        self._budget = budget
        self._limit = limit_per_minute
        self._on_wait = on_wait
        self._sleep = sleep
        self._clock = clock
        self._retrying = Retrying(
            retry=retry_if_exception_type(Again),
            wait=self._wait,
            stop=self._stop,
            before_sleep=self._before_sleep,
            sleep=sleep,
            reraise=True,
        )

    def reserve(self) -> None:
        """Wait until one more request may be sent."""
        if self._budget is None:
            return
        while (seconds := self._budget.reserve(self._host, self._limit, self._clock())) > 0:
            self._tell(seconds, "request budget")
            self._sleep(seconds)

    def until_through(self, do: Callable[[], T]) -> T:
        """``do``, again after each :class:`Again` that the policy allows; then its last failure is raised."""
        try:
            return self._retrying(do)
        except Again as last:
            if last.cause == "throttle":
                self._lock_out(self._policy.wait(last.cause, 1, last.retry_after))
            raise last.error from last.__cause__

    def _wait(self, state: RetryCallState) -> float:
        again = _failure(state)
        return self._policy.wait(again.cause, state.attempt_number, again.retry_after)

    def _stop(self, state: RetryCallState) -> bool:
        return self._policy.exhausted(
            _failure(state).cause, state.attempt_number, state.seconds_since_start or 0.0
        )

    def _before_sleep(self, state: RetryCallState) -> None:
        seconds = state.upcoming_sleep
        again = _failure(state)
        if again.cause == "throttle":
            self._lock_out(seconds)
        self._tell(seconds, _WHY[again.cause])
        log.info("%s: waiting %.1f s after: %s", self._system, seconds, redact(str(again.error)))

    def _lock_out(self, seconds: float) -> None:
        """After a 429 every process waits, not only this call."""
        if self._budget is not None:
            self._budget.lock_out(self._host, self._clock() + seconds)

    def _tell(self, seconds: float, why: str) -> None:
        if self._on_wait is not None:
            self._on_wait(self._system, seconds, why)


def _failure(state: RetryCallState) -> Again:
    assert state.outcome is not None  # tenacity asks only after a try
    return cast(Again, state.outcome.exception())
