"""Sign-in: it starts at the right provider with the right address, refuses forgeries, and keeps its cookies safe."""

from __future__ import annotations

from collections.abc import Callable

from checks._origins import mistake, written
from checks._words import refuse
from fixtures.environment.sections.auth import Auth
from fixtures.probes._sign_in import Authorize, Reply
from fixtures.probes.auth import AuthEvidence, Landing, LibraryCookie, ProtectedEvidence
from fixtures.probes.luring import LuringEvidence
from fixtures.vocabulary import CRITICAL, ESTATE, HIGH, LOW, MEDIUM, RELEASE, CannotTell, check, expect

_STEM = ("next-auth.", "authjs.", "better-auth.")
SIGN_IN_TIME = 15 * 60.0
"""Seconds that the cookies of a sign-in under way live at most: next-auth and Auth.js 900, better-auth 300 or 600."""
DAY = 86400.0
_URLS = {
    "next-auth@4": "NEXTAUTH_URL",
    "authjs@5": "AUTH_URL",
    "better-auth": "BETTER_AUTH_URL, baseURL",
}


def _told(answer: Reply) -> str:
    """An answer in a few words."""
    if answer.status is None:
        return f"no answer ({answer.error})"
    return " ".join(filter(None, (str(answer.status), f"to {answer.leads}" if answer.leads else "", answer.says)))


def _library(seen: AuthEvidence) -> str:
    """The library, where one answers."""
    if seen.framework is None or seen.complaint:
        raise CannotTell("no sign-in library answers", cause="outage")
    return seen.framework


def _answered(*answers: Reply) -> None:
    """Whether these can be judged: answered, by the app, and not by a limiter."""
    for answer in answers:
        if answer.error == "untrusted":
            message = "the certificate is not trusted, and cookies are sent over a verified connection only"
            raise CannotTell(message, cause="permission")
        if answer.status is None:
            raise CannotTell(f"{answer.name} is not answered ({answer.error})", cause="outage")
        if answer.status == 429:
            message = f"{answer.name} is answered with 429: our address has signed in too often"
            raise CannotTell(message, cause="permission")


def _asked(seen: AuthEvidence) -> Authorize:
    """What the provider is asked for, where the sign-in gets as far."""
    _library(seen)
    if seen.authorize is None:
        _answered(seen.start)
        raise CannotTell("the sign-in does not lead to the provider", cause="outage")
    return seen.authorize


@check(severity=CRITICAL, scope=RELEASE, guide="oauth.providers-endpoint", root=True)
def check_a_known_library_answers(seen: AuthEvidence) -> None:
    """The sign-in library answers under its path, and does not complain of its set-up.

    Auth.js answers 500 everywhere if it does not trust the host, all three if production has no secret of its own.

    Fix: see the app's log (`UntrustedHost`, `MissingSecret`); set AUTH_SECRET or NEXTAUTH_SECRET, and AUTH_URL or
    AUTH_TRUST_HOST=true for Auth.js (NEXTAUTH_URL alone is not enough there).

    See: curl -sS https://HOST/api/auth/providers; curl -sS https://HOST/api/auth/ok
    """
    told = ", ".join(f"{answer.name} {answer.status or answer.error}" for answer in seen.replies)
    expect(
        seen.framework is not None and not seen.complaint,
        seen=f"{seen.framework or 'no library'} under {seen.path}: {told}"
        + (f": {seen.complaint!r}" if seen.complaint else ""),
        required="answers of next-auth, Auth.js or better-auth",
    )


@check(severity=HIGH, scope=RELEASE, applies=lambda auth: auth.framework is not None)
def check_declared_library_answers(seen: AuthEvidence, auth: Auth) -> None:
    """The library that answers is the declared one.

    Fix: correct `library` in the environment file, or see whether an old build is served.
    """
    if seen.framework is None:
        raise CannotTell("no sign-in library answers", cause="outage")
    expect(
        seen.framework == auth.framework,
        seen=f"{seen.framework}, shown by {seen.shown_by}",
        required=str(auth.framework),
    )


@check(severity=CRITICAL, scope=RELEASE, guide="oauth.providers-endpoint")
def check_provider_is_configured(seen: AuthEvidence) -> None:
    """The declared provider is one of those that the library knows.

    Fix: set its client id and secret (GOOGLE_CLIENT_ID, GOOGLE_CLIENT_SECRET) and restart.

    See: curl -sS https://HOST/api/auth/providers
    """
    library = _library(seen)
    if library == "better-auth":
        _answered(seen.start)
        known = seen.authorize is not None or "PROVIDER_NOT_FOUND" not in seen.start.says
        expect(known, seen=_told(seen.start), required=f"{seen.provider} is known")
        return
    if seen.providers is None:
        raise CannotTell("the list of providers can't be read", cause="program")
    expect(
        seen.provider in seen.providers,
        seen=f"lists {', '.join(seen.providers) or 'none'}",
        required=f"{seen.provider} among them",
    )


@check(severity=CRITICAL, scope=RELEASE, guide="oauth.providers-endpoint")
def check_addresses_are_of_the_public_origin(seen: AuthEvidence) -> None:
    """The addresses that the library gives for sign-in and callback are of the public origin.

    Fix: NEXTAUTH_URL, AUTH_URL or BETTER_AUTH_URL is the public https origin, on every instance; where it is taken from
    the request, nginx sets Host, X-Forwarded-Host and X-Forwarded-Proto.

    See: curl -sS https://HOST/api/auth/providers
    """
    library = _library(seen)
    found = [*seen.addresses, *([seen.authorize.redirect_uri] if seen.authorize else [])]
    if not found:
        raise CannotTell("it gives no address", cause="outage")
    wrong = {f"{written(a)}: {why}" for a in found if (why := mistake(a, seen.origin))}
    refuse(sorted(f"{one} ({_URLS[library]})" for one in wrong), seen.origin)
    if library != "better-auth":
        _answered(*(answer for answer in seen.replies if answer.name == "providers"))


@check(severity=CRITICAL, scope=RELEASE, guide="post.oauth-login")
def check_sign_in_starts(seen: AuthEvidence) -> None:
    """A sign-in, started as a browser starts it, leads to the provider.

    That the list of providers answers proves nothing: without a client id, or if the app can't reach the provider, only
    this shows it (`error=OAuthSignin`). It is as far as a look can go: the rest needs a person at the provider.

    Fix: see the app's log; set the client id and secret, let the app reach the provider's discovery document, and set
    the public URL (better-auth refuses an origin that is not its own).
    """
    _library(seen)
    _answered(seen.start)
    expect(seen.start.authorizes, seen=_told(seen.start), required="the provider's authorize page")


@check(severity=CRITICAL, scope=RELEASE)
def check_sign_in_leads_to_the_declared_provider(seen: AuthEvidence, auth: Auth) -> None:
    """The authorize page is the declared provider's (Google: https://accounts.google.com).

    Fix: check the provider's options in the app; nothing but the provider may stand there.
    """
    expect(_asked(seen).origin == auth.authorize_origin, seen=_asked(seen).origin, required=auth.authorize_origin)


@check(severity=CRITICAL, scope=RELEASE, guide="oauth.redirect-uri")
def check_redirect_uri_is_exact(seen: AuthEvidence) -> None:
    """The redirect_uri is the public origin with the callback's path, to the letter, as it is registered.

    Whether the provider has it registered, only the provider shows: `redirect_uri_mismatch` on its page.

    Fix: NEXTAUTH_URL, AUTH_URL or BETTER_AUTH_URL; then register exactly this URI with the OAuth client.
    """
    wanted = f"{seen.origin}{seen.path}/callback/{seen.provider}"
    found = _asked(seen).redirect_uri
    why = mistake(found, seen.origin)
    expect(found == wanted, seen=f"{found} ({why or 'another path'})", required=wanted)


@check(
    severity=CRITICAL,
    scope=RELEASE,
    guide="oauth.redirect-uri",
    applies=lambda auth: auth.client_id is not None,
)
def check_client_id_is_as_declared(seen: AuthEvidence, auth: Auth) -> None:
    """The client id is the declared one, not that of staging.

    Fix: GOOGLE_CLIENT_ID.
    """
    expect(_asked(seen).client_id == auth.client_id, seen=_asked(seen).client_id, required=str(auth.client_id))


@check(
    severity=MEDIUM,
    scope=RELEASE,
    applies=lambda auth: auth.client_id is None and auth.provider == "google",
)
def check_client_id_is_one_of_googles(seen: AuthEvidence) -> None:
    """The client id has the form of Google's, and is no placeholder.

    Fix: GOOGLE_CLIENT_ID; declare `client_id`, so that it is compared.
    """
    ending = ".apps.googleusercontent.com"
    found = _asked(seen).client_id
    number = found.partition("-")[0]
    expect(found.endswith(ending) and number.isdigit(), seen=found or "none", required=f"NUMBER-LETTERS{ending}")


@check(severity=HIGH, scope=RELEASE)
def check_code_is_asked_for(seen: AuthEvidence) -> None:
    """The response_type is `code`, and no parameter is named twice (RFC 6749 3.1 and 4.1.1).

    Fix: remove `response_type` and repeated parameters from the provider's options.
    """
    asked = _asked(seen)
    bad = [] if asked.response_type == "code" else [f"response_type={asked.response_type or 'none'}"]
    refuse(bad + [f"{name} twice" for name in asked.repeated], "response_type=code, each parameter once")


@check(severity=HIGH, scope=RELEASE)
def check_scopes_are_asked_for(seen: AuthEvidence, auth: Auth) -> None:
    """The declared scopes are asked for (`expect: {scopes: [...]}`).

    Fix: the provider's `scope` option; for mail also the Gmail scopes.
    """
    missing = [scope for scope in auth.expect.scopes if scope not in _asked(seen).scopes]
    refuse([f"without {scope}" for scope in missing], ", ".join(auth.expect.scopes))


@check(severity=HIGH, scope=RELEASE)
def check_state_is_used(seen: AuthEvidence) -> None:
    """A state of at least 128 bits goes along, where the library uses one (RFC 6749 10.12); Auth.js relies on PKCE.

    Fix: next-auth: `checks: ["pkce", "state"]`, the default for Google.
    """
    asked = _asked(seen)
    enough = asked.state >= 22 or (seen.framework == "authjs@5" and asked.state == 0)
    expect(enough, seen=f"a state of {asked.state} characters" if asked.state else "no state", required="a state")


@check(severity=HIGH, scope=RELEASE)
def check_pkce_is_used(seen: AuthEvidence) -> None:
    """PKCE is used, with S256: a stolen code is worthless (RFC 7636, RFC 9700 2.1.1).

    Google and Auth.js 5 always take it; of other providers, which may not, a state is enough.

    Fix: next-auth and Auth.js: `checks: ["pkce", …]`; never `plain`.
    """
    asked = _asked(seen)
    if seen.provider != "google" and seen.framework != "authjs@5" and asked.state >= 22 and not asked.challenge_method:
        return
    method = asked.challenge_method or ("plain" if asked.challenge else "none")
    expect(asked.challenge == 43 and method == "S256", seen=f"code_challenge_method {method}", required="S256")


@check(severity=HIGH, scope=RELEASE, applies=lambda auth: auth.expect.access_type is not None)
def check_access_type_is_as_declared(seen: AuthEvidence, auth: Auth) -> None:
    """The access_type is the declared one: without `offline` Google gives no refresh token, and mail stops after 1 h.

    Fix: `authorization: {params: {access_type: "offline"}}`; better-auth: `accessType: "offline"`.
    """
    found = _asked(seen).access_type
    expect(found == auth.expect.access_type, seen=found or "none", required=str(auth.expect.access_type))


@check(severity=MEDIUM, scope=RELEASE, applies=lambda auth: auth.expect.prompt is not None)
def check_prompt_is_as_declared(seen: AuthEvidence, auth: Auth) -> None:
    """The prompt is the declared one: without `consent` Google gives a refresh token only the first time.

    Fix: `authorization: {params: {prompt: "consent"}}`; better-auth: `prompt: "consent"`.
    """
    found, wanted = _asked(seen).prompt, auth.expect.prompt or ""
    expect(set(found.split()) == set(wanted.split()), seen=found or "none", required=wanted)


@check(severity=CRITICAL, scope=RELEASE, guide="sec.csrf")
def check_forged_sign_ins_are_refused(seen: AuthEvidence) -> None:
    """A sign-in without the token against forgery, or with a wrong one, or from another origin, is refused.

    Fix: no `skipCSRFCheck`; better-auth: no `disableCSRFCheck`, and `trustedOrigins` of ours alone.

    See: curl -sS -X POST -d json=true https://HOST/api/auth/signin/google
    """
    _library(seen)
    refuse(
        [f"{answer.name}: leads to {answer.leads}" for answer in seen.forged if answer.authorizes],
        "no way to the provider",
    )
    _answered(*seen.forged)
    if not seen.start.authorizes:
        raise CannotTell("an honest sign-in does not lead to the provider either", cause="outage")
    if seen.framework != "better-auth" and len(seen.forged) < 2:
        raise CannotTell("a wrong token could not be tried: the certificate is not trusted", cause="permission")


@check(severity=CRITICAL, scope=RELEASE)
def check_made_up_callbacks_are_refused(seen: AuthEvidence) -> None:
    """A callback with missing, made-up or foreign state and code is refused with an error, and gives no session.

    Fix: don't replace the library's callback route; keep its checks.
    """
    _library(seen)
    bad = []
    for landing in seen.callbacks:
        answer = landing.reply
        if answer.session:
            bad.append(f"{answer.name}: sets a session")
        elif answer.status is not None and answer.status < 400 and not answer.says.startswith("error="):
            bad.append(f"{answer.name}: {_told(answer)}, no error")
    refuse(bad, "an error, and no session")
    _callbacks(seen)


def _callbacks(seen: AuthEvidence) -> tuple[Landing, ...]:
    _answered(*(landing.reply for landing in seen.callbacks))
    if not seen.callbacks:
        raise CannotTell("no callback was tried", cause="outage")
    return seen.callbacks


@check(severity=HIGH, scope=RELEASE)
def check_refused_callbacks_land_on_a_page(seen: AuthEvidence) -> None:
    """Who is refused at the callback lands on a page of the public origin that says so.

    Auth.js' own page for the error Configuration is 500 by design; every other error page is not.

    Fix: NEXTAUTH_URL (or AUTH_URL, BETTER_AUTH_URL) is the public origin; `pages.error` exists
    (better-auth: `onAPIError.errorURL`).
    """
    library = _library(seen)
    bad = []
    for landing in _callbacks(seen):
        answer, by_design = landing.reply, library == "authjs@5" and landing.reply.says == "error=Configuration"
        away = mistake(answer.leads, seen.origin) if answer.leads else ""
        if away:
            bad.append(f"{answer.name}: to {answer.leads} ({away})")
        elif landing.status is None:
            raise CannotTell(f"{landing.at} is not answered ({landing.error})", cause="outage")
        elif not landing.content_type.startswith("text/html") or not (
            landing.status < 400 or landing.status == 403 or (landing.status == 500 and by_design)
        ):
            bad.append(f"{answer.name}: {landing.status} {landing.content_type} at {landing.at}".replace("  ", " "))
    refuse(sorted(set(bad)), "an HTML page of the public origin")


@check(severity=CRITICAL, scope=RELEASE, guide="post.oauth-login")
def check_anonymous_session_is_empty(seen: AuthEvidence) -> None:
    """Who has not signed in has no session.

    Fix: no cache in front of /api/auth; no default user in the session callback.

    See: curl -sS https://HOST/api/auth/session
    """
    _library(seen)
    expect(seen.session != "somebody", seen="a session of somebody", required="{} or null")
    _read(seen.session, f"the session is answered with {seen.session_status}")


def _read(session: str, message: str) -> None:
    if session == "unread":
        raise CannotTell(message, cause="outage")


@check(severity=CRITICAL, scope=RELEASE, guide="sec.session-cookie")
def check_made_up_session_is_nobodys(seen: AuthEvidence) -> None:
    """A made-up session cookie is nobody's session.

    Fix: no custom `jwt.decode` that skips the check; NEXTAUTH_SECRET is set.
    """
    _library(seen)
    expect(seen.foreign_session != "somebody", seen="a session of somebody", required="{} or null")
    _read(seen.foreign_session, "it is not answered")


@check(severity=HIGH, scope=RELEASE)
def check_session_is_not_cacheable(seen: AuthEvidence) -> None:
    """The session may not be kept by a shared cache: else one visitor gets another's.

    Fix: leave the library's Cache-Control alone in nginx and in `next.config`.

    See: curl -sS -D- https://HOST/api/auth/session
    """
    _library(seen)
    if seen.session != "somebody":
        _read(seen.session, f"the session is answered with {seen.session_status}")
    words = {word.strip().partition("=")[0] for word in seen.session_cache.split(",")}
    kept = words & {"public", "s-maxage", "immutable"} or not words & {"no-store", "private", "no-cache"}
    expect(not kept, seen=seen.session_cache or "no Cache-Control", required="no-store or private")


@check(severity=CRITICAL, scope=RELEASE)
def check_instances_share_the_secret(seen: AuthEvidence) -> None:
    """All instances sign with one secret: what one has signed, the next one takes.

    Else sign-ins fail now and then, and sessions come and go.

    Fix: the same NEXTAUTH_SECRET (AUTH_SECRET, BETTER_AUTH_SECRET) for every instance, and none made at the start.
    """
    _library(seen)
    within = [one for one in seen.agreements if one.made == one.taken_by]
    refused = [one for one in within if one.accepted is False]
    bad = [f"the origin refuses its own signature, {len(refused)} times of {len(within)}"] if refused else []
    bad += [
        f"{one.made}'s signature is refused by {one.taken_by}"
        for one in seen.agreements
        if one.accepted is False and one not in within
    ]
    refuse(bad, "one secret")
    _answered(seen.start)
    if not seen.agreements:
        raise CannotTell("nothing that it signs was shown to it again", cause="program")
    for one in seen.agreements:
        if one.accepted is None:
            raise CannotTell(f"{one.taken_by} did not show it ({one.error})", cause="outage")


@check(severity=CRITICAL, scope=RELEASE)
def check_return_addresses_stay_on_the_origin(seen: LuringEvidence) -> None:
    """Nobody is led to another origin after signing in, however its address is written.

    Fix: no `redirect` callback that returns every URL; compare the parsed origin, not the beginning of the text;
    better-auth: `trustedOrigins` of ours alone.
    """
    public = seen.origin
    bad = [
        f"{lure.name}: leads to {lure.to}"
        for lure in seen.lures
        if lure.to and (lure.to.count("/") < 2 or mistake(lure.to, public)) and lure.to != seen.own.to
    ]
    refuse(bad, public)
    if not seen.own.to:
        raise CannotTell(f"it does not show where it leads ({seen.own.status or seen.own.error})", cause="program")
    for lure in seen.lures:
        if lure.status is None or lure.status == 429:
            raise CannotTell(f"{lure.name}: not answered ({lure.error or lure.status})", cause="outage")


def _unforged(seen: LuringEvidence, *, forwarded: bool) -> None:
    """Require that no forgery is in an address that the provider is told."""
    honest = seen.honest
    tried = [forged for forged in seen.forged if forged.forwarded is forwarded]
    told = [(f.name, a) for f in tried if honest.addresses for a in f.addresses if a not in honest.addresses]
    refuse(list(dict.fromkeys(f"{name}: {written(address)}" for name, address in told)), seen.origin)
    if not honest.addresses:
        raise CannotTell(f"an honest request shows no address ({honest.status or honest.error})", cause="outage")
    for forged in tried:
        # A balancer that does not know the host may refuse it in any way; a limiter has not looked at it.
        if forged.status == 429 or (forged.status is None and forged.error not in ("reset", "protocol", "tls")):
            raise CannotTell(f"{forged.name}: not answered ({forged.error or forged.status})", cause="outage")


@check(severity=CRITICAL, scope=RELEASE, guide="oauth.redirect-uri")
def check_forged_headers_change_no_address(seen: LuringEvidence) -> None:
    """A host or scheme that only X-Forwarded-Host and the like name is in no address that the provider is told.

    Fix: set NEXTAUTH_URL (AUTH_URL, BETTER_AUTH_URL); in nginx `proxy_set_header X-Forwarded-Host $host;` and
    `X-Forwarded-Proto $scheme;` overwrite what the visitor sends.

    See: curl -sS -H 'X-Forwarded-Host: golive-elsewhere.invalid' https://HOST/api/auth/providers
    """
    _unforged(seen, forwarded=True)


@check(severity=MEDIUM, scope=RELEASE, guide="oauth.redirect-uri")
def check_unknown_host_changes_no_address(seen: LuringEvidence) -> None:
    """A Host that nobody declared is in no address that the provider is told.

    Fix: set NEXTAUTH_URL (AUTH_URL, BETTER_AUTH_URL); a default server in nginx refuses unknown hosts.

    See: curl -sS -H 'Host: golive-elsewhere.invalid' https://HOST/api/auth/providers
    """
    _unforged(seen, forwarded=False)


@check(severity=HIGH, scope=RELEASE)
def check_protected_pages_lead_to_the_sign_in(pages: ProtectedEvidence, auth: Auth) -> None:  # noqa: ARG001
    """Private pages lead somebody without a session to a page of the public origin that is there.

    Whether those that lead nowhere refuse is told by http.private_paths_need_a_session; here they must not fail.

    Fix: NEXTAUTH_URL, and `pages.signIn`; in a middleware, build the address from the public origin.
    """
    bad, unseen = [], []
    for page in pages.pages:
        leads = page.reply.leads
        if leads and (away := mistake(leads, pages.origin)):
            bad.append(f"{page.reply.name}: to {leads} ({away})")
        elif page.status is None:
            unseen.append(f"{page.at} is not answered ({page.error})")
        elif page.status >= 500 or (leads and page.status != 200):
            bad.append(f"{page.reply.name}: {page.status} at {page.at}")
    refuse(bad, "a sign-in page of the public origin")
    if unseen:
        raise CannotTell(unseen[0], cause="outage")
    if not pages.pages:
        raise CannotTell("no private page was asked for", cause="program")


def _cookies(seen: AuthEvidence, wrong: Callable[[LibraryCookie], str], required: str) -> None:
    """Require that nothing is wrong with a cookie of the library."""
    library = _library(seen)
    if not seen.cookies:
        if library == "better-auth":
            _asked(seen)
        raise CannotTell("the library sets no cookie", cause="program")
    bad = [f"{cookie.name} {what}" for cookie in seen.cookies if (what := wrong(cookie))]
    refuse(list(dict.fromkeys(bad)), required)


@check(severity=HIGH, scope=RELEASE, guide=("sec.csrf", "sec.session-cookie"))
def check_cookies_have_their_prefix(seen: AuthEvidence) -> None:
    """Cookies that have the library's names begin with __Host- (the token against forgery) or __Secure- (all others).

    Without it the app believes that it is served over http; a cookie of the same name from a sister domain, or set
    over http, then takes its place.

    Fix: NEXTAUTH_URL=https://… (AUTH_URL, BETTER_AUTH_URL), X-Forwarded-Proto from the proxy.
    """

    def wrong(cookie: LibraryCookie) -> str:
        stem = cookie.name.removeprefix("__Host-").removeprefix("__Secure-")
        if not stem.startswith(_STEM):
            return ""
        needs = ("__Host-",) if cookie.role == "csrf" else ("__Secure-", "__Host-")
        return "" if cookie.name.startswith(needs) else f"without {needs[0]}"

    _cookies(seen, wrong, "__Host- or __Secure-")


@check(severity=HIGH, scope=RELEASE, guide=("sec.csrf", "sec.session-cookie"))
def check_cookies_are_secure(seen: AuthEvidence) -> None:
    """Every cookie of the library is Secure: browsers never send it over http.

    Fix: NEXTAUTH_URL=https://…, and X-Forwarded-Proto from the proxy; no `secure: false`.
    """
    _cookies(seen, lambda c: "" if c.secure else "without Secure", "Secure")


@check(severity=HIGH, scope=RELEASE, guide=("sec.csrf", "sec.session-cookie"))
def check_cookies_are_http_only(seen: AuthEvidence) -> None:
    """Every cookie of the library is HttpOnly: no script can read it.

    Fix: no `httpOnly: false` in the options of cookies.
    """
    _cookies(seen, lambda c: "" if c.http_only else "without HttpOnly", "HttpOnly")


@check(severity=MEDIUM, scope=RELEASE, guide=("sec.csrf", "sec.session-cookie"))
def check_cookies_stay_on_the_site(seen: AuthEvidence) -> None:
    """Every cookie of the library is SameSite=Lax or Strict; what must survive the way back from the provider, Lax.

    Fix: no `sameSite: "none"`; a provider that answers with a form (Apple) is the exception.
    """

    def wrong(cookie: LibraryCookie) -> str:
        passing = cookie.role in ("state", "pkce", "nonce")
        if cookie.same_site == "lax" or (cookie.same_site == "strict" and not passing):
            return ""
        return f"SameSite={cookie.same_site}" if cookie.same_site else "without SameSite"

    _cookies(seen, wrong, "SameSite=Lax")


@check(severity=MEDIUM, scope=ESTATE, guide=("sec.csrf", "sec.session-cookie"))
def check_cookies_are_of_this_host_alone(seen: AuthEvidence) -> None:
    """No cookie of the library has a Domain: sister hosts neither get nor set it.

    Fix: no `domain` in the options of cookies; better-auth: no `crossSubDomainCookies` without need.
    """
    _cookies(seen, lambda c: f"for {c.domain} and below" if c.domain else "", "no Domain")


@check(severity=LOW, scope=RELEASE)
def check_cookies_are_of_the_whole_site(seen: AuthEvidence) -> None:
    """Every cookie of the library has Path=/: pages and API routes need it alike.

    Fix: no `path` in the options of cookies.
    """
    _cookies(seen, lambda c: "" if c.path == "/" else f"Path={c.path}", "Path=/")


@check(severity=MEDIUM, scope=RELEASE)
def check_cookies_end_in_time(seen: AuthEvidence) -> None:
    """State and PKCE verifier end after a quarter of an hour at most, the token against forgery within a day.

    Fix: no `maxAge` in the options of these cookies.
    """

    def wrong(cookie: LibraryCookie) -> str:
        role, life = cookie.role, cookie.lifetime
        if role in ("state", "pkce", "nonce") and (life is None or life > SIGN_IN_TIME + 60):
            return "without an end" if life is None else f"for {life / 60:.0f} min"
        # better-auth gives none, next-auth and Auth.js give both until the browser ends.
        long = life is not None and life > DAY and role in ("csrf", "callback")
        return f"for {(life or 0) / DAY:.0f} days" if long else ""

    _cookies(seen, wrong, f"at most {SIGN_IN_TIME / 60:.0f} min")
