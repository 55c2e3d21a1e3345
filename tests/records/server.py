"""Evidence of `server` that is healthy, and what makes its checks fail."""

from __future__ import annotations

from fixtures.probes.server import ServerEvidence
from tests.records import NOW, Fails

SERVER = ServerEvidence(
    observed_at=NOW,
    settings={"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on", "autovacuum": "on"},
    lowered={},
    waiting=(),
    oldest_database="emailai_prod",
    xid_age=200e6,
    multixact_age=1e6,
    clock=0.1,
    doubt=0.01,
    collation=True,
    collations=0,
    outdated=(),
)
FAILS: Fails = {
    "server.clock_is_right": (SERVER, {"clock": -2.5}),
    "server.text_is_sorted_as_its_indexes_are": (SERVER, {"collation": False}),
    "server.transaction_ids_do_not_run_out": (SERVER, {"multixact_age": 1.5e9}),
}
