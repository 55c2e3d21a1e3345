"""summary.md: at most 60 lines, for a ticket or a job summary."""

from __future__ import annotations

import re

from reports import causes, wording
from reports.records import Outcome, Run, Verdict

MOST_LINES = 60
_MOST_FAILURES = 6
_MOST_CAUSES = 4
_MOST_NAMES = 5
_LONGEST = 300
_LONGEST_REASON = 80
_LONGEST_COMMAND = 2000


def summary(run: Run) -> str:
    """The verdict, why, what fails and how to put it right, what was not seen; nothing in it can become markup."""
    found: list[str] = []
    for most in range(_MOST_FAILURES, 0, -1):
        found = [*_head(run), *_failures(run, most), *_causes(run), *_rest(run)]
        if len(found) <= MOST_LINES:
            break
    return "\n".join(found) + "\n"


def _head(run: Run) -> list[str]:
    title = " ".join(part for part in (run.environment, run.release) if part)
    facts = [f"run {run.run}", wording.begun(run)]
    facts += [f"ticket {run.ticket}"] if run.ticket else []
    facts += ["replayed from kept evidence"] if run.replayed else []
    facts += [f"baseline {wording.baseline(run)}: {wording.since_baseline(run)}"] if run.baseline else []
    meaning = wording.meaning(run)
    return [
        f"## {run.verdict} · {_prose(title)}",
        "",
        f"**{_prose(wording.reason(run)) or 'no reason given'}**",
        *(["", _prose(meaning[0].upper() + meaning[1:])] if meaning else []),
        "",
        # Of a GO the reason has said it.
        *([f"{_prose(wording.counts_line(run))}  "] if run.verdict is not Verdict.GO else []),
        " · ".join(_prose(fact) for fact in facts),
    ]


def _failures(run: Run, most: int) -> list[str]:
    rows = wording.of(run, Outcome.FAILED)
    hidden = causes.hidden(run)
    found = ["", f"### Blocking: {len(rows)}", ""] if rows else []
    for number, row in enumerate(rows[:most], 1):
        target = f" on {_code(row.target)}" if row.target else ""
        more = _prose(" · ".join(filter(None, [wording.standing(row), wording.rollback(row)])))
        found.append(f"{number}. **{_prose(row.severity)}** {_code(row.id)}{target} · {more}")
        found.append(f"   - seen {_code(row.seen)}")
        found.append(f"   - required {_code(row.required)}")
        found += [f"   - fix: {_marked(row.fix)}"] if row.fix else []
        found += [f"   - see {_code(wording.command(row), _LONGEST_COMMAND)}"] if row.see else []
        if row.label in hidden:
            found.append(f"   - hides {_prose(causes.hides(hidden[row.label]))}")
    if len(rows) > most:
        found += ["", f"… {len(rows) - most} more in the report"]
    return found


def _causes(run: Run) -> list[str]:
    groups = causes.causes(run)
    if not groups:
        return []
    rows = [row for cause in groups for row in cause.rows]
    found = ["", f"### Not seen: {len(rows)} ({_prose(wording.severity_counts(rows))})", ""]
    for cause in groups[:_MOST_CAUSES]:
        found.append(f"- **{len(cause.rows)} not seen**: {_prose(cause.name)} ({_code(cause.at_stake(3))})")
        if details := wording.listed(cause.details(), 2):
            found.append(f"   - seen {_code(details)}")
        found.append(f"   - do: {_prose(causes.to_do(cause, run))}")
    if len(groups) > _MOST_CAUSES:
        found.append(f"- … {len(groups) - _MOST_CAUSES} more causes in the report")
    return found


def _rest(run: Run) -> list[str]:
    named = {
        f"Warned {len(wording.of(run, Outcome.WARNED))}": causes.warned(run),
        f"Waived {len(wording.of(run, Outcome.WAIVED))}": wording.waived(run),
        "Waiver not needed any more": wording.needless(run),
        "Fixed": wording.fixed(run),
        "Vanished checks": run.vanished,
        "Changed since the baseline": wording.changed(run),
        "Not covered": [wording.uncovered_short(text, _LONGEST_REASON) for text in run.not_covered],
        "Looked again": wording.looked_again(run),
        "Reused evidence": wording.reused(run),
        "Note": run.warnings,
    }
    found = [
        f"- **{label}**: {wording.listed((_prose(text, 240) for text in texts), _MOST_NAMES)}"
        for label, texts in named.items()
        if texts
    ]
    found += [f"- **Again**: {_code(run.command, _LONGEST_COMMAND)}"] if run.command else []
    found += [f"- **Report**: {_code(run.directory.rstrip('/') + '/report.html')}"] if run.directory else []
    return ["", *found] if found else []


def _prose(text: str, limit: int = _LONGEST) -> str:
    """Text on one line in which no character is markup, a mention or a reference."""
    return _escaped(wording.clip(wording.line(text), limit))


def _escaped(found: str) -> str:
    found = re.sub(r"([\\`*\[\]|~])", r"\\\1", found)
    found = re.sub(r"(?<![0-9A-Za-z])_|_(?![0-9A-Za-z])", r"\\_", found)
    found = found.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"(?<!\w)#", "&#35;", found).replace("@", "&#64;").replace("$", "&#36;")


def _marked(text: str) -> str:
    """Prose in which what stands between single backticks is a code span."""
    parts = re.split(r"(?<!`)`([^`]+)`(?!`)", wording.clip(wording.line(text), _LONGEST))
    return "".join(_code(part) if number % 2 else _escaped(part) for number, part in enumerate(parts))


def _code(text: str, limit: int = _LONGEST) -> str:
    """Text as a code span, its fence longer than any run of backticks in it; no table is used, so a pipe is a pipe."""
    found = wording.clip(wording.line(text), limit) or "–"
    longest = max((len(run) for run in re.findall("`+", found)), default=0)
    if not longest:
        return f"`{found}`"
    fence = "`" * (longest + 1)
    return f"{fence} {found} {fence}"
