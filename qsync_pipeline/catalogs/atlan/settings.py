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
    atlan-api.md §1.7). ``names`` maps canonical attributes to the display names they have in Atlan (missing:
    the same name), ``drop`` lists canonical attributes that are not used. ``include_propagated`` is whether
    propagated tags are handed on at all. ``expires_at`` is when the token lapses, in seconds since the epoch.
    """

    url: str
    page_size: int = 300
    batch_size: int = 50
    attribute_set: str = DEFAULT_SET
    names: Mapping[str, str] = field(default_factory=dict)
    drop: frozenset[str] = frozenset()
    include_propagated: bool = True
    expires_at: float | None = None

    def display_names(self) -> dict[str, str]:
        """Canonical name to display name of every attribute in use, in canonical order."""
        return {name: self.names.get(name, name) for name in ATTRIBUTES if name not in self.drop}
