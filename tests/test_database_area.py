"""PostgreSQL: the checks on plain records, the probe against nothing, silence, and a real server."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from checks import database as checks
from fixtures.environment.secrets import Secret
from fixtures.environment.sections.migrations import Migrations
from fixtures.environment.sections.postgres import Postgres
from fixtures.probes import Context, drift, migrations
from fixtures.probes._sql import session
from fixtures.probes.database import DatabaseEvidence, Extension, ReplicaEvidence, Role, look, look_at_replica
from fixtures.stack import start
from fixtures.stack.stack import Stack
from fixtures.vocabulary import CannotTell, Finding
from tests.records.database import DATABASE, REPLICA

SERVER = Postgres(url=Secret("postgresql://nowhere"), app_role="emailai")
MIGHTY = Role(name="a", exists=True, can_login=True, superuser=True)


def judge(function: Callable[..., None], seen: Any) -> str:
    more = (SERVER,) if "server" in function.__annotations__ else ()
    try:
        function(seen, *more)
    except Finding:
        return "failed"
    except CannotTell:
        return "cannot tell"
    return "passed"


def verdicts(seen: DatabaseEvidence | ReplicaEvidence) -> dict[str, str]:
    kind = type(seen).__name__
    return {
        name.removeprefix("check_"): judge(function, seen)
        for name, function in vars(checks).items()
        if name.startswith("check_") and function.__annotations__["seen"] == kind
    }


def wrong(seen: DatabaseEvidence | ReplicaEvidence) -> dict[str, str]:
    return {name: outcome for name, outcome in verdicts(seen).items() if outcome != "passed"}


def test_good_records_pass() -> None:
    assert len(verdicts(DATABASE)) >= 13
    assert len(verdicts(REPLICA)) == 4
    assert wrong(DATABASE) == wrong(REPLICA) == {}


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"version_num": 140000}, {"version_is_supported", "version_is_not_older_than_declared"}),
        ({"version_num": 170001}, {"version_is_the_declared_one"}),
        ({"in_recovery": True}, {"primary_accepts_writes"}),
        ({"default_read_only": True}, {"primary_accepts_writes"}),
        ({"own_superuser": True}, {"our_role_cannot_write"}),
        ({"own_writable_tables": 2}, {"our_role_cannot_write"}),
        ({"tables": 0}, {"application_tables_exist"}),
        ({"encoding": "SQL_ASCII"}, {"encoding_is_utf8"}),
        ({"app_role": Role(name="a", exists=True)}, {"application_role_can_log_in"}),
        ({"app_role": MIGHTY}, {"application_role_has_no_privileges"}),
    ],
)  # fmt: skip
def test_each_mistake_fails_its_checks(change: dict[str, Any], names: set[str]) -> None:
    assert wrong(DATABASE.model_copy(update=change)) == dict.fromkeys(names, "failed")


def test_an_extension_that_is_only_available_is_not_installed() -> None:
    extensions = (Extension(name="uuid-ossp", installed="1.1"), Extension(name="pg_trgm", installed=None))
    assert set(wrong(DATABASE.model_copy(update={"extensions": extensions}))) == {
        "pg_trgm_is_installed",
        "declared_extensions_are_installed",
    }


@pytest.mark.parametrize(
    ("change", "name", "outcome"),
    [
        ({"lag": 11.0}, "replica_lag_is_small", "failed"),
        ({"lag": None}, "replica_lag_is_small", "cannot tell"),
        ({"streaming": None}, "replica_is_streaming", "cannot tell"),
        ({"system_identifier": "2"}, "replica_is_of_the_same_cluster", "failed"),
        ({"system_identifier": None}, "replica_is_of_the_same_cluster", "cannot tell"),
    ],
)
def test_each_mistake_of_a_replica(change: dict[str, Any], name: str, outcome: str) -> None:
    assert wrong(REPLICA.model_copy(update=change)) == {name: outcome}


def test_what_a_replica_without_a_stream_misses_is_unknown() -> None:
    seen = REPLICA.model_copy(update={"streaming": False})
    assert wrong(seen) == {"replica_is_streaming": "failed", "replica_lag_is_small": "cannot tell"}


def context(**servers: Postgres) -> Context:
    return Context(
        "postgres.primary",
        time.monotonic() + 3,
        targets={f"postgres.{name}": server for name, server in servers.items()},
    )


def test_closed_and_silent_ports_cannot_tell_and_nothing_leaks() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        target = Postgres(url=Secret(f"postgresql://me:hidden@127.0.0.1:{port}/db"))
        with pytest.raises(CannotTell) as silent:
            look(target, context())
    with pytest.raises(CannotTell) as closed:
        look(target, context())
    assert (silent.value.cause, closed.value.cause) == ("outage", "outage")
    assert "hidden" not in silent.value.message + closed.value.message


def test_an_undeclared_primary_cannot_tell() -> None:
    with pytest.raises(CannotTell):
        look_at_replica(Postgres(url=SERVER.url, replica_of="primary"), context())


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """A primary with its replica, as the demonstration has them."""
    with start() as running:
        yield running


def test_a_real_server_passes_and_stays_read_only(stack: Stack) -> None:
    url = Secret(stack.variables["primary_url"])
    found = look(Postgres(url=url, app_role="emailai"), context())
    assert isinstance(found, DatabaseEvidence)
    assert DatabaseEvidence.model_validate_json(found.model_dump_json()) == found
    assert wrong(found) == {}
    with session(url, remaining=3) as sql, pytest.raises(CannotTell):
        sql.ask("CREATE TABLE forbidden (id int)")
    with session(url, remaining=3) as sql:
        assert sql.may("SELECT pg_read_file('/etc/passwd')") is None
        assert sql.one("SELECT 1") == (1,)


def test_a_real_replica_follows_its_primary(stack: Stack) -> None:
    primary = Postgres(url=Secret(stack.variables["primary_url"]))
    replica = Postgres(url=Secret(stack.variables["replica_url"]), replica_of="primary")
    assert wrong(look_at_replica(replica, context(primary=primary))) == {}  # type: ignore[arg-type]
    itself = primary.model_copy(update={"replica_of": "primary"})
    found = look_at_replica(itself, context(primary=primary))
    assert wrong(found)["replica_is_in_recovery"] == "failed"  # type: ignore[arg-type]


def test_history_and_catalog_are_read_through_the_pool_and_from_the_replica(stack: Stack) -> None:
    """A transaction pool drops `SET` and keeps no session; a replica has the catalog, and no locks."""
    pool = Postgres(url=Secret(stack.variables["pgbouncer_url"]), app_role="emailai")
    replica = Postgres(url=Secret(stack.variables["replica_url"]), replica_of="primary", heavy_queries="here")
    target = Migrations(database="primary", source=stack.variables["migrations"], unmanaged=("golive_verifier",))
    here = replace(context(primary=pool, replica=replica), target_id="migrations.app", ends=time.monotonic() + 60)
    history = migrations.look(target, here)
    assert isinstance(history, migrations.MigrationsEvidence)
    assert {row.state for row in history.rows or ()} == {"applied"}
    made = ["pg_stat_statements", "uuid-ossp"]
    for servers, server in ({"primary": pool}, "primary"), ({"primary": pool, "replica": replica}, "replica"):
        seen = drift.look(target, replace(here, targets={f"postgres.{name}": one for name, one in servers.items()}))
        assert isinstance(seen, drift.DriftEvidence)
        assert (seen.seen_on, [one.name for one in seen.differences]) == (server, made)


def test_a_superuser_is_seen_and_a_wrong_password_is_refused(stack: Stack) -> None:
    superuser = Postgres(url=Secret(stack.plan.database_url("postgres", "primary")), app_role="emailai")
    assert wrong(look(superuser, context())) == {"our_role_cannot_write": "failed"}  # type: ignore[arg-type]
    stranger = Postgres(url=Secret(stack.variables["primary_url"].replace("verifier:", "verifier:not-")))
    with pytest.raises(CannotTell) as refused:
        look(stranger, context())
    assert refused.value.cause == "permission"


def test_no_answer_is_an_outage_only_where_a_control_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    server = Postgres(url=Secret(f"postgresql://me:hidden@127.0.0.1:{port}/db"))
    blind = replace(context(), vantage="office", controls=(f"127.0.0.1:{port}",))
    with pytest.raises(CannotTell) as unseen:
        look(server, blind)
    assert (unseen.value.cause, unseen.value.target) == ("network", "vantage office")
    with socket.create_server(("127.0.0.1", 0)) as alive:
        sighted = replace(blind, controls=(f"127.0.0.1:{alive.getsockname()[1]}",))
        with pytest.raises(CannotTell) as closed:
            look(server, sighted)
        with pytest.raises(CannotTell) as nameless:
            look(Postgres(url=Secret("postgresql://me:hidden@golive-no-such-name.invalid/db")), sighted)
    assert (closed.value.cause, closed.value.message) == ("outage", "no answer (refused)")
    assert "does not resolve" in nameless.value.message


def test_a_replica_names_the_primary_that_it_could_not_be_compared_with() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    gone = Postgres(url=Secret(f"postgresql://me:hidden@127.0.0.1:{port}/db"))
    here = replace(context(first=gone), target_id="postgres.second")
    with pytest.raises(CannotTell) as unseen:
        look_at_replica(Postgres(url=SERVER.url, replica_of="first"), here)
    assert (unseen.value.cause, unseen.value.target) == ("outage", "postgres.first")


def test_a_replica_that_holds_records_back_has_a_lag_at_every_look(stack: Stack) -> None:
    primary = Postgres(url=Secret(stack.variables["primary_url"]))
    replica = Postgres(url=Secret(stack.variables["replica_url"]), replica_of="primary")
    stack.sql("SELECT pg_wal_replay_pause()", at="replica")
    try:
        stack.sql("SELECT pg_logical_emit_message(true, 'golive', 'x')")
        time.sleep(0.5)
        held = look_at_replica(replica, context(primary=primary))
    finally:
        stack.sql("SELECT pg_wal_replay_resume()", at="replica")
    assert isinstance(held, ReplicaEvidence)
    assert held.lag is not None
    assert held.lag > 0.4
