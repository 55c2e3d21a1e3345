"""Who may keep answers (RFC 9111): nobody what is a tenant's, no shared cache what was not declared to be public."""

from __future__ import annotations

from checks._answers import judge
from checks._caching import NOT_SHARED, directives, in_words, seconds
from fixtures.probes.caching import CachingEvidence, Kept
from fixtures.vocabulary import CRITICAL, HIGH, LOW, MEDIUM, RELEASE, check

_SHORT = 300
"""Seconds that an error may be kept."""


def _shared(answer: Kept) -> int:
    """The seconds that a shared cache may give this to others without asking again."""
    for value in (answer.surrogate, answer.cache_control):
        found = directives(value)
        if not value or (value is answer.surrogate and not found):
            continue
        if NOT_SHARED & set(found):
            return 0
        if value is answer.cache_control and not {"s-maxage", "max-age"} & set(found):
            break
        return seconds(found, "s-maxage", "max-age")
    return answer.expires


def _given(answer: Kept) -> bool:
    """Whether a shared cache may give this to others, also where it chooses the time.

    What is `public` without a time may be kept as long as the cache thinks fit (RFC 9111, 4.2.2).
    """
    found = set(directives(answer.surrogate or answer.cache_control))
    timed = found & {*NOT_SHARED, "s-maxage", "max-age"}
    return _shared(answer) > 0 or ("public" in found and not timed)


def _said(answer: Kept) -> str:
    parts = (
        answer.surrogate,
        in_words(answer.cache_control),
        f"Expires in {answer.expires} s" if answer.expires else "",
        "from a cache" if answer.hit else "",
    )
    return ", ".join(part for part in parts if part)


def _public(answer: Kept) -> str:
    return _said(answer) if _given(answer) or answer.hit else ""


@check(severity=MEDIUM, scope=RELEASE, guide="perf.static-cdn")
def check_pages_are_not_publicly_cached(caching: CachingEvidence) -> None:
    """No shared cache may give a page to others: it names the chunks of one build, and may be one visitor's.

    Next.js lets a CDN keep a static page for a year (`s-maxage=31536000`). Where the CDN is purged with each release,
    declare the page in `paths.cacheable`.

    Fix: `Cache-Control: private, no-cache` on pages (`export const dynamic = 'force-dynamic'`).
    """
    judge(caching.of("page"), _public, "no-store, private or no-cache")


@check(severity=HIGH, scope=RELEASE, guide="perf.api-cache-swr")
def check_api_is_not_publicly_cached(caching: CachingEvidence) -> None:
    """No shared cache may give an answer of the API to others, unless its path is declared in `paths.cacheable`.

    Fix: `Cache-Control: no-store` in the route; check the CDN's cache rules for /api.
    """
    judge(caching.of("api"), _public, "no-store, private or no-cache")


@check(
    severity=CRITICAL,
    scope=RELEASE,
    guide="perf.api-cache-swr",
    applies=lambda endpoint: bool(endpoint.paths.private),
)
def check_private_answers_are_not_publicly_cached(caching: CachingEvidence) -> None:
    """Nothing that needs a session may be given to others by a shared cache, or comes from one.

    Taken literally, the guide's stale-while-revalidate for APIs lets a CDN give one tenant's data to another.

    Fix: `Cache-Control: private, no-store`; take the paths out of the CDN's cache rules.
    """
    judge(caching.of("private api", "private page"), _public, "no-store or private, and no cache's answer")


@check(
    severity=HIGH,
    scope=RELEASE,
    guide="perf.api-cache-swr",
    applies=lambda endpoint: bool(endpoint.paths.apis),
)
def check_tenant_api_says_no_store(caching: CachingEvidence) -> None:
    """The API that needs a session says so to caches: `no-store`, or `private`.

    Without Cache-Control an answer may be kept by heuristics (RFC 9111, 4.2.2), and by CDNs with a rule for /api.

    Fix: send `Cache-Control: private, no-store` from the route handlers, also with 401.
    """

    def wrong(answer: Kept) -> str:
        return "" if {"no-store", "private"} & set(directives(answer.cache_control)) else _said(answer)

    judge(caching.of("private api"), wrong, "no-store or private")


@check(severity=HIGH, scope=RELEASE, guide="perf.static-cdn")
def check_what_is_cached_sets_no_cookie(caching: CachingEvidence) -> None:
    """No answer that a shared cache may keep sets a cookie: everybody would get it.

    Fix: `Cache-Control: private` where a cookie is set.
    """
    judge(
        caching.answers,
        lambda answer: f"a cookie with {_said(answer)}" if answer.cookie and _given(answer) else "",
        "no cookie, or private",
    )


@check(severity=MEDIUM, scope=RELEASE, guide="perf.static-cdn")
def check_errors_are_not_cached_for_long(caching: CachingEvidence) -> None:
    """A shared cache may keep an error for five minutes at most: what is missing today may be there tomorrow.

    Fix: no `add_header Cache-Control ... always` in nginx; a short time for errors in the CDN.
    """
    judge(
        caching.of("error"),
        lambda answer: _said(answer) if _shared(answer) > _SHORT else "",
        "at most five minutes",
    )


@check(
    severity=LOW,
    scope=RELEASE,
    guide="perf.api-cache-swr",
    applies=lambda endpoint: any(path.startswith("/api/") for path in endpoint.paths.cacheable),
)
def check_cacheable_api_revalidates(caching: CachingEvidence) -> None:
    """The API that is declared cacheable may be kept for a time, and is revalidated while stale.

    Fix: `Cache-Control: public, s-maxage=60, stale-while-revalidate=300`.
    """

    def wrong(answer: Kept) -> str:
        stale = seconds(directives(answer.cache_control), "stale-while-revalidate")
        return "" if _shared(answer) and stale else _said(answer)

    judge(
        [answer for answer in caching.of("cacheable") if answer.name.startswith("/api/")],
        wrong,
        "s-maxage (or max-age) with stale-while-revalidate",
    )
