"""Whole runs with a probe of the test's own: each piece is gathered once, by one process, and in the run's time."""

from __future__ import annotations

import socket
import time
from collections import Counter
from pathlib import Path

import pytest

from tests._gate import copy_of_the_repository, gate, last, outcomes, verdict

PROBE = '''
"""What notes each look that is made."""

import os
import time
from datetime import UTC, datetime
from pathlib import Path

from fixtures.probes import probe
from fixtures.vocabulary import CannotTell, Evidence


class CountedEvidence(Evidence):
    """One look."""


@probe("instances", CountedEvidence, deadline=60.0)
def look(instance, context):
    """Note it, and do what the name of the target says."""
    with Path("{notes}").open("a") as notes:
        notes.write(f"{context.target_id} {os.getpid()}\\n")
    match context.target_id.partition(".")[2]:
        case "bug":
            raise ZeroDivisionError
        case "refused":
            raise CannotTell("refused", cause="permission")
        case "mute":
            time.sleep(60)
    return CountedEvidence(observed_at=datetime.now(UTC))
'''

CHECK = '''
"""What judges it, three times."""

from fixtures.probes.zz_counted import CountedEvidence
from fixtures.vocabulary import CRITICAL, RELEASE, check


@check(severity=CRITICAL, scope=RELEASE)
def check_one(seen: CountedEvidence) -> None:
    """It was looked at."""


@check(severity=CRITICAL, scope=RELEASE)
def check_two(seen: CountedEvidence) -> None:
    """It was looked at."""


@check(severity=CRITICAL, scope=RELEASE)
def check_all(seen: tuple[CountedEvidence, ...]) -> None:
    """All were looked at."""
'''


def counting(directory: Path, *targets: str) -> tuple[Path, Path, Path]:
    """A copy of the repository with that probe, an environment of these targets, and the file of its notes."""
    root, notes, file = copy_of_the_repository(directory / "copy"), directory / "notes", directory / "counted.yaml"
    (root / "fixtures" / "probes" / "zz_counted.py").write_text(PROBE.replace("{notes}", str(notes)), encoding="utf-8")
    (root / "checks" / "zz_counted.py").write_text(CHECK, encoding="utf-8")
    instances = ", ".join(f"{name}: {{url: 'http://127.0.0.1:9'}}" for name in targets)
    file.write_text(f"schema: 1\nrun: {{gate: {{settle: 0s}}}}\ninstances: {{{instances}}}\n", encoding="utf-8")
    return root, file, notes


@pytest.mark.parametrize("workers", ["-n0", "-n2"])
def test_each_piece_is_gathered_once_also_when_that_failed(tmp_path: Path, workers: str) -> None:
    root, file, notes = counting(tmp_path, "good", "bug", "refused")
    run = gate(tmp_path / "run", f"--env={file}", workers, "-k", "zz_counted", root=root)
    assert (run.returncode, last(run).startswith("CANNOT TELL counted")) == (10, True), run.stdout + run.stderr
    looks = [line.split() for line in notes.read_text(encoding="utf-8").splitlines()]
    assert Counter(target for target, _ in looks) == {"instances.good": 1, "instances.bug": 1, "instances.refused": 1}
    assert len({process for _, process in looks}) == 1
    seen = {(target, outcome) for _, target, outcome in outcomes(tmp_path / "run")}
    assert seen == {
        ("instances.good", "passed"),
        ("instances.bug", "cannot-tell"),
        ("instances.refused", "cannot-tell"),
        ("environment", "cannot-tell"),
    }


@pytest.mark.parametrize("workers", ["-n0", "-n2"])
def test_what_is_unfinished_at_the_deadline_of_the_run_cannot_tell(tmp_path: Path, workers: str) -> None:
    root, file, _ = counting(tmp_path, "good", "mute")
    began = time.monotonic()
    options = ("--set=run.gate.deadline=4s", workers, "-k", "zz_counted and not check_all")
    run = gate(tmp_path / "run", f"--env={file}", *options, root=root)
    assert time.monotonic() - began < 50  # the probe alone may take 60
    assert (run.returncode, last(run).startswith("CANNOT TELL counted")) == (10, True), run.stdout + run.stderr
    rows = {(row["target"], row["outcome"], row["cause"]) for row in verdict(tmp_path / "run")["checks"]}
    assert rows == {
        ("instances.good", "passed", ""),
        ("instances.mute", "cannot-tell", "instances.mute: deadline: the run's deadline passed"),
    }


def test_what_an_outage_hides_is_under_the_check_that_failed(tmp_path: Path) -> None:
    """Through a whole run: of the same target alone, and told as one thing in every report."""
    with socket.create_server(("127.0.0.1", 0)) as alive, socket.create_server(("127.0.0.1", 0)) as taken:
        dead, control = taken.getsockname()[1], alive.getsockname()[1]
        taken.close()
        file = tmp_path / "dark.yaml"
        file.write_text(
            "schema: 1\nrun: {gate: {settle: 0s}, confirm: {looks: 1}}\n"
            f"vantages: {{here: {{controls: ['127.0.0.1:{control}']}}}}\n"
            "endpoints:\n"
            f"  web: {{url: 'https://emailai.test', connect: '127.0.0.1:{dead}', from: here, deep: {{when: gate}}}}\n"
            f"instances:\n  app1: {{url: 'http://127.0.0.1:{dead}', from: here}}\n",
            encoding="utf-8",
        )
        run = gate(tmp_path / "run", f"--env={file}", "-n0")
    rows = verdict(tmp_path / "run")["checks"]
    assert run.returncode == 1, run.stdout
    for target in ("endpoints.web", "instances.app1"):
        (failed,) = (row for row in rows if row["id"] == "reach.origin_answers" and row["target"] == target)
        hidden = [row for row in rows if row["target"] == target and row is not failed]
        assert (failed["outcome"], failed["under"], len(hidden) > 5) == ("failed", "", True)
        assert {row["under"] for row in hidden} == {f"reach.origin_answers [{target}]"}
        for text in (run.stdout, (tmp_path / "run" / "summary.md").read_text(encoding="utf-8")):
            assert f"of {target} not seen" in " ".join(text.split())
