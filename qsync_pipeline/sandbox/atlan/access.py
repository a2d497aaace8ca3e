"""Tokens, what they may see, and the tenant's request budget (atlan-api.md §1.3, §1.4, §1.7, §2.11)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from qsync_pipeline.sandbox.atlan.errors import GatewayError
from qsync_pipeline.sandbox.atlan.ids import IdSource
from qsync_pipeline.sandbox.atlan.model import Doc
from qsync_pipeline.sandbox.atlan.switches import AtlanSwitches
from qsync_pipeline.sandbox.kernel import VirtualClock

Mode = Literal["write", "read", "hidden"]
PER_MINUTE = 400
TOKEN_LIFE = 157_680_000
"""Five years, what the SDK asks for (§1.3)."""
OAUTH_LIFE = 600


@dataclass
class Token:
    """A bearer token: its own actor, with the persona's rules or rules of its own."""

    name: str
    guid: str
    value: str
    rules: dict[str, Mode]
    expires_at: float
    created_at: float

    @property
    def actor(self) -> str:
        """Name in createdBy, updatedBy and audits."""
        return f"service-account-apikey-{self.guid}"

    def mode(self, doc: Doc) -> Mode:
        """What it may do with an asset: the rule of the nearest asset upwards that has one."""
        if not self.rules:
            return "write"
        scope = doc.scope
        for name in (doc.qn, scope.table_qn, scope.schema_qn, scope.database_qn, scope.connection_qn):
            if name is not None and name in self.rules:
                return self.rules[name]
        return "write"


@dataclass
class Access:
    """All tokens of the sandbox. ``persona`` holds the rules that tokens share: qualifiedName -> mode."""

    clock: VirtualClock
    ids: IdSource
    switches: AtlanSwitches
    persona: dict[str, Mode] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    clients: dict[str, tuple[str, str]] = field(default_factory=dict)
    """OAuth client id -> (secret, token name)."""

    def issue(
        self,
        name: str,
        rules: Mapping[str, Mode] | None = None,
        *,
        seconds: float = TOKEN_LIFE,
        guid: str = "",
    ) -> Token:
        """A new token; without rules of its own it follows the persona, also when that changes."""
        now = self.clock.now()
        guid = guid or self.ids.guid()
        claims: dict[str, object] = {
            "iss": "https://sandbox.invalid/auth/realms/default",
            "sub": guid,
            "azp": f"apikey-{guid}",
            "preferred_username": f"service-account-apikey-{guid}",
            "iat": int(now),
            "exp": int(now + seconds),
        }
        shared = self.persona if rules is None else {**self.persona, **rules}
        token = Token(name, guid, self.ids.jwt(claims), shared, now + seconds, now)
        self.tokens[token.value] = token
        return token

    def authenticate(self, header: str | None) -> Token:
        """The token of an ``authorization`` header; 401 in the shape of row 9 when there is none alive."""
        scheme, _, value = (header or "").partition(" ")
        token = self.tokens.get(value.strip()) if scheme.lower() == "bearer" else None
        if token is None or token.expires_at <= self.clock.now():
            raise unauthorized(self.switches)
        return token


def unauthorized(switches: AtlanSwitches) -> GatewayError:
    if switches.unauthorized_body == "json":
        return GatewayError(401, msgspec.json.encode({"code": 401, "message": "Unauthorized"}))
    if switches.unauthorized_body == "empty":
        return GatewayError(401, b"", media_type="text/plain")
    page = b"<html><head><title>401 Unauthorized</title></head><body><h1>401 Unauthorized</h1></body></html>"
    return GatewayError(401, page, media_type="text/html")


class RateLimit:
    """One bucket for the whole tenant; one call too many locks every caller out (§1.7, rows 7 and 8)."""

    def __init__(self, clock: VirtualClock, switches: AtlanSwitches, scale: float) -> None:
        self._clock = clock
        self._switches = switches
        self._capacity = PER_MINUTE * scale
        self._tokens = self._capacity
        self._filled_at = clock.now()
        self._locked_until = 0.0

    def take(self) -> None:
        now = self._clock.now()
        if now < self._locked_until:
            raise self._refusal()
        if self._locked_until:
            self._tokens, self._locked_until = self._capacity, 0.0
        elif self._tokens < self._capacity:
            refill = (now - self._filled_at) * self._capacity / 60
            self._tokens = min(self._capacity, self._tokens + refill)
        self._filled_at = now
        if self._tokens < 1:
            self._locked_until = now + self._switches.lockout
            raise self._refusal()
        self._tokens -= 1

    def _refusal(self) -> GatewayError:
        body: dict[str, object] = {"message": "API rate limit exceeded"}
        if self._switches.rate_limit_body == "atlas":
            body = {"errorCode": "ATLAS-429-00-001", "errorMessage": "API rate limit exceeded"}
        return GatewayError(429, msgspec.json.encode(body), retry_after=self._switches.retry_after)
