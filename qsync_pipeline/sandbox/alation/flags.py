"""Trust flags: who set which on what (alation-api.md §2.7, §6 rows 38 to 44)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from qsync_pipeline.sandbox.alation.model import Node
from qsync_pipeline.sandbox.alation.switches import AlationSwitches
from qsync_pipeline.sandbox.alation.times import iso
from qsync_pipeline.sandbox.alation.users import User

TYPES = ("ENDORSEMENT", "WARNING", "DEPRECATION")


@dataclass(eq=False, slots=True)
class Flag:
    """A flag; its owner is the user whose token made it. ``reason`` is HTML, empty on an endorsement."""

    id: int
    type: str
    reason: str
    subject: Node
    owner: User
    created: float
    updated: float | None = None


class Flags:
    """All flags, by id and by subject."""

    def __init__(self, switches: AlationSwitches, first: int) -> None:
        self._switches = switches
        self._next = first
        self.by_id: dict[int, Flag] = {}
        self._on: dict[Node, list[Flag]] = {}

    def on(self, node: Node) -> list[Flag]:
        return self._on.get(node, [])

    def in_the_way(self, kind: str, node: Node, user: User) -> Flag | None:
        """The flag that forbids a further one of this kind: one for each user, and of warnings and
        deprecations one for each subject (§2.7)."""
        alone = self._switches.one_warning and kind != "ENDORSEMENT"
        for flag in self.on(node):
            if flag.type == kind and (alone or flag.owner is user):
                return flag
        return None

    def add(self, kind: str, reason: str, node: Node, owner: User, now: float) -> Flag:
        flag = Flag(self._next, kind, reason, node, owner, now)
        self._next += 1
        self.by_id[flag.id] = flag
        self._on.setdefault(node, []).append(flag)
        return flag

    def remove(self, flag: Flag) -> None:
        del self.by_id[flag.id]
        self._on[flag.subject].remove(flag)

    def row(self, flag: Flag) -> dict[str, Any]:
        number: int | str = flag.subject.id
        if self._switches.flag_subject_id == "text":
            number = str(number)
        row = {
            "id": flag.id,
            "flag_type": flag.type,
            "flag_reason": flag.reason,
            "ts_created": iso(flag.created),
            "subject": {"id": number, "otype": flag.subject.otype, "url": flag.subject.url},
            "user": flag.owner.short(),
        }
        if flag.updated is not None:
            row["ts_updated"] = iso(flag.updated)
        return row
