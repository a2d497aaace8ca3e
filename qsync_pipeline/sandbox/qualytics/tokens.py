"""JWT-shaped bearer tokens: minting and judging (qualytics-api.md §1.3, decision 7).

The vendor's CLI refuses a token that is not a decodable JWT, so the sandbox mints real HS256 ones, signed
with a key that is no secret. A token of another shape or signature is refused as the platform would.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass

import msgspec

FAR_FUTURE = 4_102_444_800
"""2100-01-01 as seconds since the epoch: when the development token expires."""

ISSUED = 1_767_225_600
"""2026-01-01: the fixed time of issue that keeps the development token the same for every run."""


@dataclass(slots=True)
class Token:
    """A personal token (§1.3). Times are seconds since the epoch; null ``expires`` means never."""

    id: int
    name: str
    text: str
    created: float
    expires: float | None
    active: bool = True
    last_used: float | None = None


class TokenRefused(Exception):
    """The bearer token does not do; the message is the ``detail`` of the 401."""


def _part(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class TokenBook:
    """All tokens of one deployment, judged against the sandbox's clock."""

    def __init__(self, seed: int) -> None:
        self._key = f"sandbox-signing-key-{seed}".encode()
        self._by_text: dict[str, Token] = {}
        self._by_id: dict[int, Token] = {}
        self._next = 1

    def mint(self, name: str, *, created: float, expires: float | None) -> Token:
        """A new token; the same name, time and number always give the same text."""
        number = self._next
        self._next += 1
        claims: dict[str, object] = {
            "iss": "https://auth.qualytics.invalid/",
            "sub": "sandbox|1",
            "jti": str(number),
            "name": name,
            "iat": int(created),
        }
        if expires is not None:
            claims["exp"] = int(expires)
        head = _part(msgspec.json.encode({"alg": "HS256", "typ": "JWT"}))
        signed = f"{head}.{_part(msgspec.json.encode(claims))}"
        signature = hmac.new(self._key, signed.encode(), hashlib.sha256).digest()
        token = Token(number, name, f"{signed}.{_part(signature)}", created, expires)
        self._by_text[token.text] = token
        self._by_id[number] = token
        return token

    def all(self) -> list[Token]:
        return list(self._by_id.values())

    def get(self, number: int) -> Token | None:
        return self._by_id.get(number)

    def delete(self, token: Token) -> None:
        del self._by_id[token.id]
        del self._by_text[token.text]

    def judge(self, header: str | None, now: float) -> Token:
        """The token behind an ``Authorization`` header; raises :class:`TokenRefused`."""
        scheme, _, text = (header or "").partition(" ")
        text = text.strip()
        if scheme.lower() != "bearer" or not text:
            raise TokenRefused("Not authenticated")
        if not _is_jwt(text):
            raise TokenRefused("Invalid token: not a JWT")
        token = self._by_text.get(text)
        if token is None:
            raise TokenRefused("Invalid token")
        if not token.active:
            raise TokenRefused("Token has been revoked")
        if token.expires is not None and token.expires <= now:
            raise TokenRefused("Token has expired")
        token.last_used = now
        return token


def _is_jwt(text: str) -> bool:
    parts = text.split(".")
    if len(parts) != 3 or not all(parts):
        return False
    for part in parts[:2]:
        try:
            decoded = msgspec.json.decode(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        except (binascii.Error, ValueError):
            return False
        if not isinstance(decoded, dict):
            return False
    return True
