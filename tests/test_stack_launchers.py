"""Both launchers without Docker: one list of services, what an environment may ask for, and the pipeline examples."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from ruamel.yaml import YAML

from fixtures.environment.policy import App
from fixtures.environment.policy import Stack as Wanted
from fixtures.stack import probes, programs, start
from fixtures.stack.certificates import Authority
from fixtures.stack.containers import Bridge
from fixtures.stack.errors import StackError
from fixtures.stack.layout import Layout, Loopback
from fixtures.stack.plan import Plan, endpoints
from fixtures.stack.services import guide_services
from fixtures.stack.stack import Stack

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "docs" / "ci"


# One list of services


def rendered(layout: Layout, run_dir: Path, authority: Authority) -> dict[str, str]:
    """Every file and command of the stack, with what a launcher decides taken out."""
    plan = Plan(run_dir, layout, authority=authority)
    plan.passwords = dict.fromkeys(plan.passwords, "secret")
    texts = {}
    for service in guide_services(plan):
        parts = {**service.files, "argv": " ".join(service.argv[1:]), "env": repr(sorted(service.env.items()))}
        for name, text in parts.items():
            plain = text.replace(str(service.directory), "DIR").replace(layout.clients, "CLIENTS")
            for endpoint in endpoints():
                for address in (str(layout.inside(endpoint)), f"{layout.listen}:{layout.port(endpoint)}"):
                    plain = re.sub(rf"{re.escape(address)}(?!\d)", endpoint, plain)
            for endpoint in endpoints():
                host, port = layout.inside(endpoint).host, layout.port(endpoint)
                plain = re.sub(rf"(?<!\d){port}(?!\d)", "PORT", plain).replace(f"host={host} ", "host=HOST ")
                plain = plain.replace(f"-h {host} ", "-h HOST ").replace(f"'PGHOST', '{host}'", "'PGHOST', 'HOST'")
            plain = plain.replace(layout.listen, "LISTEN")
            if not name.endswith((".pem", ".py")):
                texts[f"{service.name}/{name}"] = plain
    return texts


def test_both_launchers_are_given_the_same_services(tmp_path: Path) -> None:
    authority = Authority()
    ports = {name: 50001 + number for number, name in enumerate(endpoints())}
    processes = rendered(Loopback(tmp_path, programs.IN_IMAGES, ports), tmp_path, authority)
    containers = rendered(Bridge(), tmp_path, authority)
    assert "nginx/nginx.conf" in processes
    assert "backup/backup.sh" in processes
    assert containers == processes


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with start() as running:
        yield running


def test_a_paused_process_keeps_its_port_and_answers_nothing(stack: Stack) -> None:
    at = stack.plan.layout.outside("redis")
    password = stack.plan.passwords["redis"]
    with stack.paused("redis"):
        assert probes.listens(at)
        assert not probes.pongs(at, password)
    assert probes.until(lambda: probes.pongs(at, password), within=5)


def test_a_killed_process_is_gone_until_it_is_started(stack: Stack) -> None:
    at = stack.plan.layout.outside("app1")
    assert probes.answers(at)
    stack.kill_service("app1")
    assert not probes.listens(at)
    stack.start_service("app1")
    assert probes.answers(at)


def test_a_process_cannot_be_cut_off(stack: Stack) -> None:
    with pytest.raises(StackError, match="needs launcher: containers"), stack.cut_off("redis"):
        pass


def test_a_full_disk_is_told_and_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_dir = tmp_path / "run"
    run_dir.mkdir()
    (run_dir / "ca.pem").symlink_to("/dev/full")
    monkeypatch.setattr("fixtures.stack.stack.make_run_dir", lambda: run_dir)
    with pytest.raises(StackError, match=r"^the disk that holds .* is full: .* TMPDIR$"):
        start()
    assert not run_dir.exists()


# What an environment file may ask for


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"images": {"primary": "postgres:16"}}, "launcher: containers"),
        ({"app": {"image": "a:1"}}, "launcher: containers"),
        (
            {"launcher": "containers", "images": {"mysql": "mysql:8"}},
            "images of nginx, pgbouncer, primary, redis, replica",
        ),
        ({"launcher": "containers", "app": {"image": "a:1", "instances": 9}}, "less than or equal to 8"),
        ({"launcher": "containers", "app": {"command": ["x"]}}, "Field required"),
    ],
)
def test_what_makes_no_sense_is_refused(asked: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Wanted.model_validate(asked)


def test_a_teams_own_app_is_told_the_guides_variables(tmp_path: Path) -> None:
    own = App(image="a:1", environment={"REDIS_URL": "{redis_url}?db=1", "EXTRA": "x"})
    plan = Plan(tmp_path, Bridge(own.port), ("app1",), own)
    env = plan.own_environment()
    assert env["DATABASE_URL"].endswith("@pgbouncer:6432/emailai_prod?pgbouncer=true")
    assert env["DIRECT_URL"].endswith("@primary:5432/emailai_prod")
    assert env["REDIS_URL"].endswith("@redis:6379/0?db=1")
    assert (env["PORT"], env["EXTRA"], env["NEXTAUTH_URL"]) == ("3000", "x", "https://emailai.test")
    assert [service.name for service in guide_services(plan) if service.native] == ["app1"]


# What is left out is said


def tests_without_docker(tmp_path: Path, path: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*(sys.executable, "-m", "pytest", path, "-q", "-p", "no:cacheprovider"), "-k", "is_still or makes_no_sense"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "DOCKER_HOST": f"unix://{tmp_path}/none.sock", **variables},
    )


def test_without_docker_its_tests_are_left_out_loudly(tmp_path: Path) -> None:
    run = tests_without_docker(tmp_path, "tests", GOLIVE_REQUIRE_DOCKER="")
    assert run.returncode == 0, run.stdout
    assert "LEFT OUT: tests/test_containers.py" in run.stdout
    assert "no Docker daemon answers" in run.stdout


def test_where_docker_is_required_its_absence_is_an_error(tmp_path: Path) -> None:
    run = tests_without_docker(tmp_path, "tests/test_containers.py", GOLIVE_REQUIRE_DOCKER="1")
    assert run.returncode == 1
    assert "no Docker daemon answers" in run.stdout
    assert "LEFT OUT" not in run.stdout


@pytest.mark.parametrize(("required", "left_out"), [("", True), ("1", False)])
def test_without_its_servers_the_comparison_of_looks_is_left_out_loudly(required: str, left_out: bool) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "tests/test_tls_servers.py", "-q", "-p", "no:cacheprovider", "-k", "gnutls"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PATH": "/nowhere", "GOLIVE_REQUIRE_SERVERS": required},
    )
    assert ("LEFT OUT: tests/test_tls_servers.py" in run.stdout) is left_out
    assert ("not installed: openssl, gnutls-serv, node, caddy" in run.stdout) is left_out
    assert ("error" in run.stdout, run.returncode == 1) == (not left_out, not left_out)


@pytest.mark.parametrize(("named", "left_out"), [("", True), ("/nowhere", False)])
def test_without_a_newer_postgres_its_tests_are_left_out_loudly(named: str, left_out: bool) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "tests/test_newer_postgres.py", "-q", "-p", "no:cacheprovider", "-k", "newer"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "GOLIVE_NEWER_POSTGRES": named},
    )
    assert ("LEFT OUT: tests/test_newer_postgres.py" in run.stdout) is left_out
    assert ("error" in run.stdout, run.returncode == 1) == (not left_out, not left_out)


# The pipeline examples


def example(name: str) -> Any:
    return YAML(typ="safe").load((EXAMPLES / name).read_text(encoding="utf-8"))


def test_the_github_workflow_has_one_verdict_and_always_its_report() -> None:
    workflow = example("github-actions.yml")
    job = workflow["jobs"]["gate"]
    assert job["timeout-minutes"] <= 30
    assert workflow["permissions"] == {"contents": "read"}
    gate = next(step for step in job["steps"] if step.get("id") == "gate")
    assert "continue-on-error" not in gate
    assert 'exit "$code"' in gate["run"]
    kept = [step for step in job["steps"] if step.get("uses", "").startswith("actions/upload-artifact@")]
    assert [step["if"] for step in kept] == ["always()"]
    assert kept[0]["with"]["path"] == "report"
    # Values from outside reach the shell as variables, never as text of the script.
    assert "${{" not in gate["run"]


def test_the_gitlab_pipeline_keeps_its_report_and_rolls_back_on_1_only() -> None:
    pipeline = example("gitlab-ci.yml")
    gate = pipeline["gate"]
    assert gate["artifacts"]["when"] == "always"
    assert gate["artifacts"]["reports"]["junit"] == "golive/report/junit.xml"
    assert (gate["retry"], gate["interruptible"]) == (0, False)
    assert 'test "$GOLIVE_EXIT" = 1' in pipeline["roll-back"]["script"][0]
    stack = pipeline["stack-in-containers"]
    assert stack["variables"]["TESTCONTAINERS_HOST_OVERRIDE"] == stack["services"][0]["alias"]


def job_of(name: str) -> dict[str, Any]:
    document = example(name)
    spec: dict[str, Any] = document["spec"]
    return spec["jobTemplate"]["spec"] if document["kind"] == "CronJob" else spec


@pytest.mark.parametrize("name", ["kubernetes-job.yaml", "kubernetes-cronjob.yaml"])
def test_a_kubernetes_job_runs_once_in_bounded_time_and_keeps_its_report(name: str) -> None:
    job = job_of(name)
    pod = job["template"]["spec"]
    [container] = pod["containers"]
    assert job["backoffLimit"] == 0
    assert 0 < job["activeDeadlineSeconds"] <= 7500
    assert pod["restartPolicy"] == "Never"
    assert not pod["automountServiceAccountToken"]
    mounted = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert mounted["reports"] == "/golive/reports/out"
    assert {volume["name"] for volume in pod["volumes"]} == set(mounted)
    assert not any("password" in argument.lower() or "://" in argument for argument in container["args"])


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.y*ml")), ids=lambda path: path.name)
def test_examples_use_options_that_exist(path: Path) -> None:
    known = (ROOT / "fixtures" / "options.py").read_text(encoding="utf-8")
    found = re.findall(r"(--[a-z][a-z-]+)=", path.read_text(encoding="utf-8"))
    assert "--env" in found
    for option in found:
        assert option in ("--for", "--tls") or f'option("{option}"' in known, option


def test_the_jobs_outlive_the_deadline_of_a_run() -> None:
    """The suite's own deadlines end first, so that there is a verdict."""
    base = example("../../environments/base.yaml")["run"]
    seconds = {"m": 60, "h": 3600}
    for name, kind in (("kubernetes-job.yaml", "gate"), ("kubernetes-cronjob.yaml", "nightly")):
        deadline = base[kind]["deadline"]
        assert job_of(name)["activeDeadlineSeconds"] > int(deadline[:-1]) * seconds[deadline[-1]]
