"""A finished run of any size, with every outcome in it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from reports.records import Outcome, Row, Run, Verdict

START = datetime(2026, 11, 24, 9, 15, tzinfo=UTC)


def finished(size: int) -> Run:
    """A NO-GO of so many rows."""
    outcomes = list(Outcome)
    rows = tuple(
        Row(
            id=f"area{n % 20}.check_{n}",
            target=f"endpoints.web{n % 50}",
            outcome=outcomes[n % len(outcomes)],
            severity="high",
            scope="release",
            rule="What must hold of the target, in one sentence of ordinary length.",
            seen="what was seen instead, with a value or two",
            required="what is required",
            fix="what to do about it",
            see="a command that shows the same",
            statements=(f"area.statement_{n}",),
            note="a note",
            cause=f"postgres.db{n % 7}: connection refused",
        )
        for n in range(size)
    )
    return Run(
        verdict=Verdict.NO_GO,
        exit_code=1,
        reason="many blocking",
        environment="bench",
        release="4f2c1ab",
        ticket="",
        run="gate",
        started_at=START,
        judged_at=START + timedelta(seconds=48),
        complete=True,
        selected=size,
        generated=size,
        rows=rows,
        not_covered=(),
        warnings=(),
        evidence=(),
    )
