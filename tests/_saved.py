"""A saved run over one app instance, made in this process: what tests of judging again need, without a stack."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from fixtures.environment.loading import load
from fixtures.run import Run

SLOW = 0.3
CHECK = "health.instance_answer_is_quick"


@contextmanager
def instance(slow: Callable[[int], bool] = lambda _: False) -> Iterator[str]:
    """An app instance whose n-th answer (from 1) is slow where `slow(n)` says so."""
    asked = iter(range(1, 10_000))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if slow(next(asked)):
                time.sleep(SLOW)
            body = json.dumps({"status": "healthy"}).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def environment_file(path: Path, url: str, *, within: str = "10s", looks: int = 1, more: str = "") -> Path:
    """An environment of that instance alone."""
    path.write_text(
        f"schema: 1\n{more}run: {{gate: {{settle: 0s}}, confirm: {{looks: {looks}, apart: 0s}}}}\n"
        f"instances: {{app1: {{url: '{url}', health: {{within: {within}, samples: 3}}}}}}\n",
        encoding="utf-8",
    )
    return path


def looked(directory: Path, file: Path, wanted: str = CHECK, **of_the_run: Any) -> Run:
    """A run of that environment that has looked at what the wanted check needs, and is over."""
    run = Run(load(str(file)), directory, **of_the_run)
    run.directory.mkdir()
    run.store.open()
    run.look([row for row in run.rows if row.check.id == wanted])
    run.close()
    return run
