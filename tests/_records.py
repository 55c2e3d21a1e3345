"""Healthy evidence that tests of judging change in one place."""

from __future__ import annotations

from datetime import UTC, datetime

from fixtures.probes.database import Archiving, DatabaseEvidence, Extension, ReplicaEvidence, Role

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
    archiving=Archiving(mode="on", last_archived=NOW, last_failed=None),
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
