"""The same of a newer PostgreSQL than the distribution's: stack, history and drift, looked at in its version.

Left out where none is named, and the summary says so; `.ci/postgres` brings one. It has no TLS.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.environment.sections.postgres import Postgres
from fixtures.probes.database import DatabaseEvidence, look
from fixtures.stack import programs, start, throwaway
from fixtures.stack.stack import Stack
from fixtures.stack.throwaway import Server
from tests import test_database_health as health
from tests import test_drift_area as drift
from tests import test_migrations_area as migrations
from tests._databases import context, declared, found_first, newer
from tests._migrating import roles

OLDER = 15


@pytest.fixture(scope="module", autouse=True)
def home() -> Iterator[Path]:
    """The directory of its programs, which everything that is started here finds first."""
    found = newer()
    assert found is not None, "no newer PostgreSQL is named: .ci/postgres brings one"
    assert (found / "postgres").exists(), f"no PostgreSQL in {found}"
    with found_first(found):
        yield found


@pytest.fixture(scope="module")
def stack(home: Path) -> Iterator[Stack]:
    """The demonstration on servers of this version, which log what they are asked."""
    told = f"{health.TOLD}\nssl = off"
    settings = {"primary.extra": told, "replica.extra": told, "postgres.extensions": "pg_trgm pg_stat_statements"}
    with start(settings) as running:
        assert running.plan.layout.programs.postgres_bin == os.fspath(home)
        yield running


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[Server]:
    """A throwaway of this version."""
    version = next(number for number in range(30, OLDER, -1) if programs.postgres_of(number) == os.fspath(home))
    with throwaway.throwaway(version) as running:
        roles(running)
        yield running


healthy, wanted, changed, database = drift.healthy, drift.wanted, drift.changed, migrations.database


def test_it_is_newer(stack: Stack) -> None:
    targets = declared(stack)
    target = targets["postgres.primary"]
    assert isinstance(target, Postgres)
    seen = look(target, context(targets, "postgres.primary"))
    assert isinstance(seen, DatabaseEvidence)
    assert seen.major > OLDER


test_nothing_is_written = health.test_nothing_is_written_and_only_reads_are_logged
test_the_documented_role = health.test_the_documented_role_sees_everything_and_writes_nothing
test_what_is_not_granted = health.test_what_is_not_granted_is_told_with_the_statement_that_grants_it
test_without_pg_monitor = health.test_without_pg_monitor_sessions_hide_what_they_do
test_what_the_server_asks = health.test_the_server_tells_what_it_asks_of_a_role
test_look_alikes = health.test_look_alikes_are_no_findings
test_foreign_keys = health.test_what_looks_like_an_index_of_a_foreign_key_and_is_none
test_statements_are_counted = health.test_statements_are_counted_only_where_the_server_was_started_for_it

test_no_drift = drift.test_a_healthy_database_has_no_drift
test_a_change_by_hand = drift.test_a_change_by_hand_is_named
test_what_nobody_asked_for = drift.test_what_nobody_asked_for_is_told_apart
test_a_restored_database = drift.test_a_restored_database_is_no_other_one
test_what_was_there_before = drift.test_a_history_may_rely_on_what_was_there_before
test_an_index_at_work = drift.test_an_index_that_is_being_built_is_no_invalid_one

test_a_migration_at_work = migrations.test_a_running_migration_is_no_failed_one
test_the_missing_grant = migrations.test_the_missing_grant_is_named_and_is_enough
test_the_shipped_role = migrations.test_the_shipped_role_sees_everything_and_the_app_nothing_more
