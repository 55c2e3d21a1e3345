"""What several areas ask of a host's evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from fixtures.environment.sections.hosts import Host
from fixtures.probes._host_processes import ProcessSeen
from fixtures.probes.hosts import HostEvidence
from fixtures.vocabulary import CannotTell, expect

GIB = 1024**3
NODE_PROGRAMS = ("node", "next-server")


def role(*names: str) -> Callable[[Host], bool]:
    """Whether a host is for one of these."""
    return lambda target: bool(set(names) & set(target.role))


def size(octets: float) -> str:
    """A size as one says it."""
    return f"{octets / GIB:.1f} GiB"


def known(value: float | None, what: str) -> float:
    """A figure that a host gave."""
    if value is None:
        raise CannotTell(f"the host does not say its {what}", cause="program")
    return value


def processes(seen: HostEvidence) -> tuple[ProcessSeen, ...]:
    """The processes that were looked for."""
    if seen.running.processes is None:
        raise CannotTell("its processes can't be seen", cause="permission")
    return seen.running.processes


def app_processes(seen: HostEvidence, target: Host) -> list[ProcessSeen]:
    """The processes of the app."""
    wanted = (target.app.program,) if target.app else ()
    names = {*wanted, *(NODE_PROGRAMS if set(wanted) & set(NODE_PROGRAMS) else ())}
    found = [one for one in processes(seen) if one.name in names]
    if not found:
        raise CannotTell(f"no process of the app ({', '.join(wanted)}) is there", cause="outage")
    return found


def judge_all(found: Iterable[str], required: str) -> None:
    """Require that nothing was found."""
    found = list(found)
    expect(not found, seen="; ".join(found), required=required)
