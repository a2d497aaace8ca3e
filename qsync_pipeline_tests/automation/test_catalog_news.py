"""What a catalog tells, as events: our own writes left out, at the right place, and never too many."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from qsync_pipeline.automation.catalog_news import CURSOR, CatalogNews, notice_changes
from qsync_pipeline.automation.watching import build_watching
from qsync_pipeline.catalogs.base import Changes, TagNews
from qsync_pipeline.config import Config, load_config
from qsync_pipeline.core.rows import Change, Link, Outcome
from qsync_pipeline.core.tags_out import SURFACE
from qsync_pipeline.ledger import Ledger
from qsync_pipeline.ledger.datastores import DatastoreSeen
from qsync_pipeline.resources import CatalogResource, LedgerResource
from qsync_pipeline.sync.feeds.looking import MANY
from qsync_pipeline.transport.errors import Unauthorized, Unreachable

KEY = "7-shop"


class Told:
    """A catalog that tells what it was given, once."""

    def __init__(self, *news: TagNews, error: Exception | None = None) -> None:
        self.news = news
        self.error = error
        self.asked: list[str | None] = []

    def changes(self, cursor: str | None, *, propagated: bool) -> Changes:
        self.asked.append(cursor)
        if self.error is not None:
            raise self.error
        found, self.news = self.news, ()
        return Changes(found, f"after {len(self.asked)}", "audit")

    def close(self) -> None:
        """Nothing is open."""


def news(asset: str, *, actor: str = "ada", at_ms: int = 1000, tag: str = "", added: bool = False) -> TagNews:
    return TagNews(
        asset, "Table", f"default/snowflake/1/DB/S/{asset}", "CLASSIFICATION_ADD", at_ms, actor, tag, added
    )


@pytest.fixture
def config() -> Config:
    return load_config(check_secrets=False)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A ledger that knows one datastore with many tables, paired with assets ``t0``, ``t1``, ..."""
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.sqlite") as one:
        one.datastores.register([DatastoreSeen(7, "shop")])
        links = [Link("datastore:7", "datastore", "shop", "matched", assets=("schema",))]
        links += [
            Link(f"container:{number}", "container", f"shop.T{number}", "matched", assets=(f"t{number}",))
            for number in range(MANY + 5)
        ]
        one.links.replace("atlan", KEY, links)
        yield one


def tick(ledger: Ledger, config: Config, catalog: Told) -> CatalogNews:
    return notice_changes(catalog, ledger, config.integration("atlan"))


def test_what_people_did_is_noted_where_it_is(ledger: Ledger, config: Config) -> None:
    assert tick(ledger, config, Told(news("t1"), news("schema"), news("elsewhere"))).events == 2
    events = ledger.events.after(0)
    assert {(event.datastore_id, event.container) for event in events} == {(7, "T1"), (7, "")}
    assert {(event.source, event.direction, event.integration) for event in events} == {
        ("audit", "pull", "atlan")
    }


def test_what_an_actor_of_ours_did_is_no_news(ledger: Ledger, config: Config) -> None:
    ledger.notes.put("atlan", "actors", ["robot-1", "robot-2"])
    told = Told(news("t1", actor="robot-1"), news("t2", actor="robot-2"), news("t3"))
    assert tick(ledger, config, told).changes == 1
    assert [event.container for event in ledger.events.after(0)] == ["T3"]


def test_a_tag_that_the_ledger_says_we_put_there_is_no_news(ledger: Ledger, config: Config) -> None:
    ours = Change(SURFACE, "create", "t1", "shop.T1", key="pii", after="PII")
    ledger.intend("run", "atlan", KEY, [ours])
    ledger.settle("run", "atlan", KEY, [Outcome(ours, "applied")])
    told = Told(
        news("t1", actor="", tag="PII", added=True),
        news("t2", actor="", tag="PII", added=True),
        news("t1", actor="", tag="Other", added=True),
    )
    assert tick(ledger, config, told).changes == 2
    assert {event.container for event in ledger.events.after(0)} == {"T1", "T2"}


def test_very_many_tables_of_a_datastore_are_one_event_for_all_of_it(ledger: Ledger, config: Config) -> None:
    tick(ledger, config, Told(*(news(f"t{number}", at_ms=number) for number in range(MANY + 1))))
    assert [event.container for event in ledger.events.after(0)] == [""]


def test_the_cursor_goes_from_tick_to_tick_and_stays_where_a_call_failed(
    ledger: Ledger, config: Config
) -> None:
    catalog = Told()
    assert tick(ledger, config, catalog).first
    assert not tick(ledger, config, catalog).first
    with pytest.raises(Unreachable):
        tick(ledger, config, Told(error=Unreachable("atlan: no answer")))
    assert catalog.asked == [None, "after 1"]
    assert ledger.notes.get("atlan", CURSOR) == "after 2"


def test_the_sensors_run_where_the_configuration_says_so(config: Config) -> None:
    running = dg.DefaultSensorStatus.RUNNING
    quiet = config.model_copy(
        update={
            "integrations": tuple(
                one.model_copy(update={"event_driven": False, "pull_on_change": one.name == "atlan"})
                for one in config.integrations
            )
        }
    )
    usual = {sensor.name: sensor.default_status == running for sensor in build_watching(config)}
    changed = {sensor.name: sensor.default_status == running for sensor in build_watching(quiet)}
    assert (usual["qualytics_changes"], usual["atlan_changes"]) == (True, False)
    assert (changed["qualytics_changes"], changed["atlan_changes"]) == (False, True)


@pytest.mark.parametrize(
    ("error", "fails"),
    [(Unreachable("atlan: no answer"), False), (Unauthorized("atlan: make a new token"), True)],
)
def test_a_failing_catalog_is_told_on_the_sensors_page(
    config: Config, ledger: Ledger, monkeypatch: pytest.MonkeyPatch, error: Exception, fails: bool
) -> None:
    monkeypatch.setattr(CatalogResource, "catalog", lambda self, book: Told(error=error))
    monkeypatch.setattr(LedgerResource, "ledger", lambda self: ledger)
    (sensor,) = [one for one in build_watching(config) if one.name == "atlan_changes"]
    resources = {
        "ledger": LedgerResource(config_path=""),
        "atlan": CatalogResource(config_path="", integration="atlan", type="atlan", url="http://127.0.0.1"),
    }
    with (
        dg.DagsterInstance.ephemeral() as instance,
        dg.build_sensor_context(instance, resources=resources) as context,
    ):
        if fails:
            with pytest.raises(dg.Failure, match="make a new token"):
                sensor.evaluate_tick(context)
        else:
            assert "no answer" in str(sensor.evaluate_tick(context).skip_message)
