"""Checks that no fault of a stack can prove: evidence that makes each fail, beside evidence that passes."""

from __future__ import annotations

import typing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fixtures import vocabulary
from fixtures.catalogue import checks, generate
from fixtures.environment.loading import Environment
from fixtures.environment.model import Target
from fixtures.environment.policy import Settings
from fixtures.environment.secrets import Secret
from fixtures.environment.sections.endpoints import Endpoint, Paths
from fixtures.environment.sections.postgres import Postgres, PostgresExpectations
from fixtures.probes._tls_certificate import Certificate, Trust
from fixtures.probes._tls_suites import suite
from fixtures.probes.forged import ForgedEvidence, Reply
from fixtures.probes.redis import RedisEvidence
from fixtures.probes.tls import Protocol, TlsEvidence
from fixtures.vocabulary import Evidence, Finding
from tests._records import DATABASE, NOW, REPLICA

CERTIFICATE = Certificate(
    subject="CN=web.test",
    issuer="CN=intermediate",
    chain_subjects=("CN=web.test", "CN=intermediate"),
    chain_issuers=("CN=intermediate", "CN=root"),
    san=("web.test",),
    names_missing=(),
    matches_host=True,
    not_before=NOW - timedelta(days=1),
    not_after=NOW + timedelta(days=89),
    lifetime_days=90,
    key_type="EC",
    key_bits=256,
    signature_hashes=("sha256", "sha256"),
    in_order=True,
    root_sent=False,
    complete=True,
    trust=Trust(trusted=True, code=0, reason="ok"),
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
    certificate=CERTIFICATE,
    curves=("X25519", "prime256v1"),
    alpn="h2",
    alpn_seen=True,
    compression=False,
    secure_renegotiation=True,
    client_renegotiation=False,
    fallback_scsv=True,
    session_ticket=False,
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

FORGED = ForgedEvidence(observed_at=NOW, replies=(Reply(kind="trace", name="TRACE /", status=405, asked=200),))

FAILS: dict[str, tuple[Evidence, dict[str, Any]]] = {
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
    "redis.answers": (REDIS, {"loading": True}),
    "redis.connection_is_encrypted": (REDIS, {"tls": False}),
    "redis.last_save_succeeded": (REDIS, {"last_save_ok": False}),
    "tls.certificate_signatures_are_strong": (
        TLS,
        {"certificate": CERTIFICATE.model_copy(update={"signature_hashes": ("sha256", "sha1")})},
    ),
    "tls.compression_is_off": (TLS, {"compression": True}),
    "tls.downgrades_are_noticed": (TLS, {"fallback_scsv": False}),
    "tls.rc4_and_des_are_refused": (TLS, {"protocols": (*TLS.protocols[:4], TRIPLE_DES, TLS.protocols[5])}),
    "tls.renegotiation_is_secure": (TLS, {"secure_renegotiation": False}),
    "tls.the_port_speaks_tls": (TLS, {"speaks_tls": False}),
}
"""By the check's id: evidence that passes, and the change to it that must fail."""
DECLARED: dict[type[Target], Target] = {
    Postgres: Postgres(url=Secret("postgresql://nowhere"), app_role="emailai"),
    Endpoint: Endpoint(url="https://web.test"),
}


def judge(name: str, seen: Evidence) -> None:
    """Call the check of this id on evidence, with the declarations that it asks for."""
    found = {declared.id: f for _, f in checks().functions if (declared := vocabulary.check_of(f)) is not None}
    kinds = {key: kind for key, kind in typing.get_type_hints(found[name]).items() if key != "return"}
    found[name](**{key: DECLARED.get(kind, seen) for key, kind in kinds.items()})


@pytest.mark.parametrize("name", FAILS)
def test_a_check_passes_and_fails(name: str) -> None:
    seen, change = FAILS[name]
    judge(name, seen)
    with pytest.raises(Finding):
        judge(name, seen.model_copy(update=change))


def rows(**targets: Target) -> set[str]:
    """The ids of the checks that make a row for these targets, `a_b` standing for `a.b`."""
    sections: dict[str, dict[str, Target]] = {}
    for key, target in targets.items():
        section, _, name = key.partition("_")
        sections.setdefault(section, {})[name] = target
    settings = Settings.model_validate({"schema": 1})
    made = generate(Environment("given", Path("given.yaml"), settings, sections, {}, ""))
    assert not made.broken
    return {row.check.id for row in made.rows}


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
    assert rows(postgres_primary=whole) - rows(postgres_primary=whole.model_copy(update=change)) == names
