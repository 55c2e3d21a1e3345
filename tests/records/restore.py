"""Evidence of `restore` that is healthy, and what makes its checks fail."""

from __future__ import annotations

from datetime import timedelta

from fixtures.probes.restore import Restored, RestoreEvidence
from tests.records import NOW, Fails
from tests.records.backups import LIVE, MADE, backup

RESTORE = RestoreEvidence(
    observed_at=NOW,
    name=backup().name,
    made_at=MADE,
    format="custom",
    major=15,
    jobs=2,
    left_out=0,
    last_oid=16430,
    fetching=1.0,
    restoring=2.0,
    looking=0.5,
    code=0,
    trouble="",
    restored=Restored(
        tables=LIVE.tables,
        constraints=LIVE.constraints,
        extensions=LIVE.extensions,
        migrations=LIVE.migrations,
        behind=(),
        newest=MADE - timedelta(minutes=1),
        answers={"some": True},
    ),
    live=LIVE,
)
FAILS: Fails = {
    "restore.restored_within_the_rto": (RESTORE, {"restoring": 3601.0}),
}
