"""An outage, a refusal and our own blindness, told apart by whole runs of the gate."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import run
from typing import Any

import pytest

from fixtures.probes import load_probes
from fixtures.stack import start
from fixtures.stack.stack import Stack

ROOT = Path(__file__).parents[1]
START = 40
"""Seconds that pytest may take to start and to report on a machine that is busy with the other runs."""
AT_ONCE = 4
ORIGIN = "reach.origin_answers"
OF_THE_PORT = ("certificate", "tls", "tls_deep")
"""Areas that see what a gateway itself shows."""


@dataclass(frozen=True)
class Gate:
    """A finished run of the gate."""

    directory: Path
    code: int
    output: str
    seconds: float

    @property
    def document(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.directory / "verdict.json").read_text(encoding="utf-8"))
        return document

    @property
    def rows(self) -> list[dict[str, str]]:
        return list(self.document["checks"])

    @property
    def failed(self) -> list[str]:
        return [row["id"] for row in self.rows if row["outcome"] == "failed"]

    @property
    def unseen(self) -> list[dict[str, str]]:
        """Rows with a cause; those below `cannot_tell_on` are only warned."""
        return [row for row in self.rows if row["cause"]]

    @property
    def causes(self) -> set[str]:
        return {row["cause"] for row in self.unseen}


def gate(directory: Path, document: Mapping[str, Any], variables: Mapping[str, str] | None = None) -> Gate:
    """Run the gate on an environment file; JSON is YAML."""
    directory.mkdir()
    shared = {"schema": 1, "run": {"gate": {"settle": "0s"}, "confirm": {"looks": 1, "apart": "0s"}}}
    file = directory / "env.yaml"
    file.write_text(json.dumps({**shared, **document}), encoding="utf-8")
    command = [
        sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), f"--rootdir={ROOT}", str(ROOT / "checks"),
        f"--env={file}", f"--report-dir={directory / 'run'}", "-p", "no:cacheprovider",
    ]  # fmt: skip
    began = time.monotonic()
    done = run(
        command, capture_output=True, text=True, timeout=120, check=False, cwd=directory,
        env={**os.environ, **(variables or {})},
    )  # fmt: skip
    return Gate(directory / "run", done.returncode, done.stdout + done.stderr, time.monotonic() - began)


@contextmanager
def silent() -> Iterator[int]:
    """A port that accepts connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        yield listener.getsockname()[1]


@contextmanager
def black_hole() -> Iterator[int]:
    """A port whose queue is full: the kernel drops what wants to connect, as a firewall would."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, ExitStack() as held:
        port = int(listener.getsockname()[1])
        for _ in range(4):
            one = held.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        time.sleep(0.1)
        yield port


def closed() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def vantage(port: int) -> dict[str, Any]:
    return {"here": {"controls": [f"127.0.0.1:{port}"]}}


def web(port: int, control: int, **more: str) -> dict[str, Any]:
    deep = {"when": "gate"}
    endpoint = {"url": "https://emailai.test", "connect": f"127.0.0.1:{port}", "from": "here", "deep": deep, **more}
    return {"vantages": vantage(control), "endpoints": {"web": endpoint}}


def postgres(control: int, *names: str) -> dict[str, Any]:
    servers = {name: {"url": f"${{env:{name.upper()}_URL}}", "from": "here"} for name in names}
    if "replica" in servers:
        servers["replica"]["replica_of"] = "primary"
    return {"vantages": vantage(control), "postgres": servers}


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with start() as running:
        yield running


@pytest.fixture(scope="module")
def runs(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Gate]:
    """Every run of this module, made together: most of their time is waiting for what does not come."""
    base = tmp_path_factory.mktemp("outage")
    known = stack.variables
    good = {f"{name.upper()}_URL": known[f"{name}_url"] for name in ("primary", "replica")}
    with silent() as alive, silent() as mute, black_hole() as hole, black_hole() as other:
        dead, balancer = closed(), int(known["web_connect"].rpartition(":")[2])
        wrong = good["PRIMARY_URL"].replace("verifier:", "verifier:not-")
        lost = f"postgresql://verifier:not-there@127.0.0.1:{hole}/emailai_prod"
        stack.stop_service("app1")
        stack.stop_service("app2")
        wanted: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
            "timeout": (web(mute, alive), {}),
            "dropped": (web(other, alive), {}),
            "refused": (web(closed(), alive), {}),
            "502": (web(balancer, alive, ca=known["ca"]), {}),
            "blind": (web(closed(), dead), {}),
            "unproven": (
                {"endpoints": {"web": {"url": "https://golive-no-such-name.invalid", "deep": {"when": "gate"}}}},
                {},
            ),
            "password": (postgres(alive, "primary"), {"PRIMARY_URL": wrong}),
            "lost": (postgres(dead, "primary"), {"PRIMARY_URL": lost}),
        }
        with ThreadPoolExecutor(AT_ONCE) as pool:
            begun = {name: pool.submit(gate, base / name, *one) for name, one in wanted.items()}
        found = {name: one.result() for name, one in begun.items()}
        stack.stop_service("primary")
        found["stopped"] = gate(base / "stopped", postgres(alive, "primary", "replica"), good)
    return found


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("refused", "no answer (refused)"),
        ("timeout", "no answer (timeout)"),
        ("dropped", "no answer (timeout)"),
        ("502", "status 502"),
    ],
)
def test_an_origin_without_an_answer_is_no_go_for_one_reason(runs: dict[str, Gate], name: str, words: str) -> None:
    done = runs[name]
    assert (done.document["verdict"], done.code) == ("NO-GO", 1), done.output
    assert done.failed == [ORIGIN]
    others = [row for row in done.rows if row["id"] != ORIGIN and row["id"].partition(".")[0] not in OF_THE_PORT]
    assert len(others) > 30
    assert {row["outcome"] for row in others} <= {"cannot-tell", "warned"}
    assert all(row["cause"].startswith("endpoints.web: outage: ") for row in others)
    (row,) = (row for row in done.rows if row["id"] == ORIGIN)
    assert (row["severity"], words in row["seen"]) == ("critical", True), row


def test_a_dead_origin_hides_its_tls_for_the_same_reason_and_a_gateway_does_not(runs: dict[str, Gate]) -> None:
    for name, word in (("refused", "refused"), ("timeout", "timeout"), ("dropped", "timeout")):
        assert runs[name].causes == {f"endpoints.web: outage: no answer ({word})"}
        assert len(runs[name].unseen) == len(runs[name].rows) - 1
    assert {row["outcome"] for row in runs["502"].rows if row["id"].startswith("tls.")} == {"passed"}
    assert runs["502"].causes == {"endpoints.web: outage: a gateway answers 502 in its place"}


def test_a_vantage_whose_control_is_dead_cannot_tell_anything(runs: dict[str, Gate]) -> None:
    done = runs["blind"]
    assert (done.document["verdict"], done.code) == ("CANNOT TELL", 10), done.output
    assert done.failed == []
    assert len(done.unseen) == len(done.rows)
    (cause,) = done.causes
    assert cause.startswith("vantage here: network: no control of the vantage answers (127.0.0.1:")
    assert "endpoints.web: " not in done.output.strip().splitlines()[-1]


def test_silence_without_a_control_is_no_reason_to_roll_back(runs: dict[str, Gate]) -> None:
    done = runs["unproven"]
    assert (done.document["verdict"], done.code) == ("CANNOT TELL", 10), done.output
    (cause,) = done.causes
    assert cause.startswith(
        "endpoints.web: unproven: the name golive-no-such-name.invalid does not resolve; no control"
    )
    assert "an outage, or our own network" in done.output


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("password", "postgres.primary: permission: "),
        ("stopped", "postgres.primary: outage: no answer (refused)"),
        ("lost", "vantage here: network: no control of the vantage answers ("),
    ],
)
def test_a_database_that_was_not_seen_cannot_tell_why_it_was_not(runs: dict[str, Gate], name: str, cause: str) -> None:
    done = runs[name]
    assert (done.document["verdict"], done.code) == ("CANNOT TELL", 10), done.output
    assert done.failed == []
    assert len(done.causes) == 1
    assert all(row["cause"].startswith(cause) for row in done.unseen)
    assert {row["target"] for row in done.unseen} >= {"postgres.primary"}
    assert "verifier" not in done.output + json.dumps(done.document)


def test_a_replica_without_its_primary_is_seen_but_for_what_takes_both(runs: dict[str, Gate]) -> None:
    rows = {row["id"]: row for row in runs["stopped"].rows if row["target"] == "postgres.replica"}
    assert rows["database.replica_is_streaming"]["cause"].startswith("postgres.primary: outage: ")
    assert rows["database.encoding_is_utf8"]["outcome"] == "passed"


def test_every_run_ends_in_time_and_leaves_a_report(runs: dict[str, Gate]) -> None:
    longest = max(probe.deadline for probes in load_probes().values() for probe in probes)
    for name, done in runs.items():
        assert done.seconds < longest + 2 + START, name
        assert (done.directory / "report.html").stat().st_size > 1000, name


@pytest.mark.parametrize(("name", "most"), [("timeout", 15), ("dropped", 12), ("refused", 10), ("lost", 15)])
def test_a_dead_target_costs_a_probe_one_timeout_and_not_one_an_origin_or_a_request(
    runs: dict[str, Gate], name: str, most: float
) -> None:
    taken = {note["file"]: note["seconds"] for note in runs[name].document["evidence"]}
    assert taken
    assert max(taken.values()) < most, taken
