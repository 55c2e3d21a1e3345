"""What the container tests look at from outside: runs of the gate, and what they leave on the daemon."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fixtures.stack import cleaning

ROOT = Path(__file__).parents[1]


def begin(
    directory: Path, env: str, *options: str, variables: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    """Start a run of the gate."""
    return subprocess.Popen(
        [
            sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), f"--rootdir={ROOT}",
            str(ROOT / "checks"), f"--report-dir={directory}", f"--env={env}", "-p", "no:cacheprovider", *options,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd="/",
        env={**os.environ, **(variables or {})},
    )  # fmt: skip


def gate(directory: Path, env: str, *options: str, variables: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Run the gate: its exit code and what it printed."""
    process = begin(directory, env, *options, variables=variables)
    output, _ = process.communicate(timeout=150)
    return process.returncode, output


def verdict(directory: Path) -> dict[str, Any]:
    """The verdict that a run wrote."""
    document: dict[str, Any] = json.loads((directory / "verdict.json").read_text(encoding="utf-8"))
    return document


def outcomes(directory: Path) -> list[tuple[str, str, str]]:
    """Id, target and outcome of every row of a run."""
    return sorted((row["id"], row["target"], row["outcome"]) for row in verdict(directory)["checks"])


def of_owner(client: Any, pid: int) -> list[Any]:
    """Containers, networks and volumes of stacks that a process owns."""
    wanted = {"label": f"golive.pid={pid}"}
    return [
        *client.containers.list(all=True, filters=wanted, ignore_removed=True),
        *client.networks.list(filters=wanted),
        *client.volumes.list(filters=wanted),
    ]


def directories(pid: int) -> list[Path]:
    """Run directories of stacks that a process owns."""
    return list(Path("/tmp").glob(f"golive-stack-{pid}-*"))


def nothing_is_left(client: Any, pid: int, within: float = 15.0) -> None:
    """No container, network, volume or directory of the owner's stacks is there any more, or soon."""
    until(lambda: not of_owner(client, pid) and not directories(pid), within)


def until(true: Callable[[], object], within: float = 40.0) -> None:
    """Wait for a moment; an error if it does not come."""
    limit = time.monotonic() + within
    while not true():
        if time.monotonic() > limit:
            raise AssertionError("the moment did not come")
        time.sleep(0.05)


def runs_seen(client: Any, since: float, owner: int) -> set[str]:
    """The runs whose containers were made since a moment, by the daemon's own record."""
    found = set()
    for event in client.events(
        since=int(since), until=int(time.time()) + 1, filters={"type": "container", "event": "create"}, decode=True
    ):
        attributes = event["Actor"]["Attributes"]
        if attributes.get("golive.pid") == str(owner):
            found.add(attributes[cleaning.RUN])
    return found
