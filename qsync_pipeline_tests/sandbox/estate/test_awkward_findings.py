"""Every estate holds every awkward case of content, whatever the seed (issue 2, point 3)."""

from __future__ import annotations

from typing import get_args

from qsync_pipeline.core.rows import DIMENSIONS
from qsync_pipeline.sandbox.estate import vocabulary
from qsync_pipeline.sandbox.estate.checks import open_anomalies
from qsync_pipeline.sandbox.estate.model import AnomalyStatus, CheckStatus
from qsync_pipeline_tests.sandbox.estate import views
from qsync_pipeline_tests.sandbox.estate.views import big_estates, estate_of, every_estate

Kind = tuple[str, int]


@every_estate
def test_anomalies_come_in_all_statuses_and_both_types(kind: Kind) -> None:
    found = list(views.anomalies(estate_of(*kind)))
    assert {each.status for each in found} == set(get_args(AnomalyStatus))
    assert {each.type for each in found} == {"shape", "record"}


@every_estate
def test_checks_come_in_all_statuses_passing_failing_and_never_asserted(kind: Kind) -> None:
    found = list(views.checks(estate_of(*kind)))
    assert {each.status for each in found} == set(get_args(CheckStatus))
    assert {each.is_passing for each in found if each.status == "Active"} == {True, False, None}


@every_estate
def test_open_anomalies_refer_to_active_checks_that_fail(kind: Kind) -> None:
    for table in views.containers(estate_of(*kind)):
        failing: set[int] = set()
        for anomaly in table.anomalies:
            if anomaly.status in ("Active", "Acknowledged"):
                failing.update(anomaly.checks)
        for index, check in enumerate(table.checks):
            if index in failing:
                assert check.status == "Active"
                assert check.is_passing is False
            elif check.status == "Active":
                assert check.is_passing is not False


@every_estate
def test_a_container_that_was_never_scanned_has_no_anomalies_and_no_asserted_check(kind: Kind) -> None:
    for table in views.containers(estate_of(*kind)):
        if not table.scanned:
            assert not table.anomalies
            assert all(check.is_passing is None for check in table.checks)


@every_estate
def test_a_person_s_banner_stands_on_a_table_with_anomalies_and_on_one_without(kind: Kind) -> None:
    counts = [open_anomalies(t) for t in views.matched_tables(estate_of(*kind)) if t.banner]
    assert min(counts) == 0
    assert max(counts) > 0


@every_estate
def test_some_dimensions_of_a_scanned_table_are_null(kind: Kind) -> None:
    scored = [t.scores for t in views.matched_tables(estate_of(*kind)) if t.scanned and t.scores]
    assert any(None in (each["timeliness"], each["volumetrics"], each["accuracy"]) for each in scored)
    assert any(None not in each.values() or each["accuracy"] is not None for each in scored)


@every_estate
def test_scores_keep_to_their_range_and_have_all_keys(kind: Kind) -> None:
    for table in views.containers(estate_of(*kind)):
        for scores in (table.scores, *(column.scores for column in table.columns)):
            if scores is None:
                continue
            assert set(scores) == {"total", *DIMENSIONS}
            measured = [value for name in DIMENSIONS if (value := scores[name]) is not None]
            assert all(0.0 <= value <= 100.0 for value in measured)
            assert scores["total"] is not None
            assert min(measured) - 0.1 <= scores["total"] <= max(measured) + 0.1


@every_estate
def test_tags_propagated_by_lineage_name_a_table_that_carries_the_tag_itself(kind: Kind) -> None:
    found = 0
    for place in views.everyday(estate_of(*kind)):
        direct = {t.name: {u.name for u in t.tags if not u.propagated} for t in place.tables}
        for table in place.tables:
            for use in (*table.tags, *(use for column in table.columns for use in column.tags)):
                if use.propagated:
                    assert use.origin is not None
                    assert use.name in direct[use.origin]
                    found += 1
    assert found >= 2


@every_estate
def test_catalog_tags_share_names_with_native_tags_exactly_and_but_for_case(kind: Kind) -> None:
    estate = estate_of(*kind)
    native = {tag.name for tag in estate.native_tags}
    catalog = {tag.name for tag in estate.tags}
    used = {use.name for table in views.matched_tables(estate) for use in table.tags}
    assert vocabulary.SAME_NAME in native & catalog & used
    assert vocabulary.CASE_NAME in (catalog & used) - native
    assert vocabulary.CASE_NAME.lower() in native


@every_estate
def test_people_put_native_tags_on_datastores_containers_and_fields(kind: Kind) -> None:
    estate = estate_of(*kind)
    assert any(datastore.native_tags for datastore in estate.datastores)
    assert any(table.native_tags for table in views.containers(estate))
    assert any(c.native_tags for t in views.containers(estate) for c in t.columns)


@every_estate
def test_one_table_carries_a_tag_and_its_native_namesake(kind: Kind) -> None:
    tables = views.matched_tables(estate_of(*kind))
    assert any(
        vocabulary.SAME_NAME in t.native_tags and vocabulary.SAME_NAME in {use.name for use in t.tags}
        for t in tables
    )


@every_estate
def test_source_tags_carry_values_and_other_tags_none(kind: Kind) -> None:
    estate = estate_of(*kind)
    source = {tag.name for tag in estate.tags if tag.source}
    uses = list(views.tag_uses(estate))
    assert {use.value for use in uses if use.name in source} == {"HIGH", "LOW"}
    assert all(use.value is None for use in uses if use.name not in source)


@every_estate
def test_tags_with_odd_names_are_in_use(kind: Kind) -> None:
    uses = {use.name for use in views.tag_uses(estate_of(*kind))}
    assert set(vocabulary.ODD_TAGS) <= uses


@every_estate
def test_tags_have_the_named_colours_hex_colours_and_none(kind: Kind) -> None:
    colors = {tag.color for tag in estate_of(*kind).tags}
    assert {"Green", "Yellow", "Red", "Gray", None} <= colors
    assert any(color and color.startswith("#") for color in colors)


@every_estate
def test_some_tag_descriptions_are_html(kind: Kind) -> None:
    assert any(tag.description and "<" in tag.description for tag in estate_of(*kind).tags)


@every_estate
def test_connections_schemas_tables_and_columns_carry_tags(kind: Kind) -> None:
    estate = estate_of(*kind)
    assert any(p.connection.tags for p in views.everyday(estate))
    assert any(p.schema.tags for p in views.everyday(estate))
    assert any(t.tags for t in views.matched_tables(estate))
    assert any(c.tags for c in views.matched_columns(estate))


@every_estate
def test_another_tool_s_custom_metadata_has_values(kind: Kind) -> None:
    estate = estate_of(*kind)
    for each in estate.foreign_sets:
        values = [
            t.foreign_values[each.name] for t in views.matched_tables(estate) if each.name in t.foreign_values
        ]
        assert values
        assert all(set(value) == {attribute.name for attribute in each.attributes} for value in values)


@big_estates
def test_the_vendor_s_own_integration_left_a_set_behind(kind: Kind) -> None:
    assert "Qualytics Quality" in {each.name for each in estate_of(*kind).foreign_sets}


@big_estates
def test_one_container_has_more_checks_and_anomalies_than_fit_on_a_page(kind: Kind) -> None:
    assert any(
        sum(check.status == "Active" for check in table.checks) > 100 and open_anomalies(table) > 100
        for table in views.matched_tables(estate_of(*kind))
    )
