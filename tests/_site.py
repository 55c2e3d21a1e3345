"""A small site over TLS and over plain http, for tests of probes: what it answers is a function of the request."""

from __future__ import annotations

import http.server
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fixtures.environment.sections.endpoints import Endpoint
from fixtures.stack.certificates import Authority, Request

PAGE = '<html><body>Hello<script src="/_next/static/b1/main.js"></script></body></html>'


@dataclass(frozen=True)
class Asked:
    """A request: `https://host/path?query`, its method and fields in lower case."""

    url: str
    method: str
    fields: Mapping[str, str]

    @property
    def path(self) -> str:
        """The path with its query."""
        return "/" + self.url.split("/", 3)[3]


@dataclass(frozen=True)
class Reply:
    """What is answered; without a status the connection is closed."""

    status: int | None = 200
    body: bytes | str = ""
    fields: Mapping[str, str] = field(default_factory=dict)


Site = Callable[[Asked], Reply]


def page(asked: Asked) -> Reply:
    """A healthy site: a page, its chunk, and 404 for all else."""
    if asked.path in ("/", "/login"):
        return Reply(200, PAGE, {"content-type": "text/html"})
    if asked.path == "/_next/static/b1/main.js":
        return Reply(200, "self.x=1;", {"content-type": "application/javascript"})
    return Reply(404, "<html>not found</html>", {"content-type": "text/html"})


def leads(status: int, to: str) -> Reply:
    """A redirect."""
    return Reply(status, "", {"location": to})


def _server(site: Site, scheme: str) -> http.server.ThreadingHTTPServer:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 10

        def answer(self) -> None:
            fields = {key.lower(): value for key, value in self.headers.items()}
            self.rfile.read(int(fields.get("content-length", "0")))
            reply = site(Asked(f"{scheme}://{fields.get('host', '')}{self.path}", self.command, fields))
            self.close_connection = True
            if reply.status is None:
                return
            body = reply.body.encode() if isinstance(reply.body, str) else reply.body
            self.send_response(reply.status)
            for name, value in reply.fields.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_HEAD = do_POST = do_TRACE = answer  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002, ARG002
            return

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
            return

    return Server(("127.0.0.1", 0), Handler)


@contextmanager
def running(folder: Path, site: Site, **declared: Any) -> Iterator[Endpoint]:
    """The site of a.example, over both schemes."""
    chain = Authority().issue(Request(names=("a.example",)))
    (folder / "pem").write_text(chain.key + chain.certificates)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "pem")
    with ExitStack() as ending:
        ports = {}
        for scheme in ("https", "http"):
            server = _server(site, scheme)
            if scheme == "https":
                server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
            ending.callback(server.server_close)
            ending.callback(server.shutdown)
            ports[scheme] = f"127.0.0.1:{server.server_address[1]}"
        yield Endpoint.model_validate(
            {"url": "https://a.example", "connect": ports["https"], "connect_http": ports["http"], **declared}
        )
