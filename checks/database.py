"""PostgreSQL: version, extensions, roles and replication."""

from __future__ import annotations

from checks._support import POSTGRESQL, supported
from fixtures.environment.sections.postgres import Postgres
from fixtures.probes.database import Archiving, DatabaseEvidence, ReplicaEvidence, Role
from fixtures.vocabulary import ADVISORY, CRITICAL, ESTATE, HIGH, LOW, MEDIUM, RELEASE, CannotTell, check, expect

FLOOR = 14


def extensions(server: Postgres) -> bool:
    """Whether extensions are declared."""
    return bool(server.expect.extensions)


def declared_role(seen: DatabaseEvidence) -> Role:
    """The application's role as it was looked for."""
    if seen.app_role is None:
        raise CannotTell("the application's role was not looked for", cause="program")
    return seen.app_role


def archiving(seen: DatabaseEvidence) -> Archiving:
    """How a primary archives; a server in recovery was not asked."""
    if seen.archiving is None:
        raise CannotTell("the server is in recovery: it archives nothing", cause="program")
    return seen.archiving


def following(seen: ReplicaEvidence) -> None:
    """Only a server in recovery has anything to say of streaming and lag."""
    if not seen.in_recovery:
        raise CannotTell("the declared replica is not in recovery: it follows nobody", cause="program")


@check(severity=HIGH, scope=ESTATE)
def check_our_role_cannot_write(seen: DatabaseEvidence) -> None:
    """The role that verifies cannot write: a read-only session alone is a default that any client lifts.

    Fix: Use a role with pg_monitor and SELECT only, as docs/permissions describes.

    See: `psql -c "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"`
    """
    expect(not seen.own_superuser, seen="our role is a superuser", required="a role without write grants")
    count = seen.own_writable_tables
    expect(count == 0, seen=f"our role may write {count} tables", required="a role without write grants")


@check(severity=HIGH, scope=ESTATE, guide="pg.version-floor")
def check_version_is_at_least_14(seen: DatabaseEvidence) -> None:
    """PostgreSQL is 14 or newer.

    Fix: Upgrade with pg_upgrade or by logical replication.

    See: `psql -c "SHOW server_version_num"`
    """
    expect(seen.major >= FLOOR, seen=f"PostgreSQL {seen.major}", required=f"{FLOOR} or newer")


@check(severity=HIGH, scope=ESTATE, guide="pg.version-floor")
def check_version_is_supported(seen: DatabaseEvidence) -> None:
    """The major version still gets fixes; the guide's floor of 14 is not enough, for support of 14 ended in
    November 2026.

    Fix: Upgrade to a major version listed as supported on postgresql.org/support/versioning.

    See: `psql -c "SHOW server_version"`
    """
    supported("PostgreSQL", str(seen.major), POSTGRESQL, seen.observed_at.date())


@check(severity=MEDIUM, scope=ESTATE, guide="pg.major-15")
def check_version_is_not_older_than_declared(seen: DatabaseEvidence, server: Postgres) -> None:
    """The major version is the declared one or newer.

    Fix: Upgrade the server, or correct `expect.major`. Debian and Ubuntu need the PGDG repository, which the guide
    does not add.

    See: `psql -c "SHOW server_version_num"`
    """
    wanted = server.expect.major
    expect(seen.major >= wanted, seen=f"PostgreSQL {seen.major}", required=f"{wanted} or newer")


@check(severity=ADVISORY, scope=ESTATE, guide="pg.major-15")
def check_version_is_the_declared_one(seen: DatabaseEvidence, server: Postgres) -> None:
    """The major version is exactly the declared one; newer works, but pg_dump and the documentation should follow.

    Fix: Set `expect.major` to what runs, and use client programs of that version.

    See: `psql -c "SHOW server_version_num"`
    """
    wanted = server.expect.major
    expect(seen.major <= wanted, seen=f"PostgreSQL {seen.major}", required=f"{wanted}")


@check(severity=LOW, scope=ESTATE, guide="pg.contrib", applies=extensions)
def check_declared_extensions_are_available(seen: DatabaseEvidence, server: Postgres) -> None:
    """The files of every declared extension are on the server; the package postgresql-contrib-15 of the guide is
    only a virtual name.

    Fix: Install the package that holds the extension (contrib is part of postgresql-15 on Debian).

    See: `psql -c "SELECT name FROM pg_available_extensions"`
    """
    missing = sorted(set(server.expect.extensions) - {one.name for one in seen.extensions})
    expect(not missing, seen=f"not available: {', '.join(missing)}", required="all declared extensions available")


@check(
    severity=MEDIUM,
    scope=ESTATE,
    guide="pg.ext-uuid-ossp",
    applies=lambda server: "uuid-ossp" in server.expect.extensions,
)
def check_uuid_ossp_is_installed(seen: DatabaseEvidence) -> None:
    """The extension uuid-ossp is installed in the database, where it is declared.

    Fix: `CREATE EXTENSION "uuid-ossp"` in this database.

    See: `psql -c "SELECT extname FROM pg_extension"`
    """
    installed = {one.name for one in seen.extensions if one.installed}
    expect("uuid-ossp" in installed, seen="not installed", required="uuid-ossp installed")


@check(
    severity=MEDIUM,
    scope=ESTATE,
    guide="pg.ext-pg-trgm",
    applies=lambda server: "pg_trgm" in server.expect.extensions,
)
def check_pg_trgm_is_installed(seen: DatabaseEvidence) -> None:
    """The extension pg_trgm is installed in the database, where it is declared.

    Fix: `CREATE EXTENSION "pg_trgm"` in this database.

    See: `psql -c "SELECT extname FROM pg_extension"`
    """
    installed = {one.name for one in seen.extensions if one.installed}
    expect("pg_trgm" in installed, seen="not installed", required="pg_trgm installed")


@check(severity=MEDIUM, scope=ESTATE, applies=extensions)
def check_declared_extensions_are_installed(seen: DatabaseEvidence, server: Postgres) -> None:
    """Every declared extension is installed in the database.

    Fix: `CREATE EXTENSION` for each that is missing, in this database.

    See: `psql -c "SELECT extname FROM pg_extension"`
    """
    missing = sorted(set(server.expect.extensions) - {one.name for one in seen.extensions if one.installed})
    expect(not missing, seen=f"not installed: {', '.join(missing)}", required="all declared extensions installed")


@check(severity=CRITICAL, scope=ESTATE, guide="pg.primary-store", applies=lambda server: not server.replica_of)
def check_primary_accepts_writes(seen: DatabaseEvidence) -> None:
    """A server that is no replica accepts writes.

    Fix: Find out who became primary (a failover?) and point the URL there; `ALTER DATABASE ... RESET
    default_transaction_read_only`.

    See: `psql -c "SELECT pg_is_in_recovery()"`
    """
    expect(not seen.in_recovery, seen="the server is in recovery", required="a primary")
    expect(not seen.default_read_only, seen="transactions are read-only by default", required="writes are possible")


@check(severity=CRITICAL, scope=ESTATE, guide="pitr.archive-mode", applies=lambda server: not server.replica_of)
def check_wal_archiving_is_on(seen: DatabaseEvidence) -> None:
    """A primary archives its write-ahead log: without it no moment between two backups can be restored.

    Fix: `archive_mode = on` and an `archive_command` (or pgBackRest, WAL-G); a restart is needed.

    See: `psql -c "SHOW archive_mode"`
    """
    mode = archiving(seen).mode
    expect(mode in ("on", "always"), seen=f"archive_mode is {mode}", required="on or always")


@check(severity=CRITICAL, scope=ESTATE, guide="pitr.archive-command", applies=lambda server: not server.replica_of)
def check_wal_archiving_succeeds(seen: DatabaseEvidence) -> None:
    """The last attempt to archive a piece of the write-ahead log did not fail. While attempts fail, the primary keeps
    the log until its own disk is full, and then stops.

    What is judged is pg_stat_archiver, not the guide's command, which overwrites what is archived already.

    Fix: The server's log tells why: a full volume, missing credentials, a file that is there already.

    See: `psql -c "SELECT * FROM pg_stat_archiver"`
    """
    found = archiving(seen)
    if found.mode == "off":
        raise CannotTell("archive_mode is off: nothing is archived", cause="program")
    failed, archived = found.last_failed, found.last_archived
    since = f"the last success was at {archived:%Y-%m-%d %H:%M:%S} UTC" if archived else "none ever succeeded"
    expect(
        failed is None or (archived is not None and archived >= failed),
        seen=f"an attempt failed at {failed:%Y-%m-%d %H:%M:%S} UTC; {since}" if failed else "",
        required="a success after the last failure",
    )


@check(severity=CRITICAL, scope=RELEASE, guide=("pg.primary-store", "pg.database"))
def check_application_tables_exist(seen: DatabaseEvidence) -> None:
    """The database exists and holds tables; its name is what the URL says.

    Fix: Run the migrations (`prisma migrate deploy`) against this database.

    See: `psql -c '\\dt'`
    """
    expect(seen.tables > 0, seen=f"database {seen.database} holds no table", required="the tables of the application")


@check(severity=CRITICAL, scope=ESTATE, guide="pg.role", applies=lambda server: bool(server.app_role))
def check_application_role_can_log_in(seen: DatabaseEvidence) -> None:
    """The role of the application exists and can log in.

    Fix: `CREATE ROLE ... LOGIN PASSWORD ...`.

    See: `psql -c "SELECT rolname, rolcanlogin FROM pg_roles"`
    """
    role = declared_role(seen)
    expect(role.exists, seen=f"no role {role.name}", required=f"role {role.name}")
    expect(role.can_login, seen=f"role {role.name} can't log in", required="LOGIN")


@check(severity=HIGH, scope=ESTATE, guide="pg.role", applies=lambda server: bool(server.app_role))
def check_application_role_has_no_privileges(seen: DatabaseEvidence) -> None:
    """The role of the application is not superuser, can't create roles and does not bypass row security; compose's
    POSTGRES_USER makes it superuser, against the guide.

    Fix: `ALTER ROLE ... NOSUPERUSER NOCREATEROLE NOBYPASSRLS`; in compose create the role in an init script.

    See: `psql -c "SELECT rolname, rolsuper, rolcreaterole, rolbypassrls FROM pg_roles"`
    """
    role = declared_role(seen)
    if not role.exists:
        raise CannotTell(f"the role {role.name} does not exist", cause="program")
    rights = {"SUPERUSER": role.superuser, "CREATEROLE": role.createrole, "BYPASSRLS": role.bypassrls}
    held = [name for name, has in rights.items() if has]
    expect(not held, seen=f"role {role.name} has {', '.join(held)}", required="none of these rights")


@check(severity=LOW, scope=ESTATE)
def check_encoding_is_utf8(seen: DatabaseEvidence) -> None:
    """The database stores UTF-8.

    Fix: Create the database anew with `ENCODING UTF8` and restore into it.

    See: `psql -c "SHOW server_encoding"`
    """
    expect(seen.encoding == "UTF8", seen=seen.encoding, required="UTF8")


@check(severity=HIGH, scope=ESTATE, guide="replica.streaming")
def check_replica_is_in_recovery(seen: ReplicaEvidence) -> None:
    """The replica is in recovery and its primary is not.

    Fix: Rebuild the replica with pg_basebackup -R; after a failover correct `replica_of`. The guide has no step for
    this.

    See: `psql -c "SELECT pg_is_in_recovery()"`
    """
    expect(seen.in_recovery, seen="the replica is not in recovery: a second primary", required="in recovery")
    expect(not seen.primary_in_recovery, seen=f"{seen.primary} is itself in recovery", required="a primary")


@check(severity=CRITICAL, scope=ESTATE, guide="replica.streaming")
def check_replica_is_of_the_same_cluster(seen: ReplicaEvidence) -> None:
    """Replica and primary have the same system identifier.

    Fix: Rebuild the replica from this primary with pg_basebackup -R.

    See: `psql -c "SELECT system_identifier FROM pg_control_system()"`
    """
    mine, its = seen.system_identifier, seen.primary_system_identifier
    if mine is None or its is None:
        raise CannotTell("our role may not read the system identifier: grant pg_monitor", cause="permission")
    expect(mine == its, seen="different system identifiers", required=f"the identifier of {seen.primary}")


@check(severity=HIGH, scope=ESTATE, guide="replica.streaming", live=True)
def check_replica_is_streaming(seen: ReplicaEvidence) -> None:
    """The replica receives the WAL of its primary as a stream.

    Fix: Look at primary_conninfo, the replication role and slot, and the log of the replica.

    See: `psql -c "SELECT status FROM pg_stat_wal_receiver"`
    """
    following(seen)
    if seen.streaming is None:
        raise CannotTell("our role may not see the receiver's state: grant pg_monitor", cause="permission")
    expect(seen.streaming, seen="no stream is being received", required="streaming")


@check(severity=HIGH, scope=ESTATE, guide="replica.streaming", live=True)
def check_replica_lag_is_small(seen: ReplicaEvidence, server: Postgres) -> None:
    """The replica is not far behind; an idle primary is no lag.

    Fix: Look for long queries on the replica, slow disks and the network between them.

    See: `psql -c "SELECT replay_lag FROM pg_stat_replication"`
    """
    following(seen)
    if seen.streaming is False:
        raise CannotTell("no stream is being received, so nobody knows what the replica misses", cause="program")
    if seen.lag is None:
        raise CannotTell("the replica has replayed no transaction since it started", cause="program")
    wanted = server.expect.lag
    expect(seen.lag <= wanted, seen=f"{seen.lag:.1f} s behind", required=f"at most {wanted:g} s")
