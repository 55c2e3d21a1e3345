"""What a run is beside earlier ones, on plain records: standings, rolling back, drift, and what vanished."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fixtures.evidence.store import Saved
from fixtures.probes import load_probes
from fixtures.vocabulary import Evidence, Fact
from reports import facts, past, verdict_json, wording
from reports.changes import compared, drift, vanished
from reports.past import Before, Earlier, Past
from reports.records import FLEETING, Outcome, Rollback, Row, Run, Verdict
from reports.verdict import verdict
from tests.records import NOW, fails

START = datetime(2026, 11, 24, 9, 15, tzinfo=UTC)
SINCE = "2026-11-21T02:00:00Z"
KEY = ("auth.redirect", "auth.google")
FAILED = Row(*KEY, Outcome.FAILED, "critical", "release", "It is public.", seen="http://app2")
PASSED = replace(FAILED, outcome=Outcome.PASSED, seen="")


def earlier(before: Before | None, release: str = "9be07d3", *, good: bool = True) -> Earlier:
    """A run that said this of the row, or nothing."""
    word = "GO" if good else "NO-GO"
    rows = {KEY: before} if before else {}
    return Earlier(Path("runs/x"), "prod", word, release, START, good, rows, frozenset({KEY}))


def since(*runs: Earlier) -> Past:
    """The past that these runs make, the newest first."""
    return Past(next((run for run in runs if run.good), None), runs)


RIGHT, WRONG = Before(failing=False), Before(failing=True, since=SINCE)


@pytest.mark.parametrize(
    ("runs", "standing", "rollback"),
    [
        ((), "", Rollback.MAY_HELP),
        ((earlier(RIGHT),), "new", Rollback.HELPS),
        ((earlier(RIGHT, release="4f2c1ab"),), "new", Rollback.DOES_NOT),
        ((earlier(None),), "new", Rollback.MAY_HELP),
        ((earlier(WRONG),), "known", Rollback.DOES_NOT),
        ((earlier(WRONG, good=False), earlier(RIGHT)), "known", Rollback.HELPS),
        ((earlier(None, good=False), earlier(RIGHT)), "new", Rollback.HELPS),
        ((earlier(WRONG, good=False),), "known", Rollback.MAY_HELP),
    ],
)
def test_a_failure_beside_earlier_runs(runs: tuple[Earlier, ...], standing: str, rollback: Rollback) -> None:
    (row,) = compared([FAILED], since(*runs), "4f2c1ab", "now")
    assert (row.standing, row.rollback) == (standing, rollback)
    assert row.since == (SINCE if standing == "known" else "now")
    (posture,) = compared([replace(FAILED, scope="estate")], since(*runs), "4f2c1ab", "now")
    assert (posture.standing, posture.rollback) == (standing, Rollback.DOES_NOT)


def test_what_passes_after_a_failure_is_fixed_once() -> None:
    (row,) = compared([PASSED], since(earlier(WRONG, good=False), earlier(RIGHT)), "", "now")
    assert (row.standing, row.since, row.rollback) == ("fixed", SINCE, "")
    (row,) = compared([PASSED], since(earlier(RIGHT), earlier(WRONG)), "", "now")
    assert row.standing == ""


def test_what_was_not_seen_stands_nowhere() -> None:
    unseen = replace(FAILED, outcome=Outcome.CANNOT_TELL, cause="auth.google: outage: refused")
    spike = replace(FAILED, outcome=Outcome.WARNED, note=f"{FLEETING}1 of 2 looks")
    assert compared([unseen, spike], since(earlier(WRONG)), "", "now") == [unseen, spike]


@pytest.mark.parametrize(
    ("before", "now", "found"),
    [
        ("15.6", "15.7", [("15.6", "15.7")]),
        ("15.6", "15.6", []),
        (("a", "b"), ("b", "a"), []),
        (("a", "b"), ("b", "c"), [(("a",), ("c",))]),
        ((), ("c",), [((), ("c",))]),
        (("a",), "a", [(("a",), "a")]),
    ],
)
def test_a_fact_that_changed_is_told_by_what_changed(before: Fact, now: Fact, found: list[tuple[Fact, Fact]]) -> None:
    told = drift({"web": {"fact": before, "gone": "x"}}, {"web": {"fact": now, "come": "y"}, "other": {"fact": now}})
    assert [(one.before, one.now) for one in told] == found


def test_what_nothing_makes_any_more_vanished() -> None:
    assert vanished(earlier(RIGHT), [("tls.x", "endpoints.web")]) == ("auth.redirect [auth.google]",)
    assert vanished(earlier(RIGHT), [KEY]) == vanished(None, []) == ()
    answer = verdict([PASSED], expected=1, generated=1, protected=False, vanished=2)
    assert answer == (Verdict.GO_WITH_WARNINGS, 0, "2 vanished")


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([("new", Rollback.HELPS), ("known", Rollback.DOES_NOT)],
         "2 blocking (1 new, rollback helps; 1 known, it does not)"),
        ([("new", Rollback.HELPS), ("new", Rollback.HELPS)], "2 blocking (2 new, rollback helps)"),
        ([("new", Rollback.DOES_NOT), ("new", Rollback.MAY_HELP)],
         "2 blocking (1 new, rollback may help; 1 new, it does not)"),
        ([("", Rollback.MAY_HELP)], "1 blocking"),
    ],
)  # fmt: skip
def test_the_verdict_says_what_rolling_back_would_do(rows: list[tuple[str, Rollback]], reason: str) -> None:
    failed = [replace(FAILED, standing=standing, rollback=rollback) for standing, rollback in rows]
    assert verdict(failed, expected=9, generated=9, protected=False)[2] == f"{reason}, {9 - len(rows)} not seen"


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        ((Rollback.HELPS, Rollback.HELPS), "rolling back helps."),
        ((Rollback.MAY_HELP, Rollback.HELPS), "rolling back may help."),
        ((Rollback.DOES_NOT, Rollback.DOES_NOT), "is not of this release: rolling back does not help."),
        ((Rollback.HELPS, Rollback.DOES_NOT), "rolling back helps with 1 of 2 (auth.redirect), not with the rest."),
    ],
)
def test_the_meaning_follows_what_was_found_out(words: Iterable[Rollback], advice: str) -> None:
    run = finished(*(replace(FAILED, rollback=word) for word in words))
    assert advice in wording.meaning(run)


def finished(*rows: Row, **more: Any) -> Run:
    """A run of these rows that began at START."""
    word, code, reason = verdict(rows, expected=len(rows), generated=len(rows), protected=False)
    run = Run(word, code, reason, "prod", "9be07d3", "", "gate", START, START, True, len(rows), len(rows), rows)
    return replace(run, **more)


def write(directory: Path, run: Run) -> Path:
    directory.mkdir(parents=True)
    (directory / "verdict.json").write_text("".join(verdict_json.document(run)), encoding="utf-8")
    return directory


def test_runs_are_read_back_as_far_as_the_last_go(tmp_path: Path) -> None:
    for number, row in enumerate((PASSED, PASSED, FAILED)):
        run = finished(row, started_at=START + timedelta(hours=number), release=str(number))
        write(tmp_path / str(number), run)
    write(tmp_path / "other", finished(FAILED, environment="staging"))
    write(tmp_path / "replay", finished(FAILED, replayed=True))
    write(tmp_path / "narrow", finished(PASSED, complete=False, generated=2))
    (tmp_path / "killed").mkdir()
    unfinished = verdict_json.unfinished("prod", "", START, "gate")
    (tmp_path / "killed" / "verdict.json").write_text(json.dumps(unfinished), encoding="utf-8")
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "verdict.json").write_text("[[[", encoding="utf-8")
    (tmp_path / "latest").symlink_to("2")
    found = past.below(tmp_path, "prod")
    assert found.baseline is not None
    assert found.baseline.release == "1"
    assert {run.directory.name for run in found.runs} == {"narrow", "2", "1"}
    known = found.last(KEY)
    assert known is not None
    before = past.below(tmp_path, "prod", before=START + timedelta(minutes=30))
    assert before.baseline is not None
    assert before.baseline.release == "0"


def test_since_when_it_fails_is_handed_on(tmp_path: Path) -> None:
    write(tmp_path / "a", finished(replace(FAILED, since=SINCE)))
    run = past.read(tmp_path / "a")
    assert run is not None
    assert (run.rows[KEY], run.good) == (Before(failing=True, since=SINCE), False)
    write(tmp_path / "b", finished(FAILED))
    again = past.read(tmp_path / "b")
    assert again is not None
    assert again.rows[KEY].since == "2026-11-24T09:15:00Z"


def healthy() -> dict[str, Evidence]:
    """Evidence that passes, by its type."""
    return {type(seen).__name__: seen for seen, _ in fails().values()}


def test_every_area_tells_facts_and_numbers_of_healthy_evidence() -> None:
    pieces = [
        Saved(kind=name, target=name, observed_at=NOW, seconds=0.1, evidence=seen.model_dump(mode="json"))
        for name, seen in healthy().items()
    ]
    found, numbers = facts.told(pieces)
    telling = {name for name, seen in healthy().items() if type(seen).facts is not Evidence.facts}
    assert telling <= set(found)
    assert len(telling) > 8
    assert all(isinstance(value, str | tuple) and value != "" for of in found.values() for value in of.values())
    assert "certificate left, days" in numbers["CertificateEvidence"]


def test_no_two_kinds_of_evidence_of_one_section_have_a_fact_of_the_same_name() -> None:
    sections = {kind.__name__: {probe.section for probe in probes} for kind, probes in load_probes().items()}
    named = Counter(
        (section, name)
        for kind, seen in healthy().items()
        for section in sections[kind]
        for name in (*seen.facts(), *seen.measures())
    )
    assert [one for one, times in named.items() if times > 1] == []


def test_what_another_version_saw_has_no_facts() -> None:
    piece = Saved(kind="TlsEvidence", target="endpoints.web", observed_at=NOW, seconds=0.1, evidence={"odd": 1})
    assert facts.told([piece]) == ({}, {})
