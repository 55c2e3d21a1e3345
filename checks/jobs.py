"""What cron and timers run on hosts, and what its logs tell."""

from __future__ import annotations

from datetime import timedelta
from fnmatch import fnmatchcase

from checks._host import judge_all, processes
from fixtures.environment.sections.hosts import Host, Job
from fixtures.probes._host_files import LogSeen, ScheduledSeen
from fixtures.probes.hosts import HostEvidence
from fixtures.vocabulary import ESTATE, HIGH, LOW, MEDIUM, RELEASE, CannotTell, check, expect

SLACK = timedelta(hours=2)


def has_jobs(target: Host) -> bool:
    """Whether jobs are declared."""
    return bool(target.jobs)


def crontabs(seen: HostEvidence) -> ScheduledSeen:
    """What cron runs."""
    if seen.scheduled is None:
        raise CannotTell("crontabs were not looked at", cause="program")
    return seen.scheduled


def not_scheduled(name: str, job: Job, seen: HostEvidence) -> str:
    """Why a job does not run as declared; empty where it does."""
    if job.timer is not None:
        found = next((one for one in seen.running.timers or () if one.name == job.timer), None)
        if found is None:
            return f"{name}: no {job.timer}.timer"
        return "" if found.scheduled else f"{name}: {job.timer}.timer has no next time"
    cron = crontabs(seen)
    lines = [line for line in cron.lines if job.command in line.paths]
    if not lines and not cron.all_read:
        raise CannotTell("root's crontab is not ours to read: `sudo: [crontab]`", cause="permission")
    if not lines:
        return f"{name}: no line of cron runs {job.command}"
    if job.at is not None and job.at not in {line.when for line in lines}:
        return f"{name}: at {', '.join(sorted({line.when for line in lines}))}, not at {job.at}"
    return f"{name}: {len(lines)} lines run it" if len(lines) > 1 else ""


@check(severity=HIGH, scope=ESTATE, guide="backup.cron-daily-2am", applies=has_jobs)
def check_jobs_are_scheduled(seen: HostEvidence, target: Host) -> None:
    """Every declared job is run by cron or by a timer, once, when it is expected.

    Fix: `0 2 * * * /opt/scripts/backup-db.sh >>/var/log/backup.log 2>&1`, by `crontab -e` of the account that it needs.

    See: `crontab -l; ls /etc/cron.d; systemctl list-timers`
    """
    judge_all(
        filter(None, (not_scheduled(name, job, seen) for name, job in target.jobs.items())), "once each, as declared"
    )


@check(
    severity=HIGH,
    scope=ESTATE,
    guide="backup.cron-daily-2am",
    applies=lambda target: any(job.timer is None for job in target.jobs.values()),
)
def check_cron_runs(seen: HostEvidence) -> None:
    """Cron itself runs.

    Fix: `systemctl enable --now cron`; a container has none, and needs one of its own.

    See: `systemctl is-active cron`
    """
    processes(seen)
    there = {"cron", "crond"} & set(seen.running.services)
    expect(bool(there), seen="no process of cron", required="cron or crond")


def has_logs(target: Host) -> bool:
    """Whether jobs have logs."""
    return any(job.log for job in target.jobs.values())


def log_of(path: str, seen: HostEvidence) -> LogSeen:
    """What was seen of a log."""
    found = next((one for one in seen.logs if one.file.path == path), None)
    if found is None or found.file.denied:
        raise CannotTell(f"our account may not ask for {path}: `sudo: [stat]`", cause="permission")
    return found


def job_logs(seen: HostEvidence, target: Host) -> list[tuple[str, Job, LogSeen]]:
    """The jobs that have a log, with it."""
    return [(name, job, log_of(job.log, seen)) for name, job in target.jobs.items() if job.log]


@check(severity=HIGH, scope=ESTATE, guide="backup.log", applies=has_logs)
def check_jobs_left_a_fresh_log(seen: HostEvidence, target: Host) -> None:
    """Every job wrote to its log within its period.

    Fix: run it by hand, as its account and with cron's short PATH: `env -i PATH=/usr/bin:/bin sh -c COMMAND`.

    See: `ls -l --time-style=full-iso LOG`
    """
    found = []
    for name, job, log in job_logs(seen, target):
        due = timedelta(seconds=job.every) + SLACK
        written = log.file.modified
        if not log.file.there or written is None:
            found.append(f"{name}: no {job.log}")
        elif seen.observed_at - written > due:
            hours = (seen.observed_at - written).total_seconds() / 3600
            found.append(f"{name}: {job.log} was last written {hours:.0f} h ago")
    judge_all(found, "a line within each period")


@check(severity=HIGH, scope=ESTATE, guide=("backup.log", "backup.failure-detected"), applies=has_logs)
def check_jobs_last_succeeded(seen: HostEvidence, target: Host) -> None:
    """The last lines of every job's log tell of success and of no failure; they are counted, not quoted.

    The guide's script writes "Backup successful" whatever happened: `backups` looks at the files themselves.

    Fix: read the log; docs/scripts/backup.sh ends with one line that says how it went.

    See: `tail -n 5 LOG`
    """
    found = []
    for name, job, log in job_logs(seen, target):
        if not log.file.there:
            continue
        if not log.readable:
            raise CannotTell(f"our account can't read {job.log}", cause="permission")
        if log.bad or not log.good:
            found.append(f"{name}: {log.bad} of failure, {log.good} of success among its last lines")
    judge_all(found, "success")


@check(severity=MEDIUM, scope=ESTATE, guide="backup.log", applies=has_logs)
def check_job_logs_are_private(seen: HostEvidence, target: Host) -> None:
    """No log of a job is readable for everybody: pg_dump -v names every table in it.

    Fix: `chmod 640 LOG`, and `create 640 root adm` in its logrotate file.

    See: `stat -c '%a %n' LOG`
    """
    found = [f"{job.log}: mode {log.file.mode}" for _, job, log in job_logs(seen, target) if log.file.there
             and int(log.file.mode, 8) & 0o007]  # fmt: skip
    judge_all(found, "no bit for others")


@check(
    severity=LOW,
    scope=ESTATE,
    guide="backup.log",
    applies=lambda target: has_logs(target) or bool(target.logs),
)
def check_logs_are_rotated(seen: HostEvidence, target: Host) -> None:
    """logrotate rotates every declared log: the guide has no rule for any, and with `pg_dump -v` they grow.

    Fix: a file in /etc/logrotate.d: `/var/log/backup.log { weekly rotate 8 compress missingok create 640 root adm }`.

    See: `logrotate --debug /etc/logrotate.conf`
    """
    patterns = seen.rotated
    if patterns is None:
        raise CannotTell("the files of logrotate can't be read", cause="permission")
    wanted = [*target.logs, *(job.log for job in target.jobs.values() if job.log)]
    judge_all(
        (f"{path} by no rule" for path in wanted if not any(fnmatchcase(path, one) for one in patterns)), "a rule each"
    )


@check(severity=HIGH, scope=RELEASE, guide="start.app-logs-clean", applies=lambda target: bool(target.logs))
def check_logs_tell_of_no_trouble(seen: HostEvidence, target: Host) -> None:
    """The ends of the declared logs tell of no failed start: Prisma's, a port in use, a missing variable, an exception
    that nobody caught, memory that ran out. Lines are counted, not quoted.

    Fix: read it; `grep -nE 'PrismaClient|EADDRINUSE|[Uu]ncaught' LOG`.
    """
    found = []
    for path in target.logs:
        log = log_of(path, seen)
        if not log.readable:
            raise CannotTell(f"our account can't read {path}", cause="permission")
        if log.trouble:
            found.append(f"{path}: {log.trouble} lines")
    judge_all(found, "no such line")
