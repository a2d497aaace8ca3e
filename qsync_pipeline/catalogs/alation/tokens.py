"""Credentials: a refresh token or an OAuth client becomes access tokens that live for hours.

An access token is renewed at nine tenths of its life, and once when a call is answered with 401
(alation-api.md §1.1, §1.3). Tokens that were minted before are never revoked: other processes may use them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Protocol, TypeVar
from urllib.parse import urlencode

import msgspec

from qsync_pipeline.catalogs.alation.models import AccessToken, OAuthToken, RefreshState
from qsync_pipeline.transport.errors import ConfigError, Forbidden, Rejected, Unauthorized
from qsync_pipeline.transport.redact import register_secret
from qsync_pipeline.transport.session import HttpSession

T = TypeVar("T")

RENEW_AT = 0.9
"""Share of an access token's life after which the next call mints a new one."""
DEFAULT_LIFE = 24 * 3600.0
"""Seconds that an access token lives unless the answer says otherwise (alation-api.md §1.1)."""


def timestamp(text: str | None) -> float | None:
    """An ISO 8601 time as seconds since the epoch; without a zone it is UTC; null where unreadable."""
    if not text:
        return None
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()


class NoToken:
    """The token endpoints' own calls carry none. ``content_type`` replaces that of JSON where it is set."""

    def __init__(self, advice: str, content_type: str | None = None) -> None:
        self._advice = advice
        self._headers = {"Content-Type": content_type} if content_type else {}

    def headers(self) -> Mapping[str, str]:
        return self._headers

    def refresh(self) -> bool:
        """Nothing to renew."""
        return False

    def advice(self) -> str:
        return self._advice


class Source(Protocol):
    """Where access tokens come from."""

    def mint(self) -> tuple[str, float]:
        """A new access token and the seconds it lives. Refused credentials are ``Unauthorized``."""

    def expires_at(self) -> float | None:
        """When the source itself lapses, in seconds since the epoch; null where it does not."""

    def advice(self) -> str:
        """What a person has to do after a refusal."""

    def renewal(self) -> str:
        """What a person has to do before the source lapses; empty where it does not."""


class RefreshTokenSource:
    """A refresh token and its owner's id. ``where`` is where the token comes from, for messages.

    ``session`` carries a :class:`NoToken` with the same advice: none of these calls needs an access token.
    """

    def __init__(self, session: HttpSession, token: str, user_id: int, where: str) -> None:
        self._session = session
        self._body = {"refresh_token": _clean(token, where), "user_id": user_id}
        self._where = where

    def mint(self) -> tuple[str, float]:
        answer = _refused_is_unauthorized(
            lambda: self._session.request(
                "POST",
                "/integration/v1/createAPIAccessToken/",
                kind="read",
                json=self._body,
                decode=AccessToken,
            ),
            self.advice(),
        )
        created, expires = timestamp(answer.created_at), timestamp(answer.token_expires_at)
        life = expires - created if created is not None and expires is not None else DEFAULT_LIFE
        return answer.api_access_token, max(life, 0.0)

    def expires_at(self) -> float | None:
        """Asks Alation; refused for a token that has lapsed already."""
        state = _refused_is_unauthorized(
            lambda: self._session.request(
                "POST",
                "/integration/v1/validateRefreshToken/",
                kind="read",
                json=self._body,
                decode=RefreshState,
            ),
            self.advice(),
        )
        return timestamp(state.token_expires_at)

    def advice(self) -> str:
        return refresh_advice(self._session.base_url, self._where)

    def renewal(self) -> str:
        return refresh_renewal(self._session.base_url, self._where)


class OAuthSource:
    """An OAuth client application (Alation Cloud Service, 2025.3 and later)."""

    def __init__(self, session: HttpSession, client_id: str, secret: str, where: str) -> None:
        self._session = session
        self._form = {
            "grant_type": "client_credentials",
            "client_id": client_id,
            "client_secret": _clean(secret, where),
        }
        self._where = where

    def mint(self) -> tuple[str, float]:
        # The body is a form (alation-api.md §1.3): Raw passes it through, and NoToken says what it is.
        answer = _refused_is_unauthorized(
            lambda: self._session.request(
                "POST",
                "/oauth/v2/token/",
                kind="read",
                json=msgspec.Raw(urlencode(self._form).encode()),
                decode=OAuthToken,
            ),
            self.advice(),
        )
        return answer.access_token, answer.expires_in

    def expires_at(self) -> float | None:
        return None

    def advice(self) -> str:
        return client_advice(self._where)

    def renewal(self) -> str:
        return ""


class AlationAuth:
    """Access tokens for a session, from a :class:`Source`. Thread-safe. ``clock`` counts seconds."""

    def __init__(self, source: Source, *, clock: Callable[[], float] = time.time) -> None:
        self.source = source
        self._clock = clock
        self._lock = threading.Lock()
        self._token = ""
        self._renew_at = 0.0

    def headers(self) -> Mapping[str, str]:
        """The header of every call; the first one, and one late in the token's life, mints a new token."""
        with self._lock:
            if not self._token or self._clock() >= self._renew_at:
                self._mint()
            return {"Token": self._token}

    def refresh(self) -> bool:
        """A new token after a 401: the old one was revoked or ended early."""
        with self._lock:
            self._mint()
        return True

    def advice(self) -> str:
        return self.source.advice()

    def _mint(self) -> None:
        asked = self._clock()
        token, life = self.source.mint()
        register_secret(token)
        self._token, self._renew_at = token, asked + RENEW_AT * life


def refresh_advice(url: str, where: str) -> str:
    """What to do about a refused refresh token."""
    return f"the refresh token was refused or has expired: {refresh_renewal(url, where)}"


def refresh_renewal(url: str, where: str) -> str:
    """How a refresh token is replaced; no call does it with the token alone (alation-api.md §1.1)."""
    return (
        f"make a new one in Alation's profile settings ({url}/account/auth) as the user of user_id,"
        f" and update {where}"
    )


def client_advice(where: str) -> str:
    """What to do about a refused OAuth client."""
    return (
        "the OAuth client was refused: ask an Alation administrator whether the client application is still"
        f" there, then update client_id and {where}"
    )


def _clean(secret: str, where: str) -> str:
    secret = secret.strip()
    if not secret or not secret.isascii() or any(c.isspace() or not c.isprintable() for c in secret):
        raise ConfigError(f"{where}: the secret is empty or holds blanks or control characters")
    register_secret(secret)
    return secret


def _refused_is_unauthorized(call: Callable[[], T], advice: str) -> T:
    """A token endpoint that says no means the credentials, with whatever status (alation-api.md §1.3)."""
    try:
        return call()
    except (Forbidden, Rejected) as error:
        raise Unauthorized(
            f"{error} ({advice})",
            system=error.system,
            status=error.status,
            code=error.code,
            detail=error.detail,
        ) from error
