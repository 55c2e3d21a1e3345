"""The task definition of ECS as it is written: what a task has, runs, is told, logs, and how its health is seen."""

from __future__ import annotations

import re

from checks._host import judge_all, size
from checks._variables import is_secret, lacking
from fixtures.environment.sections.ecs import Ecs
from fixtures.probes.dockerfile import DockerfileEvidence
from fixtures.probes.ecs import EcsEvidence, TaskContainer, TaskHealth
from fixtures.vocabulary import ADVISORY, CRITICAL, ESTATE, HIGH, LOW, MEDIUM, RELEASE, CannotTell, check, expect

MIB = 1024**2
UNHEALTHY_AFTER = 3 * 30 + 5
"""Seconds in which the guide's health check finds a task dead."""


def usable(seen: EcsEvidence) -> None:
    """Only a file that could be read is judged."""
    if seen.flaw:
        raise CannotTell("the task definition can't be read", cause="program")


def container(seen: EcsEvidence, target: Ecs) -> TaskContainer:
    """The app's container: that of the declared name, else the only one."""
    usable(seen)
    found = [one for one in seen.containers if one.name == target.expect.container] or list(seen.containers)
    if len(found) != 1:
        raise CannotTell(f"the task has no container {target.expect.container}", cause="program")
    return found[0]


def health_of(seen: EcsEvidence, target: Ecs) -> TaskHealth:
    """Its health check; that there is one is for another check to judge."""
    found = container(seen, target).health
    if found is None:
        raise CannotTell("the container has no health check", cause="program")
    return found


@check(severity=HIGH, scope=RELEASE, guide="ecs.family")
def check_file_can_be_read(seen: EcsEvidence) -> None:
    """The task definition is JSON, with a container.

    Fix: what is seen says where.
    """
    expect(not seen.flaw, seen=seen.flaw, required="a task definition")
    expect(bool(seen.containers), seen="no containerDefinitions", required="a container")


@check(severity=LOW, scope=ESTATE, guide="ecs.family")
def check_family_is_the_declared_one(seen: EcsEvidence, target: Ecs) -> None:
    """The family is the declared one (guide: emailai-prod).

    Fix: `"family": "emailai-prod"`.
    """
    usable(seen)
    expect(seen.family == target.expect.family, seen=seen.family or "none", required=target.expect.family)


@check(severity=MEDIUM, scope=ESTATE, guide="ecs.network-mode")
def check_network_mode_is_awsvpc(seen: EcsEvidence) -> None:
    """Each task has an address and a security group of its own.

    Fix: `"networkMode": "awsvpc"`.
    """
    usable(seen)
    expect(seen.network_mode == "awsvpc", seen=seen.network_mode or "none", required="awsvpc")


@check(severity=MEDIUM, scope=ESTATE, guide="ecs.fargate")
def check_tasks_run_on_fargate(seen: EcsEvidence) -> None:
    """The task may run on Fargate.

    Fix: `"requiresCompatibilities": ["FARGATE"]`.
    """
    usable(seen)
    shown = ", ".join(seen.compatibilities) or "nothing said"
    expect("FARGATE" in seen.compatibilities, seen=shown, required="FARGATE")


@check(severity=MEDIUM, scope=ESTATE, guide="ecs.cpu")
def check_task_has_enough_cores(seen: EcsEvidence, target: Ecs) -> None:
    """A task has as many cores as the guide's own System Requirements want: its file has one.

    Fix: `"cpu": "2048"`.
    """
    usable(seen)
    if seen.cpu is None:
        raise CannotTell("the task says no cpu", cause="program")
    expect(seen.cpu >= target.expect.cores * 1024, seen=f"{seen.cpu}", required=f"{target.expect.cores * 1024:g}")


@check(severity=MEDIUM, scope=ESTATE, guide="ecs.memory")
def check_task_has_enough_memory(seen: EcsEvidence, target: Ecs) -> None:
    """A task has as much memory as the guide's own System Requirements want: its file has half.

    Fix: `"memory": "4096"`.
    """
    usable(seen)
    if seen.memory is None:
        raise CannotTell("the task says no memory", cause="program")
    wanted = target.expect.memory
    expect(seen.memory * MIB >= wanted, seen=size(seen.memory * MIB), required=size(wanted))


@check(severity=HIGH, scope=RELEASE, guide="ecs.execution-role")
def check_execution_role_is_named(seen: EcsEvidence) -> None:
    """The role that fetches the image and the secrets is named, with the number of a real account.

    AWS's managed policy for it does not read Secrets Manager: that needs a policy of your own.

    Fix: `"executionRoleArn": "arn:aws:iam::123456789012:role/ecsTaskExecutionRole"`.
    """
    usable(seen)
    expect(bool(seen.execution_role), seen="no executionRoleArn", required="a role")
    expect(seen.execution_role != "placeholder", seen="the guide's ACCOUNT", required="the number of your account")


@check(severity=ADVISORY, scope=ESTATE, guide="ecs.execution-role")
def check_app_has_a_role_of_its_own(seen: EcsEvidence) -> None:
    """The app has a role of its own, for what it asks of AWS; the guide has none.

    Fix: `"taskRoleArn"`, with no more than the app needs.
    """
    usable(seen)
    expect(bool(seen.task_role), seen="no taskRoleArn", required="a role")


@check(severity=LOW, scope=ESTATE, guide="ecs.container-name")
def check_container_has_the_name_of_the_balancer(seen: EcsEvidence, target: Ecs) -> None:
    """The app's container has the name that the load balancer is told (guide: emailai-app).

    Fix: the same `containerName` in both.
    """
    usable(seen)
    names = [one.name for one in seen.containers]
    expect(target.expect.container in names, seen=", ".join(names) or "none", required=target.expect.container)


@check(severity=HIGH, scope=RELEASE, guide=("ecs.image", "ecr.image"))
def check_image_is_pinned(seen: EcsEvidence, target: Ecs) -> None:
    """The image is one of this release's, by digest or by a tag that is never moved, from a real account.

    With the guide's `:latest`, what runs and what a rollback brings back is undefined.

    Fix: `….amazonaws.com/emailai-prod@sha256:…`, or the release's tag in a repository with immutable tags.
    """
    image = container(seen, target).image
    tag = image.rpartition("/")[2].partition(":")[2]
    expect("ACCOUNT" not in image, seen="the guide's ACCOUNT", required="the number of your account")
    pinned = "@sha256:" in image or (bool(tag) and tag != "latest" and bool(re.search(r"\d", tag)))
    expect(pinned, seen=f"tag {tag or 'none'}", required="a digest, or the release's tag")


@check(severity=MEDIUM, scope=RELEASE, guide="ecs.port-mapping")
def check_port_is_mapped(seen: EcsEvidence, target: Ecs) -> None:
    """The app's port is mapped.

    Fix: `"portMappings": [{"containerPort": 3000, "protocol": "tcp"}]`.
    """
    found = container(seen, target).ports
    shown = ", ".join(f"{port}/{protocol}" for port, protocol in found) or "none"
    expect((target.expect.port, "tcp") in found, seen=shown, required=f"{target.expect.port}/tcp")


@check(severity=HIGH, scope=RELEASE, guide="ecs.environment")
def check_plain_variables_are_real(seen: EcsEvidence, target: Ecs) -> None:
    """NODE_ENV is production, NEXTAUTH_URL is an https address, and no value is one of the guide's examples.

    Fix: your own values.
    """
    found = container(seen, target).variables
    expect(
        found.get("NODE_ENV") == "production",
        seen=f"NODE_ENV {found.get('NODE_ENV', 'not set')}",
        required="production",
    )
    left = [name for name, value in found.items() if value == "placeholder"]
    judge_all((f"{name} is an example's" for name in left), "your own values")
    url = found.get("NEXTAUTH_URL", "")
    expect(not url or url.startswith("https://"), seen=f"NEXTAUTH_URL {url}", required="https://")


@check(severity=HIGH, scope=RELEASE, guide=("ecs.environment", "ecs.secrets"))
def check_app_gets_its_variables(seen: EcsEvidence, target: Ecs) -> None:
    """The container gets every variable that the app needs, plain or as a secret.

    The guide's gets four: sign-in, payment and mail fail.

    Fix: `secrets` with `valueFrom`, and `environment` for what is none.
    """
    one = container(seen, target)
    found = lacking(target.expect.environment, {*one.variables, *one.secrets})
    expect(not found, seen=f"without {', '.join(found)}", required="each of the required variables")


@check(severity=CRITICAL, scope=RELEASE, guide="ecs.secrets")
def check_secrets_come_from_a_store(seen: EcsEvidence, target: Ecs) -> None:
    """Secrets come from Secrets Manager or the Parameter Store, and none stands in the file.

    Fix: `"secrets": [{"name": NAME, "valueFrom": ARN}]`; change what was written down.
    """
    one = container(seen, target)
    plain = [*one.exposed, *(name for name in one.variables if is_secret(name) and name not in one.exposed)]
    judge_all((f"{name} stands in the file" for name in plain), "valueFrom")
    judge_all((f"{name} from nowhere" for name, origin in one.secrets.items() if not origin), "an ARN")


@check(severity=HIGH, scope=ESTATE, guide="ecs.log-config")
def check_logs_are_kept(seen: EcsEvidence, target: Ecs) -> None:
    """The container's log goes where it is declared to go (guide: awslogs, /ecs/emailai-prod, us-east-1, ecs).

    Fix: `logConfiguration` with those options.
    """
    one, wanted = container(seen, target), target.expect
    expect(one.log_driver == "awslogs", seen=one.log_driver or "no logConfiguration", required="awslogs")
    options = {
        "awslogs-group": wanted.log_group,
        "awslogs-region": wanted.region,
        "awslogs-stream-prefix": wanted.log_prefix,
    }
    judge_all(
        (
            f"{name}: {one.log_options.get(name, 'none')}"
            for name, value in options.items()
            if one.log_options.get(name) != value
        ),
        ", ".join(f"{name}: {value}" for name, value in options.items()),
    )


@check(severity=MEDIUM, scope=RELEASE, guide="ecs.log-config")
def check_log_group_is_made(seen: EcsEvidence, target: Ecs) -> None:
    """The log's group is made where it is missing: else no task starts. Nothing in the guide makes it.

    Fix: `"awslogs-create-group": "true"`, or a step that makes it, with a retention.
    """
    found = container(seen, target).log_options.get("awslogs-create-group", "")
    expect(found == "true", seen="no awslogs-create-group", required="true")


@check(severity=HIGH, scope=RELEASE, guide="ecs.health-check")
def check_health_check_asks_the_app(seen: EcsEvidence, target: Ecs) -> None:
    """The container's health check requests the health endpoint.

    Fix: `"command": ["CMD-SHELL", "wget -qO/dev/null http://localhost:3000/api/health || exit 1"]`.
    """
    found = container(seen, target).health
    shown = "no health check" if found is None else f"{found.program} {found.path}".strip()
    expect(found is not None and found.path == target.expect.health, seen=shown, required=target.expect.health)


@check(severity=HIGH, scope=RELEASE, guide="ecs.health-check", applies=lambda target: target.image is not None)
def check_health_check_has_its_program(seen: EcsEvidence, target: Ecs, image: DockerfileEvidence) -> None:
    """The health check calls a program that the image has: there is no curl in node:18-alpine, and ECS ends such tasks
    one after the other.

    Fix: wget, which Alpine has, or `RUN apk add --no-cache curl`.
    """
    program = health_of(seen, target).program
    if image.flaw or not image.stages:
        raise CannotTell("the Dockerfile can't be read", cause="program")
    last = image.stages[-1]
    added = {word for command in last.commands for word in command if {"apk", "apt-get", "apt"} & set(command[:1])}
    bare = "alpine" in last.image or "slim" in last.image
    lacks = program == "curl" or (program == "wget" and "alpine" not in last.image)
    expect(not (bare and lacks and program not in added), seen=f"no {program} in {last.image}", required=program)


@check(severity=LOW, scope=ESTATE, guide="ecs.health-check-timing")
def check_health_check_is_soon(seen: EcsEvidence, target: Ecs) -> None:
    """A dead task is found within 95 s, as in the guide: 3 × 30 s, and 5 s for the answer.

    Fix: `"interval": 30, "timeout": 5, "retries": 3`.
    """
    found = health_of(seen, target)
    late = found.interval * found.retries + found.timeout
    expect(late <= UNHEALTHY_AFTER, seen=f"{late} s", required=f"at most {UNHEALTHY_AFTER} s")


@check(severity=LOW, scope=ESTATE, guide="ecs.health-check-timing")
def check_task_is_given_time_to_start(seen: EcsEvidence, target: Ecs) -> None:
    """Failures of the first seconds do not count; the guide says nothing of them.

    Fix: `"startPeriod": 30`.
    """
    found = health_of(seen, target).start
    expect(bool(found), seen="no startPeriod", required="some seconds")
