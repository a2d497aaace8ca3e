"""Putting tags on Alation's objects: one call each, described where new, and read back as they are."""

from __future__ import annotations

from typing import Any

import pytest

from qsync_pipeline.catalogs.alation.adapter import AlationCatalog
from qsync_pipeline.catalogs.base import BatchRejected
from qsync_pipeline.core.rows import CatalogAsset, Change
from qsync_pipeline.core.tags_out import MARK, made_by_us
from qsync_pipeline_tests.catalogs.alation.conftest import Bench

NAME = "Gold #1/ä b"


def tagging(asset: CatalogAsset, name: str = NAME, *, off: bool = False, **extra: Any) -> Change:
    look = {"look": {"color": None, "description": MARK}}
    return Change(
        "tags",
        "remove" if off else "create",
        asset.id,
        asset.name,
        name.casefold(),
        before=name if off else None,
        after=None if off else name,
        kind=asset.kind,
        extra={**look, **extra},
    )


def tags_of(catalog: AlationCatalog, asset: CatalogAsset) -> set[str]:
    return {tag.name for tag in catalog.reread([asset.id])[asset.id].tags}


def test_a_new_tag_is_described_and_read_back_from_the_objects_it_is_on(bench: Bench) -> None:
    catalog, asset = bench.open(push_tags=True), bench.asset()
    before = {tag.name for tag in asset.tags}
    list(catalog.read(catalog.index().schemas))
    (done,) = catalog.write([tagging(asset)])
    assert done.outcome == "applied"
    assert tags_of(catalog, asset) == before | {NAME}
    (definition,) = [tag for tag in bench.catalog.index().tags or () if tag.name == NAME]
    assert (made_by_us(definition), definition.id) == (True, done.change.extra["tag_id"])
    catalog.write([tagging(asset, off=True, tag_id=definition.id)])
    assert tags_of(catalog, asset) == before
    (again,) = catalog.write([tagging(asset, off=True, tag_id=definition.id)])
    assert again.outcome == "unchanged"


def test_without_the_tag_index_only_the_tags_that_we_put_are_read_back(bench: Bench) -> None:
    catalog, asset = bench.open(push_tags=True), bench.asset()
    catalog.write([tagging(asset)])
    bench.control.reset_requests()
    found = catalog.reread([asset.id])[asset.id]
    assert ({tag.name for tag in found.tags}, found.complete) == ({NAME}, False)
    lists = [row for row in bench.control.requests()["requests"] if "/tag/" in row["route"]]
    assert sum(row["count"] for row in lists) == 1


@pytest.mark.parametrize("status", [403, 429])
def test_a_tag_that_is_on_and_could_not_be_described_is_not_taken_for_refused(
    bench: Bench, status: int
) -> None:
    bench.control.faults({"system": "alation", "method": "PATCH", "route": "/integration/tag/{id}/",
                          "status": status, "headers": {"Retry-After": "0"}})  # fmt: skip
    catalog, asset = bench.open(push_tags=True), bench.asset()
    (done,) = catalog.write([tagging(asset)])
    assert (done.outcome, done.error_class) == ("rejected", "server")
    assert NAME in tags_of(catalog, asset)


def test_a_role_that_may_not_tag_is_learned_from_the_first(bench: Bench) -> None:
    asset = bench.asset()
    catalog = bench.as_user("watcher", "VIEWER")
    with pytest.raises(BatchRejected) as refused:
        catalog.write([tagging(asset)])
    assert refused.value.error_class == "permission"


def test_an_object_that_is_gone_rejects_its_own_change_alone(bench: Bench) -> None:
    asset = bench.asset()
    gone = type(asset)(
        **{name: getattr(asset, name) for name in asset.__struct_fields__} | {"id": "table:999999"}
    )
    first, second = bench.open(push_tags=True).write([tagging(asset), tagging(gone)])
    assert (first.outcome, second.outcome, second.error_class) == ("applied", "rejected", "missing")
