"""Words every report format shares: order, counts, meaning, times, and text made safe to show."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime

from fixtures.vocabulary import Fact
from fixtures.words import age
from reports.records import Drift, EvidenceNote, Outcome, Rollback, Row, Run, Verdict

SEVERITIES = ("critical", "high", "medium", "low", "advisory")
OUTCOME_WORDS = {
    Outcome.PASSED: "passed",
    Outcome.FAILED: "failed",
    Outcome.WARNED: "warned",
    Outcome.WAIVED: "waived",
    Outcome.CANNOT_TELL: "not seen",
}
UNREAD = "no check reads"
"""What is not covered since no check reads it."""

# What XML 1.0 forbids, C1 controls, and marks that reverse or hide text: none of them belongs in a report.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)


def plain(text: str) -> str:
    """The text with control, reversing and illegal characters replaced by U+FFFD; line breaks stay."""
    return _UNSAFE.sub("\ufffd", text)


def line(text: str) -> str:
    """The text on one line, safe to print."""
    return " ".join(plain(text).split())


def clip(text: str, limit: int) -> str:
    """The text, cut with an ellipsis where it is longer than `limit`."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def rank(severity: str) -> int:
    """0 for critical and upwards; what is not known comes last."""
    return SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)


def of(run: Run, outcome: Outcome) -> list[Row]:
    """The rows with an outcome, the worst severity first."""
    return sorted((row for row in run.rows if row.outcome is outcome), key=order)


def order(row: Row) -> tuple[int, str, str]:
    """The key rows are sorted by: severity, id, target."""
    return rank(row.severity), row.id, row.target


def counts(run: Run) -> dict[Outcome, int]:
    """The number of rows by outcome, every outcome present."""
    found = Counter(row.outcome for row in run.rows)
    return {outcome: found[outcome] for outcome in Outcome}


def severity_counts(rows: Iterable[Row]) -> str:
    """`6 critical, 11 high`."""
    found = Counter(row.severity for row in rows)
    return ", ".join(f"{found[name]} {line(name)}" for name in sorted(found, key=lambda name: (rank(name), name)))


def listed(items: Iterable[str], limit: int, separator: str = " · ") -> str:
    """At most `limit` items and how many more there are."""
    every = list(items)
    more = [f"… {len(every) - limit} more"] if len(every) > limit else []
    return separator.join(every[:limit] + more)


def plural(number: int, noun: str) -> str:
    """`1 check`, `3 checks`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def counts_line(run: Run) -> str:
    """`211 of 211 gate checks · 204 passed · 2 failed · … · 48 s`; what is zero is left out, save passed."""
    found = counts(run)
    parts = [f"{run.selected} of {run.generated} {line(run.run)} checks", f"{found[Outcome.PASSED]} passed"]
    for outcome in (Outcome.FAILED, Outcome.WARNED, Outcome.WAIVED):
        if found[outcome]:
            blind = sum(row.unseen for row in run.rows) if outcome is Outcome.WARNED else 0
            blind -= found[Outcome.CANNOT_TELL] if blind else 0
            parts.append(f"{found[outcome]} {OUTCOME_WORDS[outcome]}" + (f" ({blind} not seen)" if blind else ""))
    if found[Outcome.CANNOT_TELL]:
        parts.append(f"{found[Outcome.CANNOT_TELL]} not seen ({severity_counts(of(run, Outcome.CANNOT_TELL))})")
    if len(run.rows) < run.selected:
        parts.append(f"{run.selected - len(run.rows)} without an outcome")
    return " · ".join([*parts, took(run)])


def begun(run: Run) -> str:
    """When the run began, and of a GO, whose counts its reason has told, how long it took."""
    return stamp(run.started_at) + (f" ({took(run)})" if run.verdict is Verdict.GO else "")


def took(run: Run) -> str:
    """How long the run took."""
    return duration((run.judged_at - run.started_at).total_seconds())


def seen_and_fine(run: Run) -> str:
    """The areas of what passed, the largest first: `tls (24) · reach (3)`."""
    found = Counter(row.area for row in run.rows if row.outcome is Outcome.PASSED)
    return " · ".join(f"{line(area)} ({n})" for area, n in sorted(found.items(), key=lambda item: (-item[1], item[0])))


def meaning(run: Run) -> str:
    """What the verdict means for whoever has to act; empty for a GO."""
    failed = of(run, Outcome.FAILED)
    match run.verdict:
        case Verdict.NO_GO:
            return _rollback_advice(failed)
        case Verdict.CANNOT_TELL if failed:
            return f"{plural(len(failed), 'check')} failed, but the run did not reach its end. Hold, and run it again."
        case Verdict.CANNOT_TELL if not counts(run)[Outcome.PASSED]:
            return "nothing was seen, neither good nor bad. Do not promote; no reason to roll back."
        case Verdict.CANNOT_TELL:
            return f"nothing seen is wrong, but {_unseen(run)} not seen. Do not promote; no reason to roll back."
        case _ if run.exit_code:
            return "what was looked at is right, but not everything was looked at. Do not promote on this run alone."
        case Verdict.GO_WITH_WARNINGS:
            return "nothing blocks: the release may stay. What is warned or waived still needs its owner."
        case _:
            return ""


def _unseen(run: Run) -> str:
    rows = of(run, Outcome.CANNOT_TELL)
    number = len(rows) + max(0, run.selected - len(run.rows))
    areas = listed(dict.fromkeys(line(row.area) for row in rows), 4, ", ")
    return f"{plural(number, 'check')}{f' of {areas}' if areas else ''} {'was' if number == 1 else 'were'}"


def _rollback_advice(failed: list[Row]) -> str:
    healed = [row for row in failed if _rollback(row) is not Rollback.DOES_NOT]
    surely = all(_rollback(row) is Rollback.HELPS for row in healed)
    if not failed:
        return "do not keep this release as it is."
    if len(healed) == len(failed):
        if surely:
            return "what fails was right at the baseline, and this release may have caused it: rolling back helps."
        return "this release may have caused what fails: rolling back may help."
    if not healed:
        why = (
            "is posture, not this release" if all(row.scope == "estate" for row in failed) else "is not of this release"
        )
        return f"what fails {why}: rolling back does not help. Repair it in place."
    ids = listed(dict.fromkeys(line(row.id) for row in healed), 3, ", ")
    word = "helps" if surely else "may help"
    return f"rolling back {word} with {len(healed)} of {len(failed)} ({ids}), not with the rest."


def partial(run: Run) -> str:
    """`PARTIAL (12 of 214)` where fewer checks were selected than the environment generates, else nothing."""
    return f"PARTIAL ({run.selected} of {run.generated})" if run.selected < run.generated else ""


def reason(run: Run) -> str:
    """The reason of the verdict, led by `PARTIAL (…)` where the run was narrowed."""
    mark, text = partial(run), line(run.reason)
    return ", ".join(part for part in (mark, text) if part)


def verdict_line(run: Run) -> str:
    """The last line printed: `VERDICT env release: reason`."""
    release = f" {line(run.release)}" if run.release else ""
    return f"{run.verdict} {line(run.environment)}{release}: {reason(run)}"


def noted(row: Row) -> str:
    """A warned row in one line: id, target, what was seen and why it only warns."""
    why = line(row.note).removeprefix("warned: ")
    seen = line(row.seen)
    text = f"{seen} ({why})" if seen and why else seen or why
    return f"{line(row.label)}: {text}" if text else line(row.label)


def waived(run: Run) -> list[str]:
    """What is waived, the checks of one waiver in one line, with the days it has left."""
    found: dict[str, list[str]] = {}
    for row in of(run, Outcome.WAIVED):
        found.setdefault(waiver(row, run.judged_at), []).append(line(row.label))
    return [f"{listed(names, 6, ', ')} {text}".rstrip() for text, names in found.items()]


def needless(run: Run) -> list[str]:
    """What passes although it is waived: the waiver can go."""
    return [f"{line(row.label)}: {line(row.note)}" for row in of(run, Outcome.PASSED) if row.note]


def waiver(row: Row, judged_at: datetime) -> str:
    """`until 2026-12-31 (OPS-12), 37 days left: the reason` from a waived row's note."""
    note = line(row.note)
    found = re.fullmatch(r"waived (until (\d{4}-\d\d-\d\d)(?: \([^)]*\))?)(.*)", note)
    if found is None:
        return note
    try:
        left = (date.fromisoformat(found[2]) - _utc(judged_at).date()).days
    except ValueError:
        return note
    days = "its last day" if left == 0 else f"{plural(left, 'day')} left" if left > 0 else f"over since {-left} d"
    return f"{found[1]}, {days}{found[3]}"


def uncovered(text: str) -> tuple[str, tuple[str, ...]]:
    """The reason why something is not covered, and the checks or keys that are not for it."""
    reason_, _, names = line(text).partition(": ")
    return reason_, tuple(filter(None, names.split(", ")))


def uncovered_short(text: str, limit: int) -> str:
    """The same on one line: with the names where these fit, else with how many there are."""
    why, names = uncovered(text)
    whole = f"{why}: {', '.join(names)}" if names else why
    if len(whole) <= limit or not names:
        return whole
    return f"{why}: {plural(len(names), 'key' if why == UNREAD else 'check')}"


def reused(run: Run) -> list[str]:
    """Each piece of evidence of an earlier run with its age, `restore db 24 Nov 03:10Z (6 h old, limit 7 d)`."""
    taken = [note for note in run.evidence if _is_taken(note, run)]
    whole = []
    if taken:
        limit, oldest = taken[0].accept, max(_old(note, run) or 0.0 for note in taken)
        whole = [
            f"{plural(len(taken), 'piece')} of {line(run.rechecked)} (at most {age(oldest)} old, limit {age(limit)})"
        ]
    return whole + [_reused(note, run) for note in run.evidence if note.reused_from and not _is_taken(note, run)]


def looked_again(run: Run) -> list[str]:
    """What a second question looked at: `headers endpoints.web`; nothing in any other run."""
    if not run.rechecked:
        return []
    return list(dict.fromkeys(f"{kind(note)} {line(note.target)}" for note in run.evidence if not note.reused_from))


def _is_taken(note: EvidenceNote, run: Run) -> bool:
    """Whether it is of the run that is asked again."""
    return bool(run.rechecked) and note.reused_from == run.rechecked.rpartition("/")[2]


def _old(note: EvidenceNote, run: Run) -> float | None:
    """How old it was when it was judged, in seconds."""
    try:
        return (_utc(run.judged_at) - _utc(datetime.fromisoformat(note.observed_at))).total_seconds()
    except ValueError:
        return None


def _reused(note: EvidenceNote, run: Run) -> str:
    what = f"{kind(note)} {line(note.target)}"
    limit = f", limit {age(note.accept)}" if note.accept else ""
    source = line(note.reused_from)
    old = _old(note, run)
    if old is None:
        return f"{what} {line(note.observed_at)} from {source}"
    observed = _utc(datetime.fromisoformat(note.observed_at))
    return f"{what} {observed.day} {observed:%b %H:%M}Z ({age(old)} old{limit}) from {source}"


def kind(note: EvidenceNote) -> str:
    """The kind of a piece of evidence in words: `restore drill` for RestoreDrillEvidence."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", line(note.kind).removesuffix("Evidence"))
    return words.lower() or line(note.kind)


def command(row: Row) -> str:
    """The command that shows the same thing, without the quotes a docstring puts around it."""
    text = line(row.see)
    bare = text.removeprefix("`").removesuffix("`")
    return bare if len(text) - len(bare) == 2 and "`" not in bare else text


def rollback(row: Row) -> str:
    """Whether rolling back may help, in words."""
    return f"rollback {_rollback(row)}"


def _rollback(row: Row) -> Rollback:
    """What was found out, else what the scope alone says."""
    if row.rollback:
        return Rollback(row.rollback)
    return Rollback.MAY_HELP if row.scope == "release" else Rollback.DOES_NOT


def standing(row: Row) -> str:
    """`NEW`, or `KNOWN since 21 Nov`; empty where there is no earlier run."""
    if row.standing != "known":
        return row.standing.upper()
    return f"KNOWN since {day(row.since)}"


def weight(row: Row) -> str:
    """What a failure is worth and whose it is: `critical · NEW · rollback helps`."""
    return " · ".join(filter(None, [line(row.severity), standing(row), rollback(row)]))


def baseline(run: Run) -> str:
    """`9be07d3 (GO, 23 Nov 14:02Z)`; empty where there is none."""
    found = run.baseline
    if found is None:
        return ""
    moment = _utc(found.started_at)
    return f"{line(found.name)} ({line(found.verdict)}, {moment.day} {moment:%b %H:%M}Z)"


def since_baseline(run: Run) -> str:
    """`1 new · 2 known · 0 fixed · 0 vanished`, of what fails whatever its severity; empty without an earlier run."""
    found = Counter(row.standing for row in run.rows)
    if run.baseline is None and not any(found[word] for word in ("new", "known", "fixed")):
        return ""
    counted = {**{word: found[word] for word in ("new", "known", "fixed")}, "vanished": len(run.vanished)}
    return " · ".join(f"{number} {word}" for word, number in counted.items())


def fixed(run: Run) -> list[str]:
    """What failed in the run before and passes now."""
    rows = sorted((row for row in run.rows if row.standing == "fixed"), key=order)
    return [f"{line(row.label)}: had failed since {day(row.since)}" for row in rows]


def changed(run: Run) -> list[str]:
    """Each fact that is another one than in the baseline: `endpoints.web header fields: − server: nginx`."""
    return [f"{line(one.target)} {line(one.fact)}: {_change(one)}" for one in run.drift]


def _change(one: Drift) -> str:
    if isinstance(one.before, str) and isinstance(one.now, str):
        return f"{clip(line(one.before), 80)} → {clip(line(one.now), 80)}"
    signs = [(sign, item) for sign, side in (("−", one.before), ("+", one.now)) for item in _items(side)]
    return listed((f"{sign} {clip(line(item), 80)}" for sign, item in signs), 6, ", ")


def _items(side: Fact) -> tuple[str, ...]:
    return (side,) if isinstance(side, str) else side


def day(moment: str) -> str:
    """`21 Nov` of an ISO text; the text where it is none."""
    try:
        found = _utc(datetime.fromisoformat(moment))
    except ValueError:
        return line(moment)
    return f"{found.day} {found:%b}"


def stamp(moment: datetime) -> str:
    """`24 Nov 2026 09:15:02Z`; a time without zone is taken as UTC."""
    moment = _utc(moment)
    return f"{moment.day} {moment:%b %Y %H:%M:%S}Z"


def iso(moment: datetime) -> str:
    """`2026-11-24T09:15:02Z`; a time without zone is taken as UTC."""
    moment = _utc(moment)
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def duration(seconds: float) -> str:
    """`48 s`, `3 m 20 s`, `2 h 5 m`."""
    whole = max(0, round(seconds))
    if whole < 120:
        return f"{whole} s"
    if whole < 7200:
        return f"{whole // 60} m {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} m"


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
