"""Credentials, over HTTP against a scripted server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import msgspec
import pytest

from qsync_pipeline.catalogs.alation.tokens import (
    AlationAuth,
    NoToken,
    OAuthSource,
    RefreshTokenSource,
    Source,
    timestamp,
)
from qsync_pipeline.catalogs.base import Identity
from qsync_pipeline.transport.errors import ConfigError, Unauthorized
from qsync_pipeline.transport.session import HttpSession
from qsync_pipeline_tests.transport.scripted import Clock, Reply, Request, Server, serving

HOUR = 3600.0
REFRESH = "fake-refresh-token"


def session(server: Server, auth: Any, clock: Clock) -> HttpSession:
    return HttpSession("alation", server.url, auth=auth, sleep=clock.sleep, clock=clock)


def by_refresh_token(server: Server, clock: Clock) -> RefreshTokenSource:
    return RefreshTokenSource(
        session(server, NoToken("advice"), clock), REFRESH, 42, "environment variable T"
    )


def by_client(server: Server, clock: Clock) -> OAuthSource:
    form = NoToken("advice", "application/x-www-form-urlencoded")
    return OAuthSource(session(server, form, clock), "app", "fake-client-secret", "file S")


def alation(minted: list[str]) -> Callable[[Request], Reply]:
    """Mints numbered tokens that live for a day, and accepts the newest only."""

    def answer(request: Request) -> Reply:
        if request.path.endswith(("createAPIAccessToken/", "/oauth/v2/token/")):
            minted.append(f"fake-access-{len(minted)}")
            if "oauth" in request.path:
                return Reply(body={"access_token": minted[-1], "token_type": "Bearer", "expires_in": 3600})
            times = {"created_at": "2026-03-02T08:00:00.000000Z", "token_expires_at": "2026-03-03T08:00:00Z"}
            return Reply(
                201, {"user_id": 42, "api_access_token": minted[-1], **times, "token_status": "ACTIVE"}
            )
        if request.headers.get("Token") != minted[-1]:
            return Reply(401, {"detail": "API Access Token provided is invalid.", "code": "401000"})
        return Reply(body={"id": 42})

    return answer


def test_a_token_is_minted_when_first_needed_and_sent_as_token() -> None:
    minted: list[str] = []
    clock = Clock()
    with serving(alation(minted)) as server:
        auth = AlationAuth(by_refresh_token(server, clock), clock=clock)
        http = session(server, auth, clock)
        assert server.requests == []
        for _ in range(3):
            http.request("GET", "/integration/v1/userinfo/", kind="read")
    assert minted == ["fake-access-0"]
    assert msgspec.json.decode(server.requests[0].body) == {"refresh_token": REFRESH, "user_id": 42}
    assert "Token" not in server.requests[0].headers
    assert "Authorization" not in server.requests[1].headers


@pytest.mark.parametrize(("hours", "tokens"), [(21.5, 1), (21.7, 2)])
@pytest.mark.rule("5.6", "Tokens renew before they lapse")
def test_a_token_is_renewed_at_nine_tenths_of_its_life(hours: float, tokens: int) -> None:
    minted: list[str] = []
    clock = Clock()
    with serving(alation(minted)) as server:
        http = session(server, AlationAuth(by_refresh_token(server, clock), clock=clock), clock)
        http.request("GET", "/integration/v1/userinfo/", kind="read")
        clock.now += hours * HOUR
        http.request("GET", "/integration/v1/userinfo/", kind="read")
    assert len(minted) == tokens


def test_a_401_is_cured_once_with_a_new_token() -> None:
    minted: list[str] = []
    clock = Clock()
    with serving(alation(minted)) as server:
        auth = AlationAuth(by_refresh_token(server, clock), clock=clock)
        http = session(server, auth, clock)
        http.request("GET", "/integration/v1/userinfo/", kind="read")
        minted.append("fake-access-of-somebody-else")  # ours was revoked
        http.request("GET", "/integration/v1/userinfo/", kind="read")
    assert [r.path for r in server.requests].count("/integration/v1/createAPIAccessToken/") == 2


def test_a_401_that_a_new_token_does_not_cure_stops_with_what_to_do() -> None:
    clock = Clock()

    def answer(request: Request) -> Reply:
        if request.path.endswith("createAPIAccessToken/"):
            return Reply(201, {"api_access_token": "fake-access"})
        return Reply(401, {"detail": "API Access Token provided is invalid.", "code": "401000"})

    with serving(answer) as server:
        http = session(server, AlationAuth(by_refresh_token(server, clock), clock=clock), clock)
        with pytest.raises(Unauthorized, match="environment variable T"):
            http.request("GET", "/integration/v1/userinfo/", kind="read")
    assert len(server.requests) == 4


@pytest.mark.parametrize(
    ("make", "status", "body"),
    [
        (by_refresh_token, 401, {"detail": "Refresh token provided is invalid.", "code": "401000"}),
        (by_refresh_token, 400, {"user_id": ["A valid integer is required."]}),
        (by_client, 401, {"error": "invalid_client", "error_description": "no", "code": "401"}),
        (by_client, 400, {"error": "unsupported_grant_type", "error_description": "no"}),
    ],
)
def test_credentials_that_make_no_token_stop_the_run(
    make: Callable[[Server, Clock], Source], status: int, body: Any
) -> None:
    clock = Clock()
    with serving(lambda request: Reply(status, body)) as server:
        http = session(server, AlationAuth(make(server, clock), clock=clock), clock)
        with pytest.raises(Unauthorized) as caught:
            http.request("GET", "/integration/v1/userinfo/", kind="read")
    assert "fake-" not in str(caught.value)


def test_an_oauth_client_sends_a_form_and_its_token_lives_as_long_as_it_says() -> None:
    minted: list[str] = []
    clock = Clock()
    with serving(alation(minted)) as server:
        http = session(server, AlationAuth(by_client(server, clock), clock=clock), clock)
        http.request("GET", "/integration/v1/userinfo/", kind="read")
        clock.now += 0.91 * HOUR
        http.request("GET", "/integration/v1/userinfo/", kind="read")
    form = parse_qs(server.requests[0].body.decode())
    assert server.requests[0].headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert form == {
        "grant_type": ["client_credentials"],
        "client_id": ["app"],
        "client_secret": ["fake-client-secret"],
    }
    assert len(minted) == 2


def test_the_days_left_of_the_refresh_token_are_known() -> None:
    state = {"user_id": "42", "token_status": "ACTIVE", "token_expires_at": "2026-04-30T08:00:00.000000Z"}
    clock = Clock()
    with serving(lambda request: Reply(body=state)) as server:
        expires = by_refresh_token(server, clock).expires_at()
        assert by_client(server, clock).expires_at() is None
    assert expires == timestamp("2026-04-30T08:00:00Z")
    assert expires is not None
    assert Identity("us", expires_at=expires).days_left(expires - 13.5 * 86400) == 13.5
    assert Identity("us").days_left(0) is None


def test_times_without_a_zone_are_utc_and_nonsense_is_no_time() -> None:
    assert timestamp("2026-04-30T08:00:00") == timestamp("2026-04-30T08:00:00Z")
    assert timestamp("soon") is None
    assert timestamp(None) is None


def test_a_secret_with_blanks_is_a_mistake_in_the_config() -> None:
    clock = Clock()
    with serving([]) as server, pytest.raises(ConfigError, match="environment variable T"):
        RefreshTokenSource(session(server, NoToken(""), clock), "two words", 1, "environment variable T")
