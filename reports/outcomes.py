"""From a raw judgement to an outcome: waivers, maintenance, shadow, severity (DESIGN 5 and 6). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from fixtures.vocabulary import CannotTell, Check, Finding, Fleeting, Scope
from reports.records import Outcome

if TYPE_CHECKING:
    from fixtures.environment.policy import Settings, Waiver


@dataclass(frozen=True)
class Judged:
    """The outcome of one check on one target, with its reasons; `unneeded`: a waiver of its failure can be dropped."""

    outcome: Outcome
    seen: str = ""
    required: str = ""
    note: str = ""
    cause: str = ""
    unneeded: bool = False


_KINDS = {"failed": Outcome.FAILED, "cannot_tell": Outcome.CANNOT_TELL}


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


def judge(check: Check, target: str, error: BaseException | None, settings: Settings, moment: datetime) -> Judged:
    """The outcome that counts at this moment (UTC): of a fleeting finding, a waiver, maintenance, shadow, severity."""
    plain = raw(error, target)
    waivers = [waiver for waiver in settings.waivers if waiver.names(check.id, target)]
    if plain.outcome is Outcome.PASSED:
        return _passed(waivers)
    if isinstance(error, Fleeting):
        return _with(plain, Outcome.WARNED, f"warned: seen in {error.times} of {error.looks} looks")
    covering = [waiver for waiver in waivers if _covers(waiver, plain)]
    for waiver in covering:
        if waiver.until >= moment.date():
            return _with(plain, Outcome.WAIVED, f"waived until {waiver.until} ({waiver.ticket}): {waiver.reason}")
    away = {target, error.target} if isinstance(error, CannotTell) else {target}
    for window in settings.maintenance:
        if any(window.names(name, moment) for name in away):
            end = f"{window.until.astimezone(UTC):%Y-%m-%d %H:%MZ}"
            return _with(plain, Outcome.WAIVED, f"in maintenance until {end} ({window.ticket})")
    as_of = settings.policy.checks_as_of
    if as_of is not None and check.since > as_of:
        return _with(plain, Outcome.WARNED, f"warned: in shadow, the check is younger than {as_of}")
    policy = settings.policy
    floor, below = policy.cannot_tell_on, "warned: not seen"
    if plain.outcome is Outcome.FAILED:
        floor = policy.fail_on.release if check.scope is Scope.RELEASE else policy.fail_on.estate
        below = "warned: below fail_on"
    reason = _short(waivers, covering, plain.outcome)
    if check.severity >= floor:
        return _with(plain, plain.outcome, reason)
    return _with(plain, Outcome.WARNED, "; ".join(part for part in (below, reason) if part))


def _passed(waivers: list[Waiver]) -> Judged:
    """A pass, with the waivers it has no need of; one of a pattern may still be needed elsewhere."""
    unneeded = [waiver for waiver in waivers if waiver.outcome == "failed"]
    notes = (
        f"the waiver {waiver.ticket} is not needed here" if waiver.is_pattern else f"drop the waiver {waiver.ticket}"
        for waiver in unneeded
    )
    note = f"passes now: {', '.join(notes)}" if unneeded else ""
    return Judged(Outcome.PASSED, note=note, unneeded=bool(unneeded))


def _short(waivers: list[Waiver], covering: list[Waiver], outcome: Outcome) -> str:
    """Why the waivers that name this row don't accept what became of it."""
    if covering:
        latest = max(covering, key=lambda waiver: waiver.until)
        return f"the waiver {latest.ticket} expired on {latest.until}"
    for waiver in waivers:
        if _KINDS[waiver.outcome] is outcome:
            return f"the waiver {waiver.ticket} accepts less than what is seen"
    unseen = outcome is Outcome.CANNOT_TELL
    accepted = "a failure, not that nothing is seen" if unseen else "that nothing is seen, not a failure"
    return next((f"the waiver {waiver.ticket} accepts {accepted}" for waiver in waivers), "")


def _with(plain: Judged, outcome: Outcome, note: str) -> Judged:
    return Judged(outcome, plain.seen, plain.required, note, plain.cause)


def _covers(waiver: Waiver, plain: Judged) -> bool:
    """Whether it accepts this: its observation must be seen, and no part of what is seen may be another."""
    if plain.outcome is not _KINDS[waiver.outcome]:
        return False
    accepted = waiver.accepts
    parts = plain.seen.split("; ")
    return not accepted or (
        accepted in plain.seen and all(accepted in part or part in accepted.split("; ") for part in parts)
    )
