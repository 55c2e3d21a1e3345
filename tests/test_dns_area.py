"""The DNS probe against real servers: what it tells apart, what it follows, what it counts, and what it costs."""

from __future__ import annotations

import base64
import contextlib
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from fixtures.environment.sections.dns import Dns, Mail
from fixtures.environment.sections.endpoints import Endpoint
from fixtures.probes import Context, _dns
from fixtures.probes._dns import Asker
from fixtures.probes.dns import Answer, DnsEvidence, MailDnsEvidence, look, look_at_mail
from fixtures.vocabulary import CannotTell
from tests._dns import Fault, Server, Zone, hole, serving


def key(bits: int, form: PublicFormat = PublicFormat.SubjectPublicKeyInfo) -> str:
    """A public RSA key in base64."""
    public = rsa.generate_private_key(65537, bits).public_key()
    return base64.b64encode(public.public_bytes(Encoding.DER, form)).decode()


D = "emailai.example"
KEY = key(1024)
ZONE: Zone = {
    f"{D} A": ("203.0.113.10",),
    f"{D} AAAA": ("2001:db8::10",),
    f"{D} NS": ("ns1.dns.example.", "NS2.dns.example."),
    f"{D} SOA": ("ns1.dns.example. hostmaster.emailai.example. 7 7200 900 1209600 300",),
    f"{D} CAA": ('0 issue "letsencrypt.org; validationmethods=http-01"', '0 iodef "mailto:security@emailai.example"'),
    f"{D} TXT": ("site-verification=a-token-of-somebody", "v=spf1 -all"),
    f"{D} MX": ("10 mx.emailai.example.",),
    f"www.{D} CNAME": (f"{D}.",),
    f"send.{D} MX": ("10 feedback-smtp.eu-west-1.amazonses.com.",),
    f"send.{D} TXT": ("v=spf1 include:amazonses.com ~all",),
    "amazonses.com TXT": ("v=spf1 ip4:199.255.192.0/22 -all",),
    "feedback-smtp.eu-west-1.amazonses.com A": ("198.51.100.1",),
    f"resend._domainkey.{D} TXT": (f"p={KEY}",),
    f"_dmarc.{D} TXT": ("v=DMARC1; p=none; rua=mailto:dmarc@emailai.example",),
}
TARGET = Dns(domain=D, mail=Mail(sender=f"noreply@{D}"), contacts=(f"ops@{D}",))


def context(seconds: float = 20.0, **options: Any) -> Context:
    return Context("dns.domain", time.monotonic() + seconds, **options)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A resolver on loopback answers in a second or never does."""
    monkeypatch.setattr(_dns, "PATIENCE", (0.5, 1.0))


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody answers, however long one waits."""
    monkeypatch.setattr(_dns, "PATIENCE", (0.1, 0.1))


def target(*servers: Server, **changes: Any) -> Dns:
    return TARGET.model_copy(update={"resolvers": tuple(server.where for server in servers), **changes})


def seen(server: Server, **changes: Any) -> DnsEvidence:
    found = look(target(server, **changes), context())
    assert isinstance(found, DnsEvidence)
    return found


def mail(zone: Zone, faults: dict[str, Fault] | None = None, **changes: Any) -> MailDnsEvidence:
    with serving(zone, faults) as server:
        found = look_at_mail(target(server, **changes), context())
    assert isinstance(found, MailDnsEvidence)
    return found


def status(answers: tuple[Answer, ...], name: str, kind: str = "A") -> str:
    return next(one.status for one in answers if (one.name, one.type) == (name, kind))


@contextlib.contextmanager
def listener() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])


def test_a_whole_domain_is_seen() -> None:
    with serving(ZONE) as server:
        found = seen(server)
    assert found.names == (D, f"www.{D}")
    by = {(one.name, one.type): one for one in found.addresses}
    assert by[D, "A"].records == ("203.0.113.10",)
    assert by[f"www.{D}", "AAAA"].records == ("2001:db8::10",)
    assert by[f"www.{D}", "A"].aliases == (D,)
    assert by[D, "A"].ttl == 300
    assert found.nameservers.records == ("ns1.dns.example", "ns2.dns.example")
    assert found.soa.records[0].startswith("ns1.dns.example hostmaster.emailai.example 7 ")
    assert [(one.at, {each.tag: each.value.partition(";")[0] for each in one.properties}) for one in found.caa] == [
        (name, {"issue": "letsencrypt.org", "iodef": "mailto:security@emailai.example"}) for name in found.names
    ]
    assert [one.records for one in found.contacts] == [("10 mx.emailai.example",)]


def test_the_names_are_those_of_the_endpoint_too() -> None:
    endpoint = Endpoint(url=f"https://app.{D}", redirects_here=(f"http://old.{D}", "https://elsewhere.example"))
    with serving(ZONE) as server:
        found = look(target(server, endpoint="web"), context(targets={"endpoints.web": endpoint}))
    assert isinstance(found, DnsEvidence)
    assert found.names == (D, f"www.{D}", f"app.{D}", f"old.{D}")
    assert status(found.addresses, f"app.{D}") == "nxdomain"


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("servfail", "servfail"),
        ("servfail once", "answer"),
        ("bogus", "bogus"),
        ("refused", "refused"),
        ("silent", "timeout"),
        ("silent once", "answer"),
        ("truncated", "answer"),
        ("no tcp", "truncated"),
        ("slow tcp", "truncated"),
        ("garbage", "malformed"),
        ("no edns", "answer"),
        ("lie", "answer"),
    ],
)
@pytest.mark.usefixtures("impatient")
def test_what_is_no_answer_is_told_apart(fault: Fault, said: str) -> None:
    with serving(ZONE, {f"www.{D}": fault}) as server:
        found = seen(server)
    assert status(found.addresses, f"www.{D}") == said
    assert status(found.addresses, D) == "answer"
    assert all(one.at == (f"www.{D}" if said == "answer" else "") for one in found.caa[1:])
    if said == "answer":
        assert next(one.records for one in found.addresses if one.name == f"www.{D}") == ("203.0.113.10",)


def test_octets_that_are_wrong_anywhere_are_never_a_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_dns, "PATIENCE", (0.2, 0.2))
    names = [f"x{number}.{D}" for number in range(150)]
    zone: Zone = {f"{name} TXT": ("v=spf1 include:amazonses.com ~all", b"\xff") for name in names}
    with serving(zone, {"": "mutated"}) as server:
        asker = Asker((server.where,), context(60.0))
        found = asker.every((name, "TXT") for name in names)
        answers = [reply.answer() for reply in found]
    assert {answer.status for answer in answers} >= {"malformed", "answer"}
    assert [type(answer).model_validate_json(answer.model_dump_json()) for answer in answers] == answers


@pytest.mark.usefixtures("impatient")
def test_an_answer_to_another_question_is_none() -> None:
    with serving(ZONE, {f"www.{D}": "other question"}) as server:
        assert status(seen(server).addresses, f"www.{D}") == "malformed"


def test_no_name_and_no_record_are_told_apart() -> None:
    zone = {key: value for key, value in ZONE.items() if key != f"{D} AAAA"}
    with serving(zone) as server:
        found = seen(server, endpoint=None)
        assert status(found.addresses, D, "AAAA") == "nodata"
        assert status(found.addresses, f"www.{D}", "AAAA") == "nodata"
        gone = look(target(server, domain=f"gone.{D}", mail=None), context())
    assert isinstance(gone, DnsEvidence)
    assert status(gone.addresses, f"gone.{D}") == "nxdomain"


@pytest.mark.parametrize("lazy", [False, True])
def test_aliases_are_followed_and_circles_end(lazy: bool) -> None:
    chain = {f"a{number}.{D} CNAME": (f"a{number + 1}.{D}.",) for number in range(40)}
    zone = {
        **ZONE,
        **chain,
        f"www.{D} CNAME": (f"one.{D}.",),
        f"one.{D} CNAME": (f"two.{D}.",),
        f"two.{D} CNAME": (f"www.{D}.",),
        f"deep.{D} CNAME": (f"a35.{D}.",),
        f"a40.{D} A": ("203.0.113.40",),
    }
    endpoint = Endpoint(url=f"https://a0.{D}", redirects_here=(f"http://deep.{D}",))
    with serving(zone, lazy=lazy) as server:
        found = look(target(server, endpoint="web"), context(targets={"endpoints.web": endpoint}))
    assert isinstance(found, DnsEvidence)
    assert status(found.addresses, f"www.{D}") == "loop"
    assert status(found.addresses, f"a0.{D}") == "loop"
    assert status(found.addresses, f"deep.{D}") == "answer"
    assert len(server.asked) < 200


def test_an_alias_that_leads_nowhere_says_so() -> None:
    with serving({**ZONE, f"www.{D} CNAME": ("gone.provider.example.",)}) as server:
        found = seen(server)
    one = next(one for one in found.addresses if one.name == f"www.{D}")
    assert (one.status, one.aliases) == ("nxdomain", ("gone.provider.example",))


def test_issuers_are_climbed_for_and_aliases_are_not_climbed() -> None:
    zone = {
        **{key: value for key, value in ZONE.items() if key != f"{D} CAA"},
        f"www.{D} CNAME": ("shop.provider.test.",),
        "shop.provider.test A": ("203.0.113.11",),
        "provider.test CAA": ('0 issue "other.test"',),
        "example CAA": ('128 future "x"', '0 ISSUE ";"'),
    }
    with serving(zone) as server:
        found = seen(server)
    assert [one.at for one in found.caa] == ["example", "example"]
    assert [one.name for one in found.caa[1].asked] == [f"www.{D}", D, "example"]
    assert {(one.flags, one.tag, one.value) for one in found.caa[0].properties} == {
        (128, "future", "x"),
        (0, "issue", ";"),
    }


@pytest.mark.usefixtures("impatient")
def test_a_silence_on_the_way_up_is_no_permission() -> None:
    zone = {key: value for key, value in ZONE.items() if key != f"{D} CAA"}
    with serving(zone, {"example": "servfail"}) as server:
        found = seen(server)
    assert [(one.at, one.asked[-1].status) for one in found.caa] == [("", "servfail"), ("", "servfail")]


def test_every_resolver_is_asked_for_addresses() -> None:
    with serving(ZONE) as one, serving({**ZONE, f"{D} A": ("203.0.113.99",)}) as other:
        found = look(target(one, other), context())
    assert isinstance(found, DnsEvidence)
    said = {(answer.resolver, answer.records) for answer in found.addresses if (answer.name, answer.type) == (D, "A")}
    assert said == {(one.where, ("203.0.113.10",)), (other.where, ("203.0.113.99",))}


@pytest.mark.usefixtures("impatient")
def test_a_silent_resolver_leaves_the_other_ones_word() -> None:
    with serving(ZONE) as server, hole() as silent:
        begun = time.monotonic()
        found = look(TARGET.model_copy(update={"resolvers": (silent, server.where)}), context())
        assert time.monotonic() - begun < 15
    assert isinstance(found, DnsEvidence)
    assert found.nameservers.status == "answer"
    assert {one.resolver for one in found.addresses if one.status == "timeout"} == {silent}


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("fault", ["silent", "servfail"])
def test_a_domain_without_nameservers_is_an_outage(fault: Fault) -> None:
    faults: dict[str, Fault] = {"": fault, ".": "no edns"}
    with serving({**ZONE, ". NS": ("a.root.example.",)}, faults) as server, pytest.raises(CannotTell) as caught:
        seen(server)
    assert (caught.value.cause, caught.value.target) == ("outage", "dns.domain")


@pytest.mark.usefixtures("impatient")
def test_a_zone_whose_signatures_fail_is_evidence() -> None:
    with serving(ZONE, {"": "bogus"}) as server:
        found = look(target(server), context())
        assert isinstance(found, DnsEvidence)
        assert {one.status for one in found.addresses} == {"bogus"}
        judged = look_at_mail(target(server), context())
    assert isinstance(judged, MailDnsEvidence)
    assert judged.dkim[0].answer.status == "bogus"


class Configured:
    """A machine's configuration of its resolvers."""

    def __init__(self, *nameservers: str) -> None:
        self.nameservers = nameservers


def test_the_resolver_is_the_systems_unless_declared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dns.resolver.Resolver", lambda: Configured("2001:db8::53"))
    assert Asker((), context()).resolvers == ("[2001:db8::53]:53",)
    monkeypatch.setattr("dns.resolver.Resolver", Configured)
    with pytest.raises(CannotTell) as caught:
        look(TARGET, context())
    assert caught.value.cause == "network"


@pytest.mark.usefixtures("impatient")
def test_a_name_among_the_controls_shows_that_the_resolver_works() -> None:
    zone = {**ZONE, "control.test A": ("127.0.0.1",)}
    faults: dict[str, Fault] = {"": "servfail", "control.test": "no edns"}
    with serving(zone, faults) as server, pytest.raises(CannotTell) as caught:
        look(target(server), context(controls=("control.test:443",)))
    assert caught.value.cause == "outage"


@pytest.mark.usefixtures("hasty")
def test_a_silent_resolver_is_our_own_blindness() -> None:
    with hole() as silent, listener() as alive:
        for control, cause in (
            ("", "unproven"),
            (f"127.0.0.1:{alive}", "network"),
            (f"localhost:{alive}", "network"),
            (silent, "network"),
        ):
            controls = (control,) if control else ()
            with pytest.raises(CannotTell) as caught:
                look(TARGET.model_copy(update={"resolvers": (silent,)}), context(controls=controls))
            assert caught.value.cause == cause


@pytest.mark.usefixtures("impatient")
def test_a_resolver_that_refuses_us_is_permission() -> None:
    with serving(ZONE, {"": "refused"}) as server, pytest.raises(CannotTell) as caught:
        look_at_mail(target(server), context())
    assert caught.value.cause == "permission"


def test_a_silence_costs_the_deadline_and_what_was_seen_is_told() -> None:
    begun = time.monotonic()
    faults: dict[str, Fault] = {f"www.{D}": "silent", "example": "silent"}
    with serving(ZONE, faults) as server:
        found = look(target(server), context(4.0))
    assert isinstance(found, DnsEvidence)
    assert status(found.addresses, D) == "answer"
    assert status(found.addresses, f"www.{D}") == "timeout"
    assert time.monotonic() - begun < 8


def test_mail_is_seen() -> None:
    found = mail(ZONE)
    assert (found.sender, found.envelope) == (D, f"send.{D}")
    assert found.bounces.records == ("10 feedback-smtp.eu-west-1.amazonses.com",)
    assert [one.status for one in found.bounce_hosts] == ["answer"]
    spf = found.spf[0]
    assert (spf.lookups, spf.void, spf.includes, spf.rest, spf.errors) == (1, 0, ("amazonses.com",), "~", ())
    assert [one.name for one in found.spf] == [f"send.{D}", D]
    assert (found.dkim[0].bits, found.dkim[0].type, found.dkim[0].errors) == (1024, "rsa", ())
    assert (found.dmarc.at, found.dmarc.policy, found.dmarc.percent) == (D, "none", 100)
    assert [(one.domain, one.permission) for one in found.dmarc.reports] == [(D, None)]


def test_other_txt_records_are_nobodys_business() -> None:
    assert "a-token-of-somebody" not in mail(ZONE).model_dump_json()


def test_an_alias_at_the_return_path_is_followed() -> None:
    zone = {key: value for key, value in ZONE.items() if not key.startswith("send.")}
    provider = {"x.rp.test TXT": ("v=spf1 ip4:192.0.2.0/24 ~all",), "x.rp.test MX": ("10 in.rp.test.",)}
    found = mail({**zone, **provider, f"send.{D} CNAME": ("x.rp.test.",)})
    assert (found.spf[0].answer.aliases, found.spf[0].rest) == (("x.rp.test",), "~")


def spf(*records: str | bytes, **others: str) -> Any:
    zone: dict[str, Any] = {f"{name.replace('_', '.')}.test TXT": (text,) for name, text in others.items()}
    return mail({**ZONE, **zone, f"send.{D} TXT": records}).spf[0]


def test_lookups_are_counted_through_includes_and_redirect() -> None:
    found = spf(
        "v=spf1 a mx ptr exists:%{i}.x.test include:b.test redirect=c.test",
        b="v=spf1 a:gone.test mx:gone.test include:c.test ~all",
        c="v=spf1 ip4:192.0.2.1 ip6:2001:db8::/32 ?all",
    )
    assert (found.lookups, found.void, found.includes, found.rest) == (9, 3, ("b.test", "c.test"), "?")


def test_what_follows_all_counts_for_nothing() -> None:
    found = spf("v=spf1 ip4:192.0.2.1 -all include:b.test redirect=c.test")
    assert (found.lookups, found.rest) == (0, "-")


@pytest.mark.parametrize(
    ("record", "others", "everybody"),
    [
        ("v=spf1 +all", {}, "+all"),
        ("v=spf1 all", {}, "+all"),
        ("v=spf1 ip4:0.0.0.0/1 -all", {}, "ip4:0.0.0.0/1"),
        ("v=spf1 ip6:::/0 -all", {}, "ip6:::/0"),
        ("v=spf1 include:b.test -all", {"b": "v=spf1 ALL"}, "include:b.test"),
        ("v=spf1 redirect=b.test", {"b": "v=spf1 +all"}, "+all"),
        ("v=spf1 -ip4:0.0.0.0/0 ~include:b.test -all", {"b": "v=spf1 +all"}, ""),
        ("v=spf1 include:b.test -all", {"b": "v=spf1 ip4:192.0.2.0/24 -all"}, ""),
    ],
)
def test_a_record_that_passes_everybody_is_seen(record: str, others: dict[str, str], everybody: str) -> None:
    assert spf(record, **others).everybody == everybody


@pytest.mark.parametrize(
    "record",
    [
        "v=spf1 inclde:b.test ~all",
        "v=spf1 include: ~all",
        "v=spf1 include:gone.test ~all",
        f"v=spf1 include:{D[:-1]} ~all",
        "v=spf1 ip4:192.0.2.300 ~all",
        "v=spf1 ip4:192.0.2.0/33 ~all",
        "v=spf1 all:x ~all",
        "v=spf1 a/xy ~all",
        "v=spf1 redirect=gone.test",
        "v=spf1 redirect=b.test redirect=b.test",
        f"v=spf1 include:send.{D} ~all",
        "v=spf1 exists:%{zz}.test ~all",
        "v=spf1 é ~all",
        "v=spf1 a:b..test ~all",
        f"v=spf1 mx:{'b' * 64}.test ~all",
        b"v=spf1 \xff\xfe ~all",
    ],
)
def test_an_error_of_spf_is_seen(record: str | bytes) -> None:
    assert spf(record, b="v=spf1 -all").errors


def test_macros_are_counted_and_not_asked() -> None:
    found = spf("v=spf1 include:%{d}.b.test exists:%{ir}.%{v}.x.test redirect=%{d}.c.test")
    assert (found.lookups, found.void, found.errors, found.rest) == (3, 0, (), "redirect=")


def test_several_records_and_what_only_looks_like_one() -> None:
    assert len(spf("v=spf1 -all", "V=SPF1 ~all").answer.records) == 2
    found = spf("v=spf10 -all", " v=spf1 -all", '"v=spf1 -all"')
    assert (len(found.answer.records), len(found.near)) == (0, 3)


def test_a_huge_record_comes_over_tcp_and_costs_little() -> None:
    begun = time.monotonic()
    found = spf("v=spf1 " + "include:a.test " * 3000 + "~all", a="v=spf1 a -all")
    assert found.answer.tcp
    assert len(found.model_dump_json()) < 50_000
    assert found.lookups > 10
    assert spf("v=spf1 include:" + "a/" * 20_000 + '" ~all').errors
    assert time.monotonic() - begun < 30


@pytest.mark.usefixtures("impatient")
def test_an_include_without_answer_is_told() -> None:
    zone = {**ZONE, f"send.{D} TXT": ("v=spf1 include:a.test a:b.test ~all",), "a.test TXT": ("v=spf1 -all",)}
    found = mail(zone, {"a.test": "servfail", "b.test": "refused"}).spf[0]
    assert [(one.name, one.status) for one in found.unanswered] == [("a.test", "servfail"), ("b.test", "refused")]
    assert found.errors == ()


def dkim(*records: str | bytes) -> Any:
    return mail({**ZONE, f"resend._domainkey.{D} TXT": records}).dkim[0]


ED25519 = base64.b64encode(
    ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
).decode()


@pytest.mark.parametrize(
    ("record", "bits"),
    [
        (f"v=DKIM1; k=rsa; h=sha256; s=email; t=s; p={key(2048)};", 2048),
        (f"p={key(1024, PublicFormat.PKCS1)}", 1024),
        (f"v=DKIM1; k=ed25519; p={ED25519}", 256),
        (f"k=rsa; p={KEY[:60]} \t{KEY[60:]}; x=of-the-future", 1024),
    ],
)
def test_a_key_is_read(record: str, bits: int) -> None:
    found = dkim(record)
    assert (found.bits, found.errors, found.revoked, found.testing) == (bits, (), False, False)


@pytest.mark.parametrize(
    "record",
    [
        "v=DKIM1; p=AAAA",
        f"k=rsa; v=DKIM1; p={KEY}",
        f"v=DKIM2; p={KEY}",
        f"v=DKIM1; k=dsa; p={KEY}",
        f"v=DKIM1; k=ed25519; p={KEY}",
        f"v=DKIM1; h=sha1; p={KEY}",
        f"v=DKIM1; s=tlsrpt; p={KEY}",
        f"v=DKIM1; p={KEY}; p={KEY}",
        "v=DKIM1; k=rsa",
        b"v=DKIM1; p=\xff\xfe",
    ],
)
def test_a_key_that_is_no_use_is_seen(record: str | bytes) -> None:
    assert dkim(record).errors


def test_a_revoked_a_testing_and_a_second_key_are_seen() -> None:
    assert dkim("v=DKIM1; p=").revoked
    assert dkim(f"v=DKIM1; t=s:y; p={KEY}").testing
    assert len(dkim(f"p={KEY}", "v=DKIM1; p=").answer.records) == 2
    assert dkim("an unrelated wildcard record").answer.records == ()


def test_a_short_key_is_measured() -> None:
    # 512 bits: (modulus, 65537) as SubjectPublicKeyInfo; made of ones, since no library makes such keys any more.
    modulus = b"\x02\x41\x00" + b"\xff" * 64
    pair = b"\x30" + bytes([len(modulus) + 5]) + modulus + b"\x02\x03\x01\x00\x01"
    algorithm = bytes.fromhex("300d06092a864886f70d0101010500")
    packed = b"\x03" + bytes([len(pair) + 1]) + b"\x00" + pair
    der = b"\x30" + bytes([len(algorithm) + len(packed)]) + algorithm + packed
    assert dkim(f"p={base64.b64encode(der).decode()}").bits == 512


def dmarc(*records: str | bytes, **changes: Any) -> Any:
    return mail({**ZONE, f"_dmarc.{D} TXT": records}, **changes).dmarc


def test_the_policy_of_the_parent_counts_below_it() -> None:
    below = Mail(sender=f"noreply@mail.{D}")
    found = dmarc("v=DMARC1; p=reject; sp=quarantine; pct=50", mail=below)
    assert (found.at, found.policy, found.percent) == (D, "quarantine", 50)
    assert [one.name for one in found.asked] == [f"_dmarc.mail.{D}", f"_dmarc.{D}"]
    assert dmarc("v=DMARC1; p=reject", mail=below).policy == "reject"


@pytest.mark.parametrize(
    "record",
    [
        "v=DMARC1; rua=mailto:a@b.test",
        "v=DMARC1; p=rejcet",
        "v=DMARC1; p=none; pct=200",
        "v=DMARC1; p=none p=reject",
        "v=DMARC1; p=none; adkim=strict",
        f"v=DMARC1; p=none; rua=dmarc@{D}",
        "v=DMARC1; p=none; p=reject",
    ],
)
def test_an_error_of_dmarc_is_seen(record: str) -> None:
    assert dmarc(record).errors


def test_dmarc_records_are_told_from_others() -> None:
    assert len(dmarc("v=DMARC1; p=none", "v=DMARC1;p=reject").asked[0].records) == 2
    assert dmarc("v=dmarc1; p=none", "v=spf1 -all").at == ""
    assert dmarc("v=dmarc1; p=none").near == ("v=dmarc1; p=none",)


def test_reports_elsewhere_need_a_permission() -> None:
    record = f"v=DMARC1; p=none; rua=mailto:a@{D}!10m,mailto:b@yes.test,mailto:c@no.test"
    zone = {**ZONE, f"_dmarc.{D} TXT": (record,), f"{D}._report._dmarc.yes.test TXT": ("v=DMARC1",)}
    said = [(one.domain, one.permission and one.permission.records) for one in mail(zone).dmarc.reports]
    assert said == [(D, None), ("yes.test", ("v=DMARC1",)), ("no.test", ())]


@pytest.mark.usefixtures("impatient")
def test_mail_that_is_not_answered_is_not_absent() -> None:
    faults: dict[str, Fault] = {f"_dmarc.{D}": "servfail", f"resend._domainkey.{D}": "silent", f"send.{D}": "refused"}
    found = mail(ZONE, faults)
    assert found.dmarc.asked[0].status == "servfail"
    assert found.dkim[0].answer.status == "timeout"
    assert (found.spf[0].answer.status, found.bounces.status) == ("refused", "refused")


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"domain": "https://a.test"}, "a name such as"),
        ({"domain": "localhost"}, "a domain such as"),
        ({"domain": "bücher.test"}, "xn--"),
        ({"domain": "a.test", "resolvers": ("dns.test:53",)}, "address:port"),
        ({"domain": "a.test", "resolvers": ("::1:53",)}, "address:port"),
        ({"domain": "a.test", "resolvers": ("127.0.0.1",)}, "address:port"),
        ({"domain": "a.test", "resolvers": ("127.0.0.1:70000",)}, "address:port"),
        ({"domain": "a.test", "expect": {"addresses": ("web.a.test",)}}, "an address, or a network"),
        ({"domain": "a.test", "mail": {"sender": "noreply@b.test"}}, "a sender of a.test"),
        ({"domain": "a.test", "mail": {"sender": "Us <noreply@a.test>"}}, "an address such as"),
        ({"domain": "a.test", "mail": {"sender": "noreply@a.test", "key_bits": 512}}, "1024"),
    ],
)
def test_a_declaration_that_is_none_is_refused(values: dict[str, Any], line: str) -> None:
    with pytest.raises(ValueError, match=line):
        Dns.model_validate(values)


def test_names_are_compared_as_dns_does() -> None:
    found = Dns.model_validate({"domain": "EmailAI.Example.", "resolvers": ("[::1]:53",)})
    assert found.domain == D
