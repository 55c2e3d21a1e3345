"""Evidence of `drift` that is healthy, and what makes its checks fail."""

from __future__ import annotations

from fixtures.probes.drift import DriftEvidence
from tests.records import NOW

DRIFT = DriftEvidence(
    observed_at=NOW,
    source="git 4f2c1ab90d12",
    seen_on="primary",
    replayed=3,
    major=15,
    schemas=("public",),
    compared={"table": 2},
    found={},
    differences=(),
    app_role="app",
    declared_extensions=("uuid-ossp", "pg_trgm"),
)
