"""What checks say, judged from the ledger's reports."""

from __future__ import annotations

import pytest

from qsync_pipeline.ledger import Report
from qsync_pipeline.sync.judging import judge_coverage, judge_drift, told_drift


@pytest.mark.parametrize(
    ("parked", "on_drift", "said"),
    [
        ([], "reset", "3 changed by somebody after us, reset"),
        (["3 of 4 wait"], "reset", "3 changed by somebody after us, reset, but for what waits for approval"),
        ([], "keep", "3 changed by somebody after us, left alone"),
    ],
)
def test_drift_that_a_guard_holds_is_not_told_as_reset(parked: list[str], on_drift: str, said: str) -> None:
    counts = {"counts": {"drift": 3}, "parked": parked}
    plans = {"1-x": Report("r", "atlan", "1-x", "quality_plan", ok=True, counts=counts)}
    assert told_drift(judge_drift(plans), plans, on_drift) == said
    assert told_drift({}, plans, on_drift) == "no drift"


def mapped(key: str, **counts: object) -> Report:
    return Report("r", "atlan", key, "asset_mapping", ok=True, counts=dict(counts))


@pytest.mark.rule("5.1", "Near misses come with the config line that would settle them")
def test_a_datastore_without_a_place_is_named_with_its_reason() -> None:
    homeless = [
        mapped(f"{n}-x", buckets={"absent": 2}, without_place=f"absent: reason {n}") for n in range(5)
    ]
    newest = {one.datastore: one for one in [*homeless, mapped("9-y", buckets={"matched": 3})]}
    found = judge_coverage(newest, {})
    assert found.warnings == [
        "10 objects have no partner in the catalog",
        "without a place: 0-x (absent: reason 0), 1-x (absent: reason 1), 2-x (absent: reason 2) and 2 more",
    ]
    assert len(found.homeless) == 5
    assert not found.red


@pytest.mark.rule("5.1", "A scrubbed row, a page that failed, a tag id that cannot be resolved")
def test_what_could_not_be_read_is_a_warning_by_name() -> None:
    def read(key: str, *names: str) -> Report:
        counts = {"untold": {"number": len(names), "names": list(names)}, "gaps": ["structure: 2 are hidden"]}
        return Report("r", "atlan", key, "catalog_assets", ok=True, counts=counts)

    newest = {"1-x": mapped("1-x", buckets={"matched": 1}), "2-y": mapped("2-y", buckets={"matched": 1})}
    found = judge_coverage(newest, {"1-x": read("1-x", "a", "b"), "2-y": read("2-y", "c", "d")})
    assert found.warnings == [
        "tags that the token cannot tell stand on a, b, c and 1 more: none of ours goes there",
        "structure: 2 are hidden",
    ]
    assert judge_coverage(newest, {"1-x": mapped("1-x")}).warnings == []
