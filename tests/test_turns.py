"""Our own limits: a gate for each place, turns in order, and the time before it, which is no target's."""

from __future__ import annotations

import http.server
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fixtures.environment.sections.endpoints import Endpoint
from fixtures.environment.sections.instances import Instance
from fixtures.evidence.gathering import Gathering, Job
from fixtures.evidence.store import Store
from fixtures.probes import PROBES, Context, Limits, Look, Probe, _turns, health, reach
from fixtures.probes._http import Ask, Client, client
from fixtures.probes._turns import Gate
from fixtures.vocabulary import CannotTell, Evidence


class Counted(Evidence):
    """How many answers came."""

    answers: int


class Counter:
    """A server that notes who asks, when, and how many at the same time."""

    def __init__(self, takes: float) -> None:
        self.asked: list[tuple[str, float]] = []
        self.most = self._now = 0
        self._lock = threading.Lock()
        self._takes = takes

    def serve(self, path: str) -> None:
        with self._lock:
            self.asked.append((path, time.monotonic()))
            self._now += 1
            self.most = max(self.most, self._now)
        time.sleep(self._takes)
        with self._lock:
            self._now -= 1


@contextmanager
def counting(takes: float = 0.0) -> Iterator[tuple[Counter, str]]:
    """A server on this machine and its address (host:port)."""
    counter = Counter(takes)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            counter.serve(self.path)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002, ARG002
            return

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield counter, f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def _context(target: str = "endpoints.web", limits: Limits | None = None) -> Context:
    return Context(target, time.monotonic() + 20, limits=limits or Limits())


def test_targets_of_one_origin_share_its_limits() -> None:
    limits = Limits(1, 1000)
    with counting(takes=0.05) as (counter, place):
        ways = [
            client(Endpoint(url="https://a.example", connect_http=place), _context("endpoints.web", limits)),
            Client(_context("auth.google", limits), http_to=place),
            Client(_context("webhooks.stripe", limits)),
        ]
        urls = ["http://a.example/", "http://a.example/", f"http://{place}/"]
        threads = [
            threading.Thread(target=way.ask_all, args=([Ask(url)] * 4,)) for way, url in zip(ways, urls, strict=True)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert (len(counter.asked), counter.most) == (12, 1)


def _looking(place: str, name: str, times: int) -> Look:
    def look(target: Endpoint, context: Context) -> Counted:
        answers = Client(context).ask_all([Ask(f"http://{place}/{name}")] * times)
        return Counted(observed_at=datetime.now(UTC), answers=sum(answer.status == 200 for answer in answers))

    return look


def _gathered(
    tmp_path: Path, place: str, limits: Limits, within: float = 60, deadline: float = 0.5
) -> tuple[Store, list[str]]:
    """What six probes of one endpoint, of ten requests and so many seconds each, saw of it."""
    store = Store(tmp_path)
    store.open()
    names = [f"p{number}" for number in range(6)]
    jobs = [
        Job(
            Probe(name, "endpoints", Counted, _looking(place, name, 10), deadline, urgent=name == "p5"),
            Endpoint(url="https://a.example"),
            replace(_context(f"endpoints.{name}", limits), ends=0.0),
        )
        for name in names
    ]
    Gathering(store, ends=time.monotonic() + within).gather(jobs)
    return store, [f"endpoints.{name}" for name in names]


def test_waiting_for_our_own_limit_is_no_silence_of_the_target(tmp_path: Path) -> None:
    with counting() as (counter, place):
        store, targets = _gathered(tmp_path, place, Limits(2, 20), deadline=1.5)
    assert [store.read(Counted, target).answers for target in targets] == [10] * 6
    assert counter.asked[-1][1] - counter.asked[0][1] >= 2.9
    urgent = [number for number, (path, _) in enumerate(counter.asked) if path == "/p5"]
    assert max(urgent) < 40


def test_where_the_run_ends_first_it_is_told_that_our_own_limit_took_the_time(tmp_path: Path) -> None:
    with counting() as (_, place):
        store, targets = _gathered(tmp_path, place, Limits(1, 5), within=1)
    for target in targets:
        with pytest.raises(CannotTell, match=r"^our own limit of 5/s left no time$") as unseen:
            store.read(Counted, target)
        assert unseen.value.cause == "deadline"


def test_a_target_that_is_slow_is_not_excused_by_our_limits(tmp_path: Path) -> None:
    with counting(takes=1.0) as (_, place):
        store, targets = _gathered(tmp_path, place, Limits(60, 1000))
    for target in targets:
        saved = store.saved("Counted", target)
        assert saved.seconds < 2
        assert saved.evidence == {**(saved.evidence or {}), "answers": 0} or (
            saved.failure is not None and "no answer within" in saved.failure.message
        )


def test_turns_come_in_order_and_urgent_ones_first() -> None:
    gate, order = Gate(1, 1000), []

    def ask(number: int, context: Context) -> None:
        with gate.slot(context):
            order.append(number)

    with gate.slot(_context()):
        threads = []
        for number in range(8):
            context = replace(_context(), urgent=number == 7)
            threads.append(threading.Thread(target=ask, args=(number, context)))
            threads[-1].start()
            while len(gate._queue) <= number:
                time.sleep(0.001)
    for thread in threads:
        thread.join()
    assert order == [7, 0, 1, 2, 3, 4, 5, 6]


def test_reach_and_health_are_urgent() -> None:
    assert all(probe.urgent for kind in (reach.ReachEvidence, health.HealthEvidence) for probe in PROBES[kind])


@contextmanager
def _mute() -> Iterator[str]:
    """A place that accepts connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


def _asking(place: str, **more: Any) -> Client:
    """Another probe's client, which waits for a handshake no longer than tests want to."""
    return Client(_context(), https_to=place, http_to=place, **{"patience": 0.2, "budget": 0.3, **more})


def test_what_three_probes_wait_for_in_vain_the_fourth_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_turns, "LIFETIME", 1.0)
    with _mute() as place:
        waited = [_asking(place).ask(f"https://{name}.example/") for name in "abc"]
        assert [answer.attempts for answer in waited] == [("timeout",)] * 3
        fourth = _asking(place).ask("https://d.example/")
        assert (fourth.error, fourth.attempts) == ("timeout", ())
        assert fourth.unseen is not None
        assert (fourth.unseen.message, fourth.unseen.cause) == ("no answer (timeout)", "outage")
        assert _asking(place, hearsay=False).ask("https://a.example/").attempts == ("timeout",)
        blind = replace(_asking(place), context=replace(_context(), controls=("127.0.0.1:1",)))
        kept = blind.ask("https://a.example/").unseen
        assert kept is not None
        assert kept.cause == "network"
        time.sleep(1.1)
        assert _asking(place).ask("https://a.example/").attempts == ("timeout",)


def test_a_sign_of_life_ends_the_silence_of_a_place() -> None:
    gate = Gate(4, 1000)
    for _ in range(3):
        assert not gate.silence
        gate.heard("timeout")
    assert gate.silence == "timeout"
    gate.heard()
    gate.heard("timeout")
    assert not gate.silence


def test_a_slow_answer_and_our_own_deadline_make_no_place_silent() -> None:
    with _mute() as place:
        for _ in range(3):
            assert _asking(place).ask("http://a.example/").error == "timeout"  # accepted: only the answer is missing
        assert _asking(place).ask("http://a.example/").attempts == ("timeout",)
    with _mute() as place:
        for _ in range(3):
            assert _asking(place, patience=4.0).ask("https://a.example/").error == "timeout"
        assert _asking(place, patience=4.0).ask("https://a.example/").attempts == ("timeout",)


def test_the_root_check_looks_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says NO-GO, and what others heard of the place may be some seconds old."""
    monkeypatch.setattr(Gate, "silence", "timeout")
    with counting() as (counter, place):
        seen = reach.look_at_instance(Instance(url=f"http://{place}"), _context())
        assert isinstance(seen, reach.ReachEvidence)
        assert (seen.status, len(counter.asked)) == (200, 1)
        assert Client(_context()).ask(f"http://{place}/").attempts == ()
