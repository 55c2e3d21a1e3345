"""Backup scripts: how they are read, the guide's own, and ours."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from fixtures import vocabulary
from fixtures.environment.sections.scripts import Script
from fixtures.probes import Context
from fixtures.probes.scripts import ScriptEvidence, crontab, look, read
from fixtures.vocabulary import CannotTell, Finding
from tests.records.scripts import FILES_TARGET, TEXT, evidence
from tests.test_checks import checked

ROOT = Path(__file__).parents[1]
GUIDE = ROOT / "tests" / "data" / "guide"
UNSAFE = {
    "scripts.backup_is_verified",  # backup.failure-detected: a check of the artefact itself
    "scripts.nothing_is_deleted_after_a_failure",  # backup.retention-30d: it also prunes while new dumps are failing
    "scripts.pipes_fail_as_a_whole",  # backup.failure-detected: set -euo pipefail
    "scripts.script_ends_at_the_first_failure",  # backup.failure-detected
}
DATABASE = UNSAFE | {
    "scripts.failures_are_told",  # backup.failure-mail: unreachable in practice
    "scripts.no_password_is_waited_for",  # backup.script: no password source for cron
    "scripts.schedule_says_its_zone",  # backup.cron-daily-2am: server time zone is not stated
    "scripts.success_is_that_of_the_backup",  # backup.failure-detected: $? is find's status
}
FILES = UNSAFE | {
    "scripts.no_secret_is_backed_up",  # appbackup.env-file
    "scripts.script_is_scheduled",  # appbackup.artefact: no cron entry
}


def seen(target: Script) -> ScriptEvidence:
    found = look(target, Context("scripts.backup", time.monotonic() + 10))
    assert isinstance(found, ScriptEvidence)
    return found


def findings(target: Script, evidence: ScriptEvidence | None = None) -> dict[str, str]:
    found = {}
    for name, function in checked().items():
        declared = vocabulary.check_of(function)
        if name.partition(".")[0] != "scripts" or declared is None or not declared.applies(target):
            continue
        known = {"target": target, "seen": evidence or seen(target)}
        try:
            function(**{key: known[key] for key in function.__annotations__ if key != "return"})
        except Finding as finding:
            found[name] = finding.seen
        except CannotTell:
            continue
    return found


def test_the_guides_own_script_has_the_mistakes_that_are_known_of_it() -> None:
    found = findings(Script(file=GUIDE / "backup-db.sh", crontab=GUIDE / "crontab"))
    assert set(found) == DATABASE
    assert found["scripts.success_is_that_of_the_backup"] == "line 22: $? is that of find"


def test_the_guides_backup_of_files_has_the_mistakes_that_are_known_of_it() -> None:
    found = findings(Script(file=GUIDE / "backup-app.sh", backs_up="files", crontab=GUIDE / "crontab"))
    assert set(found) == FILES
    assert found["scripts.no_secret_is_backed_up"] == "line 5: /var/www/emailai/.env.production"


def test_the_recommended_script_has_none() -> None:
    assert findings(Script(file=ROOT / "docs" / "scripts" / "backup.sh")) == {}


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("pg_dump x\nif [ $? -eq 0 ]; then echo ok; fi", "pg_dump"),
        ("pg_dump x\nif [[ $? == 0 ]]; then echo ok; fi", "pg_dump"),
        ("pg_dump x\ngzip y\ntest $? -eq 0 && echo ok", "gzip"),
        ('pg_dump x\nlog "$(date)"\n[ $? = 0 ]', "log"),
    ],
)
def test_the_command_whose_status_is_asked_for_is_the_one_before(text: str, after: str) -> None:
    assert [one.after for one in evidence(text).status_tests] == [after]


def test_pipelines_lists_and_functions_are_seen() -> None:
    found = evidence("f() {\n  pg_dump a | gzip >b\n}\nf && rm c || exit 1\n")
    by_name = {one.name: one for one in found.commands}
    assert (by_name["pg_dump"].piped, by_name["gzip"].piped) == (True, False)
    assert by_name["rm"].asked
    assert found.pipelines == (2,)


def test_options_that_come_too_late_are_none() -> None:
    assert evidence("pg_dump a\nset -e\n").options == ()
    assert evidence("now=$(date)\nset -e\nset -o pipefail\npg_dump a\n").options == ("errexit", "pipefail")


def test_an_archive_without_uploads_is_told() -> None:
    bare = evidence("set -euo pipefail\ntar -czf a.tar.gz /var/log/emailai\ntar -tzf a.tar.gz\n")
    assert "scripts.archive_holds_what_users_gave" in findings(FILES_TARGET, bare)
    whole = evidence("set -euo pipefail\ntar -czf a.tar.gz /var/www/emailai/uploads\ntar -tzf a.tar.gz\n")
    assert "scripts.archive_holds_what_users_gave" not in findings(FILES_TARGET, whole)


@pytest.mark.parametrize("text", ["if [ 1 ]; then\n", "echo $(\n", "for x in; do done fi\n"])
def test_what_is_no_script_is_told_with_its_line(text: str) -> None:
    assert "no script that bash takes, line " in read(text)["flaw"]


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"x" * 600_000])
def test_what_can_not_be_read_is_told_and_proves_nothing(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "backup.sh"
    if content is not None:
        path.write_bytes(content)
    found = findings(Script(file=path))
    assert set(found) == {"scripts.script_can_be_run"}


def test_secrets_are_no_evidence() -> None:
    text = TEXT + "PGPASSWORD=hunter2-hunter2 pg_dump --password=hunter2-hunter2 postgresql://u:hunter2-hunter2@h/d\n"
    assert "hunter2" not in evidence(text, "0 2 * * * TOKEN=hunter2-hunter2 /opt/x").model_dump_json()


def test_a_crontab_has_lines_and_a_zone() -> None:
    found = crontab("# 0 1 * * * /no\nCRON_TZ=Europe/Berlin\n@daily /opt/a >/var/log/a.log\n*/5 * * * * /opt/b 2>&1\n")
    assert found["zone"] == "Europe/Berlin"
    assert [(one.when, one.log, one.errors_too) for one in found["crontab"]] == [
        ("@daily", "/var/log/a.log", False),
        ("*/5 * * * *", "", True),
    ]
