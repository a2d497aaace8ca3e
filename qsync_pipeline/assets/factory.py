"""One set of assets per integration."""

from __future__ import annotations

import dagster as dg

from qsync_pipeline.assets.planning import build_quality_plan, build_tag_plan
from qsync_pipeline.assets.reading import build_asset_mapping, build_catalog_assets, build_definitions
from qsync_pipeline.assets.writing import build_external_tags, build_quality_metadata
from qsync_pipeline.config import IntegrationConfig


def build_integration_assets(integration: IntegrationConfig) -> list[dg.AssetsDefinition]:
    """All assets of one integration, in the order of the graph (DESIGN.md §3)."""
    return [
        build_definitions(integration),
        build_catalog_assets(integration),
        build_asset_mapping(integration),
        build_tag_plan(integration),
        build_quality_plan(integration),
        build_external_tags(integration),
        build_quality_metadata(integration),
    ]
