"""What is left as it is has its reason, so that people can be told (DESIGN.md §5.1: frozen and counted)."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from qsync_pipeline.core.left import (
    ABOVE,
    MORE,
    UNPAIRED,
    UNREADABLE,
    UNSEEN,
    UNTOLD,
    Leaving,
    unmatched,
    why_left,
)
from qsync_pipeline.core.mapping import Snapshot
from qsync_pipeline.core.rows import CatalogAsset, Held, Link, Unit
from qsync_pipeline.core.rules import TagRules
from qsync_pipeline.core.tag_wishes import Wishes
from qsync_pipeline.ledger import Holding
from qsync_pipeline_tests.core.build import connection, container, datastore, schema, table, tag

COUNTED = "Leaving scope (outside the domain, excluded, forbidden, ambiguous) freezes both sides"
ORDERS = table("ORDERS", tags=(tag("PII"),))
PAIRED = Link("container:1", "container", "Sales.ORDERS", "matched", "exact", (ORDERS.id,))
OUTSIDE = Link("container:1", "container", "Sales.ORDERS", "outside_domain", reason="in no domain of ours")


def held(unit: str) -> Held:
    return Holding(
        integration="atlan",
        datastore="1-sales",
        surface="custom_metadata",
        target=ORDERS.id,
        run_id="r",
        set_at=0.0,
        extra={"unit": unit},
    )


def test_reasons_are_counted_and_nothing_is_no_reason() -> None:
    plan = Leaving()
    plan.freeze(2, "a")
    plan.freeze(1, "b")
    plan.freeze(0, "c")
    assert (dict(plan.counts), dict(plan.frozen)) == ({"frozen": 3}, {"a": 2, "b": 1})


def test_the_reason_of_what_has_no_partner_names_the_bucket_once() -> None:
    assert unmatched(OUTSIDE) == "outside domain: in no domain of ours"
    inherited = replace(OUTSIDE, reason="its datastore is not matched: outside domain")
    assert unmatched(inherited) == inherited.reason


@pytest.mark.rule("5.1", COUNTED)
@pytest.mark.parametrize(
    ("unit", "asset", "why"),
    [
        ("container:1", ORDERS, "outside domain: in no domain of ours"),
        ("container:1", None, "outside domain: in no domain of ours"),
        ("container:9", None, UNSEEN),
        ("container:9", replace(ORDERS, readable=False), UNREADABLE),
        ("container:9", ORDERS, UNPAIRED),
    ],
)
def test_why_something_stays_on_an_asset_without_a_unit(
    unit: str, asset: CatalogAsset | None, why: str
) -> None:
    assert why_left(held(unit), asset, {OUTSIDE.unit: OUTSIDE}) == why


@pytest.mark.parametrize(
    ("unit", "link", "assets", "why"),
    [
        (container(1, "ORDERS"), PAIRED, [ORDERS], ""),
        (container(1, "ORDERS"), PAIRED, [replace(ORDERS, complete=False)], UNTOLD),
        (container(1, "ORDERS"), replace(PAIRED, partial=True), [ORDERS], MORE),
        (datastore(), replace(PAIRED, assets=(schema().id,)), [schema()], ABOVE),
        (datastore(), replace(PAIRED, assets=(schema().id,)), [schema(), connection()], ""),
    ],
)
def test_why_the_tags_of_an_asset_are_not_all_there_is_to_know(
    unit: Unit, link: Link, assets: list[CatalogAsset], why: str
) -> None:
    rules = TagRules("atlan", "atlan", frozenset())
    assert Wishes(Snapshot(assets), rules).of(unit, link)[1] == why
