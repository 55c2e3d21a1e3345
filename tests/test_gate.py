"""The gate end to end, as an operator runs it: exit codes, last lines, and what a run leaves behind."""

from __future__ import annotations

import os
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
    verdict,
)
from tests._saved import environment_file, instance


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
    run = gate(tmp_path / "run", "--env=demo", "-k", "redis")
    assert run.returncode == 0
    assert {path.name.split(".")[0] for path in (tmp_path / "run" / "evidence").glob("*.json")} == {"redis"}
    assert verdict(tmp_path / "run")["complete"] is False


def test_selecting_nothing_cannot_tell(tmp_path: Path) -> None:
    run = gate(tmp_path / "run", "--env=demo", "-k", "nothing_is_called_so")
    assert (run.returncode, last(run).startswith("CANNOT TELL demo:")) == (10, True)


@pytest.mark.parametrize(
    "options",
    [
        ("--env=nope",),
        (),
        ("--env=demo", "--set=endpoints.web.ur=x"),
        ("--env=demo", "--set=endpoints.web.connect=${stack:web_conect}"),
        ("--env=demo", "--set=intrusive=[tls.nope]"),
        ("--env=demo", "--fault=nope"),
        ("--env=demo", "--fail-on=hgh"),
        ("--env=demo", "--run=nightli"),
        ("--env=demo", "--fault=outage.pgbouncer_is_cut_off"),
        ("--env=demo", "checks/nope.py"),
        ("--env=nope", "--list-checks"),
        ("--env=nope", "--explain-env"),
    ],
)
def test_a_usage_error_is_one_line_and_exit_4(tmp_path: Path, options: tuple[str, ...]) -> None:
    run = gate(tmp_path / "run", *options)
    assert (run.returncode, len(run.stderr.strip().splitlines())) == (4, 1), run.stderr
    assert "Traceback" not in run.stdout + run.stderr


def test_an_unknown_fault_has_its_neighbour_and_a_list(tmp_path: Path) -> None:
    run = gate(tmp_path / "run", "--env=demo", "--fault=headers.no_nosnif")
    assert "'headers.no_nosnif', did you mean headers.no_nosniff; docs/coverage.md lists all" in run.stderr


@pytest.mark.parametrize("option", ["--explain-env", "--list-checks"])
def test_what_has_no_value_yet_is_told_together_after_the_answer(tmp_path: Path, option: str) -> None:
    file = tmp_path / "two.yaml"
    file.write_text("schema: 1\npostgres: {a: {url: '${env:NO_SUCH}'}, b: {url: '${file:none}'}}\n", encoding="utf-8")
    run = gate(tmp_path / "run", f"--env={file}", option)
    assert (run.returncode, "postgres.b" in run.stdout) == (4, True), run.stdout + run.stderr
    errors = run.stderr.strip().splitlines()
    assert [line.split(": ")[2] for line in errors] == ["postgres.a.url", "postgres.b.url"]


@pytest.fixture(scope="module")
def protected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demonstration as an environment that is protected, outside the repository."""
    path = tmp_path_factory.mktemp("outside") / "guarded.yaml"
    path.write_text(f"schema: 1\nextends: {ROOT}/environments/demo.yaml\nprotected: true\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("workers", ["-n0", "-n2"])
def test_every_path_may_be_outside_the_repository(healthy: Path, protected: Path, tmp_path: Path, workers: str) -> None:
    """pytest takes an existing path after a space for a test path and loses its root; after `=` it does not."""
    run = gate(tmp_path / "run", f"--env={protected}", f"--replay={healthy}", workers)
    assert run.returncode == 0, run.stdout + run.stderr
    assert last(run).startswith("GO guarded 4f2c1ab:")
    assert outcomes(tmp_path / "run") == outcomes(healthy)


@pytest.mark.parametrize("workers", ["-n0", "-n2"])
def test_a_narrowed_run_of_a_protected_environment_is_never_exit_0(
    healthy: Path, protected: Path, tmp_path: Path, workers: str
) -> None:
    run = gate(tmp_path / "run", f"--env={protected}", f"--replay={healthy}", "-k", "database", workers)
    document = verdict(tmp_path / "run")
    assert (run.returncode, document["exit_code"], document["complete"]) == (10, 10, False)
    assert {row["outcome"] for row in document["checks"]} == {"passed"}
    assert "PARTIAL (" in last(run)


@pytest.mark.parametrize(
    ("option", "addopts", "complaint"),
    [
        ("--showlocals", "", "--showlocals is refused"),
        ("-l", "", "--showlocals is refused"),
        ("-n2", "-l", "--showlocals is refused"),
        ("--fault=headers.no_nosniff", "", "--fault is refused"),
    ],
)
def test_a_protected_environment_refuses(
    protected: Path, tmp_path: Path, option: str, addopts: str, complaint: str
) -> None:
    run = gate(tmp_path / "run", f"--env={protected}", option, env={"PYTEST_ADDOPTS": addopts})
    assert (run.returncode, complaint in run.stderr) == (4, True), run.stderr
    assert not (tmp_path / "run").exists()


def test_the_default_directory_is_the_newest_that_looked(tmp_path: Path) -> None:
    root = copy_of_the_repository(tmp_path / "copy")
    latest = root / "reports" / "out" / "one" / "latest"
    seen = []
    with instance() as url:
        file = environment_file(tmp_path / "one.yaml", url)
        for _ in range(2):
            assert gate(None, f"--env={file}", "-k", "instance_answer_is_quick", root=root).returncode == 0
            seen.append(latest.resolve())
            assert verdict(latest)["verdict"] == "GO"
    assert seen[0] < seen[1]
    run = gate(None, f"--replay={latest}", "-k", "instance_answer_is_quick", root=root)
    assert (run.returncode, latest.resolve()) == (0, seen[1]), run.stdout
    (again,) = [line for line in run.stdout.splitlines() if line.startswith("again")]
    assert f"--replay={str(seen[1]).removeprefix('/')} " in again
    assert latest.is_symlink()
    assert latest.readlink() == Path(seen[1].name)
    assert {path.stat().st_mode & 0o777 for path in seen} == {0o700}


def test_what_would_be_checked_is_the_rows_of_the_environment(healthy: Path, tmp_path: Path) -> None:
    run = gate(tmp_path / "run", "--env=demo", "--list-checks")
    rows = sorted(tuple(line.split()[2:4]) for line in run.stdout.splitlines())
    assert rows == [(id_, target) for id_, target, _ in outcomes(healthy)]
    assert not (tmp_path / "run").exists()


def of_the_processor(command: list[str]) -> tuple[float, str]:
    """The least seconds of the processor that a program takes, compiled before, and what it prints."""
    keeps = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    took = []
    for _ in range(3):
        before = os.times()
        run = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60, check=True, env=keeps)
        after = os.times()
        took.append(after.children_user + after.children_system - before.children_user - before.children_system)
    return min(took), run.stdout


@pytest.mark.parametrize("option", ["--list-checks", "--env=demo --list-checks", "--help"])
def test_a_question_is_answered_within_a_second(option: str) -> None:
    """Without the heavy libraries; where pytest's own start is slow, as on a busy machine, in twice that."""
    heavy = "('sslyze', 'psycopg', 'testcontainers', 'uvicorn')"
    script = f"""
import pytest, sys
pytest.main(['-c', 'pyproject.toml', *'{option}'.split()])
print('loaded:', [name for name in {heavy} if name in sys.modules])
"""
    alone = "import pydantic, pytest; pytest.main(['-c', '/dev/null', '--help'])"
    own, _ = of_the_processor([sys.executable, "-c", alone])
    took, printed = of_the_processor([sys.executable, "-c", script])
    print(f"{option}: {took:.2f} s of the processor, pytest alone {own:.2f} s")  # noqa: T201
    assert printed.splitlines()[-1] == "loaded: []"
    assert took < max(1, 2 * own)


def test_what_fails_beside_the_checks_is_never_go(healthy: Path, tmp_path: Path) -> None:
    """A `check_` function without its mark, say: it judged something, failed, and belongs to no row."""
    root = copy_of_the_repository(tmp_path / "copy")
    (root / "checks" / "zz.py").write_text("def check_nobody_marked():\n    raise ValueError\n", encoding="utf-8")
    run = gate(tmp_path / "run", f"--replay={healthy}", root=root)
    assert run.returncode not in (0, 1)
    assert last(run).startswith("CANNOT TELL demo")


@pytest.mark.parametrize("workers", ["-n0", "-n2"])
def test_a_broken_check_module_cannot_tell(healthy: Path, tmp_path: Path, workers: str) -> None:
    root = copy_of_the_repository(tmp_path / "copy")
    (root / "checks" / "zz.py").write_text("raise ValueError\n", encoding="utf-8")
    run = gate(tmp_path / "run", f"--replay={healthy}", workers, root=root)
    assert run.returncode == (2 if workers == "-n0" else 10)
    assert last(run).startswith("CANNOT TELL demo")
    assert verdict(tmp_path / "run")["verdict"] == "CANNOT TELL"
