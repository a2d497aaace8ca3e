"""The OpenAPI document (qualytics-api.md §1.1, §2.8)."""

from __future__ import annotations

from qualytics.api.compatibility import (  # type: ignore[import-untyped]  # the CLI ships no types
    KNOWN_API_OPERATIONS,
    find_incompatible_operations,
    normalize_api_path,
)

from qsync_pipeline.core.rows import DIMENSIONS
from qsync_pipeline_tests.sandbox.qualytics.conftest import Make


def test_every_operation_that_the_vendors_cli_knows_is_offered(make: Make) -> None:
    for root in ("/api", ""):
        document = make(api_root=root).get("/openapi.json")
        assert find_incompatible_operations(document) == []
        offered = {
            (method.upper(), normalize_api_path(path))
            for path, item in document["paths"].items()
            for method in item
        }
        assert {(method, normalize_api_path(path)) for method, path in KNOWN_API_OPERATIONS} <= offered


def test_it_is_read_without_a_token_and_names_the_build(make: Make) -> None:
    document = make().http.get("/api/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    assert document["info"] == {
        "title": "Controlplane",
        "description": "Qualytics API",
        "version": "20260910-sandbox",
    }


def test_the_shortest_path_to_datastores_shows_the_api_root(make: Make) -> None:
    paths = make(api_root="/gw/api").get("/openapi.json")["paths"]
    shortest = min((path for path in paths if path.endswith("/datastores")), key=len)
    assert shortest.removesuffix("/datastores") == "/gw/api"


def test_creation_of_external_tags_is_named_only_where_it_is_allowed(make: Make) -> None:
    for allowed in (False, True):
        document = make(external_tags=allowed).get("/openapi.json")
        body = document["paths"]["/api/global-tags"]["post"]["requestBody"]["content"]["application/json"]
        types = set(body["schema"]["discriminator"]["mapping"])
        assert types == {"global", "entity", "lineage"} | ({"external"} if allowed else set())
        assert ("ExternalTagCreate" in document["components"]["schemas"]) is allowed


def test_every_score_dimension_has_a_setting(make: Make) -> None:
    api = make()
    settings = api.get(f"/datastores/{api.datastore('sales')['id']}/score-settings")
    assert set(settings) == {"decay_period_days", *(f"{key}_weight" for key in DIMENSIONS)}
