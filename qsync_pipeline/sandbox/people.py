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


_WHICH = ("asset", "kind", "connection")
TAKES: Mapping[str, tuple[str, ...]] = {
    "tag": (*_WHICH, "tag", "color", "description", "propagate"),
    "untag": (*_WHICH, "tag"),
    "rename_tag": (*_WHICH, "from", "to"),
    "rename": (*_WHICH, "to"),
    "drop": _WHICH,
    "create": (*_WHICH, "data_type"),
    "swap": (*_WHICH, "with"),
    "set_domain": (*_WHICH, "domain", "exclude", "recursive"),
    "set_alert": (*_WHICH, "type", "title", "text", "edit"),
    "clear_alert": _WHICH,
    "set_attribute": (*_WHICH, "name", "value"),
    "forbid": (*_WHICH, "mode"),
    "allow": (*_WHICH, "mode"),
}
"""The words of each ``do``, beside ``system``, ``do`` and ``by``: of all catalogs, so that one change can be
said to each of them (a colour in Alation, which has none, is no mistake)."""


class CatalogPeople(Generic[S]):
    """Checks changes. ``S`` are the steps that make one; each ``do`` is a method of that name."""

    def check(self, change: Change) -> None:
        """Raise :class:`ControlError` if the change could not be carried out."""
        self.plan(change)

    def plan(self, change: Change) -> S:
        """The steps of a change that can be carried out."""
        do = str(change.get("do"))
        if do not in TAKES:
            raise ControlError(f"do: {do!r} is unknown; allowed: {', '.join(TAKES)}")
        for word in change:
            if word not in ("system", "do", "by", *TAKES[do]):
                raise ControlError(f"{word}: unknown; {do} takes {', '.join(TAKES[do])}")
        plan: Callable[[Change], S] = getattr(self, f"_{do}")
        return plan(change)


def text_of(change: Change, key: str) -> str:
    """A word of a change that must be there and not be empty."""
    value = change.get(key)
    if not isinstance(value, str) or not value.strip():
        raise ControlError(f"{key}: needed, a text that is not empty")
    return value
