"""Evidence of `migrations` that is healthy, and what makes its checks fail."""

from __future__ import annotations

from datetime import timedelta

from fixtures.probes._migration_tools import Row
from fixtures.probes.migrations import MigrationsEvidence
from tests.records import NOW, Fails

MIGRATIONS = MigrationsEvidence(
    observed_at=NOW,
    source="git 4f2c1ab90d12",
    scripts=("1_a", "2_b"),
    incomplete=(),
    table="public._prisma_migrations",
    rows=tuple(
        Row(name=name, state="applied", same=True, steps=1, started_at=began, finished_at=began + timedelta(seconds=1))
        for name, began in (("1_a", NOW - timedelta(days=2)), ("2_b", NOW - timedelta(days=1)))
    ),
    lock=None,
    in_recovery=False,
)
FAILS: Fails = {
    "migrations.every_migration_has_its_script": (MIGRATIONS, {"incomplete": ("3_c",)}),
}
