"""What a person sees on an object in Alation's UI, as the control plane tells it (DESIGN.md §6)."""

from __future__ import annotations

from typing import Any

from qsync_pipeline.core.rows import ATTRIBUTES
from qsync_pipeline.sandbox.alation.flags import Flag
from qsync_pipeline.sandbox.alation.health import LABELS
from qsync_pipeline.sandbox.alation.model import Node
from qsync_pipeline.sandbox.alation.richtext import only_link, plain
from qsync_pipeline.sandbox.alation.times import iso
from qsync_pipeline.sandbox.alation.world import World

PREFIX = "Qualytics "
"""The custom fields that carry the twelve attributes are called by their names after it (DESIGN.md §5.3)."""


def entry(world: World, node: Node) -> dict[str, Any]:
    """One entry of ``GET /state/alation/assets``."""
    return {
        "id": node.ref,
        "name": node.full_names[0],
        "kind": node.extra.get("table_type", "TABLE") if node.otype == "table" else node.otype,
        "tags": [
            {"name": tag.name, "origin": "person", "color": None, "description": tag.description or None}
            for tag in world.tags.on(node)
        ],
        "attributes": attributes(world, node),
        "alert": alert(world, node),
        "health": health(world, node),
        "domains": [domain.title for domain in world.domains.of(node)],
    }


def attributes(world: World, node: Node) -> dict[str, Any]:
    """The twelve attributes that have a value, by their canonical names, in their order."""
    if not node.values:
        return {}
    found = {
        world.fields.names[number].removeprefix(PREFIX): stored.value
        for number, stored in node.values.items()
        if world.fields.names[number].startswith(PREFIX)
    }
    return {name: _shown(name, found[name]) for name in ATTRIBUTES if name in found}


def _shown(name: str, value: Any) -> Any:
    """Where a link leads; a number where a person reads one, though Alation has texts only (§2.3)."""
    text = plain(str(value))
    if name == "URL":
        return only_link(str(value)) or text
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def flag_shown(world: World, node: Node) -> Flag | None:
    """The flag that warns: a warning before a deprecation. Endorsements are no alerts."""
    for kind in ("WARNING", "DEPRECATION"):
        for flag in world.flags.on(node):
            if flag.type == kind:
                return flag
    return None


def alert(world: World, node: Node) -> dict[str, Any] | None:
    """The trust flag; a flag has no title."""
    flag = flag_shown(world, node)
    if flag is None:
        return None
    by = "integration" if flag.owner.service else "person"
    return {"type": flag.type, "title": "", "text": plain(flag.reason), "by": by}


def health(world: World, node: Node) -> list[dict[str, Any]]:
    """The rows of the health tab, with the words that it shows for a status (§3)."""
    return [
        {
            "rule": value.field.name,
            "object": value.node.name,
            "status": LABELS[value.status],
            "value": value.value,
            "description": value.field.description,
            "last_updated": iso(value.updated),
        }
        for value in world.health.on(node)
    ]
