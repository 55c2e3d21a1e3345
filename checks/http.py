"""Pages, static chunks, redirects and protocols as a visitor meets them."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from fixtures.probes.http import HttpEvidence, Seen, hosts_over
from fixtures.vocabulary import CRITICAL, ESTATE, HIGH, LOW, MEDIUM, RELEASE, CannotTell, check, expect


def _is(answer: Seen) -> str:
    return f"no answer ({answer.error})" if answer.status is None else f"{answer.status}"


def _none(bad: list[str], required: str) -> None:
    expect(not bad, seen="; ".join(bad[:5]) + (f" and {len(bad) - 5} more" if len(bad) > 5 else ""), required=required)


def _answered(*answers: Seen) -> None:
    for answer in answers:
        if answer.status is None:
            raise CannotTell(f"{answer.url} is not answered ({answer.error})", cause="outage")


def _page(site: HttpEvidence) -> None:
    """Only the page itself can be judged, not what is answered in its place."""
    if site.page.status != 200:
        raise CannotTell(f"the page is not served ({_is(site.page)})", cause="outage")


def _chunks(site: HttpEvidence) -> tuple[Seen, ...]:
    """The answers for the chunks that the page names."""
    _page(site)
    if not site.chunks:
        raise CannotTell("the page names no chunk", cause="program")
    return site.chunks


def _plain(site: HttpEvidence) -> tuple[Seen, ...]:
    """The answers over plain http."""
    if not site.plain:
        raise CannotTell("no plain http address is known: declare it in redirects_here", cause="program")
    _answered(*site.plain)
    return site.plain


def _leads(answer: Seen, canonical: str) -> bool:
    """One hop to https on the same or the canonical host, with path and query kept."""
    asked, to, home = urlsplit(answer.url), urlsplit(answer.location or ""), urlsplit(canonical)
    homes = {(home.hostname, home.port or 443), (asked.hostname, home.port or 443)}
    return (
        answer.status in (301, 308)
        and to.scheme == "https"
        and (to.hostname, to.port or 443) in homes
        and (to.path, to.query) == (asked.path, asked.query)
    )


@check(severity=CRITICAL, scope=RELEASE, guide="app.serves-http")
def check_page_is_served(site: HttpEvidence) -> None:
    """The first public page answers 200 with HTML.

    Fix: look at the app's log; a redirect to the login needs another `paths.public`.

    See: curl -sS -D- -o /dev/null https://HOST/
    """
    expect(
        site.page.status == 200 and site.page.content_type.startswith("text/html"),
        seen=f"{_is(site.page)} {site.page.content_type}".strip(),
        required="200 text/html",
    )


@check(severity=LOW, scope=RELEASE, guide="app.ssr")
def check_page_has_text_without_javascript(site: HttpEvidence) -> None:
    """The page has visible text before any JavaScript runs.

    Fix: render the page on the server; don't wrap the whole tree in a client-only component.
    """
    _page(site)
    expect(site.words > 0, seen="no visible word in the HTML", required="text rendered by the server")


@check(severity=LOW, scope=RELEASE, guide=("app.ssr", "image.static-assets"))
def check_page_names_its_chunks(site: HttpEvidence) -> None:
    """The page names files under /_next/static.

    Fix: check that the answer comes from the Next.js build and not from a placeholder.
    """
    _page(site)
    expect(site.named_chunks > 0, seen="no /_next/static file in the HTML", required="at least one")


@check(severity=CRITICAL, scope=RELEASE, guide="image.static-assets")
def check_chunks_are_served(site: HttpEvidence) -> None:
    """Every chunk that the page names is served.

    Fix: copy `.next/static` into the image, and run the same build on every instance.
    """
    _none([f"{c.name}: {_is(c)}" for c in _chunks(site) if c.status != 200], "200 for every named chunk")


@check(severity=MEDIUM, scope=ESTATE, guide=("image.static-assets", "perf.static-cdn"))
def check_chunks_are_immutable(site: HttpEvidence) -> None:
    """Chunks may be cached for a year and are immutable.

    Fix: don't override Next.js's Cache-Control for /_next/static in nginx or the CDN.
    """
    served = [chunk for chunk in _chunks(site) if chunk.status == 200]
    if not served:
        raise CannotTell("no chunk is served", cause="program")
    bad = []
    for chunk in served:
        age = re.search(r"\bmax-age=(\d+)", chunk.cache_control)
        long = age is not None and int(age[1]) >= 31536000
        if not ("immutable" in chunk.cache_control and long):
            bad.append(f"{chunk.name}: {chunk.cache_control or 'no Cache-Control'}")
    _none(bad, "public, max-age=31536000, immutable")


@check(severity=HIGH, scope=RELEASE, guide="image.static-assets")
def check_missing_chunk_is_404(site: HttpEvidence) -> None:
    """A chunk that doesn't exist is 404.

    Fix: no catch-all rewrite or `try_files` over /_next/static.
    """
    _answered(site.missing_chunk)
    expect(site.missing_chunk.status == 404, seen=_is(site.missing_chunk), required="404")


@check(severity=HIGH, scope=ESTATE, guide="perf.static-cdn")
def check_missing_chunk_is_not_cached_for_long(site: HttpEvidence) -> None:
    """A chunk's 404 is not immutable: a rolling deployment would break pages for a year.

    Fix: in nginx, don't use `add_header Cache-Control ... always` for /_next/static.
    """
    _answered(site.missing_chunk)
    cached = site.missing_chunk.cache_control
    age = re.search(r"\bmax-age=(\d+)", cached)
    expect(
        "immutable" not in cached and (age is None or int(age[1]) <= 300 or "no-store" in cached),
        seen=cached or "no Cache-Control",
        required="no immutable, at most five minutes",
    )


@check(severity=MEDIUM, scope=RELEASE, guide="app.serves-http")
def check_unknown_page_is_404(site: HttpEvidence) -> None:
    """A page that doesn't exist is 404.

    Fix: let Next.js's not-found page answer; no catch-all that says 200.
    """
    _answered(site.missing_page)
    expect(site.missing_page.status == 404, seen=_is(site.missing_page), required="404")


@check(severity=HIGH, scope=RELEASE, guide="app.api-routes")
def check_unknown_api_path_is_404(site: HttpEvidence) -> None:
    """An unknown path under /api is 404 (401 where a session is asked for first).

    Fix: check the rewrites and the proxy's locations for /api.
    """
    _answered(site.missing_api)
    expect(site.missing_api.status in (401, 404), seen=_is(site.missing_api), required="404")


@check(
    severity=CRITICAL,
    scope=RELEASE,
    guide="app.serves-http",
    applies=lambda endpoint: bool(endpoint.paths.private),
)
def check_private_paths_need_a_session(site: HttpEvidence) -> None:
    """Private paths redirect to the login or refuse without a session.

    Fix: check the middleware's matcher and NEXTAUTH_SECRET.
    """
    _answered(*site.private)
    bad = [f"{p.name}: {_is(p)}" for p in site.private if p.status not in (302, 303, 307, 308, 401, 403)]
    _none(bad, "a redirect to the login, 401 or 403")


@check(severity=HIGH, scope=RELEASE, guide="nginx.http-redirect")
def check_page_loads_nothing_over_http(site: HttpEvidence) -> None:
    """The page loads nothing over plain http.

    Fix: use https or relative URLs; check NEXT_PUBLIC_* values of the build.
    """
    _page(site)
    expect(not site.insecure, seen=f"{site.insecure} http:// references", required="none")


@check(severity=CRITICAL, scope=ESTATE, guide="nginx.http-redirect")
def check_http_redirects_to_https(site: HttpEvidence) -> None:
    """Port 80 of every declared host redirects once, permanently, to https, with path and query kept.

    Fix: `return 301 https://$host$request_uri;` in the port 80 server block.

    See: curl -sS -D- -o /dev/null 'http://HOST/path?q=1'
    """
    bad = [f"{p.name}: {_is(p)} to {p.location}" for p in _plain(site) if not _leads(p, site.url)]
    _none(bad, "301 or 308 to https with the same path and query")


@check(severity=CRITICAL, scope=ESTATE, guide="nginx.http-redirect")
def check_nothing_is_served_over_http(site: HttpEvidence) -> None:
    """No content is served over plain http.

    Fix: the port 80 server block has nothing but the redirect (and ACME challenges).
    """
    bad = [f"{p.name}: {p.status}" for p in _plain(site) if p.status is not None and 200 <= p.status < 300]
    _none(bad, "a redirect only")


@check(
    severity=HIGH,
    scope=ESTATE,
    guide="nginx.server-names",
    applies=lambda endpoint: bool(hosts_over("https", endpoint)),
)
def check_other_hosts_lead_to_the_canonical_one(site: HttpEvidence) -> None:
    """The other declared https hosts (www) redirect to the canonical one, with path and query kept.

    Fix: a server block for the other names: `return 301 https://CANONICAL$request_uri;`.
    """
    _answered(*site.others)
    home = urlsplit(site.url).netloc
    bad = [
        f"{o.name}: {_is(o)} to {o.location}"
        for o in site.others
        if not (_leads(o, site.url) and urlsplit(o.location or "").netloc == home)
    ]
    _none(bad, f"301 or 308 to {site.url}")


@check(severity=HIGH, scope=ESTATE, guide="nginx.server-names")
def check_unknown_host_is_not_served(site: HttpEvidence) -> None:
    """A Host that nobody declared doesn't get the app.

    Fix: a default server block: `listen 443 ssl default_server; ssl_reject_handshake on;`.
    """
    answer = site.unknown_host
    if answer.status is None and answer.error in ("timeout", "refused", "dns"):
        raise CannotTell(f"the question with an unknown Host got no answer ({answer.error})", cause="outage")
    expect(
        not site.unknown_host_shows_app and answer.status != 200,
        seen=f"{_is(answer)}{' with the app' if site.unknown_host_shows_app else ''}",
        required="a refused handshake, an error or a redirect",
    )


@check(severity=MEDIUM, scope=ESTATE, guide="nginx.http2")
def check_http2_is_served(site: HttpEvidence) -> None:
    """ALPN negotiates h2 and a GET over HTTP/2 is answered.

    Fix: `http2 on;` (nginx 1.25.1 and newer) or `listen 443 ssl http2;`.

    See: curl -sS --http2 -o /dev/null -w '%{http_version}' https://HOST/
    """
    good = site.h2.version == "HTTP/2" and site.h2.status == site.page.status
    expect(good, seen=f"{site.h2.version or 'nothing'}: {_is(site.h2)}", required="HTTP/2 with the page's status")


def _compressed(answers: list[Seen]) -> None:
    big = [a for a in answers if a.status == 200 and a.size > 1024]
    if not big:
        raise CannotTell("nothing over 1 KB is served, and smaller answers need no compression", cause="program")
    _none([a.name for a in big if a.encoding not in ("gzip", "br", "zstd")], "Content-Encoding: gzip above 1 KB")


@check(severity=MEDIUM, scope=ESTATE, guide="perf.gzip")
def check_page_is_compressed(site: HttpEvidence) -> None:
    """HTML over 1 KB is compressed when the client accepts gzip.

    Fix: `gzip on;` in nginx, or leave Next.js's `compress: true`.
    """
    _answered(site.compressed[0])
    _compressed([site.compressed[0]])


@check(severity=MEDIUM, scope=ESTATE, guide="perf.gzip")
def check_scripts_are_compressed(site: HttpEvidence) -> None:
    """Scripts over 1 KB are compressed when the client accepts gzip.

    Fix: `gzip_types application/javascript;` (nginx compresses only HTML otherwise).
    """
    _compressed(list(site.compressed[1:]))


@check(severity=MEDIUM, scope=ESTATE, guide="perf.gzip")
def check_compressed_answers_vary(site: HttpEvidence) -> None:
    """Compressed answers say Vary: Accept-Encoding.

    Fix: `gzip_vary on;`.
    """
    compressed = [a for a in site.compressed if a.encoding]
    if not compressed:
        raise CannotTell("no answer is compressed", cause="program")
    bad = [a.name for a in compressed if not {"accept-encoding", "*"} & _names(a.vary)]
    _none([f"{name} without Vary" for name in bad], "Vary: Accept-Encoding")


def _names(value: str) -> set[str]:
    return {part.strip() for part in value.split(",")}
