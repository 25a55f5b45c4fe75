"""ClickHouse's users: what each may do is tried on the engine itself, with the migrations as they are."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from copy import deepcopy
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest

from dashboards.alert.rule import backend_only
from dashboards.alert.rules import GROUPS
from dashboards.macro import expand
from schemas.migrations import migrations
from streams.core.ask.question import observed
from streams.core.metrics import METRICS
from streams.settings import Settings
from streams.sinks.clickhouse import TABLES
from streams.sinks.fate import REFUSED, STORED
from tests.deploy.folder import DEPLOY, ROOT

USERS = DEPLOY / "clickhouse" / "users.d" / "servicepulse.xml"
SERVER = DEPLOY / "clickhouse" / "config.d" / "servicepulse.xml"
ACCESS_DENIED, READONLY = 497, 164
VIEWS_HAVE_DEFINERS = (
    "<ignore_empty_sql_security_in_create_view_query>0</ignore_empty_sql_security_in_create_view_query>"
)
"""The stricter of what servers do: a view that says nothing of it runs with the rights of who made it."""
DATABASE = Settings.model_fields["database"].default
LEDGER = """
    CREATE TABLE IF NOT EXISTS servicepulse.schema_migrations (number UInt32)
    ENGINE = ReplacingMergeTree ORDER BY number
"""
CREATE_DATABASE = f"CREATE DATABASE IF NOT EXISTS {DATABASE} ENGINE = Atomic"
EVENT = """
    INSERT INTO events (subject, source, id, name, at, raw)
    SELECT 'C-1', 'urn:shop', 'e1', 'order.placed', now64(3), '{"data": {"customer_id": "C-1", "order_id": "O-1"}}'
"""

Run = Callable[[Sequence[str]], list[str | int]]


def _schema() -> list[str]:
    return [statement for migration in migrations() for statement in migration.statements(replicated=False)]


def _users() -> Xml.Element:
    return Xml.parse(USERS).getroot()


def _names() -> list[str]:
    users = _users().find("users")
    assert users is not None
    return [user.tag for user in users if user.get("remove") is None]


def _grants(user: str) -> list[str]:
    return [str(query.text) for query in _users().findall(f"users/{user}/grants/query")]


def _users_as(name: str | None) -> Xml.Element:
    """Return the users with `default` being one of them, or one who may do everything.

    The embedded engine always logs in as `default`, and cannot be told to take constraints.
    """
    root = _users()
    users, profiles = root.find("users"), root.find("profiles")
    assert users is not None
    assert profiles is not None
    for profile in profiles:
        for constraints in profile.findall("constraints"):
            profile.remove(constraints)
    Xml.SubElement(profiles, "default")
    Xml.SubElement(Xml.SubElement(root, "quotas"), "default")
    for user in users.findall("default"):
        users.remove(user)
    default = deepcopy(users.find(name or "servicepulse_admin"))
    assert default is not None, f"there is no user {name}"
    default.tag = "default"
    for password in default.findall("password"):
        default.remove(password)
    Xml.SubElement(default, "password")
    users.append(default)
    return root


def _run_as(name: str | None, folder: Path, statements: Sequence[str]) -> list[str | int]:
    users, config = folder / f"users-{name}.xml", folder / f"config-{name}.xml"
    Xml.ElementTree(_users_as(name)).write(users)
    config.write_text(f"<clickhouse><users_config>{users}</users_config>{VIEWS_HAVE_DEFINERS}</clickhouse>")
    done = subprocess.run(
        [sys.executable, "-m", "tests.deploy.engine_as", str(config), str(folder / "data")],
        input=json.dumps(statements),
        env={**os.environ, **dict.fromkeys(_variables(), "secret")},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers: list[str | int] = json.loads(done.stdout.splitlines()[-1])
    return answers


def _variables() -> set[str]:
    return set(re.findall(r'from_env="(\w+)"', USERS.read_text()))


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database as the migrator leaves it: its views run with the migrator's rights."""
    folder = tmp_path_factory.mktemp("migrated")
    definer = ["SET default_view_definer = 'servicepulse_migrator'", f"USE {DATABASE}"]
    answers = _run_as(None, folder, [CREATE_DATABASE, *definer, LEDGER, *_schema()])
    assert not [answer for answer in answers if isinstance(answer, int)]
    return folder


def test_views_run_with_the_rights_of_the_migrator(migrated: Path) -> None:
    definers = (
        f"SELECT DISTINCT definer FROM system.tables WHERE database = '{DATABASE}' AND engine = 'MaterializedView'"
    )
    assert _run_as(None, migrated, [definers]) == ["servicepulse_migrator"]


def test_the_migrator_may_do_what_the_migrations_need(tmp_path: Path) -> None:
    statements = [CREATE_DATABASE, f"USE {DATABASE}", LEDGER, *_schema(), "INSERT INTO schema_migrations SELECT 1"]
    answers = _run_as("servicepulse_migrator", tmp_path, statements)
    denied = [sql for sql, answer in zip(statements, answers, strict=True) if isinstance(answer, int)]
    assert not denied


def test_the_migrator_may_do_nothing_elsewhere(tmp_path: Path) -> None:
    statements = [
        "CREATE DATABASE elsewhere",
        "CREATE USER intruder",
        "SELECT * FROM file('/etc/hostname', 'CSV', 'a String')",
    ]
    assert _run_as("servicepulse_migrator", tmp_path, statements) == [ACCESS_DENIED] * 3


def test_the_worker_may_do_what_it_does(migrated: Path) -> None:
    statements = [
        CREATE_DATABASE,
        f"USE {DATABASE}",
        LEDGER,
        "SELECT number FROM schema_migrations FINAL",
        EVENT,
        "INSERT INTO tickets (ticket_id, version) SELECT 'T-1', 1",
        "INSERT INTO open_hours (schedule, version) SELECT 'default', 1",
        "INSERT INTO dead_letters (id, reason, value) SELECT 'x', 'no_json', 'bytes'",
        "SELECT ticket_id, state FROM tickets WHERE ticket_id IN ('T-1') ORDER BY version DESC LIMIT 1 BY ticket_id",
        "SELECT order_id FROM orders FINAL",
    ]
    answers = _run_as("servicepulse_worker", migrated, statements)
    assert not [sql for sql, answer in zip(statements, answers, strict=True) if isinstance(answer, int)]
    assert answers[-1] == "O-1", "what the views fill is filled with the migrator's rights"


UNSAYING = (
    "INSERT INTO servicepulse.orders (order_id) SELECT 'forged'",
    "INSERT INTO servicepulse.schema_migrations SELECT 99",
    "ALTER TABLE servicepulse.events DELETE WHERE 1",
    "DELETE FROM servicepulse.events WHERE 1",
    "TRUNCATE TABLE servicepulse.tickets",
    "DROP TABLE servicepulse.events",
    "CREATE TABLE servicepulse.mine (a Int8) ENGINE = Memory",
    "CREATE DATABASE elsewhere",
)


def test_the_worker_may_not_unsay_what_was_written(migrated: Path) -> None:
    answers = _run_as("servicepulse_worker", migrated, UNSAYING)
    assert dict(zip(UNSAYING, answers, strict=True)) == dict.fromkeys(UNSAYING, ACCESS_DENIED)


def test_the_door_may_tell_what_became_of_an_event_and_nothing_else(migrated: Path) -> None:
    parameters = {"source:String": "''", "id:String": "''"}
    asked = [f"USE {DATABASE}", STORED, REFUSED]
    for name, value in parameters.items():
        asked = [statement.replace("{" + name + "}", value) for statement in asked]
    refused = ["SELECT raw FROM servicepulse.events", "SELECT * FROM servicepulse.tickets", EVENT]
    answers = _run_as("servicepulse_door", migrated, [*asked, *refused])
    assert not [answer for answer in answers[:3] if isinstance(answer, int)]
    assert answers[3:] == [ACCESS_DENIED] * 3


def test_grafana_may_read_every_table(migrated: Path) -> None:
    tables = _run_as(
        None, migrated, [f"SELECT name FROM system.tables WHERE database = '{DATABASE}' AND total_rows >= 0"]
    )
    names = str(tables[0]).split()
    assert {"events", "tickets", "dead_letters", "orders"} <= set(names)
    answers = _run_as("grafana", migrated, [f"SELECT count() FROM {DATABASE}.{name}" for name in names])
    assert not [name for name, answer in zip(names, answers, strict=True) if isinstance(answer, int)]


def test_grafana_may_ask_what_its_plugin_asks(migrated: Path) -> None:
    statements = [
        "SELECT displayName(), version(), revision(), timezone()",
        "SELECT 1",
        f"SELECT name FROM system.columns WHERE database = '{DATABASE}'",
        "SELECT team, count() FROM servicepulse.tickets FINAL WHERE is_effective GROUP BY team",
        "SELECT reason, message FROM servicepulse.dead_letters FINAL",
        "SELECT subject, name, at, ingested_at FROM servicepulse.events",
    ]
    assert not [answer for answer in _run_as("grafana", migrated, statements) if isinstance(answer, int)]


def test_grafana_may_ask_for_the_observations_of_every_metric(migrated: Path) -> None:
    kinds = {metric.observations.name: metric.observations for metric in METRICS.values()}
    asked = [f"SELECT count() FROM ({observed(kind, 'true')})" for kind in kinds.values()]
    answers = _run_as("grafana", migrated, [f"USE {DATABASE}", *asked])[1:]
    assert not [name for name, answer in zip(kinds, answers, strict=True) if isinstance(answer, int)]


def test_grafana_may_ask_what_alert_rules_ask(migrated: Path) -> None:
    statements = [
        expand(sql, from_ms=0, to_ms=1, interval_seconds=60)
        for rules in GROUPS.values()
        for rule in rules
        for sql in map(backend_only, rule.queries.values())
    ]
    answers = _run_as("grafana", migrated, [f"USE {DATABASE}", *statements])
    assert not [sql for sql, answer in zip(statements, answers[1:], strict=True) if isinstance(answer, int)]


def _answered(migrated: Path, statements: Sequence[str]) -> list[str]:
    """Return the statements that Grafana's user is not refused."""
    answers = _run_as("grafana", migrated, statements)
    refused = {ACCESS_DENIED, READONLY}
    return [sql for sql, answer in zip(statements, answers, strict=True) if answer not in refused]


REACHING = (
    "SELECT raw FROM servicepulse.events",
    "SELECT state FROM servicepulse.tickets",
    "SELECT value FROM servicepulse.dead_letters",
    "SELECT * FROM servicepulse.dead_letters",
    "SELECT * FROM url('http://127.0.0.1:1/', 'CSV', 'a String')",
    "SELECT * FROM file('/etc/hostname', 'CSV', 'a String')",
    "SELECT name FROM system.users",
)


def test_grafana_may_not_read_what_customers_wrote_nor_reach_elsewhere(migrated: Path) -> None:
    assert _answered(migrated, REACHING) == []


CHANGING = (
    "INSERT INTO servicepulse.tickets (ticket_id) SELECT 'forged'",
    "CREATE TABLE servicepulse.mine (a Int8) ENGINE = Memory",
    "DROP TABLE servicepulse.tickets",
    "SET max_memory_usage = 0",
    "SET readonly = 0",
)


def test_grafana_may_change_nothing(migrated: Path) -> None:
    assert _answered(migrated, CHANGING) == []


def test_the_plugin_may_set_how_long_a_query_may_take() -> None:
    settings = _users().find("profiles/servicepulse_reader/constraints/max_execution_time")
    assert settings is not None
    assert settings.find("changeable_in_readonly") is not None
    improvements = Xml.parse(SERVER).getroot().find("access_control_improvements/settings_constraints_replace_previous")
    assert improvements is not None
    assert improvements.text == "true", "without it the server refuses changeable_in_readonly and does not start"


def test_nobody_logs_in_as_default_or_without_a_password() -> None:
    default = _users().find("users/default")
    assert default is not None
    assert default.get("remove") == "1"
    for name in _names():
        password = _users().find(f"users/{name}/password")
        assert password is not None, name
        assert password.get("from_env"), name
        assert not password.text, name


def test_the_admin_is_reached_from_within_the_container_only() -> None:
    assert [ip.text for ip in _users().findall("users/servicepulse_admin/networks/ip")] == ["127.0.0.1", "::1"]


def test_only_the_admin_manages_access() -> None:
    assert [user.tag for user in _users().findall("users/*[access_management]")] == ["servicepulse_admin"]


def test_every_table_that_a_grant_names_is_made_by_a_migration() -> None:
    made = set(re.findall(r"(?:TABLE|VIEW) IF NOT EXISTS (\w+)", " ".join(_schema()))) | {"schema_migrations"}
    named = {
        tuple(target.split("."))
        for name in _names()
        for grant in _grants(name)
        for target in re.findall(r" ON ([\w.*]+)", grant)
    }
    assert {database for database, _ in named} == {DATABASE}
    assert {table for _, table in named} - {"*"} <= made


def test_the_worker_may_insert_into_the_tables_that_the_store_writes() -> None:
    inserts = re.findall(r"INSERT ON servicepulse\.(\w+)", " ".join(_grants("servicepulse_worker")))
    assert sorted(inserts) == sorted(TABLES.values())


def test_users_made_by_sql_have_the_same_grants() -> None:
    lines = (DEPLOY / "clickhouse" / "managed.sql").read_text().splitlines()
    for name in ("servicepulse_migrator", "servicepulse_worker", "servicepulse_door", "grafana"):
        by_sql = [line.removesuffix(f" TO {name};") for line in lines if line.endswith(f" TO {name};")]
        by_sql += [line.removesuffix(f" FROM {name};") for line in lines if line.endswith(f" FROM {name};")]
        assert by_sql == _grants(name)


def test_the_statements_for_managed_servers_are_valid(tmp_path: Path) -> None:
    sql = re.sub(r"^--.*$", "", (DEPLOY / "clickhouse" / "managed.sql").read_text(), flags=re.MULTILINE)
    statements = [f"EXPLAIN AST {statement}" for statement in sql.split(";") if statement.strip()]
    answers = _run_as(None, tmp_path, statements)
    assert not [sql for sql, answer in zip(statements, answers, strict=True) if isinstance(answer, int)]


def test_the_server_reads_its_settings() -> None:
    root = Xml.parse(SERVER).getroot()
    assert root.tag == "clickhouse"
    for log in root:
        if log.tag.endswith("_log") and log.get("remove") is None:
            assert "INTERVAL" in (log.findtext("ttl") or ""), f"{log.tag} would grow for ever"
