"""For the same intent pyatlan and we send the same: our body is part of theirs, and nothing in it differs.

pyatlan writes to a local server that records and answers emptily; so do we, over real HTTP. A key that
pyatlan sends and we leave out carries no meaning here (null business attributes, flags that are off).
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from qsync_pipeline.catalogs.atlan.adapter import AtlanCatalog
from qsync_pipeline.catalogs.atlan.badges import BADGES, badge_bodies
from qsync_pipeline.catalogs.atlan.settings import AtlanSettings
from qsync_pipeline.catalogs.atlan.tag_writing import tag_definition
from qsync_pipeline.core.rows import Change
from qsync_pipeline.transport.auth import BearerToken
from qsync_pipeline.transport.session import HttpSession

GUID, QUALIFIED, CONN = "guid-1", "default/snowflake/1/DB/S/T", "default/snowflake/1"
HANDLE = {
    "set": "ourSet",
    "set_name": "Qualytics",
    "attributes": {"Quality Score Total": "qt", "Check Count": "cc"},
    "names": {"Quality Score Total": "Quality Score Total", "Check Count": "Check Count"},
}
SETS = [
    {
        "category": "BUSINESS_METADATA",
        "name": "ourSet",
        "guid": "g",
        "displayName": "Qualytics",
        "attributeDefs": [
            {"name": "qt", "displayName": "Quality Score Total", "typeName": "float", "options": {}},
            {"name": "cc", "displayName": "Check Count", "typeName": "int", "options": {}},
        ],
    }
]
TAGS = [{"category": "CLASSIFICATION", "name": "goldId", "displayName": "Gold", "attributeDefs": []}]
NO_TYPES: dict[str, Any] = {
    "enumDefs": [],
    "structDefs": [{"category": "STRUCT", "name": "SourceTagAttachment", "guid": "x", "attributeDefs": []}],
    "classificationDefs": [],
    "entityDefs": [],
    "relationshipDefs": [],
    "businessMetadataDefs": [],
}


class Recorder:
    """A server that keeps every write (method, path, query, body) and answers as if nothing had changed."""

    def __init__(self) -> None:
        self.writes: list[tuple[str, str, dict[str, str], Any]] = []
        self.sets: list[dict[str, Any]] = []
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(NO_TYPES | {"businessMetadataDefs": recorder.sets, "classificationDefs": TAGS})

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                url = urlsplit(self.path)
                if url.path.endswith("/indexsearch"):
                    self._answer({"searchParameters": {}, "approximateCount": 0})
                    return
                recorder.writes.append((self.command, url.path.rstrip("/"), dict(parse_qsl(url.query)), body))
                self._answer(body if url.path.rstrip("/").endswith("typedefs") else {"guidAssignments": {}})

            def do_PUT(self) -> None:
                self.do_POST()

            def _answer(self, body: Any) -> None:
                raw = json.dumps(body).encode()
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *args: Any) -> None:
                """Tests need no access log."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def the_write(self, act: Callable[[], object]) -> tuple[str, str, dict[str, str], Any]:
        """The one write that an action sends."""
        self.writes.clear()
        act()
        (write,) = self.writes
        return write


@pytest.fixture(scope="module")
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    recorder.sets = SETS
    thread = threading.Thread(target=recorder.server.serve_forever, daemon=True)
    thread.start()
    yield recorder
    recorder.server.shutdown()
    recorder.server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def pyatlan(recorder: Recorder) -> Iterator[Any]:
    """pyatlan's client, without the machine's proxies, which it would use even for this host."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            patch.delenv(name, raising=False)
            patch.delenv(name.lower(), raising=False)
        from pyatlan.client.atlan import AtlanClient

        yield AtlanClient(base_url=recorder.url, api_key="obviously-fake")


@pytest.fixture
def ours(recorder: Recorder) -> Iterator[AtlanCatalog]:
    session = HttpSession("atlan", recorder.url, auth=BearerToken("obviously-fake"))
    catalog = AtlanCatalog(AtlanSettings(url=recorder.url), session)
    catalog.use_definitions(HANDLE)
    yield catalog
    catalog.close()


def change(surface: str, after: Any) -> Change:
    extra = {"name": "T", "qualified_name": QUALIFIED}
    return Change(surface, "update", GUID, "DB.S.T", after=after, kind="Table", extra=extra)


def part_of(ours: Any, theirs: Any, path: str = "") -> None:
    """Everything in ``ours`` stands in ``theirs``, with an equal value; JSON in options is parsed first."""
    if isinstance(ours, dict):
        assert isinstance(theirs, dict), path
        for key, value in ours.items():
            assert key in theirs, f"{path}.{key} is not in what pyatlan sends"
            part_of(value, theirs[key], f"{path}.{key}")
    elif isinstance(ours, list):
        assert isinstance(theirs, list), path
        assert len(ours) == len(theirs), path
        for index, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            part_of(one, other, f"{path}[{index}]")
    elif isinstance(ours, str) and ours.startswith("["):
        assert sorted(json.loads(ours)) == sorted(json.loads(theirs)), path
    else:
        assert ours == theirs, path


def same(ours: tuple[Any, ...], theirs: tuple[Any, ...]) -> None:
    """Same call, and flags that are off are as good as left off."""
    assert ours[:2] == theirs[:2]
    on = [{key for key, value in write[2].items() if value == "true"} for write in (ours, theirs)]
    assert on[0] == on[1]
    part_of(ours[3], theirs[3])


@pytest.mark.parametrize("value", [97.5, None])
def test_custom_metadata(recorder: Recorder, pyatlan: Any, ours: AtlanCatalog, value: float | None) -> None:
    from pyatlan.model.assets import Table

    def theirs() -> None:
        table = Table.updater(qualified_name=QUALIFIED, name="T")
        table.guid = GUID
        table.get_custom_metadata(pyatlan, "Qualytics")["Quality Score Total"] = value
        pyatlan.asset.save_merging_cm(table)

    ours_ = recorder.the_write(
        lambda: ours.write([change("custom_metadata", {"Quality Score Total": value})])
    )
    same(ours_, recorder.the_write(theirs))


@pytest.mark.parametrize("alert", [{"type": "warning", "title": "2", "text": "see there"}, None])
def test_announcements(
    recorder: Recorder, pyatlan: Any, ours: AtlanCatalog, alert: dict[str, str] | None
) -> None:
    from pyatlan.model.assets import Table
    from pyatlan.model.enums import AnnouncementType

    def theirs() -> None:
        table = Table.updater(qualified_name=QUALIFIED, name="T")
        table.guid = GUID
        if alert is None:
            table.remove_announcement()
        else:
            table.announcement_type = AnnouncementType(alert["type"])
            table.announcement_title = alert["title"]
            table.announcement_message = alert["text"]
        pyatlan.asset.save(table)

    ours_ = recorder.the_write(lambda: ours.write([change("announcements", alert)]))
    same(ours_, recorder.the_write(theirs))


@pytest.mark.parametrize("put", [True, False])
def test_a_tag_onto_an_asset_and_off_again(
    recorder: Recorder, pyatlan: Any, ours: AtlanCatalog, put: bool
) -> None:
    from pyatlan.client.common import ModifyAtlanTags
    from pyatlan.model.assets import Table

    def theirs() -> None:
        table = Table.updater(qualified_name=QUALIFIED, name="T")
        table.guid = GUID
        tags = ModifyAtlanTags.create_atlan_tags(["Gold"], propagate=False)
        ModifyAtlanTags.apply_tag_modification(table, tags, "add" if put else "remove")
        pyatlan.asset.save(table, append_atlan_tags=True)

    extra = {"name": "T", "qualified_name": QUALIFIED, "tag_id": "goldId"}
    before, after = (None, "Gold") if put else ("Gold", None)
    line = Change("tags", "update", GUID, "DB.S.T", "gold", before, after, kind="Table", extra=extra)
    ours_ = recorder.the_write(lambda: ours.write([line]))
    theirs_ = recorder.the_write(theirs)
    same(ours_, theirs_)
    assert [key for key in theirs_[3]["entities"][0] if key.endswith("lassifications")] == [
        key for key in ours_[3]["entities"][0] if key.endswith("lassifications")
    ]


def test_the_definition_of_a_tag(recorder: Recorder, pyatlan: Any, ours: AtlanCatalog) -> None:
    from pyatlan.model.enums import AtlanTagColor
    from pyatlan.model.typedef import AtlanTagDef

    sent = tag_definition("Silver", {"color": "#525C73", "description": "From Qualytics"})
    definition = AtlanTagDef.create(name="Silver", color=AtlanTagColor.GRAY)
    definition.description = "From Qualytics"
    ours_ = recorder.the_write(lambda: ours.client.create_tag(sent))
    same(ours_, recorder.the_write(lambda: pyatlan.typedef.create(definition)))


def test_badges(recorder: Recorder, pyatlan: Any, ours: AtlanCatalog) -> None:
    from pyatlan.model.assets import Badge
    from pyatlan.model.enums import BadgeComparisonOperator
    from pyatlan.model.structs import BadgeCondition

    bodies = badge_bodies(HANDLE, frozenset())
    for body in bodies:
        name = body["attributes"]["name"]
        conditions = [
            BadgeCondition.create(
                badge_condition_operator=BadgeComparisonOperator(c["badgeConditionOperator"]),
                badge_condition_value=c["badgeConditionValue"],
                badge_condition_colorhex=c["badgeConditionColorhex"],
            )
            for c in body["attributes"]["badgeConditions"]
        ]
        badge = Badge.creator(
            client=pyatlan,
            name=name,
            cm_name="Qualytics",
            cm_attribute=name,
            badge_conditions=conditions,
        )
        theirs = recorder.the_write(lambda badge=badge: pyatlan.asset.save(badge))  # type: ignore[misc]  # bound now
        sent = {
            key: value for key, value in body.items() if key != "guid"
        }  # temporary, and random in pyatlan
        ours_ = recorder.the_write(lambda sent=sent: ours.client.upsert([sent], custom_metadata=False))  # type: ignore[misc]  # bound now
        same(ours_, theirs)
    assert len(bodies) == len(BADGES) - 1  # the handle has no Anomaly Count


ON_PURPOSE = {
    "showInOverview",
    "applicableGlossaries",
    "glossaryTypeList",
    "applicableDomains",
    "domainTypesList",
    "otherAssetTypeList",
}
"""Where we differ on purpose: the main attributes are shown in the overview, and ours are for tables, not for
glossaries, domains and files (pyatlan fills in all there are and cannot be told none)."""


def test_the_definition_of_the_set(recorder: Recorder, pyatlan: Any, ours: AtlanCatalog) -> None:
    from pyatlan.model.enums import AtlanCustomAttributePrimitiveType as Primitive
    from pyatlan.model.typedef import AttributeDef, CustomMetadataDef

    recorder.sets = []
    plan = ours.plan_definitions([CONN], {})
    ours_ = recorder.the_write(lambda: ours.make_definitions(plan))
    (sent,) = ours_[3]["businessMetadataDefs"]

    def theirs() -> None:
        definition = CustomMetadataDef.create(display_name="Qualytics", description=sent["description"])
        definition.options = CustomMetadataDef.Options.with_logo_as_emoji(sent["options"]["emoji"])
        definition.attribute_defs = [
            AttributeDef.create(
                pyatlan,
                display_name=one["displayName"],
                attribute_type=Primitive(one["options"]["primitiveType"]),
                description=one["description"],
                applicable_connections={CONN},
                applicable_asset_types=set(json.loads(one["options"]["assetTypesList"])),
                applicable_glossaries={"none"},
            )
            for one in sent["attributeDefs"]
        ]
        pyatlan.typedef.create(definition)

    recorded = recorder.the_write(theirs)
    recorder.sets = SETS
    for attribute in sent["attributeDefs"]:
        for option in ON_PURPOSE:
            attribute["options"].pop(option)
    assert len(sent["attributeDefs"]) == 12
    same(ours_, recorded)
