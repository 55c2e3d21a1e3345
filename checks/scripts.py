"""Scripts that make backups, as they are written: whether a failure can pass for a success."""

from __future__ import annotations

import re

from checks._host import judge_all
from fixtures.environment.sections.scripts import Script
from fixtures.probes.scripts import Command, CrontabLine, ScriptEvidence
from fixtures.vocabulary import ADVISORY, CRITICAL, ESTATE, HIGH, LOW, MEDIUM, CannotTell, check, expect

MAKES = {"database": ("pg_dump", "pg_dumpall", "pg_basebackup"), "files": ("tar", "restic", "borg", "rsync")}
VERIFIES = ("pg_restore", "pg_verifybackup", "gzip", "zstd", "tar", "sha256sum")
TESTING = {"--list", "-l", "-t", "--test", "-tzf", "-tf", "-c", "--check"}
TELLS = ("mail", "sendmail", "mailx", "curl", "wget", "logger")
SECRET_FILES = re.compile(r"(^|/)\.env(\.|$|\")|(^|/)\.pgpass|id_rsa|\.pem\b")


def usable(seen: ScriptEvidence) -> None:
    """Only a script that bash takes is judged."""
    if seen.flaw:
        raise CannotTell("the script can't be read", cause="program")


def makes(seen: ScriptEvidence, target: Script) -> list[Command]:
    """The commands that make the backup; that there is one is for another check to judge."""
    usable(seen)
    found = [one for one in seen.commands if one.name in MAKES[target.backs_up]]
    if not found:
        raise CannotTell(f"nothing in it makes a backup ({', '.join(MAKES[target.backs_up])})", cause="program")
    return found


def deletes(seen: ScriptEvidence) -> list[Command]:
    """The commands that delete old backups."""
    usable(seen)
    return [one for one in seen.commands if one.name == "find" and "-delete" in one.words]


def of_database(target: Script) -> bool:
    """Whether it backs up the database."""
    return target.backs_up == "database"


def has_crontab(target: Script) -> bool:
    """Whether the crontab is given."""
    return target.crontab is not None


def lines(seen: ScriptEvidence, target: Script) -> list[CrontabLine]:
    """The lines of the crontab that run the script."""
    if seen.flaw or seen.crontab is None:
        raise CannotTell("the crontab can't be read", cause="program")
    name = target.installed or f"/{target.file.name}"
    return [one for one in seen.crontab if any(path.endswith(name) for path in one.paths)]


def line_of(seen: ScriptEvidence, target: Script) -> CrontabLine:
    """The line that runs it; that there is one is for another check to judge."""
    found = lines(seen, target)
    if not found:
        raise CannotTell(f"no line of the crontab runs {target.installed or target.file.name}", cause="program")
    return found[0]


@check(severity=HIGH, scope=ESTATE, guide=("backup.script", "appbackup.artefact"))
def check_script_can_be_run(seen: ScriptEvidence, target: Script) -> None:
    """bash takes the script, and it makes a backup.

    Fix: what is seen says where; `bash -n FILE`.
    """
    expect(not seen.flaw, seen=seen.flaw, required="a script that bash takes")
    made = [one for one in seen.commands if one.name in MAKES[target.backs_up]]
    expect(bool(made), seen="nothing makes a backup", required=" or ".join(MAKES[target.backs_up]))


@check(severity=CRITICAL, scope=ESTATE, guide="backup.failure-detected")
def check_script_ends_at_the_first_failure(seen: ScriptEvidence) -> None:
    """The script ends at the first command that fails: the guide's goes on, and says that all is well.

    Fix: `set -euo pipefail` as its first line.

    See: docs/scripts/backup.sh
    """
    usable(seen)
    missing = [name for name in ("errexit", "nounset") if name not in seen.options]
    expect("errexit" in seen.options, seen=f"without {' and '.join(missing)}", required="set -eu")


@check(severity=HIGH, scope=ESTATE, guide="backup.failure-detected")
def check_pipes_fail_as_a_whole(seen: ScriptEvidence) -> None:
    """A pipe fails where any of its commands does: of `pg_dump | gzip`, only gzip's status counts otherwise.

    Fix: `set -o pipefail`.
    """
    usable(seen)
    expect("pipefail" in seen.options, seen="no pipefail", required="set -o pipefail")


@check(severity=CRITICAL, scope=ESTATE, guide="backup.failure-detected")
def check_success_is_that_of_the_backup(seen: ScriptEvidence, target: Script) -> None:
    """What is told of success is that of the backup: `$?` is the status of the command just before it.

    The guide asks after `find … -delete`, which succeeds whether or not there is a dump.

    Fix: `set -e`, and a message that only a good run reaches.
    """
    made = {one.name for one in makes(seen, target)}
    judge_all(
        (f"line {one.line}: $? is that of {one.after or 'nothing'}" for one in seen.status_tests
         if one.after not in made and one.after != "the caller"),
        f"that of {' or '.join(sorted(made))}",
    )  # fmt: skip


@check(severity=HIGH, scope=ESTATE, guide="backup.failure-detected")
def check_backup_is_verified(seen: ScriptEvidence, target: Script) -> None:
    """The script looks at what it made before it tells of success.

    Fix: `pg_restore --list DUMP >/dev/null`, `gzip --test FILE`; for archives `tar -tzf FILE`.
    """
    makes(seen, target)
    found = [
        one
        for one in seen.commands
        if one.name in VERIFIES
        and (TESTING & set(one.words) or (one.name == "pg_restore" and "--file=/dev/null" in one.words))
    ]
    expect(bool(found), seen="nothing reads it back", required="pg_restore --list, gzip --test, or tar -t")


@check(severity=HIGH, scope=ESTATE, guide=("backup.retention-30d", "appbackup.retention"))
def check_nothing_is_deleted_after_a_failure(seen: ScriptEvidence) -> None:
    """Old backups are deleted after a good one alone: else thirty days of failures delete the last.

    Fix: `set -e` before, and the deletion at the end; keep the newest few whatever their age.
    """
    found = deletes(seen)
    stops = "errexit" in seen.options
    judge_all(
        (f"line {one.line}: find -delete runs after a failure too" for one in found if not stops), "after a success"
    )


@check(severity=LOW, scope=ESTATE, guide=("backup.retention-30d", "appbackup.retention"))
def check_old_backups_are_deleted(seen: ScriptEvidence) -> None:
    """Backups that are older than declared are deleted here (guide: 30 days); in S3 a lifecycle rule does that.

    Fix: `find DIRECTORY -name '*.backup.gz' -mtime +30 -delete`.
    """
    expect(bool(deletes(seen)), seen="nothing is deleted", required="find -mtime … -delete")


@check(severity=MEDIUM, scope=ESTATE, guide="backup.script", applies=of_database)
def check_no_password_is_waited_for(seen: ScriptEvidence, target: Script) -> None:
    """pg_dump asks nobody for a password: without a terminal it would fail in words that nobody reads.

    The guide's names no source of one.

    Fix: `pg_dump --no-password`, and ~/.pgpass (mode 0600) of the account that cron runs it as.
    """
    asking = [one for one in makes(seen, target) if not {"-w", "--no-password"} & set(one.words)]
    judge_all((f"line {one.line}: {one.name} without --no-password" for one in asking), "--no-password")


@check(severity=LOW, scope=ESTATE, guide="backup.custom-format", applies=of_database)
def check_dump_can_be_restored_in_parts(seen: ScriptEvidence, target: Script) -> None:
    """The dump is in the custom or the directory format, of which tables and indexes can be restored alone and at once.

    Fix: `pg_dump --format=custom`.
    """

    def custom(words: tuple[str, ...]) -> bool:
        text = " ".join(words)
        return bool(re.search(r"(--format=|-F ?|--format )(c|d|custom|directory)\b", text))

    dumps = [one for one in makes(seen, target) if one.name == "pg_dump"]
    judge_all((f"line {one.line}: pg_dump in plain text" for one in dumps if not custom(one.words)), "--format=custom")


@check(severity=HIGH, scope=ESTATE, guide="backup.failure-mail", applies=of_database)
def check_failures_are_told(seen: ScriptEvidence) -> None:
    """A failure is told by something that it can reach: a trap, or a watch that misses the ping of a success.

    The guide's mail hangs on the status of `find`, and is never sent.

    Fix: `trap … EXIT` as in docs/scripts/backup.sh, or a ping of a dead man's switch after each success.
    """
    usable(seen)
    trapped = bool({"EXIT", "ERR"} & set(seen.traps)) and any(one.name in TELLS for one in seen.commands)
    pings = "errexit" in seen.options and any(one.name in ("curl", "wget") for one in seen.commands)
    shown = "it can't be reached by a failure" if any(one.name in TELLS for one in seen.commands) else "nobody is told"
    expect(trapped or pings, seen=shown, required="a trap, or a ping after success")


@check(severity=CRITICAL, scope=ESTATE, guide="appbackup.env-file")
def check_no_secret_is_backed_up(seen: ScriptEvidence) -> None:
    """No file of secrets gets into an archive: the guide's puts .env.production into S3, as it is.

    Fix: leave it out; secrets have a store of their own.
    """
    usable(seen)
    found = [
        f"line {one.line}: {word}" for one in seen.commands if one.name in MAKES["files"] for word in one.words
        if SECRET_FILES.search(word)
    ]  # fmt: skip
    judge_all(found, "none")


@check(
    severity=MEDIUM, scope=ESTATE, guide="appbackup.contents", applies=lambda target: target.backs_up == "files"
)  # fmt: skip
def check_archive_holds_what_users_gave(seen: ScriptEvidence) -> None:
    """The archive holds the uploads.

    In containers the guide's /var/www/emailai/uploads does not exist: what is uploaded there goes with the container.

    Fix: the path of the volume that they are on.
    """
    usable(seen)
    words = [word for one in seen.commands if one.name in MAKES["files"] for word in one.words]
    expect(any("upload" in word for word in words), seen="no path of uploads", required="one")


@check(severity=HIGH, scope=ESTATE, guide=("backup.cron-daily-2am", "appbackup.artefact"), applies=has_crontab)
def check_script_is_scheduled(seen: ScriptEvidence, target: Script) -> None:
    """A line of the crontab runs the script, at the declared time (guide: 0 2 * * *), once.

    The guide's backup of files has none: nothing ever runs it.

    Fix: `0 2 * * * /opt/scripts/backup-db.sh >>/var/log/backup.log 2>&1`.
    """
    found = lines(seen, target)
    expect(bool(found), seen="no line", required=target.expect.at)
    expect(len(found) == 1, seen=f"{len(found)} lines", required="one")
    expect(found[0].when == target.expect.at, seen=found[0].when, required=target.expect.at)


@check(severity=MEDIUM, scope=ESTATE, guide="backup.log", applies=has_crontab)
def check_output_is_kept(seen: ScriptEvidence, target: Script) -> None:
    """What the script says is kept, errors as well.

    Fix: `>>/var/log/backup.log 2>&1`.
    """
    found = line_of(seen, target)
    expect(bool(found.log) and found.errors_too, seen=found.log or "nowhere", required="a log, with 2>&1")


@check(severity=ADVISORY, scope=ESTATE, guide="backup.cron-daily-2am", applies=has_crontab)
def check_schedule_says_its_zone(seen: ScriptEvidence, target: Script) -> None:
    """The crontab says in which time zone two o'clock is.

    The guide does not: the server's zone decides, and twice a year it may be left out or come twice.

    Fix: `CRON_TZ=UTC` above the line.
    """
    line_of(seen, target)
    expect(bool(seen.zone), seen="no CRON_TZ", required="CRON_TZ=UTC")
