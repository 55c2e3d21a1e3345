"""Cookies that the answers over https set, by their attributes: whether each is kept from theft and misuse."""

from __future__ import annotations

import re
from collections.abc import Callable

from checks._headers import SECURED, judge
from fixtures.environment.sections.endpoints import Endpoint
from fixtures.probes._cookies import Cookie
from fixtures.probes.headers import HeadersEvidence
from fixtures.vocabulary import ESTATE, HIGH, LOW, MEDIUM, RELEASE, check

_SESSION = re.compile(r"sess|login|token|jwt|(?:^|[._-])(?:auth|sid)(?:[._-]|$)", re.IGNORECASE)
_FORGERY = re.compile(r"csrf|xsrf", re.IGNORECASE)
_PASSING = re.compile(r"callback-url|pkce|(?:^|[._-])(?:state|nonce)$", re.IGNORECASE)
_STICKY = ("heroku-session-affinity",)
"""Cookies of a balancer, which say nothing of the visitor."""
DAY = 86400.0


def _judge(fields: HeadersEvidence, wrong: Callable[[Cookie], str], required: str, *, deleted: bool = False) -> None:
    """Require that nothing is wrong with any cookie; those being deleted count only for `deleted`."""
    judge(
        fields,
        SECURED,
        lambda r: ", ".join(
            dict.fromkeys(
                f"{cookie.name or 'a cookie without a name'} {what}"
                for cookie in r.cookies
                if cookie.name not in _STICKY and (deleted or not _gone(cookie)) and (what := wrong(cookie))
            )
        ),
        required,
    )


def _gone(cookie: Cookie) -> bool:
    return cookie.lifetime is not None and cookie.lifetime <= 0


def is_session(cookie: Cookie) -> bool:
    """Whether the name is that of a session or of a credential; names of forgery tokens and of sign-in steps aren't."""
    name = cookie.name
    return bool(_SESSION.search(name)) and not _FORGERY.search(name) and not _PASSING.search(name)


@check(severity=HIGH, scope=RELEASE)
def check_session_cookies_are_secure(fields: HeadersEvidence) -> None:
    """Cookies of sessions are Secure: browsers never send them over http.

    Fix: NEXTAUTH_URL=https://…, and X-Forwarded-Proto from the proxy.
    """
    _judge(fields, lambda c: "without Secure" if is_session(c) and not c.secure else "", "Secure")


@check(severity=HIGH, scope=RELEASE)
def check_session_cookies_are_http_only(fields: HeadersEvidence) -> None:
    """Cookies of sessions are HttpOnly: no script can read them.

    Fix: Set HttpOnly, as NextAuth does by default.
    """
    _judge(fields, lambda c: "without HttpOnly" if is_session(c) and not c.http_only else "", "HttpOnly")


@check(severity=MEDIUM, scope=RELEASE)
def check_session_cookies_stay_on_the_site(fields: HeadersEvidence) -> None:
    """Cookies of sessions and forgery tokens are SameSite=Lax or Strict, said and not left to the browser.

    Fix: `SameSite=Lax`.
    """

    def wrong(cookie: Cookie) -> str:
        guarded = is_session(cookie) or bool(_FORGERY.search(cookie.name))
        if not guarded or cookie.same_site in ("lax", "strict"):
            return ""
        return f"SameSite={cookie.same_site}" if cookie.same_site else "without SameSite"

    _judge(fields, wrong, "SameSite=Lax or Strict")


@check(severity=MEDIUM, scope=RELEASE)
def check_every_cookie_is_secure(fields: HeadersEvidence) -> None:
    """Every cookie is Secure.

    Fix: Set Secure.
    """
    _judge(fields, lambda c: "" if c.secure else "without Secure", "Secure")


@check(severity=MEDIUM, scope=RELEASE)
def check_same_site_is_understood(fields: HeadersEvidence) -> None:
    """SameSite is Lax, Strict or None, and None only with Secure: browsers refuse it otherwise (RFC 6265bis).

    Fix: `SameSite=Lax`.
    """

    def wrong(cookie: Cookie) -> str:
        if cookie.same_site is not None and cookie.same_site not in ("lax", "strict", "none"):
            return f"SameSite={cookie.same_site!r}"
        return "SameSite=None without Secure" if cookie.same_site == "none" and not cookie.secure else ""

    _judge(fields, wrong, "Lax, Strict, or None with Secure", deleted=True)


@check(severity=HIGH, scope=RELEASE)
def check_prefixes_are_kept(fields: HeadersEvidence) -> None:
    """Cookies named __Secure- or __Host- have what the name promises: browsers drop them otherwise (RFC 6265bis 4.1.3).

    Fix: `__Secure-`: Secure. `__Host-`: Secure, Path=/ and no Domain. `__Http-` and `__Host-Http-`: HttpOnly as well.
    """

    def wrong(cookie: Cookie) -> str:
        name, lacks = cookie.name.lower(), []
        if name.startswith(("__secure-", "__host-", "__http-")) and not cookie.secure:
            lacks.append("without Secure")
        if name.startswith(("__http-", "__host-http-")) and not cookie.http_only:
            lacks.append("without HttpOnly")
        if name.startswith("__host-"):
            lacks += ["without Path=/"] if cookie.path != "/" else []
            lacks += ["with Domain"] if cookie.domain else []
        return " and ".join(lacks)

    _judge(fields, wrong, "what the prefix promises", deleted=True)


@check(severity=LOW, scope=ESTATE)
def check_sessions_end(fields: HeadersEvidence, endpoint: Endpoint) -> None:
    """Cookies of sessions live no longer than declared (`expect: {session_lifetime: 30d}`, NextAuth's default).

    Fix: `session: {maxAge: …}` in the options of NextAuth.
    """
    longest = endpoint.expect.session_lifetime

    def wrong(cookie: Cookie) -> str:
        # A minute for clocks that differ: Expires is read against ours.
        too_long = is_session(cookie) and cookie.lifetime is not None and cookie.lifetime > longest + 60
        return f"for {(cookie.lifetime or 0) / DAY:.0f} days" if too_long else ""

    _judge(fields, wrong, f"at most {longest / DAY:g} days")
