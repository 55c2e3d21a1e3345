"""PgBouncer: whom it lets in, and whether modes and sizes in force are the declared ones."""

from __future__ import annotations

from fixtures.environment.sections.pgbouncer import PgBouncer
from fixtures.probes.pgbouncer import PgBouncerEvidence
from fixtures.vocabulary import CRITICAL, ESTATE, HIGH, MEDIUM, check, expect

OPEN = ("any", "trust")
OBSOLETE = ("md5", "plain")
"""Values of auth_type, https://www.pgbouncer.org/config.html: no proof asked of a client, and weak proofs."""


@check(severity=CRITICAL, scope=ESTATE, guide="pool.auth-type")
def check_clients_must_prove_who_they_are(seen: PgBouncerEvidence) -> None:
    """PgBouncer asks every client for a proof of who it is, for the server behind it only sees PgBouncer.

    Fix: `auth_type = scram-sha-256` and an `auth_file` or `auth_query`; then RELOAD.

    See: `psql "$PGBOUNCER_CONSOLE" -c "SHOW CONFIG"`
    """
    expect(seen.auth_type not in OPEN, seen=f"auth_type = {seen.auth_type}", required="scram-sha-256, hba or cert")


@check(severity=MEDIUM, scope=ESTATE, guide="pool.auth-type")
def check_passwords_are_exchanged_by_scram(seen: PgBouncerEvidence) -> None:
    """Passwords are neither sent in the clear nor as MD5; the guide's md5 is obsolete since PostgreSQL 14.

    Fix: store SCRAM secrets in `auth_file`, set `auth_type = scram-sha-256`, RELOAD.

    See: `psql "$PGBOUNCER_CONSOLE" -c "SHOW CONFIG"`
    """
    expect(seen.auth_type not in OBSOLETE, seen=f"auth_type = {seen.auth_type}", required="scram-sha-256, hba or cert")


@check(severity=HIGH, scope=ESTATE, guide="pool.pool-mode", applies=lambda pooler: pooler.expect.pool_mode is not None)
def check_pool_mode_is_as_declared(seen: PgBouncerEvidence, pooler: PgBouncer) -> None:
    """The mode in force is the declared one, for every database.

    The transaction mode of the guide breaks prepared statements of Prisma unless the URL of the application has
    `pgbouncer=true` (PgBouncer 1.21 and newer: `max_prepared_statements` above 0), and migrations need a direct URL.

    Fix: `pool_mode`, and none at the entries of `[databases]`; RELOAD.

    See: `psql "$PGBOUNCER_CONSOLE" -c "SHOW DATABASES"`
    """
    wanted = str(pooler.expect.pool_mode)
    expect(seen.pool_mode == wanted, seen=f"pool_mode = {seen.pool_mode}", required=wanted)
    others = [f"{one.name}: {one.pool_mode}" for one in seen.databases if one.pool_mode not in (None, wanted)]
    expect(not others, seen=", ".join(others), required=f"{wanted} for every database")


@check(
    severity=HIGH,
    scope=ESTATE,
    guide="pool.default-pool-size",
    applies=lambda pooler: pooler.expect.default_pool_size is not None,
)
def check_default_pool_size_is_as_declared(seen: PgBouncerEvidence, pooler: PgBouncer) -> None:
    """The size of a pool is the declared one; there is a pool for each pair of database and user.

    Fix: `default_pool_size`, RELOAD; pools, reserves and direct connections together must stay below the server's
    `max_connections`.

    See: `psql "$PGBOUNCER_CONSOLE" -c "SHOW CONFIG"`
    """
    wanted = pooler.expect.default_pool_size
    expect(seen.default_pool_size == wanted, seen=f"{seen.default_pool_size} connections", required=f"{wanted}")


@check(
    severity=HIGH,
    scope=ESTATE,
    guide="pool.max-client-conn",
    applies=lambda pooler: pooler.expect.max_client_conn is not None,
)
def check_max_client_conn_is_as_declared(seen: PgBouncerEvidence, pooler: PgBouncer) -> None:
    """As many clients as declared may connect; the limit of open files is not seen from here.

    Fix: `max_client_conn` and the process's limit of open files above it (LimitNOFILE); then restart PgBouncer.

    See: `psql "$PGBOUNCER_CONSOLE" -c "SHOW CONFIG"`
    """
    wanted = pooler.expect.max_client_conn
    expect(seen.max_client_conn == wanted, seen=f"{seen.max_client_conn} clients", required=f"{wanted}")
