"""The vendor's two SDKs under one set of names: ``pyatlan`` (pydantic) and ``pyatlan_v9`` (msgspec)."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

_HOMES = {
    "AtlanClient": "client.atlan",
    "Batch": "client.asset",
    "CustomMetadataHandling": "client.asset",
    "Asset": "model.assets",
    "Badge": "model.assets",
    "Column": "model.assets",
    "Connection": "model.assets",
    "DataDomain": "model.assets",
    "SnowflakeDynamicTable": "model.assets",
    "Table": "model.assets",
    "Announcement": "model.core",
    "AtlanTagDef": "model.typedef",
    "AttributeDef": "model.typedef",
    "AuditSearchRequest": "model.audit",
    "BadgeCondition": "model.structs",
    "CompoundQuery": "model.fluent_search",
    "CustomMetadataDef": "model.typedef",
    "CustomMetadataDict": "model.custom_metadata",
    "FluentSearch": "model.fluent_search",
    "AnnouncementType": "model.enums",
    "AtlanConnectorType": "model.enums",
    "AtlanCustomAttributePrimitiveType": "model.enums",
    "AtlanTagColor": "model.enums",
    "BadgeComparisonOperator": "model.enums",
    "BadgeConditionColor": "model.enums",
    "EntityStatus": "model.enums",
}
"""The module of each name, in either package."""
_ERRORS = ("AtlanError", "NotFoundError", "PermissionError", "RateLimitError")
"""Which both take from ``pyatlan``."""


class Sdk:
    """One of the two; classes are loaded when first asked for: at the top they cost every worker seconds."""

    def __init__(self, package: str) -> None:
        self.package = package

    def __getattr__(self, name: str) -> Any:
        if name in _HOMES:
            return getattr(import_module(f"{self.package}.{_HOMES[name]}"), name)
        if name in _ERRORS:
            return getattr(import_module("pyatlan.errors"), name)
        raise AttributeError(name)

    @property
    def is_v9(self) -> bool:
        """Whether its models are the msgspec ones, which say ``creator`` and ``classifications``."""
        return self.package == "pyatlan_v9"

    def maker(self, of: Any) -> Callable[..., Any]:
        """What makes one of these: a model class or the client's ``typedef``."""
        return of.creator if self.is_v9 else of.create

    def tags(self, asset: Any) -> list[Any]:
        """The tags on this asset, propagated ones too."""
        return list((asset.classifications if self.is_v9 else asset.atlan_tags) or [])

    def tag_names(self, asset: Any) -> set[str]:
        """Their names."""
        return {str(tag.type_name) for tag in self.tags(asset)}
