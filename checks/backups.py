"""Backups: the set as it lies there, and the newest dump as it is inside.

The guide's script judges by the exit code of `find`, and so reports success for a file of 40 bytes when pg_dump could
not even connect. Here nothing is believed but the files. When a dump was made is read inside it: copying makes a file
newer, not what is in it.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from datetime import timedelta
from itertools import pairwise

from checks._words import some
from fixtures.environment.sections.backups import Backups
from fixtures.probes._dumps import Head
from fixtures.probes._live import Thing
from fixtures.probes._places import PlaceSeen
from fixtures.probes.backups import ArtefactEvidence, Backup, BackupsEvidence, BucketSeen
from fixtures.vocabulary import ADVISORY, CRITICAL, ESTATE, HIGH, LOW, MEDIUM, CannotTell, check, expect

NAMED_WITHIN = timedelta(hours=1)
PEERS = 3
"""Fewer earlier ones say nothing of a usual size."""
ROOM = 2
"""Times the newest that must be free: one more, and one unpacked to restore it."""
OTHERS = 0o077
KMS = "aws:kms"
SUFFIXES = {"gzip": (".gz",), "zstd": (".zst", ".zstd")}
KEYS = {"p": "CONSTRAINT", "u": "CONSTRAINT", "x": "CONSTRAINT", "f": "FK CONSTRAINT"}


def words(age: timedelta) -> str:
    """A time span as a person says it."""
    hours = age.total_seconds() / 3600
    return f"{hours:.1f} h" if hours < 72 else f"{hours / 24:.1f} days"


def period(target: Backups) -> timedelta:
    """How far apart backups may be."""
    return timedelta(seconds=target.expect.every + target.expect.late)


def head_of(one: Backup) -> Head:
    """What a backup says of itself."""
    if one.head is None:
        raise CannotTell(f"the first bytes of {one.name} were not read", cause="program")
    return one.head


def good(one: Backup, usual: float) -> bool:
    """Whether a backup looks restorable without being unpacked."""
    return one.head is not None and one.head.restorable and one.size >= usual / 2


def usual_size(others: Iterable[Backup]) -> float:
    """The median size of those that are dumps."""
    sizes = [one.size for one in others if one.head is None or one.head.restorable]
    return statistics.median(sizes) if sizes else 0.0


def bucket_of(seen: BackupsEvidence) -> BucketSeen:
    """The bucket."""
    if seen.bucket is None:
        raise CannotTell("the bucket was not looked at", cause="program")
    return seen.bucket


def directory_of(seen: BackupsEvidence) -> PlaceSeen:
    """The directory."""
    if seen.directory is None:
        raise CannotTell("the directory was not looked at", cause="program")
    return seen.directory


def allowed(bucket: BucketSeen, *names: str) -> None:
    """Raise `CannotTell`, naming what the role's policy lacks, if one of these could not be asked."""
    missing = [bucket.denied[name] for name in names if name in bucket.denied]
    if missing:
        raise CannotTell(f"S3 refuses {', '.join(missing)}: the policy is docs/permissions/s3.json", cause="permission")


def dump_of(seen: ArtefactEvidence) -> None:
    """Raise `CannotTell` where there is no dump to look into."""
    if not seen.head.restorable:
        raise CannotTell(f"{seen.name} is no dump", cause="program")


def spelt(one: Thing) -> str:
    """A name as a table of contents has it."""
    return one.name.replace(".", " ", 1)


def lacking(seen: ArtefactEvidence, wanted: Mapping[str, Thing]) -> list[str]:
    """The entries that a dump should have and has not; what was made after it is not expected."""
    contents, younger = seen.contents, seen.live.younger(seen.dumped)
    return [entry for entry, one in wanted.items() if entry not in contents and not younger(one)]


def in_s3(target: Backups) -> bool:
    """Whether the dumps are in a bucket."""
    return target.in_s3


def in_directory(target: Backups) -> bool:
    """Whether the dumps are in a directory."""
    return not target.in_s3


@check(severity=CRITICAL, scope=ESTATE, guide=("backup.freshness", "backup.s3-upload"))
def check_newest_is_fresh(seen: BackupsEvidence, target: Backups) -> None:
    """The newest backup was made within the declared period, by the time inside the dump.

    Fix: Run the script by hand and read what it says; look for a cron job that is gone, or a full disk.

    See: `pg_restore --list FILE | grep 'Archive created at'`
    """
    expect(bool(seen.backups), seen=f"no backup named as {target.names}", required="a backup")
    newest = seen.newest
    age = seen.observed_at - newest.made_at
    told = {"header": "inside", "comment": "inside"}.get(
        (newest.head and newest.head.made_at_from) or "", "by its name"
    )
    expect(
        age <= period(target),
        seen=f"{newest.name} is {words(age)} old ({told})",
        required=f"one of the last {words(period(target))}",
    )


@check(severity=CRITICAL, scope=ESTATE, guide=("backup.custom-format", "backup.failure-detected"))
def check_newest_is_a_dump(seen: BackupsEvidence) -> None:
    """The newest backup begins as a dump of PostgreSQL, or is encrypted: it is not empty, and no error message.

    Fix: A script needs `set -euo pipefail`, and must look at the file before it reports success, as
    docs/scripts/backup.sh does.

    See: `zcat -f FILE | head -c 5`
    """
    newest, head = seen.newest, head_of(seen.newest)
    what = "empty" if head.format == "empty" else "no dump"
    expect(
        head.restorable,
        seen=f"{newest.name} ({newest.size} bytes) is {what}",
        required="a dump in a format of pg_dump",
    )


@check(severity=LOW, scope=ESTATE, guide="backup.gzip")
def check_newest_is_packed_as_named(seen: BackupsEvidence) -> None:
    """A name that ends in .gz or .zst is that of a file so compressed, and no other is.

    Fix: `gzip -t FILE`; programs choose by the name, and stumble in the middle of a restore.

    See: `file FILE`
    """
    newest, head = seen.newest, head_of(seen.newest)
    if head.format == "encrypted":
        raise CannotTell("it is encrypted, and no decryptor is declared", cause="permission")
    named = next((how for how, ends in SUFFIXES.items() if newest.name.endswith(ends)), "none")
    expect(
        head.compression == named,
        seen=f"{newest.name} is packed with {head.compression}",
        required=f"packed with {named}",
    )


@check(severity=CRITICAL, scope=ESTATE, guide="backup.s3-upload", applies=lambda target: target.expect.keep > PEERS)
def check_newest_is_not_smaller_than_usual(seen: BackupsEvidence, target: Backups) -> None:
    """The newest backup is not much smaller than those before it.

    Fix: Compare the tables of contents of both: a table, a schema or all data may be missing.

    See: `ls -l` of the directory
    """
    newest, *others = (seen.newest, *seen.backups[1:])
    if len(others) < PEERS:
        raise CannotTell(f"{len(others)} earlier backups: no usual size", cause="program")
    usual = usual_size(others)
    expect(
        newest.size >= usual * (1 - target.expect.shrinks),
        seen=f"{newest.name} has {newest.size} bytes, usual are {usual:.0f}",
        required=f"at least {1 - target.expect.shrinks:.0%} of that",
    )


@check(severity=LOW, scope=ESTATE, guide="backup.filename")
def check_names_are_the_declared_ones(seen: BackupsEvidence, target: Backups) -> None:
    """Everything in the place is named as declared: what is not is no part of the set, and never deleted.

    Fix: Give backups of other things a directory of their own, and remove what a broken run left.

    See: `ls` of the directory
    """
    expect(not seen.strange, seen=f"{len(seen.strange)} others: {some(sorted(seen.strange))}", required=target.names)


@check(severity=MEDIUM, scope=ESTATE, guide="backup.filename")
def check_names_tell_the_time(seen: BackupsEvidence) -> None:
    """The time in the name of every backup is that of the dump inside.

    Fix: Copy with the name kept; declare the `timezone` of the machine that dumps, for the header has local time.

    See: `pg_restore --list FILE | grep 'Archive created at'`
    """
    wrong = [
        one.name
        for one in seen.backups
        if one.named_at and one.head and one.head.made_at and abs(one.named_at - one.head.made_at) > NAMED_WITHIN
    ]
    expect(not wrong, seen=f"another time inside: {some(sorted(wrong))}", required=f"within {words(NAMED_WITHIN)}")


@check(severity=HIGH, scope=ESTATE, guide="backup.retention-30d")
def check_enough_good_ones_are_kept(seen: BackupsEvidence, target: Backups) -> None:
    """Enough backups that look restorable are younger than the retention.

    Fix: Find out since when dumps fail; `find -mtime +30 -delete` goes on deleting good ones all the while.

    See: `for f in *; do zcat -f "$f" | head -c 5; done`
    """
    usual, limit = usual_size(seen.backups), timedelta(seconds=target.expect.retention)
    kept = [one for one in seen.backups if good(one, usual) and seen.observed_at - one.made_at <= limit]
    expect(len(kept) >= target.expect.keep, seen=f"{len(kept)} good ones", required=f"{target.expect.keep} or more")


@check(severity=MEDIUM, scope=ESTATE, guide="backup.retention-30d")
def check_none_is_past_its_retention(seen: BackupsEvidence, target: Backups) -> None:
    """No backup is older than the retention and one period: it holds data of people who were promised its end.

    Fix: Let the script delete local files and a lifecycle rule those in S3; `find` does not reach the bucket.

    See: `aws s3 ls s3://BUCKET/PREFIX/ | head`
    """
    limit = timedelta(seconds=target.expect.retention) + period(target)
    old = [one.name for one in seen.backups if seen.observed_at - one.made_at > limit]
    expect(not old, seen=f"{len(old)} older: {some(sorted(old))}", required=f"none older than {words(limit)}")


@check(severity=HIGH, scope=ESTATE, guide="backup.freshness")
def check_series_has_no_gap(seen: BackupsEvidence, target: Backups) -> None:
    """Between two backups of the retention there is never more than the period.

    Fix: Look into the log of the script at the time of the gap; a night without a backup is a night without a warning.

    See: `ls` of the directory
    """
    limit = timedelta(seconds=target.expect.retention)
    made = [one.made_at for one in seen.backups if seen.observed_at - one.made_at <= limit]
    if len(made) < 2:
        raise CannotTell("fewer than two backups within the retention: no series", cause="program")
    gaps = [
        f"{words(newer - older)} before {newer:%Y-%m-%d %H:%M}"
        for newer, older in pairwise(made)
        if newer - older > period(target)
    ]
    expect(not gaps, seen=f"gaps of {some(sorted(gaps))}", required=f"at most {words(period(target))}")


@check(severity=HIGH, scope=ESTATE, guide="backup.s3-upload", applies=lambda target: target.copy_at is not None)
def check_newest_was_uploaded_whole(seen: BackupsEvidence) -> None:
    """The newest file of the directory that backups are uploaded from is in the declared place, with the same content.

    Fix: The exit code of the upload must end the script: `set -euo pipefail`.

    See: `aws s3api head-object` and `md5sum`
    """
    copy = seen.copy_seen
    if copy is None:
        raise CannotTell("the local directory was not looked at", cause="program")
    expect(bool(copy.name), seen="no local backup", required="the file that was uploaded")
    expect(copy.there, seen=f"{copy.name} was not uploaded", required="every local backup in the declared place")
    expect(
        copy.size == copy.there_size and copy.same is not False,
        seen=f"{copy.name} has {copy.size} bytes here and {copy.there_size} there, or another content",
        required="the same content",
    )


@check(severity=HIGH, scope=ESTATE, guide="backup.directory", applies=in_directory)
def check_files_are_private(seen: BackupsEvidence, target: Backups) -> None:
    """Only their owner reads the backups and their directory: each holds everybody's data.

    Fix: `umask 077` in the script, `chmod 700` the directory and `chmod 600` what is in it.

    See: `ls -la` of the directory
    """
    place = directory_of(seen)
    open_ones = [one.name for one in seen.backups if (one.mode or 0) & OTHERS]
    wanted = target.expect.owner
    strangers = [one.name for one in seen.backups if wanted and one.owner != wanted]
    expect(not place.mode & OTHERS, seen=f"the directory has mode {place.mode:04o}", required="0700")
    expect(not open_ones, seen=f"others may read {some(sorted(open_ones))}", required="0600")
    expect(not strangers, seen=f"{some(sorted(strangers))} of another owner", required=f"owned by {wanted}")


@check(severity=MEDIUM, scope=ESTATE, guide="backup.directory", applies=in_directory)
def check_disk_has_room_for_more(seen: BackupsEvidence) -> None:
    """The disk has room for the next backup, and for a restore of this one.

    Fix: Make room before tonight: a full disk leaves half a dump, and the guide's script calls it a success.

    See: `df` of the directory
    """
    free, newest = directory_of(seen).free, seen.newest.size
    expect(free >= ROOM * newest, seen=f"{free} bytes free", required=f"{ROOM} x {newest} bytes")


@check(severity=CRITICAL, scope=ESTATE, guide="sec.backups-encrypted", applies=lambda target: target.expect.encrypted)
def check_newest_is_encrypted(seen: BackupsEvidence) -> None:
    """The newest backup is encrypted by the client, or by S3 with a key of KMS; the key that S3 uses by default keeps
    out nobody who may read the object.

    Fix: `--sse aws:kms` at the upload and as the default of the bucket, or pipe the dump through `age`.

    See: `aws s3api head-object --query ServerSideEncryption`
    """
    newest = seen.newest
    by_client = head_of(newest).format == "encrypted"
    by_s3 = seen.bucket is not None and (seen.bucket.newest_encryption or "").startswith(KMS)
    how = (seen.bucket and seen.bucket.newest_encryption) or "nothing"
    expect(by_client or by_s3, seen=f"{newest.name} is encrypted with {how}", required=f"{KMS}, or by the client")


@check(
    severity=HIGH,
    scope=ESTATE,
    guide="sec.backups-encrypted",
    applies=lambda target: target.in_s3 and target.expect.encrypted,
)
def check_bucket_encrypts_what_comes(seen: BackupsEvidence) -> None:
    """The bucket encrypts with a key of KMS what is uploaded without a word, unless the client encrypts backups.

    Fix: `aws s3api put-bucket-encryption` with aws:kms.

    See: `aws s3api get-bucket-encryption`
    """
    bucket, newest = bucket_of(seen), seen.newest
    if head_of(newest).format == "encrypted":
        return
    allowed(bucket, "encryption")
    expect((bucket.encryption or "").startswith(KMS), seen=bucket.encryption or "no default", required=KMS)


@check(severity=CRITICAL, scope=ESTATE, guide=("backup.s3-upload", "sec.backups-encrypted"), applies=in_s3)
def check_bucket_is_not_public(seen: BackupsEvidence) -> None:
    """The bucket blocks public access in all four ways, and S3 does not call its policy public.

    Fix: `aws s3api put-public-access-block` with all four set.

    See: `aws s3api get-public-access-block` and `get-bucket-policy-status`
    """
    bucket = bucket_of(seen)
    expect(bucket.public is not True, seen="its policy is public", required="a policy for named roles")
    allowed(bucket, "blocked")
    expect(bucket.blocked is True, seen="public access is not blocked in all four ways", required="all four blocks")


@check(severity=MEDIUM, scope=ESTATE, guide="sec.backups-encrypted", applies=in_s3)
def check_bucket_refuses_plain_http(seen: BackupsEvidence) -> None:
    """The bucket's policy denies requests without TLS.

    Fix: A statement that denies `s3:*` to everybody where `aws:SecureTransport` is false.

    See: `aws s3api get-bucket-policy`
    """
    bucket = bucket_of(seen)
    allowed(bucket, "tls_only")
    expect(bucket.tls_only is True, seen="no statement denies plain HTTP", required="aws:SecureTransport false: Deny")


@check(severity=MEDIUM, scope=ESTATE, guide="backup.retention-30d", applies=in_s3)
def check_bucket_expires_old_ones(seen: BackupsEvidence, target: Backups) -> None:
    """A lifecycle rule of the bucket deletes backups after their retention, and not before.

    Fix: `aws s3api put-bucket-lifecycle-configuration` for the prefix; the guide's `find` deletes local files only.

    See: `aws s3api get-bucket-lifecycle-configuration`
    """
    bucket = bucket_of(seen)
    allowed(bucket, "expires_after")
    days, wanted = bucket.expires_after or 0, target.expect.retention / 86400
    found = f"they expire after {days} days" if days else "no rule for the prefix"
    expect(wanted <= days <= wanted + 1, seen=found, required=f"{wanted:g} days")


@check(
    severity=HIGH,
    scope=ESTATE,
    applies=lambda target: target.in_s3 and target.expect.versioned is not None,
)
def check_bucket_is_versioned_as_declared(seen: BackupsEvidence, target: Backups) -> None:
    """The bucket keeps earlier versions of an object where that is declared: who can overwrite can't destroy.

    Fix: `aws s3api put-bucket-versioning`, with a lifecycle rule for noncurrent versions.

    See: `aws s3api get-bucket-versioning`
    """
    bucket = bucket_of(seen)
    allowed(bucket, "versioned")
    words_ = {True: "versioned", False: "not versioned"}
    wanted = bool(target.expect.versioned)
    expect(bucket.versioned is wanted, seen=words_[bool(bucket.versioned)], required=words_[wanted])


@check(severity=HIGH, scope=ESTATE, applies=lambda target: target.in_s3 and target.expect.locked is not None)
def check_bucket_is_locked_as_declared(seen: BackupsEvidence, target: Backups) -> None:
    """The bucket has object lock where that is declared: nobody can delete a backup before its time.

    Fix: Object lock can be had for a new bucket, or for one that is versioned.

    See: `aws s3api get-object-lock-configuration`
    """
    bucket = bucket_of(seen)
    allowed(bucket, "locked")
    words_ = {True: "locked", False: "not locked"}
    wanted = bool(target.expect.locked)
    expect(bucket.locked is wanted, seen=words_[bool(bucket.locked)], required=words_[wanted])


@check(severity=CRITICAL, scope=ESTATE, guide=("backup.gzip", "restore.download"))
def check_compression_is_whole(seen: ArtefactEvidence) -> None:
    """The newest dump can be fetched and unpacked, and its compression ends with the right length and checksum: what
    lacks the last four bytes may still restore, but nothing shows any more that it is what was written.

    Fix: Upload again; write to another name and rename, so that nobody sees half a file.

    See: `gzip -t FILE`
    """
    expect(seen.whole, seen=f"{seen.name} breaks off or is damaged", required="a whole file")


@check(severity=CRITICAL, scope=ESTATE, guide=("backup.custom-format", "restore.download"))
def check_contents_can_be_listed(seen: ArtefactEvidence) -> None:
    """pg_restore can read the table of contents of the newest dump.

    Fix: Make a new dump now; look for the damage in the script, the disk, the upload.

    See: `pg_restore --list FILE`
    """
    dump_of(seen)
    expect(seen.entries is not None, seen=f"{seen.name} has no table of contents", required="a table of contents")


@check(severity=CRITICAL, scope=ESTATE, guide="backup.custom-format")
def check_all_of_it_can_be_decoded(seen: ArtefactEvidence) -> None:
    """All of the newest dump can be decoded: the table of contents stands at its beginning, and proves nothing of the
    rest.

    Fix: Make a new dump now; look for the damage in the script, the disk, the upload.

    See: `pg_restore --file=/dev/null FILE`
    """
    dump_of(seen)
    expect(seen.decoded is True, seen=f"{seen.name} can't be decoded to its end", required="a whole dump")


@check(severity=HIGH, scope=ESTATE, guide="backup.custom-format")
def check_dump_is_of_the_database(seen: ArtefactEvidence) -> None:
    """The newest dump says that it is of the declared database.

    Fix: Correct `DB_NAME` in the script, or `of` in the environment file.

    See: `pg_restore --list FILE | grep dbname`
    """
    dump_of(seen)
    if seen.head.database is None:
        raise CannotTell(f"a {seen.head.format} dump does not name its database", cause="program")
    expect(
        seen.head.database == seen.live.database,
        seen=f"a dump of {seen.head.database}",
        required=f"one of {seen.live.database}",
    )


@check(severity=CRITICAL, scope=ESTATE, guide=("backup.custom-format", "backup.freshness"))
def check_every_table_is_dumped(seen: ArtefactEvidence) -> None:
    """The newest dump holds the data of every table of the database; of tables that were made after it, none is
    expected.

    Fix: Look for `--table`, `--exclude-table` and `--schema-only` in the script.

    See: `pg_restore --list FILE | grep 'TABLE DATA'`
    """
    contents = seen.contents
    missing = lacking(seen, {f"TABLE DATA {spelt(one)}": one for one in seen.live.tables})
    held = any(entry.startswith("TABLE DATA ") for entry in contents)
    expect(held or not seen.live.tables, seen="the data of no table", required=f"{len(seen.live.tables)} tables")
    expect(not missing, seen=f"no data of {some(sorted(missing))}", required="the data of every table")


@check(severity=HIGH, scope=ESTATE, guide="backup.custom-format")
def check_every_extension_is_dumped(seen: ArtefactEvidence) -> None:
    """The newest dump creates every extension of the database: without one, tables and indexes that use it are lost.

    Fix: Look for `--schema` and `--extension` in the script: pg_dump of a schema leaves extensions out.

    See: `pg_restore --list FILE | grep EXTENSION`
    """
    missing = lacking(seen, {f"EXTENSION - {one.name}": one for one in seen.live.extensions})
    expect(not missing, seen=f"not in it: {some(sorted(missing))}", required="every extension")


@check(severity=HIGH, scope=ESTATE, guide="backup.custom-format")
def check_every_key_and_index_is_dumped(seen: ArtefactEvidence) -> None:
    """The newest dump holds every key, foreign key and index of the database.

    Fix: Look for `--section` in the script: `post-data` has them.

    See: `pg_restore --list FILE | grep -E 'CONSTRAINT|INDEX'`
    """
    wanted: dict[str, Thing] = {
        f"{KEYS[one.kind]} {spelt(one)}": one for one in seen.live.constraints if one.kind in KEYS
    }
    wanted |= {f"INDEX {spelt(one)}": one for one in seen.live.indexes}
    missing = lacking(seen, wanted)
    expect(not missing, seen=f"not in it: {some(sorted(missing))}", required="every key and index")


@check(severity=MEDIUM, scope=ESTATE)
def check_dump_program_is_as_new_as_the_server(seen: ArtefactEvidence) -> None:
    """pg_dump was of the server's major version, so that pg_restore of that version reads what it wrote.

    Fix: Install the client programs of the server's version on the machine that dumps, and call them by their path.

    See: `pg_restore --list FILE | grep -i version`
    """
    dump_of(seen)
    program = seen.head.dump_major
    if program is None:
        raise CannotTell("the dump does not tell the version of pg_dump", cause="program")
    expect(program == seen.live.major, seen=f"pg_dump {program}", required=f"pg_dump {seen.live.major}")


@check(severity=ADVISORY, scope=ESTATE)
def check_dump_runs_no_commands(seen: ArtefactEvidence) -> None:
    """A plain dump has no commands of psql, which would run on the machine that restores it.

    Fix: Use the custom format: `pg_dump --format=custom`.

    See: `zcat -f FILE | grep '^[\\\\]'`
    """
    expect(not seen.commands, seen=f"has {some(sorted(seen.commands))}", required="SQL and data only")
