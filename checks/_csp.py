"""Content Security Policy Level 3: how policies are read, and what they leave open.

Several enforced policies are one defence: what one of them forbids is forbidden. So each function below takes all of
them and tells of a weakness only where every one has it. Words in texts are the operator's own sources.

Source: W3C CSP Level 3 (2.2 policies, 2.3 directives, 6.7 matching; 7.1 nonces).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from checks._csp_hosts import ANGULAR, JSONP, JSONP_WITH_EVAL
from checks._words import some

FETCH = frozenset(
    f"{name}-src"
    for name in (
        "child", "connect", "default", "fenced-frame", "font", "frame", "img", "manifest", "media", "object",
        "prefetch", "script", "style", "worker",
    )
) | {"script-src-elem", "script-src-attr", "style-src-elem", "style-src-attr"}  # fmt: skip
SOURCE_LISTS = FETCH | {"base-uri", "form-action", "frame-ancestors", "navigate-to"}
OBSOLETE = {
    "block-all-mixed-content": "browsers upgrade mixed content by themselves",
    "disown-opener": "use Cross-Origin-Opener-Policy",
    "navigate-to": "it was never shipped",
    "plugin-types": "plug-ins are gone",
    "prefetch-src": "default-src governs prefetches",
    "referrer": "use Referrer-Policy",
    "reflected-xss": "the filter is gone from browsers",
    "require-sri-for": "it was never shipped",
}
DIRECTIVES = SOURCE_LISTS | frozenset(OBSOLETE) | {
    "report-to", "report-uri", "require-trusted-types-for", "sandbox", "trusted-types", "upgrade-insecure-requests",
    "webrtc",
}  # fmt: skip
KEYWORDS = frozenset(
    f"'{name}'"
    for name in (
        "inline-speculation-rules", "none", "report-sample", "report-sha256", "report-sha384", "report-sha512", "self",
        "strict-dynamic", "trusted-types-eval", "unsafe-allow-redirects", "unsafe-eval", "unsafe-hashes",
        "unsafe-inline", "unsafe-webtransport-hashes", "wasm-unsafe-eval",
    )
)  # fmt: skip
_OTHER_KEYWORDS = {
    "require-trusted-types-for": frozenset({"'script'"}),
    "trusted-types": frozenset({"'allow-duplicates'", "'none'"}),
    "webrtc": frozenset({"'allow'", "'block'"}),
}
IN_HEADERS_ONLY = ("frame-ancestors", "report-uri", "sandbox")
_FALLBACK: dict[str, tuple[str, ...]] = {
    "script-src-elem": ("script-src", "default-src"),
    "script-src-attr": ("script-src", "default-src"),
    "style-src-elem": ("style-src", "default-src"),
    "style-src-attr": ("style-src", "default-src"),
    "worker-src": ("child-src", "script-src", "default-src"),
    "frame-src": ("child-src", "default-src"),
}
_NONCE = re.compile(r"'nonce-([A-Za-z0-9+/_-]+={0,2})'", re.IGNORECASE)
_HASH = re.compile(r"'sha(256|384|512)-[A-Za-z0-9+/_-]+={0,2}'", re.IGNORECASE)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_HOST = re.compile(
    r"(?:(?P<scheme>[a-z][a-z0-9+.-]*)://)?(?P<host>\*|(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?)"
    r"(?::(?:\d+|\*))?(?P<path>/[^?#,;]*)?",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"(?:[a-z][a-z0-9+.-]*://)?(?:\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-f:.]+\])(?=[:/]|$)", re.IGNORECASE)
_NO_NAME = "browsers match names, not addresses"
_BARE = frozenset(word.strip("'") for word in KEYWORDS)
NONCE_LENGTH = 16
"""Characters: 64 bits even in hexadecimal (CSP 3 recommends 128 bits before encoding; csp-evaluator asks for 8)."""
_BYPASSES = (*ANGULAR, *JSONP, *JSONP_WITH_EVAL)
_BYPASS_NAMES = frozenset(entry.partition("/")[0] for entry in _BYPASSES)
_BYPASS_ENDS = frozenset(name[at:] for name in _BYPASS_NAMES for at, sign in enumerate(name) if sign == ".")


@dataclass(frozen=True)
class Policy:
    """One policy: its directives by lower-case name, the names that stood again (ignored), and what is no ASCII."""

    directives: Mapping[str, tuple[str, ...]]
    repeated: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()

    def effective(self, directive: str) -> tuple[str, tuple[str, ...]] | None:
        """The directive that governs this one, and its sources; None: nothing does, all is allowed."""
        chain = (directive, *_FALLBACK.get(directive, ("default-src",) if directive in FETCH else ()))
        found = next((name for name in chain if name in self.directives), None)
        return None if found is None else (found, self.directives[found])

    def nonces(self) -> frozenset[str]:
        """Every nonce of every directive."""
        words = (source for sources in self.directives.values() for source in sources)
        return frozenset(match[1] for match in map(_NONCE.fullmatch, words) if match)


def parse(text: str) -> Policy:
    """One serialised policy; of a repeated directive the first counts, one with other than ASCII is ignored."""
    found: dict[str, tuple[str, ...]] = {}
    repeated, unreadable = [], []
    for part in text.split(";"):
        words = re.findall(r"[^ \t\r\n\f]+", part)
        if not words:
            continue
        name = words[0].lower()
        if not part.isascii():
            unreadable.append(name)
        elif name in found:
            repeated.append(name)
        else:
            found[name] = tuple(map(_normal, words[1:]))
    return Policy(found, tuple(repeated), tuple(unreadable))


def _normal(source: str) -> str:
    """Keywords, schemes and hosts have no case; nonces, hashes and paths have."""
    if source.lower() in KEYWORDS or _SCHEME.fullmatch(source):
        return source.lower()
    match = _HOST.fullmatch(source)
    path = match["path"] or "" if match else source
    return source[: len(source) - len(path)].lower() + path


def policies(fields: Sequence[str], metas: Sequence[str] = ()) -> tuple[Policy, ...]:
    """The policies of header fields (a comma divides two) and of `meta` elements, which may not hold all directives."""
    found = [parse(text) for field in fields for text in field.split(",")]
    for text in metas:
        meta = parse(text)
        kept = {name: sources for name, sources in meta.directives.items() if name not in IN_HEADERS_ONLY}
        found.append(Policy(kept, meta.repeated, meta.unreadable))
    return tuple(policy for policy in found if policy.directives or policy.unreadable)


def _guarded(sources: Sequence[str]) -> bool:
    """Whether a nonce or a hash is in a list."""
    return any(_NONCE.fullmatch(source) or _HASH.fullmatch(source) for source in sources)


def _considered(sources: Sequence[str]) -> tuple[str, ...]:
    """The sources of a list of scripts that browsers consider: 'strict-dynamic' makes them ignore hosts and schemes."""
    if "'strict-dynamic'" not in sources:
        return tuple(sources)
    return tuple(source for source in sources if source.startswith("'") and source != "'self'")


def _common(of_each: Sequence[Mapping[str, str]]) -> str:
    """What every policy leaves open, in the first one's words."""
    if not of_each:
        return ""
    open_ = [key for key in of_each[0] if all(key in one for one in of_each)]
    return ", ".join(dict.fromkeys(of_each[0][key] for key in open_))


def _wide(directive: str, policy: Policy, dangerous: Sequence[str], scripts: bool = False) -> dict[str, str]:
    """By scheme, the source that opens a directive to all the world."""
    governed = policy.effective(directive)
    if governed is None:
        return dict.fromkeys(dangerous, f"no {'script-src' if scripts else directive}")
    name, sources = governed
    found: dict[str, str] = {}
    for source in _considered(sources) if scripts else sources:
        for scheme in _reach(source):
            if scheme in dangerous:
                found.setdefault(scheme, _named(name, source))
    return found


def _reach(source: str) -> tuple[str, ...]:
    """The schemes over which a source allows any host, or any below a top-level domain."""
    if source in ("http:", "https:", "data:", "blob:", "filesystem:", "ftp:"):
        return ("https", "http") if source == "http:" else (source[:-1],)
    match = _HOST.fullmatch(source)
    if not match or not re.fullmatch(r"\*(\.[a-z0-9-]+)?", match["host"]):
        return ()
    return ("https",) if match["scheme"] == "https" else ("https", "http")


def open_scripts(found: Sequence[Policy]) -> str:
    """Sources that let scripts come from anywhere."""
    dangerous = ("https", "http", "data", "ftp")
    contexts = ("script-src-elem", "script-src")
    return _joined(_common([_wide(one, policy, dangerous, scripts=True) for policy in found]) for one in contexts)


def inline_scripts(found: Sequence[Policy]) -> str:
    """'unsafe-inline' for script elements or event handlers, where no nonce, hash or 'strict-dynamic' cancels it."""
    told = []
    for context in ("script-src-elem", "script-src-attr"):
        of_each = []
        for policy in found:
            governed = policy.effective(context)
            if governed is None:
                of_each.append({context: "no script-src"})
                continue
            name, sources = governed
            cancelled = _guarded(sources) or "'strict-dynamic'" in sources
            allowed = "'unsafe-inline'" in sources and not cancelled
            of_each.append({context: f"{name} 'unsafe-inline'"} if allowed else {})
        told.append(_common(of_each))
    return _joined(told)


def keyword(found: Sequence[Policy], word: str) -> str:
    """A keyword that every policy has for scripts."""
    told = []
    for context in ("script-src", "script-src-elem", "script-src-attr"):
        governed = [policy.effective(context) for policy in found]
        of_each = [{word: f"{one[0]} {word}"} if one and word in one[1] else {} for one in governed]
        told.append(_common(of_each))
    return _joined(told)


def evaluated_scripts(found: Sequence[Policy]) -> str:
    """'unsafe-eval', or no policy for scripts at all."""
    if all(policy.effective("script-src") is None for policy in found):
        return "no script-src"
    return keyword([policy for policy in found if policy.effective("script-src")], "'unsafe-eval'")


def dead_strict_dynamic(found: Sequence[Policy]) -> str:
    """'strict-dynamic' without a nonce or hash: one such policy blocks every script."""
    told = []
    for policy in found:
        for context in ("script-src", "script-src-elem"):
            name, sources = policy.effective(context) or ("", ())
            if "'strict-dynamic'" in sources and not _guarded(sources):
                told.append(f"{name} 'strict-dynamic' without a nonce or hash blocks every script")
    return _joined(told)


def open_objects(found: Sequence[Policy]) -> str:
    """Plug-ins that no policy forbids altogether."""
    governed = [policy.effective("object-src") for policy in found]
    if any(one is not None and one[1] in ((), ("'none'",)) for one in governed):
        return ""
    seen = next((one for one in governed if one is not None), None)
    return "no object-src" if seen is None else f"{seen[0]} {' '.join(map(_shown, seen[1][:4]))}"


def open_directive(found: Sequence[Policy], directive: str) -> str:
    """A directive without fallback that is missing, or names everything."""
    return _common([_wide(directive, policy, ("https", "http", "data")) for policy in found])


def insecure_sources(found: Sequence[Policy]) -> str:
    """Sources over http:, ws: or ftp:, and reports sent over them."""
    of_each = []
    for policy in found:
        insecure: dict[str, str] = {}
        for name, sources in policy.directives.items():
            if name not in SOURCE_LISTS and name != "report-uri":
                continue
            for source in _considered(sources) if name.startswith("script-src") else sources:
                if re.match(r"(http|ws|ftp):", source):
                    insecure.setdefault(name, _named(name, source))
        of_each.append(insecure)
    return _common(of_each)


def bypassable_hosts(found: Sequence[Policy]) -> str:
    """Allowed hosts that serve AngularJS, any package, or a callback of the caller's choice (JSONP) to everybody."""
    lists = [_hosts(policy) for policy in found]
    by_entry = ([_allowing(entry, listed) for listed in lists] for entry in _BYPASSES)
    return _joined(allowing[0] for allowing in by_entry if allowing and all(allowing))


@dataclass(frozen=True)
class _Host:
    """A host of these that scripts may come from, and whether 'unsafe-eval' stands beside it."""

    name: str
    path: str
    evaluates: bool
    told: str


def _hosts(policy: Policy) -> list[_Host]:
    governed = [policy.effective(context) for context in ("script-src", "script-src-elem")]
    return [
        _Host(match["host"], match["path"] or "", "'unsafe-eval'" in sources, _named(directive, source))
        for directive, sources in dict(one for one in governed if one).items()
        for source in _considered(sources)
        if (match := _HOST.fullmatch(source))
        if match["host"] in _BYPASS_NAMES or (match["host"][:2] == "*." and match["host"][1:] in _BYPASS_ENDS)
    ]


def _allowing(entry: str, hosts: Sequence[_Host]) -> str:
    """The source that allows a URL without scheme."""
    name, _, path = entry.partition("/")
    for host in hosts:
        usable = host.evaluates or entry not in JSONP_WITH_EVAL
        if usable and _covers(host.name, host.path, name, "/" + path):
            return host.told
    return ""


def _covers(pattern: str, allowed: str, host: str, path: str) -> bool:
    """Whether a host source covers a host and a path (CSP 3, 6.7.2)."""
    same = host.endswith(pattern[1:]) if pattern.startswith("*.") else host == pattern
    if not same or allowed in ("", "/"):
        return same
    return path.startswith(allowed) if allowed.endswith("/") else path == allowed


def short_nonces(found: Sequence[Policy]) -> str:
    """Nonces that could be guessed; only their length is told."""
    lengths = sorted({len(nonce.rstrip("=")) for policy in found for nonce in policy.nonces()})
    return f"a nonce of {lengths[0]} characters" if lengths and lengths[0] < NONCE_LENGTH else ""


def repeated_nonces(found: Sequence[Policy], again: Sequence[Policy]) -> str:
    """Nonces that two answers share."""
    here, there = (frozenset(nonce for policy in each for nonce in policy.nonces()) for each in (found, again))
    return "the same nonce in two answers" if here & there else ""


def mistakes(found: Sequence[Policy]) -> str:
    """What browsers ignore because it is written wrongly."""
    return _joined(text for policy in found for text in _mistakes(policy))


def _mistakes(policy: Policy) -> Iterator[str]:
    for name in policy.unreadable:
        yield f"{_shown(name)} holds other than ASCII and is ignored"
    for name in policy.repeated:
        if name not in ("report-uri", "report-to"):
            yield f"{_shown(name)} twice: the second is ignored"
    for name, sources in policy.directives.items():
        if name not in DIRECTIVES:
            yield f"unknown directive {_shown(name)}"
        for source in sources:
            if source.lower() in DIRECTIVES:
                yield f"a semicolon is missing before {_shown(source)} in {_shown(name)}"
            elif what := _wrong_source(name, source):
                yield f"{what} in {_shown(name)}"
        if name in SOURCE_LISTS and "'none'" in sources and len(sources) > 1:
            yield f"'none' beside other sources in {name}"


def _wrong_source(name: str, source: str) -> str:
    """What is wrong with one source."""
    if _NONCE.fullmatch(source) or _HASH.fullmatch(source):
        return "" if name in SOURCE_LISTS else f"{_shown(source)} has no place"
    if source.startswith("'"):
        known = _OTHER_KEYWORDS.get(name, KEYWORDS)
        return "" if source.lower() in known else f"{_shown(source)} is no keyword"
    if name not in SOURCE_LISTS:
        return ""
    if source.lower() in _BARE or re.match(r"(nonce-|sha(256|384|512)-)", source, re.IGNORECASE):
        return f"{_shown(source)} lacks its quotes"
    if _SCHEME.fullmatch(source) or _ADDRESS.match(source):
        return ""
    return "" if _HOST.fullmatch(source) else f"{_shown(source)} is no source"


def outdated(found: Sequence[Policy]) -> str:
    """Directives that are gone, and addresses: browsers match none but 127.0.0.1."""
    told = []
    for policy in found:
        told += [f"{name}: {why}" for name, why in OBSOLETE.items() if name in policy.directives]
        told += [
            f"{_named(name, source)}: {'a machine of a developer' if '127.0.0.1' in source else _NO_NAME}"
            for name, sources in policy.directives.items()
            if name in SOURCE_LISTS
            for source in sources
            if _ADDRESS.match(source)
        ]
    return _joined(told)


def _named(directive: str, source: str) -> str:
    return f"{directive} {_shown(source)}"


def _shown(word: str) -> str:
    """A word of the operator's, short, and a nonce or hash without its value."""
    return re.sub(r"(nonce|sha\d+)-.*", r"\1-…", word, flags=re.IGNORECASE)[:60]


def _joined(texts: Iterable[str]) -> str:
    """The texts, each once, three at most."""
    return some(dict.fromkeys(text for text in texts if text), 3)
