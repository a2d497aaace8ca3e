"""The one Definitions object: configuration -> resources, assets, checks, jobs, schedules, sensors.

Loads without any network and without any secret. Without a configuration it loads the sandbox's.
"""

from __future__ import annotations

from pathlib import Path

import dagster as dg

import qsync_pipeline
from qsync_pipeline.assets.factory import build_integration_assets
from qsync_pipeline.assets.inventory import qualytics_inventory
from qsync_pipeline.automation.dispatch import build_events_sensor
from qsync_pipeline.automation.jobs import build_jobs
from qsync_pipeline.automation.schedules import build_comparison, build_schedule
from qsync_pipeline.automation.sensors import datastores_sensor
from qsync_pipeline.automation.telling import build_telling
from qsync_pipeline.automation.watching import build_watching
from qsync_pipeline.catalogs.registry import catalog_types
from qsync_pipeline.config import Config, load_config
from qsync_pipeline.resources import (
    CatalogResource,
    LedgerResource,
    QualyticsResource,
    SyncSettings,
    unconfigured,
)
from qsync_pipeline.tables_io import TableIOManager
from qsync_pipeline.transport.errors import ConfigError


def build_definitions(
    config: Config, *, storage: Path | None = None, reports_url: str = ""
) -> dg.Definitions:
    """Everything Dagster needs for a configuration.

    ``storage`` and ``reports_url`` are for ``qsync plan``, which keeps its tables and reports apart.
    """
    known = catalog_types()
    for integration in config.integrations:
        if integration.type not in known:
            raise ConfigError(
                f"{config.path}: integrations: {integration.name}: type: {integration.type} is not "
                f"available in "
                f"this version; available: {', '.join(sorted(known))}"
            )
    path = config_path(config)
    resources: dict[str, object] = {
        "io_manager": TableIOManager(directory=str(storage or config.storage)),
        "ledger": unconfigured(LedgerResource(config_path=path, reports_url=reports_url)),
        "settings": SyncSettings(dry_run=False),
        "qualytics": unconfigured(QualyticsResource(config_path=path, url=config.qualytics.url)),
    }
    assets: list[dg.AssetsDefinition] = [qualytics_inventory]
    jobs: list[dg.UnresolvedAssetJobDefinition] = []
    schedules: list[dg.ScheduleDefinition] = []
    sensors: list[dg.SensorDefinition] = [datastores_sensor, *build_watching(config), *build_telling(config)]
    for integration in config.integrations:
        catalog = CatalogResource(
            config_path=path, integration=integration.name, type=integration.type, url=integration.url
        )
        resources[integration.name] = unconfigured(catalog)
        assets += build_integration_assets(integration)
        own_jobs = build_jobs(integration)
        jobs += own_jobs
        by_event = build_events_sensor(integration, own_jobs)
        if by_event is not None:
            sensors.append(by_event)
        schedules += filter(None, (build_schedule(integration), build_comparison(integration)))
    return dg.Definitions(
        assets=assets,
        jobs=jobs,
        schedules=schedules,
        sensors=sensors,
        resources=resources,
        # 0.1 s a step, against 3-4 s for a process each; parallel HTTP lives inside the clients.
        executor=dg.in_process_executor,
    )


def config_path(config: Config) -> str:
    """How resources name the configuration: empty for the packaged one, whose paths start where we run."""
    packaged = Path(qsync_pipeline.__file__).parent
    return "" if config.path.is_relative_to(packaged) else str(config.path)


@dg.definitions
def defs() -> dg.Definitions:
    """What ``workspace.yaml`` and ``[tool.dg]`` load."""
    return build_definitions(load_config(check_secrets=False))
