"""Pairing the children of one scope: exact name, unique case-folded name, then remembered ids (§5.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsync_pipeline.core.names import fold
from qsync_pipeline.core.pairing import Child, Pair, pair
from qsync_pipeline.core.rows import CatalogAsset
from qsync_pipeline_tests.core.build import table

ORDER = "Order: explicit mapping from the config, then names"
ID_RULE = "An id only chooses between several name candidates"
SWAP = "The same name with a new id is a new link"
KIND = "Any table-like type pairs with any table or view container"
ONE_WRITER = "A catalog asset has one writer"
PROVED = "Before anything is removed because its counterpart is missing"


def paired(
    names: Sequence[str],
    assets: Mapping[str, str],
    links: Mapping[str, Sequence[str]] | None = None,
    presence: Mapping[str, str] | None = None,
) -> dict[str, tuple[str, str | None]]:
    """Children are named as given; assets are ``{id: name}``. Child -> (bucket or way, asset)."""
    children = [Child(name, name) for name in names]
    rows = [table(name, id=id_) for id_, name in assets.items()]
    found = pair(children, rows, links or {}, presence or {})
    return {
        id_: (one.how if one.bucket == "matched" else one.bucket, one.asset) for id_, one in found.items()
    }


@pytest.mark.rule("5.1", ORDER)
def test_exact_names_pair_before_others_of_the_same_letters() -> None:
    assert paired(["Orders"], {"a": "ORDERS", "b": "Orders"}) == {"Orders": ("exact", "b")}


@pytest.mark.rule("5.1", ORDER)
def test_a_name_in_another_case_pairs_where_both_sides_have_it_once() -> None:
    assert paired(["orders"], {"a": "ORDERS"}) == {"orders": ("case", "a")}
    assert paired(["straße"], {"a": "STRASSE"}) == {"straße": ("case", "a")}


@pytest.mark.rule("5.1", ORDER)
@pytest.mark.rule("5.1", "Never guess")
def test_case_only_duplicates_in_the_catalog_pair_by_exact_name_or_not_at_all() -> None:
    twins = {"a": "Orders", "b": "ORDERS"}
    assert paired(["Orders"], twins) == {"Orders": ("exact", "a")}
    assert paired(["orders"], twins) == {"orders": ("ambiguous", None)}


@pytest.mark.rule("5.1", ORDER)
@pytest.mark.rule("5.1", "Never guess")
def test_case_only_duplicates_in_qualytics_pair_by_exact_name_or_not_at_all() -> None:
    assert paired(["Orders", "ORDERS"], {"a": "ORDERS"}) == {
        "ORDERS": ("exact", "a"),
        "Orders": ("ambiguous", None),
    }
    assert paired(["Orders", "ORDERS"], {"a": "orders"}) == {
        "ORDERS": ("ambiguous", None),
        "Orders": ("ambiguous", None),
    }


@pytest.mark.rule("5.1", ID_RULE)
def test_the_remembered_id_chooses_between_case_only_duplicates() -> None:
    twins = {"a": "Orders", "b": "ORDERS"}
    assert paired(["orders"], twins, {"orders": ["b"]}) == {"orders": ("identity", "b")}
    both = paired(["orders", "OrDers"], twins, {"orders": ["b"], "OrDers": ["b"]})
    assert both == {"orders": ("ambiguous", None), "OrDers": ("ambiguous", None)}


@pytest.mark.rule("5.1", ID_RULE)
def test_the_remembered_id_does_not_take_what_another_has_by_exact_name() -> None:
    found = paired(["orders", "ORDERS"], {"b": "ORDERS", "c": "Orders"}, {"orders": ["b"]})
    assert found == {"ORDERS": ("exact", "b"), "orders": ("ambiguous", None)}


@pytest.mark.rule("5.1", ID_RULE)
def test_a_rename_in_the_catalog_keeps_the_pair() -> None:
    assert paired(["ORDERS"], {"a": "PURCHASES"}, {"ORDERS": ["a"]}) == {"ORDERS": ("identity", "a")}


@pytest.mark.rule("5.1", ID_RULE)
def test_a_rename_ends_the_pair_when_either_has_a_partner_by_name() -> None:
    found = paired(["ORDERS", "PURCHASES"], {"a": "PURCHASES"}, {"ORDERS": ["a"]})
    assert found == {"PURCHASES": ("exact", "a"), "ORDERS": ("absent", None)}
    assert paired(["ORDERS"], {"a": "PURCHASES", "b": "ORDERS"}, {"ORDERS": ["a"]}) == {
        "ORDERS": ("exact", "b")
    }


@pytest.mark.rule("5.1", ID_RULE)
@pytest.mark.rule("5.1", ONE_WRITER)
def test_two_that_remember_one_renamed_asset_get_it_neither() -> None:
    found = paired(["A", "B"], {"a": "C"}, {"A": ["a"], "B": ["a"]})
    assert found == {"A": ("ambiguous", None), "B": ("ambiguous", None)}


@pytest.mark.rule("5.1", SWAP)
def test_swapped_tables_pair_by_name_whatever_the_ids() -> None:
    found = paired(["A", "B"], {"was A": "B", "was B": "A"}, {"A": ["was A"], "B": ["was B"]})
    assert found == {"A": ("exact", "was B"), "B": ("exact", "was A")}


@pytest.mark.rule("5.1", SWAP)
def test_a_blue_green_swap_pairs_the_new_table_and_leaves_the_old_alone() -> None:
    found = paired(["ORDERS"], {"old": "ORDERS_OLD", "new": "ORDERS"}, {"ORDERS": ["old"]})
    assert found == {"ORDERS": ("exact", "new")}


@pytest.mark.rule("5.1", KIND)
@pytest.mark.parametrize(
    "kind", ["Table", "View", "MaterialisedView", "TablePartition", "SnowflakeDynamicTable"]
)
@pytest.mark.parametrize("view", [False, True])
def test_any_table_like_type_pairs_with_any_container(kind: str, view: bool) -> None:
    assert pair([Child("c", "T", view)], [table("T", kind=kind)], {}, {})["c"].how == "exact"


@pytest.mark.rule("5.1", KIND)
def test_the_kind_breaks_a_tie_between_two_of_one_name() -> None:
    rows = [table("T", id="t", kind="Table"), table("T", id="v", kind="View")]
    assert pair([Child("c", "T")], rows, {}, {})["c"].asset == "t"
    assert pair([Child("c", "T", view=True)], rows, {}, {})["c"].asset == "v"


@pytest.mark.rule("5.1", ID_RULE)
@pytest.mark.rule("5.1", "Never guess")
def test_where_the_kind_does_not_break_the_tie_the_id_may() -> None:
    rows = [table("T", id="x", kind="View"), table("T", id="y", kind="MaterialisedView")]
    assert pair([Child("c", "T")], rows, {}, {})["c"].bucket == "ambiguous"
    assert pair([Child("c", "T")], rows, {"c": ["y"]}, {})["c"].asset == "y"


@pytest.mark.rule("5.1", ONE_WRITER)
def test_two_of_the_very_same_name_get_the_asset_neither() -> None:
    found = pair([Child("c1", "T"), Child("c2", "T")], [table("T")], {}, {})
    assert {one.bucket for one in found.values()} == {"ambiguous"}


@pytest.mark.rule("5.1", PROVED)
@pytest.mark.rule("5.1", "Absence is proved")
@pytest.mark.rule("5.1", "A limited token sees less without an error")
@pytest.mark.parametrize(
    ("said", "bucket", "gone"),
    [
        ({"a": "gone"}, "absent", True),
        ({"a": "forbidden"}, "forbidden", False),
        ({"a": "present"}, "absent", False),
        ({}, "absent", False),
    ],
)
def test_what_is_missing_is_gone_only_by_proof(said: dict[str, str], bucket: str, gone: bool) -> None:
    found = pair([Child("c", "T")], [], {"c": ["a"]}, said)["c"]
    assert (found.bucket, found.gone) == (bucket, gone)


@pytest.mark.rule("5.1", PROVED)
def test_of_two_remembered_assets_both_must_be_gone() -> None:
    found = pair([Child("c", "T")], [], {"c": ["a", "b"]}, {"a": "gone", "b": "present"})["c"]
    assert (found.bucket, found.gone) == ("absent", False)


@pytest.mark.rule("5.1", PROVED)
def test_what_was_never_paired_is_absent_and_not_gone() -> None:
    assert pair([Child("c", "T")], [], {}, {})["c"] == Pair(
        "absent", reason="the catalog shows nothing of this name here"
    )


def test_an_asset_that_may_not_be_read_is_forbidden_however_it_was_found() -> None:
    for name, links in (("T", {}), ("t", {}), ("OTHER", {"c": ["a"]})):
        found = pair([Child("c", name)], [table("T", id="a", readable=False)], links, {})["c"]
        assert (found.bucket, found.asset) == ("forbidden", "a")


names = st.sampled_from(["a", "A", "b", "B", "ß", "SS", "ss", "é", "E\u0301", ""])


@pytest.mark.rule("5.1", ONE_WRITER)
@pytest.mark.rule("5.1", ORDER)
@given(
    ours=st.lists(st.tuples(names, st.booleans()), max_size=6),
    theirs=st.lists(st.tuples(names, st.sampled_from(["Table", "View"]), st.booleans()), max_size=6),
    memory=st.dictionaries(st.integers(0, 5), st.sets(st.integers(0, 7), max_size=3)),
    said=st.dictionaries(st.integers(0, 7), st.sampled_from(["gone", "forbidden", "present"])),
)
def test_pairing_is_a_partial_injection_and_names_win(
    ours: list[tuple[str, bool]],
    theirs: list[tuple[str, str, bool]],
    memory: dict[int, set[int]],
    said: dict[int, str],
) -> None:
    children = [Child(f"c{n}", name, view) for n, (name, view) in enumerate(ours)]
    rows: list[CatalogAsset] = [
        table(name, id=f"a{n}", kind=kind, readable=readable)
        for n, (name, kind, readable) in enumerate(theirs)
    ]
    links = {f"c{n}": sorted(f"a{m}" for m in ids) for n, ids in memory.items()}
    presence = {f"a{n}": word for n, word in said.items()}
    found = pair(children, rows, links, presence)
    assert list(found) == [child.id for child in children]
    assets = [one.asset for one in found.values() if one.asset]
    assert len(assets) == len(set(assets))
    by_id = {row.id: row for row in rows}
    for child in children:
        one = found[child.id]
        if one.how in ("exact", "case"):
            assert fold(by_id[one.asset or ""].name) == fold(child.name)
        if one.how == "identity":
            assert one.asset in links[child.id]
        if one.gone:
            assert {presence.get(id_) for id_ in links[child.id]} == {"gone"}
        once = [row for row in rows if row.name == child.name]
        alone = [other for other in children if other.name == child.name]
        if len(once) == len(alone) == 1:
            assert one.asset == once[0].id, "an exact name on both sides always pairs"
