"""Attributes of an asset by their Atlan names: which are known, and how each is read from a document."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qsync_pipeline.sandbox.atlan.model import VIEW_TYPES, Doc

Getter = Callable[[Doc], Any]


def _table_side(doc: Doc, value: str | None) -> str | None:
    return None if doc.scope.table_type in VIEW_TYPES else value


def _view_side(doc: Doc, value: str | None) -> str | None:
    return value if doc.scope.table_type in VIEW_TYPES else None


STRUCTURAL: dict[str, Getter] = {
    "name": lambda doc: doc.name,
    "qualifiedName": lambda doc: doc.qn,
    "connectorName": lambda doc: doc.scope.connector or doc.attrs.get("connectorName"),
    "connectionName": lambda doc: doc.scope.connection,
    "connectionQualifiedName": lambda doc: doc.scope.connection_qn,
    "databaseName": lambda doc: doc.scope.database,
    "databaseQualifiedName": lambda doc: doc.scope.database_qn,
    "schemaName": lambda doc: doc.scope.schema,
    "schemaQualifiedName": lambda doc: doc.scope.schema_qn,
    "tableName": lambda doc: _table_side(doc, doc.scope.table),
    "tableQualifiedName": lambda doc: _table_side(doc, doc.scope.table_qn),
    "viewName": lambda doc: _view_side(doc, doc.scope.table),
    "viewQualifiedName": lambda doc: _view_side(doc, doc.scope.table_qn),
    "dataType": lambda doc: doc.data_type,
    "order": lambda doc: doc.order,
}
"""Attributes that a document holds in slots or in its scope (atlan-api.md §2.4)."""

SCOPE_QN = frozenset(
    {
        "connectionQualifiedName",
        "databaseQualifiedName",
        "schemaQualifiedName",
        "tableQualifiedName",
        "viewQualifiedName",
    }
)
HEADER_ATTRIBUTES = ("name", "qualifiedName", "displayName", "description")
"""Present in every search header when not null (§2.2)."""

SKIP_SCRUBBING = frozenset(
    {"name", "qualifiedName", "displayName", "description", "connectorName", "connectionQualifiedName"}
)
"""What survives on a search hit that the actor may not read (§2.11)."""

_PLAIN = """
displayName description userDescription certificateStatus certificateStatusMessage ownerUsers ownerGroups
announcementType announcementTitle announcementMessage announcementUpdatedAt announcementUpdatedBy
certificateUpdatedAt certificateUpdatedBy assetAnnouncementExpiredAt adminUsers adminGroups adminRoles
viewerUsers viewerGroups connectorName connectionName category subCategory host port allowQuery
allowQueryPreview domainGUIDs sourceURL sourceEmbedURL sourceCreatedAt sourceCreatedBy sourceUpdatedAt
sourceUpdatedBy lastSyncRun lastSyncRunAt lastSyncWorkflowName isPartial isAIGenerated isDiscoverable
isEditable starredBy starredCount tenantId popularityScore viewScore rowCount sizeBytes columnCount tableCount
viewsCount schemaCount alias isTemporary isPrimary isForeign isNullable isPartition isProfiled
lastProfiledAt precision numericScale maxLength defaultValue columnDepthLevel parentColumnQualifiedName
parentColumnName nestedColumnOrder columnDistinctValuesCount columnDistinctValuesCountLong
columnUniqueValuesCountLong columnMissingValuesCountLong columnMissingValuesPercentage
columnUniquenessPercentage columnMinValue columnMaxValue columnMeanValue columnMedianValue
columnStandardDeviationValue columnAverageLengthValue columnTopValues columnDistributionHistogram
parentDomainQualifiedName superDomainQualifiedName parentDomain stakeholders
dataProductAssetsDSL dataProductAssetsPlaybookFilter dataProductStatus daapStatus daapVisibility
daapCriticality daapSensitivity daapOutputPortGuids dataProductScoreValue dataProductScoreUpdatedAt
dataDomain outputPorts badgeConditions badgeMetadataAttribute link reference asset icon iconType isGlobal
mappedClassificationName mappedAtlanTagName tagId tagAttributes tagAllowedValues
shortDescription longDescription anchor parentCategory language usage additionalAttributes
incidentSeverity inputs outputs code sql ast definition hasLineage readme links columns tables views schemas
database atlanSchema table view materialisedView snowflakeDynamicTable parentColumn connection
defaultCredentialGuid credentialStrategy hasPopularityInsights isSampleDataPreviewEnabled
vectorEmbeddingsEnabled assetUserDefinedType assetCoverImage assetThemeHex assetIcon databaseCount
"""
_PREFIXES = ("assetExternalDQ", "assetDQ", "assetSoda", "assetMc", "assetAnomalo", "snowflake", "dq")
KNOWN = frozenset([*_PLAIN.split(), *STRUCTURAL])
"""Every attribute name that the sandbox's typedefs have; others are skipped or refused (§6.2 row 15)."""

ARRAYS = frozenset(
    {"domainGUIDs", "ownerUsers", "ownerGroups", "adminUsers", "adminGroups", "adminRoles", "viewerUsers",
     "viewerGroups", "badgeConditions", "starredBy", "daapOutputPortGuids", "assetExternalDQTestEntities"}
)  # fmt: skip


def is_known(name: str) -> bool:
    """Whether an entity may have this attribute."""
    return name in KNOWN or name.startswith(_PREFIXES)


def plain_getter(name: str) -> Getter:
    """Reader of one attribute by its Atlan name, ``SetId.AttrId`` included (§2.2); null where unset."""
    if (found := STRUCTURAL.get(name)) is not None:
        return found
    if "." in name:
        set_id, attribute_id = name.split(".", 1)

        def custom(doc: Doc) -> Any:
            values = doc.cm.get(set_id)
            return None if values is None else values.get(attribute_id)

        return custom
    return lambda doc: doc.attrs.get(name)
