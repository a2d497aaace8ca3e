"""Who may send: whoever shows the shared secret."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterator

from starlette.datastructures import Headers

QUALYTICS_HEADER = "x-qualytics-secret"
"""Of the n8n action (qualytics-api.md §2.13)."""
ATLAN_HEADER = "x-atlan-signing-secret"
"""A plain secret, not a signature (atlan-api.md §3.1)."""


class Secret:
    """One shared secret; null lets everybody in, which the receiver allows on loopback only.

    Only its digest is kept, so that no trace of the process shows it, and digests are compared in constant
    time, so that neither the secret nor its length can be found out by measuring.
    """

    def __init__(self, value: str | None) -> None:
        self._digest = None if value is None else _digest(value.encode())

    @property
    def is_set(self) -> bool:
        return self._digest is not None

    def admits(self, shown: Iterator[bytes]) -> bool:
        """Whether one of the values shown is the secret."""
        if self._digest is None:
            return True
        found = False
        for value in shown:
            found |= hmac.compare_digest(_digest(value), self._digest)
        return found


def shown_by_flow(headers: Headers) -> Iterator[bytes]:
    """What a flow action shows: the n8n action its own header, HttpAction bearer or basic authorization."""
    for value in headers.getlist(QUALYTICS_HEADER):
        yield value.encode("latin-1")
    for value in headers.getlist("authorization"):
        scheme, _, rest = value.partition(" ")
        if scheme.lower() == "bearer":
            yield rest.strip().encode("latin-1")
        elif scheme.lower() == "basic":
            yield _password(rest)


def shown_by_atlan(headers: Headers) -> Iterator[bytes]:
    """What an Atlan webhook shows."""
    for value in headers.getlist(ATLAN_HEADER):
        yield value.encode("latin-1")


def _password(text: str) -> bytes:
    try:
        return base64.b64decode(text.strip(), validate=True).partition(b":")[2]
    except (binascii.Error, ValueError):
        return b""


def _digest(value: bytes) -> bytes:
    return hashlib.sha256(value).digest()
