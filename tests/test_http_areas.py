"""Reach, http, headers and health: judged on plain records, looked at on small local servers."""

from __future__ import annotations

import http.server
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from checks import _csp as csp
from checks import _headers as h
from checks import health as health_checks
from checks import reach as reach_checks
from checks.http import _leads
from fixtures.environment.sections.endpoints import Endpoint, Health
from fixtures.environment.sections.instances import Instance
from fixtures.probes import Context, Limits, _controls
from fixtures.probes import headers as headers_probe
from fixtures.probes import health as health_probe
from fixtures.probes import reach as reach_probe
from fixtures.probes._disclosure import details, word
from fixtures.probes._http import LIMIT, Client, client
from fixtures.probes.headers import Response
from fixtures.probes.http import look
from fixtures.probes.redirects import Chain, Hop
from fixtures.stack.certificates import Authority, Request
from fixtures.vocabulary import CannotTell, Finding


def _response(*headers: tuple[str, str]) -> Response:
    return Response(kind="page", name="/", status=200, error=None, headers=headers)


def _context(seconds: float = 5, controls: tuple[str, ...] = ()) -> Context:
    return Context("t.x", time.monotonic() + seconds, controls=controls)


@contextmanager
def raw(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server that does `serve` with each connection."""
    listener = socket.create_server(("127.0.0.1", 0))

    def one(peer: socket.socket) -> None:
        with peer:
            try:
                peer.recv(4096)
                serve(peer)
            except OSError:
                return

    def run() -> None:
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=one, args=(peer,), daemon=True).start()

    threading.Thread(target=run, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


@contextmanager
def app(status: int = 200, frozen: bool = False) -> Iterator[str]:
    """An instance with a health endpoint."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            now = "2026-01-01T00:00:00.000Z" if frozen else datetime.now(UTC).isoformat().replace("+00:00", "Z")
            body = json.dumps({"status": "healthy", "database": "connected", "timestamp": now}).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("cache-control", "no-store")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002, ARG002
            return

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def _free() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@pytest.mark.parametrize(
    ("values", "wrong"),
    [
        (["max-age=31536000; includeSubDomains"], False),
        (['MAX-AGE="63072000" ; includesubdomains; preload;'], False),
        (["max-age=31536000; includeSubDomains"] * 2, True),
        (["max-age=31536000"], True),
        (["max-age=31536000, includeSubDomains"], True),
        (["max-age=31536000; max-age=1; includeSubDomains"], True),
        (["max-age=-1; includeSubDomains"], True),
        (["max-age=86400; includeSubDomains"], True),
        (["includeSubDomains"], True),
        ([], True),
    ],
)
def test_hsts(values: list[str], wrong: bool) -> None:
    response = _response(*(("strict-transport-security", value) for value in values))
    assert bool(h.wrong_hsts(response, 31536000)) is wrong


@pytest.mark.parametrize(
    ("wrong", "field", "good", "bad"),
    [
        (
            h.wrong_permissions,
            "permissions-policy",
            "camera=(), microphone=( ), geolocation=()",
            "camera=(), microphone=*",
        ),
        (h.wrong_referrer, "referrer-policy", "unsafe-url, strict-origin", "strict-origin, unsafe-url"),
        (h.wrong_frame, "x-frame-options", "sameorigin", "ALLOW-FROM x"),
        (h.wrong_frame, "content-security-policy", "frame-ancestors 'self'", "frame-ancestors *"),
        (
            h.policies(csp.inline_scripts),
            "content-security-policy",
            "script-src 'unsafe-inline' 'nonce-x'",
            "script-src 'unsafe-inline'",
        ),
        (
            h.policies(csp.evaluated_scripts),
            "content-security-policy",
            "default-src 'self'",
            "default-src 'self' 'unsafe-eval'",
        ),
        (h.policies(csp.open_objects), "content-security-policy", "default-src 'none'", "default-src 'self'"),
        (h.wrong_version, "server", "nginx", "nginx/1.24.0"),
    ],
)
def test_fields(wrong: Callable[[Response], str], field: str, good: str, bad: str) -> None:
    assert wrong(_response((field, good))) == ""
    assert wrong(_response((field, bad))) != ""


@pytest.mark.parametrize(
    ("location", "status", "good"),
    [
        ("https://a.example/p?q=1", 301, True),
        ("https://www.a.example/p?q=1", 308, True),
        ("https://a.example/p?q=1", 302, True),
        ("https://a.example/", 301, False),
        ("http://a.example/p?q=1", 301, False),
        ("https://evil.example/p?q=1", 301, False),
    ],
)
def test_redirect(location: str, status: int, good: bool) -> None:
    hops = (Hop(url="http://www.a.example/p?q=1", status=status, to=location),)
    assert _leads(Chain(name="www", hops=hops, ended="answer"), "https://a.example") is good


def test_healthy_instance_passes_and_frozen_one_fails() -> None:
    with app() as url:
        good = health_probe.look(Instance(url=url), _context(10))
    assert isinstance(good, health_probe.HealthEvidence)
    assert health_probe.HealthEvidence.model_validate_json(good.model_dump_json()) == good
    for name in ("answers_200", "is_json", "says_healthy", "timestamp_is_now", "timestamp_moves", "is_not_cacheable"):
        getattr(health_checks, f"check_{name}")(good)
    health_checks.check_discloses_nothing(good)
    health_checks.check_answers_every_time(good)
    with app(frozen=True) as url:
        bad = health_probe.look(Instance(url=url, health=Health(samples=3)), _context(10))
    assert isinstance(bad, health_probe.HealthEvidence)
    with pytest.raises(Finding):
        health_checks.check_timestamp_moves(bad)
    with pytest.raises(Finding):
        health_checks.check_timestamp_is_now(bad)
    unhealthy = good.model_copy(update={"state": "unhealthy"})
    with pytest.raises(Finding):
        health_checks.check_says_healthy(unhealthy)


def _drip(peer: socket.socket) -> None:
    while True:
        peer.sendall(b"H")
        time.sleep(0.1)


def _flood(peer: socket.socket) -> None:
    peer.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        peer.sendall(b"x" * 65536)


def _loop(peer: socket.socket) -> None:
    peer.sendall(b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n")


def _drip_body(peer: socket.socket) -> None:
    peer.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    _drip(peer)


@pytest.mark.parametrize("serve", [_drip_body, lambda _: time.sleep(8)])
def test_stalling_costs_only_the_deadline(serve: Callable[[socket.socket], None]) -> None:
    with raw(serve) as port:
        begun = time.monotonic()
        answer = Client(_context(0.7)).ask(f"http://127.0.0.1:{port}/")
    assert answer.error == "timeout"
    assert time.monotonic() - begun < 5


def test_flood_is_cut_and_loops_are_not_followed() -> None:
    with raw(_flood) as port:
        answer = Client(_context()).ask(f"http://127.0.0.1:{port}/")
    assert answer.truncated
    assert len(answer.body) == LIMIT
    with raw(_loop) as port:
        assert Client(_context()).ask(f"http://127.0.0.1:{port}/").status == 302


def test_reset_is_retried_once_and_recorded() -> None:
    with raw(lambda _: None) as port:
        answer = Client(_context()).ask(f"http://127.0.0.1:{port}/")
    assert answer.error == "reset"
    assert len(answer.attempts) == 2


def test_refused_is_an_outage_unless_controls_are_silent_too() -> None:
    dead = f"127.0.0.1:{_free()}"
    target = Endpoint(url="https://a.example", connect=dead)
    seen = reach_probe.look(target, _context())
    assert isinstance(seen, reach_probe.ReachEvidence)
    assert seen.error == "refused"
    with pytest.raises(Finding):
        reach_checks.check_origin_answers(seen)
    with pytest.raises(CannotTell) as silent:
        reach_probe.look(target, _context(controls=(f"127.0.0.1:{_free()}",)))
    assert silent.value.cause == "network"
    with pytest.raises(CannotTell) as outage:
        look(target, _context())
    assert outage.value.cause == "outage"


def _says(head: str, body: str = "") -> Callable[[socket.socket], None]:
    text = f"HTTP/1.1 {head}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n{body}"
    return lambda peer: peer.sendall(text.encode())


@contextmanager
def over_tls(folder: Path, answer: Callable[[socket.socket], None]) -> Iterator[Endpoint]:
    """An endpoint that answers everything alike."""
    chain = Authority().issue(Request(names=("a.example",)))
    (folder / "pem").write_text(chain.key + chain.certificates)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "pem")
    listener = socket.create_server(("127.0.0.1", 0))

    def one(peer: socket.socket) -> None:
        with peer:
            try:
                with context.wrap_socket(peer, server_side=True) as tls:
                    tls.recv(4096)
                    answer(tls)
            except OSError:
                return

    def run() -> None:
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=one, args=(peer,), daemon=True).start()

    threading.Thread(target=run, daemon=True).start()
    try:
        yield Endpoint(url="https://a.example", connect=f"127.0.0.1:{listener.getsockname()[1]}")
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


@pytest.mark.parametrize(
    ("head", "body", "name"),
    [
        ("403 Forbidden\r\nCF-Mitigated: challenge\r\nServer: cloudflare", "", "Cloudflare"),
        ("503 Busy\r\nServer: cloudflare", "<script src=/cdn-cgi/challenge-platform/h/b/orchestrate>", "Cloudflare"),
        ("202 Accepted\r\nx-amzn-waf-action: challenge", "", "AWS WAF"),
        ("429 Too Many\r\nx-vercel-mitigated: challenge", "", "Vercel"),
    ],
)
def test_a_challenge_of_a_cdn_is_no_answer_of_the_origin(tmp_path: Path, head: str, body: str, name: str) -> None:
    known = replace(_context(), headers={"user-agent": "golive/1", "x-golive": "hidden"})
    with over_tls(tmp_path, _says(head, body)) as target:
        for probe in (look, headers_probe.look, health_probe.look, reach_probe.look, health_probe.look_at_latency):
            with pytest.raises(CannotTell) as unseen:
                probe(target, known)
            assert (unseen.value.cause, unseen.value.target) == ("permission", "t.x")
            assert f"a CDN ({name}) answers with a challenge: allow the header x-golive" in unseen.value.message
            assert "hidden" not in unseen.value.message


@pytest.mark.parametrize("head", ["403 Forbidden\r\nServer: cloudflare", "200 OK\r\nServer: cloudflare"])
@pytest.mark.parametrize("script", ["scripts/jsd/main.js", "h/g/scripts/jsd/8ff1b3b2/main.js"])
def test_an_answer_through_a_cdn_is_the_origins(tmp_path: Path, head: str, script: str) -> None:
    """Cloudflare's detection puts its script into pages of the origin's."""
    body = f"<p>no</p><script>a.src='/cdn-cgi/challenge-platform/{script}'</script>"
    with over_tls(tmp_path, _says(head, body)) as target:
        assert isinstance(reach_probe.look(target, _context()), reach_probe.ReachEvidence)
        assert isinstance(headers_probe.look(target, _context()), headers_probe.HeadersEvidence)


def test_a_refusal_of_a_cdn_is_meant_for_us_only_where_everybody_may_look(tmp_path: Path) -> None:
    refusal = _says("403 Forbidden\r\nServer: AkamaiGHost", "<h1>Access Denied</h1>")
    with over_tls(tmp_path, refusal) as target:
        for probe in (look, headers_probe.look, health_probe.look, reach_probe.look):
            with pytest.raises(
                CannotTell, match=r"a CDN \(Akamai\) answers with a refusal: allow the user agent"
            ) as out:
                probe(target, _context())
            assert out.value.cause == "permission"
        assert client(target, _context()).ask(target.url + "/private").status == 403


@pytest.mark.parametrize("head", ["502 Bad Gateway", "521 Down"])
def test_a_gateways_error_is_an_outage_whatever_the_controls_say(tmp_path: Path, head: str) -> None:
    blind = _context(controls=(f"127.0.0.1:{_free()}",))
    with over_tls(tmp_path, _says(head)) as target, pytest.raises(CannotTell) as outage:
        look(target, blind)
    assert outage.value.message == f"a gateway answers {head[:3]} in its place"
    assert (outage.value.cause, outage.value.target) == ("outage", "t.x")


def test_every_probe_of_a_blind_vantage_says_the_same_and_a_control_is_tried_once() -> None:
    tried: list[int] = []
    target = Endpoint(url="https://a.example", connect=f"127.0.0.1:{_free()}")
    with socket.create_server(("127.0.0.1", 0)) as control:
        port = control.getsockname()[1]
        context = replace(_context(controls=(f"127.0.0.1:{port}",)), vantage="office")
        with ThreadPoolExecutor(8) as pool:
            for seen in pool.map(lambda _: reach_probe.look(target, context), range(16)):
                assert isinstance(seen, reach_probe.ReachEvidence)
                assert (seen.controls, seen.error, seen.note) == (context.controls, "refused", "")
        control.settimeout(0.3)
        while True:
            try:
                control.accept()[0].close()
            except TimeoutError:
                break
            tried.append(1)
    assert len(tried) == 1
    blind = replace(context, controls=(f"127.0.0.1:{_free()}", f"127.0.0.1:{_free()}"))
    messages = set()
    for probe in (look, headers_probe.look, health_probe.look, reach_probe.look):
        with pytest.raises(CannotTell) as unseen:
            probe(target, blind)
        messages.add((unseen.value.message, unseen.value.cause, unseen.value.target))
    assert messages == {
        (f"no control of the vantage answers ({', '.join(blind.controls)})", "network", "vantage office")
    }


def test_what_was_known_of_a_control_is_forgotten_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_controls, "LIFETIME", 0.2)
    port = _free()
    context = _context(controls=(f"127.0.0.1:{port}",))
    with pytest.raises(CannotTell):
        _controls.sight(context, "refused", "a.example")
    with socket.create_server(("127.0.0.1", port)):
        time.sleep(0.3)
        assert _controls.sight(context, "refused", "a.example") == context.controls


def test_a_name_that_does_not_resolve_is_an_outage_unless_our_resolver_is_silent() -> None:
    target = Endpoint(url="https://golive-no-such-name.invalid")
    with socket.create_server(("127.0.0.1", 0)) as control:
        port = control.getsockname()[1]
        context = _context(controls=(f"127.0.0.1:{port}", f"localhost:{port}"))
        seen = reach_probe.look(target, context)
        assert isinstance(seen, reach_probe.ReachEvidence)
        with pytest.raises(Finding, match=r"the name golive-no-such-name\.invalid does not resolve"):
            reach_checks.check_origin_answers(seen)
        with pytest.raises(CannotTell, match="does not resolve") as outage:
            look(target, context)
        assert outage.value.cause == "outage"
        assert _controls.no_answer(context, "resolver", "a.example").cause == "outage"
        with pytest.raises(CannotTell) as ours:
            raise _controls.no_answer(replace(context, controls=context.controls[:1]), "resolver", "a.example")
    assert ours.value.cause == "network"


def test_an_origin_that_stops_answering_is_asked_no_more() -> None:
    with raw(lambda _: time.sleep(3)) as port:
        asking = Client(_context(), budget=0.2)
        for _ in range(3):
            assert asking.ask(f"http://127.0.0.1:{port}/").error == "timeout"
        assert asking.ask(f"http://127.0.0.1:{port}/").unseen is not None
        with pytest.raises(CannotTell) as outage:
            asking.ask_first(f"http://127.0.0.1:{port}/")
    assert (outage.value.cause, outage.value.target) == ("outage", "t.x")


def test_the_load_on_a_target_is_held_down_and_waiting_is_not_latency() -> None:
    lock, under_way, most, starts = threading.Lock(), 0, 0, []

    def serve(peer: socket.socket) -> None:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
            starts.append(time.monotonic())
        time.sleep(0.15)
        with lock:
            under_way -= 1
        _says("200 OK")(peer)

    with raw(serve) as port:
        asking = Client(replace(_context(), target_id="t.load", limits=Limits(per_target=2, per_second=10)))
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: asking.ask(f"http://127.0.0.1:{port}/"), range(8)))
    assert {answer.status for answer in answers} == {200}
    assert most <= 2
    assert max(starts) - min(starts) >= 0.65
    assert sorted(answer.seconds for answer in answers)[4] < max(starts) - min(starts)


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ('{"uptime":86400,"responseTime":1234,"version":"1.2.3.4","since":"at 10:20:30"}', ()),
        ('{"timestamp":"2026-11-24T10:20:30.123Z","commit":"4f2c1ab"}', ()),
        ('{"error":"connect ECONNREFUSED 10.0.2.7:5432"}', ("an address", "SQL or Prisma text")),
        ('{"error":"no route to db1.internal:5432"}', ("an address",)),
        ('{"checks":[{"url":"postgresql://app@db/x"}]}', ("a connection string",)),
        ('{"version":"10.2.1","other":"127.0.1"}', ()),
        ('{"error":"no route to 192.168.0.7"}', ("an address",)),
        ('{"error":"no route to 10.0.2.7"}', ("an address",)),
        ('{"checks":{"prisma":"ok","redis:6379":"ok"}}', ()),
        ('{"orm":"prisma"}', ()),
        ('{"error":"Invalid `prisma.user.findMany()` invocation:"}', ("SQL or Prisma text",)),
        ('{"error":"PrismaClientInitializationError"}', ("SQL or Prisma text",)),
        ('{"error":"Can\'t reach database server at the host"}', ("SQL or Prisma text",)),
        ("Error: boom\n    at Object.<anonymous> (/app/server/route.js:12:9)", ("a stack trace",)),
    ],
)
def test_internals_are_told_from_numbers_and_times(body: str, found: tuple[str, ...]) -> None:
    assert details(body) == found


def test_a_long_text_of_an_answer_is_told_by_its_length_for_a_cut_would_keep_half_a_secret() -> None:
    assert word("x" * 200) == "(a text of 200 characters)"
    assert word("unhealthy") == "unhealthy"


def test_of_what_health_says_only_words_and_times_are_kept(tmp_path: Path) -> None:
    said = {"status": "ok s3cr3t", "database": "postgres://emailai:s3cr3t@db/x", "timestamp": "s3cr3t"}
    location = "https://u:s3cr3t@b.example/login?token=s3cr3t"
    head = f"307 Temporary\r\nLocation: {location}\r\nContent-Type: application/json"
    with over_tls(tmp_path, _says(head, json.dumps(said))) as target:
        seen = health_probe.look(target, _context(10))
    assert isinstance(seen, health_probe.HealthEvidence)
    assert "s3cr3t" not in seen.model_dump_json()
    assert (seen.state, seen.database) == ("(a text of 9 characters)", "(a text of 30 characters)")
    assert seen.location == "https://b.example/login?token=…"


def test_an_error_that_comes_quickly_is_no_quick_answer() -> None:
    with app(status=500) as url, pytest.raises(CannotTell, match=r"no 200 .* \(500\)"):
        health_probe.look_at_instance_latency(Instance(url=url), _context())


def test_silence_means_something_only_where_a_control_answers() -> None:
    with pytest.raises(CannotTell) as unproven:
        raise _controls.no_answer(_context(), "timeout", "203.0.113.9")
    assert (unproven.value.cause, unproven.value.target) == ("unproven", "t.x")
    for near in ("127.0.0.1", "::1", "localhost"):
        assert _controls.no_answer(_context(), "refused", near).cause == "outage"
