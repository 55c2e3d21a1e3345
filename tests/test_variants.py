"""Sites as operators have them, good and broken: each is told exactly what is wrong with it, and nothing else.

Beside what a variant breaks, nothing of medium severity or worse may fail or stay unseen.
"""

from __future__ import annotations

import gzip
import itertools
import secrets
import time
import typing
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fixtures import vocabulary
from fixtures.catalogue import checks, probe_of
from fixtures.environment.sections.endpoints import Endpoint
from fixtures.evidence.gathering import Gathering, Job
from fixtures.evidence.store import Saved, Store
from fixtures.probes import PROBES, Context, Limits, health, load_probes
from fixtures.vocabulary import Evidence, Finding, Severity
from tests._site import Asked, Reply, Site, running
from tests.records import NOW

POLICY = (
    "default-src 'self'; script-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none';"
    " form-action 'self'"
)
SECURED = {
    "strict-transport-security": "max-age=31536000; includeSubDomains",
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "strict-origin-when-cross-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}
CHUNK = "/_next/static/chunks/main-0123456789abcdef.js"
PAGE = f"<!DOCTYPE html><html><body><h1>EmailAI</h1><p>{'word ' * 300}</p><script src='{CHUNK}'></script></body></html>"
HTML, PRIVATE = {"content-type": "text/html; charset=utf-8"}, {"cache-control": "private, no-cache, no-store"}
DECLARED: dict[str, Any] = {
    "redirects_here": ["http://a.example", "http://www.a.example", "https://www.a.example"],
    "paths": {"public": ["/", "/login"], "private": ["/dashboard", "/api/user/me"]},
}
APART = {"http.http2_is_served"}
"""What the server of these tests can't do."""


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _health() -> Reply:
    body = f'{{"status":"healthy","database":"connected","timestamp":"{_now()}"}}'
    return Reply(200, body, {"content-type": "application/json", "cache-control": "no-store"})


def _bare(asked: Asked) -> Reply:
    """What the app answers, whatever stands before it."""
    path = asked.path.partition("?")[0]
    if path in ("/", "/login"):
        return Reply(200, PAGE, {**HTML, **PRIVATE})
    if path == CHUNK:
        kept = {"content-type": "application/javascript", "cache-control": "public, max-age=31536000, immutable"}
        return Reply(200, "self.x=1;" * 300, kept)
    if path == "/api/health":
        return _health()
    if path == "/dashboard":
        return Reply(307, "", {"location": "/login", **PRIVATE})
    if path == "/api/user/me":
        return Reply(401, "{}", {"content-type": "application/json", "cache-control": "no-store"})
    kind = {"content-type": "application/json"} if path.startswith("/api/") else HTML
    return Reply(404, "{}" if path.startswith("/api/") else "<html><body>not here</body></html>", {**kind, **PRIVATE})


def good(asked: Asked) -> Reply:
    """A healthy deployment: nginx before the app."""
    scheme, _, rest = asked.url.partition("://")
    host = rest.partition("/")[0]
    if host not in ("a.example", "www.a.example"):
        return Reply(421, "", SECURED if scheme == "https" else {})
    if asked.method == "TRACE":
        return Reply(405, "", SECURED if scheme == "https" else {})
    if scheme == "http":
        return Reply(301, "", {"location": f"https://{host}{asked.path}"})
    if host.startswith("www."):
        return Reply(301, "", {"location": f"https://a.example{asked.path}", **SECURED})
    reply = _bare(asked)
    fields = {**SECURED, **reply.fields}
    body = reply.body.encode() if isinstance(reply.body, str) else reply.body
    if "gzip" in asked.fields.get("accept-encoding", "") and len(body) > 1000:
        coded = {"content-encoding": "gzip", "vary": "accept-encoding"}
        return Reply(reply.status, gzip.compress(body), {**fields, **coded})
    return Reply(reply.status, body, {**fields, **({"vary": "accept-encoding"} if len(body) > 1000 else {})})


def with_fields(fields: Mapping[str, str], when: Callable[[Asked, Reply], bool] = lambda *_: True) -> Site:
    """Other fields on some answers over https; an empty value takes one away."""

    def site(asked: Asked) -> Reply:
        reply = good(asked)
        if not asked.url.startswith("https:") or not when(asked, reply):
            return reply
        changed = {name: value for name, value in {**reply.fields, **fields}.items() if value}
        return replace(reply, fields=changed)

    return site


def at(where: str, reply: Callable[[Asked], Reply], *, secured: bool = True) -> Site:
    """Another answer where an address begins so."""

    def site(asked: Asked) -> Reply:
        if not asked.url.startswith(where):
            return good(asked)
        other = reply(asked)
        return replace(other, fields={**SECURED, **other.fields}) if secured else other

    return site


def to(address: str, status: int = 301) -> Callable[[Asked], Reply]:
    """A redirect to one address."""
    return lambda _: Reply(status, "", {"location": address})


def _on(*prefixes: str) -> Callable[[Asked, Reply], bool]:
    return lambda asked, _: asked.path.startswith(prefixes)


def _is_page(asked: Asked, reply: Reply) -> bool:
    return reply.status == 200 and asked.path.partition("?")[0] in ("/", "/login")


def _no_gzip(asked: Asked) -> Reply:
    return good(replace(asked, fields={k: v for k, v in asked.fields.items() if k != "accept-encoding"}))


def _fresh_nonce(asked: Asked) -> Reply:
    reply = good(asked)
    if not _is_page(asked, reply):
        return reply
    own = f"script-src 'nonce-{secrets.token_urlsafe(18)}' 'strict-dynamic'"
    policy = POLICY.replace("script-src 'self'", own)
    return replace(reply, fields={**reply.fields, "content-security-policy": policy})


def _no_head(asked: Asked) -> Reply:
    return Reply(405, "", {**SECURED, "allow": "GET"}) if asked.method == "HEAD" else good(asked)


def _permanent(asked: Asked) -> Reply:
    reply = good(asked)
    return replace(reply, status=308) if reply.status == 301 else reply


def _slashes(asked: Asked) -> Reply:
    """`trailingSlash: true`: every page ends in one."""
    path = asked.path.partition("?")[0]
    if asked.url.startswith("https://a.example") and path in ("/login", "/dashboard"):
        return Reply(308, "", {"location": path + "/", **SECURED, **PRIVATE})
    return good(replace(asked, url=asked.url.rstrip("/"))) if path in ("/login/", "/dashboard/") else good(asked)


def _health_with(old: str, new: str) -> Site:
    """The health endpoint with other words in its body."""
    return at("https://a.example/api/health", lambda _: replace(_health(), body=str(_health().body).replace(old, new)))


def _frozen(_: Asked) -> Reply:
    body = '{"status":"healthy","database":"connected","timestamp":"2026-01-01T00:00:00.000Z"}'
    return replace(_health(), body=body)


def _soft(asked: Asked) -> Reply:
    reply = good(asked)
    return replace(reply, status=200) if asked.url.startswith("https://a.") and reply.status == 404 else reply


def _echo(asked: Asked) -> Reply:
    reply = good(asked)
    if "origin" not in asked.fields:
        return reply
    shared = {
        "access-control-allow-origin": asked.fields["origin"],
        "access-control-allow-credentials": "true",
        "vary": "origin, accept-encoding",
    }
    return replace(reply, fields={**reply.fields, **shared})


def _settings(asked: Asked) -> Reply:
    if asked.path != "/.env":
        return good(asked)
    return Reply(200, "DATABASE_URL=x\nNEXTAUTH_SECRET=y\n", {"content-type": "text/plain"})


def _believes(asked: Asked) -> Reply:
    if "x-forwarded-host" not in asked.fields or asked.path != "/dashboard":
        return good(asked)
    return Reply(307, "", {"location": f"https://{asked.fields['x-forwarded-host']}/login", **SECURED, **PRIVATE})


def _with_policy(sources: str) -> Site:
    return with_fields({"content-security-policy": POLICY.replace("script-src 'self'", f"script-src 'self' {sources}")})


@dataclass(frozen=True)
class Variant:
    """A site, what is declared of it beside the usual, and the checks that fail, all of them."""

    site: Site
    fails: frozenset[str] = frozenset()
    declared: Mapping[str, Any] = field(default_factory=dict)


def bad(site: Site, *fails: str, **declared: Any) -> Variant:
    """A site that is broken in one way."""
    return Variant(site, frozenset(fails), declared)


CLOUDFLARE = {
    "server": "cloudflare", "cf-ray": "8f1a2b3c4d5e6f70-FRA", "cf-cache-status": "DYNAMIC",
    "nel": '{"report_to":"cf-nel","max_age":604800}', "alt-svc": 'h3=":443"; ma=86400',
    "report-to": '{"group":"cf-nel","max_age":604800,"endpoints":[{"url":"https://a.nel.cloudflare.com/report/v4"}]}',
}  # fmt: skip
VERCEL = {
    "server": "Vercel", "x-vercel-cache": "MISS", "x-vercel-id": "fra1::iad1::abcde-1700000000000-0123456789ab",
    "x-matched-path": "/",
}  # fmt: skip
VARIANTS: dict[str, Variant] = {
    "healthy": Variant(good),
    "behind Caddy": Variant(with_fields({"server": "Caddy", "alt-svc": 'h3=":443"; ma=2592000', "via": "1.1 Caddy"})),
    "behind Cloudflare": Variant(with_fields(CLOUDFLARE)),
    "on Vercel": Variant(with_fields(VERCEL)),
    "fresh nonces": Variant(_fresh_nonce),
    "308 for 301": Variant(_permanent),
    "no HEAD": Variant(_no_head),
    "trailing slashes": Variant(_slashes, declared={"paths": {**DECLARED["paths"], "public": ["/", "/login/"]}}),
    "preloaded": Variant(with_fields({"strict-transport-security": "max-age=63072000; includeSubDomains; preload"})),
    "more in the health body": Variant(_health_with("}", ',"version":"1.4.2","uptime":12.5}')),
    "HSTS on 200 only": bad(
        with_fields({"strict-transport-security": ""}, lambda _, r: r.status not in (200, 301, 307)),
        "headers.hsts_on_errors", "redirects.first_https_answer_has_hsts",
    ),
    "no HSTS": bad(
        with_fields({"strict-transport-security": ""}),
        "headers.hsts_on_pages", "headers.hsts_on_api", "headers.hsts_on_errors", "headers.hsts_on_redirects",
        "headers.hsts_on_static_files", "redirects.first_https_answer_has_hsts",
    ),
    "HSTS for a day": bad(
        with_fields({"strict-transport-security": "max-age=86400; includeSubDomains"}, _is_page),
        "headers.hsts_on_pages",
    ),
    "CSP with unsafe-inline": bad(_with_policy("'unsafe-inline'"), "headers.csp_forbids_inline_scripts"),
    "CSP with unsafe-eval": bad(_with_policy("'unsafe-eval'"), "headers.csp_forbids_eval"),
    "no nosniff on chunks": bad(
        with_fields({"x-content-type-options": ""}, _on("/_next/")), "headers.nosniff_on_static_files"
    ),
    "a version in Server": bad(
        with_fields({"server": "nginx/1.24.0"}, _is_page), "headers.server_version_is_hidden_on_pages"
    ),
    "X-Powered-By": bad(with_fields({"x-powered-by": "Next.js"}), "headers.framework_is_hidden"),
    "API in public caches": bad(
        with_fields({"cache-control": "public, max-age=300"}, _on("/api/user")),
        "caching.private_answers_are_not_publicly_cached", "caching.tenant_api_says_no_store",
    ),
    "health in caches": bad(
        with_fields({"cache-control": "public, max-age=60"}, _on("/api/health")),
        "health.is_not_cacheable", "caching.api_is_not_publicly_cached",
    ),
    "chunks not kept": bad(with_fields({"cache-control": "no-cache"}, _on(CHUNK)), "http.chunks_are_immutable"),
    "gzip off": bad(
        _no_gzip, "http.page_is_compressed", "http.scripts_are_compressed", "http.compressed_answers_vary"
    ),
    "http to the wrong host": bad(
        at("http://a.example", to("https://b.example/"), secured=False),
        "http.http_redirects_to_https", "redirects.no_way_leads_elsewhere",
        "redirects.http_leads_to_the_same_host_first",
    ),
    "http serves": bad(
        at("http://a.example", lambda _: Reply(200, PAGE, HTML), secured=False),
        "http.http_redirects_to_https", "http.nothing_is_served_over_http",
    ),
    "302 from http": bad(
        at("http://a.example", lambda a: Reply(302, "", {"location": "https" + a.url[4:]}), secured=False),
        "http.redirects_to_the_site_are_permanent",
    ),
    "www over http": bad(
        at("https://www.a.example", lambda a: Reply(301, "", {"location": "http://a.example" + a.path})),
        "redirects.no_way_leads_back_to_http", "http.other_hosts_lead_to_the_canonical_one",
    ),
    "www serves a copy": bad(
        at("https://www.a.example", lambda a: good(replace(a, url=a.url.replace("www.", "")))),
        "http.other_hosts_lead_to_the_canonical_one",
    ),
    "a loop": bad(
        at("https://www.a.example", to("https://www.a.example/golive-probe?q=1")),
        "http.other_hosts_lead_to_the_canonical_one", "redirects.ways_end_at_the_site",
    ),
    "soft 404": bad(
        _soft, "http.unknown_page_is_404", "http.unknown_api_path_is_404", "http.missing_chunk_is_404"
    ),
    "health says degraded": bad(_health_with("healthy", "degraded"), "health.says_healthy"),
    "health is a page": bad(
        at("https://a.example/api/health", lambda _: Reply(200, PAGE, {**HTML, **PRIVATE})),
        "health.is_json", "health.says_healthy", "health.database_is_connected", "health.timestamp_is_utc",
        "health.timestamp_is_now", "health.timestamp_moves",
    ),
    "health is frozen": bad(
        at("https://a.example/api/health", _frozen), "health.timestamp_is_now", "health.timestamp_moves"
    ),
    "an open dashboard": bad(
        at("https://a.example/dashboard", lambda _: Reply(200, PAGE, {**HTML, **PRIVATE})),
        "http.private_paths_need_a_session",
    ),
    "an echo of every origin": bad(_echo, "cors.strangers_read_nothing_with_cookies"),
    "an .env": bad(at("https://a.example/.env", _settings), "exposure.dot_env_is_absent"),
    "a session cookie of 1999": bad(
        with_fields({"set-cookie": "next-auth.session-token=abc; Path=/"}, _is_page),
        "cookies.session_cookies_are_secure", "cookies.session_cookies_are_http_only", "cookies.every_cookie_is_secure",
        "cookies.session_cookies_stay_on_the_site",
    ),
    "X-Forwarded-Host in links": bad(_believes, "forged.forged_hosts_are_in_no_link"),
}  # fmt: skip


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, dict[str, Endpoint]]]:
    """Every variant, looked at at the same time."""
    load_probes()
    folder = tmp_path_factory.mktemp("variants")
    with ExitStack() as ending:
        targets = {}
        for number, variant in enumerate(VARIANTS.values()):
            own = folder / str(number)
            own.mkdir()
            declared = {**DECLARED, **variant.declared}
            targets[f"endpoints.v{number}"] = ending.enter_context(running(own, variant.site, **declared))
        jobs = []
        for name, target in targets.items():
            for kind in (kind for kind in PROBES if kind.__name__ not in ("TlsEvidence", "CertificateEvidence")):
                probe = probe_of(kind, name)
                if probe is not None and not probe.alone and not probe.experiment and probe.applies(target):
                    context = Context(name, 0.0, targets=targets, limits=Limits(4, 200))
                    jobs.append(Job(replace(probe, deadline=120.0), target, context))
        store = Store(folder)
        store.open()
        Gathering(store).gather(jobs)
        store.close()
        yield store, targets


def judged(store: Store, name: str, target: Endpoint) -> dict[str, str]:
    """The checks of medium severity or worse that do not pass, with what they saw."""
    found = {}
    for _, function in checks().functions:
        check = vocabulary.check_of(function)
        assert check is not None
        hints = {key: kind for key, kind in typing.get_type_hints(function).items() if key != "return"}
        kinds = [kind for kind in hints.values() if isinstance(kind, type) and issubclass(kind, Evidence)]
        if len(kinds) != 1 or any(kind not in (*kinds, Endpoint) for kind in hints.values()) or check.intrusive:
            continue
        if not store.path(kinds[0].__name__, name).exists() or not check.applies(target):
            continue
        try:
            function(**{key: target if kind is Endpoint else store.read(kind, name) for key, kind in hints.items()})
        except Finding as finding:
            found[check.id] = finding.seen
        except Exception as error:  # not seen is told as well
            found[check.id] = f"not seen: {error}"
        if not check.severity >= Severity.MEDIUM and check.id in found:
            found[check.id] = f"(minor) {found[check.id]}"
    return found


@pytest.mark.parametrize("name", VARIANTS)
def test_a_site_is_told_exactly_what_is_wrong_with_it(seen: tuple[Store, dict[str, Endpoint]], name: str) -> None:
    store, targets = seen
    key = f"endpoints.v{list(VARIANTS).index(name)}"
    found = judged(store, key, targets[key])
    expected = VARIANTS[name].fails
    wrong = {
        check: what
        for check, what in found.items()
        if check not in expected and check not in APART and not what.startswith("(minor)")
    }
    assert not wrong, "a false alarm"
    assert not expected - set(found), "a miss"


def test_one_instance_that_answers_502_is_told_as_that(tmp_path: Path) -> None:
    count = itertools.count()

    def site(asked: Asked) -> Reply:
        return Reply(502, "bad gateway", HTML) if next(count) in (1, 4) else good(asked)

    with running(tmp_path, site) as target:
        looked = health.look(target, Context("endpoints.web", time.monotonic() + 60, limits=Limits(4, 200)))
    store = Store(tmp_path)
    store.open()
    evidence = looked.model_dump(mode="json")
    store.write(Saved(kind="HealthEvidence", target="endpoints.web", observed_at=NOW, seconds=1.0, evidence=evidence))
    assert set(judged(store, "endpoints.web", target)) == {"health.answers_every_time"}


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://b\u00fccher.example", "xn--bcher-kva.example"),
        ("https://[::1]:8443", "[::1]:8443"),
        ("https://[::1]", "[::1]"),
        ("https://a.example:8443", "a.example:8443"),
    ],
)
def test_hosts_of_every_kind_are_asked(tmp_path: Path, url: str, host: str) -> None:
    """IDNA names, IPv6 literals, ports, and paths that are not ASCII."""

    def site(asked: Asked) -> Reply:
        return good(replace(asked, url=asked.url.replace(f"://{host}/", "://a.example/")))

    paths = {"public": ["/", "/login", "/\u00fcber?x=\u00fc"], "image": "/l\u00f6go.png"}
    with running(tmp_path, site, paths=paths) as local:
        target = local.model_copy(update={"url": Endpoint(url=url).url})
        for kind in load_probes():
            probe = probe_of(kind, "endpoints.web")
            if probe is None or probe.alone or probe.experiment or not probe.applies(target):
                continue
            context = Context("endpoints.web", time.monotonic() + 60, limits=Limits(4, 500))
            assert isinstance(probe.look(target, context), kind)
