"""Switches of the systems, as typed on the command line and as given by tests."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from qsync_pipeline.sandbox.systems import SYSTEMS, parse_switches, read_switches
from qsync_pipeline.sandbox.testing import running_sandbox
from qsync_pipeline.transport.errors import ConfigError
from qsync_pipeline_tests.sandbox.fakes import FAKES, FakeSwitches, FakeSystem, empty_estate


def test_the_table_names_the_systems_in_the_order_of_their_ports() -> None:
    assert [kind.name for kind in SYSTEMS] == ["qualytics", "atlan", "alation"]


def test_switches_are_gathered_by_system() -> None:
    texts = ["atlan.lag=0", " qualytics.strict = off", "atlan.greeting=a=b"]
    assert parse_switches(texts, ["qualytics", "atlan"]) == {
        "atlan": {"lag": "0", "greeting": "a=b"},
        "qualytics": {"strict": "off"},
    }


@pytest.mark.parametrize("text", ["atlan.lag", "lag=0", "atlan.=0", "=", ""])
def test_a_switch_that_does_not_read_system_name_value_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="must read SYSTEM"):
        parse_switches([text], ["atlan"])


def test_a_switch_of_an_unknown_system_is_refused() -> None:
    with pytest.raises(ConfigError, match="no system 'collibra'; there are: qualytics, atlan"):
        parse_switches(["collibra.x=1"], ["qualytics", "atlan"])


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("lag", "0", 0.0),
        ("lag", 2, 2.0),
        ("strict", "off", False),
        ("strict", "TRUE", True),
        ("strict", False, False),
        ("flavour", "odd", "odd"),
        ("limit", "none", None),
        ("limit", None, None),
        ("limit", "12", 12),
        ("greeting", "12", "12"),
    ],
)
def test_values_are_read_as_their_field_asks(name: str, value: object, read: object) -> None:
    found = getattr(read_switches("atlan", FakeSwitches, {name: value}), name)
    assert (found, type(found)) == (read, type(read))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("lagg", "0", "switch atlan.lagg: there is none; allowed: lag, strict, flavour, limit, greeting"),
        ("lag", "soon", "switch atlan.lag: 'soon' is not allowed; allowed: a number"),
        ("lag", True, "switch atlan.lag: True is not allowed; allowed: a number"),
        ("strict", "maybe", "switch atlan.strict: 'maybe' is not allowed; allowed: true, false"),
        ("flavour", "sour", "switch atlan.flavour: 'sour' is not allowed; allowed: plain, odd"),
        ("limit", "1.5", "switch atlan.limit: '1.5' is not allowed; allowed: a whole number or none"),
        ("greeting", 5, "switch atlan.greeting: 5 is not allowed; allowed: a value of type str"),
    ],
)
def test_a_wrong_switch_is_told_what_is_allowed(name: str, value: object, message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read_switches("atlan", FakeSwitches, {name: value})
    assert str(refused.value).startswith(message)


def test_a_sandbox_hands_its_switches_to_the_systems() -> None:
    with running_sandbox(empty_estate(), kinds=FAKES, switches={"atlan": {"lag": "0"}}) as sandbox:
        atlan = sandbox.systems["atlan"]
        assert isinstance(atlan, FakeSystem)
        assert atlan.switches == FakeSwitches(lag=0.0)


def test_a_class_without_fields_has_no_switches() -> None:
    @dataclass(frozen=True)
    class Nothing:
        pass

    assert read_switches("atlan", Nothing, {}) == Nothing()
    with pytest.raises(ConfigError, match="allowed: none"):
        read_switches("atlan", Nothing, {"lag": 0})
