"""The files of ECS and of the App Platform: how they are read, and the guide's own."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fixtures import vocabulary
from fixtures.environment.model import Target
from fixtures.environment.sections.app_platform import AppPlatform
from fixtures.environment.sections.ecs import Ecs
from fixtures.probes import Context
from fixtures.probes.app_platform import look as look_at_app
from fixtures.probes.ecs import EcsEvidence
from fixtures.probes.ecs import look as look_at_task
from fixtures.vocabulary import CannotTell, Evidence, Finding
from tests.test_checks import checked, judge

GUIDE = Path(__file__).parent / "data" / "guide"
Look = Callable[[Any, Context], Evidence]
TASK = {
    "ecs.app_gets_its_variables",  # ecs.environment, ecs.secrets
    "ecs.app_has_a_role_of_its_own",  # ecs.execution-role
    "ecs.execution_role_is_named",  # ecs.execution-role
    "ecs.image_is_pinned",  # ecr.image
    "ecs.log_group_is_made",  # ecs.log-config
    "ecs.plain_variables_are_real",  # ecs.environment: the real domain
    "ecs.task_has_enough_cores",  # ecs.cpu
    "ecs.task_has_enough_memory",  # ecs.memory
    "ecs.task_is_given_time_to_start",  # compose.app-healthcheck-timing: no start_period in either
}
APP = {
    "app_platform.app_gets_its_variables",  # doapp.env-secret
    "app_platform.database_is_for_production",  # doapp.database
    "app_platform.instances_are_large_enough",  # doapp.instance-size
    "app_platform.migrations_are_applied_before",  # doapp.build-command
    "app_platform.not_every_push_is_deployed",  # doapp.source
    "app_platform.secrets_are_encrypted",  # doapp.env-secret
    "app_platform.size_is_a_current_one",  # doapp.instance-size
    "app_platform.source_is_the_apps",  # doapp.source
}


def context() -> Context:
    return Context("ecs.task", time.monotonic() + 10)


def findings(area: str, target: Target, seen: Evidence) -> set[str]:
    found = set()
    for name, function in checked().items():
        declared = vocabulary.check_of(function)
        if name.partition(".")[0] != area or declared is None or not declared.applies(target):
            continue
        arguments = {key: target if key == "target" else seen for key in function.__annotations__ if key != "return"}
        try:
            function(**arguments)
        except (Finding, CannotTell):
            found.add(name)
    return found


def test_the_guides_task_definition_has_the_mistakes_that_are_known_of_it() -> None:
    target = Ecs(file=GUIDE / "ecs-task-definition.json")
    assert findings("ecs", target, look_at_task(target, context())) == TASK


def test_the_guides_spec_has_the_mistakes_that_are_known_of_it() -> None:
    target = AppPlatform(file=GUIDE / "app.yaml")
    assert findings("app_platform", target, look_at_app(target, context())) == APP


@pytest.mark.parametrize(
    ("look", "kind", "area"), [(look_at_task, Ecs, "ecs"), (look_at_app, AppPlatform, "app_platform")]
)
@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"[1, 2]", b"{", b"x" * 600_000, b"a: [" * 2000])
def test_what_can_not_be_read_is_told_and_proves_nothing(
    tmp_path: Path, look: Look, kind: Callable[..., Target], area: str, content: bytes | None
) -> None:
    path = tmp_path / "file"
    if content is not None:
        path.write_bytes(content)
    target = kind(file=path)
    seen = look(target, context())
    found = findings(area, target, seen)
    assert any(name.endswith(("file_can_be_read", "spec_describes_the_app")) for name in found)
    assert "\n" not in str(getattr(seen, "flaw", ""))


def test_secrets_of_a_task_are_no_evidence(tmp_path: Path) -> None:
    secret = "hunter2-hunter2"
    container = {
        "name": "emailai-app",
        "environment": [
            {"name": "NEXTAUTH_SECRET", "value": secret},
            {"name": "CACHE", "value": f"redis://u:{secret}@h/0"},
            {"name": "LOG_LEVEL", "value": "info"},
        ],
        "secrets": [{"name": "STRIPE_SECRET_KEY", "valueFrom": "arn:aws:ssm:us-east-1:1:parameter/x"}],
        "healthCheck": {
            "command": ["CMD-SHELL", f"curl -H 'Authorization: {secret}' http://localhost:3000/api/health"]
        },
    }
    (tmp_path / "task.json").write_text(json.dumps({"taskDefinition": {"containerDefinitions": [container]}}))
    seen = look_at_task(Ecs(file=tmp_path / "task.json"), context())
    assert isinstance(seen, EcsEvidence)
    assert secret not in seen.model_dump_json()
    one = seen.containers[0]
    assert one.exposed == ("NEXTAUTH_SECRET", "CACHE")
    assert one.variables["LOG_LEVEL"] == "info"
    assert one.secrets == {"STRIPE_SECRET_KEY": "ssm"}
    with pytest.raises(Finding, match="NEXTAUTH_SECRET stands in the file; CACHE"):
        judge("ecs.secrets_come_from_a_store", seen)


def test_secrets_of_a_spec_are_no_evidence(tmp_path: Path) -> None:
    (tmp_path / "app.yaml").write_text(
        "name: emailai-prod\nenvs: [{key: RESEND_API_KEY, type: SECRET, value: 'EV[1:abc:def]'}]\n"
        "services:\n- name: web\n  envs: [{key: NEXTAUTH_SECRET, value: hunter2-hunter2}]\n"
        "  git: {repo_clone_url: 'https://u:hunter2-hunter2@h/r.git'}\n"
    )
    seen = look_at_app(AppPlatform(file=tmp_path / "app.yaml"), context())
    text = seen.model_dump_json()
    assert "hunter2" not in text
    assert "EV[" not in text
    assert '"name":"RESEND_API_KEY","secret":true,"value":"encrypted"' in text
