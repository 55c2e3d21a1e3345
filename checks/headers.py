"""Security header fields on each kind of answer: pages, API, static files, errors, redirects."""

from __future__ import annotations

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

    Fix: `add_header Strict-Transport-Security "max-age=31536000; includeSubDomains" always;` in one layer only.
    """
    judge(
        fields,
        "redirect",
        lambda r: h.wrong_hsts(r, endpoint.expect.hsts_max_age),
        "exactly one, long enough, with includeSubDomains",
    )


@check(severity=HIGH, scope=RELEASE, guide="hdr.x-frame-options")
def check_frame_protection_on_pages(fields: HeadersEvidence) -> None:
    """Pages carry X-Frame-Options or frame-ancestors: exactly one DENY or SAMEORIGIN.

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
    """Pages carry exactly one Content-Security-Policy.

    Fix: Set it in one layer: the app, which knows the nonce.
    """
    judge(fields, "page", lambda r: h.single(r, "content-security-policy"), "exactly one")


@check(severity=HIGH, scope=RELEASE, guide="hdr.csp")
def check_csp_limits_scripts(fields: HeadersEvidence) -> None:
    """The policy says where scripts may come from.

    Fix: `script-src 'self' 'nonce-…'`.
    """
    judge(fields, "page", h.wrong_script_source, "script-src or default-src that is not everything")


@check(severity=HIGH, scope=RELEASE, guide="hdr.csp")
def check_csp_forbids_inline_scripts(fields: HeadersEvidence) -> None:
    """The policy has no unsafe-inline for scripts without a nonce or hash.

    Fix: Give scripts a nonce in the middleware.
    """
    judge(fields, "page", h.wrong_inline, "a nonce or hash")


@check(severity=HIGH, scope=RELEASE, guide="hdr.csp")
def check_csp_forbids_eval(fields: HeadersEvidence) -> None:
    """The policy has no unsafe-eval.

    Fix: Remove it; only `next dev` needs it.
    """
    judge(fields, "page", h.wrong_eval, "no 'unsafe-eval'")


@check(severity=MEDIUM, scope=RELEASE, guide="hdr.csp")
def check_csp_forbids_objects(fields: HeadersEvidence) -> None:
    """The policy forbids plug-ins.

    Fix: `object-src 'none'`.
    """
    judge(fields, "page", h.wrong_object, "object-src 'none'")


@check(severity=MEDIUM, scope=RELEASE, guide="hdr.csp")
def check_csp_limits_base(fields: HeadersEvidence) -> None:
    """The policy limits the base of relative URLs.

    Fix: `base-uri 'self'`.
    """
    judge(fields, "page", lambda r: "" if h.policy(r).get("base-uri") else "no base-uri", "base-uri")


@check(severity=MEDIUM, scope=RELEASE, guide="hdr.csp")
def check_csp_limits_framing(fields: HeadersEvidence) -> None:
    """The policy says who may frame the page.

    Fix: `frame-ancestors 'self'`.
    """
    judge(
        fields, "page", lambda r: "" if h.policy(r).get("frame-ancestors") else "no frame-ancestors", "frame-ancestors"
    )


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
