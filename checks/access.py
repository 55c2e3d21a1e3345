"""Who gets into a PostgreSQL server: over what wire, with what proof, and with how much power."""

from __future__ import annotations

from checks._granted import granted
from checks._words import PARTED, some
from fixtures.environment.sections.postgres import Postgres
from fixtures.probes.access import AccessEvidence, AppRole, LoginEvidence, Rule
from fixtures.vocabulary import CRITICAL, ESTATE, HIGH, LOW, MEDIUM, CannotTell, check, expect

OPEN = ("trust",)
WEAK = ("password", "md5")
"""Methods of pg_hba.conf that ask for no proof, and those that a listener or a stolen catalog can answer."""


def named(server: Postgres) -> bool:
    """Whether the application's role is declared."""
    return server.app_role is not None


def primary(server: Postgres) -> bool:
    """Whether roles are made on this server; a replica has its primary's."""
    return named(server) and server.replica_of is None


def own_files(server: Postgres) -> bool:
    """Whether the server's files are the operator's."""
    return not server.managed


def role_of(seen: AccessEvidence) -> AppRole:
    """The application's role."""
    if seen.app_role is None:
        raise CannotTell("the application's role does not exist", cause="program")
    return seen.app_role


def rules_of(seen: AccessEvidence) -> tuple[Rule, ...]:
    """The lines of pg_hba.conf that let somebody in."""
    grant = (
        f"GRANT SELECT ON pg_hba_file_rules TO {seen.own_role};"
        f" GRANT EXECUTE ON FUNCTION pg_hba_file_rules() TO {seen.own_role};"
    )
    return granted(seen.rules, "pg_hba_file_rules", grant)


def listed(rules: list[Rule]) -> str:
    """The first few lines in words."""
    return some((f"line {one.line}: {one.words}" for one in rules), apart=PARTED)


@check(severity=HIGH, scope=ESTATE, applies=lambda server: server.expect.tls)
def check_our_connection_is_encrypted(seen: AccessEvidence) -> None:
    """The server speaks TLS, where that is declared; with `sslmode=verify-full` in its URL no connection is made but to
    the holder of the right certificate.

    Fix: `ssl = on` with `ssl_cert_file` and `ssl_key_file`; `sslmode=verify-full` in every URL.

    See: `psql "$DATABASE_URL" -c "SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()"`
    """
    expect(seen.encrypted, seen="our connection is in the clear", required="TLS")


@check(severity=HIGH, scope=ESTATE, applies=lambda server: server.expect.tls and named(server))
def check_application_sessions_are_encrypted(seen: AccessEvidence) -> None:
    """No session of the application's role crosses a network in the clear, where TLS is declared; those from the
    server's own host do not.

    Fix: `hostssl` instead of `host` in pg_hba.conf; `server_tls_sslmode = verify-full` in PgBouncer.

    See: `psql -c "SELECT client_addr, ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)"`
    """
    role = role_of(seen)
    expect(not role.unencrypted, seen=f"{role.unencrypted} sessions of {role.name} in the clear", required="TLS")


@check(severity=MEDIUM, scope=ESTATE, guide="pg.password-hash")
def check_new_passwords_are_stored_as_scram(seen: AccessEvidence) -> None:
    """A password that is set from now on is stored as SCRAM; `ENCRYPTED PASSWORD` of the guide says nothing since
    PostgreSQL 10.

    Fix: `password_encryption = scram-sha-256`, reload, then set every password anew.

    See: `psql -c "SHOW password_encryption"`
    """
    found = seen.password_encryption
    expect(found == "scram-sha-256", seen=f"password_encryption = {found}", required="scram-sha-256")


@check(severity=HIGH, scope=ESTATE, guide="pg.password-hash", applies=named)
def check_the_application_proves_itself_by_scram(seen: AccessEvidence) -> None:
    """At our address the server asks the application's role for a SCRAM proof: neither for none, nor for a password in
    the clear, nor for an MD5 hash, which is what it asks for where one is stored.

    Fix: `scram-sha-256` in pg_hba.conf, and the password set anew under `password_encryption = scram-sha-256`.

    See: `psql -c "SELECT rolname, left(rolpassword, 6) FROM pg_authid"` as a superuser
    """
    role = role_of(seen)
    if role.asked == "refused":
        raise CannotTell(f"the server lets nobody named {role.name} in from here", cause="permission")
    expect(role.asked == "scram", seen=f"asked for: {role.asked}", required="scram")


@check(severity=CRITICAL, scope=ESTATE, guide="pg.password-hash", applies=own_files)
def check_no_rule_trusts_everybody(seen: AccessEvidence) -> None:
    """No line of pg_hba.conf lets anybody in without a proof.

    Fix: `scram-sha-256` for hosts, `peer` for the socket; reload.

    See: `psql -c "SELECT * FROM pg_hba_file_rules WHERE auth_method = 'trust'"`
    """
    found = [one for one in rules_of(seen) if one.method in OPEN]
    expect(not found, seen=listed(found), required="no trust")


@check(severity=MEDIUM, scope=ESTATE, guide="pg.password-hash", applies=own_files)
def check_no_rule_takes_weak_proofs(seen: AccessEvidence) -> None:
    """No line of pg_hba.conf takes passwords in the clear or MD5; `md5` there means SCRAM only where every stored
    password is SCRAM, and PostgreSQL 18 calls it deprecated.

    Fix: `scram-sha-256`; reload.

    See: `psql -c "SELECT * FROM pg_hba_file_rules WHERE auth_method IN ('md5', 'password')"`
    """
    found = [one for one in rules_of(seen) if one.method in WEAK]
    expect(not found, seen=listed(found), required="scram-sha-256")


@check(severity=HIGH, scope=ESTATE, applies=own_files)
def check_every_rule_can_be_read(seen: AccessEvidence) -> None:
    """Every line of pg_hba.conf can be read by the server: with one that can't, it keeps the old rules until it
    restarts, and then does not start.

    Fix: Correct the line; reload.

    See: `psql -c "SELECT line_number, error FROM pg_hba_file_rules WHERE error IS NOT NULL"`
    """
    found = [f"line {one.line}" for one in rules_of(seen) if one.broken]
    expect(not found, seen=f"can't be read: {', '.join(found)}", required="no error")


@check(severity=HIGH, scope=ESTATE, guide="pg.role", applies=primary)
def check_application_role_stays_in_its_database(seen: AccessEvidence) -> None:
    """The application's role can't create databases, replicate the cluster, run programs or touch files, and owns no
    other database.

    Fix: `ALTER ROLE ... NOCREATEDB NOREPLICATION`; `REVOKE pg_... FROM ...`; `ALTER DATABASE ... OWNER TO ...`.

    See: `psql -c '\\du+'`
    """
    role = role_of(seen)
    held = [name for name, has in (("CREATEDB", role.createdb), ("REPLICATION", role.replication)) if has]
    held += role.mighty
    if role.other_databases:
        held.append(f"{role.other_databases} other databases")
    expect(not held, seen=f"{role.name} has {', '.join(held)}", required="its own database alone")


@check(severity=MEDIUM, scope=ESTATE, guide="pg.database-owner", applies=primary)
def check_database_belongs_to_the_application(seen: AccessEvidence) -> None:
    """The application's role owns its database: nothing else lets it create in the schema public since PostgreSQL 15.

    Fix: `ALTER DATABASE ... OWNER TO ...`.

    See: `psql -c '\\l'`
    """
    role = role_of(seen)
    expect(seen.owner == role.name, seen=f"{seen.database} belongs to {seen.owner}", required=role.name)


@check(severity=MEDIUM, scope=ESTATE, guide="pg.database-grants", applies=primary)
def check_application_role_may_use_its_database(seen: AccessEvidence) -> None:
    """The application's role may connect to its database, create in it and make temporary tables.

    Fix: `GRANT ALL PRIVILEGES ON DATABASE ... TO ...`.

    See: `psql -c '\\l'`
    """
    role = role_of(seen)
    may = {"CONNECT": role.connect, "CREATE": role.create, "TEMPORARY": role.temporary}
    lacking = [name for name, has in may.items() if not has]
    expect(not lacking, seen=f"{role.name} lacks {', '.join(lacking)}", required=", ".join(may))


@check(severity=MEDIUM, scope=ESTATE, guide="pg.database-grants")
def check_not_everybody_may_create(seen: AccessEvidence) -> None:
    """Not everybody may create in the database or one of its schemas: what stands first in a search path is run by
    others (CVE-2018-1058). Databases that come from PostgreSQL 14 or older still have it so.

    Fix: `REVOKE CREATE ON SCHEMA public FROM PUBLIC`.

    See: `psql -c '\\dn+'`
    """
    found = [f"in schema {name}" for name in seen.public_creates]
    found += ["in the database" for name in seen.public_database if name == "CREATE"]
    expect(not found, seen=f"everybody may create {', '.join(found)}", required="nobody but the owner")


@check(severity=LOW, scope=ESTATE, guide="pg.database-grants")
def check_not_everybody_may_connect(seen: AccessEvidence) -> None:
    """Not every role of the cluster may connect to the database, which is the default.

    Fix: `REVOKE CONNECT, TEMPORARY ON DATABASE ... FROM PUBLIC`, after a GRANT to those who need it.

    See: `psql -c '\\l'`
    """
    expect("CONNECT" not in seen.public_database, seen="PUBLIC may connect", required="named roles only")


@check(severity=CRITICAL, scope=ESTATE, guide="pg.placeholder-password", applies=primary)
def check_passwords_of_the_guide_are_refused(seen: LoginEvidence) -> None:
    """The application's role can't log in with a password that the guide prints; our own login shows that the server
    lets in who is right.

    Fix: `\\password emailai`, and the new one in DATABASE_URL and PgBouncer.
    """
    expect(not seen.taken, seen=f"{seen.taken} of {seen.tried} let {seen.role} in", required="all refused")
