"""Evidence of `pgbouncer` that is healthy, and what makes its checks fail."""

from __future__ import annotations

from fixtures.environment.model import Target
from fixtures.environment.secrets import Secret
from fixtures.environment.sections.pgbouncer import Clients, PgBouncer, PgBouncerExpectations
from fixtures.probes.pgbouncer import Database, PgBouncerEvidence
from tests.records import NOW, Fails

POOLER_TARGET = PgBouncer.model_validate(
    {
        "console": Secret("postgresql://nowhere/pgbouncer"),
        "for": "primary",
        "clients": Clients(processes=3, connection_limit=20, prepared=True),
        "expect": PgBouncerExpectations(
            pool_mode="transaction", port=6432, auth_file="/etc/pgbouncer/userlist.txt", addresses=("127.0.0.1",)
        ),
    }
)
ENTRY = Database(name="emailai_prod", host="10.0.0.5", database="emailai_prod", pool_mode=None, pool_size=25, reserve=5)
PGBOUNCER = PgBouncerEvidence(
    observed_at=NOW,
    version="PgBouncer 1.24.1",
    auth_type="scram-sha-256",
    auth_file="/etc/pgbouncer/userlist.txt",
    listen_addr="127.0.0.1",
    listen_port=6432,
    pool_mode="transaction",
    default_pool_size=25,
    min_pool_size=5,
    reserve_pool_size=5,
    reserve_pool_timeout=5.0,
    max_client_conn=1000,
    max_prepared_statements=200,
    databases=(ENTRY,),
)
PAUSED = PGBOUNCER.databases[0].model_copy(update={"paused": True})
TARGETS: dict[type[Target], Target] = {PgBouncer: POOLER_TARGET}
FAILS: Fails = {
    "pgbouncer.auth_file_is_as_declared": (PGBOUNCER, {"auth_file": "/etc/pgbouncer/old.txt"}),
    "pgbouncer.no_database_is_paused_or_disabled": (PGBOUNCER, {"databases": (PAUSED,)}),
    "pgbouncer.port_is_as_declared": (PGBOUNCER, {"listen_port": 5432}),
    "pgbouncer.prepared_statements_find_their_connection": (PGBOUNCER, {"max_prepared_statements": None}),
}
