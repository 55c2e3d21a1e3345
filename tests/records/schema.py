"""Evidence of `schema` that is healthy, and what makes its checks fail."""

from __future__ import annotations

from fixtures.probes.schema import Objects, SchemaEvidence
from tests.records import NOW

NONE = Objects(count=0, names=())
SCHEMA = SchemaEvidence(
    observed_at=NOW,
    tables=3,
    invalid_indexes=NONE,
    unvalidated_constraints=NONE,
    foreign_keys_without_index=NONE,
    duplicate_indexes=NONE,
    tables_without_primary_key=NONE,
    tables_without_log=NONE,
    foreign_keys_switched_off=NONE,
    sequences=(),
    unseen=NONE,
    own_role="verifier",
)
