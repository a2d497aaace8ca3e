"""What people change after us: values, banners and tags of ours."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from qsync_pipeline_tests.e2e.harness import World, world


@pytest.fixture(scope="module")
def synced() -> Iterator[World]:
    """A world after its first sync. Each test leaves it in step, which is proved when all are done."""
    with world("small", seed=4) as one:
        assert one.sync().ok
        one.control.advance(5)
        yield one
        one.quiet()
        one.check()


@pytest.fixture
def keeping(synced: World) -> Iterator[World]:
    """The same, where drift is kept."""
    synced.configure(on_drift="keep")
    yield synced
    synced.configure(on_drift=None)
    assert synced.sync().ok


@pytest.mark.rule("5.5", "A value that a person changed after us is drift")
def test_a_value_that_a_person_changed_is_reported_and_reset(synced: World) -> None:
    table = synced.tables()[0]
    synced.atlan("set_attribute", table, name="Quality Score Total", value=1.5)
    before = synced.whole_state()
    done = synced.sync(direction="push")
    assert done.planned == {"custom_metadata": {"update": 1}}
    assert done.counts["drift"] == 1
    assert synced.changed(before) == {("atlan", f"{table} (Table)", "attributes")}
    synced.check()


def test_a_value_that_a_person_cleared_is_set_again(synced: World) -> None:
    table = synced.tables()[0]
    synced.atlan("set_attribute", table, name="Check Count", value=None)
    done = synced.sync(direction="push")
    assert (done.planned, done.counts["drift"]) == ({"custom_metadata": {"update": 1}}, 1)
    synced.check()


@pytest.mark.rule("5.5", "A value that a person changed after us is drift")
def test_kept_drift_is_reported_at_every_run_and_written_at_none(keeping: World) -> None:
    table = keeping.tables()[0]
    keeping.atlan("set_attribute", table, name="Quality Score Total", value=2.5)
    for _ in range(2):
        done = keeping.quiet()
        assert done.counts["drift"] == 1
        assert any("on_drift is keep" in reason for reason in done.reasons)
    assert keeping.attributes(table)["Quality Score Total"] == 2.5
    keeping.qualytics("set_score", table, dimension="coverage", value=10.0)
    assert keeping.sync().ok
    shown = keeping.attributes(table)
    assert (shown["Quality Score Total"], shown["Quality Score Coverage"]) == (2.5, 10.0)


@pytest.mark.rule("5.4", "A person who edits ours takes it over")
def test_a_banner_of_ours_that_a_person_edited_is_theirs_from_then_on(synced: World) -> None:
    table = synced.tables(alert="integration")[0]
    ours = synced.alert(table)
    assert ours is not None
    synced.atlan("set_alert", table, text=f"{ours['text']} (Ada looks into it)", title=ours["title"],
                 type=ours["type"])  # fmt: skip
    edited = synced.alert(table)
    done = synced.sync()
    assert (done.planned, done.counts["taken_over"]) == ({}, 1)
    assert synced.alert(table) == edited
    synced.qualytics("set_anomaly_status", table, id="all", status="Discarded")
    assert synced.sync().ok
    assert synced.alert(table) == edited, "it is not ours to clear any more"
    synced.check()
    synced.quiet()
    synced.atlan("clear_alert", table)
    synced.quiet()


def test_a_banner_of_ours_that_a_person_cleared_is_drift(synced: World) -> None:
    table = synced.tables(alert="integration")[0]
    synced.atlan("clear_alert", table)
    done = synced.sync()
    assert (done.planned, done.counts["drift"]) == ({"announcements": {"create": 1}}, 1)
    synced.check()


def test_a_cleared_banner_stays_cleared_where_drift_is_kept(keeping: World) -> None:
    table = keeping.tables(alert="integration")[0]
    keeping.atlan("clear_alert", table)
    keeping.quiet()
    keeping.quiet()
    assert keeping.alert(table) is None


def test_a_tag_of_ours_that_a_person_took_off_comes_back(synced: World) -> None:
    table = synced.tables()[0]
    synced.atlan("tag", table, tag="Sticky")
    assert synced.sync().ok
    synced.qualytics("untag", table, tag="Sticky")
    done = synced.sync(direction="pull")
    assert done.counts["drift"] == 1
    assert synced.tags("qualytics", table)["Sticky"] == "managed"
    synced.check()


def test_a_tag_of_ours_that_a_person_took_off_stays_off_where_drift_is_kept(keeping: World) -> None:
    table = keeping.tables()[1]
    keeping.atlan("tag", table, tag="Loose")
    assert keeping.sync().ok
    keeping.qualytics("untag", table, tag="Loose")
    done = keeping.sync()
    assert done.planned == {"tag_definitions": {"remove": 1}}, "nothing carries it any more"
    keeping.quiet()
    assert "Loose" not in keeping.tags("qualytics", table)
    keeping.atlan("untag", table, tag="Loose")
    assert keeping.sync().ok


def test_a_persons_native_tag_outlives_any_number_of_syncs(synced: World) -> None:
    table = synced.tables()[0]
    synced.qualytics("tag", table, tag="Mine, Not Yours")
    synced.quiet()
    assert synced.tags("qualytics", table)["Mine, Not Yours"] == "native"
    synced.qualytics("untag", table, tag="Mine, Not Yours")


def test_a_tag_of_ours_put_on_another_table_by_a_person_is_theirs(synced: World) -> None:
    first, second = synced.tables()[:2]
    synced.atlan("tag", first, tag="Borrowed")
    assert synced.sync().ok
    synced.qualytics("tag", second, tag="Borrowed")
    synced.quiet()
    synced.atlan("untag", first, tag="Borrowed")
    assert synced.sync().ok
    assert "Borrowed" not in synced.tags("qualytics", first)
    assert "Borrowed" in synced.tags("qualytics", second)
    synced.qualytics("untag", second, tag="Borrowed")
    assert synced.sync().ok


def test_a_definition_of_ours_that_a_person_deleted_is_made_again(synced: World) -> None:
    table = synced.tables()[0]
    synced.atlan("tag", table, tag="Deleted By Hand")
    assert synced.sync().ok
    synced.qualytics("untag", table, tag="Deleted By Hand")
    done = synced.sync()
    assert (done.ok, done.excess()) == (True, [])
    assert synced.tags("qualytics", table)["Deleted By Hand"] == "managed"
