"""TLS: what the endpoint offers, refuses and presents.

The guide's `HIGH:!aNULL:!MD5` still admits CBC suites and static RSA;
these checks demand forward secrecy and AEAD instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from fixtures.probes._tls_suites import Suite
from fixtures.probes.tls import TlsEvidence
from fixtures.vocabulary import CRITICAL, ESTATE, HIGH, LOW, MEDIUM, CannotTell, check, expect

OBSOLETE = ("SSLv2", "SSLv3", "TLSv1.0", "TLSv1.1")
ALLOWED_CURVES = frozenset({"X25519", "x25519", "prime256v1", "secp384r1", "secp256r1", "X448", "x448", "secp521r1"})
"""Mozilla's three, and two that are as strong and that nginx offers by default; all others are forbidden."""


def seen(value: bool | None, what: str) -> bool:
    """The value, or a `CannotTell` naming what was not seen."""
    if value is None:
        raise CannotTell(f"{what} could not be seen: no TLS answer said yes or no", cause="network")
    return value


def suites(tls: TlsEvidence, protocols: Iterable[str] | None = None) -> list[Suite]:
    """The accepted suites; a version of which nothing is known is no version without suites."""
    speaking(tls)
    wanted = [one for one in tls.protocols if protocols is None or one.name in tuple(protocols)]
    found = [one for protocol in wanted for one in protocol.suites]
    if not found and any(one.accepted is None for one in wanted):
        raise CannotTell("the accepted cipher suites could not be seen", cause="network")
    return found


def refuse(
    tls: TlsEvidence, bad: Callable[[Suite], bool], required: str, protocols: Iterable[str] | None = None
) -> None:
    """Fail if an accepted suite is bad; if a version could not be seen, a clean rest does not pass."""
    names = sorted({one.name for one in suites(tls, protocols) if bad(one)})
    more = f" and {len(names) - 6} more" if len(names) > 6 else ""
    expect(not names, seen=f"accepts {', '.join(names[:6])}{more}", required=required)
    for one in tls.protocols:
        if protocols is None or one.name in tuple(protocols):
            accepted = seen(one.accepted, f"whether {one.name} is accepted")
            if accepted and not one.complete:
                raise CannotTell(f"not every cipher suite of {one.name} could be tried", cause="program")


def speaking(tls: TlsEvidence) -> None:
    """Only a server that speaks TLS can be judged further."""
    if not tls.speaks_tls:
        raise CannotTell("the port does not speak TLS, so there is nothing to judge", cause="outage")


@check(severity=CRITICAL, scope=ESTATE, guide="arch.lb-terminates-tls")
def check_the_port_speaks_tls(tls: TlsEvidence) -> None:
    """The public port speaks TLS.

    Fix: Terminate TLS there: `listen 443 ssl;` in nginx.

    See: `openssl s_client -connect HOST:443 -servername HOST`
    """
    expect(tls.speaks_tls, seen=f"port {tls.port} answers, but not in TLS", required="TLS")


@check(severity=CRITICAL, scope=ESTATE, guide="tls.protocols")
def check_obsolete_protocols_are_refused(tls: TlsEvidence) -> None:
    """Protocols older than TLS 1.2 are refused.

    Fix: `ssl_protocols TLSv1.2 TLSv1.3;` in every server block (the scaling example of the guide lacks it).

    See: `openssl s_client -connect HOST:443 -servername HOST -tls1_1 -cipher ALL:@SECLEVEL=0`
    """
    speaking(tls)
    states = {name: tls.protocol(name).accepted for name in OBSOLETE}
    accepted = [name for name, state in states.items() if state]
    expect(not accepted, seen=f"accepts {', '.join(accepted)}", required="TLS 1.2 or newer")
    for name, state in states.items():
        seen(state, f"whether {name} is accepted")


@check(severity=HIGH, scope=ESTATE, guide="tls.protocols")
def check_tls_1_2_is_offered(tls: TlsEvidence) -> None:
    """TLS 1.2 is offered.

    Fix: `ssl_protocols TLSv1.2 TLSv1.3;` in the server block.

    See: `openssl s_client -connect HOST:443 -servername HOST -tls1_2`
    """
    speaking(tls)
    offered = seen(tls.protocol("TLSv1.2").accepted, "whether TLS 1.2 is offered")
    expect(offered, seen="TLS 1.2 is refused", required="TLS 1.2 is accepted")


@check(severity=MEDIUM, scope=ESTATE, guide="tls.protocols")
def check_tls_1_3_is_offered(tls: TlsEvidence) -> None:
    """TLS 1.3 is offered.

    Fix: `ssl_protocols TLSv1.2 TLSv1.3;` in the server block.

    See: `openssl s_client -connect HOST:443 -servername HOST -tls1_3`
    """
    speaking(tls)
    offered = seen(tls.protocol("TLSv1.3").accepted, "whether TLS 1.3 is offered")
    expect(offered, seen="TLS 1.3 is refused", required="TLS 1.3 is accepted")


@check(severity=CRITICAL, scope=ESTATE, guide="tls.ciphers")
def check_suites_without_protection_are_refused(tls: TlsEvidence) -> None:
    """Cipher suites without encryption, without authentication or of export strength are refused.

    Fix: `ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;`.

    See: `openssl s_client -connect HOST:443 -servername HOST -tls1_2 -cipher eNULL:aNULL:@SECLEVEL=0`
    """
    refuse(tls, lambda one: one.null or one.anonymous or one.export, "no NULL, anonymous or export suite")


@check(severity=HIGH, scope=ESTATE, guide="tls.ciphers")
def check_rc4_and_des_are_refused(tls: TlsEvidence) -> None:
    """RC4, DES and 3DES are refused.

    Fix: `ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;`.

    See: `openssl s_client -connect HOST:443 -servername HOST -tls1_2 -cipher 3DES:RC4:@SECLEVEL=0`
    """
    refuse(tls, lambda one: one.rc4 or one.des, "no RC4, DES or 3DES suite")


@check(severity=MEDIUM, scope=ESTATE, guide="tls.ciphers")
def check_cbc_is_refused_at_tls_1_2(tls: TlsEvidence) -> None:
    """TLS 1.2 uses authenticated encryption only; the guide's `HIGH` lets CBC in, which is too wide.

    Fix: `ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;`.

    See: `openssl s_client -connect HOST:443 -servername HOST -tls1_2 -cipher AES256-SHA256:ECDHE-RSA-AES256-SHA384`
    """
    refuse(tls, lambda one: one.cbc, "only GCM, CCM or ChaCha20 suites", ("TLSv1.2",))


@check(severity=HIGH, scope=ESTATE, guide="tls.ciphers")
def check_only_forward_secrecy_is_accepted(tls: TlsEvidence) -> None:
    """Every accepted cipher suite has forward secrecy; the guide's `HIGH` lets static RSA in, which is too wide.

    Fix: `ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;`.

    See: `openssl s_client -connect HOST:443 -servername HOST -tls1_2 -cipher kRSA`
    """
    refuse(tls, lambda one: not one.forward_secret, "only ECDHE or DHE suites")


@check(severity=MEDIUM, scope=ESTATE)
def check_weak_curves_are_refused(tls: TlsEvidence) -> None:
    """Only strong curves are accepted for the key exchange.

    Fix: `ssl_ecdh_curve X25519:prime256v1:secp384r1;`.

    See: `openssl s_client -connect HOST:443 -servername HOST -curves secp224r1`
    """
    speaking(tls)
    if tls.curves is None:
        raise CannotTell("the accepted curves could not be seen", cause="network")
    weak = [name for name in tls.curves if name not in ALLOWED_CURVES]
    expect(not weak, seen=f"accepts {', '.join(weak)}", required="X25519, P-256, P-384 or stronger")


@check(severity=MEDIUM, scope=ESTATE, guide="nginx.http2")
def check_http2_is_offered(tls: TlsEvidence) -> None:
    """HTTP/2 is negotiated by ALPN; the guide's `listen ... http2` is deprecated since nginx 1.25.1.

    Fix: `http2 on;` (before nginx 1.25.1: `listen 443 ssl http2;`).

    See: `openssl s_client -connect HOST:443 -servername HOST -alpn h2`
    """
    speaking(tls)
    if not tls.alpn_seen:
        raise CannotTell("no handshake with ALPN succeeded", cause="outage")
    expect(tls.alpn == "h2", seen=f"ALPN gives {tls.alpn or 'nothing'}", required="h2")


@check(severity=HIGH, scope=ESTATE)
def check_compression_is_off(tls: TlsEvidence) -> None:
    """TLS compression is off (CRIME).

    Fix: Use an OpenSSL of this decade; nginx never switches it on.

    See: `openssl s_client -connect HOST:443 -servername HOST | grep Compression`
    """
    speaking(tls)
    on = seen(tls.compression, "TLS compression")
    expect(not on, seen="TLS compression is accepted", required="no compression")


@check(severity=LOW, scope=ESTATE)
def check_downgrades_are_noticed(tls: TlsEvidence) -> None:
    """A downgrade to an older protocol is noticed (TLS_FALLBACK_SCSV).

    Fix: Update the TLS library of the server.

    See: `openssl s_client -connect HOST:443 -servername HOST -fallback_scsv -no_tls1_3`
    """
    speaking(tls)
    # With only one version at or below TLS 1.2 there is nothing to fall back to.
    if sum(bool(one.accepted) for one in tls.protocols) < 2 and all(one.accepted is not None for one in tls.protocols):
        return
    supported = seen(tls.fallback_scsv, "TLS_FALLBACK_SCSV")
    expect(supported, seen="a fallback is accepted silently", required="inappropriate_fallback")


@check(severity=HIGH, scope=ESTATE)
def check_renegotiation_is_secure(tls: TlsEvidence) -> None:
    """Renegotiation is secure (RFC 5746).

    Fix: Update the TLS library of the server.

    See: `openssl s_client -connect HOST:443 -servername HOST -tls1_2 | grep Renegotiation`
    """
    speaking(tls)
    secure = seen(tls.secure_renegotiation, "secure renegotiation")
    expect(secure, seen="secure renegotiation is not supported", required="RFC 5746")
