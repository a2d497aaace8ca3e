"""Rules of the inventory (DESIGN.md §5.1, §5.3), on rows as the API sends them."""

from __future__ import annotations

from typing import Any
from unittest import mock

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsync_pipeline.core.rows import DIMENSIONS, Unit
from qsync_pipeline.qualytics.client import QualyticsClient
from qsync_pipeline.qualytics.inventory import DatastoreRead, assemble, chosen, read_datastore
from qsync_pipeline.qualytics.models import Anomaly, Check, Container, Datastore, Field, ScoreRow
from qsync_pipeline.transport.errors import Malformed

SCANNED = "2026-10-02T10:00:00.000000Z"


def datastore(**own: Any) -> Datastore:
    row = {"id": 7, "name": "sales_wh", "store_type": "jdbc", "type": "snowflake", "global_tags": []}
    row |= {"database": "SALES", "schema": "PUBLIC", "host": "acme.snowflakecomputing.com"}
    return msgspec.convert({**row, **own}, Datastore)


def container(number: int, name: str = "ORDERS", scanned: str | None = SCANNED, **own: Any) -> Container:
    metrics = {"last_scanned": scanned, "active_checks": 999, "active_anomalies": 999, "completeness": 0.5}
    row = {"id": number, "name": name, "container_type": "table", "table_type": "table", "metrics": metrics}
    return msgspec.convert({**row, "global_tags": None, **own}, Container)


def column(number: int, name: str, **own: Any) -> Field:
    return msgspec.convert({"id": number, "name": name, "completeness": 0.98, **own}, Field)


def check(number: int, *fields: str, of: int = 1, **own: Any) -> Check:
    row = {"id": number, "rule_type": "notNull", "status": "Active", "container": {"id": of}}
    return msgspec.convert({**row, "fields": [{"name": f} for f in fields], **own}, Check)


def anomaly(number: int, *copies: tuple[int, list[str] | None], of: int = 1) -> Anomaly:
    failed = [
        {"quality_check": {"id": i, "fields": None if f is None else [{"name": n} for n in f]}}
        for i, f in copies
    ]
    return msgspec.convert(
        {"id": number, "status": "Active", "container": {"id": of}, "failed_checks": failed}, Anomaly
    )


def read(**own: Any) -> DatastoreRead:
    whole: dict[str, Any] = {
        "datastore": datastore(),
        "containers": [container(1)],
        "fields": {1: [column(11, "ID"), column(12, "AMOUNT")]},
        "checks": [],
        "anomalies": [],
    }
    return DatastoreRead(**{**whole, **own})


def units(**own: Any) -> dict[str, Unit]:
    return {unit.id: unit for unit in assemble(read(**own), key="7-sales-wh")}


def test_every_object_is_a_unit_with_its_place() -> None:
    found = units()
    assert list(found) == ["datastore:7", "container:1", "field:11", "field:12"]
    amount = found["field:12"]
    assert (amount.datastore, amount.datastore_id, amount.connector) == ("7-sales-wh", 7, "snowflake")
    assert (amount.database, amount.schema, amount.container, amount.field) == (
        "SALES",
        "PUBLIC",
        "ORDERS",
        "AMOUNT",
    )
    assert (amount.container_id, amount.field_id, amount.host) == (1, 12, "acme.snowflakecomputing.com")
    assert [unit.level for unit in found.values()] == ["datastore", "container", "field", "field"]


@pytest.mark.rule("5.3", "Counts, alerts and health come from the listings")
@pytest.mark.rule("5.3", "Never from metrics or profiles")
def test_counts_come_from_the_listings_and_never_from_metrics() -> None:
    found = units(
        checks=[check(100, "AMOUNT"), check(101, "ID", "AMOUNT"), check(102)],
        anomalies=[anomaly(900, (100, ["AMOUNT"])), anomaly(901, (100, None), (101, None)), anomaly(902)],
    )
    counts = {key: (unit.check_count, unit.anomaly_count) for key, unit in found.items()}
    assert counts == {
        "datastore:7": (3, 3),
        "container:1": (3, 3),
        "field:11": (1, 1),
        "field:12": (2, 2),
    }


@pytest.mark.rule("5.3", "Counts, alerts and health come from the listings")
def test_a_check_row_counts_the_open_anomalies_that_name_the_check() -> None:
    rows = units(
        checks=[check(100, "AMOUNT", description="there", last_asserted=SCANNED), check(101)],
        anomalies=[anomaly(900, (100, None), (100, None)), anomaly(901, (100, None))],
    )["container:1"].checks
    assert [(row.id, row.rule_type, row.anomalies) for row in rows] == [
        (100, "notNull", 2),
        (101, "notNull", 0),
    ]
    assert (rows[0].description, rows[0].fields, rows[0].last_asserted) == ("there", ("AMOUNT",), SCANNED)
    assert rows[1].description == ""


def test_of_an_archived_check_the_copy_inside_the_anomaly_still_names_its_field() -> None:
    found = units(anomalies=[anomaly(900, (55, ["AMOUNT"])), anomaly(901, (56, None))])
    assert found["container:1"].anomaly_count == 2
    assert (found["field:12"].anomaly_count, found["field:12"].check_count) == (1, 0)


@pytest.mark.rule("5.3", "Counts, alerts and health come from the listings")
def test_an_anomaly_counts_once_for_a_field_that_two_of_its_checks_name() -> None:
    found = units(
        checks=[check(100, "ID"), check(101, "ID")], anomalies=[anomaly(9, (100, None), (101, None))]
    )
    assert found["field:11"].anomaly_count == 1


def test_never_scanned_is_null_and_scanned_with_none_is_zero() -> None:
    found = units(
        containers=[container(1), container(2, "NEW", scanned=None)],
        fields={1: [column(11, "ID")], 2: [column(21, "ID")]},
    )
    assert {key: unit.anomaly_count for key, unit in found.items()} == {
        "datastore:7": 0,
        "container:1": 0,
        "container:2": None,
        "field:11": 0,
        "field:21": None,
    }
    assert found["container:2"].check_count == 0


def test_a_datastore_where_nothing_was_scanned_has_no_anomaly_count() -> None:
    found = units(containers=[container(1, scanned=None)])
    assert (found["datastore:7"].anomaly_count, found["datastore:7"].scanned) == (None, False)


def test_a_container_without_metrics_is_not_scanned_and_not_measured() -> None:
    found = units(containers=[container(1, metrics=None)])
    assert found["container:1"].scanned is False
    assert set(found["container:1"].scores.values()) == {None}


def test_scores_keep_null_apart_from_zero() -> None:
    score = {"total": 81.7, "completeness": 0.0, "conformity": None, "volumetrics": 60}
    found = units(fields={1: [column(11, "ID", quality_score=score)]})
    assert set(found["field:11"].scores) == {"total", *DIMENSIONS}
    assert found["field:11"].scores["completeness"] == 0.0
    assert found["field:11"].scores["conformity"] is None
    assert found["field:11"].scores["volumetrics"] == 60.0


@pytest.mark.rule("5.3", "Completeness is 0-1 on profiles and 0-100 in scores")
def test_completeness_is_the_score_and_not_the_share_that_a_profile_shows() -> None:
    """The rows of these tests have a profile's completeness of 0.98 (fields) and 0.5 (containers)."""
    found = units(
        containers=[container(1, metrics={"completeness": 0.5, "quality_score": {"completeness": 62.5}})],
        fields={1: [column(11, "ID", quality_score={"completeness": 97.5}), column(12, "AMOUNT")]},
    )
    assert found["container:1"].scores["completeness"] == 62.5
    assert found["field:11"].scores["completeness"] == 97.5
    assert found["field:12"].scores["completeness"] is None, "profiled, and not scored"


@pytest.mark.rule("5.3", "The datastore's score is")
def test_the_score_of_a_datastore_is_its_metrics_else_the_newest_row_of_its_history() -> None:
    history = [ScoreRow(total=70.0, date="2026-10-02"), ScoreRow(total=10.0, date="2026-10-01")]
    current = datastore(metrics={"quality_score": {"total": 80.0}})
    assert units(datastore=current, history=history)["datastore:7"].scores["total"] == 80.0
    assert units(history=history)["datastore:7"].scores["total"] == 70.0
    assert units()["datastore:7"].scores["total"] is None


def test_a_score_object_of_nulls_is_the_current_score_all_the_same() -> None:
    current = datastore(metrics={"quality_score": {"total": None}})
    old = [ScoreRow(total=70.0, date="2026-10-02")]
    assert units(datastore=current, history=old)["datastore:7"].scores["total"] is None


@pytest.mark.parametrize(
    ("row", "kind", "unsupported"),
    [
        ({}, "table", None),
        ({"table_type": "view"}, "view", None),
        ({"container_type": "view", "table_type": None}, "view", None),
        ({"container_type": "computed_table"}, "computed_table", "computed container"),
        ({"container_type": "computed_join"}, "computed_join", "computed container"),
        ({"container_type": "computed_file"}, "computed_file", "computed container"),
        ({"container_type": "file"}, "file", "file container"),
        ({"container_type": "stream"}, "stream", "a container of type stream"),
    ],
)
def test_what_a_catalog_cannot_show_is_unsupported_with_its_fields(
    row: dict[str, Any], kind: str, unsupported: str | None
) -> None:
    found = units(containers=[container(1, **row)])
    assert found["container:1"].kind == kind
    for key in ("container:1", "field:11"):
        reason = found[key].unsupported
        assert reason is None if unsupported is None else unsupported in (reason or "")
    assert found["datastore:7"].unsupported is None


@pytest.mark.parametrize(
    ("own", "word"),
    [
        ({"enrichment_only": True}, "enrichment"),
        ({"enrich_only": True}, "enrichment"),
        ({"store_type": "dfs"}, "file store"),
    ],
)
def test_a_datastore_that_takes_no_part_takes_everything_with_it(own: dict[str, Any], word: str) -> None:
    found = units(datastore=datastore(**own))
    assert all(word in (unit.unsupported or "") for unit in found.values())


@pytest.mark.parametrize(
    ("own", "names"),
    [
        ({"database": None, "schema": "sakila", "type": "mysql"}, (None, "sakila")),
        ({"database": "sakila", "schema": None, "type": "mysql"}, ("sakila", None)),
        (
            {"store_type": "native", "type": "unity_native", "database": None, "catalog": "main"},
            ("main", "PUBLIC"),
        ),
        (
            {"store_type": "native", "type": "hive_native", "database": None, "catalog": "spark"},
            (None, "PUBLIC"),
        ),
    ],
)
def test_names_are_passed_on_as_the_source_has_them(
    own: dict[str, Any], names: tuple[str | None, str | None]
) -> None:
    found = units(datastore=datastore(**own))
    assert (found["container:1"].database, found["container:1"].schema) == names


@pytest.mark.rule("5.5", "Never act on a partial read")
def test_a_field_that_two_containers_name_as_theirs_fails_the_datastore() -> None:
    client = mock.create_autospec(QualyticsClient, instance=True, parallel=1)
    client.session = mock.Mock(system="qualytics")
    client.containers.return_value = [container(1), container(2, "PEOPLE")]
    client.fields.side_effect = lambda number: [column(11, "ID"), column(20 + number, "NAME")]
    with pytest.raises(Malformed, match="fields of all containers names an object twice"):
        read_datastore(client, datastore())


def test_missing_fields_are_no_units() -> None:
    found = units(fields={1: [column(11, "ID", status="active"), column(12, "GONE", status="missing")]})
    assert "field:11" in found
    assert "field:12" not in found


def test_tags_carry_their_type_as_origin() -> None:
    tags = [{"id": 3, "type": "external", "name": "PII", "color": "#BF1B1B", "category": "atlan"}]
    (tag,) = units(containers=[container(1, global_tags=tags)])["container:1"].tags
    assert (tag.name, tag.id, tag.origin, tag.color, tag.category) == (
        "PII",
        "3",
        "external",
        "#BF1B1B",
        "atlan",
    )


def test_a_scope_narrows_the_units_and_not_the_counts_of_the_datastore() -> None:
    found = units(
        containers=[container(1), container(2, "ITEMS")],
        fields={2: [column(21, "ID")]},
        checks=[check(100), check(101, of=2)],
        anomalies=[anomaly(900, (100, None))],
    )
    assert list(found) == ["datastore:7", "container:2", "field:21"]
    assert (found["datastore:7"].check_count, found["datastore:7"].anomaly_count) == (2, 1)


def test_names_of_a_scope_are_compared_without_case() -> None:
    rows = [container(1, "Orders"), container(2, "ORDERS"), container(3, "Items")]
    assert [row.id for row in chosen(rows, {"ORDERS"})] == [1, 2], "which one is meant, matching decides"
    assert [row.id for row in chosen(rows, {"ITEMS"})] == [3]
    assert chosen(rows, {"nothing"}) == []


def test_checks_and_anomalies_of_containers_that_are_not_listed_do_not_count() -> None:
    found = units(checks=[check(100, of=99)], anomalies=[anomaly(900, (100, None), of=99)])
    assert (found["datastore:7"].check_count, found["datastore:7"].anomaly_count) == (0, 0)


@given(
    st.lists(st.tuples(st.integers(1, 3), st.sets(st.sampled_from("AB"))), max_size=8),
    st.lists(st.tuples(st.integers(1, 3), st.sets(st.integers(0, 9), max_size=3)), max_size=8),
    st.sets(st.integers(1, 3)),
)
def test_containers_add_up_to_their_datastore(
    checks: list[tuple[int, set[str]]], anomalies: list[tuple[int, set[int]]], scanned: set[int]
) -> None:
    rows = [container(n, f"T{n}", scanned=SCANNED if n in scanned else None) for n in (1, 2, 3)]
    found = units(
        containers=rows,
        fields={n: [column(n * 10, "A"), column(n * 10 + 1, "B")] for n in (1, 2, 3)},
        checks=[check(n, *sorted(names), of=of) for n, (of, names) in enumerate(checks)],
        anomalies=[
            anomaly(n, *((i, None) for i in sorted(ids)), of=of) for n, (of, ids) in enumerate(anomalies)
        ],
    )
    parts = [unit for unit in found.values() if unit.level == "container"]
    whole = found["datastore:7"]
    assert whole.check_count == sum(unit.check_count or 0 for unit in parts)
    counted = [unit.anomaly_count for unit in parts if unit.anomaly_count is not None]
    assert whole.anomaly_count == (sum(counted) if scanned else None)
    for unit in found.values():
        assert (unit.anomaly_count is None) == (not unit.scanned)
