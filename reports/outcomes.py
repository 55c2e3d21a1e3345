"""From a raw judgement to an outcome: severity, waivers, shadow (DESIGN 5 and 6). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase

from fixtures.environment.policy import Settings, Waiver
from fixtures.vocabulary import CannotTell, Check, Finding, Scope, Severity
from reports.records import Outcome


@dataclass(frozen=True)
class Judged:
    """The outcome of one check on one target, with its reasons."""

    outcome: Outcome
    seen: str = ""
    required: str = ""
    note: str = ""
    cause: str = ""


def raw(error: BaseException | None, target: str) -> Judged:
    """What a check's call means before severity, waivers and shadow: any exception but a finding is our blindness."""
    if error is None:
        return Judged(Outcome.PASSED)
    if isinstance(error, Finding):
        return Judged(Outcome.FAILED, seen=error.seen, required=error.required)
    if isinstance(error, CannotTell):
        return Judged(
            Outcome.CANNOT_TELL, seen=error.message, cause=f"{error.target or target}: {error.cause}: {error.message}"
        )
    return Judged(
        Outcome.CANNOT_TELL,
        seen=f"{type(error).__name__}: {error}",
        cause=f"{target}: bug in the suite: {type(error).__name__}",
    )


def judge(check: Check, target: str, error: BaseException | None, settings: Settings, today: date) -> Judged:
    """The outcome that counts."""
    plain = raw(error, target)
    waiver = _waiver(check.id, target, settings.waivers)
    if plain.outcome is Outcome.PASSED:
        note = f"passes now: drop the waiver {waiver.ticket}" if waiver else ""
        return Judged(Outcome.PASSED, note=note)
    problem = ""
    if waiver is not None and _covers(waiver, plain):
        if waiver.until >= today:
            return _with(plain, Outcome.WAIVED, f"waived until {waiver.until} ({waiver.ticket}): {waiver.reason}")
        problem = f"the waiver {waiver.ticket} expired on {waiver.until}"
    elif waiver is not None:
        problem = f"the waiver {waiver.ticket} accepts less than what is seen"
    as_of = settings.policy.checks_as_of
    if as_of is not None and check.since > as_of:
        return _with(plain, Outcome.WARNED, f"warned: in shadow, the check is younger than {as_of}")
    policy = settings.policy
    if plain.outcome is Outcome.FAILED:
        floor = policy.fail_on.release if check.scope is Scope.RELEASE else policy.fail_on.estate
        below = not Severity(check.severity) >= floor
        return _with(plain, Outcome.WARNED if below else Outcome.FAILED, "warned: below fail_on" if below else problem)
    below = not check.severity >= policy.cannot_tell_on
    return _with(plain, Outcome.WARNED if below else Outcome.CANNOT_TELL, "warned: not seen" if below else problem)


def _with(plain: Judged, outcome: Outcome, note: str) -> Judged:
    return Judged(outcome, plain.seen, plain.required, note, plain.cause)


def _waiver(check: str, target: str, waivers: tuple[Waiver, ...]) -> Waiver | None:
    return next((w for w in waivers if fnmatchcase(check, w.check) and fnmatchcase(target, w.target)), None)


def _covers(waiver: Waiver, plain: Judged) -> bool:
    kind = Outcome.FAILED if waiver.outcome == "failed" else Outcome.CANNOT_TELL
    return plain.outcome is kind and (not waiver.accepts or waiver.accepts in plain.seen)
