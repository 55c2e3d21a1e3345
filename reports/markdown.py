"""summary.md: at most 60 lines, for a ticket or a job summary."""

from __future__ import annotations

import re

from reports import wording
from reports.records import Outcome, Run

MOST_LINES = 60
_MOST_FAILURES = 6
_MOST_CAUSES = 4
_MOST_NAMES = 5
_LONGEST = 300


def summary(run: Run) -> str:
    """The verdict, why, what fails and how to put it right, what was not seen; nothing in it can become markup."""
    title = " ".join(part for part in (run.environment, run.release) if part)
    facts = [f"run {run.run}", wording.stamp(run.started_at)]
    facts += [f"ticket {run.ticket}"] if run.ticket else []
    facts += ["replayed from kept evidence"] if run.replayed else []
    found = [
        f"## {run.verdict} · {_prose(title)}",
        "",
        f"**{_prose(wording.reason(run)) or 'no reason given'}**",
        "",
        f"{_prose(wording.counts_line(run))}  ",
        " · ".join(_prose(fact) for fact in facts),
        *_failures(run),
        *_causes(run),
    ]
    rest = _rest(run)
    return "\n".join([*found, *(["", *rest] if rest else [])]) + "\n"


def _failures(run: Run) -> list[str]:
    rows = wording.of(run, Outcome.FAILED)
    found = ["", f"### Blocking: {len(rows)}", ""] if rows else []
    for number, row in enumerate(rows[:_MOST_FAILURES], 1):
        target = f" on {_code(row.target)}" if row.target else ""
        scope = _prose(wording.rollback(row.scope))
        found.append(f"{number}. **{_prose(row.severity)}** {_code(row.id)}{target} · {scope}")
        found.append(f"   - seen {_code(row.seen)}")
        found.append(f"   - required {_code(row.required)}")
        found += [f"   - fix: {_prose(row.fix)}"] if row.fix else []
        found += [f"   - see {_code(row.see)}"] if row.see else []
    if len(rows) > _MOST_FAILURES:
        found += [f"\n… {len(rows) - _MOST_FAILURES} more in the report"]
    return found


def _causes(run: Run) -> list[str]:
    causes = wording.causes(run)
    if not causes:
        return []
    number = sum(len(cause.rows) for cause in causes)
    found = [
        "",
        f"### Not seen: {number} ({_prose(wording.severity_counts(wording.of(run, Outcome.CANNOT_TELL)))})",
        "",
    ]
    found += [
        f"- {_prose(cause.name)} — {len(cause.rows)} not seen: {_code(cause.at_stake(3))}"
        for cause in causes[:_MOST_CAUSES]
    ]
    if len(causes) > _MOST_CAUSES:
        found.append(f"- … {len(causes) - _MOST_CAUSES} more causes in the report")
    return found


def _rest(run: Run) -> list[str]:
    found = []
    for label, outcome in (("Warned", Outcome.WARNED), ("Waived", Outcome.WAIVED)):
        if rows := wording.of(run, outcome):
            names = wording.listed((_prose(wording.noted(row), 160) for row in rows), _MOST_NAMES)
            found.append(f"- **{label} {len(rows)}**: {names}")
    if run.not_covered:
        found.append(f"- **Not covered**: {wording.listed((_prose(text, 160) for text in run.not_covered), 8)}")
    if reused := wording.reused(run):
        found.append(f"- **Reused evidence**: {wording.listed((_prose(text, 160) for text in reused), _MOST_NAMES)}")
    if run.warnings:
        found.append(f"- **Note**: {wording.listed((_prose(text, 160) for text in run.warnings), _MOST_NAMES)}")
    if run.directory:
        found.append(f"- **Report**: {_code(run.directory.rstrip('/') + '/report.html')}")
    return found


def _prose(text: str, limit: int = _LONGEST) -> str:
    """Text on one line in which no character is markup, a mention or a reference."""
    found = wording.clip(wording.line(text), limit)
    found = re.sub(r"([\\`*\[\]|~])", r"\\\1", found)
    found = re.sub(r"(?<![0-9A-Za-z])_|_(?![0-9A-Za-z])", r"\\_", found)
    found = found.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"(?<!\w)#", "&#35;", found).replace("@", "&#64;")


def _code(text: str) -> str:
    """Text as a code span, its fence longer than any run of backticks in it; no table is used, so a pipe is a pipe."""
    found = wording.clip(wording.line(text), _LONGEST) or "–"
    longest = max((len(run) for run in re.findall("`+", found)), default=0)
    if not longest:
        return f"`{found}`"
    fence = "`" * (longest + 1)
    return f"{fence} {found} {fence}"
