"""What a gate prints: each failure once, in our words, unless -v asks for pytest's; what is no check stays pytest's."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests._gate import copy_of_the_repository, gate, last
from tests._saved import CHECK, environment_file, instance, looked

QUICK = ("-k", "instance_answer_is_quick", "--fail-on=medium")
NOISE = ("= FAILURES =", "short test summary", "Generated html report", "rootdir:", "plugins:", "platform linux")
FUNCTION = "check_instance_answer_is_quick[instances.app1]"


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved run over an instance that nothing is quick enough for."""
    directory = tmp_path_factory.mktemp("slow")
    with instance() as url:
        looked(directory / "run", environment_file(directory / "one.yaml", url, within="0.000001ms"))
    return directory / "run"


@pytest.mark.parametrize("workers", ["-n0", "-n2"])
def test_a_failure_is_told_once(slow: Path, tmp_path: Path, workers: str) -> None:
    run = gate(tmp_path / "run", f"--replay={slow}", workers, *QUICK)
    assert (run.returncode, last(run).startswith("NO-GO one")) == (1, True), run.stdout + run.stderr
    assert [text for text in NOISE if text in run.stdout] == []
    assert FUNCTION not in run.stdout
    assert run.stdout.count(CHECK) == 1
    assert run.stdout.count("golive: one, ") == 1
    assert run.stdout.count(str(tmp_path / "run")) + run.stdout.count("run/report.html") <= 2


@pytest.mark.parametrize("option", ["-v", "-ra"])
def test_who_asks_gets_everything(slow: Path, tmp_path: Path, option: str) -> None:
    run = gate(tmp_path / "run", f"--replay={slow}", option, *QUICK)
    assert (run.returncode, last(run).startswith("NO-GO one")) == (1, True), run.stdout + run.stderr
    assert [text for text in NOISE if text not in run.stdout] == []
    assert FUNCTION in run.stdout


def test_what_fails_and_is_no_check_is_told_by_pytest(slow: Path, tmp_path: Path) -> None:
    root = copy_of_the_repository(tmp_path / "copy")
    (root / "checks" / "zz.py").write_text("def check_quick():\n    raise ValueError('stray')\n", encoding="utf-8")
    run = gate(tmp_path / "run", f"--replay={slow}", "-k", "quick", "--fail-on=medium", root=root)
    assert last(run).startswith("CANNOT TELL one")
    assert "= FAILURES =" in run.stdout
    assert "ValueError: stray" in run.stdout
    assert FUNCTION not in run.stdout
