"""Domain endpoints (alation-api.md §2.8). Membership can be read as rules only, never as members."""

from __future__ import annotations

from typing import Any

from qsync_pipeline.sandbox.alation.access import require
from qsync_pipeline.sandbox.alation.domains import Domain, Rule
from qsync_pipeline.sandbox.alation.errors import by_field, forbidden, not_found, refused
from qsync_pipeline.sandbox.alation.http import Call, Reply, Routes
from qsync_pipeline.sandbox.alation.jobs import Keeps
from qsync_pipeline.sandbox.alation.model import Node
from qsync_pipeline.sandbox.alation.richtext import clean
from qsync_pipeline.sandbox.alation.world import World

_RECURSIVE = ("data", "schema", "table")
_RECURSIVE_CAP = 99


class DomainsApi:
    """The tree of domains, and who belongs to them."""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self) -> Routes:
        root = "/integration/v2/domain/"
        return [
            ("GET", root, self._list),
            ("POST", root, self._create),
            ("DELETE", root, self._delete),
            ("PATCH", root + "{id}/", self._move),
            ("POST", root + "membership/", self._membership),
            ("POST", root + "membership/view_rules/", self._rules),
        ]

    def _list(self, call: Call) -> Reply:
        call.known("parent_id")
        domains = list(self._world.domains.by_id.values())
        if call.many("parent_id"):
            wanted = set(call.numbers("parent_id"))
            domains = [each for each in domains if each.parent is not None and each.parent.id in wanted]
        return call.page(domains, Domain.row)

    def _domain(self, number: Any) -> Domain | None:
        return self._world.domains.by_id.get(number) if isinstance(number, int) else None

    def _create(self, call: Call) -> Reply:
        require(call.user, "CATALOG_ADMIN")
        if not isinstance(call.body, list):
            raise by_field(non_field_errors='Expected a list of items but got type "dict".')
        made: list[tuple[str, str, Domain | None]] = []
        for item in call.body:
            title = item.get("title") if isinstance(item, dict) else None
            if not isinstance(title, str) or not title.strip():
                raise by_field(title="This field is required.")
            above = self._parent(item["parent_id"]) if item.get("parent_id") is not None else None
            text = clean(str(item.get("description") or ""), wrap=call.switches.wrap_rich_text)
            made.append((title, text, above))
        return Reply(201, [self._world.domains.make(*each).row() for each in made])

    def _parent(self, number: Any) -> Domain:
        domain = self._domain(number)
        if domain is None:
            raise by_field(parent_id=f'Invalid pk "{number}" - object does not exist.')
        return domain

    def _move(self, call: Call) -> dict[str, Any]:
        require(call.user, "CATALOG_ADMIN")
        domain = self._domain(call.number("id"))
        if domain is None:
            raise not_found()
        body = call.object()
        if "parent_id" not in body:
            raise by_field(parent_id="This field is required.")
        above = self._parent(body["parent_id"]) if body["parent_id"] is not None else None
        if above is not None and above in self._world.domains.below(domain):
            raise by_field(parent_id="A domain cannot be moved below itself.")
        domain.parent = above
        return domain.row()

    def _delete(self, call: Call) -> Reply:
        require(call.user, "CATALOG_ADMIN")
        numbers = call.object().get("id")
        if not isinstance(numbers, list) or not numbers:
            raise by_field(id="This field is required.")
        domains = [self._domain(number) for number in numbers]
        for number, domain in zip(numbers, domains, strict=True):
            if domain is None:
                raise refused(400, f"Domain with id {number} does not exist")

        def work(_: Keeps) -> dict[str, Any]:
            gone: dict[int, None] = {}
            for domain in domains:
                if domain is not None and domain.id in self._world.domains.by_id:
                    children = call.switches.delete_subdomains
                    gone |= dict.fromkeys(
                        each.id for each in self._world.domains.delete(domain, children=children)
                    )
            return {"deleted_domain_count": len(gone), "deleted_domain_ids": list(gone)}

        if call.switches.domain_delete == "job":
            return Reply(202, self._world.jobs.announce(self._world.jobs.start("domains", work)))
        return Reply(200, {"status": "successful", "msg": "", **work(lambda _: True)})

    # Membership.

    def _membership(self, call: Call) -> Reply:
        """Include or exclude objects: at once below 1,000 of them, else as a job (row 51)."""
        require(call.user, "CATALOG_ADMIN")
        body = call.object()
        oids = body.get("oid")
        oids = [oids] if isinstance(oids, (int, str)) else oids
        if not isinstance(oids, list) or not oids:
            raise by_field(oid="This field is required.")
        domain = self._domain(body.get("id"))
        if domain is None:
            detail = f"Cannot add object to domain {body.get('id')}.  The domain has been deleted."
            raise refused(400, detail)
        recursive = body.get("recursive") is True
        if recursive and (body.get("otype") not in _RECURSIVE or len(oids) > _RECURSIVE_CAP):
            raise refused(400, f"recursive takes at most {_RECURSIVE_CAP} objects of {', '.join(_RECURSIVE)}")
        nodes = [self._node(call, body.get("otype"), oid) for oid in oids]
        rule = Rule(body.get("exclude") is True, recursive)

        def work(keeps: Keeps) -> None:
            for index, node in enumerate(nodes):
                if keeps(index):
                    domain.rules.pop(node, None)
                    domain.rules[node] = rule

        if len(oids) >= call.switches.bulk_membership:
            return Reply(202, self._world.jobs.announce(self._world.jobs.start("domains", work)))
        work(lambda _: True)
        return Reply(201, body)

    def _node(self, call: Call, otype: Any, oid: Any) -> Node:
        if otype not in self._world.store.nodes:
            raise by_field(otype="Invalid otype")
        node = self._world.subject(call.user, otype, oid)
        if node is None:
            raise refused(400, f"Object not found: {otype}:{oid}.")
        if not self._world.access.writes(call.user, node):
            raise forbidden()
        return node

    def _rules(self, call: Call) -> Reply:
        """The rules of the domains asked for; an unknown one has none (rows 49 and 50)."""
        body = call.object()
        numbers = body.get("domain_id")
        numbers = [numbers] if isinstance(numbers, int) else numbers
        if not isinstance(numbers, list) or not numbers:
            raise by_field(domain_id="This field is required.")
        if not isinstance(body.get("exclude"), bool):
            raise by_field(exclude="This field is required.")
        rows = [
            {
                "domain_id": domain.id,
                "exclude": rule.exclude,
                "recursive": rule.recursive,
                "otype": node.otype,
                "oid": node.id,
            }
            for number in numbers
            if (domain := self._domain(number)) is not None
            for node, rule in domain.rules.items()
            if rule.exclude == body["exclude"]
            and body.get("recursive") in (None, rule.recursive)
            and not node.deleted
        ]
        return call.page(rows)
