"""What a deployment says of itself in its OpenAPI document (qualytics-api.md §1.1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from qsync_pipeline.transport.errors import Malformed


class Info(msgspec.Struct, frozen=True):
    version: str


class OpenApi(msgspec.Struct, frozen=True):
    """The parts that matter here. ``info`` and ``paths`` are promised by the standard.

    Of hundreds of paths one is looked into: each stays text until then.
    """

    info: Info
    paths: dict[str, msgspec.Raw]
    components: dict[str, Any] = {}


def offers_external_tags(api: OpenApi) -> bool:
    """Whether ``POST /global-tags`` takes tags of type external.

    As documented it does not (§2.8): the create body is a union over global, entity and lineage. A deployment
    that offers more says so in the schema of that body; paths may or may not carry the API root.
    A document that is not built as the standard says is ``Malformed``: a wrong guess would change the mode.
    """
    for path in api.paths:
        if not path.rstrip("/").endswith("/global-tags"):
            continue
        try:
            operations = _operations(path, api)
            body = (operations.get("post") or {}).get("requestBody") or {}
            return "external" in set(_tag_types(body, api, frozenset()))
        except (AttributeError, TypeError, RecursionError, msgspec.DecodeError) as wrong:
            message = f"qualytics: its OpenAPI document cannot be read at {path}"
            raise Malformed(message, system="qualytics") from wrong
    return False


def _tag_types(node: Any, api: OpenApi, seen: frozenset[str]) -> Iterator[str]:
    """Every value that the property ``type`` may take anywhere below ``node``, references followed."""
    if isinstance(node, list):
        for item in node:
            yield from _tag_types(item, api, seen)
    if not isinstance(node, Mapping):
        return
    reference = node.get("$ref")
    if isinstance(reference, str) and reference not in seen:
        yield from _tag_types(_resolve(reference, api), api, seen | {reference})
    mapping = (node.get("discriminator") or {}).get("mapping")
    if isinstance(mapping, Mapping):
        yield from (str(key) for key in mapping)
    properties = node.get("properties")
    if isinstance(properties, Mapping):
        yield from _values(properties.get("type"), api)
    for key in ("content", "application/json", "schema", "oneOf", "anyOf", "allOf"):
        yield from _tag_types(node.get(key), api, seen)


def _values(schema: Any, api: OpenApi) -> Iterator[str]:
    """The strings that a property schema allows, by const, enum, default or a reference to an enum."""
    if not isinstance(schema, Mapping):
        return
    if isinstance(schema.get("$ref"), str):
        yield from _values(_resolve(schema["$ref"], api), api)
    for key in ("oneOf", "anyOf", "allOf"):
        for option in schema.get(key) or ():
            yield from _values(option, api)
    yield from (str(value) for value in schema.get("enum") or ())
    if "const" in schema:
        yield str(schema["const"])


def _resolve(reference: str, api: OpenApi) -> Any:
    """What ``#/components/...`` points at, or null."""
    head, *rest = reference.split("/")
    parts = [part.replace("~1", "/").replace("~0", "~") for part in rest]
    if head != "#":
        return None
    node: Any = {"components": api.components}
    if parts[:1] == ["paths"] and len(parts) > 1:
        node, parts = _operations(parts[1], api), parts[2:]
    for part in parts:
        node = node.get(part) if isinstance(node, Mapping) else None
    return node


def _operations(path: str, api: OpenApi) -> Any:
    raw = api.paths.get(path)
    return None if raw is None else msgspec.json.decode(raw)
