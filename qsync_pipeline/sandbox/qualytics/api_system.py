"""Liveness, identity, people, tokens, search and the rest of the small routes (§1.2, §1.3, §2.14)."""

from __future__ import annotations

import datetime
from typing import Any

from qsync_pipeline.sandbox.qualytics.openapi import document
from qsync_pipeline.sandbox.qualytics.store import iso, live_containers
from qsync_pipeline.sandbox.qualytics.tokens import Token
from qsync_pipeline.sandbox.qualytics.views import TEAM
from qsync_pipeline.sandbox.qualytics.web import PAGING, ApiError, Call, Endpoint, Reply, invalid, missing

MAX_TOKEN_DAYS = 365


def health(call: Call) -> None:
    """204 without a token (§1.2)."""


def status(call: Call) -> dict[str, str]:
    return {"database_connection": "OK", "rabbitmq_connection": "OK"}


def application(call: Call) -> dict[str, str]:
    return {
        "application": "Controlplane",
        "description": "Qualytics API",
        "version": call.system.switches.build,
    }


def openapi(call: Call) -> dict[str, Any]:
    """Read without a token, like the interactive documentation of real deployments (§1.1)."""
    return document(tuple(call.system.endpoints), call.system.switches)


def users(call: Call) -> list[dict[str, Any]]:
    people = (
        ("Sandbox Token", "sandbox@qualytics.invalid", "Manager"),
        ("Ada Lovelace", "ada@qualytics.invalid", "Admin"),
    )
    return [
        {
            "id": number,
            "name": name,
            "email": email,
            "user_id": f"sandbox|{number}",
            "role": role,
            "user_type": "Service" if number == 1 else "User",
            "teams": [TEAM],
            "created": "2026-01-05T09:00:00.000000Z",
            "deleted_at": None,
        }
        for number, (name, email, role) in enumerate(people, start=1)
    ]


def me(call: Call) -> dict[str, Any]:
    """Whose token this is; Manager is enough for all that an integration does (§2.14)."""
    return users(call)[0]


def bootstrap(call: Call) -> dict[str, Any]:
    return {"current_user": me(call), "version": call.system.switches.build, "settings": {}}


def list_users(call: Call) -> dict[str, Any]:
    return call.page(lambda: users(call), dict)


def get_user(call: Call) -> dict[str, Any]:
    number = call.number("user_id")
    for user in users(call):
        if user["id"] == number:
            return user
    raise missing("User", number)


def list_integrations(call: Call) -> dict[str, Any]:
    """The platform's own integrations; no token is ever returned (§2.9)."""
    return call.page(lambda: call.system.integrations, dict, remember=False)


def teams(call: Call) -> list[dict[str, Any]]:
    return [
        {
            **TEAM,
            "description": None,
            "permission": "Editor",
            "users": [{"id": user["id"], "name": user["name"]} for user in users(call)],
            "created": "2026-01-05T09:00:00.000000Z",
        }
    ]


def list_teams(call: Call) -> dict[str, Any]:
    return call.page(lambda: teams(call), dict)


def get_team(call: Call) -> dict[str, Any]:
    number = call.number("team_id")
    for team in teams(call):
        if team["id"] == number:
            return team
    raise missing("Team", number)


def gateway(call: Call) -> dict[str, str]:
    return {"gateway": "203.0.113.7"}


def search(call: Call) -> list[dict[str, Any]]:
    """Datastores, containers and fields whose name holds the text, mixed (§1.2)."""
    text = (call.one("name") or "").lower()
    hits: list[dict[str, Any]] = []
    for datastore in call.system.store.seen_datastores():
        if text in datastore.name.lower():
            hits.append({"object_type": "datastore", **call.system.views.datastore_stub(datastore)})
        for container in live_containers(datastore):
            if text in container.name.lower():
                hits.append({"object_type": "container", **call.system.views.container_stub(container)})
            for column in container.fields.values():
                if text in column.name.lower():
                    hits.append({"object_type": "field", "id": column.id, "name": column.name})
    return hits


def _token(token: Token) -> dict[str, Any]:
    return {
        "id": token.id,
        "created": iso(token.created),
        "name": token.name,
        "active": token.active,
        "expiration": None if token.expires is None else iso(token.expires),
        "last_used": None if token.last_used is None else iso(token.last_used),
        "user": {"id": 1, "name": "Sandbox Token"},
    }


def list_user_tokens(call: Call) -> list[dict[str, Any]]:
    """A plain array, never the secrets (§1.3)."""
    return [_token(token) for token in call.system.tokens.all()]


def create_user_token(call: Call) -> dict[str, Any]:
    """The secret is shown this once (§1.3)."""
    name = call.text("name")
    days = call.object().get("expires_in_days")
    if days is not None and (not isinstance(days, int) or not 1 <= days <= MAX_TOKEN_DAYS):
        raise invalid(["body", "expires_in_days"], "ensure this value is between 1 and 365")
    now = call.system.clock.now()
    expires = None if days is None else now + datetime.timedelta(days=days).total_seconds()
    token = call.system.tokens.mint(name, created=now, expires=expires)
    return {**_token(token), "bearer_token": token.text}


def _known_token(call: Call) -> Token:
    token = call.system.tokens.get(call.number("token_id"))
    if token is None:
        raise missing("Token", call.path["token_id"])
    return token


def update_user_token(call: Call) -> dict[str, Any]:
    """Revoke it, or restore it with ``revoke: false`` (§1.3)."""
    token = _known_token(call)
    token.active = not call.object().get("revoke", True)
    return _token(token)


def delete_user_token(call: Call) -> None:
    """Only revoked tokens can be deleted (§1.3)."""
    token = _known_token(call)
    if token.active:
        raise ApiError(409, "Only revoked tokens can be deleted")
    call.system.tokens.delete(token)


def llm_status(call: Call) -> dict[str, bool]:
    return {"is_configured": False}


def agent_chat(call: Call) -> Reply:
    raise ApiError(400, "No LLM integration is configured")


ENDPOINTS = [
    Endpoint("GET", "/health", health, public=True),
    Endpoint("GET", "/status", status, public=True),
    Endpoint("GET", "/openapi.json", openapi, public=True),
    Endpoint("GET", "/", application),
    Endpoint("GET", "/bootstrap", bootstrap),
    Endpoint("GET", "/gateway", gateway),
    Endpoint("GET", "/search", search, ("name",)),
    Endpoint("GET", "/integrations", list_integrations, PAGING),
    Endpoint("GET", "/users", list_users, PAGING),
    Endpoint("GET", "/users/me", me),
    Endpoint("GET", "/users/{user_id}", get_user),
    Endpoint("GET", "/teams", list_teams, PAGING),
    Endpoint("GET", "/teams/{team_id}", get_team),
    Endpoint("GET", "/user-tokens", list_user_tokens),
    Endpoint("POST", "/user-tokens", create_user_token),
    Endpoint("PUT", "/user-tokens/{token_id}", update_user_token),
    Endpoint("DELETE", "/user-tokens/{token_id}", delete_user_token),
    Endpoint("GET", "/agent/llm-config/status", llm_status),
    Endpoint("POST", "/agent/chat", agent_chat),
]
