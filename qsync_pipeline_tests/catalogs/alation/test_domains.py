"""Domains from rules: recursion, exclusion, subdomains, and the core's nearest-domain rule."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsync_pipeline.catalogs.alation.domains import (
    NO_DOMAIN,
    Membership,
    domain_tree,
    membership,
    refuse_untold,
    without_parent,
)
from qsync_pipeline.catalogs.alation.keys import split_id
from qsync_pipeline.catalogs.alation.models import ColumnRow, DomainRow, DomainRule
from qsync_pipeline.catalogs.alation.translate import Translator
from qsync_pipeline.core.domains import domain_scope
from qsync_pipeline.core.rows import CatalogAsset
from qsync_pipeline.transport.errors import Malformed

DOMAINS = (
    "Domains: subdomains count; the nearest own domain upwards decides (Alation: the nearest rule, exclude"
    " before include)"
)
CHAIN = ["attribute:1613", "table:93", "schema:5", "data:6"]
TREE = domain_tree([DomainRow(7, "Finance"), DomainRow(8, "Risk", 7), DomainRow(9, "Sales")])


def rule(domain: int, on: str, **more: Any) -> DomainRule:
    otype, number = split_id(on) or ("", 0)
    return DomainRule(domain, otype, number, **more)


def belongs(rules: list[DomainRule], wanted: str, chain: list[str] = CHAIN) -> bool:
    """Whether the core takes the asset for one of the domain: by what is handed on for it and above it."""
    found = membership(rules, TREE, [wanted])
    scope = domain_scope(TREE, [wanted])
    return scope.covers([asset(chain[n:], found) for n in range(len(chain))])


def asset(chain: list[str], found: Membership) -> CatalogAsset:
    return CatalogAsset(chain[0], "table", "", "", "", "", "", domain=found.shown(chain))


def test_a_recursive_rule_reaches_all_that_is_below() -> None:
    rules = [rule(7, "schema:5", recursive=True)]
    assert belongs(rules, "Finance")
    assert belongs(rules, "Finance", CHAIN[2:])
    assert not belongs(rules, "Finance", CHAIN[3:])


def test_a_rule_that_is_not_recursive_reaches_its_object_only() -> None:
    rules = [rule(7, "schema:5")]
    assert belongs(rules, "Finance", CHAIN[2:])
    assert not belongs(rules, "Finance", CHAIN[1:])
    assert not belongs(rules, "Finance")


def test_an_exclusion_beats_the_inclusion_above_it_and_what_is_below_it() -> None:
    rules = [rule(7, "schema:5", recursive=True), rule(7, "table:93", exclude=True, recursive=True)]
    assert belongs(rules, "Finance", CHAIN[2:])
    assert not belongs(rules, "Finance", CHAIN[1:])
    assert not belongs(rules, "Finance")
    found = membership(rules, TREE, [])
    assert [found.shown(CHAIN[n:]) for n in range(4)] == [None, NO_DOMAIN, "7", None]


@pytest.mark.rule("5.1", DOMAINS)
def test_an_exclusion_on_one_level_beats_the_inclusion_on_the_same() -> None:
    rules = [rule(7, "table:93", recursive=True), rule(7, "table:93", exclude=True)]
    assert not belongs(rules, "Finance", CHAIN[1:])


def test_an_exclusion_from_one_domain_leaves_the_other() -> None:
    rules = [
        rule(7, "schema:5", recursive=True),
        rule(9, "data:6", recursive=True),
        rule(7, "table:93", exclude=True, recursive=True),
    ]
    assert not belongs(rules, "Finance")
    assert belongs(rules, "Sales")


@pytest.mark.rule("5.1", DOMAINS)
def test_the_nearest_rule_of_a_domain_decides() -> None:
    rules = [
        rule(7, "schema:5", recursive=True),
        rule(7, "table:93", exclude=True, recursive=True),
        rule(7, "attribute:1613"),
    ]
    assert belongs(rules, "Finance")
    assert not belongs(rules, "Finance", CHAIN[1:])
    assert belongs(rules, "Finance", CHAIN[2:])


def test_a_domain_of_its_own_takes_an_object_out_of_no_other() -> None:
    rules = [rule(7, "schema:5", recursive=True), rule(9, "table:93", recursive=True)]
    assert belongs(rules, "Sales")
    assert belongs(rules, "Finance")
    assert not belongs(rules, "Sales", CHAIN[2:])
    assert [membership(rules, TREE, []).domain(CHAIN[n:]) for n in (1, 2)] == ["9", "7"]


def test_of_two_domains_on_one_object_the_one_that_the_config_names_is_handed_on() -> None:
    rules = [rule(9, "table:93", recursive=True), rule(7, "table:93", recursive=True)]
    assert belongs(rules, "Finance")
    assert belongs(rules, "Sales")


@pytest.mark.rule("5.1", DOMAINS)
def test_a_subdomain_counts_for_the_one_above_it() -> None:
    assert belongs([rule(8, "schema:5", recursive=True)], "Finance")
    assert not belongs([rule(7, "schema:5", recursive=True)], "Risk")


def test_a_name_that_no_domain_has_is_left_to_those_who_tell_it() -> None:
    assert membership([rule(7, "table:93")], TREE, ["Nowhere"]).wanted == frozenset()


def test_a_parent_that_is_not_listed_makes_a_domain_a_root() -> None:
    (domain,) = domain_tree([DomainRow(8, "Risk", 7)])
    assert (domain.id, domain.parent) == ("8", None)
    assert without_parent([DomainRow(8, "Risk", 7)]) == 1
    assert without_parent([DomainRow(8, "Risk", 7), DomainRow(7, "Finance", None)]) == 0


@pytest.mark.rule("5.5", "Never act on a partial read")
def test_a_domain_that_does_not_say_what_it_lies_in_is_no_root_and_a_rule_says_how_far_it_reaches() -> None:
    whole = [DomainRow(7, "Finance", None)]
    reaching = [rule(7, "schema:5", recursive=False)]
    refuse_untold(whole, reaching)
    with pytest.raises(Malformed, match="without its parent"):
        refuse_untold([DomainRow(7, "Finance")], reaching)
    with pytest.raises(Malformed, match="without its reach"):
        refuse_untold(whole, [rule(7, "schema:5")])


rules_on_chain = st.lists(
    st.builds(
        lambda on, exclude, recursive: rule(7, on, exclude=exclude, recursive=recursive),
        st.sampled_from(CHAIN),
        st.booleans(),
        st.booleans(),
    ),
    max_size=6,
)


@given(rules_on_chain)
def test_for_one_domain_the_core_sees_what_the_nearest_rule_that_reaches_says(
    rules: list[DomainRule],
) -> None:
    last = {(one.otype, one.oid, one.exclude): one for one in rules}
    expected = False
    for depth, id in enumerate(CHAIN):
        here = [
            one for one in last.values() if f"{one.otype}:{one.oid}" == id and (one.recursive or depth == 0)
        ]
        if here:
            expected = not any(one.exclude for one in here)
            break
    assert belongs(rules, "Finance") == expected


@given(rules_on_chain)
def test_columns_get_the_domain_that_each_would_get_by_itself(rules: list[DomainRule]) -> None:
    """It is worked out once for all columns of a table that no rule names."""
    found = membership(rules, TREE, ["Finance"])
    translator = Translator(domains=found)
    table = CatalogAsset("table:93", "table", "Table", "T", "6.S.T", "6", "")
    place = translator.place(table, ("schema:5", "data:6"))
    for number in (1613, 1614):
        row = ColumnRow(number, "C", 6, "6.S.T.C", 5, 93, [])
        alone = found.shown([f"attribute:{number}", "table:93", "schema:5", "data:6"])
        assert translator.column(row, place).domain == alone
