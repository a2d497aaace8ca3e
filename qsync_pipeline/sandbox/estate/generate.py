"""The estates by name. Same name and seed, same estate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from qsync_pipeline.sandbox.estate.demo import make_demo
from qsync_pipeline.sandbox.estate.large import make_large
from qsync_pipeline.sandbox.estate.model import Estate
from qsync_pipeline.sandbox.estate.small import make_small

EstateName = Literal["small", "demo", "large"]

_MAKERS: dict[str, Callable[[int], Estate]] = {"small": make_small, "demo": make_demo, "large": make_large}


def make_estate(name: EstateName, seed: int) -> Estate:
    """The estate of that name for a seed: deterministic, and different for other seeds.

    Every awkward case that :mod:`.awkward_shapes` and :mod:`.awkward_findings` name is in every estate;
    the seed decides where. Raises ValueError for an unknown name.
    """
    maker = _MAKERS.get(name)
    if maker is None:
        raise ValueError(f"estate {name!r}: unknown, there are {', '.join(_MAKERS)}")
    return maker(seed)
