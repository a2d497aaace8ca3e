"""Creating, changing and deleting type definitions over the API (atlan-api.md §2.5, §2.8, §1.5)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from qsync_pipeline.sandbox.atlan.errors import AtlasError, bad_request, unknown_type
from qsync_pipeline.sandbox.atlan.typedefs import LISTS, Json, TypeDefs

_WRITABLE = ("ENUM", "CLASSIFICATION", "BUSINESS_METADATA", "STRUCT")
_BASE_TYPES = frozenset({"string", "int", "float", "double", "boolean", "date", "long"})
_ARRAY = re.compile(r"array<(.+)>")


def create(types: TypeDefs, body: Mapping[str, Any], actor: str, *, allow_duplicates: bool = False) -> Json:
    """POST typedefs: all or nothing; ids replace whatever names were sent."""
    made: list[tuple[str, Json]] = []
    for category, definition in _entries(body):
        if category in ("ENUM", "STRUCT"):
            name = str(definition.get("name") or "")
            if not name:
                raise _empty("name")
            if types.find(name) is not None:
                raise _duplicate(name)
            made.append((category, types.stamp(category, {**definition, "name": name}, actor)))
            continue
        display = str(definition.get("displayName") or "")
        if not display:
            raise _empty("displayName")
        duplicates_allowed = allow_duplicates or _true(definition.get("skipDisplayNameUniquenessCheck"))
        if not duplicates_allowed and _taken(types, category, display, made):
            raise _duplicate(display)
        fresh = {**definition, "name": types.new_id()}
        fresh["options"] = _texts(definition.get("options"))
        fresh["attributeDefs"] = _new_attributes(types, definition.get("attributeDefs") or (), category)
        made.append((category, types.stamp(category, fresh, actor)))
    for category, definition in made:
        _store(types, category, definition)
    return _answer(made)


def update(types: TypeDefs, body: Mapping[str, Any], actor: str, now_ms: int) -> Json:
    """PUT typedefs: a set or tag is matched by guid, else by name; unknown attribute names are new ones."""
    made: list[tuple[str, Json]] = []
    for category, definition in _entries(body):
        current = _match(types, category, definition)
        display = definition.get("displayName", current.get("displayName"))
        others = [one for one in types.by_category[category].values() if one is not current]
        if display is not None and any(one.get("displayName") == display for one in others):
            raise _duplicate(str(display))
        changed = {**current, **definition, "name": current["name"], "guid": current["guid"]}
        changed["category"] = category
        changed["createdBy"], changed["createTime"] = current["createdBy"], current["createTime"]
        changed["updatedBy"], changed["updateTime"] = actor, now_ms
        changed["version"] = current["version"] + 1
        if category in ("CLASSIFICATION", "BUSINESS_METADATA"):
            changed["options"] = {**current.get("options", {}), **_texts(definition.get("options"))}
            changed["attributeDefs"] = _merged_attributes(types, category, current, definition)
        made.append((category, changed))
    for category, definition in made:
        _store(types, category, definition)
    return _answer(made)


def delete(types: TypeDefs, name: str, *, referenced: Callable[[str], bool]) -> None:
    """DELETE typedef/name/{name}: refused while an asset uses it."""
    found = types.find(name)
    if found is None:
        raise unknown_type(name)
    if found["createdBy"] == "atlan":
        raise AtlasError(409, "ATLAS-409-00-015", f"Operation not supported: {name} is built in")
    if referenced(name):
        raise AtlasError(409, "ATLAS-409-00-002", f"Given type {name} has references")
    del types.by_category[found["category"]][name]
    for attribute in found.get("attributeDefs") or ():
        types.set_of.pop(attribute["name"], None)


def _entries(body: Mapping[str, Any]) -> list[tuple[str, Json]]:
    entries = [
        (category, definition) for category, key in LISTS.items() for definition in body.get(key) or ()
    ]
    if not entries:
        raise bad_request("no type definitions in the request")
    for category, _ in entries:
        if category not in _WRITABLE:
            raise AtlasError(409, "ATLAS-409-00-015", f"Operation not supported: {category} definitions")
    return entries


def _match(types: TypeDefs, category: str, definition: Mapping[str, Any]) -> Json:
    defs = types.by_category[category]
    by_guid = next((one for one in defs.values() if one["guid"] == definition.get("guid")), None)
    found = by_guid or defs.get(str(definition.get("name")))
    if found is None:
        raise unknown_type(definition.get("name") or definition.get("guid"))
    return found


def _taken(types: TypeDefs, category: str, display: str, made: list[tuple[str, Json]]) -> bool:
    known = [*types.by_category[category].values(), *(one for kind, one in made if kind == category)]
    return any(one.get("displayName") == display for one in known)


def _new_attributes(types: TypeDefs, attributes: Any, category: str) -> list[Json]:
    made: list[Json] = []
    for attribute in attributes:
        _check_attribute(types, attribute, category)
        if any(one["displayName"] == attribute["displayName"] for one in made):
            raise _duplicate_attribute(attribute["displayName"])
        made.append(_clean({**attribute, "name": types.new_id()}))
    return made


def _merged_attributes(
    types: TypeDefs, category: str, current: Json, definition: Mapping[str, Any]
) -> list[Json]:
    known = types.attributes(current)
    sent = definition.get("attributeDefs")
    if sent is None:
        return list(known.values())
    merged: list[Json] = []
    for attribute in sent:
        _check_attribute(types, attribute, category)
        before = known.get(str(attribute.get("name")))
        if before is not None and before["typeName"] != attribute.get("typeName", before["typeName"]):
            raise bad_request(f"type of attribute {before['displayName']} cannot change")
        name = before["name"] if before is not None else types.new_id()
        fresh = _clean({**(before or {}), **attribute, "name": name})
        if any(one["displayName"] == fresh["displayName"] for one in merged):
            raise _duplicate_attribute(fresh["displayName"])
        merged.append(fresh)
    missing = set(known) - {one["name"] for one in merged}
    if missing:
        raise bad_request(f"attributes cannot be removed from {current['displayName']}: {sorted(missing)}")
    return merged


def _check_attribute(types: TypeDefs, attribute: Mapping[str, Any], category: str) -> None:
    if not attribute.get("displayName"):
        raise _empty("displayName")
    if category != "BUSINESS_METADATA":
        return
    type_name = str(attribute.get("typeName") or "")
    array = _ARRAY.fullmatch(type_name)
    base = array[1] if array else type_name
    if base not in _BASE_TYPES and types.enum_values(base) is None:
        raise unknown_type(type_name)
    options = attribute.get("options") or {}
    if base == "string" and not options.get("maxStrLength"):
        raise _empty("options.maxStrLength")
    if not options.get("applicableEntityTypes"):
        raise _empty("options.applicableEntityTypes")


def _clean(attribute: Json) -> Json:
    attribute.pop("isNew", None)
    attribute["options"] = _texts(attribute.get("options"))
    return attribute


def _texts(options: Any) -> dict[str, str]:
    """Option values as the server keeps them: text, also for booleans (§2.8)."""
    return {
        key: str(value).lower() if isinstance(value, bool) else str(value)
        for key, value in (options or {}).items()
        if value is not None
    }


def _store(types: TypeDefs, category: str, definition: Json) -> None:
    types.by_category[category][definition["name"]] = definition
    if category == "BUSINESS_METADATA":
        for attribute in definition["attributeDefs"]:
            types.set_of[attribute["name"]] = definition["name"]


def _answer(made: list[tuple[str, Json]]) -> Json:
    return {key: [one for kind, one in made if kind == category] for category, key in LISTS.items()}


def _true(value: Any) -> bool:
    return str(value).lower() == "true"


def _empty(what: str) -> AtlasError:
    return AtlasError(400, "ATLAS-400-00-02B", f"mandatory value {what} is missing or empty")


def _duplicate(name: str) -> AtlasError:
    return AtlasError(409, "ATLAS-409-00-012", f"Given type {name} already exists")


def _duplicate_attribute(name: str) -> AtlasError:
    return AtlasError(409, "ATLAS-409-00-013", f"Given attribute {name} already exists")
