"""``qsync retire``: take back all that an integration has put anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from qsync_pipeline.catalogs.registry import open_catalog
from qsync_pipeline.cli.carrying import Question, question_options
from qsync_pipeline.cli.datastores import Known, choose
from qsync_pipeline.cli.options import Request, config_option, datastores_option, json_option, quiet_option
from qsync_pipeline.cli.running import Flags
from qsync_pipeline.config import Config, load_config
from qsync_pipeline.ledger import Ledger
from qsync_pipeline.sync import planning
from qsync_pipeline.sync.judging import RETIRED_AT
from qsync_pipeline.sync.retiring import settle_retired
from qsync_pipeline.transport.errors import SyncError

UNKNOWN = (
    "retire: the ledger knows of nothing that {} has put anywhere, so nothing was taken back. If it was "
    "lost, or is another one, qsync sync --adopt takes up what carries our marks; then retire again"
)
UNOWNED = (
    "when it was last compared, {} items carried our marks that the ledger did not know: they stay; "
    "qsync sync --adopt takes them up first"
)
SLASHED = (
    "in Qualytics, where its API does not find names with a slash: the tag definitions {}, to be deleted by "
    "hand"
)


@click.command(name="retire")
@click.argument("integration", metavar="INTEGRATION[/DATASTORE]")
@datastores_option("Only what is on this one")
@click.option(
    "--left-behind",
    is_flag=True,
    help="Only what has left the scope: outside the domains, excluded, no longer matched.",
)
@question_options
@config_option
@json_option
@quiet_option
def command(
    integration: str,
    datastores: tuple[str, ...],
    left_behind: bool,
    yes: bool,
    dry_run: bool,
    out: Path | None,
    config_path: Path | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Take back what INTEGRATION owns: tags and definitions in Qualytics, values, alerts and health rows.

    Of one datastore only: INTEGRATION/DATASTORE (key, id or name), or --datastore.

    Goes by the ledger, and shows the plan first. What stood there before comes back; what a person changed
    or took over is left and named. When all of it is gone, the integration may be taken out of the config.
    """
    config = load_config(config_path)
    integration, _, scope = integration.partition("/")
    datastores += (scope,) if scope else ()
    chosen = config.integration(integration)
    with Ledger.open(config.ledger.reveal_url(), read_only=True) as ledger:
        if not _is_known(ledger, integration):
            raise SyncError(UNKNOWN.format(integration))
        unowned, slashed = _unowned(ledger, integration), _slashed(ledger)
    catalog = open_catalog(chosen)
    try:
        lasting = [*catalog.lasting(), *([SLASHED.format(", ".join(slashed))] if slashed else [])]
    finally:
        catalog.close()

    def pick(known: Sequence[Known], ledger: Ledger) -> list[str]:
        """The datastores with something of ours, those of the command line only."""
        wanted = choose(known, datastores)
        held = [key for key in wanted if ledger.holdings.of(key, integration=integration)]
        made = [one for one in ledger.tag_definitions.all().values() if one.made_by == integration]
        return held or (wanted[:1] if made and not datastores else [])

    question = Question(
        "retire",
        Flags(dry_run=True, retire="left_behind" if left_behind else "all"),
        pick,
        empty=f"nothing of {integration} is there to take back{unowned and f'; {unowned}'}",
        ahead=[
            *([] if not unowned else ["", unowned]),
            "",
            "What stays, because qsync cannot or never does delete it:",
            *(f"  - {one}" for one in lasting),
        ],
        after=f"Take {integration} out of the config, or its schedule and events: the next sync starts anew."
        if not (datastores or left_behind)
        else "",
        settle=lambda: _settle(config, integration),
        json={"stays": lasting},
    )
    request = Request(config_path, (integration,), "both", datastores, as_json, quiet)
    return question.carry_out(request, yes=yes, dry_run=dry_run, out=out)


def _is_known(ledger: Ledger, integration: str) -> bool:
    """Whether the ledger holds anything of an integration, or held it until that was retired."""
    made = any(one.made_by == integration for one in ledger.tag_definitions.all().values())
    held = bool(ledger.holdings.counts().get(integration))
    return made or held or bool(ledger.notes.get(integration, RETIRED_AT, {}))


def _unowned(ledger: Ledger, integration: str) -> str:
    """A line about what only looks like ours, as the last whole comparisons counted it; or nothing."""
    stages = (planning.TAG_STAGE, planning.QUALITY_STAGE)
    reports = [
        one for stage in stages for one in ledger.reports.latest(integration, stage, whole=True).values()
    ]
    number = sum(one.counts.get("counts", {}).get("unowned", 0) for one in reports)
    return UNOWNED.format(number) if number else ""


def _slashed(ledger: Ledger) -> list[str]:
    """Names of definitions of ours that may not be reachable in a URL."""
    return sorted(one.name for one in ledger.tag_definitions.all().values() if one.made and "/" in one.name)


def _settle(config: Config, integration: str) -> None:
    with Ledger.open(config.ledger.reveal_url()) as ledger:
        settle_retired(ledger, integration)
