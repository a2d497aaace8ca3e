"""An older copy of the ledger leads to no wrong removal, and a changed token changes no ownership."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from qsync_pipeline.ledger import backup, engines
from qsync_pipeline_tests.e2e.alation import alation_world
from qsync_pipeline_tests.e2e.commands import qsync
from qsync_pipeline_tests.e2e.harness import SETTLED, World, world

Restore = Callable[[World, Path], None]


def put_back(one: World, copy: Path) -> None:
    """As somebody does who knows nothing of qsync: the file in the place of the file."""
    there = engines.sqlite_file(engines.parse_url(one.config().ledger.reveal_url()))
    assert there is not None
    for end in ("", "-wal", "-shm"):
        there.with_name(there.name + end).unlink(missing_ok=True)
    shutil.copyfile(copy, there)


def by_command(one: World, copy: Path) -> None:
    backup.restore(one.config().ledger.reveal_url(), copy)


class Restored(NamedTuple):
    """A world, and the tables in it that something happened to."""

    world: World
    tables: list[str]


@pytest.fixture(scope="module", params=[put_back, by_command], ids=["a file copied back", "by command"])
def restored(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Restored]:
    """A world in which much happened after the copy that its ledger was restored from.

    Our tags were taken off and people put tags of the same names there; an alert of ours went and a person's
    banner came; new tags, values and an alert of ours are not in the copy.
    """
    copy = tmp_path_factory.mktemp("copies") / "ledger.backup"
    with world() as one:
        first, second, third, fourth = names = one.tables(alert="none")[:4]
        one.mutate(
            {"system": "atlan", "do": "tag", "asset": first, "tag": "Gone For Good"},
            {"system": "atlan", "do": "tag", "asset": first, "tag": "Still Used"},
            {"system": "atlan", "do": "tag", "asset": second, "tag": "Still Used"},
            {"system": "qualytics", "do": "raise_anomaly", "asset": third, "rule": "notNull"},
        )
        assert one.sync().ok
        one.control.advance(SETTLED)
        assert one.alert(third) is not None
        backup.backup(one.config().ledger.reveal_url(), copy)
        one.mutate(
            {"system": "atlan", "do": "untag", "asset": first, "tag": "Gone For Good"},
            {"system": "atlan", "do": "untag", "asset": first, "tag": "Still Used"},
            {"system": "atlan", "do": "tag", "asset": fourth, "tag": "New Since"},
            {
                "system": "qualytics",
                "do": "set_anomaly_status",
                "asset": third,
                "id": "all",
                "status": "Resolved",
            },
            {"system": "qualytics", "do": "raise_anomaly", "asset": fourth, "rule": "notNull"},
            {
                "system": "qualytics",
                "do": "set_score",
                "asset": fourth,
                "dimension": "accuracy",
                "value": 12.0,
            },
        )
        assert one.sync().ok
        one.control.advance(SETTLED)
        assert one.alert(third) is None
        assert "Gone For Good" not in one.tags("qualytics", first)
        one.mutate(
            {"system": "qualytics", "do": "create_tag", "name": "Gone For Good"},
            {"system": "qualytics", "do": "tag", "asset": first, "tag": "Gone For Good"},
            {"system": "qualytics", "do": "tag", "asset": first, "tag": "Still Used"},
            {"system": "atlan", "do": "set_alert", "asset": third, "text": "Mind the gap"},
        )
        one.settled()
        request.param(one, copy)
        yield Restored(one, names)


@pytest.mark.rule("5.5", "A lost ledger removes nothing")
def test_nothing_is_retired_by_the_word_of_an_older_copy_before_a_sync(restored: Restored) -> None:
    one, (first, *_) = restored
    shown = qsync(one, "retire", "atlan", "--dry-run")
    plan = shown.object["integrations"]["atlan"]["plan"]
    assert (plan["external_tags"]["remove"], plan["tag_definitions"]["remove"]) == (0, 0)
    assert plan["custom_metadata"]["remove"]
    assert "run qsync sync first" in shown.said
    assert "Gone For Good" in one.tags("qualytics", first)


@pytest.mark.rule("5.5", "A lost ledger removes nothing")
def test_an_older_copy_takes_nothing_from_anybody_and_the_second_sync_writes_nothing(
    restored: Restored,
) -> None:
    one, (first, _, third, fourth) = restored
    before = one.whole_state()
    done = one.settled()
    assert done.ok
    assert one.changed(before) == set(), "everything stood as it should, whoever put it there"
    assert {"Gone For Good", "Still Used"} <= set(one.tags("qualytics", first))
    assert (one.alert(third) or {})["text"] == "Mind the gap"
    assert "New Since" in one.tags("qualytics", fourth)
    assert one.alert(fourth) is not None


def test_afterwards_ours_is_kept_in_step_and_comes_off_again(restored: Restored) -> None:
    one, (first, second, third, fourth) = restored
    one.sync()
    one.mutate(
        {"system": "atlan", "do": "untag", "asset": second, "tag": "Still Used"},
        {"system": "qualytics", "do": "set_score", "asset": fourth, "dimension": "accuracy", "value": 34.0},
    )
    one.settled()
    assert "Still Used" not in one.tags("qualytics", second), "it was in the copy, and is ours"
    assert "Still Used" in one.tags("qualytics", first), "a person put it there"
    assert one.attributes(fourth)["Quality Score Accuracy"] == 34.0
    assert (one.alert(third) or {})["text"] == "Mind the gap"


# Credentials


def test_rotated_credentials_of_qualytics_and_atlan_change_no_ownership() -> None:
    with world() as one:
        first, second, *_ = one.tables(alert="none")
        one.mutate(
            {"system": "atlan", "do": "tag", "asset": first, "tag": "Rotating"},
            {"system": "qualytics", "do": "raise_anomaly", "asset": second, "rule": "notNull"},
        )
        one.settled()
        before = one.whole_state()
        actor = _actor(one, "atlan")
        one.rotate("qualytics")
        one.rotate("atlan")
        one.quiet()
        assert one.changed(before) == set()
        one.mutate(
            {"system": "atlan", "do": "untag", "asset": first, "tag": "Rotating"},
            {
                "system": "qualytics",
                "do": "set_anomaly_status",
                "asset": second,
                "id": "all",
                "status": "Resolved",
            },
        )
        one.settled()
        assert _actor(one, "atlan") != actor, "somebody else, as Atlan sees it"
        assert "Rotating" not in one.tags("qualytics", first)
        assert one.alert(second) is None
        one.check()


@pytest.mark.parametrize("user", ["qsync", "qsync-next"], ids=["another token", "another user"])
def test_rotated_credentials_of_alation_change_no_ownership(user: str) -> None:
    with alation_world() as one:
        first, second, *_ = one.tables(alert="none", catalog="alation")
        one.mutate(
            {"system": "alation", "do": "tag", "asset": first, "tag": "Rotating"},
            {"system": "qualytics", "do": "raise_anomaly", "asset": second, "rule": "notNull"},
        )
        one.settled()
        before = one.whole_state()
        one.rotate("alation", user)
        one.quiet()
        assert one.changed(before) == set()
        resolve = {"do": "set_anomaly_status", "id": "all", "status": "Resolved"}
        one.mutate(
            {"system": "alation", "do": "untag", "asset": first, "tag": "Rotating"},
            {"system": "qualytics", "asset": second, **resolve},
        )
        done = one.sync()
        assert "Rotating" not in one.tags("qualytics", first)
        assert one.attributes(second, "alation")["Anomaly Count"] == 0
        if user == "qsync":
            assert one.state("alation", second)["alert"] is None
            one.check()
        else:
            # Alation lets nobody but its maker take a flag off: that is said, and it stays known as ours.
            assert done.outcomes["trust_flags"]["rejected"] == 1
            with one.ledger() as ledger:
                (item,) = ledger.rejections.find()
                assert item.rejection.error_class == "permission"
                assert ledger.holdings.by_target("alation", "trust_flags", [item.target])


def _actor(one: World, integration: str) -> object:
    with one.ledger() as ledger:
        return ledger.notes.get(integration, "actors")
