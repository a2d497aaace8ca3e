"""How values and alerts are written: one first, batches that split, storms (DESIGN.md §5.4, §5.5)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from qsync_pipeline.catalogs.base import BatchRejected
from qsync_pipeline.core.rows import Alert, CatalogAsset, Change, Outcome
from qsync_pipeline.ledger import Ledger
from qsync_pipeline.sync.confirming import LAG
from qsync_pipeline.sync.index_lag import confirm_written, settled
from qsync_pipeline.sync.push import apply_quality
from qsync_pipeline.sync.refusals import refusals
from qsync_pipeline.sync.settling import Tally
from qsync_pipeline.sync.write_permissions import Permissions
from qsync_pipeline.transport.errors import ServerError
from qsync_pipeline_tests.core.build import connection, table
from qsync_pipeline_tests.sync.fakes import KEY, FakeCatalog, config_in, plan_of, run_on

STORM = "Per connection and surface one write goes first; after three single-item 403s"
SPLIT = "A rejected batch is split until the bad item is alone"
REREAD = "An Atlan announcement is re-read by guid just before it is written"
LAGS = "What differs from a ledger entry younger than two minutes is re-read by id"
BANNER = Alert("issue", "Do not use", "Broken", by="ada")
OTHER = "default/postgres/2"


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with Ledger.open("sqlite://") as one:
        yield one


def assets(count: int, on: str = connection().qualified_name) -> list[CatalogAsset]:
    return [replace(table(f"T{n}", id=f"{on}-{n:02d}"), connection=on) for n in range(count)]


def score(asset: CatalogAsset, value: float = 1.0) -> Change:
    return Change(
        "custom_metadata",
        "update",
        asset.id,
        asset.qualified_name,
        before={},
        after={"Quality Score Total": value},
        source="container:1",
        connection=asset.connection,
        kind="Table",
        extra={"merge": True, "unit": "container:1"},
    )


def announce(asset: CatalogAsset) -> Change:
    after = {"type": "warning", "title": "2 open", "text": "See ?qsync=atlan"}
    return Change(
        "announcements",
        "create",
        asset.id,
        asset.qualified_name,
        after=after,
        source="container:1",
        connection=asset.connection,
        kind="Table",
        extra={"merge": False, "unit": "container:1"},
    )


def written(ledger: Ledger, tmp_path: Path, catalog: FakeCatalog, *changes: Change) -> Tally:
    run = run_on(config_in(tmp_path), ledger, catalog=catalog)
    return apply_quality(run, KEY, plan_of(*changes), Permissions())


@pytest.mark.rule("5.5", STORM)
def test_on_every_connection_one_asset_goes_first_and_then_batches(tmp_path: Path, ledger: Ledger) -> None:
    here, there = assets(9), assets(3, OTHER)
    catalog = FakeCatalog([*here, *there], batch_size=4)
    written(ledger, tmp_path, catalog, *map(score, [*here, *there]))
    assert sorted(map(len, catalog.written)) == [1, 1, 2, 4, 4]
    assert [len(call) for call in catalog.written if call[0].startswith(OTHER)] == [1, 2]


@pytest.mark.rule("5.5", STORM)
@pytest.mark.parametrize(
    ("lacking", "said"),
    [
        (("Update",), "missing in the token's policies there: Update"),
        (None, "the account needs the role Writer"),
    ],
)
def test_after_three_refusals_the_rest_of_a_connection_is_not_tried(
    tmp_path: Path, ledger: Ledger, lacking: tuple[str, ...] | None, said: str
) -> None:
    here, there = assets(9), assets(3, OTHER)
    catalog = FakeCatalog([*here, *there])
    catalog.read_only, catalog.lacking = {here[0].connection}, lacking
    tally = written(ledger, tmp_path, catalog, *map(score, [*here, *there]))
    assert [len(call) for call in catalog.written if not call[0].startswith(OTHER)] == [1, 1, 1]
    assert tally.counts["custom_metadata"]["rejected"] == 9
    assert tally.counts["custom_metadata"]["applied"] == 3, "the other connection goes on"
    assert [what for what, _ in catalog.calls].count("permissions") == 1
    assert sum(said in reason for reason in tally.reasons) == 1
    classes = {one.error_class for one in ledger.outcomes.latest_rejections("atlan", KEY).values()}
    assert classes == {"permission"}


@pytest.mark.rule("5.5", STORM)
@pytest.mark.parametrize("surface", ["announcements", "custom_metadata"])
def test_whoever_may_write_one_surface_only_writes_that_one(
    tmp_path: Path, ledger: Ledger, surface: str
) -> None:
    here = assets(9)
    catalog = FakeCatalog(here)
    catalog.not_granted = {surface}
    changes = [change for asset in here for change in (score(asset), announce(asset))]
    tally = written(ledger, tmp_path, catalog, *changes)
    (other,) = {"announcements", "custom_metadata"} - {surface}
    assert (tally.counts[surface]["rejected"], tally.counts[other]["applied"]) == (9, 9)
    assert len(catalog.written) <= 1 + 3 + 9, "one of both, three refusals, and the rest by batches"
    assert set(refusals(ledger, "atlan")) == {here[0].connection}


@pytest.mark.rule("5.5", STORM)
def test_what_stands_refused_from_a_run_that_was_killed_counts_in_the_next(
    tmp_path: Path, ledger: Ledger
) -> None:
    here = assets(9)
    catalog = FakeCatalog(here)
    catalog.read_only = {here[0].connection}
    written(ledger, tmp_path, catalog, *map(score, here[:2]))
    assert len(catalog.written) == 2, "as far as it came"
    written(ledger, tmp_path, catalog, *map(score, here[2:]), *map(announce, here[2:]))
    assert len(catalog.written) == 3, "one more, and the connection is closed for all of it"
    catalog.read_only = set()
    tally = written(ledger, tmp_path, catalog, *map(score, here))
    assert tally.counts["custom_metadata"]["applied"] == 9, "it takes a refusal of this run to close it"


class PartlyOpen(FakeCatalog):
    """A policy covers a part of a connection."""

    closed: frozenset[str] = frozenset()

    def write(self, changes: Sequence[Change]) -> list[Outcome]:
        if self.closed.intersection(change.target for change in changes):
            raise BatchRejected("you may not", error_class="permission", status=403)
        return super().write(changes)


@pytest.mark.rule("5.5", STORM)
def test_what_was_not_tried_goes_before_what_was_refused(tmp_path: Path, ledger: Ledger) -> None:
    here = assets(9)
    catalog = PartlyOpen(here, batch_size=4)
    catalog.closed = frozenset(one.id for one in here[1:5])
    first = written(ledger, tmp_path, catalog, *map(score, here))
    assert first.counts["custom_metadata"]["rejected"] > 4, "three refusals, and the rest was not tried"
    left = [one for one in here if not catalog.assets[one.id].attributes]
    written(ledger, tmp_path, catalog, *map(score, left))
    open_now = {one.id for one in here if catalog.assets[one.id].attributes}
    assert open_now == {one.id for one in here} - catalog.closed


@pytest.mark.rule("5.5", SPLIT)
def test_a_value_that_does_not_fit_does_not_hold_up_the_alert_beside_it(
    tmp_path: Path, ledger: Ledger
) -> None:
    (asset,) = assets(1)
    catalog = FakeCatalog([asset])
    catalog.unfit = {"custom_metadata"}
    tally = written(ledger, tmp_path, catalog, score(asset), announce(asset))
    assert tally.counts["custom_metadata"]["rejected"] == tally.counts["announcements"]["applied"] == 1


@pytest.mark.rule("5.5", SPLIT)
@pytest.mark.parametrize("bad", [{0}, {5}, {1, 8}])
def test_only_the_bad_items_of_a_batch_are_rejected(tmp_path: Path, ledger: Ledger, bad: set[int]) -> None:
    here = assets(9)
    catalog = FakeCatalog(here, batch_size=8)
    catalog.bad = {here[n].id for n in bad}
    tally = written(ledger, tmp_path, catalog, *map(score, here))
    unwritten = {n for n, asset in enumerate(here) if not catalog.assets[asset.id].attributes}
    assert unwritten == bad
    assert tally.counts["custom_metadata"]["applied"] == 9 - len(bad)
    rejected = ledger.outcomes.latest_rejections("atlan", KEY)
    assert {(target, one.error_class) for (_, target, _), one in rejected.items()} == {
        (here[n].id, "validation") for n in bad
    }


@pytest.mark.rule("5.5", SPLIT)
@pytest.mark.parametrize("broken", [{0}, {5}, {1, 8}, {0, 2, 5, 8}])
def test_what_their_server_fails_on_holds_up_nothing_else(
    tmp_path: Path, ledger: Ledger, broken: set[int]
) -> None:
    here = assets(9)
    catalog = FakeCatalog(here, batch_size=8)
    catalog.broken = {here[n].id for n in broken}
    tally = written(ledger, tmp_path, catalog, *map(score, here))
    assert {n for n, asset in enumerate(here) if not catalog.assets[asset.id].attributes} == broken
    assert tally.counts["custom_metadata"]["applied"] == 9 - len(broken)
    rejected = ledger.outcomes.latest_rejections("atlan", KEY)
    assert {(target, one.error_class) for (_, target, _), one in rejected.items()} == {
        (here[n].id, "server") for n in broken
    }
    assert {row.target for row in ledger.holdings.of(KEY) if row.has_pending} == catalog.broken, "who knows"


@pytest.mark.parametrize("first", [0, 1])
def test_after_three_in_a_row_it_is_the_server_itself_and_the_rest_waits(
    tmp_path: Path, ledger: Ledger, first: int
) -> None:
    here = assets(9)
    catalog = FakeCatalog(here, batch_size=4)
    catalog.broken = {asset.id for asset in here[first:]}
    with pytest.raises(ServerError):
        written(ledger, tmp_path, catalog, *map(score, here))
    assert len(ledger.outcomes.latest_rejections("atlan", KEY)) == 3
    assert len(catalog.written) == 3 + 2 * first, "the first that went through, and the batch that did not"


@pytest.mark.rule("5.4", REREAD)
@pytest.mark.rule("5.4", "A person's banner or flag is never replaced or removed")
def test_a_banner_that_a_person_put_there_since_the_plan_is_left_alone(
    tmp_path: Path, ledger: Ledger
) -> None:
    theirs, free = assets(2)
    catalog = FakeCatalog([replace(theirs, alert=BANNER), free])
    tally = written(ledger, tmp_path, catalog, announce(theirs), announce(free))
    assert catalog.assets[theirs.id].alert == BANNER
    assert catalog.assets[free.id].alert is not None
    assert catalog.calls[:3] == [
        ("reread", (theirs.id,)), ("reread", (free.id,)), ("write", (free.id,)),
    ]  # fmt: skip
    assert any("ada put an alert there meanwhile" in reason for reason in tally.reasons)


@pytest.mark.rule("5.4", REREAD)
def test_values_alone_are_written_without_reading_first(tmp_path: Path, ledger: Ledger) -> None:
    (asset,) = assets(1)
    catalog = FakeCatalog([asset])
    written(ledger, tmp_path, catalog, score(asset))
    assert [what for what, _ in catalog.calls] == ["write", "reread"], "read back, that is"


@pytest.mark.rule("5.5", "A lost ledger removes nothing")
@pytest.mark.parametrize("adopt", [True, False])
def test_by_command_an_alert_that_carries_our_marker_is_cleared_whoever_wrote_it(
    tmp_path: Path, ledger: Ledger, adopt: bool
) -> None:
    (asset,) = assets(1)
    stale = Alert("warning", "2 open", "See ?qsync=atlan", by="a token of before")
    catalog = FakeCatalog([replace(asset, alert=stale)])
    run = run_on(config_in(tmp_path), ledger, catalog=catalog)
    run.adopt = adopt
    apply_quality(run, KEY, plan_of(replace(announce(asset), action="update", after=None)), Permissions())
    assert catalog.assets[asset.id].alert == (None if adopt else stale)


def test_what_another_value_shows_when_it_is_read_back_counts_as_rejected(
    tmp_path: Path, ledger: Ledger
) -> None:
    (asset,) = assets(1)
    catalog = FakeCatalog([asset])
    catalog.swallows = True
    tally = written(ledger, tmp_path, catalog, score(asset))
    assert tally.counts["custom_metadata"]["rejected"] == 1
    (row,) = ledger.holdings.of(KEY)
    assert row.value is None
    assert row.has_pending, "what of it arrived is for the next reading to tell"


class PassesOver(FakeCatalog):
    """Answers that nothing had to be changed, and changes nothing."""

    def write(self, changes: Sequence[Change]) -> list[Outcome]:
        return [Outcome(change, "unchanged") for change in changes]


@pytest.mark.parametrize(("there", "outcome"), [(False, "rejected"), (True, "unchanged")])
def test_a_write_that_the_answer_passes_over_is_read_back_too(
    tmp_path: Path, ledger: Ledger, there: bool, outcome: str
) -> None:
    (asset,) = assets(1)
    line = score(asset)
    shown = replace(asset, attributes=dict(line.after)) if there else asset
    tally = written(ledger, tmp_path, PassesOver([shown]), line)
    assert tally.counts["custom_metadata"][outcome] == 1


@pytest.mark.parametrize(("how", "expected"), [("all", 450), ("sample", 200), ("none", 0)])
def test_a_sample_is_no_more_than_one_even_where_a_write_carries_a_whole_datastore(
    tmp_path: Path, ledger: Ledger, how: str, expected: int
) -> None:
    many = assets(450)
    catalog = FakeCatalog(many, batch_size=400)
    run = run_on(config_in(tmp_path), ledger, catalog=catalog)
    run.__dict__["integration"] = run.integration.model_copy(update={"read_back": how})
    tally = apply_quality(run, KEY, plan_of(*(score(asset) for asset in many)), Permissions())
    assert [len(ids) for what, ids in catalog.calls if what == "write"] == [1, 400, 49]
    assert sum(len(ids) for what, ids in catalog.calls if what == "reread") == expected
    assert tally.counts["custom_metadata"]["applied"] == 450


# The index lags


@pytest.mark.rule("5.5", LAGS)
@pytest.mark.parametrize(
    ("age", "shows", "asked"),
    [(5.0, {}, True), (119.0, {"Quality Score Total": 3.0}, True), (5.0, None, False), (121.0, {}, False)],
    ids=["nothing yet", "an older value", "what we wrote", "for two minutes"],
)
def test_what_differs_from_what_we_wrote_a_moment_ago_is_read_by_id(
    tmp_path: Path, age: float, shows: dict[str, Any] | None, asked: bool
) -> None:
    clock = [1000.0]
    with Ledger.open("sqlite://", clock=lambda: clock[0]) as ledger:
        (asset,) = assets(1)
        catalog = FakeCatalog([asset])
        written(ledger, tmp_path, catalog, score(asset))
        now = catalog.assets[asset.id]
        clock[0] += age
        indexed = replace(now, attributes=now.attributes if shows is None else shows)
        run = run_on(config_in(tmp_path), ledger, catalog=catalog)
        if age > LAG:  # and by id it is no more ours either: nothing waits for the index
            catalog.assets[asset.id] = indexed
            confirm_written(run, KEY, [indexed], whole=True)
        catalog.calls.clear()
        (seen,) = settled(run, KEY, [indexed], ledger.holdings.of(KEY))
    assert catalog.calls == ([("reread", (asset.id,))] if asked else [])
    assert seen == (now if asked else indexed)


@pytest.mark.rule("5.4", "A person who edits ours takes it over")
@pytest.mark.parametrize("at_once", [True, False])
def test_an_alert_that_the_index_shows_otherwise_is_read_by_id_before_it_is_given_up(
    at_once: bool, tmp_path: Path
) -> None:
    clock = [1000.0]
    with Ledger.open("sqlite://", clock=lambda: clock[0]) as ledger:
        (asset,) = assets(1)
        catalog = FakeCatalog([asset])
        catalog.lists_at_once = at_once
        written(ledger, tmp_path, catalog, announce(asset))
        catalog.calls.clear()
        clock[0] += 86_400.0
        now = catalog.assets[asset.id]
        assert now.alert is not None
        indexed = replace(now, alert=replace(now.alert, text=""))
        run = run_on(config_in(tmp_path), ledger, catalog=catalog)
        (seen,) = settled(run, KEY, [indexed], ledger.holdings.of(KEY))
    assert catalog.calls == ([] if at_once else [("reread", (asset.id,))])
    assert seen == (indexed if at_once else now)


@pytest.mark.parametrize("at_once", [True, False])
def test_what_was_read_back_waits_to_be_seen_only_where_an_index_lies_in_between(
    at_once: bool, tmp_path: Path, ledger: Ledger
) -> None:
    catalog = FakeCatalog(some := assets(3))
    catalog.lists_at_once = at_once
    tally = written(ledger, tmp_path, catalog, *map(score, some), announce(some[0]))
    assert sum(row["applied"] for row in tally.counts.values()) == 4
    assert ledger.awaited.counts("atlan") == ({} if at_once else {KEY: 4})
