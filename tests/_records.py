"""Healthy evidence that tests of judging change in one place."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from fixtures.environment.sections.compose import Compose
from fixtures.probes.compose import ComposeEvidence, Health, Mount, Port, ServiceSeen
from fixtures.probes.database import DatabaseEvidence, Extension, ReplicaEvidence, Role

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
COMPOSE_TARGET = Compose(file=Path("docker-compose.prod.yml"), variables={"DB_PASSWORD": "set"})
APP = ServiceSeen(
    name="app",
    context="/srv/apps/web",
    dockerfile="Dockerfile",
    restart="unless-stopped",
    health=Health(program="wget", path="/api/health", interval=30, timeout=10, retries=3),
    waits_for={"db": "service_healthy"},
    variables=tuple(names.partition("|")[0] for names in COMPOSE_TARGET.expect.environment),
)
DB = ServiceSeen(
    name="db",
    image="postgres:15-alpine",
    ports=(Port(host="127.0.0.1", published="5432", target=5432),),
    mounts=(Mount(kind="volume", source="postgres_data", target="/var/lib/postgresql/data", read_only=False),),
    restart="always",
    health=Health(program="pg_isready", database="emailai_prod", interval=10, timeout=5, retries=5),
    variables=("POSTGRES_DB", "POSTGRES_PASSWORD", "POSTGRES_USER"),
)
PROXY = ServiceSeen(
    name="nginx",
    image="nginx:1.30-alpine",
    ports=(Port(host="", published="80", target=80), Port(host="0.0.0.0", published="443", target=443)),
    mounts=(
        Mount(kind="bind", source="/srv/nginx.conf", target="/etc/nginx/nginx.conf", read_only=True),
        Mount(kind="bind", source="/srv/ssl", target="/etc/nginx/ssl", read_only=True),
    ),
    restart="unless-stopped",
    waits_for={"app": "service_started"},
)
COMPOSE = ComposeEvidence(observed_at=NOW, file="docker-compose.prod.yml", services=(APP, DB, PROXY))
