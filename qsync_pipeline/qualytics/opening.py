"""Opening a Qualytics client from the configuration."""

from __future__ import annotations

from qsync_pipeline.config import QualyticsConfig
from qsync_pipeline.qualytics.client import QualyticsClient
from qsync_pipeline.transport.auth import BearerToken
from qsync_pipeline.transport.budget import Budget
from qsync_pipeline.transport.counter import RequestCounter
from qsync_pipeline.transport.session import HttpSession


def open_qualytics(
    config: QualyticsConfig, *, budget: Budget | None = None, counter: RequestCounter | None = None
) -> QualyticsClient:
    """A client for the configured deployment. Raises ``ConfigError`` where the secret cannot be read."""
    session = HttpSession(
        "qualytics",
        config.api_url,
        auth=BearerToken(config.token.reveal(), config.token.source),
        budget=budget,
        limit_per_minute=config.requests_per_minute,
        timeout=(10.0, float(config.timeout_seconds)),
        verify=str(config.ca_bundle) if config.ca_bundle else True,
        counter=counter,
    )
    return QualyticsClient(session, parallel=config.parallel, page_size=config.page_size)
