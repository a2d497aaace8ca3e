"""What accounts may see and change (alation-api.md §2.2, §2.12; DESIGN.md §6, forbid and allow)."""

from __future__ import annotations

from typing import Literal

from qsync_pipeline.sandbox.alation.errors import forbidden
from qsync_pipeline.sandbox.alation.model import Node
from qsync_pipeline.sandbox.alation.store import Store
from qsync_pipeline.sandbox.alation.users import Role, User

Mode = Literal["write", "read", "hidden"]


class Access:
    """Rules on objects, which hold for all that is below; server admins are above them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.rules: dict[Node, Mode] = {}

    def mode(self, user: User, node: Node) -> Mode:
        """The rule of the nearest object upwards that has one."""
        if not self.rules or user.may("SERVER_ADMIN"):
            return "write"
        for each in node.upwards():
            mode = self.rules.get(each)
            if mode is not None:
                return mode
        return "write"

    def sees(self, user: User, node: Node) -> bool:
        return self.mode(user, node) != "hidden"

    def writes(self, user: User, node: Node) -> bool:
        return self.mode(user, node) == "write"

    def set(self, node: Node, mode: Mode) -> None:
        """Rule on an object and all below it, in place of the rules that there were."""
        for other in [other for other in self.rules if other is node or node in other.upwards()]:
            del self.rules[other]
        above = next((self.rules[each] for each in node.upwards() if each in self.rules), "write")
        if mode != above:
            self.rules[node] = mode
        self._store.revision += 1


def require(user: User, role: Role) -> None:
    """403 for those whose role does not reach (§6 row 3)."""
    if not user.may(role):
        raise forbidden()
