"""What a PostgreSQL server has counted over days: habits that monitoring should watch, looked at in the night."""

from __future__ import annotations

from checks._words import some
from fixtures.environment.sections.postgres import Postgres
from fixtures.probes.statistics import StatisticsEvidence
from fixtures.vocabulary import ADVISORY, ESTATE, LOW, MEDIUM, CannotTell, check, expect

MANY = 10_000
"""Rows, live or dead, that make a table worth a word; smaller ones are read whole for good reasons."""
ENOUGH_BLOCKS = 1_000_000
"""Blocks (8 GB) from which on the share of the cache says something."""
ENOUGH_CHECKPOINTS = 50
BY_INDEX = 0.95
"""The share of reads by an index below which pghero takes a table for one that lacks an index."""


@check(severity=ADVISORY, scope=ESTATE)
def check_most_blocks_come_from_the_cache(seen: StatisticsEvidence, server: Postgres) -> None:
    """Nearly all blocks are found in the server's cache; that of the system below it is not seen.

    Fix: A greater `shared_buffers`, or fewer queries that read whole tables.

    See: `psql -c "SELECT blks_hit, blks_read FROM pg_stat_database"`
    """
    total = seen.hit + seen.read
    if total < ENOUGH_BLOCKS:
        return
    limit = server.expect.cache_hit
    expect(seen.hit / total >= limit, seen=f"{seen.hit / total:.1%}", required=f"at least {limit:.0%}")


@check(severity=LOW, scope=ESTATE)
def check_dead_rows_are_cleared_away(seen: StatisticsEvidence, server: Postgres) -> None:
    """Autovacuum keeps up: no table with many dead rows has more of them than expected.

    Fix: `ALTER TABLE ... SET (autovacuum_vacuum_scale_factor = 0.02)`; end old transactions and idle slots.

    See: `psql -c "SELECT relname, n_live_tup, n_dead_tup, last_autovacuum FROM pg_stat_user_tables"`
    """
    limit = server.expect.dead_tuples
    full = [
        f"{one.name} {one.dead / (one.dead + one.live):.0%}"
        for one in seen.tables
        if one.dead >= MANY and one.dead > limit * (one.dead + one.live)
    ]
    expect(not full, seen=f"dead: {some(full)}", required=f"at most {limit:.0%}")


@check(severity=ADVISORY, scope=ESTATE, guide="perf.indexes")
def check_large_tables_are_read_by_index(seen: StatisticsEvidence) -> None:
    """Large tables are read by an index in nearly all cases; the guide's query for missing indexes, by correlation in
    pg_stats, shows no index at all.

    Fix: `EXPLAIN` the slowest statements of these tables; `CREATE INDEX CONCURRENTLY`.

    See: `psql -c "SELECT relname, seq_scan, idx_scan, n_live_tup FROM pg_stat_user_tables"`
    """
    whole = [
        f"{one.name} ({one.whole:.0f} times of {one.whole + one.by_index:.0f})"
        for one in seen.tables
        if one.live >= MANY and one.by_index and one.by_index < BY_INDEX * (one.whole + one.by_index)
    ]
    expect(not whole, seen=f"read whole: {some(whole)}", required=f"{BY_INDEX:.0%} by an index")


@check(severity=ADVISORY, scope=ESTATE)
def check_checkpoints_come_in_time(seen: StatisticsEvidence) -> None:
    """Most checkpoints come after `checkpoint_timeout`, not because the log is full: those write in bursts.

    Fix: A greater `max_wal_size`.

    See: `psql -c "SELECT checkpoints_timed, checkpoints_req FROM pg_stat_bgwriter"` (17 on: pg_stat_checkpointer)
    """
    total = seen.timed + seen.requested
    if total < ENOUGH_CHECKPOINTS:
        return
    expect(seen.requested * 2 <= total, seen=f"{seen.requested} of {total} were requested", required="at most half")


@check(severity=MEDIUM, scope=ESTATE, guide="maint.weekly-slow-queries")
def check_slow_queries_can_be_reviewed(seen: StatisticsEvidence) -> None:
    """The weekly review of slow queries has something to look at: pg_stat_statements, or a log of slow statements. The
    guide sets up neither.

    Fix: `shared_preload_libraries = 'pg_stat_statements'`, a restart, `CREATE EXTENSION pg_stat_statements`; or
    `log_min_duration_statement = 100ms`.

    See: `psql -c "SHOW log_min_duration_statement"`
    """
    expect(
        seen.slow is not None or seen.logs_slow,
        seen="neither pg_stat_statements nor log_min_duration_statement",
        required="one of them",
    )


@check(
    severity=LOW,
    scope=ESTATE,
    guide="maint.weekly-slow-queries",
    applies=lambda server: "pg_stat_statements" in server.expect.extensions,
)
def check_no_statement_is_slow(seen: StatisticsEvidence, server: Postgres) -> None:
    """No statement of the application's that is called often takes long on average (guide: 100 ms). No text of any is
    taken: it may hold data.

    Fix: `EXPLAIN (ANALYZE, BUFFERS)` the slowest; an index, or less of it.

    See: `psql -c "SELECT queryid, calls, mean_exec_time FROM pg_stat_statements ORDER BY 3 DESC LIMIT 10"`
    """
    if seen.slow is None:
        raise CannotTell(
            "pg_stat_statements is not installed in this database, or closed to our role. Run: CREATE EXTENSION"
            " pg_stat_statements",
            cause="permission",
        )
    if seen.hidden:
        raise CannotTell(
            f"our role sees its own statements only. Run: GRANT pg_monitor TO {seen.own_role}", cause="permission"
        )
    found, limit = seen.slow, server.expect.slow
    expect(
        not found.statements,
        seen=f"{found.statements} with more than {limit.mean * 1000:.0f} ms, the slowest {found.slowest * 1000:.0f} ms,"
        f" {found.calls:.0f} calls in all",
        required=f"at most {limit.mean * 1000:.0f} ms",
    )
