"""Tokens: the calls that need none of them (alation-api.md §1.1, §1.3)."""

from __future__ import annotations

import base64
import binascii
from typing import Any
from urllib.parse import unquote

from qsync_pipeline.sandbox.alation.errors import ApiError
from qsync_pipeline.sandbox.alation.http import Call, Reply, Routes
from qsync_pipeline.sandbox.alation.tokens import NO_CREDENTIALS, OAUTH_LIFE
from qsync_pipeline.sandbox.alation.world import World


class AuthApi:
    """The two-token scheme and OAuth client credentials."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._tokens = world.tokens

    def routes(self) -> Routes:
        v1 = "/integration/v1/"
        return [
            ("POST", v1 + "validateRefreshToken/", self._validate_refresh),
            ("POST", v1 + "regenRefreshToken/", self._regenerate),
            ("POST", v1 + "createAPIAccessToken/", self._create),
            ("POST", v1 + "validateAPIAccessToken/", self._validate_access),
            ("POST", v1 + "revokeAPIAccessTokens/", self._revoke),
            # allie-sdk sends no final slash here, Alation's own docs send one.
            ("POST", "/oauth/v2/token", self._oauth),
            ("POST", "/oauth/v2/token/", self._oauth),
            ("POST", "/oauth/v2/introspect/", self._introspect),
        ]

    def _validate_refresh(self, call: Call) -> dict[str, Any]:
        """Tells the state of a token, also of one that has lapsed."""
        return self._tokens.refresh_row(self._tokens.refresh_of(call.body))

    def _regenerate(self, call: Call) -> Reply:
        fresh = self._tokens.regenerate(self._tokens.living_refresh_of(call.body))
        return Reply(201, self._tokens.refresh_row(fresh))

    def _create(self, call: Call) -> Reply:
        token = self._tokens.mint(self._tokens.living_refresh_of(call.body))
        return Reply(call.switches.create_token_status, self._tokens.access_row(token))

    def _validate_access(self, call: Call) -> dict[str, Any]:
        return self._tokens.access_row(self._tokens.access_of(call.body))

    def _revoke(self, call: Call) -> dict[str, Any]:
        token = self._tokens.living_refresh_of(call.body)
        self._tokens.revoke(token)
        told = f"Revoked access tokens for refresh token: '{token.name}' with id: {token.id}"
        return {"detail": told}

    def _oauth(self, call: Call) -> dict[str, Any]:
        """Client credentials, in the form or as HTTP Basic."""
        form = call.body if isinstance(call.body, dict) else {}
        if form.get("grant_type") != "client_credentials":
            told = "The grant type is missing or not supported."
            raise ApiError(400, {"error": "unsupported_grant_type", "error_description": told})
        client_id, secret = str(form.get("client_id") or ""), str(form.get("client_secret") or "")
        basic = _basic(call.request.headers.get("authorization"))
        if basic is not None:
            client_id, secret = basic
        client = self._tokens.client_of(client_id, secret)
        if client is None:
            told = "Client authentication failed."
            raise ApiError(401, {"error": "invalid_client", "error_description": told, "code": "401"})
        token = self._tokens.mint_jwt(client)
        return {
            "access_token": token.text,
            "token_type": "Bearer",
            "expires_in": OAUTH_LIFE,
            "scope": "read write",
        }

    def _introspect(self, call: Call) -> dict[str, Any]:
        form = call.body if isinstance(call.body, dict) else {}
        token = self._tokens.access.get(str(form.get("token") or ""))
        if _basic(call.request.headers.get("authorization")) is None and "client_id" not in form:
            raise ApiError(401, {"error": "invalid_client", "error_description": NO_CREDENTIALS})
        if token is None or token.status(self._world.clock.now()) != "ACTIVE":
            return {"active": False}
        return {"active": True, "client_id": token.name, "exp": int(token.expires), "token_type": "Bearer"}


def _basic(header: str | None) -> tuple[str, str] | None:
    scheme, _, text = (header or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, _, secret = base64.b64decode(text).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return unquote(user), unquote(secret)
