"""Recovery: the checks on plain records, names of the log, and recoveries by a real PostgreSQL of what it archived."""

from __future__ import annotations

import gzip
import io
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import zstandard

from checks import recovery as checks
from fixtures.environment.secrets import Secret
from fixtures.environment.sections.recovery import Recovery, Rewind
from fixtures.probes._archive_command import read_command
from fixtures.probes._bases import BASES
from fixtures.probes._copy import Broken, Copying, bring
from fixtures.probes._places import Bucket, place_of
from fixtures.probes._segments import (
    SIZE,
    History,
    Run,
    name_of,
    read_header,
    read_history,
    read_name,
    runs_of,
    ways_to,
)
from fixtures.probes.recovery import (
    ArchiveEvidence,
    ArchiverEvidence,
    BasesEvidence,
    look,
    look_at_archive,
    look_at_bases,
)
from fixtures.probes.rewind import Event, RewindEvidence, between, drill
from fixtures.stack import backup_step
from fixtures.stack.plan import unprivileged
from fixtures.stack.programs import postgres_of
from fixtures.stack.throwaway import Server, throwaway
from fixtures.vocabulary import CannotTell
from tests._kept import complaints, context, open_directory, speaking_s3, until, url_of
from tests.records import NOW
from tests.records import recovery as records
from tests.records.recovery import ARCHIVE, ARCHIVER, HEADER, LAST, MOMENT, OUTCOME, PRIVATE, REWIND

MAJOR = 15


def wrong(seen: Any, target: Recovery = records.TARGET) -> dict[str, str]:
    return complaints(seen, target, checks)


def test_good_records_pass() -> None:
    for seen in (ARCHIVER, ARCHIVE, records.BASES, REWIND):
        assert wrong(seen) == {}


def settings(**changes: str) -> dict[str, Any]:
    return {"settings": {**ARCHIVER.settings, **changes}}


def last(**changes: Any) -> dict[str, Any]:
    return {"last": LAST.model_copy(update=changes)}


def header(**changes: Any) -> dict[str, Any]:
    return last(header=HEADER.model_copy(update=changes))


@pytest.mark.parametrize(
    ("seen", "change", "names"),
    [
        (ARCHIVER, settings(archive_timeout="0"), {"changes_are_archived_in_time"}),
        (ARCHIVER, settings(archive_timeout="301"), {"changes_are_archived_in_time"}),
        (ARCHIVER, settings(wal_level="minimal"), {"wal_level_is_enough"}),
        (ARCHIVER, {"command": read_command("cp %p /a/%f || true")},
         {"archive_command_tells_failures", "archive_command_refuses_to_overwrite"}),
        (ARCHIVER, {"command": read_command("aws s3 cp %p s3://emailai-backups/wal/%f")},
         {"archive_command_refuses_to_overwrite"}),
        (ARCHIVER, {"waiting": 11}, {"segments_do_not_pile_up"}),
        (ARCHIVE, {"stored": False}, {"last_segment_is_in_the_archive"}),
        (ARCHIVE, {"odd": ("000000010000000000000005",)}, {"segments_are_of_one_size"}),
        (ARCHIVE, {"strange": ("x",)}, {"archive_holds_nothing_else"}),
        (ARCHIVE, {"foreign": ("000000020000000000000005",)}, {"last_segment_is_of_this_server"}),
        (ARCHIVE, last(length=SIZE // 2), {"last_segment_is_whole"}),
        (ARCHIVE, last(whole=False), {"last_segment_is_whole"}),
        (ARCHIVE, header(timeline=2), {"last_segment_is_of_this_server"}),
        (ARCHIVE, header(number=11), {"last_segment_is_of_this_server"}),
        (ARCHIVE, header(identifier="8"), {"last_segment_is_of_this_server"}),
        (ARCHIVE, {"runs": (Run(timeline=1, first=3, last=6), Run(timeline=1, first=8, last=12))},
         {"segments_have_no_gap"}),
        (ARCHIVE, {"runs": (Run(timeline=1, first=4, last=12),)}, {"segments_have_no_gap"}),
        (ARCHIVE, {"directory": PRIVATE.model_copy(update={"mode": 0o750})}, {"archive_is_private"}),
        (ARCHIVE, {"current": 14}, {"archive_is_not_behind"}),
        (records.BASES, {"old_settings": True}, {"base_backup_has_no_old_settings"}),
        (records.BASES, {"directory": PRIVATE.model_copy(update={"mode": 0o711})}, {"base_backups_are_private"}),
        (REWIND, {"verified": False}, {"base_backup_verifies"}),
        (REWIND, {"recovered": OUTCOME.model_copy(update={"last_replayed": MOMENT + timedelta(seconds=1)})},
         {"what_came_later_is_not_there"}),
        (REWIND, {"recovered": OUTCOME.model_copy(update={"newest": MOMENT + timedelta(seconds=9)})},
         {"what_came_later_is_not_there"}),
    ],
)  # fmt: skip
def test_each_mistake_fails_its_checks(seen: Any, change: dict[str, Any], names: set[str]) -> None:
    assert wrong(seen.model_copy(update=change)) == dict.fromkeys(names, "failed")


def test_what_can_not_be_seen_is_no_pass() -> None:
    unknown = read_command("/opt/scripts/archive.sh %p %f")
    assert wrong(ARCHIVER.model_copy(update={"command": unknown, "waiting": None})) == {
        "archive_command_refuses_to_overwrite": "cannot tell",
        "segments_do_not_pile_up": "cannot tell",
    }
    sealed = last(encrypted=True, length=None, header=None)
    assert wrong(ARCHIVE.model_copy(update={**sealed, "encryption": None})) == {
        "last_segment_is_of_this_server": "cannot tell",
        "last_segment_is_whole": "cannot tell",
    }
    unseen = ARCHIVE.model_copy(update={"since": None, "unseen": "the base backups were not seen: gone"})
    assert wrong(unseen) == {"segments_have_no_gap": "cannot tell"}
    by_library = {"command": None, **settings(archive_library="basic_archive")}
    assert wrong(ARCHIVER.model_copy(update=by_library)) == {}


@pytest.mark.parametrize(
    ("text", "program", "hides", "looks"),
    [
        ('test ! -f "/x/%f" && cp "%p" "/x/%f"', "cp", (), True),
        ("[ ! -f /x/%f ] && cp %p /x/%f 2>/dev/null", "cp", (), True),
        ("if test -f /x/%f; then exit 1; else cp %p /x/%f; fi", "cp", (), True),
        ("test ! -f /x/%f && cp %p /x/%f || exit 1", "cp", (), True),
        ("aws s3 cp %p s3://emailai-backups/wal/%f", "aws", (), False),
        ("AWS_SECRET=abc aws s3 cp %p s3://x/%f || :", "aws", ("|| :",), False),
        ("cp %p /x/%f || true", "cp", ("|| true",), False),
        ("cp %p /x/%f; true", "cp", ("; true",), False),
        ("cp %p /x/%f\necho archived", "cp", ("; echo",), False),
        ("cp %p /x/%f &", "cp", ("&",), False),
        ("sh -c 'cp %p /x/%f; exit 0'", "cp", ("; exit",), False),
        ("gzip < %p | aws s3 cp - s3://b/%f", "gzip", ("|",), False),
        ('bash -c "set -o pipefail; gzip < %p | aws s3 cp - s3://b/%f"', "gzip", (), False),
        ("timeout 60 rsync -a %p host:/x/%f && echo archived", "rsync", (), False),
        ("pgbackrest --stanza=main archive-push %p", "pgbackrest", (), True),
        ("envdir /etc/wal-g.d wal-g wal-push %p", "wal-g", (), True),
        ("wal-g wal-push %p || true", "wal-g", ("|| true",), True),
        ("/opt/scripts/archive.sh %p %f", "a script", (), None),
        ("/bin/true", "a script", ("nothing is copied",), False),
    ],
)
def test_what_an_archive_command_does(text: str, program: str, hides: tuple[str, ...], looks: bool | None) -> None:
    found = read_command(text)
    assert found is not None
    assert (found.program, found.hides, found.looks_first) == (program, hides, looks)
    assert "abc" not in found.model_dump_json()


def test_no_archive_command_is_none() -> None:
    assert read_command("") is read_command("(disabled)") is None


@pytest.mark.parametrize(
    ("name", "kind", "timeline", "number", "packed"),
    [
        ("000000010000000000000003", "segment", 1, 3, ""),
        ("0000000A00000002000000FF.gz", "segment", 10, 2 * 256 + 255, ".gz"),
        ("000000020000000000000003.partial", "partial", 2, 3, ""),
        ("000000010000000000000003.00000028.backup", "backup", 1, 3, ""),
        ("00000002.history", "history", 2, 0, ""),
        ("00000002.history.zst", "history", 2, 0, ".zst"),
    ],
)
def test_names_of_the_log(name: str, kind: str, timeline: int, number: int, packed: str) -> None:
    found = read_name(name)
    assert found is not None
    assert (found.kind, found.timeline, found.number(SIZE), found.packed) == (kind, timeline, number, packed)
    assert found.plain == name.removesuffix(packed)
    if kind == "segment":
        assert name_of(timeline, number, SIZE) == found.plain


@pytest.mark.parametrize("name", ["x", "00000001000000000000000g", "000000010000000000000003.tmp", "0000000100000003"])
def test_other_names_are_strange(name: str) -> None:
    assert read_name(name) is None


def test_segments_are_counted_past_the_end_of_a_log() -> None:
    for size in (SIZE, 64 * 2**20):
        names = [name_of(1, number, size) for number in range(2**32 // size - 2, 2**32 // size + 2)]
        found = [name for one in names if (name := read_name(one))]
        assert len(runs_of(found, size)) == 1
        assert names[2] == "000000010000000100000000"


def test_a_way_leads_through_the_timelines() -> None:
    history = read_history(3, "1\t0/5000100\tno recovery target specified\n2\t0/8000000\tbefore 2026\n", SIZE)
    assert history.parents == ((1, 5), (2, 8))
    histories = {3: history}
    ways = [ways_to(number, 3, histories) for number in (4, 5, 6, 8, 9)]
    assert ways == [(1,), (2, 1), (2,), (3, 2), (3,)]
    runs = (Run(timeline=1, first=3, last=4), Run(timeline=2, first=5, last=7), Run(timeline=3, first=8, last=12))
    promoted = {"timeline": 3, "histories": (history,), "runs": runs}
    assert ARCHIVE.model_copy(update=promoted).missing == ()
    lost = promoted | {"runs": (Run(timeline=1, first=3, last=5), Run(timeline=2, first=7, last=7), runs[2])}
    assert ARCHIVE.model_copy(update=lost).missing == ("000000020000000000000006",)
    assert ARCHIVE.model_copy(update=promoted | {"histories": ()}).missing == ("00000003.history",)
    other = History(timeline=2, parents=((1, 12),))
    copied = {"timeline": 2, "histories": (other,), **header(timeline=1), "runs": (Run(timeline=2, first=3, last=12),)}
    assert "last_segment_is_of_this_server" not in wrong(ARCHIVE.model_copy(update=copied))


def event(xid: int, seconds: float, *, committed: bool = True) -> Event:
    return Event(xid, xid * 100, committed, NOW + timedelta(seconds=seconds))


def test_the_moment_is_before_the_last_commit_and_no_other() -> None:
    found = between([event(1, 0), event(2, 1, committed=False), event(3, 5)])
    assert found is not None
    assert (found.before.xid, found.later.xid) == (1, 3)
    assert found.target == NOW + timedelta(seconds=3)
    # Records of concurrent transactions are not in the order of their times: none of earlier may be of later.
    found = between([event(1, 0), event(2, 4), event(3, 3)])
    assert found is not None
    assert (found.before.xid, found.later.xid) == (1, 2)
    assert between([event(1, 0)]) is between([]) is between([event(1, 0, committed=False), event(2, 1)]) is None


@dataclass
class Site:
    """A server that archives into a directory, with two base backups of it."""

    server: Server
    archive: Path
    bases: Path

    def target(self, bases: Path | str, workdir: Path, **changes: Any) -> Recovery:
        """What is declared of it."""
        given = {"archive": str(self.archive), "bases": str(bases), **changes}
        return Recovery(of="primary", drill=Rewind(workdir=workdir, newest="events.at"), **given)

    def run(self, *statements: str) -> None:
        """SQL, each statement a transaction."""
        with self.server.connect("emailai_prod") as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def base(self, name: str, *options: str) -> Path:
        """A base backup."""
        path = self.bases / name
        command = [
            f"{postgres_of(MAJOR)}/pg_basebackup", f"--pgdata={path}", f"--host={self.server.host}",
            f"--port={self.server.port}", f"--username={self.server.superuser}", "--checkpoint=fast", "--no-sync",
            "--wal-method=none", *options,
        ]  # fmt: skip
        env = {"PGPASSWORD": self.server.password, "PGSSLMODE": "disable"}
        subprocess.run(command, check=True, env=env, capture_output=True, timeout=60)
        return path


PLAIN, TAR, FILE = (f"base_{NOW.year + number}0101_000000" for number in range(3))


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """A server with base backups of every kind, and rows that came after; the last one is alone in the last commit."""
    with open_directory() as directory:
        archive, bases, hba = directory / "archive", directory / "bases", directory / "hba"
        for path in (archive, bases):
            path.mkdir(mode=0o700)
        hba.write_text("local all all scram-sha-256\nlocal replication all scram-sha-256\n")
        if account := unprivileged("postgres", "nobody"):
            os.chown(archive, account.uid, account.gid)
        archiving = (
            "wal_level=replica", "archive_mode=on", "archive_timeout=300", "max_wal_senders=3", f"hba_file={hba}",
            f"archive_command=test ! -f {archive}/%f && cp %p {archive}/.%f && mv {archive}/.%f {archive}/%f",
        )  # fmt: skip
        with throwaway(MAJOR, settings=archiving) as server:
            with server.connect() as connection:
                connection.execute("CREATE DATABASE emailai_prod")
            made = Site(server, archive, bases)
            made.run("CREATE TABLE events (at timestamptz NOT NULL, who text)")
            made.base(PLAIN, "--manifest-checksums=SHA256")
            made.base(TAR, "--format=tar", "--gzip")
            with tarfile.open(bases / FILE, "w:gz") as tar:
                tar.add(bases / PLAIN, ".")
            row = "INSERT INTO events VALUES (clock_timestamp(), 'Private Person')"
            made.run(row, row, "SELECT pg_switch_wal()", row, row, "SELECT pg_switch_wal()")
            assert until(lambda: waiting(made) == 0)
            yield made


def waiting(site: Site) -> int:
    """How many segments wait to be archived."""
    with site.server.connect() as connection:
        row = connection.execute("SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'").fetchone()
    assert row is not None
    return int(row[0])


@pytest.fixture
def room() -> Iterator[Path]:
    """A directory for one test, that servers may enter."""
    with open_directory() as path:
        yield path


def only(site: Site, room: Path, name: str) -> Path:
    """A directory with one of the base backups, named as one of now."""
    bases = room / "bases"
    bases.mkdir(mode=0o700)
    copy = bases / datetime.now(UTC).strftime("base_%Y%m%d_%H%M%S")
    source = site.bases / name
    shutil.copytree(source, copy) if source.is_dir() else shutil.copy(source, copy)
    return bases


def rows(site: Site) -> list[datetime]:
    """The times of all rows."""
    with site.server.connect("emailai_prod") as connection:
        return [at for (at,) in connection.execute("SELECT at FROM events ORDER BY 1").fetchall()]


def recovered(site: Site, target: Recovery, seconds: float = 100) -> RewindEvidence:
    """A drill."""
    seen = drill(target, context(site.server, seconds, "recovery.database"))
    assert isinstance(seen, RewindEvidence)
    return seen


def test_a_server_and_its_archive_are_looked_at(site: Site, room: Path) -> None:
    target = site.target(only(site, room, PLAIN), room / "w")
    here = context(site.server, name="recovery.database")
    archiver, archive, bases = look(target, here), look_at_archive(target, here), look_at_bases(target, here)
    for seen in (archiver, archive, bases):
        assert wrong(seen, target) == {}
        assert type(seen).model_validate_json(seen.model_dump_json()) == seen
    assert isinstance(archiver, ArchiverEvidence)
    assert isinstance(archive, ArchiveEvidence)
    assert isinstance(bases, BasesEvidence)
    assert archiver.command is not None
    assert archive.last is not None
    assert archive.last.header is not None
    assert archive.last.header.identifier == archive.system_identifier
    assert archive.missing == ()
    assert (bases.newest.kind, bases.manifest and bases.manifest.whole) == ("plain", True)
    assert abs(datetime.now(UTC) - bases.newest.made_at) < timedelta(minutes=30)


@pytest.mark.parametrize(("name", "kind"), [(PLAIN, "plain"), (TAR, "tar"), (FILE, "tar")])
def test_exactly_what_was_before_comes_back(site: Site, room: Path, name: str, kind: str) -> None:
    target = site.target(only(site, room, name), room / "w")
    bases = look_at_bases(target, context(name="recovery.database"))
    assert isinstance(bases, BasesEvidence)
    assert bases.newest.kind == kind
    seen = recovered(site, target)
    assert (seen.reached, seen.trouble, seen.lost) == (True, "", ())
    assert wrong(seen, target) == {}
    *_, before, last_row = rows(site)
    assert before < seen.target < last_row
    assert seen.outcome.newest == before
    assert seen.segments >= 2
    assert "rivate" not in seen.model_dump_json()
    assert RewindEvidence.model_validate_json(seen.model_dump_json()) == seen
    assert not list((room / "w").iterdir())


def test_a_bucket_with_packed_segments_is_recovered_from(site: Site, room: Path) -> None:
    with speaking_s3() as endpoint:
        target = site.target(
            "s3://kept/base", room / "w", archive="s3://kept/wal/", endpoint=endpoint,
            access_key=Secret("testing"), secret_key=Secret("testing-too"),
        )  # fmt: skip
        bucket = place_of(target, target.bases, context())
        assert isinstance(bucket, Bucket)
        bucket.client.create_bucket(Bucket="kept")
        name = datetime.now(UTC).strftime("base_%Y%m%d_%H%M%S")
        for path in (site.bases / TAR).iterdir():
            bucket.client.put_object(Bucket="kept", Key=f"base/{name}/{path.name}", Body=path.read_bytes())
        for number, path in enumerate(sorted(site.archive.iterdir())):
            packed = gzip.compress(path.read_bytes(), 1) if number % 2 else zstandard.compress(path.read_bytes())
            key = f"wal/{path.name}{'.gz' if number % 2 else '.zst'}"
            bucket.client.put_object(Bucket="kept", Key=key, Body=packed)
        here = context(site.server, name="recovery.database")
        archive, bases = look_at_archive(target, here), look_at_bases(target, here)
        assert wrong(archive, target) == wrong(bases, target) == {}
        assert isinstance(archive, ArchiveEvidence)
        assert (archive.last and archive.last.length, archive.encryption) == (SIZE, "")
        sealed = target.expect.model_copy(update={"encrypted": True})
        assert wrong(archive, target.model_copy(update={"expect": sealed})) == {"archive_is_encrypted": "failed"}
        assert wrong(recovered(site, target), target) == {}


def copied(site: Site, room: Path) -> list[Path]:
    """A copy of the archive, and the segments in it."""
    archive = room / "archive"
    shutil.copytree(site.archive, archive)
    return sorted(path for path in archive.iterdir() if len(path.name) == 24)


def test_a_lost_segment_is_a_failure(site: Site, room: Path) -> None:
    bases = only(site, room, TAR)
    *_, lost, _ = copied(site, room)
    lost.unlink()
    target = site.target(bases, room / "w", archive=str(room / "archive"))
    archive = look_at_archive(target, context(site.server, name="recovery.database"))
    assert wrong(archive, target) == {"segments_have_no_gap": "failed"}
    seen = recovered(site, target)
    assert (seen.reached, seen.lost) == (False, (lost.name,))
    assert "recovery ended before configured recovery target was reached" in seen.trouble
    assert wrong(seen, target) == {
        "target_time_is_reached": "failed",
        "what_came_later_is_not_there": "cannot tell",
        "what_was_before_is_there": "cannot tell",
    }
    assert not list((room / "w").iterdir())


def test_damaged_segments_are_seen(site: Site, room: Path) -> None:
    bases = only(site, room, TAR)
    *_, before, newest = copied(site, room)
    target = site.target(bases, room / "w", archive=str(room / "archive"))
    here = context(site.server, name="recovery.database")
    content = newest.read_bytes()
    for damaged, names in (
        (content[:5000000], {"last_segment_is_whole", "segments_are_of_one_size"}),
        (b"\0" * SIZE, {"last_segment_is_whole"}),
        (before.read_bytes(), {"last_segment_is_of_this_server"}),
    ):
        newest.write_bytes(damaged)
        said = wrong(look_at_archive(target, here), target)
        assert {name for name, word in said.items() if word == "failed"} == names
    newest.unlink()
    newest.with_name(f"{newest.name}.gz").write_bytes(gzip.compress(content, 1)[:-6])
    assert wrong(look_at_archive(target, here), target) == {"last_segment_is_whole": "failed"}
    newest.with_name(f"{newest.name}.gz").write_bytes(gzip.compress(content, 1))
    cut = bytearray(before.read_bytes())
    cut[48:60] = b"\xff" * 12
    before.write_bytes(cut)
    assert wrong(look_at_archive(target, here), target) == {}
    assert recovered(site, target).reached is False


def test_a_base_backup_that_breaks_off_is_told(site: Site, room: Path) -> None:
    bases = only(site, room, FILE)
    (path,) = bases.iterdir()
    path.write_bytes(path.read_bytes()[:2_000_000])
    target = site.target(bases, room / "w")
    seen = recovered(site, target)
    assert (seen.verified, seen.reached) == (False, False)
    said = wrong(seen, target)
    assert {name for name, word in said.items() if word == "failed"} == {
        "base_backup_verifies",
        "target_time_is_reached",
    }


def test_what_the_original_would_do_is_not_done(site: Site, room: Path) -> None:
    bases = only(site, room, PLAIN)
    (base,) = bases.iterdir()
    done = room / "done"
    with (base / "postgresql.auto.conf").open("a") as settings_:
        settings_.write(f"archive_mode = on\narchive_command = 'touch {done}'\nrecovery_end_command = 'touch {done}'\n")
        settings_.write("shared_preload_libraries = 'not_installed'\nprimary_conninfo = 'host=127.0.0.1 port=9'\n")
    (base / "standby.signal").touch()
    seen = recovered(site, site.target(bases, room / "w"))
    assert (seen.verified, seen.reached) == (True, True)
    assert not done.exists()


def test_recovery_conf_is_an_error(site: Site, room: Path) -> None:
    bases = only(site, room, PLAIN)
    (base,) = bases.iterdir()
    (base / "recovery.conf").write_text("restore_command = 'true'\n")
    target = site.target(bases, room / "w")
    seen = look_at_bases(target, context(name="recovery.database"))
    assert wrong(seen, target) == {"base_backup_has_no_old_settings": "failed"}
    tried = recovered(site, target)
    assert "recovery.conf" in tried.trouble
    assert wrong(tried, target)["target_time_is_reached"] == "failed"


KILLED = """
import sys, time
from pathlib import Path
from fixtures.environment.secrets import Secret
from fixtures.environment.sections.postgres import Postgres
from fixtures.environment.sections.recovery import Recovery
from fixtures.probes import Context, rewind
url, archive, bases, workdir = sys.argv[1:]
given = {"of": "primary", "archive": archive, "bases": bases, "drill": {"workdir": workdir}}
whole = rewind.Log.bring
def slow(self, name, path):
    if path.parent.name == "given":
        time.sleep(600)
    return whole(self, name, path)
rewind.Log.bring = slow
primary = {"postgres.primary": Postgres(url=Secret(url))}
rewind.drill(Recovery.model_validate(given), Context("recovery.database", time.monotonic() + 100, targets=primary))
"""


def test_a_killed_drill_leaves_nothing(site: Site, room: Path) -> None:
    bases, workdir = only(site, room, TAR), room / "w"
    arguments = [url_of(site.server), str(site.archive), str(bases), str(workdir)]
    with subprocess.Popen([sys.executable, "-c", KILLED, *arguments]) as process:
        assert until(lambda: any(workdir.glob("*/data/postmaster.pid")) or process.poll() is not None)
        notes = [line.split() for path in workdir.glob("*/processes") for line in path.read_text().splitlines()]
        process.kill()
    assert until(lambda: not list(workdir.glob("*")))
    assert notes
    assert until(lambda: not any(Path(f"/proc/{words[0]}").exists() for words in notes))


def test_a_disk_without_room_cannot_tell(site: Site, room: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = site.target(only(site, room, TAR), room / "w")
    usage = shutil.disk_usage(room)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(CannotTell, match="full: the recovery had no room"):
        recovered(site, target)
    monkeypatch.undo()
    small = target.model_copy(update={"limit": 10**6})
    with pytest.raises(CannotTell, match="`limit`"):
        recovered(site, small)
    assert not list((room / "w").iterdir())


def test_no_commit_since_the_base_backup_is_no_moment(site: Site, room: Path) -> None:
    bases = only(site, room, TAR)
    for path in copied(site, room)[-2:]:
        path.unlink()
    with pytest.raises(CannotTell, match="no two commits since"):
        recovered(site, site.target(bases, room / "w", archive=str(room / "archive")))


@pytest.mark.parametrize(
    ("member", "error", "said"),
    [
        ("../escaped", Broken, "leads out"),
        ("/escaped", Broken, "leads out"),
        ("pg_tblspc/16400", CannotTell, "tablespaces"),
    ],
)
def test_a_tar_stays_in_its_directory(room: Path, member: str, error: type[Exception], said: str) -> None:
    path = room / "bases"
    path.mkdir()
    with tarfile.open(path / "base.tar", "w") as tar:
        entry = tarfile.TarInfo(member)
        if "tblspc" in member:
            entry.type, entry.linkname = tarfile.SYMTYPE, "/srv/fast"
        else:
            entry.size = 1
        tar.addfile(entry, io.BytesIO(b"x"))
    target = Recovery(of="primary", archive="/a", bases=str(path))
    place = place_of(target, target.bases, context())
    (stored,) = place.list(BASES)
    (room / "data").mkdir()
    with pytest.raises(error, match=said):
        bring(place, stored, "none", Copying(room / "data", 10**6, context()))
    assert not (room / "escaped").exists()


def test_places_that_are_not_there(site: Site, room: Path) -> None:
    target = site.target(room / "gone", room / "w")
    here = context(site.server, name="recovery.database")
    with pytest.raises(CannotTell, match="does not exist"):
        look_at_bases(target, here)
    seen = look_at_archive(target, here)
    assert wrong(seen, target) == {"segments_have_no_gap": "cannot tell"}
    with pytest.raises(CannotTell, match="does not exist"):
        look_at_archive(target.model_copy(update={"archive": str(room / "gone")}), here)


def test_a_dump_is_no_base_backup(site: Site, room: Path) -> None:
    path = room / "bases"
    path.mkdir(mode=0o700)
    (path / datetime.now(UTC).strftime("base_%Y%m%d_%H%M%S")).write_bytes(
        gzip.compress(b"--\n-- PostgreSQL database dump\n--\n")
    )
    target = site.target(path, room / "w")
    said = wrong(look_at_bases(target, context(name="recovery.database")), target)
    assert {name for name, word in said.items() if word == "failed"} == {"base_backup_is_physical"}
    with pytest.raises(CannotTell, match="a dump, which no log can be applied to"):
        recovered(site, target)


def test_what_a_stack_backdates_is_old_and_whole(site: Site, room: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bases = only(site, room, PLAIN)
    monkeypatch.setattr(backup_step, "BASE", bases)
    backup_step.backdate(next(bases.iterdir()), 9)
    target = site.target(bases, room / "w")
    seen = look_at_bases(target, context(name="recovery.database"))
    assert wrong(seen, target) == {"base_backup_is_fresh": "failed"}
    assert recovered(site, target).verified


def test_headers_are_read_in_either_order() -> None:
    little = bytes.fromhex("10d10200010000000000000200000000000000000000000025fadaee701d076b0000000100200000")
    found = read_header(little)
    assert found is not None
    assert (found.timeline, found.number, found.size) == (1, 2, SIZE)
    assert read_header(b"\0" * 40) is read_header(little[:30]) is None


def test_a_drill_is_accepted_for_a_quarter_at_most() -> None:
    with pytest.raises(ValueError, match="92d"):
        Rewind(accept=93 * 86400.0)
