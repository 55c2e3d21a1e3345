"""The pools of a PgBouncer: nobody waits, the application comes through them, and there is room for all they open."""

from __future__ import annotations

from fixtures.environment.sections.pgbouncer import Clients, PgBouncer
from fixtures.probes.pgbouncer import Database
from fixtures.probes.pool import PoolEvidence, PoolUseEvidence
from fixtures.vocabulary import CRITICAL, ESTATE, HIGH, CannotTell, check, expect


def has_role(seen: PoolUseEvidence) -> str:
    """The role of the application; without one its sessions can't be told from others."""
    if seen.role is None:
        raise CannotTell(
            "the server declares no app_role, so the application's sessions are not known", cause="program"
        )
    return seen.role


def declared(pooler: PgBouncer) -> Clients:
    """The clients that the check applies to."""
    if pooler.clients is None:
        raise CannotTell("no clients are declared", cause="program")
    return pooler.clients


def leading(seen: PoolUseEvidence) -> list[Database]:
    """The entries that lead to the server: those at the address where its database is found."""
    there = {(one.host, one.port) for one in seen.entries if one.database == seen.database}
    return [one for one in seen.entries if (one.host, one.port) in there]


def budget(seen: PoolUseEvidence, clients: Clients) -> tuple[list[str], int]:
    """The most connections that pools open to the server: the lines of a table, and their sum.

    A pool comes with its first client: an entry without any counts as one pool, of a forced user as one in any case.
    """
    lines, total = [], 0
    for entry in leading(seen):
        if entry.disabled:
            continue
        mine = [one for one in seen.pools if one.database == entry.name]
        sizes = [(one.size, one.reserve) for one in mine] or [(entry.pool_size, entry.reserve)]
        most = sum(size + reserve for size, reserve in sizes[: 1 if entry.force_user else None])
        capped = min(most, entry.most) if entry.most else most
        users = ", ".join(sorted(one.user for one in mine)) or "no client yet"
        each = " + ".join(f"({size} + {reserve})" for size, reserve in sizes)
        lines.append(f"{entry.name} ({users}): {each} = {most}" + (f", at most {entry.most}" if capped < most else ""))
        total += capped
    if clients.poolers > 1:
        lines.append(f"in {clients.poolers} poolers: {clients.poolers} x {total}")
    total *= clients.poolers
    lines.append(f"direct: {clients.direct}")
    return lines, total + clients.direct


@check(severity=CRITICAL, scope=ESTATE, guide="pool.running", live=True, applies=lambda pooler: pooler.url is not None)
def check_a_question_through_the_pool_is_answered(seen: PoolEvidence) -> None:
    """A question through the pool is answered: the server lets PgBouncer in with what it has stored, which an MD5
    secret for a role with a SCRAM one is not.

    Fix: See the log of PgBouncer; store the SCRAM secret (or the password) in `auth_file`.

    See: `psql "$DATABASE_URL_THROUGH_PGBOUNCER" -c "SELECT 1"`
    """
    expect(seen.question == "answered", seen=seen.question, required="an answer to SELECT 1")


@check(severity=HIGH, scope=ESTATE, guide="pool.used-by-app", live=True)
def check_no_client_waits(seen: PoolEvidence, pooler: PgBouncer) -> None:
    """No client waits long for a connection to the server.

    Fix: Look for long transactions first (`SHOW SERVERS`, pg_stat_activity), then raise `default_pool_size` within the
    budget.

    See: `psql "$PGBOUNCER_CONSOLE" -c "SHOW POOLS"`
    """
    limit = pooler.expect.wait
    late = [
        f"{one.database}/{one.user}: {one.waiting} wait, the first for {one.longest:.1f} s"
        for one in seen.pools
        if one.waiting and one.longest >= limit
    ]
    expect(not late, seen="; ".join(late), required=f"less than {limit:g} s")


@check(severity=HIGH, scope=ESTATE, guide="pool.running", live=True)
def check_logins_at_the_server_succeed(seen: PoolEvidence) -> None:
    """No pool is stuck while its connections log in at the server: clients get none then, and wait.

    Fix: See the log of PgBouncer: a wrong secret in `auth_file`, `max_connections` reached, a server that is not there.

    See: `psql "$PGBOUNCER_CONSOLE" -c "SHOW POOLS"`
    """
    stuck = [
        f"{one.database}/{one.user}: {one.logging_in} log in, none is there"
        for one in seen.pools
        if one.logging_in and not one.servers and one.waiting
    ]
    expect(not stuck, seen="; ".join(stuck), required="connections to the server")


@check(severity=HIGH, scope=ESTATE, guide="pool.database-entry")
def check_database_leads_to_its_server(seen: PoolUseEvidence) -> None:
    """The pooler has the database of the server under its own name. The guide's `host=localhost` holds only where
    PgBouncer runs beside the server.

    Fix: `emailai_prod = host=... port=5432 dbname=emailai_prod` in `[databases]`; RELOAD.

    See: `psql "$PGBOUNCER_CONSOLE" -c "SHOW DATABASES"`
    """
    entry = next((one for one in seen.entries if one.name == seen.database), None)
    expect(entry is not None, seen=f"no database {seen.database}", required=f"an entry {seen.database}")
    leads = entry.database if entry else ""
    expect(leads == seen.database, seen=f"{seen.database} leads to {leads}", required=f"dbname={seen.database}")


@check(severity=HIGH, scope=ESTATE, guide="pool.used-by-app", live=True)
def check_the_application_comes_through_the_pool(seen: PoolUseEvidence) -> None:
    """The application is connected to the pooler; every DATABASE_URL of the guide names port 5432, past it.

    Fix: DATABASE_URL with the pooler's host and port 6432 (and `pgbouncer=true` for Prisma up to 6); the direct one is
    DIRECT_URL.

    See: `psql "$PGBOUNCER_CONSOLE" -c "SHOW CLIENTS"`
    """
    role = has_role(seen)
    expect(
        seen.clients > 0 or seen.served,
        seen=f"no client {role}, and no connection to the server on its behalf",
        required=f"clients of {role}",
    )


@check(severity=HIGH, scope=ESTATE, guide="pool.used-by-app", live=True)
def check_nobody_goes_past_the_pool(seen: PoolUseEvidence) -> None:
    """The role of the application has no session at the server that does not come from the pooler; pg_dump, psql and
    their like are let be. That the pooler's own are recognized shows that others would be.

    Fix: DATABASE_URL through the pooler in every process; only migrations use DIRECT_URL.

    See: `psql -c "SELECT client_addr, application_name FROM pg_stat_activity WHERE usename = 'emailai'"`
    """
    role = has_role(seen)
    if not seen.sees_all:
        grant = f"GRANT pg_monitor TO {seen.own_role}"
        raise CannotTell(f"our role may not see the sessions of others. Run: {grant}", cause="permission")
    past = seen.past.get("", 0)
    if past and not seen.through and seen.served:
        raise CannotTell(
            "no session of the server is one of the pooler's: another server, or a pooler between",
            cause="program",
        )
    expect(
        not past,
        seen=f"{past} sessions of {role} past the pooler, {seen.through} through it",
        required="every session through the pooler",
    )


@check(
    severity=HIGH,
    scope=ESTATE,
    guide=("pool.default-pool-size", "conn.limit"),
    applies=lambda pooler: pooler.clients is not None,
)
def check_server_has_room_for_all_pools(seen: PoolUseEvidence, pooler: PgBouncer) -> None:
    """All pools in full, their reserves, and what connects directly fit into the server's `max_connections` without
    the reserved ones. There is a pool for each pair of database and user.

    Fix: Smaller pools, `max_db_connections`, or a greater `max_connections` (a restart).

    See: `psql "$PGBOUNCER_CONSOLE" -c "SHOW DATABASES"`; `psql -c "SHOW max_connections"`
    """
    lines, total = budget(seen, declared(pooler))
    room = seen.max_connections - seen.reserved
    expect(
        total <= room,
        seen="; ".join([*lines, f"sum: {total}"]),
        required=f"at most {room} (max_connections {seen.max_connections} - reserved {seen.reserved})",
    )


@check(severity=HIGH, scope=ESTATE, guide="conn.limit", applies=lambda pooler: pooler.clients is not None)
def check_pooler_has_room_for_all_clients(seen: PoolEvidence, pooler: PgBouncer) -> None:
    """Every process of the application may open all its connections at the same time.

    Fix: `max_client_conn` (and the limit of open files above it), or a smaller `connection_limit` in DATABASE_URL; in
    Prisma 7 that parameter does nothing, `max` of the driver does.

    See: `psql "$PGBOUNCER_CONSOLE" -c "SHOW CONFIG"`
    """
    clients = declared(pooler)
    total = clients.processes * clients.connection_limit
    room = seen.max_client_conn * clients.poolers
    expect(
        total <= room,
        seen=f"processes: {clients.processes}; each: {clients.connection_limit}; product: {total}",
        required=f"at most {room} (max_client_conn)",
    )
