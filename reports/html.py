"""The report for people: one self-contained HTML document that needs no JavaScript."""

from __future__ import annotations

from collections import Counter
from html import escape
from pathlib import Path

from reports import wording
from reports.records import Outcome, Row, Run, Verdict

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


def page(run: Run) -> str:
    """A whole document around `static_document`."""
    title = " ".join(wording.line(part) for part in (run.verdict, run.environment, run.release) if part)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<meta name="referrer" content="no-referrer">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>{_text(title)}</title>\n</head>\n<body>\n{static_document(run)}</body>\n</html>\n"
    )


def static_document(run: Run) -> str:
    """The report as a fragment with its own style, the verdict first; every text of the run is escaped."""
    parts = [
        _header(run),
        _notes(run),
        _failures(run),
        _causes(run),
        _overview(run),
        _list("Warned", "warn", wording.of(run, Outcome.WARNED)),
        _list("Waived", "waived", wording.of(run, Outcome.WAIVED)),
        _strings("Not covered", run.not_covered),
        _strings("Reused evidence", wording.reused(run)),
        _table(run),
        _evidence(run),
    ]
    return f'<style>{_style()}</style>\n<article class="golive">\n' + "\n".join(filter(None, parts)) + "\n</article>\n"


def _style() -> str:
    return Path(__file__).with_name("report.css").read_text(encoding="utf-8")


def _text(text: str) -> str:
    return escape(wording.plain(text), quote=True)


def _code(text: str) -> str:
    # Only a whole http(s) address becomes a link; whatever else it is, it stays text.
    if text.startswith(("https://", "http://")) and len(text.split()) == 1:
        return f'<a href="{_text(text)}" rel="noopener noreferrer">{_text(text)}</a>'
    return f"<code>{_text(text)}</code>"


def _header(run: Run) -> str:
    took = wording.duration((run.judged_at - run.started_at).total_seconds())
    facts = {
        "Environment": run.environment,
        "Release": run.release,
        "Ticket": run.ticket,
        "Started": wording.stamp(run.started_at),
        "Judged": f"{wording.stamp(run.judged_at)} ({took})",
        "Run": run.run + (", replayed from kept evidence" if run.replayed else ""),
        "Suite": run.suite_version,
        "Environment file": run.environment_digest,
        "Evidence": run.evidence_digest,
        **{name.replace("_", " ").capitalize(): value for name, value in run.extra.items()},
    }
    shown = "".join(
        f"<div><dt>{_text(name)}</dt><dd>{_text(value)}</dd></div>" for name, value in facts.items() if value
    )
    mark = wording.partial(run) or ("" if run.complete else "INCOMPLETE")
    partial = f' <span class="gl-partial">{_text(mark)}</span>' if mark else ""
    return (
        f'<header class="gl-head gl-{_TONE[run.verdict]}">'
        f'<h1><span class="gl-verdict">{_text(run.verdict)}</span> '
        f'<span class="gl-what">{_text(" ".join(filter(None, (run.environment, run.release))))}</span>{partial}</h1>'
        f'<p class="gl-reason">{_text(run.reason)}</p><p class="gl-counts">{_text(wording.counts_line(run))}</p>'
        f'</header>\n<dl class="gl-facts">{shown}</dl>'
    )


def _notes(run: Run) -> str:
    if not run.warnings:
        return ""
    return '<ul class="gl-notes">' + "".join(f"<li>{_text(text)}</li>" for text in run.warnings) + "</ul>"


def _failures(run: Run) -> str:
    rows = wording.of(run, Outcome.FAILED)
    if not rows:
        return ""
    return f"<section><h2>Blocking <b>{len(rows)}</b></h2>{''.join(map(_failure, rows))}</section>"


def _failure(row: Row) -> str:
    return (
        f'<div class="gl-card gl-nogo"><h3>{_badge(row.severity)} <span class="gl-id">{_text(row.id)}</span> '
        f'<span class="gl-target">{_text(row.target)}</span></h3>'
        f'<p class="gl-rule">{_text(row.rule)} <em>{_text(wording.rollback(row.scope))}</em></p>{_facts_of(row)}</div>'
    )


def _facts_of(row: Row) -> str:
    facts = [("observed", f"<code>{_text(row.seen)}</code>"), ("required", f"<code>{_text(row.required)}</code>")]
    facts += [("why", _text(row.note))] if row.note else []
    facts += [("fix", _text(row.fix))] if row.fix else []
    facts += [("see", _code(row.see))] if row.see else []
    facts += [("guide", _text(", ".join(row.statements)))] if row.statements else []
    return '<dl class="gl-detail">' + "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in facts) + "</dl>"


def _causes(run: Run) -> str:
    causes = wording.causes(run)
    if not causes:
        return ""
    number = sum(len(cause.rows) for cause in causes)
    entries = []
    for cause in causes:
        noun = "check" if len(cause.rows) == 1 else "checks"
        details = "".join(f"<p><code>{_text(text)}</code></p>" for text in cause.details()[:3])
        names = "".join(
            f"<li>{_badge(row.severity)} {_text(row.id)} <i>{_text(row.target)}</i></li>" for row in cause.rows
        )
        entries.append(
            f'<div class="gl-card gl-unseen"><h3>{_text(cause.name)}</h3>'
            f'<p class="gl-rule"><b>{len(cause.rows)} {noun} not seen</b> ({_text(cause.severities)})</p>{details}'
            f"<details><summary>At stake: {_text(cause.at_stake())}</summary><ul>{names}</ul></details></div>"
        )
    return f"<section><h2>Cannot tell <b>{number}</b></h2>{''.join(entries)}</section>"


def _overview(run: Run) -> str:
    if not run.rows:
        return '<p class="gl-empty">No check has an outcome.</p>'
    severities = sorted({row.severity for row in run.rows}, key=lambda name: (wording.rank(name), name))
    by_severity = Counter((row.severity, row.outcome) for row in run.rows)
    by_area = Counter((row.area, row.outcome) for row in run.rows)
    areas = sorted({row.area for row in run.rows}, key=lambda name: (-by_area[name, Outcome.FAILED], name))
    return (
        '<section><h2>Counts</h2><div class="gl-two">'
        f"{_matrix('Severity', severities, by_severity)}{_matrix('Area', areas, by_area)}</div></section>"
    )


def _matrix(title: str, names: list[str], found: Counter[tuple[str, Outcome]]) -> str:
    head = "".join(f'<th scope="col">{wording.OUTCOME_WORDS[outcome]}</th>' for outcome in Outcome)
    body = "".join(
        f'<tr><th scope="row">{_text(name)}</th>'
        + "".join(
            f'<td class="gl-o-{outcome}">{found[name, outcome]}</td>' if found[name, outcome] else "<td>·</td>"
            for outcome in Outcome
        )
        + "</tr>"
        for name in names
    )
    head = f'<thead><tr><th scope="col">{title}</th>{head}</tr></thead>'
    return f'<table class="gl-matrix">{head}<tbody>{body}</tbody></table>'


def _list(title: str, tone: str, rows: list[Row]) -> str:
    if not rows:
        return ""
    entries = "".join(
        f'<li>{_badge(row.severity)} <span class="gl-id">{_text(row.id)}</span> '
        f'<span class="gl-target">{_text(row.target)}</span><br>{_text(row.note)}'
        + (f" <small>observed <code>{_text(row.seen)}</code></small>" if row.seen else "")
        + (f" <small>required <code>{_text(row.required)}</code></small>" if row.required else "")
        + "</li>"
        for row in rows
    )
    return f'<section class="gl-{tone}"><h2>{title} <b>{len(rows)}</b></h2><ul class="gl-list">{entries}</ul></section>'


def _strings(title: str, texts: tuple[str, ...] | list[str]) -> str:
    if not texts:
        return ""
    entries = "".join(f"<li>{_text(text)}</li>" for text in texts)
    return f'<section><h2>{title} <b>{len(texts)}</b></h2><ul class="gl-list">{entries}</ul></section>'


def _table(run: Run) -> str:
    if not run.rows:
        return ""
    body = "".join(
        f'<tr><td data-label="outcome" class="gl-o-{row.outcome}">{_MARK[row.outcome]} '
        f'{wording.OUTCOME_WORDS[row.outcome]}</td><td data-label="severity">{_badge(row.severity)}</td>'
        f'<td data-label="check"><b>{_text(row.id)}</b><br><small>{_text(row.rule)}</small></td>'
        f'<td data-label="target">{_text(row.target)}</td><td data-label="observed">{_text(row.seen or row.cause)}</td>'
        f'<td data-label="required">{_text(row.required)}</td></tr>'
        for row in sorted(run.rows, key=wording.order)
    )
    head = "".join(
        f'<th scope="col">{name}</th>' for name in ("Outcome", "Severity", "Check", "Target", "Observed", "Required")
    )
    return (
        f'<details class="gl-all"><summary>All {len(run.rows)} checks</summary><table class="gl-rows">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></details>"
    )


def _evidence(run: Run) -> str:
    if not run.evidence:
        return ""
    entries = "".join(
        f"<li>{'✓' if note.ok else '?'} {_text(note.kind)} <i>{_text(note.target)}</i> "
        f"{_text(note.observed_at)}, {note.seconds:.1f} s <code>{_text(note.file)}</code></li>"
        for note in run.evidence
    )
    return (
        f'<details class="gl-all"><summary>Evidence: {len(run.evidence)} files</summary>'
        f'<ul class="gl-list">{entries}</ul></details>'
    )


def _badge(severity: str) -> str:
    known = severity if severity in wording.SEVERITIES else "low"
    return f'<span class="gl-badge gl-s-{known}">{_text(severity)}</span>'
