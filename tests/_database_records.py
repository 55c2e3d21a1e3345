"""Healthy evidence of databases and poolers that tests of judging change in one place."""

from __future__ import annotations

from fixtures.environment.secrets import Secret
from fixtures.environment.sections.pgbouncer import Clients, PgBouncer, PgBouncerExpectations
from fixtures.environment.sections.postgres import Postgres, PostgresExpectations
from fixtures.environment.sections.tenants import Tenants, TenantTable
from fixtures.probes.access import AccessEvidence, AppRole, LoginEvidence, Rule
from fixtures.probes.activity import ActivityEvidence
from fixtures.probes.pgbouncer import Database, PgBouncerEvidence
from fixtures.probes.pool import Pool, PoolEvidence, PoolUseEvidence
from fixtures.probes.replication import FollowingEvidence, SendingEvidence, Slot
from fixtures.probes.schema import Objects, SchemaEvidence
from fixtures.probes.server import ServerEvidence
from fixtures.probes.statistics import Slow, StatisticsEvidence, Table
from fixtures.probes.tenants import Counted, Shapes, TableSeen, TenantCountsEvidence, TenantsEvidence
from tests._records import NOW

SERVER_TARGET = Postgres(url=Secret("postgresql://nowhere"), app_role="emailai", expect=PostgresExpectations(tls=True))
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
TENANTS_TARGET = Tenants(
    database="primary",
    tables={"users": TenantTable(nullable=True), "accounts": TenantTable(rls=True)},
    tokens={"accounts": ("access_token",)},
    emails={"users": ("email",)},
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
RULE = Rule(
    line=9, type="hostssl", method="scram-sha-256", databases="all", users="all", address="10.0.0.0", broken=False
)
APP_ROLE = AppRole(
    name="emailai",
    createdb=False,
    replication=False,
    mighty=(),
    other_databases=0,
    connect=True,
    create=True,
    temporary=True,
    unencrypted=0,
    asked="scram",
)
ACCESS = AccessEvidence(
    observed_at=NOW,
    encrypted=True,
    password_encryption="scram-sha-256",
    rules=(RULE,),
    app_role=APP_ROLE,
    owner="emailai",
    database="emailai_prod",
    public_creates=(),
    public_database=(),
    own_role="verifier",
)
LOGINS = LoginEvidence(observed_at=NOW, role="emailai", tried=4, taken=0)
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
ACTIVITY = ActivityEvidence(
    observed_at=NOW,
    sessions=20,
    max_connections=100,
    reserved=3,
    hidden=0,
    long_queries=0,
    longest_query=0.2,
    idle=0,
    longest_idle=0.1,
    waits=0,
    longest_wait=0.0,
    prepared=0,
    longest_prepared=0.0,
    own_role="verifier",
)
NONE = Objects(count=0, names=())
SCHEMA = SchemaEvidence(
    observed_at=NOW,
    tables=3,
    invalid_indexes=NONE,
    unvalidated_constraints=NONE,
    foreign_keys_without_index=NONE,
    duplicate_indexes=NONE,
    tables_without_primary_key=NONE,
    tables_without_log=NONE,
    foreign_keys_switched_off=NONE,
    sequences=(),
    unseen=NONE,
    own_role="verifier",
)
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
USERS = TableSeen(
    name="users",
    column="organization_id",
    exists=True,
    has_column=True,
    refers=True,
    validated=True,
    indexed=True,
    owner="emailai",
)
ACCOUNTS = USERS.model_copy(update={"name": "accounts", "not_null": True, "rls": True, "forced": True, "policies": 1})
TENANTS = TenantsEvidence(
    observed_at=NOW,
    table="organizations",
    exists=True,
    tables=(USERS, ACCOUNTS),
    undeclared=(),
    app_role="emailai",
)
COUNTS = TenantCountsEvidence(
    observed_at=NOW,
    seen_on="replica",
    orphans=(),
    crossings=(Counted(what="accounts_user_id_fkey of accounts", rows=0.0),),
    tokens=(Shapes(column="accounts.access_token", total=9, cipher=9),),
    emails=(Shapes(column="users.email", total=9),),
)
