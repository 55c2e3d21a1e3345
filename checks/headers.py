"""Security header fields on each kind of answer: pages, API, static files, errors, redirects."""

from __future__ import annotations

from checks import _csp as csp
from checks import _headers as h
from checks._headers import judge
from fixtures.environment.sections.endpoints import Endpoint
from fixtures.probes.headers import HeadersEvidence
from fixtures.vocabulary import ADVISORY, CRITICAL, ESTATE, HIGH, LOW, MEDIUM, RELEASE, check


@check(severity=CRITICAL, scope=RELEASE, guide="hdr.hsts")
def check_hsts_on_pages(fields: HeadersEvidence, endpoint: Endpoint) -> None:
    """Pages carry Strict-Transport-Security: exactly one, long enough, with includeSubDomains.

    Fix: `add_header Strict-Transport-Security "max-age=31536000; includeSubDomains" always;` in one layer only.

    See: curl -sS -D- -o /dev/null https://HOST/
    """
    judge(
        fields,
        "page",
        lambda r: h.wrong_hsts(r, endpoint.expect.hsts_max_age),
        "exactly one, long enough, with includeSubDomains",
    )


@check(severity=HIGH, scope=RELEASE, guide=("hdr.hsts", "hdr.all-paths"))
def check_hsts_on_api(fields: HeadersEvidence, endpoint: Endpoint) -> None:
    """API answers carry Strict-Transport-Security: exactly one, long enough, with includeSubDomains.

    Fix: `add_header Strict-Transport-Security "max-age=31536000; includeSubDomains" always;` in one layer only.
    """
    judge(
        fields,
        "api",
        lambda r: h.wrong_hsts(r, endpoint.expect.hsts_max_age),
        "exactly one, long enough, with includeSubDomains",
    )


@check(severity=HIGH, scope=RELEASE, guide=("hdr.hsts", "hdr.all-paths"))
def check_hsts_on_static_files(fields: HeadersEvidence, endpoint: Endpoint) -> None:
    """Static files carry Strict-Transport-Security: exactly one, long enough, with includeSubDomains.

    Fix: `add_header Strict-Transport-Security "max-age=31536000; includeSubDomains" always;` in one layer only.
    """
    judge(
        fields,
        "static",
        lambda r: h.wrong_hsts(r, endpoint.expect.hsts_max_age),
        "exactly one, long enough, with includeSubDomains",
    )


@check(severity=HIGH, scope=RELEASE, guide=("hdr.hsts", "hdr.always"))
def check_hsts_on_errors(fields: HeadersEvidence, endpoint: Endpoint) -> None:
    """Error answers carry Strict-Transport-Security: exactly one, long enough, with includeSubDomains.

    Fix: `add_header Strict-Transport-Security "max-age=31536000; includeSubDomains" always;` in one layer only.
    """
    judge(
        fields,
        "error",
        lambda r: h.wrong_hsts(r, endpoint.expect.hsts_max_age),
        "exactly one, long enough, with includeSubDomains",
    )


@check(severity=HIGH, scope=RELEASE, guide=("hdr.hsts", "hdr.all-paths"), applies=h.redirects)
def check_hsts_on_redirects(fields: HeadersEvidence, endpoint: Endpoint) -> None:
    """HTTPS redirects carry Strict-Transport-Security: exactly one, long enough, with includeSubDomains.

    Private pages that refuse with 401 or 403 and lead nowhere are judged by hsts_on_errors.

    Fix: `add_header Strict-Transport-Security "max-age=31536000; includeSubDomains" always;` in one layer only.
    """
    if not fields.of("redirect") and h.refused(fields, endpoint):
        return
    judge(
        fields,
        "redirect",
        lambda r: h.wrong_hsts(r, endpoint.expect.hsts_max_age),
        "exactly one, long enough, with includeSubDomains",
    )


@check(severity=LOW, scope=ESTATE)
def check_hsts_is_fit_for_preloading(fields: HeadersEvidence) -> None:
    """A Strict-Transport-Security that says preload fulfils the preload list: a year, includeSubDomains, no oddity.

    Fix: `max-age=31536000; includeSubDomains; preload`, or drop preload: the list is hard to leave.
    """
    judge(fields, "page", h.wrong_preload, "what the preload list asks for")


@check(severity=HIGH, scope=RELEASE, guide="hdr.x-frame-options")
def check_frame_protection_on_pages(fields: HeadersEvidence) -> None:
    """Pages carry X-Frame-Options or frame-ancestors: exactly one DENY or SAMEORIGIN.

    Browsers ignore X-Frame-Options where the policy has frame-ancestors, so the latter decides.

    Fix: `add_header X-Frame-Options SAMEORIGIN always;` in one layer only.

    See: curl -sS -D- -o /dev/null https://HOST/
    """
    judge(fields, "page", h.wrong_frame, "exactly one DENY or SAMEORIGIN")


@check(severity=MEDIUM, scope=RELEASE, guide=("hdr.x-frame-options", "hdr.always"))
def check_frame_protection_on_errors(fields: HeadersEvidence) -> None:
    """Error answers carry X-Frame-Options or frame-ancestors: exactly one DENY or SAMEORIGIN.

    Fix: `add_header X-Frame-Options SAMEORIGIN always;` in one layer only.
    """
    judge(fields, "error", h.wrong_frame, "exactly one DENY or SAMEORIGIN")


@check(severity=HIGH, scope=RELEASE, guide="hdr.x-content-type-options")
def check_nosniff_on_pages(fields: HeadersEvidence) -> None:
    """Pages carry X-Content-Type-Options: exactly one nosniff.

    Fix: `add_header X-Content-Type-Options nosniff always;` in one layer only.

    See: curl -sS -D- -o /dev/null https://HOST/
    """
    judge(fields, "page", h.wrong_nosniff, "exactly one nosniff")


@check(severity=MEDIUM, scope=RELEASE, guide=("hdr.x-content-type-options", "hdr.all-paths"))
def check_nosniff_on_api(fields: HeadersEvidence) -> None:
    """API answers carry X-Content-Type-Options: exactly one nosniff.

    Fix: `add_header X-Content-Type-Options nosniff always;` in one layer only.
    """
    judge(fields, "api", h.wrong_nosniff, "exactly one nosniff")


@check(severity=MEDIUM, scope=RELEASE, guide=("hdr.x-content-type-options", "hdr.all-paths"))
def check_nosniff_on_static_files(fields: HeadersEvidence) -> None:
    """Static files carry X-Content-Type-Options: exactly one nosniff.

    Fix: `add_header X-Content-Type-Options nosniff always;` in one layer only.
    """
    judge(fields, "static", h.wrong_nosniff, "exactly one nosniff")


@check(severity=MEDIUM, scope=RELEASE, guide=("hdr.x-content-type-options", "hdr.always"))
def check_nosniff_on_errors(fields: HeadersEvidence) -> None:
    """Error answers carry X-Content-Type-Options: exactly one nosniff.

    Fix: `add_header X-Content-Type-Options nosniff always;` in one layer only.
    """
    judge(fields, "error", h.wrong_nosniff, "exactly one nosniff")


@check(severity=MEDIUM, scope=RELEASE, guide="hdr.referrer-policy")
def check_referrer_policy_on_pages(fields: HeadersEvidence) -> None:
    """Pages carry Referrer-Policy: strict-origin-when-cross-origin or stricter.

    Fix: `add_header Referrer-Policy strict-origin-when-cross-origin always;` in one layer only.

    See: curl -sS -D- -o /dev/null https://HOST/
    """
    judge(fields, "page", h.wrong_referrer, "strict-origin-when-cross-origin or stricter")


@check(severity=LOW, scope=RELEASE, guide=("hdr.referrer-policy", "hdr.always"))
def check_referrer_policy_on_errors(fields: HeadersEvidence) -> None:
    """Error answers carry Referrer-Policy: strict-origin-when-cross-origin or stricter.

    Fix: `add_header Referrer-Policy strict-origin-when-cross-origin always;` in one layer only.
    """
    judge(fields, "error", h.wrong_referrer, "strict-origin-when-cross-origin or stricter")


@check(severity=MEDIUM, scope=RELEASE, guide="hdr.permissions-policy")
def check_permissions_policy_on_pages(fields: HeadersEvidence) -> None:
    """Pages carry Permissions-Policy: camera=(), microphone=(), geolocation=().

    Fix: `Permissions-Policy: camera=(), microphone=(), geolocation=()` in next.config or nginx.

    See: curl -sS -D- -o /dev/null https://HOST/
    """
    judge(fields, "page", h.wrong_permissions, "camera=(), microphone=(), geolocation=()")


@check(severity=LOW, scope=RELEASE, guide=("hdr.permissions-policy", "hdr.always"))
def check_permissions_policy_on_errors(fields: HeadersEvidence) -> None:
    """Error answers carry Permissions-Policy: camera=(), microphone=(), geolocation=().

    Fix: `Permissions-Policy: camera=(), microphone=(), geolocation=()` in next.config or nginx.
    """
    judge(fields, "error", h.wrong_permissions, "camera=(), microphone=(), geolocation=()")


@check(severity=LOW, scope=ESTATE, guide="hdr.hsts")
def check_no_hsts_over_http(fields: HeadersEvidence) -> None:
    """Answers over plain http carry no Strict-Transport-Security.

    Fix: Set it in the 443 server block only.
    """
    judge(
        fields,
        "plain",
        lambda r: "strict-transport-security sent" if r.all("strict-transport-security") else "",
        "none over http",
    )


@check(severity=HIGH, scope=RELEASE, guide="hdr.csp")
def check_one_csp_on_pages(fields: HeadersEvidence) -> None:
    """Pages carry exactly one Content-Security-Policy that is enforced, not one that only reports.

    Fix: Set it in one layer: the app, which knows the nonce.
    """
    judge(fields, "page", h.one_policy, "exactly one")


@check(severity=HIGH, scope=RELEASE, guide="hdr.csp")
def check_csp_limits_scripts(fields: HeadersEvidence) -> None:
    """The policy says where scripts may come from: no wildcard, no whole scheme.

    Fix: `script-src 'self' 'nonce-…'`.
    """
    judge(fields, "page", h.policies(csp.open_scripts, "no script-src"), "script-src that is not everything")


@check(severity=HIGH, scope=RELEASE, guide="hdr.csp")
def check_csp_forbids_inline_scripts(fields: HeadersEvidence) -> None:
    """The policy has no unsafe-inline for scripts or event handlers without a nonce or hash.

    Fix: Give scripts a nonce in the middleware.
    """
    judge(fields, "page", h.policies(csp.inline_scripts, "no script-src"), "a nonce or hash")


@check(severity=HIGH, scope=RELEASE, guide="hdr.csp")
def check_csp_forbids_eval(fields: HeadersEvidence) -> None:
    """The policy has no unsafe-eval.

    Fix: Remove it; only `next dev` needs it.
    """
    judge(fields, "page", h.policies(csp.evaluated_scripts, "no script-src"), "no 'unsafe-eval'")


@check(severity=HIGH, scope=RELEASE, guide="hdr.csp")
def check_csp_lets_scripts_run(fields: HeadersEvidence) -> None:
    """Where the policy says strict-dynamic, it has a nonce or a hash: without one, browsers run no script at all.

    Fix: Give scripts a nonce in the middleware, or remove 'strict-dynamic'.
    """
    judge(fields, "page", h.policies(csp.dead_strict_dynamic), "a nonce or hash beside 'strict-dynamic'")


@check(severity=HIGH, scope=RELEASE, guide="hdr.csp")
def check_csp_nonces_are_used_once(fields: HeadersEvidence) -> None:
    """Two answers of one page have different nonces: one that is known beforehand protects like unsafe-inline.

    Fix: Make the nonce in the middleware for each request, and keep such pages out of every cache.

    See: curl -sSI https://HOST/ | grep -i content-security-policy, twice
    """
    judge(fields, "page", lambda r: h.repeated_nonces(r, fields.again), "a new nonce each time")


@check(severity=MEDIUM, scope=RELEASE, guide="hdr.csp")
def check_csp_nonces_are_long(fields: HeadersEvidence) -> None:
    """Nonces have 16 characters or more, 64 bits even in hexadecimal (CSP 3, 7.1, recommends 128 bits).

    Fix: `Buffer.from(crypto.randomUUID()).toString('base64')`.
    """
    judge(fields, "page", h.policies(csp.short_nonces), f"{csp.NONCE_LENGTH} characters")


@check(severity=MEDIUM, scope=RELEASE, guide="hdr.csp")
def check_csp_forbids_objects(fields: HeadersEvidence) -> None:
    """The policy forbids plug-ins.

    Fix: `object-src 'none'`.
    """
    judge(fields, "page", h.policies(csp.open_objects, "no object-src"), "object-src 'none'")


@check(severity=MEDIUM, scope=RELEASE, guide="hdr.csp")
def check_csp_limits_base(fields: HeadersEvidence) -> None:
    """The policy limits the base of relative URLs.

    Fix: `base-uri 'self'`.
    """
    judge(fields, "page", h.policies(lambda all_: csp.open_directive(all_, "base-uri"), "no base-uri"), "base-uri")


@check(severity=MEDIUM, scope=RELEASE, guide="hdr.csp")
def check_csp_limits_framing(fields: HeadersEvidence) -> None:
    """The policy says who may frame the page.

    Fix: `frame-ancestors 'self'`.
    """
    wrong = h.policies(lambda all_: csp.open_directive(all_, "frame-ancestors"), "no frame-ancestors")
    judge(fields, "page", wrong, "frame-ancestors")


@check(severity=LOW, scope=RELEASE)
def check_csp_limits_forms(fields: HeadersEvidence) -> None:
    """The policy says where forms may be sent: default-src does not.

    Fix: `form-action 'self'`.
    """
    judge(fields, "page", h.policies(lambda all_: csp.open_directive(all_, "form-action")), "form-action")


@check(severity=MEDIUM, scope=RELEASE)
def check_csp_allows_https_only(fields: HeadersEvidence) -> None:
    """The policy lets nothing be loaded or reported over http:, ws: or ftp:.

    Fix: Name hosts without a scheme or with https:.
    """
    judge(fields, "page", h.policies(csp.insecure_sources), "https only")


@check(severity=MEDIUM, scope=RELEASE)
def check_csp_names_no_bypassable_host(fields: HeadersEvidence) -> None:
    """The policy allows scripts of no host that runs what it is asked to: JSONP, AngularJS, CDNs of all packages.

    Fix: Serve the script yourself, name its whole path, or use a nonce with 'strict-dynamic'.
    """
    judge(fields, "page", h.policies(csp.bypassable_hosts), "hosts that serve only what you put there")


@check(severity=MEDIUM, scope=RELEASE)
def check_csp_is_well_formed(fields: HeadersEvidence) -> None:
    """The policy has no directive or source that browsers ignore: misspelt, unquoted, repeated, without a semicolon.

    Fix: Correct what is named; browsers' consoles tell of it as well.
    """
    judge(fields, "page", h.policies(csp.mistakes), "what browsers understand")


@check(severity=ADVISORY, scope=RELEASE)
def check_csp_is_current(fields: HeadersEvidence) -> None:
    """The policy has no directive that is gone, and no IP address, which browsers don't match.

    Fix: Remove what is named.
    """
    judge(fields, "page", h.policies(csp.outdated), "directives of CSP 3")


@check(severity=ADVISORY, scope=RELEASE)
def check_csp_forbids_unsafe_hashes(fields: HeadersEvidence) -> None:
    """The policy has no unsafe-hashes: an allowed event handler may be put on any element.

    Fix: Add event handlers in scripts.
    """
    judge(fields, "page", h.policies(lambda all_: csp.keyword(all_, "'unsafe-hashes'")), "no 'unsafe-hashes'")


@check(severity=LOW, scope=RELEASE)
def check_framing_fields_agree(fields: HeadersEvidence) -> None:
    """X-Frame-Options says what frame-ancestors says, which browsers prefer: SAMEORIGIN with 'self', DENY with 'none'.

    Fix: Make them agree, or remove X-Frame-Options.
    """
    judge(fields, "page", h.disagreeing_frames, "the same in both")


@check(severity=ADVISORY, scope=RELEASE, guide="hdr.x-xss-protection")
def check_xss_filter_is_off(fields: HeadersEvidence) -> None:
    """X-XSS-Protection is absent or 0: the guide's "1; mode=block" is obsolete and could leak.

    Fix: Remove it from nginx; a CSP replaces it.
    """
    judge(
        fields,
        "page",
        lambda r: "" if all(v.strip() == "0" for v in r.all("x-xss-protection")) else "x-xss-protection on",
        "absent or 0",
    )


@check(severity=LOW, scope=ESTATE, guide="hdr.all-paths")
def check_server_version_is_hidden_on_pages(fields: HeadersEvidence) -> None:
    """Pages name no version of the server.

    Fix: `server_tokens off;`.
    """
    judge(fields, "page", h.wrong_version, "no version")


@check(severity=LOW, scope=ESTATE, guide="hdr.always")
def check_server_version_is_hidden_on_errors(fields: HeadersEvidence) -> None:
    """Error answers name no version of the server.

    Fix: `server_tokens off;`.
    """
    judge(fields, "error", h.wrong_version, "no version")


@check(severity=LOW, scope=RELEASE, guide="hdr.all-paths")
def check_framework_is_hidden(fields: HeadersEvidence) -> None:
    """X-Powered-By is absent.

    Fix: `poweredByHeader: false` in next.config.
    """
    judge(fields, "page", lambda r: "x-powered-by sent" if r.all("x-powered-by") else "", "absent")


@check(severity=ADVISORY, scope=RELEASE)
def check_inside_is_hidden(fields: HeadersEvidence) -> None:
    """No answer carries a field of the inside: tracing, proxies, caches (OWASP's list of fields to remove).

    Fix: `proxy_hide_header NAME;` for each.
    """
    judge(fields, h.SECURED, h.needless, "none of these fields")


@check(severity=LOW, scope=RELEASE)
def check_cross_origin_policies_are_valid(fields: HeadersEvidence) -> None:
    """Cross-Origin-Opener-, -Embedder- and -Resource-Policy, where sent, are sent once and are known to browsers.

    Fix: `same-origin`, without quotes.
    """
    judge(fields, "page", h.wrong_cross_origin, "one known word each")


@check(severity=LOW, scope=RELEASE)
def check_foreign_scripts_have_integrity(fields: HeadersEvidence, endpoint: Endpoint) -> None:
    """Scripts of other sites are loaded with a hash of their text (Subresource Integrity) and crossorigin.

    Fix: `<script src=… integrity="sha384-…" crossorigin="anonymous">`, or serve it yourself.
    """
    judge(fields, "page", lambda r: h.wrong_scripts(r, endpoint.url), "integrity and crossorigin")
