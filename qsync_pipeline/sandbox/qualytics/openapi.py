"""The OpenAPI document, made from the routes that are served (qualytics-api.md §1.1, decision 1).

It holds what clients look for: every operation, the enums of ``archived``, the bounds of a page, and the tag
types that can be created (§2.8): the discriminator of ``POST /global-tags`` and the create schemas behind it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from qsync_pipeline.sandbox.qualytics.api_tags import creatable
from qsync_pipeline.sandbox.qualytics.switches import QualyticsSwitches
from qsync_pipeline.sandbox.qualytics.web import MAX_PAGE_SIZE, Endpoint

_PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")
_LISTS = frozenset(
    {"id", "datastore", "container", "container_type", "datastore_type", "tag", "group", "field", "rule_type"}
    | {"status", "result", "container_id", "quality_check", "type", "ids", "containers", "template_ids"}
)


@lru_cache(maxsize=16)
def document(endpoints: tuple[Endpoint, ...], switches: QualyticsSwitches) -> dict[str, Any]:
    """The whole document; paths carry the API root, as real ones do (§1.1)."""
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        path = switches.api_root + _PARAMETER.sub(r"{\1}", endpoint.path)
        paths.setdefault(path, {})[endpoint.method.lower()] = _operation(endpoint)
    schemas = {f"{kind.capitalize()}TagCreate": _create_schema(kind) for kind in creatable(switches)}
    schemas["HTTPValidationError"] = {"type": "object", "properties": {"detail": {}}}
    references = {kind: f"#/components/schemas/{kind.capitalize()}TagCreate" for kind in creatable(switches)}
    paths[switches.api_root + "/global-tags"]["post"]["requestBody"] = {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "oneOf": [{"$ref": reference} for reference in references.values()],
                    "discriminator": {"propertyName": "type", "mapping": references},
                }
            }
        },
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Controlplane", "description": "Qualytics API", "version": switches.build},
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"AsyncHTTPBearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    """Parameters and answers of one operation; errors are declared without bodies (§1.4)."""
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PARAMETER.findall(endpoint.path)
    ]
    parameters += [
        {"name": name, "in": "query", "required": False, "schema": _query_schema(name)}
        for name in endpoint.query
    ]
    operation: dict[str, Any] = {
        "summary": endpoint.summary,
        "operationId": f"{endpoint.handler.__name__}_{endpoint.method.lower()}_{endpoint.path.strip('/')}",
        "parameters": parameters,
        "responses": {"200": {"description": "Successful Response"}}
        | {code: {"description": "Error"} for code in ("400", "403", "404", "409", "415", "422")},
    }
    if not endpoint.public:
        operation["security"] = [{"AsyncHTTPBearer": []}]
    return operation


def _query_schema(name: str) -> dict[str, Any]:
    if name == "archived":
        return {"type": "string", "enum": ["include", "only"]}
    if name == "page":
        return {"type": "integer", "minimum": 1, "default": 1}
    if name == "size":
        return {"type": "integer", "minimum": 1, "maximum": MAX_PAGE_SIZE}
    if name.startswith("sort_"):
        return {"type": "string", "enum": ["asc", "desc"]}
    if name in _LISTS:
        return {"type": "array", "items": {"type": "string"}}
    return {"type": "string"}


def _create_schema(kind: str) -> dict[str, Any]:
    """What a new tag of this type takes (§2.8)."""
    properties: dict[str, Any] = {
        "type": {"type": "string", "const": kind},
        "name": {"type": "string"},
        "color": {"type": "string"},
        "description": {"type": ["string", "null"]},
        "category": {"type": ["string", "null"]},
        "weight_modifier": {"type": "integer", "minimum": -10, "maximum": 10, "default": 1},
    }
    if kind == "lineage":
        properties["parent_lineage_tag_id"] = {"type": ["integer", "null"]}
    schema: dict[str, Any] = {"type": "object", "required": ["type", "name"], "properties": properties}
    if kind == "external":
        schema["description"] = "Invented by the sandbox: real deployments do not offer this."
    return schema
