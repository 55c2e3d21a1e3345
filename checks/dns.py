"""DNS: the names lead to the deployment, its certificates can be issued, and its mail is believed."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from fixtures.environment.sections.dns import Dns, below
from fixtures.probes.dns import Answer, CaaSet, DnsEvidence, MailDnsEvidence, Spf
from fixtures.vocabulary import ADVISORY, ESTATE, HIGH, LOW, MEDIUM, CannotTell, check, expect

WORDS = {
    "nodata": "no such record",
    "nxdomain": "no such name",
    "loop": "aliases in a circle",
    "servfail": "the resolver fails (SERVFAIL)",
    "bogus": "DNSSEC signatures that do not validate (SERVFAIL)",
    "refused": "the resolver refuses (REFUSED)",
    "timeout": "no answer",
    "unreachable": "no route to the resolver",
    "malformed": "no valid answer",
    "truncated": "an answer that is cut, and none over TCP",
}
_CAUSES = {"refused": "permission", "unreachable": "network", "truncated": "network", "malformed": "program"}
_KNOWN_TAGS = frozenset({"issue", "issuewild", "iodef", "issuemail", "issuevmc", "contactemail", "contactphone"})
_STRENGTH = ("none", "quarantine", "reject")


def _known(answers: Iterable[Answer]) -> None:
    """Raise for the first question that has no answer: a silence is never an absence."""
    for answer in answers:
        if not answer.definite:
            raise CannotTell(
                f"{answer.type} of {answer.name}: {WORDS[answer.status]}", cause=_CAUSES.get(answer.status, "outage")
            )


def _listed(problems: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(problems))


def _missing(answer: Answer) -> str:
    dangling = f", where its alias {answer.aliases[-1]} leads" if answer.aliases else ""
    return f"{answer.type} of {answer.name}: {WORDS[answer.status]}{dangling}"


def _all_have(seen: DnsEvidence, kind: str) -> None:
    answers = [answer for answer in seen.addresses if answer.type == kind]
    missing = [_missing(one) for one in answers if one.definite and not one.records]
    expect(not missing, seen=_listed(missing), required=f"an {kind} record of each declared name")
    answered = {answer.name for answer in answers if answer.records}
    _known(answer for answer in answers if answer.name not in answered)


@check(severity=HIGH, scope=ESTATE, guide=("nginx.server-names", "vercel.dns-record"))
def check_names_have_an_address(seen: DnsEvidence) -> None:
    """Every declared name, apex and www alike, has an IPv4 address (RFC 1034 section 3.6).

    An alias at the apex that the provider resolves itself (ALIAS, flattening) shows as an address and passes.

    Fix: an A record at the apex; at www an A record, or a CNAME to a name that has one.

    See: `dig +short A DOMAIN`; `dig +short A www.DOMAIN`
    """
    _all_have(seen, "A")


@check(severity=MEDIUM, scope=ESTATE, applies=lambda domain: domain.expect.ipv6)
def check_names_have_an_ipv6_address(seen: DnsEvidence) -> None:
    """Every declared name has an IPv6 address, where IPv6 is declared (RFC 3596).

    Fix: AAAA records beside the A records.

    See: `dig +short AAAA DOMAIN`
    """
    _all_have(seen, "AAAA")


@check(
    severity=HIGH,
    scope=ESTATE,
    guide="vercel.dns-record",
    applies=lambda domain: bool(domain.expect.addresses or domain.expect.alias),
)
def check_addresses_are_the_declared_ones(seen: DnsEvidence, domain: Dns) -> None:
    """Every address, IPv4 and IPv6, of a declared name is a declared one, or its CNAME leads to the declared name.

    A forgotten AAAA record sends those who have IPv6 elsewhere, and nobody else notices.

    Fix: correct the records; remove those of the place that the deployment left.

    See: `dig A DOMAIN`; `dig AAAA DOMAIN`
    """
    networks = [ipaddress.ip_network(one, strict=False) for one in domain.expect.addresses]
    alias = domain.expect.alias
    foreign = [
        f"{one.name} leads to {address}" + (f" through {one.aliases[-1]}" if one.aliases else "")
        for one in seen.addresses
        if not (alias and any(below(name, alias) for name in one.aliases))
        for address in one.records
        if not any(ipaddress.ip_address(address) in network for network in networks)
    ]
    required = ", ".join([*domain.expect.addresses, *([f"a CNAME to {alias}"] if alias else [])])
    expect(not foreign, seen=_listed(foreign), required=required)
    _known(seen.addresses)
    if not any(one.records for one in seen.addresses):
        raise CannotTell("no declared name has an address", cause="program")


@check(severity=HIGH, scope=ESTATE, applies=lambda domain: not domain.expect.addresses)
def check_addresses_are_public(seen: DnsEvidence) -> None:
    """Every address can be reached from the internet: none is private, loopback or for documentation (RFC 6890).

    Names of an internal network declare their addresses.

    Fix: the public address of the balancer in the A and AAAA records.

    See: `dig +short A DOMAIN`
    """
    private = [
        f"{one.name} has {address}"
        for one in seen.addresses
        for address in one.records
        if not ipaddress.ip_address(address).is_global
    ]
    expect(not private, seen=_listed(private), required="addresses of the internet")
    _known(seen.addresses)


@check(severity=MEDIUM, scope=ESTATE, applies=lambda domain: len(domain.resolvers) > 1)
def check_resolvers_agree(seen: DnsEvidence) -> None:
    """All declared resolvers give the same addresses; after a change they differ until the old answer has expired.

    Fix: wait for the TTL; then compare the zone at each nameserver, one may not have been updated.

    See: `dig @RESOLVER DOMAIN`
    """
    differing = []
    for name, kind in dict.fromkeys((one.name, one.type) for one in seen.addresses):
        answers = [one for one in seen.addresses if (one.name, one.type) == (name, kind) and one.definite]
        said = {frozenset(one.records) for one in answers}
        if len(said) > 1:
            told = (f"{one.resolver} says {', '.join(sorted(one.records)) or WORDS[one.status]}" for one in answers)
            differing.append(f"{kind} of {name}: {', '.join(told)}")
    expect(not differing, seen=_listed(differing), required="the same addresses")
    _known(seen.addresses)


@check(severity=HIGH, scope=ESTATE)
def check_aliases_do_not_dangle(seen: DnsEvidence) -> None:
    """No alias leads to a name that does not exist: whoever registers that name there has the deployment's (takeover).

    Fix: remove the CNAME, or set up again what it leads to.

    See: `dig www.DOMAIN`
    """
    dangling = [
        f"{one.name} leads to {one.aliases[-1]}, which does not exist"
        for one in (*seen.addresses, *seen.contacts)
        if one.aliases and one.status == "nxdomain"
    ]
    expect(not dangling, seen=_listed(dangling), required="aliases that lead somewhere")
    _known(seen.addresses)


@check(severity=MEDIUM, scope=ESTATE, guide="vercel.dns-record")
def check_domain_is_no_alias(seen: DnsEvidence) -> None:
    """The domain itself has no CNAME, which may not stand beside its SOA and NS records (RFC 1034 section 3.6.2).

    The guide asks for a CNAME at the apex; an A record, or the ALIAS of a provider, is required here. A declared domain
    of three labels or more may be a mere name in the zone above: there a CNAME is wrong only beside NS or SOA.

    Fix: the provider's address as an A record, or ALIAS/flattening; only www and other names below take a CNAME.

    See: `dig +short CNAME DOMAIN`
    """
    own = [one for one in (*seen.addresses, seen.nameservers, seen.soa) if one.name == seen.domain]
    has_zone = any(one.records and not one.aliases for one in (seen.nameservers, seen.soa))
    is_apex = has_zone or seen.domain.count(".") == 1
    aliases = [f"{one.name} is an alias of {one.aliases[0]}" for one in own if one.aliases and is_apex]
    expect(not aliases, seen=_listed(aliases), required="no CNAME at the apex")
    _known(own)


@check(severity=HIGH, scope=ESTATE, root=True)
def check_signatures_validate(seen: DnsEvidence) -> None:
    """Where the zone is signed, its signatures validate, or whoever uses a validating resolver sees nothing (RFC 4035).

    Known by an answer that the resolver gives with checking disabled alone; one that does not validate shows nothing.

    Fix: sign the zone again, or take the DS record out at the registrar until it is.

    See: `delv DOMAIN`; `dig +cd DOMAIN`
    """
    answers = [*seen.addresses, seen.nameservers, seen.soa, *(one for found in seen.caa for one in found.asked)]
    bogus = [f"{one.type} of {one.name} at {one.resolver}" for one in answers if one.status == "bogus"]
    expect(not bogus, seen=f"does not validate: {_listed(bogus)}", required="answers that validate")
    _known(seen.addresses)


@check(severity=LOW, scope=ESTATE)
def check_nameservers_are_several(seen: DnsEvidence) -> None:
    """The domain has at least two nameservers (RFC 1034 section 4.1, RFC 2182).

    Judged where the domain is a zone of its own.

    Fix: a second nameserver, in another network, at the registrar and in the zone.

    See: `dig +short NS DOMAIN`
    """
    _known([seen.nameservers])
    number = len(seen.nameservers.records)
    expect(number != 1, seen=f"only {', '.join(seen.nameservers.records)}", required="two or more")


@check(severity=HIGH, scope=ESTATE, guide="cf.nameservers", applies=lambda domain: bool(domain.expect.nameservers))
def check_nameservers_are_the_declared_ones(seen: DnsEvidence, domain: Dns) -> None:
    """The nameservers are the declared ones, as a resolver sees them that comes from the registry's delegation.

    Fix: enter the nameservers that the DNS provider names at the registrar, and remove all others.

    See: `dig +trace NS DOMAIN`
    """
    _known([seen.nameservers])
    found, wanted = set(seen.nameservers.records), set(domain.expect.nameservers)
    source = seen.soa.records[0].split()[0] if seen.soa.records else ""
    expect(
        found == wanted,
        seen=(", ".join(sorted(found)) or WORDS[seen.nameservers.status])
        + (f"; the zone is {source}'s" * bool(source)),
        required=", ".join(sorted(wanted)),
    )


@check(severity=ADVISORY, scope=ESTATE)
def check_addresses_change_in_time(seen: DnsEvidence, domain: Dns) -> None:
    """No resolver keeps an address longer than declared, or a move leaves users at the old place that long.

    A cache tells what is left of the TTL, so that a value that passes may be greater in the zone.

    Fix: a TTL of an hour or less at the records of the web.

    See: `dig DOMAIN`
    """
    long = [
        f"{one.type} of {one.name}: {one.ttl} s"
        for one in seen.addresses
        if one.ttl is not None and one.ttl > domain.expect.ttl
    ]
    expect(not long, seen=_listed(long), required=f"at most {domain.expect.ttl:.0f} s")
    _known(seen.addresses)


def _refusal(found: CaaSet, issuer: str, *, wildcard: bool) -> str:
    """Why an issuer may not issue for a name, or nothing (RFC 8659 section 4)."""
    unknown = [one.tag for one in found.properties if one.flags & 128 and one.tag not in _KNOWN_TAGS]
    if unknown:
        return f"CAA of {found.at} has the critical tag {', '.join(unknown)}"
    wild = [one.value for one in found.properties if one.tag == "issuewild"] if wildcard else []
    values = wild or [one.value for one in found.properties if one.tag == "issue"]
    names = [value.partition(";")[0].strip().lower().removesuffix(".") for value in values]
    if not names or issuer in names:
        return ""
    what = "*." if wildcard else ""
    return f"CAA of {found.at} lets {', '.join(filter(None, names)) or 'nobody'} issue for {what}{found.name}"


@check(severity=HIGH, scope=ESTATE, applies=lambda domain: domain.expect.caa is not None)
def check_caa_permits_the_issuer(seen: DnsEvidence, domain: Dns) -> None:
    """CAA records let the declared authority issue certificates for every declared name (RFC 8659).

    The records of a name count, else those of its nearest parent; none at all lets everybody issue. Otherwise the next
    renewal fails, weeks after somebody changed the record.

    Fix: `DOMAIN. CAA 0 issue "letsencrypt.org"`.

    See: `dig +short CAA DOMAIN`
    """
    caa = domain.expect.caa
    if caa is None:
        return
    kinds = (False, True) if caa.wildcard else (False,)
    refusals = [_refusal(found, caa.issuer, wildcard=kind) for found in seen.caa for kind in kinds]
    expect(not any(refusals), seen=_listed(filter(None, refusals)), required=f"{caa.issuer} may issue")
    _known(answer for found in seen.caa for answer in found.asked)


@check(severity=ADVISORY, scope=ESTATE, applies=lambda domain: domain.expect.caa is not None)
def check_caa_limits_issuers(seen: DnsEvidence) -> None:
    """CAA records say who may issue certificates, so that no other authority does (RFC 8659).

    Fix: `DOMAIN. CAA 0 issue "letsencrypt.org"`.

    See: `dig +short CAA DOMAIN`
    """
    free = [found.name for found in seen.caa if not any(one.tag == "issue" for one in found.properties)]
    if free:
        _known(answer for found in seen.caa for answer in found.asked)
    expect(not free, seen=f"any authority may issue for {', '.join(free)}", required="a CAA record with issue")


@check(severity=MEDIUM, scope=ESTATE, guide="contact.addresses", applies=lambda domain: bool(domain.contacts))
def check_contacts_can_get_mail(seen: DnsEvidence) -> None:
    """The domains of the declared contacts take mail: an MX record, and not the one that refuses all (RFC 7505).

    The guide's addresses are placeholders: example.com says itself that it takes none.

    Fix: a real address; an MX record of its domain.

    See: `dig +short MX DOMAIN`
    """
    silent = [
        f"{one.name}: {WORDS[one.status] if not one.records else 'a null MX, no mail is taken'}"
        for one in seen.contacts
        if one.definite and not any(record.split()[-1] != "." for record in one.records)
    ]
    expect(not silent, seen=_listed(silent), required="an MX record")
    _known(seen.contacts)


def _return_path(seen: MailDnsEvidence) -> Spf:
    return next(one for one in seen.spf if one.name == seen.envelope)


def _walked(seen: MailDnsEvidence) -> None:
    """Raise unless every question of SPF was answered."""
    _known(answer for one in seen.spf for answer in (one.answer, *one.unanswered))


@check(severity=MEDIUM, scope=ESTATE, guide="env.resend-from-email")
def check_spf_is_published(seen: MailDnsEvidence) -> None:
    """The return path has an SPF record (RFC 7208).

    SPF is read at the domain of the return path (Resend: send.DOMAIN), not at that of the From header: none is demanded
    there.

    Fix: the TXT record that the mail provider names, at the return path.

    See: `dig +short TXT send.DOMAIN`
    """
    spf = _return_path(seen)
    _known([spf.answer])
    near = f", only {spf.near[0]!r}" if spf.near else ""
    expect(bool(spf.answer.records), seen=f"no SPF record at {spf.name}{near}", required="v=spf1 ...")


@check(severity=MEDIUM, scope=ESTATE, guide="env.resend-from-email")
def check_spf_is_one_record(seen: MailDnsEvidence) -> None:
    """A name has no more than one SPF record: several are an error, and SPF then fails (RFC 7208 section 4.5).

    Fix: one record that includes all senders.

    See: `dig +short TXT send.DOMAIN`
    """
    several = [f"{one.name} has {len(one.answer.records)}" for one in seen.spf if len(one.answer.records) > 1]
    expect(not several, seen=_listed(several), required="one")
    _known(one.answer for one in seen.spf)


@check(severity=MEDIUM, scope=ESTATE, guide="env.resend-from-email")
def check_spf_is_valid(seen: MailDnsEvidence) -> None:
    """SPF records, with all that they include, have no error, which receivers take for no SPF (RFC 7208 section 4.6).

    Fix: correct the term; each `include:` must lead to exactly one SPF record.

    See: `dig +short TXT send.DOMAIN`
    """
    errors = [error for one in seen.spf for error in one.errors]
    expect(not errors, seen=_listed(errors), required="no error")
    _walked(seen)


@check(
    severity=MEDIUM,
    scope=ESTATE,
    guide="env.resend-from-email",
    applies=lambda domain: bool(domain.mail and domain.mail.include),
)
def check_spf_includes_the_provider(seen: MailDnsEvidence, domain: Dns) -> None:
    """SPF of the return path includes the mail provider's; a return path that is an alias of the provider's passes.

    Fix: `v=spf1 include:amazonses.com ~all` at send.DOMAIN (Resend).

    See: `dig +short TXT send.DOMAIN`
    """
    spf = _return_path(seen)
    _known([spf.answer])
    wanted = domain.mail.include if domain.mail else None
    if spf.answer.aliases and spf.answer.records:
        return
    if wanted not in spf.includes:
        _known(spf.unanswered)
    what = ", ".join(f"include:{one}" for one in spf.includes) or "no include"
    expect(
        wanted in spf.includes,
        seen=f"{spf.name}: {what if spf.answer.records else 'no SPF record'}",
        required=f"include:{wanted}",
    )


@check(severity=MEDIUM, scope=ESTATE, guide="env.resend-from-email")
def check_spf_lookups_are_few(seen: MailDnsEvidence) -> None:
    """SPF costs at most ten DNS lookups, includes and redirect counted (RFC 7208 section 4.6.4).

    Counted is what a host costs that no term matches: more is an error for just these senders.

    Fix: drop `include:`s of senders that are no longer used, `mx` and `a`; `ip4:` costs nothing.
    """
    many = [f"{one.name}: {one.lookups}" for one in seen.spf if one.lookups > 10]
    expect(not many, seen=_listed(many), required="at most 10")
    _walked(seen)


@check(severity=LOW, scope=ESTATE, guide="env.resend-from-email")
def check_spf_void_lookups_are_few(seen: MailDnsEvidence) -> None:
    """At most two terms of SPF lead to names that have nothing (RFC 7208 section 4.6.4).

    Fix: remove the terms that lead nowhere.
    """
    many = [f"{one.name}: {one.void}" for one in seen.spf if one.void > 2]
    expect(not many, seen=_listed(many), required="at most 2")
    _walked(seen)


@check(severity=MEDIUM, scope=ESTATE, guide="env.resend-from-email")
def check_spf_does_not_pass_everybody(seen: MailDnsEvidence) -> None:
    """No term of SPF, nor of what it includes, lets every host of the internet send as the domain.

    Fix: `~all` or `-all` in place of `+all` or `all`; the sender's own networks in place of a /0.
    """
    open_ = [f"{one.name}: {one.everybody}" for one in seen.spf if one.everybody]
    expect(not open_, seen=_listed(open_), required="~all or -all")
    _walked(seen)


@check(severity=LOW, scope=ESTATE, guide="env.resend-from-email")
def check_spf_rejects_the_rest(seen: MailDnsEvidence) -> None:
    """SPF says that all other hosts are none of the domain's: `?all`, or no `all`, says nothing (RFC 7208 section 8.2).

    Fix: `~all` or `-all` at the end.
    """
    _walked(seen)
    judged = [one for one in seen.spf if len(one.answer.records) == 1 and not one.errors]
    neutral = [
        f"{one.name}: {one.rest}all" if one.rest else f"{one.name}: no all" for one in judged if one.rest in ("", "?")
    ]
    expect(not neutral, seen=_listed(neutral), required="~all or -all")


@check(severity=LOW, scope=ESTATE, guide="env.resend-from-email")
def check_spf_fits_a_datagram(seen: MailDnsEvidence) -> None:
    """The answer with SPF and its neighbours fits UDP: some receivers never ask over TCP (RFC 7208 section 3.4).

    Fix: remove old verification records; publish SPF at a name of its own (the return path).

    See: `dig +bufsize=1232 +ignore TXT send.DOMAIN`
    """
    large = [one.name for one in seen.spf if one.answer.records and one.answer.tcp]
    expect(not large, seen=f"cut at 1232 octets: {', '.join(large)}", required="an answer that fits")
    _known(one.answer for one in seen.spf)


@check(
    severity=MEDIUM,
    scope=ESTATE,
    guide="env.resend-from-email",
    applies=lambda domain: bool(domain.mail and domain.mail.bounces),
)
def check_bounces_reach_the_provider(seen: MailDnsEvidence, domain: Dns) -> None:
    """The MX of the return path leads to the mail provider, or bounces and complaints are lost.

    Fix: `send.DOMAIN. MX 10 feedback-smtp.REGION.amazonses.com` (Resend).

    See: `dig +short MX send.DOMAIN`
    """
    _known([seen.bounces])
    provider = domain.mail.bounces if domain.mail else None
    found = [record.partition(" ")[2] for record in seen.bounces.records]
    there = bool(provider) and any(below(host, str(provider)) for host in (*found, *seen.bounces.aliases))
    expect(there, seen=", ".join(found) or _missing(seen.bounces), required=f"an MX that leads to {provider}")


@check(severity=LOW, scope=ESTATE, guide="env.resend-from-email")
def check_mail_hosts_have_addresses(seen: MailDnsEvidence) -> None:
    """Hosts named by the MX of the return path have an address, and are no aliases (RFC 2181 section 10.3).

    Fix: name the host itself.

    See: `dig +short MX send.DOMAIN`
    """
    bad = [
        f"{one.name}: an alias of {one.aliases[0]}" if one.aliases else _missing(one)
        for one in seen.bounce_hosts
        if one.definite and (one.aliases or not one.records)
    ]
    expect(not bad, seen=_listed(bad), required="hosts with an address")
    _known([seen.bounces, *seen.bounce_hosts])


@check(severity=MEDIUM, scope=ESTATE, guide="env.resend-from-email")
def check_dkim_keys_are_published(seen: MailDnsEvidence) -> None:
    """Each declared DKIM selector has exactly one key (RFC 6376 section 3.6.2).

    Fix: the TXT (or CNAME) record that the mail provider names, `resend._domainkey.DOMAIN`.

    See: `dig +short TXT resend._domainkey.DOMAIN`
    """
    bad = [
        f"{one.answer.name}: {len(one.answer.records) or 'no'} key(s)"
        for one in seen.dkim
        if one.answer.definite and len(one.answer.records) != 1
    ]
    expect(not bad, seen=_listed(bad), required="one key")
    _known(one.answer for one in seen.dkim)


@check(severity=MEDIUM, scope=ESTATE, guide="env.resend-from-email")
def check_dkim_keys_are_usable(seen: MailDnsEvidence) -> None:
    """DKIM keys are neither revoked (an empty `p=`) nor malformed, and serve for mail and SHA-256 (RFC 6376, RFC 8301).

    Fix: copy the record again from the mail provider; a long key in several strings, without spaces between.

    See: `dig +short TXT resend._domainkey.DOMAIN`
    """
    bad = [
        f"{one.answer.name}: {problem}"
        for one in seen.dkim
        for problem in (*one.errors, *(["revoked, p= is empty"] if one.revoked else []))
    ]
    expect(not bad, seen=_listed(bad), required="a key")
    _known(one.answer for one in seen.dkim)


@check(severity=MEDIUM, scope=ESTATE, guide="env.resend-from-email")
def check_dkim_keys_are_strong(seen: MailDnsEvidence, domain: Dns) -> None:
    """RSA keys of DKIM have at least the declared bits; receivers refuse less than 1024 (RFC 8301 section 3.2).

    2048 are better; Resend publishes 1024, so that is the default here.

    Fix: a new selector with a longer key, then sign with it.
    """
    least = domain.mail.key_bits if domain.mail else 1024
    weak = [
        f"{one.answer.name}: {one.bits} bits"
        for one in seen.dkim
        if one.type == "rsa" and one.bits is not None and one.bits < least
    ]
    expect(not weak, seen=_listed(weak), required=f"at least {least} bits")
    _known(one.answer for one in seen.dkim)


@check(severity=LOW, scope=ESTATE, guide="env.resend-from-email")
def check_dkim_is_not_in_test_mode(seen: MailDnsEvidence) -> None:
    """No DKIM key says `t=y`: receivers treat mail so signed like unsigned mail (RFC 6376 section 3.6.1).

    Fix: remove `t=y`.
    """
    testing = [one.answer.name for one in seen.dkim if one.testing]
    expect(not testing, seen=f"t=y: {', '.join(testing)}", required="no test mode")
    _known(one.answer for one in seen.dkim)


@check(severity=MEDIUM, scope=ESTATE, guide="env.resend-from-email")
def check_dmarc_is_published(seen: MailDnsEvidence) -> None:
    """The sender's domain, or the declared domain above it, has exactly one DMARC record (RFC 7489 section 6.6.3).

    Several are as good as none.

    Fix: `_dmarc.DOMAIN. TXT "v=DMARC1; p=none; rua=mailto:dmarc@DOMAIN"`, then tighten the policy.

    See: `dig +short TXT _dmarc.DOMAIN`
    """
    several = [f"{one.name} has {len(one.records)} records" for one in seen.dmarc.asked if len(one.records) > 1]
    expect(not several, seen=_listed(several), required="one DMARC record")
    if seen.dmarc.at:
        return
    _known(seen.dmarc.asked)
    near = f", only {seen.dmarc.near[0]!r}" if seen.dmarc.near else ""
    where = " or ".join(one.name for one in seen.dmarc.asked)
    expect(False, seen=f"no DMARC record at {where}{near}", required="v=DMARC1; p=...")


def _has_policy(seen: MailDnsEvidence) -> bool:
    """Whether there is a policy to judge; raises where that is not known."""
    if not seen.dmarc.at:
        _known(seen.dmarc.asked)
    return bool(seen.dmarc.at)


@check(severity=MEDIUM, scope=ESTATE, guide="env.resend-from-email")
def check_dmarc_is_valid(seen: MailDnsEvidence) -> None:
    """The DMARC record has no error: with one, receivers may apply no policy (RFC 7489 section 6.3).

    Fix: correct the tag; `p=` must be there.

    See: `dig +short TXT _dmarc.DOMAIN`
    """
    if _has_policy(seen):
        errors = seen.dmarc.errors
        expect(not errors, seen=f"{seen.dmarc.at}: {_listed(errors)}", required="no error")


@check(severity=MEDIUM, scope=ESTATE, guide="env.resend-from-email")
def check_dmarc_is_as_strict_as_declared(seen: MailDnsEvidence, domain: Dns) -> None:
    """The DMARC policy is at least the declared one, for all mail (`pct`); below a parent's record, its `sp` counts.

    Fix: `p=quarantine` or `p=reject`, once the reports show that all of the domain's own mail passes.

    See: `dig +short TXT _dmarc.DOMAIN`
    """
    wanted = domain.mail.dmarc if domain.mail else "none"
    if not _has_policy(seen):
        expect(wanted == "none", seen="no DMARC record", required=f"p={wanted} or stricter")
        return
    if not seen.dmarc.policy:
        expect(wanted == "none", seen="no readable policy", required=f"p={wanted} or stricter")
        return
    policy = _STRENGTH.index(seen.dmarc.policy)
    partly = f", for {seen.dmarc.percent} % of the mail" if seen.dmarc.percent < 100 else ""
    expect(
        policy >= _STRENGTH.index(wanted) and (wanted == "none" or not partly),
        seen=f"{seen.dmarc.policy}{partly}",
        required=f"{wanted} or stricter, for all mail" if wanted != "none" else "a policy",
    )


@check(severity=ADVISORY, scope=ESTATE, guide="env.resend-from-email")
def check_dmarc_reports_go_somewhere(seen: MailDnsEvidence) -> None:
    """DMARC reports are asked for, and a domain that is none of ours accepts them (RFC 7489 sections 6.3 and 7.1).

    Fix: `rua=mailto:dmarc@DOMAIN`; elsewhere, `DOMAIN._report._dmarc.OTHER TXT "v=DMARC1"` at the other domain.

    See: `dig +short TXT _dmarc.DOMAIN`
    """
    if not _has_policy(seen):
        return
    expect(bool(seen.dmarc.reports), seen=f"no rua= at _dmarc.{seen.dmarc.at}", required="rua=mailto:...")
    foreign = [one.permission for one in seen.dmarc.reports if one.permission is not None]
    closed = [one.name for one in foreign if one.definite and not one.records]
    expect(not closed, seen=f"not accepted: no record {', '.join(closed)}", required="a domain that accepts them")
    _known(foreign)
