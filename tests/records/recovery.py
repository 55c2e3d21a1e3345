"""Evidence of `recovery` that is healthy, and what makes its checks fail."""

from __future__ import annotations

from datetime import timedelta

from fixtures.environment.model import Target
from fixtures.environment.sections.recovery import Recovery, RecoveryExpectations, Rewind
from fixtures.probes._archive_command import Command
from fixtures.probes._bases import Label, Manifest
from fixtures.probes._places import PlaceSeen
from fixtures.probes._segments import SIZE, Header, Run
from fixtures.probes.recovery import ArchiveEvidence, ArchiverEvidence, Base, BasesEvidence, Segment
from fixtures.probes.rewind import Outcome, RewindEvidence
from tests.records import NOW, Fails

TARGET = Recovery(
    of="primary",
    archive="/archive",
    bases="/backups/base",
    expect=RecoveryExpectations(encrypted=True),
    drill=Rewind(rto=3600.0, newest="organizations.created_at"),
)
MADE = NOW - timedelta(days=2)
MOMENT = NOW - timedelta(minutes=9)
ARCHIVER = ArchiverEvidence(
    observed_at=NOW,
    major=15,
    settings={
        "archive_library": "",
        "archive_mode": "on",
        "archive_timeout": "300",
        "wal_level": "replica",
        "wal_segment_size": str(SIZE),
    },
    command=Command(program="cp", tool=False, hides=(), looks_first=True),
    waiting=1,
)
HEADER = Header(magic=0xD110, timeline=1, number=12, identifier="7", size=SIZE)
LAST = Segment(
    name="00000001000000000000000C", size=SIZE, packed="", encrypted=False, whole=True, length=SIZE, header=HEADER
)
PRIVATE = PlaceSeen(mode=0o700, owner="postgres", free=10**9)
ARCHIVE = ArchiveEvidence(
    observed_at=NOW,
    place=TARGET.archive,
    segment_size=SIZE,
    system_identifier="7",
    timeline=1,
    current=13,
    last_archived=LAST.name,
    last_archived_at=NOW - timedelta(minutes=8),
    stored=True,
    last=LAST,
    since=3,
    since_timeline=1,
    until=4,
    runs=(Run(timeline=1, first=3, last=12),),
    histories=(),
    odd=(),
    foreign=(),
    strange=(),
    directory=PRIVATE,
    encryption="aws:kms",
)
BASE = Base(
    name=f"base_{MADE:%Y%m%d_%H%M%S}",
    size=3 * 10**7,
    named_at=MADE,
    kind="plain",
    packed="none",
    label=Label(start=3 * SIZE + 40, timeline=1, started_at=MADE),
)
MANIFEST = Manifest(
    whole=True,
    files=1000,
    size=3 * 10**7,
    absent=(),
    old_settings=False,
    timeline=1,
    start=3 * SIZE + 40,
    end=4 * SIZE + 256,
)
BASES = BasesEvidence(
    observed_at=NOW,
    place=TARGET.bases,
    bases=(BASE,),
    strange=(),
    manifest=MANIFEST,
    old_settings=False,
    directory=PRIVATE,
    encryption="aws:kms",
)
OUTCOME = Outcome(
    before_is_there=True,
    later_is_there=False,
    last_replayed=MOMENT - timedelta(seconds=2),
    newest=MOMENT - timedelta(seconds=3),
)
REWIND = RewindEvidence(
    observed_at=NOW,
    name=BASE.name,
    made_at=MADE,
    major=15,
    timeline=1,
    target=MOMENT,
    verified=True,
    damage="",
    segments=10,
    lost=(),
    fetching=4.0,
    recovering=2.0,
    looking=0.1,
    reached=True,
    trouble="",
    recovered=OUTCOME,
)
TARGETS: dict[type[Target], Target] = {Recovery: TARGET}
FAILS: Fails = {
    "recovery.archive_is_encrypted": (ARCHIVE, {"encryption": "AES256"}),
    "recovery.archive_is_not_behind": (ARCHIVE, {"current": 15}),
    "recovery.archive_is_private": (ARCHIVE, {"directory": PRIVATE.model_copy(update={"mode": 0o750})}),
    "recovery.base_backup_is_encrypted": (BASES, {"encryption": "AES256"}),
    "recovery.base_backups_are_private": (BASES, {"directory": PRIVATE.model_copy(update={"mode": 0o711})}),
    "recovery.recovered_within_the_rto": (REWIND, {"recovering": 3601.0}),
    "recovery.wal_level_is_enough": (ARCHIVER, {"settings": {**ARCHIVER.settings, "wal_level": "minimal"}}),
    "recovery.what_came_later_is_not_there": (
        REWIND,
        {"recovered": OUTCOME.model_copy(update={"later_is_there": True})},
    ),
    "recovery.what_was_before_is_there": (
        REWIND,
        {"recovered": OUTCOME.model_copy(update={"before_is_there": False})},
    ),
}
