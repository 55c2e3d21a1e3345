"""Tests that need Docker run where it is; where it isn't, they are left out and the summary says so, loudly.

`.ci/docker` sets GOLIVE_REQUIRE_DOCKER: then they run whatever is missing, and fail.
"""

from __future__ import annotations

import contextlib
import functools
import os
from pathlib import Path

import pytest

CONTAINERS = "test_containers.py"


@functools.cache
def missing() -> str:
    """What the container tests lack here; empty where they can run."""
    if os.environ.get("GOLIVE_REQUIRE_DOCKER"):
        return ""
    from fixtures.stack import images
    from fixtures.stack.containers import connect
    from fixtures.stack.errors import StackError

    try:
        daemon = connect().client
    except StackError as error:
        return str(error).partition(": ")[0]
    with contextlib.closing(daemon) as client:
        known = images.present(client, images.tag()) or images.present(client, images.BASE)
    return "" if known else f"the image {images.BASE} is not on the Docker daemon"


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave the container tests out where they can't run."""
    return True if collection_path.name == CONTAINERS and missing() else None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was left out."""
    chosen = [str(argument) for argument in terminalreporter.config.args]
    everything = any(Path(argument).name in ("tests", CONTAINERS) for argument in chosen)
    if everything and missing():
        terminalreporter.write_sep("!", f"LEFT OUT: tests/{CONTAINERS}", red=True)
        terminalreporter.write_line(f"{missing()}. The container tests did not run; .ci/docker runs them.")
