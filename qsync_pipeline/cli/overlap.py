"""What several integrations would do to one tag in Qualytics, counted once: for the first of them.

Each integration is planned against Qualytics as it is now. In a sync the second one finds done what the first
one did, so the second one's plan has those lines as skipped.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from qsync_pipeline.core import definitions, tags
from qsync_pipeline.core.rows import Change

_SHARED = frozenset({tags.SURFACE, definitions.SURFACE})

Act = tuple[str, str, str, str]
"""Surface, object, key, action."""


class Overlap:
    """The lines of the integrations planned so far, in the order of the config."""

    def __init__(self) -> None:
        self._first: dict[Act, str] = {}

    def settle(self, integration: str, changes: Iterable[Change]) -> tuple[list[Change], list[Change]]:
        """An integration's lines with those skipped that an earlier one has; and what these were."""
        settled, doubles = [], []
        for change in changes:
            if change.surface not in _SHARED or change.status != "planned" or change.action == "note":
                settled.append(change)
                continue
            act = (change.surface, change.target, change.key, change.action)
            first = self._first.setdefault(act, integration)
            if first == integration:
                settled.append(change)
                continue
            doubles.append(change)
            settled.append(replace(change, status="skipped", reason=f"in the plan of {first} already"))
        return settled, doubles
