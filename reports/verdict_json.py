"""verdict.json: the run for programs; its shape is reports/verdict.schema.json."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from reports import wording
from reports.records import Outcome, Row, Run, Verdict
from reports.verdict import EXIT

SCHEMA = 1


def document(run: Run, clean: Callable[[Any], Any] = lambda value: value) -> Iterator[str]:
    """The finished run in pieces of JSON, each check on a line of its own; a narrowed run is never complete.

    Every value is passed through `clean` before it becomes text.
    """
    for number, (name, value) in enumerate(_parts(run)):
        yield f"{',' if number else '{'}\n {json.dumps(name)}: "
        if isinstance(value, Iterator):
            yield "["
            for place, item in enumerate(value):
                yield f"{',' if place else ''}\n  {_dumped(clean(item))}"
            yield "]"
        else:
            yield _dumped(clean(value))
    yield "\n}\n"


def _dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _parts(run: Run) -> Iterator[tuple[str, Any]]:
    counted = wording.counts(run)
    head = {
        "schema": SCHEMA,
        "verdict": str(run.verdict),
        "exit_code": run.exit_code,
        "complete": run.complete,
        "environment": run.environment,
        "release": run.release,
        "ticket": run.ticket,
        "run": run.run,
        "started_at": wording.iso(run.started_at),
        "judged_at": wording.iso(run.judged_at),
        "replayed": run.replayed,
        "seen": {"first": run.seen[0], "last": run.seen[1]} if run.seen else None,
        "reason": wording.reason(run),
        "counts": {
            "generated": run.generated,
            "selected": run.selected,
            **{str(outcome): number for outcome, number in counted.items()},
        },
    }
    yield from _clean(head).items()
    yield "checks", (_clean(_check(row)) for row in sorted(run.rows, key=wording.order))
    yield "not_covered", _clean(run.not_covered)
    yield "warnings", _clean(run.warnings)
    yield "evidence", (_clean(asdict(note)) for note in run.evidence)
    compared = {
        "rechecked": run.rechecked,
        "baseline": _baseline(run),
        "vanished": run.vanished,
        "drift": [asdict(one) for one in run.drift],
        "facts": run.facts,
        "measures": run.measures,
    }
    yield from _clean(compared).items()


def _check(row: Row) -> dict[str, Any]:
    return {
        "id": row.id,
        "target": row.target,
        "outcome": str(row.outcome),
        "severity": row.severity,
        "scope": row.scope,
        "rule": row.rule,
        "seen": row.seen,
        "required": row.required,
        "fix": row.fix,
        "see": row.see,
        "statements": row.statements,
        "note": row.note,
        "cause": row.cause,
        "under": row.under,
        "standing": row.standing,
        "since": row.since,
        "rollback": row.rollback,
    }


def _baseline(run: Run) -> dict[str, str] | None:
    found = run.baseline
    if found is None:
        return None
    return {
        "directory": found.directory,
        "verdict": found.verdict,
        "release": found.release,
        "started_at": wording.iso(found.started_at),
    }


def unfinished(
    environment: str, release: str, started_at: datetime, run: str, *, ticket: str = "", replayed: bool = False
) -> dict[str, Any]:
    """What stands in verdict.json while a run is under way, and for ever if it is killed: CANNOT TELL."""
    found: dict[str, Any] = {
        "schema": SCHEMA,
        "verdict": str(Verdict.CANNOT_TELL),
        "exit_code": EXIT[Verdict.CANNOT_TELL],
        "complete": False,
        "environment": environment,
        "release": release,
        "ticket": ticket,
        "run": run,
        "started_at": wording.iso(started_at),
        "judged_at": None,
        "replayed": replayed,
        "seen": None,
        "reason": "the run has not finished",
        "counts": {"generated": 0, "selected": 0, **{str(outcome): 0 for outcome in Outcome}},
        "checks": [],
        "not_covered": [],
        "warnings": [],
        "evidence": [],
        "rechecked": "",
        "baseline": None,
        "vanished": [],
        "drift": [],
        "facts": {},
        "measures": {},
    }
    cleaned: dict[str, Any] = _clean(found)
    return cleaned


def _clean(value: Any) -> Any:
    # A lone surrogate or an escape sequence must break neither the file nor a terminal that shows it.
    if isinstance(value, str):
        return wording.plain(value)
    if isinstance(value, Mapping):
        return {name: _clean(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(item) for item in value]
    return value
