"""TLS servers of several kinds, as programs: nginx, OpenSSL's s_server, GnuTLS, Node, Caddy; each on a free port."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PATIENCE = 15.0
_PLACES = ("/usr/sbin", "/usr/local/sbin", "/usr/local/bin")


@dataclass(frozen=True)
class Program:
    """A kind of server: its program, and the arguments for a folder, a file of key and certificate, and a port."""

    name: str
    argv: Callable[[Path, Path, int], Sequence[str]]

    @property
    def path(self) -> str | None:
        """Where it is installed, or None."""
        return shutil.which(self.name, path=os.pathsep.join((os.environ.get("PATH", ""), *_PLACES)))


def nginx(**directives: str) -> Program:
    """nginx with these directives in its server block."""

    def argv(folder: Path, pem: Path, port: int) -> Sequence[str]:
        lines = "".join(f"{name} {value};\n" for name, value in directives.items())
        temporary = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in _TEMPORARY)
        (folder / "nginx.conf").write_text(
            f"daemon off; master_process off; pid {folder}/pid; error_log {folder}/log;\n"
            f"events {{}}\nhttp {{ access_log off; {temporary}\n"
            f"ssl_certificate {pem}; ssl_certificate_key {pem}; ssl_session_cache shared:t:1m;\n{lines}"
            f"server {{ listen 127.0.0.1:{port} ssl http2; return 204; }} }}\n"
        )
        return ["-p", str(folder), "-e", str(folder / "log"), "-c", str(folder / "nginx.conf")]

    return Program("nginx", argv)


_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def openssl(*options: str, answer: str = "-www") -> Program:
    """OpenSSL's own test server."""
    return Program(
        "openssl",
        lambda _, pem, port: [
            "s_server",
            "-accept",
            f"127.0.0.1:{port}",
            "-cert",
            str(pem),
            answer,
            "-quiet",
            *options,
        ],
    )


def gnutls(priority: str) -> Program:
    """GnuTLS's own test server with this priority string."""
    return Program(
        "gnutls-serv",
        lambda _, pem, port: [
            f"--port={port}", f"--x509certfile={pem}", f"--x509keyfile={pem}", f"--priority={priority}", "--http",
            "--noticket", "--quiet",
        ],
    )  # fmt: skip


def node(options: str = "") -> Program:
    """Node's HTTPS server; `options` is JavaScript text of more properties."""
    script = (
        "const f=require('fs'),[,pem,port]=process.argv;const k=f.readFileSync(pem);"
        f"require('https').createServer({{key:k,cert:k,{options}}},(q,r)=>r.end()).listen(+port,'127.0.0.1')"
    )
    return Program("node", lambda _, pem, port: ["--tls-min-v1.0", "-e", script, str(pem), str(port)])


def caddy(options: str = "") -> Program:
    """Caddy, written in Go; `options` are lines of its `tls` block."""

    def argv(folder: Path, pem: Path, port: int) -> Sequence[str]:
        (folder / "Caddyfile").write_text(
            f"{{\nadmin off\nauto_https disable_redirects\nskip_install_trust\nstorage file_system {folder}/data\n}}\n"
            f"https://web.test:{port} {{\nbind 127.0.0.1\ntls {pem} {pem} {{\n{options}\n}}\nrespond ok\n}}\n"
        )
        return ["run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]

    return Program("caddy", argv)


def absent() -> list[str]:
    """The names of the programs that are not installed."""
    return [one.name for one in (nginx(), openssl(), gnutls(""), node(), caddy()) if one.path is None]


@contextmanager
def running(program: Program, folder: Path, pem: Path) -> Iterator[int]:
    """The port on which the program answers; it is ended whatever happens."""
    assert program.path, f"{program.name} is not installed"
    folder.mkdir(exist_ok=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(
            [program.path, *program.argv(folder, pem, port)],
            stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT, cwd=folder,
            env={**os.environ, "HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "OPENSSL_CONF": "/dev/null"},
        )  # fmt: skip
    try:
        _wait(process, port, folder / "output")
        yield port
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(3)
        process.kill()
        process.wait()
        if process.stdin:
            process.stdin.close()


def _wait(process: subprocess.Popen[bytes], port: int, output: Path) -> None:
    ends = time.monotonic() + PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError as error:
            if process.poll() is not None or time.monotonic() > ends:
                said = output.read_text(encoding="utf-8", errors="replace")[-400:]
                raise AssertionError(f"{process.args!r} does not answer: {said}") from error
            time.sleep(0.02)
        else:
            return
