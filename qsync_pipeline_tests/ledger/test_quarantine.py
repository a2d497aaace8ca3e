"""Rejected items are kept whole, tried again when somebody asks, and forgotten when somebody says so."""

from __future__ import annotations

from qsync_pipeline.core.rows import Change, Outcome
from qsync_pipeline.ledger import Ledger, Rejected
from qsync_pipeline_tests.ledger.conftest import Clock


def refuse(ledger: Ledger, target: str = "a-1", value: object = 1.0, reason: str = "no", **more: str) -> None:
    change = Change("custom_metadata", "update", target, f"T {target}", after={"Check Count": value})
    outcome = Outcome(change, "rejected", reason, more.get("error_class", "validation"))  # type: ignore[arg-type]  # from a table of words
    ledger.settle("run", more.get("integration", "atlan"), more.get("datastore", "1-x"), [outcome], scored={})


def only(ledger: Ledger) -> Rejected:
    (item,) = ledger.rejections.find()
    return item


def test_a_rejected_item_keeps_payload_answer_class_and_times(ledger: Ledger, clock: Clock) -> None:
    first = clock.now
    refuse(ledger, reason="x" * 2000)
    clock.now += 60
    refuse(ledger, reason="y" * 2000)
    item = only(ledger)
    kept = item.rejection
    assert (item.integration, item.datastore, item.surface, item.target, item.key) == (
        "atlan", "1-x", "custom_metadata", "a-1", "",
    )  # fmt: skip
    assert (kept.name, kept.action, kept.payload) == ("T a-1", "update", {"Check Count": 1.0})
    assert (kept.error_class, kept.attempts, kept.first_at, kept.at) == ("validation", 2, first, clock.now)
    assert kept.reason.startswith("yyy")
    assert len(kept.reason) == 500


def test_another_payload_is_counted_from_the_start(ledger: Ledger, clock: Clock) -> None:
    refuse(ledger, value=1.0)
    clock.now += 60
    refuse(ledger, value=2.0)
    assert (only(ledger).rejection.attempts, only(ledger).rejection.first_at) == (1, clock.now)


def test_a_try_that_was_asked_for_is_asked_for_once(ledger: Ledger) -> None:
    refuse(ledger)
    assert ledger.rejections.retry([only(ledger)]) == 1
    assert only(ledger).rejection.retry
    refuse(ledger)
    assert not only(ledger).rejection.retry, "it was tried, and refused again"


def test_a_dropped_item_is_forgotten_and_the_others_stay(ledger: Ledger) -> None:
    refuse(ledger)
    refuse(ledger, "a-2")
    dropped = ledger.rejections.find(targets=["a-1"])
    assert ledger.rejections.drop(dropped) == 1
    assert ledger.rejections.drop(dropped) == 0
    assert only(ledger).target == "a-2"


def test_items_are_found_by_where_they_are_and_why(ledger: Ledger) -> None:
    refuse(ledger, "a-1")
    refuse(ledger, "a-2", datastore="2-y", error_class="permission")
    refuse(ledger, "a-3", integration="alation")
    find = ledger.rejections.find

    def targets(found: list[Rejected]) -> list[str]:
        return [item.target for item in found]

    assert targets(find(integration="atlan")) == ["a-1", "a-2"]
    assert targets(find(datastore="2-y")) == targets(find(error_class="permission")) == ["a-2"]
    assert targets(find(surface="announcements")) == []
    assert targets(find(targets=["a-3"])) == ["a-3"]
