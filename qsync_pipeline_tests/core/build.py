"""Units, assets and rules in one line each, for specifications that read like the design's own words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qsync_pipeline.core.domains import domain_scope
from qsync_pipeline.core.locate import Placement, locate
from qsync_pipeline.core.mapping import Snapshot, map_datastore
from qsync_pipeline.core.rows import CatalogAsset, Domain, Link, TagRef, Unit
from qsync_pipeline.core.rules import MatchRules

CONNECTION = "default/snowflake/1"


def same_connector(catalog: str, unit: str) -> bool:
    """Connector names that agree by spelling; enough for the core, which is handed this question."""
    return catalog.lower() == unit.lower()


MATCH = MatchRules(same_connector=same_connector)


def datastore(number: int = 1, name: str = "Sales", **more: Any) -> Unit:
    """A Snowflake datastore ``SHOP.SALES``."""
    parts = {"connector": "snowflake", "database": "SHOP", "schema": "SALES", "kind": "jdbc"} | more
    key = f"{number}-{name.lower()}"
    return Unit(f"datastore:{number}", "datastore", name, datastore=key, datastore_id=number, **parts)


def container(number: int, name: str, of: Unit | None = None, **more: Any) -> Unit:
    """A container of a datastore."""
    parent = of or datastore()
    parts = {"kind": "table"} | more
    return Unit(
        f"container:{number}",
        "container",
        name,
        datastore=parent.datastore,
        datastore_id=parent.datastore_id,
        connector=parent.connector,
        database=parent.database,
        schema=parent.schema,
        container=name,
        container_id=number,
        **parts,
    )


def column_of(number: int, name: str, of: Unit, **more: Any) -> Unit:
    """A field of a container."""
    return Unit(
        f"field:{number}",
        "field",
        name,
        datastore=of.datastore,
        datastore_id=of.datastore_id,
        connector=of.connector,
        database=of.database,
        schema=of.schema,
        container=of.name,
        container_id=of.container_id,
        field=name,
        field_id=number,
        **more,
    )


def connection(name: str = "Warehouse", path: str = CONNECTION, **more: Any) -> CatalogAsset:
    """A connection; its connector is the second part of its qualified name."""
    connector = path.split("/")[1]
    return CatalogAsset(f"id {path}", "connection", "Connection", name, path, path, connector, **more)


def database(name: str = "SHOP", *, on: str = CONNECTION, **more: Any) -> CatalogAsset:
    """A database of a connection."""
    path = f"{on}/{name}"
    return CatalogAsset(
        f"id {path}", "database", "Database", name, path, on, on.split("/")[1], database=name, **more
    )


def schema(
    name: str = "SALES", db: str | None = "SHOP", *, on: str = CONNECTION, id: str = "", **more: Any
) -> CatalogAsset:
    """A schema; without ``db`` as in sources that have no databases."""
    path = "/".join(part for part in (on, db, name) if part)
    return CatalogAsset(
        id or f"id {path}",
        "schema",
        "Schema",
        name,
        path,
        on,
        on.split("/")[1],
        database=db,
        schema=name,
        **more,
    )


def table(name: str, of: CatalogAsset | None = None, *, id: str = "", **more: Any) -> CatalogAsset:
    """A table of a schema; its id is made of its first name unless one is given."""
    above = of or schema()
    path = f"{above.qualified_name}/{name}"
    parts = {"kind": "Table"} | more
    return CatalogAsset(
        id or f"id {path}",
        "table",
        name=name,
        qualified_name=path,
        connection=above.connection,
        connector=above.connector,
        database=above.database,
        schema=above.schema,
        table=name,
        parent_id=above.qualified_name,
        **parts,
    )


def column(name: str, of: CatalogAsset, *, id: str = "", **more: Any) -> CatalogAsset:
    """A column of a table."""
    path = f"{of.qualified_name}/{name}"
    return CatalogAsset(
        id or f"id {path}",
        "column",
        "Column",
        name,
        path,
        of.connection,
        of.connector,
        database=of.database,
        schema=of.schema,
        table=of.table,
        column=name,
        parent_id=of.qualified_name,
        **more,
    )


def tag(name: str, **more: Any) -> TagRef:
    """A tag of the catalog, whose id there stays when it is renamed."""
    return TagRef(name, **({"id": f"tag {name}"} | more))


def place(
    units: Sequence[Unit],
    assets: Sequence[CatalogAsset],
    *,
    rules: MatchRules = MATCH,
    links: Mapping[str, Sequence[str]] | None = None,
    presence: Mapping[str, str] | None = None,
) -> dict[str, Placement]:
    """Where datastores stand among the schemas and connections of these assets."""
    return locate(
        [unit for unit in units if unit.level == "datastore"],
        [asset for asset in assets if asset.level == "schema"],
        [asset for asset in assets if asset.level == "connection"],
        rules,
        links or {},
        presence or {},
    )


def match(
    units: Sequence[Unit],
    assets: Sequence[CatalogAsset],
    *,
    rules: MatchRules = MATCH,
    domains: Sequence[Domain] = (),
    wanted: Sequence[str] = (),
    links: Mapping[str, Sequence[str]] | None = None,
    presence: Mapping[str, str] | None = None,
) -> dict[str, Link]:
    """The mapping of all datastores among these units, by unit id."""
    placed = place(units, assets, rules=rules, links=links, presence=presence)
    found: dict[str, Link] = {}
    for one in (unit for unit in units if unit.level == "datastore"):
        own = [unit for unit in units if unit.datastore == one.datastore]
        scope = domain_scope(domains, wanted)
        snapshot = Snapshot(assets)
        for link in map_datastore(own, placed[one.id], snapshot, rules, scope, links or {}, presence or {}):
            found[link.unit] = link
    return found


def buckets(links: Mapping[str, Link]) -> dict[str, str]:
    """Unit -> bucket, with the way of matching for those that are matched."""
    return {unit: link.how if link.bucket == "matched" else link.bucket for unit, link in links.items()}
