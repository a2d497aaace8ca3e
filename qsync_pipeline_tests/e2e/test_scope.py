"""Only these tables: a run with a scope reads, plans and writes those, and leaves the rest as stored."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from qsync_pipeline_tests.e2e.harness import Synced, World, world

FEW = 20
"""Requests to a catalog that one table may cost, whatever the size of the estate."""


@pytest.fixture(scope="module")
def synced() -> Iterator[World]:
    """A world in step. Each test may leave things behind for a whole sync, which settles them at the end."""
    with world("small", seed=4) as one:
        assert one.sync().ok
        one.control.advance(5)
        yield one
        one.settled()
        one.check()


def place(one: World, table: str) -> tuple[str, str]:
    """The partition key and the container's name of a table."""
    unit = one.state("qualytics", table)["id"]
    with one.ledger() as ledger:
        keys = ledger.datastores.keys().values()
        key = next(key for key in keys if unit in ledger.links.of("atlan", key))
    return key, table.rpartition(".")[2]


def scoped(one: World, *tables: str, **options: str) -> Synced:
    """A sync of these tables of one datastore only."""
    keys = {place(one, table)[0] for table in tables}
    assert len(keys) == 1
    (key,) = keys
    names = [place(one, table)[1] for table in tables]
    return one.sync(datastores=[key], scope={key: names}, **options)  # type: ignore[arg-type]  # direction


@pytest.fixture(scope="module")
def pair(synced: World) -> tuple[str, str]:
    """Two scanned tables of one datastore, without alerts at first."""
    tables = synced.tables(alert="none")
    schemas = [name.rpartition(".")[0] for name in tables]
    first = next(i for i, schema in enumerate(schemas) if schema in schemas[i + 1 :])
    return tables[first], tables[schemas.index(schemas[first], first + 1)]


@pytest.mark.rule("3", "Readers replace exactly those containers in the stored snapshot")
@pytest.mark.rule("3", '"Only these tables" is run config')
def test_a_scoped_push_settles_its_table_and_leaves_the_others_for_later(
    synced: World, pair: tuple[str, str]
) -> None:
    table, other = pair
    synced.qualytics("raise_anomaly", table, rule="notNull")
    synced.qualytics("raise_anomaly", other, rule="notNull")
    before = synced.whole_state()
    done = scoped(synced, table, direction="push")
    assert (done.ok, done.excess()) == (True, [])
    schema = table.rpartition(".")[0]
    touched = {name.rpartition(" (")[0] for _, name, _ in synced.changed(before)}
    assert table in touched
    assert all(name in (schema, table) or name.startswith(f"{table}.") for name in touched)
    whole = synced.sync(direction="push")
    assert sum(whole.plan["announcements"].values()) == 1
    assert synced.alert(other) is not None


@pytest.mark.rule("3", "The materialization says `scope: partial`")
def test_a_scoped_run_is_marked_as_partial_and_keeps_the_time_of_the_last_full_compare(
    synced: World, pair: tuple[str, str]
) -> None:
    table, _ = pair
    key, _ = place(synced, table)
    with synced.ledger() as ledger:
        full = ledger.reports.last_full("atlan", key, stage="quality_metadata")
    assert scoped(synced, table).ok
    with synced.ledger() as ledger:
        assert ledger.reports.last_full("atlan", key, stage="quality_metadata") == full
        newest = ledger.reports.latest("atlan", "quality_metadata")[key]
        assert newest.partial
        assert not ledger.reports.latest("atlan", "quality_metadata", whole=True)[key].partial


def test_one_table_costs_the_catalog_a_handful_of_requests(synced: World, pair: tuple[str, str]) -> None:
    table, _ = pair
    synced.qualytics("raise_anomaly", table, rule="notNull")
    done = scoped(synced, table, direction="push")
    assert sum(done.outcome["custom_metadata"].values()) >= 1
    assert sum(row["count"] for row in done.requests if row["system"] == "atlan") <= FEW


@pytest.mark.rule("3", "Readers replace exactly those containers in the stored snapshot")
def test_a_tag_on_a_table_of_the_scope_is_pulled_and_one_outside_waits(
    synced: World, pair: tuple[str, str]
) -> None:
    table, other = pair
    synced.atlan("tag", table, tag="Scoped In")
    synced.atlan("tag", other, tag="Scoped Out")
    assert scoped(synced, table, direction="pull").ok
    assert "Scoped In" in synced.tags("qualytics", table)
    assert "Scoped Out" not in synced.tags("qualytics", other)
    assert synced.sync(direction="pull").ok
    assert "Scoped Out" in synced.tags("qualytics", other)
    for name, tag in ((table, "Scoped In"), (other, "Scoped Out")):
        synced.atlan("untag", name, tag=tag)
    assert scoped(synced, table, direction="pull").ok
    assert "Scoped In" not in synced.tags("qualytics", table)
    assert "Scoped Out" in synced.tags("qualytics", other)


def test_a_scoped_pull_leaves_the_tags_of_the_datastore_to_a_whole_run(
    synced: World, pair: tuple[str, str]
) -> None:
    table, _ = pair
    schema = table.rpartition(".")[0]
    synced.atlan("tag", schema, tag="On The Schema")
    done = scoped(synced, table, direction="pull")
    assert (done.ok, done.planned) == (True, {})


def test_a_table_renamed_in_the_catalog_is_found_under_its_new_name_by_a_scoped_run(
    synced: World, pair: tuple[str, str]
) -> None:
    table, _ = pair
    name = table.rpartition(".")[2]
    synced.atlan("rename", table, to=f"{name}_RENAMED")
    before = synced.whole_state()
    done = scoped(synced, table)
    assert (done.ok, done.planned, done.failures) == (True, {}, [])
    assert synced.changed(before) == set()
    synced.atlan("rename", f"{table}_RENAMED", to=name)


def test_a_dropped_table_of_the_scope_loses_what_is_ours_in_the_catalog(synced: World) -> None:
    table = synced.tables(alert="integration")[-1]
    key, name = place(synced, table)
    synced.qualytics("drop", table)
    done = synced.sync("push", datastores=[key], scope={key: [name]})
    assert done.ok
    assert synced.alert(table) is None
    assert not any(synced.attributes(table).values())


@pytest.mark.rule("3", "Without a full snapshot the run widens to the datastore")
def test_without_a_stored_snapshot_the_run_widens_to_the_datastore() -> None:
    with world("small", seed=5) as one:
        key = next(iter(one.keys().values()))
        done = one.sync(datastores=[key], scope={key: ["NO_SUCH_TABLE"]})
        assert done.ok
        assert sum(done.outcome["custom_metadata"].values()) > 1
        with one.ledger() as ledger:
            assert not ledger.reports.latest("atlan", "quality_metadata")[key].partial
