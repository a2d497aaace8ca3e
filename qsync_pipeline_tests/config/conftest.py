"""A config written to a temporary directory, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from qsync_pipeline.config import WrongConfig, load_config

GOOD = """\
qualytics:
  url: https://acme.qualytics.io
  token: {env: Q}
integrations:
  - name: atlan
    type: atlan
    url: https://acme.atlan.com
    token: {env: A}
"""
"""Eight lines; what tests add to the integration starts in line 9."""

ENV = {"Q": "fake-qualytics-token", "A": "fake-atlan-token"}

Write = Callable[[str], Path]
Mistakes = Callable[[str], list[str]]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a config and return its path."""

    def to_file(text: str) -> Path:
        path = tmp_path / "qsync.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return to_file


@pytest.fixture
def mistakes(write: Write) -> Mistakes:
    """The lines of the message for a config, without the file's directory."""

    def of(text: str) -> list[str]:
        path = write(text)
        with pytest.raises(WrongConfig) as caught:
            load_config(path, env=ENV)
        return (
            str(caught.value).replace(f"{path}:", "qsync.yaml:").replace(str(path.parent), "DIR").split("\n")
        )

    return of
