"""Tenants in a database: every row has one, and nothing of one refers to another's. Addresses and tokens are safe."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from fixtures.environment.sections.tenants import Tenants
from fixtures.probes.tenants import Counted, Shapes, TableSeen, TenantCountsEvidence, TenantsEvidence
from fixtures.vocabulary import CRITICAL, ESTATE, HIGH, LOW, MEDIUM, RELEASE, CannotTell, check, expect


def present(seen: TenantsEvidence) -> list[TableSeen]:
    """The declared tables that have the column."""
    return [one for one in seen.tables if one.exists and one.has_column]


def listed(tables: Iterable[TableSeen]) -> str:
    """Columns by name."""
    return ", ".join(f"{one.name}.{one.column}" for one in tables)


def none_counted(found: Iterable[Counted], required: str) -> None:
    """Nothing was counted; what could not be counted is not known."""
    all_of_them = list(found)
    bad = [f"{one.what}: {one.rows:.0f}" for one in all_of_them if one.rows]
    expect(not bad, seen=", ".join(bad), required=required)
    for one in all_of_them:
        if one.rows is None:
            raise CannotTell(f"our role may not count by {one.what}. Run: {one.grant}", cause="permission")


def none_shaped(found: Iterable[Shapes], wrong: Callable[[Shapes], float], required: str) -> None:
    """No value of a column has a wrong shape; what could not be counted is not known."""
    every = list(found)
    bad = [f"{one.column}: {wrong(one):.0f} of {one.total:.0f}" for one in every if one.total and wrong(one)]
    expect(not bad, seen=", ".join(bad), required=required)
    for one in every:
        if one.total is None:
            raise CannotTell(f"our role may not count {one.column}. Run: {one.grant}", cause="permission")


@check(severity=HIGH, scope=RELEASE, guide="tenant.schema-isolation")
def check_every_tenant_table_has_its_column(seen: TenantsEvidence) -> None:
    """Every declared table of tenants exists and has the column that names the tenant.

    Fix: A migration that adds it, or correct `tables` in the environment file.

    See: `psql -c '\\d table'`
    """
    gone = [
        name for name, there in ((seen.table, seen.exists), *((t.name, t.exists) for t in seen.tables)) if not there
    ]
    expect(not gone, seen=f"no table {', '.join(gone)}", required="every declared table")
    bare = [one for one in seen.tables if not one.has_column]
    expect(not bare, seen=f"no column {listed(bare)}", required="the column of the tenant")


@check(severity=HIGH, scope=RELEASE, guide="tenant.schema-isolation")
def check_every_row_has_a_tenant(seen: TenantsEvidence, tenants: Tenants) -> None:
    """The column of the tenant is NOT NULL, unless the table is declared `nullable`: a row of nobody's is shown to
    nobody, or to everybody.

    Fix: Fill it, then `ALTER TABLE ... ALTER ... SET NOT NULL`.

    See: `psql -c '\\d table'`
    """
    loose = [one for one in present(seen) if not one.not_null and not tenants.tables[one.name].nullable]
    expect(not loose, seen=f"may be null: {listed(loose)}", required="NOT NULL")


@check(severity=HIGH, scope=RELEASE, guide="tenant.schema-isolation")
def check_every_tenant_exists(seen: TenantsEvidence) -> None:
    """A validated foreign key leads from every table of tenants to theirs: no row is of a tenant that is gone.

    Fix: `ALTER TABLE ... ADD FOREIGN KEY (...) REFERENCES ... NOT VALID`, clean up, `VALIDATE CONSTRAINT`.

    See: `psql -c '\\d table'`
    """
    loose = [one for one in present(seen) if not one.refers]
    expect(not loose, seen=f"no foreign key: {listed(loose)}", required=f"a foreign key to {seen.table}")
    unproven = [one for one in present(seen) if not one.validated]
    expect(not unproven, seen=f"not validated: {listed(unproven)}", required="VALIDATE CONSTRAINT")


@check(severity=MEDIUM, scope=RELEASE, guide=("tenant.schema-isolation", "perf.indexes"))
def check_rows_of_a_tenant_are_found_by_index(seen: TenantsEvidence) -> None:
    """An index begins with the column of the tenant, which stands in every query.

    Fix: `CREATE INDEX CONCURRENTLY`, with the tenant first.

    See: `psql -c '\\d table'`
    """
    slow = [one for one in present(seen) if not one.indexed]
    expect(not slow, seen=f"no index: {listed(slow)}", required="an index that begins with the column")


@check(
    severity=HIGH,
    scope=RELEASE,
    guide="tenant.schema-isolation",
    applies=lambda tenants: any(table.rls for table in tenants.tables.values()),
)
def check_policies_keep_tenants_apart(seen: TenantsEvidence, tenants: Tenants) -> None:
    """Row level security is enabled where it is declared, has policies, and holds for the application: the owner of a
    table is above it unless it is forced.

    Fix: `ALTER TABLE ... ENABLE ROW LEVEL SECURITY`, `FORCE ROW LEVEL SECURITY`, `CREATE POLICY`. A
    forced table is dumped by a role with BYPASSRLS only: pg_dump refuses to leave rows out.

    See: `psql -c '\\d table'`
    """
    wrong = []
    for one in present(seen):
        if not tenants.tables[one.name].rls:
            continue
        if not one.rls:
            wrong.append(f"{one.name}: off")
        elif not one.policies:
            wrong.append(f"{one.name}: no policy, so nobody sees a row")
        elif not one.forced and one.owner == seen.app_role:
            wrong.append(f"{one.name}: the application owns it, and is above it")
    expect(not wrong, seen=", ".join(wrong), required="enabled, with policies, for the application too")


@check(severity=LOW, scope=RELEASE, guide="tenant.schema-isolation")
def check_every_table_with_the_column_is_declared(seen: TenantsEvidence, tenants: Tenants) -> None:
    """Every table with a column of that name is declared, so that none that a migration adds is forgotten here.

    Fix: Add it to `tables` in the environment file.
    """
    more = ", ".join(seen.undeclared)
    expect(not seen.undeclared, seen=f"{more} with {tenants.column}", required="declared under tables")


@check(severity=CRITICAL, scope=ESTATE, guide="tenant.schema-isolation")
def check_no_row_is_of_a_tenant_that_is_gone(seen: TenantCountsEvidence) -> None:
    """No row names a tenant that does not exist. Counted only where no validated foreign key rules it out.

    Fix: Find out whose they were; delete them, or give them back.
    """
    none_counted(seen.orphans, "no orphan")


@check(severity=CRITICAL, scope=ESTATE, guide="tenant.schema-isolation")
def check_no_row_refers_to_another_tenant(seen: TenantCountsEvidence) -> None:
    """No row refers to a row of another tenant: what is shown with it is shown to the wrong people.

    Fix: Find out how they came; a foreign key on (tenant, id) rules it out.
    """
    none_counted(seen.crossings, "references within one tenant")


@check(
    severity=CRITICAL,
    scope=ESTATE,
    guide="sec.tokens-encrypted-in-db",
    applies=lambda tenants: bool(tenants.tokens),
)
def check_no_token_is_in_the_clear(seen: TenantCountsEvidence) -> None:
    """No OAuth token is stored as its provider hands it out, which the Prisma adapter of NextAuth does by default.

    Fix: Encrypt tokens before they are stored, and those that are there; revoke what backups still hold in the clear.

    See: `psql -c "SELECT count(*) FROM accounts WHERE access_token LIKE 'ya29.%'"`
    """
    none_shaped(seen.tokens, lambda one: one.clear, "none in the clear")


@check(
    severity=HIGH,
    scope=ESTATE,
    guide="sec.tokens-encrypted-in-db",
    applies=lambda tenants: bool(tenants.tokens),
)
def check_every_token_looks_like_ciphertext(seen: TenantCountsEvidence) -> None:
    """Every stored token has the shape of ciphertext: hexadecimal or base64, long enough. Whether it is some, nobody
    can tell by its shape; what has another is none.

    Fix: See what the rows have in common (their provider, their age); encrypt them.
    """
    none_shaped(seen.tokens, lambda one: (one.total or 0) - one.cipher, "the shape of ciphertext")


@check(severity=MEDIUM, scope=ESTATE, guide="seed.admin-user", applies=lambda tenants: bool(tenants.emails))
def check_no_account_of_the_guide_is_left(seen: TenantCountsEvidence) -> None:
    """No account has the address that the guide prints for the first administrator: whoever gets that mailbox gets in.

    Fix: Give the account the address of a person, or delete it.
    """
    none_shaped(seen.emails, lambda one: one.placeholders, "no placeholder")
