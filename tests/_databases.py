"""Everything that is looked at of databases, in a stack: what is declared of it, seen and judged."""

from __future__ import annotations

import os
import time
import typing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from checks import (
    access,
    activity,
    database,
    drift,
    migrations,
    pgbouncer,
    pool,
    replication,
    schema,
    server,
    statistics,
    tenants,
)
from fixtures import vocabulary
from fixtures.environment.secrets import Secret
from fixtures.environment.sections.migrations import Migrations
from fixtures.environment.sections.pgbouncer import Clients, PgBouncer
from fixtures.environment.sections.postgres import Postgres, PostgresExpectations
from fixtures.environment.sections.tenants import Tenants, TenantTable
from fixtures.probes import PROBES, Context, load_probes
from fixtures.stack.stack import Stack
from fixtures.vocabulary import CannotTell, Evidence, Finding

AREAS = (
    access, activity, database, drift, migrations, pgbouncer, pool, replication, schema, server, statistics, tenants,
)  # fmt: skip
NEWER = "GOLIVE_NEWER_POSTGRES"
"""Names the directory with the programs of a newer PostgreSQL (`.ci/postgres`)."""


def declared(stack: Stack, role: str = "", password: str = "") -> dict[str, Any]:
    """The targets of the demonstration, seen as our role or another; only ours is known to the pooler."""

    def url(name: str) -> Secret:
        given = stack.variables[f"{name}_url"]
        mine = f"verifier:{stack.plan.passwords['verifier']}@"
        return Secret(given.replace(mine, f"{role}:{password}@") if role else given)

    extensions = tuple(stack.plan["postgres.extensions"].split())
    tls = stack.sql("SHOW ssl") == [("on",)]  # there are builds without it
    wanted = PostgresExpectations(tls=tls, extensions=extensions, major=major(stack))
    targets = {
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
        "migrations.app": Migrations(
            database="primary", source=stack.variables["migrations"], unmanaged=("golive_verifier",)
        ),
    }
    if role:
        return targets
    pooler = PgBouncer.model_validate(
        {"console": url("pgbouncer_admin"), "url": url("pgbouncer"), "for": "primary"}
        | {"clients": Clients(processes=2, connection_limit=20), "expect": {"pool_mode": "transaction"}}
    )
    return {**targets, "pgbouncer.main": pooler}


def major(stack: Stack) -> int:
    """The major version of the stack's servers."""
    return int(stack.sql("SELECT current_setting('server_version_num')::int / 10000")[0][0])


def context(targets: dict[str, Any], target: str, seconds: float = 60.0) -> Context:
    """What a probe is given."""
    return Context(target, time.monotonic() + seconds, targets=targets)


def evidence(targets: dict[str, Any], areas: tuple[ModuleType, ...] = AREAS) -> Iterator[tuple[str, Evidence]]:
    """Everything that the probes of these areas see, one after the other."""
    load_probes()
    kinds = {kind for area in areas for check in functions(area) for kind in hints(check) if issubclass(kind, Evidence)}
    for kind in sorted(kinds, key=lambda one: one.__name__):
        for probe in PROBES[kind]:
            for target, model in targets.items():
                if target.startswith(f"{probe.section}.") and probe.applies(model):
                    seen = probe.look(model, context(targets, target))
                    assert type(seen).model_validate_json(seen.model_dump_json()) == seen
                    yield target, seen


def functions(area: ModuleType) -> list[Callable[..., None]]:
    """The checks of an area."""
    return [each for each in vars(area).values() if vocabulary.check_of(each) is not None]


def hints(check: Callable[..., None]) -> list[type]:
    """What a check asks for, in its order."""
    return [kind for name, kind in typing.get_type_hints(check).items() if name != "return"]


def judged(targets: dict[str, Any], areas: tuple[ModuleType, ...] = AREAS) -> dict[str, str]:
    """What does not pass, by check and target: what was seen, or why nobody can tell."""
    wrong = {}
    for target, seen in evidence(targets, areas):
        server_of = targets["postgres.primary"]
        for area in areas:
            for function in functions(area):
                kinds, check = hints(function), vocabulary.check_of(function)
                if type(seen) not in kinds or check is None or not check.applies(targets[target]):
                    continue
                # A check of migrations may ask for the server that they were applied to.
                given = {type(seen): seen, Postgres: server_of, type(targets[target]): targets[target]}
                try:
                    function(*(given[kind] for kind in kinds))
                except Finding as finding:
                    wrong[f"{check.id} {target}"] = f"failed: {finding.seen}"
                except CannotTell as unseen:
                    wrong[f"{check.id} {target}"] = unseen.message
    return wrong


@contextmanager
def nothing_written(stack: Stack) -> Iterator[None]:
    """What runs inside must leave tables, counters and the write-ahead log as they are: no transaction got a number.

    The log itself goes on without one: checkpoints, snapshots for the replica, and rows that a read tidies up.
    """
    stack.sql("CREATE EXTENSION IF NOT EXISTS pg_walinspect")
    names = stack.sql(_TABLES)
    contents = " UNION ALL ".join(_CONTENTS[kind].format(name=name) for name, kind in names)
    time.sleep(1.2)  # what sessions have counted is there a second later
    before = [stack.sql(query) for query in (_COUNTED, _NUMBERS, contents)]
    began = stack.sql("SELECT pg_current_wal_flush_lsn()::text")[0][0]
    yield
    time.sleep(1.2)
    ended = stack.sql("SELECT pg_current_wal_flush_lsn()::text")[0][0]
    assert [stack.sql(query) for query in (_COUNTED, _NUMBERS, contents)] == before
    assert len(names) > 3
    if began != ended:
        assert stack.sql(_LOGGED.format(began=began, ended=ended)) == []


_TABLES = """
SELECT c.oid::regclass::text, c.relkind::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'S') AND n.nspname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1
"""
_CONTENTS = {
    "r": "SELECT '{name}', count(*)::text, md5(string_agg(t::text, ',')) FROM {name} t",
    "S": "SELECT '{name}', last_value::text, is_called::text FROM {name}",
}
_COUNTED = """
SELECT datname, tup_inserted, tup_updated, tup_deleted, temp_files, stats_reset FROM pg_stat_database ORDER BY 1
"""
# A transaction that writes has a number; the next one is the same as long as nobody wrote.
_NUMBERS = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text"
_LOGGED = """
SELECT resource_manager, record_type, count(*) FROM pg_get_wal_records_info('{began}', '{ended}')
 WHERE xid::text <> '0' GROUP BY 1, 2
"""


def newer() -> Path | None:
    """Where the programs of a newer PostgreSQL are, if there are any for tests."""
    given = os.environ.get(NEWER)
    return Path(given) if given else None


@contextmanager
def found_first(home: Path) -> Iterator[None]:
    """Programs in this directory go before all others of their kind: a stack of them can be started."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{home}{os.pathsep}{os.environ['PATH']}")
        yield
