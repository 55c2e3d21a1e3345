"""The certificate that the endpoint presents, and the chain it sends with it."""

from __future__ import annotations

from fixtures.environment.sections.endpoints import Endpoint
from fixtures.probes.certificate import CertificateEvidence
from fixtures.vocabulary import CRITICAL, ESTATE, HIGH, LOW, MEDIUM, CannotTell, check, expect

KEY_BITS = {"RSA": 2048, "EC": 256, "DSA": 1 << 30}
WEAK_HASHES = frozenset({"sha1", "md5", "md2"})
LIFETIME_DAYS = 398


@check(severity=CRITICAL, scope=ESTATE, guide="tls.certificate-valid")
def check_is_trusted(shown: CertificateEvidence) -> None:
    """The certificate is trusted by clients.

    Fix: Install a certificate of a public authority (or declare your own under `ca`), with its intermediates.

    See: `openssl s_client -connect HOST:443 -servername HOST -verify_return_error`
    """
    found = shown.certificate.trust
    if found is None:
        raise CannotTell("no usual client gets as far as the certificate", cause="outage")
    expect(
        found.trusted, seen=f"not trusted: {found.reason} (OpenSSL {found.code})", required="a chain to a trusted root"
    )


@check(severity=CRITICAL, scope=ESTATE, guide="tls.certificate-valid")
def check_matches_the_host(shown: CertificateEvidence) -> None:
    """The certificate names the host as a subject alternative name; the common name does not count.

    Fix: Request a certificate with this host among its names.

    See: `openssl s_client -connect HOST:443 -servername HOST </dev/null | openssl x509 -noout -ext subjectAltName`
    """
    found = shown.certificate
    expect(
        found.matches_host, seen=f"names {', '.join(found.san[:8]) or 'none'}", required=f"{shown.host} among the names"
    )


@check(severity=CRITICAL, scope=ESTATE, guide="tls.certificate-valid")
def check_is_within_its_validity(shown: CertificateEvidence) -> None:
    """The certificate is valid now.

    Fix: Renew the certificate and reload the server (`certbot renew`); check the clock of the issuer if it is not
    valid yet.

    See: `openssl s_client -connect HOST:443 -servername HOST </dev/null | openssl x509 -noout -dates`
    """
    found = shown.certificate
    now = shown.observed_at
    expect(found.not_before <= now, seen=f"valid only from {found.not_before:%Y-%m-%d}", required="valid now")
    expect(now <= found.not_after, seen=f"expired on {found.not_after:%Y-%m-%d}", required="valid now")


@check(severity=HIGH, scope=ESTATE, guide="tls.certificate-valid")
def check_has_days_left(shown: CertificateEvidence, endpoint: Endpoint) -> None:
    """The certificate does not expire soon.

    Fix: Renew it and find out why the renewal did not run (`systemctl list-timers certbot.timer`).

    See: `openssl s_client -connect HOST:443 -servername HOST </dev/null | openssl x509 -noout -enddate`
    """
    found = shown.certificate
    left = (found.not_after - shown.observed_at).total_seconds() / 86400
    wanted = endpoint.expect.certificate.days_left
    expect(left >= wanted, seen=f"{left:.0f} days left", required=f"at least {wanted} days")


@check(severity=MEDIUM, scope=ESTATE, guide="tls.certificate-valid")
def check_lifetime_is_accepted(shown: CertificateEvidence) -> None:
    """The certificate lives at most 398 days, for browsers refuse longer ones.

    Fix: Request a certificate of 90 days and renew it automatically.

    See: `openssl s_client -connect HOST:443 -servername HOST </dev/null | openssl x509 -noout -dates`
    """
    found = shown.certificate
    expect(
        found.lifetime_days <= LIFETIME_DAYS + 0.01,
        seen=f"{found.lifetime_days:.0f} days",
        required=f"at most {LIFETIME_DAYS} days",
    )


@check(severity=HIGH, scope=ESTATE, guide="tls.certificate-valid")
def check_key_is_strong(shown: CertificateEvidence) -> None:
    """The key of the certificate is strong enough.

    Fix: Request a certificate with an RSA key of 2048 bits or an EC key on P-256.

    See: `openssl s_client -connect HOST:443 -servername HOST </dev/null | openssl x509 -noout -text`
    """
    found = shown.certificate
    if found.key_type == "unknown":
        raise CannotTell("the key of the certificate can't be read", cause="program")
    wanted = KEY_BITS.get(found.key_type, 256)
    expect(
        found.key_bits >= wanted,
        seen=f"{found.key_type} of {found.key_bits} bits",
        required="RSA 2048, EC 256 or stronger",
    )


@check(severity=HIGH, scope=ESTATE, guide="tls.certificate-valid")
def check_signatures_are_strong(shown: CertificateEvidence) -> None:
    """No certificate of the chain is signed with SHA-1 or MD5.

    Fix: Get the chain issued anew; current authorities sign with SHA-256.

    See: `openssl s_client -connect HOST:443 -servername HOST -showcerts`
    """
    weak = sorted(WEAK_HASHES & set(shown.certificate.signature_hashes))
    expect(not weak, seen=f"signed with {', '.join(weak)}", required="SHA-256 or stronger")


@check(severity=HIGH, scope=ESTATE, guide="tls.certificate-valid")
def check_chain_is_complete(shown: CertificateEvidence) -> None:
    """The server sends every intermediate certificate up to a trusted root.

    Fix: Let `ssl_certificate` name fullchain.pem, not cert.pem.

    See: `openssl s_client -connect HOST:443 -servername HOST -showcerts`
    """
    found = shown.certificate
    if found.complete is None:
        raise CannotTell("no usual client gets as far as the certificate", cause="outage")
    expect(
        found.complete,
        seen=f"the chain ends at {found.chain_subjects[-1]}, issued by {found.chain_issuers[-1]}",
        required="intermediates up to a trusted root",
    )


@check(severity=LOW, scope=ESTATE, guide="tls.certificate-valid")
def check_chain_is_in_order(shown: CertificateEvidence) -> None:
    """Each certificate of the chain is followed by that of its issuer.

    Fix: Concatenate leaf first, then its issuer, and so on.

    See: `openssl s_client -connect HOST:443 -servername HOST -showcerts`
    """
    found = shown.certificate
    expect(
        found.in_order,
        seen=f"order: {' | '.join(found.chain_subjects)}",
        required="each certificate followed by its issuer",
    )


@check(severity=LOW, scope=ESTATE, guide="tls.certificate-valid")
def check_root_is_not_sent(shown: CertificateEvidence) -> None:
    """The root certificate is not sent: no client needs it.

    Fix: Remove the root from the file of `ssl_certificate`.

    See: `openssl s_client -connect HOST:443 -servername HOST -showcerts`
    """
    expect(
        not shown.certificate.root_sent,
        seen="a self-signed root is among the certificates sent",
        required="leaf and intermediates only",
    )


@check(severity=HIGH, scope=ESTATE, guide="tls.certificate-valid")
def check_covers_the_declared_names(shown: CertificateEvidence) -> None:
    """The certificate covers every host that the endpoint answers for.

    Fix: Add the names to the certificate (`certbot --expand -d ...`).

    See: `openssl s_client -connect HOST:443 -servername HOST </dev/null | openssl x509 -noout -ext subjectAltName`
    """
    missing = shown.certificate.names_missing
    expect(not missing, seen=f"not covered: {', '.join(missing)}", required="all declared hosts covered")
