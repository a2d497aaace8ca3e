"""What was written is confirmed when the listing shows it, and the lag from the score is measured."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from qsync_pipeline.core.rows import CatalogAsset, Change, Unit
from qsync_pipeline.ledger import Event, Ledger
from qsync_pipeline.sync.confirming import LAG, SAMPLE, confirm, sample_of, scored_times
from qsync_pipeline.sync.index_lag import confirm_written, settled
from qsync_pipeline.sync.judging import judge_freshness
from qsync_pipeline.sync.push import apply_quality
from qsync_pipeline.sync.write_permissions import Permissions
from qsync_pipeline_tests.core.build import container, table
from qsync_pipeline_tests.sync.fakes import KEY, FakeCatalog, config_in, plan_of, run_on
from qsync_pipeline_tests.sync.test_quality_writes import announce, assets, score

START = 1_000_000.0


class World:
    """A ledger with its own clock, a catalog, and what its listing shows."""

    def __init__(self, ledger: Ledger, clock: list[float], directory: Path) -> None:
        self.ledger = ledger
        self.clock = clock
        self.config = config_in(directory)

    def write(self, catalog: FakeCatalog, *changes: Change, scored: dict[str, float] | None = None) -> None:
        run = run_on(self.config, self.ledger, catalog=catalog)
        plan = plan_of(*changes)
        plan.meta["scored"] = scored or {}
        apply_quality(run, KEY, plan, Permissions())

    def listed(self, *rows: CatalogAsset, after: float = 0.0, whole: bool = True, **more: Any) -> None:
        """The listing is read and shows these rows."""
        self.clock[0] += after
        surfaces = FakeCatalog([]).surfaces
        confirm(self.ledger, "atlan", surfaces, KEY, rows, decimals=1, whole=whole, **more)

    @property
    def words(self) -> list[str]:
        return [entry.confirmed for entry in self.ledger.outcomes.of_run("run-1")]


@pytest.fixture
def one(tmp_path: Path) -> Iterator[World]:
    clock = [START]
    with Ledger.open("sqlite://", clock=lambda: clock[0]) as ledger:
        yield World(ledger, clock, tmp_path)


def test_a_write_is_confirmed_by_the_listing_and_not_by_the_write_itself(one: World) -> None:
    (asset,) = assets(1)
    catalog = FakeCatalog([asset])
    one.write(catalog, score(asset), announce(asset))
    assert one.words == ["waiting", "waiting"]
    one.listed(*catalog.assets.values(), after=3)
    assert one.words == ["seen", "seen"]
    assert {row.confirmed_at for row in one.ledger.holdings.of(KEY)} == {START + 3}


def test_while_the_index_lags_it_goes_on_waiting(one: World) -> None:
    (asset,) = assets(1)
    catalog = FakeCatalog([asset])
    one.write(catalog, score(asset))
    one.listed(asset, after=LAG)
    assert one.words == ["waiting"]
    one.listed(catalog.assets[asset.id], after=30)
    assert one.words == ["seen"]


@pytest.mark.parametrize(("there", "word"), [(True, "changed"), (False, "gone")])
def test_what_the_listing_does_not_show_in_the_end_is_never_called_confirmed(
    one: World, there: bool, word: str
) -> None:
    (asset,) = assets(1)
    one.write(FakeCatalog([asset]), score(asset))
    one.listed(*([asset] if there else []), after=LAG + 1)
    assert one.words == [word]
    assert one.ledger.awaited.counts("atlan") == {}


def test_what_only_the_index_does_not_show_goes_on_waiting_and_is_no_persons_change(one: World) -> None:
    (asset,) = assets(1)
    catalog = FakeCatalog([asset])
    one.write(catalog, score(asset))
    one.clock[0] += 5 * LAG
    run = run_on(one.config, one.ledger, catalog=catalog)
    confirm_written(run, KEY, [asset], whole=True)
    assert one.words == ["waiting"]
    held = one.ledger.holdings.of(KEY)
    assert settled(run, KEY, [asset], held) == [catalog.assets[asset.id]], "as it is, not as it is listed"
    catalog.assets[asset.id] = asset
    confirm_written(run, KEY, [asset], whole=True)
    assert one.words == ["changed"]
    catalog.calls.clear()
    assert settled(run, KEY, [asset], held) == [asset]
    assert catalog.calls == []


def test_a_reading_of_a_few_tables_says_nothing_of_the_others(one: World) -> None:
    here, there = assets(2)
    catalog = FakeCatalog([here, there])
    one.write(catalog, score(here), score(there))
    one.listed(catalog.assets[here.id], after=LAG + 1, whole=False)
    assert one.words == ["seen", "waiting"]


def test_a_dry_run_leaves_the_waiting_as_it_is(one: World) -> None:
    (asset,) = assets(1)
    catalog = FakeCatalog([asset])
    one.write(catalog, score(asset))
    run = run_on(one.config, one.ledger, catalog=catalog)
    run.dry_run = True
    confirm_written(run, KEY, list(catalog.assets.values()), whole=True)
    assert one.words == ["waiting"]


@given(count=st.integers(0, 5000), how=st.sampled_from(["all", "sample", "none"]))
def test_all_of_a_small_change_and_a_spread_sample_of_a_large_one_is_read_again(count: int, how: str) -> None:
    targets = [str(number) for number in range(count)]
    chosen = sample_of(targets, how)
    assert chosen <= set(targets)
    if how == "none":
        assert not chosen
    elif how == "all" or count <= SAMPLE:
        assert len(chosen) == count
    else:
        assert SAMPLE / 2 <= len(chosen) <= SAMPLE
        assert max(map(int, chosen)) >= count - count // (SAMPLE / 2), "the last ones too"


def test_with_read_back_off_nothing_waits_and_nothing_is_called_confirmed(one: World, tmp_path: Path) -> None:
    (asset,) = assets(1)
    catalog = FakeCatalog([asset])
    run = run_on(one.config, one.ledger, catalog=catalog)
    run.integration = run.integration.model_copy(update={"read_back": "none"})
    apply_quality(run, KEY, plan_of(score(asset)), Permissions())
    assert one.words == [""]
    assert [row.confirmed_at for row in one.ledger.holdings.of(KEY)] == [None]


# The lag


def test_the_lag_is_from_the_score_to_the_listing(one: World) -> None:
    (asset,) = assets(1)
    catalog = FakeCatalog([asset])
    one.write(catalog, score(asset), scored={asset.id: START - 40})
    one.listed(*catalog.assets.values(), after=10)
    assert one.ledger.awaited.lags("atlan")[KEY].worst == 50.0


def test_when_nobody_looked_for_a_day_that_is_not_the_catalogs_lag(one: World) -> None:
    (asset,) = assets(1)
    catalog = FakeCatalog([asset])
    one.write(catalog, score(asset), scored={asset.id: START - 40})
    one.listed(*catalog.assets.values(), after=86_400)
    assert one.ledger.awaited.lags("atlan")[KEY].worst == 40.0 + LAG


def test_but_time_in_which_it_was_looked_for_in_vain_is(one: World) -> None:
    (asset,) = assets(1)
    catalog = FakeCatalog([asset])
    one.write(catalog, score(asset), scored={asset.id: START})
    one.listed(asset, after=100)
    one.listed(*catalog.assets.values(), after=50)
    assert one.ledger.awaited.lags("atlan")[KEY].worst == 150.0


def test_a_lag_beyond_the_objective_names_the_datastore(one: World) -> None:
    (asset,) = assets(1)
    catalog = FakeCatalog([asset])
    one.write(catalog, score(asset), scored={asset.id: START - 600})
    one.listed(*catalog.assets.values(), after=30)
    assert judge_freshness(one.ledger, "atlan", 900).faults == []
    assert judge_freshness(one.ledger, "atlan", 600).late == {KEY: 630.0}


def test_what_is_looked_for_in_vain_beyond_the_objective_names_it_too(one: World) -> None:
    (asset,) = assets(1)
    one.write(FakeCatalog([asset]), score(asset), scored={asset.id: START - 600})
    assert judge_freshness(one.ledger, "atlan", 60).faults == [], "nobody has looked"
    one.listed(asset, after=5)
    found = judge_freshness(one.ledger, "atlan", 60)
    assert (found.unseen, found.faults, found.waiting) == ({KEY: 1}, [KEY], 1)


# What counts as the cause of a write


def iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")


def unit(at: float | None) -> Unit:
    return replace(container(1, "ORDERS"), measured_at=None if at is None else iso(at))


def change_for(one: Unit) -> Change:
    asset = table("ORDERS", id="a-1")
    return replace(score(asset), source=one.id)


@pytest.mark.parametrize(
    ("measured", "compared", "known"),
    [
        (START - 10, START - 60, True),
        (START - 90, START - 60, False),
        (START - 10, None, False),
        (None, START - 60, False),
    ],
    ids=["scanned since", "seen before", "first sync", "never scanned"],
)
def test_only_a_score_that_came_since_the_last_comparison_is_measured(
    one: World, measured: float | None, compared: float | None, known: bool
) -> None:
    mine = unit(measured)
    scored = scored_times(one.ledger, [mine], [change_for(mine)], [], compared)
    assert scored == ({"a-1": measured} if known else {})


def test_a_value_that_was_written_after_the_score_is_not_late_for_it(one: World) -> None:
    (asset,) = assets(1)
    mine = unit(START - 10)
    catalog = FakeCatalog([asset])
    one.write(catalog, score(asset))
    again = replace(score(asset, 2.0), source=mine.id)
    assert scored_times(one.ledger, [mine], [again], one.ledger.holdings.of(KEY), START - 60) == {}


def test_what_was_noticed_between_scans_counts_from_when_it_happened(one: World) -> None:
    mine = unit(START - 90)
    told = Event(
        key="a", source="poll", kind="anomaly", direction="push", datastore_id=mine.datastore_id,
        container="orders", happened_at=START - 20,
    )  # fmt: skip
    other = replace(told, key="b", container="OTHERS", happened_at=START - 5)
    one.ledger.events.note([told, other])
    scored = scored_times(one.ledger, [mine], [change_for(mine)], [], START - 60)
    assert scored == {"a-1": START - 20}
