"""A catalog of a few lines, with a ledger: what becomes of quality plans that are carried out.

Each asset's changes are noted, written and settled one after the other, so that a run can die in between.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from qsync_pipeline.core.alerts import plan_alerts
from qsync_pipeline.core.mapping import Snapshot
from qsync_pipeline.core.quality import SurfacePlan, plan_attributes
from qsync_pipeline.core.rows import Alert, CatalogAsset, Change, Outcome, Unit
from qsync_pipeline.core.rules import AlertRules, MatchRules, QualityRules
from qsync_pipeline.ledger import Holding
from qsync_pipeline.ledger.holding import intended, settled
from qsync_pipeline_tests.core.build import MATCH, match

ME = "service-account-qsync"
MARKER = "qsync=atlan"


def link_to(unit: Unit) -> str:
    """A unit's page."""
    return f"https://q.example.com/{unit.id}"


QUALITY = QualityRules(link=link_to)
ALERTS = AlertRules(
    render=lambda unit: (f"{unit.anomaly_count} open", f"See {link_to(unit)}?{MARKER}"),
    marker=MARKER,
    actors=frozenset({ME}),
)


@dataclass
class CatalogWorld:
    """Assets of a catalog, the units that they stand for, and what the ledger holds."""

    units: list[Unit]
    assets: dict[str, CatalogAsset]
    quality: QualityRules = QUALITY
    alerts: AlertRules = ALERTS
    matching: MatchRules = MATCH
    held: dict[tuple[str, str], Holding] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    presence: dict[str, str] = field(default_factory=dict)
    links: dict[str, list[str]] = field(default_factory=dict)
    run: int = 0
    writes: list[Change] = field(default_factory=list)
    rich: bool = False
    """Whether attributes are shown as HTML, as a rich-text field of Alation does."""

    @classmethod
    def of(cls, units: Iterable[Unit], assets: Iterable[CatalogAsset], **more: Any) -> CatalogWorld:
        """A world with these objects."""
        return cls([*units], {asset.id: asset for asset in assets}, **more)

    def shows(self, asset: str) -> dict[str, Any]:
        """The attributes on an asset."""
        return self.assets[asset].attributes

    def alert(self, asset: str) -> Alert | None:
        """The alert on an asset."""
        return self.assets[asset].alert

    def edit(self, asset: str, **values: Any) -> None:
        """Change attributes on an asset as a person would; null clears. Blanks in names are underscores."""
        fresh = dict(self.shows(asset)) | {name.replace("_", " "): v for name, v in values.items()}
        self.assets[asset] = replace(
            self.assets[asset], attributes={k: v for k, v in fresh.items() if v is not None}
        )

    def announce(self, asset: str, alert: Alert | None) -> None:
        """Set or clear an alert as a person would."""
        self.assets[asset] = replace(self.assets[asset], alert=alert)

    def measure(self, unit_id: str, **values: Any) -> None:
        """Change what Qualytics knows of a unit."""
        self.units = [replace(unit, **values) if unit.id == unit_id else unit for unit in self.units]

    def plan(self, surface: str = "attributes") -> SurfacePlan:
        """The plan of a surface now."""
        snapshot = Snapshot(self.assets.values())
        links = match(
            self.units, [*self.assets.values()], rules=self.matching, links=self.links, presence=self.presence
        )
        rows = [row for (name, _), row in self.held.items() if name == surface]
        args = (surface, self.units, [*links.values()], snapshot, rows)
        if surface == "alerts":
            return plan_alerts(*args, self.alerts, self.gone, self.presence)
        return plan_attributes(*args, self.quality, self.gone, self.presence)

    def sync(self, *surfaces: str, steps: int | None = None) -> dict[str, SurfacePlan]:
        """Plan and carry out; with ``steps``, die after so many."""
        self.run += 1
        self.writes = []
        plans = {name: self.plan(name) for name in surfaces or ("attributes", "alerts")}
        changes = [change for plan in plans.values() for change in plan.changes if change.status == "planned"]
        work = self._carry_out(sorted(changes, key=lambda change: change.action != "note"))
        for done, _ in enumerate(work):
            if steps is not None and done + 1 >= steps:
                work.close()
                break
        return plans

    def settled(self) -> bool:
        """Whether another run would do nothing at all."""
        return not [
            change
            for name in ("attributes", "alerts")
            for change in self.plan(name).changes
            if change.status == "planned"
        ]

    def _carry_out(self, changes: list[Change]) -> Iterator[None]:
        for change in changes:
            if change.action == "note":
                self._settle(change, "unchanged")
                yield
                continue
            place = (change.surface, change.target)
            common = {"integration": "atlan", "datastore": "1-sales", "run_id": f"run {self.run}"}
            self.held[place] = intended(self.held.get(place), change, now=float(self.run), **common)
            yield
            self.writes.append(change)
            asset = self.assets[change.target]
            if change.surface == "alerts":
                self.announce(asset.id, Alert(**change.after, by=ME) if change.after else None)
            else:
                self.edit(asset.id, **{name: self._shown(v) for name, v in (change.after or {}).items()})
            yield
            self._settle(change, "applied")
            yield

    def _shown(self, value: Any) -> Any:
        return f"<p>{value}</p>" if self.rich and value is not None else value

    def _settle(self, change: Change, outcome: Any) -> None:
        place = (change.surface, change.target)
        row = settled(
            self.held.get(place),
            Outcome(change, outcome),
            integration="atlan",
            datastore="1-sales",
            run_id=f"run {self.run}",
            actor=ME,
            now=float(self.run),
        )
        if row is None:
            self.held.pop(place, None)
        else:
            self.held[place] = row
