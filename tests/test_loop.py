"""The operator's second question, asked of one running stack: what changed, and whose fault is it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fixtures.stack.stack import Stack
from tests._gate import gate, last, verdict
from tests._loop import CAUGHT, broken, file_of, one_stack


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """A healthy stack."""
    with one_stack() as found:
        yield found


@pytest.fixture(scope="module")
def runs(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four runs of releases a to d: healthy, a fault, the same fault, and healed."""
    directory = tmp_path_factory.mktemp("runs")
    file = file_of(directory / "loop.yaml", stack.variables)
    look(directory, file, "a")
    with broken(stack):
        look(directory, file, "b")
        look(directory, file, "c")
    look(directory, file, "d")
    return directory


def look(directory: Path, file: Path, release: str, *options: str) -> None:
    run = gate(directory / release, f"--env={file}", f"--release={release}", *options)
    (directory / f"{release}.txt").write_text(run.stdout + run.stderr, encoding="utf-8")


def rows(runs: Path, release: str, standing: str) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in verdict(runs / release)["checks"] if row["standing"] == standing}


def ending(runs: Path, release: str) -> str:
    return (runs / f"{release}.txt").read_text(encoding="utf-8")


def test_the_first_run_has_nothing_to_be_compared_with(runs: Path) -> None:
    document = verdict(runs / "a")
    assert document["verdict"] == "GO", ending(runs, "a")
    assert (document["baseline"], document["drift"], document["vanished"]) == (None, [], [])
    assert {row["standing"] for row in document["checks"]} == {""}
    assert document["facts"]["endpoints.web"]["TLS protocols"] == ["TLSv1.2", "TLSv1.3"]


def test_one_fault_is_exactly_what_is_new_and_its_fact_is_all_that_changed(runs: Path) -> None:
    document, new = verdict(runs / "b"), rows(runs, "b", "new")
    assert sorted(new) == CAUGHT, ending(runs, "b")
    assert {row["rollback"] for row in new.values()} == {"helps"}
    assert document["drift"] == [
        {
            "target": "endpoints.web",
            "fact": "header fields",
            "before": ["x-content-type-options: nosniff"],
            "now": [],
        }
    ]
    assert (document["baseline"]["release"], document["vanished"]) == ("a", [])
    last_line = ending(runs, "b").strip().splitlines()[-1]
    assert last_line.startswith(f"NO-GO loop b: {len(CAUGHT)} blocking ({len(CAUGHT)} new, rollback helps)")
    assert "CHANGED 1    endpoints.web header fields: − x-content-type-options: nosniff" in ending(runs, "b")
    assert "baseline a (GO, " in ending(runs, "b")


def test_the_same_fault_again_is_known_since_it_was_first_seen(runs: Path) -> None:
    known = rows(runs, "c", "known")
    assert (sorted(known), rows(runs, "c", "new")) == (CAUGHT, {})
    assert {row["since"] for row in known.values()} == {verdict(runs / "b")["started_at"]}
    assert {row["rollback"] for row in known.values()} == {"helps"}
    assert f"({len(CAUGHT)} known, rollback helps)" in ending(runs, "c")
    assert "KNOWN since " in ending(runs, "c")


def test_what_was_healed_is_fixed(runs: Path) -> None:
    document = verdict(runs / "d")
    assert document["verdict"] == "GO", ending(runs, "d")
    assert sorted(rows(runs, "d", "fixed")) == CAUGHT
    assert (document["drift"], rows(runs, "d", "known")) == ([], {})
    assert f"FIXED {len(CAUGHT)}" in ending(runs, "d")


def test_every_report_says_what_is_new(runs: Path) -> None:
    page = (runs / "b" / "report.html").read_text(encoding="utf-8")
    assert f"{len(CAUGHT)} new · 0 known · 0 fixed · 0 vanished" in page
    assert '<span class="gl-badge gl-new">NEW</span>' in page
    summary = (runs / "b" / "summary.md").read_text(encoding="utf-8")
    assert "NEW · rollback helps" in summary
    assert "**Changed since the baseline**: endpoints.web header fields: − x-content-type-options: nosniff" in summary
    assert '<property name="standing" value="new" />' in (runs / "b" / "junit.xml").read_text(encoding="utf-8")


def test_a_named_run_is_compared_with_whatever_it_was(runs: Path, tmp_path: Path) -> None:
    run = gate(tmp_path / "run", f"--replay={runs / 'd'}", f"--baseline={runs / 'b'}")
    assert (run.returncode, len(rows(tmp_path, "run", "fixed"))) == (0, len(CAUGHT)), run.stdout
    assert "baseline b (NO-GO, " in run.stdout


def test_a_replay_is_compared_with_what_was_before_the_run_that_looked(runs: Path) -> None:
    run = gate(runs / "again", f"--replay={runs / 'b'}")
    assert sorted(rows(runs, "again", "new")) == CAUGHT, run.stdout
    assert f"{len(CAUGHT)} new, rollback helps)" in last(run)


@pytest.mark.parametrize(
    ("place", "why"),
    [("nowhere", "no such directory"), ("empty", "no verdict.json there"), ("other", "a run of other, not of loop"),
     ("odd", "not one of this suite")],
)  # fmt: skip
def test_a_baseline_that_is_none_is_one_line(runs: Path, tmp_path: Path, place: str, why: str) -> None:
    for name in ("empty", "other", "odd"):
        (tmp_path / name).mkdir()
    text = (runs / "a" / "verdict.json").read_text(encoding="utf-8")
    (tmp_path / "other" / "verdict.json").write_text(text.replace('"loop"', '"other"'), encoding="utf-8")
    (tmp_path / "odd" / "verdict.json").write_text("[]", encoding="utf-8")
    run = gate(tmp_path / "run", f"--replay={runs / 'd'}", f"--baseline={tmp_path / place}")
    assert (run.returncode, len(run.stderr.strip().splitlines())) == (4, 1), run.stdout + run.stderr
    assert why in run.stderr
    assert not (tmp_path / "run").exists()


def test_a_check_that_vanished_is_no_plain_go(runs: Path, tmp_path: Path) -> None:
    file = runs / "loop.yaml"
    text = file.read_text(encoding="utf-8")
    (tmp_path / "loop.yaml").write_text(text.partition("redis:")[0], encoding="utf-8")
    options = (f"--env={tmp_path / 'loop.yaml'}", f"--replay={runs / 'a'}", f"--baseline={runs / 'a'}")
    run = gate(tmp_path / "run", *options)
    document = verdict(tmp_path / "run")
    assert (run.returncode, document["verdict"]) == (0, "GO WITH WARNINGS"), run.stdout + run.stderr
    redis = [row for row in verdict(runs / "a")["checks"] if row["target"] == "redis.main"]
    assert document["vanished"] == sorted(f"{row['id']} [redis.main]" for row in redis)
    assert last(run) == f"GO WITH WARNINGS loop a: {len(redis)} vanished"
    assert f"VANISHED {len(redis)}" in run.stdout
