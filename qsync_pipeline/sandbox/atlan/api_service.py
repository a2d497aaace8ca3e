"""Heracles endpoints: tokens, OAuth, who am I, and the lists of people (atlan-api.md §1.3, §1.4, §6.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from qsync_pipeline.sandbox.atlan.access import OAUTH_LIFE, TOKEN_LIFE, Access, Token, unauthorized
from qsync_pipeline.sandbox.atlan.errors import GatewayError, respond
from qsync_pipeline.sandbox.atlan.http import Call, Handler, json_response
from qsync_pipeline.sandbox.atlan.ids import IdSource
from qsync_pipeline.sandbox.atlan.views import Json

PEOPLE = (
    ("ada.lovelace", "Ada", "Lovelace", "$admin"),
    ("grace.hopper", "Grace", "Hopper", "$member"),
    ("edgar.codd", "Edgar", "Codd", "$member"),
    ("hedy.lamarr", "Hedy", "Lamarr", "$guest"),
)
_ROLES = ("$admin", "$member", "$guest", "$api-token-default-access")
_GROUPS = ("data-stewards", "everyone")


class ServiceApi:
    """Handlers outside the metastore."""

    def __init__(self, access: Access, ids: IdSource) -> None:
        self._access = access
        self._roles = [{"id": ids.guid(), "name": name, "description": name.strip("$")} for name in _ROLES]
        self._groups = [{"id": ids.guid(), "name": name, "path": f"/{name}", "attributes": {"alias": [name]},
                         "userCount": len(PEOPLE)} for name in _GROUPS]  # fmt: skip
        self._users = [
            {
                "id": ids.guid(),
                "username": username,
                "firstName": first,
                "lastName": last,
                "email": f"{username}@acme.example",
                "emailVerified": True,
                "enabled": True,
                "workspaceRole": role,
                "attributes": {},
            }
            for username, first, last, role in PEOPLE
        ]

    def routes(self) -> list[tuple[str, str, Handler]]:
        return [
            ("GET", "/api/service/whoami", self.whoami),
            ("GET", "/api/service/users/current", self.current),
            ("GET", "/api/service/users", lambda call: _listing(self._users, call.query)),
            ("GET", "/api/service/roles", lambda call: _listing(self._roles, call.query)),
            ("GET", "/api/service/groups", lambda call: _listing(self._groups, call.query)),
            ("GET", "/api/service/v2/groups", lambda call: _listing(self._groups, call.query)),
            ("GET", "/api/service/apikeys", self.list_tokens),
            ("POST", "/api/service/apikeys", self.create_token),
            ("DELETE", "/api/service/apikeys/{guid}", self.delete_token),
        ]

    def whoami(self, call: Call) -> Json:
        token = call.token
        return {
            "userId": token.guid,
            "username": token.actor,
            "clientId": f"apikey-{token.guid}",
            "name": token.name,
            "expiresAt": int(token.expires_at * 1000),
        }

    def current(self, call: Call) -> Json:
        token = call.token
        return {
            "id": token.guid,
            "username": token.actor,
            "enabled": True,
            "emailVerified": False,
            "createdTimestamp": int(token.created_at * 1000),
            "attributes": {},
        }

    def list_tokens(self, call: Call) -> Json:
        return _listing([_record(token) for token in self._access.tokens.values()], call.query)

    def create_token(self, call: Call) -> Json:
        """The token itself is in this answer only (§1.3)."""
        body = call.json()
        name = str(body.get("displayName") or "")
        if not name:
            raise GatewayError(400, msgspec.json.encode({"code": 400, "message": "displayName is required"}))
        life = float(body.get("validitySeconds") or TOKEN_LIFE)
        token = self._access.issue(name, seconds=min(life, TOKEN_LIFE))
        record = _record(token, description=str(body.get("description") or ""))
        record["attributes"]["accessToken"] = token.value
        return record

    def delete_token(self, call: Call) -> None:
        for value, token in list(self._access.tokens.items()):
            if token.guid == call.path["guid"]:
                del self._access.tokens[value]
                return
        raise GatewayError(404, msgspec.json.encode({"code": 404, "message": "api token not found"}))

    async def oauth_token(self, request: Request) -> Response:
        """Client credentials for a short-lived token (§1.4); needs no bearer itself."""
        try:
            body = msgspec.json.decode(await request.body() or b"{}")
            client, secret = str(body.get("clientId")), body.get("clientSecret")
            known = self._access.clients.get(client)
            if known is None or known[0] != secret:
                raise unauthorized(self._access.switches)
        except (msgspec.DecodeError, AttributeError):
            return respond(unauthorized(self._access.switches))
        except GatewayError as error:
            return respond(error)
        token = self._access.issue(known[1], seconds=OAUTH_LIFE, guid=client)
        return json_response({"accessToken": token.value, "expiresIn": OAUTH_LIFE, "tokenType": "Bearer"})


def _record(token: Token, description: str = "") -> Json:
    return {
        "id": token.guid,
        "clientId": f"apikey-{token.guid}",
        "displayName": token.name,
        "attributes": {
            "access.token.lifespan": int(token.expires_at - token.created_at),
            "createdAt": int(token.created_at * 1000),
            "createdBy": "ada.lovelace",
            "description": description,
            "displayName": token.name,
            "clientId": f"apikey-{token.guid}",
            "personaQualifiedName": [],
        },
    }


def _listing(rows: Sequence[Mapping[str, Any]], query: Mapping[str, str]) -> Json:
    """The list envelope, with the part of the JSON filters that clients send: equality of top-level keys."""
    kept = list(rows)
    try:
        wanted = msgspec.json.decode(query.get("filter") or "{}")
    except msgspec.DecodeError:
        wanted = {}
    for key, value in wanted.items() if isinstance(wanted, dict) else ():
        if isinstance(value, str):
            kept = [row for row in kept if row.get(key) == value]
    offset, limit = int(query.get("offset") or 0), int(query.get("limit") or 20)
    return {"totalRecord": len(rows), "filterRecord": len(kept), "records": kept[offset : offset + limit]}
