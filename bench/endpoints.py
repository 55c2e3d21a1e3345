"""Many endpoints in one environment: what a gate of 300 takes in time and in memory (`python -m bench.endpoints`)."""

from __future__ import annotations

import ipaddress
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fixtures.stack.certificates import Authority, Request
from tests._tls_programs import Program, running

ROOT = Path(__file__).parents[1]
MANY, FEW = 300, 75
SECURE, PLAIN = "127.1.0.1", "127.2.0.1"
"""The first of the addresses that answer over TLS, and without."""
MOST_SECONDS = 60.0
MOST_EACH = 3_000_000
"""Bytes of memory that one more endpoint may take, with its some 150 rows and their places in every report."""
_POLICY = (
    "default-src 'self'; script-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none';"
    " form-action 'self'"
)
_FIELDS = {
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
_CHUNK = "/_next/static/chunks/main-0123456789abcdef.js"
_PAGE = (
    "<!DOCTYPE html><!--build0001--><html lang='en'><head><title>EmailAI</title>"
    f"<script src='{_CHUNK}'></script></head><body><h1>EmailAI</h1>"
    f"<p>{' '.join(f'word{number}' for number in range(200))}</p></body></html>"
)


def _at(first: str, number: int) -> str:
    """An address of this machine's own: as many endpoints are at as many places, each with its own limits."""
    return str(ipaddress.ip_address(first) + number)


def _listen(first: str, port: int, more: str = "") -> str:
    return "\n".join(f"listen {_at(first, number)}:{port} {more};" for number in range(MANY))


def _nginx(folder: Path, pem: Path, port: int) -> Sequence[str]:
    fields = "".join(f'add_header {name} "{value}" always;\n' for name, value in _FIELDS.items())
    site = folder / "site"
    (site / "_next/static/chunks").mkdir(parents=True, exist_ok=True)
    (site / "index.html").write_text(_PAGE, encoding="utf-8")
    (site / "login").write_text(_PAGE, encoding="utf-8")
    (site / _CHUNK[1:]).write_text("self.x=1;" * 300, encoding="utf-8")
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in kinds)
    private = '{"status":"healthy","database":"connected","timestamp":"$time_iso8601"}'
    (folder / "nginx.conf").write_text(
        f"""daemon off; master_process off; pid {folder}/pid; error_log {folder}/log;
worker_rlimit_nofile 8192;
events {{ worker_connections 4096; }}
http {{
access_log off; server_tokens off; {temporary}
types {{ text/html html; application/javascript js; }}
default_type text/html;
gzip on; gzip_min_length 256; gzip_vary on; gzip_types application/javascript application/json;
ssl_certificate {pem}; ssl_certificate_key {pem}; ssl_session_cache shared:t:10m;
ssl_protocols TLSv1.2 TLSv1.3; ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;
server {{ listen 127.0.0.1:{port}; return 204; }}
server {{ {_listen(SECURE, port, "ssl http2 default_server")} {fields} return 421; }}
server {{ {_listen(PLAIN, port, "default_server")} return 421; }}
server {{ {_listen(PLAIN, port)} server_name *.many.test; return 301 https://$host$request_uri; }}
server {{
  {_listen(SECURE, port, "ssl http2")} server_name *.many.test; root {site};
  {fields}
  location = /api/health {{
    default_type application/json; {fields} add_header Cache-Control no-store always; return 200 '{private}';
  }}
  location = /api/user/me {{
    default_type application/json; {fields} add_header Cache-Control no-store always; return 401 '{{}}';
  }}
  location /api/ {{
    default_type application/json; {fields} add_header Cache-Control no-store always; return 404 '{{}}';
  }}
  location = /dashboard {{
    {fields} add_header Cache-Control "private, no-store" always; absolute_redirect off; return 307 /login;
  }}
  location /_next/static/ {{
    {fields} add_header Cache-Control "public, max-age=31536000, immutable"; try_files $uri =404;
  }}
  location / {{ {fields} add_header Cache-Control "private, no-cache" always; try_files $uri $uri/index.html =404; }}
}}
}}
""",
        encoding="utf-8",
    )
    return ["-p", str(folder), "-e", str(folder / "log"), "-c", str(folder / "nginx.conf")]


SERVER = Program("nginx", _nginx)


def environment(count: int, port: int, ca: Path) -> str:
    """An environment file with so many endpoints, each of another name."""
    endpoints = {
        f"site{number}": {
            "url": f"https://site{number}.many.test",
            "connect": f"{_at(SECURE, number)}:{port}",
            "connect_http": f"{_at(PLAIN, number)}:{port}",
            "ca": str(ca),
            "paths": {"public": ["/", "/login"], "private": ["/dashboard", "/api/user/me"]},
        }
        for number in range(count)
    }
    return json.dumps({"schema": 1, "run": {"gate": {"settle": "0s"}}, "endpoints": endpoints})


@contextmanager
def sites(folder: Path) -> Iterator[tuple[int, Path]]:
    """The port of a server that answers for every name below many.test, and the file of its authority."""
    authority = Authority()
    chain = authority.issue(Request(names=("*.many.test",)))
    pem, ca = folder / "pem", folder / "ca.pem"
    pem.write_text(chain.key + chain.certificates, encoding="utf-8")
    ca.write_text(authority.root, encoding="utf-8")
    with running(SERVER, folder / "server", pem) as port:
        yield port, ca


@dataclass(frozen=True)
class Cost:
    """What one run took: seconds of wall time and of processors, the most bytes held, and its rows by outcome."""

    endpoints: int
    seconds: float
    processor: float
    memory: int
    outcomes: Counter[str]
    exit_code: int


def cost(count: int, folder: Path, port: int, ca: Path, *options: str) -> Cost:
    """One run of the gate, in a process of its own."""
    file, out = folder / f"many{count}.yaml", folder / f"run{count}"
    file.write_text(environment(count, port, ca), encoding="utf-8")
    began = time.perf_counter()
    with (folder / f"output{count}").open("wb") as output:
        process = subprocess.Popen(
            [
                sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", "--no-header", f"--env={file}",
                f"--report-dir={out}", *options,
            ],
            cwd=ROOT, stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
        _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    document = json.loads((out / "verdict.json").read_text(encoding="utf-8"))
    return Cost(
        count,
        seconds,
        used.ru_utime + used.ru_stime,
        used.ru_maxrss * 1024,
        Counter(row["outcome"] for row in document["checks"]),
        os.waitstatus_to_exitcode(status),
    )


def main() -> int:
    """Measure, print, and fail if a run takes more than it may."""
    with tempfile.TemporaryDirectory() as name, sites(Path(name)) as (port, ca):
        few, many = (cost(count, Path(name), port, ca) for count in (FEW, MANY))
    print(f"{'a gate of many endpoints':<34} {'wall':>9} {'processor':>10} {'memory':>9} {'rows':>8}")  # noqa: T201
    for one in (few, many):
        print(  # noqa: T201
            f"{f'{one.endpoints} endpoints':<34} {one.seconds:>7.1f} s {one.processor:>8.1f} s"
            f" {one.memory / 1e6:>6.0f} MB {sum(one.outcomes.values()):>8}"
        )
    each = (many.memory - few.memory) / (MANY - FEW)
    wrong = {
        f"more than {MOST_SECONDS:.0f} s": many.seconds > MOST_SECONDS,
        f"more than {MOST_EACH / 1e6:.1f} MB for each endpoint more": each > MOST_EACH,
        "not GO": few.exit_code or many.exit_code,
    }
    for what in (name for name, is_so in wrong.items() if is_so):
        print(f"{'':<34} MORE: {what}")  # noqa: T201
    return sum(map(bool, wrong.values()))


if __name__ == "__main__":
    sys.exit(main())
