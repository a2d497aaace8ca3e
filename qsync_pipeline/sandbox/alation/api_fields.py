"""Custom field definitions: list, find, create (alation-api.md §2.3). None can be changed or deleted."""

from __future__ import annotations

import json
from typing import Any

from qsync_pipeline.sandbox.alation.access import require
from qsync_pipeline.sandbox.alation.errors import ApiError, by_field, not_found
from qsync_pipeline.sandbox.alation.fields import FIELD_TYPES, Field
from qsync_pipeline.sandbox.alation.http import Call, Reply, Routes
from qsync_pipeline.sandbox.alation.jobs import Keeps
from qsync_pipeline.sandbox.alation.world import World

_TEXTS = {"name_singular": "name", "name_plural": "plural", "tooltip_text": "tooltip"}
_NEEDED: dict[str, tuple[str, ...]] = {
    "RICH_TEXT": ("name_singular",),
    "DATE": ("name_singular",),
    "PICKER": ("name_singular", "options"),
    "MULTI_PICKER": ("name_singular", "name_plural", "options"),
    "OBJECT_SET": ("name_singular", "allow_multiple", "allowed_otypes", "backref_name"),
}
_REFERABLE = (
    "data", "schema", "table", "attribute", "user", "groupprofile", "article", "glossary_term",
    "glossary_v3", "business_policy",
)  # fmt: skip


class FieldsApi:
    """The definitions of custom fields."""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self) -> Routes:
        root = "/integration/v2/custom_field/"
        return [
            ("GET", root, self._list),
            ("POST", root, self._create),
            ("GET", root + "builtin/{name}/", self._builtin),
            ("GET", root + "{id}/", self._one),
        ]

    def _list(self, call: Call) -> Reply:
        ops = ("", "__contains", "__icontains")
        call.known("id", "field_type", "allow_multiple", *(name + op for name in _TEXTS for op in ops))
        rows = [field for field in self._world.fields.by_id.values() if self._fits(call, field)]
        return call.page(rows, Field.row)

    def _fits(self, call: Call, field: Field) -> bool:
        if call.many("id") and field.id not in call.numbers("id"):
            return False
        if call.many("field_type") and field.type not in [each.upper() for each in call.many("field_type")]:
            return False
        multiple = call.flag("allow_multiple")
        if multiple is not None and field.multiple != multiple:
            return False
        for name, attribute in _TEXTS.items():
            text = getattr(field, attribute) or ""
            exact, inside = call.many(name), call.many(f"{name}__contains")
            anyhow = call.many(f"{name}__icontains")
            if exact and text not in exact:
                return False
            if inside and not any(each in text for each in inside):
                return False
            if anyhow and not any(each.lower() in text.lower() for each in anyhow):
                return False
        return True

    def _one(self, call: Call) -> dict[str, Any]:
        number = call.number("id")
        field = self._world.fields.by_id.get(number) if number is not None else None
        if field is None:
            raise not_found()
        return field.row()

    def _builtin(self, call: Call) -> dict[str, Any]:
        field = self._world.fields.builtin(call.path["name"])
        if field is None:
            raise not_found()
        return field.row()

    def _create(self, call: Call) -> Reply:
        """All or none, as a job that tells the new ids in a list of JSON texts (§2.3)."""
        require(call.user, "CATALOG_ADMIN")
        items = call.body
        if not isinstance(items, list):
            raise by_field(non_field_errors='Expected a list of items but got type "dict".')
        problems = [_problems(item) for item in items]
        if any(problems):
            raise ApiError(400, problems)

        def work(keeps: Keeps) -> list[str]:
            made = [self._make(item) for index, item in enumerate(items) if keeps(index)]
            return [
                json.dumps({"msg": "Starting bulk creation of Custom Fields...", "data": {}}),
                json.dumps({"msg": "Finished bulk creation of Custom Fields", "data": {"field_ids": made}}),
            ]

        return Reply(202, self._world.jobs.announce(self._world.jobs.start("fields", work)))

    def _make(self, item: dict[str, Any]) -> int:
        options, otypes = item.get("options"), item.get("allowed_otypes")
        kind = item["field_type"]
        multiple = kind == "MULTI_PICKER" or (kind == "OBJECT_SET" and item.get("allow_multiple") is True)
        return self._world.fields.make(
            kind,
            item["name_singular"],
            plural=item.get("name_plural") or "",
            tooltip=item.get("tooltip_text"),
            multiple=multiple,
            options=tuple(options) if options is not None else None,
            otypes=tuple(otypes) if otypes is not None else None,
            backref=item.get("backref_name"),
            backref_tooltip=item.get("backref_tooltip_text"),
        ).id


def _problems(item: Any) -> dict[str, list[str]]:
    """What is wrong with one definition, by property."""
    if not isinstance(item, dict):
        return {"non_field_errors": ["Invalid data. Expected a dictionary."]}
    kind = item.get("field_type")
    if kind not in FIELD_TYPES:
        return {"field_type": [f'"{kind}" is not a valid choice.']}
    found = {name: ["This field is required."] for name in _NEEDED[kind] if item.get(name) in (None, "", [])}
    if kind == "OBJECT_SET" and item.get("allow_multiple") is True and not item.get("name_plural"):
        found["name_plural"] = ["This field is required."]
    for name in ("options", "allowed_otypes"):
        value = item.get(name)
        if name not in found and value is not None:
            if not isinstance(value, list):
                found[name] = [f'Expected a list of items but got type "{type(value).__name__}".']
            elif name == "allowed_otypes" and set(value) - set(_REFERABLE):
                found[name] = [f'"{sorted(set(value) - set(_REFERABLE))[0]}" is not a valid choice.']
    return found
