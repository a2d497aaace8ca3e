"""Tokens and visibility (qualytics-api.md §1.2, §1.3, §2.14)."""

from __future__ import annotations

import base64
import json

import pytest

from qsync_pipeline.sandbox.kernel import ControlError, VirtualClock
from qsync_pipeline.sandbox.qualytics import QualyticsSystem
from qsync_pipeline_tests.sandbox.qualytics.conftest import Api, Make, make_tiny


def status_with(api: Api, header: str | None) -> tuple[int, str]:
    headers = {} if header is None else {"Authorization": header}
    answer = api.http.get("/api/users/me", headers=headers)
    return answer.status_code, answer.json().get("detail", "")


def test_health_and_status_need_no_token(api: Api) -> None:
    health = api.http.get("/api/health")
    assert (health.status_code, health.content) == (204, b"")
    assert api.http.get("/api/status").json() == {"database_connection": "OK", "rabbitmq_connection": "OK"}


@pytest.mark.parametrize(
    ("header", "detail"),
    [
        (None, "Not authenticated"),
        ("Basic abc", "Not authenticated"),
        ("Bearer not-a-jwt", "Invalid token: not a JWT"),
        ("Bearer a.b.c", "Invalid token: not a JWT"),
    ],
)
def test_only_jwt_shaped_bearers_are_taken(api: Api, header: str | None, detail: str) -> None:
    assert status_with(api, header) == (401, detail)


def test_a_jwt_that_somebody_else_signed_is_refused(api: Api) -> None:
    other = QualyticsSystem(make_tiny(), VirtualClock(), seed=8).credentials()["token"]
    assert status_with(api, f"Bearer {other}") == (401, "Invalid token")


def test_the_token_is_the_same_for_every_deployment_of_a_seed_and_decodes(api: Api) -> None:
    token = api.system.credentials()["token"]
    assert token == QualyticsSystem(make_tiny(), VirtualClock(), seed=7).credentials()["token"]
    claims = token.split(".")[1]
    decoded = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    assert decoded["exp"] > 4_000_000_000


def test_an_expired_and_a_revoked_token_are_told_apart(api: Api) -> None:
    header = api.headers["Authorization"]
    api.system.expire_token()
    assert status_with(api, header) == (401, "Token has expired")
    api.system.expire_token(False)
    api.system.revoke_token()
    assert status_with(api, header) == (401, "Token has been revoked")
    api.system.revoke_token(False)
    assert status_with(api, header)[0] == 200


def test_a_new_token_works_until_its_days_are_over(api: Api) -> None:
    made = api.call("POST", "/user-tokens", body={"name": "short", "expires_in_days": 1})
    header = f"Bearer {made['bearer_token']}"
    assert status_with(api, header)[0] == 200
    api.system.clock.advance(86_401)
    assert status_with(api, header) == (401, "Token has expired")


def test_only_revoked_tokens_can_be_deleted_and_secrets_are_never_listed(api: Api) -> None:
    made = api.call("POST", "/user-tokens", body={"name": "extra"})
    assert all("bearer_token" not in row for row in api.get("/user-tokens"))
    api.call("DELETE", f"/user-tokens/{made['id']}", 409)
    api.call("PUT", f"/user-tokens/{made['id']}", body={"revoke": True})
    api.call("DELETE", f"/user-tokens/{made['id']}", 204)
    api.call("POST", "/user-tokens", 422, body={"name": "eternal", "expires_in_days": 9999})


def test_what_the_teams_may_not_see_is_absent_from_lists_and_403_by_id(api: Api) -> None:
    sales, orders = api.datastore("sales"), api.container("ORDERS")
    column = api.field("ORDERS", "ID")
    check, anomaly = api.items("/quality-checks")[0], api.items("/anomalies")[0]
    api.system.deny_datastore(sales["id"])
    assert "sales" not in {row["name"] for row in api.items("/datastores")}
    assert "ORDERS" not in {row["name"] for row in api.items("/containers")}
    assert api.items("/quality-checks", datastore=sales["id"]) == []
    assert api.items("/anomalies", container=orders["id"]) == []
    assert api.items("/fields", container_id=orders["id"]) == []
    for path in (
        f"/datastores/{sales['id']}",
        f"/containers/{orders['id']}",
        f"/containers/{orders['id']}/fields",
        f"/fields/{column['id']}",
        f"/quality-checks/{check['id']}",
        f"/anomalies/{anomaly['id']}",
    ):
        assert "permission" in api.get(path, 403)["detail"]
    api.call("PATCH", "/containers", 403, body=[{"id": orders["id"], "tags": ["X"]}])
    api.system.deny_datastore(sales["id"], denied=False)
    assert api.container("ORDERS") == orders


def test_by_switch_the_invisible_is_404(make: Make) -> None:
    api = make(invisible_is_404=True)
    number = api.datastore("sales")["id"]
    api.system.deny_datastore(number)
    assert api.get(f"/datastores/{number}", 404)["detail"] == f"Datastore id: {number} not found"


def test_hiding_what_is_not_there_is_an_error(api: Api) -> None:
    with pytest.raises(ControlError, match="no datastore 9999"):
        api.system.deny_datastore(9999)


def test_who_the_token_is(api: Api) -> None:
    me = api.get("/users/me")
    assert {"name", "role"} <= set(me)
    assert api.get("/bootstrap")["current_user"] == me
    assert api.get(f"/users/{me['id']}") == me
    assert api.get("/teams")["total"] == 1
    api.get("/users/99", 404)
    api.get("/teams/99", 404)
