"""How fast columns are read: 50,000 from a local server that has its pages ready (DESIGN.md §4)."""

from __future__ import annotations

import time
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from qsync_pipeline.catalogs.alation.client import AlationClient
from qsync_pipeline.catalogs.alation.fields import FieldIds
from qsync_pipeline.catalogs.alation.reading import Reader
from qsync_pipeline.catalogs.alation.settings import AlationSettings
from qsync_pipeline.core.rows import ATTRIBUTES, CatalogAsset
from qsync_pipeline.transport.session import HttpSession
from qsync_pipeline_tests.catalogs.alation.pages import serving_pages
from qsync_pipeline_tests.catalogs.alation.test_client import Open

COLUMNS, TABLES, PAGE = 50_000, 2_500, 1_000
PER_SECOND = 40_000

IDS = FieldIds.of({"fields": {name: 10_000 + n for n, name in enumerate(ATTRIBUTES)}})


def pages(values: int) -> dict[str, bytes]:
    """Answers by path and ``id__gt``; every column carries so many of our values."""
    shown = [
        {"field_id": 10_000 + n, "field_name": f"Qualytics {name}", "value": f"<p>{90 + n / 10}</p>"}
        for n, name in enumerate(ATTRIBUTES[:values])
    ]
    schema = {"id": 5, "name": "EDW.PUBLIC", "ds_id": 6, "key": "6.EDW.PUBLIC", "custom_fields": []}
    tables = [
        {
            "id": n, "name": f"TABLE_{n}", "title": "", "description": "", "ds_id": 6, "schema_id": 5,
            "key": f"6.EDW.PUBLIC.TABLE_{n}", "url": f"/table/{n}/", "custom_fields": shown,
            "table_type": "TABLE", "schema_name": "EDW.PUBLIC", "sql": None, "table_comment": None,
        }
        for n in range(1, TABLES + 1)
    ]  # fmt: skip
    columns = [
        {
            "id": n, "name": f"COLUMN_{n}", "title": "", "description": "", "ds_id": 6, "schema_id": 5,
            "key": f"6.EDW.PUBLIC.TABLE_{n % TABLES + 1}.COLUMN_{n}", "url": f"/attribute/{n}/",
            "custom_fields": shown, "column_type": "VARCHAR(100)", "column_comment": None, "nullable": True,
            "index": {"isPrimaryKey": False, "isForeignKey": False, "referencedColumnId": None},
            "table_id": n % TABLES + 1, "table_name": f"edw.public.table_{n % TABLES + 1}", "position": 7,
        }
        for n in range(1, COLUMNS + 1)
    ]  # fmt: skip
    found = {
        "/integration/v2/schema/ ": msgspec.json.encode([schema]),
        "/integration/v2/datasource/ ": b'[{"id": 6, "title": "EDW", "uri": "snowflake://h"}]',
    }
    for path, rows in (("table", tables), ("column", columns)):
        for start in range(0, len(rows), PAGE):
            page = msgspec.json.encode(rows[start : start + PAGE])
            found[f"/integration/v2/{path}/ {start or ''}"] = page
    return found


def answer(found: dict[str, bytes], target: str) -> bytes:
    """The page of a request; what is not there is an empty list."""
    parts = urlsplit(target)
    after = parse_qs(parts.query).get("id__gt", [""])[0]
    return found.get(f"{parts.path} {after}", b"[]")


@pytest.mark.soak  # a figure of the machine: never part of what decides whether a change lands
@pytest.mark.parametrize("values", [0, 12])
def test_fifty_thousand_columns_are_read_at_forty_thousand_a_second(values: int) -> None:
    found = pages(values)
    with serving_pages(lambda target: answer(found, target)) as url:
        session = HttpSession("alation", url, auth=Open())
        client = AlationClient(session, page_size=PAGE)
        reader = Reader(client, AlationSettings(url, "alation", "qsync=alation"))
        reader.ids = IDS
        place = CatalogAsset("schema:5", "schema", "Schema", "PUBLIC", "6.EDW.PUBLIC", "6", "snowflake")
        # The processor time of this thread: what the machine does beside it is not our speed.
        started = time.thread_time()
        assets = list(reader.read([place]))
        seconds = time.thread_time() - started
        session.close()
    assert len(assets) == 1 + TABLES + COLUMNS
    assert len(assets[-1].attributes) == values
    assert COLUMNS / seconds >= PER_SECOND
