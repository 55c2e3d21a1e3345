"""The compose file: what it publishes, keeps, restarts and waits for, as it is written."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable

from fixtures.environment.sections.compose import Compose
from fixtures.probes.compose import ComposeEvidence, Health, Mount, ServiceSeen
from fixtures.vocabulary import ADVISORY, CRITICAL, ESTATE, HIGH, LOW, MEDIUM, RELEASE, CannotTell, check, expect

DATA = "/var/lib/postgresql"
CONFIGURATION = "/etc/nginx"
KEYS = re.compile(r"/(ssl|tls|certs?|letsencrypt|pki)(/|$)")
RESTARTS = ("always", "unless-stopped")
APP_UNHEALTHY_AFTER = 3 * 30 + 10
DATABASE_UNHEALTHY_AFTER = 5 * 10 + 5
"""Seconds in which the guide's health checks find a service dead: retries × interval + timeout."""


def has(*roles: str) -> Callable[[Compose], bool]:
    """Whether the deployment has these services in the file."""
    return lambda target: all(getattr(target.services, role) is not None for role in roles)


def service(seen: ComposeEvidence, name: str | None) -> ServiceSeen:
    """A service of the file; that it is there is for another check to judge."""
    usable(seen)
    found = next((each for each in seen.services if each.name == name), None)
    if found is None:
        raise CannotTell(f"the file has no service {name}", cause="program")
    return found


def usable(seen: ComposeEvidence) -> None:
    """Only a file that Compose takes has services."""
    if seen.flaw:
        raise CannotTell("the compose file can't be used", cause="program")


def public(host: str) -> bool:
    """Whether a published port is open to more than the machine itself and a private network."""
    try:
        address = ipaddress.ip_address(host or "0.0.0.0")  # noqa: S104 - what Docker takes for none
    except ValueError:
        return host != "localhost"
    return address.is_unspecified or not (address.is_loopback or address.is_private)


def open_ports(seen: ServiceSeen) -> list[str]:
    """The ports of a service that anybody may reach, as `80` or `203.0.113.1:80`."""
    if seen.network_mode == "host":
        return ["every port, by network_mode: host"]
    return [
        f"{each.host}:{each.published or 'any'}" if each.host else each.published or "any"
        for each in seen.ports
        if public(each.host)
    ]


def pinned(image: str) -> bool:
    """Whether an image is named by a digest, or by a tag with a version in it."""
    if "@sha256:" in image:
        return True
    tag = image.rpartition("/")[2].partition(":")[2]
    return bool(re.search(r"\d", tag)) or bool(re.fullmatch(r"[0-9a-f]{7,40}", tag))


def unhealthy_after(health: Health) -> float:
    """Seconds from the death of a service to its being unhealthy."""
    return health.retries * health.interval + health.timeout


def health_of(seen: ServiceSeen) -> Health:
    """The health check of a service; that it has one is for another check to judge."""
    if seen.health is None:
        raise CannotTell(f"{seen.name} has no health check", cause="program")
    return seen.health


def mounts_at(seen: ServiceSeen, place: str) -> list[Mount]:
    """What is mounted at a directory or within it."""
    return [each for each in seen.mounts if each.target == place or each.target.startswith(f"{place}/")]


@check(severity=HIGH, scope=RELEASE, guide="start.compose-config")
def check_file_is_valid(seen: ComposeEvidence) -> None:
    """Compose takes the file.

    Fix: what is seen says where.

    See: `docker compose -f FILE config -q`
    """
    expect(not seen.flaw, seen=seen.flaw, required="a file that `docker compose config -q` takes")


@check(severity=HIGH, scope=RELEASE, guide="start.compose-config", applies=lambda target: target.knows_variables)
def check_variables_are_set(seen: ComposeEvidence) -> None:
    """Every variable that the file refers to has a value, or Compose puts an empty one in its place.

    Fix: set it where the deployment is started, or write `${NAME:?}`, so that Compose refuses to start without it.

    See: `docker compose -f FILE config -q`
    """
    usable(seen)
    expect(not seen.unset, seen=f"not set: {', '.join(seen.unset)}", required="a value for each")


@check(severity=ADVISORY, scope=ESTATE, guide="compose.version-key")
def check_version_key_is_gone(seen: ComposeEvidence) -> None:
    """The file has no `version`: Compose ignores it, with a warning on each command.

    The guide has `version: '3.8'`, which was for docker-compose 1, at its end of life since 2023.

    Fix: delete the line.
    """
    usable(seen)
    expect(not seen.version, seen=f"version: {seen.version}", required="no version")


@check(severity=HIGH, scope=RELEASE, guide="compose.services")
def check_services_are_defined(seen: ComposeEvidence, target: Compose) -> None:
    """The app, its database and the proxy are services of the file.

    Fix: add the service; one that is elsewhere is declared as such: `services: {database: null}`.

    See: `docker compose -f FILE config --services`
    """
    usable(seen)
    named = (target.services.app, target.services.database, target.services.proxy)
    there = {each.name for each in seen.services}
    missing = [name for name in named if name is not None and name not in there]
    expect(not missing, seen=f"no {', '.join(missing)}", required=", ".join(filter(None, named)))


@check(severity=LOW, scope=RELEASE, guide="compose.app-build", applies=has("app"))
def check_app_is_built_or_pinned(seen: ComposeEvidence, target: Compose) -> None:
    """The app is built from the repository, or its image is pinned by tag or digest.

    Fix: `image: emailai:RELEASE`, never `latest`.
    """
    app = service(seen, target.services.app)
    expect(bool(app.context) or pinned(app.image), seen=app.image or "neither", required="build, or a pinned image")


@check(severity=LOW, scope=ESTATE, guide="compose.nginx-image")
def check_images_are_pinned(seen: ComposeEvidence) -> None:
    """Images are pinned to a version: a floating tag is another program after the next pull.

    The guide's `nginx:alpine` floats.

    Fix: `nginx:1.30-alpine`, or a digest.
    """
    usable(seen)
    floating = [f"{each.name}: {each.image}" for each in seen.services if not each.context and not pinned(each.image)]
    expect(not floating, seen=", ".join(floating), required="a version in the tag, or a digest")


@check(severity=HIGH, scope=ESTATE, guide="compose.app-port", applies=has("app"))
def check_app_is_reached_through_the_proxy_only(seen: ComposeEvidence, target: Compose) -> None:
    """The app's port is published on loopback or not at all: else plain HTTP goes past the proxy, TLS and firewall.

    The guide has `3000:3000`, which Docker opens on every address, ahead of ufw's rules.

    Fix: drop `ports`, or `127.0.0.1:3000:3000`.

    See: `docker compose port app 3000`
    """
    found = open_ports(service(seen, target.services.app))
    expect(not found, seen=f"published: {', '.join(found)}", required="127.0.0.1, or not published")


@check(severity=CRITICAL, scope=ESTATE, guide="compose.db-port", applies=has("database"))
def check_database_is_not_published(seen: ComposeEvidence, target: Compose) -> None:
    """The database's port is published on loopback or not at all.

    The guide has `5432:5432`, which Docker opens to the internet, ahead of ufw's rules.

    Fix: drop `ports`, or `127.0.0.1:5432:5432`.

    See: `docker compose port db 5432`
    """
    found = open_ports(service(seen, target.services.database))
    expect(not found, seen=f"published: {', '.join(found)}", required="127.0.0.1, or not published")


@check(severity=HIGH, scope=ESTATE, guide="compose.nginx-ports", applies=has("proxy"))
def check_only_the_proxy_is_public(seen: ComposeEvidence, target: Compose) -> None:
    """No service beside the app, the database (judged on their own) and the proxy publishes a port to everybody.

    Fix: drop `ports`, or publish on 127.0.0.1.

    See: `docker compose ps`
    """
    usable(seen)
    judged = {target.services.app, target.services.database, target.services.proxy}
    others = {each.name: open_ports(each) for each in seen.services if each.name not in judged}
    found = [f"{name}: {', '.join(ports)}" for name, ports in others.items() if ports]
    expect(not found, seen="; ".join(found), required=f"none but {target.services.proxy}")


@check(severity=HIGH, scope=RELEASE, guide="compose.nginx-ports", applies=has("proxy"))
def check_proxy_publishes_http_and_https(seen: ComposeEvidence, target: Compose) -> None:
    """The proxy publishes ports 80 and 443.

    Fix: `ports: ["80:80", "443:443"]`.

    See: `docker compose ps nginx`
    """
    proxy = service(seen, target.services.proxy)
    found = {each.published for each in proxy.ports if each.protocol == "tcp" and public(each.host)}
    missing = [] if proxy.network_mode == "host" else [port for port in ("80", "443") if port not in found]
    expect(not missing, seen=f"not published: {', '.join(missing)}", required="80 and 443")


@check(severity=CRITICAL, scope=RELEASE, guide="compose.app-env", applies=has("app"))
def check_app_gets_its_variables(seen: ComposeEvidence, target: Compose) -> None:
    """The app gets every variable that it needs, with a value where the environment file says what the values are.

    The guide's file passes five of its own Required Variables: payment, mail, DIRECT_URL and NEXT_PUBLIC_BASE_URL do
    not reach the container.

    Fix: add it to `environment`, or use `env_file`.

    See: `docker compose exec app printenv | cut -d= -f1`
    """
    app = service(seen, target.services.app)
    if app.unread:
        raise CannotTell(f"files of variables that can't be read: {', '.join(app.unread)}", cause="program")
    there = set(app.variables) - (set(app.empty) if target.knows_variables else set())
    missing = [names for names in target.expect.environment if not there & set(names.split("|"))]
    shown = ", ".join(names.replace("|", " or ") for names in missing)
    expect(not missing, seen=f"without {shown}", required="each of the required variables")


@check(severity=HIGH, scope=ESTATE, guide="compose.db-env")
def check_secrets_are_not_in_the_file(seen: ComposeEvidence) -> None:
    """No secret stands in the file: it goes into the repository.

    Fix: `${NAME}` from the environment, or a secret that is mounted, and change the one that was written down.
    """
    usable(seen)
    found = [f"{each.name}: {', '.join(each.literal)}" for each in seen.services if each.literal]
    expect(not found, seen=f"written out: {'; '.join(found)}", required="references")


@check(severity=HIGH, scope=RELEASE, guide="compose.db-env", applies=has("database"))
def check_database_gets_its_variables(seen: ComposeEvidence, target: Compose) -> None:
    """The database gets its name, its user and a password (or the file of one).

    DB_PASSWORD, from which the guide's file takes the password, is in no list of variables of the guide.

    Fix: POSTGRES_DB, POSTGRES_USER and POSTGRES_PASSWORD in `environment`.
    """
    database = service(seen, target.services.database)
    if database.unread:
        raise CannotTell(f"files of variables that can't be read: {', '.join(database.unread)}", cause="program")
    there = set(database.variables) - (set(database.empty) if target.knows_variables else set())
    wanted = ("POSTGRES_DB", "POSTGRES_USER", "POSTGRES_PASSWORD")
    missing = [name for name in wanted if not there & {name, f"{name}_FILE"}]
    expect(not missing, seen=f"without {', '.join(missing)}", required=", ".join(wanted))


@check(severity=MEDIUM, scope=RELEASE, guide="compose.app-depends-on", applies=has("app", "database"))
def check_app_waits_for_a_healthy_database(seen: ComposeEvidence, target: Compose) -> None:
    """The app is started when the database is healthy, not merely started.

    The guide's `depends_on: [db]` waits for the container alone.

    Fix: `depends_on: {db: {condition: service_healthy}}`.
    """
    database = service(seen, target.services.database).name
    found = service(seen, target.services.app).waits_for.get(database, "nothing")
    expect(found == "service_healthy", seen=f"waits for {found}", required="service_healthy")


@check(severity=LOW, scope=RELEASE, guide="compose.nginx-depends-on", applies=has("app", "proxy"))
def check_proxy_waits_for_the_app(seen: ComposeEvidence, target: Compose) -> None:
    """The proxy is started after the app, whose name it must resolve.

    Fix: `depends_on: [app]`.
    """
    found = service(seen, target.services.proxy).waits_for
    expect(target.services.app in found, seen=f"waits for {', '.join(found) or 'nothing'}", required="the app")


@check(severity=MEDIUM, scope=ESTATE, guide="compose.restart-policy")
def check_services_are_restarted(seen: ComposeEvidence, target: Compose) -> None:
    """The app, the database and the proxy are started again after a crash and after a reboot.

    Fix: `restart: unless-stopped`.

    See: `docker inspect -f '{{.HostConfig.RestartPolicy.Name}}' CONTAINER`
    """
    usable(seen)
    judged = (target.services.app, target.services.database, target.services.proxy)
    found = [
        f"{each.name}: {each.restart}" for each in seen.services if each.name in judged and each.restart not in RESTARTS
    ]
    expect(not found, seen=", ".join(found), required="unless-stopped or always")


@check(severity=HIGH, scope=RELEASE, guide="compose.app-healthcheck", applies=has("app"))
def check_app_health_check_asks_the_app(seen: ComposeEvidence, target: Compose) -> None:
    """The app's health check requests the health endpoint.

    The guide's calls curl, which its own node:18-alpine does not have: started as a stack, such an app is unhealthy.

    Fix: `test: ["CMD", "wget", "-qO/dev/null", "http://localhost:3000/api/health"]`.
    """
    health = service(seen, target.services.app).health
    found = "no health check" if health is None else f"{health.program} {health.path}".rstrip()
    wanted = target.expect.health
    expect(health is not None and health.path == wanted, seen=found, required=wanted)


@check(severity=LOW, scope=ESTATE, guide="compose.app-healthcheck-timing", applies=has("app"))
def check_app_health_check_is_soon(seen: ComposeEvidence, target: Compose) -> None:
    """A dead app is unhealthy within 100 s, as in the guide: 3 × 30 s, and 10 s for the answer.

    Fix: `interval: 30s`, `timeout: 10s`, `retries: 3`.
    """
    found = unhealthy_after(health_of(service(seen, target.services.app)))
    expect(found <= APP_UNHEALTHY_AFTER, seen=f"{found:g} s", required=f"at most {APP_UNHEALTHY_AFTER} s")


@check(severity=HIGH, scope=RELEASE, guide="compose.db-healthcheck", applies=has("database"))
def check_database_health_check_asks_the_database(seen: ComposeEvidence, target: Compose) -> None:
    """The database has a health check that asks PostgreSQL.

    Fix: `test: ["CMD-SHELL", "pg_isready -U emailai -d emailai_prod"]`.
    """
    health = service(seen, target.services.database).health
    found = "no health check" if health is None else health.program
    expect(found in ("pg_isready", "psql"), seen=found, required="pg_isready or psql")


@check(severity=ADVISORY, scope=ESTATE, guide="compose.db-healthcheck", applies=has("database"))
def check_database_health_check_names_the_database(seen: ComposeEvidence, target: Compose) -> None:
    """The database's health check names its database.

    The guide's `pg_isready -U emailai` asks for a database `emailai`, and fills the log with its absence.

    Fix: `-d emailai_prod`.
    """
    health = health_of(service(seen, target.services.database))
    expect(bool(health.database), seen=f"{health.program} without -d", required="-d and the database")


@check(severity=LOW, scope=ESTATE, guide="compose.db-healthcheck-timing", applies=has("database"))
def check_database_health_check_is_soon(seen: ComposeEvidence, target: Compose) -> None:
    """A dead database is unhealthy within 55 s, as in the guide: 5 × 10 s, and 5 s for the answer.

    Fix: `interval: 10s`, `timeout: 5s`, `retries: 5`.
    """
    found = unhealthy_after(health_of(service(seen, target.services.database)))
    expect(found <= DATABASE_UNHEALTHY_AFTER, seen=f"{found:g} s", required=f"at most {DATABASE_UNHEALTHY_AFTER} s")


@check(severity=MEDIUM, scope=ESTATE, guide="compose.db-image", applies=has("database"))
def check_database_image_is_of_the_declared_version(seen: ComposeEvidence, target: Compose) -> None:
    """The database's image is PostgreSQL of the declared major version: another one can't read the data.

    Fix: `image: postgres:15-alpine`.
    """
    image = service(seen, target.services.database).image
    tag = image.rpartition("/")[2].partition("@")[0].partition(":")[2]
    found = re.match(r"(?:pg)?(\d+)", tag)
    if found is None:
        raise CannotTell(f"the tag of {image or 'an image that is built'} names no version", cause="program")
    expect(int(found[1]) == target.expect.major, seen=image, required=f"PostgreSQL {target.expect.major}")


@check(severity=CRITICAL, scope=ESTATE, guide="compose.db-volume", applies=has("database"))
def check_database_is_on_a_volume(seen: ComposeEvidence, target: Compose) -> None:
    """The database's files are on a volume with a name, or on the host: others go with the container.

    Fix: `volumes: [postgres_data:/var/lib/postgresql/data]`.

    See: `docker inspect -f '{{json .Mounts}}' CONTAINER`
    """
    found = mounts_at(service(seen, target.services.database), DATA)
    kept = [each for each in found if each.kind in ("volume", "bind") and each.source and not each.read_only]
    shown = ", ".join(f"{each.source or 'a volume without a name'} ({each.kind})" for each in found)
    expect(bool(kept), seen=shown or "nothing mounted there", required=f"a named volume at {DATA}/data")


def read_only(mounts: list[Mount]) -> None:
    """Judge whether what is mounted can be written."""
    writable = [each.target for each in mounts if not each.read_only]
    expect(not writable, seen=f"writable: {', '.join(writable)}", required="read-only")


@check(severity=MEDIUM, scope=ESTATE, guide="compose.nginx-conf-mount", applies=has("proxy"))
def check_proxy_configuration_is_read_only(seen: ComposeEvidence, target: Compose) -> None:
    """What is mounted of the proxy's configuration is mounted read-only.

    Fix: `./nginx.conf:/etc/nginx/nginx.conf:ro`.
    """
    found = mounts_at(service(seen, target.services.proxy), CONFIGURATION)
    read_only([each for each in found if not KEYS.search(each.target)])


@check(severity=HIGH, scope=ESTATE, guide="compose.nginx-ssl-mount", applies=has("proxy"))
def check_proxy_keys_are_read_only(seen: ComposeEvidence, target: Compose) -> None:
    """Certificates and keys that are mounted into the proxy are mounted read-only.

    Fix: `./ssl:/etc/nginx/ssl:ro`.
    """
    read_only([each for each in service(seen, target.services.proxy).mounts if KEYS.search(each.target)])
