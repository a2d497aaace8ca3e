"""Changes as people make them in a catalog: what all sandbox catalogs do alike (DESIGN.md §6).

Each ``do`` has a method that first checks the whole change and then answers the steps to carry it out; so a
check and the change itself cannot disagree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from qsync_pipeline.sandbox.kernel import ControlError

Change = Mapping[str, Any]
S = TypeVar("S")


class CatalogPeople(Generic[S]):
    """Checks changes. ``S`` are the steps that make one; each ``do`` is a method of that name."""

    DOES = (
        "tag", "untag", "rename_tag", "rename", "drop", "create", "swap", "set_domain", "set_alert",
        "clear_alert", "set_attribute", "forbid", "allow",
    )  # fmt: skip

    def check(self, change: Change) -> None:
        """Raise :class:`ControlError` if the change could not be carried out."""
        self.plan(change)

    def plan(self, change: Change) -> S:
        """The steps of a change that can be carried out."""
        do = change.get("do")
        if do not in self.DOES:
            raise ControlError(f"do: {do!r} is unknown; allowed: {', '.join(self.DOES)}")
        plan: Callable[[Change], S] = getattr(self, f"_{do}")
        return plan(change)


def text_of(change: Change, key: str) -> str:
    """A word of a change that must be there and not be empty."""
    value = change.get(key)
    if not isinstance(value, str) or not value.strip():
        raise ControlError(f"{key}: needed, a text that is not empty")
    return value
