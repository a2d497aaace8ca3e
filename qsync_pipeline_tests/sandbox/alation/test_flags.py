"""Trust flags (alation-api.md §2.7, §6 rows 38 to 45)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from qsync_pipeline_tests.sandbox.alation.conftest import Api

FLAGS = "/integration/flag/"


def flag(api: Api, kind: str = "WARNING", reason: str | None = "2 open", table: str = "V_ORDERS") -> Any:
    body: dict[str, Any] = {
        "flag_type": kind,
        "subject": {"id": api.one("table", table)["id"], "otype": "table"},
    }
    return body if reason is None else {**body, "flag_reason": reason}


def test_a_flag_belongs_to_the_user_whose_token_made_it_and_its_reason_is_rich_text(api: Api) -> None:
    made = api.call(
        "POST", FLAGS, 201, flag(api, reason='<script>x</script>2 open <a href="https://q">here</a>')
    )
    assert made["flag_reason"] == '<p>2 open <a href="https://q">here</a></p>'
    assert str(made["user"]["id"]) == api.system.credentials()["user_id"]
    assert made["subject"]["url"] == f"/table/{made['subject']['id']}/"
    assert api.get(f"{FLAGS}{made['id']}/") == made


def test_a_persons_banner_is_a_persons_warning(api: Api) -> None:
    [row] = api.get(FLAGS)
    assert (row["flag_type"], row["flag_reason"]) == ("WARNING", "<p>Late &lt;today&gt;</p>")
    assert row["user"]["display_name"] == "Grace Hopper"


def test_there_is_one_warning_for_each_subject_whoever_set_it(api: Api, make: Callable[..., Api]) -> None:
    body = api.call("POST", FLAGS, 400, flag(api, table="ORDERS"))
    assert "already" in body["non_field_errors"][0]
    each = make(one_warning=False)
    each.call("POST", FLAGS, 201, flag(each, table="ORDERS"))
    each.call("POST", FLAGS, 400, flag(each, table="ORDERS"))


def test_a_second_post_of_ones_own_flag_is_refused_or_updates_it_by_switch(make: Callable[..., Api]) -> None:
    api = make(second_flag="update")
    first = api.call("POST", FLAGS, 201, flag(api))
    again = api.call("POST", FLAGS, 201, flag(api, reason="3 open"))
    assert (again["id"], again["flag_reason"]) == (first["id"], "<p>3 open</p>")


def test_a_warning_and_an_endorsement_go_together(api: Api) -> None:
    api.call("POST", FLAGS, 201, flag(api))
    api.call("POST", FLAGS, 201, flag(api, "ENDORSEMENT", None))
    api.call("POST", FLAGS, 201, flag(api, "DEPRECATION"))


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("ENDORSEMENT", "fine"), ("WARNING", None), ("DEPRECATION", " "), ("warning", "x"), ("WARNING", 7)],
)
def test_a_reason_is_needed_for_all_but_endorsements_which_must_have_none(
    api: Api, kind: str, reason: Any
) -> None:
    api.call("POST", FLAGS, 400, flag(api, kind, reason))


def test_only_the_reason_can_change_and_its_id_and_time_of_making_stay(api: Api) -> None:
    made = api.call("POST", FLAGS, 201, flag(api))
    api.clock.advance(60)
    path = f"{FLAGS}{made['id']}/"
    changed = api.call("PUT", path, 200, {"flag_reason": "1 open"})
    assert changed["flag_reason"] == "<p>1 open</p>"
    assert (changed["id"], changed["ts_created"]) == (made["id"], made["ts_created"])
    assert changed["ts_updated"] > made["ts_created"]
    endorsed = api.call("POST", FLAGS, 201, flag(api, "ENDORSEMENT", None))
    api.call("PUT", f"{FLAGS}{endorsed['id']}/", 400, {"flag_reason": ""})


def test_other_peoples_flags_are_out_of_reach_except_for_server_admins(api: Api) -> None:
    [theirs] = api.get(FLAGS)
    path = f"{FLAGS}{theirs['id']}/"
    api.call("PUT", path, 403, {"flag_reason": "mine now"})
    api.call("DELETE", path, 403)
    api.login(**api.system.issue_token("root", "SERVER_ADMIN"))
    api.call("DELETE", path, 204)
    assert api.call("DELETE", path, 404) == {"detail": "Not found."}


def test_flags_are_found_by_type_and_id_of_their_subject_together(api: Api) -> None:
    made = api.call("POST", FLAGS, 201, flag(api))
    column = api.get("/integration/v2/column/", id=made["subject"]["id"])
    assert column, "a column has the same number as the table"
    assert api.get(FLAGS, oid=made["subject"]["id"], otype="attribute") == []
    assert api.get(FLAGS, oid=made["subject"]["id"], otype="table") == [made]
    assert len(api.get(FLAGS, otype="table")) == 2


def test_flags_of_deleted_subjects_are_listed_unless_excluded(api: Api) -> None:
    api.mutate("drop", "EDW.PUBLIC.ORDERS")
    assert len(api.get(FLAGS)) == 1
    assert api.get(FLAGS, exclude_deleted="True") == []


def test_what_cannot_be_flagged_says_so(api: Api) -> None:
    body = flag(api)
    wrong = {**body, "subject": {"id": 1, "otype": "user"}}
    assert api.call("POST", FLAGS, 400, wrong) == {"subject": ["Invalid otype"]}
    gone = {**body, "subject": {"id": 9999, "otype": "table"}}
    assert api.call("POST", FLAGS, 404, gone) == {"detail": "Not found."}
    api.call("POST", FLAGS, 403, flag(api, table="t"))


def test_flags_are_paged_like_everything(api: Api) -> None:
    api.call("POST", FLAGS, 201, flag(api))
    answer = api.answer("GET", FLAGS, limit=1)
    assert len(answer.json()) == 1
    assert len(api.get(answer.headers["X-Next-Page"])) == 1
