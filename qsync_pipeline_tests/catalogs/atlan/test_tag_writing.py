"""Putting tags on Atlan's assets: onto the asset itself, beside what stands there, made where missing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from qsync_pipeline.catalogs.atlan.tag_writing import nearest_color
from qsync_pipeline.catalogs.base import BatchRejected, Catalog
from qsync_pipeline.core.rows import CatalogAsset, Change
from qsync_pipeline.core.tags_out import MARK, made_by_us
from qsync_pipeline.sandbox.testing import ATLAN_ONLY, RunningSandbox, running_sandbox
from qsync_pipeline_tests.catalogs.atlan.test_on_sandbox import OTHER, TABLE, named, opened

LOOK = {"color": "#FFD700", "description": MARK}


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox("small", seed=5, kinds=ATLAN_ONLY) as running:
        yield running


@pytest.fixture
def catalog(sandbox: RunningSandbox) -> Iterator[Catalog]:
    catalog = opened(sandbox, push_tags=True)
    yield catalog
    catalog.close()


def tagging(asset: CatalogAsset, name: str, *, off: bool = False, **extra: Any) -> Change:
    named_ = {"name": asset.name, "qualified_name": asset.qualified_name, "look": LOOK}
    return Change(
        "tags",
        "remove" if off else "create",
        asset.id,
        asset.name,
        name.casefold(),
        before=name if off else None,
        after=None if off else name,
        connection=asset.connection,
        kind=asset.kind,
        extra={**named_, **extra},
    )


def tags_of(catalog: Catalog, asset: CatalogAsset) -> dict[str, str]:
    return {tag.name: tag.origin for tag in catalog.reread([asset.id])[asset.id].tags}


def raw(sandbox: RunningSandbox, asset: CatalogAsset) -> Any:
    return sandbox.systems["atlan"].store.get(asset.id)  # type: ignore[attr-defined]  # the real system


def test_a_new_tag_is_made_once_and_put_on_both_assets_without_spreading(
    sandbox: RunningSandbox, catalog: Catalog
) -> None:
    first, second = named(catalog, TABLE), named(catalog, OTHER)
    before = tags_of(catalog, first)
    sandbox.control.reset_requests()
    done = catalog.write([tagging(first, "Gold"), tagging(second, "Gold")])
    assert [one.outcome for one in done] == ["applied", "applied"]
    sent = [row for row in sandbox.control.requests()["requests"] if row["method"] == "POST"]
    assert sum(row["count"] for row in sent) == 2, "one definition, one bulk write"
    assert tags_of(catalog, first) == before | {"Gold": "direct"}
    (attached,) = [
        tag for tag in raw(sandbox, first).direct() if tag.type_name == done[0].change.extra["tag_id"]
    ]
    assert attached.propagate is False
    (definition,) = [tag for tag in catalog.index().tags or () if tag.name == "Gold"]
    assert made_by_us(definition)
    assert definition.color == "#F7B43D"


def test_a_tag_comes_off_and_the_others_stay(catalog: Catalog) -> None:
    asset = named(catalog, TABLE)
    (done,) = catalog.write([tagging(asset, "Gold")])
    before = tags_of(catalog, asset)
    catalog.write([tagging(asset, "Gold", off=True, tag_id=done.change.extra["tag_id"])])
    assert tags_of(catalog, asset) == {name: origin for name, origin in before.items() if name != "Gold"}
    (again,) = catalog.write([tagging(asset, "Gold", off=True, tag_id=done.change.extra["tag_id"])])
    assert again.outcome == "unchanged"


def test_a_tag_that_somebody_made_meanwhile_is_used(sandbox: RunningSandbox, catalog: Catalog) -> None:
    asset = named(catalog, TABLE)
    catalog.index()
    sandbox.control.mutate({"system": "atlan", "do": "tag", "asset": OTHER, "tag": "Gold"})
    (done,) = catalog.write([tagging(asset, "Gold")])
    assert done.outcome == "applied"
    assert len([tag for tag in catalog.index().tags or () if tag.name == "Gold"]) == 1


def test_a_forbidden_asset_refuses_the_call_and_is_named(sandbox: RunningSandbox, catalog: Catalog) -> None:
    asset, other = named(catalog, TABLE), named(catalog, OTHER)
    sandbox.control.mutate({"system": "atlan", "do": "forbid", "asset": TABLE})
    with pytest.raises(BatchRejected) as refused:
        catalog.write([tagging(asset, "Gold"), tagging(other, "Gold")])
    assert refused.value.error_class == "permission"
    assert "Gold" not in tags_of(catalog, other)


def test_permissions_speak_of_tags_only_where_tags_go_out(sandbox: RunningSandbox, catalog: Catalog) -> None:
    asset = named(catalog, TABLE)
    assert catalog.permissions([asset]) == {asset.id: frozenset()}
    sandbox.control.mutate({"system": "atlan", "do": "forbid", "asset": TABLE})
    plain = opened(sandbox)
    lacking, lacking_plain = ((one.permissions([asset]) or {})[asset.id] for one in (catalog, plain))
    assert set(lacking - lacking_plain) == {
        "Add tags (persona-entity-add-classification)",
        "Remove tags (persona-entity-remove-classification)",
    }
    plain.close()


@pytest.mark.parametrize(
    ("color", "expected"),
    [("#ff0000", "Red"), ("#00aa55", "Green"), ("#FFD700", "Yellow"), ("#555", "Gray"), (None, "Gray")],
)
def test_a_colour_becomes_the_nearest_that_atlan_has(color: str | None, expected: str) -> None:
    assert nearest_color(color) == expected
