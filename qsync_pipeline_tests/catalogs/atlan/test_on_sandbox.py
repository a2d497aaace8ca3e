"""The adapter against the sandbox Atlan, over real HTTP."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from qsync_pipeline.catalogs.base import BatchRejected, Catalog
from qsync_pipeline.catalogs.registry import open_catalog
from qsync_pipeline.config import load_config
from qsync_pipeline.core.rows import CatalogAsset, Change, Outcome
from qsync_pipeline.sandbox.testing import ATLAN_ONLY, RunningSandbox, running_sandbox
from qsync_pipeline.transport.errors import Malformed, Unauthorized

TABLE = "SALES_DB.SALES.ORDERS"
OTHER = "SALES_DB.SALES.ORDER_LINES"
Opener = Callable[..., Catalog]


def opened(sandbox: RunningSandbox, **changes: Any) -> Catalog:
    (config,) = (i for i in load_config(sandbox.config).integrations if i.type == "atlan")
    return open_catalog(config.model_copy(update=changes))


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox("small", seed=5, kinds=ATLAN_ONLY) as running:
        yield running


@pytest.fixture
def catalog(sandbox: RunningSandbox) -> Iterator[Catalog]:
    catalog = opened(sandbox)
    yield catalog
    catalog.close()


def everything(catalog: Catalog) -> list[CatalogAsset]:
    return list(catalog.read(catalog.index().schemas))


def named(catalog: Catalog, name: str) -> CatalogAsset:
    """The one asset of a dotted name without awkward characters."""
    (asset,) = (a for a in everything(catalog) if dotted(a) == name)
    return asset


def dotted(asset: CatalogAsset) -> str:
    return ".".join(p for p in (asset.database, asset.schema, asset.table, asset.column) if p is not None)


def define(catalog: Catalog) -> None:
    connections = [c.qualified_name for c in catalog.index().connections if c.readable]
    done, outcomes = catalog.make_definitions(catalog.plan_definitions(connections, {}))
    assert [o.outcome for o in outcomes if o.outcome not in ("applied", "unchanged")] == []
    catalog.use_definitions(done.handle)


def change(asset: CatalogAsset, surface: str, after: Any) -> Change:
    extra = {"name": asset.name, "qualified_name": asset.qualified_name}
    return Change(
        surface,
        "update",
        asset.id,
        dotted(asset),
        after=after,
        kind=asset.kind,
        connection=asset.connection,
        extra=extra,
    )


def results(outcomes: Any) -> list[str]:
    return [outcome.outcome for outcome in outcomes]


# Reading


def test_the_actor_is_the_one_that_announcements_name(catalog: Catalog, sandbox: RunningSandbox) -> None:
    actor = catalog.identity().actor
    alert = {"type": "warning", "title": "t", "text": "m"}
    asset = named(catalog, TABLE)
    catalog.write([change(asset, "announcements", alert)])
    written = catalog.reread([asset.id])[asset.id].alert
    assert written is not None
    assert written.by == actor
    assert catalog.identity().expires_at is not None


def test_what_is_read_is_what_a_person_sees(catalog: Catalog, sandbox: RunningSandbox) -> None:
    rows = {a.id: a for a in everything(catalog)}
    seen = {s["id"]: s for s in sandbox.control.state("atlan", like="%")}
    kinds = Counter(a.level for a in rows.values())
    assert min(kinds[level] for level in ("schema", "table", "column")) > 0
    for id, asset in rows.items():
        if not asset.readable:
            continue
        person = seen[id]
        assert asset.name == person["name"].split(".")[-1] or asset.name in person["name"]
        assert sorted(t.name for t in asset.tags) == sorted({t["name"] for t in person["tags"]})
        by_person = {t["name"]: t for t in person["tags"]}
        for tag in asset.tags:
            assert (tag.origin == "propagated") == (by_person[tag.name]["origin"] == "propagated")
        assert (asset.alert is None) == (person["alert"] is None)
    tables = {id for id, s in seen.items() if s["kind"] in ("Table", "View", "MaterialisedView")}
    assert tables <= set(rows)


@pytest.mark.parametrize("size", [20, 1000])
def test_page_size_changes_requests_not_rows(sandbox: RunningSandbox, catalog: Catalog, size: int) -> None:
    other = opened(sandbox, page_size=size)
    assert sorted(a.id for a in everything(other)) == sorted(a.id for a in everything(catalog))
    other.close()


def test_a_narrowed_read_costs_one_page_and_gives_the_table_whole(
    sandbox: RunningSandbox, catalog: Catalog
) -> None:
    whole = [a for a in everything(catalog) if a.database == "SALES_DB" and a.schema == "SALES"]
    schemas = [s for s in catalog.index().schemas if (s.database, s.schema) == ("SALES_DB", "SALES")]
    sandbox.control.reset_requests()
    found = list(catalog.read(schemas, {"orders"}))
    assert sandbox.control.count("atlan") == 1
    wanted = [a for a in whole if a.level == "schema" or (a.table or "").casefold() == "orders"]
    assert sorted(a.id for a in found) == sorted(a.id for a in wanted)


@pytest.mark.parametrize("mode", ["scrub", "legacy", "full"])
@pytest.mark.rule("5.6", "401 stops the run")
def test_a_hidden_asset_shows_nothing_and_is_forbidden_by_proof(mode: str) -> None:
    with running_sandbox("small", seed=5, kinds=ATLAN_ONLY, switches={"atlan": {"scrub": mode}}) as sandbox:
        catalog = opened(sandbox, page_size=20)
        before = {a.id: a for a in everything(catalog) if dotted(a).split(".")[:3] == TABLE.split(".")}
        sandbox.control.mutate({"system": "atlan", "do": "forbid", "asset": TABLE})
        after = {a.id: a for a in everything(catalog)}
        for id in before:
            assert id not in after or (
                not after[id].readable and not after[id].complete and not after[id].tags
            )
        assert set(catalog.presence(list(before)).values()) == {"forbidden"}
        assert catalog.reread(list(before)) == {}
        sandbox.control.mutate({"system": "atlan", "do": "allow", "asset": TABLE})
        assert set(catalog.presence(list(before)).values()) == {"present"}
        catalog.close()


def test_a_dropped_asset_is_gone_by_proof(sandbox: RunningSandbox, catalog: Catalog) -> None:
    gone, there = named(catalog, TABLE), named(catalog, OTHER)
    sandbox.control.mutate({"system": "atlan", "do": "drop", "asset": TABLE})
    assert catalog.presence([gone.id, there.id]) == {gone.id: "gone", there.id: "present"}
    assert set(catalog.reread([gone.id, there.id])) == {there.id}


def test_a_tag_made_while_we_run_is_named(sandbox: RunningSandbox, catalog: Catalog) -> None:
    named(catalog, TABLE)
    sandbox.control.mutate({"system": "atlan", "do": "tag", "asset": TABLE, "tag": "Brand New"})
    sandbox.control.advance(5)
    asset = named(catalog, TABLE)
    assert "Brand New" in {t.name for t in asset.tags}
    assert asset.complete


@pytest.mark.parametrize(
    ("rule", "error"),
    [
        ({"kind": "drop_key", "key": "approximateCount"}, Malformed),
        ({"kind": "drop_key", "key": "searchParameters"}, Malformed),
        ({"kind": "drop_key", "key": "entities", "skip": 1}, Malformed),
        ({"kind": "html"}, Malformed),
        ({"status": 401, "body": "<html>"}, Unauthorized),
    ],
)
def test_a_broken_page_is_an_error_never_an_empty_catalog(
    sandbox: RunningSandbox, rule: dict[str, Any], error: type[Exception]
) -> None:
    catalog = opened(sandbox, page_size=20)
    schemas = catalog.index().schemas
    sandbox.control.faults({"system": "atlan", "route": "/api/meta/search/indexsearch", **rule})
    with pytest.raises(error):
        list(catalog.read(schemas))
    catalog.close()


# Definitions and writing


def test_values_written_are_what_a_person_reads(sandbox: RunningSandbox, catalog: Catalog) -> None:
    define(catalog)
    asset = named(catalog, TABLE)
    values = {"URL": "https://q.example/1", "Quality Score Total": 97.5, "Check Count": 4, "Anomaly Count": 0}
    alert = {"type": "warning", "title": "2 anomalies", "text": "see https://q.example/1"}
    changes = [change(asset, "custom_metadata", values), change(asset, "announcements", alert)]
    sandbox.control.reset_requests()
    assert results(catalog.write(changes)) == ["applied", "applied"]
    assert sandbox.control.count("atlan") == 1
    (seen,) = sandbox.control.state("atlan", name=TABLE)
    assert {k: v for k, v in seen["attributes"].items() if v is not None} == values
    assert (seen["alert"]["type"], seen["alert"]["title"], seen["alert"]["by"]) == (
        "warning",
        "2 anomalies",
        "integration",
    )
    assert results(catalog.write(changes)) == ["unchanged", "unchanged"]


def test_null_clears_one_value_and_leaves_the_others(catalog: Catalog) -> None:
    define(catalog)
    asset = named(catalog, TABLE)
    catalog.write([change(asset, "custom_metadata", {"Quality Score Total": 50.0, "Check Count": 4})])
    catalog.write([change(asset, "custom_metadata", {"Quality Score Total": None})])
    assert catalog.reread([asset.id])[asset.id].attributes == {"Check Count": 4}


def test_a_write_touches_nothing_else(sandbox: RunningSandbox, catalog: Catalog) -> None:
    define(catalog)
    before = {s["id"]: s for s in sandbox.control.state("atlan", like="%")}
    asset = named(catalog, TABLE)
    catalog.write([change(asset, "custom_metadata", {"Check Count": 4})])
    after = {s["id"]: s for s in sandbox.control.state("atlan", like="%")}
    assert [id for id in before if before[id] != after[id]] == [asset.id]
    assert set(before) == set(after)
    assert after[asset.id]["tags"] == before[asset.id]["tags"]


def test_a_banner_is_cleared_by_three_nulls(sandbox: RunningSandbox, catalog: Catalog) -> None:
    sandbox.control.mutate({"system": "atlan", "do": "set_alert", "asset": TABLE, "text": "hands off"})
    sandbox.control.advance(2)
    asset = named(catalog, TABLE)
    assert asset.alert is not None
    assert asset.alert.by != catalog.identity().actor
    catalog.write([change(asset, "announcements", None)])
    assert sandbox.control.state("atlan", name=TABLE)[0]["alert"] is None


def test_a_search_is_behind_a_write_and_a_reread_is_not(sandbox: RunningSandbox, catalog: Catalog) -> None:
    define(catalog)
    asset = named(catalog, TABLE)
    catalog.write([change(asset, "custom_metadata", {"Check Count": 4})])
    assert named(catalog, TABLE).attributes == {}
    assert catalog.reread([asset.id])[asset.id].attributes == {"Check Count": 4}
    sandbox.control.advance(2)
    assert named(catalog, TABLE).attributes == {"Check Count": 4}


def test_a_write_to_a_dropped_asset_counts_as_missing_and_makes_no_ghost(
    sandbox: RunningSandbox, catalog: Catalog
) -> None:
    define(catalog)
    gone, there = named(catalog, TABLE), named(catalog, OTHER)
    sandbox.control.mutate({"system": "atlan", "do": "drop", "asset": TABLE})
    before = {s["id"] for s in sandbox.control.state("atlan", like="%")}
    outcomes = catalog.write([change(a, "custom_metadata", {"Check Count": 1}) for a in (there, gone)])
    assert [(o.outcome, o.error_class) for o in outcomes] == [("applied", ""), ("rejected", "missing")]
    assert {s["id"] for s in sandbox.control.state("atlan", like="%")} == before


def test_a_write_to_an_unknown_id_refuses_the_batch_and_makes_no_ghost(
    sandbox: RunningSandbox, catalog: Catalog
) -> None:
    define(catalog)
    there = named(catalog, TABLE)
    never = msgspec.structs.replace(
        named(catalog, OTHER),
        id="00000000-0000-4000-8000-000000000000",
        qualified_name="default/x/1/D/S/NEVER",
    )
    before = sandbox.control.state("atlan", like="%")
    with pytest.raises(BatchRejected) as caught:
        catalog.write([change(a, "custom_metadata", {"Check Count": 1}) for a in (there, never)])
    assert caught.value.error_class == "missing"
    assert sandbox.control.state("atlan", like="%") == before


def test_where_we_may_only_read_the_refusal_names_the_asset(catalog: Catalog) -> None:
    define(catalog)
    index = catalog.index()
    (archive,) = (c for c in index.connections if c.name == "Snowflake Archive")
    schemas = [s for s in index.schemas if s.connection == archive.qualified_name]
    locked = next(a for a in catalog.read(schemas) if a.level == "table")
    writable = named(catalog, TABLE)
    with pytest.raises(BatchRejected) as caught:
        catalog.write([change(a, "custom_metadata", {"Check Count": 1}) for a in (writable, locked)])
    assert (caught.value.error_class, caught.value.culprit) == ("permission", locked.id)
    assert catalog.reread([writable.id])[writable.id].attributes == {}


def test_a_value_of_a_wrong_type_is_a_validation_error(catalog: Catalog) -> None:
    define(catalog)
    asset = named(catalog, TABLE)
    catalog.write([change(asset, "custom_metadata", {"Check Count": 1})])
    with pytest.raises(BatchRejected) as caught:
        catalog.write([change(asset, "custom_metadata", {"Check Count": "many"})])
    assert caught.value.error_class == "validation"


def test_a_lost_answer_to_a_write_is_sent_again_harmlessly(sandbox: RunningSandbox, catalog: Catalog) -> None:
    define(catalog)
    asset = named(catalog, TABLE)
    sandbox.control.faults(
        {"system": "atlan", "route": "/api/meta/entity/bulk", "kind": "reset", "phase": "after", "count": 1}
    )
    assert results(catalog.write([change(asset, "custom_metadata", {"Check Count": 4})])) == ["unchanged"]
    assert catalog.reread([asset.id])[asset.id].attributes == {"Check Count": 4}


@pytest.mark.parametrize("phase", ["before", "after"])
def test_a_lost_definition_never_becomes_two(sandbox: RunningSandbox, catalog: Catalog, phase: str) -> None:
    sandbox.control.faults(
        {
            "system": "atlan",
            "route": "/api/meta/types/typedefs",
            "method": "POST",
            "kind": "reset",
            "phase": phase,
            "count": 1,
        }
    )
    connections = [c.qualified_name for c in catalog.index().connections if c.readable]
    _, first = catalog.make_definitions(catalog.plan_definitions(connections, {}))
    assert first[0].outcome == ("applied" if phase == "after" else "rejected")
    define(catalog)
    assert sandbox.control.count("atlan", "POST", route="/api/meta/types/typedefs") <= 2
    plan = catalog.plan_definitions(connections, {})
    sandbox.control.advance(2)
    assert plan.problems == ()
    assert [c.key for c in plan.changes if c.key == "set"] == []


def test_a_second_definitions_run_writes_nothing(sandbox: RunningSandbox, catalog: Catalog) -> None:
    define(catalog)
    sandbox.control.advance(2)
    sandbox.control.reset_requests()
    connections = [c.qualified_name for c in catalog.index().connections if c.readable]
    plan = catalog.plan_definitions(connections, {})
    assert (plan.changes, plan.problems) == ((), ())


SWITCHES: list[dict[str, Any]] = [
    {},
    {"scrub": "legacy"},
    {"scrub": "full"},
    {"scrub_keys": "both"},
    {"business_matrix": "notes"},
    {"reject_unknown_attributes": True},
    {"empty_entities": "list"},
    {"lowercase_keywords": False},
    {"enforce_applicability": True},
    {"empty_struct_defs": True},
    {"propagated_tag_bumps": True},
    {"index_lag": 0.0},
    {"domain_inherits": True},
]


@pytest.mark.parametrize(
    "switches", SWITCHES, ids=lambda s: "-".join(f"{k}={v}" for k, v in s.items()) or "none"
)
def test_every_readable_asset_takes_and_gives_back_values_under_either_setting(
    switches: dict[str, Any],
) -> None:
    with running_sandbox("small", seed=5, kinds=ATLAN_ONLY, switches={"atlan": switches}) as sandbox:
        catalog = opened(sandbox, page_size=50)
        define(catalog)
        archive = {c.qualified_name for c in catalog.index().connections if c.name == "Snowflake Archive"}
        assets = [a for a in everything(catalog) if a.readable and a.connection not in archive]
        outcomes: list[Outcome] = []
        for start in range(0, len(assets), 50):
            batch = assets[start : start + 50]
            outcomes += catalog.write(
                [change(a, "custom_metadata", {"Quality Score Total": 88.8, "Check Count": 2}) for a in batch]
            )
        assert set(results(outcomes)) == {"applied"}
        sandbox.control.advance(5)
        read = {a.id: a.attributes for a in everything(catalog)}
        for asset in assets:
            assert read[asset.id] == {"Quality Score Total": 88.8, "Check Count": 2}
        (table,) = [s for s in catalog.index().schemas if (s.database, s.schema) == ("SALES_DB", "SALES")]
        assert {a.table for a in catalog.read([table], {"orders"}) if a.table} == {"ORDERS"}
        catalog.close()
