"""Which pairings the ledger remembers, so that absence can be proved later (DESIGN.md §5.1)."""

from __future__ import annotations

import pytest

from qsync_pipeline.core.rows import Link
from qsync_pipeline.ledger import Pairing
from qsync_pipeline.sync.mapping import to_remember

PROVED = "Before anything is removed because its counterpart is missing"


def pairing(*assets: str) -> Pairing:
    return Pairing("atlan", "1-sales", "container:1", assets, "Sales.ORDERS", "old/path", 1.0, 1.0)


def kept(link: Link, *before: str, held: bool = False) -> tuple[str, ...]:
    """The assets that are remembered for a unit."""
    remembered = {"container:1": pairing(*before)} if before else {}
    rows = to_remember([link], remembered, {"container:1"} if held else set())
    return rows[0].assets if rows else ()


def link(bucket: str, *assets: str, gone: bool = False, partial: bool = False) -> Link:
    return Link(
        "container:1",
        "container",
        "Sales.ORDERS",
        bucket,  # type: ignore[arg-type]  # a bucket's name
        assets=assets,
        gone=gone,
        partial=partial,
    )


def test_what_is_paired_now_replaces_what_was() -> None:
    assert kept(link("matched", "new"), "old") == ("new",)


@pytest.mark.rule("5.1", PROVED)
@pytest.mark.parametrize("bucket", ["absent", "forbidden", "ambiguous", "excluded"])
def test_what_is_out_of_sight_is_remembered(bucket: str) -> None:
    assert kept(link(bucket), "old") == ("old",)


@pytest.mark.rule("5.1", PROVED)
def test_what_was_proved_gone_is_remembered_until_nothing_of_ours_is_left() -> None:
    assert kept(link("absent", gone=True), "old", held=True) == ("old",)
    assert kept(link("absent", gone=True), "old") == ()


@pytest.mark.rule("5.1", PROVED)
def test_of_several_assets_the_hidden_one_is_remembered_beside_the_others() -> None:
    assert kept(link("matched", "us", partial=True), "eu", "us") == ("us", "eu")
    assert kept(link("matched", "us"), "eu", "us") == ("us",)


def test_what_was_never_paired_is_not_remembered() -> None:
    assert kept(link("absent")) == ()
