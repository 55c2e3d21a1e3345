"""Healthy evidence that tests of judging change in one place."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from fixtures.environment.sections.auth import Auth
from fixtures.environment.sections.compose import Compose
from fixtures.environment.sections.dns import Caa, Dns, DnsExpectations, Mail
from fixtures.probes._certificate import Link, Served
from fixtures.probes._certificate_revocation import Revocation
from fixtures.probes._migration_tools import Row
from fixtures.probes._sign_in import Authorize, Reply
from fixtures.probes.auth import Agreement, AuthEvidence, Landing, LibraryCookie
from fixtures.probes.certificate import CertificateEvidence
from fixtures.probes.compose import ComposeEvidence, Health, Mount, Port, ServiceSeen
from fixtures.probes.database import Archiving, DatabaseEvidence, Extension, ReplicaEvidence, Role
from fixtures.probes.dns import (
    Answer,
    CaaProperty,
    CaaSet,
    DkimKey,
    Dmarc,
    DnsEvidence,
    MailDnsEvidence,
    ReportAddress,
    Spf,
)
from fixtures.probes.drift import DriftEvidence
from fixtures.probes.migrations import MigrationsEvidence
from fixtures.probes.webhooks import Delivery, Shape, WebhookEvidence

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


def link(
    subject: str,
    issuer: str = "root",
    begins: float = -1,
    days: float = 90,
    key: str = "secp256r1",
    bits: int = 256,
    signature: str = "sha256",
) -> Link:
    """A certificate that is valid unless it is told otherwise; times in days from `NOW`."""
    start = NOW + timedelta(days=begins)
    return Link(
        subject=subject,
        issuer=issuer,
        fingerprint=f"{subject} {begins} {days} {key} {signature}",
        self_issued=subject == issuer,
        not_before=start,
        not_after=start + timedelta(days=days),
        key=key,
        bits=bits,
        signature=signature,
    )


LEAF = link("web.test", "intermediate")
CHAIN = (LEAF, link("intermediate", begins=-900, days=1800))
SERVED = Served(
    name="web.test",
    address="192.0.2.1",
    chain=CHAIN,
    path=(*CHAIN, link("root", begins=-900, days=1800)),
    needed=(0, 1),
    san=("web.test",),
    scts=2,
)
PRESENTED = CertificateEvidence(
    observed_at=NOW,
    host="web.test",
    port=443,
    private=True,
    served=SERVED,
    revocation=(Revocation(subject="a", status="good"),),
)


def _answer(name: str, kind: str, *records: str, **more: Any) -> Answer:
    status = "answer" if records else "nodata"
    return Answer(name=name, type=kind, resolver="192.0.2.53:53", **{"status": status, "records": records, **more})


DOMAIN = Dns(
    domain="emailai.test",
    resolvers=("192.0.2.53:53", "192.0.2.54:53"),
    contacts=("ops@emailai.test",),
    mail=Mail(sender="noreply@emailai.test", dmarc="quarantine"),
    expect=DnsExpectations(
        addresses=("93.184.215.0/24", "2606:2800::/32"),
        alias="vercel-dns.com",
        ipv6=True,
        nameservers=("ns1.dns.test", "ns2.dns.test"),
        caa=Caa(issuer="letsencrypt.org", wildcard=True),
        ttl=3600,
    ),
)
APEX = _answer("emailai.test", "A", "93.184.215.14", ttl=300)
APEX6 = _answer("emailai.test", "AAAA", "2606:2800::14", ttl=300)
WWW = _answer("www.emailai.test", "A", "76.76.21.21", aliases=("cname.vercel-dns.com",), ttl=300)
WWW6 = _answer("www.emailai.test", "AAAA", "2606:2800::15", ttl=300)
ISSUE = CaaProperty(flags=0, tag="issue", value="letsencrypt.org")
CAA = CaaSet(
    name="emailai.test",
    at="emailai.test",
    properties=(ISSUE,),
    asked=(_answer("emailai.test", "CAA", '0 issue "letsencrypt.org"'),),
)
DNS = DnsEvidence(
    observed_at=NOW,
    domain="emailai.test",
    names=("emailai.test", "www.emailai.test"),
    addresses=(APEX, APEX6, WWW, WWW6),
    nameservers=_answer("emailai.test", "NS", "ns1.dns.test", "ns2.dns.test"),
    soa=_answer("emailai.test", "SOA", "ns1.dns.test hostmaster.emailai.test 1 2 3 4 5"),
    caa=(CAA,),
    contacts=(_answer("emailai.test", "MX", "10 mx.emailai.test"),),
)
SPF = Spf(
    name="send.emailai.test",
    answer=_answer("send.emailai.test", "TXT", "v=spf1 include:amazonses.com ~all"),
    lookups=1,
    includes=("amazonses.com",),
    rest="~",
)
DKIM = DkimKey(selector="resend", answer=_answer("resend._domainkey.emailai.test", "TXT", "p=MIGf"), bits=1024)
DMARC = Dmarc(
    at="emailai.test",
    asked=(_answer("_dmarc.emailai.test", "TXT", "v=DMARC1; p=reject"),),
    policy="reject",
    reports=(ReportAddress(uri="mailto:dmarc@emailai.test", domain="emailai.test"),),
)
MAIL = MailDnsEvidence(
    observed_at=NOW,
    sender="emailai.test",
    envelope="send.emailai.test",
    bounces=_answer("send.emailai.test", "MX", "10 feedback-smtp.eu-west-1.amazonses.com"),
    bounce_hosts=(_answer("feedback-smtp.eu-west-1.amazonses.com", "A", "93.184.215.20"),),
    spf=(SPF, Spf(name="emailai.test", answer=_answer("emailai.test", "TXT"))),
    dkim=(DKIM,),
    dmarc=DMARC,
)
DRIFT = DriftEvidence(
    observed_at=NOW,
    source="git 4f2c1ab90d12",
    seen_on="primary",
    replayed=3,
    major=15,
    schemas=("public",),
    compared={"table": 2},
    found={},
    differences=(),
    app_role="app",
    declared_extensions=("uuid-ossp", "pg_trgm"),
)
MIGRATIONS = MigrationsEvidence(
    observed_at=NOW,
    source="git 4f2c1ab90d12",
    scripts=("1_a", "2_b"),
    incomplete=(),
    table="public._prisma_migrations",
    rows=tuple(
        Row(name=name, state="applied", same=True, steps=1, started_at=began, finished_at=began + timedelta(seconds=1))
        for name, began in (("1_a", NOW - timedelta(days=2)), ("2_b", NOW - timedelta(days=1)))
    ),
    lock=None,
    in_recovery=False,
)
ORIGIN = "https://web.test"
AUTH_TARGET = Auth(endpoint="web")
ASKED = Authorize(
    origin="https://accounts.google.com",
    redirect_uri=f"{ORIGIN}/api/auth/callback/google",
    client_id="1029384756-emailai.apps.googleusercontent.com",
    response_type="code",
    scopes=("openid", "email", "profile"),
    state=43,
    challenge=43,
    challenge_method="S256",
    access_type="",
    prompt="",
)
AUTH = AuthEvidence(
    observed_at=NOW,
    origin=ORIGIN,
    path="/api/auth",
    provider="google",
    framework="next-auth@4",
    shown_by="the names of its cookies",
    complaint="",
    replies=tuple(Reply(name=name, status=200) for name in ("providers", "csrf", "session")),
    providers=("google",),
    addresses=(f"{ORIGIN}/api/auth/signin/google", f"{ORIGIN}/api/auth/callback/google"),
    session="empty",
    session_status=200,
    session_cache="private, no-cache, no-store",
    foreign_session="empty",
    start=Reply(name="a sign-in", status=200, leads="https://accounts.google.com/o/oauth2/v2/auth", authorizes=True),
    authorize=ASKED,
    forged=(
        Reply(name="a sign-in with a wrong token", status=200, leads=f"{ORIGIN}/api/auth/signin", says="csrf=true"),
        Reply(name="a sign-in without a token", status=200, leads=f"{ORIGIN}/api/auth/signin", says="csrf=true"),
    ),
    callbacks=(
        Landing(
            reply=Reply(
                name="a callback with nothing",
                status=302,
                leads=f"{ORIGIN}/api/auth/error",
                says="error=OAuthCallback",
            ),
            at=f"{ORIGIN}/api/auth/signin",
            status=200,
            content_type="text/html; charset=utf-8",
        ),
    ),
    cookies=(
        LibraryCookie(
            role="csrf", name="__Host-next-auth.csrf-token", secure=True, http_only=True, same_site="lax", path="/"
        ),
        LibraryCookie(
            role="state",
            name="__Secure-next-auth.state",
            secure=True,
            http_only=True,
            same_site="lax",
            path="/",
            lifetime=900.0,
        ),
    ),
    agreements=(Agreement(made="app1", taken_by="app2", accepted=True),),
)
REFUSED = Delivery(name="an event", status=400)
WEBHOOK = WebhookEvidence(
    observed_at=NOW,
    scheme="lemonsqueezy",
    missing=REFUSED,
    garbage=REFUSED,
    forged=REFUSED,
    altered=REFUSED,
    old=None,
    secret=Shape(length=40, different=16, prefixed=False),
)
