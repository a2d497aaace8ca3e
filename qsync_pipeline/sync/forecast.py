"""How many requests carrying out a plan will take, and how long the request budgets make that. Pure.

An estimate from below: reads are those that planning took, because a sync reads the same again; writes follow
from the lines and how many of them one call carries. What the systems themselves need to answer, what they
refuse, and what has to be sent again is not in it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Literal

from qsync_pipeline.catalogs.base import Surface
from qsync_pipeline.core import definitions, tags
from qsync_pipeline.core.rows import Change
from qsync_pipeline.sync.replacing import calls_for

ASSUMES = (
    "reads as this plan took them, writes by the lines and how many one call carries, each read back; no "
    "refusals, no throttling, and the systems' own time to answer not counted"
)
REREAD_PER_CALL = 50
"""Assets of a catalog that are read again by one call (Atlan's limit is the smallest)."""
READ_BACK = 200
"""Assets of a datastore that ``read_back: sample`` reads back (``push.SAMPLE``)."""


@dataclass(frozen=True)
class Load:
    """The requests that one system will get, and the minutes that its budget makes of them."""

    reads: int
    writes: int
    per_minute: int

    @property
    def calls(self) -> int:
        """All requests."""
        return self.reads + self.writes

    @property
    def minutes(self) -> float:
        """How long the budget alone makes it take, to the hundredth."""
        return round(self.calls / self.per_minute, 2)


def forecast(
    by_datastore: Mapping[str, Sequence[Change]],
    surfaces: Sequence[Surface],
    read: Mapping[str, int],
    budgets: Mapping[str, int],
    read_back: Literal["all", "sample", "none"],
) -> dict[str, Load]:
    """The load on ``catalog`` and on ``qualytics`` of carrying out these lines.

    ``read`` are the requests that planning took, ``budgets`` requests a minute, both by system.
    """
    catalog = [0, 0]
    qualytics = [0, 0]
    for changes in by_datastore.values():
        lines = [one for one in changes if one.status == "planned" and one.action != "note"]
        _add(catalog, _catalog(lines, surfaces, read_back))
        _add(qualytics, _tags([one for one in lines if one.surface == tags.SURFACE]))
        book = sum(1 for one in lines if one.surface == definitions.SURFACE)
        _add(qualytics, (book, book))
    return {
        "catalog": Load(read["catalog"] + catalog[0], catalog[1], budgets["catalog"]),
        "qualytics": Load(read["qualytics"] + qualytics[0], qualytics[1], budgets["qualytics"]),
    }


def _add(total: list[int], more: tuple[int, int]) -> None:
    total[0] += more[0]
    total[1] += more[1]


def _catalog(
    lines: Iterable[Change], surfaces: Sequence[Surface], read_back: Literal["all", "sample", "none"]
) -> tuple[int, int]:
    """Reads and writes of one datastore's lines: what shares a call is counted by asset, once."""
    by_name = {surface.name: surface for surface in surfaces}
    targets: dict[str, set[str]] = defaultdict(set)
    again: set[str] = set()
    touched: set[str] = set()
    shape: dict[str, Surface] = {}
    for line in lines:
        surface = by_name.get(line.surface)
        if surface is None:
            continue
        call = surface.call or surface.name
        shape[call] = surface
        targets[call].add(line.target if surface.call else f"{line.target} {line.key}")
        touched.add(line.target)
        if surface.role == "alerts":
            again.add(line.target)
    writes = sum(
        ceil(len(found) / shape[call].per_call) * shape[call].requests for call, found in targets.items()
    )
    seen = {"all": len(touched), "sample": min(len(touched), READ_BACK), "none": 0}[read_back]
    return ceil(len(again) / REREAD_PER_CALL) + ceil(seen / REREAD_PER_CALL), writes


def _tags(lines: Sequence[Change]) -> tuple[int, int]:
    """Objects are read just before they are replaced; the answer shows whether they were."""
    if not lines:
        return 0, 0
    levels = Counter(target.partition(":")[0] for target in {line.target for line in lines})
    calls = sum(calls_for(objects) for objects in levels.values())
    return 1 + calls, calls
