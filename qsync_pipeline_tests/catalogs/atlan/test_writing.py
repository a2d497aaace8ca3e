"""Writing: bodies that cannot create or clear by accident, outcomes, refusals, batch size."""

from __future__ import annotations

from typing import Any

import pytest

from qsync_pipeline.catalogs.atlan.types import AttributeIds
from qsync_pipeline.catalogs.atlan.writing import BatchSize, Writer
from qsync_pipeline.catalogs.base import BatchRejected
from qsync_pipeline.core.rows import Change
from qsync_pipeline.transport.errors import Conflict, Forbidden, NotFound, OutsideError, Rejected, ServerError
from qsync_pipeline_tests.catalogs.atlan.fake import BULK, FakeSession

IDS = AttributeIds("set", {"Check Count": "cc", "Quality Score Total": "qt"})


def change(target: str, surface: str, after: Any) -> Change:
    extra = {"name": f"N {target}", "qualified_name": f"default/x/1/{target}"}
    return Change(surface, "update", target, target, after=after, kind="Table", extra=extra)


def write(changes: list[Change], answer: Any) -> tuple[list[Any], FakeSession]:
    session = FakeSession().on("POST", BULK, answer)
    return Writer(session.client(), 50, sleep=lambda seconds: None).write(changes, IDS), session


@pytest.mark.rule("3", "`quality_metadata` writes all surfaces")
def test_all_changes_of_an_asset_share_one_entity_of_one_call() -> None:
    alert = {"type": "warning", "title": "2 anomalies", "text": "see there", "by": "me", "id": None}
    _, session = write(
        [
            change("a", "custom_metadata", {"Check Count": 3, "Quality Score Total": None}),
            change("a", "announcements", alert),
            change("b", "announcements", None),
        ],
        {},
    )
    (call,) = session.calls
    assert call["params"] == {"replaceBusinessAttributes": True, "overwriteBusinessAttributes": False}
    assert call["json"]["entities"] == [
        {
            "typeName": "Table",
            "guid": "a",
            "attributes": {
                "name": "N a",
                "qualifiedName": "default/x/1/a",
                "announcementType": "warning",
                "announcementTitle": "2 anomalies",
                "announcementMessage": "see there",
            },
            "businessAttributes": {"set": {"cc": 3, "qt": None}},
        },
        {
            "typeName": "Table",
            "guid": "b",
            "attributes": {
                "name": "N b",
                "qualifiedName": "default/x/1/b",
                "announcementType": None,
                "announcementTitle": None,
                "announcementMessage": None,
            },
        },
    ]


def test_without_custom_metadata_the_flags_are_left_off() -> None:
    _, session = write([change("a", "announcements", None)], {})
    assert session.calls[0]["params"] is None


@pytest.mark.parametrize("key", ["UPDATE", "PARTIAL_UPDATE"])
def test_what_the_answer_lists_was_applied_the_rest_was_so_already(key: str) -> None:
    changes = [change("a", "announcements", None), change("b", "announcements", None)]
    outcomes, _ = write(changes, {"mutatedEntities": {key: [{"guid": "a"}, {"guid": "its parent"}]}})
    assert [o.outcome for o in outcomes] == ["applied", "unchanged"]
    assert [o.change for o in outcomes] == changes


def test_a_write_that_created_is_not_passed_over() -> None:
    outcomes, _ = write(
        [change("a", "announcements", None)], {"mutatedEntities": {"CREATE": [{"guid": "a"}]}}
    )
    assert outcomes[0].outcome == "rejected"


def test_a_write_on_an_asset_that_was_archived_meanwhile_is_seen_by_nobody_and_not_passed_over() -> None:
    archived = {"guid": "a", "status": "DELETED"}
    outcomes, _ = write([change("a", "announcements", None)], {"mutatedEntities": {"UPDATE": [archived]}})
    assert (outcomes[0].outcome, outcomes[0].error_class) == ("rejected", "missing")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (Forbidden("no", status=403, culprit="a"), "permission"),
        (NotFound("gone", status=404, code="ATLAS-404-00-00A", culprit="a", worded=True), "missing"),
        (NotFound("a proxy's page", status=404, culprit="a"), "server"),
        (NotFound("bad", status=404, code="ATLAS-404-00-007", culprit="a"), "validation"),
        (Rejected("bad", status=400, culprit="a"), "validation"),
        (Conflict("busy", status=409, culprit="a"), "conflict"),
    ],
)
def test_a_refused_batch_says_why_and_by_whom(error: OutsideError, kind: str) -> None:
    def refuse(call: Any) -> Any:
        raise error

    with pytest.raises(BatchRejected) as caught:
        write([change("a", "custom_metadata", {"Check Count": 1})], refuse)
    assert (caught.value.error_class, caught.value.culprit, caught.value.status) == (kind, "a", error.status)


def test_trouble_on_their_side_is_no_refusal() -> None:
    def fail(call: Any) -> Any:
        raise ServerError("500", status=500)

    with pytest.raises(ServerError):
        write([change("a", "announcements", None)], fail)


def test_a_brand_new_set_is_given_time_to_be_known() -> None:
    answers = iter([None, {"mutatedEntities": {"UPDATE": [{"guid": "a"}]}}])

    def late(call: Any) -> Any:
        answer = next(answers)
        if answer is None:
            raise NotFound("unknown set", status=404, code="ATLAS-404-00-007")
        return answer

    outcomes, session = write([change("a", "custom_metadata", {"Check Count": 1})], late)
    assert [o.outcome for o in outcomes] == ["applied"]
    assert len(session.calls) == 2


def test_values_without_a_definition_are_never_sent() -> None:
    with pytest.raises(BatchRejected, match=r"URL.*definitions"):
        write([change("a", "custom_metadata", {"URL": "https://q.example"})], {})


def test_nothing_to_write_costs_nothing() -> None:
    outcomes, session = write([], {})
    assert (outcomes, session.calls) == ([], [])


def test_the_batch_halves_when_atlan_is_slow_and_grows_back_slowly() -> None:
    size = BatchSize(50)
    size.took(5.1)
    assert size.current == 25
    size.took(9.0)
    assert size.current == 12
    size.took(0.2)
    assert size.current == 17
    for _ in range(20):
        size.took(0.2)
    assert size.current == 50
    for _ in range(20):
        size.took(6.0)
    assert size.current == 1
