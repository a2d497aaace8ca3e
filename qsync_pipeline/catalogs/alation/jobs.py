"""Background jobs: how they are announced and waited for, and what they say (alation-api.md §2.10)."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import msgspec

from qsync_pipeline.catalogs.alation.client import AlationClient
from qsync_pipeline.transport.errors import (
    Conflict,
    Forbidden,
    Malformed,
    NotFound,
    Rejected,
    ServerError,
    Throttled,
    ThrottledAfterSend,
)

FIRST_WAIT, LONGEST_WAIT = 0.2, 5.0
"""Seconds between two looks: they double from the first to the longest."""

_SECOND_JOB = re.compile(r"write job_id[^:]*:\s*(\d+)")
"""A cloud instance writes field values twice; the first job's words name the second (§2.4)."""


class JobFailed(ServerError):
    """A job did not end well, or did not end in time: what it did has to be read."""


@contextmanager
def once_accepted(what: str) -> Iterator[None]:
    """For questions about a write that was accepted: what refuses an answer to them is no refusal of it, or
    of its payload. ``what`` names it for people.

    Raises :class:`JobFailed`, or :class:`~.errors.ThrottledAfterSend` where nothing more may be asked.
    """
    try:
        yield
    except ThrottledAfterSend:
        raise
    except Throttled as error:
        raise ThrottledAfterSend(
            f"{error}; what {what} did has to be read", system=error.system, status=error.status
        ) from error
    except (NotFound, Forbidden, Rejected, Conflict) as error:
        known = isinstance(error, NotFound)
        why = "is not known any more" if known else f"does not tell how it ended ({error})"
        raise JobFailed(
            f"Alation: {what} {why}; what it did has to be read", system=error.system, status=error.status
        ) from error


@dataclass(frozen=True)
class JobEnd:
    """A job that is over: ``successful``, or ``partially_successful``. ``result`` is a list of its parts."""

    status: str
    msg: str
    result: tuple[Any, ...]

    @property
    def whole(self) -> bool:
        """Whether all of it was done."""
        return self.status == "successful"


class Jobs:
    """Waits for jobs. ``patience`` is seconds for one job; ``sleep`` and ``clock`` are for tests."""

    def __init__(
        self,
        client: AlationClient,
        patience: float,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._patience = patience
        self._sleep = sleep
        self._clock = clock

    def finish(self, announcement: Mapping[str, Any]) -> JobEnd:
        """Wait for the job that an answer announces, and for the second one that it may name.

        Raises as :func:`once_accepted`. The end of the first is answered, as only partly successful if one
        was.
        """
        end = self._wait(address(announcement))
        texts = [part for part in end.result if isinstance(part, str)]
        for number in dict.fromkeys(_SECOND_JOB.findall("\n".join(texts))):
            second = self._wait({"id": number})
            if not second.whole:
                end = second
        return end

    def _wait(self, params: Mapping[str, str]) -> JobEnd:
        deadline = self._clock() + self._patience
        wait = FIRST_WAIT
        named = " ".join(params.values())
        while True:
            with once_accepted(f"job {named}"):
                row = self._client.job(params)
            status = row.status.strip().lower()
            if status in ("successful", "partially_successful"):
                return JobEnd(status, row.msg or "", parts_of(row.result))
            if status == "failed":
                said = row.msg or ""
                detail = row.result if isinstance(row.result, str) else ""
                raise JobFailed(
                    f"Alation: job {named} failed: {' '.join(f'{said} {detail}'.split())[:300]}",
                    system=self._client.session.system,
                )
            if self._clock() >= deadline:
                raise JobFailed(
                    f"Alation: job {named} is still {status} after {self._patience:.0f} s; what it did"
                    " is read at the next run",
                    system=self._client.session.system,
                )
            self._sleep(min(wait, max(deadline - self._clock(), 0.0)))
            wait = min(wait * 2, LONGEST_WAIT)


def address(announcement: Mapping[str, Any]) -> dict[str, str]:
    """How to ask for the job of an announcement: by ``id`` or ``name``; its shapes are those of §2.10."""
    for holder in (announcement, announcement.get("task"), announcement.get("job")):
        if isinstance(holder, Mapping):
            for key in ("job_id", "id"):
                number = holder.get(key)
                if isinstance(number, int | str) and str(number).isdigit():
                    return {"id": str(number)}
    name = announcement.get("job_name")
    if isinstance(name, str) and name:
        return {"name": name}
    raise Malformed("Alation: a write was accepted without naming its job; what it did has to be read")


def parts_of(result: Any) -> tuple[Any, ...]:
    """A job's result as a list: it comes as null, an object, a text, JSON in a text, or a list of these."""
    if result is None:
        return ()
    items = result if isinstance(result, list) else [result]
    parts: list[Any] = []
    for item in items:
        decoded = _decoded(item)
        parts += decoded if isinstance(decoded, list) else [decoded]
    return tuple(parts)


def _decoded(item: Any) -> Any:
    if isinstance(item, str) and item.lstrip()[:1] in ("{", "["):
        try:
            return msgspec.json.decode(item)
        except (msgspec.DecodeError, RecursionError):
            return item
    return item
