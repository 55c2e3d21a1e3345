"""Headers, cookies and CORS: the readers on plain text, the probes on a local server."""

from __future__ import annotations

import socket
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from checks import _csp as csp
from checks import _headers as h
from checks import cookies as cookie_checks
from checks import cors as cors_checks
from checks import headers as header_checks
from checks._structured import Item, Token, UnreadableError, dictionary, item
from fixtures.environment.sections.endpoints import Endpoint, Paths
from fixtures.probes import cors as cors_probe
from fixtures.probes import headers as headers_probe
from fixtures.probes._cookies import Cookie, read
from fixtures.probes._html import Guards, Page
from fixtures.probes._http import Answer
from fixtures.probes.headers import HeadersEvidence, Response, response
from fixtures.vocabulary import CannotTell, Finding
from tests.records import NOW
from tests.test_http_areas import _context, over_tls

NONCE = "'nonce-cmFuZG9tbm9uY2UxMjM0'"


def page(*headers: tuple[str, str], name: str = "/", policies: tuple[str, ...] = ()) -> Response:
    """A page with these fields."""
    return Response(kind="page", name=name, status=200, error=None, headers=headers, policies=policies)


def test_a_policy_is_read_as_browsers_read_it() -> None:
    found = csp.parse(
        " Script-SRC 'SELF' HTTPS://CDN.Example/Path ;; script-src * ;\timg-src\t'none';st\u00fcle-src x;"
    )
    assert found.directives == {"script-src": ("'self'", "https://cdn.example/Path"), "img-src": ("'none'",)}
    assert found.repeated == ("script-src",)
    assert found.unreadable == ("st\u00fcle-src",)
    assert found.effective("script-src-elem") == ("script-src", ("'self'", "https://cdn.example/Path"))
    assert found.effective("worker-src") == ("script-src", ("'self'", "https://cdn.example/Path"))
    assert found.effective("object-src") is None
    assert csp.parse("default-src 'none'").effective("base-uri") is None


def test_policies_of_fields_commas_and_pages() -> None:
    found = csp.policies(["default-src 'self', object-src 'none'", " , ;"], ["frame-ancestors 'none'; base-uri 'self'"])
    assert [dict(policy.directives) for policy in found] == [
        {"default-src": ("'self'",)},
        {"object-src": ("'none'",)},
        {"base-uri": ("'self'",)},
    ]


@pytest.mark.parametrize(
    ("weakness", "policies", "seen"),
    [
        (csp.open_scripts, ["script-src https:", "script-src http:"], "script-src https:"),
        (csp.open_scripts, ["script-src https:", "default-src data:"], ""),
        (csp.open_scripts, ["img-src 'self'", "script-src *"], "no script-src"),
        (csp.open_scripts, [f"script-src {NONCE} 'strict-dynamic' * https:"], ""),
        (csp.inline_scripts, ["default-src 'unsafe-inline'", "script-src 'self'"], ""),
        (
            csp.inline_scripts,
            [f"script-src {NONCE}; script-src-attr 'unsafe-inline'"],
            "script-src-attr 'unsafe-inline'",
        ),
        (csp.inline_scripts, ["script-src 'unsafe-inline' 'nonce-$id'"], "script-src 'unsafe-inline'"),
        (
            csp.dead_strict_dynamic,
            [f"script-src {NONCE} 'strict-dynamic'", "script-src 'strict-dynamic'"],
            "script-src",
        ),
        (csp.open_objects, ["default-src 'self'", "object-src 'none'"], ""),
        (csp.open_objects, ["object-src"], ""),
        (csp.insecure_sources, ["img-src http://a.example", "img-src https:"], ""),
        (csp.bypassable_hosts, ["script-src *.googleapis.com", "script-src https:"], ""),
        (csp.bypassable_hosts, ["script-src *.googleapis.com", "script-src ajax.googleapis.com"], "script-src *.goo"),
        (csp.bypassable_hosts, ["script-src www.google.com/recaptcha/"], ""),
        (csp.bypassable_hosts, ["script-src www.googletagmanager.com"], ""),
        (
            csp.bypassable_hosts,
            ["script-src www.googletagmanager.com 'unsafe-eval'"],
            "script-src www.googletagmanager",
        ),
        (csp.bypassable_hosts, [f"script-src {NONCE} 'strict-dynamic' unpkg.com"], ""),
        (csp.short_nonces, ["script-src 'nonce-abcdefghijklmn=='"], "a nonce of 14 characters"),
        (csp.mistakes, ["script-src 'nonce-$x'"], "'nonce-… is no keyword"),
        (csp.mistakes, ["default-src 'self'; report-to default; sandbox allow-scripts; trusted-types a 'none'"], ""),
        (csp.outdated, ["img-src [2001:db8::1]:443"], "browsers match names"),
    ],
)
def test_weaknesses_are_those_that_every_policy_has(weakness: object, policies: list[str], seen: str) -> None:
    assert callable(weakness)
    told = weakness(csp.policies(policies))
    assert told.startswith(seen) if told.startswith("script") else seen in told
    assert bool(told) is bool(seen)


def test_nonces_are_compared_between_two_answers() -> None:
    def seen(first: str, second: str) -> HeadersEvidence:
        field = "content-security-policy"
        return HeadersEvidence(
            observed_at=NOW,
            responses=(page((field, f"script-src 'nonce-{first}'")), page(name="/login")),
            again=page((field, f"script-src 'nonce-{second}'")),
        )

    header_checks.check_csp_nonces_are_used_once(seen("a" * 20, "b" * 20))
    with pytest.raises(Finding, match="the same nonce in two answers"):
        header_checks.check_csp_nonces_are_used_once(seen("a" * 20, "a" * 20))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("same-origin", Token("same-origin")),
        (' "a\\"b" ', 'a"b'),
        ("?1;x=2;y", True),
        ("-12.5", "-12.5"),
        (":aGk=:", ":aGk=:"),
        ("@1659578233", "@1659578233"),
        ('%"f%c3%bc"', "f%c3%bc"),
        ("*foo/bar:1", Token("*foo/bar:1")),
    ],
)
def test_structured_items(text: str, value: object) -> None:
    assert item([text]).value == value


@pytest.mark.parametrize(
    "text", ["", "a b", '"a', "1.2.3", "1234567890123456", "?2", "(a b)", "caf\u00e9", "a, b", ":x", "-", "a;B"]
)
def test_what_is_no_structured_item(text: str) -> None:
    with pytest.raises(UnreadableError):
        item([text])


def test_structured_dictionaries() -> None:
    found = dictionary(['camera=(), fullscreen=(self "https://a.example"), b;x', "camera=*, c=?0"])
    assert found["camera"] == Item(Token("*"))
    assert found["fullscreen"].value == (Item(Token("self")), Item("https://a.example"))
    assert found["b"] == Item(True, {"x": True})
    assert found["c"] == Item(False)
    assert dictionary([""]) == {}
    for wrong in ("camera=(),", "camera 'none'", "Camera=()", 'camera=(self"x")', "camera=(", "camera=();"):
        with pytest.raises(UnreadableError):
            dictionary([wrong])


@pytest.mark.parametrize(
    ("fields", "seen"),
    [
        ([("permissions-policy", "camera=(), microphone=(), geolocation=()")], ""),
        ([("permissions-policy", "camera=()"), ("permissions-policy", "microphone=(), geolocation=()")], ""),
        ([("permissions-policy", "camera=(), microphone=(), geolocation=(), camera=(self)")], "not denied: camera"),
        ([("permissions-policy", "camera 'none'; microphone 'none'; geolocation 'none'")], "the old feature-policy"),
        ([("permissions-policy", "camera=(), microphone=(), geolocation=(),")], "can't be read and is ignored"),
        ([("feature-policy", "camera 'none'")], "only the old feature-policy"),
    ],
)
def test_permissions_policy(fields: list[tuple[str, str]], seen: str) -> None:
    told = h.wrong_permissions(page(*fields))
    assert seen in told
    assert bool(told) is bool(seen)


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        ("max-age=63072000; includeSubDomains; preload", ""),
        ("max-age=300", ""),
        ("max-age=300; preload", "max-age 300 is less than a year, no includeSubDomains"),
        ("max-age=031536000; includeSubDomains; preload", "begins with a zero"),
        ("max-age=31536000; includeSubDomains; preload=1", "preload takes no value"),
    ],
)
def test_preload(value: str, seen: str) -> None:
    told = h.wrong_preload(page(("strict-transport-security", value)))
    assert seen in told
    assert bool(told) is bool(seen)


@pytest.mark.parametrize(("status", "seen"), [(401, True), (403, True), (404, False), (503, False)])
def test_private_pages_that_refuse_are_no_redirects(status: int, seen: bool) -> None:
    endpoint = Endpoint(url="https://web.test", paths=Paths(private=("/dashboard", "/settings")))
    answers = [
        response("redirect", Answer(f"{endpoint.url}{path}", "GET", code), NOW)
        for path, code in (("/dashboard", 401), ("/settings", status))
    ]
    fields = HeadersEvidence(observed_at=NOW, responses=tuple(answers))
    if seen:
        header_checks.check_hsts_on_redirects(fields, endpoint)
        return
    with pytest.raises(CannotTell, match="no redirect answer"):
        header_checks.check_hsts_on_redirects(fields, endpoint)


def test_hsts_of_two_fields_names_the_first_and_no_number_is_too_long() -> None:
    field = "strict-transport-security"
    told = h.wrong_hsts(page((field, "max-age=60"), (field, "max-age=31536000; includeSubDomains")), 31536000)
    assert told == "2 strict-transport-security fields, of which browsers use the first: 'max-age=60'"
    assert h.wrong_hsts(page((field, f"max-age={'9' * 900}; includeSubDomains")), 31536000) == ""
    assert h.wrong_hsts(page((field, 'max-age="31536000";x="a;b"; includeSubDomains')), 31536000) == ""


@pytest.mark.parametrize(
    ("x_frame_options", "policy", "protected", "agree"),
    [
        ("SAMEORIGIN", "frame-ancestors 'self'", True, True),
        ("DENY", "frame-ancestors 'self'", True, False),
        ("ALLOWALL", "frame-ancestors 'none'", True, False),
        ("SAMEORIGIN", "frame-ancestors 'self' https://partner.example", True, True),
        ("DENY", "frame-ancestors *", False, True),
        ("DENY", "default-src 'self'", True, True),
        ("ALLOWALL", "default-src 'self'", False, True),
    ],
)
def test_framing(x_frame_options: str, policy: str, protected: bool, agree: bool) -> None:
    seen = page(("x-frame-options", x_frame_options), ("content-security-policy", policy))
    assert (h.wrong_frame(seen) == "") is protected
    assert (h.disagreeing_frames(seen) == "") is agree


@pytest.mark.parametrize(
    ("origin", "url", "far"),
    [
        ("https://cdn.example", "https://web.test", True),
        ("https://static.web.test", "https://web.test", False),
        ("https://web.test", "https://www.web.test", False),
        ("https://cdn.web.test", "https://app.web.test", False),
        ("https://shop.co.uk", "https://web.co.uk", True),
        ("https://other.vercel.app", "https://mine.vercel.app", True),
        ("https://notweb.test", "https://web.test", True),
    ],
)
def test_foreign(origin: str, url: str, far: bool) -> None:
    assert h.foreign(origin, url) is far


def test_a_cookie_is_its_attributes_and_never_its_value() -> None:
    found = read("__Host-a=s3cr3t=x; secure; Path=/x; HTTPONLY; path=/; SameSite=LAX; Max-Age=60; Expires=never", NOW)
    assert found == Cookie(name="__Host-a", secure=True, http_only=True, path="/", same_site="lax", lifetime=60)
    assert read("a=b; Expires=Wed, 25-Nov-2099 00:00:00 GMT", datetime(2099, 11, 24, tzinfo=UTC)).lifetime == 86400
    assert read("a=b; Expires=whenever; Max-Age=soon", NOW).lifetime is None
    assert read("justavalue; Secure", NOW) == Cookie(name="", secure=True)


@pytest.mark.parametrize(
    ("name", "session"),
    [
        ("__Secure-next-auth.session-token", True),
        ("connect.sid", True),
        ("JSESSIONID", True),
        ("access_token", True),
        ("__Host-next-auth.csrf-token", False),
        ("__Secure-next-auth.callback-url", False),
        ("__Secure-authjs.pkce.code_verifier", False),
        ("theme", False),
        ("sidebar", False),
    ],
)
def test_names_of_sessions(name: str, session: bool) -> None:
    assert cookie_checks.is_session(Cookie(name=name)) is session


def test_a_deleted_cookie_is_judged_by_its_prefix_alone() -> None:
    gone = Cookie(name="__Host-session", lifetime=0, path="/")
    seen = HeadersEvidence(observed_at=NOW, responses=(page().model_copy(update={"cookies": (gone,)}),))
    cookie_checks.check_session_cookies_are_secure(seen)
    with pytest.raises(Finding, match="__Host-session without Secure"):
        cookie_checks.check_prefixes_are_kept(seen)


@pytest.mark.parametrize(
    "hostile", ["<a ", "<!--", "<?", "</", "<a '", "<![", "<a b=", "<", "</a", "<script>", "< a='"]
)
def test_a_page_made_to_be_slow_is_not(hostile: str) -> None:
    begun = time.process_time()
    Guards("https://web.test/", hostile * (400_000 // len(hostile)))
    Page("https://web.test/", hostile * (400_000 // len(hostile)))
    assert time.process_time() - begun < 5


@pytest.mark.parametrize(
    ("html", "words", "sources"),
    [
        ("<p>one two</p><!-- three <p>four --> five", 3, []),
        ("<SCRIPT SRC=/a.js></SCRIPT>one", 1, ["https://web.test/a.js"]),
        ("<script>if (a < b) document.write('<script src=/no.js>')</script >one", 1, [""]),
        ("<script/src='/a.js?x=1&amp;y=2'/>silent</script>one", 1, ["https://web.test/a.js?x=1&y=2"]),
        ("<!DOCTYPE html><title>silent <b></title><p a=1 b = '>' c>one < two </>three", 4, []),
        ("<p>one<!--> two <script src=/a.js></script>", 2, ["https://web.test/a.js"]),
        ("<script src=/a.js src=/b.js></script>", 0, ["https://web.test/a.js"]),
        ("one <p title='never closed <script src=/no.js></script>", 1, []),
        ("<script src=/a.js>never closed", 0, ["https://web.test/a.js"]),
    ],
)
def test_pages_are_cut_as_browsers_cut_them(html: str, words: int, sources: list[str]) -> None:
    assert Page("https://web.test/", html).words == words
    assert [tag.src for tag in Guards("https://web.test/", html).scripts] == sources


def test_any_page_can_be_read() -> None:
    hostile = (
        "<![foo[> <script src='http://[::1'></script><script src=//cdn.example/a.js integrity crossorigin></script>"
    )
    assert Page("https://web.test/", hostile).words == 0
    found = Guards(
        "https://web.test/", hostile + "<meta HTTP-EQUIV=content-security-policy content=\"img-src 'self'\">"
    )
    assert [tag.src for tag in found.scripts] == ["http://[::1", "https://cdn.example/a.js"]
    assert found.policies == ["img-src 'self'"]
    answer = Answer("https://web.test/", "GET", 200, (), hostile.encode())
    assert [s.origin for s in headers_probe.response("page", answer, NOW).scripts] == ["https://cdn.example"]


def _careless(peer: socket.socket) -> None:
    peer.sendall(
        b"HTTP/1.1 200 OK\r\nSet-Cookie: sessid=top-secret; Path=/\r\nContent-Length: 0\r\nConnection: close\r\n"
        b"Access-Control-Allow-Origin: null\r\nAccess-Control-Allow-Credentials: true\r\n\r\n"
    )


def test_the_probes_keep_no_value_of_a_cookie(tmp_path: Path) -> None:
    with over_tls(tmp_path, _careless) as target:
        seen = headers_probe.look(target, _context(20))
        shared = cors_probe.look(target, _context(20))
    assert isinstance(seen, HeadersEvidence)
    assert "top-secret" not in seen.model_dump_json()
    assert HeadersEvidence.model_validate_json(seen.model_dump_json()) == seen
    with pytest.raises(Finding, match="sessid without HttpOnly"):
        cookie_checks.check_session_cookies_are_http_only(seen)
    assert isinstance(shared, cors_probe.CorsEvidence)
    assert {one.stranger for one in shared.answers} == {"foreign", "null", "before", "after"}
    assert {one.allowed for one in shared.answers} == {"null"}
    with pytest.raises(Finding, match="an origin of null may read it with cookies"):
        cors_checks.check_strangers_read_nothing_with_cookies(shared)


def test_an_unanswered_question_of_a_stranger_is_cannot_tell() -> None:
    silent = cors_probe.Shared(url="https://web.test/", method="GET", stranger="null", status=None, error="timeout")
    with pytest.raises(CannotTell):
        cors_checks.check_null_is_not_allowed(cors_probe.CorsEvidence(observed_at=NOW, answers=(silent,)))


def test_values_are_kept_of_the_fields_that_are_judged_and_names_of_all_others() -> None:
    sent = (
        ("server", "nginx"),
        ("x-middleware-set-cookie", "session=s3cr3t"),
        ("refresh", "0; url=/login?token=s3cr3t"),
        ("x-powered-by", "Next.js"),
        ("set-cookie", "session=s3cr3t"),
    )
    seen = response("page", Answer("https://a.example/", "GET", 200, sent), NOW)
    assert "s3cr3t" not in seen.model_dump_json()
    assert (seen.all("server"), seen.all("refresh"), len(seen.all("x-middleware-set-cookie"))) == (("nginx",), ("",), 1)
    assert [name for name, _ in seen.headers] == [name for name, _ in sent]
