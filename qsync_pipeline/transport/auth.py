"""How a session proves who it is."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Protocol

import msgspec

from qsync_pipeline.transport.errors import ConfigError
from qsync_pipeline.transport.redact import register_secret


class Auth(Protocol):
    """Credentials of a session. Called from several threads at once."""

    def headers(self) -> Mapping[str, str]:
        """Headers of the next request; renews beforehand where the credentials are about to lapse."""

    def refresh(self) -> bool:
        """Called once when a request was answered with 401: true when it is worth sending again."""

    def advice(self) -> str:
        """What a person has to do after a refusal, naming where the secret comes from, never its value."""


class _Claims(msgspec.Struct):
    exp: float | None = None


def jwt_expiry(token: str) -> float | None:
    """Seconds since the epoch at which a JWT lapses, or null; nothing is verified.

    Both systems' tokens are JWTs, and one without ``exp`` does not expire (qualytics-api.md §1.3).
    """
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        payload = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        return msgspec.json.decode(payload, type=_Claims).exp
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        return None


class BearerToken:
    """A fixed bearer token. ``source`` is where it comes from (``env ATLAN_API_KEY``, ``file token.txt``)."""

    def __init__(self, token: str, source: str = "the configured secret") -> None:
        token = token.strip()
        if not token or not token.isascii() or any(c.isspace() or not c.isprintable() for c in token):
            raise ConfigError(
                f"{source}: the token is empty or holds blanks or control characters; write the bare token"
            )
        register_secret(token)
        self._token = token
        self.source = source
        self.expires_at = jwt_expiry(token)

    def headers(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self._token}"}

    def refresh(self) -> bool:
        """A fixed token cannot be renewed."""
        return False

    def advice(self) -> str:
        if self.expires_at is not None:
            day = datetime.fromtimestamp(self.expires_at, UTC).strftime("%Y-%m-%d %H:%M UTC")
            return f"the token was refused (its expiry is {day}): make a new one and update {self.source}"
        return f"the token was refused or has expired: make a new one and update {self.source}"

    def __repr__(self) -> str:
        return f"BearerToken(source={self.source!r})"
