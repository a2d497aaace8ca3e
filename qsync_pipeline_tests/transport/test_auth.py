"""Bearer tokens: what can be read of them, and what is refused."""

from __future__ import annotations

import base64
import json

import pytest

from qsync_pipeline.transport.auth import BearerToken, jwt_expiry
from qsync_pipeline.transport.errors import ConfigError


def jwt(claims: object) -> str:
    def part(data: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(data).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'HS256'})}.{part(claims)}.ZmFrZQ"


def test_the_expiry_of_a_jwt_is_read_without_verifying() -> None:
    token = BearerToken(jwt({"exp": 1_767_225_600}), "file atlan.token")
    assert token.expires_at == 1_767_225_600
    assert "2026-01-01 00:00 UTC" in token.advice()
    assert "file atlan.token" in token.advice()


@pytest.mark.parametrize("token", [jwt({}), jwt({"exp": "never"}), jwt([1]), "a.b", "a.%%.c", "opaque"])
def test_a_token_without_a_readable_expiry_has_none(token: str) -> None:
    assert jwt_expiry(token) is None


def test_line_ends_of_a_secret_file_do_no_harm() -> None:
    assert BearerToken("fake-token-1\n").headers() == {"Authorization": "Bearer fake-token-1"}


@pytest.mark.parametrize("token", ["", "  ", "two words", "Bearer fake-token", "tök€n", "a\r\nX-Evil: 1"])
def test_what_cannot_be_a_token_is_refused_with_its_source(token: str) -> None:
    with pytest.raises(ConfigError, match="env ATLAN_API_KEY"):
        BearerToken(token, "env ATLAN_API_KEY")
