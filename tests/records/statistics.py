"""Evidence of `statistics` that is healthy, and what makes its checks fail."""

from __future__ import annotations

from fixtures.probes.statistics import Slow, StatisticsEvidence, Table
from tests.records import NOW, Fails

BUSY = Table(name="emails", live=1e6, dead=1e4, whole=10.0, by_index=1e6)
STATISTICS = StatisticsEvidence(
    observed_at=NOW,
    hit=1e9,
    read=1e5,
    timed=1000,
    requested=20,
    tables=(BUSY,),
    slow=Slow(statements=0, slowest=0.0, calls=0.0),
    hidden=False,
    logs_slow=False,
    own_role="verifier",
)
FAILS: Fails = {
    "statistics.checkpoints_come_in_time": (STATISTICS, {"requested": 1001}),
    "statistics.dead_rows_are_cleared_away": (STATISTICS, {"tables": (BUSY.model_copy(update={"dead": 3e5}),)}),
    "statistics.large_tables_are_read_by_index": (STATISTICS, {"tables": (BUSY.model_copy(update={"whole": 1e5}),)}),
    "statistics.most_blocks_come_from_the_cache": (STATISTICS, {"read": 1e8}),
}
