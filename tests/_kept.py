"""What tests of things that are kept share: a directory that servers may enter, a store that speaks S3, and judging."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from fixtures.environment.model import Target
from fixtures.environment.secrets import Secret
from fixtures.environment.sections.postgres import Postgres
from fixtures.probes import Context
from fixtures.stack.throwaway import Server
from fixtures.vocabulary import CannotTell, Finding


def outcome(function: Any, *arguments: Any) -> str:
    try:
        function(*arguments)
    except Finding:
        return "failed"
    except CannotTell:
        return "cannot tell"
    return "passed"


def complaints(seen: Any, target: Target, *modules: ModuleType) -> dict[str, str]:
    """What the checks of these modules say of a record, but for what passes or does not apply."""
    said = {}
    for module in modules:
        for name, function in vars(module).items():
            hints = getattr(function, "__annotations__", {})
            declared = getattr(function, "__golive_check__", None)
            if declared and hints["seen"] == type(seen).__name__ and declared.applies(target):
                arguments = (seen, target) if "target" in hints else (seen,)
                said[name.removeprefix("check_")] = outcome(function, *arguments)
    return {name: word for name, word in said.items() if word != "passed"}


def context(server: Server | None = None, seconds: float = 60.0, name: str = "backups.database") -> Context:
    targets = {"postgres.primary": Postgres(url=Secret(url_of(server)))} if server else {}
    return Context(name, time.monotonic() + seconds, targets=targets)


def url_of(server: Server) -> str:
    return (
        f"postgresql://{server.superuser}:{server.password}@/emailai_prod?host={server.host}&port={server.port}"
        "&sslmode=disable"
    )


@contextlib.contextmanager
def open_directory() -> Iterator[Path]:
    """A directory that the account of the server may enter, unlike pytest's."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o711)
        yield Path(name)


def until(holds: Callable[[], bool], seconds: float = 30.0) -> bool:
    limit = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > limit:
            return False
        time.sleep(0.05)
    return True


@contextlib.contextmanager
def speaking_s3() -> Iterator[str]:
    """The endpoint of a real server that speaks S3."""
    from moto.server import ThreadedMotoServer

    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()
