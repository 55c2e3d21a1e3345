"""Evidence of `tls` that is healthy, and what makes its checks fail."""

from __future__ import annotations

from fixtures.environment.model import Target
from fixtures.environment.sections.endpoints import Endpoint
from fixtures.probes._tls_suites import suite
from fixtures.probes.tls import Protocol, TlsEvidence
from tests.records import NOW, Fails

TLS12 = Protocol(name="TLSv1.2", accepted=True, suites=(suite("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),))
TLS = TlsEvidence(
    observed_at=NOW,
    host="web.test",
    address="192.0.2.1",
    port=443,
    speaks_tls=True,
    protocols=(
        *(Protocol(name=name, accepted=False) for name in ("SSLv2", "SSLv3", "TLSv1.0", "TLSv1.1")),
        TLS12,
        Protocol(name="TLSv1.3", accepted=True, suites=(suite("TLS_AES_128_GCM_SHA256"),)),
    ),
    policy="guide",
    connections=23,
    groups=("secp256r1", "x25519"),
    dh_seen=True,
    alpn="h2",
    alpn_seen=True,
    compression=False,
    secure_renegotiation=True,
    extended_master_secret=True,
    fallback_scsv=True,
    server_preference=True,
    resumption=True,
    early_data=0,
)
TRIPLE_DES = TLS12.model_copy(update={"suites": (*TLS12.suites, suite("TLS_RSA_WITH_3DES_EDE_CBC_SHA"))})
TARGETS: dict[type[Target], Target] = {Endpoint: Endpoint(url="https://web.test")}
FAILS: Fails = {
    "tls.compression_is_off": (TLS, {"compression": True}),
    "tls.downgrades_are_noticed": (TLS, {"fallback_scsv": False}),
    "tls.diffie_hellman_is_long_enough": (TLS, {"dh_bits": 1024}),
    "tls.current_clients_are_understood": (TLS, {"intolerant": ("TLS 1.3",)}),
    "tls.rc4_and_des_are_refused": (TLS, {"protocols": (*TLS.protocols[:4], TRIPLE_DES, TLS.protocols[5])}),
    "tls.renegotiation_is_secure": (TLS, {"secure_renegotiation": False}),
    "tls.the_master_secret_is_extended": (TLS, {"extended_master_secret": False}),
    "tls.the_port_speaks_tls": (TLS, {"speaks_tls": False}),
}
