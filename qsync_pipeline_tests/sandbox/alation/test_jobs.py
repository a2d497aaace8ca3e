"""Jobs, and the rest that all endpoints share (alation-api.md §1.5, §2.10, §6 rows 5, 23, 24, 52, 56)."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from qsync_pipeline.config import load_config
from qsync_pipeline.sandbox.testing import kinds_of, running_sandbox
from qsync_pipeline_tests.sandbox.alation.conftest import HEALTH, Api, make_tiny

JOB = "/api/v1/bulk_metadata/job/"


def start(api: Api, count: int = 1) -> dict[str, Any]:
    fields = [{"field_key": f"k{n}", "name": "n", "type": "NUMERIC"} for n in range(count)]
    announced: dict[str, Any] = api.call("POST", HEALTH, 202, {"fields": fields})
    return announced


def test_a_job_runs_for_its_time_and_for_a_poll_at_least(api: Api) -> None:
    job = start(api)["job_id"]
    assert api.get(JOB, id=job) == {"status": "running", "msg": "", "result": None}
    api.clock.advance(1)
    told = api.get(JOB, id=job)
    assert told["status"] == "successful"
    assert told["msg"].startswith("Job finished in 0.1")
    assert told["msg"].endswith("+00:00")
    assert api.get(JOB, id=job) == told


def test_time_alone_does_not_end_the_polling(make: Callable[..., Api]) -> None:
    api = make(job_polls=3, job_seconds=0)
    job = start(api)["job_id"]
    states = [api.get(JOB, id=job)["status"] for _ in range(4)]
    assert states == ["running", "running", "running", "successful"]


def test_an_unknown_job_is_404(api: Api) -> None:
    assert api.call("GET", JOB, 404, id=99_999)["code"] == "404000"
    api.call("GET", JOB, 404)


@pytest.mark.parametrize(
    ("shape", "keys"),
    [
        ("job_id", {"job_id"}),
        ("href", {"job_id", "href"}),
        ("task", {"task"}),
        ("job", {"job"}),
        ("job_name", {"job_name"}),
    ],
)
def test_jobs_are_announced_in_each_of_the_shapes(
    make: Callable[..., Api], shape: str, keys: set[str]
) -> None:
    api = make(announcement=shape, job_polls=0, job_seconds=0)
    announced = start(api)
    assert set(announced) == keys
    inner = announced.get("task") or announced.get("job") or announced
    query = {"name": inner["job_name"]} if shape == "job_name" else {"id": inner.get("id") or inner["job_id"]}
    assert api.get(JOB, **query)["status"] == "successful"


@pytest.mark.parametrize(
    ("outcome", "told", "written"),
    [("failed", "failed", 0), ("stuck", "running", 0), ("partially_successful", "partially_successful", 2)],
)
def test_jobs_can_be_made_to_end_badly(api: Api, outcome: Any, told: str, written: int) -> None:
    api.system.jobs.steer(outcome, kind="fields")
    api.system.jobs.steer(outcome, kind="health")
    assert api.job(start(api, 3))["status"] == told
    assert len(api.get(HEALTH + "fields/")) == written
    assert api.job(start(api, 3))["status"] == "successful"


def test_all_jobs_may_end_badly_by_switch(make: Callable[..., Api]) -> None:
    api = make(job_outcome="failed")
    assert api.job(start(api))["status"] == "failed"


def test_an_unslashed_get_is_redirected_and_an_unslashed_write_is_lost(
    api: Api, make: Callable[..., Api]
) -> None:
    answer = api.answer("GET", "/integration/v2/table", limit=2)
    assert (answer.status_code, answer.headers["Location"]) == (301, "/integration/v2/table/?limit=2")
    assert "slash" in api.call("POST", "/integration/flag", 404, {})["detail"]
    make(lenient_slashes=True).call("GET", "/integration/v2/table", 200)


def test_an_unknown_path_and_a_wrong_method_are_404(api: Api) -> None:
    assert api.call("GET", "/integration/v2/nothing/", 404) == {"detail": "Not found.", "code": "404000"}
    api.call("DELETE", "/integration/v2/table/", 404)


def test_a_body_that_is_no_json_is_400(api: Api) -> None:
    answer = api.http.post("/integration/flag/", content=b"{", headers=api.headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "400000")


def test_throttling_covers_what_the_documentation_lists_and_is_off_by_default(
    make: Callable[..., Api],
) -> None:
    def burst(api: Api, path: str) -> list[Any]:
        api.clock.advance(1.0)
        return [api.answer("GET", path) for _ in range(60)]

    tables, tags = "/integration/v2/table/", "/integration/tag/"
    assert {answer.status_code for answer in burst(make(), tables)} == {200}
    api = make(throttling="documented", throttle_per_second=2)
    throttled = [answer for answer in burst(api, tables) if answer.status_code == 429]
    assert throttled
    assert int(throttled[0].headers["Retry-After"]) >= 1
    assert "Request was throttled." in throttled[0].json()["detail"]
    assert {answer.status_code for answer in burst(api, tags)} == {200}
    assert 429 in {answer.status_code for answer in burst(make(throttling="everything"), tags)}


def test_users_and_the_version_are_told(api: Api) -> None:
    me = api.get("/integration/v1/userinfo/")
    assert str(me["id"]) == api.system.credentials()["user_id"]
    assert api.get(f"/integration/v2/user/{me['id']}/")["username"] == "qsync"
    assert [row["id"] for row in api.get("/integration/v2/user/", id=me["id"])] == [me["id"]]
    assert "Grace Hopper" in {row["display_name"] for row in api.get("/integration/v1/user/")}
    assert api.get("/full_version") == {"ALATION_RELEASE_NAME": "2025.3.1"}
    assert api.get("/api/v1/license") == {"is_cloud": True}
    assert {"name": "attribute"} in api.get("/integration/v1/otype/")


def test_no_template_shows_a_new_field(api: Api) -> None:
    number = api.make_field("Note")
    [table] = api.get("/integration/v1/custom_template/", title="Table")
    assert number not in {field["id"] for field in table["fields"]}
    assert api.get(f"/integration/v1/custom_template/{table['id']}/") == table
    api.call("GET", "/integration/v1/custom_template/99/", 404)


def test_a_sandbox_serves_it_beside_the_others() -> None:
    with running_sandbox("small", seed=2) as sandbox:
        ready = sandbox.ready()["alation"]
        assert set(ready) == {"url", "user_id", "refresh_token"}
        config = load_config(sandbox.config, env={})
        assert [one.name for one in config.integrations] == ["atlan", "alation"]
        table = next(e["name"] for e in sandbox.control.state("alation", like="%") if e["kind"] == "TABLE")
        sandbox.control.mutate(
            {"system": "alation", "do": "tag", "asset": table, "tag": "Both"},
            {"system": "alation", "do": "rename_tag", "from": "Both", "to": "Done"},
        )
        assert "Done" in {tag["name"] for tag in sandbox.control.state("alation", name=table)[0]["tags"]}


def test_calls_in_parallel_are_counted_as_such_and_calls_in_a_row_are_not() -> None:
    with running_sandbox(make_tiny(), kinds=kinds_of("alation"), latency_ms=30) as sandbox:
        url = sandbox.urls["alation"] + "/full_version"

        def call(_: int) -> int:
            return requests.get(url, timeout=10).status_code

        assert [call(n) for n in range(3)] == [200] * 3
        assert sandbox.control.requests()["peak_in_flight"] == {"alation": 1}
        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(call, range(8))) == [200] * 8
        assert sandbox.control.requests()["peak_in_flight"]["alation"] > 1
        [row] = sandbox.control.requests()["requests"]
        assert (row["route"], row["count"]) == ("/full_version", 11)


def test_requests_are_logged_by_the_template_of_their_route() -> None:
    with running_sandbox(make_tiny(), kinds=kinds_of("alation")) as sandbox:
        requests.get(sandbox.urls["alation"] + "/integration/tag/a%2Fb/subject/", timeout=10)
        requests.get(sandbox.urls["alation"] + "/integration/flag/7/", timeout=10)
        routes = {row["route"] for row in sandbox.control.requests()["requests"]}
        assert routes == {"/integration/tag/{name}/subject/", "/integration/flag/{id}/"}
