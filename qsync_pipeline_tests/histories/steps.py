"""What may happen in a history, as data that Hypothesis can shrink.

Steps name assets by number, so that every step means something in every world; what is not possible as
things stand does not happen. :mod:`.people` does the people's part of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

Step = tuple[Any, ...]
"""``("wait", seconds)``, ``("run", ...)`` (see :meth:`.story.Story._run`), or an act and two numbers."""

WRITES = ["POST", "PUT", "PATCH", "DELETE"]
FAULTS: tuple[dict[str, Any], ...] = (
    {"kind": "status", "status": 429, "headers": {"Retry-After": "7"}},
    {"kind": "status", "status": 429},
    {"kind": "status", "status": 503},
    {"kind": "status", "status": 403, "method": "GET"},
    {"kind": "status", "status": 500, "phase": "after", "method": WRITES},
    {"kind": "reset"},
    {"kind": "reset", "phase": "after"},
    {"kind": "timeout", "seconds": 70, "phase": "after", "method": WRITES},
    {"kind": "truncate", "keep": 0.5},
    {"kind": "truncate", "keep": 0.5, "method": WRITES},
    {"kind": "html"},
    {"kind": "html", "phase": "after", "method": WRITES},
    {"kind": "drop_key"},
    {"kind": "delay", "seconds": 45},
)
ROUTES: Mapping[str, tuple[str, ...]] = {
    "qualytics": (
        "*/datastores", "*/containers", "*/fields", "*/quality-checks", "*/anomalies", "*/global-tags",
    ),
    "atlan": ("*/search/*", "*/entity/*", "*/typedefs"),
    "alation": ("*/schema/", "*/table/", "*/column/", "*/subject/", "*/flag/", "*/values/", "*/view_rules/"),
}  # fmt: skip
"""Where a fault may strike alone: one list fails, all others are answered."""

_small = st.integers(0, 11)
IN_CATALOGS = ["tag", "tag", "tag", "untag", "untag", "undo", "undo", "rename_tag", "rename", "drop",
     "create", "set_alert", "clear_alert", "set_attribute", "forbid", "allow", "set_domain"]  # fmt: skip
IN_QUALYTICS = ["tag", "tag", "untag", "create_tag", "delete_tag", "raise_anomaly", "raise_anomaly",
     "set_anomaly_status", "set_anomaly_status", "archive_check", "edit_check", "set_score", "set_score",
     "finish_scan", "rename", "drop", "create", "lose_column"]  # fmt: skip
_catalog = st.tuples(st.just("catalog"), st.sampled_from(IN_CATALOGS), _small, _small)
_qualytics = st.tuples(st.just("qualytics"), st.sampled_from(IN_QUALYTICS), _small, _small)
_waits = st.tuples(st.just("wait"), st.sampled_from([2, 130, 7200]))
_acts = st.one_of(_catalog, _qualytics, _catalog, _qualytics, _catalog, _qualytics, _waits)
_kinds = st.integers(0, len(FAULTS) - 1)
_faults = st.one_of(
    st.none(),
    st.tuples(_kinds, st.sampled_from(["0.1", "0.3", "1"]), st.integers(0, 20), st.none()),
    st.tuples(_kinds, st.just("1"), st.integers(0, 2), st.integers(0, 20)),
)
_runs = st.tuples(
    st.just("run"),
    st.integers(0, 1),
    st.sampled_from(["both", "pull", "push"]),
    st.none() | _small,
    st.none() | st.none() | st.tuples(st.integers(1, 8), st.booleans()),
    _faults,
    st.sampled_from([False, False, True]),
)
_undone = st.lists(st.tuples(st.just("catalog"), st.just("undo"), _small, _small), max_size=1)
_rounds = st.tuples(st.lists(_acts, max_size=3), _runs, _undone)
_last = st.one_of(
    st.lists(_acts, min_size=1, max_size=4),
    st.lists(_acts, min_size=1, max_size=4),
    st.lists(_acts, min_size=1, max_size=4),
    st.tuples(
        st.tuples(st.just("qualytics"), st.just("lose_column"), _small, _small),
        st.tuples(st.just("catalog"), st.just("undo"), _small, _small),
    ),
)
steps = st.builds(
    lambda rounds, last: (
        [
            step
            for some, run, undone in rounds
            for step in (
                *some,
                run,
                *(undone if run[4] else ()),
            )  # what a run that died wrote is wanted no more
        ]
        + list(last)
    ),
    st.lists(_rounds, min_size=1, max_size=2),
    _last,
)
"""Something happens after the last run too: what was written has to be taken back or changed again."""
