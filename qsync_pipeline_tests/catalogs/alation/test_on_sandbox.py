"""The adapter against the sandbox Alation, over real HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from qsync_pipeline.catalogs.base import BatchRejected
from qsync_pipeline.config.secrets import Secret
from qsync_pipeline.core.domains import domain_scope
from qsync_pipeline.core.mapping import Snapshot
from qsync_pipeline.core.rows import CatalogAsset
from qsync_pipeline.transport.errors import Unauthorized
from qsync_pipeline_tests.catalogs.alation.conftest import (
    TABLE,
    Bench,
    MakeBench,
    alert,
    change,
    dotted,
    health,
    results,
)

# Reading


def test_what_is_read_is_what_a_person_sees(bench: Bench) -> None:
    seen = {entry["id"]: entry for entry in bench.control.state("alation", like="%")}
    assets = bench.assets()
    assert {a.level for a in assets} == {"schema", "table", "column"}
    for asset in assets:
        person = seen.pop(asset.id)
        assert asset.name in person["name"]
        assert sorted(t.name for t in asset.tags) == sorted(t["name"] for t in person["tags"])
        assert (asset.alert is None) == (person["alert"] is None)
    # What is left is not in schemas, or in a source that the token may not see.
    assert all(id.startswith("data:") or entry["name"].startswith("hr.") for id, entry in seen.items())


def test_the_index_tells_databases_from_schemas(bench: Bench) -> None:
    index = bench.catalog.index()
    assert index.gaps == ()
    names = {(s.database, s.schema, s.connector) for s in index.schemas}
    assert ("SALES_DB", "SALES", "snowflake") in names
    assert ("crm", "public", "postgresql") in names
    assert (None, "shop", "mysql") in names
    hosts = {c.connector: c.host for c in index.connections}
    assert hosts["mysql"] == "shop-db.acme.example.com"
    assert {s.connection for s in index.schemas} <= {c.qualified_name for c in index.connections}


SOURCES = "/integration/v2/datasource/"
NO_TYPE = {"system": "alation", "route": SOURCES, "kind": "drop_key", "key": "uri", "each": True}
UNLISTED = {"system": "alation", "route": SOURCES, "status": 200, "body": []}


@pytest.mark.rule("5.5", "Never act on a partial read")
@pytest.mark.parametrize("fault", [NO_TYPE, UNLISTED])
def test_a_source_that_the_list_does_not_show_whole_is_asked_for_by_id(bench: Bench, fault: Any) -> None:
    whole = bench.catalog.index()
    bench.control.faults(fault)
    index = bench.catalog.index()
    assert sorted(index.connections, key=str) == sorted(whole.connections, key=str)
    assert index.schemas == whole.schemas


@pytest.mark.parametrize(("fault", "listed"), [(NO_TYPE, True), (UNLISTED, False)])
def test_a_source_that_may_not_be_asked_for_by_id_shows_no_type(
    bench: Bench, fault: Any, listed: bool
) -> None:
    whole = bench.catalog.index()
    crm = next(one for one in whole.connections if one.name == "CRM PostgreSQL")
    number = crm.qualified_name
    bench.control.faults(fault, {"system": "alation", "route": f"{SOURCES}{number}/", "status": 403})
    index = bench.catalog.index()
    assert {s.connector for s in index.schemas if s.connection == number} == {""}
    assert {s.connector for s in index.schemas if s.connection != number} == {"mysql", "snowflake"}
    assert (crm.name in {c.name for c in index.connections}) == listed


def test_tables_can_be_asked_for_by_name_in_any_case(bench: Bench) -> None:
    schemas = [s for s in bench.catalog.index().schemas if s.schema == "SALES"]
    found = list(bench.catalog.read(schemas, ["orders", "NO_SUCH"]))
    whole = [a for a in bench.assets() if a.level == "schema" or (a.table or "").lower() == "orders"]
    assert {a.id for a in found} == {a.id for a in whole if a.schema == "SALES"}


@pytest.mark.parametrize("size", [20, 37, 1000])
def test_page_size_changes_requests_not_rows(bench: Bench, size: int) -> None:
    assert bench.assets(bench.open(page_size=size)) == bench.assets()


def test_a_lower_cap_than_the_page_size_loses_nothing(make_bench: MakeBench, bench: Bench) -> None:
    assert make_bench(page_cap=7).assets() == bench.assets()


@pytest.mark.parametrize(
    "switches",
    [{"subject_property": "object"}, {"flag_subject_id": "text"}, {"absolute_next_page": True}],
)
def test_vendor_variants_read_the_same(make_bench: MakeBench, bench: Bench, switches: Any) -> None:
    assert make_bench(**switches).assets() == bench.assets()


def test_tags_cost_a_call_for_each_tag_and_not_for_each_object(bench: Bench) -> None:
    bench.control.reset_requests()
    assets = bench.assets()
    tags = {tag.name for asset in assets for tag in asset.tags}
    calls = bench.control.count("alation", "GET", route="/integration/tag/{name}/subject/")
    assert len(tags) <= calls < len(assets) / 4
    assert bench.control.count("alation", "GET", route="/integration/tag/") == 1


@pytest.mark.parametrize("tag", ["a/b", "#hash & more?", "two words", "Données 客户", "100%"])
def test_tags_of_any_name_arrive(bench: Bench, tag: str) -> None:
    bench.mutate("tag", TABLE, tag=tag)
    assert tag in {one.name for one in bench.asset().tags}
    bench.mutate("untag", TABLE, tag=tag)
    assert tag not in {one.name for one in bench.asset().tags}


def test_a_renamed_tag_keeps_its_id(bench: Bench) -> None:
    bench.mutate("tag", TABLE, tag="Old")
    before = {tag.name: tag.id for tag in bench.asset().tags}
    bench.mutate("rename_tag", **{"from": "Old", "to": "New"})
    after = {tag.name: tag.id for tag in bench.asset().tags}
    assert after["New"] == before["Old"]
    assert "Old" not in after


def test_tags_that_cannot_be_read_make_every_asset_incomplete_and_nothing_else(bench: Bench) -> None:
    bench.control.faults({"system": "alation", "route": "/integration/tag/", "status": 403})
    index = bench.catalog.index()
    assert [gap.partition(":")[0] for gap in index.gaps] == ["tags"]
    assets = list(bench.catalog.read(index.schemas))
    assert assets
    assert not any(asset.complete for asset in assets)
    assert "403" in bench.catalog.tags_unread()


@pytest.mark.rule("5.5", "Never act on a partial read")
@pytest.mark.parametrize(
    ("route", "key"),
    [("/integration/v2/domain/", "parent_id"), ("/integration/v2/domain/*rules/", "recursive")],
)
def test_domains_that_are_told_in_part_are_a_gap(bench: Bench, route: str, key: str) -> None:
    bench.control.faults({"system": "alation", "route": route, "kind": "drop_key", "key": key, "each": True})
    index = bench.catalog.index()
    assert [gap.partition(":")[0] for gap in index.gaps] == ["domains"]


def test_domains_reach_tables_by_recursion_and_leave_out_what_is_excluded(bench: Bench) -> None:
    bench.mutate("set_domain", "SALES_DB.SALES", domain="Finance")
    bench.mutate("set_domain", TABLE, domain="Finance", exclude=True)
    index = bench.catalog.index()
    snapshot = Snapshot([*index.connections, *bench.catalog.read(index.schemas)])
    scope = domain_scope(index.domains, ["Finance"])
    inside = {dotted(a) for a in snapshot.by_id.values() if scope.covers(snapshot.chain(a))}
    assert "SALES_DB.SALES" in inside
    assert any(name.startswith("SALES_DB.SALES.ORDER_LINES.") for name in inside)
    assert not any(name == TABLE or name.startswith(f"{TABLE}.") for name in inside)


def test_the_core_sees_the_domains_that_people_see(bench: Bench) -> None:
    catalog = bench.catalog
    for name in ("Sales", "Customer", "Finance"):
        catalog = bench.open(domains=(name,))
        index = catalog.index()
        snapshot = Snapshot([*index.connections, *catalog.read(index.schemas)])
        scope = domain_scope(index.domains, [name])
        for entry in bench.control.state("alation", like="%"):
            asset = snapshot.by_id.get(entry["id"])
            if asset is not None:
                people = {d.rpartition("/")[2] for d in entry["domains"]}
                wanted = {d.name for d in index.domains if d.id in scope.wanted}
                assert scope.covers(snapshot.chain(asset)) == bool(people & wanted), entry


# Writing


def test_values_flags_and_rows_of_several_objects_go_in_one_write(bench: Bench) -> None:
    bench.define()
    assets = [a for a in bench.assets() if a.level == "table" and a.alert is None][:4]
    column = next(a for a in bench.assets() if a.level == "column")
    changes = [change(column, "custom_fields", {"Check Count": 1})]
    for asset in assets:
        values = {"URL": "https://q.example/1", "Quality Score Total": 97.3, "Anomaly Count": 0}
        changes += [
            change(asset, "trust_flags", alert()),
            change(asset, "data_health", health(asset), "check:7"),
            change(asset, "custom_fields", values),
        ]
    bench.control.reset_requests()
    assert set(results(bench.write(*changes))) == {"applied"}
    assert bench.control.count("alation", "PUT") == 1
    assert bench.control.count("alation", "POST", route="/integration/v1/data_quality/") == 1
    for asset in assets:
        person = bench.seen(dotted(asset))
        assert person["attributes"] == {
            "URL": "https://q.example/1", "Quality Score Total": 97.3, "Anomaly Count": 0,
        }  # fmt: skip
        assert person["alert"]["by"] == "integration"
        (row,) = person["health"]
        assert (row["rule"], row["status"], row["value"]) == ("notNull", "Alert", 2)
    fresh = bench.catalog.reread([a.id for a in assets])
    assert [fresh[a.id].alert.title for a in assets if fresh[a.id].alert] == ["2 active anomalies"] * 4  # type: ignore[union-attr]  # is there
    again = {a.id: a for a in bench.assets()}
    assert all(fresh[a.id] == again[a.id] for a in assets)


def test_a_null_clears_a_value(bench: Bench) -> None:
    bench.define()
    asset = bench.asset()
    bench.write(change(asset, "custom_fields", {"Check Count": 4, "Anomaly Count": 0}))
    bench.write(change(asset, "custom_fields", {"Check Count": None}))
    assert bench.seen()["attributes"] == {"Anomaly Count": 0}
    assert set(bench.asset().attributes) == {"Anomaly Count"}


@pytest.mark.parametrize("shape", ["job_id", "href", "task", "job", "job_name"])
@pytest.mark.parametrize("deployment", ["cloud", "onprem"])
def test_every_announcement_on_either_deployment(make_bench: MakeBench, shape: str, deployment: str) -> None:
    bench = make_bench(announcement=shape, deployment=deployment)
    bench.define()
    asset = bench.asset()
    rows = [change(asset, "data_health", health(asset), "check:7")]
    assert results(bench.write(change(asset, "custom_fields", {"Check Count": 4}), *rows)) == ["applied"] * 2
    assert bench.seen()["attributes"] == {"Check Count": 4}


def test_a_hidden_object_is_named_as_the_culprit_of_its_batch(bench: Bench) -> None:
    bench.define()
    asset, other = bench.asset(), bench.asset("SALES_DB.SALES.ORDER_LINES")
    bench.mutate("forbid", TABLE)
    changes = [change(a, "custom_fields", {"Check Count": 1}) for a in (other, asset)]
    with pytest.raises(BatchRejected) as caught:
        bench.write(*changes)
    assert (caught.value.culprit, caught.value.error_class) == (asset.id, "missing")
    assert results(bench.write(changes[0])) == ["applied"]


def test_a_viewer_is_told_what_is_missing(bench: Bench) -> None:
    bench.define()
    viewer = bench.as_user("only-looks", "VIEWER")
    viewer.use_definitions(bench.catalog.plan_definitions(["any"], {}).handle)
    asset = bench.asset()
    for one in (
        change(asset, "custom_fields", {"Check Count": 1}),
        change(asset, "trust_flags", alert()),
        change(asset, "data_health", health(asset), "check:7"),
    ):
        with pytest.raises(BatchRejected) as caught:
            viewer.write([one])
        assert caught.value.error_class == "permission"
    plan = viewer.plan_definitions(["any"], {})
    assert plan.changes == ()


# Identity and presence


def test_the_actor_is_the_one_that_flags_name(bench: Bench) -> None:
    identity = bench.catalog.identity()
    asset = next(a for a in bench.assets() if a.level == "table" and a.alert is None)
    bench.write(change(asset, "trust_flags", alert()))
    written = bench.catalog.reread([asset.id])[asset.id].alert
    assert written is not None
    assert written.by == identity.actor
    assert identity.expires_at == pytest.approx(bench.sandbox.server.clock.now() + 60 * 86400, abs=60)


def test_an_oauth_client_reads_and_writes_like_a_user(bench: Bench) -> None:
    path = bench.sandbox.config.parent / "client.secret"
    path.write_text(bench.system.oauth["client_secret"] + "\n", encoding="utf-8")
    client_id = bench.system.oauth["client_id"]
    secret = Secret(file=path)
    catalog = bench.open(refresh_token=None, user_id=None, client_id=client_id, client_secret=secret)
    assert catalog.identity().expires_at is None
    assert bench.assets(catalog) == bench.assets()


def test_tokens_that_end_in_the_middle_are_renewed(bench: Bench) -> None:
    before = bench.assets()
    bench.system.expire_access_tokens()
    assert bench.assets() == before


def test_a_lapsed_refresh_token_says_what_to_do(bench: Bench) -> None:
    bench.system.expire_refresh_token(bench.system.credentials()["refresh_token"])
    with pytest.raises(Unauthorized, match=r"make a new one .*/account/auth.*alation\.refresh_token"):
        bench.open().identity()


def test_notes_tell_the_administrators_part_and_the_identity_how_long_the_token_lives(bench: Bench) -> None:
    notes = bench.catalog.notes()
    assert any('"Qualytics Quality Score Total"' in note and "Custom Templates" in note for note in notes)
    assert len(notes) == 2
    identity = bench.catalog.identity()
    assert round(identity.days_left(bench.sandbox.server.clock.now() + 50 * 86400) or 0) == 10
    assert "make a new one in Alation's profile settings" in identity.renewal


def test_a_deleted_object_is_gone_where_a_tag_proves_it_and_a_hidden_one_never(bench: Bench) -> None:
    tagged, hidden = bench.asset(), bench.asset("SALES_DB.SALES.ORDER_LINES")
    assert tagged.tags
    bench.mutate("tag", dotted(hidden), tag="Seen")
    bench.mutate("drop", dotted(tagged))
    bench.mutate("forbid", dotted(hidden))
    stays = bench.asset("SALES_DB.SALES.PRODUCT")
    assert bench.catalog.presence([tagged.id, hidden.id, stays.id, "table:999999", "no-id"]) == {
        tagged.id: "gone",
        hidden.id: "forbidden",
        stays.id: "present",
        "table:999999": "forbidden",
        "no-id": "forbidden",
    }


def test_to_a_server_admin_what_is_not_listed_is_gone(bench: Bench) -> None:
    admin = bench.as_user("root", "SERVER_ADMIN")
    hidden = bench.asset()
    bench.mutate("forbid", TABLE)
    assert admin.presence([hidden.id, "table:999999"]) == {hidden.id: "present", "table:999999": "gone"}


def test_a_data_source_out_of_sight_is_forbidden_and_a_deleted_one_gone(bench: Bench) -> None:
    source = next(c for c in bench.catalog.index().connections if c.connector == "mysql")
    assert bench.catalog.presence([source.id, "data:99999"]) == {source.id: "present", "data:99999": "gone"}
    bench.mutate("forbid", source.name)
    assert bench.catalog.presence([source.id]) == {source.id: "forbidden"}


def test_links_lead_to_the_objects_page(bench: Bench) -> None:
    asset: CatalogAsset = bench.asset()
    assert bench.catalog.asset_url(asset) == f"{bench.config().url}/table/{asset.id.partition(':')[2]}/"
    assert bench.catalog.permissions([asset]) is None


def test_never_more_than_one_call_is_in_flight(bench: Bench) -> None:
    bench.define()
    mine = [a for a in bench.assets() if a.database == "SALES_DB"]
    bench.write(*[change(a, "custom_fields", {"Check Count": 1}) for a in mine])
    assert bench.control.requests()["peak_in_flight"]["alation"] == 1
