"""Words and groupings every report format shares: order, counts, root causes, times, and text made safe to show."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from reports.records import Outcome, Row, Run

SEVERITIES = ("critical", "high", "medium", "low", "advisory")
OUTCOME_WORDS = {
    Outcome.PASSED: "passed",
    Outcome.FAILED: "failed",
    Outcome.WARNED: "warned",
    Outcome.WAIVED: "waived",
    Outcome.CANNOT_TELL: "not seen",
}
ROLLBACK = {"release": "rollback may help", "estate": "rollback does not help"}

# What XML 1.0 forbids, C1 controls, and marks that reverse or hide text: none of them belongs in a report.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)


@dataclass(frozen=True)
class Cause:
    """One root cause and the checks that were not seen because of it."""

    name: str
    rows: tuple[Row, ...]

    @property
    def severities(self) -> str:
        """The number of checks by severity, the worst first, as `6 critical, 11 high`."""
        return severity_counts(self.rows)

    def at_stake(self, limit: int = 4) -> str:
        """The ids of the checks not seen, the worst first, at most `limit`."""
        return listed(dict.fromkeys(line(row.id) for row in self.rows), limit, ", ")

    def details(self) -> list[str]:
        """What was seen, each different text once."""
        texts = (line(row.note or row.seen) for row in self.rows)
        return [text for text in dict.fromkeys(texts) if text and text != self.name]


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


def causes(run: Run) -> list[Cause]:
    """What was not seen by root cause, the worst and largest first."""
    groups: dict[str, list[Row]] = {}
    for row in of(run, Outcome.CANNOT_TELL):
        groups.setdefault(line(row.cause) or line(row.note) or f"{line(row.target)}: cause not known", []).append(row)
    found = [Cause(name, tuple(rows)) for name, rows in groups.items()]
    return sorted(found, key=lambda cause: (rank(cause.rows[0].severity), -len(cause.rows), cause.name))


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


def counts_line(run: Run) -> str:
    """`211 of 211 gate checks · 204 passed · 2 failed · … · 48 s`; what is zero is left out, save passed."""
    found = counts(run)
    parts = [f"{run.selected} of {run.generated} {line(run.run)} checks", f"{found[Outcome.PASSED]} passed"]
    for outcome in (Outcome.FAILED, Outcome.WARNED, Outcome.WAIVED):
        if found[outcome]:
            parts.append(f"{found[outcome]} {OUTCOME_WORDS[outcome]}")
    if found[Outcome.CANNOT_TELL]:
        parts.append(f"{found[Outcome.CANNOT_TELL]} not seen ({severity_counts(of(run, Outcome.CANNOT_TELL))})")
    if len(run.rows) < run.selected:
        parts.append(f"{run.selected - len(run.rows)} without an outcome")
    return " · ".join([*parts, duration((run.judged_at - run.started_at).total_seconds())])


def partial(run: Run) -> str:
    """`PARTIAL (12 of 214)` where fewer checks were selected than the environment generates, else nothing."""
    return f"PARTIAL ({run.selected} of {run.generated})" if run.selected < run.generated else ""


def reason(run: Run) -> str:
    """The reason of the verdict, led by `PARTIAL (…)` where the run was narrowed."""
    mark, text = partial(run), line(run.reason)
    return text if not mark or mark in text else f"{mark}, {text}" if text else mark


def verdict_line(run: Run) -> str:
    """The last line printed: `VERDICT env release: reason`."""
    release = f" {line(run.release)}" if run.release else ""
    return f"{run.verdict} {line(run.environment)}{release}: {reason(run)}"


def noted(row: Row) -> str:
    """A warned or waived row in one line: id, target, and why."""
    why = line(row.note) or line(row.seen)
    name = line(row.id) + (f" [{line(row.target)}]" if row.target else "")
    return f"{name}: {why}" if why else name


def reused(run: Run) -> list[str]:
    """Each piece of evidence taken from an earlier run, in one line."""
    return [
        f"{line(note.kind)} {line(note.target)} of {line(note.observed_at)} from {line(note.reused_from)}"
        for note in run.evidence
        if note.reused_from
    ]


def rollback(scope: str) -> str:
    """Whether rolling back may help, in words."""
    return ROLLBACK.get(scope, line(scope))


def stamp(moment: datetime) -> str:
    """`24 Nov 2026 09:15:02Z`; a time without zone is taken as UTC."""
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return f"{moment.day} {moment:%b %Y %H:%M:%S}Z"


def iso(moment: datetime) -> str:
    """`2026-11-24T09:15:02Z`; a time without zone is taken as UTC."""
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def duration(seconds: float) -> str:
    """`48 s`, `3 m 20 s`, `2 h 5 m`."""
    whole = max(0, round(seconds))
    if whole < 120:
        return f"{whole} s"
    if whole < 7200:
        return f"{whole // 60} m {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} m"
