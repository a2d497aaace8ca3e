"""Tokens (alation-api.md §1.1-§1.4)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from qsync_pipeline.sandbox.kernel import ControlError
from qsync_pipeline_tests.sandbox.alation.conftest import Api

USERINFO = "/integration/v1/userinfo/"
CREATE = "/integration/v1/createAPIAccessToken/"


def status(api: Api, headers: dict[str, str]) -> tuple[int, dict[str, str]]:
    answer = api.http.get(USERINFO, headers=headers)
    return answer.status_code, answer.json()


def test_no_token_is_403_and_a_wrong_one_401(api: Api) -> None:
    assert status(api, {}) == (
        403,
        {"detail": "Authentication credentials were not provided.", "code": "403000"},
    )
    assert status(api, {"Token": "nonsense"})[0] == 401
    assert status(api, {"Token": "nonsense"})[1]["code"] == "401000"


def test_the_token_header_may_be_written_in_any_case(api: Api) -> None:
    assert status(api, {"TOKEN": api.headers["Token"]})[0] == 200


def test_a_bearer_header_is_read_for_jwts_only(api: Api) -> None:
    assert status(api, {"Authorization": f"Bearer {api.headers['Token']}"})[0] == 403
    form = {"grant_type": "client_credentials", **api.system.oauth}
    jwt = api.http.post("/oauth/v2/token/", data=form).json()["access_token"]
    assert status(api, {"Authorization": f"Bearer {jwt}"})[0] == 200
    assert status(api, {"Token": jwt})[0] == 200


def test_an_access_token_lapses_after_a_day_and_a_refresh_token_after_sixty(api: Api) -> None:
    api.clock.advance(86_399)
    assert status(api, api.headers)[0] == 200
    api.clock.advance(1)
    assert status(api, api.headers)[0] == 401
    credentials = dict(api.system.credentials())
    assert api.http.post(CREATE, json=credentials).status_code == 201
    api.clock.advance(60 * 86_400)
    assert api.http.post(CREATE, json=credentials).json()["code"] == "401000"
    told = api.http.post("/integration/v1/validateRefreshToken/", json=credentials).json()
    assert told["token_status"] == "EXPIRED"


def test_credentials_come_as_json_or_as_a_form_with_the_id_as_number_or_text(api: Api) -> None:
    credentials = dict(api.system.credentials())
    assert api.http.post(CREATE, data=credentials).status_code == 201
    assert api.http.post(CREATE, json={**credentials, "user_id": int(credentials["user_id"])}).is_success
    assert api.http.post(CREATE, json={**credentials, "user_id": "99999"}).status_code == 401
    assert api.http.post(CREATE, json={}).json() == {
        "refresh_token": ["This field is required."],
        "user_id": ["This field is required."],
    }


def test_revoking_ends_all_access_tokens_of_one_refresh_token_and_no_others(api: Api) -> None:
    ours, other = dict(api.headers), api.system.issue_token("someone-else")
    api.login(**other)
    answer = api.http.post("/integration/v1/revokeAPIAccessTokens/", json=dict(api.system.credentials()))
    assert "Revoked" in answer.json()["detail"]
    assert status(api, ours)[0] == 401
    assert status(api, api.headers)[0] == 200


def test_regenerating_gives_another_refresh_token_for_the_same_user(api: Api) -> None:
    old = dict(api.system.credentials())
    fresh = api.http.post("/integration/v1/regenRefreshToken/", json=old).json()
    assert str(fresh["user_id"]) == old["user_id"]
    assert api.http.post(CREATE, json=old).status_code == 401
    assert api.http.post(CREATE, json={**old, "refresh_token": fresh["refresh_token"]}).is_success


def test_client_credentials_work_in_the_body_and_as_basic_and_lapse_after_an_hour(api: Api) -> None:
    client = api.system.oauth
    form = {"grant_type": "client_credentials"}
    answer = api.http.post(
        "/oauth/v2/token", data=form, auth=(client["client_id"], client["client_secret"])
    ).json()
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 3600)
    api.clock.advance(3600)
    code, body = status(api, {"Token": answer["access_token"]})
    assert code == 401
    assert "invalid bearer token." in body["detail"]


def test_wrong_client_credentials_and_grants_have_errors_of_their_own(api: Api) -> None:
    client = {**api.system.oauth, "client_secret": "wrong"}
    answer = api.http.post("/oauth/v2/token/", data={"grant_type": "client_credentials", **client})
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    answer = api.http.post("/oauth/v2/token/", data=client)
    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")


def test_tokens_can_be_made_to_lapse_at_once(api: Api) -> None:
    api.system.expire_access_tokens()
    assert status(api, api.headers)[0] == 401
    api.system.expire_refresh_token(api.system.credentials()["refresh_token"])
    assert api.http.post(CREATE, json=dict(api.system.credentials())).status_code == 401
    with pytest.raises(ControlError):
        api.system.expire_refresh_token("unknown")


def test_the_status_of_a_new_token_is_a_switch(make: Callable[..., Api]) -> None:
    api = make(create_token_status=200)
    assert api.http.post(CREATE, json=dict(api.system.credentials())).status_code == 200


def test_roles_bound_what_a_token_may_do(api: Api) -> None:
    table = api.one("table", "V_ORDERS")
    api.login(**api.system.issue_token("a-viewer", "VIEWER"))
    assert api.one("table", "V_ORDERS") == table
    subject = {"oid": table["id"], "otype": "table"}
    api.call("POST", "/integration/tag/PII/subject/", 403, subject)
    api.call("POST", "/integration/v2/custom_field/", 403, [])
    api.call("POST", "/integration/v1/data_quality/", 403, {"fields": []})
    api.login(**api.system.issue_token("a-composer", "COMPOSER"))
    api.call("POST", "/integration/tag/PII/subject/", 200, subject)
    api.call("POST", "/integration/v1/data_quality/", 403, {"fields": []})
