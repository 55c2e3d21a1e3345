"""The end of a run in the terminal; the last line is the verdict."""

from __future__ import annotations

import textwrap

from reports import wording
from reports.records import Outcome, Row, Run

_LABEL = 13
_MOST_FAILURES = 20
_MOST_CAUSES = 20
_MOST_NAMES = 4


def lines(run: Run, *, width: int = 100) -> list[str]:
    """The ending, without colour: blocking, not seen, warned, waived, not covered, reused, report, counts, verdict."""
    width = max(width, 40)
    found = [
        _heading(run),
        *_blocking(run, width),
        *_not_seen(run, width),
        *_named("WARNED", wording.of(run, Outcome.WARNED), width),
        *_named("WAIVED", wording.of(run, Outcome.WAIVED), width),
    ]
    if run.not_covered:
        found += _labelled("NOT COVERED", wording.listed(map(wording.line, run.not_covered), 8), width)
    if reused := wording.reused(run):
        found += _labelled("REUSED", wording.listed(reused, _MOST_NAMES), width)
    for warning in run.warnings:
        found += _labelled("NOTE", wording.line(warning), width)
    if run.directory:
        # Never wrapped: it is there to be copied.
        found.append("report".ljust(_LABEL) + f"{wording.line(run.directory).rstrip('/')}/report.html")
    return [*found, wording.counts_line(run), wording.verdict_line(run)]


def _heading(run: Run) -> str:
    parts = [run.environment]
    parts += [f"release {run.release}"] if run.release else []
    parts += [run.ticket] if run.ticket else []
    parts += ["replayed from kept evidence"] if run.replayed else []
    parts += [f"{name} {value}" for name, value in run.extra.items()]
    return " · ".join(wording.line(part) for part in parts)


def _blocking(run: Run, width: int) -> list[str]:
    rows = wording.of(run, Outcome.FAILED)
    found = [f"BLOCKING {len(rows)}"] if rows else []
    for number, row in enumerate(rows[:_MOST_FAILURES], 1):
        target = f"   {wording.line(row.target)}" if row.target else ""
        severity = f"{wording.line(row.severity)} · {wording.rollback(row.scope)}"
        found.append(f"{number:2} {severity:32}  {wording.line(row.id)}{target}")
        for label, text in (("seen", row.seen), ("required", row.required), ("why", row.note), ("fix", row.fix)):
            found += _labelled(f"   {label}", wording.line(text), width) if text else []
        found += [f"   {'see it':{_LABEL - 3}}{wording.line(row.see)}"] if row.see else []
    if len(rows) > _MOST_FAILURES:
        found.append(f"   … {len(rows) - _MOST_FAILURES} more in the report")
    return found


def _not_seen(run: Run, width: int) -> list[str]:
    causes = wording.causes(run)
    if not causes:
        return []
    rows = wording.of(run, Outcome.CANNOT_TELL)
    found = [
        f"NOT SEEN: {_plural(len(causes), 'cause')}, {_plural(len(rows), 'check')} ({wording.severity_counts(rows)})"
    ]
    for number, cause in enumerate(causes[:_MOST_CAUSES], 1):
        found += _hanging(f"{number:2} {_plural(len(cause.rows), 'check'):12}", cause.name, width)
        if details := cause.details():
            found += _labelled("   seen", wording.clip(wording.listed(details, 2), 400), width)
        found += _labelled("   at stake", cause.at_stake(), width)
    if len(causes) > _MOST_CAUSES:
        found.append(f"   … {len(causes) - _MOST_CAUSES} more in the report")
    return found


def _named(label: str, rows: list[Row], width: int) -> list[str]:
    if not rows:
        return []
    names = wording.listed((wording.clip(wording.noted(row), 200) for row in rows), _MOST_NAMES)
    return _labelled(f"{label} {len(rows)}", names, width)


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _labelled(label: str, text: str, width: int) -> list[str]:
    return _hanging(f"{label:{_LABEL - 1}} ", text, width)


def _hanging(start: str, text: str, width: int) -> list[str]:
    # Long words stay whole: URLs and commands are there to be copied.
    wrapped = textwrap.wrap(
        text,
        width,
        initial_indent=start,
        subsequent_indent=" " * len(start),
        break_long_words=False,
        break_on_hyphens=False,
    )
    return wrapped or [start.rstrip()]
