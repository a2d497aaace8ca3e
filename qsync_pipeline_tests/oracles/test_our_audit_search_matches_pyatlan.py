"""Our search in Atlan's activity log beside the one that pyatlan makes for the same question."""

from __future__ import annotations

import json

from qsync_pipeline.catalogs.atlan.changes import ATTRIBUTES, DIRECT, audit_body


def test_our_search_says_what_pyatlan_says() -> None:
    # Only here: to import it at the top would cost every worker seconds.
    from pyatlan.model.audit import AuditSearchRequest
    from pyatlan.model.enums import SortOrder
    from pyatlan.model.search import DSL, Bool, Range, SortItem, Terms

    theirs = AuditSearchRequest(
        dsl=DSL(
            query=Bool(filter=[Range(field="created", gte=1000), Terms(field="action", values=list(DIRECT))]),
            sort=[
                SortItem(field="created", order=SortOrder.ASCENDING),
                SortItem(field="entityId", order=SortOrder.ASCENDING),
            ],
            from_=300,
            size=300,
        ),
        attributes=list(ATTRIBUTES),
    )
    sent = json.loads(theirs.json(by_alias=True, exclude_none=True))
    ours = audit_body(DIRECT, since=1000, start=300, size=300)
    assert ours["dsl"]["query"] == sent["dsl"]["query"]
    assert ours["dsl"]["sort"] == [
        {field: {"order": how["order"]} for field, how in item.items()} for item in sent["dsl"]["sort"]
    ]
    assert {key: ours["dsl"][key] for key in ("from", "size", "track_total_hits")} == {
        key: sent["dsl"][key] for key in ("from", "size", "track_total_hits")
    }
    assert ours["attributes"] == sent["attributes"]
