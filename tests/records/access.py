"""Evidence of `access` that is healthy, and what makes its checks fail."""

from __future__ import annotations

from fixtures.probes.access import AccessEvidence, AppRole, LoginEvidence, Rule
from tests.records import NOW, Fails

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
FAILS: Fails = {
    "access.application_sessions_are_encrypted": (
        ACCESS,
        {"app_role": APP_ROLE.model_copy(update={"unencrypted": 2})},
    ),
    "access.every_rule_can_be_read": (ACCESS, {"rules": (RULE.model_copy(update={"broken": True}),)}),
    "access.passwords_of_the_guide_are_refused": (LOGINS, {"taken": 1}),
    "access.the_application_proves_itself_by_scram": (
        ACCESS,
        {"app_role": APP_ROLE.model_copy(update={"asked": "md5"})},
    ),
}
