"""Evidence of `app_platform` that is healthy, and what makes its checks fail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fixtures.environment.model import Target
from fixtures.environment.sections.app_platform import AppPlatform
from fixtures.probes.app_platform import AppDatabase, AppPlatformEvidence, AppService, Variable
from tests.records import NOW, Fails

APP_TARGET = AppPlatform(file=Path("app.yaml"))
NAMES = [names.partition("|")[0] for names in APP_TARGET.expect.environment if names != "DATABASE_URL"]
VARIABLES = (
    Variable(name="NODE_ENV", secret=False, value="production"),
    Variable(name="DATABASE_URL", secret=False, value="bound", bound_to="db"),
    *(Variable(name=name, secret=True, value="encrypted") for name in NAMES),
)
WEB = AppService(
    name="web",
    repository="emailai/emailai",
    branch="main",
    source_dir="apps/web",
    build="npm run build",
    run="npm start",
    instances=2,
    size="apps-d-2vcpu-4gb",
    port=3000,
    health="/api/health",
    variables=VARIABLES,
)
DB = AppDatabase(name="db", engine="PG", version="15", production=True, cluster="emailai-prod")
APP = AppPlatformEvidence(
    observed_at=NOW,
    file="app.yaml",
    name="emailai-prod",
    region="nyc",
    services=(WEB,),
    databases=(DB,),
    jobs={"migrate": "PRE_DEPLOY"},
)


def web(**change: Any) -> dict[str, Any]:
    """Another service."""
    return {"services": (WEB.model_copy(update=change),)}


def db(**change: Any) -> dict[str, Any]:
    """Another database."""
    return {"databases": (DB.model_copy(update=change),)}


def variable(name: str, **change: Any) -> dict[str, Any]:
    """Another value of a variable."""
    return web(variables=tuple(one.model_copy(update=change) if one.name == name else one for one in VARIABLES))


TARGETS: dict[type[Target], Target] = {AppPlatform: APP_TARGET}
FAILS: Fails = {
    "app_platform.app_gets_its_variables": (APP, web(variables=VARIABLES[:4])),
    "app_platform.app_is_built_as_declared": (APP, web(build="next build")),
    "app_platform.app_is_started_as_declared": (APP, web(run="next dev")),
    "app_platform.app_runs_in_production_mode": (APP, variable("NODE_ENV", value="development")),
    "app_platform.database_is_for_production": (APP, db(production=False)),
    "app_platform.database_is_the_declared_one": (APP, db(version="14")),
    "app_platform.database_url_is_bound": (APP, variable("DATABASE_URL", value="set", bound_to="")),
    "app_platform.health_is_asked_for": (APP, web(health=None)),
    "app_platform.instances_are_large_enough": (APP, web(size="apps-d-1vcpu-2gb")),
    "app_platform.migrations_are_applied_before": (APP, {"jobs": {"mail": "POST_DEPLOY"}}),
    "app_platform.not_every_push_is_deployed": (APP, web(deploy_on_push=True)),
    "app_platform.port_is_the_apps": (APP, web(port=8080)),
    "app_platform.region_is_the_declared_one": (APP, {"region": "fra"}),
    "app_platform.secrets_are_encrypted": (APP, variable("NEXTAUTH_SECRET", value="set")),
    "app_platform.size_is_a_current_one": (APP, web(size="professional-m")),
    "app_platform.source_is_the_apps": (APP, web(source_dir="")),
    "app_platform.spec_describes_the_app": (APP, {"name": "emailai"}),
    "app_platform.there_are_enough_instances": (APP, web(instances=1)),
}
