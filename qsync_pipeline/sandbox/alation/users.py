"""People and service accounts, and what their roles allow (alation-api.md §2.12, §6 row 3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Role = Literal["VIEWER", "COMPOSER", "CATALOG_ADMIN", "SERVER_ADMIN"]
_RANK: dict[str, int] = {"VIEWER": 0, "COMPOSER": 1, "CATALOG_ADMIN": 2, "SERVER_ADMIN": 3}


@dataclass(slots=True)
class User:
    """An account. ``service`` marks those that integrations use; people are the others."""

    id: int
    username: str
    role: Role
    created: str
    service: bool = False

    def may(self, role: Role) -> bool:
        """Whether its role is at least this one."""
        return _RANK[self.role] >= _RANK[role]

    @property
    def display_name(self) -> str:
        return self.username.replace(".", " ").replace("-", " ").title()

    @property
    def email(self) -> str:
        return f"{self.username}@example.com"

    @property
    def url(self) -> str:
        return f"/user/{self.id}/"

    def row(self) -> dict[str, Any]:
        """As v1 lists it, and as ``userinfo`` tells the token's owner."""
        return {
            "display_name": self.display_name,
            "email": self.email,
            "id": self.id,
            "profile_id": self.id,
            "url": self.url,
        }

    def long_row(self) -> dict[str, Any]:
        """As v2 lists it."""
        first, _, last = self.display_name.partition(" ")
        return {
            **self.row(),
            "first_name": first,
            "last_name": last,
            "last_login": None,
            "role": self.role,
            "title": "",
            "ts_created": self.created,
            "username": self.username,
        }

    def short(self) -> dict[str, Any]:
        """As a flag shows its owner."""
        return {"id": self.id, "url": self.url, "display_name": self.display_name}


class Users:
    """All accounts, by id and by username."""

    def __init__(self, first: int, created: str) -> None:
        self._next = first
        self._created = created
        self.by_id: dict[int, User] = {}
        self._by_name: dict[str, User] = {}

    def named(self, username: str, role: Role = "COMPOSER", *, service: bool = False) -> User:
        """The account of this name, made where it is missing."""
        user = self._by_name.get(username)
        if user is None:
            user = User(self._next, username, role, self._created, service)
            self._next += 1
            self.by_id[user.id] = self._by_name[username] = user
        return user
