"""Every estate holds every awkward case of structure, whatever the seed (issue 2, point 3)."""

from __future__ import annotations

from collections import Counter

from qsync_pipeline.sandbox.estate.awkward_shapes import BLUE, GREEN, ODD_COLUMNS
from qsync_pipeline_tests.sandbox.estate import views
from qsync_pipeline_tests.sandbox.estate.views import big_estates, estate_of, every_estate

Kind = tuple[str, int]


@every_estate
def test_names_come_in_upper_lower_and_mixed_case(kind: Kind) -> None:
    names = [table.name for table in views.matched_tables(estate_of(*kind))]
    assert any(name.isupper() for name in names)
    assert any(name.islower() for name in names)
    assert any(not name.isupper() and not name.islower() for name in names)


@every_estate
def test_some_table_names_hold_dots_slashes_quotes_blanks_and_other_scripts(kind: Kind) -> None:
    names = [table.name for table in views.everyday_tables(estate_of(*kind))]
    for part in (".", "/", '"', " "):
        assert any(part in name for name in names), part
    assert any(not name.isascii() for name in names)


@every_estate
def test_some_column_names_are_odd(kind: Kind) -> None:
    names = {column.name for table in views.everyday_tables(estate_of(*kind)) for column in table.columns}
    assert names & set(ODD_COLUMNS)


@every_estate
def test_two_tables_of_one_schema_differ_by_case_only(kind: Kind) -> None:
    found = [
        name
        for place in views.everyday(estate_of(*kind))
        for name, times in Counter(table.name.casefold() for table in place.tables).items()
        if times > 1
    ]
    assert found


@every_estate
def test_a_view_and_a_table_of_one_name_stand_in_two_schemas_of_one_database(kind: Kind) -> None:
    found = 0
    for place in views.everyday(estate_of(*kind)):
        names = {table.name for table in place.tables if table.kind == "table"}
        for other in place.database.schemas:
            if other is not place.schema:
                found += sum(table.name in names and table.kind == "view" for table in other.tables)
    assert found


@every_estate
def test_some_tables_and_columns_are_spelled_in_another_case_in_the_catalog(kind: Kind) -> None:
    estate = estate_of(*kind)
    tables = [t for t in views.matched_tables(estate) if t.catalog_name]
    columns = [c for c in views.matched_columns(estate) if c.catalog_name]
    assert tables
    assert columns
    spellings = [(t.name, t.catalog_name) for t in tables] + [(c.name, c.catalog_name) for c in columns]
    for name, catalog_name in spellings:
        assert catalog_name is not None
        assert catalog_name != name
        assert catalog_name.casefold() == name.casefold()


@every_estate
def test_a_name_with_two_spellings_has_one_partner_by_case_fold(kind: Kind) -> None:
    for place in views.everyday(estate_of(*kind)):
        folded = Counter(table.name.casefold() for table in place.tables)
        assert all(folded[t.name.casefold()] == 1 for t in place.tables if t.catalog_name)


@every_estate
def test_tables_and_columns_stand_on_one_side_only_both_ways(kind: Kind) -> None:
    estate = estate_of(*kind)
    tables = views.everyday_tables(estate)
    assert any(t.in_catalog and not t.in_qualytics for t in tables)
    assert any(t.in_qualytics and not t.in_catalog for t in tables)
    columns = [c for t in views.matched_tables(estate) for c in t.columns]
    assert any(c.in_catalog and not c.in_qualytics for c in columns)
    assert any(c.in_qualytics and not c.in_catalog for c in columns)


@every_estate
def test_some_containers_were_never_profiled_and_some_never_scanned(kind: Kind) -> None:
    tables = views.matched_tables(estate_of(*kind))
    assert any(not t.profiled and t.scores is None for t in tables)
    assert any(t.profiled and not t.scanned and t.scores is not None for t in tables)


@every_estate
def test_computed_and_file_containers_exist_in_qualytics_only(kind: Kind) -> None:
    alone = [table for datastore in estate_of(*kind).datastores for table in datastore.tables]
    assert {"computed_table", "computed_join", "computed_file", "file"} <= {t.container_kind for t in alone}
    assert not any(t.in_catalog for t in alone)


@every_estate
def test_a_blue_green_pair_has_one_shape_and_other_tags_and_scores(kind: Kind) -> None:
    for place in views.everyday(estate_of(*kind)):
        pair = {table.name: table for table in place.tables if table.name in (BLUE, GREEN)}
        if pair:
            break
    blue, green = pair[BLUE], pair[GREEN]
    assert [c.name for c in blue.columns] == [c.name for c in green.columns]
    assert {use.name for use in blue.tags} != {use.name for use in green.tags}
    assert blue.scores != green.scores


@every_estate
def test_mysql_shows_no_database_and_the_catalog_calls_it_default(kind: Kind) -> None:
    estate = estate_of(*kind)
    bare = [p for p in views.everyday(estate) if p.connection.connector == "mysql"]
    assert bare
    for place in bare:
        assert place.datastore.database is None
        assert place.database.catalog_name == "DEFAULT"


@every_estate
def test_a_schema_name_without_database_is_unique_among_sources_of_its_type(kind: Kind) -> None:
    estate = estate_of(*kind)
    names = [
        schema.name
        for connection in estate.connections
        if connection.connector == "mysql"
        for database in connection.databases
        for schema in database.schemas
    ]
    assert len(names) == len(set(names))


@every_estate
def test_one_connection_is_hidden_and_one_is_read_only_and_both_hold_tables(kind: Kind) -> None:
    estate = estate_of(*kind)
    for access in ("hidden", "read_only"):
        (connection,) = (c for c in estate.connections if c.access == access)
        assert any(schema.tables for database in connection.databases for schema in database.schemas)


@every_estate
def test_a_domain_holds_nothing(kind: Kind) -> None:
    estate = estate_of(*kind)
    used = {connection.domain for connection in estate.connections}
    used |= {database.domain for connection in estate.connections for database in connection.databases}
    for schema in views.all_schemas(estate):
        used |= {schema.domain, *(table.domain for table in schema.tables)}
    empty = [d.path for d in estate.domains if not any((u or "").startswith(d.path) for u in used)]
    assert "Innovation Lab" in empty


@every_estate
def test_domains_have_subdomains_and_parents_stand_first(kind: Kind) -> None:
    paths = [domain.path for domain in estate_of(*kind).domains]
    below = [path for path in paths if "/" in path]
    assert below
    assert all(paths.index(path.rpartition("/")[0]) < paths.index(path) for path in below)


def test_small_reads_and_writes_all_its_datastores() -> None:
    for seed in range(5):
        estate = estate_of("small", seed)
        assert len(views.everyday(estate)) == len(estate.datastores) == 3


@big_estates
def test_restricted_connections_have_a_datastore_each(kind: Kind) -> None:
    estate = estate_of(*kind)
    access = {connection.name: connection.access for connection in estate.connections}
    counts = Counter(access.get(datastore.connection) for datastore in estate.datastores)
    assert counts["hidden"] == 1
    assert counts["read_only"] == 1


@big_estates
def test_there_are_a_file_store_and_an_enrichment_datastore(kind: Kind) -> None:
    estate = estate_of(*kind)
    assert [d for d in estate.datastores if d.store_type == "dfs" and d.tables]
    assert [d for d in estate.datastores if d.enrichment]


def test_demo_has_one_schema_on_two_hosts() -> None:
    estate = estate_of("demo", 0)
    places = Counter((p.connection.connector, p.database.name, p.schema.name) for p in views.everyday(estate))
    assert [place for place, times in places.items() if times == 2] == [("postgresql", "pagila", "public")]
