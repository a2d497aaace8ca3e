"""The settings of the webhook receiver (``qsync webhooks``)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from qsync_pipeline.config.fields import Settings
from qsync_pipeline.config.secrets import SecretField, SuggestedEnv


class ReceiverConfig(Settings):
    """What the webhook receiver takes."""

    secret: Annotated[SecretField | None, SuggestedEnv("QSYNC_WEBHOOK_SECRET")] = Field(
        default=None,
        description="What senders have to show; without it the receiver serves this machine only.",
    )
    port: int = Field(default=8733, ge=1, le=65535, description="Port of the receiver.")
    max_body_kb: int = Field(default=1024, ge=1, le=65536, description="Largest body taken, in kilobytes.")
    per_minute: int = Field(
        default=6000, ge=1, le=1000000, description="Messages taken in a minute; more are told to come later."
    )
