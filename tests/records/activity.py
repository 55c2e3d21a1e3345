"""Evidence of `activity` that is healthy, and what makes its checks fail."""

from __future__ import annotations

from fixtures.probes.activity import ActivityEvidence
from tests.records import NOW, Fails

ACTIVITY = ActivityEvidence(
    observed_at=NOW,
    sessions=20,
    max_connections=100,
    reserved=3,
    hidden=0,
    long_queries=0,
    longest_query=0.2,
    idle=0,
    longest_idle=0.1,
    waits=0,
    longest_wait=0.0,
    prepared=0,
    longest_prepared=0.0,
    own_role="verifier",
)
FAILS: Fails = {
    "activity.no_prepared_transaction_is_forgotten": (ACTIVITY, {"prepared": 1, "longest_prepared": 3600.0}),
    "activity.connections_are_left": (ACTIVITY, {"sessions": 88}),
}
