"""What the tokens may do, for ``qsync doctor``: asked of each catalog, and, on request, tried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from qsync_pipeline.cli.findings import Findings
from qsync_pipeline.core.locate import Placement
from qsync_pipeline.ledger import Ledger
from qsync_pipeline.sync.canary import CanaryResult, try_writes
from qsync_pipeline.sync.permissions import inspect
from qsync_pipeline.sync.refusals import mark_granted, refusals
from qsync_pipeline.sync.run import Run

AGAIN = "; the next sync tries again what it refused"


def check_permissions(run: Run, placed: Mapping[str, Placement], findings: Findings) -> None:
    """One line for each connection in use, with what is missing there.

    A connection that refused us and is open now is noted in the ledger, so that the next sync tries again.
    """
    with findings.trying(run.name, "permissions"):
        rows = inspect(run, placed)
    noted = {name for name, refusal in refusals(run.ledger, run.name).items() if not refusal.granted}
    open_again = noted & {row.connection for row in rows if row.state == "ok"}
    if open_again:
        with Ledger.open(run.config.ledger.reveal_url()) as ledger:
            mark_granted(ledger, run.name, open_again)
    for row in rows:
        many = "1 datastore" if len(row.datastores) == 1 else f"{len(row.datastores)} datastores"
        where = f"{row.name} ({many})"
        if row.state == "ok":
            more = AGAIN if row.connection in open_again else ""
            findings.ok(run.name, "permissions", f"{where}: nothing is missing{more}")
        else:
            lacking = f", missing: {', '.join(row.missing)}" if row.missing else ""
            findings.warn(run.name, "permissions", f"{where}: {row.state}{lacking}", row.todo)


def check_by_writing(run: Run, names: Sequence[str], findings: Findings) -> None:
    """One line for each trial write (:mod:`qsync_pipeline.sync.canary`)."""
    with findings.trying(run.name, "canary"):
        if run.ledger.notes.get(run.name, "definitions", {}):
            with Ledger.open(run.config.ledger.reveal_url()) as ledger:
                writing = replace(run, ledger=ledger)
                try:
                    results = try_writes(writing, names)
                finally:
                    writing.close()
        else:
            # Nothing can be tried yet, and so there is no need for a ledger.
            results = try_writes(run, names)
    for result in results:
        _tell(run, result, findings)


def _tell(run: Run, one: CanaryResult, findings: Findings) -> None:
    where = " ".join(part for part in (one.name, one.asset and f"({one.asset})") if part)
    text = ": ".join(part for part in (where, one.result, one.detail) if part)
    if one.ok:
        findings.ok(run.name, "canary", text)
    elif one.result == "not tried":
        findings.warn(run.name, "canary", text, one.todo)
    else:
        findings.fail(run.name, "canary", text, one.todo)
