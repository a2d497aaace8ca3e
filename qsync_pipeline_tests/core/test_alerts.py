"""Alerts: opened, updated in place, cleared; never a person's (DESIGN.md §5.4)."""

from __future__ import annotations

from dataclasses import replace as with_rules
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsync_pipeline.core.alerts import owner_of
from qsync_pipeline.core.guards import park
from qsync_pipeline.core.mapping import Snapshot
from qsync_pipeline.core.plan import plan_counts
from qsync_pipeline.core.rows import Alert, CatalogAsset, Unit
from qsync_pipeline.core.rules import AlertRules, Bounds, GuardRules
from qsync_pipeline.core.unowned import unowned_assets
from qsync_pipeline.ledger import Holding
from qsync_pipeline_tests.core.build import column, column_of, container, datastore, match, schema, table
from qsync_pipeline_tests.core.catalog_world import ALERTS, MARKER, ME, CatalogWorld

LIFE = "One per table or view (`alerts.levels` can add schema and column)"
OURS = "Ours is what the ledger holds by id and text, or what carries our marker link"
PERSONS = "A person's banner or flag is never replaced or removed; while it stands, ours waits"
TAKES_OVER = "A person who edits ours takes it over: left alone, and reported"
AN_UPDATE = "An alert cleared at zero is an update"
DRIFT = "A value that a person changed after us is drift"
AGAIN = "A second run with nothing changed writes nothing"
GONE = "Proved gone in Qualytics: our values, alert and rows go, guarded"
LEAVING = "Leaving scope (outside the domain, excluded"
LOST = "A lost ledger removes nothing"
GUARDED = "Parked for approval: removals above 30 %"
SWAP = "The same name with a new id is a new link"

T = table("ORDERS")
BANNER = Alert("issue", "Do not use", "Broken since Monday", by="ada")


def orders(count: int | None = 2, **more: Any) -> Unit:
    return container(1, "ORDERS", datastore(), anomaly_count=count, **more)


def world(count: int | None = 2, *assets: CatalogAsset, alerts: AlertRules = ALERTS) -> CatalogWorld:
    return CatalogWorld.of([datastore(), orders(count)], [schema(), *(assets or (T,))], alerts=alerts)


def text_of(w: CatalogWorld) -> str:
    alert = w.alert(T.id)
    return alert.title if alert else ""


@pytest.mark.rule("5.4", LIFE)
def test_an_alert_is_opened_updated_in_place_and_cleared_at_zero() -> None:
    w = world(2)
    assert [change.action for change in w.sync("alerts")["alerts"].changes] == ["create"]
    assert w.alert(T.id) == Alert(
        "warning", "2 open", f"See https://q.example.com/container:1?{MARKER}", by=ME
    )
    w.measure("container:1", anomaly_count=5)
    assert [change.action for change in w.sync("alerts")["alerts"].changes] == ["update"]
    assert text_of(w) == "5 open"
    w.measure("container:1", anomaly_count=0)
    assert [change.action for change in w.sync("alerts")["alerts"].changes] == ["update"], "cleared"
    assert w.alert(T.id) is None
    assert w.held == {}


@pytest.mark.rule("5.5", AGAIN)
def test_a_second_run_leaves_the_alert_as_it_is() -> None:
    w = world()
    w.sync("alerts")
    plan = w.plan("alerts")
    assert plan.changes == []
    assert plan.counts["unchanged"] == 1


@pytest.mark.rule("5.5", AGAIN)
def test_a_write_that_was_thought_to_have_failed_and_did_not_is_taken_up() -> None:
    w = world()
    w.sync("alerts")
    before = dict(w.held)
    w.measure("container:1", anomaly_count=5)
    w.sync("alerts")
    w.held = before
    assert [change.action for change in w.sync("alerts")["alerts"].changes] == ["note"]
    assert w.held["alerts", T.id].value["title"] == "5 open"
    assert w.plan("alerts").changes == []


@pytest.mark.rule("5.4", LIFE)
@pytest.mark.parametrize("count", [0, None])
def test_without_open_anomalies_there_is_no_alert(count: int | None) -> None:
    assert world(count).plan("alerts").changes == []


@pytest.mark.rule("5.4", LIFE)
@pytest.mark.parametrize(
    ("levels", "sources"),
    [
        ({"table"}, {"container:1"}),
        ({"table", "schema"}, {"container:1", "datastore:1"}),
        ({"table", "schema", "column"}, {"container:1", "datastore:1", "field:1"}),
    ],
)
def test_schema_and_column_have_alerts_only_by_the_setting(levels: set[str], sources: set[str]) -> None:
    rules = with_rules(ALERTS, levels=frozenset(levels))
    units = [datastore(anomaly_count=2), orders(), column_of(1, "ID", orders(), anomaly_count=1)]
    w = CatalogWorld.of(units, [schema(), T, column("ID", T)], alerts=rules)
    assert {change.source for change in w.plan("alerts").changes} == sources


@pytest.mark.rule("5.5", AN_UPDATE)
def test_alerts_cleared_at_zero_are_no_removals_and_have_a_guard_of_their_own() -> None:
    units = [datastore(), *(container(n, f"T{n}", datastore(), anomaly_count=1) for n in range(40))]
    w = CatalogWorld.of(units, [schema(), *(table(f"T{n}") for n in range(40))])
    w.sync("alerts")
    w.units = [unit if unit.level == "datastore" else container_at_zero(unit) for unit in w.units]
    changes = w.plan("alerts").changes
    assert len(changes) == 40
    strict = GuardRules(share=0, items=0, clearings=Bounds(1.0, 0))
    assert park(changes, {"alerts": 40}, strict) == (changes, [])
    assert park(changes[:25], {"alerts": 40}, GuardRules()) == (changes[:25], [])
    parked, scopes = park(changes, {"alerts": 40}, GuardRules())
    assert ({change.status for change in parked}, len(scopes)) == ({"parked"}, 1)
    assert "40 of 40 alerts would be cleared" in scopes[0].reason


def container_at_zero(unit: Unit) -> Unit:
    return container(unit.container_id or 0, unit.name, datastore(), anomaly_count=0)


def test_switching_alerts_off_clears_ours_and_only_ours() -> None:
    w = world()
    w.sync("alerts")
    w.alerts = with_rules(ALERTS, enabled=False)
    w.sync("alerts")
    assert w.alert(T.id) is None
    w.announce(T.id, BANNER)
    assert w.plan("alerts").changes == []


@pytest.mark.rule("5.5", GUARDED)
def test_switching_alerts_off_is_a_removal_that_the_guards_count() -> None:
    """A slip in the config takes thousands of alerts down as surely as a bug would."""
    tables = [table(f"T{n}") for n in range(30)]
    units = [container(n, f"T{n}", datastore(), anomaly_count=min(n, 1)) for n in range(30)]
    w = CatalogWorld.of([datastore(), *units], [schema(), *tables])
    w.sync("alerts")
    w.alerts = with_rules(ALERTS, enabled=False)
    changes = w.plan("alerts").changes
    assert {change.action for change in changes} == {"remove"}
    parked, scopes = park(changes, {"alerts": 29}, GuardRules())
    assert ({change.status for change in parked}, len(scopes)) == ({"parked"}, 1)


@pytest.mark.rule("5.4", PERSONS)
def test_while_a_persons_banner_stands_ours_waits_and_is_no_planned_write() -> None:
    w = world(2, table("ORDERS", alert=BANNER))
    plan = w.sync("alerts")["alerts"]
    assert [(change.action, change.status) for change in plan.changes] == [("create", "waiting")]
    assert "ada" in plan.changes[0].reason
    assert plan_counts(plan.changes)["alerts"] == {"create": 0, "update": 0, "remove": 0}
    assert w.alert(T.id) == BANNER
    w.announce(T.id, None)
    w.sync("alerts")
    assert text_of(w) == "2 open"


@pytest.mark.rule("5.4", PERSONS)
def test_a_persons_banner_is_not_cleared_at_zero() -> None:
    w = world(0, table("ORDERS", alert=BANNER))
    assert w.plan("alerts").changes == []


@pytest.mark.rule("5.4", TAKES_OVER)
def test_a_person_who_edits_ours_takes_it_over() -> None:
    w = world()
    w.sync("alerts")
    mine = w.alert(T.id)
    assert mine is not None
    edited = Alert(mine.type, "2 open, Ada is on it", mine.text, by="ada")
    w.announce(T.id, edited)
    plan = w.sync("alerts")["alerts"]
    assert plan.counts["taken_over"] == 1
    assert [(change.action, change.status) for change in plan.changes] == [
        ("note", "planned"),
        ("create", "waiting"),
    ]
    assert "ada took our alert over" in plan.changes[0].reason
    assert w.held == {}
    for count in (5, 0):
        w.measure("container:1", anomaly_count=count)
        w.sync("alerts")
        assert w.alert(T.id) == edited


@pytest.mark.rule("5.4", OURS)
@pytest.mark.parametrize(
    ("held", "text", "by", "owner"),
    [
        (None, f"See {MARKER}", ME, "ours"),
        (None, f"See {MARKER}", "an earlier token", "ours"),
        (None, f"See {MARKER}", "ada", "person"),
        (None, "Anything", ME, "person"),
        (None, "Anything", None, "person"),
        ("Ours", "Ours", "ada", "ours"),
        ("Ours", "<p>Ours</p>", None, "ours"),
        ("Ours", f"Other {MARKER}", "ada", "person"),
        ("Ours", f"Other {MARKER}", ME, "ours"),
        (None, f"See {MARKER}_two", ME, "person"),
        (None, f"See {MARKER}-two", ME, "person"),
        (None, f"See {MARKER}&x=1", ME, "ours"),
    ],
)
def test_whose_an_alert_is(held: str | None, text: str, by: str | None, owner: str) -> None:
    rules = with_rules(ALERTS, actors=frozenset({ME, "an earlier token"}))
    row = holding({"type": "warning", "title": "t", "text": held}) if held else None
    assert owner_of(Alert("warning", "t", text, by), row, rules) == owner


def holding(value: dict[str, str] | None, pending: dict[str, str] | None = None) -> Holding:
    return Holding(
        integration="atlan",
        surface="alerts",
        target=T.id,
        datastore="1-sales",
        value=value,
        pending=pending,
        has_pending=pending is not None,
        run_id="run 1",
        set_at=1.0,
    )


@pytest.mark.rule("5.4", OURS)
def test_no_alert_is_nobodys() -> None:
    assert owner_of(None, holding({"type": "t", "title": "t", "text": "t"}), ALERTS) == "nobody"


@pytest.mark.rule("5.4", OURS)
def test_a_changed_token_changes_no_ownership() -> None:
    w = world()
    w.sync("alerts")
    w.alerts = with_rules(ALERTS, actors=frozenset({"another token"}))
    assert w.plan("alerts").changes == []
    w.measure("container:1", anomaly_count=0)
    w.sync("alerts")
    assert w.alert(T.id) is None


@pytest.mark.rule("5.5", LOST)
def test_after_a_lost_ledger_ours_is_known_by_marker_and_actor_and_taken_up() -> None:
    w = world()
    w.sync("alerts")
    w.held.clear()
    plan = w.sync("alerts")["alerts"]
    assert [change.action for change in plan.changes] == ["note"]
    assert w.writes == []
    assert w.plan("alerts").changes == []


@pytest.mark.rule("5.5", LOST)
def test_after_a_lost_ledger_an_alert_to_be_cleared_is_listed_and_goes_by_command_only() -> None:
    w = world()
    w.sync("alerts")
    w.held.clear()
    w.measure("container:1", anomaly_count=0)
    for _ in range(3):
        plan = w.sync("alerts")["alerts"]
        assert [(one.action, one.status) for one in plan.changes] == [("remove", "skipped")]
        assert "--adopt" in plan.changes[0].reason
        assert plan.counts["unowned"] == 1
    assert text_of(w) == "2 open"
    w.alerts = with_rules(ALERTS, adopt=True)
    w.sync("alerts")
    assert w.alert(T.id) is None


@pytest.mark.rule("5.5", LOST)
@pytest.mark.parametrize(
    ("asset", "listed"),
    [
        (table("LEFT", alert=Alert("warning", "t", MARKER, by=ME)), True),
        (table("LEFT", attributes={"Check Count": 1}), True),
        (column("LEFT", T, attributes={"Check Count": 1}), True),
        (table("LEFT", alert=BANNER), False),
        (table("LEFT"), False),
        (schema("LEFT", attributes={"Check Count": 1}), False),
    ],
)
def test_what_is_ours_on_assets_that_nobody_knows_any_more_is_listed(
    asset: CatalogAsset, listed: bool
) -> None:
    snapshot = Snapshot([schema(), T, asset])
    links = [*match([datastore(), orders()], [schema(), T, asset]).values()]
    assert unowned_assets(links, snapshot, set(), ALERTS) == [asset.qualified_name] * listed
    assert unowned_assets(links, snapshot, {asset.id}, ALERTS) == []


@pytest.mark.rule("5.1", SWAP)
def test_an_alert_on_a_column_goes_when_its_table_became_another_containers() -> None:
    alerts = with_rules(ALERTS, levels=frozenset({"column"}))
    total = column_of(7, "TOTAL", orders(), anomaly_count=2)
    w = CatalogWorld.of(
        [datastore(), orders(), container(2, "PEOPLE", datastore()), total],
        [schema(), table("ORDERS", id="a"), table("PEOPLE", id="b"), column("TOTAL", T, id="t")],
        alerts=alerts,
    )
    w.sync("alerts")
    assert w.alert("t") is not None
    w.assets |= {"a": table("PEOPLE", id="a"), "b": table("ORDERS", id="b")}
    w.assets["t"] = column("TOTAL", table("PEOPLE"), id="t", alert=w.alert("t"))
    w.sync("alerts")
    assert w.alert("t") is None


@pytest.mark.rule("5.5", DRIFT)
def test_an_alert_that_a_person_cleared_is_drift_and_opened_again_or_kept_off() -> None:
    w = world()
    w.sync("alerts")
    w.announce(T.id, None)
    w.alerts = with_rules(ALERTS, on_drift="keep")
    kept = w.sync("alerts")["alerts"]
    assert kept.counts["drift"] == 1
    assert [change.status for change in kept.changes] == ["skipped"]
    assert w.alert(T.id) is None
    w.alerts = ALERTS
    assert w.sync("alerts")["alerts"].counts["drift"] == 1
    assert text_of(w) == "2 open"


def test_an_alert_that_both_sides_ended_is_let_go_of_without_a_write() -> None:
    w = world()
    w.sync("alerts")
    w.announce(T.id, None)
    w.measure("container:1", anomaly_count=0)
    assert w.sync("alerts")["alerts"].counts["drift"] == 0
    assert w.writes == []
    assert w.held == {}


@pytest.mark.rule("5.1", GONE)
def test_when_its_table_is_gone_in_qualytics_our_alert_goes_and_that_removal_is_guarded() -> None:
    w = world()
    w.sync("alerts")
    w.units = [datastore()]
    assert w.plan("alerts").changes == []
    w.gone = {"container:1"}
    changes = w.plan("alerts").changes
    assert [change.action for change in changes] == ["remove"]
    assert park(changes, {"alerts": 1}, GuardRules(share=0.0, items=0))[1]
    w.sync("alerts")
    assert w.alert(T.id) is None


@pytest.mark.rule("5.1", GONE)
@pytest.mark.rule("5.4", PERSONS)
def test_a_banner_that_a_person_put_there_meanwhile_stays_when_the_table_is_gone() -> None:
    w = world()
    w.sync("alerts")
    w.units, w.gone = [datastore()], {"container:1"}
    w.announce(T.id, BANNER)
    w.sync("alerts")
    assert w.alert(T.id) == BANNER
    assert w.held == {}


@pytest.mark.rule("5.1", LEAVING)
@pytest.mark.parametrize(("said", "frozen"), [("forbidden", 1), ("unknown", 1), ("gone", 0)])
def test_an_alert_on_an_asset_out_of_sight_is_frozen_until_it_is_proved_gone(said: str, frozen: int) -> None:
    w = world()
    w.sync("alerts")
    del w.assets[T.id]
    w.presence = {T.id: said}
    w.measure("container:1", anomaly_count=0)
    plan = w.sync("alerts")["alerts"]
    assert (plan.counts["frozen"], len(w.held)) == (frozen, frozen)
    assert w.writes == []


@pytest.mark.rule("5.1", "A scrubbed row, a page that failed")
def test_an_alert_that_is_hidden_keeps_its_holding() -> None:
    w = world()
    w.sync("alerts")
    w.assets[T.id] = table("ORDERS", readable=False, complete=False)
    for gone in (set(), {"container:1"}):
        w.gone = gone
        w.units = [datastore()] if gone else w.units
        plan = w.plan("alerts")
        assert plan.changes == []
        assert plan.counts["frozen"] == 1


counts = st.none() | st.integers(0, 3)
banners = st.sampled_from([None, BANNER, Alert("warning", "2 open", f"mine now {MARKER}", by="ada")])
happenings = st.lists(
    st.tuples(st.just("count"), counts)
    | st.tuples(st.just("banner"), banners)
    | st.tuples(st.just("sync"), st.none()),
    max_size=6,
)


def tell(w: CatalogWorld, events: list[tuple[str, Any]]) -> None:
    for what, value in events:
        if what == "count":
            w.measure("container:1", anomaly_count=value)
        elif what == "banner":
            w.announce(T.id, value)
        else:
            w.sync("alerts")


@pytest.mark.rule("5.4", PERSONS)
@pytest.mark.rule("5.5", AGAIN)
@given(happenings)
def test_a_persons_banner_outlives_every_run_and_another_run_does_nothing(
    events: list[tuple[str, Any]],
) -> None:
    w = world(0)
    tell(w, events)
    before = w.alert(T.id)
    w.sync("alerts")
    after = w.alert(T.id)
    if before is not None and before.by == "ada":
        assert after == before
    else:
        count = w.units[1].anomaly_count
        assert (after.title if after else None) == (f"{count} open" if count else None)
    assert [change for change in w.plan("alerts").changes if change.status == "planned"] == []


@pytest.mark.rule("5.5", "Desired, actual and ledger decide (three-way)")
@given(events=happenings, last=counts, steps=st.integers(1, 4), banner=st.booleans())
def test_a_run_that_dies_at_any_point_is_finished_by_the_next(
    events: list[tuple[str, Any]], last: int | None, steps: int, banner: bool
) -> None:
    worlds = [world(0) for _ in range(2)]
    for w in worlds:
        tell(w, events)
        w.sync("alerts")
        w.measure("container:1", anomaly_count=last)
    undisturbed, died = worlds
    died.sync("alerts", steps=steps)
    if banner:
        died.announce(T.id, BANNER)
        undisturbed.announce(T.id, BANNER)
    else:
        assert died.plan("alerts").counts["taken_over"] == 0
    died.sync("alerts")
    undisturbed.sync("alerts")
    assert died.alert(T.id) == undisturbed.alert(T.id)
    assert {k: row.value for k, row in died.held.items()} == {
        k: row.value for k, row in undisturbed.held.items()
    }
    assert all(not row.has_pending for row in died.held.values())
