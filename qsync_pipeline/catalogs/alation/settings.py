"""What the Alation adapter is told about one integration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from qsync_pipeline.core.rows import ATTRIBUTES

PREFIX = "Qualytics "
"""Custom fields share one name space, so the canonical names get a prefix (DESIGN.md §5.3)."""


@dataclass(frozen=True)
class AlationSettings:
    """Settings of one Alation integration; it holds no secret (the session has the tokens).

    ``integration`` is its name: it begins our health rows' keys. ``marker`` is what every trust flag of ours
    contains. ``domains`` are the configured names: of several domains that an object is in, these are handed
    on. ``attributes`` maps the canonical attributes in use to the names of their custom fields.
    ``job_seconds`` is how long a background job may take. ``push_tags`` is whether tags are put on objects,
    ``flag_otypes`` the otypes that may carry flags of ours.
    """

    url: str
    integration: str
    marker: str
    page_size: int = 1000
    domains: tuple[str, ...] = ()
    attributes: Mapping[str, str] = field(
        default_factory=lambda: {name: PREFIX + name for name in ATTRIBUTES}
    )
    job_seconds: float = 900.0
    push_tags: bool = False
    flag_otypes: tuple[str, ...] = ("table",)
