"""Evidence of `compose` that is healthy, and what makes its checks fail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fixtures.environment.model import Target
from fixtures.environment.sections.compose import Compose
from fixtures.probes.compose import ComposeEvidence, Health, Mount, Port, ServiceSeen
from tests.records import NOW, Fails

COMPOSE_TARGET = Compose(file=Path("docker-compose.prod.yml"), variables={"DB_PASSWORD": "set"})
APP = ServiceSeen(
    name="app",
    context="/srv/apps/web",
    dockerfile="Dockerfile",
    restart="unless-stopped",
    health=Health(program="wget", path="/api/health", interval=30, timeout=10, retries=3),
    waits_for={"db": "service_healthy"},
    variables=tuple(names.partition("|")[0] for names in COMPOSE_TARGET.expect.environment),
)
DB = ServiceSeen(
    name="db",
    image="postgres:15-alpine",
    ports=(Port(host="127.0.0.1", published="5432", target=5432),),
    mounts=(Mount(kind="volume", source="postgres_data", target="/var/lib/postgresql/data", read_only=False),),
    restart="always",
    health=Health(program="pg_isready", database="emailai_prod", interval=10, timeout=5, retries=5),
    variables=("POSTGRES_DB", "POSTGRES_PASSWORD", "POSTGRES_USER"),
)
PROXY = ServiceSeen(
    name="nginx",
    image="nginx:1.30-alpine",
    ports=(Port(host="", published="80", target=80), Port(host="0.0.0.0", published="443", target=443)),
    mounts=(
        Mount(kind="bind", source="/srv/nginx.conf", target="/etc/nginx/nginx.conf", read_only=True),
        Mount(kind="bind", source="/srv/ssl", target="/etc/nginx/ssl", read_only=True),
    ),
    restart="unless-stopped",
    waits_for={"app": "service_started"},
)
COMPOSE = ComposeEvidence(observed_at=NOW, file="docker-compose.prod.yml", services=(APP, DB, PROXY))


def with_service(service: ServiceSeen, **change: Any) -> dict[str, Any]:
    """The compose file with one service changed."""
    changed = service.model_copy(update=change)
    return {"services": tuple(changed if each.name == service.name else each for each in COMPOSE.services)}


EVERYWHERE = (Port(host="", published="5432", target=5432),)
TARGETS: dict[type[Target], Target] = {Compose: COMPOSE_TARGET}
FAILS: Fails = {
    "compose.app_gets_its_variables": (COMPOSE, with_service(APP, variables=APP.variables[1:])),
    "compose.app_health_check_asks_the_app": (COMPOSE, with_service(APP, health=None)),
    "compose.app_health_check_is_soon": (
        COMPOSE,
        with_service(APP, health=APP.health and APP.health.model_copy(update={"interval": 31.0})),
    ),
    "compose.app_is_built_or_pinned": (COMPOSE, with_service(APP, context="", image="emailai:latest")),
    "compose.app_is_reached_through_the_proxy_only": (COMPOSE, with_service(APP, ports=EVERYWHERE)),
    "compose.app_waits_for_a_healthy_database": (COMPOSE, with_service(APP, waits_for={"db": "service_started"})),
    "compose.database_gets_its_variables": (COMPOSE, with_service(DB, variables=("POSTGRES_DB", "POSTGRES_USER"))),
    "compose.database_health_check_asks_the_database": (COMPOSE, with_service(DB, health=None)),
    "compose.database_health_check_is_soon": (
        COMPOSE,
        with_service(DB, health=DB.health and DB.health.model_copy(update={"retries": 6})),
    ),
    "compose.database_health_check_names_the_database": (
        COMPOSE,
        with_service(DB, health=DB.health and DB.health.model_copy(update={"database": ""})),
    ),
    "compose.database_image_is_of_the_declared_version": (COMPOSE, with_service(DB, image="postgres:14-alpine")),
    "compose.database_is_not_published": (COMPOSE, with_service(DB, ports=EVERYWHERE)),
    "compose.database_is_on_a_volume": (COMPOSE, with_service(DB, mounts=())),
    "compose.file_is_valid": (COMPOSE, {"flaw": "services.app.prots is unknown"}),
    "compose.images_are_pinned": (COMPOSE, with_service(PROXY, image="nginx:alpine")),
    "compose.only_the_proxy_is_public": (
        COMPOSE,
        {"services": (*COMPOSE.services, ServiceSeen(name="redis", ports=EVERYWHERE))},
    ),
    "compose.proxy_configuration_is_read_only": (
        COMPOSE,
        with_service(PROXY, mounts=(PROXY.mounts[0].model_copy(update={"read_only": False}),)),
    ),
    "compose.proxy_keys_are_read_only": (
        COMPOSE,
        with_service(PROXY, mounts=(PROXY.mounts[1].model_copy(update={"read_only": False}),)),
    ),
    "compose.proxy_publishes_http_and_https": (COMPOSE, with_service(PROXY, ports=PROXY.ports[1:])),
    "compose.proxy_waits_for_the_app": (COMPOSE, with_service(PROXY, waits_for={})),
    "compose.secrets_are_not_in_the_file": (COMPOSE, with_service(DB, literal=("POSTGRES_PASSWORD",))),
    "compose.services_are_defined": (COMPOSE, {"services": COMPOSE.services[1:]}),
    "compose.services_are_restarted": (COMPOSE, with_service(DB, restart="no")),
    "compose.variables_are_set": (COMPOSE, {"unset": ("DB_PASSWORD",)}),
    "compose.version_key_is_gone": (COMPOSE, {"version": "3.8"}),
}
