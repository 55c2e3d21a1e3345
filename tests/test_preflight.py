"""Preflight names what a run would lack, all of it, each in a line that says what to do, and judges nothing."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from fixtures.environment.loading import load
from fixtures.environment.references import Unresolved
from fixtures.preflight import Asking, Kind, Lack, _clocks, lacks
from fixtures.preflight._server import lacking, too_small
from fixtures.preflight.redis import ASKED
from fixtures.probes._redis import LOOKING, _closed
from fixtures.stack.stack import Stack
from tests import _loop
from tests._app import file_of, running
from tests._gate import ROOT, gate


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """A healthy stack."""
    with _loop.one_stack() as found:
        yield found


def whole(path: Path, stack: Stack, **other: str) -> Path:
    """The demonstration's environment file over a stack that runs already, some of its values replaced."""
    text = (ROOT / "environments" / "demo.yaml").read_text(encoding="utf-8")
    text = text.replace("extends: base", f"extends: {ROOT}/environments/base.yaml")
    text = text.replace("stack: {launcher: processes}\n", "")
    text = "".join(line for line in text.splitlines(keepends=True) if "${stack:app2_url}" not in line)
    for key, value in {**stack.variables, **other}.items():
        text = text.replace(f"${{stack:{key}}}", value)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return path


def preflight(directory: Path, *options: str, **env: str) -> subprocess.CompletedProcess[str]:
    return gate(directory / "run", "--preflight", *options, env=env)


def found(file: Path, kind: Kind = "gate") -> list[str]:
    """What a run would lack, on a machine that may be busy."""
    missing: dict[str, Unresolved] = {}
    environment = load(str(file), missing=missing)
    without = {".".join(key.split(".")[:2]) for key in missing}
    told = lacks(environment, kind, environment.targets(), without, seconds=120)
    return [*map(str, missing.values()), *map(str, told)]


@pytest.mark.parametrize("kind", ["gate", "nightly"])
def test_a_healthy_deployment_lacks_nothing(stack: Stack, tmp_path: Path, kind: Kind) -> None:
    assert found(whole(tmp_path / "whole.yaml", stack), kind) == []


def test_each_of_five_troubles_is_named_and_nothing_else(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A missing grant, a wrong password, a closed port, a missing program and an unset secret."""
    password = urlsplit(stack.variables["replica_url"]).password
    closed = f"127.0.0.1:{stack.variables['closed_port']}"
    file = whole(
        tmp_path / "whole.yaml",
        stack,
        replica_url=stack.variables["replica_url"].replace(f":{password}@", ":another-one@"),
        app1_url=f"http://{closed}",
        migrations=f"git:{tmp_path}@HEAD:migrations",
        stripe_secret="${env:GOLIVE_NO_SUCH_SECRET}",
    )
    monkeypatch.setenv("PATH", str(tmp_path))
    stack.sql("REVOKE pg_monitor FROM verifier")
    try:
        told = found(file)
    finally:
        stack.sql("GRANT pg_monitor TO verifier")
    line = next(n for n, text in enumerate(file.read_text(encoding="utf-8").splitlines(), 1) if "NO_SUCH" in text)
    assert sorted(told) == sorted(
        [
            f"{file}:{line}: webhooks.stripe.signing_secret: ${{env:GOLIVE_NO_SUCH_SECRET}} is empty or not set,"
            " a value is needed",
            f"instances.app1: {closed}: no answer (refused)",
            "postgres.primary: GRANT pg_monitor TO verifier;",
            "postgres.replica: the database does not let our role in or look (refused login)",
            "migrations.app: git is not installed: `source` is a commit of a repository",
        ]
    )


def test_each_grant_of_the_database_is_named_as_it_is_given(stack: Stack, tmp_path: Path) -> None:
    file = whole(tmp_path / "whole.yaml", stack)
    stack.sql("REVOKE SELECT ON pg_hba_file_rules FROM verifier")
    stack.sql("REVOKE SELECT ON ALL SEQUENCES IN SCHEMA public FROM verifier")
    stack.sql("REVOKE SELECT (checksum) ON _prisma_migrations FROM verifier")
    stack.sql("REVOKE SELECT (organization_id) ON users FROM verifier")
    try:
        told = [line for line in found(file) if not line.startswith("postgres.replica")]
    finally:
        stack.sql("GRANT SELECT ON pg_hba_file_rules TO verifier")
        stack.sql("GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO verifier")
        stack.sql("GRANT SELECT (checksum) ON _prisma_migrations TO verifier")
        stack.sql("GRANT SELECT (organization_id) ON users TO verifier")
    assert [line.partition(": ")[0] for line in told] == ["migrations.app", *["postgres.primary"] * 2, "tenants.app"]
    grants = "\n".join(told)
    assert "GRANT SELECT ON pg_hba_file_rules TO verifier;" in grants
    assert 'GRANT SELECT ON ALL SEQUENCES IN SCHEMA "public" TO verifier;' in grants
    assert "GRANT SELECT (id, migration_name, checksum," in grants
    assert 'GRANT SELECT ("id", "organization_id") ON "users" TO "verifier"' in grants


def test_the_command_ends_with_whether_it_is_ready(tmp_path: Path) -> None:
    with running(2) as apps:
        ready = preflight(tmp_path, f"--env={file_of(tmp_path / 'apps.yaml', apps)}")
    gone = preflight(tmp_path, f"--env={tmp_path / 'apps.yaml'}", "--run=nightly")
    assert (ready.returncode, ready.stdout.startswith("READY apps: 2 targets, ")) == (0, True), ready.stdout
    lines = gone.stdout.splitlines()
    assert (gone.returncode, len(lines)) == (10, 3), gone.stdout
    assert lines[-1].startswith("NOT READY apps: 2 problems, ")
    assert not (tmp_path / "run").exists()


def test_a_stack_of_our_own_takes_its_programs(tmp_path: Path) -> None:
    run = preflight(tmp_path, "--env=demo")
    assert (run.returncode, run.stdout.startswith("READY demo: the stack can be started")) == (0, True), run.stdout


@pytest.mark.parametrize("option", ["--replay=x", "--recheck=x", "--fault=headers.no_nosniff"])
def test_what_looks_at_nothing_now_is_refused(tmp_path: Path, option: str) -> None:
    run = preflight(tmp_path, "--env=demo", option)
    assert (run.returncode, len(run.stderr.strip().splitlines())) == (4, 1), run.stderr


def test_a_mute_target_is_a_line_in_time(tmp_path: Path) -> None:
    """Nobody accepts what a full queue of connections holds."""
    import socket

    with socket.create_server(("127.0.0.1", 0), backlog=1) as mute:
        (tmp_path / "mute.yaml").write_text(
            "schema: 1\n"
            f"postgres: {{primary: {{url: 'postgresql://verifier:longer@127.0.0.1:{mute.getsockname()[1]}/x'}}}}\n",
            encoding="utf-8",
        )
        run = preflight(tmp_path, f"--env={tmp_path / 'mute.yaml'}")
    assert run.returncode == 10, run.stderr
    assert "postgres.primary: " in run.stdout
    assert "NOT READY mute: 1 problem" in run.stdout


def test_clocks_that_differ_are_told_once_where_it_is_ours() -> None:
    ours = _clocks([("postgres.primary", 40.0), ("endpoints.web", 41.0)])
    assert ours == [
        Lack("this machine", "its clock is 40 s behind those of postgres.primary, endpoints.web: set it"
             " (chronyc makestep)")
    ]  # fmt: skip
    theirs = _clocks([("postgres.primary", 40.0), ("endpoints.web", -9.0)])
    assert [str(one).partition(":")[0] for one in theirs] == ["postgres.primary", "endpoints.web"]
    asking = Asking("gate", "endpoints.web")
    asking.clock(2.4, 0.5)
    asking.clock(2.6, 0.5)
    assert asking.clocks == [("endpoints.web", 2.6)]


def test_a_night_makes_what_is_left_to_it() -> None:
    assert [Asking("gate", "x").has_turn(when) for when in ("gate", "nightly")] == [True, False]
    assert [Asking("nightly", "x").has_turn(when) for when in ("gate", "nightly")] == [True, True]


def test_what_a_drill_takes_is_told() -> None:
    assert "PostgreSQL 9 is not installed here" in lacking(9)
    assert "GB free, a drill takes some 999" in too_small(None, 999 * 10**15)
    assert too_small(None, 1) == ""
    assert "can't be used" in too_small(Path("/nowhere"), 1)


def test_the_rule_of_redis_that_is_missing_is_named() -> None:
    assert "ACL SETUSER … +config|get " in _closed(("CONFIG GET", "save"), "User verifier has no permissions")
    assert "ACL SETUSER … ~* " in _closed(("PTTL", "x"), "No permissions to access a key")
    assert {str(words[0]) for words in ASKED} | {"CONFIG GET"} == set(LOOKING)
