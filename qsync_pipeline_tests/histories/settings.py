"""What the config may say of an integration, and how the reference is told of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from hypothesis import strategies as st

from qsync_pipeline_tests.e2e.trees import tag_key

Setting = Mapping[str, Any]
"""Fields of an integration in the config that differ from what a sandbox writes there."""

_OVERWRITE = {"overwrite_tags": True}
_COARSE = {"decimals": 0, "count_acknowledged": False, "read_back": "all"}
_LOUD = {
    "alerts": {"levels": ["schema", "table", "column"]},
    "tags": {"propagated": True, "from_connection": False},
    "decimals": 2,
}
_QUIET = {
    "announcements": False,
    "attributes": {"drop": ["Quality Score Coverage", "Check Count"]},
    "tags": {"exclude": ["Ünï*", "gold*"]},
}
_KEEP = {"on_drift": "keep"}

SETTINGS: tuple[Mapping[str, Setting], ...] = (
    {},
    {"atlan": _OVERWRITE, "alation": _COARSE},
    {"atlan": _COARSE | {"batch_size": 1}, "alation": _OVERWRITE},
    {"atlan": _LOUD, "alation": _QUIET},
    {"atlan": _QUIET, "alation": _LOUD},
    {"atlan": {"levels": ["schema", "table"]}, "alation": {"levels": ["table", "column"]}},
    {"atlan": {"containers": {"exclude": ["t2*"]}}, "alation": {"datastores": {"exclude": ["*2"]}}},
    {"atlan": _KEEP, "alation": _KEEP | _OVERWRITE},
    {"atlan": _OVERWRITE | _LOUD, "alation": _OVERWRITE | _KEEP},
    {"atlan": _KEEP | _OVERWRITE},
)
"""By integration. Of both catalogs, and of the first and the second, each is set otherwise at least once."""
settings = st.sampled_from([*[0] * len(SETTINGS), *range(1, len(SETTINGS))])
"""Every second history has the usual ones."""


def said(setting: Setting) -> dict[str, Any]:
    """What of it goes into the reference's rules as it stands."""
    tags = setting.get("tags", {})
    unwanted = [pattern.casefold() for pattern in tags.get("exclude", ())]
    return {
        "overwrite": setting.get("overwrite_tags", False),
        "announcements": setting.get("announcements", True),
        "alert_levels": frozenset(setting.get("alerts", {}).get("levels", ["table"])),
        "decimals": setting.get("decimals", 1),
        "dropped": frozenset(setting.get("attributes", {}).get("drop", ())),
        "propagated": tags.get("propagated", False),
        "from_connection": tags.get("from_connection", True),
        "tags": lambda name: not any(fnmatchcase(tag_key(name), pattern) for pattern in unwanted),
    }


def left_out(setting: Setting, missing: Iterable[str]) -> Callable[[str, str], bool]:
    """Whether an object of Qualytics, by level and name, takes no part: ``missing`` are names as well.

    Schemas of these estates are called S and a number, and their datastores something with that number.
    """
    levels = setting.get("levels", ["schema", "table", "column"])
    patterns = [
        rf"(.*\.)?S\d\.{_regex(glob)}(\..*)?" for glob in setting.get("containers", {}).get("exclude", ())
    ]
    patterns += [
        rf"(.*\.)?S{_regex(glob)}(\..*)?" for glob in setting.get("datastores", {}).get("exclude", ())
    ]
    excluded = re.compile("|".join(patterns) or r"(?!)", re.IGNORECASE | re.DOTALL)

    def is_left_out(level: str, name: str) -> bool:
        return level not in levels or name in missing or excluded.fullmatch(name) is not None

    return is_left_out


def _regex(glob: str) -> str:
    return re.escape(glob).replace(r"\*", r"[^.]*")
