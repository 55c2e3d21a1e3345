"""Evidence of `database` that is healthy, and what makes its checks fail."""

from __future__ import annotations

from datetime import UTC, datetime

from fixtures.environment.model import Target
from fixtures.environment.secrets import Secret
from fixtures.environment.sections.postgres import Postgres, PostgresExpectations
from fixtures.probes.database import Archiving, DatabaseEvidence, Extension, ReplicaEvidence, Role
from tests.records import NOW, Fails

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
SERVER_TARGET = Postgres(url=Secret("postgresql://nowhere"), app_role="emailai", expect=PostgresExpectations(tls=True))
TARGETS: dict[type[Target], Target] = {Postgres: SERVER_TARGET}
FAILS: Fails = {
    "database.declared_extensions_are_available": (DATABASE, {"extensions": DATABASE.extensions[:1]}),
    "database.encoding_is_utf8": (DATABASE, {"encoding": "SQL_ASCII"}),
    "database.replica_is_of_the_same_cluster": (REPLICA, {"primary_system_identifier": "2"}),
    "database.version_is_at_least_14": (DATABASE, {"version_num": 130023}),
    "database.version_is_not_older_than_declared": (DATABASE, {"version_num": 140024}),
    "database.version_is_supported": (DATABASE, {"observed_at": datetime(2027, 11, 12, tzinfo=UTC)}),
    "database.version_is_the_declared_one": (DATABASE, {"version_num": 160015}),
}
