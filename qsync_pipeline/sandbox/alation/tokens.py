"""Refresh tokens, access tokens and OAuth clients, by the sandbox's clock (alation-api.md §1.1-§1.3)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

import msgspec

from qsync_pipeline.sandbox.alation.errors import ApiError, refused
from qsync_pipeline.sandbox.alation.switches import AlationSwitches
from qsync_pipeline.sandbox.alation.times import iso
from qsync_pipeline.sandbox.alation.users import User
from qsync_pipeline.sandbox.kernel import VirtualClock

OAUTH_LIFE = 3600
NO_CREDENTIALS = "Authentication credentials were not provided."


@dataclass(slots=True)
class Token:
    """A token of any kind. ``origin`` is the text of the refresh token that an access token came from."""

    id: int
    text: str
    user: User
    name: str
    created: float
    expires: float
    origin: str | None = None
    revoked: bool = False
    used: float | None = None

    def status(self, now: float) -> str:
        if self.revoked:
            return "REVOKED"
        return "ACTIVE" if now < self.expires else "EXPIRED"


@dataclass(slots=True)
class OAuthClient:
    """An OAuth client application; its role is that of ``user``."""

    client_id: str
    secret: str
    user: User


class TokenBook:
    """All credentials of one instance."""

    def __init__(self, clock: VirtualClock, switches: AlationSwitches, seed: int) -> None:
        self._clock = clock
        self._switches = switches
        self._draw = Random(f"alation-tokens-{seed}")
        self._key = f"sandbox-signing-key-{seed}".encode()
        self._made = 0
        self.refresh: dict[str, Token] = {}
        self.access: dict[str, Token] = {}
        self.clients: dict[str, OAuthClient] = {}

    # Making.

    def issue(self, user: User, name: str) -> Token:
        """A new refresh token; several may live side by side (§1.1)."""
        life = self._switches.refresh_token_days * 86_400
        return self._keep(self.refresh, self._text(), user, name, life)

    def mint(self, refresh: Token) -> Token:
        """An access token for the owner of a refresh token."""
        token = self._keep(
            self.access, self._text(), refresh.user, refresh.name, self._switches.access_token_hours * 3600
        )
        token.origin = refresh.text
        refresh.used = token.created
        return token

    def regenerate(self, refresh: Token) -> Token:
        """A new refresh token in place of this one, whose access tokens end with it."""
        refresh.revoked = True
        self.revoke(refresh)
        return self.issue(refresh.user, refresh.name)

    def add_client(self, user: User) -> OAuthClient:
        client = OAuthClient(f"client-{self._text()[:12]}", self._text(), user)
        self.clients[client.client_id] = client
        return client

    def mint_jwt(self, client: OAuthClient) -> Token:
        """The access token of an OAuth client, in the shape of a JWT (§1.3)."""
        now = self._clock.now()
        claims = {"sub": client.client_id, "iat": int(now), "exp": int(now + OAUTH_LIFE), "jti": self._text()}
        signed = f"{_b64({'alg': 'HS256', 'typ': 'JWT'})}.{_b64(claims)}"
        mark = hmac.new(self._key, signed.encode(), hashlib.sha256).digest()
        text = f"{signed}.{base64.urlsafe_b64encode(mark).rstrip(b'=').decode()}"
        return self._keep(self.access, text, client.user, client.client_id, OAUTH_LIFE)

    def _text(self) -> str:
        # Drawn from the seed: the same sandbox always has the same (worthless) credentials.
        return f"{self._draw.getrandbits(256):064x}"

    def _keep(self, where: dict[str, Token], text: str, user: User, name: str, life: float) -> Token:
        self._made += 1
        now = self._clock.now()
        where[text] = token = Token(self._made, text, user, name, now, now + life)
        return token

    # Ending.

    def revoke(self, refresh: Token) -> None:
        """End every access token that came from this refresh token (§1.1)."""
        for token in self.access.values():
            if token.origin == refresh.text:
                token.revoked = True

    def expire_access(self) -> None:
        """Let all access tokens lapse now, as 24 hours would."""
        for token in self.access.values():
            token.expires = min(token.expires, self._clock.now())

    # Judging.

    def judge(self, headers: Mapping[str, str]) -> Token:
        """The token of a request: 403 without one, 401 for one that does not do (§1.4)."""
        text = (headers.get("token") or "").strip()
        if not text:
            scheme, _, text = (headers.get("authorization") or "").partition(" ")
            text = text.strip()
            if scheme.lower() != "bearer" or text.count(".") != 2:
                # Row 4: a Bearer header is read for JWTs only.
                raise refused(403, NO_CREDENTIALS)
        now = self._clock.now()
        token = self.access.get(text)
        if token is None or token.status(now) != "ACTIVE":
            if text.count(".") == 2:
                raise ApiError(401, {"detail": "Invalid or expired bearer token: invalid bearer token."})
            raise refused(401, "API Access Token provided is invalid.")
        token.used = now
        return token

    def refresh_of(self, body: Any) -> Token:
        """The refresh token that a body names together with its owner's id, whatever its status."""
        text, user_id = pair(body, "refresh_token")
        token = self.refresh.get(text)
        if token is None or str(token.user.id) != user_id:
            raise refused(401, "Refresh token provided is invalid.")
        return token

    def living_refresh_of(self, body: Any) -> Token:
        """The same, refused unless it is active."""
        token = self.refresh_of(body)
        if token.status(self._clock.now()) != "ACTIVE":
            raise refused(401, "Refresh token provided is invalid.")
        return token

    def access_of(self, body: Any) -> Token:
        text, user_id = pair(body, "api_access_token")
        token = self.access.get(text)
        if token is None or str(token.user.id) != user_id:
            raise refused(401, "API Access Token provided is invalid.")
        return token

    def client_of(self, client_id: str, secret: str) -> OAuthClient | None:
        client = self.clients.get(client_id)
        if client is None or not secrets.compare_digest(client.secret.encode(), secret.encode()):
            return None
        return client

    # Showing.

    def refresh_row(self, token: Token) -> dict[str, Any]:
        used = None if token.used is None else iso(token.used)
        times = {"created_at": iso(token.created), "token_expires_at": iso(token.expires)}
        return {
            "user_id": token.user.id,
            "name": token.name,
            "refresh_token": token.text,
            **times,
            "token_status": token.status(self._clock.now()),
            "last_used_at": used,
        }

    def access_row(self, token: Token) -> dict[str, Any]:
        return {
            "user_id": token.user.id,
            "api_access_token": token.text,
            "created_at": iso(token.created),
            "token_expires_at": iso(token.expires),
            "token_status": token.status(self._clock.now()),
        }


def pair(body: Any, name: str) -> tuple[str, str]:
    """A token and its ``user_id``, which may be a number or a numeric text (§1.1)."""
    problems: dict[str, list[str]] = {}
    if not isinstance(body, Mapping):
        body = {}
    for key in (name, "user_id"):
        if not isinstance(body.get(key), (str, int)):
            problems[key] = ["This field is required."]
    if problems:
        raise ApiError(400, problems)
    return str(body[name]), str(body["user_id"])


def _b64(claims: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(claims)).rstrip(b"=").decode()
