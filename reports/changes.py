"""What is other than in earlier runs: failures new, known and fixed, whether rolling back helps, drift. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from fixtures.vocabulary import Fact
from reports.past import Earlier, Key, Past
from reports.records import Drift, Outcome, Rollback, Row

Facts = Mapping[str, Mapping[str, Fact]]


def compared(rows: Iterable[Row], past: Past, release: str, now: str) -> list[Row]:
    """The rows with what earlier runs say of them; `now` is when this run began, an ISO text."""
    return [_compared(row, past, release, now) for row in rows]


def drift(before: Facts, now: Facts) -> tuple[Drift, ...]:
    """The facts that both runs know and that differ; of a set only what came and what went."""
    found = []
    for target, facts in now.items():
        for name, value in facts.items():
            earlier = before.get(target, {}).get(name, value)
            if earlier == value:
                continue
            if isinstance(earlier, tuple) and isinstance(value, tuple):
                gone, come = set(earlier) - set(value), set(value) - set(earlier)
                if not gone and not come:
                    continue
                earlier = tuple(one for one in earlier if one in gone)
                value = tuple(one for one in value if one in come)
            found.append(Drift(target, name, earlier, value))
    return tuple(found)


def vanished(baseline: Earlier | None, made: Iterable[Key]) -> tuple[str, ...]:
    """The rows that the baseline had and that nothing makes any more, as `check [target]`."""
    if baseline is None:
        return ()
    return tuple(f"{check} [{target}]" for check, target in sorted(baseline.known - set(made)))


def _compared(row: Row, past: Past, release: str, now: str) -> Row:
    key = row.id, row.target
    last = past.last(key)
    if row.finding:
        known = last is not None and last.failing
        standing = "known" if known else "new" if past.runs else ""
        rollback = str(_rollback(row, key, past.baseline, release)) if row.outcome is Outcome.FAILED else ""
        return replace(row, standing=standing, since=last.since if last and known else now, rollback=rollback)
    if row.outcome is Outcome.PASSED and last is not None and last.failing:
        return replace(row, standing="fixed", since=last.since)
    return row


def _rollback(row: Row, key: Key, baseline: Earlier | None, release: str) -> Rollback:
    """Only what this release may cause, and what was right before it, is healed by taking it back."""
    if row.scope != "release":
        return Rollback.DOES_NOT
    if baseline is None or key not in baseline.rows:
        return Rollback.MAY_HELP
    same = bool(release) and release == baseline.release
    return Rollback.DOES_NOT if baseline.rows[key].failing or same else Rollback.HELPS
