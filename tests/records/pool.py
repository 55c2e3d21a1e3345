"""Evidence of `pool` that is healthy, and what makes its checks fail."""

from __future__ import annotations

from fixtures.probes.pool import Pool, PoolEvidence, PoolUseEvidence
from tests.records import NOW, Fails
from tests.records.pgbouncer import ENTRY, PGBOUNCER

POOL = Pool(
    database="emailai_prod",
    user="emailai",
    clients=40,
    waiting=0,
    servers=5,
    logging_in=0,
    longest=0.0,
    size=25,
    reserve=5,
)
POOLS = PoolEvidence(
    observed_at=NOW, pools=(POOL,), databases=(ENTRY,), max_client_conn=1000, user_limit=0, question="answered"
)
POOL_USE = PoolUseEvidence(
    observed_at=NOW,
    database="emailai_prod",
    max_connections=100,
    reserved=3,
    role="emailai",
    clients=40,
    served=True,
    through=5,
    past={},
    sees_all=True,
    own_role="verifier",
    entries=(ENTRY,),
    pools=(POOL,),
    user_limit=0,
)
ELSEWHERE = PGBOUNCER.databases[0].model_copy(update={"database": "postgres"})
FAILS: Fails = {
    "pool.database_leads_to_its_server": (POOL_USE, {"entries": (ELSEWHERE,)}),
    "pool.logins_at_the_server_succeed": (
        POOLS,
        {"pools": (POOL.model_copy(update={"servers": 0, "logging_in": 1, "waiting": 3}),)},
    ),
    "pool.no_client_waits": (POOLS, {"pools": (POOL.model_copy(update={"waiting": 3, "longest": 1.5}),)}),
    "pool.the_application_comes_through_the_pool": (POOL_USE, {"clients": 0, "served": False}),
}
