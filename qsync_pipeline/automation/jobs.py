"""Jobs per integration: pull, push and sync, the Launchpad twin of the vendor's Sync dialog."""

from __future__ import annotations

import dagster as dg

from qsync_pipeline.assets.common import INVENTORY_KEY, asset_key
from qsync_pipeline.automation.ranges import job_name
from qsync_pipeline.config import IntegrationConfig
from qsync_pipeline.resources import DIRECTION_TAG, INTEGRATION_TAG
from qsync_pipeline.sync import definitions, mapping, planning, pull, push, snapshot
from qsync_pipeline.sync.run import Direction

_READ = (snapshot.STAGE, mapping.STAGE)
_STAGES: dict[Direction, tuple[str, ...]] = {
    "pull": (*_READ, planning.TAG_STAGE, pull.STAGE),
    "push": (definitions.STAGE, *_READ, planning.QUALITY_STAGE, push.STAGE),
    "both": (
        definitions.STAGE,
        *_READ,
        planning.TAG_STAGE,
        pull.STAGE,
        planning.QUALITY_STAGE,
        push.STAGE,
    ),
}
_WORDS: dict[Direction, str] = {
    "pull": "Pull {name}'s tags onto Qualytics.",
    "push": "Push Qualytics' scores, counts, links and alerts out to {name}.",
    "both": "Both ways: pull {name}'s tags, and push Qualytics' quality.",
}


def build_jobs(integration: IntegrationConfig) -> list[dg.UnresolvedAssetJobDefinition]:
    """The three jobs of an integration, each over the partitions that are chosen when it starts."""
    jobs = []
    for direction, stages in _STAGES.items():
        selection = dg.AssetSelection.assets(
            INVENTORY_KEY, *(asset_key(integration, stage) for stage in stages)
        )
        jobs.append(
            dg.define_asset_job(
                job_name(integration.name, direction),
                selection=selection,
                description=_WORDS[direction].format(name=integration.name),
                tags={INTEGRATION_TAG: integration.name, DIRECTION_TAG: direction},
            )
        )
    return jobs
