"""A Qualytics and a catalog of a few lines, and a run on them: what a stage asks, writes and notes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from qsync_pipeline.catalogs.base import BatchRejected, Identity, Surface
from qsync_pipeline.config import Config, load_config
from qsync_pipeline.core.rows import Alert, CatalogAsset, Change, Outcome
from qsync_pipeline.core.tables import Table
from qsync_pipeline.ledger import Ledger
from qsync_pipeline.qualytics.models import Field, GlobalTag, User
from qsync_pipeline.sync.first_contact import DONE
from qsync_pipeline.sync.run import Run
from qsync_pipeline.transport.errors import ServerError

ME = "service-account-qsync"
KEY = "1-sales"

CONFIG = """\
qualytics: {{url: "https://q.example.com", token: {{file: {token}}}}}
integrations:
  - {{name: atlan, type: atlan, url: "https://a.example.com", token: {{file: {token}}}, first_write: true}}
  - {{name: second, type: atlan, url: "https://b.example.com", token: {{file: {token}}}, first_write: true}}
"""


def config_in(directory: Path) -> Config:
    """A config with two integrations."""
    (directory / "token").write_text("fake-token-000111")
    (directory / "qsync.yaml").write_text(CONFIG.format(token=directory / "token"))
    return load_config(directory / "qsync.yaml")


class FakeQualytics:
    """Fields with tags. ``foreign`` is done to a field at every write, as a deployment that does too much."""

    parallel = 1
    system = "qualytics"

    def __init__(self, *names: str) -> None:
        self.definitions = {name: GlobalTag(id=n, name=name, type="global") for n, name in enumerate(names)}
        self.on: dict[int, list[str]] = {}
        self.other: dict[int, dict[str, Any]] = {}
        self.foreign: Callable[[dict[str, Any]], None] = lambda row: None
        self.refuses: Exception | None = None
        self.swallows = False
        self.answers_lost = 0
        """So many writes are carried out and not answered; then ``meanwhile`` happens."""
        self.meanwhile: Callable[[], None] = lambda: None
        self.unreadable: Exception | None = None
        self.log: list[str] = []
        self.reads: list[int] = []
        self.writes: list[tuple[int, list[str]]] = []
        self.allowed = "1|Member|1:Editor"
        self.asked = 0
        self.session = self

    def request(self, method: str, path: str, **_: Any) -> dict[str, Any]:
        """A field as the API shows it."""
        number = int(path.rpartition("/")[2])
        self.reads.append(number)
        tags = [{"name": name} for name in self.on.get(number, [])]
        return {"id": number, "name": f"F{number}", "global_tags": tags, **self._others(number)}

    def together(self, calls: int, do: Callable[[], Any]) -> Any:
        """Begins again from the reading where an answer was lost, as a session does."""
        while True:
            try:
                return do()
            except TimeoutError:
                self.meanwhile()

    def global_tags(self) -> list[GlobalTag]:
        return list(self.definitions.values())

    def fields_by_id(self, numbers: Sequence[int]) -> dict[int, Field]:
        if self.unreadable is not None:
            raise self.unreadable
        self.reads += numbers
        self.log += [f"read {number}" for number in numbers]
        return {number: self._field(number) for number in numbers if number in self.on}

    def fields(self, container: int) -> list[Field]:
        return [self._field(number) for number in self.on]

    def set_field_tags(self, items: Sequence[tuple[int, Sequence[str]]]) -> list[Field]:
        """Replaces the whole list, and makes a stray global tag of a name it does not know."""
        for number, names in items:
            self.writes.append((number, list(names)))
            self.log.append(f"write {number}")
            if self.refuses is not None:
                raise self.refuses
            if self.swallows:
                continue
            for name in names:
                self.definitions.setdefault(name, GlobalTag(id=99, name=name, type="global"))
            self.on[number] = list(names)
            self.foreign(self._others(number))
        if self.answers_lost:
            self.answers_lost -= 1
            raise TimeoutError
        return [self._field(number) for number, _ in items]

    def set_container_tags(self, items: Sequence[tuple[int, Sequence[str]]]) -> list[Any]:
        raise AssertionError("there are fields only")

    def me(self) -> User:
        return User(id=1, name="Service")

    def rights(self) -> str:
        self.asked += 1
        return self.allowed

    def integrations(self) -> list[Any]:
        return []

    def _others(self, number: int) -> dict[str, Any]:
        """What else is on a field, beside its tags."""
        return self.other.setdefault(number, {"description": "Theirs"})

    def _field(self, number: int) -> Field:
        ghost = GlobalTag(id=98, name="")
        tags = [GlobalTag(id=self.definitions.get(name, ghost).id, name=name) for name in self.on[number]]
        return Field(id=number, name=f"F{number}", global_tags=tags)


class FakeCatalog:
    """Assets that take attributes and alerts; a batch with a bad one among it is refused as a whole."""

    writes_carry_names = False
    lists_at_once = False
    surfaces = (
        Surface("custom_metadata", "attributes", needs="the account needs the role Writer"),
        Surface("announcements", "alerts"),
    )

    def __init__(self, assets: Iterable[CatalogAsset], batch_size: int = 8) -> None:
        self.assets = {asset.id: asset for asset in assets}
        self.batch_size = batch_size
        self.bad: set[str] = set()
        self.unfit: set[str] = set()
        """Surfaces of which no value fits."""
        self.broken: set[str] = set()
        """Assets that their server fails on, whatever else is in the batch."""
        self.read_only: set[str] = set()
        self.not_granted: set[str] = set()
        """Surfaces that no asset takes from us."""
        self.lacking: tuple[str, ...] | None = ("Update",)
        self.swallows = False
        self.calls: list[tuple[str, tuple[str, ...]]] = []

    def tags_unread(self) -> str:
        return ""

    def fits(self, assets: Sequence[Sequence[Change]]) -> int:
        return min(len(assets), self.batch_size)

    @property
    def written(self) -> list[tuple[str, ...]]:
        return [ids for what, ids in self.calls if what == "write"]

    def write(self, changes: Sequence[Change]) -> list[Outcome]:
        ids = tuple(dict.fromkeys(change.target for change in changes))
        self.calls.append(("write", ids))
        if self.broken & set(ids):
            raise ServerError("atlan: 500: it broke", system="atlan")
        refused = {change.connection for change in changes} & self.read_only
        if refused or {change.surface for change in changes} & self.not_granted:
            raise BatchRejected("you may not", error_class="permission", status=403)
        if self.bad & set(ids) or self.unfit & {change.surface for change in changes}:
            raise BatchRejected("a value does not fit", error_class="validation", status=400)
        for change in changes if not self.swallows else ():
            asset = self.assets[change.target]
            if change.surface == "announcements":
                alert = Alert(**change.after, by=ME) if change.after else None
                self.assets[asset.id] = replace(asset, alert=alert)
            else:
                self.assets[asset.id] = replace(asset, attributes={**asset.attributes, **change.after})
        return [Outcome(change, "applied", change.reason) for change in changes]

    def reread(self, ids: Sequence[str], *, roles: Any = None) -> dict[str, CatalogAsset]:
        self.calls.append(("reread", tuple(ids)))
        return {id_: self.assets[id_] for id_ in ids if id_ in self.assets}

    def permissions(self, assets: Sequence[CatalogAsset]) -> dict[str, frozenset[str]] | None:
        self.calls.append(("permissions", tuple(asset.id for asset in assets)))
        return None if self.lacking is None else {asset.id: frozenset(self.lacking) for asset in assets}


def run_on(
    config: Config,
    ledger: Ledger,
    qualytics: FakeQualytics | None = None,
    catalog: FakeCatalog | None = None,
    *,
    integration: int = 0,
    run_id: str = "run-1",
    contact: bool = False,
) -> Run:
    """A run that may write; with ``contact`` it is the first of its integration."""
    one = config.integrations[integration]
    run = Run(run_id, config, one, ledger, ledger, dry_run=False)
    run.__dict__.update(
        {
            "qualytics": qualytics or FakeQualytics(),
            "catalog": catalog or FakeCatalog([]),
            "identity": Identity(ME),
        }
    )
    if not contact:
        ledger.notes.put(one.name, DONE, True)
    return run


def plan_of(*changes: Change) -> Table[Change]:
    """A plan as the planning stage hands it on."""
    return Table(Change, list(changes), meta={"unchanged": {}, "containers": {}})
