"""Checks that no fault of a stack can prove: evidence that makes each fail, beside evidence that passes."""

from __future__ import annotations

import contextlib
import typing
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fixtures import vocabulary
from fixtures.catalogue import checks, generate
from fixtures.environment.loading import Environment
from fixtures.environment.model import Target
from fixtures.environment.policy import Settings
from fixtures.environment.sections.auth import Auth
from fixtures.environment.sections.backups import Backups
from fixtures.environment.sections.compose import Compose
from fixtures.environment.sections.dns import Dns
from fixtures.environment.sections.endpoints import Endpoint, Paths
from fixtures.environment.sections.instances import Instance
from fixtures.environment.sections.pgbouncer import PgBouncer
from fixtures.environment.sections.postgres import Postgres, PostgresExpectations
from fixtures.environment.sections.tenants import Tenants
from fixtures.environment.sections.webhooks import Webhook
from fixtures.probes._certificate import Served, Staple
from fixtures.probes._certificate_revocation import Revocation
from fixtures.probes._sign_in import Reply as AuthReply
from fixtures.probes._tls_suites import suite
from fixtures.probes.auth import Landing, ProtectedEvidence
from fixtures.probes.balancer import BalancerEvidence
from fixtures.probes.compose import Port, ServiceSeen
from fixtures.probes.forged import ForgedEvidence, Reply
from fixtures.probes.redis import RedisEvidence
from fixtures.probes.tls import Protocol, TlsEvidence
from fixtures.probes.tls_deep import TlsDeepEvidence
from fixtures.probes.webhooks import Shape
from fixtures.vocabulary import CannotTell, Evidence, Finding
from tests._backup_records import ARTEFACT, BACKUPS, BUCKET, IN_S3, RESTORE
from tests._database_records import (
    ACCESS,
    ACCOUNTS,
    ACTIVITY,
    APP_ROLE,
    BUSY,
    FOLLOWING,
    LOGINS,
    PGBOUNCER,
    POOL,
    POOL_USE,
    POOLER_TARGET,
    POOLS,
    RULE,
    SENDING,
    SERVER,
    SERVER_TARGET,
    SLOT,
    STATISTICS,
    TENANTS,
    TENANTS_TARGET,
)
from tests._records import (
    APEX,
    APEX6,
    APP,
    ASKED,
    AUTH,
    AUTH_TARGET,
    CAA,
    COMPOSE,
    COMPOSE_TARGET,
    DATABASE,
    DB,
    DKIM,
    DMARC,
    DNS,
    DOMAIN,
    ISSUE,
    LEAF,
    MAIL,
    MIGRATIONS,
    NOW,
    PRESENTED,
    PROXY,
    REPLICA,
    SERVED,
    SPF,
    WEBHOOK,
    WWW,
    WWW6,
    link,
)

TLS12 = Protocol(name="TLSv1.2", accepted=True, suites=(suite("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),))
TLS = TlsEvidence(
    observed_at=NOW,
    host="web.test",
    address="192.0.2.1",
    port=443,
    speaks_tls=True,
    protocols=(
        *(Protocol(name=name, accepted=False) for name in ("SSLv2", "SSLv3", "TLSv1.0", "TLSv1.1")),
        TLS12,
        Protocol(name="TLSv1.3", accepted=True, suites=(suite("TLS_AES_128_GCM_SHA256"),)),
    ),
    policy="guide",
    connections=23,
    groups=("secp256r1", "x25519"),
    dh_seen=True,
    alpn="h2",
    alpn_seen=True,
    compression=False,
    secure_renegotiation=True,
    extended_master_secret=True,
    fallback_scsv=True,
    server_preference=True,
    resumption=True,
    early_data=0,
)
TLS_DEEP = TlsDeepEvidence(
    observed_at=NOW,
    host="web.test",
    address="192.0.2.1",
    port=443,
    protocols=TLS.protocols,
    curves=("secp256r1", "x25519"),
    dh_bits=None,
    heartbleed=False,
    ccs_injection=False,
    robot="NOT_VULNERABLE_RSA_NOT_SUPPORTED",
    client_renegotiation=False,
    secure_renegotiation=True,
    compression=False,
    fallback_scsv=True,
    extended_master_secret=True,
    early_data=False,
    resumption_ids=True,
    resumption_tickets=False,
)
TRIPLE_DES = TLS12.model_copy(update={"suites": (*TLS12.suites, suite("TLS_RSA_WITH_3DES_EDE_CBC_SHA"))})
REDIS = RedisEvidence(
    observed_at=NOW,
    version="7.0.15",
    tls=True,
    anonymous="refused",
    loading=False,
    used_memory=2**20,
    maxmemory=2**26,
    eviction="allkeys-lru",
    rdb=True,
    aof=False,
    last_save_ok=True,
    last_append_ok=True,
    keys=1,
    sampled=1,
    eternal=0,
)


def served(**changes: Any) -> dict[str, Any]:
    """The change to what the host presents."""
    return {"served": SERVED.model_copy(update=changes)}


def with_service(service: ServiceSeen, **change: Any) -> dict[str, Any]:
    """The compose file with one service changed."""
    changed = service.model_copy(update=change)
    return {"services": tuple(changed if each.name == service.name else each for each in COMPOSE.services)}


def bucket(**changes: Any) -> dict[str, Any]:
    """The change to a bucket."""
    return {"bucket": BUCKET.model_copy(update=changes)}


EVERYWHERE = (Port(host="", published="5432", target=5432),)
ELSEWHERE = PGBOUNCER.databases[0].model_copy(update={"database": "postgres"})
PAUSED = PGBOUNCER.databases[0].model_copy(update={"paused": True})
BALANCER = BalancerEvidence(
    observed_at=NOW, requests=20, instances={"app1": 20}, builds={"b1": 20}, lost=0, unnamed=0, unbuilt=0
)
FORGED = ForgedEvidence(observed_at=NOW, replies=(Reply(kind="trace", name="TRACE /", status=405, asked=200),))
FAILS: dict[str, tuple[Evidence, dict[str, Any]]] = {
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
    "activity.no_prepared_transaction_is_forgotten": (ACTIVITY, {"prepared": 1, "longest_prepared": 3600.0}),
    "activity.connections_are_left": (ACTIVITY, {"sessions": 88}),
    "auth.client_id_is_one_of_googles": (
        AUTH,
        {"authorize": ASKED.model_copy(update={"client_id": "your-google-client-id"})},
    ),
    "backups.bucket_encrypts_what_comes": (BACKUPS, bucket(encryption="AES256")),
    "backups.bucket_expires_old_ones": (BACKUPS, bucket(expires_after=0)),
    "backups.bucket_is_locked_as_declared": (BACKUPS, bucket(locked=False)),
    "backups.bucket_is_not_public": (BACKUPS, bucket(blocked=False)),
    "backups.bucket_is_versioned_as_declared": (BACKUPS, bucket(versioned=False)),
    "backups.bucket_refuses_plain_http": (BACKUPS, bucket(tls_only=False)),
    "balancer.every_answer_is_below_500": (BALANCER, {"lost": 1}),
    "backups.disk_has_room_for_more": (
        BACKUPS,
        {"directory": BACKUPS.directory and BACKUPS.directory.model_copy(update={"free": 10**6})},
    ),
    "backups.dump_program_is_as_new_as_the_server": (
        ARTEFACT,
        {"head": ARTEFACT.head.model_copy(update={"dump_version": "14.19"})},
    ),
    "backups.dump_runs_no_commands": (ARTEFACT, {"commands": ("\\!",)}),
    "backups.newest_is_encrypted": (BACKUPS, bucket(newest_encryption="AES256")),
    "restore.restored_within_the_rto": (RESTORE, {"restoring": 3601.0}),
    "certificate.every_address_presents_one": (
        PRESENTED,
        {"addressed": (Served(name="web.test", address="192.0.2.2", error="refused"),)},
    ),
    "certificate.is_logged": (PRESENTED, {"private": False, "served": SERVED.model_copy(update={"scts": 1})}),
    "certificate.is_not_revoked": (PRESENTED, {"revocation": (Revocation(subject="a", status="revoked"),)}),
    "certificate.no_other_site_is_shown_without_a_name": (
        PRESENTED,
        {"unnamed": SERVED.model_copy(update={"name": "", "san": ("other.test",)})},
    ),
    "certificate.same_on_every_address": (
        PRESENTED,
        {"addressed": (SERVED.model_copy(update={"address": "192.0.2.2", "san": ("old.test",)}),)},
    ),
    "certificate.signatures_are_strong": (PRESENTED, served(chain=(LEAF, link("intermediate", signature="sha1")))),
    "certificate.staple_is_valid": (PRESENTED, served(staple=Staple(status="unknown", fits=True))),
    "compose.app_gets_its_variables": (COMPOSE, with_service(APP, variables=APP.variables[1:])),
    "compose.app_health_check_asks_the_app": (COMPOSE, with_service(APP, health=None)),
    "compose.app_health_check_is_soon": (
        COMPOSE,
        with_service(APP, health=APP.health and APP.health.model_copy(update={"interval": 31.0})),
    ),
    "compose.app_is_built_or_pinned": (COMPOSE, with_service(APP, context="", image="emailai:latest")),
    "compose.app_is_reached_through_the_proxy_only": (COMPOSE, with_service(APP, ports=EVERYWHERE)),
    "compose.app_waits_for_a_healthy_database": (COMPOSE, with_service(APP, waits_for={"db": "service_started"})),
    "compose.database_gets_its_variables": (COMPOSE, with_service(DB, variables=("POSTGRES_DB", "POSTGRES_USER"))),
    "compose.database_health_check_asks_the_database": (COMPOSE, with_service(DB, health=None)),
    "compose.database_health_check_is_soon": (
        COMPOSE,
        with_service(DB, health=DB.health and DB.health.model_copy(update={"retries": 6})),
    ),
    "compose.database_health_check_names_the_database": (
        COMPOSE,
        with_service(DB, health=DB.health and DB.health.model_copy(update={"database": ""})),
    ),
    "compose.database_image_is_of_the_declared_version": (COMPOSE, with_service(DB, image="postgres:14-alpine")),
    "compose.database_is_not_published": (COMPOSE, with_service(DB, ports=EVERYWHERE)),
    "compose.database_is_on_a_volume": (COMPOSE, with_service(DB, mounts=())),
    "compose.file_is_valid": (COMPOSE, {"flaw": "services.app.prots is unknown"}),
    "compose.images_are_pinned": (COMPOSE, with_service(PROXY, image="nginx:alpine")),
    "compose.only_the_proxy_is_public": (
        COMPOSE,
        {"services": (*COMPOSE.services, ServiceSeen(name="redis", ports=EVERYWHERE))},
    ),
    "compose.proxy_configuration_is_read_only": (
        COMPOSE,
        with_service(PROXY, mounts=(PROXY.mounts[0].model_copy(update={"read_only": False}),)),
    ),
    "compose.proxy_keys_are_read_only": (
        COMPOSE,
        with_service(PROXY, mounts=(PROXY.mounts[1].model_copy(update={"read_only": False}),)),
    ),
    "compose.proxy_publishes_http_and_https": (COMPOSE, with_service(PROXY, ports=PROXY.ports[1:])),
    "compose.proxy_waits_for_the_app": (COMPOSE, with_service(PROXY, waits_for={})),
    "compose.secrets_are_not_in_the_file": (COMPOSE, with_service(DB, literal=("POSTGRES_PASSWORD",))),
    "compose.services_are_defined": (COMPOSE, {"services": COMPOSE.services[1:]}),
    "compose.services_are_restarted": (COMPOSE, with_service(DB, restart="no")),
    "compose.variables_are_set": (COMPOSE, {"unset": ("DB_PASSWORD",)}),
    "compose.version_key_is_gone": (COMPOSE, {"version": "3.8"}),
    "forged.trace_is_refused": (
        FORGED,
        {"replies": (Reply(kind="trace", name="TRACE /", status=200, asked=200, shows=("the body",)),)},
    ),
    "database.declared_extensions_are_available": (DATABASE, {"extensions": DATABASE.extensions[:1]}),
    "database.encoding_is_utf8": (DATABASE, {"encoding": "SQL_ASCII"}),
    "database.replica_is_of_the_same_cluster": (REPLICA, {"primary_system_identifier": "2"}),
    "database.version_is_at_least_14": (DATABASE, {"version_num": 130023}),
    "database.version_is_not_older_than_declared": (DATABASE, {"version_num": 140024}),
    "database.version_is_supported": (DATABASE, {"observed_at": datetime(2027, 11, 12, tzinfo=UTC)}),
    "database.version_is_the_declared_one": (DATABASE, {"version_num": 160015}),
    "dns.addresses_are_public": (
        DNS,
        {"addresses": (APEX.model_copy(update={"records": ("192.168.0.1",)}), APEX6, WWW, WWW6)},
    ),
    "dns.addresses_are_the_declared_ones": (
        DNS,
        {"addresses": (APEX, APEX6.model_copy(update={"records": ("2001:db8::1",)}), WWW, WWW6)},
    ),
    "dns.addresses_change_in_time": (DNS, {"addresses": (APEX.model_copy(update={"ttl": 86400}), APEX6, WWW, WWW6)}),
    "dns.aliases_do_not_dangle": (
        DNS,
        {"addresses": (APEX, APEX6, WWW.model_copy(update={"status": "nxdomain", "records": ()}), WWW6)},
    ),
    "dns.bounces_reach_the_provider": (
        MAIL,
        {"bounces": MAIL.bounces.model_copy(update={"records": ("10 mx.emailai.test",)})},
    ),
    "dns.caa_limits_issuers": (DNS, {"caa": (CAA.model_copy(update={"properties": (), "at": ""}),)}),
    "dns.caa_permits_the_issuer": (
        DNS,
        {"caa": (CAA.model_copy(update={"properties": (ISSUE.model_copy(update={"value": "other.test"}),)}),)},
    ),
    "dns.contacts_can_get_mail": (DNS, {"contacts": (DNS.contacts[0].model_copy(update={"records": ("0 .",)}),)}),
    "dns.dkim_is_not_in_test_mode": (MAIL, {"dkim": (DKIM.model_copy(update={"testing": True}),)}),
    "dns.dkim_keys_are_published": (
        MAIL,
        {"dkim": (DKIM.model_copy(update={"answer": DKIM.answer.model_copy(update={"records": ()})}),)},
    ),
    "dns.dkim_keys_are_strong": (MAIL, {"dkim": (DKIM.model_copy(update={"bits": 768}),)}),
    "dns.dkim_keys_are_usable": (MAIL, {"dkim": (DKIM.model_copy(update={"revoked": True}),)}),
    "dns.dmarc_is_as_strict_as_declared": (MAIL, {"dmarc": DMARC.model_copy(update={"policy": "none"})}),
    "dns.dmarc_is_published": (
        MAIL,
        {"dmarc": DMARC.model_copy(update={"at": "", "asked": (MAIL.spf[1].answer,), "policy": ""})},
    ),
    "dns.dmarc_is_valid": (MAIL, {"dmarc": DMARC.model_copy(update={"errors": ("p='rejcet'",)})}),
    "dns.dmarc_reports_go_somewhere": (MAIL, {"dmarc": DMARC.model_copy(update={"reports": ()})}),
    "dns.domain_is_no_alias": (
        DNS,
        {"addresses": (APEX.model_copy(update={"aliases": ("cname.vercel-dns.com",)}), APEX6, WWW, WWW6)},
    ),
    "dns.mail_hosts_have_addresses": (
        MAIL,
        {"bounce_hosts": (MAIL.bounce_hosts[0].model_copy(update={"status": "nxdomain", "records": ()}),)},
    ),
    "dns.names_have_an_address": (
        DNS,
        {"addresses": (APEX, APEX6, WWW.model_copy(update={"status": "nxdomain", "records": ()}), WWW6)},
    ),
    "dns.names_have_an_ipv6_address": (
        DNS,
        {"addresses": (APEX, APEX6.model_copy(update={"status": "nodata", "records": ()}), WWW, WWW6)},
    ),
    "dns.nameservers_are_several": (
        DNS,
        {"nameservers": DNS.nameservers.model_copy(update={"records": ("ns1.dns.test",)})},
    ),
    "dns.nameservers_are_the_declared_ones": (
        DNS,
        {"nameservers": DNS.nameservers.model_copy(update={"records": ("ns1.dns.test", "ns1.registrar.test")})},
    ),
    "dns.resolvers_agree": (
        DNS,
        {"addresses": (*DNS.addresses, APEX.model_copy(update={"resolver": "192.0.2.54:53", "records": ("9.9.9.9",)}))},
    ),
    "dns.signatures_validate": (
        DNS,
        {"addresses": (APEX.model_copy(update={"status": "bogus", "records": ()}), APEX6, WWW, WWW6)},
    ),
    "dns.spf_does_not_pass_everybody": (MAIL, {"spf": (SPF.model_copy(update={"everybody": "+all"}),)}),
    "dns.spf_fits_a_datagram": (
        MAIL,
        {"spf": (SPF.model_copy(update={"answer": SPF.answer.model_copy(update={"tcp": True})}),)},
    ),
    "dns.spf_includes_the_provider": (MAIL, {"spf": (SPF.model_copy(update={"includes": ("other.test",)}),)}),
    "dns.spf_is_one_record": (
        MAIL,
        {"spf": (SPF.model_copy(update={"answer": SPF.answer.model_copy(update={"records": ("a", "b")})}),)},
    ),
    "dns.spf_is_published": (
        MAIL,
        {"spf": (SPF.model_copy(update={"answer": SPF.answer.model_copy(update={"records": ()})}),)},
    ),
    "dns.spf_is_valid": (MAIL, {"spf": (SPF.model_copy(update={"errors": ("'x' is no term",)}),)}),
    "dns.spf_lookups_are_few": (MAIL, {"spf": (SPF.model_copy(update={"lookups": 11}),)}),
    "dns.spf_rejects_the_rest": (MAIL, {"spf": (SPF.model_copy(update={"rest": "?"}),)}),
    "dns.spf_void_lookups_are_few": (MAIL, {"spf": (SPF.model_copy(update={"void": 3}),)}),
    "pgbouncer.auth_file_is_as_declared": (PGBOUNCER, {"auth_file": "/etc/pgbouncer/old.txt"}),
    "pgbouncer.no_database_is_paused_or_disabled": (PGBOUNCER, {"databases": (PAUSED,)}),
    "pgbouncer.port_is_as_declared": (PGBOUNCER, {"listen_port": 5432}),
    "pgbouncer.prepared_statements_find_their_connection": (PGBOUNCER, {"max_prepared_statements": None}),
    "pool.database_leads_to_its_server": (POOL_USE, {"entries": (ELSEWHERE,)}),
    "pool.logins_at_the_server_succeed": (
        POOLS,
        {"pools": (POOL.model_copy(update={"servers": 0, "logging_in": 1, "waiting": 3}),)},
    ),
    "pool.no_client_waits": (POOLS, {"pools": (POOL.model_copy(update={"waiting": 3, "longest": 1.5}),)}),
    "pool.the_application_comes_through_the_pool": (POOL_USE, {"clients": 0, "served": False}),
    "redis.answers": (REDIS, {"loading": True}),
    "redis.connection_is_encrypted": (REDIS, {"tls": False}),
    "redis.last_save_succeeded": (REDIS, {"last_save_ok": False}),
    "replication.few_queries_are_ended_by_replay": (FOLLOWING, {"conflicts": 200}),
    "replication.no_slot_is_lost": (SENDING, {"slots": (SLOT.model_copy(update={"status": "lost"}),)}),
    "replication.replica_is_few_bytes_behind": (FOLLOWING, {"behind": 65.0 * 2**20}),
    "replication.timeline_is_the_same": (FOLLOWING, {"timeline": 2}),
    "server.clock_is_right": (SERVER, {"clock": -2.5}),
    "server.text_is_sorted_as_its_indexes_are": (SERVER, {"collation": False}),
    "server.transaction_ids_do_not_run_out": (SERVER, {"multixact_age": 1.5e9}),
    "statistics.checkpoints_come_in_time": (STATISTICS, {"requested": 1001}),
    "statistics.dead_rows_are_cleared_away": (STATISTICS, {"tables": (BUSY.model_copy(update={"dead": 3e5}),)}),
    "statistics.large_tables_are_read_by_index": (STATISTICS, {"tables": (BUSY.model_copy(update={"whole": 1e5}),)}),
    "statistics.most_blocks_come_from_the_cache": (STATISTICS, {"read": 1e8}),
    "migrations.every_migration_has_its_script": (MIGRATIONS, {"incomplete": ("3_c",)}),
    "webhooks.secret_is_strong": (WEBHOOK, {"secret": Shape(length=128, different=16, prefixed=False)}),
    "tenants.policies_keep_tenants_apart": (TENANTS, {"tables": (ACCOUNTS.model_copy(update={"forced": False}),)}),
    "tls.compression_is_off": (TLS, {"compression": True}),
    "tls.downgrades_are_noticed": (TLS, {"fallback_scsv": False}),
    "tls.diffie_hellman_is_long_enough": (TLS, {"dh_bits": 1024}),
    "tls.current_clients_are_understood": (TLS, {"intolerant": ("TLS 1.3",)}),
    "tls.rc4_and_des_are_refused": (TLS, {"protocols": (*TLS.protocols[:4], TRIPLE_DES, TLS.protocols[5])}),
    "tls.renegotiation_is_secure": (TLS, {"secure_renegotiation": False}),
    "tls.the_master_secret_is_extended": (TLS, {"extended_master_secret": False}),
    "tls.the_port_speaks_tls": (TLS, {"speaks_tls": False}),
    "tls_deep.ccs_injection_is_fixed": (TLS_DEEP, {"ccs_injection": True}),
    "tls_deep.clients_cannot_renegotiate": (TLS_DEEP, {"client_renegotiation": True}),
    "tls_deep.heartbleed_is_fixed": (TLS_DEEP, {"heartbleed": True}),
    "tls_deep.robot_is_fixed": (TLS_DEEP, {"robot": "VULNERABLE_WEAK_ORACLE"}),
}
"""By the check's id: evidence that passes, and the change to it that must fail."""
DECLARED: dict[type[Target], Target] = {
    Postgres: SERVER_TARGET,
    PgBouncer: POOLER_TARGET,
    Tenants: TENANTS_TARGET,
    Endpoint: Endpoint(url="https://web.test"),
    Backups: IN_S3,
    Compose: COMPOSE_TARGET,
    Dns: DOMAIN,
    Auth: AUTH_TARGET,
    Webhook: Webhook(endpoint="web", path="/webhook", scheme="lemonsqueezy"),
}


def checked() -> dict[str, Callable[..., None]]:
    """Every check by its id."""
    return {declared.id: f for _, f in checks().functions if (declared := vocabulary.check_of(f)) is not None}


def judge(name: str, seen: Evidence) -> None:
    """Call the check of this id on evidence, with the declarations that it asks for."""
    found = checked()
    kinds = {key: kind for key, kind in typing.get_type_hints(found[name]).items() if key != "return"}
    found[name](**{key: DECLARED.get(kind, seen) for key, kind in kinds.items()})


@pytest.mark.parametrize("name", FAILS)
def test_a_check_passes_and_fails(name: str) -> None:
    seen, change = FAILS[name]
    judge(name, seen)
    with pytest.raises(Finding):
        judge(name, seen.model_copy(update=change))


def test_no_forged_request_proves_nothing() -> None:
    nothing = ForgedEvidence(observed_at=NOW, replies=())
    asked = [name for name in checked() if name.startswith("forged.")]
    assert len(asked) > 3
    for name in asked:
        with pytest.raises(CannotTell, match="nothing of the kind was asked"):
            judge(name, nothing)


@pytest.mark.parametrize(
    ("status", "leads", "end", "outcome"),
    [
        (None, "", None, CannotTell),
        (503, "", 503, Finding),
        (500, "", 500, Finding),
        (307, "https://web.test/login", 500, Finding),
        (307, "https://web.test/login", None, CannotTell),
        (307, "https://web.test/login", 200, None),
        (401, "", 401, None),
        (403, "", 403, None),
    ],
)
def test_a_private_page_that_fails_leads_nowhere(
    status: int | None, leads: str, end: int | None, outcome: type[Exception] | None
) -> None:
    answer = AuthReply(name="/dashboard", status=status, leads=leads)
    page = Landing(reply=answer, at="https://web.test/x", status=end, error=None if end else "timeout")
    seen = ProtectedEvidence(observed_at=NOW, origin="https://web.test", pages=(page,))
    with pytest.raises(outcome) if outcome else contextlib.nullcontext():
        judge("auth.protected_pages_lead_to_the_sign_in", seen)


def test_no_private_page_proves_nothing_of_the_way_to_the_sign_in() -> None:
    with pytest.raises(CannotTell, match="no private page was asked for"):
        judge(
            "auth.protected_pages_lead_to_the_sign_in",
            ProtectedEvidence(observed_at=NOW, origin="https://web.test", pages=()),
        )


def rows(given: dict[str, Any] | None = None, /, **targets: Target) -> set[str]:
    """The ids of the checks that make a row for these targets, `a_b` standing for `a.b`."""
    sections: dict[str, dict[str, Target]] = {}
    for key, target in targets.items():
        section, _, name = key.partition("_")
        sections.setdefault(section, {})[name] = target
    settings = Settings.model_validate({"schema": 1, **(given or {})})
    made = generate(Environment("given", Path("given.yaml"), settings, sections, {}, ""))
    assert not made.broken
    return {row.check.id for row in made.rows}


def test_what_loads_or_changes_is_looked_at_only_where_it_is_named() -> None:
    limited = Endpoint(url="https://web.test", body_limit=2000)
    assert not [name for name in rows(endpoints_web=limited) if name.startswith("bodies.")]
    named = rows({"intrusive": ["bodies.larger_ones_are_refused"]}, endpoints_web=limited)
    assert {name for name in named if name.startswith("bodies.")} == {"bodies.larger_ones_are_refused"}


def test_builds_are_compared_only_where_they_show_themselves() -> None:
    both: dict[str, Target] = {
        "endpoints_web": Endpoint.model_validate({"url": "https://web.test", "instance": {"header": "x-instance"}}),
        "instances_a": Instance(url="http://a.test:3000"),
    }
    more = rows({"release": {"build_id": "html"}}, **both) - rows(**both)
    assert more == {"balancer.answers_are_of_one_build", "balancer.instances_run_one_build"}


BARE = Endpoint(url="https://web.test")
NO_EXTENSIONS = PostgresExpectations(extensions=())


@pytest.mark.parametrize(
    ("declared", "undeclared", "names"),
    [
        (
            Endpoint(url="https://web.test", paths=Paths(private=("/account",))),
            BARE,
            {
                "http.private_paths_need_a_session",
                "headers.hsts_on_redirects",
                "caching.private_answers_are_not_publicly_cached",
                "forged.middleware_is_not_skipped",
            },
        ),
        (
            Endpoint(url="https://web.test", redirects_here=("https://www.web.test",)),
            Endpoint(url="https://web.test", redirects_here=("http://www.web.test",)),
            {"http.other_hosts_lead_to_the_canonical_one", "headers.hsts_on_redirects"},
        ),
        (
            Endpoint(url="https://web.test", paths=Paths(private=("/api/me", "/account"))),
            Endpoint(url="https://web.test", paths=Paths(private=("/api/me",))),
            {"headers.hsts_on_redirects"},
        ),
    ],
)
def test_an_endpoint_makes_rows_of_what_it_declares(declared: Endpoint, undeclared: Endpoint, names: set[str]) -> None:
    assert rows(endpoints_web=declared) - rows(endpoints_web=undeclared) == names


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"app_role": None}, {"database.application_role_can_log_in", "database.application_role_has_no_privileges"}),
        (
            {"expect": NO_EXTENSIONS},
            {
                "database.uuid_ossp_is_installed",
                "database.pg_trgm_is_installed",
                "database.declared_extensions_are_available",
                "database.declared_extensions_are_installed",
            },
        ),
        ({"expect": PostgresExpectations(extensions=("pg_trgm",))}, {"database.uuid_ossp_is_installed"}),
        (
            {"replica_of": "primary"},
            {
                "database.primary_accepts_writes",
                "database.wal_archiving_is_on",
                "database.wal_archiving_succeeds",
            },
        ),
    ],
)
def test_a_server_makes_rows_of_what_it_declares(change: dict[str, Any], names: set[str]) -> None:
    whole = DECLARED[Postgres]
    fewer = rows(postgres_primary=whole) - rows(postgres_primary=whole.model_copy(update=change))
    assert {one for one in fewer if one.startswith("database.")} == names
