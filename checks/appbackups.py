"""Backups of the application's files: fresh, whole, with what is declared, and without what opens everything else.

The guide's script puts `.env.production` into the tarball and uploads that: a copy of every secret in each of thirty
files, in a bucket that others may read. The other way round is right: secrets come from where secrets are kept.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from datetime import timedelta

from fixtures.environment.sections.appbackups import AppBackups
from fixtures.probes.appbackups import AppBackupsEvidence, ContentsEvidence, Unwanted
from fixtures.vocabulary import CRITICAL, ESTATE, HIGH, LOW, MEDIUM, CannotTell, check, expect

SHOWN = 5
PEERS = 3
"""Fewer earlier ones say nothing of a usual size."""
OTHERS = 0o077
KMS = "aws:kms"


def words(age: timedelta) -> str:
    """A time span as a person says it."""
    hours = age.total_seconds() / 3600
    return f"{hours:.1f} h" if hours < 72 else f"{hours / 24:.1f} days"


def some(names: Iterable[str]) -> str:
    """The first few of many."""
    found = sorted(names)
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return ", ".join(found[:SHOWN]) + more


def period(target: AppBackups) -> timedelta:
    """How far apart backups may be."""
    return timedelta(seconds=target.expect.every + target.expect.late)


def without(seen: ContentsEvidence, *kinds: Unwanted) -> None:
    """Expect that none of these is in the newest, unless its reader needs a key of his own."""
    if seen.encrypted:
        return
    found = [name for kind in kinds for name in seen.inside.unwanted.get(kind, ())]
    expect(not found, seen=f"{seen.name} has {some(found)}", required="none, unless it is encrypted by the client")


@check(severity=HIGH, scope=ESTATE, guide="appbackup.artefact")
def check_newest_is_fresh(seen: AppBackupsEvidence, target: AppBackups) -> None:
    """The newest backup of the application's files was made within the declared period, by the time in its name.

    Fix: The guide names no cron entry for it, so that nothing ever runs it: give it one.

    See: `ls` of the directory
    """
    expect(bool(seen.backups), seen=f"no backup named as {target.names}", required="a backup")
    newest = seen.newest
    age = seen.observed_at - newest.made_at
    expect(
        age <= period(target),
        seen=f"{newest.name} is {words(age)} old",
        required=f"one of the last {words(period(target))}",
    )


@check(severity=HIGH, scope=ESTATE, guide="appbackup.artefact")
def check_newest_is_a_tarball(seen: AppBackupsEvidence) -> None:
    """The newest backup begins as a tar, or is encrypted: it is not empty, and no error message.

    Fix: `set -euo pipefail` in the script, and a look at the file before it reports success.

    See: `file FILE`
    """
    newest = seen.newest
    what = {"empty": "empty", "unknown": "no tar"}.get(newest.kind or "", "")
    expect(not what, seen=f"{newest.name} ({newest.size} bytes) is {what}", required="a tar")


@check(severity=HIGH, scope=ESTATE, guide="appbackup.artefact")
def check_newest_is_whole(seen: ContentsEvidence) -> None:
    """The newest backup can be read to its end: the checksum of its compression is right, and the tar ends as one.

    Fix: Write under another name, `gzip -t` and `tar -tzf` it, and rename it then; a full disk leaves half of it.

    See: `gzip -t FILE && tar -tzf FILE >/dev/null`
    """
    contents = seen.inside
    expect(seen.whole, seen=f"{seen.name} breaks off after {contents.files} files", required="a tar with its end")


@check(severity=MEDIUM, scope=ESTATE, guide="appbackup.artefact", applies=lambda target: target.expect.keep > PEERS)
def check_newest_is_not_smaller_than_usual(seen: AppBackupsEvidence, target: AppBackups) -> None:
    """The newest backup is not much smaller than those before it.

    Fix: Compare the listings of both: a volume that was not mounted is an empty directory.

    See: `ls -l` of the directory
    """
    newest, *others = (seen.newest, *seen.backups[1:])
    if len(others) < PEERS:
        raise CannotTell(f"{len(others)} earlier backups: no usual size", cause="program")
    usual = statistics.median(one.size for one in others)
    expect(
        newest.size >= usual * (1 - target.expect.shrinks),
        seen=f"{newest.name} has {newest.size} bytes, usual are {usual:.0f}",
        required=f"at least {1 - target.expect.shrinks:.0%} of that",
    )


@check(severity=HIGH, scope=ESTATE, guide="appbackup.contents", applies=lambda target: bool(target.expect.contains))
def check_declared_paths_are_in_it(seen: ContentsEvidence) -> None:
    """Every declared path has at least one file in the newest backup. In containers the guide's paths do not exist:
    what users upload is gone with the container, unless it is on a volume.

    Fix: Name the paths of the volume in the script, and mount it where the script runs.

    See: `tar -tzf FILE`
    """
    absent = seen.inside.absent
    expect(not absent, seen=f"{seen.name} has no file of {some(absent)}", required="files of every declared path")


@check(severity=CRITICAL, scope=ESTATE, guide="appbackup.env-file")
def check_no_secrets_are_in_it(seen: ContentsEvidence) -> None:
    """No file of variables (`.env*`) and no private key is in the newest backup, unless it is encrypted by the client:
    who may read one file may do everything else.

    Fix: `--exclude='.env*' --exclude='*.pem' --exclude='*.key'`; keep secrets where secrets are kept. Change those that
    were in it, and delete what was uploaded.

    See: `tar -tzf FILE | grep -E '(^|/)[.]env'`
    """
    without(seen, "environment", "key")


@check(severity=MEDIUM, scope=ESTATE, guide="appbackup.contents")
def check_no_repository_is_in_it(seen: ContentsEvidence) -> None:
    """No repository is in the newest backup: its history has what was ever committed, secrets as well.

    Fix: `--exclude-vcs`.

    See: `tar -tzf FILE | grep '[.]git/'`
    """
    without(seen, "repository")


@check(severity=LOW, scope=ESTATE, guide="appbackup.contents")
def check_no_dependencies_are_in_it(seen: ContentsEvidence) -> None:
    """No node_modules is in the newest backup: the image has it, and a restore of it brings old code back.

    Fix: `--exclude=node_modules`.

    See: `tar -tzf FILE | grep node_modules/ | head`
    """
    without(seen, "dependencies")


@check(severity=MEDIUM, scope=ESTATE, guide="appbackup.retention")
def check_enough_are_kept(seen: AppBackupsEvidence, target: AppBackups) -> None:
    """Enough backups are younger than the retention.

    Fix: Find out since when it fails; `find -mtime +30 -delete` goes on deleting good ones all the while.

    See: `ls` of the directory
    """
    limit = timedelta(seconds=target.expect.retention)
    kept = [one for one in seen.backups if one.size and seen.observed_at - one.made_at <= limit]
    expect(len(kept) >= target.expect.keep, seen=f"{len(kept)}", required=f"{target.expect.keep} or more")


@check(severity=LOW, scope=ESTATE, guide="appbackup.retention")
def check_none_is_past_its_retention(seen: AppBackupsEvidence, target: AppBackups) -> None:
    """No backup is older than the retention and one period: it holds files of people who were promised their end.

    Fix: Let the script delete local files and a lifecycle rule those in S3; `find` does not reach the bucket.

    See: `ls` of the directory
    """
    limit = timedelta(seconds=target.expect.retention) + period(target)
    old = [one.name for one in seen.backups if seen.observed_at - one.made_at > limit]
    expect(not old, seen=f"{len(old)} older: {some(old)}", required=f"none older than {words(limit)}")


@check(severity=LOW, scope=ESTATE, guide="appbackup.artefact")
def check_names_are_the_declared_ones(seen: AppBackupsEvidence, target: AppBackups) -> None:
    """Everything in the place is named as declared: what is not is no part of the set, and never deleted.

    Fix: Give other backups a place of their own, and remove what a broken run left.

    See: `ls` of the directory
    """
    expect(not seen.strange, seen=f"{len(seen.strange)} others: {some(seen.strange)}", required=target.names)


@check(
    severity=HIGH,
    scope=ESTATE,
    guide="sec.backups-encrypted",
    applies=lambda target: target.expect.private and not target.at.startswith("s3:"),
)
def check_files_are_private(seen: AppBackupsEvidence) -> None:
    """Only their owner reads the backups and their directory: they hold what users uploaded.

    Fix: `umask 077` in the script, `chmod 700` the directory and `chmod 600` what is in it.

    See: `ls -la` of the directory
    """
    if seen.directory is None:
        raise CannotTell("the directory was not looked at", cause="program")
    mode = seen.directory.mode
    expect(not mode & OTHERS, seen=f"the directory has mode {mode:04o}", required="0700")
    open_ones = [one.name for one in seen.backups if (one.mode or 0) & OTHERS]
    expect(not open_ones, seen=f"others may read {some(open_ones)}", required="0600")


@check(severity=CRITICAL, scope=ESTATE, guide="sec.backups-encrypted", applies=lambda target: target.expect.encrypted)
def check_newest_is_encrypted(seen: AppBackupsEvidence) -> None:
    """The newest backup is encrypted by the client, or by S3 with a key of KMS.

    Fix: `--sse aws:kms` at the upload and as the default of the bucket, or pipe the tar through `age`.

    See: `aws s3api head-object --query ServerSideEncryption`
    """
    newest, by_s3 = seen.newest, seen.encryption or ""
    expect(
        newest.kind == "encrypted" or by_s3.startswith(KMS),
        seen=f"{newest.name} is encrypted with {by_s3 or 'nothing'}",
        required=f"{KMS}, or by the client",
    )
