"""Which catalog assets each unit was last paired with, and what both were called then."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import msgspec
from sqlalchemy import Row, bindparam, delete, func, or_, select, update

from qsync_pipeline.core.rows import Link
from qsync_pipeline.ledger.database import Database, chunks
from qsync_pipeline.ledger.jsontext import dump, load, plain_text
from qsync_pipeline.ledger.schema import links

_T = links.c
_HERE = (_T.datastore == bindparam("of_datastore"), _T.integration == bindparam("of_integration"))


class Pairing(msgspec.Struct, frozen=True):
    """A unit and its assets (ids), with their names when the pairing was last seen."""

    integration: str
    datastore: str
    unit: str
    assets: tuple[str, ...]
    unit_name: str
    asset_name: str
    first_seen: float
    last_seen: float


_LINKS = select(*(_T[name] for name in Pairing.__struct_fields__))
_OF = _LINKS.where(*_HERE).order_by(_T.unit)
_SEEN = update(links).where(*_HERE).values(last_seen=bindparam("now"))


class Links:
    """The memory of the matching: it lets an id keep a link through a rename (DESIGN.md §5.1)."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def of(self, integration: str, datastore: str) -> dict[str, Pairing]:
        """The pairings of one datastore, by unit id."""
        here = {"of_datastore": datastore, "of_integration": integration}
        with self._db.read() as connection:
            rows = connection.execute(_OF, here).all()
        return {pairing.unit: pairing for pairing in map(_pairing, rows)}

    def of_unit(self, unit: str) -> Pairing | None:
        """A pairing of this unit, in whichever integration has one."""
        query = _LINKS.where(_T.unit == unit).order_by(_T.integration).limit(1)
        with self._db.read() as connection:
            row = connection.execute(query).first()
        return None if row is None else _pairing(row)

    def by_assets(self, integration: str, assets: Collection[str]) -> dict[str, list[Pairing]]:
        """The pairings that these assets are in, by asset; those in none are left out.

        Reads through the integration's links once for every 500 assets (0.1 to 0.3 s for 600,000 links): only
        news of a catalog asks this way round, and an index would cost every run.
        """
        found: dict[str, list[Pairing]] = {}
        with self._db.read() as connection:
            for part in chunks(sorted(assets)):
                wanted = set(part)
                # Nearly every unit has one asset; those with several are few, and looked into here.
                query = _LINKS.where(
                    _T.integration == integration,
                    or_(_T.assets.in_([dump([asset]) for asset in part]), _T.assets.contains(",")),
                )
                for row in connection.execute(query.order_by(_T.unit)):
                    pairing = _pairing(row)
                    for asset in wanted.intersection(pairing.assets):
                        found.setdefault(asset, []).append(pairing)
        return found

    def named(self, ids: Collection[str], name: str) -> list[Pairing]:
        """The pairings of an object by any of its ids, or by what either side calls it (ASCII case aside).

        A name may be the end of the asset's: ``SALES.ORDERS`` of ``SHOP/SALES/ORDERS``. Reads through all
        links, for people who look something up.
        """
        tails = [f"{mark}{name.replace('.', mark)}" for mark in "/."]
        wanted = [
            _T.unit.in_(ids),
            *(_T.assets.contains(dump(id_), autoescape=True) for id_ in ids),
            func.lower(_T.unit_name) == name.lower(),
            func.lower(_T.asset_name) == name.lower(),
            *(func.lower(_T.asset_name).endswith(tail.lower(), autoescape=True) for tail in tails),
        ]
        with self._db.read() as connection:
            rows = connection.execute(_LINKS.where(or_(*wanted)).order_by(_T.integration, _T.unit)).all()
        return [_pairing(row) for row in rows]

    def datastores_below(self, integration: str, prefix: str) -> set[str]:
        """Keys of datastores whose own asset has a name that begins so."""
        query = select(_T.datastore).where(
            _T.integration == integration,
            _T.unit.startswith("datastore:"),
            _T.asset_name.startswith(prefix, autoescape=True),
        )
        with self._db.read() as connection:
            return set(connection.scalars(query))

    def replace(
        self,
        integration: str,
        datastore: str,
        matched: Sequence[Link],
        *,
        only: Collection[str] | None = None,
    ) -> None:
        """Make the pairings of a datastore exactly these; links without assets are passed over.

        ``only`` names the units that are meant: the pairings of others stay as they are.
        ``first_seen`` stays where unit and assets are the same as before. Costs little when nothing changed:
        one statement then moves every ``last_seen``.
        """
        now = self._db.clock()
        before = self.of(integration, datastore)
        wanted = {link.unit: link for link in matched if link.assets}
        if only is not None:
            before = {unit: pairing for unit, pairing in before.items() if unit in only}
            wanted = {unit: link for unit, link in wanted.items() if unit in only}
        rows = []
        for unit, link in sorted(wanted.items()):
            name, asset_name = plain_text(link.name), plain_text(link.asset_name)
            known = before.get(unit)
            same = known is not None and known.assets == link.assets
            if known and same and (known.unit_name, known.asset_name) == (name, asset_name):
                continue
            rows.append(
                {
                    "integration": integration,
                    "datastore": datastore,
                    "unit": unit,
                    "assets": dump(link.assets),
                    "unit_name": name,
                    "asset_name": asset_name,
                    "first_seen": known.first_seen if known and same else now,
                    "last_seen": now,
                }
            )
        place = {"of_datastore": datastore, "of_integration": integration}
        with self._db.write(f"links:{integration}") as connection:
            for part in chunks(before.keys() - wanted.keys()):
                connection.execute(delete(links).where(*_HERE, _T.unit.in_(part)), place)
            if only is None:
                connection.execute(_SEEN, {**place, "now": now})
            for part in chunks(() if only is None else before):
                connection.execute(_SEEN.where(_T.unit.in_(part)), {**place, "now": now})
            if rows:
                connection.execute(self._db.upsert(links), rows)


def _pairing(row: Row[Any]) -> Pairing:
    integration, datastore, unit, assets, *rest = row  # by name a row takes several times as long
    return Pairing(integration, datastore, unit, tuple(load(assets)), *rest)
