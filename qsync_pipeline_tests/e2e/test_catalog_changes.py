"""Objects and tags that are renamed, dropped, made again, swapped or moved, on either side."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from qsync_pipeline_tests.e2e.harness import World, world

SALES = "SALES_DB.SALES"


@pytest.fixture(scope="module")
def synced() -> Iterator[World]:
    """A world after its first sync. Each test leaves it in step, which is proved when all are done."""
    with world("small", seed=2) as one:
        assert one.sync().ok
        one.control.advance(5)
        yield one
        one.quiet()


@pytest.mark.rule("5.2", "A rename in the catalog moves the assignments")
def test_a_renamed_tag_moves_its_assignments_and_keeps_category_and_weight(synced: World) -> None:
    table = synced.tables()[0]
    column = synced.column_of(table)
    synced.atlan("tag", table, tag="Old Name", color="Red")
    synced.atlan("tag", column, tag="Old Name")
    assert synced.sync().ok
    before = synced.whole_state()
    look = before[("qualytics", "old name", "definition")]
    synced.mutate({"system": "atlan", "do": "rename_tag", "from": "Old Name", "to": "New Name"})
    done = synced.sync()
    assert (done.ok, done.excess()) == (True, [])
    now = synced.whole_state()
    assert now[("qualytics", "new name", "definition")] == ("New Name", *look[1:])
    assert ("qualytics", "old name", "definition") not in now
    assert synced.tags("qualytics", table)["New Name"] == "managed"
    assert synced.tags("qualytics", column)["New Name"] in ("managed", "propagated")
    assert not any(tag["name"] == "Old Name" for e in synced.all("qualytics") for tag in e["tags"])
    synced.check()
    synced.quiet()


@pytest.mark.rule("5.1", "Proved gone in the catalog: our tags go")
def test_a_table_dropped_in_the_catalog_loses_our_tags_and_a_new_one_starts_afresh(synced: World) -> None:
    table = next(name for name in synced.tables(alert="integration") if "ORDERS_BLUE" not in name)
    synced.atlan("tag", table, tag="Doomed")
    assert synced.sync().ok
    synced.atlan("drop", table)
    before = synced.whole_state()
    done = synced.sync()
    assert (done.ok, done.excess()) == (True, [])
    assert "managed" not in synced.tags("qualytics", table).values()
    assert {system for system, _, _ in synced.changed(before)} == {"qualytics"}
    synced.quiet()

    synced.atlan("create", table, kind="Table")
    synced.atlan("tag", table, tag="Reborn")
    done = synced.sync()
    assert done.ok
    assert synced.tags("qualytics", table)["Reborn"] == "managed"
    assert synced.alert(table) is not None
    synced.check()
    synced.quiet()


def test_a_table_renamed_in_the_catalog_keeps_its_link(synced: World) -> None:
    table = next(name for name in synced.tables(alert="integration") if name.startswith(SALES))
    synced.atlan("tag", table, tag="Faithful")
    assert synced.sync().ok
    renamed = f"{SALES}.SOMETHING_ELSE"
    synced.atlan("rename", table, to="SOMETHING_ELSE")
    quiet = synced.quiet()
    assert quiet.buckets["matched"] > 0
    synced.qualytics("set_score", table, dimension="total", value=33.3)
    synced.atlan("untag", renamed, tag="Faithful")
    assert synced.sync().ok
    assert synced.attributes(renamed)["Quality Score Total"] == 33.3
    assert "Faithful" not in synced.tags("qualytics", table)
    synced.atlan("rename", renamed, to=table.removeprefix(f"{SALES}."))
    assert synced.sync().ok
    synced.check()


@pytest.mark.rule("5.1", "The same name with a new id is a new link")
def test_two_swapped_tables_get_the_values_of_their_new_names(synced: World) -> None:
    blue, green = f"{SALES}.ORDERS_BLUE", f"{SALES}.ORDERS_GREEN"
    assert synced.alert(blue) is not None
    assert synced.alert(green) is None
    synced.atlan("swap", blue, **{"with": green})
    done = synced.sync()
    assert (done.ok, done.excess()) == (True, [])
    assert synced.alert(blue) is not None
    assert synced.alert(green) is None
    synced.check()
    synced.quiet()
    synced.atlan("swap", blue, **{"with": green})
    assert synced.sync().ok
    synced.check()
    synced.quiet()


@pytest.mark.rule("5.1", "The same name with a new id is a new link")
def test_unlike_tables_that_swap_their_names_show_nothing_of_each_other(synced: World) -> None:
    blue, green = f"{SALES}.ORDERS_BLUE", f"{SALES}.ORDERS_GREEN"
    synced.atlan("create", f"{blue}.ONLY_BLUE", kind="Column")
    synced.qualytics("create", f"{blue}.ONLY_BLUE", level="column")
    assert synced.sync().ok
    assert synced.attributes(f"{blue}.ONLY_BLUE")["URL"]
    synced.atlan("swap", blue, **{"with": green})
    done = synced.sync()
    assert (done.ok, done.excess()) == (True, [])
    assert synced.attributes(f"{green}.ONLY_BLUE") == {}, "the green table never had such a field"
    synced.check()
    synced.quiet()
    synced.atlan("swap", blue, **{"with": green})
    assert synced.sync().ok
    assert synced.attributes(f"{blue}.ONLY_BLUE")["URL"]
    synced.check()


@pytest.mark.parametrize("how", ["delete", "archive"])
def test_a_table_gone_in_qualytics_loses_our_values_and_alert_in_the_catalog(synced: World, how: str) -> None:
    table = next(name for name in synced.tables(alert="integration") if "ORDERS_BLUE" not in name)
    synced.qualytics("drop", table, how=how)
    before = synced.whole_state()
    done = synced.sync()
    assert (done.ok, done.excess()) == (True, [])
    assert synced.attributes(table) == {}
    assert synced.alert(table) is None
    assert {name.split(" (")[0].split(".")[0] for s, name, _ in synced.changed(before) if s == "atlan"} == {
        table.split(".")[0]
    }
    synced.check()
    synced.quiet()

    synced.qualytics("create", table, columns=["id"])
    synced.qualytics("raise_anomaly", table, rule="volumetric")
    assert synced.sync().ok
    assert synced.alert(table) is not None
    synced.check()


def test_a_table_renamed_in_qualytics_keeps_its_link(synced: World) -> None:
    table = next(name for name in synced.tables(alert="none") if name.startswith("crm."))
    synced.qualytics("rename", table, to="renamed_in_qualytics")
    synced.quiet()
    synced.qualytics("set_score", "crm.public.renamed_in_qualytics", dimension="total", value=44.4)
    assert synced.sync().ok
    assert synced.attributes(table)["Quality Score Total"] == 44.4
    synced.qualytics("rename", "crm.public.renamed_in_qualytics", to=table.removeprefix("crm.public."))
    assert synced.sync().ok
    synced.check()


@pytest.mark.rule("3", "Partitioned by datastore")
def test_a_renamed_datastore_keeps_its_partition_and_its_link(synced: World) -> None:
    keys = synced.keys()
    synced.qualytics("rename", "crm.public", to="CRM (new)")
    synced.quiet()
    assert set(synced.keys().values()) == set(keys.values())


def test_a_schema_renamed_in_the_catalog_keeps_its_link(synced: World) -> None:
    synced.atlan("rename", SALES, to="SALES_V2")
    quiet = synced.quiet()
    assert quiet.buckets["matched"] > 0
    synced.qualytics("set_score", SALES, dimension="total", value=21.0)
    assert synced.sync().ok
    assert synced.attributes("SALES_DB.SALES_V2")["Quality Score Total"] == 21.0
    synced.atlan("rename", "SALES_DB.SALES_V2", to="SALES")
    assert synced.sync().ok
    synced.check()


@pytest.mark.rule("5.1", "Absence is proved")
@pytest.mark.rule("5.1", "Proved gone in the catalog: our tags go")
@pytest.mark.parametrize("how", ["delete", "missing"])
def test_a_new_column_and_a_dropped_one(synced: World, how: str) -> None:
    """Missing is a column that the source lost: it answers for its id, and nothing measures it any more."""
    table = next(name for name in synced.tables() if name.startswith("crm."))
    new = f"added_{how}"
    synced.atlan("create", f"{table}.{new}", kind="Column")
    synced.qualytics("create", f"{table}.{new}", level="column")
    synced.atlan("tag", f"{table}.{new}", tag="PII")
    assert synced.sync().ok
    assert synced.tags("qualytics", f"{table}.{new}")["PII"] == "managed"
    assert synced.attributes(f"{table}.{new}")["URL"]
    synced.check()
    # Tags on a column that is missing are frozen, for when it comes back; this story is about values.
    synced.atlan("untag", f"{table}.{new}", tag="PII")
    assert synced.sync().ok
    synced.qualytics("drop", f"{table}.{new}", how=how)
    assert synced.sync().ok
    assert synced.attributes(f"{table}.{new}") == {}
    synced.quiet()
    synced.atlan("drop", f"{table}.{new}")  # as the catalog's own crawler would, sooner or later
    assert synced.sync().ok
    synced.check()


def test_a_table_that_leaves_its_domain_is_frozen_and_catches_up_when_it_returns(synced: World) -> None:
    synced.configure(domains=["Sales", "Customer"])
    assert synced.sync().ok
    table = next(name for name in synced.tables() if name.startswith("crm."))
    synced.atlan("set_domain", table, domain="Innovation Lab")
    synced.atlan("tag", table, tag="While Away")
    synced.qualytics("set_score", table, dimension="total", value=9.9)
    before = synced.whole_state()
    done = synced.sync()
    assert done.ok
    assert done.buckets["outside_domain"] > 0
    assert synced.changed(before) == set()
    synced.quiet()
    synced.atlan("set_domain", table, domain=None)
    assert synced.sync().ok
    assert synced.attributes(table)["Quality Score Total"] == 9.9
    assert "While Away" in synced.tags("qualytics", table)
    synced.configure(domains=[])
    assert synced.sync().ok
    synced.check()


def test_a_table_renamed_a_moment_before_a_sync_keeps_its_new_name(synced: World) -> None:
    table = synced.tables(alert="none")[0]
    name = table.rpartition(".")[2]
    synced.control.mutate(
        {"system": "qualytics", "do": "raise_anomaly", "asset": table, "rule": "notNull"},
        {"system": "atlan", "do": "rename", "asset": table, "to": f"{name}_NEW"},
    )  # the search index still shows the old name
    assert synced.sync("push").ok
    assert synced.control.state("atlan", name=f"{table}_NEW")
    synced.control.advance(5)
    synced.atlan("rename", f"{table}_NEW", to=name)
