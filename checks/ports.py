"""Ports that answer nobody outside: the app's own, the database's, the cache's, the debugger's."""

from __future__ import annotations

from checks._words import refuse
from fixtures.probes.ports import PortsEvidence
from fixtures.vocabulary import CRITICAL, ESTATE, CannotTell, check

_USUAL = {3000: "the app", 5432: "PostgreSQL", 6379: "Redis", 6432: "PgBouncer", 9229: "Node.js's debugger"}


@check(
    severity=CRITICAL,
    scope=ESTATE,
    guide=("arch.lb-terminates-tls", "compose.app-port", "compose.db-port", "mem.inspector-closed"),
)
def check_declared_ports_are_closed(ports: PortsEvidence) -> None:
    """The declared ports of the endpoint's host accept no connection from outside.

    The guide publishes 3000 and 5432 on all addresses, past nginx and past ufw, and opens 9229 to everybody, which lets
    anybody run code. "Refused" and "no answer" both mean closed, where another port, or a control, does answer.

    Fix: `127.0.0.1:3000:3000` or `expose` in the compose file; `--inspect` on 127.0.0.1 only, through ssh.

    See: nc -vz -w 3 HOST 5432
    """
    found = [one for one in ports.ports if one.state == "open"]
    refuse([one.name + (f" ({_USUAL[one.port]})" if one.port in _USUAL else "") for one in found], "closed")
    for one in ports.ports:
        if one.blocked and one.state != "refused":
            message = f"{one.name}: {one.state}, and so is {one.blocked}: our own way out may be shut"
            raise CannotTell(message, cause="network")
        if not one.control or one.state == "failed":
            message = f"{one.name}: {one.state}, and neither another port of the host nor a control answers"
            raise CannotTell(message, cause="unproven")
