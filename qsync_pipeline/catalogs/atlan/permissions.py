"""What the token lacks on assets, in the words of a persona's metadata policy (atlan-api.md §2.11)."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

from qsync_pipeline.catalogs.atlan.client import AtlanClient
from qsync_pipeline.catalogs.atlan.models import HIDDEN_GUID, PolicyAnswer
from qsync_pipeline.catalogs.atlan.reading import SHARED_READ_ERRORS
from qsync_pipeline.catalogs.base import READ
from qsync_pipeline.core.rows import CatalogAsset
from qsync_pipeline.transport.errors import Conflict, Throttled

log = logging.getLogger("qsync.atlan")

CUSTOM_METADATA = "ENTITY_UPDATE_BUSINESS_METADATA"
ACTIONS: dict[str, str] = {
    "ENTITY_READ": f"{READ} (persona-asset-read)",
    "ENTITY_UPDATE": "Update (persona-asset-update)",
    CUSTOM_METADATA: "Update custom metadata (persona-business-update-metadata)",
}
"""The authoriser's actions that we need, and what a person ticks in the persona's policy."""
TAG_ACTIONS: dict[str, str] = {
    "ENTITY_ADD_CLASSIFICATION": "Add tags (persona-entity-add-classification)",
    "ENTITY_REMOVE_CLASSIFICATION": "Remove tags (persona-entity-remove-classification)",
}
"""Those that putting tags on assets needs beside them."""

NO_SUCH_ASSET = "ATLAS-404"
ASSETS_PER_CALL = 100
"""Three to five questions each. The server looks assets up one by one: a call takes a few seconds at most."""


def missing_actions(
    client: AtlanClient, assets: Sequence[CatalogAsset], set_id: str = "", tag: str = ""
) -> dict[str, frozenset[str]] | None:
    """By asset id what is missing; null where this build cannot tell (docs/learned.md).

    ``set_id`` is our custom-metadata set once there is one: a policy may name sets. With the id of a ``tag``
    the actions on tags are asked for as well; the server does not answer that without a tag.
    """
    actions = {**ACTIONS, **TAG_ACTIONS} if tag else ACTIONS
    missing: dict[str, frozenset[str]] = {}
    for start in range(0, len(assets), ASSETS_PER_CALL):
        part = {asset.id: asset for asset in assets[start : start + ASSETS_PER_CALL]}
        questions = [_question(asset, action, set_id, tag) for asset in part.values() for action in actions]
        try:
            answers = client.evaluate(questions)
        except (*SHARED_READ_ERRORS, Conflict, Throttled) as error:
            log.warning("Atlan: what the token may do could not be asked: %s", error)
            return None
        if answers is None:
            return None
        said = {(answer.entity_guid or answer.entity_id, answer.action): answer for answer in answers}
        for asset in part.values():
            mine = [said.get((_handle(asset), action)) for action in actions]
            known = [answer for answer in mine if answer is not None and answer.allowed is not None]
            if len(known) < len(actions):
                return None
            if not any((answer.error_code or "").startswith(NO_SUCH_ASSET) for answer in known):
                missing[asset.id] = _names(known)
    return missing


def _question(asset: CatalogAsset, action: str, set_id: str, tag: str) -> dict[str, str]:
    key = "entityId" if asset.id.startswith(HIDDEN_GUID) else "entityGuid"
    question = {"typeName": asset.kind, key: _handle(asset), "action": action}
    if action == CUSTOM_METADATA and set_id:
        question["businessMetadata"] = set_id
    if action in TAG_ACTIONS:
        question["classification"] = tag
    return question


def _handle(asset: CatalogAsset) -> str:
    """What the asset is asked for by: its guid, or its qualified name where an older build hides the guid."""
    return asset.qualified_name if asset.id.startswith(HIDDEN_GUID) else asset.id


def _names(answers: Iterable[PolicyAnswer]) -> frozenset[str]:
    return frozenset((ACTIONS | TAG_ACTIONS)[answer.action] for answer in answers if not answer.allowed)
