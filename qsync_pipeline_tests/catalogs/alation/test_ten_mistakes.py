"""The ten mistakes of other vendors' Alation integrations (alation-api.md §4), one test each."""

from __future__ import annotations

from typing import Any

import pytest

from qsync_pipeline.catalogs.alation.adapter import open_catalog
from qsync_pipeline.core.domains import domain_scope
from qsync_pipeline.core.mapping import Snapshot
from qsync_pipeline.core.rows import CatalogAsset
from qsync_pipeline.sandbox.alation.flags import Flag
from qsync_pipeline_tests.catalogs.alation.conftest import (
    Bench,
    alert,
    change,
    dotted,
    health,
    results,
)


def flags_on(bench: Bench, asset: str) -> list[Flag]:
    return [flag for flag in bench.system.world.flags.by_id.values() if flag.subject.ref == asset]


def person_flags(bench: Bench, asset: str, kind: str = "WARNING", words: str = "<p>Careful</p>") -> Flag:
    world = bench.system.world
    otype, _, number = asset.partition(":")
    node = world.store.get(otype, number)
    assert node is not None
    return world.flags.add(kind, words, node, world.users.named("ada.lovelace"), world.clock.now())


def twins(bench: Bench) -> tuple[CatalogAsset, CatalogAsset]:
    """A table and a column with the same number, neither with a flag."""
    assets = {a.id: a for a in bench.assets() if a.alert is None}
    for asset in assets.values():
        twin = assets.get(asset.id.replace("table:", "attribute:"))
        if asset.level == "table" and twin is not None:
            return asset, twin
    raise AssertionError("the sandbox counts by otype, so there must be one")


def test_1_clearing_a_tables_flag_leaves_the_columns_of_the_same_number_and_peoples_own(bench: Bench) -> None:
    table, column = twins(bench)
    bench.write(change(table, "trust_flags", alert()), change(column, "trust_flags", alert()))
    mine = person_flags(bench, table.id, "DEPRECATION")
    praise = person_flags(bench, table.id, "ENDORSEMENT", "")
    assert results(bench.write(change(table, "trust_flags", None))) == ["applied"]
    assert {flag.id for flag in flags_on(bench, table.id)} == {mine.id, praise.id}
    assert len(flags_on(bench, column.id)) == 1


def test_2_flags_are_read_to_the_last_page(bench: Bench) -> None:
    columns = [a for a in bench.assets() if a.level == "column"]
    for column in columns:
        person_flags(bench, column.id)
    flagged = [a for a in bench.assets(bench.open(page_size=20)) if a.level == "column" and a.alert]
    assert len(flagged) == len(columns) > 100


def test_3_a_flag_is_changed_in_place_and_only_when_it_says_something_else(bench: Bench) -> None:
    asset, _ = twins(bench)
    bench.write(change(asset, "trust_flags", alert("2 active anomalies")))
    (before,) = flags_on(bench, asset.id)
    created = before.created
    bench.control.reset_requests()
    assert results(bench.write(change(asset, "trust_flags", alert("2 active anomalies")))) == ["unchanged"]
    assert bench.control.count("alation", "POST", "PUT", "DELETE") == 0
    assert results(bench.write(change(asset, "trust_flags", alert("1 active anomaly")))) == ["applied"]
    (after,) = flags_on(bench, asset.id)
    assert (after.id, after.created) == (before.id, created)
    assert "1 active anomaly" in after.reason
    assert bench.control.count("alation", "PUT") == 1
    assert bench.control.count("alation", "POST", "DELETE") == 0


def test_4_a_row_that_a_successful_job_did_not_attach_is_rejected(bench: Bench) -> None:
    asset = bench.asset()
    nowhere = change(asset, "data_health", health(asset), "check:8")
    nowhere.extra["qualified_name"] = f"{asset.qualified_name}_NO_SUCH"
    outcomes = bench.write(change(asset, "data_health", health(asset), "check:7"), nowhere)
    assert [(o.outcome, o.error_class) for o in outcomes] == [("applied", ""), ("rejected", "missing")]
    assert "attached nothing" in outcomes[1].reason
    assert [row["rule"] for row in bench.seen()["health"]] == ["notNull"]


def test_4_also_where_there_are_more_failures_than_the_sample_shows(bench: Bench) -> None:
    asset = bench.asset()
    changes = [change(asset, "data_health", health(asset), f"check:{n}") for n in range(40)]
    for one in changes[::2]:
        one.extra["qualified_name"] = "999.NO.SUCH"
    assert results(bench.write(*changes)) == ["rejected", "applied"] * 20


def test_5_certificates_are_checked_and_nothing_switches_that_off(bench: Bench, tmp_path: Any) -> None:
    assert bench.catalog._session._verify is True
    bundle = tmp_path / "ca.pem"
    bundle.write_text("obviously no certificate", encoding="utf-8")
    other = open_catalog(bench.config().model_copy(update={"ca_bundle": bundle}))
    assert other._session._verify == str(bundle)


def test_6_counts_are_numbers_and_not_text(bench: Bench) -> None:
    asset = bench.asset()
    bench.write(change(asset, "data_health", health(asset, value=0, status="No Issues"), "check:7"))
    stored = bench.system.world.health
    (field,) = stored.fields.values()
    (value,) = stored.values()
    assert (field.type, value.value, type(value.value)) == ("NUMERIC", 0, int)


def test_7_a_table_in_a_domain_by_its_schemas_rule_counts(bench: Bench) -> None:
    bench.mutate("set_domain", "SALES_DB.SALES", domain="Innovation Lab")
    index = bench.catalog.index()
    snapshot = Snapshot([*index.connections, *bench.catalog.read(index.schemas)])
    scope = domain_scope(index.domains, ["Innovation Lab"])
    inside = {dotted(a) for a in snapshot.by_id.values() if scope.covers(snapshot.chain(a))}
    assert {"SALES_DB.SALES", "SALES_DB.SALES.ORDER_LINES", "SALES_DB.SALES.ORDER_LINES.QUANTITY"} <= inside


def test_8_the_row_of_an_archived_check_goes_with_its_rule(bench: Bench) -> None:
    asset = bench.asset()
    bench.write(*[change(asset, "data_health", health(asset), f"check:{n}") for n in (7, 8)])
    gone = change(asset, "data_health", None, "check:7", before={"rule": "notNull"})
    assert results(bench.write(gone)) == ["applied"]
    assert set(bench.system.world.health.fields) == {"qsync.alation.check:8"}
    assert [row.key for row in bench.asset().health] == ["check:8"]


@pytest.mark.parametrize("name", ["ORDERS", 'the "VIP" <b>list</b> & more', "https://q.example/x?a=1&b=<2>"])
def test_9_the_link_in_a_flag_is_well_formed_whatever_the_table_is_called(bench: Bench, name: str) -> None:
    asset, _ = twins(bench)
    text = f"Qualytics shows 3 on {name}: https://q.example/1?x=1&qsync=alation"
    bench.write(change(asset, "trust_flags", {"type": "warning", "title": "3 active", "text": text}))
    (flag,) = flags_on(bench, asset.id)
    assert flag.reason.count("<a ") == flag.reason.count("</a>") > 0
    assert '<a href="https://q.example/1?x=1&amp;qsync=alation">' in flag.reason
    shown = bench.catalog.reread([asset.id])[asset.id].alert
    assert shown is not None
    assert (shown.title, shown.text) == ("3 active", text)


def test_10_writing_leaves_every_other_property_of_an_object(bench: Bench) -> None:
    """Enrichment through the relational POST would reset what it leaves out; no such call is made at all."""
    bench.define()
    asset = bench.asset()
    node = bench.system.world.store.get("table", asset.id.partition(":")[2])
    assert node is not None
    node.put("title", "All orders")
    before, others = dict(node.extra), {k: v for k, v in node.values.items() if k < 10_000}
    bench.control.reset_requests()
    bench.write(
        change(asset, "custom_fields", {"Check Count": 4}),
        change(asset, "data_health", health(asset), "check:7"),
    )
    assert node.extra == before
    assert {k: v for k, v in node.values.items() if k < 10_000} == others
    for route in ("schema", "table", "column"):
        path = f"/integration/v2/{route}/"
        assert bench.control.count("alation", "POST", "PATCH", "PUT", route=path) == 0
