"""Pools of PgBouncer: consoles of eight versions, the budget, and a real pooler whose clients wait or go past it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import psycopg
import pytest

from checks import pgbouncer as settings_checks
from checks import pool as checks
from fixtures.environment.secrets import Secret
from fixtures.environment.sections.pgbouncer import Clients, PgBouncer
from fixtures.environment.sections.postgres import Postgres
from fixtures.probes import Context
from fixtures.probes.pgbouncer import databases, read
from fixtures.probes.pool import PoolEvidence, PoolUseEvidence, look, look_at_use, pools
from fixtures.stack import start
from fixtures.stack.stack import Stack
from fixtures.vocabulary import CannotTell, Finding
from tests._pgbouncer_versions import VERSIONS, Recorded
from tests.records.pgbouncer import ENTRY, PGBOUNCER, POOLER_TARGET
from tests.records.pool import POOL, POOL_USE, POOLS


@pytest.mark.parametrize("version", VERSIONS)
def test_consoles_of_every_version_are_read(version: str) -> None:
    console = Recorded(version)
    seen = read(console)
    assert seen.version == f"PgBouncer {version}"
    assert (seen.min_pool_size, seen.reserve_pool_size, seen.reserve_pool_timeout) == (5, 5, 5.0)
    assert (seen.listen_addr, seen.listen_port, seen.max_client_conn) == ("127.0.0.1", 6432, 1000)
    (entry,) = seen.databases
    assert (entry.name, entry.host, entry.pool_size, entry.reserve) == ("emailai_prod", "10.0.0.5", 25, 5)
    assert (entry.paused, entry.disabled, entry.most) == (False, False, 0)
    minor = int(version.split(".")[1])
    assert seen.max_prepared_statements == (None if minor < 21 else 0 if minor < 24 else 200)
    (pool,) = pools(console, databases(console))
    assert (pool.clients, pool.waiting, pool.servers, pool.longest) == (7, 2, 5, 1.25)
    assert (pool.size, pool.reserve) == (10 if minor >= 23 else 25, 5)


def test_a_console_without_a_setting_has_no_value_for_it() -> None:
    class Old(Recorded):
        def show(self, what: str) -> list[dict[str, Any]]:
            return [row for row in super().show(what) if row.get("key") != "min_pool_size"]

    with pytest.raises(CannotTell, match="no min_pool_size"):
        read(Old("1.18.0"))


def found(check: Any, *arguments: Any) -> str:
    """What a check says it has seen; empty if it passes."""
    try:
        check(*arguments)
    except Finding as finding:
        return f"{finding.seen} -> {finding.required}"
    return ""


def test_the_budget_is_shown_as_it_was_computed() -> None:
    tight = POOL_USE.model_copy(update={"max_connections": 40})
    assert found(checks.check_server_has_room_for_all_pools, POOL_USE, POOLER_TARGET) == ""
    assert found(checks.check_server_has_room_for_all_pools, tight, POOLER_TARGET) == (
        "emailai_prod (emailai): (25 + 5) = 30; direct: 10; sum: 40 -> at most 37 (max_connections 40 - reserved 3)"
    )


@pytest.mark.parametrize(
    ("change", "clients", "total"),
    [
        ({}, {}, 40),
        ({"pools": ()}, {}, 40),  # the pool comes with its first client
        ({"pools": (POOL, POOL.model_copy(update={"user": "reports", "size": 10, "reserve": 0}))}, {}, 50),
        ({"pools": (POOL, POOL), "entries": (ENTRY.model_copy(update={"force_user": "emailai"}),)}, {}, 40),
        ({"entries": (ENTRY.model_copy(update={"most": 20}),)}, {}, 30),
        ({"entries": (ENTRY.model_copy(update={"disabled": True}),)}, {}, 10),
        ({"entries": (ENTRY, ENTRY.model_copy(update={"name": "second", "pool_size": 5}))}, {}, 50),
        ({"entries": (ENTRY, ENTRY.model_copy(update={"name": "far", "host": "10.9.9.9", "database": "x"}))}, {}, 40),
        ({}, {"poolers": 3, "direct": 0}, 90),
    ],
)
def test_a_budget(change: dict[str, Any], clients: dict[str, int], total: int) -> None:
    seen = POOL_USE.model_copy(update=change)
    assert checks.budget(seen, Clients(processes=3, connection_limit=20, **clients))[1] == total


def test_clients_that_do_not_fit_are_multiplied_out() -> None:
    few = POOLS.model_copy(update={"max_client_conn": 59})
    assert found(checks.check_pooler_has_room_for_all_clients, few, POOLER_TARGET) == (
        "processes: 3; each: 20; product: 60 -> at most 59 (max_client_conn)"
    )


def test_in_session_mode_prepared_statements_stay_where_they_are() -> None:
    old = PGBOUNCER.model_copy(update={"max_prepared_statements": None})
    assert found(settings_checks.check_prepared_statements_find_their_connection, old)
    session = old.model_copy(update={"pool_mode": "session"})
    assert not found(settings_checks.check_prepared_statements_find_their_connection, session)


def test_sessions_that_can_not_be_told_apart_are_not_blamed() -> None:
    strange = POOL_USE.model_copy(update={"through": 0, "past": {"": 5}})
    with pytest.raises(CannotTell, match="another server"):
        checks.check_nobody_goes_past_the_pool(strange)
    nameless = POOL_USE.model_copy(update={"role": None})
    for check in (checks.check_nobody_goes_past_the_pool, checks.check_the_application_comes_through_the_pool):
        with pytest.raises(CannotTell, match="app_role"):
            check(nameless)


def test_client_programs_may_go_past_the_pool() -> None:
    assert not found(checks.check_nobody_goes_past_the_pool, POOL_USE.model_copy(update={"past": {"pg_dump": 1}}))
    assert found(checks.check_nobody_goes_past_the_pool, POOL_USE.model_copy(update={"past": {"": 1}}))


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """A pooler with pools of one connection and no reserve, in front of a primary."""
    small = {"pgbouncer.default_pool_size": "1", "pgbouncer.min_pool_size": "0", "pgbouncer.reserve_pool_size": "0"}
    with start(small) as running:
        yield running


def target(stack: Stack, **more: Any) -> PgBouncer:
    return PgBouncer.model_validate(
        {"console": Secret(stack.variables["pgbouncer_admin_url"]), "for": "primary", **more}
    )


def context(stack: Stack) -> Context:
    primary = Postgres(url=Secret(stack.variables["primary_url"]), app_role="emailai")
    return Context("pgbouncer.main", time.monotonic() + 10, targets={"postgres.primary": primary})


def seen(stack: Stack, **more: Any) -> PoolEvidence:
    evidence = look(target(stack, **more), context(stack))
    assert isinstance(evidence, PoolEvidence)
    assert PoolEvidence.model_validate_json(evidence.model_dump_json()) == evidence
    return evidence


def use(stack: Stack) -> PoolUseEvidence:
    evidence = look_at_use(target(stack), context(stack))
    assert isinstance(evidence, PoolUseEvidence)
    assert PoolUseEvidence.model_validate_json(evidence.model_dump_json()) == evidence
    return evidence


def test_a_client_that_waits_is_seen_and_a_question_meets_the_full_pool(stack: Stack) -> None:
    pooled = stack.plan.database_url("verifier", "pgbouncer")
    with ExitStack() as held:
        first, second = (
            held.enter_context(closing(psycopg.connect(pooled, prepare_threshold=None, autocommit=True)))
            for _ in range(2)
        )
        first.execute("BEGIN")
        second.pgconn.send_query(b"SELECT 1")
        second.pgconn.flush()
        time.sleep(1.2)
        full = seen(stack, url=Secret(pooled))
        first.execute("ROLLBACK")
    (mine,) = [one for one in full.pools if one.user == "verifier"]
    assert mine.waiting >= 1
    assert mine.longest >= 1.0
    assert "wait, the first for" in found(checks.check_no_client_waits, full, target(stack))
    assert "no answer within 3 s" in found(checks.check_a_question_through_the_pool_is_answered, full)
    free = seen(stack, url=Secret(pooled))
    assert free.question == "answered"
    assert seen(stack).question == "not asked"


def test_a_session_past_the_pool_is_told_from_those_through_it(stack: Stack) -> None:
    healthy = use(stack)
    assert healthy.clients >= 2
    assert healthy.past == {}
    assert (healthy.database, healthy.max_connections, healthy.reserved) == ("emailai_prod", 100, 3)
    direct = stack.plan.database_url("emailai", "primary")
    with psycopg.connect(direct), psycopg.connect(direct, application_name="pg_dump"):
        assert use(stack).past == {"": 1, "pg_dump": 1}
    with psycopg.connect(stack.plan.database_url("emailai", "pgbouncer"), prepare_threshold=None) as pooled:
        pooled.execute("SELECT 1")  # a connection of the server's is ours until the transaction ends
        through = use(stack)
    assert (through.past, through.through) == ({}, 1)


def test_an_undeclared_server_cannot_tell(stack: Stack) -> None:
    with pytest.raises(CannotTell, match="not declared"):
        look_at_use(target(stack), Context("pgbouncer.main", time.monotonic() + 5))
