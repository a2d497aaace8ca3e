"""Everything that the endpoints of one instance share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from random import Random
from typing import Any

from qsync_pipeline.sandbox.alation.access import Access
from qsync_pipeline.sandbox.alation.domains import Domains
from qsync_pipeline.sandbox.alation.fields import Fields
from qsync_pipeline.sandbox.alation.flags import Flags
from qsync_pipeline.sandbox.alation.health import Health
from qsync_pipeline.sandbox.alation.jobs import Jobs
from qsync_pipeline.sandbox.alation.model import Node
from qsync_pipeline.sandbox.alation.store import Store
from qsync_pipeline.sandbox.alation.switches import AlationSwitches
from qsync_pipeline.sandbox.alation.tags import Tags
from qsync_pipeline.sandbox.alation.times import iso
from qsync_pipeline.sandbox.alation.tokens import TokenBook
from qsync_pipeline.sandbox.alation.users import User, Users
from qsync_pipeline.sandbox.kernel import VirtualClock

FIRST_USER = 42
"""Id of the service account, whatever the seed: the package's own config (``default.yaml``) names it."""


@dataclass(frozen=True)
class World:
    """The state of one instance, by concern."""

    clock: VirtualClock
    switches: AlationSwitches
    store: Store
    access: Access
    users: Users
    tokens: TokenBook
    jobs: Jobs
    tags: Tags
    flags: Flags
    domains: Domains
    fields: Fields
    health: Health

    @classmethod
    def empty(cls, clock: VirtualClock, switches: AlationSwitches, seed: int) -> World:
        """An instance without content; the seed sets where ids begin, as instances differ."""
        draw = Random(f"alation-{seed}")
        store = Store(switches, seed)
        return cls(
            clock=clock,
            switches=switches,
            store=store,
            access=Access(store),
            users=Users(FIRST_USER, iso(1_767_225_600)),
            tokens=TokenBook(clock, switches, seed),
            jobs=Jobs(clock, switches, draw.randint(500, 900)),
            tags=Tags(draw.randint(1, 20)),
            flags=Flags(switches, draw.randint(100, 400)),
            domains=Domains(draw.randint(1, 9)),
            fields=Fields(switches, draw.randint(10_001, 10_099)),
            health=Health(switches, draw.randint(100, 200)),
        )

    def visible(self, user: User, nodes: Iterable[Node]) -> list[Node]:
        """Those that are not deleted and that the user may see."""
        seen = [node for node in nodes if not node.deleted]
        if not self.access.rules or user.may("SERVER_ADMIN"):
            return seen
        return [node for node in seen if self.access.sees(user, node)]

    def subject(self, user: User, otype: Any, oid: Any) -> Node | None:
        """The object that a request names, where it is there and in the user's sight."""
        node = self.store.get(otype, oid) if isinstance(otype, str) else None
        if node is None or node.deleted or not self.access.sees(user, node):
            return None
        return node
