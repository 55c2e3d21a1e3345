"""Recovery to a point in time: the log is archived without a gap, and a base backup can be brought forward with it.

The guide's `aws s3 cp %p s3://…/%f` overwrites what is archived already, its `recovery.conf` is refused since
PostgreSQL 12, and what its `pg_restore` makes of a dump can't be brought forward at all: that takes a copy of the
files, as pg_basebackup makes it. What the server counts as archived is not believed either: `|| true` fools it. What
lies in the archive is looked at, and a recovery is made.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from fixtures.environment.sections.recovery import Recovery
from fixtures.probes._places import PlaceSeen
from fixtures.probes.recovery import ArchiveEvidence, ArchiverEvidence, BasesEvidence, Segment
from fixtures.probes.rewind import RewindEvidence
from fixtures.vocabulary import CRITICAL, ESTATE, HIGH, LOW, MEDIUM, CannotTell, check, expect

SHOWN = 5
OTHERS = 0o077
KMS = "aws:kms"
CLOCKS = timedelta(seconds=5)
"""Between the application's clock, which may tell the time of a row, and the server's."""


def words(seconds: float) -> str:
    """A time span as a person says it."""
    if seconds < 120:
        return f"{seconds:.1f} s"
    if seconds < 7200:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 72 * 3600 else f"{seconds / 86400:.1f} days"


def some(names: Iterable[str]) -> str:
    """The first few of many, in the order of the log."""
    found = sorted(names)
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return ", ".join(found[:SHOWN]) + more


def last_of(seen: ArchiveEvidence) -> Segment:
    """The newest segment of the server's timeline."""
    if seen.last is None:
        raise CannotTell("the archive holds no segment of the server's timeline", cause="program")
    return seen.last


def in_the_clear(segment: Segment) -> None:
    """Raise `CannotTell` where a segment can't be looked into."""
    if segment.encrypted:
        raise CannotTell(f"{segment.name} is encrypted", cause="permission")
    if segment.length is None:
        raise CannotTell(f"nothing here unpacks {segment.packed}", cause="program")


def private(seen: PlaceSeen | None, what: str) -> None:
    """Expect of a directory that nobody but its owner may enter it."""
    if seen is None:
        raise CannotTell(f"the directory of {what} was not looked at", cause="program")
    expect(not seen.mode & OTHERS, seen=f"the directory of {what} has mode {seen.mode:04o}", required="0700")


@check(severity=HIGH, scope=ESTATE, guide="pitr.wal-level")
def check_wal_level_is_enough(seen: ArchiverEvidence) -> None:
    """The log has all that a recovery needs: `wal_level` is replica or logical.

    Fix: `wal_level = replica`; a restart is needed, and a new base backup.

    See: `psql -c "SHOW wal_level"`
    """
    level = seen.settings["wal_level"]
    expect(level in ("replica", "logical"), seen=f"wal_level = {level}", required="replica or logical")


@check(severity=HIGH, scope=ESTATE, guide="pitr.archive-timeout")
def check_changes_are_archived_in_time(seen: ArchiverEvidence, target: Recovery) -> None:
    """A segment is ended and archived after the declared time at the latest, however little was written: what a quiet
    hour changed would be lost else.

    Fix: `archive_timeout = 300`; reload. Much less fills the archive with segments that are nearly empty.

    See: `psql -c "SHOW archive_timeout"`
    """
    found, limit = int(seen.settings["archive_timeout"] or 0), target.expect.timeout
    expect(
        0 < found <= limit,
        seen=f"archive_timeout = {words(found)}"
        if found
        else "archive_timeout = 0: a segment is ended when it is full",
        required=f"{words(limit)} at most",
    )


@check(severity=CRITICAL, scope=ESTATE, guide="pitr.archive-command")
def check_archive_command_tells_failures(seen: ArchiverEvidence) -> None:
    """Nothing in `archive_command` turns a failure into success: the server would count as archived what is not, and
    delete it. What a script does that it runs shows in the archive.

    Fix: `test ! -f /archive/%f && cp %p /archive/%f`, without `|| true`, `; true` or a pipe without `pipefail`.

    See: `psql -c "SHOW archive_command"`
    """
    command = seen.command
    if command is None:
        if seen.settings["archive_library"]:
            return
        raise CannotTell("there is no archive_command", cause="program")
    expect(not command.hides, seen=f"it ends with {some(command.hides)}", required="the exit code of what copies")


@check(severity=MEDIUM, scope=ESTATE, guide="pitr.archive-command")
def check_archive_command_refuses_to_overwrite(seen: ArchiverEvidence) -> None:
    """`archive_command` refuses to overwrite what is archived: a second server with the same archive, one that was
    copied for instance, destroys the log of the first else. The guide's `aws s3 cp` overwrites.

    Fix: `test ! -f …` before the copy, or a tool that does it: pgBackRest, WAL-G, Barman.

    See: `psql -c "SHOW archive_command"`
    """
    command = seen.command
    if command is None:
        if seen.settings["archive_library"]:
            return
        raise CannotTell("there is no archive_command", cause="program")
    if command.looks_first is None:
        raise CannotTell("it is a script of your own: nothing tells from outside", cause="program")
    expect(command.looks_first, seen=f"{command.program} without a look at what is there", required="test ! -f")


@check(severity=HIGH, scope=ESTATE, guide="pitr.archive-command", live=True)
def check_segments_do_not_pile_up(seen: ArchiverEvidence, target: Recovery) -> None:
    """Few segments wait to be archived: they fill the server's own disk, and are lost with it.

    Fix: The server's log tells why archiving fails or is slow: a full volume, missing credentials, a slow upload.

    See: `psql -c "SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'"`
    """
    if seen.waiting is None:
        raise CannotTell("our role may not see them: GRANT pg_monitor", cause="permission")
    limit = target.expect.waiting
    expect(seen.waiting <= limit, seen=f"{seen.waiting} wait", required=f"at most {limit}")


@check(severity=CRITICAL, scope=ESTATE, guide=("pitr.wal-objects", "pitr.archive-command"))
def check_last_segment_is_in_the_archive(seen: ArchiveEvidence) -> None:
    """What the server says it archived last is in the archive.

    Fix: Look at what archive_command does in the end, and where: by hand, as the server's account.

    See: `psql -c "SELECT last_archived_wal FROM pg_stat_archiver"`, and a listing of the archive
    """
    expect(seen.last_archived is not None, seen="nothing was ever archived", required="a segment in the archive")
    expect(seen.stored, seen=f"{seen.last_archived} is not there", required="what the server says it archived")


@check(severity=CRITICAL, scope=ESTATE, guide="pitr.wal-objects")
def check_last_segment_is_whole(seen: ArchiveEvidence) -> None:
    """The newest segment in the archive has all of its bytes, its compression ends as it should, and it begins as one.

    Fix: Copy under another name and rename, or use a tool; what is there is worth nothing for a recovery beyond it.

    See: `pg_waldump FILE | tail -1`, and its size: 16777216 bytes
    """
    last = last_of(seen)
    in_the_clear(last)
    expect(last.whole, seen=f"the compression of {last.name} breaks off", required="a whole file")
    size = seen.segment_size
    expect(last.length == size, seen=f"{last.name} has {last.length} bytes", required=f"{size} bytes")
    expect(last.header is not None, seen=f"{last.name} does not begin as a segment", required="a segment of the log")


@check(severity=CRITICAL, scope=ESTATE, guide="pitr.wal-objects")
def check_last_segment_is_of_this_server(seen: ArchiveEvidence) -> None:
    """The newest segment is what its name says, of this server, and nothing in the archive is of a later timeline.

    Fix: Two servers have the same archive: give each a place of its own, take a new base backup of this one.

    See: `pg_waldump FILE | head -1`; `psql -c "SELECT system_identifier FROM pg_control_system()"`
    """
    expect(
        not seen.foreign,
        seen=f"of later timelines than {seen.timeline}: {some(seen.foreign)}",
        required="the timelines of this server",
    )
    last = last_of(seen)
    in_the_clear(last)
    header = last.header
    if header is None:
        raise CannotTell(f"{last.name} does not begin as a segment", cause="program")
    # The segment in which a timeline begins is a copy of its ancestor's.
    parents = {parent for one in seen.histories for parent, number in one.parents if number == seen.newest}
    expect(
        header.number == seen.newest and header.timeline in {seen.timeline, *parents},
        seen=f"{last.name} is segment {header.number} of timeline {header.timeline}",
        required=f"segment {seen.newest} of timeline {seen.timeline}",
    )
    expect(
        seen.system_identifier in (None, header.identifier),
        seen=f"{last.name} is of another server",
        required="the system identifier of this one",
    )


@check(severity=HIGH, scope=ESTATE, guide="pitr.wal-objects")
def check_archive_is_not_behind(seen: ArchiveEvidence, target: Recovery) -> None:
    """What was written is archived after the declared time: no segment is complete for longer and not in the archive.

    Fix: The archiver is stuck or too slow: the server's log, and the time that one copy takes.

    See: `psql -c "SELECT pg_walfile_name(pg_current_wal_lsn()), * FROM pg_stat_archiver"`
    """
    last, limit = seen.last_archived_at, target.expect.timeout
    if last is None or seen.newest is None:
        raise CannotTell("nothing was ever archived", cause="program")
    behind, age = seen.current - seen.newest - 1, (seen.observed_at - last).total_seconds()
    expect(
        behind <= 0 or age <= limit,
        seen=f"{behind} complete segments are not there, the last came {words(age)} ago",
        required=f"every one after {words(limit)}",
    )


@check(severity=CRITICAL, scope=ESTATE, guide="pitr.wal-objects")
def check_segments_have_no_gap(seen: ArchiveEvidence) -> None:
    """From the newest base backup on every segment is in the archive: beyond a gap nothing can be recovered.

    Fix: Take a new base backup now: only what comes after it can be recovered. Then look for what deletes or loses
    segments: a retention that is shorter than the time between base backups, or an archive_command that hides failures.

    See: a listing of the archive
    """
    missing = seen.missing
    expect(not missing, seen=f"missing: {some(missing)}", required="every segment since the newest base backup")


@check(severity=CRITICAL, scope=ESTATE, guide="pitr.wal-objects")
def check_segments_are_of_one_size(seen: ArchiveEvidence) -> None:
    """Every segment since the newest base backup that is not compressed has the size of a segment.

    Fix: The copy broke off: a full volume, and a command that did not tell. Take a new base backup.

    See: `find . -size -16777216c`
    """
    expect(not seen.odd, seen=f"of another size: {some(seen.odd)}", required=f"{seen.segment_size} bytes each")


@check(severity=LOW, scope=ESTATE, guide="pitr.wal-objects")
def check_archive_holds_nothing_else(seen: ArchiveEvidence) -> None:
    """Everything in the archive is named as the server names it: segments, histories, marks of base backups.

    Fix: Half a copy under a name of its own is left by a copy that broke off; other things have a place of their own.

    See: a listing of the archive
    """
    expect(not seen.strange, seen=f"{len(seen.strange)} others: {some(seen.strange)}", required="files of the log")


@check(
    severity=HIGH,
    scope=ESTATE,
    guide="sec.backups-encrypted",
    applies=lambda target: target.expect.private and not target.archive.startswith("s3:"),
)
def check_archive_is_private(seen: ArchiveEvidence) -> None:
    """Nobody but its owner enters the archive's directory: the log holds everybody's data.

    Fix: `chmod 700` the directory.

    See: `ls -ld` of the directory
    """
    private(seen.directory, "the archive")


@check(severity=CRITICAL, scope=ESTATE, guide="sec.backups-encrypted", applies=lambda target: target.expect.encrypted)
def check_archive_is_encrypted(seen: ArchiveEvidence) -> None:
    """The newest segment is encrypted by the client, or by S3 with a key of KMS.

    Fix: `--sse aws:kms` in archive_command and as the default of the bucket; pgBackRest and WAL-G encrypt themselves.

    See: `aws s3api head-object --query ServerSideEncryption`
    """
    last, by_s3 = last_of(seen), seen.encryption or ""
    expect(
        last.encrypted or by_s3.startswith(KMS),
        seen=f"{last.name} is encrypted with {by_s3 or 'nothing'}",
        required=f"{KMS}, or by the client",
    )


@check(severity=CRITICAL, scope=ESTATE, guide="pitr.base-backup")
def check_base_backup_is_fresh(seen: BasesEvidence, target: Recovery) -> None:
    """The newest base backup was begun within the declared period, by what it says itself: the older it is, the more
    segments a recovery takes, and the more of them must be whole.

    Fix: Run pg_basebackup by hand and read what it says; look for a cron job that is gone.

    See: `head backup_label`
    """
    expect(bool(seen.bases), seen=f"no base backup named as {target.names}", required="a base backup")
    newest, limit = seen.newest, timedelta(seconds=target.expect.every + target.expect.late)
    age = seen.observed_at - newest.made_at
    expect(
        age <= limit,
        seen=f"{newest.name} is {words(age.total_seconds())} old",
        required=f"one of the last {words(limit.total_seconds())}",
    )


@check(severity=CRITICAL, scope=ESTATE, guide="pitr.base-backup")
def check_base_backup_is_physical(seen: BasesEvidence) -> None:
    """The newest base backup is a copy of the server's files: the log can't be applied to what pg_dump wrote, which the
    guide would have.

    Fix: `pg_basebackup --checkpoint=fast --format=tar --gzip`, pgBackRest or WAL-G.

    See: `file FILE`
    """
    newest = seen.newest
    if newest.kind == "encrypted":
        raise CannotTell(f"{newest.name} is encrypted", cause="permission")
    what = {"dump": "a dump of pg_dump", "unknown": "no base backup"}.get(newest.kind, "")
    expect(not what, seen=f"{newest.name} is {what}", required="a copy of the server's files")


@check(severity=CRITICAL, scope=ESTATE, guide="pitr.base-backup")
def check_base_backup_is_complete(seen: BasesEvidence) -> None:
    """The manifest of the newest base backup is whole, and every file that it lists is there with its size.

    Fix: Take a new base backup, under another name until it is complete.

    See: `pg_verifybackup DIRECTORY`
    """
    manifest = seen.manifest
    if manifest is None:
        raise CannotTell("it has no manifest (pg_basebackup 13 or newer writes one)", cause="program")
    expect(manifest.whole, seen="its manifest is damaged", required="a manifest with the right checksum")
    expect(not manifest.absent, seen=f"missing or cut: {some(manifest.absent)}", required="every file of the manifest")


@check(severity=CRITICAL, scope=ESTATE, guide="pitr.recovery-config")
def check_base_backup_has_no_old_settings(seen: BasesEvidence) -> None:
    """There is no recovery.conf in the newest base backup: PostgreSQL does not start with one since 12, and the guide
    makes one at the worst moment.

    Fix: Remove it from the server's directory, and from the runbook: settings stand in postgresql.conf, and an empty
    file recovery.signal says that it is a recovery.

    See: `ls` of the server's data directory
    """
    if seen.old_settings is None:
        raise CannotTell(f"nothing tells what is in {seen.newest.name} but a drill", cause="program")
    expect(not seen.old_settings, seen="recovery.conf", required="recovery.signal, and settings in postgresql.conf")


@check(
    severity=HIGH,
    scope=ESTATE,
    guide="sec.backups-encrypted",
    applies=lambda target: target.expect.private and not target.bases.startswith("s3:"),
)
def check_base_backups_are_private(seen: BasesEvidence) -> None:
    """Nobody but its owner enters the directory of base backups: each holds everybody's data.

    Fix: `chmod 700` the directory.

    See: `ls -ld` of the directory
    """
    private(seen.directory, "base backups")


@check(severity=CRITICAL, scope=ESTATE, guide="sec.backups-encrypted", applies=lambda target: target.expect.encrypted)
def check_base_backup_is_encrypted(seen: BasesEvidence) -> None:
    """The newest base backup is encrypted by the client, or by S3 with a key of KMS.

    Fix: `--sse aws:kms` at the upload and as the default of the bucket, or through `age`.

    See: `aws s3api head-object --query ServerSideEncryption`
    """
    newest, by_s3 = seen.newest, seen.encryption or ""
    expect(
        newest.kind == "encrypted" or by_s3.startswith(KMS),
        seen=f"{newest.name} is encrypted with {by_s3 or 'nothing'}",
        required=f"{KMS}, or by the client",
    )


@check(severity=CRITICAL, scope=ESTATE, guide="pitr.base-backup")
def check_base_backup_verifies(seen: RewindEvidence) -> None:
    """Every file of the newest base backup has the checksum that its manifest says, after it was fetched and unpacked.

    Fix: Take a new base backup, and look at the disk that this one was on.

    See: `pg_verifybackup --no-parse-wal DIRECTORY`
    """
    if seen.verified is None:
        raise CannotTell("it has no manifest (pg_basebackup 13 or newer writes one)", cause="program")
    expect(seen.verified, seen=f"{seen.name}: {seen.damage}", required="a base backup that verifies")


@check(
    severity=CRITICAL,
    scope=ESTATE,
    guide=("pitr.target-time", "pitr.restore-command", "pitr.recovery-config", "maint.quarterly-dr-test"),
)
def check_target_time_is_reached(seen: RewindEvidence) -> None:
    """The newest base backup, brought forward with the archive, reaches a moment just before the last commit that is
    archived, and opens for writing there; now or in a drill not older than accepted.

    Fix: Take a new base backup now. What the finding names is where the recovery stopped: a segment that is not there,
    or not whole.

    See: recovery.signal, `recovery_target_time` and `restore_command`, in a copy of the base backup
    """
    lost = f" (not in the archive: {some(seen.lost)})" if seen.lost else ""
    expect(seen.reached, seen=f"{seen.trouble}{lost}", required=f"{seen.target:%Y-%m-%d %H:%M:%S.%f} UTC")


@check(severity=CRITICAL, scope=ESTATE, guide=("pitr.verify", "pitr.target-time"))
def check_what_was_before_is_there(seen: RewindEvidence) -> None:
    """The last transaction committed before the target is in what was recovered. `SELECT NOW()`, with which the guide
    verifies a recovery, says nothing of it.

    Fix: Look into the log of the recovery: it names the transaction that it stopped before.

    See: `psql -c "SELECT pg_xact_status('XID')"`
    """
    expect(seen.outcome.before_is_there, seen="the last one before is not there", required="all that was before")


@check(severity=CRITICAL, scope=ESTATE, guide=("pitr.verify", "pitr.target-time"))
def check_what_came_later_is_not_there(seen: RewindEvidence) -> None:
    """No transaction of after the target is in what was recovered, and no row with a later time, where a column is
    declared.

    Fix: Look into the log of the recovery: it names the transaction that it stopped before.

    See: `psql -c "SELECT pg_last_xact_replay_timestamp()"`
    """
    outcome = seen.outcome
    expect(not outcome.later_is_there, seen="the first one after is there", required="nothing of later")
    last = outcome.last_replayed
    expect(last is None or last <= seen.target, seen=f"replayed until {last}", required=f"until {seen.target}")
    newest = outcome.newest
    expect(newest is None or newest <= seen.target + CLOCKS, seen=f"a row of {newest}", required=f"until {seen.target}")


@check(
    severity=HIGH,
    scope=ESTATE,
    guide="pitr.target-time",
    applies=lambda target: target.drill is not None and target.drill.rto is not None,
)
def check_recovered_within_the_rto(seen: RewindEvidence, target: Recovery) -> None:
    """Fetching, verifying and bringing forward together took no longer than the time declared for recovery.

    Fix: Take base backups more often: it is the segments since that take the time. This machine may be slower.

    See: the times in the evidence of the drill
    """
    limit = target.drill.rto if target.drill else None
    if limit is None:
        raise CannotTell("no time for recovery is declared", cause="program")
    if not seen.reached:
        raise CannotTell("it was not recovered", cause="program")
    took = f"{words(seen.seconds)} ({words(seen.fetching)} to fetch, {seen.segments} segments to apply)"
    expect(seen.seconds <= limit, seen=took, required=f"within {words(limit)}")
