"""TLS: what the endpoint offers and what it refuses, judged by the policy that the environment names.

The guide's `HIGH:!aNULL:!MD5` still admits CBC suites and static RSA;
its policy here demands forward secrecy and AEAD instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from checks._words import some
from fixtures.environment.sections.endpoints import Endpoint
from fixtures.probes._tls_suites import Suite
from fixtures.probes.tls import Protocol, TlsEvidence
from fixtures.vocabulary import ADVISORY, CRITICAL, ESTATE, HIGH, LOW, MEDIUM, CannotTell, check, expect

UP_TO_1_2 = ("SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.2")


def seen(value: bool | None, what: str) -> bool:
    """The value, or a `CannotTell` naming what was not seen."""
    if value is None:
        raise CannotTell(f"{what} could not be seen: no TLS answer said yes or no", cause="network")
    return value


def speaking(tls: TlsEvidence) -> None:
    """Only a server that speaks TLS can be judged further."""
    if not tls.speaks_tls:
        raise CannotTell("the port does not speak TLS, so there is nothing to judge", cause="outage")


def refuse(
    tls: TlsEvidence, endpoint: Endpoint, bad: Callable[[Suite], bool], required: str, only: str | None = None
) -> None:
    """Fail if a suite is accepted that is bad and not expressly allowed; pass only if every such suite is refused."""
    speaking(tls)
    policy = endpoint.expect.tls
    protocols = [one for one in tls.protocols if only in (None, one.name)]
    names = {one.name for protocol in protocols for one in protocol.suites if bad(one)}
    accepted = sorted(name for name in names if not policy.allows_suite(name))
    expect(not accepted, seen=f"accepts {some(accepted)}", required=required)
    for protocol in protocols:
        unseen = [name for name in unknown(protocol) if bad(Suite.named(name)) and not policy.allows_suite(name)]
        if unseen:
            raise CannotTell(
                f"{len(unseen)} cipher suites of {protocol.name} got no answer that says yes or no", cause="network"
            )


def unknown(protocol: Protocol) -> Iterator[str]:
    """The suites of a version that may be accepted, for all that was seen."""
    return iter(() if protocol.accepted is False else protocol.unseen)


def outside(one: Suite) -> bool:
    """Whether no other check names what is wrong with a suite."""
    return not (one.null or one.anonymous or one.export or one.rc4 or one.des or one.cbc) and one.forward_secret


def up_to_1_2(tls: TlsEvidence) -> bool:
    """Whether any version before TLS 1.3 may be spoken: what TLS 1.3 did away with can't be wrong without one."""
    return any(tls.protocol(name).accepted is not False for name in UP_TO_1_2)


@check(severity=CRITICAL, scope=ESTATE, guide="arch.lb-terminates-tls")
def check_the_port_speaks_tls(tls: TlsEvidence) -> None:
    """The public port speaks TLS.

    Fix: Terminate TLS there: `listen 443 ssl;` in nginx.

    See: `openssl s_client -connect HOST:443 -servername HOST`
    """
    expect(tls.speaks_tls, seen=f"port {tls.port} answers, but not in TLS", required="TLS")


@check(severity=CRITICAL, scope=ESTATE, guide="tls.protocols")
def check_obsolete_protocols_are_refused(tls: TlsEvidence, endpoint: Endpoint) -> None:
    """Versions that the policy does not allow are refused; the guide's allows TLS 1.2 and 1.3.

    Fix: `ssl_protocols TLSv1.2 TLSv1.3;` in every server block (the scaling example of the guide lacks it).

    See: `openssl s_client -connect HOST:443 -servername HOST -tls1_1 -cipher ALL:@SECLEVEL=0`
    """
    speaking(tls)
    allowed = endpoint.expect.tls.versions
    others = [one for one in tls.protocols if one.name not in allowed]
    accepted = [one.name for one in others if one.accepted]
    expect(not accepted, seen=f"accepts {', '.join(accepted)}", required=f"only {', '.join(allowed)}")
    for one in others:
        seen(one.accepted, f"whether {one.name} is accepted")


def demands(version: str) -> Callable[[Endpoint], bool]:
    """Whether the policy of an endpoint has this version."""
    return lambda endpoint: version in endpoint.expect.tls.versions


@check(severity=HIGH, scope=ESTATE, guide="tls.protocols", applies=demands("TLSv1.2"))
def check_tls_1_2_is_offered(tls: TlsEvidence) -> None:
    """TLS 1.2 is offered.

    Fix: `ssl_protocols TLSv1.2 TLSv1.3;` in the server block.

    See: `openssl s_client -connect HOST:443 -servername HOST -tls1_2`
    """
    speaking(tls)
    offered = seen(tls.protocol("TLSv1.2").accepted, "whether TLS 1.2 is offered")
    expect(offered, seen="TLS 1.2 is refused", required="TLS 1.2 is accepted")


@check(severity=MEDIUM, scope=ESTATE, guide="tls.protocols", applies=demands("TLSv1.3"))
def check_tls_1_3_is_offered(tls: TlsEvidence) -> None:
    """TLS 1.3 is offered.

    Fix: `ssl_protocols TLSv1.2 TLSv1.3;` in the server block.

    See: `openssl s_client -connect HOST:443 -servername HOST -tls1_3`
    """
    speaking(tls)
    offered = seen(tls.protocol("TLSv1.3").accepted, "whether TLS 1.3 is offered")
    expect(offered, seen="TLS 1.3 is refused", required="TLS 1.3 is accepted")


@check(severity=CRITICAL, scope=ESTATE, guide="tls.ciphers")
def check_suites_without_protection_are_refused(tls: TlsEvidence, endpoint: Endpoint) -> None:
    """Cipher suites without encryption, without authentication or of export strength are refused.

    Fix: `ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;`.

    See: `openssl s_client -connect HOST:443 -servername HOST -tls1_2 -cipher eNULL:aNULL:@SECLEVEL=0`
    """
    refuse(tls, endpoint, lambda one: one.null or one.anonymous or one.export, "no NULL, anonymous or export suite")


@check(severity=HIGH, scope=ESTATE, guide="tls.ciphers")
def check_rc4_and_des_are_refused(tls: TlsEvidence, endpoint: Endpoint) -> None:
    """RC4, DES and 3DES are refused.

    Fix: `ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;`.

    See: `openssl s_client -connect HOST:443 -servername HOST -tls1_2 -cipher 3DES:RC4:@SECLEVEL=0`
    """
    refuse(tls, endpoint, lambda one: one.rc4 or one.des, "no RC4, DES or 3DES suite")


@check(severity=MEDIUM, scope=ESTATE, guide="tls.ciphers")
def check_cbc_is_refused_at_tls_1_2(tls: TlsEvidence, endpoint: Endpoint) -> None:
    """TLS 1.2 uses authenticated encryption only; the guide's `HIGH` lets CBC in, which is too wide.

    Fix: `ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;`.

    See: `openssl s_client -connect HOST:443 -servername HOST -tls1_2 -cipher AES256-SHA256:ECDHE-RSA-AES256-SHA384`
    """
    refuse(tls, endpoint, lambda one: one.cbc, "only GCM, CCM or ChaCha20 suites", "TLSv1.2")


@check(severity=HIGH, scope=ESTATE, guide="tls.ciphers")
def check_only_forward_secrecy_is_accepted(tls: TlsEvidence, endpoint: Endpoint) -> None:
    """Every accepted cipher suite has forward secrecy; the guide's `HIGH` lets static RSA in, which is too wide.

    Fix: `ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;`.

    See: `openssl s_client -connect HOST:443 -servername HOST -tls1_2 -cipher kRSA`
    """
    refuse(tls, endpoint, lambda one: not one.forward_secret, "only ECDHE or DHE suites")


@check(severity=MEDIUM, scope=ESTATE, guide="tls.ciphers")
def check_other_suites_outside_the_policy_are_refused(tls: TlsEvidence, endpoint: Endpoint) -> None:
    """No cipher suite is accepted that the policy does not name, however well it sounds.

    Fix: Name the suites of the policy in `ssl_ciphers`, those of TLS 1.3 in `ssl_conf_command Ciphersuites`.

    See: `nmap --script ssl-enum-ciphers -p 443 HOST`
    """
    refuse(tls, endpoint, outside, f"only suites of the policy {endpoint.expect.tls.name}")


@check(severity=ADVISORY, scope=ESTATE, guide="tls.server-preference")
def check_the_server_chooses_where_it_matters(tls: TlsEvidence, endpoint: Endpoint) -> None:
    """The server chooses the cipher suite, if any that it accepts is outside the policy; else the client knows better.

    Fix: Drop the weak suites; until then `ssl_prefer_server_ciphers on;`.

    See: `openssl s_client -connect HOST:443 -servername HOST -tls1_2 -cipher WEAK:STRONG`
    """
    speaking(tls)
    policy, twelve = endpoint.expect.tls, tls.protocol("TLSv1.2")
    weak = any(not policy.allows_suite(one.name) for one in twelve.suites)
    if twelve.accepted and (weak or policy.server_preference):
        chooses = seen(tls.server_preference, "who chooses the cipher suite")
        expect(chooses, seen="the client's order decides, also for suites outside the policy", required="the server's")


@check(severity=MEDIUM, scope=ESTATE)
def check_weak_curves_are_refused(tls: TlsEvidence, endpoint: Endpoint) -> None:
    """Only the groups of the policy are accepted for the key exchange; hybrids with ML-KEM always are.

    Fix: `ssl_ecdh_curve X25519:prime256v1:secp384r1;`.

    See: `openssl s_client -connect HOST:443 -servername HOST -curves secp224r1`
    """
    speaking(tls)
    policy = endpoint.expect.tls
    weak = [name for name in tls.groups if not policy.allows_group(name)]
    expect(not weak, seen=f"accepts {some(weak)}", required=f"only {', '.join(policy.groups)}")
    unseen = [name for name in tls.groups_unseen if not policy.allows_group(name)]
    if unseen:
        raise CannotTell(f"whether {some(unseen)} are accepted could not be seen", cause="network")


@check(severity=HIGH, scope=ESTATE)
def check_diffie_hellman_is_long_enough(tls: TlsEvidence, endpoint: Endpoint) -> None:
    """The prime of a Diffie-Hellman key exchange is long enough (Logjam).

    Fix: `ssl_dhparam` with 2048 bits or more (`openssl dhparam 2048`), or no DHE suites at all.

    See: `openssl s_client -connect HOST:443 -servername HOST -tls1_2 -cipher DHE:@SECLEVEL=0 | grep "Temp Key"`
    """
    speaking(tls)
    if not up_to_1_2(tls):
        return
    if not tls.dh_seen:
        raise CannotTell("the Diffie-Hellman parameters could not be seen", cause="network")
    wanted = endpoint.expect.tls.dh_bits
    expect(tls.dh_bits is None or tls.dh_bits >= wanted, seen=f"{tls.dh_bits} bits", required=f"{wanted} bits")


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
    if up_to_1_2(tls):
        on = seen(tls.compression, "TLS compression")
        expect(not on, seen="TLS compression is accepted", required="no compression")


@check(severity=LOW, scope=ESTATE)
def check_downgrades_are_noticed(tls: TlsEvidence) -> None:
    """A downgrade to an older protocol is noticed (TLS_FALLBACK_SCSV, RFC 7507).

    Fix: Update the TLS library of the server.

    See: `openssl s_client -connect HOST:443 -servername HOST -fallback_scsv -no_tls1_3`
    """
    speaking(tls)
    # With only one version there is nothing to fall back to.
    if sum(one.accepted is not False for one in tls.protocols if one.name != "SSLv2") > 1:
        supported = seen(tls.fallback_scsv, "TLS_FALLBACK_SCSV")
        expect(supported, seen="a fallback is accepted silently", required="inappropriate_fallback")


@check(severity=HIGH, scope=ESTATE)
def check_renegotiation_is_secure(tls: TlsEvidence) -> None:
    """Renegotiation is secure (RFC 5746).

    Fix: Update the TLS library of the server.

    See: `openssl s_client -connect HOST:443 -servername HOST -tls1_2 | grep Renegotiation`
    """
    speaking(tls)
    if up_to_1_2(tls):
        secure = seen(tls.secure_renegotiation, "secure renegotiation")
        expect(secure, seen="secure renegotiation is not supported", required="RFC 5746")


@check(severity=LOW, scope=ESTATE)
def check_the_master_secret_is_extended(tls: TlsEvidence) -> None:
    """TLS 1.2 binds its keys to the handshake (extended master secret, RFC 7627); TLS 1.3 always does.

    Fix: Update the TLS library of the server.

    See: `openssl s_client -connect HOST:443 -servername HOST -tls1_2 | grep "Extended master secret"`
    """
    speaking(tls)
    if tls.protocol("TLSv1.2").accepted is not False:
        extended = seen(tls.extended_master_secret, "the extended master secret")
        expect(extended, seen="TLS 1.2 without extended master secret", required="RFC 7627")


@check(severity=LOW, scope=ESTATE, guide="tls.session-cache")
def check_sessions_are_resumed(tls: TlsEvidence) -> None:
    """A second handshake resumes the session of the first.

    Fix: `ssl_session_cache shared:SSL:10m;`; where several servers answer, the same `ssl_session_ticket_key` on all.

    See: `openssl s_client -connect HOST:443 -servername HOST -tls1_2 -reconnect`
    """
    speaking(tls)
    resumed = seen(tls.resumption, "resumption")
    expect(resumed, seen="the second handshake was a full one", required="a session id or ticket that is accepted")


@check(severity=MEDIUM, scope=ESTATE)
def check_early_data_is_off(tls: TlsEvidence) -> None:
    """TLS 1.3 accepts no early data (0-RTT): whoever records it can send it again.

    Fix: `ssl_early_data off;`, or an application that refuses what is not idempotent with 425 (RFC 8470).

    See: `openssl s_client -connect HOST:443 -servername HOST -tls1_3 | grep "Max Early Data"`
    """
    speaking(tls)
    if tls.protocol("TLSv1.3").accepted is False:
        return
    if tls.early_data is None:
        raise CannotTell("no session ticket shows whether early data is accepted", cause="network")
    expect(tls.early_data == 0, seen=f"{tls.early_data} bytes of early data are accepted", required="none")


@check(severity=HIGH, scope=ESTATE)
def check_current_clients_are_understood(tls: TlsEvidence) -> None:
    """The hellos of current clients are understood: TLS 1.3, values that mean nothing (GREASE), long post-quantum keys.

    Fix: Update the TLS library of the server, or the device before it that cuts or drops such a hello.

    See: `openssl s_client -connect HOST:443 -servername HOST -tls1_3`
    """
    speaking(tls)
    seen_words = " and ".join(tls.intolerant)
    expect(not tls.intolerant, seen=f"no handshake with a hello of {seen_words}", required="unknown values are ignored")
