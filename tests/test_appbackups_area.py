"""Backups of the application's files: the checks on plain records, tarballs of all kinds, the recommended script."""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import tarfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import zstandard

from checks import appbackups as checks
from fixtures.environment.secrets import Secret
from fixtures.environment.sections.appbackups import AppBackupExpectations, AppBackups
from fixtures.probes._places import Bucket, place_of
from fixtures.probes.appbackups import AppBackupsEvidence, ContentsEvidence, look, look_inside, unwanted
from fixtures.vocabulary import CannotTell
from tests._kept import complaints, context, speaking_s3
from tests.records import NOW
from tests.records.appbackups import CONTENTS, SET, TARGET, backup

SCRIPT = Path(__file__).parent.parent / "docs" / "scripts" / "app-backup.sh"
NAME = "emailai_app_%Y%m%d_%H%M%S.tar.gz"
UPLOAD = "var/www/emailai/uploads/photo.jpg"
LOG = "var/log/emailai/app.log"


def wrong(seen: Any, target: AppBackups = TARGET) -> dict[str, str]:
    return complaints(seen, target, checks)


def test_good_records_pass() -> None:
    assert wrong(SET) == wrong(CONTENTS) == {}


def inside(**changes: Any) -> ContentsEvidence:
    assert CONTENTS.contents is not None
    return CONTENTS.model_copy(update={"contents": CONTENTS.contents.model_copy(update=changes)})


@pytest.mark.parametrize(
    ("seen", "names"),
    [
        (SET.model_copy(update={"backups": SET.backups[2:]}), {"newest_is_fresh"}),
        (SET.model_copy(update={"backups": SET.backups[:6]}), {"enough_are_kept"}),
        (SET.model_copy(update={"backups": (*SET.backups, backup(32))}), {"none_is_past_its_retention"}),
        (SET.model_copy(update={"strange": ("x.zip",)}), {"names_are_the_declared_ones"}),
        (SET.model_copy(update={"encryption": None}), {"newest_is_encrypted"}),
        (CONTENTS.model_copy(update={"whole": False}), {"newest_is_whole"}),
        (inside(absent=("var/log/emailai",)), {"declared_paths_are_in_it"}),
        (inside(unwanted={"environment": (".env",)}), {"no_secrets_are_in_it"}),
        (inside(unwanted={"key": ("id_rsa",)}), {"no_secrets_are_in_it"}),
        (inside(unwanted={"repository": (".git",)}), {"no_repository_is_in_it"}),
        (inside(unwanted={"dependencies": ("node_modules",)}), {"no_dependencies_are_in_it"}),
    ],
)
def test_each_mistake_fails_its_check(seen: Any, names: set[str]) -> None:
    assert wrong(seen) == dict.fromkeys(names, "failed")


def test_of_what_is_encrypted_only_that_it_is_so_is_told() -> None:
    sealed = CONTENTS.model_copy(update={"encrypted": True, "whole": False, "contents": None})
    assert wrong(sealed) == {"declared_paths_are_in_it": "cannot tell", "newest_is_whole": "cannot tell"}


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("var/www/emailai/.env", "environment"),
        ("app/.env.production", "environment"),
        ("app/.ENV.local", "environment"),
        ("app/.env.example", None),
        ("app/environment.ts", None),
        ("home/deploy/.ssh/id_ed25519", "key"),
        ("home/deploy/.ssh/id_ed25519.pub", None),
        ("root/.aws/credentials", "key"),
        ("app/service-account-prod.json", "key"),
        ("certs/server.p12", "key"),
        ("uploads/talk.key", None),
        ("app/.git/objects/ab/cdef", "repository"),
        ("app/.gitignore", None),
        ("app/node_modules/next/.env", "dependencies"),
    ],
)
def test_what_has_no_place_in_a_backup(path: str, kind: str | None) -> None:
    assert unwanted(PurePosixPath(path))[0] == kind


def tarball(files: Mapping[str, bytes], how: Any = "gz") -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz" if how == "gz" else "w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return zstandard.compress(made.getvalue()) if how == "zst" else made.getvalue()


def placed(directory: Path, content: bytes, suffix: str = ".tar.gz") -> AppBackups:
    """A directory with seven backups, of which this is the newest."""
    directory.chmod(0o700)
    for days in range(7):
        name = (datetime.now(UTC) - timedelta(days=days)).strftime(NAME).replace(".tar.gz", suffix)
        (directory / name).write_bytes(content)
        (directory / name).chmod(0o600)
    expect = AppBackupExpectations(contains=("/var/www/emailai/uploads", "var/log/emailai/app.log"))
    return AppBackups(at=str(directory), names=NAME.replace(".tar.gz", suffix), expect=expect)


FILES = {UPLOAD: os.urandom(50_000), LOG: b"started\n" * 100}


@pytest.mark.parametrize(("how", "suffix"), [("gz", ".tar.gz"), ("zst", ".tar.zst"), ("none", ".tar")])
def test_a_good_one_passes(tmp_path: Path, how: str, suffix: str) -> None:
    target = placed(tmp_path, tarball(FILES, how), suffix)
    seen, contents = look(target, context()), look_inside(target, context())
    assert wrong(seen, target) == wrong(contents, target) == {}
    assert isinstance(contents, ContentsEvidence)
    assert contents.inside.files == 2
    for evidence in (seen, contents):
        assert type(evidence).model_validate_json(evidence.model_dump_json()) == evidence


MANY = {**FILES, **{f"var/www/emailai/uploads/{number}.jpg": os.urandom(60_000) for number in range(9)}}
ENDS = len(tarball(MANY, "none").rstrip(b"\0")) // 512 * 512 + 512
"""Where the last file of the tar and its padding end, and the zero bytes begin."""


@pytest.mark.parametrize(
    ("how", "ends"), [("gz", (-4, -600, 300_000)), ("zst", (-600, 300_000)), ("none", (ENDS, 300_000))]
)
def test_what_breaks_off_is_seen(tmp_path: Path, how: str, ends: tuple[int, ...]) -> None:
    content = tarball(MANY, how)
    for end in ends:
        target = placed(tmp_path, content[:end])
        seen = look_inside(target, context())
        assert isinstance(seen, ContentsEvidence)
        assert seen.inside.files > 1
        assert wrong(seen, target).get("newest_is_whole") == "failed"
    flipped = bytearray(content)
    flipped[len(content) // 2] ^= 4
    target = placed(tmp_path, bytes(flipped))
    # A tar without compression has no checksum of its contents.
    assert ("newest_is_whole" in wrong(look_inside(target, context()), target)) is (how == "gz")


def test_secrets_are_found_by_name_and_by_content(tmp_path: Path) -> None:
    key = b"-----BEGIN RSA " + b"PRIVATE KEY-----\nMIIE"
    more = {"var/www/emailai/.env.production": b"X=1", "uploads/a.txt": key, "uploads/talk.key": b"PK\x03\x04"}
    target = placed(tmp_path, tarball({**FILES, **more}))
    seen = look_inside(target, context())
    assert wrong(seen, target) == {"no_secrets_are_in_it": "failed"}
    assert isinstance(seen, ContentsEvidence)
    assert seen.inside.unwanted == {
        "environment": ("var/www/emailai/.env.production",),
        "key": ("uploads/a.txt",),
    }
    assert "MIIE" not in seen.model_dump_json()


def test_what_is_no_tarball(tmp_path: Path) -> None:
    for content in (b"", gzip.compress(b""), gzip.compress(b"tar: no such file"), b"x" * 1000):
        target = placed(tmp_path, content)
        said = wrong(look(target, context()), target)
        assert said["newest_is_a_tarball"] == "failed"
        assert set(wrong(look_inside(target, context()), target).values()) == {"cannot tell"}
    target = placed(tmp_path, b"age-encryption.org/v1\n-> X25519 abc")
    assert wrong(look(target, context()), target) == {}
    sealed = look_inside(target, context())
    assert isinstance(sealed, ContentsEvidence)
    assert sealed.encrypted


def test_a_bomb_is_not_swallowed(tmp_path: Path) -> None:
    target = placed(tmp_path, tarball({UPLOAD: b"\0" * 30_000_000})).model_copy(update={"limit": 10**6})
    with pytest.raises(CannotTell, match="`limit`"):
        look_inside(target, context())
    with pytest.raises(CannotTell, match="does not exist"):
        look(target.model_copy(update={"at": str(tmp_path / "gone")}), context())


def test_a_bucket_is_looked_at() -> None:
    with speaking_s3() as endpoint:
        target = AppBackups(
            at="s3://kept/application/", endpoint=endpoint, access_key=Secret("testing"),
            secret_key=Secret("testing-too"), expect=AppBackupExpectations(encrypted=True, keep=1),
        )  # fmt: skip
        place = place_of(target, target.at, context())
        assert isinstance(place, Bucket)
        place.client.create_bucket(Bucket="kept")
        name = f"application/{datetime.now(UTC).strftime(NAME)}"
        place.client.put_object(Bucket="kept", Key=name, Body=tarball(FILES))
        seen = look(target, context())
        assert isinstance(seen, AppBackupsEvidence)
        assert wrong(seen, target) == {"newest_is_encrypted": "failed"}
        assert wrong(look_inside(target, context()), target) == {}
        place.client.put_object(Bucket="kept", Key=name, Body=tarball(FILES), ServerSideEncryption="aws:kms")
        assert wrong(look(target, context()), target) == {}


def run(home: Path, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run the recommended script."""
    env = {
        "PATH": os.defpath, "APP_ROOT": str(home / "root"), "BACKUP_DIR": str(home / "local"),
        "UPLOAD_TO": str(home / "store"), "MAIL_TO": "", **changes,
    }  # fmt: skip
    return subprocess.run(["bash", str(SCRIPT)], env=env, capture_output=True, text=True, check=False, timeout=60)


def test_the_script_leaves_out_what_opens_everything_else(tmp_path: Path) -> None:
    for name in (UPLOAD, LOG, "var/www/emailai/uploads/.env.production", "var/www/emailai/uploads/.git/HEAD"):
        path = tmp_path / "root" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    done = run(tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    target = AppBackups(
        at=str(tmp_path / "store"),
        expect=AppBackupExpectations(keep=1, contains=("var/www/emailai/uploads", "var/log/emailai")),
    )
    seen, contents = look(target, context()), look_inside(target, context())
    assert wrong(seen, target) == wrong(contents, target) == {}
    assert isinstance(contents, ContentsEvidence)
    assert contents.inside.files == 2


@pytest.mark.parametrize(
    "changes",
    [{"APP_PATHS": "var/log/emailai var/gone"}, {"UPLOAD_TO": "/proc/nowhere"}, {"APP_PATHS": "var/www/empty"}],
)
def test_a_bad_night_is_told(tmp_path: Path, changes: dict[str, str]) -> None:
    (tmp_path / "root" / "var" / "www" / "empty").mkdir(parents=True)
    for name in (UPLOAD, LOG):
        path = tmp_path / "root" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    done = run(tmp_path, **changes)
    assert done.returncode != 0
    assert "successful" not in done.stdout
    assert "Backup failed while" in done.stderr
    assert not [path for path in (tmp_path / "local").iterdir() if path.name.endswith("part")]


def test_times_are_told_by_names() -> None:
    assert abs(SET.newest.made_at - NOW) < timedelta(hours=4)
    with pytest.raises(ValueError, match="such as var/www"):
        AppBackupExpectations(contains=("../etc",))
