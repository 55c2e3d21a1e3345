"""Evidence of `replication` that is healthy, and what makes its checks fail."""

from __future__ import annotations

from fixtures.probes.replication import FollowingEvidence, SendingEvidence, Slot
from tests.records import NOW, Fails

SLOT = Slot(name="replica", type="physical", active=True, status="reserved", keeps=0.0)
SENDING = SendingEvidence(observed_at=NOW, slots=(SLOT,), wal_keep_size=0, max_wal_senders=10)
FOLLOWING = FollowingEvidence(
    observed_at=NOW,
    primary="primary",
    in_recovery=True,
    behind=0.0,
    paused=False,
    timeline=3,
    primary_timeline=3,
    conflicts=0,
    since=864000.0,
)
FAILS: Fails = {
    "replication.few_queries_are_ended_by_replay": (FOLLOWING, {"conflicts": 200}),
    "replication.no_slot_is_lost": (SENDING, {"slots": (SLOT.model_copy(update={"status": "lost"}),)}),
    "replication.replica_is_few_bytes_behind": (FOLLOWING, {"behind": 65.0 * 2**20}),
    "replication.timeline_is_the_same": (FOLLOWING, {"timeline": 2}),
}
