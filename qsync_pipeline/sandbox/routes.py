"""Routes of the local systems: Starlette's, with a look at the fixed beginning before the pattern."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from starlette.routing import Match, Route
from starlette.types import Scope


class QuickRoute(Route):
    """A route that is passed by quickly: a system has some fifty, and a request goes past half of them.

    To try the pattern of each takes as long as many an answer does.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], *, methods: Sequence[str]) -> None:
        super().__init__(path, endpoint, methods=list(methods))
        self._begins = path.partition("{")[0]

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """As Starlette's; within a mount, where the path begins elsewhere, only that."""
        if not scope.get("root_path") and not scope["path"].startswith(self._begins):
            return Match.NONE, {}
        return super().matches(scope)
