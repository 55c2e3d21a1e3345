"""Drift: a real history with everything that looks like drift and is none, and each change by hand that is some."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from checks import drift as checks
from fixtures.environment.secrets import Secret
from fixtures.environment.sections.postgres import Postgres
from fixtures.probes import _catalog, drift
from fixtures.probes._catalog import Catalog, Difference
from fixtures.probes._migration_source import read
from fixtures.probes._prisma import TABLE, Prisma
from fixtures.probes._replay import replayed
from fixtures.probes._sql import session
from fixtures.probes._statements import head, statements
from fixtures.probes.drift import DriftEvidence
from fixtures.stack import programs, throwaway
from fixtures.stack.throwaway import Server
from fixtures.vocabulary import CannotTell, Finding
from tests._gate import assert_nothing_is_left, until
from tests._migrating import Live, live, roles, write
from tests.records.drift import DRIFT

ROOT = Path(__file__).parents[1]
SERVER = Postgres(url=Secret("postgresql://nowhere"), app_role="app")
HISTORY = {
    "20260101000000_init": """
-- CreateExtension; a semicolon in a comment
CREATE EXTENSION IF NOT EXISTS "btree_gist";
CREATE EXTENSION IF NOT EXISTS citext;
/* and ; one /* inside ; */ another */
CREATE TYPE "Plan" AS ENUM ('FREE', 'PRO', 'OLD');
CREATE TABLE "Account" ("id" SERIAL PRIMARY KEY, "mail" TEXT COLLATE "C" NOT NULL, "plan" "Plan" DEFAULT 'FREE',
  "since" TIMESTAMPTZ NOT NULL DEFAULT '2024-01-01 00:00:00+02', "note" TEXT DEFAULT 'a;b', "nick" CITEXT,
  "lower_mail" TEXT GENERATED ALWAYS AS (lower("mail")) STORED);
CREATE UNIQUE INDEX "Account_mail_key" ON "Account" ("mail");
CREATE UNIQUE INDEX account_pro_once ON "Account" (lower("mail")) WHERE "plan" = 'PRO';
CREATE TABLE booking (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, account INT NOT NULL
  REFERENCES "Account" ("id") ON DELETE CASCADE DEFERRABLE, during TSTZRANGE NOT NULL, seats NUMERIC(6, 2),
  CONSTRAINT no_overlap EXCLUDE USING gist (account WITH =, during WITH &&));
CREATE TABLE old_names (a INT, b INT CONSTRAINT b_is_positive CHECK (b > 0));
CREATE INDEX old_idx ON old_names (a);
CREATE TABLE ticket (status VARCHAR(20) NOT NULL DEFAULT 'new', note TEXT, CHECK (status IN ('new', 'done')));
CREATE INDEX ticket_open ON ticket (note) WHERE status IN ('new', 'open');
CREATE VIEW open_ticket AS SELECT note FROM ticket WHERE status IN ('new', 'open');
INSERT INTO "Account" ("mail") VALUES ('x;y''z'), (E'it\\'s; fine');
""",
    "20260102000000_renames": """
ALTER TABLE old_names RENAME TO new_names;
ALTER TABLE new_names RENAME COLUMN a TO first;
ALTER INDEX old_idx RENAME TO new_idx;
ALTER TABLE new_names RENAME CONSTRAINT b_is_positive TO b_positive;
ALTER TYPE "Plan" RENAME VALUE 'OLD' TO 'LEGACY';
""",
    "20260103000000_do": """
DO $$
DECLARE name text; -- ; in a comment
BEGIN
  FOR name IN SELECT 'dyn_' || i FROM generate_series(1, 2) i LOOP
    EXECUTE format('CREATE TABLE %I (id int PRIMARY KEY, label text DEFAULT ''a;b'')', name);
  END LOOP;
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'nobody_has_this') THEN RAISE EXCEPTION 'no; never'; END IF;
END;
$$;
ALTER TABLE "Account" DROP COLUMN "nick";
DROP EXTENSION citext;
""",
    "20260104000000_concurrently": 'CREATE INDEX CONCURRENTLY account_since ON "Account" ("since" DESC NULLS LAST);',
    "20260105000000_several_by_hand": """
CREATE TABLE big (id INT, kind TEXT);
-- by hand
CREATE INDEX CONCURRENTLY big_kind ON big (kind); -- not in a transaction; never
-- by hand
ALTER TABLE big ADD CONSTRAINT big_unvalidated CHECK (id > 0) NOT VALID;
""",
    "20260106000000_enum_at_once": """
ALTER TYPE "Plan" ADD VALUE 'TEAM' BEFORE 'PRO';
-- by hand
ALTER TABLE "Account" ALTER COLUMN "plan" SET DEFAULT 'TEAM';
""",
    "20260107000000_objects": """
CREATE FUNCTION touched() RETURNS trigger LANGUAGE plpgsql AS $body$ BEGIN NEW.id := NEW.id; RETURN NEW; END; $body$;
CREATE TRIGGER touched BEFORE UPDATE ON booking FOR EACH ROW EXECUTE FUNCTION touched();
CREATE FUNCTION twice(n int) RETURNS int LANGUAGE sql IMMUTABLE
BEGIN ATOMIC SELECT CASE WHEN n > 0 THEN n + n ELSE 0 END; END;
CREATE PROCEDURE nothing() LANGUAGE sql AS 'SELECT 1; SELECT 2';
CREATE AGGREGATE total(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0');
CREATE VIEW pro WITH (security_invoker = true) AS SELECT * FROM "Account" WHERE "plan" = 'PRO';
CREATE MATERIALIZED VIEW plans AS SELECT "plan", count(*) AS n FROM "Account" GROUP BY 1;
CREATE UNIQUE INDEX plans_plan ON plans ("plan");
CREATE DOMAIN percent AS int CHECK (VALUE BETWEEN 0 AND 100);
CREATE TYPE pair AS (x int, y text);
CREATE TYPE days AS RANGE (SUBTYPE = date);
CREATE SEQUENCE invoice AS int INCREMENT 5 START 100;
CREATE RULE quiet AS ON DELETE TO big DO INSTEAD (SELECT 1; SELECT 2);
ALTER TABLE booking ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON booking FOR SELECT TO app, reporting USING (account = current_setting('app.account')::int);
""",
    "20260108000000_events": """
CREATE TABLE event (at DATE NOT NULL, what TEXT, PRIMARY KEY (at)) PARTITION BY RANGE (at);
CREATE TABLE event_2025 PARTITION OF event FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE INDEX event_what ON event (what);
""",
    "20260109000000_grants": """
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO app;
REVOKE UPDATE, DELETE ON booking FROM app;
GRANT SELECT ON pro TO reporting;
GRANT SELECT ON pro TO somebody_gone;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO app;
CREATE TABLE later (id int);
""",
    "20260110000000_dumped": """
SELECT pg_catalog.set_config('search_path', '', false);\r
CREATE TABLE public.dumped (id int, name text DEFAULT 'two
lines');\r
CREATE INDEX dumped_trgm ON public.dumped USING gin (name public.gin_trgm_ops);\r
""",
    "20260111000000_after_the_dump": "CREATE TABLE after_dump (id int REFERENCES dyn_1 (id));",
    "20260112000000_own_schema": """
CREATE SCHEMA billing;
CREATE TABLE billing.invoice (id int PRIMARY KEY, account int REFERENCES "Account" ("id"));
BEGIN;
CREATE TABLE billing.line (id int);
COMMIT;
""",
}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server of the version that is installed here."""
    with throwaway.throwaway(installed()) as running:
        roles(running)
        yield running


def installed() -> int:
    """The newest major version of PostgreSQL here."""
    return next(major for major in range(30, 13, -1) if programs.postgres_of(major))


@pytest.fixture(scope="module")
def healthy(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A database that its history made, and what is no drift of it."""
    with server.connect() as connection:
        connection.execute("CREATE ROLE somebody_gone")
    with live(server, tmp_path_factory.mktemp("migrations"), HISTORY) as database:
        database.sql(
            # What others make, or what comes and goes.
            "DROP OWNED BY somebody_gone",
            "CREATE TABLE event_2026 PARTITION OF event FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')",
            "CREATE SCHEMA of_somebody_else CREATE TABLE theirs (id int)",
            "CREATE EXTENSION pg_stat_statements",
            "SELECT nextval('invoice')",
            "ANALYZE",
            "ALTER DATABASE " + database.database + " SET timezone = 'Asia/Tokyo'",
            "ALTER DATABASE " + database.database + " SET datestyle = 'German'",
        )
        with server.connect() as connection:
            connection.execute("DROP ROLE somebody_gone")
        yield database


@pytest.fixture(scope="module")
def wanted(healthy: Live) -> tuple[Catalog, str]:
    """What the history makes, replayed once, and the schema of its table."""
    prisma = Prisma()
    scripts = prisma.scripts(read(str(healthy.directory), prisma.wanted, 5))
    with session(healthy.postgres().url, remaining=5) as sql:
        around = drift.surroundings(sql, prisma.history(sql, None, scripts), "app")
    return replayed(scripts, around, TABLE, time.monotonic() + 60), around.schema


@pytest.fixture
def changed(healthy: Live, wanted: tuple[Catalog, str]) -> Callable[..., DriftEvidence]:
    """What is seen after a change by hand, which is taken back at once."""

    def change(*statements: str, unmanaged: tuple[str, ...] = ()) -> DriftEvidence:
        with healthy.connect() as connection:
            connection.execute("BEGIN")
            for statement in statements:
                connection.execute(statement.encode())

            def ask(query: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
                return connection.execute(query.encode(), parameters or None).fetchall()

            there = _catalog.read(ask, TABLE, "app", effective=True)
            connection.execute("ROLLBACK")
        made, schema = wanted
        scope = _catalog.Scope(_catalog.managed(made, schema), unmanaged)
        return DRIFT.model_copy(update={"differences": tuple(_catalog.compare(there, made, scope))})

    return change


def wrong(seen: DriftEvidence) -> dict[str, str]:
    """The names of the checks that do not pass, and what they say."""
    said = {}
    for name, function in vars(checks).items():
        if name.startswith("check_"):
            try:
                function(seen, *((SERVER,) if "server" in function.__annotations__ else ()))
            except Finding as finding:
                said[name.removeprefix("check_")] = finding.seen
            except CannotTell as unseen:
                said[name.removeprefix("check_")] = f"cannot tell: {unseen.message}"
    return said


def test_a_healthy_database_has_no_drift(healthy: Live) -> None:
    seen = healthy.drift()
    assert {one.name for one in seen.differences} == {"pg_stat_statements", "pg_trgm"}
    assert wrong(seen) == {}
    assert seen.replayed == len(HISTORY)
    assert seen.schemas == ("billing", "public")
    assert all(count for kind, count in seen.compared.items()), seen.compared
    assert DriftEvidence.model_validate_json(seen.model_dump_json()) == seen


ACCOUNT = 'ALTER TABLE "Account"'


@pytest.mark.parametrize(
    ("change", "check", "said"),
    [
        ('DROP TABLE "later"', "tables", "table later is missing"),
        ("DROP TABLE billing.line", "tables", "table billing.line is missing"),
        ("ALTER TABLE later SET UNLOGGED", "tables", "table later: there is logged no, should be logged yes"),
        ("ALTER TABLE dumped DROP COLUMN name", "columns indexes", "column dumped.name is missing"),
        (f'{ACCOUNT} ALTER "mail" DROP NOT NULL', "columns", "there is not null no, should be not null yes"),
        (
            "ALTER TABLE booking ALTER seats TYPE numeric(8,2)",
            "columns",
            "type numeric(8,2), should be type numeric(6,2)",
        ),
        (f'{ACCOUNT} ALTER "note" SET DEFAULT \'c\'', "columns", "default 'c'::text, should be default 'a;b'::text"),
        ("ALTER TABLE booking ALTER id SET GENERATED BY DEFAULT", "columns", "identity d, should be identity a"),
        (f'{ACCOUNT} ALTER "lower_mail" DROP EXPRESSION', "columns", "Account.lower_mail"),
        (
            "ALTER TABLE later ADD x int NOT NULL",
            "columns",
            "column later.x should not be there: type integer, not null",
        ),
        (
            "DROP INDEX account_pro_once",
            "indexes",
            "index Account.account_pro_once is missing, should be CREATE UNIQUE",
        ),
        (
            'DROP INDEX account_pro_once; CREATE UNIQUE INDEX account_pro_once ON "Account" (lower("mail"))',
            "indexes",
            "WHERE",
        ),
        ("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'big_kind'::regclass", "indexes", "valid no"),
        ("CREATE UNIQUE INDEX unasked ON later (id)", "indexes", "index later.unasked should not be there"),
        ("ALTER TABLE booking DROP CONSTRAINT no_overlap", "constraints", "should be EXCLUDE USING gist"),
        ("ALTER TABLE big VALIDATE CONSTRAINT big_unvalidated", "constraints", "NOT VALID"),
        ("ALTER TABLE later ADD CONSTRAINT unasked CHECK (id > 0)", "constraints", "later.unasked should not be there"),
        (
            "ALTER TABLE booking DROP CONSTRAINT booking_account_fkey,"
            ' ADD CONSTRAINT booking_account_fkey FOREIGN KEY (account) REFERENCES "Account" ("id") DEFERRABLE',
            "constraints",
            "ON DELETE CASCADE",
        ),
        (
            "ALTER TYPE \"Plan\" ADD VALUE 'EXTRA' AFTER 'FREE'",
            "types",
            "labels 'FREE', 'EXTRA', 'TEAM', 'PRO', 'LEGACY'",
        ),
        ("ALTER DOMAIN percent DROP CONSTRAINT percent_check", "types", "domain percent"),
        ("ALTER TYPE pair ADD ATTRIBUTE z int", "types", "fields x integer, y text, z integer"),
        (
            "CREATE OR REPLACE FUNCTION twice(n int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1'",
            "functions",
            "twice",
        ),
        ("DROP AGGREGATE total(int)", "functions", "function total(integer) is missing"),
        ("ALTER VIEW pro RESET (security_invoker)", "views", "security_invoker"),
        ("DROP MATERIALIZED VIEW plans", "views", "view plans is missing"),
        ("DROP RULE quiet ON big", "views", "rule big.quiet is missing"),
        ("DROP TRIGGER touched ON booking", "triggers", "trigger booking.touched is missing"),
        ("ALTER TABLE booking DISABLE TRIGGER touched", "triggers", "enabled D, should be enabled O"),
        ("ALTER SEQUENCE invoice INCREMENT 1", "sequences", "increment 1, should be increment 5"),
        ("ALTER TABLE booking NO FORCE ROW LEVEL SECURITY", "row_security", "forced no, should be forced yes"),
        ("DROP POLICY own ON booking", "row_security", "policy booking.own is missing"),
        ("ALTER POLICY own ON booking TO PUBLIC", "row_security", "roles public, should be roles app, reporting"),
        ("CREATE POLICY everybody ON booking USING (true)", "row_security", "booking.everybody should not be there"),
        ("DROP EXTENSION btree_gist CASCADE", "extensions constraints", "extension btree_gist is missing"),
        ("REVOKE INSERT ON booking FROM app", "grants", "table booking: there is SELECT, should be INSERT, SELECT"),
        ("REVOKE SELECT ON later FROM app", "grants", "table later: there is nothing, should be SELECT"),
        ("REVOKE USAGE ON SCHEMA public FROM PUBLIC, app", "grants", "schema public"),
    ],
)  # fmt: skip
def test_a_change_by_hand_is_named(changed: Callable[..., DriftEvidence], change: str, check: str, said: str) -> None:
    found = wrong(changed(change))
    assert set(found) == {f"{name}_are_as_migrated".replace("security_are", "security_is") for name in check.split()}
    assert said in " ".join(found.values())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("CREATE TABLE copy AS TABLE later", "table copy should not be there: kind table, logged yes"),
        ("CREATE INDEX quick ON later (id)", "index later.quick should not be there"),
        ("ALTER TABLE later ADD note text", "column later.note should not be there: type text"),
        ("CREATE FUNCTION helper() RETURNS int LANGUAGE sql AS 'SELECT 1'", "function helper() should not be there"),
        ("CREATE TYPE mood AS ENUM ('good')", "enum mood should not be there"),
    ],
)
def test_what_nobody_asked_for_is_told_apart(changed: Callable[..., DriftEvidence], change: str, said: str) -> None:
    found = wrong(changed(change))
    assert list(found) == ["nothing_else_is_there"]
    assert said in found["nothing_else_is_there"]


def test_what_somebody_else_manages_is_no_drift(changed: Callable[..., DriftEvidence]) -> None:
    unmanaged = ("audit_*", "later.note", "public.report_*", "seen")
    statements = (
        "CREATE TABLE audit_log (id int PRIMARY KEY)",
        "ALTER TABLE later ADD note text",
        "CREATE VIEW report_all AS SELECT 1 AS one",
        "CREATE EXTENSION seg",
    )
    seen = changed(*statements, unmanaged=unmanaged)
    assert wrong(seen) == {"no_other_extension_is_installed": "extension seg should not be there"}


def test_an_extension_may_be_in_a_schema_of_its_own(changed: Callable[..., DriftEvidence]) -> None:
    seen = changed("CREATE SCHEMA extensions", "ALTER EXTENSION pg_trgm SET SCHEMA extensions")
    assert wrong(seen) == {}


def test_a_restored_database_is_no_other_one(healthy: Live, changed: Callable[..., DriftEvidence]) -> None:
    """A dump holds definitions as they are printed, and what comes of these may be printed differently."""
    before = healthy.sql("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'ticket_status_check'")
    index = healthy.sql("SELECT pg_get_indexdef('ticket_open'::regclass)")
    view = healthy.sql("SELECT pg_get_viewdef('open_ticket'::regclass)")
    seen = changed(
        "ALTER TABLE ticket DROP CONSTRAINT ticket_status_check",
        f"ALTER TABLE ticket ADD CONSTRAINT ticket_status_check {before[0][0]}",
        f"DROP INDEX ticket_open; {index[0][0]}",
        f"DROP VIEW open_ticket; CREATE VIEW open_ticket AS {view[0][0]}; GRANT ALL ON open_ticket TO app",
    )
    assert wrong(seen) == {}
    other = "ALTER TABLE ticket DROP CONSTRAINT ticket_status_check, ADD CONSTRAINT ticket_status_check CHECK"
    assert list(wrong(changed(f"{other} (status IN ('new', 'gone'))"))) == ["constraints_are_as_migrated"]


def test_a_superuser_and_a_member_need_no_grants(changed: Callable[..., DriftEvidence]) -> None:
    assert wrong(changed("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM app", "GRANT pg_read_all_data TO app",
                         "GRANT pg_write_all_data TO app")) == {}  # fmt: skip


def test_a_history_may_rely_on_what_was_there_before(server: Server, tmp_path: Path) -> None:
    """Roles, and extensions in a schema of theirs, as hosting services set them up; and what a superuser must do."""
    scripts = {
        "1_a": """
CREATE ROLE early_reader;
CREATE EXTENSION IF NOT EXISTS unaccent WITH SCHEMA extensions;
CREATE TABLE a (id int, name text);
CREATE INDEX a_name ON a USING gin (name extensions.gin_trgm_ops);
GRANT SELECT ON a TO early_reader, app;
ALTER TABLE a OWNER TO early_reader;
""",
        "2_b": "CREATE EXTENSION pg_buffercache; COMMENT ON EXTENSION pg_buffercache IS 'for us';",
        "3_c": "CREATE TABLE by_month (at date) PARTITION BY RANGE (at);\n"
        "DO $$ BEGIN EXECUTE format('CREATE TABLE m_%s PARTITION OF by_month FOR VALUES FROM (%L) TO (%L)',"
        " extract(epoch FROM clock_timestamp())::bigint, now()::date, now()::date + 1); END $$;",
    }
    with live(server, tmp_path, {"0_nothing": "SELECT 1"}) as database:
        database.sql("CREATE SCHEMA extensions", "ALTER EXTENSION pg_trgm SET SCHEMA extensions")
        database.sql(*(text for _, text in sorted(scripts.items())), "CREATE TABLE extensions.not_ours (id int)")
        write(tmp_path, scripts)
        database.sql(
            *(
                "INSERT INTO _prisma_migrations (id, checksum, migration_name, finished_at, applied_steps_count)"  # noqa: S608
                f" VALUES ('{name}', 'x', '{name}', now(), 1)"
                for name in scripts
            )
        )
        seen = database.drift()
        database.sql(
            "REASSIGN OWNED BY early_reader TO migrator", "DROP OWNED BY early_reader", "DROP ROLE early_reader"
        )
    assert wrong(seen) == {}
    assert seen.schemas == ("public",)


def test_default_privileges_set_beside_the_history_are_expected(server: Server, tmp_path: Path) -> None:
    scripts = {"1_a": "CREATE TABLE a (id int)"}
    with live(server, tmp_path, scripts) as database:
        database.sql(
            "ALTER DEFAULT PRIVILEGES FOR ROLE migrator IN SCHEMA public GRANT SELECT, INSERT ON TABLES TO app",
            "GRANT SELECT ON a TO app",
        )
        assert wrong(database.drift()) == {
            "grants_are_as_migrated": "table a: there is SELECT, should be INSERT, SELECT"
        }
        database.sql("GRANT INSERT ON a TO app")
        assert wrong(database.drift()) == {}


def test_only_what_was_applied_is_expected(server: Server, tmp_path: Path) -> None:
    with live(server, tmp_path, {"1_a": "CREATE TABLE a (id int)"}) as database:
        write(tmp_path, {"2_pending": "CREATE TABLE b (id int)", "3_rolled_back": "CREATE TABLE c (id int)"})
        database.sql(
            "INSERT INTO _prisma_migrations (id, checksum, migration_name, rolled_back_at)"
            " VALUES ('x', 'x', '3_rolled_back', now())"
        )
        assert wrong(database.drift()) == {}
        assert database.drift().replayed == 1


def test_a_schema_of_the_url_is_where_things_are(server: Server, tmp_path: Path) -> None:
    with live(server, tmp_path, {"1_a": "CREATE TABLE a (id int)"}, schema="Tenant One") as database:
        assert wrong(database.drift()) == {}
        database.sql('ALTER TABLE "Tenant One".a ADD b int')
        assert wrong(database.drift()) == {
            "nothing_else_is_there": "column Tenant One.a.b should not be there: type integer"
        }


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (
            "CREATE TABLE b (id int); SELECT 1 FROM nowhere;",
            "statement 2 of 2_b can't be replayed: UndefinedTable (42P01)",
        ),
        ("CREATE EXTENSION no_such_thing;", "2_b wants no_such_thing, which the PostgreSQL of this machine lacks"),
        ("COPY a FROM PROGRAM 'touch /tmp/golive-was-here';", "can't be replayed: InsufficientPrivilege (42501)"),
        ("SELECT pg_read_file('/etc/passwd');", "can't be replayed: InsufficientPrivilege (42501)"),
        ("SELECT pg_sleep(60);", "2_b can't be replayed: QueryCanceled (57014)"),
    ],
)  # fmt: skip
def test_a_history_that_can_not_be_replayed_cannot_tell(server: Server, tmp_path: Path, script: str, said: str) -> None:
    with live(server, tmp_path, {"1_a": "CREATE TABLE a (id int)"}) as database:
        write(tmp_path, {"2_b": script})
        database.sql(
            "INSERT INTO _prisma_migrations (id, checksum, migration_name, finished_at, applied_steps_count)"
            " VALUES ('x', 'x', '2_b', now(), 1)"
        )
        seconds = 60.0 if "sleep" not in script else 8.0
        with pytest.raises(CannotTell) as caught:
            drift.look(database.target(), database.context(seconds))
    assert said in caught.value.message
    assert caught.value.cause == ("deadline" if "sleep" in script else "program")
    assert not Path("/tmp/golive-was-here").exists()


def test_a_migration_at_work_is_no_drift(server: Server, tmp_path: Path) -> None:
    with live(server, tmp_path, {"1_a": "CREATE TABLE a (id int)"}) as database:
        database.sql("INSERT INTO _prisma_migrations (id, checksum, migration_name) VALUES ('x', 'x', '2_b')")
        with database.connect("migrator") as engine:
            engine.execute("BEGIN; SELECT pg_advisory_lock(72707369)")
            with pytest.raises(CannotTell, match="a migration is running"):
                database.drift()
        assert wrong(database.drift()) == {}


def test_an_index_that_is_being_built_is_no_invalid_one(healthy: Live) -> None:
    """Built concurrently, it is there and not valid while it waits for older transactions."""
    healthy.sql("DROP INDEX account_since")
    build = healthy.directory / "20260104000000_concurrently" / "migration.sql"

    def make() -> None:
        with healthy.connect("migrator") as connection:
            connection.execute(build.read_bytes())

    builder = threading.Thread(target=make)
    try:
        with healthy.connect("migrator") as older:
            older.execute("""BEGIN; UPDATE "Account" SET "note" = 'x'""")
            builder.start()
            until(lambda: healthy.sql("SELECT 1 FROM pg_stat_progress_create_index WHERE index_relid <> 0"))
            invalid = healthy.sql("SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid")
            seen = healthy.drift()
    finally:
        builder.join()
    assert invalid == [("account_since",)]
    assert wrong(seen) == {}


def test_the_replica_is_asked_where_it_is_declared(healthy: Live) -> None:
    primary = healthy.postgres().model_copy(update={"url": Secret("postgresql://nobody@127.0.0.1:9/none")})
    replica = healthy.postgres(replica_of="primary", heavy_queries="here")
    seen = drift.look(healthy.target(), healthy.context(primary=primary, second=replica))
    assert isinstance(seen, DriftEvidence)
    assert (seen.seen_on, wrong(seen)) == ("second", {})


def test_a_version_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch, healthy: Live) -> None:
    major = installed()
    monkeypatch.setattr(programs, "postgres_of", lambda _: None)
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
    monkeypatch.setattr("fixtures.probes._replay._KNOWN", {})
    with pytest.raises(CannotTell) as caught:
        healthy.drift()
    assert caught.value.cause == "program"
    assert f"apt-get install postgresql-{major}" in caught.value.message
    assert f"docker pull postgres:{major}" in caught.value.message


def test_nothing_is_left_when_it_is_killed(tmp_path: Path) -> None:
    program = textwrap.dedent(
        f"""
        import time
        from fixtures.stack.throwaway import throwaway
        with throwaway({installed()}) as server:
            print("up", flush=True)
            time.sleep(60)
        """
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        os.kill(process.pid, signal.SIGKILL)
    assert_nothing_is_left(process.pid)


def test_a_throwaway_lets_nobody_in_without_its_password(server: Server) -> None:
    import psycopg

    with pytest.raises(psycopg.OperationalError):
        replace(server, password="another").connect()
    with server.connect() as connection:
        assert connection.execute("SHOW listen_addresses").fetchall() == [("",)]
        assert connection.execute("SHOW unix_socket_directories").fetchall() == [(server.host,)]
    assert Path(server.host).stat().st_mode & 0o777 == 0o700


def test_many_tables_are_read_in_time(server: Server, tmp_path: Path) -> None:
    """5,000 tables with 20,000 indexes; the bound is loose, since the machine may be busy."""
    with live(server, tmp_path, {"1_a": "CREATE TABLE a (id int)"}) as database:
        database.sql(
            "SET max_parallel_workers = 0",
            """DO $$ BEGIN FOR i IN 1..500 LOOP
              EXECUTE format('CREATE TABLE t%s (id int PRIMARY KEY, a text NOT NULL, b text)', i);
              EXECUTE format('CREATE INDEX ON t%s (a)', i); EXECUTE format('CREATE INDEX ON t%s (b)', i);
              EXECUTE format('CREATE INDEX ON t%s (lower(a))', i); END LOOP; END $$""",
        )
        began = time.monotonic()
        seen = database.drift()
        assert time.monotonic() - began < 30
    assert seen.found["table"] == 500
    assert sum(one.kind == "table" for one in seen.differences) == drift.SHOWN
    assert list(wrong(seen)) == ["nothing_else_is_there"]


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"app_role": None}, {"grants_are_as_migrated": "cannot tell: the role app does not exist"}),
        (
            {"differences": tuple(Difference(kind="table", name=f"t{n}", problem="missing") for n in range(10))},
            {"tables_are_as_migrated": "; ".join(f"table t{n} is missing" for n in range(8)) + "; and 2 more"},
        ),
    ],
)
def test_records_are_judged(change: dict[str, Any], names: dict[str, str]) -> None:
    assert wrong(DRIFT) == {}
    assert wrong(DRIFT.model_copy(update=change)) == names


@pytest.mark.parametrize(
    ("script", "parts"),
    [
        ("SELECT 1; SELECT 2", ["SELECT 1;", "SELECT 2"]),
        ("-- nothing; at all\n/* ; */ ;;", []),
        ("SELECT ';', \"a;b\", E'\\';', $$;$$, $a$ $$; $a$; SELECT 2;", None),
        ("/* ; /* ; */ ; */ SELECT 1; SELECT 2;", None),
        ("CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE 1 WHEN 1 THEN 2 END; SELECT 3; END; SELECT 2", None),
        ("CREATE RULE r AS ON INSERT TO a DO (SELECT 1; SELECT 2); SELECT 2;", None),
        ("BEGIN; SELECT 1; END;", ["BEGIN;", "SELECT 1;", "END;"]),
        ("SELECT a$b$c; SELECT $1;", ["SELECT a$b$c;", "SELECT $1;"]),
        ("DO $$ unfinished ; ", ["DO $$ unfinished ;"]),
    ],
)  # fmt: skip
def test_a_script_is_parted_into_statements(script: str, parts: list[str] | None) -> None:
    found = list(statements(script))
    if parts is None:
        assert len(found) == 2
        assert found[1].startswith("SELECT 2")
    else:
        assert found == parts


def test_the_head_of_a_statement_skips_comments() -> None:
    assert head('/* a */ -- b\ncreate EXTENSION if not exists "x";') == "CREATE EXTENSION IF NOT EXISTS"
