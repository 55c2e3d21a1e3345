"""TLS in full: every suite and curve, and the attacks that a gate does not try."""

from __future__ import annotations

from checks._words import some
from fixtures.environment.sections.endpoints import Endpoint
from fixtures.probes.tls_deep import TlsDeepEvidence
from fixtures.vocabulary import CRITICAL, ESTATE, HIGH, MEDIUM, CannotTell, check, expect

ORACLES = ("VULNERABLE_STRONG_ORACLE", "VULNERABLE_WEAK_ORACLE")
SAFE = ("NOT_VULNERABLE_NO_ORACLE", "NOT_VULNERABLE_RSA_NOT_SUPPORTED")


def seen(value: bool | None, what: str) -> bool:
    """The value, or a `CannotTell` naming what was not seen."""
    if value is None:
        raise CannotTell(f"{what} could not be seen", cause="network")
    return value


@check(severity=CRITICAL, scope=ESTATE)
def check_heartbleed_is_fixed(tls: TlsDeepEvidence) -> None:
    """The server does not give its memory away (Heartbleed, CVE-2014-0160).

    Fix: Update OpenSSL; replace the certificate's key and every secret that the server held.

    See: `nmap --script ssl-heartbleed -p 443 HOST`
    """
    found = seen(tls.heartbleed, "Heartbleed")
    expect(not found, seen="answers a heartbeat longer than what was sent", required="no answer")


@check(severity=CRITICAL, scope=ESTATE)
def check_ccs_injection_is_fixed(tls: TlsDeepEvidence) -> None:
    """The server accepts no ChangeCipherSpec before the keys are there (CVE-2014-0224).

    Fix: Update OpenSSL.

    See: `nmap --script ssl-ccs-injection -p 443 HOST`
    """
    found = seen(tls.ccs_injection, "CCS injection")
    expect(not found, seen="an early ChangeCipherSpec is accepted", required="an alert")


@check(severity=CRITICAL, scope=ESTATE)
def check_robot_is_fixed(tls: TlsDeepEvidence) -> None:
    """The server is no oracle for RSA ciphertexts (ROBOT).

    Fix: Refuse suites with static RSA; update the TLS library.

    See: `sslyze --robot HOST`
    """
    expect(tls.robot not in ORACLES, seen=f"an oracle: {tls.robot}", required="the same answer to every ciphertext")
    if tls.robot not in SAFE:
        raise CannotTell("the server's answers to RSA ciphertexts were not consistent or not seen", cause="network")


@check(severity=MEDIUM, scope=ESTATE)
def check_clients_cannot_renegotiate(tls: TlsDeepEvidence) -> None:
    """Clients can't make the server repeat the costly part of the handshake on one connection.

    Fix: Update the server: nginx has refused it since 0.8.23.

    See: `sslyze --reneg HOST`
    """
    found = seen(tls.client_renegotiation, "renegotiation by the client")
    expect(not found, seen="ten renegotiations of a client are accepted", required="none")


@check(severity=HIGH, scope=ESTATE, guide="tls.ciphers")
def check_every_suite_is_within_the_policy(tls: TlsDeepEvidence, endpoint: Endpoint) -> None:
    """Of all cipher suites, tried one by one, only those of the policy are accepted.

    Fix: `ssl_protocols TLSv1.2 TLSv1.3;` and `ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;`.

    See: `sslyze --tlsv1_2 --tlsv1_3 HOST`
    """
    policy = endpoint.expect.tls
    for one in tls.protocols:
        others = [s.name for s in one.suites if one.name not in policy.versions or not policy.allows_suite(s.name)]
        expect(not others, seen=f"{one.name} accepts {some(others)}", required=f"the policy {policy.name}")
    for one in tls.protocols:
        seen(one.accepted, f"whether {one.name} is accepted")


@check(severity=MEDIUM, scope=ESTATE)
def check_every_curve_is_within_the_policy(tls: TlsDeepEvidence, endpoint: Endpoint) -> None:
    """Of all curves, tried one by one, only those of the policy are accepted.

    Fix: `ssl_ecdh_curve X25519:prime256v1:secp384r1;`.

    See: `sslyze --elliptic_curves HOST`
    """
    if tls.curves is None:
        raise CannotTell("the accepted curves could not be seen", cause="network")
    policy = endpoint.expect.tls
    others = [name for name in tls.curves if not policy.allows_group(name)]
    expect(not others, seen=f"accepts {', '.join(others)}", required=f"only {', '.join(policy.groups)}")
