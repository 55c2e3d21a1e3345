"""A run that is interrupted or killed, at every moment: it cannot tell, it ends soon, and nothing is left."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests._gate import (
    assert_nothing_is_left,
    begin,
    copy_of_the_repository,
    stack_directories,
    until,
    verdict,
)
from tests._saved import environment_file, instance

SOON = 4.0
"""Seconds an interrupted run may take; two is what is promised on a quiet machine."""

SLOW = '''
"""What takes long enough to be interrupted."""

import os
import time
from pathlib import Path

import fixtures.vocabulary as words
from fixtures.probes.reach import ReachEvidence


@words.check(severity=words.Severity.CRITICAL, scope=words.Scope.RELEASE)
def check_slowly(instance: tuple[ReachEvidence, ...]) -> None:
    """It takes its time."""
    Path("{marker}").write_text(str(os.getpid()))
    time.sleep(1)
'''


def run_of(process: subprocess.Popen[str], directory: Path, moment: str, marker: Path) -> None:
    """Wait until a run has come to a moment."""
    moments: dict[str, Callable[[], object]] = {
        "the stack starts": lambda: stack_directories(process.pid),
        "the stack is half there": lambda: any(path.joinpath("nginx.log").exists() for path in found()),
        "gathering": lambda: (directory / "environment.json").exists(),
        "judging": marker.exists,
    }

    def found() -> list[Path]:
        return stack_directories(process.pid)

    until(moments[moment])


@pytest.mark.parametrize(
    ("moment", "number", "workers"),
    [
        ("the stack starts", signal.SIGINT, ()),
        ("the stack starts", signal.SIGTERM, ("-n2",)),
        ("the stack is half there", signal.SIGTERM, ()),
        ("gathering", signal.SIGTERM, ()),
        ("gathering", signal.SIGINT, ("-n2",)),
        ("judging", signal.SIGINT, ()),
        ("judging", signal.SIGTERM, ("-n2",)),
    ],
)
def test_an_interrupted_run_cannot_tell_and_leaves_nothing(
    tmp_path: Path, moment: str, number: signal.Signals, workers: tuple[str, ...]
) -> None:
    marker = tmp_path / "marker"
    root = copy_of_the_repository(tmp_path / "copy")
    if moment == "judging":
        (root / "checks" / "aa_slow.py").write_text(SLOW.replace("{marker}", str(marker)), encoding="utf-8")
    process = begin(tmp_path / "run", "--env=demo", *workers, root=root)
    run_of(process, tmp_path / "run", moment, marker)
    ports = listening(process.pid)
    asked = time.monotonic()
    process.send_signal(number)
    output, _ = process.communicate(timeout=30)
    took = time.monotonic() - asked
    print(f"{moment} {number.name} {workers}: {took:.2f} s")  # noqa: T201
    assert process.returncode not in (0, 1)
    assert output.strip().splitlines()[-1].startswith("CANNOT TELL demo"), output
    document = verdict(tmp_path / "run")
    assert (document["verdict"], document["complete"]) == ("CANNOT TELL", False)
    assert_nothing_is_left(process.pid)
    assert [port for port in ports if answers(port)] == []
    assert took < SOON * busy()


def test_a_killed_run_cannot_tell_and_leaves_nothing(tmp_path: Path) -> None:
    """`latest` points to it as well: yesterday's GO is not behind it."""
    root = copy_of_the_repository(tmp_path / "copy")
    out = root / "reports" / "out" / "demo"
    yesterday = out / "20260101T000000000000Z"
    yesterday.mkdir(parents=True)
    (out / "latest").symlink_to(yesterday.name)
    process = begin(None, "--env=demo", root=root)
    until(lambda: (out / "latest" / "environment.json").exists())
    ports = listening(process.pid)
    assert len(ports) > 3
    process.kill()
    process.communicate(timeout=20)
    assert (out / "latest").resolve() != yesterday
    assert [path for path in out.iterdir() if path.name.startswith(".")] == []
    document = verdict(out / "latest")
    assert (document["verdict"], document["exit_code"], document["complete"]) == ("CANNOT TELL", 10, False)
    assert_nothing_is_left(process.pid)
    assert [port for port in ports if answers(port)] == []


MOMENTS: dict[str, Callable[[Path], bool]] = {
    "begun": lambda run: run.is_dir(),
    "declared": lambda run: (run / "environment.json").exists(),
    "seen": lambda run: any((run / "evidence").glob("instances.*.json")),
    "judged": lambda run: (run / "evidence" / "closed").exists(),
}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_run_that_ends_at_any_moment_leaves_no_go_behind(tmp_path: Path, moment: str, number: signal.Signals) -> None:
    """As soon as `latest` is not yesterday's GO any more, what it points to says CANNOT TELL."""
    root = copy_of_the_repository(tmp_path / "copy")
    out = root / "reports" / "out" / "one"
    yesterday = out / "20260101T000000000000Z"
    yesterday.mkdir(parents=True)
    (out / "latest").symlink_to(yesterday.name)
    with instance(lambda _: True) as url:
        file = environment_file(tmp_path / "one.yaml", url)
        process = begin(None, f"--env={file}", root=root)
        until(lambda: (out / "latest").resolve() != yesterday and MOMENTS[moment](out / "latest"))
        process.send_signal(number)
        output, _ = process.communicate(timeout=30)
    document = verdict(out / "latest")
    if moment == "judged" and number != signal.SIGKILL:
        # The answer is known: it is given, whatever comes.
        assert (process.returncode, document["verdict"]) == (document["exit_code"], last_word(output))
        return
    assert document["verdict"] == "CANNOT TELL" or moment == "judged"
    assert process.returncode == (-9 if number == signal.SIGKILL else 2)
    if number != signal.SIGKILL:
        assert last_word(output) == "CANNOT TELL", output


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_interrupted_before_it_begins_cannot_tell(tmp_path: Path, number: signal.Signals) -> None:
    """While a command is asked for a secret, say: nothing of the run is there yet."""
    file, marker = tmp_path / "one.yaml", tmp_path / "marker"
    file.write_text(
        f"schema: 1\ncommands: [sh]\npostgres: {{main: {{url: \"${{cmd:sh -c 'touch {marker}; sleep 9'}}\"}}}}\n",
        encoding="utf-8",
    )
    process = begin(tmp_path / "run", f"--env={file}")
    until(marker.exists)
    process.send_signal(number)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 2, output
    assert output.strip().splitlines()[-1] == f"CANNOT TELL {file}: interrupted"
    assert not (tmp_path / "run").exists()


def last_word(output: str) -> str:
    """The verdict that the last line starts with."""
    line = output.strip().splitlines()[-1]
    words = ("GO WITH WARNINGS", "NO-GO", "CANNOT TELL", "GO")
    return next((word for word in words if line.startswith(f"{word} one")), line)


def test_a_killed_worker_is_never_go(tmp_path: Path) -> None:
    """What it was at is cannot tell; what it still had to do is done by another."""
    root, marker = copy_of_the_repository(tmp_path / "copy"), tmp_path / "marker"
    (root / "checks" / "aa_slow.py").write_text(SLOW.replace("{marker}", str(marker)), encoding="utf-8")
    with instance() as url:
        file = environment_file(tmp_path / "one.yaml", url)
        process = begin(tmp_path / "run", f"--env={file}", "-n2", "-k", "aa_slow or reach or quick", root=root)
        until(lambda: marker.exists() and marker.read_text())
        os.kill(int(marker.read_text()), signal.SIGKILL)
        output, _ = process.communicate(timeout=60)
    document = verdict(tmp_path / "run")
    unseen = [(row["id"], row["cause"]) for row in document["checks"] if row["outcome"] != "passed"]
    assert (process.returncode, document["verdict"], document["exit_code"]) == (10, "CANNOT TELL", 10), output
    assert last_word(output) == "CANNOT TELL"
    assert len(document["checks"]) == document["counts"]["selected"] > 2
    assert unseen == [("aa_slow.slowly", "a worker: crashed")]
    assert workers_of(process.pid) == []


def test_workers_that_crash_again_and_again_are_given_up(tmp_path: Path) -> None:
    root = copy_of_the_repository(tmp_path / "copy")
    deadly = SLOW.replace('Path("{marker}").write_text(str(os.getpid()))', "pass").replace(
        "time.sleep(1)", "os.kill(os.getpid(), 9)"
    )
    deadly = deadly.replace("instance: tuple[ReachEvidence, ...]", "instance: ReachEvidence")
    (root / "checks" / "aa_deadly.py").write_text(deadly, encoding="utf-8")
    with instance(lambda _: True) as url:
        file = environment_file(tmp_path / "one.yaml", url)
        two = file.read_text("utf-8").replace("instances: {", f"instances: {{app2: {{url: '{url}'}}, ")
        file.write_text(two, encoding="utf-8")
        options = ("-n2", "--max-worker-restart=0", "-k", "aa_deadly")
        process = begin(tmp_path / "run", f"--env={file}", *options, root=root)
        output, _ = process.communicate(timeout=60)
    document = verdict(tmp_path / "run")
    assert (process.returncode, document["verdict"], document["complete"]) == (10, "CANNOT TELL", False), output
    assert {row["outcome"] for row in document["checks"]} == {"cannot-tell"}
    assert {"a worker: crashed", "the run: never run"} >= {row["cause"] for row in document["checks"]}


def busy() -> float:
    """How many times slower than alone a process runs here, at least."""
    return 1 + os.getloadavg()[0] / (os.cpu_count() or 1)


def test_a_signal_after_the_verdict_changes_nothing_of_it(tmp_path: Path) -> None:
    """Exit code, last line and `verdict.json` say the same."""
    process = begin(tmp_path / "run", "--env=demo", "-k", "reach")
    until(lambda: (tmp_path / "run" / "evidence" / "closed").exists())
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=30)
    assert_nothing_is_left(process.pid)
    document = verdict(tmp_path / "run")
    assert process.returncode == document["exit_code"]
    assert output.strip().splitlines()[-1].startswith(f"{document['verdict']} demo")
    assert "Traceback" not in output


SWALLOWED = '''
"""A signal that comes while something is finalized."""

import os
import signal

import fixtures.vocabulary as words
from fixtures.probes.reach import ReachEvidence


class Last:
    """What is collected while the check runs."""

    def __del__(self) -> None:
        """The handler runs here, and nothing that it raises gets out."""
        os.kill(os.getpid(), signal.SIGTERM)


@words.check(severity=words.Severity.CRITICAL, scope=words.Scope.RELEASE)
def check_finalizes(instance: ReachEvidence) -> None:
    """It passes."""
    Last()
'''


def test_a_signal_that_a_finalizer_swallows_interrupts_all_the_same(tmp_path: Path) -> None:
    root = copy_of_the_repository(tmp_path / "copy")
    (root / "checks" / "aa_finalizes.py").write_text(SWALLOWED, encoding="utf-8")
    with instance(lambda _: True) as url:
        file = environment_file(tmp_path / "one.yaml", url)
        process = begin(tmp_path / "run", f"--env={file}", root=root)
        output, _ = process.communicate(timeout=60)
    assert (process.returncode, last_word(output)) == (2, "CANNOT TELL"), output
    assert verdict(tmp_path / "run")["verdict"] == "CANNOT TELL"


def workers_of(owner: int) -> list[int]:
    """Process ids of a run's xdist workers."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            parent = path.joinpath("stat").read_text("utf-8", "replace").rpartition(")")[2].split()[1]
            line = path.joinpath("cmdline").read_bytes()
        except OSError:
            continue
        if int(parent) == owner and b"sys.stdin.readline" in line:
            found.append(int(path.name))
    return found


def listening(owner: int) -> list[int]:
    """The ports that the configuration of a run's stack names; those that answer are the ones in use."""
    texts = [
        path.read_text("utf-8", "replace")
        for directory in stack_directories(owner)
        for name in ("nginx/nginx.conf", "pgbouncer/pgbouncer.ini", "primary/postgresql.conf", "redis/redis.conf")
        if (path := directory / name).exists()
    ]
    words = {word.strip(";") for text in texts for word in text.replace("127.0.0.1:", " ").replace("=", " ").split()}
    return [int(word) for word in sorted(words) if word.isdigit() and int(word) > 1024 and answers(int(word))]


def answers(port: int) -> bool:
    """Whether anything listens there."""
    with socket.socket() as connection:
        connection.settimeout(1)
        return connection.connect_ex(("127.0.0.1", port)) == 0
