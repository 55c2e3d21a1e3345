"""Our verdicts on recorded header sets beside those of Mozilla's Observatory and Google's csp-evaluator.

`data/header_sets.json` has one set a line: the fields of an answer (and its page), what each peer said of it, and for
each difference from us the key of its reason in docs/headers.md.
"""

from __future__ import annotations

import json
import re
import typing
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from fixtures import vocabulary
from fixtures.catalogue import checks
from fixtures.environment.sections.endpoints import Endpoint
from fixtures.probes._http import Answer
from fixtures.probes.cors import CorsEvidence, Shared, allowed, credentials, strangers
from fixtures.probes.headers import HeadersEvidence, response
from fixtures.vocabulary import Finding
from tests.records import NOW

ROOT = Path(__file__).parent.parent
URL = "https://web.test/"
SETS: list[dict[str, Any]] = [
    json.loads(line) for line in (ROOT / "tests/data/header_sets.json").read_text(encoding="utf-8").splitlines()
]
OBSERVATORY: dict[str, set[str]] = {
    "csp": {
        "headers.one_csp_on_pages",
        "headers.csp_limits_scripts",
        "headers.csp_forbids_inline_scripts",
        "headers.csp_forbids_eval",
        "headers.csp_lets_scripts_run",
        "headers.csp_forbids_objects",
        "headers.csp_allows_https_only",
        "headers.csp_is_well_formed",
    },
    "hsts": {"headers.hsts_on_pages"},
    "frame": {"headers.frame_protection_on_pages"},
    "nosniff": {"headers.nosniff_on_pages"},
    "referrer": {"headers.referrer_policy_on_pages"},
    "coop": {"headers.cross_origin_policies_are_valid"},
    "coep": {"headers.cross_origin_policies_are_valid"},
    "corp": {"headers.cross_origin_policies_are_valid"},
    "sri": {"headers.foreign_scripts_have_integrity"},
    "cookies": {
        "cookies.session_cookies_are_secure",
        "cookies.session_cookies_are_http_only",
        "cookies.session_cookies_stay_on_the_site",
        "cookies.every_cookie_is_secure",
        "cookies.same_site_is_understood",
    },
    "cors": {"cors.strangers_read_nothing_with_cookies"},
}
"""By Observatory's test, our checks that judge the same: it passes if all of them do."""
_BY_DIRECTIVE = {
    "object-src": "headers.csp_forbids_objects",
    "base-uri": "headers.csp_limits_base",
}
EVALUATOR: dict[str, str] = {
    "SCRIPT_UNSAFE_INLINE": "headers.csp_forbids_inline_scripts",
    "SCRIPT_UNSAFE_EVAL": "headers.csp_forbids_eval",
    "SCRIPT_UNSAFE_HASHES": "headers.csp_forbids_unsafe_hashes",
    "PLAIN_URL_SCHEMES": "headers.csp_limits_scripts",
    "PLAIN_WILDCARD": "headers.csp_limits_scripts",
    "MISSING_DIRECTIVES": "headers.csp_limits_scripts",
    "SCRIPT_ALLOWLIST_BYPASS": "headers.csp_names_no_bypassable_host",
    "OBJECT_ALLOWLIST_BYPASS": "headers.csp_forbids_objects",
    "STRICT_DYNAMIC_NOT_STANDALONE": "headers.csp_lets_scripts_run",
    "NONCE_LENGTH": "headers.csp_nonces_are_long",
    "SRC_HTTP": "headers.csp_allows_https_only",
    "UNKNOWN_DIRECTIVE": "headers.csp_is_well_formed",
    "MISSING_SEMICOLON": "headers.csp_is_well_formed",
    "INVALID_KEYWORD": "headers.csp_is_well_formed",
    "NONCE_CHARSET": "headers.csp_is_well_formed",
    "DEPRECATED_DIRECTIVE": "headers.csp_is_current",
    "IP_SOURCE": "headers.csp_is_current",
}
"""By csp-evaluator's finding, our check of the same; other findings are advice that we do not give."""


def evidence(one: dict[str, Any]) -> tuple[HeadersEvidence, CorsEvidence]:
    """What the probes would have seen of a set."""
    answer = Answer(URL, "GET", 200, tuple((k, v) for k, v in one["fields"]), one.get("html", "").encode())
    seen = HeadersEvidence(observed_at=NOW, responses=(response("page", answer, NOW),))
    origin = strangers(URL)["foreign"]
    shared = Shared(
        url=URL,
        method="GET",
        stranger="foreign",
        status=200,
        allowed=allowed(answer, origin),
        credentials=credentials(answer),
    )
    return seen, CorsEvidence(observed_at=NOW, answers=(shared,))


@cache
def judging() -> dict[str, tuple[Any, dict[str, Any]]]:
    """By id, the checks of these areas with the kinds of their arguments; of answers that are pages."""
    wanted = {name for names in OBSERVATORY.values() for name in names} | set(EVALUATOR.values())
    wanted |= set(_BY_DIRECTIVE.values())
    found = {declared.id: f for _, f in checks().functions if (declared := vocabulary.check_of(f)) is not None}
    return {
        name: (found[name], {k: v for k, v in typing.get_type_hints(found[name]).items() if k != "return"})
        for name in sorted(wanted)
    }


def failing(one: dict[str, Any]) -> dict[str, str]:
    """Our checks that fail on a set, with what they saw; an area's kinds that aren't there are no failure."""
    headers, cors = evidence(one)
    known: dict[Any, Any] = {HeadersEvidence: headers, CorsEvidence: cors, Endpoint: Endpoint(url=URL.rstrip("/"))}
    found = {}
    for name, (function, kinds) in judging().items():
        try:
            function(**{key: known[kind] for key, kind in kinds.items()})
        except Finding as finding:
            found[name] = finding.seen
    return found


def of_evaluator(findings: list[list[str]]) -> set[str]:
    """Our checks that csp-evaluator's findings stand for; an allow list without a known bypass is a mere maybe."""
    return {
        _BY_DIRECTIVE.get(directive, EVALUATOR[kind])
        if kind in ("PLAIN_URL_SCHEMES", "PLAIN_WILDCARD", "MISSING_DIRECTIVES")
        else EVALUATOR[kind]
        for kind, severity, directive in findings
        if kind in EVALUATOR and (kind, severity) != ("SCRIPT_ALLOWLIST_BYPASS", "MEDIUM_MAYBE")
    }


def differences(one: dict[str, Any]) -> Iterator[str]:
    """`peer topic stricter|laxer` for each verdict that is not the peer's; said of us."""
    ours = failing(one)
    for topic, word in one.get("observatory", {}).items():
        fails, theirs = bool(OBSERVATORY[topic] & set(ours)), word.startswith("fail")
        if fails != theirs:
            yield f"observatory {topic} {'stricter' if fails else 'laxer'}"
    if "csp_evaluator" in one:
        theirs_, mine = of_evaluator(one["csp_evaluator"]), set(EVALUATOR.values()) | set(_BY_DIRECTIVE.values())
        for name in sorted((set(ours) & mine) ^ theirs_):
            yield f"csp_evaluator {name.partition('.')[2]} {'stricter' if name in ours else 'laxer'}"


@pytest.mark.parametrize("one", SETS, ids=[one["name"] for one in SETS])
def test_we_agree_with_the_peers_or_say_why_not(one: dict[str, Any]) -> None:
    assert sorted(differences(one)) == sorted(one.get("differs", {}))


def test_every_difference_has_a_reason() -> None:
    documented = set(re.findall(r"^\| `([a-z-]+)` \|", (ROOT / "docs/headers.md").read_text(encoding="utf-8"), re.M))
    given = {reason for one in SETS for reason in one.get("differs", {}).values()}
    assert given == documented


def test_the_sets_are_a_few_hundred_of_every_kind() -> None:
    assert len(SETS) > 400
    assert {topic for one in SETS for topic in one.get("observatory", {})} == set(OBSERVATORY)
    assert sum("csp_evaluator" in one for one in SETS) > 200
    words = {(topic, word[:4]) for one in SETS for topic, word in one.get("observatory", {}).items()}
    assert {topic for topic, word in words if word == "fail"} == {topic for topic, word in words if word == "pass"}
