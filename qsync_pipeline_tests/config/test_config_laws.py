"""Whatever stands in a config: a ConfigError or a config, and no secret in either."""

from __future__ import annotations

import copy
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from qsync_pipeline.config import Config, WrongConfig, example_config, load_config
from qsync_pipeline.config.show import show

ENV = {
    "QUALYTICS_TOKEN": "fake-q",
    "ATLAN_API_KEY": "fake-a",
    "ALATION_REFRESH_TOKEN": "fake-r",
    "QSYNC_WEBHOOK_SECRET": "fake-w",
    "QSYNC_NOTIFY_URL": "fake-n",
    "QSYNC_MAIL_PASSWORD": "fake-m",
}
EXAMPLE: dict[str, Any] = yaml.safe_load(example_config())
EXAMPLE["integrations"][0].pop("schedule")  # its own check asks Dagster, which is slow

Place = tuple[str | int, ...]


def places(value: Any, path: Place = ()) -> list[Place]:
    """Where every value of a config stands."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, one in inner for place in places(one, (*path, key)))]


PLACES = places(EXAMPLE)
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates() | st.binary(max_size=9)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(SCALARS.filter(repr), inner, max_size=3),
)


def planted(place: Place, value: Any) -> str:
    """The example with another value in one place, as YAML."""
    config = copy.deepcopy(EXAMPLE)
    if not place:
        return yaml.safe_dump(value, allow_unicode=True)
    where: Any = config
    for part in place[:-1]:
        where = where[part]
    where[place[-1]] = value
    return yaml.safe_dump(config, allow_unicode=True)


def load(text: str) -> Config | WrongConfig:
    """What becomes of a config."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "qsync.yaml"
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        try:
            return load_config(path, env=ENV)
        except WrongConfig as wrong:
            return wrong


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(PLACES), VALUES)
def test_any_value_in_any_place_is_a_config_or_a_config_error(place: Place, value: Any) -> None:
    outcome = load(planted(place, value))
    if isinstance(outcome, WrongConfig):
        assert outcome.problems
        assert len(str(outcome).split("\n")) == len(outcome.problems)
        assert str(outcome).replace("\n", "").isprintable()


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_a_config_error_and_no_traceback(text: str) -> None:
    assert isinstance(load(text), WrongConfig)


TOKENS = st.sampled_from(
    [
        "eyJhbGciOiJIUzI1NiJ9.eyJmYWtlIjoidG9rZW4ifQ.ZmFrZS1zaWduYXR1cmUtZmFrZQ",
        "9f8e7d6c5b4a39281706f5e4d3c2b1a0",
        "f47ac10b-58cc-4372-a567-0e02b2c3d479",
        "qk_live_4eC39HqLyjWDarjtT1zdp7dc",
        "ZmFrZVNlY3JldEZha2VTZWNyZXRGYWtl==",
    ]
)
FORMS = st.sampled_from(
    [
        "{}",
        "Bearer {}",
        "https://user:{}@acme.example/x",
        "https://{}@acme.example",
        "https://a.b/?apikey={}",
        "{}\n",
    ]
)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(PLACES), TOKENS, FORMS, st.sampled_from(["value", "key", "item", "env", "file"]))
def test_a_token_planted_anywhere_never_shows_in_a_message(
    place: Place, token: str, form: str, how: str
) -> None:
    text = form.format(token)
    value = {
        "value": text,
        "key": {text: None},
        "item": [text],
        "env": {"env": text},
        "file": {"file": text},
    }[how]
    outcome = load(planted(place, value))
    if isinstance(outcome, WrongConfig):
        assert token not in str(outcome)
        assert token not in repr(outcome.problems)


SECRET_PLACES: list[Place] = [
    ("qualytics", "token"),
    ("integrations", 0, "token"),
    ("integrations", 1, "refresh_token"),
    ("ledger", "url"),
    ("webhooks", "secret"),
    ("notify", "webhook", "url"),
    ("notify", "email", "password"),
]


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(SECRET_PLACES), st.from_regex(r"zq[A-Za-z0-9!?*&:@#%-]{3,30}", fullmatch=True))
def test_whatever_stands_in_a_secret_field_is_not_repeated(place: Place, secret: str) -> None:
    for value in (secret, [secret], {secret: 1}, {"token": secret}, {"env": secret, "x": secret}):
        outcome = load(planted(place, value))
        assert isinstance(outcome, WrongConfig)
        assert secret not in str(outcome)


@pytest.mark.parametrize(
    "name", ["https://my-company.atlan.com", "default/snowflake/1712345678/DB", "service_token_for_finance_2"]
)
def test_names_and_addresses_are_shown_as_they_are(name: str) -> None:
    assert show(name) == name


def test_what_is_shown_stays_on_one_short_line() -> None:
    assert show("a\nb\x00") == "a\\u000ab\\u0000"
    assert show("word " * 50).endswith("...")
    assert len(show("word " * 50)) == 60
