"""Changes as people and the extraction make them, for the control plane (DESIGN.md §6).

Each ``do`` has a method that first checks the whole change and then answers the steps to carry it out; so
:meth:`People.check` and :meth:`People.mutate` cannot disagree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape

from qsync_pipeline.sandbox.alation import names, state
from qsync_pipeline.sandbox.alation.access import Mode
from qsync_pipeline.sandbox.alation.build import PERSON, TABLE_TYPES
from qsync_pipeline.sandbox.alation.domains import Domain, Rule
from qsync_pipeline.sandbox.alation.flags import TYPES
from qsync_pipeline.sandbox.alation.model import CHILD_OF, Node
from qsync_pipeline.sandbox.alation.richtext import clean
from qsync_pipeline.sandbox.alation.world import World
from qsync_pipeline.sandbox.kernel import ControlError
from qsync_pipeline.sandbox.people import CatalogPeople, Change, text_of

Steps = Callable[[], list[str]]
"""Makes the change; answers the ids touched."""


class People(CatalogPeople[Steps]):
    """Checks and carries out control-plane changes on one instance."""

    def __init__(self, world: World) -> None:
        self._world = world

    def mutate(self, change: Change) -> list[str]:
        """Carry the change out; answers the ids touched (``table:93``)."""
        return self.plan(change)()

    # Reading a change.

    def _nodes(self, change: Change, key: str = "asset") -> list[Node]:
        """The objects that the change names, narrowed by ``kind`` and ``connection``."""
        name = text_of(change, key)
        found = names.named(self._world.store, name)
        if not found:
            raise ControlError(f"{key}: no asset named {name!r}")
        kind, connection = change.get("kind"), change.get("connection")
        if kind is not None:
            wanted = {"column": "attribute", "connection": "data"}.get(str(kind).lower(), str(kind).lower())
            found = [node for node in found if wanted in (node.otype, _type(node).lower())]
        if connection is not None:
            found = [node for node in found if node.data.name == connection]
        if not found:
            raise ControlError(
                f"{key}: {name!r} exists, but not with kind {kind!r} and connection {connection!r}"
            )
        return found

    # Tags.

    def _tag(self, change: Change) -> Steps:
        nodes, name = self._nodes(change), text_of(change, "tag")
        description = str(change.get("description") or "")

        def steps() -> list[str]:
            tags, now = self._world.tags, self._world.clock.now()
            tag = tags.named(name) or tags.make(name, now, clean(description, wrap=True))
            for node in nodes:
                tags.put(tag, node, now)
            return _ids(nodes)

        return steps

    def _untag(self, change: Change) -> Steps:
        name = text_of(change, "tag")
        tag = self._world.tags.named(name)
        if tag is None:
            raise ControlError(f"tag: there is no tag {name!r}")
        nodes = [node for node in self._nodes(change) if node in tag.subjects]
        if not nodes:
            raise ControlError(f"tag: {name!r} is not on {change['asset']!r}")

        def steps() -> list[str]:
            for node in nodes:
                self._world.tags.take(tag, node)
            return _ids(nodes)

        return steps

    def _rename_tag(self, change: Change) -> Steps:
        old, new = text_of(change, "from"), text_of(change, "to")
        tag, other = self._world.tags.named(old), self._world.tags.named(new)
        if tag is None:
            raise ControlError(f"from: there is no tag {old!r}")
        if other is not None and other is not tag:
            raise ControlError(f"to: a tag {other.name!r} exists already")

        def steps() -> list[str]:
            self._world.tags.rename(tag, new)
            return [f"tag:{tag.id}"]

        return steps

    # What the extraction finds.

    def _rename(self, change: Change) -> Steps:
        nodes, to = self._nodes(change), text_of(change, "to")
        for node in nodes:
            if self._world.store.beside(node, to):
                raise ControlError(f"to: {to!r} exists already beside {node.full_names[0]!r}")

        def steps() -> list[str]:
            for node in nodes:
                self._world.store.rename(node, to)
            return [each.ref for node in nodes for each in (node, *node.below())]

        return steps

    def _drop(self, change: Change) -> Steps:
        nodes = self._nodes(change)
        return lambda: [each.ref for node in nodes for each in self._world.store.drop(node)]

    def _create(self, change: Change) -> Steps:
        name, kind = text_of(change, "asset"), change.get("kind")
        allowed = ("table", "view", "column")
        if kind is not None and str(kind).lower() not in allowed:
            raise ControlError(f"kind: {kind!r} is not allowed; allowed: {', '.join(allowed)}")
        wanted = str(kind).lower() if kind is not None else None
        if names.named(self._world.store, name):
            raise ControlError(f"asset: {name!r} exists already")
        for parent, own in names.parents_for(self._world.store, name):
            column = parent.otype == "table"
            if change.get("connection") not in (None, parent.data.name):
                continue
            if wanted is None or column == (wanted == "column"):
                return lambda: self._make(parent, own, wanted, str(change.get("data_type") or "VARCHAR"))
        raise ControlError(f"asset: there is no schema or table that {name!r} could be created in")

    def _make(self, parent: Node, name: str, kind: str | None, data_type: str) -> list[str]:
        node = self._world.store.add(CHILD_OF[parent.otype], name, parent)
        if node.otype == "table":
            node.put("table_type", TABLE_TYPES["view" if kind == "view" else "table"])
        else:
            node.column_type, node.position = data_type, len(parent.children)
        return [node.ref]

    def _swap(self, change: Change) -> Steps:
        """Two tables of one schema exchange names, as in a blue-green deployment."""
        first, second = self._nodes(change), self._nodes(change, "with")
        if len(first) != 1 or len(second) != 1:
            raise ControlError("asset, with: ambiguous; give connection")
        one, other = first[0], second[0]
        if one is other or one.otype != "table" or one.parent is not other.parent:
            raise ControlError("with: must be another table of the same schema")

        def steps() -> list[str]:
            names_before = one.name, other.name
            self._world.store.rename(one, names_before[1])
            self._world.store.rename(other, names_before[0])
            return [one.ref, other.ref]

        return steps

    # What people write on objects.

    def _set_domain(self, change: Change) -> Steps:
        """``domain`` takes the object from its other domains; null leaves it to the rules above it.

        ``exclude: true`` only takes it out of the domain; ``recursive: false`` leaves out what is below.
        """
        nodes = self._nodes(change)
        if "domain" not in change:
            raise ControlError("domain: needed, a domain's title or path, or null")
        exclude, recursive = _flag(change, "exclude", False), _flag(change, "recursive", True)
        domain = None if change["domain"] is None else self._domain(text_of(change, "domain"))
        if exclude and domain is None:
            raise ControlError("exclude: needs a domain")

        def steps() -> list[str]:
            for node in nodes:
                self._place(node, domain, Rule(exclude, recursive))
            return _ids(nodes)

        return steps

    def _place(self, node: Node, domain: Domain | None, rule: Rule) -> None:
        if domain is not None and rule.exclude:
            domain.rules[node] = rule
            return
        for other in self._world.domains.by_id.values():
            other.rules.pop(node, None)
        if domain is None:
            return
        for other in self._world.domains.of(node):
            # Not out of a domain above it: a member of a sub-domain belongs there as well.
            if domain not in self._world.domains.below(other):
                other.rules[node] = Rule(exclude=True, recursive=rule.recursive)
        domain.rules[node] = rule

    def _domain(self, wanted: str) -> Domain:
        """By path from the root, else by its bare title where only one has it."""
        domains = list(self._world.domains.by_id.values())
        for domain in domains:
            if domain.path == wanted:
                return domain
        found = [domain for domain in domains if domain.title == wanted]
        if len(found) != 1:
            known = ", ".join(sorted(domain.path for domain in domains))
            raise ControlError(
                f"domain: {wanted!r} is {'ambiguous' if found else 'unknown'}; there are: {known}"
            )
        return found[0]

    def _set_alert(self, change: Change) -> Steps:
        """A person's flag, in place of the one of its type that is there; ``edit: true`` changes that one's
        text instead and leaves it to its owner."""
        nodes, text = self._nodes(change), text_of(change, "text")
        kind, edit = change.get("type", "WARNING"), _flag(change, "edit", False)
        if kind not in TYPES[1:]:
            raise ControlError(f"type: {kind!r} is not allowed; allowed: {', '.join(TYPES[1:])}")
        if edit and not any(flag.type == kind for node in nodes for flag in self._world.flags.on(node)):
            raise ControlError(f"edit: there is no {kind} on {change['asset']!r}")
        reason = clean(escape(text, quote=False), wrap=True)

        def steps() -> list[str]:
            flags, now = self._world.flags, self._world.clock.now()
            owner = self._world.users.named(str(change.get("by") or PERSON))
            for node in nodes:
                for flag in [flag for flag in flags.on(node) if flag.type == kind]:
                    if edit:
                        flag.reason, flag.updated = reason, now
                    else:
                        flags.remove(flag)
                if not edit:
                    flags.add(kind, reason, node, owner, now)
            return _ids(nodes)

        return steps

    def _clear_alert(self, change: Change) -> Steps:
        shown = [(node, state.flag_shown(self._world, node)) for node in self._nodes(change)]
        found = [(node, flag) for node, flag in shown if flag is not None]
        if not found:
            raise ControlError(f"asset: there is no alert on {change['asset']!r}")

        def steps() -> list[str]:
            for _, flag in found:
                self._world.flags.remove(flag)
            return _ids([node for node, _ in found])

        return steps

    def _set_attribute(self, change: Change) -> Steps:
        nodes, name = self._nodes(change), text_of(change, "name")
        if "value" not in change:
            raise ControlError("value: needed, null clears")
        value = change["value"]
        if value is not None and (isinstance(value, bool) or not isinstance(value, str | int | float)):
            raise ControlError(f"value: {value!r} is neither a text nor a number nor null")
        fields = self._world.fields.named(state.PREFIX + name)
        if not fields:
            raise ControlError(f"name: there is no custom field {state.PREFIX + name!r} yet")
        sent = None if value is None else escape(value, quote=False) if isinstance(value, str) else str(value)
        problem = self._world.fields.problem(fields[0], sent)
        if problem is not None:
            raise ControlError(f"value: {problem}")

        def steps() -> list[str]:
            for node in nodes:
                stored = self._world.fields.stored_form(fields[0], sent)
                self._world.fields.put(node, fields[0], stored, self._world.clock.now())
            return _ids(nodes)

        return steps

    # What our token may see.

    def _forbid(self, change: Change) -> Steps:
        return self._rule(change, {"hidden": "hidden", "read": "read"})

    def _allow(self, change: Change) -> Steps:
        return self._rule(change, {"write": "write", "read": "read"})

    def _rule(self, change: Change, modes: Mapping[str, Mode]) -> Steps:
        """``mode`` is one of those; the first is meant where it is not given."""
        nodes, wanted = self._nodes(change), change.get("mode", next(iter(modes)))
        mode = modes.get(str(wanted))
        if mode is None:
            raise ControlError(f"mode: {wanted!r} is not allowed; allowed: {', '.join(modes)}")

        def steps() -> list[str]:
            for node in nodes:
                self._world.access.set(node, mode)
            return _ids(nodes)

        return steps


def _type(node: Node) -> str:
    return str(node.extra.get("table_type", ""))


def _flag(change: Change, key: str, default: bool) -> bool:
    value = change.get(key, default)
    if not isinstance(value, bool):
        raise ControlError(f"{key}: must be true or false")
    return value


def _ids(nodes: list[Node]) -> list[str]:
    return [node.ref for node in nodes]
