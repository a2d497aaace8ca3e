"""What is only inferred of Alation may be either way: the sync ends in the same place with each.

Every switch of the sandbox is set the other way somewhere, many in one world because worlds are costly; which
of them is at fault is found by running it alone. A first sync, changes of every kind and a second sync must
satisfy the reference, and a third must write nothing.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest

from qsync_pipeline.sandbox.alation.switches import AlationSwitches
from qsync_pipeline_tests.e2e.alation import QUICK_JOBS, alation_world, containers, memory, settle
from qsync_pipeline_tests.e2e.harness import World

Switches = dict[str, Any]

WORLDS: dict[str, Switches] = {
    "older": {
        "announcement": "job_id",
        "release": "2023.1.7",
        "deployment": "onprem",
        "create_token_status": 200,
        "unknown_parameters": "ignore",
        "lenient_slashes": True,
        "total_count": True,
        "subject_property": "object",
        "flag_subject_id": "text",
        "wrap_rich_text": False,
        "propagate_health": False,
        "job_seconds": 0.05,
        "job_polls": 1,
    },
    "narrow": {
        "announcement": "href",
        "page_cap": 7,
        "absolute_next_page": True,
        "value_rows": 50,
        "value_bytes": 400,
        "value_members": 1,
        "health_body_cap": 60,
        "health_sample": 0,
        "entry_base": 0,
        "bulk_membership": 1,
    },
    "strict": {
        "announcement": "task",
        "strict_value_types": True,
        "unknown_field_key": "refuse",
        "cascade_fields": False,
        "guard_ts_updated": True,
        "delete_subdomains": False,
        "domain_delete": "job",
        "hidden_source_status": 404,
        "unseen_objects": "empty",
        "post_resets": False,
    },
    "flags": {
        "announcement": "job",
        "second_flag": "update",
        "flag_owners_only": False,
        "attribution": "all",
        "native_connectors": "snowflake,postgresql",
        "throttling": "documented",
        "throttle_per_second": 10,
    },
    "busy": {
        "announcement": "job_name",
        "one_warning": False,
        "access_token_hours": 0.5,
        "refresh_token_days": 20.0,
        "throttling": "everything",
        "throttle_per_second": 30,
        "native_connectors": "",
    },
}


BY_THEMSELVES = {"job_outcome", "exact_key_first"}
"""Switches with which the sync ends elsewhere: each has a test of its own."""


def test_every_switch_is_tried_with_every_answer_that_it_has() -> None:
    hints = get_type_hints(AlationSwitches)
    for one in fields(AlationSwitches):
        if one.name in BY_THEMSELVES:
            continue
        tried = {
            one.default,
            QUICK_JOBS.get(one.name, one.default),
            *(world[one.name] for world in WORLDS.values() if one.name in world),
        }
        kind = hints[one.name]
        answers = {True, False} if kind is bool else set(get_args(kind)) if _is_literal(kind) else None
        if one.name == "announcement":  # what is documented is one of the others, or two of them
            tried.add("as_documented")
        assert (tried == answers) if answers is not None else (len(tried) > 1), one.name


def _is_literal(kind: Any) -> bool:
    return get_origin(kind) is Literal


@pytest.mark.parametrize("switches", WORLDS.values(), ids=WORLDS)
def test_the_sync_ends_in_the_same_place(switches: Switches) -> None:
    with alation_world(seed=2, switches=switches) as one:
        settle(one)
        one.control.advance(3600)
        loud = one.tables(alert="integration", catalog="alation")[1]
        renamed, was_called = f"{loud.rpartition('.')[0]}.RENAMED_MEANWHILE", loud.rpartition(".")[2]
        hidden, was = change(one)
        done = one.sync()
        assert (done.ok, done.failures, done.excess()) == (True, [], [])
        assert one.attributes(hidden, "alation")["Quality Score Total"] == was
        one.alation("allow", hidden)
        one.alation("rename", renamed, to=was_called)
        settle(one)
        one.quiet()


def change(one: World) -> tuple[str, float]:
    """Of each surface and of the tags something comes, changes and goes, by people of both sides.

    Answers the table that is out of sight since, and the score that it shows.
    """
    loud = one.tables(alert="integration", catalog="alation")
    quiet = one.tables(alert="none", catalog="alation")
    hidden = next(name for name in quiet if one.attributes(name, "alation").get("Quality Score Total"))
    quiet.remove(hidden)
    checks = [check for check in containers(one)[loud[0]].checks.values() if check.status == "Active"]
    tagged, tag = next(
        (str(entry["name"]), str(entry["tags"][0]["name"])) for entry in one.all("alation") if entry["tags"]
    )
    alation: list[dict[str, Any]] = [
        {"do": "tag", "asset": loud[0], "tag": "Switched #1 / On"},
        {"do": "untag", "asset": tagged, "tag": tag},
        {"do": "set_alert", "asset": quiet[0], "text": "Ask Grace"},
        {"do": "set_attribute", "asset": loud[0], "name": "Check Count", "value": 999},
        {"do": "rename", "asset": loud[1], "to": "RENAMED_MEANWHILE"},
        {"do": "forbid", "asset": hidden},
    ]
    qualytics: list[dict[str, Any]] = [
        {"do": "set_score", "asset": hidden, "dimension": "total", "value": 3.3},
        {"do": "set_score", "asset": loud[0], "dimension": "total", "value": None},
        {"do": "raise_anomaly", "asset": quiet[0], "rule": "volumetric"},
        {"do": "raise_anomaly", "asset": quiet[1], "rule": "volumetric"},
        {"do": "raise_anomaly", "asset": loud[0], "rule": "notNull"},
        {"do": "set_anomaly_status", "asset": loud[1], "id": "all", "status": "Resolved"},
        {"do": "archive_check", "id": checks[0].id},
        {"do": "edit_check", "id": checks[-1].id, "description": "Said <b>anew</b>"},
    ]
    was = one.attributes(hidden, "alation")["Quality Score Total"]
    one.mutate(
        *({"system": "alation", **words} for words in alation),
        *({"system": "qualytics", **words} for words in qualytics),
    )
    return hidden, float(was)


def test_rows_that_a_key_of_another_case_would_get_are_taken_off_and_not_tried_at_every_sync() -> None:
    with alation_world(seed=2, switches={"exact_key_first": False}) as one:
        done = one.sync()
        assert (done.ok, done.excess()) == (True, [])
        checks = {
            name: sorted(check.description for check in found.checks.values() if check.status == "Active")
            for name, found in containers(one).items()
        }
        mine, other = "SALES_DB.SALES.Product", "SALES_DB.SALES.PRODUCT"
        assert done.outcome["data_health"]["rejected"] == len(checks[mine]) > 0
        assert one.state("alation", mine)["health"] == []
        assert sorted(row["description"] for row in one.state("alation", other)["health"]) == checks[other]
        assert one.sync().writes == {}


@pytest.mark.parametrize("outcome", ["failed", "partially_successful"])
def test_what_a_job_did_not_carry_out_is_rejected_and_settled_by_the_next_sync(outcome: str) -> None:
    with alation_world(seed=2) as one:
        settle(one)
        table = one.tables(alert="none", catalog="alation")[0]
        one.qualytics("raise_anomaly", table, rule="notNull")
        memory(one).jobs.steer(
            outcome, kind="values", count=8
        )  # two jobs for each of two tries, schema first
        memory(one).jobs.steer(outcome, kind="health")
        done = one.sync()
        assert done.ok
        assert done.outcome["custom_fields"]["rejected"] > 0
        assert (done.outcome["data_health"]["rejected"] > 0) is (outcome == "failed")
        settle(one)
        one.quiet()
