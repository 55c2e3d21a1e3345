"""What a look at TLS costs beside sslyze and testssl.sh, near and 40 ms away (`python -m bench.tls`, `make bench`)."""

from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from fixtures.environment.sections.endpoints import Endpoint
from fixtures.probes import Context
from fixtures.probes.tls import look
from fixtures.probes.tls_deep import look as look_deep
from tests._tls_programs import nginx, running
from tests._tls_servers import Authority

ROUND_TRIP = 0.04
MOST_SECONDS, MOST_CONNECTIONS = 1.0, 60
"""What our look may take where an answer takes 40 ms."""
GOOD = "a good server"
SERVERS = {
    GOOD: {"ssl_ciphers": "ECDHE+AESGCM:ECDHE+CHACHA20"},
    "the guide's": {"ssl_ciphers": "HIGH:!aNULL:!MD5", "ssl_prefer_server_ciphers": "on"},
}
_TESTSSL = 400.0
"""Seconds after which testssl.sh is given up."""


@dataclass
class Distance:
    """A TCP proxy that makes a server look far away: a connection costs a round trip, data half of one each way."""

    port: int
    round_trip: float
    connections: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.connections += 1
        with suppress(OSError):
            onward_reader, onward_writer = await asyncio.open_connection("127.0.0.1", self.port)
            # An accepted connection is there at once: what its set-up would take is waited for by what comes first.
            there = self._carry(reader, onward_writer, 1.5 * self.round_trip)
            back = self._carry(onward_reader, writer, self.round_trip / 2)
            await asyncio.gather(there, back)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, first: float) -> None:
        loop, delay = asyncio.get_running_loop(), first
        arrived: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def deliver() -> None:
            while True:
                at, data = await arrived.get()
                await asyncio.sleep(max(0.0, at - loop.time()))
                if not data:
                    return
                writer.write(data)

        task = loop.create_task(deliver())
        try:
            while True:
                data = await reader.read(65536)
                arrived.put_nowait((loop.time() + delay, data))
                delay = self.round_trip / 2
                if not data:
                    break
        except OSError:
            arrived.put_nowait((loop.time() + delay, b""))
        await task
        writer.close()


@contextmanager
def far(port: int, round_trip: float) -> Iterator[tuple[int, Distance]]:
    """The port of a proxy before a server, and what it counts."""
    distance, loop = Distance(port, round_trip), asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(distance.serve, "127.0.0.1", 0, backlog=512))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1], distance
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)


def handshake(port: int) -> None:
    """One handshake, as a yardstick."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection(("127.0.0.1", port)) as plain,
        context.wrap_socket(plain, server_hostname="web.test"),
    ):
        pass


def _endpoint(port: int) -> Endpoint:
    return Endpoint(url="https://web.test", connect=f"127.0.0.1:{port}")


def ours(port: int) -> None:
    """The look of every gate."""
    look(_endpoint(port), Context("endpoints.web", time.monotonic() + 30))


def sslyze(port: int) -> None:
    """The look at night: all of sslyze, as many connections at once as is best."""
    look_deep(_endpoint(port), Context("endpoints.web", time.monotonic() + 120))


def testssl(port: int) -> None:
    """All of testssl.sh, as Debian has it."""
    program = shutil.which("testssl") or "testssl.sh"
    with suppress(subprocess.TimeoutExpired):
        subprocess.run(
        [program, "--quiet", "--color", "0", "--warnings", "off", "--ip", "127.0.0.1", f"web.test:{port}"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=_TESTSSL, check=False,
    )  # fmt: skip


def _tools() -> list[tuple[str, Callable[[int], None], int]]:
    found: list[tuple[str, Callable[[int], None], int]] = [
        ("one handshake", handshake, 5), ("our look", ours, 5), ("sslyze in full", sslyze, 2),
    ]  # fmt: skip
    if shutil.which("testssl") or shutil.which("testssl.sh"):
        found.append(("testssl.sh in full", testssl, 1))
    return found


def main() -> int:
    """Measure, print, and fail if our look takes more than it may."""
    wrong = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pem = Authority(folder).server("web.test", bits=2048)
        print(f"{'TLS of one endpoint':<34} {'near':>9} {'40 ms away':>12} {'connections':>12}")  # noqa: T201
        for title, directives in SERVERS.items():
            server = nginx(ssl_protocols="TLSv1.2 TLSv1.3", **directives)
            with (
                running(server, folder / title.replace(" ", "-"), pem) as port,
                far(port, ROUND_TRIP) as (away, distance),
            ):
                # The slowest tool shows nothing more on the second server.
                for label, action, tries in _tools() if title == GOOD else _tools()[1:3]:
                    near, far_away, used = [], [], 0
                    for _ in range(tries):
                        near.append(_timed(action, port))
                        before = distance.connections
                        far_away.append(_timed(action, away))
                        used = distance.connections - before
                    line = f"{f'{label}, {title}':<34} {min(near):>7.3f} s {min(far_away):>10.3f} s {used:>12}"
                    if action is ours:
                        fine = min(far_away) <= MOST_SECONDS and used <= MOST_CONNECTIONS
                        wrong += not fine
                        line += f"  {'ok' if fine else 'MORE'}: {MOST_SECONDS} s and {MOST_CONNECTIONS} are allowed"
                    print(line)  # noqa: T201
                    sys.stdout.flush()
    return wrong


def _timed(action: Callable[[int], None], port: int) -> float:
    began = time.perf_counter()
    action(port)
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main())
