"""Credentials, the request budget, permissions and error shapes (atlan-api.md §1, §2.11, §6.2)."""

from __future__ import annotations

import base64
import json

import pytest

from qsync_pipeline_tests.sandbox.atlan.tenant import Tenant, error


@pytest.fixture
def tenant() -> Tenant:
    return Tenant()


def test_a_token_looks_like_a_jwt_and_is_its_own_actor(tenant: Tenant) -> None:
    token = tenant.system.credentials()["token"]
    payload = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    me = tenant.call("GET", "/api/service/users/current").json()
    assert claims["preferred_username"] == me["username"] == f"service-account-apikey-{me['id']}"
    assert tenant.call("GET", "/api/service/whoami/").json()["username"] == me["username"]


def test_a_bad_or_expired_token_gets_no_json(tenant: Tenant) -> None:
    tenant.system.expire_token(tenant.system.credentials()["token"])
    answer = tenant.meta("GET", "types/typedefs")
    assert answer.status_code == 401
    assert answer.text.startswith("<html>")
    for shape, body in (("empty", ""), ("json", '{"code":401,"message":"Unauthorized"}')):
        other = Tenant(unauthorized_body=shape)
        other.use("nonsense")
        assert other.meta("GET", "types/typedefs").text == body


def test_a_rotated_token_is_another_actor(tenant: Tenant) -> None:
    first = tenant.call("GET", "/api/service/users/current").json()["id"]
    tenant.use(tenant.system.issue_token("second"))
    assert tenant.call("GET", "/api/service/users/current").json()["id"] != first


def test_client_credentials_give_a_short_lived_token(tenant: Tenant) -> None:
    body = {
        "clientId": tenant.system.oauth["client_id"],
        "clientSecret": tenant.system.oauth["client_secret"],
    }
    answer = tenant.call("POST", "/api/service/oauth-clients/token", body).json()
    assert (answer["expiresIn"], answer["tokenType"]) == (600, "Bearer")
    tenant.use(answer["accessToken"])
    assert tenant.call("GET", "/api/service/whoami").status_code == 200
    tenant.clock.advance(601)
    assert tenant.call("GET", "/api/service/whoami").status_code == 401
    assert (
        tenant.call("POST", "/api/service/oauth-clients/token", {**body, "clientSecret": "x"}).status_code
        == 401
    )


def test_one_call_too_many_locks_everyone_out_for_a_minute() -> None:
    tenant = Tenant(scale=3 / 400)
    answers = [tenant.call("GET", "/api/service/whoami") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert answers[3].json() == {"message": "API rate limit exceeded"}
    assert "retry-after" not in answers[3].headers
    tenant.clock.advance(59)
    assert tenant.call("GET", "/api/service/whoami").status_code == 429
    tenant.clock.advance(1.1)
    assert tenant.call("GET", "/api/service/whoami").status_code == 200


def test_the_rate_limit_answer_has_its_switches() -> None:
    tenant = Tenant(scale=0.0, retry_after=7, rate_limit_body="atlas")
    answer = tenant.call("GET", "/api/service/whoami")
    assert answer.headers["retry-after"] == "7"
    assert "errorCode" in answer.json()


def test_maintenance_answers_503() -> None:
    for with_body in (False, True):
        tenant = Tenant(maintenance_body=with_body)
        tenant.system.maintenance = True
        answer = tenant.call("GET", "/api/service/whoami")
        assert (answer.status_code, bool(answer.content)) == (503, with_body)


def test_a_hidden_asset_is_403_by_guid_and_a_missing_one_404(tenant: Tenant) -> None:
    assert error(tenant.meta("GET", f"entity/guid/{tenant.id('HR.S.T')}")) == (403, "ATLAS-403-00-001")
    missing = tenant.meta("GET", "entity/guid/6d0c0000-0000-4000-a000-000000000000")
    assert error(missing) == (404, "ATLAS-404-00-005")


def test_a_read_only_connection_reads_and_refuses_writes(tenant: Tenant) -> None:
    guid = tenant.id("OLD.S.T")
    assert tenant.read(guid)["classifications"]
    entity = {"typeName": "Table", "guid": guid, "attributes": {"userDescription": "x"}}
    answer = tenant.bulk(entity)
    assert error(answer) == (403, "ATLAS-403-00-001")
    assert answer.json()["entityGuid"] == guid
    path = f"entity/guid/{guid}/classifications"
    assert error(tenant.meta("POST", path, [{"typeName": tenant.tag_id("PII")}])) == (403, "ATLAS-403-00-001")


def test_a_token_can_have_access_of_its_own(tenant: Tenant) -> None:
    tenant.use(tenant.system.issue_token("strong", {"Archive": "write", "Secret": "read"}))
    entity = {"typeName": "Table", "guid": tenant.id("OLD.S.T"), "attributes": {"userDescription": "x"}}
    assert tenant.bulk(entity).status_code == 200
    assert tenant.read(tenant.id("HR.S.T"))["classifications"]


def test_audits_of_hidden_assets_lose_their_detail(tenant: Tenant) -> None:
    tenant.system.mutate({"do": "untag", "asset": "HR.S.T", "tag": "PII"})
    body = {"dsl": {"query": {"term": {"action": "CLASSIFICATION_DELETE"}}}}
    (row,) = tenant.meta("POST", "entity/auditSearch", body).json()["entityAudits"]
    assert row["detail"] is None


def test_malformed_bodies_and_unknown_paths_have_shapes_of_their_own(tenant: Tenant) -> None:
    answer = tenant.http.post("/api/meta/entity/bulk", content=b"{")
    assert error(answer) == (400, "ATLAS-400-00-029")
    assert tenant.call("GET", "/api/meta/nothing/here").json()["code"] == 404


def test_lists_of_heracles(tenant: Tenant) -> None:
    for path in ("users", "roles", "groups", "v2/groups", "apikeys"):
        answer = tenant.call("GET", f"/api/service/{path}?limit=2&offset=0").json()
        assert answer["totalRecord"] >= len(answer["records"]) >= 1
    made = tenant.call("POST", "/api/service/apikeys", {"displayName": "dq", "validitySeconds": 60}).json()
    tenant.use(made["attributes"]["accessToken"])
    listed = tenant.call("GET", '/api/service/apikeys?filter={"displayName":"dq"}').json()["records"]
    assert "accessToken" not in listed[0]["attributes"]
    assert tenant.call("DELETE", f"/api/service/apikeys/{made['id']}").status_code == 204
    assert tenant.call("GET", "/api/service/whoami").status_code == 401
