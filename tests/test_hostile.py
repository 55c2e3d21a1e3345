"""Hostile servers, all at the same time, before every probe that looks at endpoints: bounded, clear, and never GO."""

from __future__ import annotations

import json
import re
import resource
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from fixtures.catalogue import Binding, generate, needed, probe_of
from fixtures.environment.loading import load
from fixtures.evidence.gathering import Gathering, Job
from fixtures.evidence.reading import Reader, Source
from fixtures.evidence.store import Store
from fixtures.probes import Context, Limits
from reports.outcomes import raw
from reports.records import Outcome
from tests._gate import gate, outcomes, verdict
from tests._hostile import BEFORE_TLS, OVER_TLS, servers
from tests._tls_servers import listening

# Python's own `ssl` loses a socket that is reset between its wrapping and its handshake; it is closed when collected.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning"
)
NAMES = [*BEFORE_TLS, *OVER_TLS, "knows no other name", "does not bear TLS 1.3"]
DEADLINE = 6.0
AFTER = 2.0
"""Seconds that a look may take beyond its deadline."""
MOST_MEMORY = 400 * 1024 * 1024
PATHS = {"public": ["/", "/login"], "private": ["/dashboard", "/api/me"], "image": "/logo.png"}


def target(name: str) -> str:
    """The name of a server's endpoint."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower())


def written(folder: Path, ports: dict[str, int]) -> Path:
    """The environment file of these servers."""
    endpoints = {
        target(name): {
            "url": "https://web.test",
            "connect": f"127.0.0.1:{port}",
            "ca": str(folder / "root.pem"),
            "redirects_here": ["https://www.web.test"],
            "paths": PATHS,
        }
        for name, port in ports.items()
    }
    file = folder / "hostile.yaml"
    run = {"gate": {"settle": "0s"}, "confirm": {"looks": 1}}
    file.write_text(json.dumps({"schema": 1, "run": run, "endpoints": endpoints}))
    return file


@dataclass(frozen=True)
class Looked:
    """What came of looking at all: rows, evidence, seconds, and bytes more than before."""

    rows: tuple[Binding, ...]
    reader: Reader
    store: Store
    seconds: float
    memory: int


@pytest.fixture(scope="module")
def looked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Looked]:
    """Every probe before every server."""
    folder = tmp_path_factory.mktemp("hostile")
    with ExitStack() as ending:
        ports = {name: ending.enter_context(listening(serve)) for name, serve in servers(folder).items()}
        environment = load(str(written(folder, ports)), ())
        rows = generate(environment).rows
        targets = environment.targets()
        jobs = []
        for kind, name in needed(rows):
            probe = probe_of(kind, name)
            assert probe is not None
            context = Context(name, 0.0, targets=targets, limits=Limits(4, 200))
            jobs.append(Job(replace(probe, deadline=DEADLINE), targets[name], context))
        store = Store(folder)
        store.open()
        before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
        Gathering(store).gather(jobs)
        seconds = time.monotonic() - began
        memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
        store.close()
        yield Looked(rows, Reader(Source(store), environment.plain, 0.0, 1), store, seconds, memory)


@pytest.mark.parametrize("name", NAMES)
def test_a_hostile_server_costs_its_deadline_and_is_not_go(looked: Looked, name: str) -> None:
    mine = [saved for saved in looked.store.all() if saved.target == f"endpoints.{target(name)}"]
    assert len(mine) > 12
    slow = {saved.kind: saved.seconds for saved in mine if saved.seconds > DEADLINE + AFTER}
    assert not slow
    bugs = [saved.failure.message for saved in mine if saved.failure is not None and saved.failure.cause == "bug"]
    assert not bugs
    judged: Counter[Outcome] = Counter()
    for row in looked.rows:
        if row.target != f"endpoints.{target(name)}":
            continue
        try:
            looked.reader.judge(row)
        except Exception as error:  # whatever a check raises is classified
            found = raw(error, row.target)
            assert "bug" not in found.cause, f"{row.key}: {found.seen}"
            assert found.seen
            judged[found.outcome] += 1
        else:
            judged[Outcome.PASSED] += 1
    assert judged[Outcome.FAILED] + judged[Outcome.CANNOT_TELL] > 0


def test_hostile_servers_take_no_memory(looked: Looked) -> None:
    assert looked.memory < MOST_MEMORY


def test_no_thread_works_on_after_a_flood(looked: Looked) -> None:
    """A search that an answer keeps busy for minutes would hold up everybody."""
    assert looked.seconds > 0
    began, ticks = time.process_time(), 0
    ends = time.monotonic() + 1.0
    while time.monotonic() < ends:
        time.sleep(0.05)
        ticks += 1
    busy = time.process_time() - began
    assert busy < 0.6, [thread.name for thread in threading.enumerate()]


def test_markup_neither_runs_in_the_report_nor_reaches_the_terminal(tmp_path: Path) -> None:
    wanted = ("markup in every field", "control characters in fields", "redirects to a script")
    with ExitStack() as ending:
        known = servers(tmp_path)
        file = written(tmp_path, {name: ending.enter_context(listening(known[name])) for name in wanted})
        done = gate(tmp_path / "run", f"--env={file}", "-q", "-p", "no:randomly")
    assert done.returncode == 1, done.stdout[-2000:]
    assert {outcome for _, _, outcome in outcomes(tmp_path / "run")} >= {"failed"}
    assert "Traceback" not in done.stdout + done.stderr
    assert "\x1b]0" not in done.stdout
    assert "\x07" not in done.stdout
    assert verdict(tmp_path / "run")["verdict"] == "NO-GO"
    for name in ("report.html", "summary.md", "junit.xml", "verdict.json"):
        text = (tmp_path / "run" / name).read_text(encoding="utf-8")
        assert "\x1b" not in text
        assert "\x07" not in text
        if name == "summary.md":
            text = re.sub(r"(`+)[^`].*?\1", "", text)
        if name != "verdict.json":
            assert "<script>alert(1)" not in text
            assert "<img src=x" not in text
