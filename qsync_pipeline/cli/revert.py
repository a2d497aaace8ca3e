"""``qsync revert``: undo what one run changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from qsync_pipeline.cli.carrying import Question, question_options
from qsync_pipeline.cli.datastores import Known, choose
from qsync_pipeline.cli.options import Request, config_option, datastores_option, json_option, quiet_option
from qsync_pipeline.cli.running import Flags
from qsync_pipeline.config import load_config
from qsync_pipeline.core.tags import SURFACE
from qsync_pipeline.ledger import Ledger
from qsync_pipeline.sync.journalled import applied_by

AFTER = (
    "The next sync will want its own state again: change what led to it (the config, or the values in either "
    "system) before it runs."
)


@click.command(name="revert")
@click.argument("run")
@datastores_option("Only what it did on this one")
@question_options
@config_option
@json_option
@quiet_option
def command(
    run: str,
    datastores: tuple[str, ...],
    yes: bool,
    dry_run: bool,
    out: Path | None,
    config_path: Path | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Undo what RUN (its id, or the beginning of it) applied: the exact inverse, by the journal.

    Shows the plan first. What was changed since, by people or by later runs, is left as it is and named.
    """
    config = load_config(config_path)
    with Ledger.open(config.ledger.reveal_url(), read_only=True) as ledger:
        entries = applied_by(ledger, run)
        integration, run_id = entries[0].integration, entries[0].run_id
        touched = {entry.datastore for entry in entries}
        unsettled = _unsettled(ledger, integration, run_id, touched)
    config.integration(integration)

    def pick(known: Sequence[Known], ledger: Ledger) -> list[str]:
        return [key for key in choose(known, datastores) if key in touched]

    question = Question(
        "revert",
        Flags(dry_run=True, revert=run_id),
        pick,
        empty=f"nothing that run {run_id} did is still there to undo{unsettled and f'; {unsettled}'}",
        ahead=["", *([unsettled] if unsettled else []), AFTER],
        json={"run": run_id},
    )
    request = Request(config_path, (integration,), "both", datastores, as_json, quiet)
    return question.carry_out(request, yes=yes, dry_run=dry_run, out=out)


def _unsettled(ledger: Ledger, integration: str, run_id: str, datastores: Iterable[str]) -> str:
    """What a run that died was writing in the catalog, arrived or not; its tags in Qualytics are planned."""
    rows = [row for key in datastores for row in ledger.holdings.of(key, integration=integration)]
    number = sum(row.has_pending and row.pending_run == run_id and row.surface != SURFACE for row in rows)
    if not number:
        return ""
    return f"the run died at {number} writes in the catalog that are not undone: the next sync finds out"
