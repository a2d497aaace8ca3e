"""``qsync history``, ``rejected``, ``explain`` and ``ledger``: what can be told when no system answers."""

from __future__ import annotations

import csv
import io
import json
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq
import pytest
from msgspec.structs import replace

from qsync_pipeline import cli
from qsync_pipeline.cli.history import since_when
from qsync_pipeline.cli.plain import brief, brief_change
from qsync_pipeline.config import load_config
from qsync_pipeline.core.rows import BUCKETS, CatalogAsset, Change, Outcome
from qsync_pipeline.core.tables import Table
from qsync_pipeline.ledger import Ledger, Query
from qsync_pipeline.ledger.outcomes import FORGOTTEN
from qsync_pipeline.sandbox.testing import ATLAN_ONLY, running_sandbox
from qsync_pipeline.sync import snapshot
from qsync_pipeline.sync.finding import Stored
from qsync_pipeline_tests.cli.conftest import Qsync, Said

EVIL = '=HYPERLINK("http://evil")\x1b[31m\u202eRED\r\nTWO'
TABLE = "SALES_DB.SALES.ORDER_LINES"


class Past(NamedTuple):
    """A config whose systems are gone, after a few syncs."""

    config: Path
    ids: dict[str, str]
    """Ids of the table in Atlan (``asset``) and in Qualytics (``unit``)."""


@pytest.fixture(scope="module")
def synced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory that a sandbox and three syncs left; the sandbox is gone."""
    directory = tmp_path_factory.mktemp("past") / "sandbox"
    with pytest.MonkeyPatch.context() as patch, running_sandbox(directory=directory, kinds=ATLAN_ONLY) as box:
        patch.delenv("DAGSTER_HOME", raising=False)
        sync = ["sync", "--config", str(box.config), "--quiet"]
        assert cli.run(sync) == 0
        box.control.mutate({"system": "atlan", "do": "tag", "asset": TABLE, "tag": "Audited"})
        box.control.advance(5)
        assert cli.run(sync) == 0
        box.control.mutate({"system": "atlan", "do": "untag", "asset": TABLE, "tag": "Audited"})
        box.control.advance(5)
        assert cli.run([*sync, "--direction", "push"]) == 0
        kept = directory.with_name("kept")
        shutil.copytree(directory, kept, ignore=shutil.ignore_patterns("dagster_home"))
    return kept


@pytest.fixture
def past(synced: Path, tmp_path: Path) -> Past:
    directory = tmp_path / "past"
    shutil.copytree(synced, directory)
    config = directory / "qsync.yaml"
    with ledger(config) as book:
        (pairing,) = book.links.named([], TABLE)
    return Past(config, {"asset": pairing.assets[0], "unit": pairing.unit})


def ledger(config: Path) -> Ledger:
    return Ledger.open(load_config(config, check_secrets=False).ledger.reveal_url())


def settle(past: Past, *outcomes: Outcome, run: str = "run-by-hand") -> None:
    with ledger(past.config) as book:
        book.settle(run, "atlan", "1-sales-warehouse", outcomes, actor="svc", scored={})


def change(name: str = TABLE, target: str = "a-1", after: Any = None, **more: Any) -> Change:
    return Change("custom_metadata", "update", target, name, after=after or {"Check Count": 3}, **more)


def test_a_run_that_is_being_forgotten_is_not_undone_in_part(qsync: Qsync, past: Past) -> None:
    with ledger(past.config) as book:
        newest = book.outcomes.find(Query(), limit=1)[0]
        book.notes.put("", FORGOTTEN, newest.at + 1)
    said = qsync("revert", newest.run_id[:8], "--yes", "--config", past.config)
    assert said.status == 2
    assert "so nothing of it is undone" in said.err


# history


def test_history_shows_the_newest_first_with_before_after_run_and_confirmation(
    qsync: Qsync, past: Past
) -> None:
    said = qsync("history", "--config", past.config, "--surface", "external_tags", "--json")
    assert said.status == 0
    first = said.object["history"][0]
    assert (first["action"], first["before"], first["after"]) == ("create", None, "Audited")
    assert (first["outcome"], first["integration"], first["key"]) == ("applied", "atlan", "audited")
    assert first["confirmed"] == first["at"], "Qualytics shows the object in its answer"
    assert first["reason"].endswith("ORDER_LINES in the catalog")


def test_what_went_out_is_confirmed_by_the_next_reading(qsync: Qsync, past: Past) -> None:
    said = qsync("history", "--config", past.config, "--surface", "custom_metadata", "--limit", 0, "--json")
    rows = said.object["history"]
    assert len(rows) > 100
    assert all(row["confirmed"] > row["at"] for row in rows)
    assert {row["actor"] for row in rows if row["outcome"] == "applied"} != {None}


@pytest.mark.parametrize("how", ["name", "asset", "unit", "url of atlan", "url of qualytics", "in qualytics"])
def test_an_object_is_found_by_any_name_id_or_url_on_either_side(qsync: Qsync, past: Past, how: str) -> None:
    number = past.ids["unit"].partition(":")[2]
    text = {
        "name": TABLE.lower(),
        "asset": past.ids["asset"],
        "unit": past.ids["unit"],
        "url of atlan": f"https://acme.atlan.com/assets/{past.ids['asset']}/overview",
        "url of qualytics": f"https://acme.qualytics.io/datastores/1/containers/{number}/overview",
        "in qualytics": "Sales Warehouse.ORDER_LINES",
    }[how]
    rows = qsync("history", "--config", past.config, "--asset", text, "--json").object["history"]
    assert {row["surface"] for row in rows} == {"custom_metadata", "external_tags"}
    assert {row["id"] for row in rows} == {past.ids["asset"], past.ids["unit"]}


def test_history_is_narrowed_and_says_when_there_is_more(qsync: Qsync, past: Past) -> None:
    def rows(*options: object) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = qsync("history", "--config", past.config, *options, "--json").object[
            "history"
        ]
        return found

    run = rows("--limit", 1)[0]["run"]
    assert {row["run"] for row in rows("--run", run[:10])} == {run}
    assert rows("--since", "2999-01-01") == rows("--outcome", "parked") == rows("--surface", "no_such") == []
    assert rows("--since", "1h") == rows("--since", "2020-01-01T00:00")
    said = qsync("history", "--config", past.config, "--limit", 2)
    assert "--limit 0 shows all" in said.out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--since", "yesterday"), "an age such as 36h"),
        (("--integration", "atlas"), "did you mean"),
        (("--json", "--csv"), "choose one"),
        (("--outcome", "unchanged"), "unchanged"),
    ],
)
def test_a_wrong_option_is_status_2_and_says_what_is_allowed(
    qsync: Qsync, past: Past, options: tuple[str, ...], words: str
) -> None:
    said = qsync("history", "--config", past.config, *options)
    assert said.status == 2
    assert words.lower() in said.err.lower()


def test_an_age_is_counted_back_and_a_time_without_a_zone_is_utc() -> None:
    assert since_when("36h", now=200_000.0) == 200_000.0 - 36 * 3600
    assert since_when("1970-01-02") == 86_400.0
    assert since_when("1970-01-01T02:00+02:00") == 0.0


def test_text_from_outside_acts_on_no_terminal_and_in_no_spreadsheet(qsync: Qsync, past: Past) -> None:
    settle(past, Outcome(change(name=EVIL, after={"URL": EVIL}), "rejected", EVIL, "validation"))
    for arguments in (["history", "--limit", "1"], ["rejected", "list"]):
        said = qsync(*arguments, "--config", past.config)
        assert "RED TWO" in said.out
        assert not set("\x1b\u202e\r") & set(said.out)
    said = qsync("history", "--limit", "1", "--csv", "--config", past.config)
    (row,) = csv.DictReader(io.StringIO(said.out))
    assert row["object"].startswith("'=HYPERLINK")
    assert row["reason"].startswith("'=HYPERLINK")
    assert not set("\x1b\u202e\r") & set(said.out)


def test_what_looks_like_a_secret_is_masked_without_breaking_what_machines_read(
    qsync: Qsync, past: Past
) -> None:
    name = 'T."https://evil.example/?token=abc",x'
    settle(past, Outcome(change(name=name, after={"URL": name, "token": "abc"}), "rejected", name, "server"))
    masked = 'T."https://evil.example/?token=***",x'
    said = qsync("history", "--limit", "1", "--json", "--config", past.config)
    (entry,) = json.loads(said.out)["history"]
    assert (entry["object"], entry["after"]) == (masked, {"URL": masked, "token": "***"})
    said = qsync("history", "--limit", "1", "--csv", "--config", past.config)
    (row,) = csv.DictReader(io.StringIO(said.out))
    assert (row["object"], row["outcome"], None in row) == (masked, "rejected", False)


def test_a_name_without_end_does_not_stretch_the_table(qsync: Qsync, past: Past) -> None:
    settle(past, Outcome(change(name="L" * 30_000), "rejected", "no", "server"))
    said = qsync("history", "--limit", "5", "--config", past.config)
    assert "LLL..." in said.out
    assert max(map(len, said.out.splitlines())) < 2000


def test_the_csv_has_a_head_for_every_column_and_says_where_it_stops(qsync: Qsync, past: Past) -> None:
    said = qsync("history", "--limit", "2", "--csv", "--config", past.config)
    head, *rows = csv.reader(io.StringIO(said.out))
    assert [len(row) for row in rows] == [len(head)] * 2
    told = json.loads(qsync("history", "--limit", "1", "--json", "--config", past.config).out)
    assert head == list(told["history"][0])
    assert "--limit 0 shows all" in said.err
    assert "--limit 0" not in qsync("history", "--limit", "0", "--csv", "--config", past.config).err


def test_of_an_alert_the_words_come_first_and_of_a_change_what_differs() -> None:
    old = {"by": "service-account-apikey-0123456789", "text": "3 active anomalies", "title": "Qualytics"}
    new = old | {"text": "4 active anomalies"}
    assert brief_change(None, old).startswith("- -> title: Qualytics, text: 3 active anomalies, by: ")
    assert brief_change(old, new) == "text: 3 active anomalies -> text: 4 active anomalies"
    assert brief_change({"Check Count": 3, "URL": None}, {"Check Count": 3, "URL": "https://q.example"}) == (
        "- -> URL: https://q.example"
    )
    assert brief_change("PII", None) == "PII -> -"


def test_rich_text_is_shown_as_it_is_read_and_other_text_as_it_stands() -> None:
    assert brief_change({"Check Count": "<p>5</p>"}, {"Check Count": 7}) == "Check Count: 5 -> Check Count: 7"
    assert brief("<p>2 checks, <a href='https://q.example'>see</a> &amp; mend</p>") == "2 checks, see & mend"
    assert brief("<none>") == "<none>"
    assert brief("<p></p>") == brief("") == brief(None) == "-"


def test_looking_back_changes_nothing(qsync: Qsync, past: Past) -> None:
    file = past.config.parent / ".qsync/ledger.sqlite"
    before = file.read_bytes()
    for arguments in (["history"], ["rejected", "list"], ["explain", TABLE]):
        assert qsync(*arguments, "--config", past.config).status == 0
    assert file.read_bytes() == before


# rejected


@pytest.fixture
def quarantine(past: Past) -> Past:
    settle(
        past,
        Outcome(change(target="a-1"), "rejected", "a value does not fit", "validation"),
        Outcome(change(target="a-2"), "rejected", "you may not", "permission"),
        Outcome(change(target="a-3"), "rejected", "too many", "throttle"),
    )
    return past


def listed(said: Said) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = said.object["rejected"]
    return found


def test_rejected_items_are_listed_with_payload_answer_and_next_try(qsync: Qsync, quarantine: Past) -> None:
    items = listed(qsync("rejected", "list", "--config", quarantine.config, "--json"))
    assert [(one["id"], one["class"], one["answer"]) for one in items] == [
        ("a-1", "validation", "a value does not fit"),
        ("a-2", "permission", "you may not"),
        ("a-3", "throttle", "too many"),
    ]
    assert {one["attempts"] for one in items} == {1}
    assert items[0]["payload"] == {"Check Count": 3}
    assert items[0]["next"].startswith("when its value changes, or ")
    assert items[1]["next"].startswith("when its value or permissions change, or ")
    assert items[2]["next"] == "next sync"
    assert "you may not" in qsync("rejected", "list", "--config", quarantine.config).out


def test_retry_marks_items_for_the_next_sync(qsync: Qsync, quarantine: Past) -> None:
    said = qsync("rejected", "retry", "--class", "validation", "--config", quarantine.config, "--json")
    assert said.object["marked"] == 1
    items = listed(qsync("rejected", "list", "--config", quarantine.config, "--json"))
    assert [one["retry"] for one in items] == [True, False, False]
    assert items[0]["next"] == "next sync, as asked"


def test_drop_forgets_what_is_named_and_asks_before_it_forgets_all(qsync: Qsync, quarantine: Past) -> None:
    assert qsync("rejected", "drop", "--config", quarantine.config).status == 2
    said = qsync("rejected", "drop", "--asset", "a-2", "--config", quarantine.config)
    assert (said.status, said.out.strip()) == (0, "1 item forgotten")
    left = listed(qsync("rejected", "list", "--config", quarantine.config, "--json"))
    assert [one["id"] for one in left] == ["a-1", "a-3"]
    assert qsync("rejected", "drop", "--all", "--config", quarantine.config).status == 0
    assert listed(qsync("rejected", "list", "--config", quarantine.config, "--json")) == []


# explain


def explained(said: Said) -> dict[str, Any]:
    assert said.status == 0, said.err
    (one,) = said.object["explanations"]
    found: dict[str, Any] = one
    return found


def lines(one: dict[str, Any], surface: str) -> dict[str, dict[str, Any]]:
    return {line["name"]: line for line in one["lines"] if line["surface"] == surface}


def test_explain_tells_partner_rule_and_where_each_value_came_from(qsync: Qsync, past: Past) -> None:
    one = explained(qsync("explain", TABLE, "--config", past.config, "--json"))
    assert (one["bucket"], one["how"]) == ("matched", "the names are the same")
    assert [partner["id"] for partner in one["partners"]] == [past.ids["asset"]]
    score = lines(one, "custom_metadata")["Quality Score Total"]
    assert score["now"] == score["ours"]
    assert score["before"] is None
    assert (score["origin"], score["confirmed"], score["next"]) == ("ours", "seen", "nothing")
    assert score["run"]
    assert score["rule"] == "not in the catalog yet"


def test_explain_tells_ours_from_copies_and_from_peoples_tags(qsync: Qsync, past: Past) -> None:
    tags = lines(explained(qsync("explain", TABLE, "--config", past.config, "--json")), "external_tags")
    assert tags["Audited"]["ours"] == "Audited"
    assert tags["Audited"]["rule"].startswith("on ")
    assert tags["GDPR"]["origin"] == "a copy of the tag on datastore:1, which Qualytics hands down"
    assert tags["Nightly"]["origin"] == "not in the ledger: a person's, or Qualytics' own"


@pytest.mark.parametrize(
    ("action", "extra", "origin"),
    [
        ("note", {"left_off": True}, "not ours: a person took ours off, and on_drift is keep"),
        ("create", {"definition": 0}, "not ours: its definition was made anew since"),
    ],
)
def test_explain_calls_nothing_ours_that_others_put_on_again(
    qsync: Qsync, past: Past, action: Any, extra: dict[str, Any], origin: str
) -> None:
    row = Change("external_tags", action, past.ids["unit"], TABLE, "audited", after="Audited", extra=extra)
    settle(past, Outcome(row, "unchanged"))
    tag = lines(explained(qsync("explain", TABLE, "--config", past.config, "--json")), "external_tags")[
        "Audited"
    ]
    assert (tag["now"], tag["ours"], tag["origin"]) == ("Audited", None, origin)


def test_explain_tells_why_an_alert_of_ours_waits(qsync: Qsync, past: Past) -> None:
    one = explained(qsync("explain", TABLE, "--config", past.config, "--json"))
    alert = lines(one, "announcements")["announcements"]
    assert (alert["ours"], alert["origin"]) == (None, "not ours")
    assert alert["next"] == "waiting: an alert of grace.hopper stands there; ours waits"


def test_explain_tells_the_next_action_of_a_plan_that_nobody_has_carried_out(
    qsync: Qsync, past: Past
) -> None:
    """The tag was taken off in the catalog; a push read that, and the pull is still to come."""
    with ledger(past.config) as book:
        key = book.datastores.keys()[1]
    plans = past.config.parent / ".qsync/tables/atlan/tag_plan" / f"{key}.parquet"
    unit = past.ids["unit"]
    row = Change("external_tags", "remove", unit, "T", "audited", before="Audited", reason="no longer there")
    pq.write_table(Table(Change, [row]).to_arrow(), plans)
    tags = lines(explained(qsync("explain", unit, "--config", past.config, "--json")), "external_tags")
    assert tags["Audited"]["next"].startswith("remove it (no longer there")


def test_an_object_without_a_partner_stands_in_a_bucket_with_the_reason(qsync: Qsync, past: Past) -> None:
    with ledger(past.config) as book:
        stored = Stored(past.config.parent / ".qsync/tables", ["atlan"], book.datastores.keys().values())
    place = next(one for one in stored.places() if one.link and one.link.bucket != "matched")
    one = explained(qsync("explain", place.id, "--config", past.config, "--json"))
    assert one["bucket"] in BUCKETS
    assert one["how"]
    assert one["partners"] == []


def with_second_integration(past: Past) -> None:
    """Configure the catalog once more, as another that read the same."""
    again = past.config.read_text().partition("integrations:\n")[2].replace("name: atlan", "name: second")
    past.config.write_text(past.config.read_text() + again)
    shutil.copytree(past.config.parent / ".qsync/tables/atlan", past.config.parent / ".qsync/tables/second")


def test_what_the_catalogs_alone_have_is_explained_for_each(
    qsync: Qsync, past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    def with_strays(self: Stored, integration: str, stage: str, key: str) -> Sequence[object]:
        found = rows(self, integration, stage, key)
        if stage != snapshot.STAGE or not key.startswith("1-"):
            return found
        return [
            *found,
            replace(next(r for r in found if isinstance(r, CatalogAsset) and r.level == "table"), **stray),
        ]

    rows = Stored.rows
    stray: Any = {"id": "a-stray", "qualified_name": "q/STRAY", "name": "STRAY", "table": "STRAY"}
    monkeypatch.setattr(Stored, "rows", with_strays)
    for name in ("SALES_DB.SALES.STRAY", "a-stray", "q/STRAY"):
        one = explained(qsync("explain", name, "--config", past.config, "--json"))
        assert (one["bucket"], one["id"]) == ("catalog only", "a-stray")
    with_second_integration(past)
    stray["attributes"] = {"URL": "x"}
    both = qsync("explain", "SALES_DB.SALES.STRAY", "--config", past.config, "--json").object["explanations"]
    assert [one["integration"] for one in both] == ["atlan", "second"]
    assert qsync("explain", " ", "--config", past.config).status == 2


def test_an_ambiguous_name_lists_the_candidates(qsync: Qsync, past: Past) -> None:
    said = qsync("explain", "UPDATED_AT", "--config", past.config, "--json")
    assert said.status == 2
    candidates = json.loads(said.out)["candidates"]
    assert len(candidates) > 1
    assert all(one["name"].endswith(".UPDATED_AT") for one in candidates)
    assert candidates[0]["id"] in said.err


def test_a_candidate_that_no_catalog_has_is_listed_once_for_all_of_them(qsync: Qsync, past: Past) -> None:
    alone = qsync("explain", "CRM.open_pipeline_table.stage", "--config", past.config, "--json")
    unit = explained(alone)
    assert unit["bucket"] == "unsupported"
    with_second_integration(past)
    said = qsync("explain", "stage", "--config", past.config)
    assert said.status == 2
    assert [unit["id"] in line for line in said.err.splitlines()].count(True) == 1


def test_a_name_that_is_nowhere_gets_the_nearest_and_status_2(qsync: Qsync, past: Past) -> None:
    said = qsync("explain", "SALES_DB.SALES.ORDER_LINEZ", "--config", past.config)
    assert said.status == 2
    assert TABLE in said.err
    assert said.out == ""


# ledger


def test_a_backup_is_one_whole_file_for_its_owner_alone_and_never_overwrites(
    qsync: Qsync, past: Past, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.sqlite"
    with ledger(past.config) as book:  # in use meanwhile
        assert qsync("ledger", "backup", copy, "--config", past.config).status == 0
        held = book.holdings.counts()
    assert copy.stat().st_mode & 0o077 == 0
    assert list(tmp_path.glob("*copy*")) == [copy]
    with closing(sqlite3.connect(copy)) as raw:
        assert raw.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    with Ledger.open(f"sqlite:///{copy}") as restored:
        assert restored.holdings.counts() == held
    again = qsync("ledger", "backup", copy, "--config", past.config)
    assert again.status != 0
    assert "is there already" in again.err


def test_restoring_keeps_the_one_before_and_what_is_no_copy_changes_nothing(
    qsync: Qsync, past: Past, tmp_path: Path
) -> None:
    copy, junk = tmp_path / "copy.sqlite", tmp_path / "junk"
    qsync("ledger", "backup", copy, "--config", past.config)
    settle(past, Outcome(change(), "applied"), run="after-the-copy")
    junk.write_text("no ledger at all")
    refused = qsync("ledger", "restore", junk, "--config", past.config)
    assert refused.status != 0
    assert "is no copy" in refused.err
    with ledger(past.config) as book:
        assert book.outcomes.of_run("after-the-copy")
    assert qsync("ledger", "restore", copy, "--config", past.config).status == 0
    with ledger(past.config) as book:
        assert book.outcomes.of_run("after-the-copy") == []
        assert book.epoch.doubted_at() is not None
    (before,) = (past.config.parent / ".qsync").glob("ledger.sqlite.before-*")
    with Ledger.open(f"sqlite:///{before}") as book:
        assert book.outcomes.of_run("after-the-copy")


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """None of these commands sends anything."""
    if "past" in request.fixturenames:
        request.getfixturevalue("past")  # made before the door is shut

        def refuse(*_: object, **__: object) -> None:
            raise AssertionError("a command that looks back sent a request")

        monkeypatch.setattr("requests.adapters.HTTPAdapter.send", refuse)
