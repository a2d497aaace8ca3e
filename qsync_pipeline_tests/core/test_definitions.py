"""Tag definitions in Qualytics: made, recoloured, renamed, deleted (DESIGN.md §5.2)."""

from __future__ import annotations

import pytest

from qsync_pipeline.core.definitions import DefinitionBook
from qsync_pipeline.core.rows import Change, TagRef
from qsync_pipeline.core.tag_definition import TagDefinition, variants_among
from qsync_pipeline_tests.core.build import tag
from qsync_pipeline_tests.core.tag_world import tag_rules

MANAGED = "Managed tags are the normal mode"
EXTERNAL = "Native external tags are used where the deployment's OpenAPI offers them"
NATIVE = "Same name as a native tag"
TWO = "Two catalogs, one tag"
RENAME = "A rename in the catalog moves the assignments and keeps category and weight"
COLOURS = "Colours: Atlan's Green, Yellow, Red, Gray"
HTML = "Descriptions lose their HTML"
LEFT = "Definitions of ours left without an assignment are deleted at the end of a pull"
REACH = "Names with `/` may be unreachable in a URL"
NO_CLASH = "A tag that any integration of ours made is never a native clash"


def book(*known: TagDefinition, unreachable: tuple[str, ...] = (), **rules: object) -> DefinitionBook:
    return DefinitionBook(known, tag_rules(**rules), unreachable)  # type: ignore[arg-type]  # of the test


def ours(name: str = "PII", **more: object) -> TagDefinition:
    """A definition that this integration made."""
    values = {"category": "atlan", "made_by": "atlan", "made": True, "count": 1} | more
    return TagDefinition(name, **values)  # type: ignore[arg-type]  # of the test


def only(changes: tuple[Change, ...]) -> Change:
    (change,) = changes
    return change


@pytest.mark.rule("5.2", MANAGED)
@pytest.mark.rule("5.2", HTML)
def test_a_new_tag_is_made_in_our_category_with_the_catalogs_look_and_no_weight() -> None:
    change = only(book().need(tag(" PII ", color="#BF1B1B", description="<b>Personal</b> data")))
    assert (change.action, change.kind, change.name) == ("create", "global", "PII")
    assert change.after == {
        "name": "PII",
        "category": "atlan",
        "color": "#BF1B1B",
        "description": "Personal data",
        "weight_modifier": 0,
    }


@pytest.mark.rule("5.2", EXTERNAL)
def test_where_the_deployment_offers_it_a_new_tag_is_external() -> None:
    assert only(book(native=True).need(tag("PII"))).kind == "external"


def test_a_tag_is_needed_once_however_many_objects_want_it() -> None:
    one = book()
    assert len(one.need(tag("PII"))) == 1
    assert one.need(tag("pii")) == ()


@pytest.mark.rule("5.2", COLOURS)
def test_a_new_colour_or_description_is_taken_over_on_ours() -> None:
    known = ours(color="#047960", description="old")
    change = only(book(known).need(tag("PII", color="#bf1b1b", description="new")))
    assert change.action == "update"
    assert (change.after["color"], change.after["description"]) == ("#bf1b1b", "new")
    assert change.after["category"] == "atlan"


@pytest.mark.rule("5.2", COLOURS)
def test_of_two_catalog_tags_that_differ_by_blanks_only_one_gives_the_look_always_the_same() -> None:
    first, other = tag("PII  1", color="#111111"), tag(" PII  1 ", color="#222222")
    known = ours("PII 1", color="#111111", source_ids=(first.id,))
    assert book(known).need(other) == ()
    assert only(book(known).need(tag("PII  1", color="#333333"))).after["color"] == "#333333"
    assert only(book(known).need(tag("PII 1", color="#444444"))).after["color"] == "#444444"


@pytest.mark.rule("5.2", COLOURS)
@pytest.mark.rule("5.2", HTML)
def test_what_reads_the_same_is_no_change() -> None:
    known = ours(color="#BF1B1B", description="Personal <i>data</i>")
    assert book(known).need(tag("PII", color="#bf1b1b", description="<p>Personal data</p>")) == ()


@pytest.mark.rule("5.2", COLOURS)
def test_a_catalog_without_colours_leaves_the_colour_alone() -> None:
    assert book(ours(color="#BF1B1B", description="x")).need(tag("PII")) == ()


@pytest.mark.rule("5.2", NATIVE)
def test_a_native_definition_is_taken_over_and_the_plan_says_so() -> None:
    change = only(book(TagDefinition("pii", category="Legal"), overwrite=True).need(tag("PII")))
    assert change.action == "update"
    assert change.extra["takes_over"] is True
    assert (change.name, change.after["category"]) == ("pii", "atlan")


@pytest.mark.rule("5.2", NATIVE)
@pytest.mark.rule("5.2", NO_CLASH)
@pytest.mark.parametrize(
    ("known", "standing"),
    [
        (None, "missing"),
        (TagDefinition("PII"), "native"),
        (TagDefinition("PII", category="Legal"), "native"),
        (TagDefinition("PII", type="external"), "external"),
        (TagDefinition("PII", category="SECOND"), "ours"),
        (TagDefinition("PII", category="Legal", made_by="second"), "ours"),
        (TagDefinition("PII", type="external", made_by="atlan"), "ours"),
    ],
)
def test_whose_a_name_is(known: TagDefinition | None, standing: str) -> None:
    assert book(*([known] if known else [])).standing("pii") == standing


def test_an_external_tag_of_the_vendors_is_used_as_it_is() -> None:
    known = TagDefinition("PII", type="external", color="#111111")
    assert book(known).need(tag("PII", color="#222222")) == ()


@pytest.mark.rule("5.2", TWO)
def test_the_first_in_config_order_decides_how_a_shared_tag_looks() -> None:
    seconds = ours(category="second", made_by="second", color="#222222")
    change = only(book(seconds).need(tag("PII", color="#111111")))
    assert (change.after["category"], change.after["color"]) == ("atlan", "#111111")
    firsts = ours(category="atlan", made_by="atlan", color="#111111", suppliers=("atlan", "second"))
    assert book(firsts, integration="second").need(tag("PII", color="#222222")) == ()


@pytest.mark.rule("5.2", TWO)
def test_what_the_first_supplies_no_more_passes_on_to_the_next_that_does() -> None:
    left = ours(category="atlan", made_by="atlan", color="#111111", suppliers=("second",))
    order = {"order": ("atlan", "second", "third")}
    change = only(book(left, integration="second", **order).need(tag("PII", color="#222222")))
    assert (change.after["category"], change.after["color"]) == ("second", "#222222")
    assert book(left, integration="third", **order).need(tag("PII", color="#333333")) == ()


@pytest.mark.rule("5.2", TWO)
def test_two_that_find_what_people_assigned_take_no_turns_at_its_look() -> None:
    """Neither holds an assignment: it stays with the first that asks."""
    seconds = ours(category="second", made_by="second", color="#222222")
    assert book(seconds).need(tag("PII", color="#111111"), held=False) != ()
    firsts = ours(category="atlan", made_by="atlan", color="#111111")
    assert book(firsts, integration="second").need(tag("PII", color="#222222"), held=False) == ()
    held = ours(category="second", made_by="second", color="#222222", suppliers=("second",))
    assert book(held).need(tag("PII", color="#111111"), held=False) == ()


@pytest.mark.rule("5.2", TWO)
def test_a_shared_definition_that_a_person_moved_keeps_its_category() -> None:
    moved = ours(category="Legal", made_by="second", color="#222222")
    assert only(book(moved).need(tag("PII", color="#111111"))).after["category"] == "Legal"


@pytest.mark.rule("5.2", RENAME)
def test_the_new_name_of_a_renamed_tag_keeps_category_and_weight() -> None:
    known = ours("Old", category="By hand", weight_modifier=4, source_ids=("tag Old",))
    change = only(book(known).need(tag("New", id="tag Old", color="#111111")))
    assert (change.action, change.after["name"]) == ("create", "New")
    assert (change.after["category"], change.after["weight_modifier"]) == ("By hand", 4)
    assert 'renamed from "Old"' in change.reason


@pytest.mark.rule("5.2", RENAME)
def test_a_tag_without_an_id_is_no_rename_of_anything() -> None:
    known = ours("Old", weight_modifier=4, source_ids=("",))
    assert only(book(known).need(tag("New", id=""))).after["weight_modifier"] == 0


@pytest.mark.rule("5.2", LEFT)
def test_a_definition_of_ours_without_an_assignment_is_deleted() -> None:
    one = book(ours(count=2), ours("Kept", count=2))
    one.use("pii", -1)
    one.use("kept", -1)
    assert one.left_over() == []
    one.use("pii", -1)
    (change,) = one.left_over()
    assert (change.action, change.name, change.key) == ("remove", "PII", "pii")


@pytest.mark.rule("5.2", LEFT)
def test_one_that_had_no_assignment_before_is_listed_by_its_maker_alone() -> None:
    bare = ours(made_by="second", category="second", count=0)
    assert book(bare).left_over() == []
    assert [change.name for change in book(ours(made_by="gone", count=0)).left_over()] == ["PII"]
    used = book(ours(made_by="second", category="second", count=1))
    used.use("pii", -1)
    assert [change.name for change in used.left_over()] == ["PII"], "its last assignment goes in this plan"


@pytest.mark.rule("5.2", LEFT)
@pytest.mark.parametrize(
    "known",
    [
        TagDefinition("PII", category="atlan", count=0),
        ours(made=False, count=0),
        ours(count=None),
        ours(count=1),
    ],
    ids=["not in the ledger", "taken over", "count not told", "in use"],
)
def test_what_we_did_not_make_or_cannot_count_is_never_deleted(known: TagDefinition) -> None:
    assert book(known).left_over() == []


@pytest.mark.rule("5.2", LEFT)
def test_a_definition_that_the_plan_uses_again_is_not_deleted() -> None:
    one = book(ours(count=1))
    one.use("pii", -1)
    one.use("pii", +1)
    assert one.left_over() == []
    fresh = book()
    fresh.need(tag("New"))
    assert fresh.left_over() == []


@pytest.mark.rule("5.2", REACH)
def test_a_name_that_no_url_reaches_is_made_and_then_neither_recoloured_nor_deleted_in_silence() -> None:
    fresh = book(unreachable=("a/b",))
    assert only(fresh.need(tag("A/B"))).status == "planned"
    known = ours("A/B", color="#111111", count=0)
    change = only(book(known, unreachable=("a/b",)).need(tag("A/B", color="#222222")))
    assert (change.action, change.status) == ("update", "skipped")
    assert change.reason
    (change,) = book(known, unreachable=("a/b",)).left_over()
    assert (change.action, change.status) == ("remove", "skipped")


def test_a_name_is_spelled_as_qualytics_spells_it() -> None:
    assert book(ours("PiI")).spelling("pii", "PII") == "PiI"
    assert book().spelling("pii", "PII") == "PII"


ONE_LOOK = "Names: NFC, trimmed"


@pytest.mark.rule("5.2", ONE_LOOK)
def test_of_tags_that_differ_by_case_only_one_gives_the_look_always_the_same() -> None:
    shouted, quiet = tag("PII", color="#BF1B1B", id="1"), tag("pii", color="#047960", id="2")
    made = ours(color="#BF1B1B", source_ids=("1",))
    for order in ([shouted, quiet], [quiet, shouted], [quiet]):
        one = book(made)
        assert [change for each in order for change in one.need(each)] == []
    repainted = tag("PII", color="#F7B43D", id="1")
    one = book(made)
    changes = [change for each in (quiet, repainted, quiet) for change in one.need(each)]
    assert only(tuple(changes)).after["color"] == "#F7B43D"


@pytest.mark.rule("5.2", ONE_LOOK)
def test_a_tag_that_the_catalog_spells_anew_goes_on_giving_the_look() -> None:
    made = ours(color="#BF1B1B", source_ids=("1",))
    assert only(book(made).need(tag("Pii", color="#047960", id="1"))).after["color"] == "#047960"


@pytest.mark.rule("5.2", ONE_LOOK)
@pytest.mark.parametrize("ours_first", [True, False])
def test_a_persons_definition_that_differs_from_ours_by_case_only_is_never_changed(ours_first: bool) -> None:
    both = [ours("PII", color="#BF1B1B", count=0), TagDefinition("pii", count=0)]
    one = book(*(both if ours_first else reversed(both)))
    assert one.standing("pii") == "ours"
    assert one.spelling("pii", "") == "PII"
    assert [change.name for change in one.left_over()] == ["PII"]
    assert [change.name for change in one.need(tag("PII", color="#047960"))] == ["PII"]


@pytest.mark.rule("5.2", ONE_LOOK)
def test_where_ours_is_left_over_a_persons_beside_it_that_is_wanted_takes_its_place() -> None:
    both = [ours("PII", count=0), TagDefinition("pii", id=7, color="#111111", count=1)]
    wanted, there = tag("PII", color="#BF1B1B"), TagRef("pii", id="7")
    one = book(*both, overwrite=True)
    one.inherit("pii", there, wanted)
    goes, comes = one.left_over()
    assert (goes.action, goes.name) == ("remove", "PII")
    assert (comes.action, comes.name, comes.before["color"]) == ("update", "pii", "#111111")
    assert (comes.after["color"], comes.after["category"]) == ("#BF1B1B", "atlan")
    assert comes.extra["takes_over"]
    in_use = book(ours("PII", count=1), both[1], overwrite=True)
    in_use.inherit("pii", there, wanted)
    assert in_use.left_over() == []


@pytest.mark.rule("5.2", ONE_LOOK)
@pytest.mark.parametrize(
    ("beside", "overwrite"),
    [
        (TagDefinition("pii", id=7), False),
        (TagDefinition("Pii", id=8), True),  # another one than stands there
        (TagDefinition("pii", type="external", id=7), True),
    ],
)
def test_nobody_takes_the_place_of_ours_where_nothing_says_so(beside: TagDefinition, overwrite: bool) -> None:
    one = book(ours("PII", count=0), beside, overwrite=overwrite)
    one.inherit("pii", TagRef("pii", id="7"), tag("PII"))
    assert [change.action for change in one.left_over()] == ["remove"]


@pytest.mark.rule("5.2", ONE_LOOK)
def test_the_definition_of_another_integration_makes_room_for_a_persons_that_is_wanted() -> None:
    left = ours("PII", count=0, made_by="second", category="second")
    one = book(left, TagDefinition("pii", id=7), overwrite=True)
    assert one.left_over() == [], "it is its maker's"
    one.inherit("pii", TagRef("pii", id="7"), tag("PII"))
    assert [change.action for change in one.left_over()] == ["remove", "update"]


@pytest.mark.rule("5.2", ONE_LOOK)
def test_of_tags_that_differ_by_case_the_one_spelled_like_the_definition_speaks_wherever_it_is() -> None:
    shouted, quiet = tag("PII", color="#BF1B1B", id="1"), tag("pii", color="#047960", id="2")
    theirs = TagDefinition("pii", id=7, color="#111111")
    one = DefinitionBook([theirs], tag_rules(overwrite=True), variants=variants_among([shouted, quiet]))
    assert only(one.need(shouted)).after["color"] == "#047960"
    made = DefinitionBook([], tag_rules(), variants=[shouted, quiet])
    assert only(made.need(shouted)).after["color"] == "#BF1B1B", "nothing is spelled yet"


def test_tags_are_variants_where_they_differ_by_case_or_blanks_only() -> None:
    alone, shouted, quiet = tag("Tier 1"), tag("PII "), tag("pii")
    assert variants_among([shouted, alone, quiet]) == [shouted, quiet]
