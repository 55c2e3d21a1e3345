"""From raw judgement to outcome, and what a run says about its waivers: pure, on plain records."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.environment.policy import Settings
from fixtures.vocabulary import ESTATE, LOW, RELEASE, CannotTell, Check, Finding, Fleeting, Severity
from reports.outcomes import Judged, judge
from reports.records import Outcome, Row
from reports.waivers import review

NOW = datetime.now(UTC).replace(hour=2, minute=0, second=0, microsecond=0)
TODAY = NOW.date()
CSP = Check(
    "headers.csp_is_strict", Severity.HIGH, RELEASE, (), date(2026, 1, 1), False, False, "The CSP is strict.", "", ""
)
INLINE = Finding(seen="page /: script-src 'unsafe-inline'", required="a nonce or hash")
REFUSED = CannotTell("connection refused", target="endpoints.web")
WAIVED = f"waived until {TODAY} (OPS-12): nonces ship with 2.9"


def waiver(**changes: Any) -> dict[str, Any]:
    """A waiver of the failing CSP as a file says it, with changes."""
    return {
        "check": CSP.id,
        "target": "endpoints.web",
        "outcome": "failed",
        "until": TODAY,
        "reason": "nonces ship with 2.9",
        "ticket": "OPS-12",
        "owner": "web-team",
    } | changes


def window(targets: list[str], hours: float = 1) -> dict[str, Any]:
    """A maintenance window that ends so many hours from now and took two."""
    until = NOW + timedelta(hours=hours)
    return {"from": until - timedelta(hours=2), "until": until, "targets": targets, "ticket": "OPS-77"}


def settings(*waivers: dict[str, Any], **more: Any) -> Settings:
    """Settings with these waivers."""
    return Settings.model_validate({"schema": 1, "waivers": waivers, **more})


def judged(error: BaseException | None, held: Settings, check: Check = CSP, target: str = "endpoints.web") -> Judged:
    """The outcome now."""
    return judge(check, target, error, held, NOW)


@pytest.mark.parametrize(
    ("held", "error", "outcome", "note"),
    [
        (settings(), None, Outcome.PASSED, ""),
        (settings(), INLINE, Outcome.FAILED, ""),
        (settings(), REFUSED, Outcome.CANNOT_TELL, ""),
        (settings(), ZeroDivisionError(), Outcome.CANNOT_TELL, ""),
        (settings(waiver()), INLINE, Outcome.WAIVED, WAIVED),
        (settings(waiver(check="headers.*")), INLINE, Outcome.WAIVED, WAIVED),
        (settings(waiver(target="*")), INLINE, Outcome.WAIVED, WAIVED),
        (settings(waiver(check="headers.hsts_*")), INLINE, Outcome.FAILED, ""),
        (settings(waiver(target="endpoints.api")), INLINE, Outcome.FAILED, ""),
        (settings(waiver(accepts="'unsafe-inline'")), INLINE, Outcome.WAIVED, WAIVED),
        (
            settings(waiver(accepts="'unsafe-eval'")),
            INLINE,
            Outcome.FAILED,
            "the waiver OPS-12 accepts less than what is seen",
        ),
        (
            settings(waiver(until=TODAY - timedelta(days=1))),
            INLINE,
            Outcome.FAILED,
            f"the waiver OPS-12 expired on {TODAY - timedelta(days=1)}",
        ),
        (
            settings(waiver(outcome="cannot_tell", until=TODAY - timedelta(days=1))),
            REFUSED,
            Outcome.CANNOT_TELL,
            f"the waiver OPS-12 expired on {TODAY - timedelta(days=1)}",
        ),
        (settings(waiver(outcome="cannot_tell")), REFUSED, Outcome.WAIVED, WAIVED),
        (
            settings(waiver()),
            REFUSED,
            Outcome.CANNOT_TELL,
            "the waiver OPS-12 accepts a failure, not that nothing is seen",
        ),
        (
            settings(waiver(outcome="cannot_tell")),
            INLINE,
            Outcome.FAILED,
            "the waiver OPS-12 accepts that nothing is seen, not a failure",
        ),
        # The one that still holds counts, wherever it stands.
        (settings(waiver(until=TODAY - timedelta(days=1)), waiver(check="headers.*")), INLINE, Outcome.WAIVED, WAIVED),
        (settings(waiver(outcome="cannot_tell"), waiver()), INLINE, Outcome.WAIVED, WAIVED),
    ],
)  # fmt: skip
def test_a_waiver_accepts_what_it_names_until_its_day(
    held: Settings, error: BaseException | None, outcome: Outcome, note: str
) -> None:
    answer = judged(error, held)
    assert (answer.outcome, answer.note, answer.unneeded) == (outcome, note, False)


def test_an_accepted_observation_hides_no_other_beside_it() -> None:
    held = settings(waiver(accepts="'unsafe-inline'"))
    both = Finding(seen="page /: 'unsafe-inline'; page /login: 'unsafe-inline'", required="a nonce")
    worse = Finding(seen="page /: 'unsafe-inline'; page /login: *", required="a nonce")
    assert judged(both, held).outcome is Outcome.WAIVED
    assert judged(worse, held).outcome is Outcome.FAILED
    listed = settings(waiver(accepts="page /: 'unsafe-inline'; page /login: *"))
    assert judged(worse, listed).outcome is Outcome.WAIVED


def test_a_waiver_that_is_not_needed_any_more_says_so() -> None:
    assert judged(None, settings(waiver())) == Judged(
        Outcome.PASSED, note="passes now: drop the waiver OPS-12", unneeded=True
    )
    pattern = judged(None, settings(waiver(check="headers.*")))
    assert (pattern.note, pattern.unneeded) == ("passes now: the waiver OPS-12 is not needed here", True)
    # Seen today, maybe not tomorrow: such a waiver is for what comes and goes.
    assert judged(None, settings(waiver(outcome="cannot_tell"))) == Judged(Outcome.PASSED)


def test_a_fleeting_finding_is_warned_whatever_its_severity() -> None:
    fleeting = Fleeting(INLINE, times=1, looks=2)
    for held in (settings(), settings(waiver()), settings(waiver(until=TODAY - timedelta(days=1)))):
        answer = judged(fleeting, held, replace(CSP, severity=Severity.CRITICAL))
        assert (answer.outcome, answer.note) == (Outcome.WARNED, "warned: seen in 1 of 2 looks")
        assert (answer.seen, answer.required, answer.unneeded) == (INLINE.seen, INLINE.required, False)


@pytest.mark.parametrize(
    ("held", "error", "target", "outcome"),
    [
        (window(["postgres.*"]), INLINE, "postgres.replica", Outcome.WAIVED),
        (window(["postgres.*"]), REFUSED, "postgres.replica", Outcome.WAIVED),
        (window(["endpoints.web", "postgres.*"]), REFUSED, "endpoints.web", Outcome.WAIVED),
        (window(["postgres.*"]), INLINE, "endpoints.web", Outcome.FAILED),
        (window(["postgres.*"], hours=0), INLINE, "postgres.replica", Outcome.FAILED),
        (window(["postgres.*"], hours=2), INLINE, "postgres.replica", Outcome.WAIVED),
        (window(["postgres.*"], hours=2.1), INLINE, "postgres.replica", Outcome.FAILED),
        # A row of the whole environment that one target away hides.
        (window(["endpoints.*"]), REFUSED, "environment", Outcome.WAIVED),
        (window(["endpoints.*"]), INLINE, "environment", Outcome.FAILED),
        (window(["*"]), None, "endpoints.web", Outcome.PASSED),
    ],
)
def test_maintenance_excuses_the_targets_it_names(
    held: dict[str, Any], error: BaseException | None, target: str, outcome: Outcome
) -> None:
    answer = judged(error, settings(maintenance=[held]), target=target)
    end = f"{held['until']:%Y-%m-%d %H:%M}"
    note = f"in maintenance until {end}Z (OPS-77)" if outcome is Outcome.WAIVED else ""
    assert (answer.outcome, answer.note) == (outcome, note)


def test_maintenance_is_told_in_utc() -> None:
    abroad = {"from": "2026-12-05T02:00+01:00", "until": "2026-12-05T04:00+01:00", "targets": ["*"], "ticket": "OPS-77"}
    held = settings(maintenance=[abroad])
    answer = judge(CSP, "endpoints.web", REFUSED, held, datetime(2026, 12, 5, 1, 0, tzinfo=UTC))
    assert answer.note == "in maintenance until 2026-12-05 03:00Z (OPS-77)"


def test_severity_and_shadow_decide_what_is_left() -> None:
    policy = {"fail_on": {"release": "high", "estate": "critical"}, "checks_as_of": "2026-06-01"}
    held = settings(waiver(until=TODAY - timedelta(days=1)), policy=policy)
    expired = f"the waiver OPS-12 expired on {TODAY - timedelta(days=1)}"
    assert judged(INLINE, held).note == expired
    assert judged(INLINE, held, replace(CSP, scope=ESTATE)) == Judged(
        Outcome.WARNED, INLINE.seen, INLINE.required, f"warned: below fail_on; {expired}"
    )
    unseen = judged(REFUSED, settings(), replace(CSP, severity=LOW))
    assert (unseen.outcome, unseen.note) == (Outcome.WARNED, "warned: not seen")
    young = replace(CSP, since=date(2026, 6, 2))
    assert judged(INLINE, held, young).note == "warned: in shadow, the check is younger than 2026-06-01"


ERRORS = [None, INLINE, REFUSED, ValueError("x"), Fleeting(INLINE, times=1, looks=2)]


@given(
    st.sampled_from(ERRORS),
    st.lists(
        st.builds(
            waiver,
            check=st.sampled_from([CSP.id, "headers.*", "tls.*"]),
            target=st.sampled_from(["endpoints.web", "*", "postgres.*"]),
            outcome=st.sampled_from(["failed", "cannot_tell"]),
            until=st.sampled_from([TODAY - timedelta(days=1), TODAY]),
            accepts=st.sampled_from(["", "'unsafe-inline'", "else"]),
        ),
        max_size=3,
    ),
    st.lists(st.builds(window, st.just(["endpoints.*"]), st.sampled_from([-1.0, 1.0])), max_size=1),
)
def test_nothing_makes_a_problem_a_pass(
    error: BaseException | None, waivers: list[dict[str, Any]], windows: list[dict[str, Any]]
) -> None:
    answer = judged(error, settings(*waivers, maintenance=windows))
    assert (answer.outcome is Outcome.PASSED) == (error is None)
    if answer.outcome is Outcome.WAIVED:
        assert waivers or windows
    if not waivers and not windows and not isinstance(error, Fleeting):
        assert answer.outcome in (Outcome.PASSED, Outcome.FAILED, Outcome.CANNOT_TELL)


ROW = Row(CSP.id, "endpoints.web", Outcome.WAIVED, "high", "release", "rule")


@pytest.mark.parametrize(
    ("changes", "complete", "line"),
    [
        ({"until": TODAY + timedelta(days=9)}, True, "waiver OPS-12 for headers.csp_is_strict expires in 9 days"),
        ({"until": TODAY + timedelta(days=14)}, True, "waiver OPS-12 for headers.csp_is_strict expires in 14 days"),
        ({"until": TODAY + timedelta(days=15)}, True, None),
        ({"until": TODAY + timedelta(days=1)}, True, "waiver OPS-12 for headers.csp_is_strict expires tomorrow"),
        ({}, False, "waiver OPS-12 for headers.csp_is_strict expires today"),
        (
            {"until": TODAY - timedelta(days=1)},
            False,
            f"waiver OPS-12 for headers.csp_is_strict expired on {TODAY - timedelta(days=1)}",
        ),
        (
            {"check": "headers.csp_is_strit", "until": TODAY + timedelta(days=60)},
            True,
            "waiver OPS-12 for headers.csp_is_strit on endpoints.web is unused: it names no check of this run",
        ),
        ({"check": "headers.csp_is_strit", "until": TODAY + timedelta(days=60)}, False, None),
        (
            {"target": "endpoints.wbe"},
            True,
            "waiver OPS-12 for headers.csp_is_strict on endpoints.wbe is unused: it names no check of this run",
        ),
    ],
)  # fmt: skip
def test_a_run_reviews_its_waivers(changes: dict[str, Any], complete: bool, line: str | None) -> None:
    held = settings(waiver(**changes)).waivers
    assert review(held, [ROW], NOW, complete=complete) == ((line,) if line else ())


def test_a_pattern_that_only_meets_passes_is_not_needed() -> None:
    held = settings(waiver(check="headers.*", target="*", until=TODAY + timedelta(days=60))).waivers
    passed = [replace(ROW, outcome=Outcome.PASSED, target=target) for target in ("endpoints.web", "endpoints.api")]
    line = "waiver OPS-12 for headers.* on * is not needed: all 2 checks it names pass"
    assert review(held, passed, NOW, complete=True) == (line,)
    assert review(held, passed, NOW, complete=False) == ()
    assert review(held, [*passed, ROW], NOW, complete=True) == ()


def test_each_waiver_has_its_own_line() -> None:
    held = settings(waiver(), waiver(ticket="OPS-13", check="tls.x"), waiver(until=TODAY + timedelta(days=90))).waivers
    lines = review(held, [ROW], NOW, complete=True)
    assert [line.partition(" for ")[0] for line in lines] == ["waiver OPS-12", "waiver OPS-13"]
