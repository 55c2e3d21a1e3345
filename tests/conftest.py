"""Tests that need Docker run where it is; where it isn't, they are left out and the summary says so, loudly.

`.ci/docker` sets GOLIVE_REQUIRE_DOCKER: then they run whatever is missing, and fail.
"""

from __future__ import annotations

import contextlib
import functools
import os
from pathlib import Path

import pytest

NEED_DOCKER = ("test_compose.py", "test_containers.py")


@functools.cache
def missing() -> str:
    """What the tests that start containers lack here; empty where they can run."""
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


@functools.cache
def lacking(name: str) -> str:
    """What the tests of this file lack here; empty where they can run."""
    if name not in NEED_DOCKER:
        return ""
    if name == "test_compose.py" and not missing() and not os.environ.get("GOLIVE_REQUIRE_DOCKER"):
        from fixtures.composing import find

        return "" if find() else "no Compose program"
    return missing()


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave the tests that start containers out where they can't run."""
    return True if lacking(collection_path.name) else None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was left out."""
    chosen = [str(argument) for argument in terminalreporter.config.args]
    names = {Path(argument).name for argument in chosen}
    for name in NEED_DOCKER:
        if names & {"tests", name} and lacking(name):
            terminalreporter.write_sep("!", f"LEFT OUT: tests/{name}", red=True)
            terminalreporter.write_line(f"{lacking(name)}. These tests did not run; .ci/docker runs them.")
