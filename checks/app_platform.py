"""The spec of an app on DigitalOcean's App Platform, as it is written."""

from __future__ import annotations

import re

from checks._host import judge_all, size
from checks._variables import is_secret, lacking
from fixtures.environment.sections.app_platform import AppPlatform
from fixtures.probes.app_platform import AppDatabase, AppPlatformEvidence, AppService, Variable
from fixtures.vocabulary import CRITICAL, ESTATE, HIGH, LOW, MEDIUM, RELEASE, CannotTell, check, expect

GIB = 1024**3
LEGACY = {
    "basic-xxs": (1, 0.5), "basic-xs": (1, 1), "basic-s": (1, 2), "basic-m": (2, 4), "professional-xs": (1, 1),
    "professional-s": (1, 2), "professional-m": (2, 4), "professional-1l": (1, 4), "professional-l": (2, 8),
    "professional-xl": (4, 16),
}  # fmt: skip
"""Cores and GiB of the slugs that were replaced by apps-s-* and apps-d-* (docs.digitalocean.com, pricing)."""


def usable(seen: AppPlatformEvidence) -> None:
    """Only a file that could be read is judged."""
    if seen.flaw:
        raise CannotTell("the spec can't be read", cause="program")


def service(seen: AppPlatformEvidence, target: AppPlatform) -> AppService:
    """The app's service; that it is there is for another check to judge."""
    usable(seen)
    found = next((one for one in seen.services if one.name == target.expect.service), None)
    if found is None:
        raise CannotTell(f"the spec has no service {target.expect.service}", cause="program")
    return found


def variable(seen: AppPlatformEvidence, target: AppPlatform, name: str) -> Variable | None:
    """A variable of the app's."""
    return next((one for one in service(seen, target).variables if one.name == name), None)


def database(seen: AppPlatformEvidence, target: AppPlatform) -> AppDatabase:
    """The database; that there is one is for another check to judge."""
    usable(seen)
    found = next((one for one in seen.databases if one.name == target.expect.database), None)
    if found is None:
        raise CannotTell(f"the spec has no database {target.expect.database}", cause="program")
    return found


@check(severity=HIGH, scope=RELEASE, guide="doapp.app")
def check_spec_describes_the_app(seen: AppPlatformEvidence, target: AppPlatform) -> None:
    """The spec can be read, has the declared name, and the app's service (guide: emailai-prod, web).

    Fix: what is seen says where; `doctl apps spec validate app.yaml`.
    """
    expect(not seen.flaw, seen=seen.flaw, required="a spec")
    expect(seen.name == target.expect.name, seen=seen.name or "no name", required=target.expect.name)
    names = [one.name for one in seen.services]
    expect(target.expect.service in names, seen=", ".join(names) or "no service", required=target.expect.service)


@check(severity=LOW, scope=ESTATE, guide="doapp.region")
def check_region_is_the_declared_one(seen: AppPlatformEvidence, target: AppPlatform) -> None:
    """The app runs in the declared region (guide: nyc), near its database.

    Fix: `region: nyc`.
    """
    usable(seen)
    expect(seen.region == target.expect.region, seen=seen.region or "none", required=target.expect.region)


@check(severity=MEDIUM, scope=RELEASE, guide="doapp.source")
def check_source_is_the_apps(seen: AppPlatformEvidence, target: AppPlatform) -> None:
    """The app is built from the declared branch of a real repository, where it lies in it.

    The guide has your-org/emailai and no source_dir, although the app is in apps/web.

    Fix: `repo`, `branch: main`, `source_dir: apps/web`.
    """
    one = service(seen, target)
    expect(bool(one.repository), seen="no repository", required="one")
    expect(one.repository != "placeholder", seen="the guide's your-org", required="your repository")
    expect(one.branch == target.expect.branch, seen=f"branch {one.branch or 'none'}", required=target.expect.branch)
    found = one.source_dir.strip("/")
    expect(
        found == target.expect.source_dir.strip("/"), seen=found or "no source_dir", required=target.expect.source_dir
    )


@check(severity=MEDIUM, scope=ESTATE, guide="doapp.source")
def check_not_every_push_is_deployed(seen: AppPlatformEvidence, target: AppPlatform) -> None:
    """A push alone deploys nothing: the guide's Pre-Deployment checklist wants tests, migrations and a backup before.

    Fix: `deploy_on_push: false`, and `doctl apps create-deployment` at the end of a pipeline.
    """
    expect(not service(seen, target).deploy_on_push, seen="deploy_on_push: true", required="false")


@check(severity=LOW, scope=ESTATE, guide="doapp.build-command")
def check_app_is_built_as_declared(seen: AppPlatformEvidence, target: AppPlatform) -> None:
    """The build is the declared command (guide: npm run build), or a Dockerfile's.

    Fix: `build_command: npm run build`.
    """
    one = service(seen, target)
    expect(
        bool(one.dockerfile) or target.expect.build in one.build, seen=one.build or "none", required=target.expect.build
    )


@check(severity=MEDIUM, scope=RELEASE, guide="doapp.build-command")
def check_migrations_are_applied_before(seen: AppPlatformEvidence) -> None:
    """A job migrates the database before each deployment; the guide has none.

    Fix: `jobs: [{name: migrate, kind: PRE_DEPLOY, run_command: npx prisma migrate deploy}]`.
    """
    usable(seen)
    expect("PRE_DEPLOY" in seen.jobs.values(), seen="no job before a deployment", required="kind: PRE_DEPLOY")


@check(severity=LOW, scope=RELEASE, guide="doapp.run-command")
def check_app_is_started_as_declared(seen: AppPlatformEvidence, target: AppPlatform) -> None:
    """The app is started by the declared command (guide: npm start), or as its Dockerfile says.

    `next start` does not serve what `output: 'standalone'` builds, which the guide's Dockerfile needs.

    Fix: `run_command: npm start`, or `node .next/standalone/server.js`.
    """
    one = service(seen, target)
    good = one.run in (target.expect.run, "") if one.dockerfile else one.run == target.expect.run
    expect(good or "server.js" in one.run, seen=one.run or "none", required=target.expect.run)


@check(severity=HIGH, scope=ESTATE, guide="doapp.instance-count")
def check_there_are_enough_instances(seen: AppPlatformEvidence, target: AppPlatform) -> None:
    """The app has as many instances as declared (guide: 2).

    Fix: `instance_count: 2`.
    """
    found = service(seen, target).instances or 1
    expect(found >= target.expect.instances, seen=f"{found}", required=f"{target.expect.instances}")


def of_slug(slug: str) -> tuple[float, float] | None:
    """Cores and GiB of a size, None for one that is not known."""
    if slug in LEGACY:
        return LEGACY[slug]
    found = re.fullmatch(r"apps-[sd]-(\d+)vcpu-(\d+(?:\.\d+)?)gb(?:-fixed)?", slug)
    return (float(found[1]), float(found[2])) if found else None


@check(severity=MEDIUM, scope=ESTATE, guide="doapp.instance-size")
def check_instances_are_large_enough(seen: AppPlatformEvidence, target: AppPlatform) -> None:
    """An instance has the cores and the memory that the guide's own System Requirements want: its professional-s has
    half of each.

    Fix: `instance_size_slug: apps-d-2vcpu-4gb`.
    """
    slug = service(seen, target).size
    known = of_slug(slug)
    if known is None:
        raise CannotTell(f"what {slug or 'the default'} has is not known to this suite", cause="program")
    cores, memory = known
    wanted = target.expect
    good = cores >= wanted.cores and memory * GIB >= wanted.memory
    required = f"{wanted.cores:g} cores, {size(wanted.memory)}"
    expect(good, seen=f"{slug}: {cores:g} cores, {memory:g} GiB", required=required)


@check(severity=LOW, scope=ESTATE, guide="doapp.instance-size")
def check_size_is_a_current_one(seen: AppPlatformEvidence, target: AppPlatform) -> None:
    """The size is one of today's; basic-* and professional-* are those of old.

    Fix: `apps-d-2vcpu-4gb`; `doctl apps tier instance-size list`.
    """
    slug = service(seen, target).size
    expect(bool(slug) and slug not in LEGACY, seen=slug or "none", required="apps-s-… or apps-d-…")


@check(severity=MEDIUM, scope=RELEASE, guide="doapp.http-port")
def check_port_is_the_apps(seen: AppPlatformEvidence, target: AppPlatform) -> None:
    """Requests go to the app's port.

    Fix: `http_port: 3000`.
    """
    found = service(seen, target).port
    expect(found == target.expect.port, seen=f"{found or 'none (8080)'}", required=f"{target.expect.port}")


@check(severity=MEDIUM, scope=RELEASE, guide="doapp.env-node-env")
def check_app_runs_in_production_mode(seen: AppPlatformEvidence, target: AppPlatform) -> None:
    """NODE_ENV is production.

    Fix: `{key: NODE_ENV, value: production}`.
    """
    found = variable(seen, target, "NODE_ENV")
    expect(
        found is not None and found.value == "production",
        seen=found.value if found else "not set",
        required="production",
    )


@check(severity=HIGH, scope=RELEASE, guide="doapp.env-database-url")
def check_database_url_is_bound(seen: AppPlatformEvidence, target: AppPlatform) -> None:
    """DATABASE_URL is that of the spec's own database (or of its pool), and not written out.

    Fix: `value: ${db.DATABASE_URL}`.
    """
    found = variable(seen, target, "DATABASE_URL")
    bound = found is not None and found.value == "bound" and found.bound_to in {one.name for one in seen.databases}
    shown = "not set" if found is None else f"bound to {found.bound_to}" if found.bound_to else "written out"
    expect(bound, seen=shown, required=f"${{{target.expect.database}.DATABASE_URL}}")


@check(severity=CRITICAL, scope=RELEASE, guide="doapp.env-secret")
def check_secrets_are_encrypted(seen: AppPlatformEvidence, target: AppPlatform) -> None:
    """Every secret is of type SECRET and encrypted (`EV[…]`), or a binding: the guide has a clear value in the file.

    Fix: enter it once in the console, then take the spec from `doctl apps spec get`.
    """
    found = []
    for one in service(seen, target).variables:
        if not is_secret(one.name) or one.value in ("bound", ""):
            continue
        if not one.secret:
            found.append(f"{one.name} is no SECRET")
        elif one.value != "encrypted":
            found.append(f"{one.name} stands there in the clear")
    judge_all(found, "type: SECRET, value: EV[…]")


@check(severity=HIGH, scope=RELEASE, guide="doapp.env-secret")
def check_app_gets_its_variables(seen: AppPlatformEvidence, target: AppPlatform) -> None:
    """The app gets every variable that it needs; the guide's gets three.

    Fix: an entry of `envs` for each.
    """
    found = lacking(target.expect.environment, [one.name for one in service(seen, target).variables])
    expect(not found, seen=f"without {', '.join(found)}", required="each of the required variables")


@check(severity=HIGH, scope=RELEASE, guide="doapp.health-check")
def check_health_is_asked_for(seen: AppPlatformEvidence, target: AppPlatform) -> None:
    """The health check asks for the health endpoint.

    Fix: `health_check: {http_path: /api/health}`.
    """
    found = service(seen, target).health
    shown = "none" if found is None else found or "no http_path"
    expect(found == target.expect.health, seen=shown, required=target.expect.health)


@check(severity=MEDIUM, scope=ESTATE, guide="doapp.database")
def check_database_is_the_declared_one(seen: AppPlatformEvidence, target: AppPlatform) -> None:
    """The spec's database is PostgreSQL of the declared major version.

    Fix: `engine: PG`, `version: "15"`.
    """
    usable(seen)
    names = [one.name for one in seen.databases]
    expect(target.expect.database in names, seen=", ".join(names) or "none", required=target.expect.database)
    one = database(seen, target)
    shown = f"{one.engine or 'no engine'} {one.version}".strip()
    expect(
        (one.engine, one.version) == ("PG", str(target.expect.major)), seen=shown, required=f"PG {target.expect.major}"
    )


@check(severity=HIGH, scope=ESTATE, guide="doapp.database")
def check_database_is_for_production(seen: AppPlatformEvidence, target: AppPlatform) -> None:
    """The database is a managed cluster, with standby and backups: without `production: true` it is a development
    database, beside the cluster that the guide has made.

    Fix: `production: true`, `cluster_name: emailai-prod`.
    """
    one = database(seen, target)
    expect(one.production and bool(one.cluster), seen="a development database", required="production, cluster_name")
