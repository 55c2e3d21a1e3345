"""Healthy evidence that tests of judging change in one place."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from fixtures.probes._certificate import Link, Served
from fixtures.probes.certificate import CertificateEvidence
from fixtures.probes.database import DatabaseEvidence, Extension, ReplicaEvidence, Role

NOW = datetime(2026, 11, 24, tzinfo=UTC)
DATABASE = DatabaseEvidence(
    observed_at=NOW,
    version_num=150004,
    in_recovery=False,
    system_identifier="1",
    database="emailai_prod",
    database_owner="emailai",
    default_read_only=False,
    encoding="UTF8",
    timezone="UTC",
    extensions=(Extension(name="uuid-ossp", installed="1.1"), Extension(name="pg_trgm", installed="1.6")),
    app_role=Role(name="emailai", exists=True, can_login=True),
    own_superuser=False,
    own_writable_tables=0,
    tables=2,
    followers=(),
    latency=0.001,
)
REPLICA = ReplicaEvidence(
    observed_at=NOW,
    primary="primary",
    in_recovery=True,
    primary_in_recovery=False,
    system_identifier="1",
    primary_system_identifier="1",
    streaming=True,
    lag=0.0,
)


def link(
    subject: str,
    issuer: str = "root",
    begins: float = -1,
    days: float = 90,
    key: str = "secp256r1",
    bits: int = 256,
    signature: str = "sha256",
) -> Link:
    """A certificate that is valid unless it is told otherwise; times in days from `NOW`."""
    start = NOW + timedelta(days=begins)
    return Link(
        subject=subject,
        issuer=issuer,
        fingerprint=f"{subject} {begins} {days} {key} {signature}",
        self_issued=subject == issuer,
        not_before=start,
        not_after=start + timedelta(days=days),
        key=key,
        bits=bits,
        signature=signature,
    )


LEAF = link("web.test", "intermediate")
CHAIN = (LEAF, link("intermediate", begins=-900, days=1800))
SERVED = Served(
    name="web.test",
    address="192.0.2.1",
    chain=CHAIN,
    path=(*CHAIN, link("root", begins=-900, days=1800)),
    needed=(0, 1),
    san=("web.test",),
    scts=2,
)
PRESENTED = CertificateEvidence(observed_at=NOW, host="web.test", port=443, private=True, served=SERVED)
