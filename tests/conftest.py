"""Tests that need Docker, or TLS servers of several kinds, run where these are; elsewhere they are left out, loudly.

`.ci/docker` sets GOLIVE_REQUIRE_DOCKER, `.ci/servers` GOLIVE_REQUIRE_SERVERS: then they run whatever is missing, and
fail.
"""

from __future__ import annotations

import contextlib
import functools
import os
from pathlib import Path

import pytest

CONTAINERS, SERVERS = "test_containers.py", "test_tls_servers.py"


@functools.cache
def missing_servers() -> str:
    """The TLS servers that are not installed here; empty where the tests can run."""
    if os.environ.get("GOLIVE_REQUIRE_SERVERS"):
        return ""
    from tests._tls_programs import absent

    return f"not installed: {names}" if (names := ", ".join(absent())) else ""


@functools.cache
def missing_docker() -> str:
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


MISSING = {CONTAINERS: (missing_docker, ".ci/docker"), SERVERS: (missing_servers, ".ci/servers")}
"""By the tests' file: what they lack here, and what makes sure of it."""


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave tests out where they can't run."""
    missing = MISSING.get(collection_path.name)
    return True if missing is not None and missing[0]() else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A file that is named itself is collected all the same: leave out its tests."""
    out = [item for item in items if item.path.name == SERVERS and missing_servers()]
    if out:
        config.hook.pytest_deselected(items=out)
        items[:] = [item for item in items if item not in out]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was left out."""
    chosen = [Path(str(argument)).name for argument in terminalreporter.config.args]
    for name, (missing, remedy) in MISSING.items():
        if ("tests" in chosen or name in chosen) and missing():
            terminalreporter.write_sep("!", f"LEFT OUT: tests/{name}", red=True)
            terminalreporter.write_line(f"{missing()}. Its tests did not run; {remedy} runs them.")
