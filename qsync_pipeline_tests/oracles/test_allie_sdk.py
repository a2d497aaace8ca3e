"""The vendor's own SDK, unchanged, over real HTTP against the sandbox (alation-api.md §5).

It judges what the sandbox's own tests cannot: that a client which we did not write finds what it needs.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import allie_sdk as allie
import pytest
import requests
import uvicorn
from allie_sdk.methods import job as allie_job
from requests.adapters import HTTPAdapter

from qsync_pipeline.catalogs.alation.client import AlationClient
from qsync_pipeline.catalogs.alation.tokens import AlationAuth
from qsync_pipeline.sandbox.alation import AlationSwitches, AlationSystem
from qsync_pipeline.sandbox.kernel import VirtualClock
from qsync_pipeline.transport.session import HttpSession
from qsync_pipeline_tests.sandbox.alation.conftest import make_tiny

# Importing the SDK gives its logger a handler on standard output, where errors would drown the test report.
logging.getLogger("allie_sdk_logger").setLevel(logging.CRITICAL)


@pytest.fixture(scope="module")
def system() -> AlationSystem:
    # The SDK waits three real seconds whenever a job says that it still runs.
    switches = AlationSwitches(job_polls=0, job_seconds=0)
    return AlationSystem(make_tiny(), VirtualClock(), switches=switches, seed=3)


@contextmanager
def serving(system: AlationSystem) -> Iterator[str]:
    """An instance on an ephemeral port of loopback; yields its URL."""
    config = uvicorn.Config(system.app, host="127.0.0.1", port=0, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=5)


@pytest.fixture(scope="module")
def url(system: AlationSystem) -> Iterator[str]:
    with serving(system) as found:
        yield found


@pytest.fixture(scope="module")
def sdk(system: AlationSystem, url: str) -> Any:
    made = system.credentials()
    return allie.Alation(host=url, user_id=int(made["user_id"]), refresh_token=made["refresh_token"])


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK sleeps for a second after each finished job; nothing else of it is touched."""
    monkeypatch.setattr(allie_job, "sleep", lambda seconds: None)


def table(sdk: Any, name: str) -> Any:
    [found] = sdk.rdbms.get_tables(allie.TableParams(name={name}))
    return found


def entry(system: AlationSystem, name: str) -> dict[str, Any]:
    [found] = system.state(name=name)
    return found


def test_authentication(system: AlationSystem, url: str) -> None:
    made = system.issue_token("oracle")
    sdk = allie.Alation(host=url, user_id=int(made["user_id"]), refresh_token=made["refresh_token"])
    refresh = sdk.authentication.validate_refresh_token()
    assert refresh.token_status == "ACTIVE"
    assert (refresh.token_expires_at - refresh.created_at).days == 60
    access = sdk.authentication.validate_access_token(sdk.access_token)
    assert (access.token_status, str(access.user_id)) == ("ACTIVE", made["user_id"])
    given = allie.Alation(host=url, user_id=int(made["user_id"]), access_token=sdk.access_token)
    assert given.user.get_authenticated_user().display_name == "Oracle"
    assert sdk.authentication.revoke_access_tokens().status == "successful"
    with pytest.raises(requests.HTTPError, match="401"):
        sdk.user.get_authenticated_user()
    assert sdk.authentication.create_access_token().token_status == "ACTIVE"


def test_a_lapsed_or_wrong_refresh_token_is_told(system: AlationSystem, url: str) -> None:
    made = system.issue_token("lapsing")
    system.expire_refresh_token(made["refresh_token"])
    for token in (made["refresh_token"], "wrong"):
        with pytest.raises(requests.HTTPError):
            allie.Alation(host=url, user_id=int(made["user_id"]), refresh_token=token)


@pytest.mark.parametrize("basic", [False, True])
def test_oauth_client_credentials(system: AlationSystem, url: str, basic: bool) -> None:
    sdk = allie.Alation(host=url, **system.oauth)
    assert sdk.user.get_authenticated_user().display_name == "Qsync Oauth"
    token = sdk.authentication.create_oauth_token(use_basic_auth=basic)
    assert (token.token_type, token.expires_in) == ("Bearer", 3600)


def test_users_and_object_types(sdk: Any) -> None:
    me = sdk.user.get_authenticated_user()
    assert sdk.user.get_a_user(me.id).username == "qsync"
    assert [user.id for user in sdk.user.get_users(allie.UserParams(display_name={"Grace Hopper"}))]
    assert "attribute" in {each.name for each in sdk.otype.get_otypes()}


def test_data_sources_of_both_kinds(sdk: Any) -> None:
    sources = sdk.datasource.get_ocf_datasources()
    assert [each.title for each in sources] == ["Warehouse", "CRM", "Archive"]
    assert [each.title for each in sdk.datasource.get_native_datasources()] == ["Shop"]
    assert sdk.datasource.get_ocf_datasource_by_id(sources[0].id) == sources[0]


def test_the_relational_catalog_is_read_in_pages(sdk: Any, system: AlationSystem) -> None:
    sdk.rdbms.page_size = 2
    try:
        columns = sdk.rdbms.get_columns()
    finally:
        sdk.rdbms.page_size = 1000
    seen = [entry for entry in system.state() if entry["kind"] == "attribute" and "HR" not in entry["name"]]
    assert len(columns) == len(seen)
    assert len({column.id for column in columns}) == len(columns)
    [email] = sdk.rdbms.get_columns(allie.ColumnParams(name__iexact={"email"}))
    orders = table(sdk, "ORDERS")
    assert (email.table_id, email.schema_id, email.index.isPrimaryKey) == (orders.id, orders.schema_id, False)
    assert [each.name for each in sdk.rdbms.get_schemas(allie.SchemaParams(ds_id={orders.ds_id}))] == [
        "EDW.PUBLIC"
    ]


def test_the_relational_catalog_is_written(sdk: Any) -> None:
    orders = table(sdk, "Orders")
    patch = allie.TablePatchItem(id=orders.id, title="A title", description="Text & more")
    [told] = sdk.rdbms.patch_tables(orders.ds_id, [patch])
    assert (told.status, told.result[0].response) == ("successful", "Updated 1 table objects.")
    assert table(sdk, "Orders").description == "<p>Text &amp; more</p>"
    keys = {
        "schema": f"{orders.ds_id}.EDW.MADE",
        "table": f"{orders.ds_id}.EDW.MADE.T",
        "column": f"{orders.ds_id}.EDW.MADE.T.C",
    }
    sdk.rdbms.post_schemas(orders.ds_id, [allie.SchemaItem(key=keys["schema"])])
    sdk.rdbms.post_tables(orders.ds_id, [allie.TableItem(key=keys["table"], title="New")])
    column = allie.ColumnItem(
        key=keys["column"], column_type="INT", index=allie.ColumnIndex(isPrimaryKey=True)
    )
    [told] = sdk.rdbms.post_columns(orders.ds_id, [column])
    assert told.result[0].mapping[0].key == keys["column"]
    [made] = sdk.rdbms.get_columns(allie.ColumnParams(id={told.result[0].mapping[0].id}))
    assert (made.name, made.column_type, made.index.isPrimaryKey) == ("C", "INT", True)
    sdk.rdbms.patch_schemas(orders.ds_id, [allie.SchemaPatchItem(key=keys["schema"], title="S")])
    sdk.rdbms.patch_columns(orders.ds_id, [allie.ColumnPatchItem(id=made.id, title="Y")])
    assert sdk.rdbms.get_columns(allie.ColumnParams(id={made.id}))[0].title == "Y"
    with pytest.raises(requests.HTTPError, match="400"):
        sdk.rdbms.patch_tables(orders.ds_id, [allie.TablePatchItem(id=99_999, title="x")])


def test_nested_columns_are_read_and_described(sdk: Any) -> None:
    orders = table(sdk, "ORDERS")
    key = f"{orders.key}.SHIP_TO"
    struct = "STRUCT<street: VARCHAR(20), at: STRUCT<lat: DECIMAL(9, 6), lon: DECIMAL(9, 6)>>"
    [told] = sdk.rdbms.post_columns(orders.ds_id, [allie.ColumnItem(key=key, column_type=struct)])
    column = told.result[0].mapping[0].id
    found = sdk.rdbms.get_child_columns(column)
    assert (found.ds_id, found.parent_fully_qualified_name) == (orders.ds_id, key)
    street, at = found.children
    assert (street.path, street.type, [one.path for one in at.children]) == (
        "street",
        "VARCHAR(20)",
        ["at.lat", "at.lon"],
    )
    [told] = sdk.rdbms.patch_child_columns(
        orders.ds_id, column, [allie.ChildColumnPatchItem(key=street.key, title="Street")]
    )
    assert told.result[0].mapping[0].id == street.id
    latitude = allie.RootColumnChildrenPatchItem(parent_key=key, key=f"{key}.at.lat", description="North")
    assert sdk.rdbms.patch_root_child_columns(orders.ds_id, [latitude])[0].status == "successful"
    picked = sdk.rdbms.get_child_columns(column, allie.ChildColumnParams(paths="street,at.lat"))
    assert [(one.title, one.description) for one in picked.children] == [("Street", ""), ("", "<p>North</p>")]
    assert len(sdk.rdbms.get_child_columns(column, allie.ChildColumnParams(child_limit=1)).children) == 1
    with pytest.raises(requests.HTTPError, match="400"):
        sdk.rdbms.patch_child_columns(
            orders.ds_id, column, [allie.ChildColumnPatchItem(key=f"{key}.nowhere", title="x")]
        )
    [plain] = sdk.rdbms.get_columns(allie.ColumnParams(name__iexact={"email"}))
    assert sdk.rdbms.get_child_columns(plain.id).children == []


@pytest.mark.parametrize("name", ["Reg #7", "Finance/Tier 1", "a b", "機密"])
def test_tags(sdk: Any, system: AlationSystem, name: str) -> None:
    orders = table(sdk, "V_ORDERS")
    made = sdk.tag.add_tag_to_object(name, allie.TagObjectItem(oid=orders.id, otype="table"))
    assert (made.name, made.number_of_objects_tagged) == (name, 1)
    assert sdk.tag.get_a_tag(made.id) == made
    assert name in {tag.name for tag in sdk.tag.get_tags()}
    assert name in {tag.name for tag in sdk.tag.get_tags(allie.TagParams(oid=orders.id, otype="table"))}
    [tagged] = sdk.tag.get_objects_tagged_with_specific_tag(name)
    assert (tagged.subject.otype, tagged.subject.id) == ("table", orders.id)
    assert isinstance(tagged.ts_tagged, datetime)
    assert name in {tag["name"] for tag in entry(system, "EDW.PUBLIC.V_ORDERS")["tags"]}
    changed = sdk.tag.update_tag(made.id, allie.TagItem(name=f"{name}!", description="Why"))
    assert (changed.name, changed.description) == (f"{name}!", "<p>Why</p>")
    assert sdk.tag.remove_tag_from_object(changed.name, "table", orders.id).status == "successful"
    assert sdk.tag.get_objects_tagged_with_specific_tag(changed.name) == []


@pytest.mark.parametrize("name", ["Gold #7", "Finanz/Ärger 1"])
def test_we_tag_by_the_calls_that_the_sdk_makes(
    sdk: Any, url: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = table(sdk, "V_ORDERS")
    ours = AlationClient(HttpSession("alation", url, auth=AlationAuth(_Token(sdk.access_token))))
    sent: list[tuple[str | None, str, Any]] = []
    really_send = HTTPAdapter.send

    def send(adapter: HTTPAdapter, request: requests.PreparedRequest, **words: Any) -> Any:
        body = json.loads(request.body) if request.body else None
        sent.append((request.method, request.path_url, body))
        return really_send(adapter, request, **words)

    monkeypatch.setattr(HTTPAdapter, "send", send)
    tag = ours.tag_object(name, "table", orders.id)
    ours.describe_tag(tag.id, "Why")
    ours.untag_object(name, "table", orders.id)
    half = len(sent)
    sdk.tag.add_tag_to_object(name, allie.TagObjectItem(oid=orders.id, otype="table"))
    sdk.tag.update_tag(tag.id, allie.TagItem(description="Why"))
    sdk.tag.remove_tag_from_object(name, "table", orders.id)
    assert sent[:half] == sent[half:]
    assert half == 3


class _Token:
    """An access token that is there already."""

    def __init__(self, token: str) -> None:
        self.token = token

    def mint(self) -> tuple[str, float]:
        return self.token, 3600.0

    def expires_at(self) -> float | None:
        return None

    def advice(self) -> str:
        return ""


def test_trust_flags(sdk: Any, system: AlationSystem) -> None:
    orders = table(sdk, "V_ORDERS")
    item = allie.TrustCheckFlagItem(
        flag_type="WARNING",
        flag_reason='3 open anomalies <a href="https://q.example/1">Open</a>',
        subject=allie.TrustCheckFlagSubject(id=orders.id, otype="table"),
    )
    made = sdk.trust_checks.post_trust_check(item)
    assert made.status == "successful"
    assert sdk.trust_checks.post_trust_check(item).status == "failed"
    query = allie.TrustCheckFlagParams(oid=orders.id, otype="table")
    [flag] = sdk.trust_checks.get_trust_checks(query)
    assert flag.user.display_name == "Qsync"
    assert entry(system, "EDW.PUBLIC.V_ORDERS")["alert"]["by"] == "integration"
    flag.flag_reason = "1 open anomaly"
    assert sdk.trust_checks.put_trust_check(flag).status == "successful"
    assert entry(system, "EDW.PUBLIC.V_ORDERS")["alert"]["text"] == "1 open anomaly"
    assert sdk.trust_checks.delete_trust_check(flag).status == "successful"
    assert sdk.trust_checks.get_trust_checks(query) == []
    [theirs] = sdk.trust_checks.get_trust_checks()
    assert sdk.trust_checks.delete_trust_check(theirs).status == "failed"


def test_domains(sdk: Any, system: AlationSystem) -> None:
    domains = {each.title: each for each in sdk.domain.get_domains()}
    assert domains["Retail"].parent_id == domains["Sales"].id
    told = sdk.domain.create_domains([allie.DomainItem(title="Made", parent_id=domains["Sales"].id)])
    [made] = told.result
    assert sdk.domain.get_domains(allie.DomainParams(parent_id=domains["Sales"].id))[-1] == made
    account = table(sdk, "account")
    member = allie.DomainMembership(id=made.id, oid=[account.id], otype="table", recursive=True)
    assert sdk.domain.assign_objects_to_domain(member)[0].status == "successful"
    assert entry(system, "crm.public.account.id")["domains"] == ["Made"]
    [rule] = sdk.domain.get_domain_membership_rules(
        allie.DomainMembershipRuleRequest(domain_ids=[made.id], exclude=False)
    )
    assert (rule.otype, rule.oid, rule.recursive) == ("table", account.id, True)
    member.exclude = True
    sdk.domain.assign_objects_to_domain(member)
    assert entry(system, "crm.public.account")["domains"] == []
    rules = sdk.domain.get_domain_membership_rules(
        allie.DomainMembershipRuleRequest(domain_ids=[made.id, domains["Sales"].id], exclude=True),
        allie.DomainMembershipRuleParams(limit=1),
    )
    assert {each.domain_id for each in rules} == {made.id, domains["Sales"].id}
    moved = sdk.domain.move_domain(made.id, allie.DomainMoveItem(parent_id=domains["Finance"].id))
    assert moved.result.parent_id == domains["Finance"].id
    [gone] = sdk.domain.delete_domains([made])
    assert gone.status == "successful"
    assert made.id not in {each.id for each in sdk.domain.get_domains()}
    assert sdk.domain.move_domain(made.id, allie.DomainMoveItem(parent_id=1)).status == "failed"


def test_custom_fields_and_their_values(sdk: Any, system: AlationSystem) -> None:
    fields = [
        allie.CustomFieldItem(field_type="RICH_TEXT", name_singular="Qualytics Quality Score Total"),
        allie.CustomFieldItem(field_type="PICKER", name_singular="Has quality", options=["Yes", "No"]),
    ]
    [told] = sdk.custom_field.post_custom_fields(fields)
    score, picker = told.result[1].data.field_ids
    assert sdk.custom_field.get_a_custom_field(score).name_singular == "Qualytics Quality Score Total"
    assert sdk.custom_field.get_a_builtin_custom_field("steward").id == 8
    [found] = sdk.custom_field.get_custom_fields(allie.CustomFieldParams(name_singular={"Has quality"}))
    assert (found.id, found.field_type, found.options) == (picker, "PICKER", ["Yes", "No"])
    orders = table(sdk, "ORDERS")
    value = allie.CustomFieldStringValueItem
    values = [
        allie.CustomFieldValueItem(field_id=score, otype="Table", oid=orders.id, value=value(value="81.7")),
        allie.CustomFieldValueItem(field_id=picker, otype="table", oid=orders.id, value=value(value="Yes")),
        allie.CustomFieldValueItem(
            field_id=8, otype="table", oid=orders.id,
            value=[allie.CustomFieldDictValueItem(otype="user", oid=3)],
        ),
    ]  # fmt: skip
    told = sdk.custom_field.put_custom_field_values(values)
    assert [job.status for job in told] == ["successful", "successful"], "both jobs of a cloud write"
    assert told[1].result[1].endswith("created objects: 3")
    query = allie.CustomFieldValueParams(otype={"table"}, oid={orders.id}, field_id={score, picker})
    assert {each.value.value for each in sdk.custom_field.get_custom_field_values(query)} == {
        "<p>81.7</p>",
        "Yes",
    }
    assert entry(system, "EDW.PUBLIC.ORDERS")["attributes"] == {"Quality Score Total": 81.7}
    riding = {each.field_id: each.value for each in table(sdk, "ORDERS").custom_fields}
    assert riding[picker].value == "Yes"
    assert riding[8][0].oid == 3
    bad = allie.CustomFieldValueItem(field_id=score, otype="table", oid=99_999, value=value(value="x"))
    with pytest.raises(requests.HTTPError, match="400"):
        sdk.custom_field.put_custom_field_values([bad])


def test_custom_templates(sdk: Any) -> None:
    [found] = sdk.custom_template.get_custom_templates(allie.CustomTemplateParams(title="Table"))
    assert sdk.custom_template.get_custom_template_by_id(found.id).title == "Table"


def test_data_health(sdk: Any, system: AlationSystem) -> None:
    orders = table(sdk, "ORDERS")
    fields = [
        allie.DataQualityFieldItem(field_key=f"qsync.{n}", name=f"Rule {n}", type="NUMERIC", description="d")
        for n in (1, 2)
    ]
    [told] = sdk.data_quality.post_data_quality_fields(fields)
    assert told.result.fields.created.count == 2
    stamp = datetime(2026, 3, 2, 8, tzinfo=UTC).isoformat()
    values = [
        allie.DataQualityValueItem(
            field_key=f"qsync.{n}", object_key=key, object_type=kind, status=status, value=number,
            url="https://q.example", last_updated=stamp,
        )
        for n, key, kind, status, number in (
            (1, orders.key, "TABLE", "ALERT", 3),
            (2, orders.key + ".EMAIL", "ATTRIBUTE", "GOOD", 0),
            (2, orders.key + ".NOT_THERE", "ATTRIBUTE", "GOOD", 0),
        )
    ]  # fmt: skip
    [told] = sdk.data_quality.post_data_quality_values(values)
    assert told.status == "successful"
    attribution = told.result.created_object_attribution
    assert (attribution.success_count, attribution.failure_count) == (2, 1)
    assert attribution.failure_sample == [{"field_key": "qsync.2", "object_key": orders.key + ".NOT_THERE"}]
    rows = sdk.data_quality.get_data_quality_values(
        allie.DataQualityValueParams(object_key={orders.key}, hide_related=True)
    )
    assert [(row.field_name, row.value_value, row.value_quality) for row in rows] == [("Rule 1", 3, "ALERT")]
    assert rows[0].value_last_updated is not None
    shown = entry(system, "EDW.PUBLIC.ORDERS")["health"]
    assert [(row["rule"], row["status"]) for row in shown] == [("Rule 1", "Alert"), ("Rule 2", "No Issues")]
    [told] = sdk.data_quality.delete_data_quality_values(rows)
    assert told.result.values.deleted.count == 1
    kept = sdk.data_quality.get_data_quality_fields(allie.DataQualityFieldParams(key={"qsync.2"}))
    [told] = sdk.data_quality.delete_data_quality_fields(kept)
    assert told.result.fields.deleted.count == 1
    assert sdk.data_quality.get_data_quality_values() == []


def test_the_sdk_waits_for_a_job_in_every_shape_of_announcement() -> None:
    """Each shape leads its poller to the job that was started."""
    for shape in ("job_id", "href", "task", "job", "job_name"):
        switches = AlationSwitches(job_polls=1, job_seconds=0, announcement=shape)  # type: ignore[arg-type]  # of the list above
        system = AlationSystem(make_tiny(), VirtualClock(), switches=switches)
        with serving(system) as url:
            made = system.credentials()
            sdk = allie.Alation(host=url, user_id=int(made["user_id"]), refresh_token=made["refresh_token"])
            item = allie.DataQualityFieldItem(field_key="k", name="n", type="STRING")
            [told] = sdk.data_quality.post_data_quality_fields([item])
            assert told.status == "successful"


MODULES = {
    "authentication": "authentication",
    "tag": "tag",
    "trust_checks": "trust_check",
    "data_quality": "data_quality",
    "domain": "domain",
    "custom_field": "custom_field",
    "rdbms": "rdbms",
}
"""The SDK's attribute and the module of its methods: those whose calls must all work."""


@pytest.mark.parametrize("attribute", MODULES)
def test_every_call_of_these_modules_is_tried_here(sdk: Any, attribute: str) -> None:
    methods = getattr(sdk, attribute)
    own = [
        name
        for name, what in vars(type(methods)).items()
        if callable(what)
        and not name.startswith("_")
        and type(methods).__module__.endswith(MODULES[attribute])
    ]
    assert own
    text = Path(__file__).read_text(encoding="utf-8")
    assert [name for name in own if f".{attribute}.{name}(" not in text] == []
