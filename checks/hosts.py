"""Hosts from within: versions, processors, memory, disks, and what listens."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from checks._host import judge_all, known, role, size
from checks._support import NGINX, NODE, PGBOUNCER, POSTGRESQL, SYSTEMS, branch, supported
from fixtures.environment.sections.hosts import Host
from fixtures.probes._host_system import SpaceSeen
from fixtures.probes._host_upkeep import ProgramSeen
from fixtures.probes.hosts import HostEvidence
from fixtures.vocabulary import ADVISORY, CRITICAL, ESTATE, HIGH, MEDIUM, RELEASE, CannotTell, check, expect

FIRMWARE = 0.95
"""The part of memory and disk that is left of what was bought, by what firmware and filesystems keep."""
NODE_FLOOR = 18
SKEW = 2.0
"""Seconds: tokens, cookies and certificates are judged by the clock, and logs of several hosts laid side by side."""


def usable_memory(seen: HostEvidence) -> float:
    """The host's memory, or what its control group lets it have of it."""
    return min(known(seen.resources.memory, "memory"), seen.resources.limit or float("inf"))


def usable_cores(seen: HostEvidence) -> float:
    """The host's cores, or what its control group lets it have of them."""
    return min(known(seen.resources.cores, "cores"), seen.resources.quota or float("inf"))


def places(seen: HostEvidence) -> tuple[SpaceSeen, ...]:
    """The filesystems that were looked at."""
    if not seen.space:
        raise CannotTell("df told of no filesystem", cause="program")
    return seen.space


def data_place(seen: HostEvidence, target: Host) -> SpaceSeen:
    """The filesystem of the declared data, else that of `/`."""
    wanted = target.data[0] if target.data else "/"
    found = next((one for one in places(seen) if one.place == wanted), None)
    if found is None:
        raise CannotTell(f"df did not tell of {wanted}", cause="permission")
    return found


def version_of(seen: HostEvidence, name: str) -> ProgramSeen:
    """A program's version."""
    found = next((one for one in seen.programs if one.name == name), None)
    if found is None:
        raise CannotTell(f"{name} is not on the path of our account", cause="program")
    return found


@check(severity=HIGH, scope=ESTATE, guide="sec.os-updates", applies=lambda target: target.expect.supported)
def check_operating_system_is_supported(seen: HostEvidence) -> None:
    """The distribution still gets security fixes.

    Fix: upgrade to a release that does, one release at a time.

    See: `cat /etc/os-release`
    """
    name, version = seen.os.id, seen.os.version
    lines = {line.partition(" ")[2]: ends for line, ends in SYSTEMS.items() if line.partition(" ")[0] == name}
    if not lines:
        raise CannotTell(
            f"the end of support of {seen.os.name or 'this system'} is not known to this suite", cause="program"
        )
    if not version:
        raise CannotTell(f"{seen.os.name} says no version", cause="program")
    parts = max(line.count(".") + 1 for line in lines)
    supported(name, branch(version, parts), lines, seen.observed_at.date())


@check(
    severity=HIGH,
    scope=ESTATE,
    guide="node.version",
    applies=lambda target: "app" in target.role and target.expect.supported,
)
def check_node_is_supported(seen: HostEvidence) -> None:
    """Node.js is a long-term-support line that still gets fixes.

    The guide wants 18 or newer; 18 ended in April 2025 and 20 in April 2026.

    Fix: `FROM node:24-alpine`, or NodeSource's packages of an even version.

    See: `node --version`
    """
    major = branch(version_of(seen, "node").version, 1)
    expect(int(major) >= NODE_FLOOR, seen=f"Node.js {major}", required=f"{NODE_FLOOR} or newer, as the guide says")
    expect(int(major) % 2 == 0, seen=f"Node.js {major}, no LTS line", required="an even version")
    supported("Node.js", major, NODE, seen.observed_at.date())


@check(
    severity=MEDIUM,
    scope=ESTATE,
    guide=("pg.version-floor", "compose.nginx-image"),
    applies=lambda target: role("database", "pooler", "balancer")(target) and target.expect.supported,
)
def check_servers_are_supported(seen: HostEvidence) -> None:
    """PostgreSQL, PgBouncer and nginx get fixes: from their makers, or from a distribution that still makes them.

    Fix: upgrade; a package of the distribution's own gets its fixes as long as the distribution does.

    See: `nginx -v; pgbouncer --version; /usr/lib/postgresql/*/bin/postgres --version`
    """
    tables = {"postgres": ("PostgreSQL", POSTGRESQL, 1), "pgbouncer": ("PgBouncer", PGBOUNCER, 2)}
    tables["nginx"] = ("nginx", NGINX, 2)
    judged = [one for one in seen.programs if one.name in tables]
    if not judged:
        raise CannotTell("none of these programs is on the path of our account", cause="program")
    for one in judged:
        name, windows, parts = tables[one.name]
        if not of_distribution(one.package):
            supported(name, branch(one.version, parts), windows, seen.observed_at.date())


def of_distribution(package: str) -> bool:
    """Whether a package's version is one that Debian, Ubuntu, Alpine or Red Hat give: makers mark theirs otherwise."""
    foreign = ("pgdg", "nodesource", "~bookworm", "~bullseye", "~trixie", "~jammy", "~noble", ".ngx", "PGDG")
    return bool(package) and not any(mark in package for mark in foreign)


@check(
    severity=MEDIUM,
    scope=ESTATE,
    guide=("host.app-cpu", "host.db-cpu"),
    applies=lambda target: target.needs.cores is not None,
)
def check_cores_are_enough(seen: HostEvidence, target: Host) -> None:
    """There are as many cores as the role needs, also within the limits of a container.

    The guide wants 2 for the app and 4 for the database; its own db.t3.medium and db-s-2vcpu-4gb have 2.

    Fix: a larger machine; for a container `cpus:`, or none.

    See: `nproc; cat /sys/fs/cgroup/cpu.max`
    """
    wanted, found = target.needs.cores or 0, usable_cores(seen)
    expect(found >= wanted, seen=f"{found:g} cores", required=f"{wanted:g}")


@check(
    severity=MEDIUM,
    scope=ESTATE,
    guide=("host.app-ram", "host.db-ram"),
    applies=lambda target: target.needs.memory is not None,
)
def check_memory_is_enough(seen: HostEvidence, target: Host) -> None:
    """There is as much memory as the role needs, also within the limits of a container.

    The guide wants 4 GB for the app and 8 GB for the database; the machines of its own commands have 4 GB.

    Fix: a larger machine; for a container a higher `memory:`.

    See: `head -1 /proc/meminfo; cat /sys/fs/cgroup/memory.max`
    """
    wanted, found = target.needs.memory or 0, usable_memory(seen)
    expect(found >= wanted * FIRMWARE, seen=size(found), required=size(wanted))


@check(
    severity=ADVISORY,
    scope=ESTATE,
    guide=("host.app-ram", "host.db-ram"),
    applies=lambda target: target.needs.recommended is not None,
)
def check_memory_is_as_recommended(seen: HostEvidence, target: Host) -> None:
    """There is as much memory as the guide recommends: 8 GB for the app, 16 GB for the database.

    Fix: a larger machine, when the next one is due.
    """
    wanted, found = target.needs.recommended or 0, usable_memory(seen)
    expect(found >= wanted * FIRMWARE, seen=size(found), required=size(wanted))


@check(
    severity=MEDIUM,
    scope=ESTATE,
    guide=("host.app-disk", "host.db-disk"),
    applies=lambda target: target.needs.disk is not None,
)
def check_disk_is_large_enough(seen: HostEvidence, target: Host) -> None:
    """The disk of the app or of the database's files is as large as the role needs.

    Fix: grow the volume and its filesystem.

    See: `df -h`
    """
    wanted, place = target.needs.disk or 0, data_place(seen, target)
    expect(place.size >= wanted * FIRMWARE, seen=f"{place.place}: {size(place.size)}", required=size(wanted))


@check(
    severity=MEDIUM,
    scope=ESTATE,
    guide="host.db-disk",
    applies=lambda target: "database" in target.role and target.expect.needs is None,
)
def check_data_is_on_an_ssd(seen: HostEvidence, target: Host) -> None:
    """The database's files are on a disk that does not turn.

    Fix: an SSD. A virtual disk may call itself a turning one and be none: `cat /sys/block/DISK/queue/rotational`.

    See: `lsblk -d -o NAME,ROTA`
    """
    place = data_place(seen, target)
    if place.turning is None:
        raise CannotTell(f"which disk {place.device} is on can't be seen", cause="program")
    expect(not place.turning, seen=f"{place.place} on {place.device}, which turns", required="an SSD")


@check(severity=HIGH, scope=ESTATE, guide="host.app-disk")
def check_space_is_left(seen: HostEvidence, target: Host) -> None:
    """Space and inodes are left on every filesystem that is used: a full one stops the database and all logs.

    Fix: find what grows: `du -xh --max-depth=2 / | sort -h | tail`; old images: `docker system df`.

    See: `df -h; df -i`
    """
    least = target.expect.free
    found = [f"{one.place}: {one.free:.0%} of space" for one in places(seen) if one.free < least]
    found += [
        f"{one.place}: {one.inodes_free:.0%} of inodes"
        for one in places(seen)
        if one.inodes_free is not None and one.inodes_free < least
    ]
    judge_all(found, f"{least:.0%} free")


@check(severity=MEDIUM, scope=RELEASE, guide="mem.container-usage", live=True)
def check_memory_is_left(seen: HostEvidence, target: Host) -> None:
    """No more of the memory is used than declared (four fifths): of the container's limit, or else of the host's.

    Fix: find what grows: `ps aux --sort=-rss | head`; a heap snapshot of Node through an ssh tunnel.

    See: `docker stats --no-stream; free -h`
    """
    if seen.resources.limit is not None:
        whole, used = float(seen.resources.limit), known(seen.resources.used, "memory that is used")
    else:
        whole = known(seen.resources.memory, "memory")
        used = whole - known(seen.resources.available, "available memory")
    most = target.expect.used
    shown = f"{size(used)} of {size(whole)} ({used / whole:.0%})"
    expect(used <= whole * most, seen=shown, required=f"at most {most:.0%}")


def public(address: str) -> bool:
    """Whether an address is one that the internet may reach."""
    try:
        return ipaddress.ip_address(address).is_global
    except ValueError:
        return False


def reached_at(address: str, own: Iterable[str]) -> list[str]:
    """The public addresses under which a socket is reached: its own, or all of the host's where it takes any."""
    if address not in ("0.0.0.0", "::"):  # noqa: S104 - what is read
        return [address] if public(address) else []
    return [one for one in own if public(one) and (":" in one or address == "0.0.0.0" or address == "::")]  # noqa: S104


@check(
    severity=CRITICAL,
    scope=ESTATE,
    guide=("pool.listen-addr", "compose.app-port", "compose.db-port", "start.port-3000-owner"),
)
def check_inner_ports_are_not_public(seen: HostEvidence, target: Host) -> None:
    """The app, PostgreSQL, PgBouncer, Redis and Node's inspector listen on no public address.

    A machine behind an address translation has no public address of its own: `closed_ports` of an endpoint is what
    tells there.

    Fix: bind to 127.0.0.1 or to a private address: `listen_addr`, `listen_addresses`, `bind`, `127.0.0.1:3000:3000`.

    See: `ss -ltn`
    """
    if seen.network.listeners is None:
        raise CannotTell("its sockets can't be seen", cause="permission")
    wanted = set(target.expect.inner_ports) | ({target.app.port} if target.app else set())
    found = {
        f"{one.port} on {address}"
        for one in seen.network.listeners
        if one.port in wanted
        for address in reached_at(one.address, seen.network.addresses)
    }
    judge_all(sorted(found), "loopback or private addresses")


@check(severity=MEDIUM, scope=ESTATE)
def check_clock_is_right(seen: HostEvidence) -> None:
    """The host's clock and ours agree: sessions, tokens and logs depend on it.

    Fix: `timedatectl set-ntp true`.

    See: `date -u` on both
    """
    skew = known(seen.system.skew, "time")
    expect(abs(skew) <= SKEW, seen=f"{skew:+.0f} s", required=f"within {SKEW:.0f} s of this machine's")
