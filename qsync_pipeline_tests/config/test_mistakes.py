"""Every mistake has one line: file, line, field, what was found, what is allowed, what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from qsync_pipeline.config import Secret, WrongConfig, load_config
from qsync_pipeline.transport.errors import ConfigError
from qsync_pipeline_tests.config.conftest import ENV, GOOD, Mistakes, Write

URL = "an https:// URL (http:// only for 127.0.0.1, localhost, ::1) without password and query"
PATTERN = "a pattern with *, ? and [abc], in any case"


@pytest.mark.parametrize(
    ("added", "message"),
    [
        (
            "    decimals: 4",
            "decimals: found 4; allowed: a whole number from 0 to 3. Leave it out for the default: 1.",
        ),
        (
            "    decimals: '1'",
            (
                "decimals: found '1'; allowed: a whole number from 0 to 3. Write digits without "
                "quotes and units."
            ),
        ),
        (
            "    event_driven: often",
            "event_driven: found 'often'; allowed: true or false. Leave it out for the default: true.",
        ),
        ("    domains: Sales", "domains: found 'Sales'; allowed: a list of: text. Write a list: [Sales]."),
        (
            "    domains: [NO]",
            "domains[0]: found NO (read as false); allowed: text. Put it in quotes.",
        ),
        (
            "    domains: [Sales, Sales]",
            (
                "domains[1]: found Sales for the second time (first in line 9); allowed: each "
                "once. Remove one of the two."
            ),
        ),
        ("    on_drift: rest", "on_drift: found 'rest'; allowed: reset, keep. Did you mean reset?"),
        (
            "    levels: [table, tables]",
            "levels[1]: found 'tables'; allowed: schema, table, column. Did you mean table?",
        ),
        (
            "    levels: []",
            (
                "levels: found an empty list; allowed: a list, not empty, of: schema, table, column. "
                'Leave it out for the default: ["schema", "table", "column"].'
            ),
        ),
        (
            "    schedule: {cron: 61 * * * *}",
            (
                "schedule.cron: found '61 * * * *'; allowed: five cron fields such as 0 6 * * *. "
                "Order: minute hour day month weekday."
            ),
        ),
        (
            "    schedule: {cron: 0 6 * * *, timezone: Europe/Berln}",
            (
                "schedule.timezone: found 'Europe/Berln'; allowed: an IANA time zone such as Europe/Berlin. "
                "Did you mean Europe/Berlin?"
            ),
        ),
        (
            "    schedule: {}",
            "schedule.cron: found nothing; allowed: five cron fields such as 0 6 * * *. Add cron: ...",
        ),
        (
            '    containers: {exclude: ["tmp[_*"]}',
            (
                f"containers.exclude[0]: found 'tmp[_*'; allowed: {PATTERN}. "
                "Close the [ with a ], or write [[] for the character itself."
            ),
        ),
        (
            '    links: {datastore: "{ui_url}/{datastor_id}"}',
            (
                "links.datastore: found '{ui_url}/{datastor_id}'; allowed: text with the "
                "placeholders {ui_url}, "
                "{datastore_id}; {datastore_id} must be there. {datastor_id} is none of them. "
                "Did you mean datastore_id?"
            ),
        ),
        (
            '    alerts: {title: "{anomalies"}',
            (
                "alerts.title: found '{anomalies'; allowed: text with the placeholders "
                "{anomalies}, {noun}, {name}, {url}. "
                "Close every { with a }; write {{ and }} for the characters themselves."
            ),
        ),
        (
            '    alerts: {message: "{anomalies} open"}',
            (
                "alerts.message: found '{anomalies} open'; allowed: text with the placeholders "
                "{anomalies}, {noun}, {name}, "
                "{url}; {url} must be there. Put {url} in."
            ),
        ),
        (
            "    attributes: {names: {Check Count: URL}}",
            (
                "attributes.names.Check Count: found the name that URL has; allowed: a name of its own. "
                "Choose another name."
            ),
        ),
        (
            "    attributes: {names: {Check Count: Checks}, drop: [Check Count]}",
            (
                "attributes.names.Check Count: found a name for a dropped attribute; allowed: "
                "one of the two. "
                "Remove it here or in drop."
            ),
        ),
        (
            "    mappings: [{datastore: 5, catalog: A.B}, {datastore: '5', catalog: A.C}]",
            (
                "mappings[1].datastore: found a second mapping for 5; allowed: one for each "
                "datastore and container. "
                "List its assets in mappings[0].catalog."
            ),
        ),
        (
            "    ca_bundle: none.pem",
            "ca_bundle: found no readable file DIR/none.pem; allowed: a readable file. Correct the path.",
        ),
        (
            "    guards: {share: .nan}",
            "guards.share: found .nan; allowed: a number from 0 to 1. Leave it out for the default: 0.3.",
        ),
        (
            "    read_back: !all all",
            "read_back: found a YAML tag; allowed: plain values. Remove it; a secret is written {env: NAME}.",
        ),
        (
            "    decimals: 1\n    decimals: 2",
            (
                "decimals: found a key for the second time (first in line 9); "
                "allowed: each key once. Remove one of the two."
            ),
        ),
    ],
)
def test_a_wrong_setting_is_named_with_what_is_allowed(mistakes: Mistakes, added: str, message: str) -> None:
    line = 9 + added.count("\n")
    assert mistakes(f"{GOOD}{added}\n") == [f"qsync.yaml:{line}: integrations[0].{message}"]


def test_an_unknown_field_gets_the_nearest_known_one(mistakes: Mistakes) -> None:
    (message,) = mistakes(f"{GOOD}    overwrite_tag: true\n")
    assert message.startswith(
        "qsync.yaml:9: integrations[0].overwrite_tag: found an unknown field; allowed: "
    )
    assert message.endswith("Did you mean overwrite_tags?")


def test_an_unknown_attribute_gets_the_nearest_known_one(mistakes: Mistakes) -> None:
    (message,) = mistakes(f"{GOOD}    attributes: {{names: {{Chek Count: Checks}}}}\n")
    assert message.startswith(
        "qsync.yaml:9: integrations[0].attributes.names.Chek Count: found an unknown name; "
    )
    assert message.endswith("Did you mean Check Count?")


def test_a_missing_field_is_reported_at_the_line_of_its_parent(mistakes: Mistakes) -> None:
    text = GOOD.replace("    token: {env: A}\n", "").replace("  url: https://acme.qualytics.io\n", "")
    assert mistakes(text) == [
        (
            "qsync.yaml:1: qualytics.url: found nothing; allowed: "
            f"{URL.replace('without', 'without /api,')}. Add url: ..."
        ),
        (
            "qsync.yaml:4: integrations[0].token: found nothing; allowed: {env: NAME} or {file: PATH}. "
            "Add token: {env: ATLAN_API_KEY}."
        ),
    ]


@pytest.mark.parametrize(
    ("url", "advice"),
    [
        ("http://acme.atlan.com", "Write https:// instead of http://."),
        ("http://127.0.0.1.evil.example", "Write https:// instead of http://."),
        ("ftp://acme.atlan.com", "Begin it with https://."),
        ("acme.atlan.com", "Begin it with https://."),
        ("https://", "Give it a host, and a port from 1 to 65535 if any."),
        ("https://acme:99999", "Give it a host, and a port from 1 to 65535 if any."),
        ("'https://[::1'", ""),
        ("https://acme.atlan.com?tab=1", "Cut it before the ? or #."),
        (
            "https://u:fake-pass@acme.atlan.com",
            "Take the user and password out; credentials have fields of their own.",
        ),
        ("'https://acme atlan.com'", "A URL has no blanks."),
    ],
)
def test_a_bad_url_is_refused(mistakes: Mistakes, url: str, advice: str) -> None:
    (message,) = mistakes(GOOD.replace("https://acme.atlan.com", url))
    assert message.startswith("qsync.yaml:7: integrations[0].url: found '")
    assert f"; allowed: {URL}." in message
    assert message.endswith(advice)
    assert "fake-pass" not in message


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8711", "http://localhost/x", "http://[::1]:1", "https://a.b/c"]
)
def test_https_goes_anywhere_and_http_to_this_machine(write: Write, url: str) -> None:
    config = load_config(write(GOOD.replace("https://acme.atlan.com", f"{url}/")), env=ENV)
    assert config.integrations[0].url == url


def test_the_api_path_does_not_belong_in_the_url_of_qualytics(mistakes: Mistakes) -> None:
    (message,) = mistakes(GOOD.replace("qualytics.io", "qualytics.io/api"))
    assert message.endswith("Leave /api off: api_path adds it.")


@pytest.mark.parametrize("name", ["Atlan", "1st", "a-b", "a" * 41, "qualytics_inventory", "class", "''"])
def test_a_name_has_to_be_fit_for_asset_keys(mistakes: Mistakes, name: str) -> None:
    (message,) = mistakes(GOOD.replace("name: atlan", f"name: {name}"))
    assert message.startswith("qsync.yaml:5: integrations[0].name: found '")


def test_two_integrations_may_not_share_a_name(mistakes: Mistakes) -> None:
    second = GOOD.split("integrations:\n")[1]
    assert mistakes(GOOD + second) == [
        (
            "qsync.yaml:9: integrations[1].name: found atlan for the second time (first in line 5); "
            "allowed: each once. Choose another name."
        )
    ]


def test_the_rest_of_an_integration_of_unknown_type_is_still_checked(mistakes: Mistakes) -> None:
    text = GOOD.replace("type: atlan", "type: atlann") + "    page_size: 5\n"
    assert mistakes(text) == [
        "qsync.yaml:6: integrations[0].type: found 'atlann'; allowed: atlan, alation. Did you mean atlan?",
        (
            "qsync.yaml:9: integrations[0].page_size: found 5; allowed: a whole number from 20 to 1000. "
            "Leave it out for the default: 300."
        ),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "",
            (
                "qsync.yaml:1: found an empty file; allowed: qualytics and integrations. The "
                "README has an example."
            ),
        ),
        ("# nothing\n", "qsync.yaml:1: found an empty file; allowed: "),
        (
            "- a\n",
            "qsync.yaml:1: found a list; allowed: a mapping of: qualytics, integrations, ledger, storage",
        ),
        ("5\n", "qsync.yaml:1: found 5; allowed: a mapping of: "),
        ("qualytics:\n  url: [a\n", "qsync.yaml:3: found broken YAML; allowed: valid YAML. Parser: "),
        ("a: 'b\n", "qsync.yaml:2: found broken YAML; "),
        ("a: \x07\n", "qsync.yaml:1: found a control character; allowed: YAML text. Delete it."),
        ("a: &x [*x]\n", "qsync.yaml:1: found values nested or repeated beyond reason; "),
        ("[" * 5000, "qsync.yaml:1: found values nested or repeated beyond reason; "),
        ("a: 1\n---\nb: 2\n", "qsync.yaml:2: found broken YAML; "),
    ],
)
def test_a_file_that_is_no_config_is_told_in_one_line(mistakes: Mistakes, text: str, message: str) -> None:
    found = mistakes(text)
    assert len(found) == 1
    assert found[0].startswith(message)


@pytest.mark.parametrize(
    ("text", "parser"),
    [
        ("a: [b\n  c: }\n", "expected ',' or ']', but got ':'."),
        ("a: [b\n", "expected ',' or ']', but got '<stream end>'."),
        ("a: \tb: c\n\td: e\n", "found character '\\t' that cannot start any token."),
        ("a: *not-a-real-token\n", "found undefined alias <hidden>."),
    ],
)
def test_broken_yaml_is_told_in_the_parsers_words_without_what_may_be_a_secret(
    mistakes: Mistakes, text: str, parser: str
) -> None:
    assert f"Parser: {parser} Check indentation" in mistakes(text)[0]


def test_tables_cannot_be_kept_where_a_file_is(write: Write) -> None:
    path = write(GOOD + "storage: taken/tables\n")
    (path.parent / "taken").write_text("a file", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_config(path, env=ENV)
    assert f"storage: found {path.parent}/taken, which is no directory; allowed: a directory" in str(
        caught.value
    )
    assert load_config(path, env=ENV, check_secrets=False).storage == path.parent / "taken/tables"


def test_a_missing_file_is_named_with_who_named_it(tmp_path: Path) -> None:
    path = tmp_path / "none.yaml"
    with pytest.raises(ConfigError) as caught:
        load_config(env={"QSYNC_CONFIG": str(path)})
    assert str(caught.value) == (
        f"{path}: found no readable file (named by QSYNC_CONFIG): No such file or directory; "
        "allowed: a YAML file. Correct the path, or write the file. The README has an example."
    )
    with pytest.raises(ConfigError, match="Is a directory"):
        load_config(tmp_path)


def test_bytes_that_are_not_utf8_are_told(tmp_path: Path) -> None:
    path = tmp_path / "qsync.yaml"
    path.write_bytes(b"a: \xff\n")
    with pytest.raises(ConfigError, match="bytes that are not UTF-8"):
        load_config(path)


def test_all_mistakes_come_at_once_sorted_by_line(mistakes: Mistakes) -> None:
    found = mistakes(
        """\
ledger: {url: "mysql://h/x"}
storage: 5
qualytics:
  token: fake-literal-token
  page_size: 500
integrations:
  - type: alation
    name: wrong name
    url: https://acme.alationcloud.com
    refresh_token: {env: NOT_SET}
    user_id: me
    mappings: [{container: x}]
  - 5
"""
    )
    lines = [int(line.split(":")[1]) for line in found]
    assert lines == sorted(lines)
    assert [line.split(": ")[1] for line in found] == [
        "ledger.url",
        "storage",
        "qualytics.url",
        "qualytics.token",
        "qualytics.page_size",
        "integrations[0].name",
        "integrations[0].refresh_token",
        "integrations[0].user_id",
        "integrations[0].mappings[0].datastore",
        "integrations[0].mappings[0].catalog",
        "integrations[1]",
    ]


def test_problems_can_be_read_one_by_one(write: Write) -> None:
    with pytest.raises(WrongConfig) as caught:
        load_config(write(GOOD + "    decimals: 9\n"), env=ENV)
    (problem,) = caught.value.problems
    assert (problem.line, problem.path) == (9, ("integrations", 0, "decimals"))


def test_an_unknown_integration_gets_the_nearest_known_one(write: Write) -> None:
    config = load_config(write(GOOD), env=ENV)
    assert config.integration("atlan").token == Secret(env="A")  # type: ignore[union-attr]  # it is Atlan's
    with pytest.raises(ConfigError, match=r"found no atlon; allowed: atlan\. Did you mean atlan\?"):
        config.integration("atlon")


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ("", "refresh_token: found no credentials; allowed: refresh_token and user_id, or client_id and"),
        ("    refresh_token: {env: A}\n", "user_id: found nothing, and refresh_token alone is no use"),
        ("    user_id: 1\n", "refresh_token: found nothing, and user_id alone is no use"),
        ("    client_id: app\n", "client_secret: found nothing, and client_id alone is no use"),
        (
            "    client_id: app\n    client_secret: {env: A}\n    refresh_token: {env: A}\n    user_id: 1\n",
            "client_id: found an OAuth client beside a refresh token",
        ),
    ],
)
def test_an_alation_needs_exactly_one_whole_pair_of_credentials(
    mistakes: Mistakes, lines: str, found: str
) -> None:
    head = GOOD.replace("type: atlan", "type: alation").replace("    token: {env: A}\n", "")
    (line,) = mistakes(head + lines)
    assert found in line
