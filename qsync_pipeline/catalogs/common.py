"""What adapters have in common that is no vendor's: words for people, and lists in portions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

T = TypeVar("T")

ABOUT: Mapping[str, str] = {
    "URL": "This object's page in Qualytics.",
    "Quality Score Total": "Overall quality score, 0 to 100. Empty: not measured.",
    "Quality Score Completeness": "How far required fields are filled, 0 to 100.",
    "Quality Score Coverage": "How far the expected records are there, and unique, 0 to 100.",
    "Quality Score Conformity": "How far content keeps to the required standards, 0 to 100.",
    "Quality Score Consistency": "How far values agree in all copies and representations, 0 to 100.",
    "Quality Score Precision": "How far data has the resolution that was defined, 0 to 100.",
    "Quality Score Timeliness": "How far data is there when and where it is expected, 0 to 100.",
    "Quality Score Volumetrics": "How far size and shape stay the same over like cycles, 0 to 100.",
    "Quality Score Accuracy": "How far values are true to what they describe, 0 to 100.",
    "Anomaly Count": "Open anomalies. Empty: never scanned.",
    "Check Count": "Active quality checks.",
}
"""What each of the twelve attributes says, for the definitions that are made in a catalog."""


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Items in runs of at most ``size``."""
    batch: list[T] = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
