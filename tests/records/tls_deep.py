"""Evidence of `tls_deep` that is healthy, and what makes its checks fail."""

from __future__ import annotations

from fixtures.probes.tls_deep import TlsDeepEvidence
from tests.records import NOW, Fails
from tests.records.tls import TLS

TLS_DEEP = TlsDeepEvidence(
    observed_at=NOW,
    host="web.test",
    address="192.0.2.1",
    port=443,
    protocols=TLS.protocols,
    curves=("secp256r1", "x25519"),
    dh_bits=None,
    heartbleed=False,
    ccs_injection=False,
    robot="NOT_VULNERABLE_RSA_NOT_SUPPORTED",
    client_renegotiation=False,
    secure_renegotiation=True,
    compression=False,
    fallback_scsv=True,
    extended_master_secret=True,
    early_data=False,
    resumption_ids=True,
    resumption_tickets=False,
)
FAILS: Fails = {
    "tls_deep.ccs_injection_is_fixed": (TLS_DEEP, {"ccs_injection": True}),
    "tls_deep.clients_cannot_renegotiate": (TLS_DEEP, {"client_renegotiation": True}),
    "tls_deep.heartbleed_is_fixed": (TLS_DEEP, {"heartbleed": True}),
    "tls_deep.robot_is_fixed": (TLS_DEEP, {"robot": "VULNERABLE_WEAK_ORACLE"}),
}
