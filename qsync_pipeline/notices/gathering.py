"""Facts of one integration, from the ledger: what its checks show, what waits, and when its tokens lapse."""

from __future__ import annotations

from collections.abc import Sequence

from qsync_pipeline.config import Config, IntegrationConfig
from qsync_pipeline.ledger import Ledger
from qsync_pipeline.notices.causes import Facts, TokenLife
from qsync_pipeline.notices.crashes import Crash, standing_crashes
from qsync_pipeline.sync import mapping
from qsync_pipeline.sync.judging import (
    STAGES,
    WRITES,
    judge_coverage,
    judge_step,
    judge_writes,
    newest_reports,
    nothing_matched,
    standing_failures,
)
from qsync_pipeline.sync.run import CREDENTIALS, FIRST_WRITE_DONE
from qsync_pipeline.transport.auth import jwt_expiry
from qsync_pipeline.transport.errors import ConfigError


def gather(
    ledger: Ledger,
    integration: IntegrationConfig,
    failed: Sequence[Crash] = (),
    at_work: frozenset[str] = frozenset(),
) -> Facts:
    """What stands against an integration.

    ``failed`` are its newest failed runs in Dagster, ``at_work`` the datastores of runs under way.
    """
    name = integration.name
    by_stage = {stage: newest_reports(ledger, name, stage) for stage in STAGES}
    whole = {stage: newest_reports(ledger, name, stage, whole=True) for stage in WRITES}
    rejected, behind = {}, {}
    parked_in: dict[str, str] = {}
    for stage, plan_stage in WRITES.items():
        newest = {key: report for key, report in by_stage[stage].items() if key}
        unwritten = judge_writes(ledger, name, newest)
        rejected[stage] = unwritten.rejected
        parked_in |= {scope.surface: stage for scope in unwritten.parked}
        of_whole = {key: report for key, report in whole[stage].items() if key in newest}
        step = judge_step(newest, by_stage[plan_stage], of_whole)
        behind[stage] = (*step.behind, *step.never)
    mapped = {key: report for key, report in by_stage[mapping.STAGE].items() if key}
    coverage = judge_coverage(mapped, {})
    reports = ledger.reports.of_runs([run.run_id for run in failed])
    first_write = integration.first_write or ledger.notes.get(name, FIRST_WRITE_DONE, False)
    return Facts(
        name,
        failures=standing_failures(by_stage),
        crashes=standing_crashes(failed, reports, whole),
        parked=ledger.parked.of(name),
        parked_in=parked_in,
        rejected=rejected,
        behind=behind,
        unmatched=nothing_matched(integration.domains)
        if mapped and coverage.red and not coverage.failed
        else "",
        at_work=at_work,
        first_contact=not first_write,
    )


def token_lives(ledger: Ledger, config: Config) -> list[TokenLife]:
    """When tokens lapse: Qualytics' shows it itself, those of catalogs as runs last noted it."""
    found = []
    try:
        shown = jwt_expiry(config.qualytics.token.reveal())
    except ConfigError:
        shown = None  # no token can be read: the runs fail, and that is told
    if shown is not None:
        source = config.qualytics.token.source
        found.append(TokenLife("qualytics", shown, f"Make a new token and update {source}."))
    for one in config.integrations:
        known = ledger.notes.get(one.name, CREDENTIALS, {})
        if (lapses_at := known.get("lapses_at")) is not None:
            renewal = known.get("renewal", "")
            todo = (
                f"{renewal[0].upper()}{renewal[1:]}."
                if renewal
                else "Make a new token and update its secret."
            )
            found.append(TokenLife(one.name, lapses_at, todo))
    return found
