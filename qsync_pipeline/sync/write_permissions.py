"""What a push run learns of where it may write (DESIGN.md §5.5)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

STORM = 3
"""Single-item refusals after which the rest of a connection is not tried in this run."""


class Permissions:
    """What a run has learned of connections: where a write went through, and where it was refused.

    By ground and surface: whoever may not tag on a connection may still write the rest there
    (``ground_of``), and whoever may not announce there may still write values.
    """

    def __init__(self) -> None:
        self.proven: set[tuple[str, str]] = set()
        self.refused: Counter[tuple[str, str]] = Counter()
        self.missing: dict[str, tuple[str, ...] | None] = {}
        """By connection that refused a write: what we lack there, null where the catalog cannot tell."""
        self.troubles = 0
        """Single writes in a row that ended in trouble on the catalog's side."""

    def troubled(self, ground: str) -> bool:
        """Whether anything was refused there: its surfaces go apart from then on."""
        return any(where == ground for where, _ in self.refused)

    def forbidden(self, ground: str, surface: str) -> bool:
        """Whether enough single writes were refused to stop asking.

        Those of the surface itself; where nothing of it ever went through, those of the others count too.
        """
        if (ground, surface) in self.proven:
            return self.refused[ground, surface] >= STORM
        return self._refused_on(ground) >= STORM

    def remember(self, ground: str, standing: Mapping[str, int]) -> None:
        """Count in what stands refused from earlier runs (by surface) and is not tried again in this one.

        So a run that goes on where another was killed learns no less than that one. They never suffice by
        themselves: that a connection is closed is told by a write of this run.
        """
        for surface, number in standing.items():
            room = STORM - 1 - self._refused_on(ground)
            if number and room > 0:
                self.refused[ground, surface] += min(number, room)

    def _refused_on(self, ground: str) -> int:
        return sum(number for (where, _), number in self.refused.items() if where == ground)

    def proven_on(self, ground: str) -> bool:
        """Whether anything went through there."""
        return any(where == ground for where, _ in self.proven)

    def known(self, ground: str, surface: str) -> bool:
        """Whether there is nothing left to learn by a single write."""
        return (ground, surface) in self.proven or self.forbidden(ground, surface)
