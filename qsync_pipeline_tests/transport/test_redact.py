"""No secret survives, in whatever dress."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from qsync_pipeline.sync.run import log
from qsync_pipeline.transport import redact as redaction
from qsync_pipeline.transport.auth import BearerToken
from qsync_pipeline.transport.redact import RedactingFilter, redact, register_secret


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """What a test registers here is no secret of any other test of this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(redaction, "_secrets", ())
        yield


JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJmYWtlIn0.c2lnbmF0dXJlLWZha2U"


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer abc.def-123456",
        f"token was {JWT}.",
        f"cut {JWT[:25]}",
        "GET /x?token=abcdef-123456&a=1",
        "GET /x?a=1&access_token=abcdef-123456",
        '{"apiAccessToken": "abcdef-123456"}',
        '{"api_access_token": "abcdef-123456", "a": 1}',
        "{'refresh_token': 'abcdef-123456'}",
        '{"user_id": 42, "api_access_token": "abcdef-123456',
        '{"api_access_token": "abcdef-123456\nand what was said next',
        "postgresql://qsync:abcdef-123456@db/ledger",
    ],
)
@pytest.mark.rule("5.6", "Secrets never reach")
def test_token_like_text_is_masked(text: str) -> None:
    masked = redact(text)
    assert "123456" not in masked
    assert JWT[:25] not in masked
    assert "***" in masked


def test_what_surrounds_a_secret_stays() -> None:
    assert redact("GET /x?a=1&token=s3cr3tvalue&b=2 failed") == "GET /x?a=1&token=***&b=2 failed"
    assert redact('{"token": "s3cr3tvalue", "name": "PII"}') == '{"token": "***", "name": "PII"}'


def test_ordinary_text_is_left_alone() -> None:
    text = (
        "Atlan: GET /api/meta/entity/guid/3f2a was answered with 404: tokens of the basic plan, secret garden"
    )
    assert redact(text) == text


@example("read with")  # words of a test below: drawn once, they were masked there too
@given(st.text(min_size=4, max_size=40).filter(lambda s: len(s.strip()) >= 4))
@pytest.mark.rule("5.6", "Secrets never reach")
def test_a_registered_secret_is_masked_plain_and_quoted(secret: str) -> None:
    register_secret(secret)
    stripped = secret.strip()
    assert stripped not in redact(f"before {stripped} after").replace("before ", "").replace(" after", "")
    assert quote(stripped, safe="") not in redact(f"/x?q={quote(stripped, safe='')}").removeprefix("/x?q=")


def test_a_bearer_token_registers_itself_and_its_repr_is_mute() -> None:
    token = BearerToken("plain-fake-value-42", "env X")
    assert redact("sent plain-fake-value-42") == "sent ***"
    assert "plain-fake" not in repr(token)


@pytest.mark.rule("5.6", "Secrets never reach")
def test_what_a_run_says_in_its_log_loses_them_too(caplog: pytest.LogCaptureFixture) -> None:
    register_secret("spoken-fake-value")
    log.warning("read with %s", "spoken-fake-value")
    assert caplog.messages == ["read with ***"]


@pytest.mark.rule("5.6", "Secrets never reach")
def test_log_lines_lose_secrets_in_arguments_and_tracebacks() -> None:
    register_secret("logged-fake-value")
    try:
        raise ValueError("logged-fake-value in a traceback")
    except ValueError as error:
        record = logging.LogRecord(
            "x", 20, __file__, 1, "sent %s", ("logged-fake-value",), (type(error), error, error.__traceback__)
        )
    RedactingFilter().filter(record)
    line = logging.Formatter("%(message)s").format(record)
    assert "logged-fake-value" not in line
    assert "sent ***" in line


_PIECES = (
    "Bearer", "bearer", "BASIC", "bas\u0131c", "BAS\u0130C", "api-key", "API_TOKEN", "to\u212aen", "TOKEN",
    "password", "pa\u017f\u017fwd", "client_secret", "\u017fecret", "authorization", "author\u0131zation",
    "apikey", "x-qualytics-secret", "https://", "ftp://u:p@h", "eyJ", "eyJhbGciOiJI.", "=", ": ", '"', "'",
    "@", ":", " ", "abcdef-123456", "\\", "\n", "&", "\u00df", "\ufb05",
)  # fmt: skip
"""What tokens are made of, with the letters that count as others when case is ignored."""


@given(st.lists(st.sampled_from(_PIECES) | st.text(max_size=3), max_size=12).map("".join))
def test_a_pattern_is_only_passed_over_where_it_masks_nothing(text: str) -> None:
    masked = text
    for _, pattern, replacement in redaction._PATTERNS:
        masked = pattern.sub(replacement, masked)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(redaction, "_secrets", ())
        assert redact(text) == masked
