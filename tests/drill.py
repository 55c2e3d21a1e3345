"""The drill: a healthy stack is GO, and each fault alone is caught by exactly the checks it names (DESIGN 10)."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from fixtures.catalogue import Binding, experiments, needed
from fixtures.environment.loading import load
from fixtures.evidence.reading import Reader
from fixtures.run import Run
from fixtures.stack import start
from fixtures.stack.faults import Fault, load_faults
from fixtures.stack.stack import Stack
from reports.outcomes import raw
from reports.records import Outcome


def judge_all(
    stack: Stack, directory: Path, wanted: frozenset[str] | set[str] | None = None
) -> dict[str, set[Outcome]]:
    """The raw outcomes of every check of the demo environment, by id, on a stack as it is now.

    Experiments take seconds each: they are made only where one of the `wanted` checks judges them (None: all).
    """
    environment = load("demo", variables=stack.variables)
    run = Run(environment, directory, stack=stack, control=stack)
    run.store.open()
    rows = [row for row in run.rows if wanted is None or row.check.id in wanted or not experiments(row)]
    made = {piece for row in rows if experiments(row) for piece in needed([row])}
    rows += [row for row in run.rows if row not in rows and made.issuperset(needed([row]))]
    run.look(rows)
    reader = run.reader(0.0)
    outcomes: dict[str, set[Outcome]] = {}
    for row in rows:
        outcomes.setdefault(row.check.id, set()).add(outcome(row, reader))
    return outcomes


def outcome(row: Binding, reader: Reader) -> Outcome:
    """The raw outcome of one row."""
    try:
        reader.judge(row)
    except Exception as error:  # noqa: BLE001, RUF100 - whatever a check raises is classified
        return raw(error, row.target).outcome
    return Outcome.PASSED


def ids(outcomes: dict[str, set[Outcome]], wanted: Outcome) -> set[str]:
    """The checks that have an outcome on at least one target."""
    return {check for check, seen in outcomes.items() if wanted in seen}


def drill(faults: Sequence[Fault]) -> int:
    """Print one line a fault; the number of faults that were not caught exactly."""
    wrong = 0
    with start() as stack, tempfile.TemporaryDirectory() as scratch:
        healthy = judge_all(stack, Path(scratch) / "healthy")
        bad = ids(healthy, Outcome.FAILED) | ids(healthy, Outcome.CANNOT_TELL)
        if bad:
            print(f"the healthy stack is not GO: {sorted(bad)}")  # noqa: T201
            return 1
        for fault in faults:
            clock = time.monotonic()
            stack.apply(fault.change)
            for statement in fault.sql:
                stack.sql(statement)
            seen = judge_all(stack, Path(scratch) / fault.id, {*fault.caught_by, *fault.cannot_tell})
            for statement in fault.undo:
                stack.sql(statement)
            stack.reset()
            failed, unseen = ids(seen, Outcome.FAILED), ids(seen, Outcome.CANNOT_TELL)
            exact = failed == set(fault.caught_by) and unseen == set(fault.cannot_tell)
            wrong += not exact
            print(f"{'caught' if exact else 'WRONG '} {fault.id} ({time.monotonic() - clock:.1f} s)")  # noqa: T201
            for word, found, declared in (
                ("failed", failed, set(fault.caught_by)),
                ("cannot tell", unseen, set(fault.cannot_tell)),
            ):
                if found != declared:
                    print(f"    {word}: missed {sorted(declared - found)}, too many {sorted(found - declared)}")  # noqa: T201
            sys.stdout.flush()
    print(f"{len(faults) - wrong} passed, {wrong} failed")  # noqa: T201
    return wrong


if __name__ == "__main__":
    chosen = [fault for fault in load_faults() if not sys.argv[1:] or fault.id in sys.argv[1:]]
    sys.exit(1 if drill(chosen) else 0)
