"""Checks and anomalies (qualytics-api.md §2.6, §2.7)."""

from __future__ import annotations

from typing import Any

import pytest

from qsync_pipeline_tests.sandbox.qualytics.conftest import Api, Make, tag_names


def check_of(api: Api, rule: str, **query: Any) -> dict[str, Any]:
    return api.items("/quality-checks", rule_type=rule, **query)[0]


def test_open_checks_are_listed_and_archived_ones_only_on_demand(api: Api) -> None:
    statuses = {row["rule_type"]: row["status"] for row in api.items("/quality-checks")}
    assert statuses == {"notNull": "Active", "unique": "Active", "volumetric": "Active", "minValue": "Draft"}
    assert [row["rule_type"] for row in api.items("/quality-checks", archived="only")] == ["positive"]
    assert api.items("/quality-checks", status="Discarded") == []
    assert len(api.items("/quality-checks", status="Discarded", archived="include")) == 1
    assert {row["rule_type"] for row in api.items("/quality-checks", status="Active")} == statuses.keys() - {
        "minValue"
    }


def test_a_check_shows_its_state_and_no_name(api: Api) -> None:
    row = check_of(api, "notNull")
    assert "name" not in row
    assert (row["is_passing"], row["anomaly_count"], row["active_anomaly_count"]) == (False, 5, 2)
    assert [item["name"] for item in row["fields"]] == ["AMOUNT"]
    assert row["container"]["name"] == "ORDERS"
    volumetric = check_of(api, "volumetric")
    assert (volumetric["is_passing"], volumetric["last_asserted"], volumetric["fields"]) == (None, None, [])


def test_filters_by_container_field_tag_and_inference(api: Api) -> None:
    container, column = api.container("ORDERS")["id"], api.field("ORDERS", "ID")["id"]
    assert len(api.items("/quality-checks", container=container)) == 4
    assert [row["rule_type"] for row in api.items("/quality-checks", field=column)] == ["unique"]
    assert len(api.items("/quality-checks", tag="Gold")) == 4
    assert api.items("/quality-checks", inferred=False) == []
    assert len(api.get("/quality-checks/listing", container=container)) == 4


def test_writes_name_the_rule_and_fields_and_the_same_check_twice_is_409(api: Api) -> None:
    body = {
        "container_id": api.container("ORDERS")["id"],
        "rule": "maxLength",
        "description": "short ids",
        "fields": ["ID"],
        "properties": {"value": 9},
        "tags": ["Rule"],
    }
    made = api.call("POST", "/quality-checks", body=body)
    assert (made["rule_type"], made["is_passing"], made["inferred"]) == ("maxLength", None, False)
    assert tag_names(made) == {"Company", "Gold", "Rule"}
    api.call("POST", "/quality-checks", 409, body=body)
    api.call("POST", "/quality-checks", 422, body=body | {"fields": ["NOPE"]})
    api.call("POST", "/quality-checks", 422, body=body | {"description": None})
    api.call("POST", "/quality-checks", 422, body=body | {"status": "Discarded"})
    api.call("POST", "/quality-checks", 404, body=body | {"container_id": 9999})


def test_a_put_replaces_and_makes_an_inferred_check_authored(api: Api) -> None:
    before = check_of(api, "unique")
    assert before["inferred"] is True
    path = f"/quality-checks/{before['id']}"
    api.call("PUT", path, 422, body={"fields": ["ID"]})
    after = api.call("PUT", path, body={"description": "new words", "fields": ["ID", "AMOUNT"]})
    assert (after["description"], after["inferred"], after["coverage"]) == ("new words", False, None)
    assert len(after["fields"]) == 2


def test_deleting_archives_by_default_with_its_anomalies(api: Api) -> None:
    row = check_of(api, "notNull")
    api.call("DELETE", f"/quality-checks/{row['id']}", 422, status="Active")
    api.call("DELETE", f"/quality-checks/{row['id']}", 204, status="Invalid")
    archived = api.get(f"/quality-checks/{row['id']}")
    assert (archived["status"], archived["deleted_at"] is None) == ("Invalid", False)
    assert api.items("/anomalies") == []
    restored = api.call("PATCH", "/quality-checks", body=[{"id": row["id"], "status": "Active"}])[0]
    assert (restored["status"], restored["deleted_at"]) == ("Active", None)


def test_archiving_can_leave_the_anomalies(api: Api) -> None:
    number = check_of(api, "notNull")["id"]
    api.call("DELETE", f"/quality-checks/{number}", 204, delete_anomalies=False)
    assert len(api.items("/anomalies")) == 2


def test_archive_false_deletes_for_good(api: Api) -> None:
    number = check_of(api, "notNull")["id"]
    api.call("DELETE", f"/quality-checks/{number}", 204, archive=False)
    api.get(f"/quality-checks/{number}", 404)
    left = api.items("/anomalies", archived="include")
    assert {row["status"] for row in left} == {"Invalid", "Discarded"}


def test_checks_are_removed_in_bulk_with_a_json_body(api: Api) -> None:
    numbers = [row["id"] for row in api.items("/quality-checks")]
    api.call("DELETE", "/quality-checks", 404, body=[{"id": numbers[0]}, {"id": 9999}])
    assert len(api.items("/quality-checks")) == 4
    api.call("DELETE", "/quality-checks", 204, body=[{"id": number} for number in numbers])
    assert api.items("/quality-checks") == []


def test_templates_have_a_collection_of_their_own(api: Api) -> None:
    body = {"rule": "notNull", "description": "t", "template_locked": True}
    made = api.call("POST", "/quality-check-templates", body=body)
    assert (made["is_template"], made["container"], made["template_locked"]) == (True, None, True)
    assert [row["id"] for row in api.items("/quality-checks", template_only="true")] == [made["id"]]
    assert made["id"] not in {row["id"] for row in api.items("/quality-checks")}
    api.call("DELETE", f"/quality-checks/{made['id']}", 204)
    assert api.items("/quality-check-templates") == []


def test_anomalies_show_thin_checks_and_their_state(api: Api) -> None:
    [active, acknowledged] = api.items("/anomalies")
    assert (active["status"], active["archived"], active["type"]) == ("Active", False, "record")
    assert acknowledged["status"] == "Acknowledged"
    [failed] = active["failed_checks"]
    assert [item["name"] for item in failed["quality_check"]["fields"]] == ["AMOUNT"]
    assert isinstance(active["fingerprint"], int)
    assert api.get(f"/anomalies/{active['uuid']}") == active
    api.get("/anomalies/not-a-uuid", 404)


def test_fingerprints_are_text_by_switch(make: Make) -> None:
    assert isinstance(make(text_fingerprints=True).items("/anomalies")[0]["fingerprint"], str)


@pytest.mark.parametrize("status", ["Resolved", "Duplicate", "Invalid", "Discarded"])
def test_an_archived_status_needs_archived_too(api: Api, status: str) -> None:
    assert api.items("/anomalies", status=status) == []
    assert {row["status"] for row in api.items("/anomalies", status=status, archived="only")} == {status}


def test_anomalies_are_filtered_by_what_they_hang_on(api: Api) -> None:
    column, check = api.field("ORDERS", "ID")["id"], check_of(api, "unique")["id"]
    everything: dict[str, Any] = {"archived": "include"}
    assert len(api.items("/anomalies", field=column, **everything)) == 2
    assert len(api.items("/anomalies", quality_check=check, **everything)) == 2
    assert len(api.items("/anomalies", anomaly_type="shape", **everything)) == 2
    assert len(api.items("/anomalies", start_date="2020-01-01", **everything)) == 6
    assert api.items("/anomalies", end_date="2020-01-01", **everything) == []
    api.get("/anomalies", 422, start_date="yesterday")


def test_status_changes_take_open_statuses_and_restore_archived_ones(api: Api) -> None:
    gone = api.items("/anomalies", archived="only")[0]
    path = f"/anomalies/{gone['id']}"
    api.call("PUT", path, 422, body={"status": "Resolved"})
    row = api.call("PUT", path, body={"status": "Acknowledged", "description": "seen", "assignee_ids": [1]})
    assert (row["status"], row["archived"], row["description"]) == ("Acknowledged", False, "seen")
    assert row["assignees"] == [{"id": 1}]
    api.call("PATCH", "/anomalies", 422, body=[{"id": gone["id"], "status": "Active", "assignee_ids": "1"}])
    assert api.get(path)["status"] == "Acknowledged"


def test_archiving_is_a_delete_with_a_status(api: Api) -> None:
    [first, second] = [row["id"] for row in api.items("/anomalies")]
    api.call("DELETE", f"/anomalies/{first}", 422, status="Active")
    api.call("DELETE", f"/anomalies/{first}", 204, archive="true", status="Duplicate")
    assert api.get(f"/anomalies/{first}")["status"] == "Duplicate"
    api.call("DELETE", f"/anomalies/{second}", 204, archive="false")
    api.get(f"/anomalies/{second}", 404)


def test_bulk_archiving_takes_a_body_or_ids(api: Api) -> None:
    [first, second] = [row["id"] for row in api.items("/anomalies")]
    api.call("DELETE", "/anomalies", 204, body=[{"id": first, "archive": True, "status": "Invalid"}])
    api.call("DELETE", "/anomalies", 204, ids=f"{second}")
    assert api.items("/anomalies") == []
    assert api.get(f"/anomalies/{second}")["status"] == "Resolved"
    api.call("DELETE", "/anomalies", 422, ids="x")


def test_what_is_in_an_archived_container_is_archived(api: Api) -> None:
    api.system.mutate({"do": "drop", "asset": "SALES.PUBLIC.ORDERS", "how": "archive"})
    assert "ORDERS" not in {row["name"] for row in api.items("/containers")}
    [row] = api.items("/containers", archived="only")
    assert row["deleted_at"] is not None
    assert api.items("/anomalies") == api.items("/quality-checks") == []
    assert api.system.state(name="SALES.PUBLIC.ORDERS") == []
