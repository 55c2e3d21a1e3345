"""Evidence of `ecs` that is healthy, and what makes its checks fail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fixtures.environment.model import Target
from fixtures.environment.sections.ecs import Ecs
from fixtures.probes.dockerfile import DockerfileEvidence
from fixtures.probes.ecs import EcsEvidence, TaskContainer, TaskHealth
from fixtures.vocabulary import Evidence
from tests.records import NOW, Fails
from tests.records.dockerfile import DOCKERFILE

ECS_TARGET = Ecs.model_validate({"file": Path("ecs-task-definition.json"), "image": "web"})
HEALTH = TaskHealth(program="wget", path="/api/health", interval=30, timeout=5, retries=3, start=30)
NAMES = [names.partition("|")[0] for names in ECS_TARGET.expect.environment]
CONTAINER = TaskContainer(
    name="emailai-app",
    image="123456789012.dkr.ecr.us-east-1.amazonaws.com/emailai-prod:4f2c1ab",
    ports=((3000, "tcp"),),
    variables={"NODE_ENV": "production", "NEXTAUTH_URL": "https://mail.test"},
    secrets=dict.fromkeys((name for name in NAMES if name != "NEXTAUTH_URL"), "secretsmanager"),
    log_driver="awslogs",
    log_options={
        "awslogs-group": "/ecs/emailai-prod",
        "awslogs-region": "us-east-1",
        "awslogs-stream-prefix": "ecs",
        "awslogs-create-group": "true",
    },
    health=HEALTH,
)
ECS = EcsEvidence(
    observed_at=NOW,
    file="ecs-task-definition.json",
    family="emailai-prod",
    network_mode="awsvpc",
    compatibilities=("FARGATE",),
    cpu=2048,
    memory=4096,
    execution_role="ecsTaskExecutionRole",
    task_role="emailai",
    containers=(CONTAINER,),
)


def container(**change: Any) -> dict[str, Any]:
    """Another container."""
    return {"containers": (CONTAINER.model_copy(update=change),)}


def health(**change: Any) -> dict[str, Any]:
    """Another health check."""
    return container(health=HEALTH.model_copy(update=change))


def logs(**change: str) -> dict[str, Any]:
    """Other options of the log."""
    return container(
        log_options=CONTAINER.log_options | {name.replace("_", "-"): value for name, value in change.items()}
    )


TARGETS: dict[type[Target], Target] = {Ecs: ECS_TARGET}
BESIDE: dict[type[Evidence], Evidence] = {DockerfileEvidence: DOCKERFILE}
FAILS: Fails = {
    "ecs.app_gets_its_variables": (ECS, container(secrets={"DATABASE_URL": "secretsmanager"})),
    "ecs.app_has_a_role_of_its_own": (ECS, {"task_role": ""}),
    "ecs.container_has_the_name_of_the_balancer": (ECS, container(name="web")),
    "ecs.execution_role_is_named": (ECS, {"execution_role": "placeholder"}),
    "ecs.family_is_the_declared_one": (ECS, {"family": "emailai"}),
    "ecs.file_can_be_read": (ECS, {"flaw": "no JSON: Expecting value, line 3"}),
    "ecs.health_check_asks_the_app": (ECS, health(path="/")),
    "ecs.health_check_has_its_program": (ECS, health(program="curl")),
    "ecs.health_check_is_soon": (ECS, health(interval=60)),
    "ecs.image_is_pinned": (ECS, container(image="123456789012.dkr.ecr.us-east-1.amazonaws.com/emailai-prod:latest")),
    "ecs.log_group_is_made": (ECS, logs(awslogs_create_group="")),
    "ecs.logs_are_kept": (ECS, logs(awslogs_region="eu-west-1")),
    "ecs.network_mode_is_awsvpc": (ECS, {"network_mode": "bridge"}),
    "ecs.plain_variables_are_real": (ECS, container(variables={**CONTAINER.variables, "NEXTAUTH_URL": "placeholder"})),
    "ecs.port_is_mapped": (ECS, container(ports=((8080, "tcp"),))),
    "ecs.secrets_come_from_a_store": (ECS, container(exposed=("NEXTAUTH_SECRET",))),
    "ecs.task_has_enough_cores": (ECS, {"cpu": 1024}),
    "ecs.task_has_enough_memory": (ECS, {"memory": 2048}),
    "ecs.task_is_given_time_to_start": (ECS, health(start=None)),
    "ecs.tasks_run_on_fargate": (ECS, {"compatibilities": ("EC2",)}),
}
