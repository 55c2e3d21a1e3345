"""Migrations: the database has been brought to the release, by the release's own migrations, once each, in order.

`prisma migrate status` ends with 0 on an edited migration, an unknown row, one that was only rolled back, and one
applied twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta

from checks._words import some
from fixtures.probes._migration_tools import Row
from fixtures.probes.migrations import MigrationsEvidence
from fixtures.vocabulary import CRITICAL, ESTATE, HIGH, LOW, MEDIUM, RELEASE, CannotTell, check, expect

IDLE = 60.0
"""Seconds without a statement after which the holder of the lock is no migration at work, but one that was left."""
AT_ONCE = timedelta(seconds=5)


def history(seen: MigrationsEvidence) -> tuple[Row, ...]:
    """The rows; without a table there is nothing to judge."""
    if seen.rows is None:
        raise CannotTell(f"there is no table {seen.table}", cause="program")
    return seen.rows


def with_state(seen: MigrationsEvidence, state: str) -> list[Row]:
    """The rows in one state."""
    return [row for row in history(seen) if row.state == state]


def running(seen: MigrationsEvidence) -> Row | None:
    """The migration at work: the last unfinished one, while the lock is held by a session that does something."""
    unfinished = with_state(seen, "unfinished")
    if not unfinished or seen.lock is None or (seen.lock.idle or 0.0) > IDLE:
        return None
    return max(unfinished, key=lambda row: row.started_at)


def names(found: Iterable[str]) -> str:
    """The first few names, and how many more there are."""
    return some(dict.fromkeys(found))


@check(severity=CRITICAL, scope=RELEASE, guide="migrate.applied")
def check_history_exists(seen: MigrationsEvidence) -> None:
    """The database has a history of migrations.

    Fix: Deploy with `prisma migrate deploy`; a database made by `prisma db push` is first given its baseline
    (`prisma migrate resolve --applied`).

    See: `psql -c 'SELECT count(*) FROM _prisma_migrations'`
    """
    expect(seen.rows is not None, seen=f"no table {seen.table}", required="the history that the migration tool keeps")


@check(severity=HIGH, scope=RELEASE, guide="migrate.applied")
def check_every_migration_has_its_script(seen: MigrationsEvidence) -> None:
    """Every migration of the release holds its script; `migrate deploy` stops at one without (P3015).

    Fix: Remove the empty directory, or restore its migration.sql.

    See: `find prisma/migrations -mindepth 1 -type d '!' -exec test -e '{}/migration.sql' ';' -print`
    """
    expect(not seen.incomplete, seen=f"no script in {names(seen.incomplete)}", required="a migration.sql in each")


@check(severity=CRITICAL, scope=RELEASE, guide="migrate.applied", live=True)
def check_every_migration_is_applied(seen: MigrationsEvidence) -> None:
    """No migration of the release is pending.

    Fix: `prisma migrate deploy` with the direct URL; a start script that goes on after a failed deploy hides this.

    See: `prisma migrate status`
    """
    known = {row.name for row in history(seen)}
    pending = [name for name in seen.scripts if name not in known]
    expect(not pending, seen=f"{len(pending)} pending: {names(pending)}", required="every migration applied")
    if now := running(seen):
        raise CannotTell(f"the migration {now.name} is running", cause="program")


@check(severity=CRITICAL, scope=RELEASE, guide="migrate.applied", live=True)
def check_no_migration_has_failed(seen: MigrationsEvidence) -> None:
    """No migration has failed: begun, not finished, not rolled back, and nobody at work on it.

    Fix: Look at the column `logs`, mend the database, then `prisma migrate resolve --rolled-back NAME` (and deploy
    again) or `--applied NAME`. Until then every `migrate deploy` is refused (P3009).

    See: `psql -c 'SELECT migration_name FROM _prisma_migrations WHERE finished_at IS NULL AND rolled_back_at IS NULL'`
    """
    unfinished = with_state(seen, "unfinished")
    if unfinished and seen.in_recovery:
        raise CannotTell("a replica does not show whether an unfinished migration is still at work", cause="program")
    now = running(seen)
    failed = [f"{row.name}{f' (error {row.error})' if row.error else ''}" for row in unfinished if row is not now]
    expect(not failed, seen=f"failed: {names(failed)}", required="no failed migration")


@check(severity=HIGH, scope=RELEASE, guide=("migrate.applied", "rollback.migration"))
def check_rolled_back_migrations_are_applied_again(seen: MigrationsEvidence) -> None:
    """What was marked as rolled back has been applied since, or left the release; marking undoes no SQL, and the
    migration is not there although `migrate status` says "up to date".

    Fix: Mend the script and `prisma migrate deploy`, or remove the migration from the release.

    See: `psql -c 'SELECT migration_name FROM _prisma_migrations WHERE rolled_back_at IS NOT NULL'`
    """
    since = {row.name for row in history(seen) if row.state != "rolled back"}
    left = [row.name for row in with_state(seen, "rolled back") if row.name in seen.scripts and row.name not in since]
    expect(not left, seen=f"only rolled back: {names(left)}", required="applied again")


@check(severity=HIGH, scope=RELEASE, guide="migrate.applied")
def check_applied_migrations_are_unchanged(seen: MigrationsEvidence) -> None:
    """No migration was edited after it was applied; line endings don't count.

    Fix: Restore the script as it was applied, and put the change into a new migration.

    See: `sha256sum prisma/migrations/*/migration.sql`, beside the column `checksum`
    """
    latest = {row.name: row for row in with_state(seen, "applied")}
    edited = [name for name, row in latest.items() if row.same is False]
    expect(not edited, seen=f"edited since: {names(edited)}", required="the scripts that were applied")


@check(severity=HIGH, scope=RELEASE, guide=("migrate.applied", "rollback.migration"))
def check_applied_migrations_belong_to_the_release(seen: MigrationsEvidence) -> None:
    """The database has no migration that the release lacks: else the code is older than its database. Migrations that
    were squashed into a first one, marked as applied after them, belong to it.

    Fix: Deploy the release that has them, or make sure that this one works on the newer schema; Prisma has no way back.

    See: `prisma migrate status` does not tell; compare `ls prisma/migrations` with the table
    """
    applied = with_state(seen, "applied")
    first = seen.scripts[0]
    squashed = max((row.started_at for row in applied if row.name == first and row.resolved), default=None)
    known = {*seen.scripts, *seen.incomplete}
    unknown = [row.name for row in applied if row.name not in known and not (squashed and row.started_at < squashed)]
    expect(not unknown, seen=f"not in the release: {names(unknown)}", required="migrations of the release only")


@check(severity=MEDIUM, scope=ESTATE)
def check_no_migration_is_applied_twice(seen: MigrationsEvidence) -> None:
    """Each migration was applied once.

    Fix: Find out which deploy ran it again (two at once through a transaction pool, where Prisma's lock does not hold),
    and what it did twice; then remove the second row.

    See: `psql -c 'SELECT migration_name FROM _prisma_migrations WHERE rolled_back_at IS NULL GROUP BY 1
    HAVING count(finished_at) > 1'`
    """
    counted = Counter(row.name for row in with_state(seen, "applied"))
    twice = [name for name, count in counted.items() if count > 1]
    expect(not twice, seen=f"applied more than once: {names(twice)}", required="once each")


@check(severity=LOW, scope=ESTATE)
def check_migrations_were_applied_in_order(seen: MigrationsEvidence) -> None:
    """Migrations were applied in the order of their names: a new database gets them in that one. What was only marked
    as applied ran nobody knows when.

    Fix: Make sure that the late ones don't depend on order; name a migration when it is merged.

    See: `psql -c 'SELECT migration_name, started_at FROM _prisma_migrations ORDER BY 1'`
    """
    ran: dict[str, datetime] = {}
    for row in with_state(seen, "applied"):
        if not row.resolved:
            ran[row.name] = min(row.started_at, ran.get(row.name, row.started_at))
    late = []
    earliest = None
    for name in sorted(ran, reverse=True):
        if earliest is not None and ran[name] > earliest:
            late.append(name)
        earliest = ran[name] if earliest is None else min(earliest, ran[name])
    expect(not late, seen=f"applied after later ones: {names(reversed(late))}", required="the order of the names")


@check(severity=LOW, scope=ESTATE)
def check_rows_are_as_the_tool_writes_them(seen: MigrationsEvidence) -> None:
    """Rows are as the tool writes them: one step where a script ran, none where one was marked as applied at once, and
    no finish before the start. Anything else was edited by hand, and says nothing of what ran.

    Fix: Compare the database with the script (the drift checks do), then use `prisma migrate resolve`, no UPDATE.

    See: `psql -c 'SELECT migration_name, applied_steps_count, finished_at - started_at FROM _prisma_migrations'`
    """
    odd = []
    for row in history(seen):
        took = row.finished_at - row.started_at if row.finished_at else timedelta(0)
        by_hand = row.resolved and (took > AT_ONCE or bool(row.log_bytes))
        if row.steps not in (0, 1) or took < -AT_ONCE or by_hand:
            odd.append(f"{row.name} ({row.steps} steps)")
    expect(not odd, seen=names(odd), required="one step a script, none where it was marked as applied")
