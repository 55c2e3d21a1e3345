"""The report for people: one self-contained HTML document that needs no JavaScript."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from html import escape
from pathlib import Path

from reports import causes, wording
from reports.records import EvidenceNote, Outcome, Row, Run, Verdict

_TONE = {
    Verdict.GO: "go",
    Verdict.GO_WITH_WARNINGS: "warn",
    Verdict.NO_GO: "nogo",
    Verdict.CANNOT_TELL: "unseen",
}
_MARK = {
    Outcome.PASSED: "✓",
    Outcome.FAILED: "✗",
    Outcome.WARNED: "!",
    Outcome.WAIVED: "~",
    Outcome.CANNOT_TELL: "?",
}

_SHORT = {"critical": "crit", "medium": "med", "advisory": "adv"}
_TROUBLE = (Outcome.FAILED, Outcome.CANNOT_TELL, Outcome.WARNED, Outcome.WAIVED)
_LISTED = 3
# Without it a phone lays the page out 980 px wide; pytest-html's own head has none.
_VIEWPORT = '<meta name="viewport" content="width=device-width, initial-scale=1">\n'

# The table is outside of it: the style shows it while this is open.
_PYTEST = (
    '<details class="gl-all gl-pytest"><summary>What did not pass, as pytest-html shows it (needs JavaScript)</summary>'
    "</details>"
)


def page(run: Run) -> str:
    """A whole document around the report."""
    title = " ".join(wording.line(part) for part in (run.verdict, run.environment, run.release) if part)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'{_VIEWPORT}<meta name="color-scheme" content="light dark">\n<meta name="referrer" content="no-referrer">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>{_text(title)}</title>\n<style>{_style()}</style>\n</head>\n<body>\n{_article(run)}</body>\n</html>\n"
    )


def static_document(run: Run) -> str:
    """The report as a fragment with its own style, the verdict first; every text of the run is escaped."""
    return f"{_VIEWPORT}<style>{_style()}</style>\n{_article(run, _PYTEST)}"


def _article(run: Run, more: str = "") -> str:
    parts = [
        _header(run),
        _notes(run),
        _matrix(run),
        _since(run),
        _failures(run),
        _causes(run),
        _warned(run),
        _listing("Waived", Outcome.WAIVED, [_entry(row, run) for row in wording.of(run, Outcome.WAIVED)]),
        _strings("Waiver not needed any more", wording.needless(run)),
        _listing("Not covered", None, [_uncovered(text) for text in run.not_covered]),
        _strings("Looked at again", wording.looked_again(run)),
        _strings("Reused evidence", wording.reused(run)),
        _facts(run),
        _table(run),
        _evidence(run),
        more,
    ]
    return '<article class="golive">\n' + "\n".join(filter(None, parts)) + "\n</article>\n"


def _style() -> str:
    return Path(__file__).with_name("report.css").read_text(encoding="utf-8")


def _text(text: str) -> str:
    return escape(wording.plain(text), quote=True)


def _prose(text: str) -> str:
    """Escaped text in which what stands between backticks is shown as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", _text(text))


def _code(text: str) -> str:
    # Only a whole http(s) address becomes a link; whatever else it is, it stays text.
    if text.startswith(("https://", "http://")) and len(text.split()) == 1:
        return f'<a href="{_text(text)}" rel="noopener noreferrer">{_text(text)}</a>'
    return f"<code>{_text(text)}</code>"


def _header(run: Run) -> str:
    mark = wording.partial(run) or ("" if run.complete else "INCOMPLETE")
    partial = f' <span class="gl-partial">{_text(mark)}</span>' if mark else ""
    meaning = wording.meaning(run)
    replayed = ", replayed from kept evidence" if run.replayed else ""
    when = " · ".join(filter(None, [wording.begun(run), run.ticket, f"{run.run} run{replayed}"]))
    return (
        f'<header class="gl-head gl-{_TONE[run.verdict]}">'
        f'<h1><span class="gl-verdict">{_text(run.verdict)}</span> '
        f'<span class="gl-what">{_text(" ".join(filter(None, (run.environment, run.release))))}</span>{partial}</h1>'
        f'<p class="gl-reason">{_text(run.reason)}</p>'
        + (f'<p class="gl-meaning">{_text(meaning[0].upper() + meaning[1:])}</p>' if meaning else "")
        + (f'<p class="gl-counts">{_text(wording.counts_line(run))}</p>' if run.verdict is not Verdict.GO else "")
        + f'<p class="gl-counts">{_text(when)}</p></header>'
    )


def _facts(run: Run) -> str:
    digests = {"Environment, SHA-256": run.environment_digest, "Evidence, SHA-256": run.evidence_digest}
    facts = {
        "Environment": run.environment,
        "Release": run.release,
        "Ticket": run.ticket,
        "Started": wording.stamp(run.started_at),
        "Judged": wording.stamp(run.judged_at),
        "Baseline": wording.baseline(run),
        "Suite": run.suite_version,
        **{name.replace("_", " ").capitalize(): value for name, value in run.extra.items()},
        "Environment file": run.environment_file,
    }
    shown = "".join(
        f"<div><dt>{_text(name)}</dt><dd>{_text(value)}</dd></div>" for name, value in facts.items() if value
    )
    shown += "".join(
        f'<div class="gl-wide"><dt>{name}</dt><dd><code>{_text(value)}</code></dd></div>'
        for name, value in digests.items()
        if value
    )
    again = f'<p class="gl-again">Again: <code>{_text(run.command)}</code></p>' if run.command else ""
    return f'<section><h2>This run</h2><dl class="gl-facts">{shown}</dl>{again}</section>'


def _notes(run: Run) -> str:
    if not run.warnings:
        return ""
    return '<ul class="gl-notes">' + "".join(f"<li>{_text(text)}</li>" for text in run.warnings) + "</ul>"


def _matrix(run: Run) -> str:
    """What is not fine by area and severity, and the areas where everything is."""
    if not run.rows:
        return '<p class="gl-empty">No check has an outcome.</p>'
    found = Counter((row.area, row.severity, _shown(row)) for row in run.rows)
    marked = {row.area: 0 for row in run.rows}
    for area, _, outcome in found:
        if outcome in _TROUBLE:
            marked[area] = max(marked[area], len(_TROUBLE) - _TROUBLE.index(outcome))
    troubled = sorted((area for area in marked if marked[area]), key=lambda area: (-marked[area], area))
    fine = Counter(row.area for row in run.rows if not marked[row.area])
    parts = []
    if troubled:
        severities = sorted({row.severity for row in run.rows}, key=lambda name: (wording.rank(name), name))
        head = "".join(
            f'<th scope="col"><abbr title="{_text(name)}">{_text(_SHORT.get(name, name))}</abbr></th>'
            for name in severities
        )
        body = "".join(
            f'<tr><th scope="row">{_text(area)}</th>'
            + "".join(f"<td>{_cell(found, area, severity)}</td>" for severity in severities)
            + "</tr>"
            for area in troubled
        )
        parts.append(
            f'<table class="gl-matrix"><thead><tr><th scope="col">area</th>{head}</tr></thead>'
            f'<tbody>{body}</tbody></table><p class="gl-legend">{_legend(run)}</p>'
        )
    if fine:
        names = " · ".join(f"{area} ({number})" for area, number in sorted(fine.items()))
        parts.append(f'<p class="gl-fine"><b>Seen and fine</b> {_text(names)}</p>')
    return f'<section class="gl-box">{"".join(parts)}</section>'


def _since(run: Run) -> str:
    """What is other than at the last GO."""
    counted = wording.since_baseline(run)
    if not counted:
        return ""
    against = f"Since {wording.baseline(run)}" if run.baseline else "Beside earlier runs (none was GO)"
    lists = {
        "Fixed": wording.fixed(run),
        "Vanished checks": run.vanished,
        "Facts changed": wording.changed(run),
    }
    parts = "".join(
        f"<h3>{title}</h3><ul>{''.join(f'<li>{_text(text)}</li>' for text in texts)}</ul>"
        for title, texts in lists.items()
        if texts
    )
    return f'<section class="gl-box gl-since"><p><b>{_text(against)}</b> {_text(counted)}</p>{parts}</section>'


def _shown(row: Row) -> Outcome:
    return Outcome.CANNOT_TELL if row.unseen else row.outcome


def _cell(found: Counter[tuple[str, str, Outcome]], area: str, severity: str) -> str:
    marks = [
        f'<span class="gl-o-{outcome}">{found[area, severity, outcome]}&#8239;{_MARK[outcome]}</span>'
        for outcome in _TROUBLE
        if found[area, severity, outcome]
    ]
    if marks:
        return " ".join(marks)
    passed = found[area, severity, Outcome.PASSED]
    return f'<span class="gl-o-passed">{passed}&#8239;{_MARK[Outcome.PASSED]}</span>' if passed else "·"


def _legend(run: Run) -> str:
    there = {_shown(row) for row in run.rows}
    return " · ".join(f"{_MARK[o]} {wording.OUTCOME_WORDS[o]}" for o in (*_TROUBLE, Outcome.PASSED) if o in there)


def _failures(run: Run) -> str:
    rows = wording.of(run, Outcome.FAILED)
    if not rows:
        return ""
    hidden = causes.hidden(run)
    notes = _by_target(run.evidence)
    cards = "".join(_failure(row, hidden.get(row.label, ()), notes.get(row.target, ())) for row in rows)
    return f"<section><h2>Blocking <b>{len(rows)}</b></h2>{cards}</section>"


def _failure(row: Row, hidden: tuple[Row, ...], notes: Iterable[EvidenceNote]) -> str:
    return (
        f'<div class="gl-card gl-nogo"><h3>{_name(row)}{_standing(row)}</h3>'
        f'<p class="gl-rule">{_prose(row.rule)} <em>· {_text(wording.rollback(row))}</em></p>'
        f"{_details(row, notes)}{_rows_of('Hides ' + causes.hides(hidden), hidden) if hidden else ''}</div>"
    )


def _details(row: Row, notes: Iterable[EvidenceNote]) -> str:
    notes = list(notes)
    # The area's own evidence where it has some, else all there is of the target.
    notes = [note for note in notes if wording.kind(note).replace(" ", "_").startswith(row.area)] or notes
    facts = [("seen", f"<code>{_text(row.seen)}</code>"), ("required", f"<code>{_text(row.required)}</code>")]
    facts += [("why", _text(row.note))] if row.note else []
    facts += [("fix", _prose(row.fix))] if row.fix else []
    facts += [("see it", _code(wording.command(row)))] if row.see else []
    facts += [("evidence", ", ".join(map(_link, notes)))] if notes else []
    facts += [("guide", _text(", ".join(row.statements)))] if row.statements else []
    return '<dl class="gl-detail">' + "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in facts) + "</dl>"


def _causes(run: Run) -> str:
    groups = causes.causes(run)
    if not groups:
        return ""
    notes = _by_target(run.evidence)
    number = sum(len(cause.rows) for cause in groups)
    cards = "".join(_cause(cause, run, notes.get(cause.target, ())) for cause in groups)
    return f"<section><h2>Cannot tell <b>{number}</b></h2>{cards}</section>"


def _cause(cause: causes.Cause, run: Run, notes: Iterable[EvidenceNote]) -> str:
    details = "".join(f"<p><code>{_text(text)}</code></p>" for text in cause.details()[:3])
    blind = ", ".join(_link(note) for note in notes if not note.ok)
    return (
        f'<div class="gl-card gl-unseen"><h3>{_text(cause.name)}</h3>'
        f'<p class="gl-rule"><b>{wording.plural(len(cause.rows), "check")} not seen</b> ({_text(cause.severities)})</p>'
        f"{details}<p><b>Do:</b> {_text(causes.to_do(cause, run))}</p>"
        + (f"<p><small>Evidence: {blind}</small></p>" if blind else "")
        + f"{_rows_of('At stake: ' + cause.at_stake(), cause.rows)}</div>"
    )


def _warned(run: Run) -> str:
    rows = wording.of(run, Outcome.WARNED)
    seen = [row for row in rows if not row.unseen]
    entries = [_entry(row, run) for row in seen]
    entries += [f"<li>{_rows_of(causes.named(text, blind), blind)}</li>" for text, blind in causes.warned_blindly(run)]
    return _listing("Warned", Outcome.WARNED, entries, len(rows))


def _entry(row: Row, run: Run) -> str:
    note = wording.waiver(row, run.judged_at) if row.outcome is Outcome.WAIVED else row.note.removeprefix("warned: ")
    facts = [("seen", row.seen), ("required", row.required)]
    return (
        f"<li>{_name(row)}<br>{_text(note)}"
        + "".join(f" <small>{label} <code>{_text(text)}</code></small>" for label, text in facts if text)
        + "</li>"
    )


def _strings(title: str, texts: Iterable[str]) -> str:
    return _listing(title, None, [f"<li>{_text(text)}</li>" for text in texts])


def _uncovered(text: str) -> str:
    why, names = wording.uncovered(text)
    if not names:
        return f"<li>{_text(why)}</li>"
    entries = "".join(f"<li>{_text(name)}</li>" for name in names)
    return f"<li><details><summary>{_text(why)} ({len(names)})</summary><ul>{entries}</ul></details></li>"


def _listing(title: str, outcome: Outcome | None, entries: list[str], number: int = 0) -> str:
    if not entries:
        return ""
    tone = f' class="gl-{outcome}"' if outcome else ""
    head = f"<h2>{title} <b>{number or len(entries)}</b></h2>"
    return f'<section{tone}>{head}<ul class="gl-list">{"".join(entries)}</ul></section>'


def _rows_of(summary: str, rows: Iterable[Row]) -> str:
    entries = "".join(f"<li>{_name(row)}</li>" for row in rows)
    return f"<details><summary>{_text(summary)}</summary><ul>{entries}</ul></details>"


def _table(run: Run) -> str:
    """Every check; where it says the same of several targets, once."""
    if not run.rows:
        return ""
    alike: dict[tuple[str, ...], list[Row]] = {}
    for row in sorted(run.rows, key=wording.order):
        alike.setdefault((row.id, row.outcome, row.seen or row.cause, row.required, row.under), []).append(row)
    body = "".join(
        f'<tr><td data-label="outcome" class="gl-o-{row.outcome}">{_MARK[row.outcome]} '
        f'{wording.OUTCOME_WORDS[row.outcome]}</td><td data-label="severity">{_badge(row.severity)}</td>'
        f'<td data-label="check"><b>{_text(row.id)}</b><br><small>{_prose(row.rule)}</small></td>'
        f'<td data-label="target">{_targets([one.target for one in rows])}</td>'
        f'<td data-label="seen">{_text(row.seen or row.cause)}'
        + (f"<br><small>because of {_text(row.under)}</small>" if row.under else "")
        + f'</td><td data-label="required">{_text(row.required)}</td></tr>'
        for rows in alike.values()
        for row in rows[:1]
    )
    head = "".join(
        f'<th scope="col">{name}</th>' for name in ("Outcome", "Severity", "Check", "Target", "Seen", "Required")
    )
    return (
        f'<details class="gl-all"><summary>All {len(run.rows)} checks</summary><table class="gl-rows">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></details>"
    )


def _targets(names: list[str]) -> str:
    """The targets of which a check says the same."""
    if len(names) <= _LISTED:
        return "<br>".join(map(_text, names))
    return f"<details><summary>{len(names)} targets</summary>{'<br>'.join(map(_text, names))}</details>"


def _evidence(run: Run) -> str:
    if not run.evidence:
        return ""
    entries = "".join(
        f"<li>{'✓' if note.ok else '?'} {_link(note)} <i>{_text(note.target)}</i> "
        f"{_text(note.observed_at)}, {note.seconds:.1f} s</li>"
        for note in run.evidence
    )
    return (
        f'<details class="gl-all"><summary>Evidence: {wording.plural(len(run.evidence), "file")}</summary>'
        f'<ul class="gl-list">{entries}</ul></details>'
    )


def _by_target(notes: Iterable[EvidenceNote]) -> dict[str, list[EvidenceNote]]:
    found: dict[str, list[EvidenceNote]] = {}
    for note in notes:
        found.setdefault(note.target, []).append(note)
    return found


def _link(note: EvidenceNote) -> str:
    """A link to a file below the run directory; the file's name where it could lead anywhere else."""
    if not re.fullmatch(r"evidence/[\w.-]+\.json", note.file, re.ASCII):
        return f"<code>{_text(note.file)}</code>"
    return f'<a href="{note.file}">{_text(wording.kind(note))}</a>'


def _name(row: Row) -> str:
    return (
        f'{_badge(row.severity)} <span class="gl-id">{_text(row.id)}</span> '
        f'<span class="gl-target">{_text(row.target)}</span>'
    )


def _standing(row: Row) -> str:
    found = wording.standing(row)
    return (
        f' <span class="gl-badge gl-{row.standing}">{_text(found)}</span>' if row.standing in ("new", "known") else ""
    )


def _badge(severity: str) -> str:
    known = severity if severity in wording.SEVERITIES else "low"
    return f'<span class="gl-badge gl-s-{known}">{_text(severity)}</span>'
