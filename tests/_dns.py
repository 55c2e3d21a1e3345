"""A real DNS server on loopback, UDP and TCP, with zones as data and the ways in which servers are no help."""

from __future__ import annotations

import contextlib
import random
import socket
import socketserver
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.txtbase
import dns.rrset

Fault = Literal[
    "servfail", "servfail once", "bogus", "refused", "silent", "silent once", "truncated", "no tcp", "slow tcp",
    "garbage", "mutated", "other question", "no edns", "lie",
]  # fmt: skip
Zone = Mapping[str, Sequence[str | bytes]]
"""Records by `name TYPE`; a TXT is text or raw octets, cut into strings by the server."""


@dataclass
class Server:
    """Answers like a resolver that knows this zone and nothing else; `lazy` leaves the end of aliases to the asker.

    `faults` are by name, "" for every name; `asked` are the questions as they came, `name TYPE protocol`.
    """

    zone: Zone
    faults: Mapping[str, Fault] = field(default_factory=dict)
    ttl: int = 300
    lazy: bool = False
    asked: list[str] = field(default_factory=list)
    port: int = 0

    @property
    def where(self) -> str:
        """host:port."""
        return f"127.0.0.1:{self.port}"

    def answer(self, wire: bytes, protocol: str) -> bytes | None:
        """The octets that answer a question, None for silence."""
        query = dns.message.from_wire(wire)
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        first = f"{name} {kind} {protocol}" not in self.asked
        self.asked.append(f"{name} {kind} {protocol}")
        fault = self.faults.get(name, self.faults.get(""))
        match fault:
            case "silent":
                return None
            case "silent once" if first:
                return None
            case "garbage":
                return wire[:2] + b"\xff" * 40
            case "other question":
                return dns.message.make_response(dns.message.make_query("elsewhere.example", "A")).to_wire()
            case "no tcp" | "slow tcp" | "truncated" if protocol == "tcp":
                if fault == "no tcp":
                    return b""
                if fault == "slow tcp":
                    time.sleep(8)
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        wrong = {
            "servfail": dns.rcode.SERVFAIL,
            "servfail once": dns.rcode.SERVFAIL if first else None,
            "bogus": None if query.flags & dns.flags.CD else dns.rcode.SERVFAIL,
            "refused": dns.rcode.REFUSED,
            "no edns": dns.rcode.FORMERR if query.edns >= 0 else None,
        }.get(str(fault))
        if wrong is not None:
            response.set_rcode(wrong)
            return response.to_wire(max_size=65535)
        self._fill(response, question.name, question.rdtype)
        if fault == "lie":
            response.answer.append(dns.rrset.from_text("elsewhere.example.", 60, "IN", "A", "198.51.100.66"))
        if protocol == "tcp":
            return response.to_wire(max_size=65535)
        if fault == "mutated":
            return _mutated(response.to_wire(), random.Random(wire))
        limit = query.payload if query.edns >= 0 else 512
        try:
            if fault not in ("truncated", "no tcp", "slow tcp"):
                return response.to_wire(max_size=limit)
        except dns.exception.TooBig:
            pass
        cut = dns.message.make_response(query)
        cut.flags |= dns.flags.TC
        return cut.to_wire()

    def _fill(self, response: dns.message.Message, name: dns.name.Name, rdtype: dns.rdatatype.RdataType) -> None:
        met: set[dns.name.Name] = set()
        while True:
            written = name.to_text(omit_final_dot=True).lower()
            if found := self.zone.get(f"{written} {dns.rdatatype.to_text(rdtype)}"):
                response.answer.append(self._rrset(name, rdtype, found))
                return
            alias = self.zone.get(f"{written} CNAME")
            if not alias:
                break
            rrset = self._rrset(name, dns.rdatatype.CNAME, alias)
            response.answer.append(rrset)
            met.add(name)
            name = rrset[0].target
            if self.lazy or name in met:
                return
        names = [key.partition(" ")[0] for key in self.zone]
        if not any(one == written or one.endswith(f".{written}") or written == "." for one in names):
            response.set_rcode(dns.rcode.NXDOMAIN)

    def _rrset(
        self, name: dns.name.Name, rdtype: dns.rdatatype.RdataType, values: Sequence[str | bytes]
    ) -> dns.rrset.RRset:
        return dns.rrset.from_rdata_list(name, self.ttl, [_rdata(rdtype, value) for value in values])


def _mutated(wire: bytes, chance: random.Random) -> bytes:
    """The same octets, a few of them others, sometimes cut; the id stays."""
    octets = bytearray(wire)
    for _ in range(chance.randint(1, 6)):
        octets[chance.randrange(2, len(octets))] = chance.randrange(256)
    return bytes(octets[: chance.choice((len(octets), len(octets), chance.randrange(2, len(octets))))])


def _rdata(rdtype: dns.rdatatype.RdataType, value: str | bytes) -> dns.rdata.Rdata:
    if rdtype != dns.rdatatype.TXT:
        written = value if isinstance(value, str) else value.decode()
        return dns.rdata.from_text(dns.rdataclass.IN, rdtype, written, dns.name.root, relativize=False)
    raw = value.encode() if isinstance(value, str) else value
    parts = [raw[start : start + 255] for start in range(0, len(raw), 255)] or [b""]
    wire = b"".join(bytes([len(part)]) + part for part in parts)
    return dns.rdata.from_wire(dns.rdataclass.IN, rdtype, wire, 0, len(wire))


@contextlib.contextmanager
def serving(zone: Zone, faults: Mapping[str, Fault] | None = None, **options: Any) -> Iterator[Server]:
    """A server on a free port of loopback, the same for UDP and TCP."""
    server = Server(zone, faults or {}, **options)

    class Datagram(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            wire, sender = self.request
            if (answer := server.answer(wire, "udp")) is not None:
                sender.sendto(answer, self.client_address)

    class Stream(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            size = self.request.recv(2)
            if len(size) == 2 and (answer := server.answer(self.request.recv(int.from_bytes(size)), "tcp")):
                with contextlib.suppress(OSError):
                    self.request.sendall(len(answer).to_bytes(2) + answer)

    class Udp(socketserver.ThreadingUDPServer):
        daemon_threads = True
        block_on_close = False

    class Tcp(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False
        allow_reuse_address = True

    for _ in range(20):
        udp = Udp(("127.0.0.1", 0), Datagram)
        server.port = int(udp.server_address[1])
        try:
            tcp = Tcp(("127.0.0.1", server.port), Stream)
            break
        except OSError:
            udp.server_close()
    both: list[socketserver.BaseServer] = [udp, tcp]
    for one in both:
        threading.Thread(target=one.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield server
    finally:
        for one in both:
            one.shutdown()
            one.server_close()


@contextlib.contextmanager
def hole() -> Iterator[str]:
    """An address where datagrams arrive and nobody answers."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{silent.getsockname()[1]}"
