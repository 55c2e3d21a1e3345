"""The gate end to end, as an operator runs it: exit codes, last lines, and what a run leaves behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]


def command(directory: Path, *options: str) -> list[str]:
    return [
        sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), f"--rootdir={ROOT}", str(ROOT / "checks"),
        f"--report-dir={directory}", "-p", "no:cacheprovider", *options,
    ]  # fmt: skip


def gate(directory: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the gate from another directory than the repository's."""
    return subprocess.run(
        command(directory, *options), capture_output=True, text=True, timeout=90, check=False, cwd=directory.parent
    )


def last(run: subprocess.CompletedProcess[str]) -> str:
    return run.stdout.strip().splitlines()[-1]


def verdict(directory: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((directory / "verdict.json").read_text(encoding="utf-8"))
    return document


def outcomes(directory: Path) -> list[tuple[str, str, str]]:
    return sorted((row["id"], row["target"], row["outcome"]) for row in verdict(directory)["checks"])


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a run that was GO."""
    directory = tmp_path_factory.mktemp("healthy") / "run"
    run = gate(directory, "--env=demo", "--release=4f2c1ab")
    assert run.returncode == 0, run.stdout
    assert last(run).startswith("GO demo 4f2c1ab:")
    return directory


def test_a_healthy_stack_is_go_with_every_report(healthy: Path) -> None:
    document = verdict(healthy)
    assert (document["verdict"], document["exit_code"], document["complete"]) == ("GO", 0, True)
    assert len(document["checks"]) >= 80
    assert {row["outcome"] for row in document["checks"]} == {"passed"}
    for name in ("report.html", "summary.md", "junit.xml", "verdict.json"):
        assert (healthy / name).stat().st_mode & 0o777 == 0o600


def test_workers_give_the_same_outcomes(healthy: Path, tmp_path: Path) -> None:
    run = gate(tmp_path / "run", "--env=demo", "-n2")
    assert (run.returncode, outcomes(tmp_path / "run")) == (0, outcomes(healthy)), run.stdout


def test_a_replay_needs_no_stack_and_gives_the_same_verdict(healthy: Path, tmp_path: Path) -> None:
    run = gate(tmp_path / "run", f"--replay={healthy}")
    assert (run.returncode, outcomes(tmp_path / "run")) == (0, outcomes(healthy)), run.stdout


def test_a_fault_is_no_go(tmp_path: Path) -> None:
    run = gate(tmp_path / "run", "--env=demo", "--fault=headers.no_nosniff", "-k", "headers")
    assert run.returncode == 1
    assert last(run).startswith("NO-GO demo: PARTIAL (")
    assert "nosniff_on_pages" in (tmp_path / "run" / "summary.md").read_text(encoding="utf-8")


def test_a_narrowed_run_gathers_only_what_it_needs(tmp_path: Path) -> None:
    run = gate(tmp_path / "run", "--env=demo", "-k", "database")
    assert run.returncode == 0
    assert {path.name.split(".")[0] for path in (tmp_path / "run" / "evidence").glob("*.json")} == {
        "postgres",
        "endpoints",
        "instances",
    }
    assert verdict(tmp_path / "run")["complete"] is False


def test_selecting_nothing_cannot_tell(tmp_path: Path) -> None:
    run = gate(tmp_path / "run", "--env=demo", "-k", "nothing_is_called_so")
    assert (run.returncode, last(run).startswith("CANNOT TELL demo:")) == (10, True)


@pytest.mark.parametrize(
    "options", [("--env=nope",), (), ("--env=demo", "--set=endpoints.web.ur=x"), ("--env=demo", "--fault=nope")]
)
def test_a_usage_error_is_one_line_and_exit_4(tmp_path: Path, options: tuple[str, ...]) -> None:
    run = gate(tmp_path / "run", *options)
    assert (run.returncode, len(run.stderr.strip().splitlines())) == (4, 1), run.stderr
    assert "Traceback" not in run.stdout + run.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("workers", [(), ("-n2",)])
@pytest.mark.parametrize("moment", [0.9, 2.8])
def test_an_interrupted_run_cannot_tell_and_leaves_nothing(
    tmp_path: Path, number: signal.Signals, workers: tuple[str, ...], moment: float
) -> None:
    process = begin(tmp_path, moment, *workers)
    asked = time.monotonic()
    process.send_signal(number)
    output, _ = process.communicate(timeout=20)
    assert time.monotonic() - asked < 6
    assert process.returncode not in (0, 1)
    assert output.strip().splitlines()[-1].startswith("CANNOT TELL demo"), output
    assert verdict(tmp_path / "run")["verdict"] == "CANNOT TELL"
    assert_nothing_is_left(process.pid)


def test_a_killed_run_cannot_tell_and_leaves_nothing(tmp_path: Path) -> None:
    process = begin(tmp_path, 2.5)
    process.kill()
    process.communicate(timeout=20)
    assert verdict(tmp_path / "run")["verdict"] == "CANNOT TELL"
    assert_nothing_is_left(process.pid)


def begin(tmp_path: Path, moment: float, *options: str) -> subprocess.Popen[str]:
    """A gate that has written its first verdict and has run for so many seconds after that."""
    process = subprocess.Popen(
        command(tmp_path / "run", "--env=demo", *options), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    limit = time.monotonic() + 20
    while not (tmp_path / "run" / "verdict.json").exists() and time.monotonic() < limit:
        time.sleep(0.02)
    time.sleep(moment)
    return process


def assert_nothing_is_left(owner: int) -> None:
    limit = time.monotonic() + 12
    left: list[str] = []
    while time.monotonic() < limit:
        left = [entry.path for entry in os.scandir("/tmp") if entry.name.startswith(f"golive-stack-{owner}-")]
        left += [str(path) for path in Path("/proc").glob("[0-9]*") if _belongs(path, owner)]
        if not left:
            return
        time.sleep(0.1)
    raise AssertionError(f"left behind: {left}")


def _belongs(process: Path, owner: int) -> bool:
    try:
        line = (process / "cmdline").read_bytes()
    except OSError:
        return False
    return f"golive-stack-{owner}-".encode() in line
