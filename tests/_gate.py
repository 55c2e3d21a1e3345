"""Runs of the gate as an operator starts them, for the tests that look at them from outside."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jsonschema

ROOT = Path(__file__).parents[1]
SCHEMA = json.loads((ROOT / "reports" / "verdict.schema.json").read_text(encoding="utf-8"))
UNFINISHED = "unfinished"


def command(directory: Path | None, *options: str, root: Path = ROOT) -> list[str]:
    """The command line of a run, from any directory; without a report directory it is the default one."""
    given = [f"--report-dir={directory}"] if directory else []
    return [
        sys.executable, "-m", "pytest", "-c", str(root / "pyproject.toml"), f"--rootdir={root}", str(root / "checks"),
        "-p", "no:cacheprovider", *given, *options,
    ]  # fmt: skip


def gate(
    directory: Path | None, *options: str, root: Path = ROOT, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the gate from another directory than the repository's."""
    return subprocess.run(
        command(directory, *options, root=root),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        cwd=directory.parent if directory else "/",
        env={**os.environ, **(env or {})},
    )


def begin(directory: Path | None, *options: str, root: Path = ROOT) -> subprocess.Popen[str]:
    """Start a run, and leave it to the caller."""
    return subprocess.Popen(
        command(directory, *options, root=root),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=directory.parent if directory else "/",
    )


def until(true: Callable[[], object], within: float = 30.0) -> None:
    """Wait for a moment of a run; an error if it does not come."""
    limit = time.monotonic() + within
    while not true():
        if time.monotonic() > limit:
            raise AssertionError("the moment did not come")
        time.sleep(0.005)


def last(run: subprocess.CompletedProcess[str]) -> str:
    """The last line a run printed."""
    return run.stdout.strip().splitlines()[-1]


def verdict(directory: Path) -> dict[str, Any]:
    """A run's `verdict.json`, which must fit its schema whatever kind of run it was."""
    document: dict[str, Any] = json.loads((directory / "verdict.json").read_text(encoding="utf-8"))
    jsonschema.validate(document, SCHEMA, cls=jsonschema.Draft202012Validator)
    return document


def outcomes(directory: Path) -> list[tuple[str, str, str]]:
    """Id, target and outcome of every row of a run."""
    return sorted((row["id"], row["target"], row["outcome"]) for row in verdict(directory)["checks"])


def copy_of_the_repository(directory: Path) -> Path:
    """The repository's tree, to be run and changed without touching the repository."""
    for name in ("checks", "docs", "environments", "fixtures", "reports"):
        shutil.copytree(ROOT / name, directory / name, ignore=shutil.ignore_patterns("__pycache__", "out"))
    for name in ("conftest.py", "pyproject.toml"):
        shutil.copy(ROOT / name, directory)
    return directory


def stack_directories(owner: int) -> list[Path]:
    """The directories of the stack that a run started."""
    return list(Path("/tmp").glob(f"golive-stack-{owner}-*"))


def assert_nothing_is_left(owner: int) -> None:
    """No process and no directory of the run's stack is there any more, or soon."""
    limit = time.monotonic() + 12
    left: list[str] = []
    while time.monotonic() < limit:
        left = [str(path) for path in stack_directories(owner)]
        left += [str(path) for path in Path("/proc").glob("[0-9]*") if _belongs(path, owner)]
        if not left:
            return
        time.sleep(0.1)
    raise AssertionError(f"left behind: {left}")


def _belongs(process: Path, owner: int) -> bool:
    try:
        line = (process / "cmdline").read_bytes()
    except OSError:
        return False
    return f"golive-stack-{owner}-".encode() in line
