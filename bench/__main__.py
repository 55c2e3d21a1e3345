"""What the suite costs, as a table (`make bench`): every figure beside what is allowed (DESIGN 13)."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench import endpoints, rows, tls
from fixtures.probes import load_probes

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Figure:
    """One line of the table: what was measured, beside what, and how much of it is allowed."""

    name: str
    seconds: float
    beside: str
    reference: float

    @property
    def ratio(self) -> float:
        """The measured time as a part of the allowed."""
        return self.seconds / self.reference

    def __str__(self) -> str:
        word = "ok" if self.ratio <= 1 else "MORE"
        measured = f"{self.name:<34} {self.seconds:>7.2f} s {self.beside:<34} {self.reference:>7.2f} s"
        return f"{measured} {self.ratio:>6.2f}  {word}"


def best(action: Callable[[], object], times: int = 3) -> float:
    """The shortest of some tries, in seconds of wall time."""
    tries = []
    for _ in range(times):
        began = time.perf_counter()
        action()
        tries.append(time.perf_counter() - began)
    return min(tries)


def run(*options: str) -> subprocess.CompletedProcess[str]:
    """One pytest run of the suite, as an operator starts it."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip


def gathering(directory: Path) -> Figure:
    """The time from the first look to the last answer, beside the slowest probe alone; experiments come after both."""
    document = json.loads((directory / "verdict.json").read_text(encoding="utf-8"))
    kinds = {kind.__name__ for kind, probes in load_probes().items() if not any(one.experiment for one in probes)}
    files = {path: json.loads(path.read_text(encoding="utf-8")) for path in (directory / "evidence").glob("*.json")}
    files = {path: piece for path, piece in files.items() if piece["kind"] in kinds}
    pieces = list(files.values())
    written = max(path.stat().st_mtime for path in files)
    declared = (directory / "environment.json").stat().st_mtime
    slowest = max(pieces, key=lambda piece: float(piece["seconds"]))
    total = sum(float(piece["seconds"]) for piece in pieces)
    print(  # noqa: T201
        f"{len(pieces)} pieces of evidence for {len(document['checks'])} checks, {total:.2f} s one after another;"
        f" the slowest is {slowest['kind']} of {slowest['target']}"
    )
    return Figure("gathering", written - declared, "1.15 x the slowest probe + 1 s", 1.15 * slowest["seconds"] + 1)


def stack() -> tuple[float, float]:
    """Seconds to start a healthy stack, and to end it."""
    from fixtures.stack import start

    began = time.perf_counter()
    running = start()
    started = time.perf_counter()
    running.stop()
    return started - began, time.perf_counter() - started


def reports() -> float:
    """Seconds to render every report of a run of 1,000 rows."""
    from reports.html import page
    from reports.junit import junit
    from reports.markdown import summary
    from reports.terminal import lines
    from reports.verdict_json import document

    finished = rows.finished(1000)

    def render() -> None:
        for form in (page, junit, summary, lines, document):
            list(form(finished))

    return best(render)


def main() -> int:
    """Measure, print, and fail if anything takes more than it may."""
    bare = best(lambda: subprocess.run([sys.executable, "-c", "import pytest"], check=True))
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name) / "run"
        began = time.perf_counter()
        finished = run("--env=demo", f"--report-dir={directory}")
        whole = time.perf_counter() - began
        if finished.returncode:
            print(finished.stdout + finished.stderr)  # noqa: T201
            return finished.returncode
        gathered = gathering(directory)
        again = best(lambda: run(f"--replay={directory}", f"--report-dir={Path(name) / 'again'}"))
    started, stopped = stack()
    figures = [
        gathered,
        Figure("--list-checks", best(lambda: run("--list-checks")), "one second", 1.0),
        Figure("--help", best(lambda: run("--help")), "one second", 1.0),
        Figure("every report of 1,000 rows", reports(), "one second", 1.0),
    ]
    print(f"{'measured':<34} {'':>9} {'allowed':<34} {'':>9} {'ratio':>6}")  # noqa: T201
    for figure in figures:
        print(figure)  # noqa: T201
    print("for comparison, without a limit:")  # noqa: T201
    for label, seconds, other, reference in (
        ("a whole run of demo", whole, "its slowest probe", (gathered.reference - 1) / 1.15),
        ("a replay of it", again, "python -c 'import pytest'", bare),
        ("starting the stack", started, "the whole run", whole),
        ("ending the stack", stopped, "the whole run", whole),
    ):
        print(f"{label:<34} {seconds:>7.2f} s {other:<34} {reference:>7.2f} s {seconds / reference:>6.2f}")  # noqa: T201
    wrong = tls.main() + endpoints.main()
    return int(bool(wrong) or any(figure.ratio > 1 for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
