"""The verdict algebra: the worst wins, and what was not seen is never a GO."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reports.records import Outcome, Row, Verdict
from reports.verdict import verdict

PASSED = Row("tls.x", "endpoints.web", Outcome.PASSED, "high", "release", "rule")


def row(outcome: Outcome) -> Row:
    """A row with this outcome."""
    return replace(PASSED, outcome=outcome, cause="endpoints.web: outage: refused")


@pytest.mark.parametrize(
    ("outcomes", "word", "code"),
    [
        ([Outcome.PASSED], Verdict.GO, 0),
        ([Outcome.PASSED, Outcome.WARNED], Verdict.GO_WITH_WARNINGS, 0),
        ([Outcome.PASSED, Outcome.WAIVED], Verdict.GO_WITH_WARNINGS, 0),
        ([Outcome.PASSED, Outcome.CANNOT_TELL], Verdict.CANNOT_TELL, 10),
        ([Outcome.FAILED, Outcome.CANNOT_TELL], Verdict.NO_GO, 1),
        ([], Verdict.CANNOT_TELL, 10),
    ],
)
def test_the_worst_outcome_decides(outcomes: list[Outcome], word: Verdict, code: int) -> None:
    rows = [row(outcome) for outcome in outcomes]
    assert verdict(rows, expected=len(rows), generated=len(rows), protected=False)[:2] == (word, code)


@pytest.mark.parametrize("outcome", [Outcome.WARNED, Outcome.WAIVED])
def test_a_run_that_saw_nothing_is_no_go_ahead_whatever_it_is_worth(outcome: Outcome) -> None:
    """Every row below `cannot_tell_on`, or waived, and none of them seen."""
    rows = [row(outcome), row(outcome)]
    word, code, reason = verdict(rows, expected=2, generated=2, protected=False)
    assert (word, code) == (Verdict.CANNOT_TELL, 10)
    assert reason == "nothing was seen (endpoints.web outage)"
    seen = replace(row(outcome), cause="")
    assert verdict([*rows, seen], expected=3, generated=3, protected=False)[0] is Verdict.GO_WITH_WARNINGS


def test_a_row_without_an_outcome_is_not_seen() -> None:
    assert verdict([PASSED], expected=2, generated=2, protected=False)[0] is Verdict.CANNOT_TELL


def test_a_narrowed_run_is_no_go_ahead_on_a_protected_environment() -> None:
    assert verdict([PASSED], expected=1, generated=9, protected=False)[1] == 0
    word, code, _ = verdict([PASSED], expected=1, generated=9, protected=True)
    assert (word, code) == (Verdict.GO, 10)


def test_an_interrupted_run_cannot_tell_even_with_failures() -> None:
    rows = [row(Outcome.FAILED)]
    answer = verdict(rows, expected=1, generated=1, protected=False, interrupted="interrupted")
    assert answer[0] is Verdict.CANNOT_TELL


def test_the_reason_tells_what_a_failure_hides_from_what_it_does_not() -> None:
    root = replace(PASSED, id="reach.answers", outcome=Outcome.FAILED)
    hidden = replace(row(Outcome.CANNOT_TELL), under=root.label)
    low = replace(row(Outcome.WARNED), under=root.label)
    other = replace(row(Outcome.CANNOT_TELL), cause="postgres.primary: permission: refused")

    def reason(*rows: Row) -> str:
        return verdict(rows, expected=len(rows), generated=len(rows), protected=False)[2]

    assert reason(root, hidden, low) == "1 blocking, 2 not seen because of it"
    assert reason(root, hidden, other) == "1 blocking, 1 not seen because of it, 1 more not seen"
    assert reason(root, root, hidden) == "2 blocking, 1 not seen because of reach.answers"
    assert reason(root, other) == "1 blocking, 1 not seen"


def test_the_reason_names_each_cause_once() -> None:
    rows = [
        row(Outcome.CANNOT_TELL),
        replace(row(Outcome.CANNOT_TELL), cause="endpoints.web: outage: timeout"),
        replace(row(Outcome.CANNOT_TELL), cause="the run: never run"),
    ]
    answer = verdict(rows, expected=3, generated=3, protected=False)[2]
    assert answer == "3 of 3 checks not seen (endpoints.web outage; the run)"
