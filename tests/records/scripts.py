"""Evidence of `scripts` that is healthy, and what makes its checks fail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fixtures.environment.model import Target
from fixtures.environment.sections.scripts import Script
from fixtures.probes.scripts import ScriptEvidence, crontab, read
from tests.records import NOW, Fails

SCRIPT_TARGET = Script(file=Path("backup-db.sh"), crontab=Path("crontab"))
FILES_TARGET = Script(file=Path("backup-app.sh"), backs_up="files")
TEXT = """#!/bin/bash
set -euo pipefail
trap 'echo failed | mail -s failed ops@example.com' EXIT
pg_dump --no-password --format=custom --file="$FILE" "$DATABASE"
pg_restore --list "$FILE" >/dev/null
tar -czf "$DIRECTORY/app.tar.gz" /var/www/emailai/uploads
aws s3 cp "$FILE" "$BUCKET"
find "$DIRECTORY" -name '*.backup' -mtime +30 -delete
"""
LINE = "CRON_TZ=UTC\n0 2 * * * /opt/scripts/backup-db.sh >>/var/log/backup.log 2>&1\n"


def evidence(text: str, line: str = LINE) -> ScriptEvidence:
    """What the probe would see of a script and its crontab."""
    return ScriptEvidence.model_validate(
        {"observed_at": NOW, "file": "backup-db.sh", "crontab": None, **read(text), **crontab(line)}
    )


SCRIPT = evidence(TEXT)


def changed(old: str, new: str) -> dict[str, Any]:
    """Another text in one place."""
    assert old in TEXT
    return dict(read(TEXT.replace(old, new)))


TARGETS: dict[type[Target], Target] = {Script: SCRIPT_TARGET}
FAILS: Fails = {
    "scripts.archive_holds_what_users_gave": (SCRIPT, changed("/var/www/emailai/uploads", "/var/log/emailai")),
    "scripts.backup_is_verified": (SCRIPT, changed('pg_restore --list "$FILE" >/dev/null', "")),
    "scripts.dump_can_be_restored_in_parts": (SCRIPT, changed("--format=custom", "--format=plain")),
    "scripts.failures_are_told": (SCRIPT, changed("trap 'echo failed | mail -s failed ops@example.com' EXIT", "")),
    "scripts.no_password_is_waited_for": (SCRIPT, changed("--no-password ", "")),
    "scripts.no_secret_is_backed_up": (SCRIPT, changed("aws s3", "tar -czf x /srv/.env.production\naws s3")),
    "scripts.nothing_is_deleted_after_a_failure": (SCRIPT, changed("-euo pipefail", "-uo pipefail")),
    "scripts.old_backups_are_deleted": (SCRIPT, changed(" -delete", " -print")),
    "scripts.output_is_kept": (SCRIPT, crontab("0 2 * * * /opt/scripts/backup-db.sh")),
    "scripts.pipes_fail_as_a_whole": (SCRIPT, changed("-euo pipefail", "-eu")),
    "scripts.schedule_says_its_zone": (SCRIPT, {"zone": ""}),
    "scripts.script_can_be_run": (SCRIPT, {"flaw": "no script that bash takes, line 3"}),
    "scripts.script_ends_at_the_first_failure": (SCRIPT, changed("-euo pipefail", "-o pipefail")),
    "scripts.script_is_scheduled": (SCRIPT, crontab("0 3 * * * /opt/scripts/backup-db.sh")),
    "scripts.success_is_that_of_the_backup": (SCRIPT, changed("aws s3", "[ $? -eq 0 ] || exit 1\naws s3")),
}
