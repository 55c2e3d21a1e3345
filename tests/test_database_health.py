"""What is looked at of databases at work: real servers, least privileges, and nothing written."""

from __future__ import annotations

import subprocess
import time
import typing
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from checks import access, activity, replication, schema, server, statistics, tenants
from fixtures import vocabulary
from fixtures.catalogue import ROOT
from fixtures.environment.secrets import Secret
from fixtures.environment.sections.postgres import Postgres, PostgresExpectations
from fixtures.environment.sections.tenants import Tenants, TenantTable
from fixtures.probes import PROBES, Context, load_probes
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
from fixtures.vocabulary import CannotTell, Evidence, Finding

AREAS = (access, activity, replication, schema, server, statistics, tenants)
PERMISSIONS = ROOT / "docs" / "permissions" / "postgres.sql"
IDS = "organizations.id,users.id,users.organization_id,accounts.user_id,accounts.organization_id"
SHAPES = "accounts.access_token,accounts.refresh_token,users.email"
READS = ("SELECT", "WITH", "BEGIN READ ONLY", "SET LOCAL", "SAVEPOINT", "RELEASE", "ROLLBACK")
WRITES = (
    "INSERT INTO organizations (name) VALUES ('x')",
    "UPDATE users SET name = 'x'",
    "DELETE FROM accounts",
    "TRUNCATE accounts",
    "CREATE TABLE mine (id int)",
    "CREATE TABLE golive.mine (id int)",
    "CREATE TEMPORARY TABLE mine (id int)",
    "DROP TABLE users",
    "SELECT nextval('numbers')",
    "SELECT setval('numbers', 5)",
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
    with start({"primary.extra": "log_statement = all\nlog_line_prefix = 'user=%u '"}) as running:
        running.sql("CREATE SEQUENCE numbers; GRANT SELECT ON numbers TO verifier")
        yield running


def declared(stack: Stack, role: str = "", password: str = "") -> dict[str, Any]:
    """The targets of the demonstration, seen as our role or another."""

    def url(name: str) -> Secret:
        given = stack.variables[f"{name}_url"]
        mine = f"verifier:{stack.plan.passwords['verifier']}@"
        return Secret(given.replace(mine, f"{role}:{password}@") if role else given)

    wanted = PostgresExpectations(tls=True, extensions=("uuid-ossp", "pg_trgm", "pg_stat_statements"))
    return {
        "postgres.primary": Postgres(url=url("primary"), app_role="emailai", expect=wanted),
        "postgres.replica": Postgres(
            url=url("replica"), app_role="emailai", replica_of="primary", heavy_queries="here", expect=wanted
        ),
        "tenants.app": Tenants(
            database="primary",
            tables={"users": TenantTable(nullable=True), "accounts": TenantTable()},
            tokens={"accounts": ("access_token", "refresh_token")},
            emails={"users": ("email",)},
        ),
    }


def context(targets: dict[str, Any], target: str, seconds: float = 30.0) -> Context:
    return Context(target, time.monotonic() + seconds, targets=targets)


def evidence(targets: dict[str, Any]) -> Iterator[tuple[str, Evidence]]:
    """Everything that the probes of these areas see."""
    load_probes()
    kinds = {kind for area in AREAS for check in functions(area) for kind in hints(check) if issubclass(kind, Evidence)}
    for kind in sorted(kinds, key=lambda one: one.__name__):
        for probe in PROBES[kind]:
            for target, model in targets.items():
                if target.startswith(f"{probe.section}.") and probe.applies(model):
                    seen = probe.look(model, context(targets, target))
                    assert type(seen).model_validate_json(seen.model_dump_json()) == seen
                    yield target, seen


def functions(area: Any) -> list[Callable[..., None]]:
    return [each for each in vars(area).values() if vocabulary.check_of(each) is not None]


def hints(check: Callable[..., None]) -> list[type]:
    return [kind for name, kind in typing.get_type_hints(check).items() if name != "return"]


def judged(targets: dict[str, Any]) -> dict[str, str]:
    """What does not pass, by check and target: what was seen, or why nobody can tell."""
    wrong = {}
    for target, seen in evidence(targets):
        for area in AREAS:
            for function in functions(area):
                kinds, check = hints(function), vocabulary.check_of(function)
                if type(seen) not in kinds or check is None or not check.applies(targets[target]):
                    continue
                try:
                    function(*(seen if kind is type(seen) else targets[target] for kind in kinds))
                except Finding as finding:
                    wrong[f"{check.id} {target}"] = f"failed: {finding.seen}"
                except CannotTell as unseen:
                    wrong[f"{check.id} {target}"] = unseen.message
    return wrong


def test_nothing_is_written_and_only_reads_are_logged(stack: Stack) -> None:
    tables = "SELECT (SELECT count(*) FROM users), (SELECT md5(string_agg(a::text, ',')) FROM accounts a)"
    written = (
        "SELECT tup_inserted, tup_updated, tup_deleted, temp_files, stats_reset FROM pg_stat_database"
        " WHERE datname = current_database()"
    )
    # A transaction that writes has a number; the next one is the same as long as nobody wrote.
    position = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text, last_value FROM numbers"
    time.sleep(1.2)  # statistics of the start are there a second later
    before = [stack.sql(query) for query in (tables, written, position)]
    from_here = len(logged(stack))
    assert judged(declared(stack)) == {}
    time.sleep(1.2)
    assert [stack.sql(query) for query in (tables, written, position)] == before
    said = [line for line in logged(stack)[from_here:] if line.startswith("user=verifier ") and "statement: " in line]
    assert len(said) > 50
    strange = [line for line in said if not line.partition("statement: ")[2].strip().startswith(READS)]
    assert not [line for line in strange if line.partition("statement: ")[2].strip()]


def logged(stack: Stack) -> list[str]:
    return (stack.run_dir / "primary.log").read_text("utf-8", "replace").splitlines()


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
    try:
        unseen = judged(targets)
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
            told = [message.partition("Run: ")[2] for message in judged(targets).values()]
            wanted = [one.partition("(or ")[2].removesuffix(")") or one for one in told]
            for statement in sorted({part for one in wanted for part in one.split("; ")}):
                stack.sql(statement)
            time.sleep(0.5)  # the replica learns of it
        assert judged(targets) == {}
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
    """Of processor time that the server and we spend, not of a busy machine's clock: the quickest of three."""
    targets = declared(stack)
    quickest: dict[str, float] = {}
    for _ in range(3):
        clock = time.monotonic()
        for target, seen in evidence(targets):
            name = f"{type(seen).__name__} {target}"
            quickest[name] = min(quickest.get(name, 9.0), time.monotonic() - clock)
            clock = time.monotonic()
    assert {name: round(took, 2) for name, took in quickest.items() if took > 1.0} == {}


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
