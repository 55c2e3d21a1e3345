"""The gate end to end, as an operator runs it: exit codes, last lines, and what a run leaves behind."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests._gate import (
    ROOT,
    copy_of_the_repository,
    gate,
    last,
    outcomes,
    stack_directories,
    verdict,
)

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
