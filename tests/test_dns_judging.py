"""How DNS is judged, on plain records: silence is never absence, and what only looks wrong passes."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from fixtures.environment.model import Target
from fixtures.environment.sections.dns import Caa, Dns, DnsExpectations, Mail
from fixtures.probes.dns import DEFINITE, Answer, CaaProperty, DnsEvidence, Status
from fixtures.vocabulary import CannotTell, Evidence, Finding
from tests.records.dns import APEX, APEX6, CAA, DKIM, DMARC, DNS, DOMAIN, MAIL, SPF, WWW, WWW6
from tests.test_checks import DECLARED, FAILS, judge, rows

OURS = sorted(name for name in FAILS if name.startswith("dns."))
NO_ANSWER: dict[Status, str] = {
    "servfail": "outage",
    "bogus": "outage",
    "timeout": "outage",
    "refused": "permission",
    "unreachable": "network",
    "truncated": "network",
    "malformed": "program",
}


def unanswered(value: Any, status: Status) -> Any:
    """The same evidence with no answer to any question, and nothing of what only answers tell."""
    if isinstance(value, Answer):
        return value.model_copy(update={"status": status, "records": (), "aliases": (), "ttl": None, "tcp": False})
    if isinstance(value, tuple):
        return tuple(unanswered(one, status) for one in value)
    if not hasattr(value, "model_copy"):
        return value
    empty = {"includes": (), "properties": (), "at": "", "policy": "", "bits": None, "rest": "", "lookups": 0}
    parts = {name: unanswered(getattr(value, name), status) for name in type(value).model_fields}
    hollow = {} if isinstance(value, Evidence) else {key: empty[key] for key in parts if key in empty}
    return value.model_copy(update={**parts, **hollow})


@pytest.mark.parametrize(
    ("name", "status"),
    # The one about such answers fails.
    [pair for pair in itertools.product(OURS, NO_ANSWER) if pair != ("dns.signatures_validate", "bogus")],
)
def test_silence_is_never_absence(name: str, status: Status) -> None:
    with pytest.raises(CannotTell) as caught:
        judge(name, unanswered(FAILS[name][0], status))
    assert caught.value.cause == NO_ANSWER[status]


def test_every_status_is_judged() -> None:
    assert {*NO_ANSWER, *DEFINITE} == set(Status.__args__)  # type: ignore[attr-defined]


@pytest.fixture
def declare(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Judge by another declaration of the domain."""

    declared: dict[Any, Any] = DECLARED

    def changed(**changes: Any) -> None:
        monkeypatch.setitem(declared, Dns, DOMAIN.model_copy(update=changes))

    return changed


def fails(name: str, seen: Evidence) -> bool:
    try:
        judge(name, seen)
    except Finding:
        return True
    return False


def caa(*properties: tuple[int, str, str]) -> DnsEvidence:
    made = tuple(CaaProperty(flags=flags, tag=tag, value=value) for flags, tag, value in properties)
    return DNS.model_copy(update={"caa": (CAA.model_copy(update={"properties": made}),)})


@pytest.mark.parametrize(
    ("properties", "refused", "refused_for_wildcards"),
    [
        ([], False, False),
        ([(0, "iodef", "mailto:a@b.test")], False, False),
        ([(0, "issue", ";")], True, True),
        ([(0, "issue", "")], True, True),
        ([(0, "issue", " LetsEncrypt.org ; accounturi=x")], False, False),
        ([(0, "issue", "other.test"), (0, "issue", "letsencrypt.org")], False, False),
        ([(0, "issue", "notletsencrypt.org")], True, True),
        ([(0, "issuewild", ";")], False, True),
        ([(0, "issue", "other.test"), (0, "issuewild", "letsencrypt.org")], True, True),
        ([(0, "issue", "letsencrypt.org"), (128, "future", "x")], True, True),
        ([(0, "issue", "letsencrypt.org"), (0, "future", "x")], False, False),
        ([(128, "issue", "letsencrypt.org")], False, False),
    ],
)
def test_who_may_issue(
    declare: Any, properties: list[tuple[int, str, str]], refused: bool, refused_for_wildcards: bool
) -> None:
    for wildcard, wanted in ((False, refused), (True, refused_for_wildcards)):
        declare(expect=DnsExpectations(caa=Caa(issuer="letsencrypt.org", wildcard=wildcard)))
        assert fails("dns.caa_permits_the_issuer", caa(*properties)) is wanted


def test_a_resolver_without_answer_does_not_hide_what_others_say() -> None:
    silent = APEX.model_copy(update={"resolver": "192.0.2.54:53", "status": "timeout", "records": ()})
    both = DNS.model_copy(update={"addresses": (*DNS.addresses, silent)})
    judge("dns.names_have_an_address", both)
    with pytest.raises(CannotTell):
        judge("dns.resolvers_agree", both)
    gone = silent.model_copy(update={"status": "nxdomain"})
    assert fails("dns.names_have_an_address", DNS.model_copy(update={"addresses": (*DNS.addresses, gone)}))
    assert fails("dns.resolvers_agree", DNS.model_copy(update={"addresses": (*DNS.addresses, gone)}))


def test_the_order_of_addresses_is_no_disagreement() -> None:
    two = APEX.model_copy(update={"records": ("93.184.215.14", "93.184.215.15")})
    other = two.model_copy(update={"resolver": "192.0.2.54:53", "records": two.records[::-1]})
    judge("dns.resolvers_agree", DNS.model_copy(update={"addresses": (two, other)}))


def test_an_alias_of_a_name_in_a_zone_above_is_allowed(declare: Any) -> None:
    own = {"name": "app.emailai.test", "aliases": ("cname.vercel-dns.com",)}
    seen = DNS.model_copy(
        update={
            "domain": "app.emailai.test",
            "addresses": (APEX.model_copy(update=own),),
            "nameservers": DNS.nameservers.model_copy(update={**own, "records": ()}),
            "soa": DNS.soa.model_copy(update={**own, "records": ()}),
        }
    )
    judge("dns.domain_is_no_alias", seen)
    zone = DNS.soa.model_copy(update={"name": "app.emailai.test"})
    assert fails("dns.domain_is_no_alias", seen.model_copy(update={"soa": zone}))


def test_addresses_of_no_declaration_are_judged_by_being_public(declare: Any) -> None:
    names = {"dns.addresses_are_public", "dns.addresses_are_the_declared_ones"}
    bare = Dns(domain="emailai.test")
    assert names & rows(dns_domain=bare) == {"dns.addresses_are_public"}
    assert names & rows(dns_domain=DOMAIN) == {"dns.addresses_are_the_declared_ones"}


def test_a_domain_makes_rows_of_what_it_declares() -> None:
    bare: Target = Dns(domain="emailai.test")
    assert {name for name in rows(dns_domain=bare) if "spf" in name or "dkim" in name or "dmarc" in name} == set()
    assert rows(dns_domain=DOMAIN) | {"dns.addresses_are_public"} == set(OURS)
    quiet = Dns(domain="emailai.test", mail=Mail(sender="a@emailai.test", include=None, bounces=None))
    assert not {"dns.spf_includes_the_provider", "dns.bounces_reach_the_provider"} & rows(dns_domain=quiet)


def test_a_return_path_that_is_the_providers_passes() -> None:
    there = SPF.answer.model_copy(update={"aliases": ("x.rp.test",)})
    judge(
        "dns.spf_includes_the_provider",
        MAIL.model_copy(update={"spf": (SPF.model_copy(update={"answer": there, "includes": ()}),)}),
    )


@pytest.mark.parametrize(
    ("wanted", "policy", "percent", "weak"),
    [
        ("none", "none", 100, False),
        ("none", "reject", 10, False),
        ("quarantine", "none", 100, True),
        ("quarantine", "quarantine", 100, False),
        ("quarantine", "reject", 99, True),
        ("reject", "quarantine", 100, True),
        ("reject", "", 100, True),
    ],
)
def test_how_strict_dmarc_is(declare: Any, wanted: Any, policy: str, percent: int, weak: bool) -> None:
    declare(mail=Mail(sender="noreply@emailai.test", dmarc=wanted))
    seen = MAIL.model_copy(update={"dmarc": DMARC.model_copy(update={"policy": policy, "percent": percent})})
    assert fails("dns.dmarc_is_as_strict_as_declared", seen) is weak


def test_ed25519_keys_are_not_measured_as_rsa() -> None:
    key = DKIM.model_copy(update={"type": "ed25519", "bits": 256})
    judge("dns.dkim_keys_are_strong", MAIL.model_copy(update={"dkim": (key,)}))


def test_a_finding_names_what_was_seen() -> None:
    stale = APEX6.model_copy(update={"records": ("2001:db8::1",)})
    with pytest.raises(Finding) as caught:
        judge("dns.addresses_are_the_declared_ones", DNS.model_copy(update={"addresses": (APEX, stale, WWW, WWW6)}))
    assert caught.value.seen == "emailai.test leads to 2001:db8::1"
    assert caught.value.required == "93.184.215.0/24, 2606:2800::/32, a CNAME to vercel-dns.com"
