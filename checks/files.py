"""Files on hosts: there, and open to nobody else; the certificate on disk is the one that is served."""

from __future__ import annotations

from collections.abc import Callable

from checks._host import judge_all
from fixtures.environment.sections.hosts import File, Host
from fixtures.probes._host_files import FileSeen
from fixtures.probes.certificate import CertificateEvidence
from fixtures.probes.hosts import HostEvidence
from fixtures.vocabulary import ESTATE, HIGH, MEDIUM, CannotTell, check, expect


def seen_file(one: File, seen: HostEvidence) -> FileSeen:
    """What was seen of a declared file."""
    found = next((each for each in seen.files if each.path == one.path), None)
    if found is None or found.denied:
        raise CannotTell(f"our account may not ask for {one.path}: `sudo: [stat]`", cause="permission")
    return found


def judge_files(seen: HostEvidence, target: Host, judge: Callable[[File, FileSeen], str], required: str) -> None:
    """Judge every declared file; a finding comes before what can't be seen of another."""
    found, unseen = [], None
    for one in target.files.values():
        try:
            if told := judge(one, seen_file(one, seen)):
                found.append(f"{one.path}: {told}")
        except CannotTell as error:
            unseen = unseen or error
    judge_all(found, required)
    if unseen is not None:
        raise unseen


def has_files(target: Host) -> bool:
    """Whether files are declared."""
    return bool(target.files)


@check(
    severity=HIGH, scope=ESTATE, guide=("nginx.key-permissions", "backup.script", "backup.directory"), applies=has_files
)
def check_declared_files_are_there(seen: HostEvidence, target: Host) -> None:
    """Every declared file is there, and what is to be run can be.

    Fix: install it, or correct the environment file.

    See: `ls -l PATH`
    """

    def wrong(one: File, found: FileSeen) -> str:
        if not found.there:
            return "not there"
        return "not executable" if one.executable and not int(found.mode, 8) & 0o111 else ""

    judge_files(seen, target, wrong, "each of them there")


@check(
    severity=HIGH,
    scope=ESTATE,
    guide=("nginx.key-permissions", "pool.auth-file", "sec.env-not-in-code", "backup.directory", "backup.script"),
    applies=has_files,
)
def check_files_are_not_open_to_others(seen: HostEvidence, target: Host) -> None:
    """No declared file (keys, environment, .pgpass, backups, userlist, scripts) may be read or written by more than is
    declared.

    The guide copies keys with `sudo cp`, which leaves them as open as they were.

    Fix: `chmod MODE PATH`; what was readable for all is known to whoever had an account.

    See: `stat -c '%a %U:%G %n' PATH`
    """

    def wrong(one: File, found: FileSeen) -> str:
        more = int(found.mode or "0", 8) & 0o777 & ~int(one.mode, 8)
        return f"mode {found.mode}, {more:03o} more than {one.mode}" if found.there and more else ""

    judge_files(seen, target, wrong, "no more than the declared modes")


@check(
    severity=MEDIUM,
    scope=ESTATE,
    guide=("nginx.key-permissions", "pool.auth-file", "backup.script"),
    applies=lambda target: any(one.owner for one in target.files.values()),
)
def check_files_belong_to_their_owners(seen: HostEvidence, target: Host) -> None:
    """Every declared file belongs to the account that it is to belong to.

    Fix: `chown OWNER PATH`.

    See: `stat -c '%U %n' PATH`
    """

    def wrong(one: File, found: FileSeen) -> str:
        if not found.there or not one.owner or found.owner in one.owner:
            return ""
        return f"{found.owner}'s, not {' or '.join(one.owner)}'s"

    judge_files(seen, target, wrong, "the declared owners")


@check(severity=MEDIUM, scope=ESTATE, guide="pool.auth-file", applies=lambda target: target.users is not None)
def check_stored_secrets_are_no_md5(seen: HostEvidence) -> None:
    """No secret in PgBouncer's file of users is an MD5: it is as good as the password to who reads it.

    The guide's `auth_type = md5` takes such. Secrets of SCRAM are best where PgBouncer opens no connection before the
    first client came (`min_pool_size = 0`); else it needs the passwords themselves, and the file its mode.

    Fix: copy the secret from pg_authid after `ALTER ROLE ... PASSWORD` with `password_encryption = scram-sha-256`.

    See: `cut -d'"' -f4 /etc/pgbouncer/userlist.txt | cut -c1-4 | sort | uniq -c`
    """
    if seen.users is None:
        raise CannotTell("our account can't read the file of users: `sudo: [grep]`", cause="permission")
    if not seen.users.total:
        raise CannotTell("the file of users names nobody", cause="program")
    expect(not seen.users.md5, seen=f"{seen.users.md5} of {seen.users.total} are MD5", required="none")


@check(
    severity=HIGH,
    scope=ESTATE,
    guide=("nginx.certificate-paths", "certbot.auto-renewal"),
    applies=lambda target: bool(target.certificates) and target.endpoint is not None,
)
def check_served_certificate_is_the_one_on_disk(seen: HostEvidence, target: Host, served: CertificateEvidence) -> None:
    """What is served is the certificate on disk: a renewed one that was never loaded expires all the same.

    Fix: `nginx -t && nginx -s reload`; for certbot `--deploy-hook 'systemctl reload nginx'`.

    See: `openssl x509 -noout -fingerprint -sha256 -in FILE`
    """
    unread = [one.path for one in seen.certificates if not one.fingerprint]
    if unread or not seen.certificates:
        names = ", ".join(unread or target.certificates)
        raise CannotTell(f"our account reads no certificate in {names}: `sudo: [head]`", cause="permission")
    shown = [one for one in (served.served, served.second) if one is not None]
    presented = {one.leaf.fingerprint for one in shown}
    other = [one.path for one in seen.certificates if one.fingerprint not in presented]
    judge_all((f"{path} is not what {served.host} presents" for path in other), "the same certificate")
