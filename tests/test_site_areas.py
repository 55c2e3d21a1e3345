"""Redirects, caching, pictures, exposure, forged requests, ports, bodies and the balancer: on small local servers."""

from __future__ import annotations

import contextlib
import gzip
import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from checks import balancer as balancer_checks
from checks import bodies as body_checks
from checks import caching as caching_checks
from checks import exposure as exposure_checks
from checks import forged as forged_checks
from checks import health as health_checks
from checks import http as http_checks
from checks import images as image_checks
from checks import ports as port_checks
from checks import redirects as redirect_checks
from fixtures.environment.model import Place
from fixtures.environment.policy import BuildId, Release
from fixtures.environment.sections.endpoints import Endpoint, Paths
from fixtures.environment.sections.instances import Instance, InstanceExpectations
from fixtures.probes import Context
from fixtures.probes import bodies as bodies_probe
from fixtures.probes import caching as caching_probe
from fixtures.probes import cors as cors_probe
from fixtures.probes import exposure as exposure_probe
from fixtures.probes import forged as forged_probe
from fixtures.probes import headers as headers_probe
from fixtures.probes import health as health_probe
from fixtures.probes import http as http_probe
from fixtures.probes import images as images_probe
from fixtures.probes import page_latency as page_latency_probe
from fixtures.probes import ports as ports_probe
from fixtures.probes import redirects as redirects_probe
from fixtures.probes._html import Page
from fixtures.probes._http import Answer, Ask, Client, client
from fixtures.probes._latency import Latency
from fixtures.probes._place import said
from fixtures.probes._secrets import Published, published, secrets
from fixtures.probes.balancer import BalancerEvidence, InstanceBuildEvidence, look_at_instance
from fixtures.probes.balancer import look as look_at_balancer
from fixtures.probes.caching import Kept
from fixtures.probes.exposure import content
from fixtures.probes.http import HttpEvidence, Seen
from fixtures.probes.ports import Port, PortsEvidence
from fixtures.probes.redirects import Chain, Hop, RedirectsEvidence
from fixtures.vocabulary import CannotTell, Finding
from tests._site import Asked, Reply, Site, leads, page, running
from tests.records import NOW


def _context(seconds: float = 20, **more: Any) -> Context:
    return Context("t.x", time.monotonic() + seconds, **more)


def _free() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def chain(name: str, *hops: tuple[str, int | None, str | None], ended: Any = "answer") -> Chain:
    """A way, by address, status and target of each hop; a hop without a status is a timeout."""
    made = (Hop(url=u, status=s, to=t, error=None if s else "timeout", hsts=("max-age=1",)) for u, s, t in hops)
    return Chain(name=name, hops=tuple(made), ended=ended)


HOME = chain("the first page", ("https://a.example/", 200, None))


def ways(**more: tuple[Chain, ...]) -> RedirectsEvidence:
    """Evidence whose first page is served."""
    parts: dict[str, Any] = {"plain": (), "others": (), "private": (), **more}
    return RedirectsEvidence(observed_at=NOW, url="https://a.example", home=HOME, **parts)


DOOR = "https://a.example/dashboard"
SILENT = chain("/other", ("https://a.example/other", None, None), ended="silence")


@pytest.mark.parametrize(
    ("hops", "sign_in", "shut"),
    [
        ([(DOOR, 307, "https://a.example/login"), ("https://a.example/login", 200, None)], (), True),
        ([(DOOR, 302, "https://a.example/api/auth/signin?callbackUrl=…")], (), True),
        ([(DOOR, 307, "https://accounts.example/oauth/authorize?state=…")], (), True),
        ([(DOOR, 401, None)], (), True),
        ([(DOOR, 308, DOOR + "/"), (DOOR + "/", 401, None)], (), True),
        ([(DOOR, 307, "https://a.example/welcome"), ("https://a.example/welcome", 200, None)], ("/welcome",), True),
        ([(DOOR, 308, DOOR + "/"), (DOOR + "/", 200, None)], (), False),
        ([(DOOR, 307, "https://a.example/"), ("https://a.example/", 200, None)], (), False),
        ([(DOOR, 307, "https://a.example/login"), ("https://a.example/login", 200, None)], ("/welcome",), False),
        ([(DOOR, 200, None)], (), False),
        ([(DOOR, 302, "https://a.example/dashboard/logins"), (f"{DOOR}/logins", 200, None)], (), False),
    ],
)
def test_a_private_path_leads_to_the_sign_in_or_refuses(
    hops: list[tuple[str, int | None, str | None]], sign_in: tuple[str, ...], shut: bool
) -> None:
    endpoint = Endpoint(url="https://a.example", paths=Paths(private=("/dashboard",), sign_in=sign_in))
    seen = ways(private=(chain("/dashboard", *hops),))
    if shut:
        http_checks.check_private_paths_need_a_session(seen, endpoint)
    else:
        with pytest.raises(Finding):
            http_checks.check_private_paths_need_a_session(seen, endpoint)


def test_an_open_door_is_found_whatever_else_was_not_seen() -> None:
    endpoint = Endpoint(url="https://a.example")
    opened = chain("/dashboard", (DOOR, 200, None))
    with pytest.raises(Finding, match="/dashboard: 200"):
        http_checks.check_private_paths_need_a_session(ways(private=(SILENT, opened)), endpoint)
    with pytest.raises(CannotTell, match="/other is not answered"):
        http_checks.check_private_paths_need_a_session(ways(private=(SILENT,)), endpoint)
    served = chain("http://a.example", ("http://a.example/p", 200, None))
    quiet = chain("http://www.a.example", ("http://www.a.example/p", None, None), ended="silence")
    for check in (http_checks.check_http_redirects_to_https, http_checks.check_nothing_is_served_over_http):
        with pytest.raises(Finding):
            check(ways(plain=(quiet, served)))
        with pytest.raises(CannotTell):
            check(ways(plain=(quiet,)))
    with pytest.raises(Finding):
        http_checks.check_other_hosts_lead_to_the_canonical_one(ways(others=(quiet, served)))


@pytest.mark.parametrize(
    ("status", "to", "right"),
    [
        *((status, None, True) for status in (401, 403, 404)),
        *((status, None, False) for status in (200, 307, 500, 503)),
        (307, "/login?callbackUrl=…", True),
        (302, "https://a.example/auth/signin", True),
        (200, "/login", False),
        (307, "/start", False),
    ],
)
def test_an_unknown_path_of_the_api_is_not_found_or_not_told(status: int, to: str | None, right: bool) -> None:
    answer = Seen(name="unknown api path", url="https://a.example/api/x", status=status, location=to)
    site = site_of(missing_api=answer)
    target = Endpoint(url="https://a.example")
    if right:
        http_checks.check_unknown_api_path_is_404(site, target)
        return
    with pytest.raises(Finding, match=str(status)):
        http_checks.check_unknown_api_path_is_404(site, target)


def site_of(**more: Any) -> HttpEvidence:
    """What an origin that is well answers, with these changes."""
    page = Seen(name="page", url="https://a.example/", status=200, content_type="text/html")
    missing = page.model_copy(update={"name": "missing", "status": 404})
    whole: dict[str, Any] = {
        **dict.fromkeys(("page", "h2", "zipped", "upgrade"), page),
        **dict.fromkeys(("missing_chunk", "missing_page", "missing_api", "unknown_host"), missing),
    }
    return HttpEvidence.model_validate(
        {
            "observed_at": NOW, "url": "https://a.example", "words": 9, "insecure": 0, "canonical": (), "inside": 0,
            "named_chunks": 0, "chunks": (), "published": Published(), "unknown_host_shows_app": False,
            **whole, **more,
        }
    )  # fmt: skip


@pytest.mark.parametrize(
    ("address", "canonical", "own", "inside"),
    [
        ("https://a.example/", None, "", ""),
        ("https://a.example:443/login", None, "", ""),
        ("http://a.example/", None, "http instead of https", ""),
        ("https://www.a.example/", None, "www. and the bare domain", ""),
        ("https://prod.example/", None, "another host", ""),
        ("https://prod.example/", "https://prod.example", "", ""),
        ("https://a.example/", "https://prod.example", "another host", ""),
        ("http://localhost:3000/", None, "", "localhost: the app's own URL"),
        ("http://localhost:3000/", "https://prod.example", "", "localhost: the app's own URL"),
        ("http://app1:3000/", None, "", "an internal host"),
        ("https://10.0.0.7/", None, "", "an internal host"),
        ("https:///", None, "no address", ""),
    ],
)
def test_what_a_page_calls_itself(address: str, canonical: str | None, own: str, inside: str) -> None:
    target = Endpoint.model_validate({"url": "https://a.example", "expect": {"canonical": canonical}})
    site = site_of(canonical=(address, address))
    for check, words in (
        (http_checks.check_page_calls_itself_by_its_origin, own),
        (http_checks.check_page_calls_itself_by_nothing_inside, inside),
    ):
        with pytest.raises(Finding, match=words) if words else contextlib.nullcontext():
            check(site, target)


def test_a_site_of_the_inside_calls_itself_so() -> None:
    target = Endpoint.model_validate({"url": "https://app.corp", "expect": {"canonical": "https://prod.example"}})
    site = site_of(url="https://app.corp", canonical=("https://app.corp/",))
    http_checks.check_page_calls_itself_by_nothing_inside(site, target)
    with pytest.raises(Finding, match="an internal host"):
        http_checks.check_page_calls_itself_by_its_origin(site, target)


def test_a_page_is_told_apart_from_what_it_links_to() -> None:
    html = (
        '<link rel="canonical" href="http://localhost:3000/"><meta property="og:url" content="http://localhost:3000/">'
        '<meta property="og:image" content="http://localhost:3000/og.png"><a href="https://db.internal/">x</a>'
    )
    page = Page("https://a.example/", html)
    assert (page.canonical, page.inside) == (["http://localhost:3000/"] * 2, 2)


@pytest.mark.parametrize("error", ["timeout", "refused", "dns", "resolver", "unreachable", "protocol", None])
def test_only_a_refused_handshake_refuses_an_unknown_host(error: str | None) -> None:
    answer = Seen(name="unknown host", url="https://x.example/", status=None, error=error)
    for refusal in ("tls", "reset"):
        refused = answer.model_copy(update={"error": refusal})
        http_checks.check_unknown_host_is_not_served(site_of(unknown_host=refused))
    with pytest.raises(CannotTell, match="got no answer"):
        http_checks.check_unknown_host_is_not_served(site_of(unknown_host=answer))


_ASKED = "://a.example/p?q=1"


@pytest.mark.parametrize(
    ("hops", "leads", "permanent"),
    [
        ((("http" + _ASKED, 301, "https" + _ASKED),), True, True),
        ((("http" + _ASKED, 302, "https" + _ASKED),), True, False),
        ((("http" + _ASKED, 307, "https" + _ASKED), ("https" + _ASKED, None, None)), True, False),
        ((("http" + _ASKED, 301, "http://www.a.example/p?q=1"),
          ("http://www.a.example/p?q=1", 301, "https://www.a.example/p?q=1")), True, True),
        ((("http" + _ASKED, 301, "https://a.example/"),), False, True),
        ((("http" + _ASKED, 301, "https://b.example/p?q=1"),), False, True),
    ],
)  # fmt: skip
def test_a_way_to_https_is_one_though_it_is_not_for_ever(
    hops: tuple[tuple[str, int | None, str | None], ...], leads: bool, permanent: bool
) -> None:
    seen = ways(plain=(chain("port 80", *hops),))
    for check, right in (
        (http_checks.check_http_redirects_to_https, leads),
        (http_checks.check_redirects_to_the_site_are_permanent, permanent),
    ):
        with contextlib.nullcontext() if right else pytest.raises(Finding):
            check(seen)


def test_another_host_leads_here_though_it_is_not_for_ever() -> None:
    seen = ways(others=(chain("www", ("https://www.a.example/p?q=1", 307, "https" + _ASKED)),))
    http_checks.check_other_hosts_lead_to_the_canonical_one(seen)
    with pytest.raises(Finding, match="307"):
        http_checks.check_redirects_to_the_site_are_permanent(seen)


def _maze(asked: Asked) -> Reply:
    where = {
        "http://a.example/golive-probe?q=1": leads(301, "https://a.example/golive-probe?q=1"),
        "http://loop.a.example/golive-probe?q=1": leads(302, "https://loop.a.example/a"),
        "https://loop.a.example/a": leads(302, "https://loop.a.example/b"),
        "https://loop.a.example/b": leads(302, "/a"),
        "https://away.a.example/golive-probe?q=1": leads(302, "https://user:secret@else.example/x?state=secret&q=1"),
        "https://odd.a.example/golive-probe?q=1": leads(302, "https://[not-an-address/"),
        "https://gone.a.example/golive-probe?q=1": Reply(None),
        "https://a.example/golive-probe?q=1": Reply(404, "", {"strict-transport-security": "max-age=1"}),
        "https://a.example/dashboard": leads(307, "/login?callbackUrl=secret"),
    }
    if asked.url.startswith("https://deep.a.example/"):
        return leads(302, asked.url.split("?")[0] + "x")
    return where.get(asked.url) or page(asked)


def test_redirects_are_followed_one_by_one_with_a_bound_and_not_to_strangers(tmp_path: Path) -> None:
    names = [f"https://{name}.a.example" for name in ("away", "odd", "gone", "deep")]
    here = ["http://a.example", "http://loop.a.example", *names]
    with running(tmp_path, _maze, redirects_here=here, paths={"private": ["/dashboard"]}) as target:
        seen = redirects_probe.look(target, _context())
    assert isinstance(seen, RedirectsEvidence)
    assert RedirectsEvidence.model_validate_json(seen.model_dump_json()) == seen
    ended = {one.name: (one.ended, len(one.hops)) for one in (*seen.plain, *seen.others, *seen.private)}
    assert ended == {
        "http://a.example": ("answer", 2),
        "http://loop.a.example": ("loop", 3),
        "https://away.a.example": ("elsewhere", 1),
        "https://odd.a.example": ("elsewhere", 1),
        "https://gone.a.example": ("silence", 1),
        "https://deep.a.example": ("bound", redirects_probe.MOST + 1),
        "/dashboard": ("answer", 2),
    }
    assert "secret" not in seen.model_dump_json()
    away = next(one for one in seen.others if "away" in one.name)
    assert away.hops[0].to == "https://else.example/x?state=…&q=…"
    with pytest.raises(Finding, match="round in a circle"):
        redirect_checks.check_ways_end_at_the_site(seen)
    with pytest.raises(Finding, match=r"else\.example"):
        redirect_checks.check_no_way_leads_elsewhere(seen)
    with pytest.raises(Finding, match="none from https://loop"):
        redirect_checks.check_first_https_answer_has_hsts(seen)


@pytest.mark.parametrize(
    ("check", "bad"),
    [
        (
            redirect_checks.check_no_way_leads_back_to_http,
            chain("x", ("https://www.a.example/", 301, "http://a.example/"), ("http://a.example/", 200, None)),
        ),
        (redirect_checks.check_ways_end_at_the_site, chain("x", ("https://www.a.example/", 502, None))),
        (redirect_checks.check_ways_end_at_the_site, chain("x", ("https://www.a.example/", 301, None))),
        (
            redirect_checks.check_http_leads_to_the_same_host_first,
            chain("x", ("http://www.a.example/", 301, "https://a.example/")),
        ),
    ],
)
def test_a_bad_way_is_found(check: Callable[[RedirectsEvidence], None], bad: Chain) -> None:
    check(ways(others=(HOME,), plain=(HOME,)))
    with pytest.raises(Finding):
        check(ways(others=(bad,), plain=(bad,)))


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("s-maxage=31536000", 31536000),
        ("public, max-age=60", 60),
        ("max-age=60", 60),
        ("private, max-age=60", 0),
        ("no-cache, max-age=60", 0),
        ('no-store="x, max-age=9", s-maxage=9', 0),
        ("public, max-age=60, s-maxage=0", 0),
        ("max-age=-1", 0),
        ("", 0),
    ],
)
def test_what_a_shared_cache_may_give_to_others(value: str, seconds: int) -> None:
    kept = Kept(kind="page", name="/", status=200, cache_control=value)
    assert caching_checks._shared(kept) == seconds


@pytest.mark.parametrize(
    ("cache_control", "expires", "seconds", "given"),
    [
        ("public", 0, 0, True),
        ("public, must-revalidate", 0, 0, True),
        ("public, max-age=0", 0, 0, False),
        ("public, no-cache", 0, 0, False),
        ("", 600, 600, True),
        ("public", 600, 600, True),
        ("private", 600, 0, False),
        ("max-age=0", 600, 0, False),
        ("", 0, 0, False),
    ],
)
def test_public_without_a_time_and_expires_let_a_cache_give_it_to_others(
    cache_control: str, expires: int, seconds: int, given: bool
) -> None:
    kept = Kept(kind="private page", name="/", status=200, cache_control=cache_control, expires=expires)
    assert caching_checks._shared(kept) == seconds
    with pytest.raises(Finding) if given else contextlib.nullcontext():
        caching_checks.check_private_answers_are_not_publicly_cached(
            caching_probe.CachingEvidence(observed_at=NOW, answers=(kept,))
        )


@pytest.mark.parametrize(
    ("expires", "date", "seconds"),
    [
        ("Tue, 24 Nov 2026 01:00:00 GMT", "Tue, 24 Nov 2026 00:00:00 GMT", 3600),
        ("Tue, 24 Nov 2026 00:00:00 GMT", "Tue, 24 Nov 2026 01:00:00 GMT", 0),
        ("0", "Tue, 24 Nov 2026 00:00:00 GMT", 0),
        ("-1", "", 0),
        ("Tue, 24 Nov 2020 00:00:00 GMT", "soon", 0),
        ("Tue, 99 Nov 2026 00:00:00 GMT", "", 0),
    ],
)
def test_expires_is_read_as_the_seconds_from_date(expires: str, date: str, seconds: int) -> None:
    answer = Answer("https://a.example/", "GET", 200, (("expires", expires), ("date", date)))
    assert caching_probe._kept("page", "/", answer).expires == seconds


def test_caches_are_told_apart_from_what_they_keep(tmp_path: Path) -> None:
    def site(asked: Asked) -> Reply:
        if asked.path == "/api/me":
            return Reply(401, "{}", {"cache-control": "private", "age": "7"})
        return page(asked)

    with running(tmp_path, site, paths={"private": ["/api/me"], "cacheable": ["/api/plans"]}) as target:
        seen = caching_probe.look(target, _context())
    assert isinstance(seen, caching_probe.CachingEvidence)
    caching_checks.check_tenant_api_says_no_store(seen)
    caching_checks.check_pages_are_not_publicly_cached(seen)
    with pytest.raises(Finding, match="from a cache"):
        caching_checks.check_private_answers_are_not_publicly_cached(seen)
    with pytest.raises(Finding, match="/api/plans"):
        caching_checks.check_cacheable_api_revalidates(seen)


@pytest.mark.parametrize(
    ("body", "kind", "what"),
    [
        (b"DATABASE_URL=postgres://x\nexport KEY=1\n", "text/html", "settings"),
        (b"ref: refs/heads/main\n", "application/octet-stream", "a repository"),
        (b"[core]\n\trepositoryformatversion = 0\n", "text/plain", "a repository"),
        (b"--\n-- PostgreSQL database dump\n--\nCREATE TABLE a ();\n", "text/plain", "an SQL dump"),
        (b"PGDMP\x01\x0e", "application/octet-stream", "an SQL dump"),
        (gzip.compress(b"x", mtime=0), "application/gzip", "an archive"),
        (b"PK\x03\x04rest", "application/zip", "an archive"),
        (b"x" * 257 + b"ustar", "application/x-tar", "an archive"),
        (b'{"version":3,"sources":["a.ts"],"names":[],"mappings":"AAAA"}', "application/json", "a source map"),
        (b"services:\n  app:\n    image: x\n", "text/yaml", "a compose file"),
        (b"generator client {\n}\n", "text/plain", "a schema"),
        (b"<html><head><title>Index of /backups/</title>", "text/html", "a list of files"),
        (b"<!DOCTYPE html><html><body>Sign in. KEY=1\nAPI_KEY=2</body></html>", "text/html", ""),
        (b"<!-- build --><html><pre>\nDATABASE_URL=...\n</pre></html>", "text/html", ""),
        (b"plain words", "text/html; charset=utf-8", ""),
        (b"\x00\x01", "image/png", "content of type image/png"),
        (b"  \n", "text/plain", ""),
    ],
)
def test_a_file_is_told_from_a_page_by_its_content(body: bytes, kind: str, what: str) -> None:
    assert content(body, kind) == what


def test_a_page_in_place_of_a_file_is_no_file(tmp_path: Path) -> None:
    def soft(asked: Asked) -> Reply:
        if asked.path == "/.git/config":
            return Reply(200, "[core]\n\tbare = false\n", {"content-type": "text/plain"})
        if asked.path == "/.env.local":
            return Reply(403, "forbidden", {"content-type": "text/plain"})
        found = page(asked)
        return found if found.status == 200 else Reply(200, "no such thing here", {"content-type": "text/plain"})

    with running(tmp_path, soft) as target:
        seen = exposure_probe.look(target, _context())
    assert isinstance(seen, exposure_probe.ExposureEvidence)
    assert {file.name for file in seen.files if file.sort == "file"} == {"/.git/config"}
    assert {file.sort for file in seen.files} == {"file", "page", "refused"}
    assert "bare" not in seen.model_dump_json()
    with pytest.raises(Finding, match=r"/\.git/config: a repository \(200\)"):
        exposure_checks.check_repository_is_absent(seen)
    exposure_checks.check_environment_files_are_absent(seen)
    with pytest.raises(CannotTell, match="an absence proves nothing"):
        exposure_checks.check_environment_files_are_absent(seen.model_copy(update={"served": 403}))


def test_the_first_files_are_asked_for_alone(tmp_path: Path) -> None:
    asked: list[str] = []

    def leaky(request: Asked) -> Reply:
        asked.append(request.path)
        if request.path in ("/.env", "/.git/HEAD"):
            return Reply(200, "ref: refs/heads/main\n", {"content-type": "text/plain"})
        return page(request)

    with running(tmp_path, leaky) as target:
        seen = exposure_probe.look_first(target, _context())
    assert isinstance(seen, exposure_probe.FirstFilesEvidence)
    assert sorted(asked) == ["/", "/.env", "/.git/HEAD", exposure_probe.MISSING]
    for check in (exposure_checks.check_dot_env_is_absent, exposure_checks.check_dot_git_is_absent):
        with pytest.raises(Finding, match=r": a repository \(200\)"):
            check(seen)


_FAKE = "0123456789" * 5


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("sk_" + "live_" + _FAKE[:24], ("a Stripe secret key",)),
        ("rk_" + "test_" + _FAKE[:24], ("a Stripe secret key",)),
        ("wh" + "sec_" + _FAKE[:32], ("a Stripe webhook secret",)),
        ("re" + "_" + "12345678" + "_" + "abcdefghijkmnopqrstuvwxy", ("a Resend key",)),
        ("GOC" + "SPX-" + _FAKE[:28], ("a Google client secret",)),
        ("ph" + "x_" + _FAKE[:43], ("a PostHog personal key",)),
        ("AK" + "IA" + "ABCDEFGHIJ234567", ("an AWS access key",)),
        ("postgresql" + "://app:hunter2@db:5432/x", ("a connection string with a password",)),
        ("redis" + "://:hunter2@cache:6379", ("a connection string with a password",)),
        ("-----BEGIN RSA " + "PRIVATE KEY-----", ("a private key",)),
        ("pk_live_" + _FAKE[:24] + " phc_" + _FAKE[:43], ()),
        ("postgresql://localhost/x re_render_of_the_whole_page_and_more ask_live_" + "a" * 20, ()),
        ("https://user:password@host/", ()),
        *(
            ("postgresql" + f"://{place}/x", ())
            for place in (
                "user:password@localhost", "USER:PASS@HOST", "app:${DB_PASSWORD}@db", "app:$DB_PASSWORD@db",
                "app:<password>@db", "app:your-password@db", "app:[YOUR-PASSWORD]@db", "app:changeme@db",
                "app:****@db", "app:%s@db", "app:{{password}}@db",
            )
        ),
        ("postgresql" + "://user:password@a postgresql" + "://app:hunter2@b", ("a connection string with a password",)),
        ("postgresql" + "://app:password1@db", ("a connection string with a password",)),
        ("postgresql" + "://app:pa$sword-9@db", ("a connection string with a password",)),
    ],
)  # fmt: skip
def test_secrets_are_named_by_kind(text: str, kinds: tuple[str, ...]) -> None:
    assert secrets(f'const x="{text}";') == kinds


def test_public_keys_of_analytics_are_read_without_being_kept() -> None:
    scripts = [
        "posthog.init('phc_" + "a" * 43 + "',{api_host:'https://eu.i.posthog.com',ui_host:'https://eu.posthog.com'})",
        'dsn:"https://' + "b" * 32 + '@o1.ingest.sentry.io/42"',
        'api_host:"/ingest"',
    ]
    found = published(scripts)
    assert (found.posthog_keys, found.posthog_hosts) == (1, ("/ingest", "https://eu.i.posthog.com"))
    assert found.sentry == ("https://o1.ingest.sentry.io/42",)


def test_a_secret_is_found_and_its_text_is_in_no_evidence(tmp_path: Path) -> None:
    secret = "sk_" + "live_" + _FAKE[:24]

    def site(asked: Asked) -> Reply:
        found = page(asked)
        return replace(found, body=f"x='{secret}'") if asked.path.endswith("main.js") else found

    with running(tmp_path, site) as target:
        seen = http_probe.look(target, _context())
    assert isinstance(seen, http_probe.HttpEvidence)
    assert secret not in seen.model_dump_json()
    with pytest.raises(Finding, match=r"main\.js: a Stripe secret key"):
        exposure_checks.check_no_secret_is_served(seen)
    clean = seen.model_copy(update={"chunks": ()})
    with pytest.raises(CannotTell, match="1 more chunks were not asked for"):
        exposure_checks.check_no_secret_is_served(clean)


@pytest.mark.parametrize(
    ("coding", "body", "wrong"),
    [
        ("gzip", gzip.compress(b"x" * 2000, mtime=0), ""),
        ("gzip", gzip.compress(gzip.compress(b"x" * 2000, mtime=0), mtime=0), "in it twice"),
        ("gzip, gzip", gzip.compress(gzip.compress(b"x" * 2000, mtime=0), mtime=0), "in it twice"),
        ("gzip", b"x" * 2000, "not in it"),
        ("br", b"x" * 2000, "br, where gzip was accepted"),
    ],
)
def test_compression_is_negotiated_and_never_double(tmp_path: Path, coding: str, body: bytes, wrong: str) -> None:
    def site(asked: Asked) -> Reply:
        if asked.fields.get("accept-encoding") == "gzip" and asked.path == "/":
            return Reply(200, body, {"content-type": "text/html", "content-encoding": coding})
        return page(asked)

    with running(tmp_path, site) as target:
        seen = http_probe.look(target, _context())
    assert isinstance(seen, http_probe.HttpEvidence)
    if wrong:
        with pytest.raises(Finding, match=wrong):
            http_checks.check_compression_is_negotiated(seen)
    else:
        http_checks.check_compression_is_negotiated(seen)


def test_forged_names_are_found_in_links_and_redirects(tmp_path: Path) -> None:
    def believing(asked: Asked) -> Reply:
        host = asked.fields.get("x-forwarded-host", "a.example")
        if asked.url.startswith("http://"):
            return leads(301, f"https://{asked.fields['host']}/")
        if asked.path == "/dashboard" and "x-middleware-subrequest" not in asked.fields:
            return leads(307, f"https://{host}/login")
        if asked.method == "TRACE":
            return Reply(200, "\n".join(f"{k}: {v}" for k, v in asked.fields.items()))
        return Reply(200, f"<html><a href=https://{host}/>x</a></html>", {"content-type": "text/html"})

    with running(tmp_path, believing, redirects_here=["http://a.example"], paths={"private": ["/dashboard"]}) as target:
        seen = forged_probe.look(target, _context())
    assert isinstance(seen, forged_probe.ForgedEvidence)
    for check, words in (
        (forged_checks.check_forged_hosts_are_in_no_link, "X-Forwarded-Host on /: in the body"),
        (forged_checks.check_forged_hosts_are_in_no_link, "X-Forwarded-Host on /dashboard: in the redirect"),
        (forged_checks.check_unknown_host_is_not_redirected_to, "in the redirect"),
        (forged_checks.check_trace_is_refused, "echoes"),
        (forged_checks.check_middleware_is_not_skipped, "/dashboard: 200, where an honest request gets 307"),
    ):
        with pytest.raises(Finding, match=words):
            check(seen)


def _ports(target: Endpoint, **more: Any) -> PortsEvidence:
    seen = ports_probe.look(target, _context(**more))
    assert isinstance(seen, PortsEvidence)
    return seen


def test_closed_means_something_only_beside_what_answers() -> None:
    shut = _free()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        own = listening.getsockname()[1]
        near = Endpoint(url="https://a.example", connect=f"127.0.0.1:{own}", closed_ports=(shut,))
        seen = _ports(near)
        assert [(one.state, one.control) for one in seen.ports] == [("refused", f"127.0.0.1:{own}")]
        port_checks.check_declared_ports_are_closed(seen)
        with pytest.raises(Finding, match=f"port {own} of 127"):
            port_checks.check_declared_ports_are_closed(_ports(near.model_copy(update={"closed_ports": (shut, own)})))
        dead = near.model_copy(update={"connect": f"127.0.0.1:{_free()}"})
        with pytest.raises(CannotTell, match="neither another port of the host nor a control answers") as blind:
            port_checks.check_declared_ports_are_closed(_ports(dead))
        assert blind.value.cause == "unproven"
        port_checks.check_declared_ports_are_closed(_ports(dead, controls=(f"127.0.0.1:{own}",)))


def test_a_silent_port_is_not_closed_where_our_own_way_out_is_shut_for_it() -> None:
    one = Port(address="203.0.113.9", port=5432, state="timeout", control="203.0.113.9:443")
    port_checks.check_declared_ports_are_closed(PortsEvidence(observed_at=NOW, ports=(one,)))
    blocked = one.model_copy(update={"blocked": "probe.example:5432"})
    with pytest.raises(CannotTell, match="our own way out may be shut"):
        port_checks.check_declared_ports_are_closed(PortsEvidence(observed_at=NOW, ports=(blocked,)))
    opened = one.model_copy(update={"state": "open", "port": 9229})
    with pytest.raises(Finding, match="debugger"):
        port_checks.check_declared_ports_are_closed(PortsEvidence(observed_at=NOW, ports=(blocked, opened)))


@pytest.mark.parametrize(
    ("accepted", "fails"),
    [(2000, ()), (999, ("allowed",)), (5000, ("larger",))],
)
def test_bodies_are_limited_where_declared(tmp_path: Path, accepted: int, fails: tuple[str, ...]) -> None:
    def site(asked: Asked) -> Reply:
        if int(asked.fields.get("content-length", "0")) > accepted:
            return Reply(413)
        return page(asked)

    with running(tmp_path, site, body_limit=2000) as target:
        seen = bodies_probe.look(target, _context())
    assert isinstance(seen, bodies_probe.BodiesEvidence)
    assert (seen.allowed.size, seen.larger.size) == (2000, 2001)
    for name, check in (
        ("allowed", body_checks.check_allowed_ones_are_taken),
        ("larger", body_checks.check_larger_ones_are_refused),
    ):
        if name in fails:
            with pytest.raises(Finding):
                check(seen)
        else:
            check(seen)


def test_a_limit_that_refuses_everything_proves_nothing(tmp_path: Path) -> None:
    def site(asked: Asked) -> Reply:
        return Reply(413) if asked.method == "POST" else page(asked)

    with running(tmp_path, site, body_limit=2000) as target:
        seen = bodies_probe.look(target, _context())
    assert isinstance(seen, bodies_probe.BodiesEvidence)
    with pytest.raises(CannotTell, match="a small body gets 413"):
        body_checks.check_larger_ones_are_refused(seen)


def test_the_optimizers_refusal_needs_the_own_picture(tmp_path: Path) -> None:
    with running(tmp_path, page, paths={"image": "/logo.png", "assets": ["/robots.txt"]}) as target:
        seen = images_probe.look(target, _context())
    assert isinstance(seen, images_probe.ImagesEvidence)
    with pytest.raises(CannotTell, match="the declared picture is not served"):
        image_checks.check_foreign_pictures_are_refused(seen)
    with pytest.raises(Finding):
        image_checks.check_picture_is_optimized(seen)
    with pytest.raises(Finding, match=r"robots\.txt: 404"):
        image_checks.check_public_files_are_served(seen)


@pytest.mark.parametrize(
    ("place", "body", "fields", "found"),
    [
        (Place(header="X-Instance"), "", {"x-instance": "app1"}, "app1"),
        (Place.model_validate({"json": "/api/health", "key": "pod.name"}), '{"pod":{"name":"app2"}}', {}, "app2"),
        (Place.model_validate({"json": "/api/health", "key": "n"}), '{"n":7}', {}, "7"),
        (Place.model_validate({"json": "/api/health", "key": "n"}), "no json", {}, None),
        (Place.model_validate({"json": "/api/health", "key": "a.b"}), '{"a":"x"}', {}, None),
        (BuildId(html=True), "<!DOCTYPE html><!--kT9vQ2mXc4-->", {}, "kT9vQ2mXc4"),
        (BuildId(html=True), r'self.__next_f.push([1,"0:{\"P\":null,\"b\":\"abc123def\",\"p\"', {}, "abc123def"),
        (BuildId(html=True), '{"props":{},"buildId":"abc123def"}', {}, "abc123def"),
        (BuildId(html=True), '<script src="/_next/static/abc123def/_buildManifest.js">', {}, "abc123def"),
        (BuildId(html=True), "<html></html>", {}, None),
    ],
)
def test_an_answer_says_of_what_it_is(place: Place, body: str, fields: dict[str, str], found: str | None) -> None:
    assert said(place, Answer("x", "GET", 200, tuple(fields.items()), body.encode())) == found


def _balanced() -> Site:
    turn = iter(range(10**6))

    def site(asked: Asked) -> Reply:
        number = next(turn) % 3
        found = page(asked)
        return replace(found, fields={**found.fields, "x-instance": f"app{number}", "x-build": f"b{number // 2}"})

    return site


def test_instances_and_builds_are_counted_through_the_balancer(tmp_path: Path) -> None:
    instances = {f"instances.app{n}": Instance(url="http://127.0.0.1:1") for n in range(3)}
    context = _context(targets=instances, release=Release(build_id=BuildId(header="x-build")))
    with running(tmp_path, _balanced(), instance={"header": "x-instance"}) as target:
        seen = look_at_balancer(target, context)
    assert isinstance(seen, BalancerEvidence)
    assert seen.requests == 30
    assert set(seen.instances) == {"app0", "app1", "app2"}
    assert set(seen.builds) == {"b0", "b1"}
    declared = tuple(instances.values())
    balancer_checks.check_requests_reach_every_instance(seen, declared)
    with pytest.raises(Finding, match="3 instances"):
        balancer_checks.check_requests_reach_every_instance(seen, declared[:2])
    with pytest.raises(Finding, match=r"b0 \d+ times, b1 \d+ times"):
        balancer_checks.check_answers_are_of_one_build(seen)
    with pytest.raises(CannotTell, match="no answer names its instance"):
        balancer_checks.check_requests_reach_every_instance(seen.model_copy(update={"instances": {}}), declared)


def _runs(name: str, build: str | None, status: int | None = 200) -> InstanceBuildEvidence:
    error = None if status else "refused"
    return InstanceBuildEvidence(observed_at=NOW, name=name, status=status, error=error, build=build)


def test_a_second_build_is_found_though_one_instance_is_silent() -> None:
    three = (Instance(url="http://127.0.0.1:1"),) * 3
    mixed = (_runs("a", "b1"), _runs("b", None, None), _runs("c", "b2"))
    with pytest.raises(Finding, match="a b1, c b2"):
        balancer_checks.check_instances_run_one_build(mixed, three)
    with pytest.raises(Finding, match=r"2 \(b: no answer \(refused\)\)"):
        balancer_checks.check_declared_count_answers(mixed, three)
    with pytest.raises(CannotTell, match="b is not answered"):
        balancer_checks.check_instances_run_one_build((mixed[0], mixed[1]), three)
    meant = (Instance(url="http://127.0.0.1:1", expect=InstanceExpectations(count=2, same_build=False)),)
    balancer_checks.check_declared_count_answers((mixed[0], mixed[2]), meant)
    balancer_checks.check_declared_count_answers((mixed[0], mixed[2], _runs("d", "b1")), meant)
    balancer_checks.check_instances_run_one_build((mixed[0], mixed[2]), meant)


def test_an_instance_that_is_down_is_seen_as_down() -> None:
    seen = look_at_instance(Instance(url=f"http://127.0.0.1:{_free()}"), _context())
    assert isinstance(seen, InstanceBuildEvidence)
    assert (seen.status, seen.error) == (None, "refused")


def test_a_page_is_measured_warm_and_errors_are_counted_apart(tmp_path: Path) -> None:
    turn = iter(range(100))

    def site(asked: Asked) -> Reply:
        return Reply(500) if asked.path == "/" and next(turn) % 3 == 2 else page(asked)

    with running(tmp_path, site, page={"samples": 6}) as target:
        seen = page_latency_probe.look(target, _context())
        assert isinstance(seen, page_latency_probe.PageLatencyEvidence)
        assert (len(seen.seconds), seen.failures) == (4, ("500", "500"))
        with pytest.raises(Finding, match="2 of 6 without a 200"):
            http_checks.check_slow_pages_are_quick(seen, target)


def test_a_challenge_of_one_path_is_one_missing_answer(tmp_path: Path) -> None:
    def site(asked: Asked) -> Reply:
        if asked.path in ("/private", "/api/health"):
            return Reply(403, "", {"cf-mitigated": "challenge"})
        return page(asked)

    with running(tmp_path, site, paths={"public": ["/"], "private": ["/private", "/other"]}) as target:
        ways = redirects_probe.look(target, _context())
        fields = headers_probe.look(target, _context())
        shared = cors_probe.look(target, _context())
    assert isinstance(ways, RedirectsEvidence)
    assert isinstance(fields, headers_probe.HeadersEvidence)
    assert isinstance(shared, cors_probe.CorsEvidence)
    assert [(way.name, way.status) for way in ways.private] == [("/private", None), ("/other", 404)]
    for error in (
        ways.private[0].error,
        *(one.error for one in fields.of("api")),
        *(one.error for one in shared.answers if one.method == "GET" and one.url.endswith("/api/health")),
    ):
        assert "a CDN (Cloudflare) answers with a challenge" in (error or "")
    assert fields.of("page")[0].status == 200


@pytest.mark.parametrize("status", [502, 504, None])
def test_health_that_is_down_beside_a_page_that_answers_fails(tmp_path: Path, status: int | None) -> None:
    """The page is its own control: it is no outage of all, and not our network."""

    def site(asked: Asked) -> Reply:
        return Reply(status, "<h1>Gateway</h1>") if asked.path == "/api/health" else page(asked)

    with running(tmp_path, site) as target:
        seen = health_probe.look(target, _context())
    assert isinstance(seen, health_probe.HealthEvidence)
    assert health_probe.HealthEvidence.model_validate_json(seen.model_dump_json()) == seen
    for name in ("answers_200", "answers_every_time", "head_is_answered"):
        with pytest.raises(Finding, match=str(status or "reset")):
            getattr(health_checks, f"check_{name}")(seen)
    for name in BODY:
        with pytest.raises(CannotTell, match=str(status or "reset")) as unseen:
            getattr(health_checks, f"check_{name}")(seen)
        assert unseen.value.cause == "outage"


BODY = (
    "is_json",
    "says_healthy",
    "database_is_connected",
    "timestamp_is_utc",
    "timestamp_is_now",
    "timestamp_moves",
    "is_not_cacheable",
    "discloses_nothing",
)
"""Checks of what the health endpoint says."""


def test_health_that_hangs_beside_a_page_that_answers_fails(tmp_path: Path) -> None:
    def site(asked: Asked) -> Reply:
        if asked.path == "/api/health":
            time.sleep(4)
        return page(asked)

    with running(tmp_path, site) as target, pytest.MonkeyPatch.context() as quick:
        quick.setattr(health_probe, "FIRST", 0.3)
        quick.setattr(health_probe, "AGAIN", 2.0)
        seen = health_probe.look(target, _context())
    assert isinstance(seen, health_probe.HealthEvidence)
    assert (seen.status, seen.error, seen.row, seen.head) == (None, "timeout", ("timeout",), "timeout")
    with pytest.raises(Finding, match=r"no answer \(timeout\)"):
        health_checks.check_answers_200(seen)


def test_health_that_is_down_as_all_else_is_an_outage(tmp_path: Path) -> None:
    with running(tmp_path, lambda _: Reply(502, "<h1>Gateway</h1>")) as target, pytest.raises(CannotTell) as outage:
        health_probe.look(target, _context())
    assert (outage.value.message, outage.value.cause) == ("a gateway answers 502 in its place", "outage")


def test_the_95th_percentile_is_the_nearest_rank() -> None:
    seen = Latency(observed_at=NOW, url="x", seconds=tuple(n / 100 for n in range(1, 21)), failures=())
    assert (seen.percentile(95), seen.percentile(100), seen.percentile(1)) == (0.19, 0.2, 0.01)


def test_several_requests_share_connections_and_a_challenge_costs_one_answer(tmp_path: Path) -> None:
    def site(asked: Asked) -> Reply:
        if asked.path == "/.env":
            return Reply(403, "", {"cf-mitigated": "challenge"})
        return Reply(None) if asked.path == "/broken" else page(asked)

    with running(tmp_path, site) as target:
        asking = client(target, _context())
        answers = asking.ask_all([Ask(target.url + path) for path in ("/", "/.env", "/broken", "/x", "/login", "/y")])
    assert [answer.status for answer in answers] == [200, None, None, 404, 200, 404]
    assert "a CDN (Cloudflare) answers with a challenge" in (answers[1].error or "")
    assert (answers[2].error, answers[2].attempts) == ("reset", ("reset", "reset"))


def _challenged(*numbers: int, path: str = "/") -> Callable[[Asked], Reply]:
    """A healthy site whose CDN shows a challenge in place of these answers of a path, counted from one."""
    count = itertools.count(1)

    def site(asked: Asked) -> Reply:
        if asked.path == path and next(count) in numbers:
            return Reply(403, "", {"cf-mitigated": "challenge"})
        if asked.path != "/api/health":
            return page(asked)
        now = datetime.now(UTC).isoformat()
        body = f'{{"status":"healthy","database":"connected","timestamp":"{now}"}}'
        return Reply(200, body, {"content-type": "application/json", "cache-control": "no-store"})

    return site


def _unseen(checks: Iterable[Callable[..., None]], *seen: Any) -> set[str]:
    """The checks that cannot tell; all others pass."""
    found = set()
    for check in checks:
        try:
            check(*seen)
        except CannotTell as why:
            found.add(check.__name__ if "challenge" in why.message else why.message)
    return found


_OF_HEALTH = (
    health_checks.check_answers_200,
    health_checks.check_says_healthy,
    health_checks.check_timestamp_moves,
    health_checks.check_answers_every_time,
    health_checks.check_head_is_answered,
)


@pytest.mark.parametrize(
    ("numbers", "unseen"),
    [
        ((2,), {"check_answers_every_time"}),
        ((4,), {"check_answers_every_time"}),
        ((2, 3, 4, 5, 6, 7), {"check_answers_every_time", "check_timestamp_moves"}),
        ((8,), {"check_answers_every_time", "check_head_is_answered"}),
    ],
)
def test_a_challenge_in_a_later_answer_of_health_costs_what_it_would_have_shown(
    tmp_path: Path, numbers: tuple[int, ...], unseen: set[str]
) -> None:
    with running(tmp_path, _challenged(*numbers, path="/api/health")) as target:
        seen = health_probe.look(target, _context(20))
    assert _unseen(_OF_HEALTH, seen) == unseen


@pytest.mark.parametrize(("number", "unseen"), [(2, {"check_http2_is_served"}), (3, {"check_upgrades_reach_the_app"})])
def test_a_challenge_in_a_later_answer_of_the_page_costs_what_it_would_have_shown(
    tmp_path: Path, number: int, unseen: set[str]
) -> None:
    with running(tmp_path, _challenged(number)) as target:
        seen = http_probe.look(target, _context())
    assert isinstance(seen, http_probe.HttpEvidence)
    same = seen.model_copy(update={"h2": seen.h2.model_copy(update={"version": seen.h2.version and "HTTP/2"})})
    pages = (
        http_checks.check_page_is_served,
        http_checks.check_unknown_page_is_404,
        http_checks.check_http2_is_served,
        http_checks.check_upgrades_reach_the_app,
    )
    assert _unseen(pages, same) == unseen


def test_a_challenge_among_many_is_no_sample_and_no_loss(tmp_path: Path) -> None:
    with running(tmp_path, _challenged(3), page={"samples": 5}) as target:
        seen = page_latency_probe.look(target, _context())
    assert isinstance(seen, Latency)
    assert (len(seen.seconds), seen.failures) == (4, ())
    often = running(tmp_path, _challenged(2, 3, 4), page={"samples": 5})
    with often as target, pytest.raises(CannotTell, match="challenge") as kept_out:
        page_latency_probe.look(target, _context())
    assert kept_out.value.cause == "permission"
    with running(tmp_path, _challenged(3), instance={"header": "x-instance"}) as target:
        balanced = look_at_balancer(target, _context())
    assert isinstance(balanced, BalancerEvidence)
    assert (balanced.unseen, balanced.lost, balanced.requests) == (1, 0, 19)
    with pytest.raises(CannotTell, match="a CDN answered 1 requests"):
        balancer_checks.check_every_answer_is_below_500(balanced)
    with pytest.raises(Finding):
        balancer_checks.check_every_answer_is_below_500(balanced.model_copy(update={"lost": 1}))


def test_a_kept_connection_serves_the_next_request_within_its_own_deadline() -> None:
    connections = []

    def serve(listener: socket.socket) -> None:
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            connections.append(peer)
            with peer:
                while b"\r\n\r\n" in (asked := peer.recv(4096)):
                    if b"/slow" in asked:
                        time.sleep(0.6)
                    peer.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        base = f"http://127.0.0.1:{listener.getsockname()[1]}"
        asking = Client(_context(), budget=5.0)
        answers = asking._one_by_one([Ask(f"{base}/{name}") for name in ("a", "b", "slow", "c")])
        assert [answer.status for answer in answers] == [200] * 4
        assert len(connections) == 1
        short = replace(asking, budget=0.3)
        assert [answer.error for answer in short._one_by_one([Ask(f"{base}/a"), Ask(f"{base}/slow")])] == [
            None,
            "timeout",
        ]
        listener.shutdown(socket.SHUT_RDWR)
