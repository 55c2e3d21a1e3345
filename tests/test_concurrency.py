"""Gathering looks at everything at the same time: proven by the order of events, not by a clock (DESIGN 3)."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from fixtures.environment.model import Target
from fixtures.evidence.gathering import AT_ONCE, Gathering, Job
from fixtures.evidence.store import Store
from fixtures.probes import Context, Probe
from fixtures.vocabulary import CannotTell, Evidence

PATIENCE = 20.0


class Seen(Evidence):
    """What the server said, and in which order the probe came."""

    order: int


class Server(ThreadingHTTPServer):
    """Answers nobody before a number of clients are waiting for an answer; notes who waited with whom."""

    daemon_threads = True

    def __init__(self, together: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.meeting = threading.Barrier(together, timeout=PATIENCE)
        self.events: list[str] = []
        self.lock = threading.Lock()

    def note(self, event: str) -> None:
        """Write an event down."""
        with self.lock:
            self.events.append(event)


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        """Wait for the others where the path says so, then answer."""
        self.server.note(f"asked {self.path}")
        try:
            if self.path.startswith("/together"):
                self.server.meeting.wait()
            self.send_response(200)
        except threading.BrokenBarrierError:
            self.send_response(504)
        self.send_header("content-length", "0")
        self.end_headers()
        self.server.note(f"answered {self.path}")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def serving(together: int) -> Iterator[Server]:
    """A server for one test."""
    server = Server(together)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server that waits for as many clients as the test says."""
    yield from serving(request.param)


def job(server: Server, path: str, *, alone: bool = False) -> Job:
    """A look at one path of the server."""

    def look(_: Any, context: Context) -> Seen:
        connection = HTTPConnection("127.0.0.1", server.server_port, timeout=context.remaining())
        try:
            connection.request("GET", path)
            if connection.getresponse().status != 200:
                raise CannotTell("it was not asked together with the others", cause="deadline")
        finally:
            connection.close()
        return Seen(observed_at=datetime.now(UTC), order=len(server.events))

    probe = Probe("things.Seen", "things", Seen, look, PATIENCE, alone)
    return Job(probe, Target(), Context(target_id=f"things.{path.strip('/').replace('/', '-')}", ends=0.0))


def gather(directory: Path, jobs: list[Job]) -> Store:
    """All that the jobs bring."""
    store = Store(directory)
    store.open()
    Gathering(store).gather(jobs)
    return store


@pytest.mark.parametrize("server", [AT_ONCE], indirect=True)
def test_as_many_as_may_are_asked_at_once(server: Server, tmp_path: Path) -> None:
    """Nobody is answered before all are there, so that one after another would never end."""
    store = gather(tmp_path, [job(server, f"/together/{n}") for n in range(AT_ONCE)])
    assert [saved.failure for saved in store.all()] == [None] * AT_ONCE
    assert {event.partition(" ")[0] for event in server.events[:AT_ONCE]} == {"asked"}


@pytest.mark.parametrize("server", [3], indirect=True)
def test_what_measures_is_alone_and_first(server: Server, tmp_path: Path) -> None:
    jobs = [job(server, f"/together/{n}") for n in range(3)]
    gather(tmp_path, [*jobs[:2], job(server, "/alone/1", alone=True), jobs[2], job(server, "/alone/2", alone=True)])
    assert {event.rpartition("/")[0] for event in server.events[:4]} == {"asked /alone", "answered /alone"}
    assert sorted(server.events[4:7]) == [f"asked /together/{n}" for n in range(3)]


@pytest.mark.parametrize("server", [2], indirect=True)
def test_a_target_that_never_answers_holds_nobody_up(server: Server, tmp_path: Path) -> None:
    """It accepts and says nothing; the others are done while it still is waited for."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        asked, ended = threading.Event(), threading.Event()

        def stall(*_: Any) -> Seen:
            with socket.create_connection(silent.getsockname(), timeout=PATIENCE) as connection:
                asked.set()
                connection.recv(1)
            ended.set()
            return Seen(observed_at=datetime.now(UTC), order=0)

        probe = Probe("things.Seen", "things", Seen, stall, PATIENCE)
        stalled = Job(probe, Target(), Context(target_id="things.silent", ends=0.0))
        store = Store(tmp_path)
        store.open()
        jobs = [stalled, *(job(server, f"/together/{n}") for n in range(2))]
        gathering = threading.Thread(target=Gathering(store).gather, args=(jobs,), daemon=True)
        gathering.start()
        connection, _ = silent.accept()
        assert asked.wait(PATIENCE)
        seen = [store.saved("Seen", f"things.together-{n}", until=_soon()) for n in range(2)]
        assert [saved.failure for saved in seen] == [None, None]
        assert not ended.is_set()
        connection.close()
        gathering.join(PATIENCE)


def _soon() -> float:
    return datetime.now(UTC).timestamp() + PATIENCE
