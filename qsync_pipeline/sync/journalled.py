"""A run that is to be undone, as the journal knows it."""

from __future__ import annotations

from qsync_pipeline.ledger import JournalEntry, Ledger
from qsync_pipeline.outside_text import one_line
from qsync_pipeline.transport.errors import ConfigError
from qsync_pipeline.transport.redact import redact

PRUNED = (
    "revert: the journal is forgetting run {} (ledger.keep_days): part of what it did is not known any more, "
    "so nothing of it is undone"
)
ELSEWHERE = "revert: run {} did nothing in {}: start the job of the integration that it was of"


def applied_by(ledger: Ledger, run: str) -> list[JournalEntry]:
    """What a run applied, by its id or the beginning of it; never nothing.

    Raises ``ConfigError`` where the journal knows no such run, several, or only part of what it did.
    """
    shown = one_line(redact(run))
    found = ledger.outcomes.run_ids(run) if run.strip() else []
    if len(found) > 1:
        raise ConfigError(f"revert: {shown} begins the ids of several runs: {', '.join(found)}")
    if found and not ledger.outcomes.is_whole(found[0]):
        raise ConfigError(PRUNED.format(found[0]))
    entries = ledger.outcomes.of_run(found[0]) if found else []
    applied = [entry for entry in entries if entry.outcome == "applied"]
    if not applied:
        raise ConfigError(
            f"revert: the journal has no run {shown} that changed anything; qsync history shows "
            "those that did"
        )
    return applied


def whole_id(ledger: Ledger, run: str) -> str:
    """The id of a run that is to be undone, or nothing. Raises ``ConfigError`` as :func:`applied_by`."""
    return applied_by(ledger, run)[0].run_id if run else ""
