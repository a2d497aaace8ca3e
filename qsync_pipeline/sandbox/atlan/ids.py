"""Ids as Atlan makes them, from a seed (atlan-api.md §6.2 row 25), and JWT-shaped tokens (§1.3)."""

from __future__ import annotations

import base64
import random
import string

import msgspec

_LETTERS = string.ascii_letters
_ALPHANUMERIC = string.ascii_letters + string.digits


class IdSource:
    """Seeded source of every id of one sandbox."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(f"atlan-{seed}")

    def guid(self) -> str:
        """A version-4 UUID, for entities and actors."""
        digits = f"{self.random.getrandbits(128):032x}"
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"

    def type_id(self) -> str:
        """One letter and 21 alphanumerics: the hashed name of a tag, a set or an attribute (§2.5)."""
        return self.random.choice(_LETTERS) + "".join(self.random.choices(_ALPHANUMERIC, k=21))

    def nanoid(self) -> str:
        """21 characters, for the qualified names of domains (§2.6)."""
        return "".join(self.random.choices(_ALPHANUMERIC, k=21))

    def jwt(self, claims: dict[str, object]) -> str:
        """A bearer token of a JWT's shape; the signature is random and checked by nobody."""
        head = {"alg": "RS256", "typ": "JWT", "kid": self.nanoid()}
        parts = [msgspec.json.encode(head), msgspec.json.encode(claims), self.random.randbytes(32)]
        return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
