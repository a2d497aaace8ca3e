"""A second writer on the same catalog: the platform's own integration (DESIGN.md §5.1, one writer).

Two writers that each put their own values back would never come to rest, and every person would see them
flicker. So nothing is written beside one, unless the config says ``coexist: true``.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from qsync_pipeline.config import IntegrationConfig
from qsync_pipeline.core.names import host_name
from qsync_pipeline.qualytics.client import QualyticsClient


def second_writer(client: QualyticsClient, integration: IntegrationConfig) -> str | None:
    """Who else writes on this integration's catalog, as a sentence; null for nobody that we can see."""
    host = host_name(urlsplit(integration.url).hostname)
    for other in client.integrations() or ():
        same = other.type == integration.type and host_name(other.api_url) == host
        if same and other.connected is not False:
            return (
                f"Qualytics' own {other.type} integration (number {other.id}) writes on {integration.url} "
                "too: disconnect it there, or set coexist: true"
            )
    return None
