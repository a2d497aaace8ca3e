"""The tags and domains that people of the made-up business use, and the native tags in Qualytics.

Names of catalog tags are in Unicode's composed form and differ by more than case; what a normaliser does with
other spellings is for unit tests, not for an estate.
"""

from __future__ import annotations

from qsync_pipeline.sandbox.estate.model import (
    DomainSpec,
    ForeignAttributeSpec,
    ForeignSetSpec,
    NativeTagSpec,
    TagSpec,
)

SAME_NAME = "Confidential"
"""A catalog tag with a native namesake of the same spelling."""

CASE_NAME = "Sensitive"
"""A catalog tag whose native namesake is written ``sensitive``."""

SOURCE_TAG = "SENSITIVITY"
"""A tag synced from the source; its assignments carry values."""

ODD_TAGS = ("Finance/Tier 1", "Reg #7", "Do Not Export", "Données personnelles", "機密")
"""Catalog tags with a slash, a hash, blanks and other scripts: each is used somewhere in every estate."""


def catalog_tags() -> list[TagSpec]:
    """The catalog's tags: the four named colours, hex colours and none; plain and HTML descriptions."""
    return [
        TagSpec(
            "PII", "Red", "<p>Personally <b>identifiable</b> information. See <a href='#'>policy</a>.</p>"
        ),
        TagSpec("GDPR", "#7B1FA2", "Subject to the General Data Protection Regulation"),
        TagSpec("Finance/Tier 1", "Green", "Feeds the <i>quarterly</i> close &amp; the board pack"),
        TagSpec("Finance/Tier 2", "Yellow", "Feeds management reports"),
        TagSpec(SAME_NAME, "Red", "Not to leave the company"),
        TagSpec(CASE_NAME, "Yellow", "Handle with care"),
        TagSpec(SOURCE_TAG, "Gray", "Set in the warehouse", source=True),
        TagSpec("Reg #7", "#00838F", "Seventh amendment"),
        TagSpec("Do Not Export", None, None),
        TagSpec("Données personnelles", "#C2185B", "<ul><li>Nom</li><li>Adresse</li></ul>"),
        TagSpec("機密", "Red", "社外秘"),
        TagSpec("PCI DSS", "Red", "Card data"),
        TagSpec("HIPAA", "#1565C0", "Protected health information"),
        TagSpec("Customer Data", "Green", None),
        TagSpec("Critical Element", "Yellow", "A critical data element of the <b>governance council</b>"),
        TagSpec("Certified", "Green", "Reviewed by its steward"),
        TagSpec("Legacy", "Gray", "Goes away with the next migration"),
        TagSpec("Unused", "Gray", "A tag that nobody has put on anything"),
    ]


TABLE_TAGS = (
    "Finance/Tier 1",
    "Finance/Tier 2",
    "Certified",
    "Customer Data",
    "Legacy",
    "GDPR",
    "Critical Element",
)
"""What people put on tables at will; the rest goes where a column's name suggests it."""


def native_tags() -> list[NativeTagSpec]:
    """Tags that people made in Qualytics itself, of the three types one can make (qualytics-api.md §2.8)."""
    return [
        NativeTagSpec(SAME_NAME, "global", "#E53935", "Set by the quality team", "Security", 3),
        NativeTagSpec(CASE_NAME.lower(), "global", "#FB8C00", None, "Security", 2),
        NativeTagSpec("High Priority", "global", "#D81B60", "Looked at every morning", "Triage", 5),
        NativeTagSpec("Nightly", "global", "#5C6BC0", None, "Schedule", 0),
        NativeTagSpec("Customer", "entity", "#00897B", "The customer entity", None, 1),
        NativeTagSpec("Raw to Gold", "lineage", "#6D4C41", None, None, -2),
    ]


def domains(*paths: str) -> list[DomainSpec]:
    """Domains by path, parents first."""
    return [DomainSpec(path) for path in paths]


SODA = ForeignSetSpec(
    "Soda",
    (
        ForeignAttributeSpec("Soda Health", "float"),
        ForeignAttributeSpec("Failed Checks", "int"),
        ForeignAttributeSpec("Monitored", "boolean"),
        ForeignAttributeSpec("Scan URL", "string"),
    ),
    "Kept by another tool",
)

VENDOR_SET = ForeignSetSpec(
    "Qualytics Quality",
    (
        ForeignAttributeSpec("Qualytics Quality Score", "float"),
        ForeignAttributeSpec("Qualytics Anomaly Count", "int"),
        ForeignAttributeSpec("Qualytics Check Count", "int"),
        ForeignAttributeSpec("Qualytics URL", "string"),
    ),
    "Left behind by the vendor's own integration",
)
