"""A PostgreSQL server itself: it keeps what was committed, its clock is right, and no counter runs out."""

from __future__ import annotations

from fixtures.environment.sections.postgres import Postgres
from fixtures.probes.server import ServerEvidence
from fixtures.vocabulary import ADVISORY, CRITICAL, ESTATE, HIGH, LOW, MEDIUM, check, expect

WRAPAROUND = 2**31
"""Transaction ids, and multixacts, that there are before the oldest must be frozen."""


@check(severity=CRITICAL, scope=ESTATE)
def check_crashes_lose_nothing(seen: ServerEvidence) -> None:
    """The server writes so that a crash of the machine damages nothing.

    Fix: `fsync = on`, `full_page_writes = on`; then check the data (pg_amcheck) or restore, if it has crashed since.

    See: `psql -c "SHOW fsync"`; `psql -c "SHOW full_page_writes"`
    """
    off = [f"{name} = off" for name in ("fsync", "full_page_writes") if seen.settings.get(name) == "off"]
    expect(not off, seen=", ".join(off), required="both on")


@check(severity=MEDIUM, scope=ESTATE)
def check_commits_are_kept(seen: ServerEvidence) -> None:
    """What was committed for the application is on disk: neither the server, nor the database, nor its role has
    `synchronous_commit` off, which loses the last moments before a crash.

    Fix: `ALTER SYSTEM|DATABASE|ROLE ... RESET synchronous_commit`; a transaction that may get lost says so itself.

    See: `psql -c "SELECT setconfig FROM pg_db_role_setting"`
    """
    found = seen.lowered.get("synchronous_commit", seen.settings.get("synchronous_commit", ""))
    expect(found != "off", seen="synchronous_commit = off", required="on, local, remote_write or remote_apply")


@check(severity=HIGH, scope=ESTATE)
def check_autovacuum_works(seen: ServerEvidence) -> None:
    """Autovacuum is on and told of what changes; without it tables grow and transaction ids run out.

    Fix: `autovacuum = on`, `track_counts = on`; reload.

    See: `psql -c "SHOW autovacuum"`
    """
    off = [f"{name} = off" for name in ("autovacuum", "track_counts") if seen.settings.get(name) == "off"]
    expect(not off, seen=", ".join(off), required="both on")


@check(severity=HIGH, scope=ESTATE)
def check_transaction_ids_do_not_run_out(seen: ServerEvidence, server: Postgres) -> None:
    """Transaction ids and multixacts are far from their end, at which the server takes no more writes.

    Fix: `VACUUM (FREEZE)` the oldest tables; end old transactions, prepared ones and slots that keep them.

    See: `psql -c "SELECT datname, age(datfrozenxid), mxid_age(datminmxid) FROM pg_database"`
    """
    limit = server.expect.wraparound
    for what, age in (("transaction ids", seen.xid_age), ("multixacts", seen.multixact_age)):
        expect(
            age <= limit * WRAPAROUND,
            seen=f"{age / WRAPAROUND:.0%} of all {what} used up in {seen.oldest_database}",
            required=f"at most {limit:.0%}",
        )


@check(severity=MEDIUM, scope=ESTATE, live=True)
def check_clock_is_right(seen: ServerEvidence, server: Postgres) -> None:
    """The server's clock agrees with ours: sessions, tokens and replication lag are measured by it.

    Fix: chrony or systemd-timesyncd on the server, and here.

    See: `psql -c "SELECT clock_timestamp()"; date -u`
    """
    limit = server.expect.clock
    expect(
        abs(seen.clock) - seen.doubt <= limit,
        seen=f"{abs(seen.clock):.1f} s {'ahead' if seen.clock > 0 else 'behind'}",
        required=f"at most {limit:g} s",
    )


@check(severity=HIGH, scope=ESTATE)
def check_text_is_sorted_as_its_indexes_are(seen: ServerEvidence) -> None:
    """The C library or ICU sorts text as it did when the database was made; after an upgrade of the system that
    changed it, indexes on text miss rows and unique ones let duplicates in.

    Fix: `REINDEX DATABASE ...`, then `ALTER DATABASE ... REFRESH COLLATION VERSION` (and `ALTER COLLATION ...`).

    See: `psql -c "SELECT datcollversion, pg_database_collation_actual_version(oid) FROM pg_database"`
    """
    expect(seen.collation is not False, seen="the database was sorted by another version", required="the same version")
    expect(not seen.collations, seen=f"{seen.collations} collations of another version", required="the same version")


@check(severity=LOW, scope=ESTATE, guide="pg.contrib")
def check_extensions_are_of_the_installed_version(seen: ServerEvidence) -> None:
    """Every extension is of the version of its files: after an upgrade of the packages the objects are still the old
    ones.

    Fix: `ALTER EXTENSION ... UPDATE`.

    See: `psql -c "SELECT name, installed_version, default_version FROM pg_available_extensions"`
    """
    old = [f"{one.name} {one.installed} ({one.available} is there)" for one in seen.outdated]
    expect(not old, seen=", ".join(old), required="the version that is there")


@check(severity=ADVISORY, scope=ESTATE)
def check_no_setting_waits_for_a_restart(seen: ServerEvidence) -> None:
    """The server runs with the settings of its files: none waits for a restart, which would bring it by surprise.

    Fix: Restart in a quiet hour, or take the change back.

    See: `psql -c "SELECT name FROM pg_settings WHERE pending_restart"`
    """
    expect(not seen.waiting, seen=", ".join(seen.waiting), required="nothing waits")
