"""Evidence of `certificate` that is healthy, and what makes its checks fail."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from fixtures.probes._certificate import Link, Served, Staple
from fixtures.probes._certificate_revocation import Revocation
from fixtures.probes.certificate import CertificateEvidence
from tests.records import NOW, Fails


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
PRESENTED = CertificateEvidence(
    observed_at=NOW,
    host="web.test",
    port=443,
    private=True,
    served=SERVED,
    revocation=(Revocation(subject="a", status="good"),),
)


def served(**changes: Any) -> dict[str, Any]:
    """The change to what the host presents."""
    return {"served": SERVED.model_copy(update=changes)}


FAILS: Fails = {
    "certificate.every_address_presents_one": (
        PRESENTED,
        {"addressed": (Served(name="web.test", address="192.0.2.2", error="refused"),)},
    ),
    "certificate.is_logged": (PRESENTED, {"private": False, "served": SERVED.model_copy(update={"scts": 1})}),
    "certificate.is_not_revoked": (PRESENTED, {"revocation": (Revocation(subject="a", status="revoked"),)}),
    "certificate.no_other_site_is_shown_without_a_name": (
        PRESENTED,
        {"unnamed": SERVED.model_copy(update={"name": "", "san": ("other.test",)})},
    ),
    "certificate.same_on_every_address": (
        PRESENTED,
        {"addressed": (SERVED.model_copy(update={"address": "192.0.2.2", "san": ("old.test",)}),)},
    ),
    "certificate.signatures_are_strong": (PRESENTED, served(chain=(LEAF, link("intermediate", signature="sha1")))),
    "certificate.staple_is_valid": (PRESENTED, served(staple=Staple(status="unknown", fits=True))),
}
