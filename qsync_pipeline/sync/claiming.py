"""Claims: two runs never write the same datastore of an integration at once (DESIGN.md §3)."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from qsync_pipeline.ledger import Claim, Ledger
from qsync_pipeline.sync.run import Run
from qsync_pipeline.transport.errors import SyncError

TTL = 60.0
"""Seconds after which a claim that nobody renews is free: nothing waits longer on a dead run."""

PATIENCE = 3600.0
"""Seconds to wait for a live run before giving up on the datastore for this time."""

ALL_INTEGRATIONS = "*"
"""The claim of tag writes: serialised per Qualytics datastore over all integrations (DESIGN.md §5.2)."""


class LostClaim(SyncError):
    """Another run took the datastore over, or never let go of it: nothing more may be written."""


@dataclass
class Held:
    """A claim that is being renewed. ``waited``: another run had it first, so what was planned is old."""

    ledger: Ledger
    claim: Claim
    waited: bool

    def fence(self) -> None:
        """Before every write: raise :class:`LostClaim` unless the claim is still ours."""
        if not self.ledger.claims.still_mine(self.claim):
            name = self.claim.datastore
            raise LostClaim(f"{name}: another run took it over; the rest waits for the next run")


@contextmanager
def claimed(run: Run, integration: str, datastore: str) -> Iterator[Held]:
    """Hold the claim on a datastore for a block, waiting for whoever has it and saying for which run."""
    claim, waited = _wait(run, integration, datastore)
    stop = threading.Event()
    beat = threading.Thread(target=_beat, args=(run.ledger, claim, stop), daemon=True)
    beat.start()
    try:
        yield Held(run.ledger, claim, waited)
    finally:
        stop.set()
        beat.join()
        run.ledger.claims.release(claim)


def _wait(run: Run, integration: str, datastore: str) -> tuple[Claim, bool]:
    deadline = time.monotonic() + PATIENCE
    waiting_for = ""
    while True:
        claim = run.ledger.claims.acquire(
            integration, datastore, run.run_id, host=run.host, pid=run.pid, ttl=TTL
        )
        if claim is not None:
            return claim, bool(waiting_for)
        holder = run.ledger.claims.holder(integration, datastore)
        if holder is not None and holder.run_id != waiting_for:
            waiting_for = holder.run_id
            run.say(f"{datastore}: waiting for run {holder.run_id} on {holder.host}")
        if time.monotonic() > deadline:
            raise LostClaim(f"{datastore}: run {waiting_for} has had it for too long; try again later")
        time.sleep(0.5)


def _beat(ledger: Ledger, claim: Claim, stop: threading.Event) -> None:
    while not stop.wait(TTL / 4):
        if not ledger.claims.heartbeat(claim):
            return
