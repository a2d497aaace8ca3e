"""What a token may do, asked beforehand: ``POST /api/meta/entity/evaluator``.

Not in the dossier; learnt from the public source of Atlan's metastore (docs/learned.md): ``EntityREST``
hands a list of (asset, action) to ``AtlasEntityStoreV2.evaluatePolicies``, which asks the authoriser that
guards the calls themselves and carries nothing out. Relationship actions are left out here: nobody asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qsync_pipeline.sandbox.atlan.access import Mode, Token
from qsync_pipeline.sandbox.atlan.errors import (
    AtlasError,
    bad_request,
    forbidden,
    unknown_guid,
    unknown_type,
)
from qsync_pipeline.sandbox.atlan.http import Call, Handler
from qsync_pipeline.sandbox.atlan.model import SUPER_TYPES
from qsync_pipeline.sandbox.atlan.store import Store

Json = dict[str, Any]

PATH = "/api/meta/entity/evaluator"
READ = "ENTITY_READ"
ENTITY_ACTIONS = frozenset(
    {READ, "ENTITY_CREATE", "ENTITY_UPDATE", "ENTITY_DELETE", "ENTITY_UPDATE_BUSINESS_METADATA"}
)
TAG_ACTIONS = frozenset(
    {"ENTITY_ADD_CLASSIFICATION", "ENTITY_UPDATE_CLASSIFICATION", "ENTITY_REMOVE_CLASSIFICATION"}
)
_ECHOED = ("typeName", "entityGuid", "action", "entityId")


class EvaluatorApi:
    """The handler; with the switch ``evaluator`` off there is no route, as on an older build."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def routes(self) -> list[tuple[str, str, Handler]]:
        return [("POST", PATH, self.evaluate)] if self._store.switches.evaluator else []

    def evaluate(self, call: Call) -> list[Json]:
        """One answer per request, in their order; an action that the server does not know has none.

        Keys without a value are left out, as the server's serialiser does.
        """
        answers = []
        for request in call.items():
            if not isinstance(request, Mapping):
                raise bad_request("a list of objects is expected")
            action = request.get("action")
            if action is None:
                raise bad_request("action is null")
            if action in ENTITY_ACTIONS:
                extra = "businessMetadata"
            elif action in TAG_ACTIONS:
                extra = "classification"
                if request.get(extra) is None:
                    raise bad_request(f"classification needed for {action} authorization")
            else:
                continue
            refusal = self._refusal(request, str(action), call.token)
            answer: Json = {key: request.get(key) for key in (*_ECHOED, extra)}
            answer |= {"allowed": refusal is None, "errorCode": refusal.code if refusal else None}
            answers.append({key: value for key, value in answer.items() if value is not None})
        return answers

    def _refusal(self, request: Mapping[str, Any], action: str, token: Token) -> AtlasError | None:
        """Why the action would be refused, or null."""
        try:
            mode = self._mode(request, token)
        except AtlasError as error:
            return error
        if mode == "write" or (action == READ and mode == "read"):
            return None
        return forbidden(token.actor, action, str(request.get("entityId") or request.get("entityGuid")))

    def _mode(self, request: Mapping[str, Any], token: Token) -> Mode:
        """The guid goes before the qualified name; a name that nothing has is judged as a name."""
        guid, name, type_name = (
            str(request.get(key) or "") for key in ("entityGuid", "entityId", "typeName")
        )
        if guid:
            doc = self._store.get(guid)
            if doc is None:
                raise unknown_guid(guid)
            return token.mode(doc)
        if not name or not type_name:
            raise bad_request("requires entityGuid or typeName and qualifiedName for entity authorization")
        if type_name not in SUPER_TYPES:
            raise unknown_type(type_name)
        doc = self._store.find(type_name, name)
        if doc is not None:
            return token.mode(doc)
        above = [qn for qn in token.rules if name == qn or name.startswith(f"{qn}/")]
        return token.rules[max(above, key=len)] if above else "write"
