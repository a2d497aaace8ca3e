"""Which answers are worth another try, and how long to wait for it.

429, 5xx, 423 and lost connections are; 400, 401, 403, 404, 409 and 422 never are (qualytics-api.md §1.7,
atlan-api.md §1.6). A 429 without ``Retry-After`` is waited out for as long as the vendor blocks.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal

from qsync_pipeline.transport.errors import OutsideError

Cause = Literal["connect", "throttle", "busy", "server"]
"""Why a request is tried again: no connection, rate limit, a lock that will go, trouble on their side."""


@dataclass(frozen=True)
class RetryPolicy:
    """How patient a client is. Waits are in seconds; ``tries`` include the first one."""

    tries: int = 6
    connect_tries: int = 4
    connect_patience: float = 8.0
    """After two tries and this long without any connection the host is called unreachable."""
    throttle_tries: int = 5
    throttle_wait: float | None = None
    """Least wait after a 429 without Retry-After; null: as after any other error. Atlan blocks for 60."""
    base_wait: float = 0.5
    max_wait: float = 30.0
    max_retry_after: float = 300.0
    """A server that asks for longer than this is asked again after this."""
    retry_statuses: frozenset[int] = frozenset({423, 429, 500, 502, 503, 504})
    busy_codes: frozenset[str] = frozenset()
    """Vendor codes that mean 'in a moment' whatever their status (Atlan: ATLAS-400-00-105)."""
    slow_codes: frozenset[str] = frozenset()
    """Vendor codes that come with 429 but are no rate limit (Atlan: ATLAS-400-00-502)."""

    def cause(self, status: int, code: str) -> Cause | None:
        """Why this answer is worth another try, or null when it is final."""
        if code in self.busy_codes:
            return "busy"
        if status not in self.retry_statuses:
            return None
        if status == 429 and code not in self.slow_codes:
            return "throttle"
        return "server" if status >= 500 or status == 429 else "busy"

    def wait(self, cause: Cause, attempt: int, retry_after: float | None) -> float:
        """Seconds before the next try; ``attempt`` counts from 1."""
        if retry_after is not None:
            return min(retry_after, self.max_retry_after)
        ceiling = min(self.base_wait * 2.0 ** (attempt - 1), self.max_wait)
        wait = ceiling * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, no secret hangs on it
        if cause == "throttle" and self.throttle_wait is not None:
            return self.throttle_wait + wait
        return wait

    def exhausted(self, cause: Cause, attempt: int, elapsed: float) -> bool:
        """Whether the try just made (the ``attempt``-th) was the last one."""
        if cause == "connect":
            return attempt >= self.connect_tries or (attempt >= 2 and elapsed >= self.connect_patience)
        return attempt >= (self.throttle_tries if cause == "throttle" else self.tries)


DEFAULT = RetryPolicy()


class Again(Exception):
    """Inside a session only: this try failed with ``error``, and another one may help."""

    def __init__(self, error: OutsideError, cause: Cause, retry_after: float | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.cause = cause
        self.retry_after = retry_after


def retry_after_seconds(header: str | None, now: float) -> float | None:
    """Seconds that a ``Retry-After`` header asks for: a number or an HTTP date; null where unreadable."""
    if not header:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max((when - datetime.fromtimestamp(now, UTC)).total_seconds(), 0.0)
