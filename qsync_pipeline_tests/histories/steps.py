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
    {"kind": "html", "status": 404, "method": "GET"},
)
BLIND = (3, 14)
"""Those of these which answer a question for one object without saying whether it is there."""
ROUTES: Mapping[str, tuple[str, ...]] = {
    "qualytics": (
        "*/datastores", "*/containers", "*/fields", "*/quality-checks", "*/anomalies", "*/global-tags",
    ),
    "atlan": ("*/search/*", "*/entity/*", "*/typedefs"),
    "alation": ("*/schema/", "*/table/", "*/column/", "*/subject/", "*/flag/", "*/values/", "*/view_rules/"),
}  # fmt: skip
"""Where a fault may strike alone: one list fails, all others are answered."""
BY_ID: Mapping[int, tuple[str, tuple[str, ...]]] = {
    97: ("qualytics", ("*/containers/{id}", "*/fields/{id}")),
    98: ("atlan", ("*/entity/guid/{id}", "*/entity/bulk")),
}
"""In place of a number among those: wherever a system is asked for single objects by their ids."""

TAG_LISTS = ("/api/datastores", "/api/containers", "/api/fields")
"""How the paths of writes begin that put tags on objects of Qualytics, or take them off."""

MEANWHILE_IN_CATALOGS = [
    "tag",
    "untag",
    "undo",
    "rename_tag",
    "drop",
    "set_alert",
    "set_alert",
    "clear_alert",
    "set_attribute",
    "set_attribute",
    "forbid",
]
MEANWHILE_IN_QUALYTICS = ["untag", "raise_anomaly", "resolve", "set_score", "drop"]
"""What people may do while a run is at work."""

_small = st.integers(0, 11)
_NONE: st.SearchStrategy[Any] = st.none()
IN_CATALOGS = ["tag", "tag", "tag", "untag", "untag", "undo", "undo", "rename_tag", "rename", "drop",
     "create", "set_alert", "clear_alert", "set_attribute", "forbid", "allow", "set_domain"]  # fmt: skip
IN_QUALYTICS = ["tag", "tag", "untag", "create_tag", "delete_tag", "raise_anomaly", "raise_anomaly",
     "set_anomaly_status", "resolve", "archive_check", "edit_check", "set_score", "set_score", "finish_scan",
     "rename", "drop", "create", "lose_column", "deny", "admit"]  # fmt: skip


def _mostly(*choices: tuple[int, st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    """One of these, as often as its number says; ``one_of`` counts the same strategy once, however often it
    stands there."""
    return st.sampled_from([one for often, one in choices for _ in range(often)]).flatmap(lambda one: one)


def _done(side: str, *acts: str) -> st.SearchStrategy[Step]:
    return st.tuples(st.just(side), st.sampled_from(acts), _small, _small)


_acts = _mostly(
    (4, _done("catalog", *IN_CATALOGS)),
    (4, _done("qualytics", *IN_QUALYTICS)),
    (1, st.tuples(st.just("wait"), st.sampled_from([2, 130, 7200]))),
)
_kinds = st.integers(0, len(FAULTS) - 1)
_runs = st.tuples(
    st.just("run"),
    st.integers(0, 1),
    st.sampled_from(["both", "both", "pull", "push"]),
    _mostly((2, st.none()), (1, _small)),
    _mostly((2, st.none()), (1, st.tuples(st.integers(1, 5), st.booleans()))),
    _mostly(
        (3, st.none()),
        (1, st.tuples(_kinds, st.sampled_from(["0.1", "0.3", "1"]), st.integers(0, 20), st.none())),
        (2, st.tuples(_kinds, st.just("1"), st.integers(0, 2), st.integers(0, 20))),
    ),
    _mostly((2, st.just(False)), (1, st.just(True))),
    _mostly(
        (3, st.none()),
        (
            1,
            st.tuples(
                st.integers(1, 3),
                _mostly(
                    (2, _done("catalog", *MEANWHILE_IN_CATALOGS)),
                    (1, _done("qualytics", *MEANWHILE_IN_QUALYTICS)),
                ),
            ),
        ),
    ),
)


def _whole(
    direction: str = "both",
    kill: st.SearchStrategy[Any] = _NONE,
    fault: st.SearchStrategy[Any] = _NONE,
    meanwhile: st.SearchStrategy[Any] = _NONE,
) -> st.SearchStrategy[Step]:
    """A run over everything, once all indexes have caught up."""
    which = st.tuples(st.just("run"), st.integers(0, 1), st.just(direction), _NONE)
    happens = st.tuples(kill, fault, st.just(False), meanwhile)
    return st.tuples(which, happens).map(lambda parts: (*parts[0], *parts[1]))


_RUN_ALL: Step = ("run", 0, "both", None, None, None, False, None)


def _one_after_another(*each: st.SearchStrategy[Step]) -> st.SearchStrategy[list[Step]]:
    return st.tuples(*each).map(list)


def _blind(side: str, act: str, where: int) -> st.SearchStrategy[list[Step]]:
    """Something goes, and whoever asks for it by its id is turned away: that proves nothing."""
    fault = st.tuples(st.sampled_from((*BLIND, BLIND[0])), st.just("1"), st.just(0), st.just(where))
    return _one_after_another(_done("catalog", "tag_inside"), _whole(), _done(side, act), _whole(fault=fault))


_out_of_sight = _one_after_another(
    _done("catalog", "tag_inside"), _whole(), _done("catalog", "forbid_tagged"), _whole()
)
"""What a run wrote on is out of our sight in the next."""
_orphaned = _one_after_another(
    _whole("pull", kill=st.tuples(st.sampled_from([1, 3, 3, 4, 5]), st.just(True), st.just(TAG_LISTS))),
    *(_done("catalog", "undo") for _ in range(3)),
)
"""A run dies right after a tag of ours was put on, and the tag is wanted no more."""
_made_anew = st.builds(
    lambda which, deleted, put: [
        _RUN_ALL, ("qualytics", "delete_tag", 0, deleted), ("qualytics", "tag", which, put),
    ],
    st.sampled_from([1, 3, 5, 7]), st.sampled_from([0, 0, 0, 3]), st.sampled_from([0, 1, 1, 3]),
)  # fmt: skip
"""Somebody deletes a definition of ours, and puts one on that is called so, or so but for case."""
_taken_off = st.builds(
    lambda which, seen: [
        _RUN_ALL, ("qualytics", "untag", which, 0), *seen, ("qualytics", "tag", which, 0)
    ],
    st.integers(0, 11), st.sampled_from([[], [_RUN_ALL]]),
)  # fmt: skip
"""Somebody takes a tag off, and one is put on again, before or after a run saw it off."""
_typed = st.tuples(st.just("catalog"), st.just("set_attribute"), st.sampled_from([1, 3, 5, 7]), _small)
_spoiled = _one_after_another(
    _whole("push", meanwhile=st.tuples(st.integers(1, 4), _typed)),
)
"""Somebody changes a value right after it was written."""
_undone = _mostly(
    (2, _done("catalog", "undo")),
    (2, _done("qualytics", "resolve")),
    (1, st.tuples(st.just("qualytics"), st.just("set_score"), st.just(1), st.sampled_from([0, 4, 8]))),
)
"""What the last run wrote is wanted no more, or is something else now."""
_any = st.builds(
    lambda some, run, undone: [*some, run, *(undone if run[4] else undone[1:])],
    st.lists(_acts, max_size=3),
    _runs,
    st.lists(_undone, max_size=2),
)
_rounds = _mostly(
    (16, _any),
    (1, _blind("qualytics", "drop", 97)),
    (2, _blind("catalog", "drop_tagged", 98)),
    (1, _out_of_sight),
    (2, _orphaned),
    (2, _spoiled),
    (2, _made_anew),
    (1, _taken_off),
)
_last = _mostly(
    (3, st.lists(_acts, min_size=1, max_size=4)),
    (1, _one_after_another(_done("qualytics", "lose_column"), _done("catalog", "undo"))),
)
steps = st.builds(
    lambda rounds, last: [step for one in (*rounds, last) for step in one],
    st.lists(_rounds, min_size=1, max_size=2),
    _last,
)
"""Something happens after the last run too: what was written has to be taken back or changed again."""
