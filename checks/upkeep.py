"""How hosts are kept: security updates, the clock, the renewal of certificates, tools."""

from __future__ import annotations

from datetime import timedelta

from checks._host import judge_all
from fixtures.environment.sections.hosts import Host
from fixtures.probes._host_upkeep import RenewalSeen, UpdatesSeen
from fixtures.probes.hosts import HostEvidence
from fixtures.vocabulary import ADVISORY, ESTATE, HIGH, LOW, MEDIUM, CannotTell, check, expect

LISTS = timedelta(days=2)


def updates_of(seen: HostEvidence) -> UpdatesSeen:
    """What is known of updates."""
    if seen.updates is None or not seen.updates.asked:
        raise CannotTell("the package manager was not asked, or is none that this suite knows (apt)", cause="program")
    return seen.updates


def updated(target: Host) -> bool:
    """Whether updates are expected."""
    return target.expect.updated


@check(severity=HIGH, scope=ESTATE, guide="sec.os-updates", applies=updated)
def check_security_updates_are_installed(seen: HostEvidence) -> None:
    """No security update waits to be installed, by lists of packages that are not older than two days.

    Fix: `apt-get update && apt-get upgrade`.

    See: `apt list --upgradable`
    """
    found = updates_of(seen)
    waiting = found.waiting
    names = ", ".join(waiting[:5]) + (f" and {len(waiting) - 5} more" if len(waiting) > 5 else "")
    expect(not waiting, seen=names, required="none")
    if found.known_at is None or seen.observed_at - found.known_at > LISTS:
        raise CannotTell(
            "its lists of packages are old, so that none waits proves nothing: `apt-get update`", cause="program"
        )


@check(severity=MEDIUM, scope=ESTATE, guide="sec.os-updates", applies=updated)
def check_security_updates_are_automatic(seen: HostEvidence) -> None:
    """Security updates are installed by themselves.

    Fix: `apt-get install unattended-upgrades && dpkg-reconfigure -plow unattended-upgrades`.

    See: `apt-config dump APT::Periodic::Unattended-Upgrade`
    """
    found = updates_of(seen)
    expect(found.automatic, seen="no unattended-upgrades, or switched off", required="unattended-upgrades")


@check(severity=LOW, scope=ESTATE, guide="sec.os-updates", applies=updated)
def check_no_restart_is_due(seen: HostEvidence) -> None:
    """No update waits for the machine to be started again.

    Fix: restart it in a quiet hour.

    See: `cat /var/run/reboot-required.pkgs`
    """
    expect(not seen.system.restart_pending, seen="/run/reboot-required", required="no restart that is due")


@check(severity=MEDIUM, scope=ESTATE, applies=lambda target: target.expect.synchronised)
def check_time_is_synchronised(seen: HostEvidence) -> None:
    """Something keeps the clock right, and says that it does.

    Fix: `apt-get install systemd-timesyncd` or chrony.

    See: `timedatectl; chronyc tracking`
    """
    if seen.clock is None:
        raise CannotTell("the clock was not looked at", cause="program")
    expect(seen.clock.kept or seen.clock.right, seen="neither timesyncd nor chrony nor ntpd", required="one of them")
    expect(seen.clock.right, seen="not synchronised", required="synchronised")


@check(
    severity=ADVISORY, scope=ESTATE, guide=("tool.operator-cli", "backup.failure-mail"),
    applies=lambda target: bool(target.tools),
)  # fmt: skip
def check_tools_are_installed(seen: HostEvidence, target: Host) -> None:
    """The declared programs are installed: those of the chosen way to deploy, and `mail`, by which the backup script
    tells of a failure.

    Fix: install them.

    See: `command -v NAME`
    """
    judge_all((f"no {name}" for name in target.tools if name not in seen.tools), "each of them")


def renewal_of(seen: HostEvidence) -> RenewalSeen:
    """What is known of the renewal of certificates."""
    if seen.renewal is None:
        raise CannotTell("renewal was not looked at", cause="program")
    return seen.renewal


def renews(target: Host) -> bool:
    """Whether certificates are to be renewed here."""
    return target.expect.renewal is not None


@check(severity=MEDIUM, scope=ESTATE, guide="certbot.installed", applies=renews)
def check_certbot_is_installed(seen: HostEvidence) -> None:
    """Certbot is installed, and has certificates to renew.

    Fix: `apt install certbot python3-certbot-nginx`, then `certbot --nginx -d NAME`.

    See: `certbot certificates`
    """
    found = renewal_of(seen)
    expect(found.installed, seen="no certbot", required="certbot")
    if not found.certificates and seen.system.uid:
        raise CannotTell("/etc/letsencrypt/renewal is readable by root alone", cause="permission")
    expect(bool(found.certificates), seen="nothing in /etc/letsencrypt/renewal", required="a certificate to renew")


@check(severity=HIGH, scope=ESTATE, guide="certbot.auto-renewal", applies=renews)
def check_renewal_is_scheduled(seen: HostEvidence) -> None:
    """A timer or cron renews the certificates.

    The guide says cron; under systemd Debian's /etc/cron.d/certbot does nothing, and certbot.timer does it.

    Fix: `systemctl enable --now certbot.timer`.

    See: `systemctl list-timers 'certbot*' 'snap.certbot*'`
    """
    timers = [one for one in seen.running.timers or () if "certbot" in one.name]
    by_cron = seen.scheduled is not None and any(
        "certbot" in path for line in seen.scheduled.lines for path in (*line.paths, line.file)
    )
    if seen.system.service_manager:
        shown = "; ".join(f"{one.name}.timer has no next time" for one in timers) or "no certbot.timer"
        own_cron = (
            by_cron
            and seen.scheduled is not None
            and any(
                "certbot" in path
                for line in seen.scheduled.lines
                for path in line.paths
                if line.file != "/etc/cron.d/certbot"
            )
        )
        expect(any(one.scheduled for one in timers) or own_cron, seen=shown, required="certbot.timer with a next time")
        return
    expect(by_cron, seen="no timer, and no line of cron", required="a timer, or cron")


@check(severity=MEDIUM, scope=ESTATE, guide="certbot.auto-renewal", applies=renews)
def check_renewal_reaches_the_server(seen: HostEvidence) -> None:
    """A renewed certificate is loaded: by certbot's plugin for nginx, or by a deploy hook.

    Fix: `certbot reconfigure --cert-name NAME --deploy-hook 'systemctl reload nginx'`.

    See: `grep -r hook /etc/letsencrypt/renewal /etc/letsencrypt/renewal-hooks`
    """
    found = renewal_of(seen)
    if not found.certificates and seen.system.uid:
        raise CannotTell("/etc/letsencrypt/renewal is readable by root alone", cause="permission")
    expect(found.reloads, seen="neither installer = nginx nor a deploy hook", required="a reload after each renewal")
