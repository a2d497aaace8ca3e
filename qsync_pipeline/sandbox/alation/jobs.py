"""Background jobs (alation-api.md §2.10, §6 rows 23 to 25).

A job does its work when its time has come on the virtual clock, in the order in which jobs were started;
until then nothing of it is seen. ``GET /api/v1/bulk_metadata/job/`` only tells how far it is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from qsync_pipeline.sandbox.alation.errors import not_found
from qsync_pipeline.sandbox.alation.switches import AlationSwitches, Outcome
from qsync_pipeline.sandbox.alation.times import finished
from qsync_pipeline.sandbox.kernel import VirtualClock

Keeps = Callable[[int], bool]
"""Tells for the index of a row whether it is carried out: a half-successful job does every second one."""
Work = Callable[[Keeps], Any]
"""Does a job's work and answers its ``result``."""


@dataclass(slots=True)
class Job:
    """A background job, seen as running until its time is over and it was polled often enough."""

    id: int
    kind: str
    started: float
    due: float
    polls: int
    outcome: Outcome
    work: Work
    after: Job | None = None
    over: bool = False
    result: Any = None

    @property
    def name(self) -> str:
        return f"BulkMetadata#{self.id}"


def _whole(_: int) -> bool:
    return True


def _half(index: int) -> bool:
    return index % 2 == 0


def _nothing(_: Keeps) -> None:
    return None


class Jobs:
    """All jobs of one instance."""

    def __init__(self, clock: VirtualClock, switches: AlationSwitches, first: int) -> None:
        self._clock = clock
        self._switches = switches
        self._next = first
        self._jobs: dict[int, Job] = {}
        self._waiting: deque[Job] = deque()
        self._steered: deque[tuple[str | None, Outcome]] = deque()

    def steer(self, outcome: Outcome, *, kind: str | None = None, count: int = 1) -> None:
        """Let the next ``count`` jobs (of a kind: health, values, fields, relational, domains) end so."""
        self._steered.extend([(kind, outcome)] * count)

    def start(self, kind: str, work: Work, *, after: Job | None = None) -> Job:
        """Start a job; one that comes ``after`` another begins when that is over, if it succeeded."""
        begins = self._clock.now() if after is None else after.due
        job = Job(
            self._next,
            kind,
            begins,
            begins + self._switches.job_seconds,
            self._switches.job_polls,
            self._outcome(kind),
            work,
            after,
        )
        self._next += 1
        self._jobs[job.id] = job
        self._waiting.append(job)
        return job

    def _outcome(self, kind: str) -> Outcome:
        for at, (wanted, outcome) in enumerate(self._steered):
            if wanted in (None, kind):
                del self._steered[at]
                return outcome
        return self._switches.job_outcome

    def settle(self) -> None:
        """Do the work of all jobs whose time has come."""
        now = self._clock.now()
        while self._waiting and self._waiting[0].due <= now:
            self._end(self._waiting.popleft())

    def _end(self, job: Job) -> None:
        if job.after is not None and job.after.outcome in ("failed", "stuck"):
            job.outcome = job.after.outcome
        if job.outcome == "stuck":
            return
        job.over = True
        if job.outcome == "failed":
            job.result = "The job could not be completed."
        else:
            job.result = job.work(_half if job.outcome == "partially_successful" else _whole)
        job.work = _nothing  # it holds the whole request

    def row(self, number: str | None, name: str | None) -> dict[str, Any]:
        """What asking for a job answers; by id or by name."""
        job = next((job for job in self._jobs.values() if job.name == name), None) if name else None
        if number is not None and number.isdecimal():
            job = self._jobs.get(int(number))
        if job is None:
            raise not_found(f"Job with {'name' if name else 'id'} {name or number} does not exist")
        if not job.over or job.polls > 0:
            job.polls = max(0, job.polls - 1)
            return {"status": "running", "msg": "", "result": None}
        message = finished(job.due, job.due - job.started) if job.outcome != "failed" else "Job failed."
        return {"status": job.outcome, "msg": message, "result": job.result}

    def announce(self, job: Job, *, href: bool = False) -> dict[str, Any]:
        """The reply that names a job; ``href``: this endpoint also links to it (§2.10)."""
        shape = self._switches.announcement
        if shape == "as_documented":
            shape = "href" if href else "job_id"
        if shape == "href":
            return {"job_id": job.id, "href": f"/api/v1/bulk_metadata/job/?id={job.id}"}
        if shape == "task":
            return {"task": {"id": job.id, "type": job.kind, "state": "QUEUED"}}
        if shape == "job":
            return {"job": {"id": job.id}}
        if shape == "job_name":
            return {"job_name": job.name}
        return {"job_id": job.id}
