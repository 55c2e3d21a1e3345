"""The objects of a database: nothing is broken, half done, missing or there twice."""

from __future__ import annotations

from fixtures.environment.sections.postgres import Postgres
from fixtures.probes.schema import Objects, SchemaEvidence
from fixtures.vocabulary import ADVISORY, CRITICAL, ESTATE, HIGH, LOW, MEDIUM, RELEASE, CannotTell, check, expect


def none_of(found: Objects, what: str) -> None:
    """Nothing of a kind is there."""
    more = f" and {found.count - len(found.names)} more" if found.count > len(found.names) else ""
    expect(found.count == 0, seen=f"{found.count}: {', '.join(found.names)}{more}", required=f"no {what}")


@check(severity=HIGH, scope=RELEASE, guide="perf.indexes")
def check_indexes_are_valid(seen: SchemaEvidence) -> None:
    """No index is invalid: a CREATE INDEX CONCURRENTLY that broke off leaves one, which costs every write, serves no
    query, and keeps nothing unique. One that is being built now is let be.

    Fix: `DROP INDEX CONCURRENTLY` and create it again, or `REINDEX INDEX CONCURRENTLY`.

    See: `psql -c "SELECT indexrelid::regclass FROM pg_index WHERE NOT indisvalid"`
    """
    none_of(seen.invalid_indexes, "invalid index")


@check(severity=MEDIUM, scope=RELEASE)
def check_constraints_are_validated(seen: SchemaEvidence) -> None:
    """Every constraint was checked against the rows that were there before it: one added NOT VALID says nothing of
    these until it is validated, which a migration often forgets.

    Fix: `ALTER TABLE ... VALIDATE CONSTRAINT ...`, which blocks no write.

    See: `psql -c "SELECT conrelid::regclass, conname FROM pg_constraint WHERE NOT convalidated"`
    """
    none_of(seen.unvalidated_constraints, "constraint NOT VALID")


@check(severity=CRITICAL, scope=ESTATE)
def check_foreign_keys_are_enforced(seen: SchemaEvidence) -> None:
    """No foreign key is switched off: `DISABLE TRIGGER ALL` does that, and so does a restore of data alone that broke
    off.

    Fix: Look for orphans, then `ALTER TABLE ... ENABLE TRIGGER ALL`.

    See: `psql -c "SELECT tgrelid::regclass, tgname FROM pg_trigger WHERE tgisinternal AND tgenabled = 'D'"`
    """
    none_of(seen.foreign_keys_switched_off, "foreign key switched off")


@check(severity=MEDIUM, scope=ESTATE)
def check_tables_survive_a_crash(seen: SchemaEvidence) -> None:
    """No table is UNLOGGED: it is empty after a crash, and on every replica and restored backup.

    Fix: `ALTER TABLE ... SET LOGGED`.

    See: `psql -c "SELECT oid::regclass FROM pg_class WHERE relpersistence = 'u'"`
    """
    none_of(seen.tables_without_log, "unlogged table")


@check(severity=LOW, scope=RELEASE, guide="perf.indexes")
def check_foreign_keys_have_an_index(seen: SchemaEvidence) -> None:
    """Every foreign key has an index that begins with its columns: without one each DELETE or UPDATE of the row that
    is referred to reads the whole table. The guide's query of pg_stats shows no index at all. (As splinter 0001.)

    Fix: `CREATE INDEX CONCURRENTLY` on the columns of the key.

    See: `psql -c '\\d table'`
    """
    none_of(seen.foreign_keys_without_index, "foreign key without an index")


@check(severity=LOW, scope=ESTATE, guide="perf.indexes")
def check_no_index_is_there_twice(seen: SchemaEvidence) -> None:
    """No two indexes are the same: each write pays for both. (As splinter 0009.)

    Fix: `DROP INDEX CONCURRENTLY` the one that no constraint needs.

    See: `psql -c '\\d table'`
    """
    none_of(seen.duplicate_indexes, "index that is there twice")


@check(severity=ADVISORY, scope=RELEASE)
def check_tables_have_a_primary_key(seen: SchemaEvidence) -> None:
    """Every table has a primary key; without one, rows can't be told apart, and logical replication can't follow their
    changes. (As splinter 0004.)

    Fix: `ALTER TABLE ... ADD PRIMARY KEY`.

    See: `psql -c '\\d table'`
    """
    none_of(seen.tables_without_primary_key, "table without a primary key")


@check(severity=HIGH, scope=ESTATE)
def check_sequences_do_not_run_out(seen: SchemaEvidence, server: Postgres) -> None:
    """No sequence is near its end, or that of the column that it feeds (an integer ends at 2,147,483,647): inserts fail
    from then on.

    Fix: `ALTER TABLE ... ALTER ... TYPE bigint` (it rewrites the table), `ALTER SEQUENCE ... AS bigint`.

    See: `psql -c "SELECT sequencename, last_value, max_value FROM pg_sequences"`
    """
    limit = server.expect.sequences
    late = [f"{one.name} {one.used:.0%}" for one in seen.sequences if one.used > limit]
    expect(not late, seen=", ".join(late), required=f"at most {limit:.0%} used")
    if seen.unseen.count:
        more = f" and {seen.unseen.count - 1} more" if seen.unseen.count > 1 else ""
        raise CannotTell(
            f"our role may not read {seen.unseen.names[0]}{more}."
            f" Run: GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO {seen.own_role}",
            cause="permission",
        )
