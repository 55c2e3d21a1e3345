"""The drill: a healthy stack is GO, and each fault alone is caught by exactly the checks it names (DESIGN 10).

`python -m tests.drill [--env=containers] [--lanes=N] [FAULT...]`; without faults, all that the environment's launcher
can make. Each lane is a process with a stack of its own: most of a drill is waiting.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg

from fixtures.catalogue import Binding, experiments, needed
from fixtures.environment.loading import load
from fixtures.environment.policy import Stack as Wanted
from fixtures.evidence.reading import Reader
from fixtures.run import Run
from fixtures.stack import start
from fixtures.stack.errors import StackError
from fixtures.stack.faults import Fault, load_faults
from fixtures.stack.stack import Stack
from reports.outcomes import raw
from reports.records import Outcome

DEMO = "demo"
LANES = 3
WORTH = 8
"""Faults that make another stack worth its start."""


def judge_all(
    stack: Stack, directory: Path, wanted: frozenset[str] | set[str] | None = None, env: str = DEMO
) -> dict[str, set[Outcome]]:
    """The raw outcomes of every check of an environment, by id, on a stack as it is now.

    Experiments take seconds each: they are made only where one of the `wanted` checks judges them (None: all).
    """
    environment = load(env, variables=stack.variables)
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


def deviations(stack: Stack, fault: Fault, directory: Path, env: str = DEMO) -> list[str]:
    """Put a fault into a stack, look, and mend it; how what is seen differs from what the fault declares."""
    wanted = stack_of(env)
    launcher = wanted.launcher if wanted else ""
    catching, unseen = fault.caught_in(launcher), fault.unseen_in(launcher)
    stack.apply(fault.change)
    try:
        for statement in fault.sql:
            stack.sql(statement)
        seen = judge_all(stack, directory, {*catching, *unseen}, env)
    finally:
        for statement in fault.undo:
            stack.sql(statement)
        stack.reset()
    return [
        f"{word}: missed {sorted(set(declared) - found)}, too many {sorted(found - set(declared))}"
        for word, found, declared in (
            ("failed", ids(seen, Outcome.FAILED), catching),
            ("cannot tell", ids(seen, Outcome.CANNOT_TELL), unseen),
        )
        if found != set(declared)
    ]


def stack_of(env: str) -> Wanted | None:
    """What an environment says of its stack."""
    return load(env, defer_stack=True).settings.stack


def drill(faults: Sequence[Fault], env: str = DEMO) -> int:
    """Print one line a fault; the number of faults that were not caught exactly."""
    wrong, left = 0, list(faults)
    while left:
        with start(wanted=stack_of(env)) as stack, tempfile.TemporaryDirectory() as scratch:
            healthy = judge_all(stack, Path(scratch) / "healthy", env=env)
            bad = ids(healthy, Outcome.FAILED) | ids(healthy, Outcome.CANNOT_TELL)
            if bad:
                tell(f"the healthy stack is not GO: {sorted(bad)}")
                return wrong + len(left)
            while left:
                fault = left.pop(0)
                try:
                    wrong += not caught(stack, fault, Path(scratch) / fault.id, env)
                except (psycopg.Error, StackError) as error:
                    tell(f"WRONG  {fault.id}: {type(error).__name__}: {str(error).strip()}")
                    wrong += 1
                    break  # whatever it left would be seen with every fault that follows: a new stack
    tell(f"{len(faults) - wrong} passed, {wrong} failed")
    return wrong


def caught(stack: Stack, fault: Fault, directory: Path, env: str) -> bool:
    """Whether exactly what a fault names catches it; a line says so."""
    clock = time.monotonic()
    differences = deviations(stack, fault, directory, env)
    if again := bool(differences):
        # A busy machine makes a look slow or lets one time out; what is really wrong is wrong twice.
        tell(f"again  {fault.id}: {'; '.join(differences)}")
        differences = deviations(stack, fault, directory.with_name(f"{fault.id}-again"), env)
    word = "WRONG " if differences else "caught"
    which = ", at the second try" if again and not differences else ""
    tell(f"{word} {fault.id} ({time.monotonic() - clock:.1f} s{which})", *(f"    {each}" for each in differences))
    return not differences


def tell(*lines: str) -> None:
    """Print lines at once: whoever deals faults to lanes reads them as they come."""
    print("\n".join(lines), flush=True)  # noqa: T201


def in_lanes(faults: Sequence[Fault], env: str, lanes: int) -> int:
    """Deal the faults to processes of this program, print their lines as they come; the number of lanes that failed."""

    def lane(number: int) -> int:
        names = [fault.id for fault in faults[number::lanes]]
        command = [sys.executable, "-m", "tests.drill", f"--env={env}", "--lanes=1", *names]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
            for line in process.stdout or ():
                tell(f"{number + 1} {line.rstrip()}")
            return int(process.wait() != 0)

    with ThreadPoolExecutor(lanes) as pool:
        return sum(pool.map(lane, range(lanes)))


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code of a drill: 0 when every fault was caught by exactly the checks it names."""
    parser = argparse.ArgumentParser(prog="python -m tests.drill", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--env", default=DEMO, help="an environment with a stack: demo (the default), containers")
    parser.add_argument("--lanes", type=int, default=LANES, help=f"stacks at the same time ({LANES})")
    parser.add_argument("faults", nargs="*", metavar="FAULT", help="ids; without one, every fault")
    given = parser.parse_args(arguments)
    known = {fault.id: fault for fault in load_faults()}
    if unknown := [name for name in given.faults if name not in known]:
        parser.error(f"no such fault: {', '.join(unknown)}")
    wanted = stack_of(given.env)
    if wanted is None or wanted.compose:
        parser.error(f"{given.env} has no stack of this suite's")
    chosen = [known[name] for name in given.faults] or [each for each in known.values() if each.fits(wanted.launcher)]
    if unfit := [fault.id for fault in chosen if not fault.fits(wanted.launcher)]:
        parser.error(f"not to be made by the launcher {wanted.launcher}: {', '.join(unfit)}")
    lanes = min(given.lanes, len(chosen) // WORTH)
    if lanes > 1:
        return 1 if in_lanes(chosen, given.env, lanes) else 0
    try:
        return 1 if drill(chosen, given.env) else 0
    except StackError as error:
        print(f"no stack: {error}", file=sys.stderr)  # noqa: T201
        return 1


if __name__ == "__main__":
    sys.exit(main())
