"""The table of catalogs."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from qsync_pipeline.catalogs.registry import open_catalog
from qsync_pipeline.config import AtlanConfig
from qsync_pipeline.transport.errors import ConfigError


def config(tmp_path: Path, **more: Any) -> AtlanConfig:
    (tmp_path / "token").write_text("obviously-fake-token\n", encoding="utf-8")
    values = {
        "name": "atlan",
        "type": "atlan",
        "url": "http://127.0.0.1:9",
        "token": {"file": str(tmp_path / "token")},
    }
    return AtlanConfig.model_validate(values | more)


def test_tags_are_a_surface_only_where_they_are_pushed(tmp_path: Path) -> None:
    plain = [("custom_metadata", "attributes"), ("announcements", "alerts")]
    for more, expected in (({}, plain), ({"push_tags": True}, [*plain, ("tags", "tags")])):
        catalog = open_catalog(config(tmp_path, **more))
        assert [(surface.name, surface.role) for surface in catalog.surfaces] == expected
        catalog.close()


def test_an_unknown_type_is_named_with_what_is_allowed() -> None:
    with pytest.raises(ConfigError, match=r"found 'purview'; allowed: .*atlan"):
        open_catalog(cast(Any, SimpleNamespace(type="purview")))


def test_opening_a_catalog_sends_nothing_and_shows_no_secret(tmp_path: Path) -> None:
    catalog = open_catalog(config(tmp_path, batch_size=20))
    assert catalog.fits([()] * 50) == 20
    everything = repr(vars(catalog)) + repr(vars(catalog.client.session))  # type: ignore[attr-defined]  # not in the seam
    assert "obviously-fake-token" not in everything
    catalog.close()
