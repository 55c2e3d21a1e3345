"""Migrations: every state a history can be in, where it is read from, and the look that changes nothing."""

from __future__ import annotations

import hashlib
import io
import re
import stat
import subprocess
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from checks import migrations as checks
from fixtures.environment.sections.migrations import Migrations
from fixtures.probes import _migration_source, drift, migrations
from fixtures.probes._migration_source import read
from fixtures.probes._prisma import Prisma, same
from fixtures.probes.migrations import MigrationsEvidence
from fixtures.stack.database import MIGRATIONS as OURS
from fixtures.stack.throwaway import Server, throwaway
from fixtures.vocabulary import CannotTell, Finding
from tests._migrating import GRANT, Live, live, roles, write
from tests.records.migrations import MIGRATIONS
from tests.test_drift_area import installed

ROOT = Path(__file__).parents[1]
A, B = "CREATE TABLE a (id int);\n", "CREATE TABLE b (id int);\n"
HISTORY = {"1_a": A, "2_b": B}
INSERT = (
    "INSERT INTO _prisma_migrations (id, checksum, migration_name, started_at, finished_at, rolled_back_at, logs,"
    " applied_steps_count) VALUES"
)


def wrong(seen: MigrationsEvidence) -> dict[str, str]:
    """The names of the checks that do not pass, and what they say."""
    said = {}
    for name, function in vars(checks).items():
        if name.startswith("check_"):
            try:
                function(seen)
            except Finding as finding:
                said[name.removeprefix("check_")] = finding.seen
            except CannotTell as unseen:
                said[name.removeprefix("check_")] = f"cannot tell: {unseen.message}"
    return said


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server whose log tells every statement of our role."""
    with throwaway(installed()) as running:
        roles(running)
        with running.connect() as connection:
            connection.execute(
                "ALTER ROLE verifier SET log_statement = 'all'; ALTER ROLE verifier SET log_min_messages = 'log'"
            )
        yield running


@pytest.fixture
def database(server: Server, tmp_path: Path) -> Iterator[Live]:
    """Two migrations, applied."""
    with live(server, tmp_path / "migrations", HISTORY) as found:
        yield found


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def old(text: str) -> str:
    """As early engines wrote a checksum."""
    return "".join(f"{byte:x}" for byte in hashlib.sha256(text.encode()).digest())


def row(name: str, text: str, state: str, *, at: str = "now()", logs: str = "NULL") -> str:
    """A row as Prisma leaves it: failed, rolled back, applied, or resolved as applied."""
    finished = at if state in ("applied", "resolved") else "NULL"
    rolled = "now()" if state == "rolled back" else "NULL"
    steps = 1 if state == "applied" else 0
    return f"{INSERT} (gen_random_uuid()::text, '{sha(text)}', '{name}', {at}, {finished}, {rolled}, {logs}, {steps})"


def checksum(value: str) -> str:
    """Another checksum for the second migration."""
    return f"UPDATE _prisma_migrations SET checksum = '{value}' WHERE migration_name = '2_b'"  # noqa: S608


LOG = "'A migration failed to apply. Database error code: 23505 Key (mail)=(ann@example.com) already exists.'"
C = "CREATE TABLE c (id int);\n"


@pytest.mark.parametrize(
    ("more", "statements", "expected"),
    [
        ({}, (), {}),
        ({"3_c": C, "4_d": C}, (), {"every_migration_is_applied": "2 pending: 3_c, 4_d"}),
        (
            {"3_c": C},
            (row("3_c", C, "failed", logs=LOG),),
            {"no_migration_has_failed": "failed: 3_c"},
        ),
        # Pending and failed at once: Prisma's own status tells the first alone.
        (
            {"3_c": C, "4_d": C},
            (row("3_c", C, "failed"),),
            {"every_migration_is_applied": "1 pending: 4_d", "no_migration_has_failed": "failed: 3_c"},
        ),
        (
            {"3_c": C},
            (row("3_c", C, "rolled back", logs=LOG),),
            {"rolled_back_migrations_are_applied_again": "only rolled back: 3_c"},
        ),
        # Healed: rolled back, mended, applied again; its first row has the checksum of the script that failed.
        ({"3_c": C}, (row("3_c", "broken", "rolled back", logs=LOG), row("3_c", C, "applied")), {}),
        # Healed: failed, resolved as applied, which rolls the failed row back.
        ({"3_c": C}, (row("3_c", C, "rolled back", logs=LOG), row("3_c", C, "resolved", logs="''")), {}),
        # Rolled back and given up: it left the release.
        ({}, (row("3_c", C, "rolled back"),), {}),
        # A baseline: everything only marked as applied.
        ({"3_c": C}, (row("3_c", C, "resolved", logs="''"),), {}),
        ({}, (checksum(sha(B.replace("\n", "\r\n"))),), {}),
        ({}, (checksum(old(B)),), {}),
        (
            {},
            (checksum(sha(B + "\n")),),
            {"applied_migrations_are_unchanged": "edited since: 2_b"},
        ),
        (
            {},
            (row("3_c", C, "applied"),),
            {"applied_migrations_belong_to_the_release": "not in the release: 3_c"},
        ),
        ({}, (row("2_b", B, "applied"),), {"no_migration_is_applied_twice": "applied more than once: 2_b"}),
        (
            {"15_late": C},
            (row("15_late", C, "applied"),),
            {"migrations_were_applied_in_order": "applied after later ones: 15_late"},
        ),
        # Late, but only marked: what it stands for ran nobody knows when.
        ({"15_late": C}, (row("15_late", C, "resolved"),), {}),
        # Squashed: the old ones left the release, their sum is the first now and marked as applied.
        ({"0_squashed": A + B}, ("squash", row("0_squashed", A + B, "resolved")), {}),
        (
            {},
            ("UPDATE _prisma_migrations SET applied_steps_count = 7 WHERE migration_name = '2_b'",),
            {"rows_are_as_the_tool_writes_them": "2_b (7 steps)"},
        ),
        # Failed, then finished by an UPDATE.
        (
            {"3_c": C},
            (
                row("3_c", C, "failed", at="now() - interval '1 hour'", logs=LOG),
                "UPDATE _prisma_migrations SET finished_at = now() WHERE finished_at IS NULL",
            ),
            {"rows_are_as_the_tool_writes_them": "3_c (0 steps)"},
        ),
        ({"README": None}, (), {"every_migration_has_its_script": "no script in README"}),
        ({}, ("UPDATE _prisma_migrations SET started_at = '-infinity' WHERE migration_name = '1_a'",), {"rows": ""}),
    ],
)  # fmt: skip
def test_a_history_is_judged(
    database: Live, more: Mapping[str, str | None], statements: tuple[str, ...], expected: dict[str, str]
) -> None:
    for name, text in more.items():
        if text is None:
            (database.directory / name).mkdir()
        else:
            write(database.directory, {name: text})
    for statement in statements:
        if statement == "squash":
            for name in HISTORY:
                (database.directory / name / "migration.sql").unlink()
                (database.directory / name).rmdir()
        else:
            database.sql(statement)
    seen = database.history()
    if expected == {"rows": ""}:
        expected = {}
    assert wrong(seen) == expected
    assert "ann@example.com" not in seen.model_dump_json()
    assert MigrationsEvidence.model_validate_json(seen.model_dump_json()) == seen


def test_of_a_log_only_its_shape_is_taken(database: Live) -> None:
    database.sql(row("3_c", C, "failed", logs=LOG), "GRANT SELECT (logs) ON _prisma_migrations TO verifier")
    seen = database.history()
    assert wrong(seen) == {"no_migration_has_failed": "failed: 3_c (error 23505)"}
    assert (seen.rows or ())[-1].log_bytes == len(LOG) - 2
    assert "ann@example.com" not in seen.model_dump_json()


def test_without_a_table_nothing_is_judged_but_that(database: Live) -> None:
    database.sql("DROP TABLE _prisma_migrations")
    found = wrong(database.history())
    assert found.pop("history_exists") == "no table _prisma_migrations"
    assert set(found.values()) == {"cannot tell: there is no table _prisma_migrations"}


def test_a_running_migration_is_no_failed_one(database: Live) -> None:
    write(database.directory, {"3_c": C})
    database.sql(row("3_c", C, "failed"))
    with database.connect("migrator") as engine:
        engine.execute("BEGIN; SELECT pg_advisory_lock(72707369); SELECT 1")
        found = wrong(database.history())
    assert found == {"every_migration_is_applied": "cannot tell: the migration 3_c is running"}
    assert wrong(database.history()) == {"no_migration_has_failed": "failed: 3_c"}


def test_a_lock_that_was_left_behind_covers_no_failure(database: Live) -> None:
    """Through a transaction pool the lock stays with a server connection that does nothing any more."""
    database.sql(row("2_b", B, "failed"))
    with database.connect("migrator") as engine:
        engine.execute("SELECT pg_advisory_lock(72707369)")
        seen = database.history()
    assert seen.lock is not None
    assert seen.lock.idle is not None
    later = seen.model_copy(update={"lock": seen.lock.model_copy(update={"idle": 120.0})})
    assert "no_migration_has_failed" in wrong(later)
    assert "no_migration_has_failed" not in wrong(seen)


def test_a_replica_does_not_show_what_runs() -> None:
    rows = MIGRATIONS.rows or ()
    failed = rows[1].model_copy(update={"state": "unfinished", "finished_at": None, "steps": 0})
    seen = MIGRATIONS.model_copy(update={"rows": (rows[0], failed), "in_recovery": True})
    assert wrong(MIGRATIONS) == {}
    assert wrong(seen)["no_migration_has_failed"].startswith("cannot tell: a replica does not show")


def test_the_missing_grant_is_named_and_is_enough(database: Live) -> None:
    database.sql(
        "REVOKE ALL ON _prisma_migrations FROM verifier", "REVOKE USAGE ON SCHEMA public FROM PUBLIC, verifier"
    )
    for look in (migrations.look, drift.look):
        with pytest.raises(CannotTell) as caught:
            look(database.target(), database.context())
        assert caught.value.cause == "permission"
    line = caught.value.message.partition(": ")[2]
    assert line == (
        'GRANT USAGE ON SCHEMA "public" TO "verifier"; GRANT SELECT (id, migration_name, checksum, started_at,'
        ' finished_at, rolled_back_at, applied_steps_count) ON "public"._prisma_migrations TO "verifier";'
    )
    database.sql(line)
    assert wrong(database.history()) == {}


def test_the_line_of_the_documentation_is_the_one_that_is_named() -> None:
    text = (ROOT / "docs" / "permissions" / "postgres.sql").read_text("utf-8")
    columns = re.search(r"GRANT SELECT \(([^)]*)\)", text.replace("'\n              '", ""))
    assert columns is not None
    assert columns[1] == GRANT.partition("(")[2].partition(")")[0]


def test_the_shipped_role_sees_everything_and_the_app_nothing_more(server: Server, database: Live) -> None:
    """docs/permissions/postgres.sql as it is, against a role that starts with nothing."""
    database.sql("REVOKE ALL ON _prisma_migrations FROM verifier", "REVOKE pg_monitor FROM verifier")
    done = subprocess.run(
        ["psql", "--set=ON_ERROR_STOP=1", f"--set=database={database.database}", "--no-psqlrc", "--quiet",
         f"--file={ROOT / 'docs' / 'permissions' / 'postgres.sql'}"],
        env={"PATH": "/usr/bin:/bin", "PGHOST": server.host, "PGPORT": str(server.port), "PGUSER": server.superuser,
             "PGPASSWORD": server.password, "PGDATABASE": "postgres"},
        capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["verifier_can_write_to", "-----------------------", "(0", "rows)"]
    assert wrong(database.history()) == {}
    assert database.history().rows is not None
    assert all(one.log_bytes is None for one in database.history().rows or ())


def test_the_table_may_be_in_any_schema_but_only_in_one(database: Live) -> None:
    database.sql(
        'CREATE SCHEMA "my app"', 'ALTER TABLE _prisma_migrations SET SCHEMA "my app"',
        'GRANT USAGE ON SCHEMA "my app" TO verifier',
    )  # fmt: skip
    seen = database.history()
    assert (seen.table, wrong(seen)) == ("my app._prisma_migrations", {})
    database.sql('CREATE TABLE public._prisma_migrations AS SELECT * FROM "my app"._prisma_migrations')
    with pytest.raises(CannotTell, match=r"several schemas \(my app, public\)"):
        database.history()
    assert wrong(database.history(schema="my app")) == {}


def test_the_look_writes_nothing(server: Server, database: Live) -> None:
    counters = (
        "SELECT tup_inserted, tup_updated, tup_deleted, temp_files FROM pg_stat_database"
        " WHERE datname = current_database()",
        "SELECT pg_snapshot_xmax(pg_current_snapshot())",
        "SELECT md5(string_agg(t::text, ',' ORDER BY t::text)) FROM _prisma_migrations t",
        "SELECT md5(string_agg(c::text, ',' ORDER BY oid)) FROM (SELECT oid, relname, relfilenode FROM pg_class) c",
        "SELECT pg_current_wal_insert_lsn()",
    )

    def state() -> list[Any]:
        with database.connect() as connection:
            return [connection.execute(query.encode()).fetchall() for query in counters]

    # The server itself writes a little at times, and whoever reads a changed page first tidies it up: once is enough.
    log = Path(server.host).parent / "primary.log"
    for _ in range(4):
        before, begin = state(), log.stat().st_size
        database.history()
        database.drift()
        if (after := state()) == before:
            break
    assert after == before
    told = log.read_text("utf-8", "replace").encode()[begin:].decode()
    asked = re.findall(r"(?:statement|execute [^:]*): (?:/\*.*?\*/)?\s*(\w+)", told)
    assert len(asked) > 20
    assert set(asked) <= {"SELECT", "BEGIN", "SET", "ROLLBACK", "WITH"}, set(asked)
    assert set(re.findall(r"statement: SET (\w+)", told)) == {"LOCAL"}


# Sources


def tree(directory: Path) -> Path:
    """A directory of migrations beside other things."""
    write(directory / "prisma" / "migrations", HISTORY)
    (directory / "prisma" / "migrations" / "migration_lock.toml").write_text('provider = "postgresql"\n')
    (directory / "prisma" / "schema.prisma").write_text("// nothing\n")
    return directory


def names(source: str) -> list[str]:
    prisma = Prisma()
    return [script.name for script in prisma.scripts(read(source, prisma.wanted, 10))]


def repository(directory: Path) -> Path:
    """A repository with one commit, tagged v1, after which the files change."""
    tree(directory)
    (directory / ".gitattributes").write_text("*.sql text eol=crlf\nprisma export-ignore\n")
    run = ["git", "-C", str(directory), "-c", "user.name=t", "-c", "user.email=t@example.com"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "one"], ["tag", "v1"]):
        subprocess.run([*run, *command], check=True, capture_output=True)
    write(directory / "prisma" / "migrations", {"3_c": C})
    return directory


def test_a_commit_is_read_as_it_is(tmp_path: Path) -> None:
    repo = repository(tmp_path / "my@repo")
    source = f"git:{repo}@v1:prisma/migrations"
    assert names(source) == ["1_a", "2_b"]
    found = read(source, Prisma().wanted, 10)
    assert found.files["1_a/migration.sql"] == A.encode()
    assert re.fullmatch("git [0-9a-f]{12}", found.label)
    assert names(str(repo / "prisma" / "migrations")) == ["1_a", "2_b", "3_c"]
    assert names(f"git:{repo}@HEAD:prisma/migrations/") == ["1_a", "2_b"]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("git:{repo}@v2:prisma/migrations", "the repository has no commit v2"),
        ("git:{repo}@v1:prisma/other", "no migration in the git that"),
        ("git:{repo}/nowhere@v1:prisma", "the repository of `source` is none"),
        ("git:/@v1:prisma", "the repository of `source` is none"),
        ("{repo}/nowhere", "the directory of `source`: No such file or directory"),
        ("{repo}/prisma/schema.prisma", "the directory of `source`: Not a directory"),
        ("{repo}/prisma", "no migration in the directory"),
        ("{repo}/nowhere.tar.gz", "the archive of `source`: No such file or directory"),
        ("{repo}/damaged.zip", "the archive of `source`: is damaged, or is none"),
    ],
)
def test_a_source_that_is_not_there_is_told_in_one_line(tmp_path: Path, source: str, said: str) -> None:
    repo = repository(tmp_path / "repo")
    (repo / "damaged.zip").write_bytes(b"PK\x03\x04 and nothing else")
    with pytest.raises(CannotTell) as caught:
        names(source.format(repo=repo))
    assert said in caught.value.message
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    "source", ["git:/srv/app@--output=/tmp/x:prisma", "git:/srv/app@v1", "git:@v1:p", "", "git:/a@v1..v2 x:p"]
)
def test_what_is_no_source_is_refused(source: str) -> None:
    with pytest.raises(ValidationError):
        Migrations(database="primary", source=source)


def test_nothing_of_a_repository_is_run(tmp_path: Path) -> None:
    repo = repository(tmp_path / "repo")
    trap = tmp_path / "trap"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {trap}\n")
    program.chmod(0o755)
    for key in ("core.fsmonitor", "core.pager", "core.sshCommand", "filter.x.smudge", "diff.external"):
        subprocess.run(["git", "-C", str(repo), "config", key, str(program)], check=True)
    (repo / ".git" / "hooks" / "post-checkout").write_text(f"#!/bin/sh\ntouch {trap}\n")
    assert names(f"git:{repo}@v1:prisma/migrations") == ["1_a", "2_b"]
    assert not trap.exists()


Archiver = Callable[[Path, dict[str, bytes]], Path]


def tarred(directory: Path, members: dict[str, bytes]) -> Path:
    path = directory / "release.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
        link = tarfile.TarInfo("app/prisma/migrations/9_link/migration.sql")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    return path


def zipped(directory: Path, members: dict[str, bytes]) -> Path:
    path = directory / "release.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
        link = zipfile.ZipInfo("app/prisma/migrations/9_link/migration.sql")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    return path


MEMBERS = {
    "./app/prisma/migrations/1_a/migration.sql": A.encode(),
    "app/prisma/migrations/2_b/migration.sql": B.encode(),
    "app/prisma/migrations/migration_lock.toml": b"",
    "app/.env.production": b"SECRET=1",
    "../outside/3_c/migration.sql": C.encode(),
    "/absolute/4_d/migration.sql": C.encode(),
    "app/prisma/migrations/../5_e/migration.sql": C.encode(),
}


@pytest.mark.parametrize("pack", [tarred, zipped])
def test_an_archive_is_read_without_unpacking(tmp_path: Path, pack: Archiver) -> None:
    path = pack(tmp_path, MEMBERS)
    assert names(str(path)) == ["1_a", "2_b"]
    assert names(f"{path}:app/prisma/migrations") == ["1_a", "2_b"]
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    with pytest.raises(CannotTell, match="no migration in the archive"):
        names(f"{path}:app/other")
    both = pack(tmp_path, {**MEMBERS, "worker/migrations/1_a/migration.sql": A.encode()})
    with pytest.raises(CannotTell, match="in 2 places"):
        names(str(both))


@pytest.mark.parametrize("pack", [tarred, zipped])
def test_a_huge_source_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pack: Archiver) -> None:
    monkeypatch.setattr(_migration_source, "LARGEST", 10_000)
    path = pack(tmp_path, {"m/1_a/migration.sql": b" " * 20_000})
    with pytest.raises(CannotTell, match="too large"):
        names(str(path))
    monkeypatch.setattr(_migration_source, "UNPACKED", 1000)
    if pack is tarred:
        with pytest.raises(CannotTell, match="too large"):
            names(str(pack(tmp_path, {"m/1_a/other.bin": b" " * 20_000})))
    directory = write(tmp_path / "m", {"1_a": " " * 20_000})
    with pytest.raises(CannotTell, match="too large"):
        names(str(directory))


def test_a_source_costs_its_time_only(tmp_path: Path) -> None:
    path = tarred(tmp_path, MEMBERS)
    with pytest.raises(CannotTell) as caught:
        read(str(path), Prisma().wanted, -1.0)
    assert caught.value.cause == "deadline"


def test_links_of_a_directory_lead_nowhere(tmp_path: Path) -> None:
    directory = write(tmp_path / "m", HISTORY)
    (directory / "3_c").symlink_to(tmp_path)
    (directory / "4_d").mkdir()
    (directory / "4_d" / "migration.sql").symlink_to("/etc/passwd")
    found = read(str(directory), Prisma().wanted, 5)
    assert set(found.files) == {"1_a/migration.sql", "2_b/migration.sql"}
    assert Prisma().incomplete(found) == ("4_d",)


@pytest.mark.parametrize(
    ("recorded", "script", "expected"),
    [
        (sha("a\nb\n"), "a\nb\n", True),
        (sha("a\nb\n"), "a\r\nb\r\n", True),
        (sha("a\r\nb\r\n"), "a\nb\n", True),
        (sha("a\r\nb\n"), "a\r\nb\n", True),
        (sha("a\nb"), "a\nb\n", False),
        (sha("a").upper(), "a", True),
        (old("a\nb\n"), "a\r\nb\r\n", True),
        (old("c"), "d", False),
        ("", "a", False),
    ],
)
def test_checksums_are_those_of_the_engine(recorded: str, script: str, expected: bool) -> None:
    assert len(old("a\nb\n")) < 64
    assert same(recorded, script.encode()) is expected


def test_our_own_migrations_are_such() -> None:
    assert len(names(str(OURS))) == 9
    assert Prisma().incomplete(read(str(OURS), Prisma().wanted, 5)) == ()


def test_no_answer_is_an_outage_of_the_database(database: Live) -> None:
    gone = database.postgres().model_copy(
        update={"url": type(database.postgres().url)("postgresql://verifier:hidden@127.0.0.1:9/none")}
    )
    for look in (migrations.look, drift.look):
        with pytest.raises(CannotTell) as caught:
            look(database.target(), database.context(primary=gone))
        assert (caught.value.cause, caught.value.target) == ("outage", "postgres.primary")
    with pytest.raises(CannotTell, match="the database primary is not declared"):
        migrations.look(database.target(), database.context(other=gone))
