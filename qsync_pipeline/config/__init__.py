"""``qsync.yaml``: validated settings, secrets by environment variable or file only."""

from __future__ import annotations

from qsync_pipeline.config.integration import AlationConfig, AtlanConfig, BaseIntegration, IntegrationConfig
from qsync_pipeline.config.load import CONFIG_VARIABLE, example_config, load_config
from qsync_pipeline.config.model import Config, LedgerConfig, QualyticsConfig
from qsync_pipeline.config.notify import CauseKind, EmailConfig, NotifyConfig, WebhookConfig
from qsync_pipeline.config.parts import (
    AlertsConfig,
    AttributesConfig,
    GuardsConfig,
    LinksConfig,
    MappingConfig,
    PatternsConfig,
    ScheduleConfig,
    TagsConfig,
)
from qsync_pipeline.config.problems import Problem, WrongConfig
from qsync_pipeline.config.receiver import ReceiverConfig
from qsync_pipeline.config.schema import reference_rows
from qsync_pipeline.config.secrets import Secret

__all__ = [
    "CONFIG_VARIABLE",
    "AlationConfig",
    "AlertsConfig",
    "AtlanConfig",
    "AttributesConfig",
    "BaseIntegration",
    "CauseKind",
    "Config",
    "EmailConfig",
    "GuardsConfig",
    "IntegrationConfig",
    "LedgerConfig",
    "LinksConfig",
    "MappingConfig",
    "NotifyConfig",
    "PatternsConfig",
    "Problem",
    "QualyticsConfig",
    "ReceiverConfig",
    "ScheduleConfig",
    "Secret",
    "TagsConfig",
    "WebhookConfig",
    "WrongConfig",
    "example_config",
    "load_config",
    "reference_rows",
]
