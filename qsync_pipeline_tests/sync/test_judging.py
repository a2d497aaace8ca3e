"""What checks say, judged from the ledger's reports."""

from __future__ import annotations

import pytest

from qsync_pipeline.ledger import Report
from qsync_pipeline.sync.judging import judge_drift, told_drift


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
