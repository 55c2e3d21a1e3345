"""Both looks at TLS, our hellos and sslyze, tell the same of servers of several kinds, good and deliberately bad.

Left out where one of these programs is missing, and the summary says so; `.ci/servers` makes sure of them.
"""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from nassl.ephemeral_key_info import OpenSslEcNidEnum
from sslyze.plugins.openssl_cipher_suites.cipher_suites import CipherSuitesRepository
from sslyze.server_connectivity import TlsVersionEnum

from checks import tls as checks
from checks import tls_deep as deep_checks
from fixtures import vocabulary
from fixtures.environment.sections.endpoints import Endpoint, EndpointExpectations
from fixtures.environment.tls_policy import POLICIES, TlsPolicy
from fixtures.probes import Context
from fixtures.probes._tls_registry import group_name
from fixtures.probes.tls import TlsEvidence, look
from fixtures.probes.tls_deep import TlsDeepEvidence
from fixtures.probes.tls_deep import look as look_deep
from fixtures.vocabulary import CannotTell, Evidence, Finding
from tests._tls_programs import Program, caddy, gnutls, nginx, node, openssl, running
from tests._tls_servers import Authority

EVERYTHING = "ALL:COMPLEMENTOFALL:@SECLEVEL=0"
OLD = "TLSv1 TLSv1.1 TLSv1.2"


@dataclass(frozen=True)
class Kind:
    """A server, whether its key is RSA's, what the guide's policy finds wrong with it, and curves that sslyze misses.

    It offers one curve a connection, at the highest version alone: what TLS 1.3 does not have, and what a server with
    an EC certificate refuses to who does not offer its curve too, it can't see.
    """

    program: Program
    rsa: bool
    wrong: frozenset[str]
    missed: frozenset[str]


def kind(program: Program, *wrong: str, rsa: bool = True, missed: str = "") -> Kind:
    return Kind(program, rsa, frozenset(wrong), frozenset(missed.split()))


OF_THE_POLICY = ("cbc_is_refused_at_tls_1_2", "only_forward_secrecy_is_accepted")
UNPROTECTED = ("suites_without_protection_are_refused", "the_server_chooses_where_it_matters")
KINDS = {
    "nginx as it should be": kind(
        nginx(ssl_protocols="TLSv1.2 TLSv1.3", ssl_ciphers="ECDHE+AESGCM:ECDHE+CHACHA20"), rsa=False
    ),
    "nginx as the guide has it": kind(
        nginx(
            ssl_protocols="TLSv1.2 TLSv1.3", ssl_ciphers="HIGH:!aNULL:!MD5", ssl_prefer_server_ciphers="on",
            ssl_ecdh_curve="X25519:prime256v1:brainpoolP256r1",
        ),
        *OF_THE_POLICY, "weak_curves_are_refused", missed="brainpoolP256r1",
    ),
    "nginx with early data": kind(
        nginx(ssl_protocols="TLSv1.3", ssl_early_data="on"), "tls_1_2_is_offered", "early_data_is_off", rsa=False
    ),
    "nginx of yesterday": kind(
        nginx(
            ssl_protocols=OLD, ssl_ciphers=EVERYTHING, ssl_ecdh_curve="secp224r1:prime256v1", ssl_dhparam="dh.pem"
        ),
        *OF_THE_POLICY, *UNPROTECTED, "obsolete_protocols_are_refused", "tls_1_3_is_offered", "weak_curves_are_refused",
        "diffie_hellman_is_long_enough", "other_suites_outside_the_policy_are_refused",
    ),
    "openssl": kind(
        openssl(), *OF_THE_POLICY[:1], "http2_is_offered", "the_server_chooses_where_it_matters", rsa=False
    ),
    "openssl without encryption": kind(
        openssl("-cipher", "NULL:@SECLEVEL=0", "-no_tls1_3"),
        "only_forward_secrecy_is_accepted", *UNPROTECTED, "obsolete_protocols_are_refused", "tls_1_3_is_offered",
        "http2_is_offered", missed="x448 secp521r1",
    ),
    "gnutls": kind(
        gnutls("NORMAL:+ARCFOUR-128:+3DES-CBC:+VERS-TLS1.0:%COMPAT"),
        *OF_THE_POLICY, "obsolete_protocols_are_refused", "rc4_and_des_are_refused", "http2_is_offered",
        "the_master_secret_is_extended", "the_server_chooses_where_it_matters",
    ),
    "node": kind(node(), *OF_THE_POLICY, "http2_is_offered"),
    "node of yesterday": kind(
        node("minVersion:'TLSv1',ciphers:'DEFAULT:@SECLEVEL=0',honorCipherOrder:false"),
        *OF_THE_POLICY, "obsolete_protocols_are_refused", "the_server_chooses_where_it_matters", "http2_is_offered",
    ),
    "caddy": kind(caddy(), "the_master_secret_is_extended", rsa=False),
    "caddy with CBC": kind(
        caddy(
            "protocols tls1.2 tls1.3\ncurves x25519 secp521r1\n"
            "ciphers TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
        ),
        *OF_THE_POLICY[:1], "the_master_secret_is_extended",
    ),
}  # fmt: skip
KNOWN_SUITES = {
    suite.name
    for version in TlsVersionEnum
    for suite in CipherSuitesRepository.get_all_cipher_suites(version)
}  # fmt: skip
NEVER_SEEN = {"TLS_DH_anon_WITH_CAMELLIA_128_CBC_SHA256", "TLS_DH_anon_WITH_CAMELLIA_256_CBC_SHA256"}
"""What sslyze lists but its OpenSSL does not offer."""
KNOWN_CURVES = {group_name(one.name.lower()) for one in OpenSslEcNidEnum}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def short_prime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Diffie-Hellman parameters of 1024 bits."""
    path = tmp_path_factory.mktemp("dh") / "dh.pem"
    subprocess.run(["openssl", "dhparam", "-dsaparam", "-out", str(path), "1024"], check=True, capture_output=True)
    return path


def endpoint(port: int, policy: TlsPolicy) -> Endpoint:
    return Endpoint(url="https://web.test", connect=f"127.0.0.1:{port}", expect=EndpointExpectations(tls=policy))


def found_by(module: object, evidence: Evidence, target: Endpoint) -> set[str]:
    """The checks of a module that fail."""
    found = set()
    for function in vars(module).values():
        declared = vocabulary.check_of(function)
        if declared is not None and declared.applies(target):
            names = function.__annotations__
            try:
                function(**{name: target if name == "endpoint" else evidence for name in names if name != "return"})
            except Finding:
                found.add(declared.id.partition(".")[2])
            except CannotTell:
                # sslyze gets not far with some of these servers; our own look always does.
                assert module is deep_checks
    return found


def offending(evidence: TlsEvidence | TlsDeepEvidence, policy: TlsPolicy) -> set[tuple[str, str]]:
    """What is accepted against the policy, of what both scans know."""
    return {
        (one.name, suite.name)
        for one in evidence.protocols
        for suite in one.suites
        if suite.name in KNOWN_SUITES - NEVER_SEEN
        and not (one.name in policy.versions and policy.allows_suite(suite.name))
    }


def curves(names: tuple[str, ...] | None, policy: TlsPolicy) -> set[str]:
    return {name for name in names or () if name in KNOWN_CURVES and not policy.allows_group(name)}


@pytest.mark.parametrize("name", KINDS)
def test_both_looks_tell_the_same(name: str, authority: Authority, short_prime: Path, tmp_path: Path) -> None:
    server = KINDS[name]
    pem = authority.server("web.test", bits=2048 if server.rsa else 0)
    (tmp_path / "dh.pem").write_bytes(short_prime.read_bytes())
    with running(server.program, tmp_path, pem) as port:
        ends = time.monotonic() + 60
        looks = {
            policy: look(endpoint(port, POLICIES[policy]), Context("endpoints.web", ends))
            for policy in ("guide", "mozilla-intermediate")
        }
        deep = look_deep(endpoint(port, POLICIES["guide"]), Context("endpoints.web", ends))
    assert isinstance(deep, TlsDeepEvidence)
    for word, seen in looks.items():
        policy, target = POLICIES[word], endpoint(port, POLICIES[word])
        assert isinstance(seen, TlsEvidence)
        assert {one.name: one.accepted for one in seen.protocols} == {one.name: one.accepted for one in deep.protocols}
        assert offending(seen, policy) == offending(deep, policy)
        wrong = found_by(checks, seen, target)
        assert ("every_suite_is_within_the_policy" in found_by(deep_checks, deep, target)) == any(
            part in name for name in wrong for part in ("refused", "only_forward") if "curves" not in name
        )
        assert curves(seen.groups, policy) - server.missed == curves(deep.curves, policy) - server.missed
        assert (seen.dh_bits, bool(seen.compression)) == (deep.dh_bits, bool(deep.compression))
        assert bool(seen.early_data) == bool(deep.early_data)
        if deep.secure_renegotiation is not None:
            assert seen.secure_renegotiation in (None, deep.secure_renegotiation)
        if seen.fallback_scsv is not None and deep.fallback_scsv is not None:
            assert seen.fallback_scsv == deep.fallback_scsv
        if deep.resumption_ids is not None and deep.resumption_tickets is not None:
            assert seen.resumption == (deep.resumption_ids or deep.resumption_tickets)
        # sslyze asks the highest version alone: what TLS 1.2 lacks beside TLS 1.3 it can't see.
        assert deep.extended_master_secret is not False or seen.extended_master_secret is False
    assert found_by(checks, looks["guide"], endpoint(port, POLICIES["guide"])) == server.wrong
