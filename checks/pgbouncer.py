"""PgBouncer: whom it lets in, and whether modes and sizes in force are the declared ones."""

from __future__ import annotations

from collections.abc import Callable

from fixtures.environment.sections.pgbouncer import PgBouncer
from fixtures.probes.pgbouncer import PgBouncerEvidence
from fixtures.vocabulary import CRITICAL, ESTATE, HIGH, LOW, MEDIUM, check, expect

OPEN = ("any", "trust")
OBSOLETE = ("md5", "plain")
"""Values of auth_type, https://www.pgbouncer.org/config.html: no proof asked of a client, and weak proofs."""


def _declares(key: str) -> Callable[[PgBouncer], bool]:
    return lambda pooler: getattr(pooler.expect, key) is not None


def _same(found: object, wanted: object, words: str) -> None:
    """Require what is declared; `words` say what it is."""
    expect(found == wanted, seen=words.format(found), required=words.format(wanted))


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


@check(severity=HIGH, scope=ESTATE, guide="pool.pool-mode", applies=_declares("pool_mode"))
def check_pool_mode_is_as_declared(seen: PgBouncerEvidence, pooler: PgBouncer) -> None:
    """The mode in force is the declared one, for every database.

    The transaction mode of the guide breaks prepared statements of Prisma unless the URL of the application has
    `pgbouncer=true` (PgBouncer 1.21 and newer: `max_prepared_statements` above 0), and migrations need a direct URL.

    Fix: `pool_mode`, and none at the entries of `[databases]`; RELOAD.

    See: `psql "$PGBOUNCER_CONSOLE" -c "SHOW DATABASES"`
    """
    wanted = str(pooler.expect.pool_mode)
    _same(seen.pool_mode, wanted, "pool_mode = {}")
    others = [f"{one.name}: {one.pool_mode}" for one in seen.databases if one.pool_mode not in (None, wanted)]
    expect(not others, seen=", ".join(others), required=f"{wanted} for every database")


@check(
    severity=HIGH,
    scope=ESTATE,
    guide="pool.default-pool-size",
    applies=_declares("default_pool_size"),
)
def check_default_pool_size_is_as_declared(seen: PgBouncerEvidence, pooler: PgBouncer) -> None:
    """The size of a pool is the declared one; there is a pool for each pair of database and user.

    Fix: `default_pool_size`, RELOAD; pools, reserves and direct connections together must stay below the server's
    `max_connections`.

    See: `psql "$PGBOUNCER_CONSOLE" -c "SHOW CONFIG"`
    """
    _same(seen.default_pool_size, pooler.expect.default_pool_size, "{} connections")


@check(
    severity=HIGH,
    scope=ESTATE,
    guide="pool.max-client-conn",
    applies=_declares("max_client_conn"),
)
def check_max_client_conn_is_as_declared(seen: PgBouncerEvidence, pooler: PgBouncer) -> None:
    """As many clients as declared may connect; the limit of open files is not seen from here.

    Fix: `max_client_conn` and the process's limit of open files above it (LimitNOFILE); then restart PgBouncer.

    See: `psql "$PGBOUNCER_CONSOLE" -c "SHOW CONFIG"`
    """
    _same(seen.max_client_conn, pooler.expect.max_client_conn, "{} clients")


@check(
    severity=MEDIUM,
    scope=ESTATE,
    guide="pool.min-pool-size",
    applies=_declares("min_pool_size"),
)
def check_min_pool_size_is_as_declared(seen: PgBouncerEvidence, pooler: PgBouncer) -> None:
    """As many connections as declared are kept ready while clients are there.

    Fix: `min_pool_size`, RELOAD.

    See: `psql "$PGBOUNCER_CONSOLE" -c "SHOW CONFIG"`
    """
    _same(seen.min_pool_size, pooler.expect.min_pool_size, "{} connections")


@check(
    severity=LOW,
    scope=ESTATE,
    guide="pool.reserve-pool-size",
    applies=_declares("reserve_pool_size"),
)
def check_reserve_pool_size_is_as_declared(seen: PgBouncerEvidence, pooler: PgBouncer) -> None:
    """The reserve of a pool is the declared one, also where a database has its own.

    Fix: `reserve_pool_size`, and none at the entries of `[databases]`; RELOAD.

    See: `psql "$PGBOUNCER_CONSOLE" -c "SHOW DATABASES"`
    """
    wanted = pooler.expect.reserve_pool_size
    _same(seen.reserve_pool_size, wanted, "{} connections")
    others = [f"{one.name}: {one.reserve}" for one in seen.databases if one.reserve != wanted]
    expect(not others, seen=", ".join(others), required=f"{wanted} for every database")


@check(
    severity=LOW,
    scope=ESTATE,
    guide="pool.reserve-pool-timeout",
    applies=_declares("reserve_pool_timeout"),
)
def check_reserve_pool_timeout_is_as_declared(seen: PgBouncerEvidence, pooler: PgBouncer) -> None:
    """The reserve is opened once a client has waited for as long as declared; 0 closes it for good.

    Fix: `reserve_pool_timeout`, RELOAD.

    See: `psql "$PGBOUNCER_CONSOLE" -c "SHOW CONFIG"`
    """
    _same(seen.reserve_pool_timeout, pooler.expect.reserve_pool_timeout, "{:g} s")


@check(severity=MEDIUM, scope=ESTATE, guide="pool.listen-port", applies=_declares("port"))
def check_port_is_as_declared(seen: PgBouncerEvidence, pooler: PgBouncer) -> None:
    """PgBouncer listens on the declared port (guide: 6432).

    Fix: `listen_port`, and the port in DATABASE_URL; restart PgBouncer.

    See: `psql "$PGBOUNCER_CONSOLE" -c "SHOW CONFIG"`
    """
    _same(seen.listen_port, pooler.expect.port, "port {}")


@check(
    severity=HIGH, scope=ESTATE, guide="pool.listen-addr", applies=lambda pooler: bool(pooler.expect.addresses)
)  # fmt: skip
def check_addresses_are_as_declared(seen: PgBouncerEvidence, pooler: PgBouncer) -> None:
    """PgBouncer listens on declared addresses only. The guide's 127.0.0.1 is out of reach for applications on other
    hosts: a private address is right there, a public one or `*` never is.

    Fix: `listen_addr`; restart PgBouncer.

    See: `psql "$PGBOUNCER_CONSOLE" -c "SHOW CONFIG"`
    """
    wanted = pooler.expect.addresses
    listening = {part.strip() for part in seen.listen_addr.split(",") if part.strip()}
    more = sorted(listening - set(wanted))
    expect(not more, seen=f"listen_addr has {', '.join(more)}", required=f"{', '.join(wanted)} only")
    expect(bool(listening), seen="listen_addr is empty: Unix sockets only", required=", ".join(wanted))


@check(severity=HIGH, scope=ESTATE, guide="pool.auth-file", applies=_declares("auth_file"))
def check_auth_file_is_as_declared(seen: PgBouncerEvidence, pooler: PgBouncer) -> None:
    """The file of users is the declared one. No console shows what is stored in it, whether SCRAM secrets, MD5 or
    plain text: that is seen on the host alone.

    Fix: `auth_file`, RELOAD.

    See: `psql "$PGBOUNCER_CONSOLE" -c "SHOW CONFIG"`
    """
    _same(seen.auth_file or "none", pooler.expect.auth_file, "auth_file = {}")


@check(severity=CRITICAL, scope=ESTATE, guide="pool.database-entry")
def check_no_database_is_paused_or_disabled(seen: PgBouncerEvidence) -> None:
    """No database is paused or disabled: its clients would wait, or be refused, for ever.

    Fix: `RESUME` or `ENABLE name` at the console, as one of `admin_users`.

    See: `psql "$PGBOUNCER_CONSOLE" -c "SHOW DATABASES"`
    """
    held = [f"{one.name} is disabled" for one in seen.databases if one.disabled]
    held += [f"{one.name} is paused" for one in seen.databases if one.paused and not one.disabled]
    expect(not held, seen=", ".join(held), required="databases at work")


@check(
    severity=MEDIUM,
    scope=ESTATE,
    guide="pool.pool-mode",
    applies=lambda pooler: pooler.clients is not None and pooler.clients.prepared,
)
def check_prepared_statements_find_their_connection(seen: PgBouncerEvidence) -> None:
    """Where clients prepare statements, PgBouncer follows them: in transaction mode that takes version 1.21 and
    `max_prepared_statements` above 0, or `pgbouncer=true` in the URL of Prisma up to 6, which then prepares none.

    Fix: Upgrade PgBouncer and set `max_prepared_statements`, or add `pgbouncer=true` and set `prepared: false` here.

    See: `psql "$PGBOUNCER_CONSOLE" -c "SHOW CONFIG"`
    """
    if seen.pool_mode == "session":
        return
    limit = seen.max_prepared_statements
    expect(
        bool(limit),
        seen=f"{seen.version} in {seen.pool_mode} mode, {'no ' if limit is None else ''}max_prepared_statements"
        + ("" if limit is None else f" = {limit}"),
        required="max_prepared_statements above 0, or session mode",
    )
