"""How security header fields are read; each function returns what is wrong, or an empty string."""

from __future__ import annotations

import re
from collections.abc import Callable

from fixtures.environment.sections.endpoints import Endpoint
from fixtures.probes.headers import PRIVATE, HeadersEvidence, Kind, Response
from fixtures.probes.http import hosts_over
from fixtures.vocabulary import CannotTell, expect

_DIRECTIVE = re.compile(r"""([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?:\s*=\s*(?:"([^"]*)"|([^\s";,]+)))?""")
STRICT_REFERRER = ("no-referrer", "same-origin", "strict-origin", "strict-origin-when-cross-origin")
DENIED = ("camera", "microphone", "geolocation")


def judge(evidence: HeadersEvidence, kind: Kind, wrong: Callable[[Response], str], required: str) -> None:
    """Require that nothing is wrong with the answers of a kind; unanswered ones can't be judged."""
    responses = evidence.of(kind)
    bad = [f"{response.name}: {what}" for response in responses if response.status and (what := wrong(response))]
    expect(not bad, seen="; ".join(bad[:4]), required=required)
    if not responses or any(response.status is None for response in responses):
        raise CannotTell(f"no {kind} answer to judge", cause="outage")


def redirects(endpoint: Endpoint) -> bool:
    """Whether a redirect over https is declared: another host that leads here, or a private page (an API refuses)."""
    pages = [path for path in endpoint.paths.private[:PRIVATE] if not path.startswith("/api/")]
    return bool(pages or hosts_over("https", endpoint))


def hsts(value: str) -> tuple[dict[str, str], str]:
    """The directives of a Strict-Transport-Security value by RFC 6797, and what is wrong with its grammar."""
    found: dict[str, str] = {}
    for part in value.split(";"):
        if not part.strip():
            continue
        match = _DIRECTIVE.fullmatch(part.strip())
        if not match:
            return {}, f"can't be read: {value!r}"
        name = match[1].lower()
        if name in found:
            return {}, f"{name} twice"
        found[name] = match[2] if match[2] is not None else match[3] or ""
    if not re.fullmatch(r"\d+", found.get("max-age", ""), re.ASCII):
        return {}, f"no valid max-age: {value!r}"
    if found.get("includesubdomains"):
        return {}, "includeSubDomains takes no value"
    return found, ""


def wrong_hsts(response: Response, max_age: int) -> str:
    """Exactly one field, long enough, with includeSubDomains."""
    if what := single(response, "strict-transport-security"):
        return what
    found, what = hsts(response.all("strict-transport-security")[0])
    if what:
        return what
    if int(found["max-age"]) < max_age:
        return f"max-age {found['max-age']}"
    return "" if "includesubdomains" in found else "no includeSubDomains"


def single(response: Response, field: str) -> str:
    """Exactly one field."""
    count = len(response.all(field))
    return "" if count == 1 else f"{count} {field} fields" if count else f"no {field}"


def wrong_frame(response: Response) -> str:
    """One DENY or SAMEORIGIN, or frame-ancestors of a CSP."""
    values = [value.strip().upper() for value in response.all("x-frame-options")]
    if len(values) > 1:
        return f"{len(values)} x-frame-options fields"
    if values:
        return "" if values[0] in ("DENY", "SAMEORIGIN") else f"x-frame-options {values[0]!r}"
    ancestors = [
        v["frame-ancestors"] for v in map(csp, response.all("content-security-policy")) if "frame-ancestors" in v
    ]
    tight = any(not {"*", "http:", "https:"} & set(sources) for sources in ancestors)
    return "" if tight else "no x-frame-options"


def wrong_nosniff(response: Response) -> str:
    """Exactly one nosniff."""
    values = response.all("x-content-type-options")
    return single(response, "x-content-type-options") or (
        "" if values[0].strip().lower() == "nosniff" else f"x-content-type-options {values[0]!r}"
    )


def wrong_referrer(response: Response) -> str:
    """One field, whose last known policy is strict."""
    if what := single(response, "referrer-policy"):
        return what
    policies = [part.strip().lower() for part in response.all("referrer-policy")[0].split(",")]
    return "" if policies[-1] in STRICT_REFERRER else f"referrer-policy {policies[-1]!r}"


def wrong_permissions(response: Response) -> str:
    """The three features have an empty allow list; the last mention of a feature counts."""
    found: dict[str, str] = {}
    for value in response.all("permissions-policy"):
        for name, allow in re.findall(r"([a-z][a-z0-9-]*)\s*=\s*(\([^)]*\)|[^\s,]+)", value):
            found[name] = allow
    open_ = [name for name in DENIED if not re.fullmatch(r"\(\s*\)", found.get(name, ""))]
    return f"not denied: {', '.join(open_)}" if open_ else ""


def csp(value: str) -> dict[str, tuple[str, ...]]:
    """The directives of a policy; of a repeated one the first counts."""
    found: dict[str, tuple[str, ...]] = {}
    for part in value.split(";"):
        words = part.split()
        if words:
            found.setdefault(words[0].lower(), tuple(word.lower() for word in words[1:]))
    return found


def policy(response: Response) -> dict[str, tuple[str, ...]]:
    """The first policy of an answer."""
    return csp(next(iter(response.all("content-security-policy")), ""))


def scripts(response: Response) -> tuple[str, ...] | None:
    """The sources scripts may come from."""
    found = policy(response)
    return found.get("script-src", found.get("default-src"))


def wrong_script_source(response: Response) -> str:
    """A source list for scripts that isn't everything."""
    sources = scripts(response)
    if sources is None:
        return "neither script-src nor default-src"
    wide = {"*", "http:", "https:", "data:"} & set(sources)
    return f"scripts from {', '.join(sorted(wide))}" if wide and "'strict-dynamic'" not in sources else ""


def wrong_inline(response: Response) -> str:
    """No unsafe-inline, unless a nonce or hash makes browsers ignore it."""
    sources = scripts(response)
    if sources is None:
        return "no policy for scripts"
    ignored = any(re.match(r"'(nonce-|sha(256|384|512)-)", source) for source in sources)
    return "'unsafe-inline' for scripts" if "'unsafe-inline'" in sources and not ignored else ""


def wrong_eval(response: Response) -> str:
    """No unsafe-eval."""
    sources = scripts(response)
    if sources is None:
        return "no policy for scripts"
    return "'unsafe-eval' for scripts" if "'unsafe-eval'" in sources else ""


def wrong_object(response: Response) -> str:
    """No plug-ins."""
    found = policy(response)
    return "" if found.get("object-src", found.get("default-src")) == ("'none'",) else "object-src is not 'none'"


def wrong_version(response: Response) -> str:
    """No version in Server, no name of a framework."""
    for value in response.all("server"):
        if re.search(r"\d", value):
            return f"server {value[:40]!r}"
    for name in ("x-aspnet-version", "x-aspnetmvc-version", "x-runtime", "x-generator"):
        if response.all(name):
            return name
    return ""
