"""One sandbox Qualytics deployment: state, HTTP app and control-plane side (``kernel.System``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException

from qsync_pipeline.sandbox.estate.model import Estate
from qsync_pipeline.sandbox.kernel import ControlError, VirtualClock
from qsync_pipeline.sandbox.outbox import Outbox, Receiver
from qsync_pipeline.sandbox.qualytics import (
    api_anomalies,
    api_checks,
    api_connections,
    api_containers,
    api_datastores,
    api_fields,
    api_operations,
    api_system,
    api_tags,
)
from qsync_pipeline.sandbox.qualytics.assets import asset_name, entry, everything, find, like_pattern
from qsync_pipeline.sandbox.qualytics.build import Builder
from qsync_pipeline.sandbox.qualytics.changes_estate import EstateChanges
from qsync_pipeline.sandbox.qualytics.changes_quality import QualityChanges
from qsync_pipeline.sandbox.qualytics.flows import Flows
from qsync_pipeline.sandbox.qualytics.metrics import Metrics
from qsync_pipeline.sandbox.qualytics.operations import Operator
from qsync_pipeline.sandbox.qualytics.store import Store
from qsync_pipeline.sandbox.qualytics.switches import QualyticsSwitches
from qsync_pipeline.sandbox.qualytics.tokens import FAR_FUTURE, ISSUED, TokenBook
from qsync_pipeline.sandbox.qualytics.views import Views
from qsync_pipeline.sandbox.qualytics.views_quality import QualityViews
from qsync_pipeline.sandbox.qualytics.web import Endpoint, Listings, make_route, not_routed
from qsync_pipeline.sandbox.qualytics.words import Action, Words


class QualyticsSystem:
    """A deployment made from an estate.

    Everything runs on one event loop and nothing is locked. ``seed`` decides where ids begin and what the
    development token is; the same estate and seed give the same deployment.
    """

    name: str

    def __init__(
        self,
        estate: Estate,
        clock: VirtualClock,
        *,
        switches: QualyticsSwitches | None = None,
        seed: int = 0,
    ) -> None:
        self.name = "qualytics"
        self.clock = clock
        self.switches = switches or QualyticsSwitches()
        self.store = Store(clock, self.switches, seed)
        self.tokens = TokenBook(seed)
        self.metrics = Metrics(self.store)
        self.views = Views(self.store, self.metrics)
        self.quality_views = QualityViews(self.store, self.views)
        self.operator = Operator(self.store)
        self.listings = Listings()
        self.flows = Flows(self.store, clock, seed)
        self.integrations: list[dict[str, Any]] = []
        self._base_url = "http://127.0.0.1"
        self._token = self.tokens.mint("qsync", created=ISSUED, expires=FAR_FUTURE)
        Builder(self.store, estate).run()
        self.store.listeners.append(self.flows.notice)
        self.endpoints: list[Endpoint] = [
            *api_containers.endpoints(self.switches),
            *api_checks.ENDPOINTS,
            *api_anomalies.ENDPOINTS,
            *api_fields.ENDPOINTS,
            *api_datastores.ENDPOINTS,
            *api_connections.ENDPOINTS,
            *api_tags.endpoints(self.switches),
            *api_operations.ENDPOINTS,
            *api_system.ENDPOINTS,
        ]
        self.app: Starlette = Starlette(
            routes=[make_route(self, endpoint) for endpoint in self.endpoints],
            exception_handlers={HTTPException: not_routed},
        )
        quality, things = QualityChanges(self.store, self.operator), EstateChanges(self.store)
        self._changes: dict[str, Callable[[Words], Action]] = {
            "set_score": quality.set_score,
            "raise_anomaly": quality.raise_anomaly,
            "set_anomaly_status": quality.set_anomaly_status,
            "archive_check": quality.archive_check,
            "edit_check": quality.edit_check,
            "finish_scan": quality.finish_scan,
            "tag": things.tag,
            "untag": things.untag,
            "create_tag": things.create_tag,
            "delete_tag": things.delete_tag,
            "rename": things.rename,
            "drop": things.drop,
            "create": things.create,
        }

    # -- what a user is told ----------------------------------------------------------------------------

    def set_base_url(self, url: str) -> None:
        """The URL that users type into the config; the UI is its origin, without the API root (§1.1)."""
        self._base_url = url.rstrip("/").removesuffix(self.switches.api_root).rstrip("/")
        self.flows.base_url = self._base_url

    def credentials(self) -> Mapping[str, str]:
        """The development token: a fixed JWT that lives until 2100 (decision 7)."""
        return {"token": self._token.text}

    # -- flows --------------------------------------------------------------------------------------------

    def subscribe(self, receiver: Receiver, *, validate: bool = True) -> None:
        """Make flows that call this receiver; Qualytics asks nothing of a new one."""
        del validate
        self.flows.subscribe(receiver)

    def outbox(self) -> Outbox:
        """Receivers, and calls on their way to them."""
        return self.flows.outbox

    def pump(self) -> None:
        """Finish what is due, and call."""
        self.operator.settle()
        self.flows.outbox.pump()

    # -- hooks for tests ----------------------------------------------------------------------------------

    def expire_token(self, expired: bool = True) -> None:
        """Let the development token lapse at once, or live again with ``False``; its text stays the same."""
        self._token.expires = self.clock.now() if expired else FAR_FUTURE

    def revoke_token(self, revoked: bool = True) -> None:
        """Revoke the development token, or restore it (§1.3)."""
        self._token.active = not revoked

    def deny_datastore(self, datastore_id: int, denied: bool = True) -> None:
        """Hide a datastore from the token's teams: absent from lists, 403 by id (§2.14, decision 41)."""
        if datastore_id not in self.store.datastores:
            raise ControlError(f"deny_datastore: there is no datastore {datastore_id}")
        if denied:
            self.store.denied.add(datastore_id)
        else:
            self.store.denied.discard(datastore_id)
        self.store.touch(None)

    def connect_catalog(self, type: str, api_url: str) -> None:
        """Set up the platform's own integration with a catalog, as an administrator does (§2.9)."""
        self.integrations.append(
            {
                "id": len(self.integrations) + 1,
                "created": "2026-01-05T09:00:00.000000Z",
                "type": type,
                "category": "data_catalog",
                "api_url": api_url,
                "connected": True,
                "overwrite": False,
                "event_driven": True,
                "enable_announcements": True,
                "last_synced": None,
                "status": None,
                "message": None,
                "parameters": {"domains": []},
            }
        )

    def fail_next_operation(self, message: str) -> None:
        """The next operation to be started ends as a failure with this message (decision 33)."""
        self.operator.fail_next(message)

    # -- control plane ------------------------------------------------------------------------------------

    def state(self, *, name: str | None = None, like: str | None = None) -> list[dict[str, Any]]:
        """What a person would see, by exact name or SQL LIKE; with neither, everything (DESIGN.md §6)."""
        self.operator.settle()
        if name is not None:
            return [entry(self._base_url, asset, asset_name(asset)) for asset in find(self.store, name)]
        pattern = like_pattern("%" if like is None else like)
        return [
            entry(self._base_url, asset, full)
            for full, asset in everything(self.store)
            if pattern.fullmatch(full)
        ]

    def check(self, change: Mapping[str, Any]) -> None:
        """Raise :class:`ControlError` if :meth:`mutate` could not carry this change out."""
        self._judge(change)

    def mutate(self, change: Mapping[str, Any]) -> Sequence[str]:
        """Carry out one change; the ids touched are like ``container:42`` and ``anomaly:900``."""
        return self._judge(change)()

    def _judge(self, change: Mapping[str, Any]) -> Action:
        self.operator.settle()
        do = change.get("do")
        judge = self._changes.get(do) if isinstance(do, str) else None
        if judge is None:
            raise ControlError(f"do: {do!r} is not one of {', '.join(self._changes)}")
        return judge(Words(self.store, change))
