"""The operator's second question, asked of what stays the same: what changed, whose fault is it, is it well again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fixtures.catalogue import generate, needed
from fixtures.environment.loading import load
from tests import _loop
from tests._app import App, file_of, running
from tests._gate import gate, last, verdict

FAILS = "health.database_is_connected"


def rows(directory: Path, standing: str) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in verdict(directory)["checks"] if row["standing"] == standing}


@pytest.fixture(scope="module")
def stacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs of one stack, with one fault between them."""
    directory = tmp_path_factory.mktemp("stacked")
    with _loop.one_stack() as stack:
        file = _loop.file_of(directory / "loop.yaml", stack.variables)
        look(directory, file, "a")
        with _loop.broken(stack):
            look(directory, file, "b")
    return directory


def look(directory: Path, file: Path, release: str, *options: str) -> None:
    run = gate(directory / release, f"--env={file}", f"--release={release}", *options)
    (directory / f"{release}.txt").write_text(run.stdout + run.stderr, encoding="utf-8")


def ending(runs: Path, release: str) -> str:
    return (runs / f"{release}.txt").read_text(encoding="utf-8")


def test_one_fault_is_exactly_what_is_new_and_its_fact_is_all_that_changed(stacked: Path) -> None:
    document, new = verdict(stacked / "b"), rows(stacked / "b", "new")
    assert verdict(stacked / "a")["verdict"] == "GO", ending(stacked, "a")
    assert sorted(new) == _loop.CAUGHT, ending(stacked, "b")
    assert {row["rollback"] for row in new.values()} == {"helps"}
    change = {"before": ["x-content-type-options: nosniff"], "now": []}
    assert document["drift"] == [{"target": "endpoints.web", "fact": "header fields", **change}]
    assert (document["baseline"]["release"], document["vanished"]) == ("a", [])
    assert "CHANGED 1    endpoints.web header fields: − x-content-type-options: nosniff" in ending(stacked, "b")
    assert f"({len(new)} new, rollback helps)" in ending(stacked, "b").strip().splitlines()[-1]


@pytest.fixture(scope="module")
def apps() -> Iterator[list[App]]:
    """Two healthy instances."""
    with running(2) as found:
        yield found


@pytest.fixture(scope="module")
def file(apps: list[App], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Their environment."""
    return file_of(tmp_path_factory.mktemp("file") / "loop.yaml", apps)


@pytest.fixture(scope="module")
def runs(apps: list[App], file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Releases a to d: healthy, one instance broken, still broken, healed; between c and d c is asked again."""
    directory = tmp_path_factory.mktemp("runs")
    look(directory, file, "a")
    apps[0].build = apps[1].build = "b2"
    apps[1].database = "disconnected"
    look(directory, file, "b")
    look(directory, file, "c")
    apps[1].database = "connected"
    for app in apps:
        app.asked.clear()
    recheck = gate(directory / "again", f"--env={file}", f"--recheck={directory / 'c'}")
    (directory / "again.txt").write_text(recheck.stdout + recheck.stderr, encoding="utf-8")
    (directory / "asked.txt").write_text(f"{len(apps[0].asked)} {len(apps[1].asked)}", encoding="utf-8")
    look(directory, file, "d")
    return directory


def test_the_first_run_has_nothing_to_be_compared_with(runs: Path) -> None:
    document = verdict(runs / "a")
    assert document["verdict"] == "GO", ending(runs, "a")
    assert (document["baseline"], document["drift"], document["vanished"]) == (None, [], [])
    assert {row["standing"] for row in document["checks"]} == {""}
    assert document["facts"] == {f"instances.app{n}": {"build": "b1"} for n in (1, 2)}


def test_what_fails_after_a_go_is_new_and_told_in_every_report(runs: Path) -> None:
    new = rows(runs / "b", "new")
    assert FAILS in new
    assert {row["target"] for row in new.values()} == {"instances.app2"}
    changes = [(one["target"], one["before"], one["now"]) for one in verdict(runs / "b")["drift"]]
    assert changes == [("instances.app1", "b1", "b2"), ("instances.app2", "b1", "b2")]
    assert "baseline a (GO, " in ending(runs, "b")
    page = (runs / "b" / "report.html").read_text(encoding="utf-8")
    assert f"{len(new)} new · 0 known · 0 fixed · 0 vanished" in page
    assert '<span class="gl-badge gl-new">NEW</span>' in page
    summary = (runs / "b" / "summary.md").read_text(encoding="utf-8")
    assert "NEW · rollback helps" in summary
    assert "**Changed since the baseline**: instances.app1 build: b1 → b2 · instances.app2" in summary
    assert '<property name="standing" value="new" />' in (runs / "b" / "junit.xml").read_text(encoding="utf-8")


def test_the_same_failure_again_is_known_since_it_was_first_seen(runs: Path) -> None:
    known = rows(runs / "c", "known")
    assert (sorted(known), rows(runs / "c", "new")) == (sorted(rows(runs / "b", "new")), {})
    assert {row["since"] for row in known.values()} == {verdict(runs / "b")["started_at"]}
    assert {row["rollback"] for row in known.values()} == {"helps"}
    assert f"({len(known)} known, rollback helps)" in ending(runs, "c")
    assert "KNOWN since " in ending(runs, "c")


def test_what_was_healed_is_fixed_once(runs: Path) -> None:
    assert sorted(rows(runs / "again", "fixed")) == sorted(rows(runs / "c", "known"))
    assert f"FIXED {len(rows(runs / 'c', 'known'))}" in ending(runs, "again")
    document = verdict(runs / "d")
    assert document["verdict"] == "GO", ending(runs, "d")
    assert (document["drift"], {row["standing"] for row in document["checks"]}) == ([], {""})
    assert document["baseline"]["directory"].endswith("again")


def test_a_second_question_looks_only_at_what_failed(runs: Path, file: Path) -> None:
    document = verdict(runs / "again")
    assert (document["verdict"], document["complete"], document["release"]) == ("GO", True, "c"), ending(runs, "again")
    failed = {(row["id"], row["target"]) for row in verdict(runs / "c")["checks"] if row["outcome"] != "passed"}
    made = [row for row in generate(load(str(file))).rows if (row.check.id, row.target) in failed]
    again = {(note["kind"], note["target"]) for note in document["evidence"] if not note["reused_from"]}
    assert again == {(kind.__name__, target) for kind, target in needed(made)}
    assert {target for _, target in again} == {"instances.app2"}
    assert {note["reused_from"] for note in document["evidence"]} == {"", "c"}
    assert document["rechecked"].endswith("c")
    asked = (runs / "asked.txt").read_text(encoding="utf-8").split()
    assert (asked[0], int(asked[1]) > 0) == ("0", True)
    assert "LOOKED AGAIN health instances.app2" in ending(runs, "again")
    assert "pieces of c (at most " in ending(runs, "again")


def test_a_run_that_blocks_says_how_to_ask_again(runs: Path) -> None:
    assert f"--recheck={runs}/b" in ending(runs, "b").replace("--recheck=b", f"--recheck={runs}/b")
    assert "--recheck" not in ending(runs, "d")


def test_what_is_too_old_or_of_another_place_is_looked_at_again(runs: Path, file: Path, tmp_path: Path) -> None:
    run = gate(tmp_path / "old", f"--env={file}", f"--recheck={runs / 'd'}", "--set=run.recheck=1ms")
    notes = verdict(tmp_path / "old")["evidence"]
    assert (run.returncode, {note["reused_from"] for note in notes}) == (0, {""}), run.stdout
    other = tmp_path / "loop.yaml"
    with running() as (elsewhere,):
        text = file.read_text(encoding="utf-8")
        first = load(str(file)).plain()["instances"]["app1"]["url"]
        other.write_text(text.replace(first, elsewhere.url), encoding="utf-8")
        run = gate(tmp_path / "new", f"--env={other}", f"--recheck={runs / 'd'}")
    notes = verdict(tmp_path / "new")["evidence"]
    assert {note["target"] for note in notes if not note["reused_from"]} == {"instances.app1"}, run.stdout


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--recheck={runs}/d",), "--recheck needs --env"),
        (("--env={file}", "--recheck={runs}/d", "--release=x"), "its --release was d, not x"),
        (("--env={file}", "--recheck={runs}/d", "--run=nightly"), "its --run was gate, not nightly"),
        (("--env={file}", "--recheck={runs}"), "no environment.json there"),
        (("--env={file}", "--recheck={runs}/d", "--replay={runs}/d"), "--recheck is refused with --replay"),
        (("--env=demo", "--recheck={runs}/d"), "a stack is started for each run"),
        (("--env={file}", "--baseline=nowhere"), "no such directory"),
        (("--env={file}", "--baseline={other}"), "a run of other, not of loop"),
        (("--env={file}", "--baseline={odd}"), "not one of this suite"),
        (("--env={file}", "--baseline={empty}"), "no verdict.json there"),
    ],
)
def test_a_mistake_in_an_option_is_one_line(
    runs: Path, file: Path, tmp_path: Path, options: tuple[str, ...], why: str
) -> None:
    places = {name: tmp_path / name for name in ("other", "odd", "empty")}
    for place in places.values():
        place.mkdir()
    text = (runs / "a" / "verdict.json").read_text(encoding="utf-8")
    (places["other"] / "verdict.json").write_text(text.replace('"loop"', '"other"'), encoding="utf-8")
    (places["odd"] / "verdict.json").write_text("[]", encoding="utf-8")
    run = gate(tmp_path / "run", *(option.format(runs=runs, file=file, **places) for option in options))
    assert (run.returncode, len(run.stderr.strip().splitlines())) == (4, 1), run.stdout + run.stderr
    assert why in run.stderr
    assert not (tmp_path / "run").exists()


def test_a_named_run_is_compared_with_whatever_it_was(runs: Path, tmp_path: Path) -> None:
    run = gate(tmp_path / "run", f"--replay={runs / 'd'}", f"--baseline={runs / 'b'}")
    assert (run.returncode, sorted(rows(tmp_path / "run", "fixed"))) == (0, sorted(rows(runs / "b", "new")))
    assert "baseline b (NO-GO, " in run.stdout


def test_a_replay_is_compared_with_what_was_before_the_run_that_looked(runs: Path) -> None:
    run = gate(runs / "replay", f"--replay={runs / 'b'}")
    assert sorted(rows(runs / "replay", "new")) == sorted(rows(runs / "b", "new")), run.stdout


def test_a_check_that_vanished_is_no_plain_go(runs: Path, file: Path, tmp_path: Path) -> None:
    text = file.read_text(encoding="utf-8")
    (tmp_path / "loop.yaml").write_text(text.partition("  app2:")[0], encoding="utf-8")
    options = (f"--env={tmp_path / 'loop.yaml'}", f"--replay={runs / 'a'}", f"--baseline={runs / 'a'}")
    run = gate(tmp_path / "run", *options)
    document = verdict(tmp_path / "run")
    assert (run.returncode, document["verdict"]) == (0, "GO WITH WARNINGS"), run.stdout + run.stderr
    gone = [row for row in verdict(runs / "a")["checks"] if row["target"] == "instances.app2"]
    assert document["vanished"] == sorted(f"{row['id']} [instances.app2]" for row in gone)
    assert last(run) == f"GO WITH WARNINGS loop a: {len(gone)} vanished"
    assert f"VANISHED {len(gone)}" in run.stdout
