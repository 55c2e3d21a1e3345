"""Evidence of `tenants` that is healthy, and what makes its checks fail."""

from __future__ import annotations

from fixtures.environment.model import Target
from fixtures.environment.sections.tenants import Tenants, TenantTable
from fixtures.probes.tenants import Counted, Shapes, TableSeen, TenantCountsEvidence, TenantsEvidence
from tests.records import NOW, Fails

TENANTS_TARGET = Tenants(
    database="primary",
    tables={"users": TenantTable(nullable=True), "accounts": TenantTable(rls=True)},
    tokens={"accounts": ("access_token",)},
    emails={"users": ("email",)},
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
TARGETS: dict[type[Target], Target] = {Tenants: TENANTS_TARGET}
FAILS: Fails = {
    "tenants.policies_keep_tenants_apart": (TENANTS, {"tables": (ACCOUNTS.model_copy(update={"forced": False}),)}),
}
