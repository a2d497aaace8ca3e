"""Tag definitions (qualytics-api.md §2.8): one collection for every type, keyed by name in the URL."""

from __future__ import annotations

import re
from typing import Any

from qsync_pipeline.sandbox.qualytics.model import Tag, TagType
from qsync_pipeline.sandbox.qualytics.switches import QualyticsSwitches
from qsync_pipeline.sandbox.qualytics.web import PAGING, ApiError, Call, Endpoint, invalid

CREATABLE: tuple[TagType, ...] = ("global", "entity", "lineage")
"""Types that a caller may create: there is no create schema for external (§2.8)."""

EXTERNAL_UPDATES = frozenset({"type", "category", "weight_modifier"})
"""What an update of an external tag may hold (§2.8, decision 21); ``type`` is the discriminator."""

_COLOR = re.compile(r"#[0-9A-Fa-f]{6}")


def creatable(switches: QualyticsSwitches) -> tuple[TagType, ...]:
    return (*CREATABLE, "external") if switches.external_tags else CREATABLE


def matching_tags(call: Call) -> list[Tag]:
    types, text = set(call.many("type")), call.one("search")
    found = [
        tag
        for tag in call.system.store.tags.by_id.values()
        if (not types or tag.type in types) and (text is None or text.lower() in tag.name.lower())
    ]
    return call.sort(
        found,
        {
            "sort_name": lambda tag: tag.name,
            "sort_created": lambda tag: tag.id,
            "sort_id": lambda tag: tag.id,
        },
    )


def list_tags(call: Call) -> dict[str, Any]:
    return call.page(lambda: matching_tags(call), call.system.views.tag_row)


def tags_listing(call: Call) -> list[dict[str, Any]]:
    return [call.system.views.tag_row(tag) for tag in matching_tags(call)]


def _known(call: Call) -> Tag:
    name = call.path["tag_name"]
    tag = call.system.store.tags.by_name.get(name)
    if tag is None:
        raise ApiError(404, f"Global Tag: {name} not found")
    return tag


def get_tag(call: Call) -> dict[str, Any]:
    return call.system.views.tag_row(_known(call))


def _check_values(body: dict[str, Any]) -> None:
    """Colours are hex, the weight modifier is an integer from -10 to 10 (§2.8)."""
    color, weight = body.get("color"), body.get("weight_modifier")
    if color is not None and not (isinstance(color, str) and _COLOR.fullmatch(color)):
        raise invalid(["body", "color"], "value is not a valid hex color", "value_error.color")
    if weight is not None and (
        not isinstance(weight, int) or isinstance(weight, bool) or not -10 <= weight <= 10
    ):
        raise invalid(["body", "weight_modifier"], "ensure this value is between -10 and 10")
    for key in ("description", "category"):
        if not isinstance(body.get(key), str | None):
            raise invalid(["body", key], "str type expected", "type_error.str")


def create_tag(call: Call) -> dict[str, Any]:
    """Discriminated on ``type``; external is 422 unless the invented switch allows it (§2.8, decision 20)."""
    body, tags = call.object(), call.system.store.tags
    kind = body.get("type")
    allowed = creatable(call.system.switches)
    if kind not in allowed:
        message = (
            f"No match for discriminator 'type' and value '{kind}' (allowed values: {', '.join(allowed)})"
        )
        raise invalid(["body", "type"], message, "value_error.discriminated_union.invalid_discriminator")
    name = call.text("name")
    _check_values(body)
    if name in tags.by_name:
        raise ApiError(409, f"Global Tag with name {name} already exists")
    weight = body.get("weight_modifier")
    tag = tags.define(
        name,
        maker="api",
        type=kind,
        color=body.get("color"),
        description=body.get("description"),
        category=body.get("category"),
        weight_modifier=1 if weight is None else weight,
    )
    if kind == "lineage":
        tag.parent_lineage_tag_id = body.get("parent_lineage_tag_id")
    return call.system.views.tag(tag)


def update_tag(call: Call) -> dict[str, Any]:
    """Applies the keys that are given; an external tag takes category and weight only (decision 21)."""
    tag, body = _known(call), call.object()
    if tag.type == "external":
        for key in body:
            if key not in EXTERNAL_UPDATES:
                raise invalid(["body", key], "extra fields not permitted", "value_error.extra")
    _check_values(body)
    tags = call.system.store.tags
    name = body.get("name")
    if name is not None and name != tag.name:
        if not isinstance(name, str) or not name.strip():
            raise invalid(["body", "name"], "str type expected", "type_error.str")
        if name in tags.by_name:
            raise ApiError(409, f"Global Tag with name {name} already exists")
        tags.rename(tag, name)
    for key in ("color", "weight_modifier"):
        if body.get(key) is not None:
            setattr(tag, key, body[key])
    for key in ("description", "category"):
        if key in body:
            setattr(tag, key, body[key])
    tags.changed(tag)
    return call.system.views.tag(tag)


def delete_tag(call: Call) -> None:
    """Removes every use as well; an external tag is 409 (decision 21) unless the invented switch is on."""
    tag = _known(call)
    if tag.type == "external" and not call.system.switches.external_tags:
        raise ApiError(409, f"Global Tag: {tag.name} is managed by an integration")
    call.system.store.tags.delete(tag)


def endpoints(switches: QualyticsSwitches) -> list[Endpoint]:
    """The tag routes. A name with a slash matches none of them, as its decoded slash splits the path."""
    item = "/global-tags/{tag_name:path}" if switches.slashes_in_tag_paths else "/global-tags/{tag_name}"
    query = ("type", "search", "sort_name", "sort_created", "sort_id")
    return [
        Endpoint("GET", "/global-tags", list_tags, (*PAGING, *query)),
        Endpoint("POST", "/global-tags", create_tag),
        Endpoint("GET", "/global-tags/listing", tags_listing, query),
        Endpoint("GET", item, get_tag),
        Endpoint("PUT", item, update_tag),
        Endpoint("DELETE", item, delete_tag),
    ]
