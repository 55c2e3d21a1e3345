"""How security header fields are read; each function returns what is wrong, or an empty string."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from checks import _answers, _csp, _structured
from checks._leaks import NEEDLESS, VERSIONS
from checks._origins import parts
from fixtures.environment.sections.endpoints import Endpoint
from fixtures.probes.headers import HeadersEvidence, Kind, Response, Script
from fixtures.vocabulary import CannotTell

_DIRECTIVE = re.compile(
    r"""([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?:[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([!#$%&'*+.^_`|~0-9A-Za-z-]+)))?"""
)
STRICT_REFERRER = ("no-referrer", "same-origin", "strict-origin", "strict-origin-when-cross-origin")
REFERRER = (*STRICT_REFERRER, "no-referrer-when-downgrade", "origin", "origin-when-cross-origin", "unsafe-url")
DENIED = ("camera", "microphone", "geolocation")
PRELOAD = 31536000
"""Seconds of max-age that the preload list asks for."""
CROSS_ORIGIN = {
    "cross-origin-opener-policy": ("same-origin", "same-origin-allow-popups", "noopener-allow-popups", "unsafe-none"),
    "cross-origin-embedder-policy": ("require-corp", "credentialless", "unsafe-none"),
    "cross-origin-resource-policy": ("same-origin", "same-site", "cross-origin"),
}
SECURED: tuple[Kind, ...] = ("page", "api", "static", "error", "redirect")
"""Every kind of answer over https."""


def judge(
    evidence: HeadersEvidence, kind: Kind | Sequence[Kind], wrong: Callable[[Response], str], required: str
) -> None:
    """Require that nothing is wrong with the answers of a kind; unanswered ones can't be judged."""
    kinds = (kind,) if isinstance(kind, str) else kind
    _answers.judge(evidence.of(*kinds), wrong, required, none=f"no {kinds[0]} answer to judge")


def redirects(endpoint: Endpoint) -> bool:
    """Whether a redirect over https is declared: another host that leads here, or a private page (an API refuses)."""
    pages = [path for path in endpoint.paths.sampled if not path.startswith("/api/")]
    return bool(pages or endpoint.origins_over("https"))


def refused(fields: HeadersEvidence, endpoint: Endpoint) -> bool:
    """Whether the private pages, instead of leading anywhere, refuse with 401 or 403: each of those asked for."""
    asked = {endpoint.url + path for path in endpoint.paths.sampled}
    answers = [response for response in fields.responses if response.name in asked]
    return bool(answers) and all(response.status in (401, 403) for response in answers)


def hsts(value: str) -> tuple[dict[str, str], str]:
    """The directives of a Strict-Transport-Security value by RFC 6797, and what is wrong with its grammar."""
    value = value[:1024]
    found: dict[str, str] = {}
    for part in re.findall(r'(?:"(?:[^"\\]|\\.)*"|[^;"]|")+', value):
        if not part.strip():
            continue
        match = _DIRECTIVE.fullmatch(part.strip())
        if not match:
            return {}, f"can't be read: {value[:80]!r}"
        name = match[1].lower()
        if name in found:
            return {}, f"{name} twice"
        found[name] = re.sub(r"\\(.)", r"\1", match[2]) if match[2] is not None else match[3] or ""
    if not re.fullmatch(r"\d+", found.get("max-age", ""), re.ASCII):
        return {}, f"no valid max-age: {value[:80]!r}"
    if found.get("includesubdomains"):
        return {}, "includeSubDomains takes no value"
    return found, ""


def wrong_hsts(response: Response, max_age: int) -> str:
    """Exactly one field, long enough, with includeSubDomains."""
    values = response.all("strict-transport-security")
    if len(values) > 1:
        return f"{len(values)} strict-transport-security fields, of which browsers use the first: {values[0][:80]!r}"
    if what := single(response, "strict-transport-security"):
        return what
    found, what = hsts(values[0])
    if what:
        return what
    if _beyond(found["max-age"], max_age):
        return f"max-age {found['max-age'][:20]}"
    return "" if "includesubdomains" in found else "no includeSubDomains"


def _beyond(digits: str, least: int) -> bool:
    """Whether a number of any length is less than what is asked for."""
    return len(digits.lstrip("0")) < 16 and int(digits) < least


def wrong_preload(response: Response) -> str:
    """A header that asks to be preloaded is fit for the list, whose rules are stricter than RFC 6797."""
    found, what = hsts(next(iter(response.all("strict-transport-security")), ""))
    if what or "preload" not in found:
        return ""
    told = []
    if _beyond(found["max-age"], PRELOAD):
        told.append(f"max-age {found['max-age']} is less than a year")
    if re.match(r"0\d", found["max-age"]):
        told.append("max-age begins with a zero")
    if "includesubdomains" not in found:
        told.append("no includeSubDomains")
    if found["preload"]:
        told.append("preload takes no value")
    return ", ".join(told)


def single(response: Response, field: str) -> str:
    """Exactly one field."""
    count = len(response.all(field))
    return "" if count == 1 else f"{count} {field} fields" if count else f"no {field}"


def wrong_frame(response: Response) -> str:
    """At most one X-Frame-Options; where a policy has frame-ancestors, browsers go by it, else DENY or SAMEORIGIN."""
    values = [value.strip().upper() for value in response.all("x-frame-options")]
    if len(values) > 1:
        return f"{len(values)} x-frame-options fields"
    bound = [policy for policy in enforced(response) if "frame-ancestors" in policy.directives]
    if bound:
        return _csp.open_directive(bound, "frame-ancestors")
    if not values:
        return "no x-frame-options"
    return "" if values[0] in ("DENY", "SAMEORIGIN") else f"x-frame-options {values[0][:80]!r}"


def disagreeing_frames(response: Response) -> str:
    """X-Frame-Options, which old browsers go by, says what frame-ancestors says to all others."""
    values = [value.strip().upper() for value in response.all("x-frame-options")]
    bound = [policy.directives["frame-ancestors"] for policy in enforced(response) if _bound(policy)]
    if not values or not bound:
        return ""
    says = " ".join(bound[0])
    meant = {("'none'",): "DENY", (): "DENY", ("'self'",): "SAMEORIGIN"}.get(bound[0])
    if len(set(bound)) > 1 or meant is None:
        return "" if values[0] in ("DENY", "SAMEORIGIN") else f"x-frame-options {values[0][:80]!r}"
    return "" if values[0] == meant else f"x-frame-options {values[0][:80]!r}, frame-ancestors {says}"


def _bound(policy: _csp.Policy) -> bool:
    return "frame-ancestors" in policy.directives


def wrong_nosniff(response: Response) -> str:
    """Exactly one nosniff."""
    values = response.all("x-content-type-options")
    return single(response, "x-content-type-options") or (
        "" if values[0].strip().lower() == "nosniff" else f"x-content-type-options {values[0][:80]!r}"
    )


def wrong_referrer(response: Response) -> str:
    """One field, whose last known policy is strict."""
    if what := single(response, "referrer-policy"):
        return what
    sent = response.all("referrer-policy")[0]
    known = [word for part in sent.split(",") if (word := part.strip().lower()) in REFERRER]
    if not known:
        return f"no policy that browsers know: {sent[:80]!r}"
    return "" if known[-1] in STRICT_REFERRER else f"referrer-policy {known[-1]!r}"


def wrong_permissions(response: Response) -> str:
    """The three features have an empty allow list; the last mention of a feature counts."""
    values = response.all("permissions-policy")
    if not values:
        old = response.all("feature-policy")
        return "no permissions-policy" + (", only the old feature-policy, which browsers ignore" if old else "")
    try:
        found = _structured.dictionary(values)
    except _structured.UnreadableError as error:
        old_words = re.search(r"""(?:^|;)\s*[a-z-]+\s+('(?:none|self)'|\*)""", values[0])
        syntax = f"the syntax of the old feature-policy: {values[0][:60]!r}" if old_words else str(error)
        return f"permissions-policy can't be read and is ignored: {syntax}"
    open_ = [name for name in DENIED if name not in found or found[name].value != ()]
    return f"not denied: {', '.join(open_)}" if open_ else ""


def enforced(response: Response) -> tuple[_csp.Policy, ...]:
    """The policies that browsers enforce together: of the header fields, and of the page itself."""
    return _csp.policies(response.all("content-security-policy"), response.policies)


def one_policy(response: Response) -> str:
    """Exactly one field that is enforced."""
    what = single(response, "content-security-policy")
    if what.startswith("no ") and response.all("content-security-policy-report-only"):
        return f"{what}, only content-security-policy-report-only, which forbids nothing"
    if not what and not _csp.policies(response.all("content-security-policy")):
        return "an empty content-security-policy"
    return what


def policies(weakness: Callable[[Sequence[_csp.Policy]], str], missing: str = "") -> Callable[[Response], str]:
    """What is wrong with the enforced policies of an answer; `missing` is said where there is none."""

    def wrong(response: Response) -> str:
        found = enforced(response)
        return weakness(found) if found else missing

    return wrong


def repeated_nonces(response: Response, again: Response | None) -> str:
    """Nonces that two answers of one page share; another page has nothing to compare."""
    if again is None or again.status is None:
        raise CannotTell("no second answer to compare with", cause="outage")
    return _csp.repeated_nonces(enforced(response), enforced(again)) if response.name == again.name else ""


def wrong_cross_origin(response: Response) -> str:
    """The opener and embedder policy are tokens (RFC 8941), the resource policy a plain word; each once, and known."""
    told = []
    for name, known in CROSS_ORIGIN.items():
        values = response.all(name)
        if values and (what := _word(values, structured=name != "cross-origin-resource-policy")) not in known:
            told.append(f"{name} {what[:60]!r}" if len(values) == 1 else f"{len(values)} {name} fields")
    return ", ".join(told)


def _word(values: Sequence[str], structured: bool) -> str:
    sent = ", ".join(values)
    if not structured or len(values) > 1:
        return sent.strip()
    try:
        found = _structured.item(values).value
    except _structured.UnreadableError:
        return sent
    return found.text if isinstance(found, _structured.Token) else sent


def wrong_scripts(response: Response, url: str) -> str:
    """Scripts of foreign hosts that are loaded without a hash, or with one that can't work."""
    return ", ".join(dict.fromkeys(what for script in response.scripts if (what := _wrong_script(script, url))))


def _wrong_script(script: Script, url: str) -> str:
    if not foreign(script.origin, url):
        return ""
    if not re.search(r"(?:^|\s)sha(256|384|512)-[A-Za-z0-9+/_-]+={0,2}(?:\?\S*)?(?=\s|$)", script.integrity):
        return f"{script.origin} without integrity"
    return "" if script.crossorigin else f"{script.origin} with integrity but without crossorigin, which blocks it"


def foreign(origin: str, url: str) -> bool:
    """Whether a host is neither ours, nor below or above it, nor beside it below the same name."""
    theirs, ours = (_parts(one) for one in (origin, url))
    shorter, longer = sorted((theirs, ours), key=len)
    if longer[len(longer) - len(shorter) :] == shorter and len(shorter) > 1:
        return False
    return not (theirs[1:] == ours[1:] and len(ours) > 2 and not _shared(".".join(ours[1:])))


def _parts(url: str) -> list[str]:
    return (parts(url)[1] or url).removeprefix("www.").split(".")


def _shared(name: str) -> bool:
    """Whether strangers may have names below this one; the few that a product like this meets."""
    second_level = re.fullmatch(r"(ac|co|com|edu|gov|net|or|org)\.[a-z]{2}", name)
    return bool(second_level) or name in (
        "amazonaws.com", "azurewebsites.net", "cloudfront.net", "fly.dev", "github.io", "herokuapp.com", "netlify.app",
        "onrender.com", "pages.dev", "railway.app", "run.app", "vercel.app", "web.app", "workers.dev",
    )  # fmt: skip


def wrong_version(response: Response) -> str:
    """No version in Server, no field that exists to name one."""
    for value in response.all("server"):
        if re.search(r"\d", value):
            return f"server {value[:40]!r}"
    return _sent(response, VERSIONS)


def needless(response: Response) -> str:
    """No field that tells of the inside."""
    return _sent(response, NEEDLESS)


def _sent(response: Response, names: Iterable[str]) -> str:
    return ", ".join(name for name in names if response.all(name))
