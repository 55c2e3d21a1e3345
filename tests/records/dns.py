"""Evidence of `dns` that is healthy, and what makes its checks fail."""

from __future__ import annotations

from typing import Any

from fixtures.environment.model import Target
from fixtures.environment.sections.dns import Caa, Dns, DnsExpectations, Mail
from fixtures.probes.dns import (
    Answer,
    CaaProperty,
    CaaSet,
    DkimKey,
    Dmarc,
    DnsEvidence,
    MailDnsEvidence,
    ReportAddress,
    Spf,
)
from tests.records import NOW, Fails


def _answer(name: str, kind: str, *records: str, **more: Any) -> Answer:
    status = "answer" if records else "nodata"
    return Answer(name=name, type=kind, resolver="192.0.2.53:53", **{"status": status, "records": records, **more})


DOMAIN = Dns(
    domain="emailai.test",
    resolvers=("192.0.2.53:53", "192.0.2.54:53"),
    contacts=("ops@emailai.test",),
    mail=Mail(sender="noreply@emailai.test", dmarc="quarantine"),
    expect=DnsExpectations(
        addresses=("93.184.215.0/24", "2606:2800::/32"),
        alias="vercel-dns.com",
        ipv6=True,
        nameservers=("ns1.dns.test", "ns2.dns.test"),
        caa=Caa(issuer="letsencrypt.org", wildcard=True),
        ttl=3600,
    ),
)
APEX = _answer("emailai.test", "A", "93.184.215.14", ttl=300)
APEX6 = _answer("emailai.test", "AAAA", "2606:2800::14", ttl=300)
WWW = _answer("www.emailai.test", "A", "76.76.21.21", aliases=("cname.vercel-dns.com",), ttl=300)
WWW6 = _answer("www.emailai.test", "AAAA", "2606:2800::15", ttl=300)
ISSUE = CaaProperty(flags=0, tag="issue", value="letsencrypt.org")
CAA = CaaSet(
    name="emailai.test",
    at="emailai.test",
    properties=(ISSUE,),
    asked=(_answer("emailai.test", "CAA", '0 issue "letsencrypt.org"'),),
)
DNS = DnsEvidence(
    observed_at=NOW,
    domain="emailai.test",
    names=("emailai.test", "www.emailai.test"),
    addresses=(APEX, APEX6, WWW, WWW6),
    nameservers=_answer("emailai.test", "NS", "ns1.dns.test", "ns2.dns.test"),
    soa=_answer("emailai.test", "SOA", "ns1.dns.test hostmaster.emailai.test 1 2 3 4 5"),
    caa=(CAA,),
    contacts=(_answer("emailai.test", "MX", "10 mx.emailai.test"),),
)
SPF = Spf(
    name="send.emailai.test",
    answer=_answer("send.emailai.test", "TXT", "v=spf1 include:amazonses.com ~all"),
    lookups=1,
    includes=("amazonses.com",),
    rest="~",
)
DKIM = DkimKey(selector="resend", answer=_answer("resend._domainkey.emailai.test", "TXT", "p=MIGf"), bits=1024)
DMARC = Dmarc(
    at="emailai.test",
    asked=(_answer("_dmarc.emailai.test", "TXT", "v=DMARC1; p=reject"),),
    policy="reject",
    reports=(ReportAddress(uri="mailto:dmarc@emailai.test", domain="emailai.test"),),
)
MAIL = MailDnsEvidence(
    observed_at=NOW,
    sender="emailai.test",
    envelope="send.emailai.test",
    bounces=_answer("send.emailai.test", "MX", "10 feedback-smtp.eu-west-1.amazonses.com"),
    bounce_hosts=(_answer("feedback-smtp.eu-west-1.amazonses.com", "A", "93.184.215.20"),),
    spf=(SPF, Spf(name="emailai.test", answer=_answer("emailai.test", "TXT"))),
    dkim=(DKIM,),
    dmarc=DMARC,
)
TARGETS: dict[type[Target], Target] = {Dns: DOMAIN}
FAILS: Fails = {
    "dns.addresses_are_public": (
        DNS,
        {"addresses": (APEX.model_copy(update={"records": ("192.168.0.1",)}), APEX6, WWW, WWW6)},
    ),
    "dns.addresses_are_the_declared_ones": (
        DNS,
        {"addresses": (APEX, APEX6.model_copy(update={"records": ("2001:db8::1",)}), WWW, WWW6)},
    ),
    "dns.addresses_change_in_time": (DNS, {"addresses": (APEX.model_copy(update={"ttl": 86400}), APEX6, WWW, WWW6)}),
    "dns.aliases_do_not_dangle": (
        DNS,
        {"addresses": (APEX, APEX6, WWW.model_copy(update={"status": "nxdomain", "records": ()}), WWW6)},
    ),
    "dns.bounces_reach_the_provider": (
        MAIL,
        {"bounces": MAIL.bounces.model_copy(update={"records": ("10 mx.emailai.test",)})},
    ),
    "dns.caa_limits_issuers": (DNS, {"caa": (CAA.model_copy(update={"properties": (), "at": ""}),)}),
    "dns.caa_permits_the_issuer": (
        DNS,
        {"caa": (CAA.model_copy(update={"properties": (ISSUE.model_copy(update={"value": "other.test"}),)}),)},
    ),
    "dns.contacts_can_get_mail": (DNS, {"contacts": (DNS.contacts[0].model_copy(update={"records": ("0 .",)}),)}),
    "dns.dkim_is_not_in_test_mode": (MAIL, {"dkim": (DKIM.model_copy(update={"testing": True}),)}),
    "dns.dkim_keys_are_published": (
        MAIL,
        {"dkim": (DKIM.model_copy(update={"answer": DKIM.answer.model_copy(update={"records": ()})}),)},
    ),
    "dns.dkim_keys_are_strong": (MAIL, {"dkim": (DKIM.model_copy(update={"bits": 768}),)}),
    "dns.dkim_keys_are_usable": (MAIL, {"dkim": (DKIM.model_copy(update={"revoked": True}),)}),
    "dns.dmarc_is_as_strict_as_declared": (MAIL, {"dmarc": DMARC.model_copy(update={"policy": "none"})}),
    "dns.dmarc_is_published": (
        MAIL,
        {"dmarc": DMARC.model_copy(update={"at": "", "asked": (MAIL.spf[1].answer,), "policy": ""})},
    ),
    "dns.dmarc_is_valid": (MAIL, {"dmarc": DMARC.model_copy(update={"errors": ("p='rejcet'",)})}),
    "dns.dmarc_reports_go_somewhere": (MAIL, {"dmarc": DMARC.model_copy(update={"reports": ()})}),
    "dns.domain_is_no_alias": (
        DNS,
        {"addresses": (APEX.model_copy(update={"aliases": ("cname.vercel-dns.com",)}), APEX6, WWW, WWW6)},
    ),
    "dns.mail_hosts_have_addresses": (
        MAIL,
        {"bounce_hosts": (MAIL.bounce_hosts[0].model_copy(update={"status": "nxdomain", "records": ()}),)},
    ),
    "dns.names_have_an_address": (
        DNS,
        {"addresses": (APEX, APEX6, WWW.model_copy(update={"status": "nxdomain", "records": ()}), WWW6)},
    ),
    "dns.names_have_an_ipv6_address": (
        DNS,
        {"addresses": (APEX, APEX6.model_copy(update={"status": "nodata", "records": ()}), WWW, WWW6)},
    ),
    "dns.nameservers_are_several": (
        DNS,
        {"nameservers": DNS.nameservers.model_copy(update={"records": ("ns1.dns.test",)})},
    ),
    "dns.nameservers_are_the_declared_ones": (
        DNS,
        {"nameservers": DNS.nameservers.model_copy(update={"records": ("ns1.dns.test", "ns1.registrar.test")})},
    ),
    "dns.resolvers_agree": (
        DNS,
        {"addresses": (*DNS.addresses, APEX.model_copy(update={"resolver": "192.0.2.54:53", "records": ("9.9.9.9",)}))},
    ),
    "dns.signatures_validate": (
        DNS,
        {"addresses": (APEX.model_copy(update={"status": "bogus", "records": ()}), APEX6, WWW, WWW6)},
    ),
    "dns.spf_does_not_pass_everybody": (MAIL, {"spf": (SPF.model_copy(update={"everybody": "+all"}),)}),
    "dns.spf_fits_a_datagram": (
        MAIL,
        {"spf": (SPF.model_copy(update={"answer": SPF.answer.model_copy(update={"tcp": True})}),)},
    ),
    "dns.spf_includes_the_provider": (MAIL, {"spf": (SPF.model_copy(update={"includes": ("other.test",)}),)}),
    "dns.spf_is_one_record": (
        MAIL,
        {"spf": (SPF.model_copy(update={"answer": SPF.answer.model_copy(update={"records": ("a", "b")})}),)},
    ),
    "dns.spf_is_published": (
        MAIL,
        {"spf": (SPF.model_copy(update={"answer": SPF.answer.model_copy(update={"records": ()})}),)},
    ),
    "dns.spf_is_valid": (MAIL, {"spf": (SPF.model_copy(update={"errors": ("'x' is no term",)}),)}),
    "dns.spf_lookups_are_few": (MAIL, {"spf": (SPF.model_copy(update={"lookups": 11}),)}),
    "dns.spf_rejects_the_rest": (MAIL, {"spf": (SPF.model_copy(update={"rest": "?"}),)}),
    "dns.spf_void_lookups_are_few": (MAIL, {"spf": (SPF.model_copy(update={"void": 3}),)}),
}
