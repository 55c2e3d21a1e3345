"""Evidence of `backups` that is healthy, and what makes its checks fail."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from fixtures.environment.model import Target
from fixtures.environment.secrets import Secret
from fixtures.environment.sections.backups import BackupExpectations, Backups, Restore
from fixtures.probes._dumps import Head
from fixtures.probes._live import Constraint, Index, Live, Migration, Table, Thing
from fixtures.probes._places import PlaceSeen
from fixtures.probes.backups import ArtefactEvidence, Backup, BackupsEvidence, BucketSeen, CopySeen
from tests.records import NOW, Fails

IN_S3 = Backups(
    of="primary",
    at="s3://emailai-backups/database/",
    copy_at=Path("/backups/postgres"),
    access_key=Secret("verifier"),
    secret_key=Secret("not-a-secret"),
    expect=BackupExpectations(encrypted=True, versioned=True, locked=True),
    restore=Restore(rto=3600.0, newest="organizations.created_at", queries={"some": "SELECT true"}),
)
MADE = NOW - timedelta(hours=2)
HEAD = Head(
    format="custom",
    compression="gzip",
    made_at=MADE,
    made_at_from="header",
    database="emailai_prod",
    server_version="15.4",
    dump_version="15.4",
)


def backup(days: int = 0, **changes: Any) -> Backup:
    """A backup of so many days before the newest."""
    made = MADE - timedelta(days=days)
    head = HEAD.model_copy(update={"made_at": made})
    one = Backup(
        name=f"emailai_{made:%Y%m%d_%H%M%S}.backup.gz",
        size=2 * 10**6,
        modified=made + timedelta(minutes=3),
        named_at=made,
        head=head,
        mode=0o600,
        owner="postgres",
    )
    return one.model_copy(update=changes)


BUCKET = BucketSeen(
    encryption="aws:kms",
    newest_encryption="aws:kms",
    public=False,
    blocked=True,
    versioned=True,
    locked=True,
    tls_only=True,
    expires_after=30,
    denied={},
)
BACKUPS = BackupsEvidence(
    observed_at=NOW,
    place=IN_S3.at,
    backups=tuple(backup(days) for days in range(30)),
    strange=(),
    directory=PlaceSeen(mode=0o700, owner="postgres", free=10**9),
    bucket=BUCKET,
    copy_seen=CopySeen(name=backup().name, size=2 * 10**6, there=True, there_size=2 * 10**6, same=True),
)
LIVE = Live(
    database="emailai_prod",
    major=15,
    encoding="UTF8",
    system_identifier="1",
    roles=("emailai",),
    tables=(Table(oid=16400, name="public.organizations", rows=20), Table(oid=16410, name="public.users", rows=400)),
    indexes=(Index(oid=16420, name="public.users_email_key", unique=True),),
    constraints=(
        Constraint(oid=16405, name="public.organizations organizations_pkey", kind="p", valid=True),
        Constraint(oid=16430, name="public.users users_organization_id_fkey", kind="f", valid=True),
    ),
    extensions=(Thing(oid=16390, name="pg_trgm"),),
    migrations=(
        Migration(name="20260302_init", checksum="a", finished_at=NOW - timedelta(days=90), rolled_back=False),
    ),
)
ARTEFACT = ArtefactEvidence(
    observed_at=NOW,
    name=backup().name,
    made_at=MADE,
    head=HEAD,
    size=10**7,
    whole=True,
    entries=(
        "EXTENSION - pg_trgm",
        "TABLE public organizations",
        "TABLE public users",
        "TABLE DATA public organizations",
        "TABLE DATA public users",
        "INDEX public users_email_key",
        "CONSTRAINT public organizations organizations_pkey",
        "FK CONSTRAINT public users users_organization_id_fkey",
    ),
    last_oid=16430,
    decoded=True,
    live=LIVE,
)


def bucket(**changes: Any) -> dict[str, Any]:
    """The change to a bucket."""
    return {"bucket": BUCKET.model_copy(update=changes)}


TARGETS: dict[type[Target], Target] = {Backups: IN_S3}
FAILS: Fails = {
    "backups.bucket_encrypts_what_comes": (BACKUPS, bucket(encryption="AES256")),
    "backups.bucket_expires_old_ones": (BACKUPS, bucket(expires_after=0)),
    "backups.bucket_is_locked_as_declared": (BACKUPS, bucket(locked=False)),
    "backups.bucket_is_not_public": (BACKUPS, bucket(blocked=False)),
    "backups.bucket_is_versioned_as_declared": (BACKUPS, bucket(versioned=False)),
    "backups.bucket_refuses_plain_http": (BACKUPS, bucket(tls_only=False)),
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
}
