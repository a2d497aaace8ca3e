"""Settings of an integration: domains, patterns, levels, mappings, announcements, two integrations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from qsync_pipeline_tests.e2e.harness import World, world


@pytest.fixture
def fresh() -> Iterator[World]:
    """A world that was never synced."""
    with world("small", seed=3) as one:
        yield one


def test_only_domains_with_their_subdomains_take_part_and_the_nearest_own_domain_decides(
    fresh: World,
) -> None:
    astray = next(e["name"] for e in fresh.all("atlan") if e["kind"] == "Table" and e["domains"] == ["Risk"])
    fresh.configure(domains=["Sales"])
    fresh.settled()
    fresh.check(domains={"Sales", "Retail"})
    assert fresh.attributes(astray) == {}
    assert fresh.attributes("crm.public") == {}

    fresh.configure(domains=["Sales", "Finance/Risk"])
    fresh.settled()
    fresh.check(domains={"Sales", "Retail", "Risk"})
    if fresh.control.state("qualytics", name=astray):
        assert fresh.attributes(astray)["URL"]


@pytest.mark.rule("5.1", "An empty domain, or a run that matched nothing")
def test_a_domain_with_nothing_in_it_is_a_failed_check_and_no_object_is_written(fresh: World) -> None:
    fresh.configure(domains=["Innovation Lab"])
    before = fresh.whole_state()
    done = fresh.sync()
    assert (done.planned, done.writes, fresh.changed(before)) == ({}, {}, set()), "no definitions either"
    assert not done.checks["asset_mapping:coverage"][0]


def test_an_unknown_domain_stops_the_run_and_names_the_word(fresh: World) -> None:
    fresh.configure(domains=["Slaes"])
    before = fresh.whole_state()
    done = fresh.sync()
    assert not done.ok
    assert any('"Slaes"' in error for _, _, error in done.failures)
    assert (done.writes, fresh.changed(before)) == ({}, set())


def test_patterns_leave_out_datastores_containers_and_tags(fresh: World) -> None:
    fresh.configure(
        datastores={"exclude": ["web *"]},
        containers={"exclude": ["*ORDER*", "CRM.account"]},
        tags={"exclude": ["gdpr", "*elem*"]},
    )

    def left_out(level: str, name: str) -> bool:
        table = name.removeprefix("SALES_DB.SALES.").split(".")[0]
        return (
            name.startswith("shop")
            or (level != "schema" and name.startswith("SALES_DB.") and "ORDER" in table.upper())
            or (level != "schema" and name.lower().startswith("crm.public.account"))
        )

    fresh.settled()
    fresh.check(
        left_out=left_out, tags=lambda name: name.lower() != "gdpr" and "elem" not in name.lower()
    )  # fmt: skip


@pytest.mark.parametrize("levels", [["table"], ["schema", "column"], ["schema"]])
def test_only_the_levels_that_the_config_names_take_part(fresh: World, levels: list[str]) -> None:
    fresh.configure(levels=levels)
    assert fresh.sync().ok
    fresh.quiet()
    fresh.check(left_out=lambda level, name: level not in levels)


def test_what_is_excluded_later_is_frozen_on_both_sides(fresh: World) -> None:
    assert fresh.sync().ok
    table = next(name for name in fresh.tables(alert="integration") if name.startswith("crm."))
    fresh.atlan("tag", table, tag="Before")
    assert fresh.sync().ok
    fresh.configure(containers={"exclude": [table.removeprefix("crm.public.")]})
    fresh.atlan("untag", table, tag="Before")
    fresh.qualytics("set_anomaly_status", table, id="all", status="Resolved")
    fresh.qualytics("set_score", table, dimension="total", value=1.0)
    before = fresh.whole_state()
    done = fresh.sync()
    assert done.ok
    assert done.counts["frozen"] == done.left.total() > 0
    assert set(done.left) == {
        "excluded: the config's container patterns leave it out",
        "its container is not matched: excluded",
    }
    assert {name for _, name, _ in fresh.changed(before)} <= {"crm.public (Schema)"}
    fresh.quiet()

    fresh.configure(containers=None)
    fresh.settled()
    fresh.check()


def test_an_explicit_mapping_pairs_what_names_do_not(fresh: World) -> None:
    fresh.atlan("create", "SALES_DB.SALES.T_CLIENTS", kind="Table")
    fresh.atlan("create", "SALES_DB.SALES.T_CLIENTS.ID", kind="Column")
    fresh.atlan("tag", "SALES_DB.SALES.T_CLIENTS", tag="Mapped")
    fresh.qualytics("create", "SALES_DB.SALES.CLIENTS", columns=["ID"])
    fresh.qualytics("raise_anomaly", "SALES_DB.SALES.CLIENTS", rule="volumetric")
    assert fresh.sync().ok
    assert fresh.attributes("SALES_DB.SALES.T_CLIENTS") == {}

    pair: dict[str, Any] = {"datastore": "Sales Warehouse", "container": "CLIENTS", "catalog": "T_CLIENTS"}
    fresh.configure(mappings=[pair])
    fresh.settled()
    shown = fresh.state("atlan", "SALES_DB.SALES.T_CLIENTS")
    assert shown["attributes"]["URL"] == fresh.attributes("SALES_DB.SALES.CLIENTS", "qualytics")["URL"]
    assert shown["alert"]["by"] == "integration"
    assert fresh.tags("qualytics", "SALES_DB.SALES.CLIENTS")["Mapped"] == "managed"
    assert fresh.attributes("SALES_DB.SALES.T_CLIENTS.ID")["URL"]


def test_a_datastore_may_be_mapped_to_several_schemas(fresh: World) -> None:
    fresh.atlan("create", "SALES_DB.REPORTING.ORDERS", kind="Table")
    fresh.atlan("tag", "SALES_DB.REPORTING.ORDERS", tag="Reported")
    schemas = ["SALES_DB.SALES", "SALES_DB.REPORTING"]
    fresh.configure(mappings=[{"datastore": "Sales Warehouse", "catalog": schemas}])
    fresh.settled()
    assert fresh.tags("qualytics", "SALES_DB.SALES.ORDERS")["Reported"] == "managed"
    link = fresh.attributes("SALES_DB.SALES.ORDERS", "qualytics")["URL"]
    assert fresh.attributes("SALES_DB.REPORTING.ORDERS")["URL"] == link
    assert fresh.attributes("SALES_DB.SALES.ORDERS")["URL"] == link


def test_announcements_can_be_switched_off_and_on_again(fresh: World) -> None:
    fresh.configure(announcements=False)
    fresh.settled()
    fresh.check(announcements=False)
    fresh.configure(announcements=True)
    fresh.settled()
    fresh.check()
    fresh.configure(announcements=False)
    fresh.settled()
    fresh.check(announcements=False)


@pytest.mark.rule("5.2", "Two catalogs, one tag")
def test_a_tag_that_two_integrations_give_goes_when_the_last_one_drops_it(fresh: World) -> None:
    fresh.add_integration("second", announcements=False)
    table = fresh.tables()[0]
    fresh.atlan("tag", table, tag="Shared")
    assert fresh.sync().ok
    fresh.control.advance(5)
    fresh.quiet(integration="second")
    assert fresh.whole_state()[("qualytics", "shared", "definition")][2] == "atlan"
    fresh.check()

    fresh.atlan("untag", table, tag="Shared")
    assert fresh.sync().ok
    assert "Shared" in fresh.tags("qualytics", table), "the second integration still supplies it"
    assert fresh.sync(integration="second").ok
    assert "Shared" not in fresh.tags("qualytics", table)
    fresh.quiet()
    fresh.quiet(integration="second")
    fresh.check()
    assert ("qualytics", "shared", "definition") not in fresh.whole_state()
