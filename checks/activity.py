"""What sessions of a PostgreSQL server do now: they end, they hold nothing up, and there is room for more."""

from __future__ import annotations

from fixtures.environment.sections.postgres import Postgres
from fixtures.probes.activity import ActivityEvidence
from fixtures.vocabulary import ESTATE, HIGH, MEDIUM, RELEASE, CannotTell, check, expect


def open_to_us(seen: ActivityEvidence) -> None:
    """Sessions that hide what they do could be any of those that are looked for."""
    if seen.hidden:
        raise CannotTell(
            f"{seen.hidden} sessions do not show our role what they do. Run: GRANT pg_monitor TO {seen.own_role}",
            cause="permission",
        )


@check(severity=HIGH, scope=ESTATE, live=True)
def check_connections_are_left(seen: ActivityEvidence, server: Postgres) -> None:
    """The server's connections are not nearly used up; the next deployment needs some before the last one lets go.

    Fix: A pooler in front, smaller pools, or a greater `max_connections` (a restart).

    See: `psql -c "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"`
    """
    open_to_us(seen)
    room = seen.max_connections - seen.reserved
    limit = server.expect.connections
    expect(
        seen.sessions <= limit * room,
        seen=f"{seen.sessions} of {room} connections in use",
        required=f"at most {limit:.0%}",
    )


@check(severity=MEDIUM, scope=RELEASE, guide="db.no-long-queries", live=True)
def check_queries_end(seen: ActivityEvidence, server: Postgres) -> None:
    """No query of the application's role runs for long.

    Fix: `EXPLAIN (ANALYZE, BUFFERS)` it; `statement_timeout` for the role; `SELECT pg_cancel_backend(pid)` for now.

    See: `psql -c "SELECT pid, now() - query_start FROM pg_stat_activity WHERE state = 'active'"`
    """
    open_to_us(seen)
    limit = server.expect.query
    expect(
        not seen.long_queries,
        seen=f"{seen.long_queries} for more than {limit:g} s, the longest for {seen.longest_query:.0f} s",
        required=f"at most {limit:g} s",
    )


@check(severity=HIGH, scope=RELEASE, guide="db.no-long-queries", live=True)
def check_no_transaction_is_left_idle(seen: ActivityEvidence, server: Postgres) -> None:
    """No session sits in a transaction and does nothing: it keeps its locks, a connection of a transaction pool, and
    vacuum from its work. The guide's query for long ones does not see these.

    Fix: Commit before waiting for anything else; `idle_in_transaction_session_timeout` for the role.

    See: `psql -c "SELECT pid, now() - state_change FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'"`
    """
    open_to_us(seen)
    limit = server.expect.idle_in_transaction
    expect(
        not seen.idle,
        seen=f"{seen.idle} for more than {limit:g} s, the longest for {seen.longest_idle:.0f} s",
        required=f"at most {limit:g} s",
    )


@check(severity=HIGH, scope=RELEASE, live=True)
def check_nobody_waits_for_a_lock(seen: ActivityEvidence, server: Postgres) -> None:
    """No session waits long for a lock of another; a migration that waits for one holds up all that come after it.

    Fix: `SELECT pg_blocking_pids(pid)` names who holds it; `lock_timeout` for migrations.

    See: `psql -c "SELECT pid, pg_blocking_pids(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"`
    """
    limit = server.expect.lock_wait
    expect(
        not seen.waits or seen.longest_wait <= limit,
        seen=f"{seen.waits} wait, the longest for {seen.longest_wait:.0f} s",
        required=f"at most {limit:g} s",
    )


@check(severity=HIGH, scope=ESTATE, live=True)
def check_no_prepared_transaction_is_forgotten(seen: ActivityEvidence, server: Postgres) -> None:
    """No transaction of two phases is left between them: it survives restarts, with its locks.

    Fix: `COMMIT PREPARED` or `ROLLBACK PREPARED`, after a look at who made it.

    See: `psql -c "SELECT gid, now() - prepared FROM pg_prepared_xacts"`
    """
    limit = server.expect.idle_in_transaction
    expect(
        not seen.prepared or seen.longest_prepared <= limit,
        seen=f"{seen.prepared} prepared, the oldest {seen.longest_prepared:.0f} s ago",
        required=f"finished within {limit:g} s",
    )
