"""What is only inferred of the vendors may be either way: the sync ends in the same place with each.

Every switch of the two sandboxes is set the other way, two of each system at a time; a first sync, some
changes and a second sync must satisfy the reference, and a third must write nothing.
"""

from __future__ import annotations

from dataclasses import fields
from itertools import zip_longest
from typing import Any

import pytest

from qsync_pipeline.sandbox.atlan.switches import AtlanSwitches
from qsync_pipeline.sandbox.qualytics.switches import QualyticsSwitches
from qsync_pipeline_tests.e2e.harness import World, world

ATLAN: dict[str, list[Any]] = {
    "window": [100_000],
    "scrub": ["legacy", "full"],
    "scrub_keys": ["both"],
    "index_lag": [0.0, 60.0],
    "audit_lag": [0.0],
    "retry_after": [3],
    "lockout": [1.0],
    "rate_limit_body": ["atlas"],
    "unauthorized_body": ["empty", "json"],
    "propagation_lag": [0.0],
    "business_matrix": ["notes"],
    "reject_unknown_attributes": [True],
    "struct_echo": ["as_stored"],
    "external_dq_merge": [True],
    "domain_inherits": [True],
    "propagated_tag_bumps": [True],
    "empty_entities": ["list"],
    "empty_struct_defs": [True],
    "webhooks": ["off", "duplicates"],
    "maintenance_body": [True],
    "lowercase_keywords": [False],
    "conflict_share": [1.0],
    "enforce_applicability": [True],
    "evaluator": [False],
}
QUALYTICS: dict[str, list[Any]] = {
    "api_root": [""],
    "external_tags": [True],
    "cascade_removal": [False],
    "active_includes_acknowledged": [False],
    "null_lists": [True],
    "strict_query": [True],
    "tag_usage_count": [False],
    "slashes_in_tag_paths": [True],
    "default_page_size": [7],
    "datastore_score_in_metrics": [False],
    "score_object_when_unscored": [True],
    "container_score_routes": [False],
    "view_container_type": [True],
    "invisible_is_404": [True],
    "unset_settings_404": [True],
    "text_fingerprints": [True],
    "sync_type": ["catalog"],
    "queue_seconds": [30.0],
    "run_seconds": [60.0],
    "flow_changes": [False],
    "max_uri": [600],
    "max_body": [4000],
    "build": ["20240101-old"],
}

Switches = dict[str, dict[str, Any]]


def _groups(every: dict[str, list[Any]], size: int) -> list[dict[str, Any]]:
    """Settings by ``size``, each switch once in a group: what each does is told apart by running it alone."""
    singles = sorted(
        ((turn, name, value) for name, values in every.items() for turn, value in enumerate(values)),
        key=lambda one: one[0],
    )
    groups: list[dict[str, Any]] = []
    for _, name, value in singles:
        if not groups or len(groups[-1]) == size or name in groups[-1]:
            groups.append({})
        groups[-1][name] = value
    return groups


_WORLDS: list[Switches] = [
    {"atlan": atlan or {}, "qualytics": qualytics or {}}
    for atlan, qualytics in zip_longest(_groups(ATLAN, 2), _groups(QUALYTICS, 2))
]


def test_every_switch_is_tried() -> None:
    assert set(ATLAN) == {item.name for item in fields(AtlanSwitches)}
    assert set(QUALYTICS) == {item.name for item in fields(QualyticsSwitches)}


def _id(switches: Switches) -> str:
    return "+".join(f"{name}={value}" for system in switches.values() for name, value in system.items())


@pytest.mark.parametrize("switches", _WORLDS, ids=map(_id, _WORLDS))
def test_the_sync_ends_in_the_same_place(switches: Switches) -> None:
    external = "external_tags" in switches["qualytics"]
    lag = switches["atlan"].get("index_lag", 0)
    with world("small", seed=2, switches=switches) as one:
        first = one.sync()
        assert (first.ok, first.failures, first.excess()) == (True, [], [])
        one.check(external=external)
        one.control.advance(1 + lag)
        _change(one)
        one.control.advance(lag)
        second = one.sync()
        assert (second.ok, second.failures, second.excess()) == (True, [], [])
        one.check(external=external)
        one.quiet()


def _change(one: World) -> None:
    """A tag on, a tag off, a score away, an alert opened and one cleared."""
    quiet = next(name for name in one.tables(alert="none"))
    loud = one.tables(alert="integration")[0]
    tagged = next(
        (entry["name"], tag["name"])
        for entry in one.all("atlan")
        for tag in entry["tags"]
        if entry["name"] == "SALES_DB.SALES" and tag["origin"] == "person"
    )
    one.mutate(
        {"system": "atlan", "do": "tag", "asset": loud, "tag": "Switched / On"},
        {"system": "atlan", "do": "untag", "asset": tagged[0], "tag": tagged[1]},
        {"system": "qualytics", "do": "set_score", "asset": loud, "dimension": "total", "value": None},
        {"system": "qualytics", "do": "raise_anomaly", "asset": quiet, "rule": "volumetric"},
        {"system": "qualytics", "do": "set_anomaly_status", "asset": loud, "id": "all", "status": "Resolved"},
    )
