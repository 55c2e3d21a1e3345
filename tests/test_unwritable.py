"""A report that can't be written, or evidence that can't be read: CANNOT TELL, never exit 1 (roll back)."""

from __future__ import annotations

import os
import resource
import subprocess
from pathlib import Path

import pytest

from tests._gate import command, gate, last, verdict
from tests._saved import environment_file, instance, looked

QUICK = ("-k", "instance_answer_is_quick")


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved run whose replay is GO."""
    directory = tmp_path_factory.mktemp("saved")
    with instance() as url:
        looked(directory / "run", environment_file(directory / "one.yaml", url))
    return directory / "run"


def test_its_replay_is_go(saved: Path, tmp_path: Path) -> None:
    run = gate(tmp_path / "run", f"--replay={saved}", *QUICK)
    assert (run.returncode, last(run).startswith("GO one")) == (0, True), run.stdout + run.stderr


@pytest.mark.parametrize("name", ["summary.md", "junit.xml", "report.html"])
def test_a_report_whose_place_is_taken_cannot_tell(saved: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "run" / name).mkdir(parents=True)
    run = gate(tmp_path / "run", f"--replay={saved}", *QUICK)
    assert run.returncode == 3, run.stdout + run.stderr
    assert last(run).startswith("CANNOT TELL one:")
    assert name in last(run)
    assert "Traceback" not in run.stdout + run.stderr
    document = verdict(tmp_path / "run")
    assert (document["verdict"], document["exit_code"], document["complete"]) == ("CANNOT TELL", 3, False)
    for other in {"summary.md", "junit.xml"} - {name}:
        assert "CANNOT TELL" in (tmp_path / "run" / other).read_text(encoding="utf-8")


def limited(directory: Path, most: int, *options: str) -> subprocess.CompletedProcess[str]:
    """A run on a disk that is full: no file can be longer than so many bytes."""
    return subprocess.run(
        command(directory, *options), capture_output=True, text=True, timeout=90, check=False, cwd=directory.parent,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most)),
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip


def test_a_disk_that_fills_up_cannot_tell(saved: Path, tmp_path: Path) -> None:
    run = limited(tmp_path / "run", 3000, f"--replay={saved}", *QUICK)
    assert run.returncode == 3, run.stdout + run.stderr
    assert run.stdout.strip().splitlines()[-1].startswith("CANNOT TELL one:"), run.stdout
    assert "report.html" in run.stdout.strip().splitlines()[-1]
    assert verdict(tmp_path / "run")["verdict"] == "CANNOT TELL"


def test_a_disk_that_is_full_before_is_one_line(saved: Path, tmp_path: Path) -> None:
    run = limited(tmp_path / "run", 100, f"--replay={saved}", *QUICK)
    assert (run.returncode, len(run.stderr.strip().splitlines())) == (4, 1), run.stdout + run.stderr
    assert "Traceback" not in run.stdout + run.stderr


@pytest.mark.parametrize("text", ["{", "[]", "\udcff", '{"kind": 1}'])
def test_evidence_that_is_none_is_not_seen_and_the_rest_is_judged(saved: Path, tmp_path: Path, text: str) -> None:
    broken = tmp_path / "saved" / "evidence"
    broken.mkdir(parents=True)
    for path in (saved / "environment.json", *(saved / "evidence").iterdir()):
        (tmp_path / "saved" / path.relative_to(saved)).write_bytes(path.read_bytes())
    (broken / "instances.app1.InstanceEvidence.json").write_text(text, encoding="utf-8", errors="surrogateescape")
    run = gate(tmp_path / "run", f"--replay={tmp_path / 'saved'}", *QUICK)
    assert (run.returncode, last(run).startswith("GO one")) == (0, True), run.stdout + run.stderr
    notes = {Path(note["file"]).name: note["ok"] for note in verdict(tmp_path / "run")["evidence"]}
    assert notes["instances.app1.InstanceEvidence.json"] is False
    next(path for path in broken.glob("*Latency*")).write_text(text, encoding="utf-8", errors="surrogateescape")
    run = gate(tmp_path / "again", f"--replay={tmp_path / 'saved'}", *QUICK)
    assert (run.returncode, last(run).startswith("CANNOT TELL one")) == (10, True), run.stdout + run.stderr
