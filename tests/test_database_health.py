"""What is looked at of databases at work: real servers, least privileges, and nothing written."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator

import psycopg
import pytest

from checks import backups, drift, migrations, restore
from fixtures.catalogue import ROOT
from fixtures.environment.sections.backups import Backups
from fixtures.probes._sql_login import asked_for, lets_in
from fixtures.probes.access import AccessEvidence, look_at_logins
from fixtures.probes.schema import SchemaEvidence
from fixtures.probes.schema import look as look_at_schema
from fixtures.probes.statistics import StatisticsEvidence
from fixtures.probes.statistics import look as look_at_statistics
from fixtures.probes.tenants import CIPHER, CLEAR
from fixtures.stack import start
from fixtures.stack.plan import DATABASE
from fixtures.stack.stack import Stack
from tests._databases import AREAS, context, declared, evidence, judged, nothing_written
from tests._processor import spent

TOLD = "log_statement = all\nlog_line_prefix = 'user=%u '\nautovacuum_naptime = 1h"
PERMISSIONS = ROOT / "docs" / "permissions" / "postgres.sql"
IDS = "organizations.id,users.id,users.organization_id,accounts.user_id,accounts.organization_id"
SHAPES = "accounts.access_token,accounts.refresh_token,users.email"
READS = ("SELECT", "WITH", "BEGIN READ ONLY", "SET LOCAL", "SAVEPOINT", "RELEASE", "ROLLBACK")
OF_THE_POOLER = "SET application_name='golive';"
"""What PgBouncer passes on of a client's start, and takes back for the next one."""
WRITES = (
    "INSERT INTO organizations (name) VALUES ('x')",
    "UPDATE users SET name = 'x'",
    "DELETE FROM accounts",
    "TRUNCATE accounts",
    "CREATE TABLE mine (id int)",
    "CREATE TABLE golive.mine (id int)",
    "CREATE TEMPORARY TABLE mine (id int)",
    "DROP TABLE users",
    "SELECT nextval('invoice_number')",
    "SELECT setval('invoice_number', 5)",
    "SELECT access_token FROM accounts",
    "SELECT email FROM users",
    "SELECT name FROM organizations",
    "SELECT pg_switch_wal()",
    "SELECT pg_stat_reset()",
    "SELECT pg_read_file('/etc/hostname')",
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'emailai'",
    "CREATE ROLE mine",
    "ALTER SYSTEM SET work_mem = '1MB'",
)


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """The demonstration, whose primary logs every statement and whose it is."""
    with start({"primary.extra": TOLD, "replica.extra": TOLD}) as running:
        yield running


def test_nothing_is_written_and_only_reads_are_logged(stack: Stack) -> None:
    """By any probe of a database, dumps of it included, at the server and at its replica."""
    from_here = {name: len(logged(stack, name)) for name in ("primary", "replica")}
    with nothing_written(stack):
        assert judged(declared(stack)) == {}
        assert backups_judged(stack) == {}
    for name, start_of in from_here.items():
        said = [line for line in logged(stack, name)[start_of:] if line.startswith("user=verifier ")]
        asked = [line.partition("statement: ")[2].strip() for line in said if "statement: " in line]
        assert len(asked) > 50
        assert {one for one in asked if one and not one.startswith(READS)} <= {OF_THE_POOLER}


def test_a_transaction_that_writes_is_noticed(stack: Stack) -> None:
    with pytest.raises(AssertionError), nothing_written(stack):
        stack.sql("SELECT txid_current()")


def backups_judged(stack: Stack) -> dict[str, str]:
    """What is wrong with the backups of the demonstration, the restore drill included."""
    drill = {"newest": "organizations.created_at", "rto": "120s", "when": "gate"}
    target = Backups.model_validate(
        {"of": "primary", "at": stack.variables["backups"], "copy": stack.variables["backups_copy"]}
        | {"expect": {"keep": 6}, "restore": drill}
    )
    return judged({**declared(stack), "backups.database": target}, (backups, restore))


def logged(stack: Stack, name: str = "primary") -> list[str]:
    return (stack.run_dir / f"{name}.log").read_text("utf-8", "replace").splitlines()


def psql(stack: Stack, *more: str) -> subprocess.CompletedProcess[str]:
    program = stack.plan.layout.programs.postgres("psql")
    url = stack.plan.database_url("postgres", "primary")
    given = [f"--set={one}" for one in ("ON_ERROR_STOP=1", f"database={DATABASE}", *more)]
    return subprocess.run(
        [program, "--no-psqlrc", *given, f"--file={PERMISSIONS}", url],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_documented_role_sees_everything_and_writes_nothing(stack: Stack) -> None:
    stack.sql("DROP SCHEMA golive CASCADE; DROP OWNED BY verifier; DROP ROLE verifier")
    try:
        for _ in range(2):  # it may be run again
            done = psql(stack, f"ids={IDS}", f"shapes={SHAPES}")
            assert (done.returncode, "ERROR" in done.stderr) == (0, False), done.stderr
        assert done.stdout.rstrip().endswith("(0 rows)")
    finally:
        stack.sql(f"ALTER ROLE verifier PASSWORD '{stack.plan.passwords['verifier']}'")
        time.sleep(0.5)  # the replica learns of it
    assert judged(declared(stack)) == {}
    url = stack.variables["primary_url"]
    for statement in WRITES:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("SET default_transaction_read_only = off")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())


def test_what_is_not_granted_is_told_with_the_statement_that_grants_it(stack: Stack) -> None:
    stack.sql(
        f"CREATE ROLE stranger LOGIN PASSWORD 'stranger'; GRANT pg_monitor TO stranger;"
        f" GRANT CONNECT ON DATABASE {DATABASE} TO stranger; REVOKE USAGE ON SCHEMA golive FROM verifier"
    )
    time.sleep(0.5)
    targets = declared(stack, "stranger", "stranger")
    areas = tuple(area for area in AREAS if area not in (drift, migrations))  # tests/test_migrations_area.py
    try:
        unseen = judged(targets, areas)
        assert {name.split()[0] for name in unseen} == {
            "access.every_rule_can_be_read",
            "access.no_rule_takes_weak_proofs",
            "access.no_rule_trusts_everybody",
            "schema.sequences_do_not_run_out",
            "tenants.every_token_looks_like_ciphertext",
            "tenants.no_account_of_the_guide_is_left",
            "tenants.no_row_refers_to_another_tenant",
            "tenants.no_token_is_in_the_clear",
        }
        for _ in range(3):  # one grant for each column
            told = [message.partition("Run: ")[2] for message in judged(targets, areas).values()]
            wanted = [one.partition("(or ")[2].removesuffix(")") or one for one in told]
            for statement in sorted({part for one in wanted for part in one.split("; ")}):
                stack.sql(statement)
            time.sleep(0.5)  # the replica learns of it
        assert judged(targets, areas) == {}
    finally:
        stack.sql("GRANT USAGE ON SCHEMA golive TO verifier; DROP OWNED BY stranger; DROP ROLE stranger")


def test_without_pg_monitor_sessions_hide_what_they_do(stack: Stack) -> None:
    stack.sql(f"CREATE ROLE nobody LOGIN PASSWORD 'nobody'; GRANT CONNECT ON DATABASE {DATABASE} TO nobody")
    try:
        unseen = judged({"postgres.primary": declared(stack, "nobody", "nobody")["postgres.primary"]})
    finally:
        stack.sql("DROP OWNED BY nobody; DROP ROLE nobody")
    assert "GRANT pg_monitor TO nobody" in unseen["activity.queries_end postgres.primary"]
    assert "GRANT pg_monitor TO nobody" in unseen["statistics.no_statement_is_slow postgres.primary"]
    assert not [name for name, message in unseen.items() if message.startswith("failed")]


def test_the_server_tells_what_it_asks_of_a_role(stack: Stack) -> None:
    stack.apply({"postgres.hba": f"host all asked {stack.plan.layout.clients} md5"})
    target = declared(stack)["postgres.primary"].model_copy(update={"app_role": "asked"})
    here = context({}, "postgres.primary")
    seen = {}
    for stored in ("md5", "scram-sha-256"):
        stack.sql(f"SET password_encryption = '{stored}'; CREATE ROLE asked LOGIN PASSWORD 'pass'")
        try:
            assert lets_in(target.url, "asked", "pass", here)
            assert not lets_in(target.url, "asked", "other", here)
            logins = look_at_logins(target, here)
            assert (logins.tried, logins.taken) == (4, 1)  # type: ignore[attr-defined]
            seen[stored] = asked_for(target.url, "asked", here)
        finally:
            stack.sql("DROP ROLE asked")
    assert seen == {"md5": "md5", "scram-sha-256": "scram"}
    stack.apply({"postgres.hba": f"host all asked {stack.plan.layout.clients} trust"})
    assert asked_for(target.url, "asked", here) == "nothing"
    assert asked_for(target.url, "emailai", here) == "scram"


HEALTHY = """
CREATE TABLE parents (a int, b int, PRIMARY KEY (a, b));
CREATE TABLE children (id int PRIMARY KEY, a int, b int, c text, d int REFERENCES children (id),
                       FOREIGN KEY (a, b) REFERENCES parents (a, b));
CREATE INDEX other_order ON children (b, a, c);
CREATE INDEX where_there ON children (d) WHERE d IS NOT NULL;
CREATE INDEX by_text ON children (c);
CREATE INDEX by_pattern ON children (c text_pattern_ops);
CREATE INDEX by_case ON children (lower(c));
CREATE INDEX few ON children (c) WHERE a > 5;
CREATE TABLE parts (id int, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE parts_2026 PARTITION OF parts FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE SEQUENCE round AS smallint MAXVALUE 10 CYCLE;
"""
SICK = """
CREATE TABLE parents (a int PRIMARY KEY);
CREATE TABLE children (id int, a int REFERENCES parents, b int REFERENCES parents, c int REFERENCES parents);
CREATE INDEX second ON children (id, a);
CREATE INDEX few ON children (b) WHERE id > 5;
CREATE UNIQUE INDEX one ON children (id);
CREATE INDEX two ON children (id);
"""


def test_look_alikes_are_no_findings(stack: Stack) -> None:
    with making(stack, HEALTHY):
        seen = look_at_schema(declared(stack)["postgres.primary"], context({}, "postgres.primary"))
    assert isinstance(seen, SchemaEvidence)
    kinds = [name for name in SchemaEvidence.model_fields if name not in ("observed_at", "tables", "own_role")]
    found = {name: getattr(seen, name) for name in kinds if name not in ("sequences", "unseen")}
    assert {name: objects.names for name, objects in found.items() if objects.count} == {}


def test_what_looks_like_an_index_of_a_foreign_key_and_is_none(stack: Stack) -> None:
    with making(stack, SICK):
        seen = look_at_schema(declared(stack)["postgres.primary"], context({}, "postgres.primary"))
    assert isinstance(seen, SchemaEvidence)
    assert seen.foreign_keys_without_index.names == (
        "children_a_fkey of made.children",
        "children_b_fkey of made.children",
        "children_c_fkey of made.children",
    )
    assert seen.duplicate_indexes.names == ("made.one = made.two",)
    assert seen.tables_without_primary_key.names == ("made.children",)


class making:  # noqa: N801
    """A schema of its own with these objects, for as long as it takes."""

    def __init__(self, stack: Stack, script: str) -> None:
        self.stack, self.script = stack, script

    def __enter__(self) -> None:
        self.stack.sql(f"CREATE SCHEMA made; SET search_path = made; {self.script}")

    def __exit__(self, *_: object) -> None:
        self.stack.sql("DROP SCHEMA made CASCADE")


def test_statements_are_counted_only_where_the_server_was_started_for_it(stack: Stack) -> None:
    target = declared(stack)["postgres.primary"]
    seen = look_at_statistics(target, context({}, "postgres.primary"))
    assert isinstance(seen, StatisticsEvidence)
    assert seen.slow is not None


def test_what_a_look_asks_takes_no_longer_than_a_second(stack: Stack) -> None:
    """Of processor time that the servers and we spend, not of a busy machine's clock: the least of three."""
    targets = declared(stack)
    servers = [stack.pid(name) for name in ("primary", "replica", "pgbouncer")]
    least: dict[str, float] = {}
    for _ in range(3):
        before = spent(*servers)
        for target, seen in evidence(targets, tuple(area for area in AREAS if area is not drift)):
            name, now = f"{type(seen).__name__} {target}", spent(*servers)
            least[name] = min(least.get(name, 9.0), now - before)
            before = now
    assert len(least) > 15
    assert {name: round(took, 2) for name, took in least.items() if took > 1.0} == {}


def test_the_documentation_counts_by_the_same_shapes() -> None:
    text = PERMISSIONS.read_text("utf-8")
    assert f"~ '{CLEAR}'" in text
    assert f"~ '{CIPHER}'" in text
    assert f"!~ '{CLEAR}'" in text


def test_rules_are_read_as_the_server_reads_them(stack: Stack) -> None:
    stack.apply({"postgres.hba": "hostssl emailai_prod all 192.0.2.0/24 md5"})
    (seen,) = [
        one
        for target, one in evidence({"postgres.primary": declared(stack)["postgres.primary"]})
        if isinstance(one, AccessEvidence)
    ]
    assert seen.rules is not None
    assert "hostssl emailai_prod all 192.0.2.0 md5" in [rule.words for rule in seen.rules]
