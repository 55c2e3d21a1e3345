"""Evidence of `appbackups` that is healthy, and what makes its checks fail."""

from __future__ import annotations

from datetime import timedelta

from fixtures.environment.model import Target
from fixtures.environment.sections.appbackups import AppBackupExpectations, AppBackups
from fixtures.probes._places import PlaceSeen
from fixtures.probes.appbackups import AppBackup, AppBackupsEvidence, Contents, ContentsEvidence
from tests.records import NOW, Fails

TARGET = AppBackups(at="/backups/app", expect=AppBackupExpectations(encrypted=True, contains=("var/log/emailai",)))
MADE = NOW - timedelta(hours=3)


def backup(days: int = 0) -> AppBackup:
    """A backup of so many days before the newest."""
    made = MADE - timedelta(days=days)
    return AppBackup(
        name=f"emailai_app_{made:%Y%m%d_%H%M%S}.tar.gz",
        size=10**6,
        made_at=made,
        kind="tar",
        packed="gzip",
        mode=0o600,
        owner="postgres",
    )


SET = AppBackupsEvidence(
    observed_at=NOW,
    place=TARGET.at,
    backups=tuple(backup(days) for days in range(30)),
    strange=(),
    directory=PlaceSeen(mode=0o700, owner="postgres", free=10**9),
    encryption="aws:kms",
)
CONTENTS = ContentsEvidence(
    observed_at=NOW,
    name=backup().name,
    encrypted=False,
    whole=True,
    contents=Contents(files=100, size=10**7, absent=(), unwanted={}),
)
TARGETS: dict[type[Target], Target] = {AppBackups: TARGET}
FAILS: Fails = {"appbackups.newest_is_encrypted": (SET, {"encryption": "AES256"})}
