"""How many requests carrying out a plan will take, and how long the request budgets make that. Sends nothing.

An estimate: reads are those that planning took, because a sync reads the same again; writes follow
from the lines and how many of them one call carries, with what is read before and after. What the systems
themselves need to answer, what they refuse, and what has to be sent again is not in it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from math import ceil
from typing import Literal

from qsync_pipeline.catalogs.base import Catalog, Role, Surface
from qsync_pipeline.core import definitions, tags
from qsync_pipeline.core.rows import Change
from qsync_pipeline.sync.confirming import sample_of
from qsync_pipeline.sync.outgoing_tags import ground_of
from qsync_pipeline.sync.push import FEW
from qsync_pipeline.sync.replacing import calls_for

ASSUMES = (
    "reads as this plan took them, writes by the lines and how many one call carries, each read back; no "
    "refusals, no throttling, and the systems' own time to answer not counted"
)


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
    catalog: Catalog,
    read: Mapping[str, int],
    budgets: Mapping[str, int],
    read_back: Literal["all", "sample", "none"],
) -> dict[str, Load]:
    """The load on ``catalog`` and on ``qualytics`` of carrying out these lines.

    ``catalog`` says what its calls carry and cost, and is sent nothing. ``read`` are the requests that
    planning took, ``budgets`` requests a minute, both by system.
    """
    walk = _Walk(catalog, read_back)
    qualytics = [0, 0]
    for changes in by_datastore.values():
        lines = [one for one in changes if one.status == "planned" and one.action != "note"]
        walk.write([one for one in lines if one.surface in walk.surfaces])
        _add(qualytics, _tags([one for one in lines if one.surface == tags.SURFACE]))
        book = sum(1 for one in lines if one.surface == definitions.SURFACE)
        _add(qualytics, (book, book))
    return {
        "catalog": Load(read["catalog"] + walk.reads, walk.writes, budgets["catalog"]),
        "qualytics": Load(read["qualytics"] + qualytics[0], qualytics[1], budgets["qualytics"]),
    }


class _Walk:
    """The way of :mod:`.push` through the lines of one datastore after the other, counting what it would
    send: the first write on a connection and surface goes alone, every other carries what fits."""

    def __init__(self, catalog: Catalog, read_back: str) -> None:
        self.surfaces = {surface.name: surface for surface in catalog.surfaces}
        self.reads = self.writes = 0
        self._catalog = catalog
        self._read_back = read_back
        self._known: set[tuple[str, str]] = set()

    def write(self, lines: Sequence[Change]) -> None:
        """Count what these lines of one datastore take."""
        targets = list(dict.fromkeys(line.target for line in lines))
        again = sample_of(targets, self._read_back)
        careful = self._catalog.writes_carry_names and len(targets) <= FEW
        by_ground: dict[str, dict[str, list[Change]]] = defaultdict(lambda: defaultdict(list))
        for line in lines:
            by_ground[self._ground(line)][line.target].append(line)
        for by_asset in by_ground.values():
            groups = [tuple(group) for group in by_asset.values()]
            while groups:
                known = list(takewhile(self._is_known, groups[: self._catalog.fits(groups)]))
                batch = known or groups[:1]
                self._batch(batch, again, careful=careful)
                groups = groups[len(batch) :]

    def _batch(self, batch: Sequence[tuple[Change, ...]], again: Collection[str], *, careful: bool) -> None:
        flat = [line for group in batch for line in group]
        self._known |= {(self._ground(line), line.surface) for line in flat}
        first = [
            group[0].target for group in batch if careful or any(self._role(one) == "alerts" for one in group)
        ]
        self.reads += self._catalog.reread_costs(first, roles=None if careful else {"alerts"})
        targets: dict[str, set[str]] = defaultdict(set)
        shape: dict[str, Surface] = {}
        for line in flat:
            surface = self.surfaces[line.surface]
            shape[surface.call or surface.name] = surface
            targets[surface.call or surface.name].add(
                line.target if surface.call else f"{line.target} {line.key}"
            )
        for call, found in targets.items():
            calls = ceil(len(found) / shape[call].per_call)
            self.writes += calls
            self.reads += calls * shape[call].polls
        back = [group[0].target for group in batch if group[0].target in again]
        self.reads += self._catalog.reread_costs(back, roles={self._role(line) for line in flat})

    def _is_known(self, group: Sequence[Change]) -> bool:
        return all((self._ground(line), line.surface) in self._known for line in group)

    def _ground(self, line: Change) -> str:
        return ground_of(line.connection, self._role(line))

    def _role(self, line: Change) -> Role:
        return self.surfaces[line.surface].role


def _add(total: list[int], more: tuple[int, int]) -> None:
    total[0] += more[0]
    total[1] += more[1]


def _tags(lines: Sequence[Change]) -> tuple[int, int]:
    """Objects are read just before they are replaced; the answer shows whether they were."""
    if not lines:
        return 0, 0
    levels = Counter(target.partition(":")[0] for target in {line.target for line in lines})
    calls = sum(calls_for(objects) for objects in levels.values())
    return 1 + calls, calls
