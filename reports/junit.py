"""JUnit XML: severity, outcome, scope and statements as properties of each test case."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree

from reports import wording
from reports.records import Outcome, Row, Run

_ELEMENT = {
    Outcome.FAILED: "failure",
    Outcome.CANNOT_TELL: "error",
    Outcome.WARNED: "skipped",
    Outcome.WAIVED: "skipped",
}


def junit(run: Run) -> Iterator[str]:
    """The run as JUnit XML, in pieces: never whole in memory.

    Failed is a failure, cannot tell an error, warned and waived are skipped with a message.
    """
    found = wording.counts(run)
    seconds = f"{max(0.0, (run.judged_at - run.started_at).total_seconds()):.3f}"
    numbers = {
        "tests": str(len(run.rows)),
        "failures": str(found[Outcome.FAILED]),
        "errors": str(found[Outcome.CANNOT_TELL]),
        "skipped": str(found[Outcome.WARNED] + found[Outcome.WAIVED]),
        "time": seconds,
    }
    root = ElementTree.Element("testsuites", {"name": "golive", **numbers})
    suite = ElementTree.SubElement(
        root,
        "testsuite",
        {"name": _text(f"golive {run.environment}"), **numbers, "timestamp": wording.iso(run.started_at)},
    )
    _properties(
        suite,
        {
            "verdict": str(run.verdict),
            "exit_code": str(run.exit_code),
            "reason": wording.reason(run),
            "complete": str(run.complete).lower(),
            "environment": run.environment,
            "release": run.release,
            "ticket": run.ticket,
            "run": run.run,
            "suite_version": run.suite_version,
        },
    )
    ElementTree.indent(root)
    begin, end, rest = ElementTree.tostring(root, encoding="unicode").rpartition("\n  </testsuite>")
    yield f'<?xml version="1.0" encoding="utf-8"?>\n{begin}'
    for row in sorted(run.rows, key=wording.order):
        case = _case(row)
        ElementTree.indent(case, level=2)
        yield "\n    " + ElementTree.tostring(case, encoding="unicode")
    yield f"{end}{rest}\n"


def _case(row: Row) -> ElementTree.Element:
    name = row.id.partition(".")[2] or row.id
    case = ElementTree.Element(
        "testcase",
        {"classname": _text(f"golive.{row.area}"), "name": _text(f"{name}[{row.target}]" if row.target else name)},
    )
    case.set("time", "0")
    _properties(
        case,
        {
            "severity": row.severity,
            "outcome": str(row.outcome),
            "scope": row.scope,
            **{name: text for name, text in (("standing", row.standing), ("rollback", row.rollback)) if text},
            "statements": ", ".join(row.statements),
        },
    )
    if row.outcome in _ELEMENT:
        parts = {
            "rule": row.rule,
            "cause": row.cause,
            "under": row.under,
            "seen": row.seen,
            "required": row.required,
            "note": row.note,
            "fix": row.fix,
            "see": row.see,
        }
        result = ElementTree.SubElement(
            case, _ELEMENT[row.outcome], {"message": wording.clip(_message(row), 1000), "type": str(row.outcome)}
        )
        result.text = "\n".join(f"{label}: {_text(text)}" for label, text in parts.items() if text)
    return case


def _message(row: Row) -> str:
    if row.outcome is Outcome.FAILED:
        return wording.line(f"seen: {row.seen}; required: {row.required}")
    if row.outcome is Outcome.CANNOT_TELL:
        why = row.cause or row.note or row.seen or "not seen"
        return wording.line(f"{why} (because of {row.under})" if row.under else why)
    return wording.line(f"{row.outcome}: {row.note or row.seen}")


def _properties(parent: ElementTree.Element, values: dict[str, str]) -> None:
    properties = ElementTree.SubElement(parent, "properties")
    for name, value in values.items():
        ElementTree.SubElement(properties, "property", {"name": name, "value": _text(value)})


def _text(text: str) -> str:
    return wording.plain(text)
