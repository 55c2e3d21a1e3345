"""Tests that need Docker, servers of other kinds, or a newer PostgreSQL run where these are; elsewhere they are left
out, loudly.

`.ci/docker` sets GOLIVE_REQUIRE_DOCKER, `.ci/servers` GOLIVE_REQUIRE_SERVERS and `.ci/postgres` GOLIVE_NEWER_POSTGRES:
then they run whatever is missing, and fail.
"""

from __future__ import annotations

import contextlib
import functools
import os
from pathlib import Path

import pytest

NEED_DOCKER = ("test_compose.py", "test_containers.py")
SERVERS = ("test_tls_servers.py", "test_hosts_ssh.py")
NEWER = "test_newer_postgres.py"
REMEDY = {
    **dict.fromkeys(NEED_DOCKER, ".ci/docker"), **dict.fromkeys(SERVERS, ".ci/servers"), NEWER: ".ci/postgres",
}  # fmt: skip
"""By the tests' file: what makes sure of what they need."""


@functools.cache
def missing_servers(name: str) -> str:
    """The servers that this file's tests start and that are not installed here; empty where they can run."""
    if os.environ.get("GOLIVE_REQUIRE_SERVERS"):
        return ""
    if name == "test_hosts_ssh.py":
        from tests._sshd import program

        return "" if program() else "not installed: sshd"
    from tests._tls_programs import absent

    return f"not installed: {names}" if (names := ", ".join(absent())) else ""


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


def missing_postgres() -> str:
    """Whether nobody says where a newer PostgreSQL is; empty where the tests can run."""
    return "" if os.environ.get("GOLIVE_NEWER_POSTGRES") else "no newer PostgreSQL is named"


@functools.cache
def lacking(name: str) -> str:
    """What the tests of this file lack here; empty where they can run."""
    if name in SERVERS:
        return missing_servers(name)
    if name == NEWER:
        return missing_postgres()
    if name not in NEED_DOCKER:
        return ""
    if name == "test_compose.py" and not missing() and not os.environ.get("GOLIVE_REQUIRE_DOCKER"):
        from fixtures.composing import find

        return "" if find() else "no Compose program"
    return missing()


def pytest_configure(config: pytest.Config) -> None:
    """Here a warning is an error; in a gate it must not decide anything."""
    for line in ("error", "ignore::cryptography.utils.CryptographyDeprecationWarning"):
        config.addinivalue_line("filterwarnings", line)


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave tests out where they can't run."""
    return True if lacking(collection_path.name) else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A file that is named itself is collected all the same: leave out its tests."""
    out = [item for item in items if item.path.name in (*SERVERS, NEWER) and lacking(item.path.name)]
    if out:
        config.hook.pytest_deselected(items=out)
        items[:] = [item for item in items if item not in out]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was left out."""
    chosen = [str(argument) for argument in terminalreporter.config.args]
    names = {Path(argument).name for argument in chosen}
    for name, remedy in REMEDY.items():
        if names & {"tests", name} and lacking(name):
            terminalreporter.write_sep("!", f"LEFT OUT: tests/{name}", red=True)
            terminalreporter.write_line(f"{lacking(name)}. These tests did not run; {remedy} runs them.")
