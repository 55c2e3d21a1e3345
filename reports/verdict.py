"""The verdict of a run from its outcomes: the worst wins (DESIGN 6). Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from reports.causes import clause
from reports.records import Outcome, Rollback, Row, Verdict

EXIT = {Verdict.GO: 0, Verdict.GO_WITH_WARNINGS: 0, Verdict.NO_GO: 1, Verdict.CANNOT_TELL: 10}
_SHORT = {Rollback.DOES_NOT: "does not"}
INTERNAL = 3
"""The exit code of a run that could not be judged or written down; pytest's own for an internal error."""


def verdict(
    rows: Iterable[Row],
    *,
    expected: int,
    generated: int,
    protected: bool,
    interrupted: str = "",
    vanished: int = 0,
) -> tuple[Verdict, int, str]:
    """Verdict, exit code and the reason in one clause.

    `expected` rows were selected of the `generated` that the environment makes; `interrupted` says why the run did not
    reach its end. A narrowed run is never a plain GO on a protected environment, and one that saw nothing is none
    anywhere, however little what it did not see is worth; nor is one of which `vanished` rows nobody judges any more.
    """
    rows = list(rows)
    count = {outcome: sum(row.outcome is outcome for row in rows) for outcome in Outcome}
    failed, unseen = count[Outcome.FAILED], count[Outcome.CANNOT_TELL] + max(0, expected - len(rows))
    if interrupted:
        return _answer(Verdict.CANNOT_TELL, interrupted)
    if failed:
        return _answer(Verdict.NO_GO, _blocking(rows, failed, unseen))
    if not expected or not rows:
        return _answer(Verdict.CANNOT_TELL, "no check was run")
    if unseen:
        causes = clause(row for row in rows if row.outcome is Outcome.CANNOT_TELL)
        where = f" ({causes})" if causes else ""
        return _answer(Verdict.CANNOT_TELL, f"{unseen} of {expected} checks not seen{where}")
    if all(row.blind for row in rows):
        return _answer(Verdict.CANNOT_TELL, f"nothing was seen ({clause(rows)})")
    warned, waived = count[Outcome.WARNED], count[Outcome.WAIVED]
    if warned or waived or vanished:
        counted = (warned, "warned"), (waived, "waived"), (vanished, "vanished")
        parts = [f"{n} {word}" for n, word in counted if n]
        answer = _answer(Verdict.GO_WITH_WARNINGS, ", ".join(parts))
    else:
        answer = _answer(Verdict.GO, f"{len(rows)} of {expected} checks passed")
    return (answer[0], EXIT[Verdict.CANNOT_TELL], answer[2]) if expected < generated and protected else answer


def ended(exit_code: int) -> str:
    """What pytest's own exit code says of a run that did not reach its end; empty where it says nothing of it."""
    return {2: "interrupted", INTERNAL: "internal error"}.get(exit_code, "")


def _blocking(rows: list[Row], failed: int, unseen: int) -> str:
    under = [row for row in rows if row.under]
    others = unseen - sum(row.outcome is Outcome.CANNOT_TELL for row in under)
    parts = [f"{failed} blocking{_standing(rows)}"]
    if under:
        roots = sorted({row.under.partition(" [")[0] for row in under})
        parts.append(f"{len(under)} not seen because of {'it' if failed == 1 else ', '.join(roots)}")
    if others:
        parts.append(f"{others} {'more ' if under else ''}not seen")
    return ", ".join(parts)


def _standing(rows: list[Row]) -> str:
    """` (1 new, rollback helps; 1 known, it does not)`; nothing where there is no earlier run to compare with."""
    found = Counter((row.standing, row.rollback) for row in rows if row.outcome is Outcome.FAILED)
    parts: list[str] = []
    for standing in ("new", "known"):
        for rollback in Rollback:
            if number := found[standing, rollback]:
                who = "it" if parts else "rollback"
                parts.append(f"{number} {standing}, {who} {_SHORT.get(rollback, rollback) if parts else rollback}")
    return f" ({'; '.join(parts)})" if parts else ""


def _answer(word: Verdict, because: str) -> tuple[Verdict, int, str]:
    return word, EXIT[word], because
