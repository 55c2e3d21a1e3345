"""Drift: the database is what its migrations make of an empty one, no more and no less.

They were replayed into a throwaway server, so that what Prisma's schema can't say is compared as well: partial and
expression indexes, exclusion constraints, triggers, policies, views, grants. Schemas that no migration touches are
somebody else's; so are the objects that `unmanaged` names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from checks._words import refuse
from fixtures.environment.sections.postgres import Postgres
from fixtures.probes._catalog import Difference
from fixtures.probes.drift import DriftEvidence
from fixtures.vocabulary import ESTATE, HIGH, LOW, MEDIUM, RELEASE, CannotTell, check

SHOWN = 8
OPERATIONS = frozenset(
    {
        "amcheck", "auto_explain", "aws_commons", "aws_s3", "azure", "dblink", "google_vacuum_mgmt", "hypopg",
        "pageinspect", "pg_buffercache", "pg_cron", "pg_freespacemap", "pg_hint_plan", "pg_partman", "pg_prewarm",
        "pg_proctab", "pg_qualstats", "pg_repack", "pg_squeeze", "pg_stat_kcache", "pg_stat_monitor",
        "pg_stat_statements", "pg_visibility", "pg_wait_sampling", "pg_walinspect", "pgaudit", "pglogical",
        "pgrowlocks", "pgstattuple", "pgtap", "plpgsql_check", "postgres_fdw", "rds_tools", "sslinfo",
        "system_stats",
    }
)  # fmt: skip
"""Extensions that operators and hosting services install, not applications: no application asks for them."""
UNIQUE = "CREATE UNIQUE INDEX"


def harmless(one: Difference) -> bool:
    """Whether an object that no migration makes changes nothing for those that migrations make."""
    match one.kind:
        case "index":
            return not one.there.startswith(UNIQUE)
        case "column":
            filled = any(f"{word} " in one.there for word in ("default", "identity", "generated"))
            return filled or "not null yes" not in one.there
        case "constraint" | "trigger" | "rule" | "policy":
            return False
        case _:
            return True


def said(one: Difference) -> str:
    """A difference in words."""
    match one.problem:
        case "missing" if one.kind == "grant":
            return f"{one.name}: there is {one.there}, should be {one.wanted}"
        case "missing":
            return f"{one.kind} {one.name} is missing{f', should be {one.wanted}' if one.wanted else ''}"
        case "unknown":
            return f"{one.kind} {one.name} should not be there{f': {one.there}' if one.there else ''}"
        case _:
            return f"{one.kind} {one.name}: there is {one.there or 'nothing'}, should be {one.wanted or 'nothing'}"


def none(seen: DriftEvidence, kinds: Iterable[str], counts: Callable[[Difference], bool], required: str) -> None:
    """Expect no difference of these kinds that counts."""
    wanted = frozenset(kinds)
    found = [said(one) for one in seen.differences if one.kind in wanted and counts(one)]
    refuse(found, required, SHOWN)


def matters(one: Difference) -> bool:
    """Whether it changes something for the objects of the migrations."""
    return one.problem != "unknown" or not harmless(one)


@check(severity=HIGH, scope=RELEASE, guide="migrate.no-drift")
def check_tables_are_as_migrated(seen: DriftEvidence) -> None:
    """Every table that the migrations make is there, and is partitioned and logged as they make it.

    Fix: Find out who dropped or changed it, and bring it back by a migration; `prisma db pull` would only overwrite the
    schema file with what is there.

    See: `prisma migrate diff --from-migrations prisma/migrations --to-url $DIRECT_URL --exit-code`
    """
    none(seen, ("table", "schema"), matters, "the tables that the migrations make")


@check(severity=HIGH, scope=RELEASE, guide="migrate.no-drift")
def check_columns_are_as_migrated(seen: DriftEvidence) -> None:
    """Every column has the type, nullability, default, identity, generation and collation that the migrations give it,
    and none is there that every INSERT would have to name.

    Fix: Put the change into a migration, or take it back.

    See: `psql -c '\\d TABLE'`
    """
    none(seen, ("column",), matters, "the columns that the migrations make")


@check(severity=HIGH, scope=RELEASE, guide="migrate.no-drift")
def check_constraints_are_as_migrated(seen: DriftEvidence) -> None:
    """Every key, foreign key, check and exclusion is there as the migrations make it, and was validated if they did so;
    none is there that they don't make.

    Fix: `ALTER TABLE ... VALIDATE CONSTRAINT` what is NOT VALID; put everything else into a migration, or take it back.

    See: `psql -c '\\d TABLE'`
    """
    none(seen, ("constraint",), matters, "the constraints that the migrations make")


@check(severity=HIGH, scope=RELEASE, guide="migrate.no-drift")
def check_indexes_are_as_migrated(seen: DriftEvidence) -> None:
    """Every index is there and valid, with its columns, expressions and condition; no unique one is there that the
    migrations don't make.

    Fix: `REINDEX INDEX CONCURRENTLY` an invalid one; make a missing one by a migration.

    See: `psql -c 'SELECT indexrelid::regclass FROM pg_index WHERE NOT indisvalid'`
    """
    none(seen, ("index",), matters, "the indexes that the migrations make")


@check(severity=HIGH, scope=RELEASE, guide="migrate.no-drift")
def check_types_are_as_migrated(seen: DriftEvidence) -> None:
    """Every enum has its labels in their order; every domain, composite and range type is as the migrations make it.

    Fix: `ALTER TYPE ... ADD VALUE` in a migration; an order can only be changed by a new type.

    See: `psql -c '\\dT+'`
    """
    none(seen, ("enum", "domain", "composite type", "range type"), matters, "the types that the migrations make")


@check(severity=HIGH, scope=RELEASE, guide="migrate.no-drift")
def check_views_are_as_migrated(seen: DriftEvidence) -> None:
    """Every view, materialized view and rule is there as the migrations define it.

    Fix: `CREATE OR REPLACE VIEW` in a migration.

    See: `psql -c '\\d+ VIEW'`
    """
    none(seen, ("view", "rule"), matters, "the views that the migrations make")


@check(severity=HIGH, scope=RELEASE, guide="migrate.no-drift")
def check_functions_are_as_migrated(seen: DriftEvidence) -> None:
    """Every function, procedure and aggregate is there as the migrations define it.

    Fix: `CREATE OR REPLACE FUNCTION` in a migration.

    See: `psql -c '\\sf FUNCTION'`
    """
    none(seen, ("function",), matters, "the functions that the migrations make")


@check(severity=HIGH, scope=RELEASE, guide="migrate.no-drift")
def check_triggers_are_as_migrated(seen: DriftEvidence) -> None:
    """Every trigger is there and enabled; none is there that the migrations don't make.

    Fix: `ALTER TABLE ... ENABLE TRIGGER` what a load of data left disabled.

    See: `psql -c '\\d TABLE'`
    """
    none(seen, ("trigger",), matters, "the triggers that the migrations make")


@check(severity=MEDIUM, scope=RELEASE, guide="migrate.no-drift")
def check_sequences_are_as_migrated(seen: DriftEvidence) -> None:
    """Every sequence has the type, bounds, step and owner that the migrations give it; its value is not looked at.

    Fix: `ALTER SEQUENCE` in a migration.

    See: `psql -c '\\d SEQUENCE'`
    """
    none(seen, ("sequence",), matters, "the sequences that the migrations make")


@check(severity=HIGH, scope=RELEASE, guide="migrate.no-drift")
def check_row_security_is_as_migrated(seen: DriftEvidence) -> None:
    """Row security is on where the migrations turn it on, with their policies and no others.

    Fix: `ALTER TABLE ... ENABLE ROW LEVEL SECURITY`; bring policies back by a migration.

    See: `psql -c 'SELECT * FROM pg_policies'`
    """
    none(seen, ("row security", "policy"), matters, "the row security that the migrations set up")


@check(severity=HIGH, scope=RELEASE, guide="migrate.no-drift")
def check_extensions_are_as_migrated(seen: DriftEvidence) -> None:
    """Every extension that the migrations create is installed.

    Fix: `CREATE EXTENSION` in this database.

    See: `psql -c '\\dx'`
    """
    none(seen, ("extension",), lambda one: one.problem == "missing", "the extensions that the migrations create")


@check(severity=HIGH, scope=RELEASE, guide="migrate.no-drift")
def check_grants_are_as_migrated(seen: DriftEvidence, server: Postgres) -> None:
    """The application's role may do what the migrations, and the default privileges of the role that ran them, let it:
    by its grants, as the owner, or as a member of another role.

    Fix: `GRANT` again what a restore or a change of owner took away, or set `ALTER DEFAULT PRIVILEGES` for the role
    that runs the migrations.

    See: `psql -c '\\dp'`
    """
    if server.app_role is None:
        raise CannotTell("no `app_role` is declared for the database", cause="program")
    if seen.app_role is None:
        raise CannotTell(f"the role {server.app_role} does not exist", cause="program")
    none(seen, ("grant",), matters, f"what {seen.app_role} was given")


@check(severity=MEDIUM, scope=ESTATE, guide="migrate.no-drift")
def check_nothing_else_is_there(seen: DriftEvidence) -> None:
    """Nothing is there that no migration makes: the next migration may stumble over it, and a new database lacks it.
    Partitions of their tables come and go.

    Fix: Put it into a migration, drop it, or name it under `unmanaged`.

    See: `prisma migrate diff --from-migrations prisma/migrations --to-url $DIRECT_URL --script`
    """
    kinds = {one.kind for one in seen.differences} - {"extension"}
    none(
        seen,
        kinds,
        lambda one: one.problem == "unknown" and harmless(one),
        "what the migrations make, and nothing else",
    )


@check(severity=LOW, scope=ESTATE)
def check_no_other_extension_is_installed(seen: DriftEvidence) -> None:
    """No extension is installed that neither the migrations nor the declaration of the server name, but for those of
    operations.

    Fix: `DROP EXTENSION`, or name it under the server's `expect.extensions`.

    See: `psql -c '\\dx'`
    """
    known = OPERATIONS | set(seen.declared_extensions)
    none(
        seen,
        ("extension",),
        lambda one: one.problem == "unknown" and one.name not in known,
        "extensions that somebody asked for",
    )
