"""Restore: the newest dump came back in a server of its own, and holds what the database holds.

Everyone has backups; what counts is the restore. The drill follows the guide's procedure but for its mistakes:
`pg_restore --clean` into the live database destroys it before anybody knows whether the dump is good, and without
`--exit-on-error` half a restore looks like a whole one.
"""

from __future__ import annotations

from datetime import timedelta

from checks._words import some
from fixtures.environment.sections.backups import Backups, Restore, Rows
from fixtures.probes._live import Migration
from fixtures.probes.restore import RestoreEvidence
from fixtures.vocabulary import CRITICAL, ESTATE, HIGH, CannotTell, check, expect

_FEW = 20
"""Rows below which a part of them says nothing."""


def declared(target: Backups) -> Restore:
    """The drill as declared."""
    if target.restore is None:
        raise CannotTell("no drill is declared", cause="program")
    return target.restore


def has_rto(target: Backups) -> bool:
    """Whether a time for recovery is declared."""
    return target.restore is not None and target.restore.rto is not None


def told(seconds: float) -> str:
    """A time span as a person says it."""
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


@check(
    severity=CRITICAL,
    scope=ESTATE,
    guide=("restore.pg-restore", "rollback.database-restore", "maint.quarterly-dr-test"),
)
def check_newest_dump_restores(seen: RestoreEvidence) -> None:
    """The newest dump restores into an empty server without a single error, now or in a drill not older than accepted.

    Fix: Make a new dump now and restore that; what the finding names is where pg_restore stopped.

    See: `createdb drill && pg_restore --exit-on-error --dbname=drill FILE`
    """
    expect(seen.code == 0, seen=f"{seen.name}: {seen.trouble}", required="a restore without an error")


@check(severity=HIGH, scope=ESTATE, guide="rollback.database-restore", applies=has_rto)
def check_restored_within_the_rto(seen: RestoreEvidence, target: Backups) -> None:
    """Fetching, unpacking, restoring and looking together took no longer than the time declared for recovery.

    Fix: Restore with `--jobs`, keep a copy nearer, or declare what is true. This machine may be slower than the server.

    See: `time pg_restore --jobs=4 --dbname=drill FILE`
    """
    limit = declared(target).rto
    if limit is None:
        raise CannotTell("no time for recovery is declared", cause="program")
    if seen.code:
        raise CannotTell("it did not restore", cause="program")
    took = f"{told(seen.seconds)} ({told(seen.fetching)} to fetch, {told(seen.restoring)} to restore)"
    left = f", without {seen.left_out} plain indexes" if seen.left_out else ""
    expect(seen.seconds <= limit, seen=took + left, required=f"within {told(limit)}")


@check(severity=CRITICAL, scope=ESTATE, guide=("restore.pg-restore", "backup.freshness"))
def check_data_is_within_the_rpo(seen: RestoreEvidence, target: Backups) -> None:
    """The newest rows of what was restored, or the dump where no column is declared, are not older than what may be
    lost.

    Fix: Dump more often, or archive the WAL; a dump that is young and has old rows only was made of the wrong server.

    See: `psql drill -c 'SELECT max(created_at) FROM TABLE'`
    """
    limit, column = timedelta(seconds=declared(target).rpo), declared(target).newest
    content = seen.content
    expect(
        column is None or content.newest is not None, seen=f"no rows with a time in {column}", required="newest rows"
    )
    moment = content.newest or seen.made_at
    age = (seen.observed_at - moment).total_seconds()
    what = f"the newest row of {column}" if column else "the dump"
    expect(age <= limit.total_seconds(), seen=f"{what} is {told(age)} old", required=told(limit.total_seconds()))


@check(severity=HIGH, scope=ESTATE, guide="restore.pg-restore")
def check_migrations_are_those_of_the_database(seen: RestoreEvidence) -> None:
    """Every migration that was applied before the dump is in what was restored, with the same checksum, and none that
    failed: code of this release finds the schema that it wants.

    Fix: The dump is of another database, or of a moment when a migration was at work: make a new one.

    See: `psql drill -c 'SELECT migration_name, finished_at FROM _prisma_migrations'`
    """
    content = seen.content
    if seen.live.migrations_denied:
        raise CannotTell("our role may not read _prisma_migrations: docs/permissions/postgres.sql", cause="permission")
    moment = seen.dumped.by
    due = {key(one) for one in seen.live.migrations or () if one.applied and (one.finished_at or moment) <= moment}
    there = {key(one) for one in content.migrations or () if one.applied}
    failed = [one.name for one in content.migrations or () if one.finished_at is None and not one.rolled_back]
    expect(not failed, seen=f"failed there: {some(sorted(failed))}", required="every migration applied")
    missing = [name for name, _ in due - there]
    expect(not missing, seen=f"not there: {some(sorted(missing))}", required="every migration of the database")


def key(one: Migration) -> tuple[str, str]:
    """What makes two rows the same migration."""
    return one.name, one.checksum


@check(severity=CRITICAL, scope=ESTATE, guide="restore.pg-restore")
def check_tables_have_their_rows(seen: RestoreEvidence, target: Backups) -> None:
    """Every table has rows where the live one has, and not much fewer; how many it must have can be declared.

    The live numbers are those of the statistics: near the truth, and no query reads the tables for them.

    Fix: Look for `--exclude-table-data` in the script; declare `rows` of tables that are emptied now and then.

    See: `psql drill -c 'SELECT count(*) FROM TABLE'`
    """
    here = {one.name: one.rows for one in seen.content.tables}
    younger = seen.live.younger(seen.dumped)
    wanted = declared(target).rows
    wrong = []
    for table in seen.live.tables:
        rows = here.get(table.name)
        rule = wanted.get(table.name) or wanted.get(table.name.removeprefix("public.")) or Rows()
        if rows is None:
            wrong += [] if younger(table) else [f"{table.name} is missing"]
        elif rows < rule.at_least:
            wrong.append(f"{table.name} has {rows} rows, {rule.at_least} are declared")
        elif (table.rows >= _FEW and rows < table.rows * rule.of_live) or (table.rows and not rows and rule.of_live):
            wrong.append(f"{table.name} has {rows} rows, the live one about {table.rows}")
    expect(not wrong, seen=some(sorted(wrong)), required="about the rows of the live tables")


@check(severity=HIGH, scope=ESTATE, guide="restore.pg-restore")
def check_constraints_hold(seen: RestoreEvidence) -> None:
    """Every constraint of the database is on what was restored, and was checked against its rows, if it was there.

    Fix: `ALTER TABLE ... VALIDATE CONSTRAINT` in the database; a dump brings NOT VALID back as it was.

    See: `psql drill -c 'SELECT conname FROM pg_constraint WHERE NOT convalidated'`
    """
    there = {one.name: one.valid for one in seen.content.constraints}
    younger = seen.live.younger(seen.dumped)
    missing = [one.name for one in seen.live.constraints if one.name not in there and not younger(one)]
    expect(not missing, seen=f"missing: {some(sorted(missing))}", required="every constraint of the database")
    unchecked = [
        one.name for one in seen.live.constraints if one.valid and not there.get(one.name, True) and not younger(one)
    ]
    expect(not unchecked, seen=f"not checked: {some(sorted(unchecked))}", required="constraints that hold")


@check(severity=HIGH, scope=ESTATE, guide="restore.pg-restore")
def check_extensions_are_those_of_the_database(seen: RestoreEvidence) -> None:
    """Every extension of the database is in what was restored.

    Fix: Look for `--schema` and `--extension` in the script: pg_dump of a schema leaves extensions out.

    See: `psql drill -c '\\dx'`
    """
    there, younger = {one.name for one in seen.content.extensions}, seen.live.younger(seen.dumped)
    missing = [one.name for one in seen.live.extensions if one.name not in there and not younger(one)]
    expect(not missing, seen=f"missing: {some(sorted(missing))}", required="every extension of the database")


@check(severity=HIGH, scope=ESTATE, guide="restore.pg-restore")
def check_sequences_are_ahead_of_their_data(seen: RestoreEvidence) -> None:
    """No sequence of what was restored would give a number that a row has already: the first INSERT would fail.

    Fix: `SELECT setval(...)` in the database, which is as wrong: somebody inserted with numbers of his own.

    See: `psql drill -c "SELECT last_value FROM SEQUENCE"`
    """
    behind = seen.content.behind
    expect(not behind, seen=f"behind: {some(sorted(behind))}", required="sequences ahead of their data")


@check(
    severity=HIGH,
    scope=ESTATE,
    guide="restore.pg-restore",
    applies=lambda target: target.restore is not None and bool(target.restore.queries),
)
def check_declared_queries_are_true(seen: RestoreEvidence) -> None:
    """Every declared query gives one row of one boolean, and it is true.

    Fix: Run it on a restored dump, and on the database: what the query says is what is lost.

    See: `psql drill -c QUERY`
    """
    answers = seen.content.answers
    wrong = [
        f"{name} {'is false' if said is False else 'gives no boolean'}" for name, said in answers.items() if not said
    ]
    expect(not wrong, seen=some(sorted(wrong)), required="true for each")
