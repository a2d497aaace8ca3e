"""What a plan leaves as it is though it is ours: counted, and by reason, so that people are told.

Nothing is removed without proof (DESIGN.md §5.1). What is kept for lack of it looks like being in step, and
is not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from qsync_pipeline.core.rows import CatalogAsset, Held, Link

UNSEEN = "its asset is not shown any more, and not proved to be gone"
UNREADABLE = "the token may not read its asset"
UNPAIRED = "no object of Qualytics stands for its asset now, and none is proved to be gone"
UNTOLD = "the tags on its asset cannot all be told"
ABOVE = "what lies above its asset, and whose tags count for it, is not shown"
MORE = "further assets belong to it, out of sight or out of scope"
GONE = "its object is gone in Qualytics"
"""Why something does not stay."""
OUTSIDE = "its object is not shown by Qualytics, and not proved to be gone"


@dataclass
class Leaving:
    """Counts of a plan, by word; ``frozen`` says why so many of ours were left as they are."""

    counts: Counter[str] = field(default_factory=Counter, kw_only=True)
    frozen: Counter[str] = field(default_factory=Counter, kw_only=True)

    def freeze(self, number: int, reason: str) -> None:
        """Leave so many of ours as they are."""
        if number:
            self.counts["frozen"] += number
            self.frozen[reason] += number


def unmatched(link: Link) -> str:
    """Why nothing is done on an object that has no partner."""
    word = link.bucket.replace("_", " ")
    return link.reason if word in link.reason else f"{word}: {link.reason}"


def why_left(row: Held, asset: CatalogAsset | None, links: Mapping[str, Link]) -> str:
    """Why something stays on an asset that no unit stands for any more; ``links`` are by unit."""
    link = links.get(str(row.extra.get("unit") or ""))
    if link is not None and link.bucket != "matched":
        return unmatched(link)
    if asset is None:
        return UNSEEN
    return UNPAIRED if asset.readable else UNREADABLE
