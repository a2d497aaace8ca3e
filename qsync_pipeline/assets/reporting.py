"""Metadata for people: tables of the first rows, links into both systems, a picture where it says more."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

import dagster as dg

from qsync_pipeline.core.rows import BUCKETS, Change, Link
from qsync_pipeline.outside_text import one_line
from qsync_pipeline.transport.redact import redact

PREVIEW = 20
"""Rows in a metadata table; these stay in the event log for ever (dagster-practice.md §8)."""

Row = TypeVar("Row")

_COLORS = {
    "matched": "#2e7d32",
    "ambiguous": "#f9a825",
    "kind_mismatch": "#ef6c00",
    "outside_domain": "#90a4ae",
    "forbidden": "#c62828",
    "absent": "#6d4c41",
    "unsupported": "#b0bec5",
    "excluded": "#cfd8dc",
}


def table(rows: Sequence[Mapping[str, Any]]) -> dg.TableMetadataValue:
    """The first of these rows, which share their columns, as a metadata table; long cells are cut."""
    records = [dg.TableRecord({name: _cell(value) for name, value in row.items()}) for row in rows[:PREVIEW]]
    if not records:
        return dg.MetadataValue.table([], schema=dg.TableSchema(columns=[dg.TableColumn("nothing")]))
    return dg.MetadataValue.table(records)


def _cell(value: Any) -> str | int | float | bool:
    if isinstance(value, (bool, int)):
        return value
    if isinstance(value, float) and value == value:
        return value
    if isinstance(value, dict):  # what has a value says enough
        value = ", ".join(f"{name}: {one}" for name, one in value.items() if one is not None)
    text = "" if value is None or value != value else one_line(redact(str(value)))
    return text if len(text) <= 200 else text[:197] + "..."


def log_row(link: Link) -> dict[str, str]:
    """A line of the sync log: every object, mapped or not, with its reason."""
    return {
        "object": link.name,
        "level": link.level,
        "bucket": link.bucket,
        "by": link.how,
        "catalog asset": link.asset_name,
        "reason": link.reason,
        "config line": link.hint,
    }


def first(rows: Iterable[Row]) -> list[Row]:
    """The first rows, as many as a metadata table shows."""
    return list(islice(rows, PREVIEW))


def links_table(links: Iterable[Link]) -> dg.TableMetadataValue:
    """Objects with their assets, or the reason why they have none and the config line that settles it."""
    return table([log_row(link) for link in first(links)])


def plan_table(changes: Iterable[Change]) -> dg.TableMetadataValue:
    """Lines of a plan, each with before, after and reason; notes are the ledger's business."""
    rows = [
        {
            "surface": change.surface,
            "action": change.action if change.status == "planned" else f"{change.action} ({change.status})",
            "object": change.name,
            "before": change.before,
            "after": change.after,
            "reason": change.reason,
        }
        for change in first(change for change in changes if change.action != "note")
    ]
    return table(rows)


def counts_table(counts: Mapping[str, Mapping[str, int]]) -> dg.TableMetadataValue:
    """Counts per surface."""
    rows = [{"surface": surface, **numbers} for surface, numbers in counts.items()]
    return table(rows)


def coverage_plot(buckets: Mapping[str, Mapping[str, int]]) -> dg.MarkdownMetadataValue:
    """Where the objects of each datastore stand, as one bar each; a base64 picture in Markdown."""
    # Imported here: they take a second, and only this needs them.
    import pandas as pd
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shown = pd.DataFrame(dict(islice(buckets.items(), PREVIEW)), index=list(BUCKETS)).fillna(0)
    shares = 100 * shown / shown.sum().clip(lower=1)
    figure = Figure(figsize=(8, 0.6 + 0.3 * len(shares.columns)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    left = shares.cumsum() - shares
    for bucket in BUCKETS:
        if (values := shares.loc[bucket]).any():
            label = bucket.replace("_", " ")
            axes.barh(shares.columns, values, left=left.loc[bucket], color=_COLORS[bucket], label=label)
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_xlabel("% of datastores, containers and fields")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=80)
    picture = base64.b64encode(buffer.getvalue()).decode()
    return dg.MetadataValue.md(f"![objects by bucket](data:image/png;base64,{picture})")


def by_number(counts: Mapping[str, int]) -> str:
    """Counts as a line of text: ``3 matched, 1 absent``; zeros are left out."""
    return ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in counts.items() if number)


def names(values: Sequence[str], most: int = 10) -> str:
    """A list of names for a message."""
    head = ", ".join(values[:most])
    return head if len(values) <= most else f"{head} and {len(values) - most} more"
