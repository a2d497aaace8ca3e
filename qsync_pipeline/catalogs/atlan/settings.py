"""What the Atlan adapter is told about one integration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from qsync_pipeline.core.rows import ATTRIBUTES

DEFAULT_SET = "Qualytics"


@dataclass(frozen=True)
class AtlanSettings:
    """Settings of one Atlan integration; it holds no secret (the session has the token).

    ``page_size`` is rows per search page, ``batch_size`` assets per bulk write (20-50 are advised,
    atlan-api.md §1.7). ``attributes`` maps the canonical attributes in use to their display names inside the
    custom-metadata set ``attribute_set``. ``include_propagated`` is whether propagated tags are handed on at
    all. ``push_tags`` is whether tags are put on assets. ``expires_at`` is when the token lapses, in seconds
    since the epoch.
    """

    url: str
    page_size: int = 300
    batch_size: int = 50
    attribute_set: str = DEFAULT_SET
    attributes: Mapping[str, str] = field(default_factory=lambda: {name: name for name in ATTRIBUTES})
    include_propagated: bool = True
    push_tags: bool = False
    expires_at: float | None = None
