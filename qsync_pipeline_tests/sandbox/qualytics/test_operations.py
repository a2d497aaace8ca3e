"""Operations by the sandbox's clock (qualytics-api.md §1.8, §2.11)."""

from __future__ import annotations

from typing import Any

from qsync_pipeline_tests.sandbox.qualytics.conftest import Api, Make


def run(api: Api, kind: str, **body: Any) -> dict[str, Any]:
    row: dict[str, Any] = api.call(
        "POST", "/operations/run", body={"type": kind, "datastore_id": api.datastore("sales")["id"], **body}
    )
    return row


def test_an_operation_is_queued_runs_and_succeeds(make: Make) -> None:
    api = make(queue_seconds=100, run_seconds=100)
    row = run(api, "scan", container_names=["NEVER.PROFILED"])
    path = f"/operations/{row['id']}"
    assert (row["result"], row["start_time"], row["end_time"]) == ("queued", None, None)
    api.system.clock.advance(101)
    assert api.get(path)["result"] == "running"
    assert api.container("NEVER.PROFILED")["metrics"]["last_scanned"] is None
    api.system.clock.advance(101)
    done = api.get(path)
    assert (done["result"], done["message"], done["end_time"] is None) == ("success", None, False)
    assert done["status"]["containers_analyzed"] == 1
    assert api.container("NEVER.PROFILED")["metrics"]["last_scanned"] == done["end_time"]


def test_a_scan_asserts_active_checks_anew(api: Api) -> None:
    run(api, "scan")
    api.system.clock.advance(60)
    rows = {row["rule_type"]: row for row in api.items("/quality-checks")}
    assert (rows["volumetric"]["is_passing"], rows["notNull"]["is_passing"]) == (True, False)
    assert rows["minValue"]["last_asserted"] is None


def test_a_profile_ends_the_404(api: Api) -> None:
    number = api.container("NEVER.PROFILED")["id"]
    run(api, "profile")
    api.system.clock.advance(60)
    assert api.get(f"/containers/{number}/profile")["field_profiles_count"] == 1


def test_an_aborted_operation_does_nothing_and_can_be_resumed(make: Make) -> None:
    api = make(queue_seconds=100)
    row = run(api, "scan", container_names=["NEVER.PROFILED"])
    assert api.call("PUT", f"/operations/abort/{row['id']}")["result"] == "aborted"
    api.system.clock.advance(1000)
    assert api.container("NEVER.PROFILED")["metrics"]["last_scanned"] is None
    again = api.call("PUT", f"/operations/run/{row['id']}")
    api.system.clock.advance(1000)
    assert api.get(f"/operations/{again['id']}")["result"] == "success"
    assert api.call("PUT", f"/operations/abort/{again['id']}")["result"] == "success"
    api.call("PUT", f"/operations/run/{again['id']}", 409)
    assert api.call("PUT", f"/operations/rerun/{again['id']}")["id"] > again["id"]


def test_a_failure_can_be_ordered(api: Api) -> None:
    api.system.fail_next_operation("the source is down")
    row = run(api, "scan", container_names=["NEVER.PROFILED"])
    api.system.clock.advance(60)
    done = api.get(f"/operations/{row['id']}")
    assert (done["result"], done["message"]) == ("failure", "the source is down")
    assert run(api, "scan")["message"] is None


def test_a_sync_goes_by_both_names(make: Make) -> None:
    api = make()
    numbers = [run(api, "sync")["id"], run(api, "catalog")["id"]]
    for name in ("sync", "catalog"):
        rows = api.items("/operations", operation_type=name)
        assert [row["id"] for row in rows] == numbers
        assert {row["type"] for row in rows} == {"sync"}
    assert run(make(sync_type="catalog"), "sync")["type"] == "catalog"


def test_bad_runs_are_refused(api: Api) -> None:
    number = api.datastore("sales")["id"]
    for status, body in (
        (422, {"type": "dance", "datastore_id": number}),
        (422, {"type": "scan"}),
        (404, {"type": "scan", "datastore_id": 9999}),
        (422, {"type": "scan", "datastore_id": number, "container_names": ["A"], "container_tags": ["B"]}),
    ):
        api.call("POST", "/operations/run", status, body=body)
    api.get("/operations/9999", 404)


def test_the_list_is_filtered_and_sorted(make: Make) -> None:
    api = make(queue_seconds=100)
    first = run(api, "scan")
    api.system.clock.advance(1000)
    second = run(api, "profile")
    assert [row["id"] for row in api.items("/operations", finished=True)] == [first["id"]]
    assert [row["id"] for row in api.items("/operations", result=["queued", "running"])] == [second["id"]]
    newest = api.items("/operations", sort_created="desc", datastore=first["datastore"]["id"])
    assert [row["id"] for row in newest] == [second["id"], first["id"]]
    container = api.container("carts")["id"]
    assert api.items("/operations", container=container) == []
    latest = api.get(f"/datastores/{first['datastore']['id']}/operations")
    assert {row["type"] for row in latest} == {"scan", "profile"}
    api.call("DELETE", f"/operations/{first['id']}", 204)
    api.get(f"/operations/{first['id']}", 404)


def test_the_deprecated_exports_answer_204(api: Api) -> None:
    number = api.datastore("sales")["id"]
    for kind in ("anomalies", "checks", "field-profiles"):
        api.call("POST", f"/export/{kind}", 204, datastore=number)
        api.call("POST", f"/export/{kind}", 422)
        api.call("POST", f"/export/{kind}", 404, datastore=9999)
    api.call("POST", "/export/check-templates", 204, enrich_datastore_id=number)
