"""Earlier runs of an environment as their `verdict.json` tells them: what a run is compared with."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fixtures.vocabulary import Fact
from reports.records import Outcome, is_finding

VERDICT = "verdict.json"
MOST_BYTES = 64 * 1024 * 1024
MOST_RUNS = 200
"""Directories that are looked into for the last GO."""

Key = tuple[str, str]
"""A check and its target, by their ids."""


class BadPast(Exception):  # noqa: N818
    """A directory that holds no run to compare with, told in one line."""


@dataclass(frozen=True)
class Before:
    """What an earlier run said of a row; `since` is when it began to fail, an ISO text, empty where it passed."""

    failing: bool
    since: str = ""


@dataclass(frozen=True)
class Earlier:
    """A finished run; `at` is when it began, `good` whether it was GO of all there was.

    `rows` are those that it could judge, `known` all that it had.
    """

    directory: Path
    environment: str
    verdict: str
    release: str
    at: datetime
    good: bool
    rows: Mapping[Key, Before] = field(default_factory=dict)
    known: frozenset[Key] = frozenset()
    facts: Mapping[str, Mapping[str, Fact]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What it is called in one word: its release, else its directory."""
        return self.release or self.directory.name


@dataclass(frozen=True)
class Past:
    """The runs since the last GO, the newest first, and that one, where there is any."""

    baseline: Earlier | None = None
    runs: tuple[Earlier, ...] = ()

    def last(self, key: Key) -> Before | None:
        """What the newest run that could judge a row said of it."""
        return next((run.rows[key] for run in self.runs if key in run.rows), None)


def named(directory: Path, environment: str) -> Past:
    """The run at a directory, else the past among the runs below it; raises `BadPast` where there is neither."""
    if (directory / VERDICT).is_file():
        run = read(directory)
        if run is None:
            raise BadPast("its run did not finish, or is a replay of another")
        if run.environment != environment:
            raise BadPast(f"a run of {run.environment}, not of {environment}")
        return Past(run, (run,))
    if not directory.is_dir():
        raise BadPast("no such directory")
    if not any(True for _ in _directories(directory)):
        raise BadPast(f"no {VERDICT} there, nor in a directory below")
    return below(directory, environment)


def below(runs: Path, environment: str, before: datetime | None = None, but: Path | None = None) -> Past:
    """The runs of an environment below a directory, back to the last GO; none that began at `before` or later."""
    if before is not None:
        before = before.replace(microsecond=0)  # as `verdict.json` has it
    found: list[Earlier] = []
    for directory in _newest_first(runs):
        if directory == but:
            continue
        try:
            run = read(directory)
        except BadPast:
            continue
        if run is None or run.environment != environment or (before is not None and run.at >= before):
            continue
        found.append(run)
        if run.good:
            return Past(run, tuple(found))
    return Past(None, tuple(found))


def read(directory: Path) -> Earlier | None:
    """The run that was written to a directory; raises `BadPast`.

    None where it did not finish, or was another judged again.
    """
    try:
        path = directory / VERDICT
        if path.stat().st_size > MOST_BYTES:
            raise BadPast(f"{VERDICT} is too large to be one")
        document = json.loads(path.read_text(encoding="utf-8"))
        return _run(directory, document)
    except FileNotFoundError:
        raise BadPast(f"no {VERDICT} there") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise BadPast(f"{VERDICT} is not one of this suite") from None


def _run(directory: Path, document: Mapping[str, Any]) -> Earlier | None:
    if document["judged_at"] is None:
        return None
    if document["replayed"] and not document.get("merged"):
        return None
    at = _moment(document["started_at"])
    rows: dict[Key, Before] = {}
    for row in document["checks"]:
        outcome, note, cause = Outcome(row["outcome"]), str(row["note"]), str(row["cause"])
        if is_finding(outcome, cause, note):
            rows[row["id"], row["target"]] = Before(failing=True, since=str(row.get("since") or _iso(at)))
        elif outcome is Outcome.PASSED:
            rows[row["id"], row["target"]] = Before(failing=False)
    facts = document.get("facts", {})
    return Earlier(
        directory=directory,
        environment=str(document["environment"]),
        verdict=str(document["verdict"]),
        release=str(document["release"]),
        at=at,
        good=document["exit_code"] == 0 and document["complete"] is True,
        rows=rows,
        known=frozenset((row["id"], row["target"]) for row in document["checks"]),
        facts={str(target): {str(name): _fact(value) for name, value in of.items()} for target, of in facts.items()},
    )


def _fact(value: Any) -> Fact:
    return tuple(map(str, value)) if isinstance(value, list) else str(value)


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _newest_first(runs: Path) -> list[Path]:
    """Directories of runs by when their verdict was written."""
    stamped = sorted(((path.stat().st_mtime, path.parent) for path in _directories(runs)), reverse=True)
    return [directory for _, directory in stamped[:MOST_RUNS]]


def _directories(runs: Path) -> Iterator[Path]:
    for path in runs.glob(f"*/{VERDICT}"):
        # `latest` leads to one that is listed itself.
        if not path.parent.is_symlink() and path.is_file():
            yield path
