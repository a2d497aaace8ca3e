"""The custom-metadata set: what it should be, what stands there, and the difference, purely.

One set with one attribute per canonical value. The server gives sets and attributes hashed ids; people see
display names (atlan-api.md §2.8). What stands there with the exact name and a fitting type is adopted
(DESIGN.md §5.3). A definition is never made twice: a tenant has room for about 1,000 attributes in all, the
archived ones included (atlan-api.md §1.7).
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from qsync_pipeline.catalogs.atlan.models import truthy
from qsync_pipeline.catalogs.atlan.queries import TABLE_TYPES
from qsync_pipeline.catalogs.atlan.settings import AtlanSettings
from qsync_pipeline.catalogs.atlan.types import mapping_of
from qsync_pipeline.catalogs.common import ABOUT
from qsync_pipeline.transport.errors import Malformed

Kind = Literal["url", "score", "count"]

ASSET_TYPES: tuple[str, ...] = ("Schema", *TABLE_TYPES[:4], "Column")
"""The asset types that show our attributes (``assetTypesList``)."""
ENTITY_TYPES = ("Asset",)
"""What the server lets an attribute stand on (``applicableEntityTypes``): Asset and all its subtypes."""
ICON = "🔎"
SET_DESCRIPTION = (
    "Data quality as Qualytics measures it: scores of 0 to 100, counts of active checks and open anomalies,"
    " and a link. Kept up to date by qsync; what is edited here is overwritten."
)
OVERVIEW = frozenset({"URL", "Quality Score Total", "Anomaly Count", "Check Count"})
"""Attributes that the overview tab shows too."""

_FITTING: Mapping[Kind, frozenset[str]] = {
    "url": frozenset({"string"}),
    "score": frozenset({"float", "double"}),
    "count": frozenset({"int", "long", "float", "double"}),
}
_WIRE: Mapping[Kind, tuple[str, str]] = {
    "url": ("string", "url"),
    "score": ("float", "float"),
    "count": ("int", "int"),
}
"""Wire type and primitive type: a URL is a string with a custom type (atlan-api.md §2.8)."""


def kind_of(canonical: str) -> Kind:
    """What kind of value a canonical attribute holds."""
    return "url" if canonical == "URL" else "count" if canonical.endswith("Count") else "score"


@dataclass(frozen=True)
class SetPlan:
    """What is to be done about the set. ``found`` is the set as it stands, raw, or null.

    ``ids`` are the attributes found, ``missing`` those to be made (canonical names); ``connections`` those to
    be added to what the found attributes apply to. With ``problems`` nothing at all is done. ``known`` is
    what the ledger kept of a set of this name.
    """

    settings: AtlanSettings
    wanted_connections: tuple[str, ...]
    found: Mapping[str, Any] | None = None
    ids: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    connections: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    known: Mapping[str, object] = field(default_factory=dict)

    @property
    def action(self) -> Literal["create", "update"] | None:
        """What one call would settle it, if any."""
        if self.problems:
            return None
        if self.found is None:
            return "create" if self.missing else None
        return "update" if self.missing or self.connections or self.types else None

    def handle(self) -> dict[str, object]:
        """What the ledger keeps: ids, and the names they had, so that a rename by hand can be told.

        What an answer leaves out stays known until it was made anew: a token may lose sight of a set, and
        values that nobody reads any more would pass for cleared.
        """
        if self.problems:
            return {}
        if self.found is None:
            return dict(self.known)
        names = self.settings.attributes
        ids = {**self._unseen(), **self.ids}
        return {
            "set": str(self.found["name"]),
            "set_name": self.settings.attribute_set,
            "attributes": ids,
            "names": {canonical: names[canonical] for canonical in ids},
        }

    def _unseen(self) -> dict[str, str]:
        """The missing attributes that the ledger knows of this very set."""
        if self.found is None or self.found["name"] != self.known.get("set"):
            return {}
        ids, names = mapping_of(self.known.get("attributes")), mapping_of(self.known.get("names"))
        wanted = self.settings.attributes
        return {one: ids[one] for one in self.missing if one in ids and names.get(one) == wanted[one]}

    def body(self) -> dict[str, Any]:
        """The set to send: whole, with all that stands there and its ids, plus what is missing."""
        names = self.settings.attributes
        if self.found is None:
            return {
                "category": "BUSINESS_METADATA",
                "name": self.settings.attribute_set,
                "displayName": self.settings.attribute_set,
                "description": SET_DESCRIPTION,
                "options": {"logoType": "emoji", "emoji": ICON, "isLocked": False},
                "attributeDefs": [
                    self._attribute(c, names[c], self.wanted_connections) for c in self.missing
                ],
            }
        body = copy.deepcopy(dict(self.found))
        ours = set(self.ids.values())
        attributes = list(body.get("attributeDefs") or [])
        for attribute in attributes:
            if attribute.get("name") in ours:
                _extend_option(attribute, "applicableConnections", self.wanted_connections)
                _extend_option(attribute, "assetTypesList", ASSET_TYPES)
                _extend_option(attribute, "applicableEntityTypes", ENTITY_TYPES)
        attributes += [self._attribute(c, names[c], self.wanted_connections) for c in self.missing]
        body["attributeDefs"] = attributes
        return body

    @staticmethod
    def _attribute(canonical: str, display: str, connections: Sequence[str]) -> dict[str, Any]:
        """A new attribute, in the shape that pyatlan sends (atlan-api.md §2.8, tests/oracles)."""
        wire, primitive = _WIRE[kind_of(canonical)]
        options: dict[str, Any] = {
            "customMetadataVersion": "v2",
            "primitiveType": primitive,
            "applicableEntityTypes": _json_list(ENTITY_TYPES),
            "maxStrLength": "100000000",
            "allowSearch": False,
            "allowFiltering": True,
            "multiValueSelect": False,
            "showInOverview": canonical in OVERVIEW,
            "isEnum": False,
            "isRichText": False,
            "applicableConnections": _json_list(connections),
            "assetTypesList": _json_list(ASSET_TYPES),
            "applicableGlossaries": "[]",
            "glossaryTypeList": "[]",
            "applicableDomains": "[]",
            "domainTypesList": "[]",
            "aiAssetsTypeList": "[]",
            "otherAssetTypeList": "[]",
        }
        if primitive == "url":
            options["customType"] = "url"
        return {
            "name": "",
            "displayName": display,
            "description": ABOUT[canonical],
            "typeName": wire,
            "isNew": True,
            "cardinality": "SINGLE",
            "isOptional": True,
            "isUnique": False,
            "isIndexable": True,
            "includeInNotification": False,
            "valuesMinCount": 0,
            "valuesMaxCount": 1,
            "options": options,
        }


def plan_set(
    answered: Sequence[Mapping[str, Any]] | None,
    connections: Sequence[str],
    handle: Mapping[str, object],
    settings: AtlanSettings,
) -> SetPlan:
    """Compare what stands there, the custom-metadata sets as they were answered, with what should.

    ``handle`` recognises our set and attributes after somebody renamed them in Atlan, as long as the config
    still asks for the names they were made under. Archived attributes count as absent.
    Raises ``Malformed`` where the sets or the attributes of ours are not told, or one is without its name.
    """
    wanted = settings.attributes
    connections = tuple(dict.fromkeys(connections))
    sets = _told(answered, "custom-metadata set")
    known = handle if handle.get("set_name") == settings.attribute_set else {}
    by_id = [s for s in sets if s.get("name") and s.get("name") == known.get("set")]
    named = by_id or [s for s in sets if s.get("displayName") == settings.attribute_set]
    if len(named) > 1:
        listed = ", ".join(str(s.get("name")) for s in named)
        problem = (
            f"Atlan has {len(named)} custom-metadata sets named {settings.attribute_set!r} ({listed});"
            " nothing is made. Rename all but one in Atlan, or take another name:"
            ' attributes: {set: "<another name>"}'
        )
        return SetPlan(settings, connections, problems=(problem,))
    if not named:
        return SetPlan(settings, connections, missing=tuple(wanted), known=known)
    found = named[0]
    attributes = _told(found.get("attributeDefs"), f"attribute of {settings.attribute_set!r}")
    known_ids, known_names = mapping_of(known.get("attributes")), mapping_of(known.get("names"))
    live = [a for a in attributes if not truthy((a.get("options") or {}).get("isArchived"))]
    ids: dict[str, str] = {}
    missing: list[str] = []
    problems: list[str] = []
    for canonical, display in wanted.items():
        recorded = known_ids.get(canonical) if known_names.get(canonical) == display else None
        hits = [a for a in live if a.get("name") == recorded] or [
            a for a in live if a.get("displayName") == display
        ]
        if not hits:
            missing.append(canonical)
        elif len(hits) > 1:
            problems.append(_problem(settings, canonical, display, f"stands there {len(hits)} times"))
        elif not fits(hits[0], kind_of(canonical)):
            what = f"is of type {_type_text(hits[0])}, but {_NEEDS[kind_of(canonical)]} is needed"
            problems.append(_problem(settings, canonical, display, what))
        else:
            ids[canonical] = str(hits[0]["name"])
    ours = [a for a in live if a.get("name") in set(ids.values())]
    return SetPlan(
        settings,
        connections,
        found=found,
        ids=ids,
        missing=tuple(missing),
        connections=_lacking(ours, "applicableConnections", connections),
        types=_lacking(ours, "assetTypesList", ASSET_TYPES)
        + _lacking(ours, "applicableEntityTypes", ENTITY_TYPES),
        problems=tuple(problems),
        known=known,
    )


def _told(definitions: object, one: str) -> list[Mapping[str, Any]]:
    """The definitions of an answer, which are an empty list where there are none. Raise where there is no
    list, or one does not name what stands there: it might be ours, and be made twice."""
    if not isinstance(definitions, list):
        raise Malformed(f"Atlan: the type definitions came without the list of each {one}", system="atlan")
    whole = all(
        isinstance(each, Mapping)
        and all(isinstance(each.get(key), str) and each[key] for key in ("name", "displayName"))
        and isinstance(each.get("options"), Mapping | None)
        for each in definitions
    )
    if not whole:
        raise Malformed(
            f"Atlan: the type definitions hold a definition ({one}) without its id, name or options",
            system="atlan",
        )
    return definitions


_NEEDS: Mapping[Kind, str] = {
    "url": "a text or URL",
    "score": "a decimal number",
    "count": "a whole or decimal number",
}


def fits(attribute: Mapping[str, Any], kind: Kind) -> bool:
    """Whether an attribute that stands there can hold such values: single, and of a fitting wire type."""
    options = attribute.get("options") or {}
    if truthy(options.get("isEnum")) or truthy(options.get("multiValueSelect")):
        return False
    if kind == "url" and options.get("customType") not in (None, "", "url"):
        return False
    return str(attribute.get("typeName", "")).lower() in _FITTING[kind]


def _problem(settings: AtlanSettings, canonical: str, display: str, what: str) -> str:
    return (
        f"Atlan's custom-metadata set {settings.attribute_set!r}: attribute {display!r} {what}; nothing is"
        f' made. Use another attribute: attributes: {{names: {{"{canonical}": "<another name>"}}}},'
        ' or another set: attributes: {set: "<another name>"}'
    )


def _type_text(attribute: Mapping[str, Any]) -> str:
    options = attribute.get("options") or {}
    custom = options.get("customType")
    return f"{attribute.get('typeName')}" + (f" ({custom})" if custom else "")


def _json_list(items: Sequence[str]) -> str:
    """List-valued options are JSON inside a string (atlan-api.md §2.8)."""
    return msgspec.json.encode(list(items)).decode()


def _read_list(value: object) -> list[str] | None:
    """A list-valued option, or null where it is absent or unreadable, which restricts nothing."""
    if isinstance(value, str):
        try:
            value = msgspec.json.decode(value)
        except (msgspec.DecodeError, RecursionError):
            return None
    return [str(item) for item in value] if isinstance(value, list) else None


def _lacking(attributes: Sequence[Mapping[str, Any]], option: str, wanted: Sequence[str]) -> tuple[str, ...]:
    """What the option of at least one of the attributes lacks."""
    lacking: dict[str, None] = {}
    for attribute in attributes:
        present = _read_list((attribute.get("options") or {}).get(option))
        if present is not None:
            lacking.update(dict.fromkeys(item for item in wanted if item not in present))
    return tuple(lacking)


def _extend_option(attribute: dict[str, Any], option: str, wanted: Sequence[str]) -> None:
    """Add to a list-valued option what it lacks; an absent one stays absent."""
    options = attribute.get("options") or {}
    present = _read_list(options.get(option))
    if present is not None:
        options[option] = _json_list([*present, *(item for item in wanted if item not in present)])
