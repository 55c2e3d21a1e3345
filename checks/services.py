"""What runs on hosts: declared services, and the app's processes."""

from __future__ import annotations

import ipaddress

from checks._host import app_processes, judge_all, processes, role
from fixtures.environment.sections.hosts import Host
from fixtures.probes._host_processes import ProcessSeen, UnitSeen
from fixtures.probes.hosts import HostEvidence
from fixtures.probes.pgbouncer import PgBouncerEvidence
from fixtures.vocabulary import CRITICAL, ESTATE, HIGH, LOW, MEDIUM, RELEASE, CannotTell, check, expect

INSPECTOR = 9229
AUTOMATIC = ("enabled", "enabled-runtime", "static", "alias", "generated", "indirect")
BESIDE_CLIENTS = 100
"""Files that PgBouncer needs beside its connections: logs, sockets, name lookups."""


def variables(one: ProcessSeen) -> dict[str, str]:
    """What may be known of a process's environment."""
    if one.variables is None:
        raise CannotTell("the environment of the app is readable by its account and root alone", cause="permission")
    return one.variables


@check(severity=CRITICAL, scope=RELEASE, guide="mem.inspector-closed", applies=role("app"))
def check_inspector_is_off(seen: HostEvidence, target: Host) -> None:
    """Node's inspector is off: who reaches it runs any code as the app.

    The guide hunts leaks with `node --inspect=0.0.0.0:9229`, on every address.

    Fix: take `--inspect` out of the command and of NODE_OPTIONS; `kill -USR1 PID` and an ssh tunnel when it is needed.

    See: `ps -ef | grep -- --inspect; ss -ltn 'sport = 9229'`
    """
    found = [f"process {one.pid} has --inspect" for one in app_processes(seen, target) if one.inspector]
    found += [
        f"{one.address}:{one.port} listens"
        for one in seen.network.listeners or ()
        if one.port == INSPECTOR and not ipaddress.ip_address(one.address).is_loopback
    ]
    judge_all(found, "no inspector")


@check(
    severity=MEDIUM,
    scope=RELEASE,
    guide=("start.port-3000-owner", "image.port-3000"),
    applies=lambda target: target.app is not None,
)
def check_app_has_its_port(seen: HostEvidence, target: Host) -> None:
    """The app's port is listened on, by the account of the app alone.

    Fix: find who took it: `ss -ltnp 'sport = 3000'`; Next.js binds to `HOSTNAME`, which Docker sets to the container's
    id: `HOSTNAME=0.0.0.0`.

    See: `ss -ltne 'sport = 3000'`
    """
    if seen.network.listeners is None:
        raise CannotTell("its sockets can't be seen", cause="permission")
    port = target.app.port if target.app else 0
    found = [one for one in seen.network.listeners if one.port == port]
    expect(bool(found), seen=f"nothing listens on {port}", required="the app")
    own = {one.uid for one in app_processes(seen, target)}
    others = sorted({one.uid for one in found if one.uid not in own})
    expect(not others, seen=f"{port} is uid {', '.join(map(str, others))}'s", required="the app's")


def running_words(name: str, seen: HostEvidence) -> str:
    """Why a declared service does not run; empty where it does."""
    unit = unit_of(name, seen)
    if unit is not None:
        return "" if unit.active == "active" else f"{name} is {unit.active}"
    there = name in seen.running.services or any(one.name == name for one in processes(seen))
    return "" if there else f"no process of {name}"


def unit_of(name: str, seen: HostEvidence) -> UnitSeen | None:
    """The unit of a service, where a service manager knows one."""
    return next((one for one in seen.running.units or () if one.name == name and one.loaded), None)


@check(
    severity=CRITICAL,
    scope=RELEASE,
    guide=("pool.running", "compose.stack-up"),
    applies=lambda target: bool(target.services),
)
def check_declared_services_run(seen: HostEvidence, target: Host) -> None:
    """Every declared service runs.

    Fix: `systemctl status NAME; journalctl -u NAME -n 50`.

    See: `systemctl is-active NAME`
    """
    judge_all(filter(None, (running_words(name, seen) for name in target.services)), "each of them running")


def units(seen: HostEvidence, target: Host) -> list[UnitSeen]:
    """The units of the declared services; none is there to be judged where nothing manages services."""
    found = [unit for name in target.services if (unit := unit_of(name, seen)) is not None]
    if not found:
        raise CannotTell("no service manager knows these services", cause="program")
    return found


def managed(target: Host) -> bool:
    """Whether a host has services, and is a machine, which has a service manager."""
    named = any(not name.startswith("/") for name in target.services)
    return named and target.scheme in ("local", "ssh")


@check(severity=MEDIUM, scope=ESTATE, guide="pool.running", applies=managed)
def check_services_start_with_the_machine(seen: HostEvidence, target: Host) -> None:
    """Every declared service is started again when the machine is.

    Fix: `systemctl enable NAME`.

    See: `systemctl is-enabled NAME`
    """
    judge_all(
        (f"{one.name} is {one.enabled}" for one in units(seen, target) if one.enabled not in AUTOMATIC), "enabled"
    )


@check(severity=HIGH, scope=RELEASE, guide=("start.app-logs-clean", "compose.stack-up"), applies=managed)
def check_services_do_not_restart(seen: HostEvidence, target: Host) -> None:
    """No declared service was started again by itself since it was last started by hand.

    Fix: `journalctl -u NAME -n 200`: what it said before it ended.

    See: `systemctl show -p NRestarts NAME`
    """
    judge_all((f"{one.name}: {one.restarts} times" for one in units(seen, target) if one.restarts), "no restart")


@check(severity=HIGH, scope=RELEASE, guide="image.node-env", applies=lambda target: target.app is not None)
def check_app_runs_in_production_mode(seen: HostEvidence, target: Host) -> None:
    """NODE_ENV is production in the environment of the app's processes: Next.js ignores what .env files say of it.

    Fix: `ENV NODE_ENV=production` in the image, or `Environment=NODE_ENV=production` in the unit.

    See: `tr '\\0' '\\n' </proc/PID/environ | grep NODE_ENV`
    """
    found = {variables(one).get("NODE_ENV", "not set") for one in app_processes(seen, target)}
    judge_all(sorted(found - {"production"}), "NODE_ENV=production")


@check(severity=LOW, scope=RELEASE, guide="image.telemetry-disabled", applies=lambda target: target.app is not None)
def check_app_sends_no_telemetry(seen: HostEvidence, target: Host) -> None:
    """NEXT_TELEMETRY_DISABLED is 1 in the environment of the app's processes.

    Fix: `ENV NEXT_TELEMETRY_DISABLED=1` in the runner stage.
    """
    found = {variables(one).get("NEXT_TELEMETRY_DISABLED", "not set") for one in app_processes(seen, target)}
    judge_all(sorted(found - {"1"}), "NEXT_TELEMETRY_DISABLED=1")


@check(
    severity=HIGH,
    scope=RELEASE,
    guide=("image.runs-as-nextjs", "image.user-uid"),
    applies=lambda target: target.app is not None and target.app.account is not None,
)
def check_app_runs_as_its_account(seen: HostEvidence, target: Host) -> None:
    """The app's processes run as the declared account, and not as root.

    Fix: `USER nextjs` in the runner stage, or `User=` in the unit.

    See: `ps -o user= -C node`
    """
    wanted = target.app.account if target.app else None
    found = {one.user or str(one.uid) for one in app_processes(seen, target)}
    judge_all(sorted(found - {wanted}), f"{wanted}")


@check(
    severity=HIGH,
    scope=ESTATE,
    guide="pool.max-client-conn",
    applies=lambda target: target.pooler is not None,
)
def check_pooler_may_open_enough_files(seen: HostEvidence, pooler: PgBouncerEvidence) -> None:
    """PgBouncer may open as many files as it takes clients and servers: at the usual 1024 the guide's 1000 never fit.

    Fix: `LimitNOFILE=4096` in an override of its unit.

    See: `grep 'open files' /proc/$(pidof pgbouncer)/limits`
    """
    found = [one for one in processes(seen) if one.name == "pgbouncer"]
    if not found:
        raise CannotTell("no process of PgBouncer is there", cause="outage")
    clients = pooler.max_client_conn
    if clients is None:
        raise CannotTell("the console does not say max_client_conn", cause="permission")
    servers = sum((one.pool_size or 0) + (one.reserve or 0) for one in pooler.databases)
    wanted = clients + servers + BESIDE_CLIENTS
    few = [f"process {one.pid}: {one.files}" for one in found if one.files is not None and one.files < wanted]
    judge_all(few, f"{wanted}: {clients} clients, {servers} servers, {BESIDE_CLIENTS} others")
