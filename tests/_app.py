"""Instances of an app as the guide has it, in this process: what they answer can be changed, and is counted."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

FILE = """\
schema: 1
policy: {{fail_on: low, cannot_tell_on: low}}
run: {{gate: {{settle: 0s}}, confirm: {{looks: 1}}, limits: {{per_second: 200}}}}
release: {{build_id: {{header: x-build}}}}
{more}
instances:
{instances}
"""


@dataclass
class App:
    """One instance; `asked` are the paths that it was asked for."""

    url: str = ""
    database: str = "connected"
    build: str = "b1"
    slow: float = 0.0
    asked: list[str] = field(default_factory=list)

    def answer(self, path: str) -> dict[str, Any]:
        """What a path answers."""
        self.asked.append(path)
        time.sleep(self.slow)
        moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return {"status": "healthy", "database": self.database, "timestamp": moment}


@contextmanager
def running(count: int = 1) -> Iterator[list[App]]:
    """So many healthy instances on ports of their own."""
    apps, servers = [], []
    for _ in range(count):
        app = App()
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(app))
        app.url = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        apps.append(app)
        servers.append(server)
    try:
        yield apps
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()


def file_of(path: Path, apps: list[App], *, more: str = "", vantages: tuple[str, ...] = ()) -> Path:
    """An environment of these instances, which any mistake fails; each looked at from the vantage in its place."""
    lines = []
    for number, app in enumerate(apps):
        where = f"from: {vantages[number]}, " if vantages else ""
        lines.append(f"  app{number + 1}: {{{where}url: '{app.url}', health: {{within: 10s, samples: 3}}}}")
    path.write_text(FILE.format(more=more, instances="\n".join(lines)), encoding="utf-8")
    return path


def _handler(app: App) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(app.answer(self.path)).encode()
            self.send_response(200)
            for name, value in (
                ("content-type", "application/json"),
                ("content-length", str(len(body))),
                ("cache-control", "no-store"),
                ("x-build", app.build),
            ):
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def do_HEAD(self) -> None:
            self.do_GET()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Quiet."""

    return Handler
