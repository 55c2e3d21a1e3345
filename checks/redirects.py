"""Redirects, hop by hop: none leads back to http, away, or round in a circle."""

from __future__ import annotations

from collections.abc import Iterator

from checks._answers import REDIRECTS, judge, told
from checks._origins import parts
from fixtures.probes.redirects import Chain, Hop, RedirectsEvidence
from fixtures.vocabulary import ESTATE, HIGH, LOW, MEDIUM, RELEASE, check


def _public(ways: RedirectsEvidence) -> tuple[Chain, ...]:
    return (ways.home, *ways.plain, *ways.others)


def _steps(chain: Chain) -> Iterator[tuple[Hop, str]]:
    """The hops that lead on, each with where to."""
    yield from ((hop, hop.to) for hop in chain.hops if hop.to)


@check(severity=HIGH, scope=RELEASE, guide="nginx.server-names")
def check_ways_end_at_the_site(ways: RedirectsEvidence) -> None:
    """Every way here ends: not in a circle, not after ten redirects and more, and in no error.

    Fix: let one layer redirect: nginx, the CDN ("Always Use HTTPS") and the app's middleware must agree on the host.

    See: curl -sSIL --max-redirs 10 http://HOST/
    """

    def wrong(chain: Chain) -> str:
        if chain.ended == "loop":
            return f"round in a circle: {chain.hops[-1].url} leads to {chain.hops[-1].to} again"
        if chain.ended == "bound":
            return f"more than {len(chain.hops) - 1} redirects"
        odd = chain.ended == "answer" and chain.status in REDIRECTS
        return f"{chain.status} that leads nowhere" if odd else _error(chain)

    judge((*_public(ways), *ways.private), wrong, "an answer of the site")


def _error(chain: Chain) -> str:
    return f"{told(chain)} at {chain.hops[-1].url}" if chain.status is not None and chain.status >= 500 else ""


@check(severity=HIGH, scope=ESTATE, guide="nginx.http-redirect")
def check_no_way_leads_back_to_http(ways: RedirectsEvidence) -> None:
    """No answer over https leads to plain http.

    Fix: `X-Forwarded-Proto $scheme` in the proxy, so that the app builds https addresses; check redirects in the CDN.
    """

    def wrong(chain: Chain) -> str:
        down = [to for hop, to in _steps(chain) if hop.url.startswith("https:") and to.startswith("http:")]
        return f"leads to {down[0]}" if down else ""

    judge((*_public(ways), *ways.private), wrong, "https only")


@check(severity=HIGH, scope=ESTATE, guide="nginx.server-names")
def check_no_way_leads_elsewhere(ways: RedirectsEvidence) -> None:
    """Origins that lead here lead to no other host, nor another port.

    Fix: name the canonical host in `return 301 https://HOST$request_uri;`, or declare the host in `redirects_here`.
    """

    def wrong(chain: Chain) -> str:
        return f"leads to {chain.hops[-1].to}" if chain.ended == "elsewhere" else ""

    judge(_public(ways), wrong, f"{ways.url}, or a declared host")


@check(severity=LOW, scope=ESTATE, guide="nginx.http-redirect")
def check_http_leads_to_the_same_host_first(ways: RedirectsEvidence) -> None:
    """Plain http leads to https on the same host first: only so does that host's own HSTS header protect it.

    The guide's `$server_name` leads every name to the first one. The HSTS preload list asks for it of the apex.

    Fix: `return 301 https://$host$request_uri;`, and let the https server block lead to the canonical host.
    """

    def wrong(chain: Chain) -> str:
        hop = chain.hops[0]
        other = hop.to is not None and hop.to.startswith("https:") and parts(hop.to)[1] != parts(hop.url)[1]
        return f"leads to {hop.to}" if other else ""

    judge(ways.plain, wrong, "https on the same host")


@check(severity=MEDIUM, scope=ESTATE, guide="nginx.http-redirect")
def check_first_https_answer_has_hsts(ways: RedirectsEvidence) -> None:
    """The first answer over https on every way has HSTS, also where it only leads on.

    Fix: `add_header Strict-Transport-Security ... always;` in every https server block, that of www too.
    """

    def wrong(chain: Chain) -> str:
        first = next((hop for hop in chain.hops if hop.url.startswith("https:") and hop.status is not None), None)
        return f"none from {first.url}" if first is not None and not first.hsts else ""

    judge(_public(ways), wrong, "Strict-Transport-Security")
