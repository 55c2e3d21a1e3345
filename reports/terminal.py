"""The end of a run in the terminal; the last line is the verdict."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from reports import causes, wording
from reports.records import Outcome, Row, Run, Verdict

_LABEL = 13
_MOST_FAILURES = 20
_MOST_CAUSES = 20
_MOST_NAMES = 6
_NARROWEST = 40


def lines(run: Run, *, width: int = 100) -> list[str]:
    """The ending, without colour: what blocks, what was not seen, the rest, what to do, counts, verdict."""
    width = max(width, _NARROWEST)
    found = [
        *_hanging("", _heading(run), width, indent=2),
        *_blocking(run, width),
        *_not_seen(run, width),
        *_fine(run, width),
        *_each("WARNED", len(wording.of(run, Outcome.WARNED)), causes.warned(run), width),
        *_each("WAIVED", len(wording.of(run, Outcome.WAIVED)), wording.waived(run), width),
        *_each("PASSES NOW", 0, wording.needless(run), width),
    ]
    for label, texts in (("FIXED", wording.fixed(run)), ("VANISHED", run.vanished), ("CHANGED", wording.changed(run))):
        found += _each(label, 0, texts, width)
    if run.not_covered:
        one_line = [wording.uncovered_short(text, width - _LABEL) for text in run.not_covered]
        found += _each("NOT COVERED", None, one_line, width)
    if again := wording.looked_again(run):
        found += _labelled("LOOKED AGAIN", wording.listed(again, _MOST_NAMES), width)
    if reused := wording.reused(run):
        found += _labelled("REUSED", wording.listed(reused, _MOST_NAMES), width)
    for warning in run.warnings:
        found += _labelled("NOTE", wording.line(warning), width)
    if meaning := wording.meaning(run):
        found += _labelled("meaning", meaning, width)
    # Never wrapped: they are there to be copied.
    if run.command:
        found.append("again".ljust(_LABEL) + wording.line(run.command))
    if run.directory:
        found.append("report".ljust(_LABEL) + f"{wording.line(run.directory).rstrip('/')}/report.html")
    return [*found, *_hanging("", wording.counts_line(run), width, indent=2), wording.verdict_line(run)]


def _heading(run: Run) -> str:
    parts = [run.environment]
    parts += [f"release {run.release}"] if run.release else []
    parts += [run.ticket] if run.ticket else []
    parts += [f"baseline {wording.baseline(run)}"] if run.baseline else []
    parts += [f"{run.run} run"]
    parts += ["replayed from kept evidence"] if run.replayed else []
    parts += [f"{name} {value}" for name, value in run.extra.items()]
    return " · ".join(wording.line(part) for part in parts)


def _blocking(run: Run, width: int) -> list[str]:
    rows = wording.of(run, Outcome.FAILED)
    hidden = causes.hidden(run)
    found = [f"BLOCKING {len(rows)}"] if rows else []
    for number, row in enumerate(rows[:_MOST_FAILURES], 1):
        found += _failure(number, row, hidden.get(row.label, ()), width)
    if len(rows) > _MOST_FAILURES:
        found.append(f"   … {len(rows) - _MOST_FAILURES} more in the report")
    return found


def _failure(number: int, row: Row, hidden: tuple[Row, ...], width: int) -> list[str]:
    start = f"{number:2} {wording.weight(row)}"
    name = wording.line(row.id) + (f"   {wording.line(row.target)}" if row.target else "")
    whole = f"{start:35}  {name}"
    found = [whole] if len(whole) <= width else [start, f"   {name}"]
    for label, text in (("seen", row.seen), ("required", row.required), ("why", row.note), ("fix", row.fix)):
        found += _labelled(f"   {label}", wording.line(text), width) if text else []
    found += [f"   {'see it':{_LABEL - 3}}{wording.command(row)}"] if row.see else []
    return found + (_labelled("   hides", causes.hides(hidden), width) if hidden else [])


def _not_seen(run: Run, width: int) -> list[str]:
    groups = causes.causes(run)
    if not groups:
        return []
    rows = [row for cause in groups for row in cause.rows]
    number, checks = wording.plural(len(groups), "cause"), wording.plural(len(rows), "check")
    found = _hanging("NOT SEEN: ", f"{number}, {checks} ({wording.severity_counts(rows)})", width)
    for position, cause in enumerate(groups[:_MOST_CAUSES], 1):
        size = f"{wording.plural(len(cause.rows), 'check')} ({cause.severities})"
        found += _hanging(f"{position:2} ", f"{cause.name}   {size}", width)
        if details := cause.details():
            found += _labelled("   seen", wording.clip(wording.listed(details, 3), 400), width)
        found += _labelled("   do", causes.to_do(cause, run), width)
        found += _labelled("   at stake", cause.at_stake(), width)
    if len(groups) > _MOST_CAUSES:
        found.append(f"   … {len(groups) - _MOST_CAUSES} more in the report")
    return found


def _fine(run: Run, width: int) -> list[str]:
    passed = wording.counts(run)[Outcome.PASSED]
    if run.verdict is not Verdict.CANNOT_TELL or not passed:
        return []
    return _hanging(f"SEEN AND FINE {passed}   ", wording.seen_and_fine(run), width)


def _each(label: str, number: int | None, texts: Iterable[str], width: int) -> list[str]:
    """Each text on a line of its own, the first after the label with a number: 0 means of texts, None means none."""
    every = list(texts)
    shown = every[:_MOST_NAMES] + ([f"… {len(every) - _MOST_NAMES} more in the report"] if every[_MOST_NAMES:] else [])
    first = label if number is None else f"{label} {number or len(every)}"
    starts = [first, *[""] * len(shown)]
    return [
        part
        for start, text in zip(starts, shown, strict=False)
        for part in _labelled(start, wording.clip(text, 240), width)
    ]


def _labelled(label: str, text: str, width: int) -> list[str]:
    return _hanging(f"{label:{_LABEL - 1}} ", text, width)


def _hanging(start: str, text: str, width: int, *, indent: int = 0) -> list[str]:
    # Long words stay whole: URLs and commands are there to be copied.
    wrapped = textwrap.wrap(
        text,
        width,
        initial_indent=start,
        subsequent_indent=" " * (indent or len(start)),
        break_long_words=False,
        break_on_hyphens=False,
    )
    return wrapped or [start.rstrip()]
