"""Looks after the first: live state that seems to fail is seen again, and a slow look of an earlier run is reused."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from fixtures.catalogue import Binding
from fixtures.environment.loading import load
from fixtures.evidence.reading import Reader
from fixtures.evidence.reuse import reuse
from fixtures.evidence.store import Saved, Store, write_private
from fixtures.run import Run
from fixtures.stack import start
from fixtures.vocabulary import CannotTell, Finding, Fleeting

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SLOW = 0.3


@contextmanager
def instance(slow: Callable[[int], bool]) -> Iterator[str]:
    """An app instance whose n-th answer (from 1) is slow where `slow(n)` says so."""
    asked = iter(range(1, 10_000))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if slow(next(asked)):
                time.sleep(SLOW)
            body = json.dumps({"status": "healthy"}).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def looked(tmp_path: Path, url: str, looks: int = 2) -> tuple[Reader, Binding]:
    """A run over one instance that has looked at its latency, and the row that judges it."""
    file = tmp_path / "one.yaml"
    file.write_text(
        f"schema: 1\nrun: {{confirm: {{looks: {looks}, apart: 0s}}}}\n"
        f"instances: {{app1: {{url: '{url}', health: {{within: 150ms, samples: 3}}}}}}\n"
    )
    run = Run(load(str(file)), tmp_path / "run")
    run.directory.mkdir()
    run.store.open()
    rows = [row for row in run.rows if row.check.id == "health.instance_answer_is_quick"]
    run.look(rows)
    return run.reader(0.0), rows[0]


def files(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "run" / "evidence").glob("*.json"))


def test_what_the_second_look_does_not_see_is_fleeting(tmp_path: Path) -> None:
    with instance(lambda n: n <= 4) as url:
        reader, row = looked(tmp_path, url)
    with pytest.raises(Fleeting) as caught:
        reader.judge(row)
    assert (caught.value.times, caught.value.looks) == (1, 2)


def test_what_every_look_sees_stands(tmp_path: Path) -> None:
    with instance(lambda _: True) as url:
        reader, row = looked(tmp_path, url, looks=3)
    with pytest.raises(Finding) as caught:
        reader.judge(row)
    assert not isinstance(caught.value, Fleeting)
    assert len(files(tmp_path)) == 3


def test_only_what_seems_to_fail_is_looked_at_again(tmp_path: Path) -> None:
    with instance(lambda _: False) as url:
        reader, row = looked(tmp_path, url)
    reader.judge(row)
    assert files(tmp_path) == ["instances.app1.InstanceLatencyEvidence.json"]


def test_one_look_is_enough_where_one_is_asked_for(tmp_path: Path) -> None:
    with instance(lambda n: n <= 4) as url:
        reader, row = looked(tmp_path, url, looks=1)
    with pytest.raises(Finding) as caught:
        reader.judge(row)
    assert not isinstance(caught.value, Fleeting)


def test_a_run_that_ends_between_two_looks_cannot_tell(tmp_path: Path) -> None:
    with instance(lambda _: True) as url:
        reader, row = looked(tmp_path, url)
    (tmp_path / "run" / "evidence" / "confirmed").unlink()
    Store(tmp_path / "run").close()
    with pytest.raises(CannotTell):
        reader.judge(row)


def earlier(runs: Path, name: str, age: timedelta, *, host: str = "a.test", environment: str = "prod") -> None:
    """A run that looked at endpoints.web so long ago."""
    store = Store(runs / name)
    store.open()
    store.write(Saved(kind="Slow", target="endpoints.web", observed_at=NOW - age, seconds=1.0, evidence={"run": name}))
    document = {"name": environment, "environment": {"endpoints": {"web": {"host": host}}}}
    write_private(runs / name / "environment.json", json.dumps(document))


def reused(runs: Path) -> Saved:
    return reuse(runs, "prod", {"host": "a.test"}, "Slow", "endpoints.web", moment=NOW, accept=7 * 86400.0)


def test_the_youngest_evidence_of_the_same_target_is_reused(tmp_path: Path) -> None:
    earlier(tmp_path, "old", timedelta(days=3))
    earlier(tmp_path, "new", timedelta(days=1))
    earlier(tmp_path, "another_host", timedelta(hours=1), host="b.test")
    earlier(tmp_path, "another_environment", timedelta(hours=1), environment="staging")
    (tmp_path / "latest").symlink_to("old")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "environment.json").write_text("{")
    found = reused(tmp_path)
    assert (found.reused_from, found.observed_at, found.accept) == ("new", NOW - timedelta(days=1), 7 * 86400.0)


@pytest.mark.parametrize(("ages", "words"), [([], "no earlier run"), ([8], "8 d old, 7 d are accepted")])
def test_without_young_evidence_it_cannot_tell(tmp_path: Path, ages: list[int], words: str) -> None:
    for age in ages:
        earlier(tmp_path, f"run{age}", timedelta(days=age))
    failure = reused(tmp_path).failure
    assert failure is not None
    assert failure.cause == "age"
    assert words in failure.message


def test_a_gate_takes_the_look_that_the_night_made(tmp_path: Path) -> None:
    """The whole way: a nightly run looks, the gate after it does not, and a replay of that gate judges the same."""
    with start() as stack:
        environment = load("demo", ["endpoints.web.deep.when=nightly"], variables=stack.variables)
        night, gate = (Run(environment, tmp_path / kind, kind) for kind in ("nightly", "gate"))
        rows = [row for row in gate.rows if row.check.id == "tls_deep.heartbleed_is_fixed"]
        for run in (gate, night, gate):
            run.directory.mkdir(exist_ok=True)
            run.store.open()
            run.look(rows)
            if run is gate and not (night.directory / "evidence").exists():
                with pytest.raises(CannotTell) as caught:
                    run.reader(0.0).judge(rows[0])
                assert caught.value.cause == "age"
    gate.reader(0.0).judge(rows[0])
    seen, reused_here = (run.store.saved("TlsDeepEvidence", "endpoints.web") for run in (night, gate))
    assert (reused_here.reused_from, reused_here.observed_at) == ("nightly", seen.observed_at)
