"""Sign-in: addresses as browsers read them, libraries told apart, evidence without secrets, judging, nothing left."""

from __future__ import annotations

import contextlib
import http.server
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
import redis

from checks import auth as checks
from checks._origins import mistake
from fixtures.addresses import origin_of, without_query
from fixtures.environment.loading import BadEnvironment, load
from fixtures.environment.sections.auth import Auth
from fixtures.environment.sections.endpoints import Endpoint
from fixtures.probes import Context, _sign_in
from fixtures.probes._http import UNTRUSTED, Answer, Client
from fixtures.probes._sign_in import Jar, Reply, authorize, detected, landing, reply
from fixtures.probes.auth import Agreement, AuthEvidence, Landing, look
from fixtures.probes.luring import ELSEWHERE, Forged, Lure, LuringEvidence, forms
from fixtures.probes.luring import look as look_at_lures
from fixtures.run import Run
from fixtures.stack import start
from fixtures.stack.certificates import Authority, Request
from fixtures.stack.plan import DOMAIN
from fixtures.stack.stack import Stack
from fixtures.vocabulary import CannotTell, Finding
from tests.records import NOW
from tests.records.auth import ASKED, AUTH, AUTH_TARGET, ORIGIN

STATE = "c3RhdGUtdGhhdC1uby1yZXBvcnQtbWF5LXNob3c"


@pytest.mark.parametrize(
    ("value", "to"),
    [
        ("/inbox", ORIGIN),
        ("inbox", ORIGIN),
        ("", ORIGIN),
        ("https://WEB.test:443/x", ORIGIN),
        ("https:/evil.test/", ORIGIN),  # of the base's own scheme: a path
        ("https:evil.test", ORIGIN),
        (f"{ORIGIN}//evil.test/", ORIGIN),
        ("/%2fevil.test/", ORIGIN),
        ("//evil.test/", "https://evil.test"),
        ("/\\evil.test/", "https://evil.test"),
        ("\\\\evil.test", "https://evil.test"),
        ("/\t/evil.test/", "https://evil.test"),
        (" \nhttps://evil.test", "https://evil.test"),
        ("https:///evil.test/", "https://evil.test"),
        ("http:/evil.test/", "http://evil.test"),
        ("https://web.test@evil.test/", "https://evil.test"),
        ("https://web.test.evil.test", "https://web.test.evil.test"),
        ("https://web.test:8443/", "https://web.test:8443"),
        ("http://web.test/", "http://web.test"),
        ("JavaScript:alert(1)", "javascript:"),
        ("java\nscript:alert(1)", "javascript:"),
        ("data:text/html,x", "data:"),
        ("https://[::1", "https:"),
    ],
)
def test_an_address_leads_where_a_browser_goes(value: str, to: str) -> None:
    assert landing(value, ORIGIN) == to


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("https://web.test/x", ""),
        ("https://WEB.test:443", ""),
        ("http://localhost:3000/api", "localhost"),
        ("http://127.0.0.1:3000", "localhost"),
        ("http://[::]:3000", "localhost"),
        ("http://web.test/", "http instead of https"),
        ("https://web.test:3000/", "another port (3000)"),
        ("https://www.web.test", "www. and the bare domain"),
        ("https://app1.internal", "an internal host"),
        ("http://0a1b2c3d4e5f:3000", "an internal host"),
        ("http://10.0.2.7:3000", "an internal host"),
        ("https://staging.web.test", "another host"),
        ("https://web.test:x/", "no address"),
        ("javascript:", "no address"),
    ],
)
def test_a_wrong_origin_is_named_as_the_mistake_it_is(address: str, words: str) -> None:
    assert mistake(address, ORIGIN).startswith(words)
    assert bool(mistake(address, ORIGIN)) is bool(words)


def _answer(status: int, body: object = b"", *headers: tuple[str, str]) -> Answer:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(f"{ORIGIN}/api/auth/x", "GET", status, headers, content)


def _cookie(name: str) -> tuple[str, str]:
    return "set-cookie", f"{name}=0123%7C4567; Path=/; HttpOnly; Secure; SameSite=Lax"


def _listed(kind: str) -> dict[str, Any]:
    return {"google": {"id": "google", "type": kind, "callbackUrl": f"{ORIGIN}/api/auth/callback/google"}}


_REFUSES = _answer(400, b'"Bad request."')
_NOT_THERE = _answer(404)


# As next-auth 4.24.15, @auth/core 0.41.3 and better-auth 1.7.25 answered.
@pytest.mark.parametrize(
    ("providers", "csrf", "session", "ok", "library"),
    [
        (
            _answer(200, _listed("oauth")),
            _answer(200, {"csrfToken": "0123"}, _cookie("__Host-next-auth.csrf-token")),
            _answer(200, {}),
            _answer(400, b"Error: This action with HTTP GET is not supported by NextAuth.js"),
            "next-auth@4",
        ),
        (
            _answer(200, _listed("oidc")),
            _answer(200, {"csrfToken": "0123"}, _cookie("__Host-authjs.csrf-token")),
            _answer(200, None),
            _REFUSES,
            "authjs@5",
        ),
        (_NOT_THERE, _NOT_THERE, _NOT_THERE, _answer(200, {"ok": True}), "better-auth"),
        # Cookies of other names.
        (_answer(200, _listed("oauth")), _answer(200, {"csrfToken": "0"}), _answer(200, {}), _REFUSES, "next-auth@4"),
        (_answer(200, _listed("oauth")), _answer(200, {"csrfToken": "0"}), _answer(200, None), _REFUSES, "authjs@5"),
        # A set-up that is refused.
        *(
            (*[_answer(500, {"message": f"There {verb} a problem with the server configuration."})] * 3, ok, library)
            for verb, ok, library in (("is", _REFUSES, "next-auth@4"), ("was", _REFUSES, "authjs@5"))
        ),
        # Nothing of the kind.
        (_answer(200, b"<html>"), _answer(200, b"<html>"), _answer(200, b"<html>"), _answer(200, b"<html>"), None),
        (_NOT_THERE, _NOT_THERE, _NOT_THERE, _NOT_THERE, None),
        (_answer(200, []), _answer(200, [1]), _answer(200, [2]), _answer(200, {"ok": True}), None),
    ],
)
def test_libraries_are_told_apart(
    providers: Answer, csrf: Answer, session: Answer, ok: Answer, library: str | None
) -> None:
    found = detected({"providers": providers, "csrf": csrf, "session": session, "ok": ok})
    assert found.framework == library
    assert bool(found.complaint) is (providers.status == 500)


def _authorize_url() -> str:
    back = quote(f"{ORIGIN}/api/auth/callback/google", safe="")
    return (
        "https://accounts.google.com/o/oauth2/v2/auth?client_id=1-a.apps.googleusercontent.com&scope=openid%20email"
        f"&response_type=code&redirect_uri={back}&state={STATE}&code_challenge={'c' * 43}&code_challenge_method=S256"
    )


@pytest.mark.parametrize(
    "answer",
    [
        _answer(200, {"url": _authorize_url()}),
        _answer(302, b"", ("location", _authorize_url())),
    ],
)
def test_what_the_provider_is_asked_for_is_read_without_its_secrets(answer: Answer) -> None:
    asked = authorize(answer)
    assert asked is not None
    assert (asked.origin, asked.redirect_uri) == ("https://accounts.google.com", f"{ORIGIN}/api/auth/callback/google")
    assert (asked.scopes, asked.state, asked.challenge) == (("openid", "email"), len(STATE), 43)
    seen = reply("a sign-in", answer)
    assert seen.authorizes
    assert seen.leads == "https://accounts.google.com/o/oauth2/v2/auth"
    assert STATE not in asked.model_dump_json() + seen.model_dump_json()
    twice = authorize(_answer(302, b"", ("location", _authorize_url() + "&scope=x")))
    assert twice is not None
    assert twice.repeated == ("scope",)


@pytest.mark.parametrize(
    ("location", "says"),
    [
        (f"{ORIGIN}/api/auth/signin?csrf=true", "csrf=true"),
        (f"{ORIGIN}/api/auth/error?error=OAuthCallback", "error=OAuthCallback"),
        (f"{ORIGIN}/api/auth/error?error={STATE * 3}", ""),
        ("/login?code=golive", ""),
    ],
)
def test_only_the_code_of_an_error_is_kept_of_a_query(location: str, says: str) -> None:
    seen = reply("x", _answer(302, b"", ("location", location)))
    assert seen.says == says
    assert "?" not in seen.leads
    assert not seen.authorizes


def test_a_jar_keeps_what_is_set_and_drops_what_is_deleted() -> None:
    jar = Jar()
    jar.keep(_answer(200, b"", _cookie("__Host-next-auth.csrf-token"), ("set-cookie", "a=1; Path=/")))
    assert jar.value("csrf") == "0123%7C4567"
    assert jar.header() == {"cookie": "__Host-next-auth.csrf-token=0123%7C4567; a=1"}
    jar.keep(_answer(200, b"", ("set-cookie", "a=; Max-Age=0"), ("set-cookie", "a.b=2")))
    assert "a=1" not in jar.header()["cookie"]
    assert Jar().header() == {}


def test_a_fourth_sign_in_waits_until_a_limiter_has_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_sign_in, "WINDOW", 0.4)
    pace = _sign_in._Pace()
    moments = []
    for _ in range(4):
        with pace.turn(Context("t", time.monotonic() + 5)):
            moments.append(time.monotonic())
    assert moments[3] - moments[2] >= 0.4
    with pace.turn(Context("t", time.monotonic() + 5)), pytest.raises(RuntimeError):
        raise RuntimeError
    with pace.turn(Context("t", time.monotonic() + 5)):
        begun = time.monotonic()
        pace.start_anew()
        assert time.monotonic() - begun >= 0.4
    monkeypatch.setattr(_sign_in, "WINDOW", 60.0)
    pace = _sign_in._Pace()
    for _ in range(2):
        with pace.turn(Context("t", time.monotonic() + 1)):
            pass
    with pace.turn(Context("t", time.monotonic() + 1)):
        pass
    with pytest.raises(CannotTell) as late, pace.turn(Context("t", time.monotonic() + 0.2)):
        raise AssertionError
    assert late.value.cause == "deadline"


@contextmanager
def over_tls(
    folder: Path, answer: Callable[[http.server.BaseHTTPRequestHandler], tuple[int, dict[str, str], bytes]]
) -> Iterator[tuple[Endpoint, list[str]]]:
    """An endpoint of a private authority, and the cookies that reached it."""
    authority = Authority()
    chain = authority.issue(Request(names=("web.test",)))
    (folder / "pem").write_text(chain.key + chain.certificates)
    (folder / "ca.pem").write_text(authority.root)
    cookies: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            cookies.append(self.headers.get("cookie", ""))
            self.rfile.read(int(self.headers.get("content-length", "0")))
            status, headers, body = answer(self)
            self.send_response(status)
            for key, value in {**headers, "content-length": str(len(body))}.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002, ARG002
            return

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "pem")

    class Server(http.server.ThreadingHTTPServer):
        def get_request(self) -> tuple[Any, Any]:
            peer, address = super().get_request()
            return context.wrap_socket(peer, server_side=True, do_handshake_on_connect=False), address

        def handle_error(self, request: object, client_address: object) -> None:
            """Who does not trust the certificate breaks off."""

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield Endpoint(url=ORIGIN, connect=f"127.0.0.1:{server.server_address[1]}", ca=folder / "ca.pem"), cookies
    finally:
        server.shutdown()
        server.server_close()


def _context(endpoint: Endpoint, seconds: float = 15) -> Context:
    return Context("auth.google", time.monotonic() + seconds, targets={"endpoints.web": endpoint})


def test_cookies_go_over_a_verified_connection_or_not_at_all(tmp_path: Path) -> None:
    with over_tls(tmp_path, lambda _: (200, {}, b"{}")) as (endpoint, cookies):
        context, private = _context(endpoint), {"cookie": "a=secret"}
        trusting = Client(context, https_to=endpoint.connect, ca=endpoint.ca)
        assert trusting.ask(ORIGIN + "/", private=private).status == 200
        assert cookies == ["a=secret"]
        stranger = Client(context, https_to=endpoint.connect)
        for _ in range(2):
            refused = stranger.ask(ORIGIN + "/", private=private)
            assert (refused.status, refused.error) == (None, UNTRUSTED)
        assert stranger.ask(ORIGIN + "/").status == 200
        plain = stranger.ask("http://web.test/", to=endpoint.connect, private=private)
        assert plain.error == UNTRUSTED
        assert cookies == ["a=secret", ""]


def _of_other_names(request: http.server.BaseHTTPRequestHandler) -> tuple[int, dict[str, str], bytes]:
    """A next-auth with cookies of its own names, behind a certificate that nobody trusts."""
    action = urlsplit(request.path).path.removeprefix("/api/auth/")
    found: dict[str, object] = {"providers": _listed("oauth"), "csrf": {"csrfToken": "0123"}, "session": {}}
    if action in found:
        return 200, {"set-cookie": "__Host-mine.csrf-token=0123%7C4"}, json.dumps(found[action]).encode()
    return (200, {}, b"<p>hi</p>") if request.path == "/" else (404, {}, b"")


def test_without_a_trusted_certificate_what_takes_cookies_is_not_seen(tmp_path: Path) -> None:
    with over_tls(tmp_path, _of_other_names) as (endpoint, cookies):
        distrusted = endpoint.model_copy(update={"ca": None})
        seen = look(AUTH_TARGET, _context(distrusted))
    assert isinstance(seen, AuthEvidence)
    assert set(cookies) == {"", "__Secure-next-auth.session-token=golive-made-up"}
    assert (seen.framework, seen.start.error, seen.session) == ("next-auth@4", UNTRUSTED, "empty")
    assert AuthEvidence.model_validate_json(seen.model_dump_json()) == seen
    checks.check_a_known_library_answers(seen)
    for check in (checks.check_sign_in_starts, checks.check_redirect_uri_is_exact, checks.check_pkce_is_used):
        with pytest.raises(CannotTell, match="the certificate is not trusted"):
            check(seen)


@pytest.mark.parametrize(
    ("status", "body"), [(200, b"<html></html>"), (404, b""), (500, b"{"), (200, b"[" * 100_000), (200, b"\xff\0")]
)
def test_what_is_no_library_is_said_to_be_none(tmp_path: Path, status: int, body: bytes) -> None:
    with over_tls(tmp_path, lambda r: (status, {}, body) if "auth" in r.path else (200, {}, b"")) as (endpoint, _):
        seen = look(AUTH_TARGET, _context(endpoint))
        with pytest.raises(CannotTell, match="no sign-in library answers"):
            look_at_lures(AUTH_TARGET, _context(endpoint))
    assert isinstance(seen, AuthEvidence)
    with pytest.raises(Finding, match="no library under /api/auth"):
        checks.check_a_known_library_answers(seen)
    with pytest.raises(CannotTell):
        checks.check_sign_in_starts(seen)


def _start(**changes: Any) -> dict[str, Any]:
    return {"start": AUTH.start.model_copy(update={"authorizes": False, **changes}), "authorize": None}


@pytest.mark.parametrize(
    ("check", "change", "seen"),
    [
        (
            checks.check_redirect_uri_is_exact,
            {"authorize": ASKED.model_copy(update={"redirect_uri": "http://localhost:3000/api/auth/callback/google"})},
            "localhost",
        ),
        (
            checks.check_redirect_uri_is_exact,
            {"authorize": ASKED.model_copy(update={"redirect_uri": ASKED.redirect_uri + "/"})},
            "another path",
        ),
        (
            checks.check_sign_in_starts,
            _start(leads=f"{ORIGIN}/api/auth/error", says="error=OAuthSignin"),
            "200 to https://web.test/api/auth/error error=OAuthSignin",
        ),
        (
            checks.check_made_up_callbacks_are_refused,
            {"callbacks": (Landing(reply=Reply(name="a callback", status=200), at=ORIGIN, status=200),)},
            "a callback: 200, no error",
        ),
        (
            checks.check_refused_callbacks_land_on_a_page,
            {"callbacks": (AUTH.callbacks[0].model_copy(update={"status": 500}),)},
            "500 text/html",
        ),
        (
            checks.check_forged_sign_ins_are_refused,
            {"forged": (AUTH.start.model_copy(update={"name": "a sign-in without a token"}),)},
            "leads to https://accounts.google.com",
        ),
        (
            checks.check_instances_share_the_secret,
            {
                "agreements": tuple(
                    Agreement(made="the origin", taken_by="the origin", accepted=a) for a in (True, False)
                )
            },
            "the origin refuses its own signature, 1 times of 2",
        ),
        (checks.check_session_is_not_cacheable, {"session_cache": ""}, "no Cache-Control"),
        (checks.check_session_is_not_cacheable, {"session_cache": "private, s-maxage=9"}, "s-maxage=9"),
    ],
)
def test_a_finding_says_what_is_wrong(check: Callable[..., None], change: dict[str, Any], seen: str) -> None:
    check(AUTH)
    with pytest.raises(Finding, match=seen.replace("(", r"\(")):
        check(AUTH.model_copy(update=change))


@pytest.mark.parametrize(
    ("check", "change"),
    [
        (checks.check_sign_in_starts, _start(status=429)),
        (checks.check_sign_in_starts, _start(status=None, error="timeout")),
        (checks.check_forged_sign_ins_are_refused, {"forged": (Reply(name="x", status=429),)}),
        (checks.check_forged_sign_ins_are_refused, _start()),
        (checks.check_forged_sign_ins_are_refused, {"forged": AUTH.forged[1:]}),
        (checks.check_pkce_is_used, _start()),
        (checks.check_cookies_are_secure, {"cookies": ()}),
        (checks.check_anonymous_session_is_empty, {"session": "unread", "session_status": 502}),
        (checks.check_made_up_callbacks_are_refused, {"callbacks": ()}),
        (checks.check_refused_callbacks_land_on_a_page, {"callbacks": ()}),
        (checks.check_instances_share_the_secret, {"agreements": ()}),
        (
            checks.check_instances_share_the_secret,
            {"agreements": (Agreement(made="app1", taken_by="app2", accepted=None, error="timeout"),)},
        ),
    ],
)
def test_what_was_not_seen_is_not_judged(check: Callable[..., None], change: dict[str, Any]) -> None:
    with pytest.raises(CannotTell):
        check(AUTH.model_copy(update=change))


def test_the_page_of_auth_js_for_its_own_errors_is_500_by_design() -> None:
    said = AUTH.callbacks[0].reply.model_copy(update={"says": "error=Configuration"})
    page = AUTH.callbacks[0].model_copy(update={"reply": said, "status": 500})
    checks.check_refused_callbacks_land_on_a_page(
        AUTH.model_copy(update={"framework": "authjs@5", "callbacks": (page,)})
    )
    with pytest.raises(Finding):
        checks.check_refused_callbacks_land_on_a_page(AUTH.model_copy(update={"callbacks": (page,)}))


def test_auth_js_needs_no_state() -> None:
    without = {"authorize": ASKED.model_copy(update={"state": 0})}
    checks.check_state_is_used(AUTH.model_copy(update={"framework": "authjs@5", **without}))
    with pytest.raises(Finding, match="no state"):
        checks.check_state_is_used(AUTH.model_copy(update=without))


LURES = LuringEvidence(
    observed_at=NOW,
    origin=ORIGIN,
    framework="next-auth@4",
    own=Lure(name="a page of ours", status=200, to=ORIGIN),
    lures=(Lure(name="another origin", status=200, to=ORIGIN), Lure(name="a script", status=500)),
    honest=Forged(name="nothing", status=200, addresses=(ASKED.redirect_uri,)),
    forged=(
        Forged(name="Host", status=421, forwarded=False),
        Forged(name="Forwarded", status=200, addresses=(ASKED.redirect_uri,)),
    ),
)


@pytest.mark.parametrize(
    ("provider", "library", "state", "method", "right"),
    [
        ("google", "next-auth@4", 43, "", False),
        ("github", "authjs@5", 43, "", False),
        ("github", "next-auth@4", 43, "", True),
        ("github", "better-auth", 32, "", True),
        ("github", "next-auth@4", 0, "", False),
        ("github", "next-auth@4", 43, "plain", False),
    ],
)
def test_pkce_is_needed_where_it_is_always_taken_or_no_state_is_used(
    provider: str, library: str, state: int, method: str, right: bool
) -> None:
    asked = ASKED.model_copy(update={"state": state, "challenge": 43 if method else 0, "challenge_method": method})
    seen = AUTH.model_copy(update={"provider": provider, "framework": library, "authorize": asked})
    with contextlib.nullcontext() if right else pytest.raises(Finding, match="code_challenge_method"):
        checks.check_pkce_is_used(seen)


def test_a_refused_lure_is_no_finding_and_an_unshown_one_is_not_seen() -> None:
    checks.check_return_addresses_stay_on_the_origin(LURES)
    checks.check_forged_headers_change_no_address(LURES)
    checks.check_unknown_host_changes_no_address(LURES)
    led = LURES.model_copy(update={"lures": (Lure(name="a script", status=200, to="javascript:"),)})
    with pytest.raises(Finding, match="a script: leads to javascript:"):
        checks.check_return_addresses_stay_on_the_origin(led)
    dumb = LURES.model_copy(update={"own": Lure(name="a page of ours", status=200)})
    with pytest.raises(CannotTell):
        checks.check_return_addresses_stay_on_the_origin(dumb)
    limited = LURES.model_copy(update={"lures": (Lure(name="no scheme", status=429),)})
    with pytest.raises(CannotTell):
        checks.check_return_addresses_stay_on_the_origin(limited)


def test_every_form_of_a_lure_but_those_that_stay_leads_a_browser_away() -> None:
    led = {name: landing(value, ORIGIN) for name, value in forms(ORIGIN).items()}
    odd = {name: led.pop(name) for name in ("an encoded slash", "a script", "a document", "our origin over http")}
    assert odd == {
        "an encoded slash": ORIGIN,
        "a script": "javascript:",
        "a document": "data:",
        "our origin over http": "http://web.test",
    }
    assert led.pop("our name in front") == f"{ORIGIN}.{ELSEWHERE}"
    assert led == dict.fromkeys(led, f"https://{ELSEWHERE}")


@pytest.mark.parametrize(
    ("address", "origin", "place"),
    [
        ("https://A.example:443/x?y=1", "https://a.example", "https://a.example/x"),
        ("http://u:p@[::1]:8080/", "http://[::1]:8080", "http://[::1]:8080/"),
        ("/login?token=1", "", "/login"),
        ("https://[", "", ""),
        ("https://a.example:port/", "", ""),
        ("//a.example/x", "", ""),
        ("", "", ""),
    ],
)
def test_of_an_address_its_origin_and_path_are_kept(address: str, origin: str, place: str) -> None:
    assert (origin_of(address), without_query(address)) == (origin, place)


def test_an_address_that_nobody_can_read_is_no_bug() -> None:
    answer = Answer("https://web.test/", "GET", 302, (("location", "https://[?client_id=1"),))
    assert reply("an answer", answer).leads == ""
    assert authorize(answer) is None


def test_another_provider_needs_the_origin_of_its_page(tmp_path: Path) -> None:
    file = tmp_path / "e.yaml"
    text = "schema: 1\nendpoints: {web: {url: 'https://web.test'}}\nauth: {github: {endpoint: web, provider: github"
    file.write_text(text + "}}\n")
    with pytest.raises(BadEnvironment, match="the origin of the authorize page of github"):
        load(str(file))
    file.write_text(text + ", authorize: 'https://github.com'}}\n")
    found = load(str(file)).targets()["auth.github"]
    assert isinstance(found, Auth)
    assert found.authorize_origin == "https://github.com"


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with start() as running:
        yield running


def _store(stack: Stack) -> redis.Redis:
    return redis.Redis.from_url(stack.plan.redis_url())


def _content(stack: Stack) -> dict[str, object]:
    """Every row of the database, and every key of Redis."""
    tables = stack.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
    rows = {str(table): sorted(map(str, stack.sql(f'TABLE "{table}"'))) for (table,) in tables}
    return {**rows, "redis": sorted(_store(stack).keys("*"))}


@pytest.mark.parametrize("library", ["next-auth@4", "authjs@5"])
def test_looking_creates_nothing(stack: Stack, tmp_path: Path, library: str) -> None:
    stack.apply({"app.auth": library})
    before = _content(stack)
    environment = load("demo", ["intrusive=[]", f"auth.google={{library: {library}}}"], variables=stack.variables)
    run = Run(environment, tmp_path, stack=stack)
    run.store.open()
    rows = [row for row in run.rows if row.file in ("auth.py", "webhooks.py")]
    assert not [row for row in rows if row.check.intrusive]
    run.look(rows)
    assert _content(stack) == before
    reader = run.reader(0.0)
    for row in rows:
        reader.judge(row)


def test_a_session_of_redis_is_a_session_of_the_app_until_it_ends(stack: Stack) -> None:
    stack.apply({"app.auth": "next-auth@4"})
    store, at = _store(stack), stack.plan.layout.outside("app1")
    store.set("session:golive-token", json.dumps({"user": {"email": "ada@example.com"}}), ex=60)
    context = Context("instances.app1", time.monotonic() + 20)

    def ask(path: str, cookie: str) -> Answer:
        return Client(context).ask(f"http://{at}{path}", headers={"cookie": cookie, "host": DOMAIN})

    signed_in = "__Secure-next-auth.session-token=golive-token"
    try:
        assert json.loads(ask("/api/auth/session", signed_in).body) == {"user": {"email": "ada@example.com"}}
        assert ask("/dashboard", signed_in).status == 200
        assert ask("/dashboard", signed_in + "x").status == 307
    finally:
        store.delete("session:golive-token")
    assert json.loads(ask("/api/auth/session", signed_in).body) == {}
