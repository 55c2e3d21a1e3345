"""What a run has to say about the waivers themselves: unused, soon over, over (DESIGN 5 and 6). Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from reports.records import Outcome, Row

if TYPE_CHECKING:
    from fixtures.environment.policy import Waiver

SOON = 14
"""Days before a waiver ends from which on it is told."""


def review(waivers: Iterable[Waiver], rows: Iterable[Row], moment: datetime, *, complete: bool) -> tuple[str, ...]:
    """One line for each waiver that needs somebody; `complete`: the rows are all that the environment makes."""
    rows = list(rows)
    lines = (_line(waiver, rows, moment, complete) for waiver in waivers)
    return tuple(line for line in lines if line)


def _line(waiver: Waiver, rows: list[Row], moment: datetime, complete: bool) -> str:
    own = [row for row in rows if waiver.names(row.id, row.target)]
    name = f"waiver {waiver.ticket} for {waiver.check}"
    days = (waiver.until - moment.date()).days
    if complete and not own:
        return f"{name} on {waiver.target} is unused: it names no check of this run"
    # One that names a single row is told there.
    needless = waiver.is_pattern and waiver.outcome == "failed" and all(row.outcome is Outcome.PASSED for row in own)
    if complete and needless:
        return f"{name} on {waiver.target} is not needed: all {len(own)} checks it names pass"
    if days < 0:
        return f"{name} expired on {waiver.until}"
    if days > SOON:
        return ""
    return f"{name} expires {'today' if not days else f'in {days} days' if days > 1 else 'tomorrow'}"
