"""Outgoing webhooks (atlan-api.md §3.1, §6.2 row 27)."""

from __future__ import annotations

import json

import pytest

from qsync_pipeline.sandbox.kernel import ControlError
from qsync_pipeline.sandbox.outbox import Receiver
from qsync_pipeline_tests.sandbox.atlan.tenant import Tenant

URL = "http://127.0.0.1:9/hook"


class Post:
    """Takes what is sent; refuses the first ``failures`` deliveries."""

    def __init__(self, tenant: Tenant, failures: int = 0) -> None:
        self.got: list[tuple[str | None, dict[str, object]]] = []
        self._failures = failures
        tenant.system.webhooks._send = self.take

    def take(self, url: str, secret: str | None, body: bytes) -> bool:
        self.got.append((secret, json.loads(body)))
        if secret is not None and self._failures:
            self._failures -= 1
            return False
        return True


def tagged(tenant: Tenant) -> None:
    tenant.system.mutate({"do": "tag", "asset": "shop.cart", "tag": "PII"})
    tenant.system.webhooks.outbox.drain()


def test_the_sample_comes_first_and_carries_no_secret() -> None:
    tenant = Tenant()
    receiver = Post(tenant)
    tenant.system.subscribe(Receiver(URL, "fake-secret"))
    assert [(secret, list(body)) for secret, body in receiver.got] == [(None, ["atlan-webhook"])]
    with pytest.raises(ControlError, match="url"):
        tenant.system.subscribe(Receiver("file:///etc/hosts", "fake-secret"))


def test_a_tag_is_notified_with_the_secret() -> None:
    tenant = Tenant()
    receiver = Post(tenant)
    tenant.system.subscribe(Receiver(URL, "fake-secret", events=frozenset({"CLASSIFICATION_ADD"})))
    tagged(tenant)
    secret, body = receiver.got[-1]
    message = body["message"]
    assert isinstance(message, dict)
    assert (secret, message["operationType"]) == ("fake-secret", "CLASSIFICATION_ADD")
    assert message["mutatedDetails"][0]["typeName"] == tenant.tag_id("PII")


def test_a_failed_delivery_is_tried_again_after_its_wait() -> None:
    tenant = Tenant()
    receiver = Post(tenant, failures=1)
    tenant.system.subscribe(Receiver(URL, "fake-secret"))
    tagged(tenant)
    tenant.system.tick()
    assert len(receiver.got) == 2
    tenant.clock.advance(1.1)
    tenant.system.tick()
    tenant.system.webhooks.outbox.drain()
    assert len(receiver.got) == 3


@pytest.mark.parametrize(("mode", "deliveries"), [("off", 0), ("on", 1), ("duplicates", 2)])
def test_the_switch_turns_deliveries_off_or_doubles_them(mode: str, deliveries: int) -> None:
    tenant = Tenant(webhooks=mode)
    receiver = Post(tenant)
    tenant.system.subscribe(Receiver(URL, "fake-secret"))
    tagged(tenant)
    assert len(receiver.got) == 1 + deliveries
