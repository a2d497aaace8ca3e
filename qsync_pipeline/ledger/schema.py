"""The tables, as the code of this version expects them.

Migrations make them (``migrations/versions``); a test holds that both say the same. Times are seconds since
the epoch; JSON is text (:mod:`.jsontext`), the same on SQLite and PostgreSQL. All names begin with
``qsync_``: on PostgreSQL the ledger may share a database with Dagster's own storage, which has a table
``runs`` too.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, MetaData, Table, Text, text

HEAD = "0005"
"""The migration that this code stands on."""

metadata = MetaData()


def _text(name: str, *, key: bool = False) -> Column[str]:
    return Column(name, Text, primary_key=key, nullable=False)


datastores = Table(
    "qsync_datastores",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("key", Text, nullable=False, unique=True),
    _text("name"),
    _text("type"),
    Column("host", Text),
    Column("database", Text),
    Column("schema", Text),
    Column("first_seen", Float, nullable=False),
    Column("last_seen", Float, nullable=False),
    Column("vanished_at", Float),
)

# One object has one holding, whichever datastore it was reached through: hence no datastore in the key. Rows
# stay in the order they came (rowids): a datastore's are then side by side, though guids are not.
holdings = Table(
    "qsync_holdings",
    metadata,
    _text("integration", key=True),
    _text("surface", key=True),
    _text("target", key=True),
    _text("key", key=True),
    _text("datastore"),
    Column("value", Text),
    Column("pending", Text),
    Column("has_pending", Boolean, nullable=False),
    Column("pending_run", Text),
    Column("base", Text),
    Column("actor", Text),
    _text("extra"),
    _text("run_id"),
    Column("set_at", Float, nullable=False),
    Column("confirmed_at", Float),
    Index("ix_qsync_holdings_datastore", "datastore", "integration", "surface"),
)

outcomes = Table(
    "qsync_outcomes",
    metadata,
    # SQLite numbers rows by itself only in a column that is exactly INTEGER.
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    _text("run_id"),
    Column("at", Float, nullable=False),
    _text("integration"),
    _text("datastore"),
    _text("surface"),
    _text("target"),
    _text("name"),
    _text("key"),
    _text("action"),
    Column("before", Text),
    Column("after", Text),
    _text("outcome"),
    _text("reason"),
    _text("error_class"),
    # Columns that came later have a default in the database, for the rows that were there.
    Column("actor", Text, nullable=False, server_default=""),
    Column("confirmed", Text, nullable=False, server_default=""),
    Column("confirmed_at", Float),
    Index("ix_qsync_outcomes_run", "run_id"),
    Index("ix_qsync_outcomes_at", "at"),
)

# What stands rejected now. Apart from the journal, so that pruning that forgets no refusal.
rejections = Table(
    "qsync_rejections",
    metadata,
    _text("integration", key=True),
    _text("datastore", key=True),
    _text("surface", key=True),
    _text("target", key=True),
    _text("key", key=True),
    _text("payload_hash"),
    _text("error_class"),
    _text("reason"),
    Column("at", Float, nullable=False),
    Column("name", Text, nullable=False, server_default=""),
    Column("action", Text, nullable=False, server_default=""),
    Column("after", Text),
    Column("attempts", Integer, nullable=False, server_default="1"),
    Column("first_at", Float),
    Column("retry", Boolean, nullable=False, server_default=text("false")),
    sqlite_with_rowid=False,
)

# Writes that were carried out and are to be seen in the catalog's own listing; the newest of each place.
awaited = Table(
    "qsync_awaited",
    metadata,
    _text("integration", key=True),
    _text("surface", key=True),
    _text("target", key=True),
    _text("key", key=True),
    _text("datastore"),
    Column("outcome_id", BigInteger, nullable=False),
    _text("run_id"),
    Column("written_at", Float, nullable=False),
    Column("scored_at", Float),
    Column("asked_at", Float),
    Index("ix_qsync_awaited_datastore", "integration", "datastore"),
    sqlite_with_rowid=False,
)

# How long what a run wrote took from the score in Qualytics to being seen in the catalog.
lags = Table(
    "qsync_lags",
    metadata,
    _text("integration", key=True),
    _text("datastore", key=True),
    _text("run_id", key=True),
    Column("at", Float, nullable=False),
    Column("measured", Integer, nullable=False),
    Column("total", Float, nullable=False),
    Column("worst", Float, nullable=False),
)

links = Table(
    "qsync_links",
    metadata,
    _text("integration", key=True),
    _text("unit", key=True),
    _text("datastore"),
    _text("assets"),
    _text("unit_name"),
    _text("asset_name"),
    Column("first_seen", Float, nullable=False),
    Column("last_seen", Float, nullable=False),
    Index("ix_qsync_links_datastore", "datastore", "integration"),
    sqlite_with_rowid=False,
)

reports = Table(
    "qsync_reports",
    metadata,
    _text("run_id", key=True),
    _text("integration", key=True),
    _text("datastore", key=True),
    _text("stage", key=True),
    Column("at", Float, nullable=False),
    Column("ok", Boolean, nullable=False),
    _text("error"),
    _text("error_class"),
    Column("dry_run", Boolean, nullable=False),
    Column("partial", Boolean, nullable=False),
    _text("counts"),
    Index("ix_qsync_reports_newest", "integration", "stage", "datastore", "at"),
    Index("ix_qsync_reports_datastore", "integration", "datastore"),
)

requests = Table(
    "qsync_requests",
    metadata,
    _text("run_id", key=True),
    _text("integration", key=True),
    _text("system", key=True),
    _text("kind", key=True),
    Column("n", Integer, nullable=False),
)

claims = Table(
    "qsync_claims",
    metadata,
    Column("token", Integer, primary_key=True),
    _text("integration"),
    _text("datastore"),
    _text("run_id"),
    _text("host"),
    Column("pid", Integer, nullable=False),
    Column("acquired_at", Float, nullable=False),
    Column("expires_at", Float, nullable=False),
    Index("ix_qsync_claims_place", "integration", "datastore"),
    sqlite_autoincrement=True,  # a token is never given twice: it is the fence
)

leases = Table(
    "qsync_leases",
    metadata,
    _text("name", key=True),
    _text("owner"),
    Column("expires_at", Float, nullable=False),
)

notes = Table(
    "qsync_notes",
    metadata,
    _text("integration", key=True),
    _text("name", key=True),
    Column("value", Text),
    Column("at", Float, nullable=False),
)

budget_grants = Table(
    "qsync_budget_grants",
    metadata,
    _text("host", key=True),
    Column("at", Float, primary_key=True, nullable=False),
    Column("n", Integer, nullable=False),
    sqlite_with_rowid=False,
)

budget_lockouts = Table(
    "qsync_budget_lockouts",
    metadata,
    _text("host", key=True),
    Column("until", Float, nullable=False),
    sqlite_with_rowid=False,
)

parked = Table(
    "qsync_parked",
    metadata,
    _text("integration", key=True),
    _text("datastore", key=True),
    _text("surface", key=True),
    _text("items"),
    _text("reason"),
    _text("run_id"),
    Column("at", Float, nullable=False),
    Column("code", Text, nullable=False, server_default=""),
    Column("lines", Text, nullable=False, server_default="[]"),
    Column("approved", Text, nullable=False, server_default="[]"),
    Column("approved_at", Float),
)

runs = Table(
    "qsync_runs",
    metadata,
    _text("run_id", key=True),
    _text("host"),
    Column("pid", Integer, nullable=False),
    Column("started_at", Float, nullable=False),
    Column("ended_at", Float),
)

tag_definitions = Table(
    "qsync_tag_definitions",
    metadata,
    _text("folded", key=True),
    _text("name"),
    _text("made_by"),
    Column("made", Boolean, nullable=False),
    Column("taken_over", Boolean, nullable=False),
    Column("before", Text),
    Column("definition_id", Integer),
    Column("at", Float, nullable=False),
)

# ``id`` is the order in which events were noticed, which is what a sensor's cursor follows; it is never given
# twice, so that a cursor stays right when old events are pruned.
events = Table(
    "qsync_events",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", Text, nullable=False, unique=True),
    _text("source"),
    _text("kind"),
    _text("direction"),
    _text("integration"),
    Column("datastore_id", Integer, nullable=False),
    _text("container"),
    Column("happened_at", Float, nullable=False),
    Column("noted_at", Float, nullable=False),
    Index("ix_qsync_events_noted", "noted_at"),
    sqlite_autoincrement=True,
)

notices = Table(
    "qsync_notices",
    metadata,
    _text("cause", key=True),
    _text("text"),
    Column("told_at", Float, nullable=False),
)
