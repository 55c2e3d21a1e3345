"""No secret of an environment, in no spelling, in anything that a run prints or writes (DESIGN 1 and 8)."""

from __future__ import annotations

import base64
import html
import json
import re
import shlex
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from fixtures.stack.certificates import Authority, Request
from tests._gate import ROOT, copy_of_the_repository, gate, verdict

CANARIES = {
    "a literal URL": "Kiwi7-literal'pass<&>wrd",
    "a header": 'Kea9 header/tok+en"<&>=',
    "a file": "Kaka3-file;pass|word$x",
    "a command": "Tui5-command%pass word",
    "a variable": "Moa8-variable{pass}wo\\rd",
}
LOUD = ("-l", "--tb=long", "-vv")
LEAKY = '''
"""A check with a bug, which shows what it should not know."""

import os

import fixtures.vocabulary as words
from fixtures.probes.reach import ReachEvidence


@words.check(severity=words.Severity.LOW, scope=words.Scope.ESTATE)
def check_nothing_well(instance: ReachEvidence) -> None:
    """It raises with secrets in its locals and in its text."""
    stolen = [os.environ[name] for name in ("CANARY_HEADER", "CANARY_VARIABLE")]
    print(stolen)
    raise RuntimeError(f"{instance.url} is wrong: {stolen}")
'''


class Echo(BaseHTTPRequestHandler):
    """Answers with what it was sent, in every spelling: a server that is careless with its clients' headers."""

    def do_GET(self) -> None:
        """Give the token back."""
        token = self.headers.get("x-verify", "")
        self.server.tokens.add(token)  # type: ignore[attr-defined]
        body = json.dumps({"status": token, "spelled": sorted(spellings(token))}).encode()
        self.send_response(302 if self.path == "/" else 200)
        self.send_header("location", f"https://emailai.test/?token={quote(token)}")
        self.send_header("server", token)
        self.send_header("x-powered-by", base64.b64encode(token.encode()).decode())
        self.send_header("set-cookie", f"token={quote_plus(token)}; Path=/")
        self.send_header("content-security-policy", f"report-uri /{quote(token, safe='')}")
        self.send_header("content-type", f"application/json; token={token}")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815
    do_OPTIONS = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def spellings(secret: str) -> set[str]:
    """The spellings in which programs show text to each other and to people."""
    raw = secret.encode()
    found = {
        secret,
        quote(secret),
        quote(secret, safe=""),
        quote_plus(secret),
        html.escape(secret),
        shlex.quote(secret),
    }
    found |= {json.dumps(secret)[1:-1], html.escape(json.dumps(secret)[1:-1]), repr(secret)[1:-1]}
    for before in range(3):
        # The characters that the neighbours decide as well are left out.
        encoded = base64.b64encode(b"x" * before + raw + b"x" * 3).decode()
        found.add(encoded[4 if before else 0 : (len(raw) + before) // 3 * 4])
    return found


def leaks(text: str) -> list[str]:
    """The names of the canaries in a text, as it is and as a browser or a JSON reader sees it."""
    readings = [text, html.unescape(text), html.unescape(html.unescape(text))]
    readings += [re.sub(r"\\u([0-9a-f]{4})", lambda code: chr(int(code[1], 16)), reading) for reading in readings]
    readings += [reading.replace("\\/", "/").replace('\\"', '"') for reading in readings]
    return [
        f"{name}: {spelling}"
        for name, secret in CANARIES.items()
        for spelling in sorted(spellings(secret))
        if any(spelling in reading for reading in readings)
    ]


def everything(run: subprocess.CompletedProcess[str], directory: Path) -> dict[str, str]:
    """What a run printed, and every file of its directory."""
    files = {
        str(path.relative_to(directory)): path.read_bytes().decode("utf-8", "surrogateescape")
        for path in directory.rglob("*")
        if path.is_file()
    }
    return {"stdout": run.stdout, "stderr": run.stderr, **files}


def assert_silent(run: subprocess.CompletedProcess[str], directory: Path) -> None:
    """No canary anywhere."""
    found = {name: leaking for name, text in everything(run, directory).items() if (leaking := leaks(text))}
    assert found == {}


class Echoes:
    """Two careless servers: one over plain HTTP, one whose certificate `ca` vouches for."""

    def __init__(self, directory: Path) -> None:
        authority = Authority()
        chain = authority.issue(
            Request(
                ("emailai.test",),
                days=9.0,
                not_before=0.0,
                key="ecdsa-256",
                issuer="intermediate",
                send=("leaf", "intermediate"),
            )
        )
        self.ca = directory / "ca.pem"
        self.ca.write_text(authority.root)
        (directory / "chain.pem").write_text(chain.certificates + chain.key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(directory / "chain.pem")
        self.plain, self.trusted = (ThreadingHTTPServer(("127.0.0.1", 0), Echo) for _ in range(2))
        self.trusted.socket = context.wrap_socket(self.trusted.socket, server_side=True, do_handshake_on_connect=False)
        for server in (self.plain, self.trusted):
            server.tokens = set()  # type: ignore[attr-defined]
            threading.Thread(target=server.serve_forever, daemon=True).start()

    def told(self, server: ThreadingHTTPServer) -> set[str]:
        """The tokens that a server got."""
        found: set[str] = server.tokens - {""}  # type: ignore[attr-defined]
        return found

    def close(self) -> None:
        """Stop both."""
        for server in (self.plain, self.trusted):
            server.shutdown()
            server.server_close()


@pytest.fixture(scope="module")
def echoes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Echoes]:
    """The two servers, for the module."""
    found = Echoes(tmp_path_factory.mktemp("echoes"))
    yield found
    found.close()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, echoes: Echoes) -> Path:
    """A directory with an environment that has a secret in each kind of place, and a repository with a leaky check."""
    directory = tmp_path_factory.mktemp("canary")
    (directory / "password").write_text(CANARIES["a file"])
    (directory / "printed").write_text(quote(CANARIES["a command"], safe=""))
    literal = quote(CANARIES["a literal URL"], safe="")
    environment = {
        "schema": 1,
        "extends": str(ROOT / "environments" / "demo.yaml"),
        "commands": ["cat"],
        "run": {"identify": {"headers": {"x-verify": "${env:CANARY_HEADER}"}}},
        "endpoints": {
            "echo": {
                "url": "https://emailai.test",
                "connect": f"127.0.0.1:{echoes.trusted.server_port}",
                "ca": str(echoes.ca),
            },
            "dark": {"url": "https://golive:${env:CANARY_VARIABLE}@dark.invalid", "connect": "127.0.0.1:9"},
        },
        "instances": {
            "echo": {"url": f"http://127.0.0.1:{echoes.plain.server_port}"},
            "away": {"url": "http://golive:${env:CANARY_VARIABLE}@127.0.0.1:9"},
        },
        "postgres": {
            "refusing": {"url": f"postgresql://verifier:{literal}@127.0.0.1:9/emailai"},
            "wrong": {"url": f"${{stack:primary_url}}?password=${{cmd:cat {directory}/printed}}"},
            "unknown": {"url": "host=127.0.0.1 port=9 dbname=emailai user=verifier password='${file:password}'"},
        },
    }
    (directory / "canary.yaml").write_text(json.dumps(environment))
    root = copy_of_the_repository(directory / "copy")
    (root / "checks" / "zz_leaky.py").write_text(LEAKY)
    return directory


def look(place: Path, name: str, *options: str, addopts: str = "") -> tuple[subprocess.CompletedProcess[str], Path]:
    """Run the gate on that environment."""
    directory = place / name
    secrets = {"CANARY_HEADER": CANARIES["a header"], "CANARY_VARIABLE": CANARIES["a variable"]}
    run = gate(
        directory, f"--env={place / 'canary.yaml'}", *options, root=place / "copy",
        env={**secrets, "PYTEST_ADDOPTS": addopts},
    )  # fmt: skip
    return run, directory


@pytest.mark.parametrize(("name", "options"), [("here", LOUD), ("workers", (*LOUD, "-n2"))])
def test_no_secret_is_in_anything_a_run_leaves(place: Path, name: str, options: tuple[str, ...]) -> None:
    run, directory = look(place, name, *options, "-k", "not failover and not outage and not restore")
    document = verdict(directory)
    assert run.returncode in (1, 10), run.stdout
    seen = {(row["id"].partition(".")[0], row["target"]): row for row in document["checks"]}
    assert "RuntimeError" in seen["zz_leaky", "instances.echo"]["seen"]
    assert {"instances.echo", "endpoints.dark", "postgres.wrong", "postgres.unknown"} <= {target for _, target in seen}
    wrong = {row["seen"] for row in document["checks"] if row["target"] == "postgres.wrong"}
    assert wrong == {"the database does not let our role in or look (refused login)"}
    text = "".join(everything(run, directory).values())
    assert text.count("***") > 3
    assert_silent(run, directory)


def test_a_secret_header_is_sent_only_over_a_verified_connection(place: Path, echoes: Echoes) -> None:
    look(place, "told", "-k", "reach or (headers and pages)")
    assert echoes.told(echoes.trusted) == {CANARIES["a header"]}
    assert echoes.told(echoes.plain) == set()


def test_no_secret_is_in_what_libraries_log(place: Path) -> None:
    run, directory = look(place, "logged", "--log-cli-level=DEBUG", "-k", "reach or leaky")
    assert run.returncode in (1, 10), run.stdout
    assert_silent(run, directory)


@pytest.mark.parametrize(
    ("options", "addopts", "code"),
    [
        (("--explain-env",), "-l", 0),
        (("--collect-only", "-q"), "-l -vv", 0),
        (("--list-checks",), "", 0),
        (("--set=endpoints.dark.ur=${env:CANARY_VARIABLE}",), "-l", 4),
        (("--set=endpoints.dark.connect=${env:CANARY_VARIABLE}",), "-l", 4),
        (("--set=run.gate.settle=${file:password}",), "-l --tb=long", 4),
        (("--set=postgres.wrong.from=${env:CANARY_HEADER}",), "-l --full-trace", 4),
        (("--set=protected=true",), "-l", 4),
        ((f"--set=postgres.primary=postgresql://u:{quote(CANARIES['a literal URL'], safe='')}@h/db",), "-l", 4),
    ],
)
def test_no_secret_is_in_an_answer_or_a_usage_error(
    place: Path, options: tuple[str, ...], addopts: str, code: int
) -> None:
    run, directory = look(place, "answers", *options, addopts=addopts)
    assert run.returncode == code, run.stdout + run.stderr
    assert_silent(run, directory)


def test_the_scan_finds_what_it_is_to_find() -> None:
    """A scan that finds nothing proves nothing."""
    for name, secret in CANARIES.items():
        for shown in (secret, quote(secret), html.escape(secret), json.dumps(secret), json.dumps(html.escape(secret))):
            assert [leak for leak in leaks(f"before {shown} after") if leak.startswith(name)], shown
        for before in (b"", b"a", b"ab"):
            assert leaks(base64.b64encode(before + secret.encode() + b"yz").decode()), name
