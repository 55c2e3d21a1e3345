"""Pages, static chunks, redirects and protocols as a visitor meets them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

from checks._answers import judge, told, unanswered
from checks._origins import leads_inside, mistake
from checks._words import refuse
from fixtures.environment.sections.endpoints import Endpoint
from fixtures.probes.http import HttpEvidence, Seen
from fixtures.probes.page_latency import PageLatencyEvidence
from fixtures.probes.redirects import Chain, Hop, RedirectsEvidence
from fixtures.vocabulary import CRITICAL, ESTATE, HIGH, LOW, MEDIUM, RELEASE, CannotTell, check, expect

YEAR = 31536000
_REDIRECTS = (301, 302, 303, 307, 308)
_SIGN_IN = re.compile(r"(log|sign)[-_]?(in|on)|auth|oauth2?|sso|saml2?|authorize", re.IGNORECASE)


def _served(site: HttpEvidence) -> Seen:
    """The page; only it can be judged, not what is answered in its place."""
    if site.page.status != 200:
        raise CannotTell(f"the page is not served ({told(site.page)})", cause="outage")
    return site.page


def _chunks(site: HttpEvidence, wrong: Callable[[Seen], str], required: str) -> None:
    """Require that nothing is wrong with the chunks that the page names, all of them."""
    _served(site)
    judge(site.chunks, wrong, required, none="the page names no chunk")
    if len(site.chunks) < site.named_chunks:
        raise CannotTell(f"{site.named_chunks - len(site.chunks)} more chunks were not asked for", cause="program")


def _age(cache_control: str) -> int:
    found = re.search(r"\bmax-age=(\d{1,12})", cache_control)
    return int(found[1]) if found else 0


def _leads(chain: Chain, canonical: str) -> bool:
    """Whether the last hop leads to https on its own or the canonical host, with path and query of the first kept."""
    hop, home = chain.hops[-1], urlsplit(canonical)
    asked, to = urlsplit(chain.hops[0].url), urlsplit(hop.to or "")
    homes = {(home.hostname, home.port or 443), (urlsplit(hop.url).hostname, home.port or 443)}
    return (
        to.scheme == "https"
        and (to.hostname, to.port or 443) in homes
        and (to.path, to.query) == (asked.path, asked.query)
    )


def _first(chains: tuple[Chain, ...]) -> list[Chain]:
    """The chains as far as their first answers."""
    return [chain.model_copy(update={"hops": chain.hops[:1]}) for chain in chains]


def _over_http(chains: tuple[Chain, ...]) -> list[Chain]:
    """The chains as far as the answers that lead to https."""
    found = []
    for chain in chains:
        secure = [number for number, hop in enumerate(chain.hops, 1) if (hop.to or "").startswith("https:")]
        found.append(chain.model_copy(update={"hops": chain.hops[: next(iter(secure), None)]}))
    return found


def _goes(hop: Hop) -> str:
    return f"{hop.status} to {hop.to}" if hop.to else f"{hop.status}"


def _plain(ways: RedirectsEvidence, wrong: Callable[[Chain], str], required: str) -> None:
    """Require that nothing is wrong with the answers over plain http."""
    nowhere = "no plain http address is known: declare it in redirects_here"
    judge(_over_http(ways.plain), wrong, required, none=nowhere)


@check(severity=CRITICAL, scope=RELEASE, guide="app.serves-http")
def check_page_is_served(site: HttpEvidence) -> None:
    """The first public page answers 200 with HTML.

    Fix: look at the app's log; a redirect to the login needs another `paths.public`.

    See: curl -sS -D- -o /dev/null https://HOST/
    """
    expect(
        site.page.status == 200 and site.page.content_type.startswith("text/html"),
        seen=f"{told(site.page)} {site.page.content_type}".strip(),
        required="200 text/html",
    )


@check(severity=LOW, scope=RELEASE, guide="app.ssr")
def check_page_has_text_without_javascript(site: HttpEvidence) -> None:
    """The page has visible text before any JavaScript runs.

    Fix: render the page on the server; don't wrap the whole tree in a client-only component.
    """
    _served(site)
    expect(site.words > 0, seen="no visible word in the HTML", required="text rendered by the server")


@check(severity=LOW, scope=RELEASE, guide=("app.ssr", "image.static-assets"))
def check_page_names_its_chunks(site: HttpEvidence) -> None:
    """The page names files under /_next/static.

    Fix: check that the answer comes from the Next.js build and not from a placeholder.
    """
    _served(site)
    expect(site.named_chunks > 0, seen="no /_next/static file in the HTML", required="at least one")


@check(severity=CRITICAL, scope=RELEASE, guide="image.static-assets")
def check_chunks_are_served(site: HttpEvidence) -> None:
    """Every chunk that the page names is served.

    Fix: copy `.next/static` into the image, and run the same build on every instance.
    """
    _chunks(site, lambda chunk: "" if chunk.status == 200 else told(chunk), "200 for every named chunk")


@check(severity=MEDIUM, scope=ESTATE, guide=("image.static-assets", "perf.static-cdn"))
def check_chunks_are_immutable(site: HttpEvidence) -> None:
    """Chunks may be cached for a year and are immutable.

    Fix: don't override Next.js's Cache-Control for /_next/static in nginx or the CDN.
    """

    def wrong(chunk: Seen) -> str:
        if chunk.status != 200:
            return ""
        long = _age(chunk.cache_control) >= YEAR
        return "" if "immutable" in chunk.cache_control and long else chunk.cache_control or "no Cache-Control"

    _chunks(site, wrong, "public, max-age=31536000, immutable")
    if not any(chunk.status == 200 for chunk in site.chunks):
        raise CannotTell("no chunk is served", cause="program")


@check(severity=HIGH, scope=RELEASE, guide="image.static-assets")
def check_missing_chunk_is_404(site: HttpEvidence) -> None:
    """A chunk that doesn't exist is 404.

    Fix: no catch-all rewrite or `try_files` over /_next/static.
    """
    judge([site.missing_chunk], lambda answer: "" if answer.status == 404 else told(answer), "404")


@check(severity=HIGH, scope=ESTATE, guide="perf.static-cdn")
def check_missing_chunk_is_not_cached_for_long(site: HttpEvidence) -> None:
    """A chunk's 404 is not immutable: a rolling deployment would break pages for a year.

    Fix: in nginx, don't use `add_header Cache-Control ... always` for /_next/static.
    """

    def wrong(answer: Seen) -> str:
        cached = answer.cache_control
        kept = "immutable" in cached or (_age(cached) > 300 and "no-store" not in cached)
        return cached if kept else ""

    judge([site.missing_chunk], wrong, "no immutable, at most five minutes")


@check(severity=MEDIUM, scope=RELEASE, guide="app.serves-http")
def check_unknown_page_is_404(site: HttpEvidence) -> None:
    """A page that doesn't exist is 404.

    Fix: let Next.js's not-found page answer; no catch-all that says 200.
    """
    judge([site.missing_page], lambda answer: "" if answer.status == 404 else told(answer), "404")


@check(severity=HIGH, scope=RELEASE, guide="app.api-routes")
def check_unknown_api_path_is_404(site: HttpEvidence, endpoint: Endpoint) -> None:
    """An unknown path under /api is 404 (where a session is asked for first: 401, 403 or the way to the sign-in).

    Fix: check the rewrites and the proxy's locations for /api.
    """

    def wrong(answer: Seen) -> str:
        to = answer.location if answer.status in _REDIRECTS else None
        shut = answer.status in (401, 403) or (to and _is_sign_in(to, answer.url, endpoint.paths.sign_in))
        return "" if answer.status == 404 or shut else f"{told(answer)}{f' to {to}' if to else ''}"

    judge([site.missing_api], wrong, "404")


@check(
    severity=CRITICAL,
    scope=RELEASE,
    guide="app.serves-http",
    applies=lambda endpoint: bool(endpoint.paths.private),
)
def check_private_paths_need_a_session(ways: RedirectsEvidence, endpoint: Endpoint) -> None:
    """Without a session, private paths lead to the sign-in, or refuse with 401 or 403.

    A sign-in is a path of `paths.sign_in`; where none is declared, one of a usual name (`/login`, `/auth/signin`).

    Fix: check the middleware's matcher and NEXTAUTH_SECRET; declare `paths.sign_in` where it has a name of its own.
    """

    def wrong(chain: Chain) -> str:
        if _shut(chain, endpoint.paths.sign_in):
            return ""
        last = chain.hops[-1]
        straight = len(chain.hops) == 1 and not last.to
        return told(chain) if straight else f"leads to {last.to or last.url} ({told(chain)})"

    judge(
        ways.private,
        wrong,
        "a redirect to the sign-in, 401 or 403",
        unseen=lambda chain: "" if _shut(chain, endpoint.paths.sign_in) else unanswered(chain),
    )


@check(severity=HIGH, scope=RELEASE, guide="nginx.http-redirect")
def check_page_loads_nothing_over_http(site: HttpEvidence) -> None:
    """The page loads nothing over plain http.

    Fix: use https or relative URLs; check NEXT_PUBLIC_* values of the build.
    """
    _served(site)
    expect(not site.insecure, seen=f"{site.insecure} http:// references", required="none")


@check(severity=CRITICAL, scope=ESTATE, guide="nginx.http-redirect")
def check_http_redirects_to_https(ways: RedirectsEvidence) -> None:
    """Port 80 of every declared host redirects to https, with path and query kept.

    Fix: `return 301 https://$host$request_uri;` in the port 80 server block.

    See: curl -sS -D- -o /dev/null 'http://HOST/path?q=1'
    """
    _plain(
        ways,
        lambda chain: "" if _leads(chain, ways.url) else _goes(chain.hops[-1]),
        "a redirect to https with the same path and query",
    )


@check(severity=MEDIUM, scope=ESTATE, guide="nginx.http-redirect")
def check_redirects_to_the_site_are_permanent(ways: RedirectsEvidence) -> None:
    """Redirects from plain http, and from the other hosts, are permanent: browsers and search engines keep them.

    Fix: `return 301 https://$host$request_uri;`, not `redirect` or 302 and 307.
    """

    def wrong(chain: Chain) -> str:
        passing = [hop for hop in chain.hops if hop.to and hop.status not in (301, 308)]
        return _goes(passing[0]) if passing else ""

    judge([*_over_http(ways.plain), *_first(ways.others)], wrong, "301 or 308", none="no other address is known")


@check(severity=CRITICAL, scope=ESTATE, guide="nginx.http-redirect")
def check_nothing_is_served_over_http(ways: RedirectsEvidence) -> None:
    """No content is served over plain http.

    Fix: the port 80 server block has nothing but the redirect (and ACME challenges).
    """
    _plain(ways, lambda chain: f"{chain.status}" if chain.status in range(200, 300) else "", "a redirect only")


@check(
    severity=HIGH,
    scope=ESTATE,
    guide="nginx.server-names",
    applies=lambda endpoint: bool(endpoint.origins_over("https")),
)
def check_other_hosts_lead_to_the_canonical_one(ways: RedirectsEvidence) -> None:
    """The other declared https hosts (www) redirect to the canonical one, with path and query kept.

    Fix: a server block for the other names: `return 301 https://CANONICAL$request_uri;`.
    """
    home = urlsplit(ways.url).netloc

    def wrong(chain: Chain) -> str:
        hop = chain.hops[0]
        return "" if _leads(chain, ways.url) and urlsplit(hop.to or "").netloc == home else _goes(hop)

    judge(_first(ways.others), wrong, f"a redirect to {ways.url} with the same path and query")


@check(severity=HIGH, scope=ESTATE, guide="nginx.server-names")
def check_unknown_host_is_not_served(site: HttpEvidence) -> None:
    """A Host that nobody declared doesn't get the app.

    Fix: a default server block: `listen 443 ssl default_server; ssl_reject_handshake on;`.
    """
    answer = site.unknown_host
    if answer.status is None and answer.error not in ("tls", "reset"):
        raise CannotTell(f"the question with an unknown Host got no answer ({answer.error})", cause="outage")
    expect(
        not site.unknown_host_shows_app and answer.status != 200,
        seen=f"{told(answer)}{' with the app' if site.unknown_host_shows_app else ''}",
        required="a refused handshake, an error or a redirect",
    )


@check(severity=MEDIUM, scope=ESTATE, guide="nginx.http2")
def check_http2_is_served(site: HttpEvidence) -> None:
    """ALPN negotiates h2 and a GET over HTTP/2 is answered.

    Fix: `http2 on;` (nginx 1.25.1 and newer) or `listen 443 ssl http2;`.

    See: curl -sS --http2 -o /dev/null -w '%{http_version}' https://HOST/
    """
    if site.h2.status is None and site.h2.error not in ("reset", "protocol", "tls"):
        raise CannotTell(f"the question over h2 got no answer ({site.h2.error})", cause="outage")
    good = site.h2.version == "HTTP/2" and site.h2.status == site.page.status
    expect(good, seen=f"{site.h2.version or 'nothing'}: {told(site.h2)}", required="HTTP/2 with the page's status")


def _compressed(answers: Iterable[Seen]) -> None:
    served = list(answers)
    judge(
        served,
        lambda answer: "" if answer.encoding or not _big(answer) else "not compressed",
        "Content-Encoding: gzip above 1 KB",
    )
    if not any(map(_big, served)):
        raise CannotTell("nothing over 1 KB is served, and smaller answers need no compression", cause="program")


def _big(answer: Seen) -> bool:
    return answer.status == 200 and (answer.size > 1024 or answer.unreadable)


@check(severity=MEDIUM, scope=ESTATE, guide="perf.gzip")
def check_page_is_compressed(site: HttpEvidence) -> None:
    """HTML over 1 KB is compressed when the client accepts gzip.

    Fix: `gzip on;` in nginx, or leave Next.js's `compress: true`.
    """
    _compressed([site.zipped])


@check(severity=MEDIUM, scope=ESTATE, guide="perf.gzip")
def check_scripts_are_compressed(site: HttpEvidence) -> None:
    """Scripts over 1 KB are compressed when the client accepts gzip.

    Fix: `gzip_types application/javascript;` (nginx compresses only HTML otherwise).
    """
    _compressed(chunk for chunk in site.chunks if chunk.name.endswith(".js"))


@check(severity=HIGH, scope=ESTATE, guide="perf.gzip")
def check_compression_is_negotiated(site: HttpEvidence) -> None:
    """Only a coding that the client accepts is used, once, and the body is in it.

    Fix: compress in one place: `proxy_set_header Accept-Encoding "";` where nginx does it, else `gzip off;`.

    See: curl -sS -D- -o /dev/null https://HOST/ | grep -i content-encoding
    """

    def wrong(answer: Seen) -> str:
        if answer is site.page:
            return f"{answer.encoding} without being asked for" if answer.encoding else ""
        if answer.unreadable or "," in answer.encoding:
            return f"Content-Encoding: {answer.encoding}, and the body is not in it, or in it twice"
        return f"{answer.encoding}, where gzip was accepted" if answer.encoding not in ("", "gzip") else ""

    judge([site.page, site.zipped, *site.chunks], wrong, "nothing unasked, gzip once where it is accepted")


@check(severity=MEDIUM, scope=ESTATE, guide="perf.gzip")
def check_compressed_answers_vary(site: HttpEvidence) -> None:
    """Compressed answers say Vary: Accept-Encoding.

    Fix: `gzip_vary on;`.
    """
    judge(
        [answer for answer in (site.zipped, *site.chunks) if answer.encoding or answer.status is None],
        lambda answer: "" if {"accept-encoding", "*"} & _names(answer.vary) else "no Vary",
        "Vary: Accept-Encoding",
        none="no answer is compressed",
    )


def _shut(chain: Chain, sign_in: tuple[str, ...]) -> bool:
    """Whether a path refuses, or leads to a sign-in: declared, or of a usual name that the path itself has not."""
    return any(
        hop.status in (401, 403) or (hop.to is not None and _is_sign_in(hop.to, chain.hops[0].url, sign_in))
        for hop in chain.hops
    )


def _is_sign_in(to: str, asked: str, declared: tuple[str, ...]) -> bool:
    path = urlsplit(to).path.rstrip("/")
    if path == urlsplit(asked).path.rstrip("/"):
        return False
    if declared:
        return any(path == known.rstrip("/") or to == known for known in declared)
    return any(_SIGN_IN.fullmatch(part) for part in path.split("/"))


def _names(value: str) -> set[str]:
    return {part.strip() for part in value.split(",")}


@check(severity=MEDIUM, scope=RELEASE, guide=("nginx.header-host", "nginx.header-forwarded-proto"))
def check_page_calls_itself_by_its_origin(site: HttpEvidence, endpoint: Endpoint) -> None:
    """What the page calls its own address (`rel=canonical`, `og:url`) is of the public origin, over https.

    Staging that names production, so that search engines keep only that, declares it: `expect: {canonical: URL}`.

    Fix: NEXT_PUBLIC_BASE_URL is the public origin; `proxy_set_header Host $host;` and `X-Forwarded-Proto $scheme`.
    """
    _served(site)
    wanted = endpoint.expect.canonical or site.url
    others = [one for one in dict.fromkeys(site.canonical) if not leads_inside(one, site.url, wanted)]
    refuse([f"{one} ({why})" for one in others if (why := mistake(one, wanted))], f"addresses of {wanted}")


@check(severity=HIGH, scope=RELEASE, guide=("nginx.header-host", "nginx.header-forwarded-proto"))
def check_page_calls_itself_by_nothing_inside(site: HttpEvidence, endpoint: Endpoint) -> None:
    """What the page calls its own address is no developer's machine and no host of the inside.

    Links that are made from it (in mail, in previews, after sign-in) lead there as well.

    Fix: `metadataBase`, NEXT_PUBLIC_BASE_URL and NEXTAUTH_URL are the public origin, also when the image is built.
    """
    _served(site)
    wanted = endpoint.expect.canonical or site.url
    inside = [one for one in dict.fromkeys(site.canonical) if leads_inside(one, site.url, wanted)]
    refuse([f"{one} ({mistake(one, wanted)})" for one in inside], f"addresses of {wanted}")


@check(severity=MEDIUM, scope=RELEASE, guide="nginx.header-host")
def check_page_links_to_nothing_inside(site: HttpEvidence) -> None:
    """The page links to no host that visitors can't reach: localhost, private addresses, names of the inside.

    Fix: build links from the public origin; check the build's NEXT_PUBLIC_* values.
    """
    _served(site)
    expect(not site.inside, seen=f"{site.inside} links", required="none")


@check(severity=MEDIUM, scope=ESTATE, guide="nginx.websocket-upgrade")
def check_upgrades_reach_the_app(site: HttpEvidence) -> None:
    """A request to upgrade to WebSocket reaches the app: it is not refused on the way.

    Fix: `map $http_upgrade $connection_upgrade { default upgrade; '' ''; }` and both `proxy_set_header`.
    """
    _served(site)

    def wrong(answer: Seen) -> str:
        return told(answer) if answer.status is not None and (answer.status == 400 or answer.status >= 500) else ""

    judge([site.upgrade], wrong, "101, or the app's own answer")


@check(severity=MEDIUM, scope=RELEASE, guide="post.response-times", live=True)
def check_usual_page_is_quick(latency: PageLatencyEvidence, endpoint: Endpoint) -> None:
    """The median answer of the first public page, warm, is within the declared time.

    Fix: compare with the health endpoint: the difference is rendering, the cache or the database.
    """
    limit = endpoint.page.within
    expect(latency.median <= limit, seen=f"{latency.median:.3f} s", required=f"at most {limit:g} s")


@check(severity=MEDIUM, scope=RELEASE, guide="post.response-times", live=True)
def check_slow_pages_are_quick(latency: PageLatencyEvidence, endpoint: Endpoint) -> None:
    """Of the answers of the first public page 95 in 100 are within the declared time, and none is an error.

    Fix: look for a slow instance, a saturated pool or long garbage collections.
    """
    slow, limit = latency.percentile(95), endpoint.page.p95
    lost = f", {len(latency.failures)} of {len(latency.seconds) + len(latency.failures)} without a 200"
    seen = f"{slow:.3f} s{lost if latency.failures else ''}"
    expect(slow <= limit and not latency.failures, seen=seen, required=f"at most {limit:g} s")
