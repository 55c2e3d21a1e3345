"""The certificate that the endpoint presents, for every name and on every address, and the chain sent with it.

What is judged is every certificate that a visitor can get: of the host, of its other names, at its other addresses,
and of the other key type.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

from checks._words import PARTED, refuse, some
from fixtures.environment.sections.endpoints import Endpoint
from fixtures.probes._certificate import Link, Problem, Served
from fixtures.probes.certificate import CertificateEvidence
from fixtures.vocabulary import ADVISORY, CRITICAL, ESTATE, HIGH, LOW, MEDIUM, CannotTell, check, expect

CURVES = frozenset({"secp256r1", "secp384r1", "secp521r1"})
RSA_BITS = 2048
LIFETIMES = ((date(2029, 3, 15), 47), (date(2027, 3, 15), 100), (date(2026, 3, 15), 200), (date(2020, 9, 1), 398))
"""Days a certificate issued from that date on may live: CA/Browser Forum ballot SC-081v3, before it SC-031."""
LONGEST = 825
"""Days for older ones, and for private authorities: Apple's limit for all that its clients trust."""
SHORT_LIVED = 7
"""Days up to which a certificate needs no revocation (Baseline Requirements, from 2026-03-15)."""
NO_PATH = frozenset({2, 20, 21})
"""OpenSSL's codes that say: from what was sent no path leads to a trusted root."""
DATES = frozenset({9, 10})
WORDS = {
    2: "the issuer of an intermediate is not known",
    7: "a signature is wrong",
    18: "self-signed",
    19: "the root is not a trusted one",
    20: "the issuer is not known",
    21: "the issuer is not known",
    22: "the chain is too long",
    25: "the chain is longer than an authority allows",
    26: "not for servers",
    28: "rejected by the trust store",
    32: "the issuer may not sign certificates",
    34: "a critical extension is not known",
    47: "a name that the authority may not certify",
    48: "a name that the authority may not certify",
    79: "the issuer is no authority",
}


def presented(shown: CertificateEvidence) -> list[tuple[str, Served]]:
    """Every chain that was seen, each once, with what tells it from that of the host."""
    second = [(f"with a key of type {shown.second.leaf.key}", shown.second)] if shown.second else []
    every = [
        ("", shown.served),
        *((f"for {one.name}", one) for one in shown.named),
        *((f"at {one.address}", one) for one in shown.addressed),
        *second,
    ]
    found: dict[tuple[str, ...], tuple[str, Served]] = {}
    for where, one in every:
        if one.chain:
            found.setdefault(tuple(link.fingerprint for link in one.chain), (where, one))
    return list(found.values())


def demand(shown: CertificateEvidence, wrong: Callable[[Served], str], required: str) -> None:
    """Require that nothing is wrong with any chain that was seen."""
    found = [(where, what) for where, one in presented(shown) if (what := wrong(one))]
    bad = [f"{where}: {what}" if where else what for where, what in found]
    refuse(bad, required)


def above(served: Served) -> list[Link]:
    """The certificates that vouch for the leaf, root included where it is known."""
    return list(served.path[1:]) or [served.chain[n] for n in served.needed[1:]]


@check(severity=CRITICAL, scope=ESTATE, guide=("tls.certificate-valid", "tls.vercel-auto"))
def check_is_trusted(shown: CertificateEvidence) -> None:
    """The certificate leads to a root that clients trust: Mozilla's, or the one that the environment declares.

    Fix: Install a certificate of a public authority, with its intermediates; declare your own authority under `ca`.

    See: `openssl s_client -connect HOST:443 -servername HOST -verify_return_error`
    """

    def wrong(served: Served) -> str:
        bad = [one for one in served.problems if one.code not in DATES]
        # 21 and 27 only say again what the others said.
        bad = [one for one in bad if one.code not in (21, 27)] or bad
        if not bad:
            return ""
        here = "; this machine trusts it, visitors' don't: declare `ca` if that is meant" if served.trusted_here else ""
        return f"not trusted: {some(dict.fromkeys(map(words, bad)), 3)}{here}"

    roots = "the declared authority" if shown.private else "a root that Mozilla trusts"
    demand(shown, wrong, f"a chain to {roots}")


def words(problem: Problem) -> str:
    """An objection of OpenSSL as an operator would say it."""
    return f"{WORDS.get(problem.code, 'OpenSSL refuses it')} (OpenSSL {problem.code})"


@check(severity=CRITICAL, scope=ESTATE, guide=("tls.certificate-valid", "tls.vercel-auto", "certbot.certificate-names"))
def check_matches_the_host(shown: CertificateEvidence) -> None:
    """The certificate names the host as a subject alternative name; the common name does not count (RFC 6125).

    Fix: Request a certificate with this host among its names.

    See: `openssl s_client -connect HOST:443 -servername HOST </dev/null | openssl x509 -noout -ext subjectAltName`
    """
    expect(
        shown.served.covers(shown.host),
        seen=f"names {some(shown.served.san) or 'none'}",
        required=f"{shown.host} among the names",
    )


@check(severity=HIGH, scope=ESTATE, guide=("tls.certificate-valid", "certbot.certificate-names"))
def check_covers_the_declared_names(shown: CertificateEvidence) -> None:
    """Whoever asks for one of the other declared hosts, with or without www, gets a certificate that names it.

    Fix: Add the names to the certificate (`certbot --expand -d ...`), and serve it for them.

    See: `openssl s_client -connect HOST:443 -servername www.HOST </dev/null | openssl x509 -noout -ext subjectAltName`
    """
    missing = [one.name for one in shown.named if one.chain and not one.covers(one.name)]
    expect(not missing, seen=f"not covered: {some(missing)}", required="all declared hosts covered")
    unseen = [f"{one.name} ({one.error})" for one in shown.named if not one.chain]
    if unseen:
        raise CannotTell(f"no certificate was presented for {some(unseen)}", cause="outage")


@check(severity=HIGH, scope=ESTATE, guide="tls.certificate-valid")
def check_same_on_every_address(shown: CertificateEvidence) -> None:
    """Every address of the host that answers presents a certificate for the same hosts.

    Fix: Deploy the certificate to every server that DNS names, or take the forgotten one out of DNS.

    See: `openssl s_client -connect ADDRESS:443 -servername HOST </dev/null | openssl x509 -noout -ext subjectAltName`
    """
    hosts = [name for name in (shown.host, *(one.name for one in shown.named)) if shown.served.covers(name)]
    other = [one for one in shown.addressed if one.chain and not all(map(one.covers, hosts))]
    expect(
        not other,
        seen=some((f"{one.address} names {some(one.san) or 'none'}" for one in other), apart=PARTED),
        required=f"{some(hosts, 4)}, as at {shown.served.address}",
    )


@check(severity=MEDIUM, scope=ESTATE, guide="tls.certificate-valid")
def check_every_address_presents_one(shown: CertificateEvidence) -> None:
    """Every address of the host presents a certificate: a client may take any of them.

    Silence over IPv6 says nothing unless another IPv6 address answers; where the vantage has none, they are not seen.

    Fix: Take the address out of DNS, or bring its server back; declare `ipv6: true` at a vantage that has it.

    See: `openssl s_client -connect ADDRESS:443 -servername HOST`
    """
    answering = {":" in one.address for one in (shown.served, *shown.addressed) if one.chain}
    silent = [one for one in shown.addressed if not one.chain]
    dead = [f"{one.address} ({one.error})" for one in silent if (":" in one.address) in answering]
    expect(not dead, seen=f"no certificate at {some(dead, 4)}", required=f"one, as at {shown.served.address}")
    if silent:
        raise CannotTell(f"no IPv6 address answers: {some(one.address for one in silent)}", cause="network")
    if shown.unseen:
        raise CannotTell(f"the vantage has no IPv6, so {some(shown.unseen)} was not looked at", cause="network")


@check(severity=ADVISORY, scope=ESTATE)
def check_no_other_site_is_shown_without_a_name(shown: CertificateEvidence) -> None:
    """A client that asks for no name (SNI) gets this certificate or none, not that of another site.

    Fix: Give the default server this certificate, or `ssl_reject_handshake on;`.

    See: `openssl s_client -connect HOST:443 -noservername </dev/null | openssl x509 -noout -ext subjectAltName`
    """
    found = shown.unnamed
    if found is None:
        return
    if found.error == "timeout":
        raise CannotTell("a handshake without a name got no answer", cause="outage")
    # One whose names the host's certificate lacks as well is judged for the host.
    other = bool(found.chain) and not found.covers(shown.host) and found.san != shown.served.san
    expect(
        not other,
        seen=f"a certificate that names {some(found.san, 4) or 'nobody'}",
        required=f"{shown.host}, or none",
    )


@check(severity=CRITICAL, scope=ESTATE, guide="tls.certificate-valid")
def check_is_within_its_validity(shown: CertificateEvidence) -> None:
    """The certificate is valid now.

    Fix: Renew the certificate and reload the server (`certbot renew`); check the clock of the issuer if it is not
    valid yet.

    See: `openssl s_client -connect HOST:443 -servername HOST </dev/null | openssl x509 -noout -dates`
    """
    demand(shown, lambda one: out_of_date(one.leaf, shown), "valid now")


def out_of_date(link: Link, shown: CertificateEvidence) -> str:
    """Why a certificate is not valid when it was seen."""
    if link.not_before > shown.observed_at:
        return f"valid only from {link.not_before:%Y-%m-%d %H:%M}"
    return f"expired on {link.not_after:%Y-%m-%d}" if link.not_after < shown.observed_at else ""


@check(severity=CRITICAL, scope=ESTATE, guide="tls.certificate-valid")
def check_issuers_are_valid(shown: CertificateEvidence) -> None:
    """No certificate above it, up to the root, has expired.

    Fix: Get the current chain from the issuer (certbot writes it into fullchain.pem at each renewal).

    See: `openssl s_client -connect HOST:443 -servername HOST -showcerts`
    """

    def wrong(served: Served) -> str:
        return some((f"{one.subject} {what}" for one in above(served) if (what := out_of_date(one, shown))), 3)

    demand(shown, wrong, "every issuer valid now")


@check(severity=HIGH, scope=ESTATE, guide=("tls.certificate-valid", "tls.vercel-auto"))
def check_has_days_left(shown: CertificateEvidence, endpoint: Endpoint) -> None:
    """Neither the certificate nor one above it expires soon: within `days_left`, or a quarter of its life if shorter.

    Certificates of 45 days and of six are renewed later than those of 90.

    Fix: Renew it and find out why the renewal did not run (`systemctl list-timers certbot.timer`).

    See: `openssl s_client -connect HOST:443 -servername HOST </dev/null | openssl x509 -noout -enddate`
    """
    most = timedelta(days=endpoint.expect.certificate.days_left)

    def spare(one: Link) -> timedelta:
        return one.not_after - shown.observed_at - min(most, (one.not_after - one.not_before) / 4)

    def wrong(served: Served) -> str:
        # What has expired above it is told by issuers_are_valid.
        soon = (one for one in above(served) if not out_of_date(one, shown))
        first = min((served.leaf, *soon), key=spare)
        left = first.not_after - shown.observed_at
        what = "" if first is served.leaf else f" of {first.subject}"
        return "" if spare(first) >= timedelta(0) else f"{left.total_seconds() / 86400:.1f} days left{what}"

    demand(shown, wrong, f"at least {most.days} days, or a quarter of its life")


@check(severity=MEDIUM, scope=ESTATE, guide="tls.certificate-valid")
def check_lifetime_is_accepted(shown: CertificateEvidence) -> None:
    """The certificate lives no longer than clients accept of its issue date: 200 days since 2026-03-15, and ever fewer.

    Fix: Request a certificate of 90 days and renew it automatically; of a private authority, one of at most 825.

    See: `openssl s_client -connect HOST:443 -servername HOST </dev/null | openssl x509 -noout -dates`
    """

    def most(served: Served) -> int:
        issued = served.leaf.not_before.date()
        return LONGEST if shown.private else next((days for since, days in LIFETIMES if issued >= since), LONGEST)

    def wrong(served: Served) -> str:
        lifetime = served.leaf.not_after - served.leaf.not_before
        return "" if lifetime <= timedelta(days=most(served)) else f"{lifetime.total_seconds() / 86400:.0f} days"

    demand(shown, wrong, f"at most {most(shown.served)} days")


@check(severity=HIGH, scope=ESTATE, guide="tls.certificate-valid")
def check_key_is_strong(shown: CertificateEvidence) -> None:
    """The keys of the certificate and of its chain are strong, and of a kind that browsers take.

    Fix: Request a certificate with an RSA key of 2048 bits or an EC key on P-256.

    See: `openssl s_client -connect HOST:443 -servername HOST </dev/null | openssl x509 -noout -text`
    """
    every = [one for _, served in presented(shown) for one in (*served.chain, *served.path)]
    demand(
        shown,
        lambda served: some(
            dict.fromkeys(
                f"{one.subject}: {one.key} of {one.bits} bits" for one in (*served.chain, *served.path) if weak(one)
            ),
            3,
        ),
        "RSA of 2048 bits, or EC on P-256, P-384 or P-521",
    )
    if any(one.key == "unknown" for one in every):
        raise CannotTell("a key of the chain can't be read", cause="program")


def weak(link: Link) -> bool:
    """Whether a key is weaker than OpenSSL takes at its usual level (112 bits), or a browser never takes it."""
    match link.key:
        case "RSA":
            return link.bits < RSA_BITS
        case "DSA":
            return True
        case "unknown" | "Ed25519" | "Ed448":
            return False
    return link.key not in CURVES


@check(severity=HIGH, scope=ESTATE, guide="tls.certificate-valid")
def check_signatures_are_strong(shown: CertificateEvidence) -> None:
    """No certificate of the chain is signed with SHA-1 or MD5; a root's own signature does not count.

    Fix: Get the chain issued anew; current authorities sign with SHA-256.

    See: `openssl s_client -connect HOST:443 -servername HOST -showcerts`
    """

    def wrong(served: Served) -> str:
        every = [served.leaf, *(one for one in (*served.chain[1:], *served.path[1:]) if not one.self_issued)]
        every = list({one.fingerprint: one for one in every}.values())
        return some((f"{one.subject} signed with {one.signature}" for one in every if one.outdated), 3)

    demand(shown, wrong, "SHA-256 or stronger")


@check(severity=HIGH, scope=ESTATE, guide="tls.certificate-valid")
def check_chain_is_complete(shown: CertificateEvidence) -> None:
    """The server sends the intermediate certificates, without which a client finds no way to a root.

    Where an intermediate was sent and its issuer is not known, that is a root that is not trusted: see is_trusted.

    Fix: Let `ssl_certificate` name fullchain.pem, not cert.pem.

    See: `openssl s_client -connect HOST:443 -servername HOST -showcerts`
    """

    def wrong(served: Served) -> str:
        alone = len(served.needed) == 1 and any(one.code in NO_PATH for one in served.problems)
        return f"no issuer of {served.leaf.subject} is sent: {served.leaf.issuer} is missing" if alone else ""

    demand(shown, wrong, "the intermediates up to a trusted root")


@check(severity=LOW, scope=ESTATE, guide="tls.certificate-valid")
def check_chain_is_in_order(shown: CertificateEvidence) -> None:
    """Each certificate of the chain is followed by that of its issuer.

    Fix: Concatenate leaf first, then its issuer, and so on.

    See: `openssl s_client -connect HOST:443 -servername HOST -showcerts`
    """
    demand(
        shown,
        lambda one: (
            "" if list(one.needed) == sorted(one.needed) else f"order: {some(link.subject for link in one.chain)}"
        ),
        "each certificate followed by its issuer",
    )


@check(severity=LOW, scope=ESTATE, guide="tls.certificate-valid")
def check_chain_has_nothing_unneeded(shown: CertificateEvidence) -> None:
    """No certificate is sent twice, none that does not belong to the chain, and none that expired and is of no use.

    Fix: Leave leaf and intermediates in the file of `ssl_certificate`, each once.

    See: `openssl s_client -connect HOST:443 -servername HOST -showcerts`
    """

    def wrong(served: Served) -> str:
        prints = [one.fingerprint for one in served.chain]
        used = {one.fingerprint for one in served.path}
        found = []
        for number, one in enumerate(served.chain):
            late = out_of_date(one, shown) if used and one.fingerprint not in used else ""
            if number not in served.needed or late:
                found.append(f"{one.subject} {'twice' if one.fingerprint in prints[:number] else late}".strip())
        return some(found, 3)

    demand(shown, wrong, "leaf and intermediates, each once")


@check(severity=LOW, scope=ESTATE, guide="tls.certificate-valid")
def check_root_is_not_sent(shown: CertificateEvidence) -> None:
    """The root certificate is not sent: no client needs it.

    Fix: Remove the root from the file of `ssl_certificate`.

    See: `openssl s_client -connect HOST:443 -servername HOST -showcerts`
    """

    def wrong(served: Served) -> str:
        sent = [served.chain[n] for n in served.needed[1:] if served.chain[n].self_issued]
        return f"the root {sent[0].subject} is among the certificates sent" if sent else ""

    demand(shown, wrong, "leaf and intermediates only")


@check(severity=HIGH, scope=ESTATE, guide="tls.certificate-valid")
def check_must_staple_is_kept(shown: CertificateEvidence) -> None:
    """A certificate that demands an OCSP staple (must-staple, RFC 7633) comes with one; Firefox refuses it otherwise.

    Fix: `ssl_stapling on; ssl_stapling_verify on;` with a `resolver`, or a certificate without must-staple.

    See: `openssl s_client -connect HOST:443 -servername HOST -status`
    """
    demand(
        shown,
        lambda one: "must-staple, but no OCSP answer is stapled" if one.must_staple and not one.staple else "",
        "an OCSP answer in the handshake",
    )


@check(severity=MEDIUM, scope=ESTATE, guide="tls.certificate-valid")
def check_staple_is_valid(shown: CertificateEvidence) -> None:
    """An OCSP answer that is stapled is current, of this certificate, signed by its issuer, and says good.

    Fix: Let the server reach the responder (`resolver`, outgoing port 80), or switch stapling off.

    See: `openssl s_client -connect HOST:443 -servername HOST -status`
    """
    demand(shown, lambda one: stale(one, shown), "a current answer: good")


def stale(served: Served, shown: CertificateEvidence) -> str:
    """What is wrong with the staple, if there is one."""
    staple, now = served.staple, shown.observed_at
    if staple is None:
        return ""
    if not staple.fits or staple.status != "good":
        return f"the staple says {staple.status}"
    if staple.signed is False:
        return "the staple is not signed by the issuer"
    if staple.begins and staple.begins > now:
        return f"the staple is valid only from {staple.begins:%Y-%m-%d %H:%M}"
    return f"the staple expired on {staple.ends:%Y-%m-%d %H:%M}" if staple.ends and staple.ends < now else ""


@check(severity=HIGH, scope=ESTATE, guide="tls.certificate-valid", applies=lambda endpoint: endpoint.ca is None)
def check_is_logged(shown: CertificateEvidence) -> None:
    """A publicly trusted certificate carries timestamps of enough transparency logs, or Chrome and Safari refuse it.

    Two up to a lifetime of 180 days, three above (Chrome's and Apple's policies); those embedded are counted.

    Fix: Get the certificate issued anew; every public authority embeds them.

    See: `openssl s_client -connect HOST:443 -servername HOST </dev/null | openssl x509 -noout -ext ct_precert_scts`
    """

    def wrong(served: Served) -> str:
        lifetime = served.leaf.not_after - served.leaf.not_before
        wanted = 2 if lifetime <= timedelta(days=180) else 3
        public = all(one.code in DATES for one in served.problems)
        return f"{served.scts} of {wanted} timestamps" if public and served.scts < wanted else ""

    demand(shown, wrong, "two timestamps, of a lifetime above 180 days three")


@check(
    severity=CRITICAL,
    scope=ESTATE,
    guide="tls.certificate-valid",
    applies=lambda endpoint: endpoint.asks_for_revocation,
)
def check_is_not_revoked(shown: CertificateEvidence) -> None:
    """No authority has revoked the certificate or its intermediates, by staple, OCSP or list (CRL).

    A private authority (`ca`) is asked only with `expect: {certificate: {revocation: true}}`; `false` leaves this out
    where the vantage reaches no authority. It is then not covered.

    Fix: Find out why it was revoked, get a new one with a new key, and reload the server.

    See: `openssl x509 -noout -ext crlDistributionPoints,authorityInfoAccess -in cert.pem`
    """
    stapled = shown.served.staple
    told = [f"{one.subject} by {one.source}" for one in shown.revocation if one.status == "revoked"]
    if stapled and stapled.fits and stapled.signed and stapled.status == "revoked":
        told.append(f"{shown.served.leaf.subject} by the staple")
    expect(not told, seen=f"revoked: {some(told, 3)}", required="not revoked")
    if not shown.revocation:
        raise CannotTell("no authority was asked", cause="network")
    brief = shown.served.leaf.not_after - shown.served.leaf.not_before <= timedelta(days=SHORT_LIVED)
    others = any(one.status != "untold" for one in shown.revocation)
    for number, one in enumerate(shown.revocation):
        if one.status == "unseen":
            raise CannotTell(f"{one.subject}: {one.source} tells nothing: {one.reason}", cause="network")
        if one.status == "untold" and not (shown.private and others) and not (brief and number == 0):
            raise CannotTell(f"{one.subject} names no place that tells of revocation", cause="program")
