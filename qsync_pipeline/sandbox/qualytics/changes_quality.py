"""Control-plane changes to scores, checks, anomalies and scans."""

from __future__ import annotations

from collections.abc import Sequence

from qsync_pipeline.sandbox.qualytics.assets import Asset, unit_id
from qsync_pipeline.sandbox.qualytics.metrics import SCORE_KEYS
from qsync_pipeline.sandbox.qualytics.model import (
    ARCHIVED_ANOMALY_STATUSES,
    ARCHIVED_CHECK_STATUSES,
    CONTAINER_RULES,
    OPEN_STATUSES,
    Anomaly,
    Check,
    Container,
    Datastore,
    Field,
)
from qsync_pipeline.sandbox.qualytics.operations import Operator
from qsync_pipeline.sandbox.qualytics.quality import archive_check, set_anomaly_status
from qsync_pipeline.sandbox.qualytics.store import Store, live_checks, live_containers, open_anomalies
from qsync_pipeline.sandbox.qualytics.words import Action, Words, anomaly_id, check_id

MOST_ANOMALIES = 10_000


class QualityChanges:
    """Each method judges a change and returns what would carry it out."""

    def __init__(self, store: Store, operator: Operator) -> None:
        self._store = store
        self._operator = operator

    def set_score(self, words: Words) -> Action:
        """``asset``, ``dimension`` (total or one of the eight), ``value`` (0-100, null: not measured)."""
        words.only("asset", "dimension", "value")
        asset, dimension, value = words.asset(), words.choice("dimension", SCORE_KEYS), words.get("value")
        if not words.has("value"):
            raise words.wrong("value", "must be there, a number from 0 to 100 or null")
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if value is not None and not (number and 0 <= value <= 100):
            raise words.wrong("value", f"{value!r} is neither null nor a number from 0 to 100")

        def act() -> Sequence[str]:
            scores = dict.fromkeys(SCORE_KEYS) | (asset.scores or {})
            asset.scores = scores | {dimension: None if value is None else float(value)}
            if not isinstance(asset, Field):
                asset.scored = self._store.now()
            self._store.touch_item(asset)
            return [unit_id(asset)]

        return act

    def raise_anomaly(self, words: Words) -> Action:
        """``asset`` (table or column), ``rule``, and ``count`` of anomalies (1).

        They hang on an Active check of that rule on the asset, which is made where there is none. As
        anomalies come from scans only, a table that was never scanned is scanned afterwards
        (qualytics-api.md §2.7).
        """
        words.only("asset", "rule", "count")
        asset, rule = words.asset(Container, Field), words.text("rule")
        assert not isinstance(asset, Datastore)
        count = words.count("count", 1, MOST_ANOMALIES)
        if isinstance(asset, Field) and rule in CONTAINER_RULES:
            raise words.wrong("rule", f"{rule!r} is a rule of whole tables; name the table as the asset")

        def act() -> Sequence[str]:
            check = self._check_for(asset, rule)
            made = [self._raise(check) for _ in range(count)]
            return [unit_id(asset), check_id(check), *map(anomaly_id, made)]

        return act

    def set_anomaly_status(self, words: Words) -> Action:
        """``status``, and ``id`` or ``all`` (as the id, or true) with an ``asset``: its open anomalies."""
        words.only("id", "all", "asset", "status")
        status = words.choice("status", (*OPEN_STATUSES, *ARCHIVED_ANOMALY_STATUSES))
        if words.get("id") == "all" or words.flag("all", False):
            chosen = _anomalies_of(words.asset())
        else:
            chosen = [words.anomaly()]

        def act() -> Sequence[str]:
            for anomaly in chosen:
                set_anomaly_status(self._store, anomaly, status)
            return [anomaly_id(item) for item in chosen]

        return act

    def archive_check(self, words: Words) -> Action:
        """``id`` of a check, or ``asset`` with its Active checks: all, or those of a ``rule``.

        Their anomalies are archived along, as the API does by default; ``delete_anomalies: false`` leaves
        them.
        """
        words.only("id", "all", "asset", "rule", "status", "delete_anomalies")
        status = words.choice("status", ARCHIVED_CHECK_STATUSES) if words.has("status") else "Discarded"
        anomalies = words.flag("delete_anomalies", True)
        if words.get("id") not in (None, "all"):
            chosen = [words.check()]
            if chosen[0].deleted_at is not None:
                raise words.wrong("id", f"check {chosen[0].id} is archived already ({chosen[0].status})")
        else:
            asset, rule = words.asset(), words.optional_text("rule")
            chosen = [check for check in _checks_of(asset) if rule in (None, check.rule_type)]
            if not chosen:
                kind = "" if rule is None else f" of the rule {rule!r}"
                raise words.wrong("asset", f"{words.text('asset')!r} has no Active check{kind}")

        def act() -> Sequence[str]:
            for check in chosen:
                archive_check(self._store, check, status, anomalies=anomalies)
            return [check_id(check) for check in chosen]

        return act

    def edit_check(self, words: Words) -> Action:
        """``id`` of a check and its new ``description``."""
        words.only("id", "description", "asset")
        check, description = words.check(), words.text("description")

        def act() -> Sequence[str]:
            check.description = description
            check.last_updated = self._store.now()
            self._store.touch_item(check)
            return [check_id(check)]

        return act

    def finish_scan(self, words: Words) -> Action:
        """A finished scan of the ``asset``, a table or a whole datastore: all checks asserted anew."""
        words.only("asset")
        asset = words.asset(Datastore, Container)

        def act() -> Sequence[str]:
            if isinstance(asset, Datastore):
                datastore, containers = asset, list(live_containers(asset))
            else:
                assert isinstance(asset, Container)
                datastore, containers = asset.datastore, [asset]
            operation = self._operator.start("scan", datastore, containers, {"type": "scan"}, at_once=True)
            return [f"operation:{operation.id}", *map(unit_id, containers)]

        return act

    def _check_for(self, asset: Container | Field, rule: str) -> Check:
        container = asset.container if isinstance(asset, Field) else asset
        for check in live_checks(container):
            if check.rule_type == rule and (asset is container or asset in check.fields):
                return check
        fields: tuple[Field, ...] = (asset,) if isinstance(asset, Field) else ()
        if not fields and rule not in CONTAINER_RULES:
            fields = tuple(container.fields.values())[:1]
        named = ", ".join(column.name for column in fields) or container.name
        check = Check(
            id=self._store.ids.take("check"),
            tags=None,
            container=container,
            rule_type=rule,
            description=f"{rule} holds for {named}",
            fields=fields,
            status="Active",
            created=self._store.now(),
            last_updated=self._store.now(),
            coverage=None if rule in CONTAINER_RULES else 1.0,
        )
        self._store.add_check(check)
        return check

    def _raise(self, check: Check) -> Anomaly:
        container = check.container
        assert container is not None
        now = self._store.now()
        number = self._store.ids.take("anomaly")
        record = bool(check.fields)
        anomaly = Anomaly(
            id=number,
            tags=None,
            container=container,
            type="record" if record else "shape",
            message=f"{check.rule_type} failed on {container.name}",
            checks=(check,),
            status="Active",
            created=now,
            records=1 + number % 50 if record else None,
        )
        self._store.add_anomaly(anomaly)
        check.is_passing = False
        check.last_asserted = now
        container.last_scanned = container.last_scanned or now
        self._store.tell("detected", anomaly)
        return anomaly


def _containers_of(asset: Asset) -> list[Container]:
    if isinstance(asset, Datastore):
        return list(live_containers(asset))
    return [asset.container if isinstance(asset, Field) else asset]


def _anomalies_of(asset: Asset) -> list[Anomaly]:
    """Open anomalies of an asset; of a column, those that name it."""
    found = [anomaly for container in _containers_of(asset) for anomaly in open_anomalies(container)]
    return [item for item in found if item.names(asset)] if isinstance(asset, Field) else found


def _checks_of(asset: Asset) -> list[Check]:
    """Active checks of an asset; of a column, those that name it."""
    found = [check for container in _containers_of(asset) for check in live_checks(container)]
    return [item for item in found if asset in item.fields] if isinstance(asset, Field) else found
