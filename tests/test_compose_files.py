"""Compose files read without Docker: what stands in them in one shape, what is kept of it, and the guide's own file."""

from __future__ import annotations

import json
import time
import typing
from pathlib import Path
from typing import Any

import pytest

from fixtures import composing, vocabulary
from fixtures.catalogue import checks
from fixtures.composing import Mounted, Published
from fixtures.environment.policy import Stack as Wanted
from fixtures.environment.secrets import Secret
from fixtures.environment.sections.compose import Compose, Services
from fixtures.probes import Context
from fixtures.probes.compose import ComposeEvidence, look
from fixtures.stack import compose as project
from fixtures.stack.compose import isolated, missing_binds
from fixtures.stack.errors import StackError
from fixtures.vocabulary import CannotTell, Finding

GUIDE = Path(__file__).parent / "data" / "docker-compose.prod.yml"
"""The guide's own file, as it is written there."""


@pytest.fixture(autouse=True)
def no_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(composing, "find", lambda: None)


def seen(target: Compose) -> ComposeEvidence:
    found = look(target, Context("compose.prod", time.monotonic() + 20))
    assert isinstance(found, ComposeEvidence)
    return found


def written(directory: Path, text: str) -> Path:
    file = directory / "compose.yml"
    file.write_text(text)
    return file


def judged(evidence: ComposeEvidence, target: Compose) -> dict[str, str]:
    """The outcome of every check that applies: what was seen, or why it can't be told; passed ones are left out."""
    outcomes = {}
    for _, function in checks().functions:
        declared = vocabulary.check_of(function)
        if declared is None or not declared.id.startswith("compose.") or not declared.applies(target):
            continue
        kinds = {name: kind for name, kind in typing.get_type_hints(function).items() if name != "return"}
        try:
            function(**{name: target if kind is Compose else evidence for name, kind in kinds.items()})
        except Finding as finding:
            outcomes[declared.id.removeprefix("compose.")] = finding.seen
        except CannotTell as error:
            outcomes[declared.id.removeprefix("compose.")] = f"cannot tell: {error.message}"
    return outcomes


# The guide's own file

GUIDE_GETS_WRONG = {
    "app_gets_its_variables": (
        "without DIRECT_URL, STRIPE_SECRET_KEY or LEMON_SQUEEZY_API_KEY, STRIPE_WEBHOOK_SECRET or "
        "LEMON_SQUEEZY_WEBHOOK_SECRET, RESEND_API_KEY, RESEND_FROM_EMAIL, NEXT_PUBLIC_BASE_URL"
    ),
    "app_is_reached_through_the_proxy_only": "published: 3000",
    "app_waits_for_a_healthy_database": "waits for service_started",
    "database_health_check_names_the_database": "pg_isready without -d",
    "database_is_not_published": "published: 5432",
    "images_are_pinned": "nginx: nginx:alpine",
    "version_key_is_gone": "version: 3.8",
}


def test_what_the_guides_file_gets_wrong_is_found() -> None:
    target = Compose(file=GUIDE)
    assert judged(seen(target), target) == GUIDE_GETS_WRONG


def test_variables_without_a_value_are_found_where_values_are_declared(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "NEXTAUTH_URL", "NEXTAUTH_SECRET", "GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_SECRET"):
        monkeypatch.setenv(name, "value of the guide")
    target = Compose(file=GUIDE, variables={"DB_PASSWORD": Secret("longer-than-that")})
    assert judged(seen(target), target) == GUIDE_GETS_WRONG
    empty = Compose(file=GUIDE, variables={"OTHER": "x"})
    found = judged(seen(empty), empty)
    assert found["variables_are_set"] == "not set: DB_PASSWORD"
    assert found["database_gets_its_variables"] == "without POSTGRES_PASSWORD"


def test_what_the_file_does_not_have_makes_no_row() -> None:
    target = Compose(file=GUIDE, services=Services(app=None, database=None, proxy=None))
    assert set(judged(seen(target), target)) == {"images_are_pinned", "version_key_is_gone"}


def test_a_service_that_is_missing_is_one_failure() -> None:
    target = Compose(file=GUIDE, services=Services(app="web"))
    found = judged(seen(target), target)
    assert found["services_are_defined"] == "no web"
    assert found["app_gets_its_variables"] == "cannot tell: the file has no service web"


# Evidence


def test_no_value_of_a_variable_is_kept(tmp_path: Path) -> None:
    text = """
services:
  db:
    image: postgres:15.8
    environment: {POSTGRES_PASSWORD: swordfish1, PLAIN: swordfish2, URL: "postgresql://emailai:swordfish3@db/x"}
    build: {context: ., args: [NPM_TOKEN=swordfish4]}
    healthcheck: {test: "PGPASSWORD=swordfish5 pg_isready -d 'postgresql://u:swordfish6@db/x'"}
    command: [--requirepass, swordfish7]
"""
    evidence = seen(Compose(file=written(tmp_path, text)))
    [db] = evidence.services
    assert db.literal == ("NPM_TOKEN", "POSTGRES_PASSWORD", "URL")
    assert db.variables == ("PLAIN", "POSTGRES_PASSWORD", "URL")
    assert "swordfish" not in evidence.model_dump_json()


def test_what_can_be_written_in_two_ways_is_seen_alike(tmp_path: Path) -> None:
    short = """
services:
  app:
    image: emailai:1
    build: web
    ports: ["127.0.0.1:3000:3000", "[::1]:3001:3000/udp", "8000-8001:80-81", "9000"]
    volumes: ["data:/data", "./ssl:/etc/nginx/ssl:ro,z", "/anonymous"]
    environment: [A=1, B=]
    depends_on: [db]
    healthcheck: {test: curl -f http://localhost:3000/api/health?x || exit 1, interval: 1m30s, timeout: 500ms}
    restart: unless-stopped
"""
    long = """
services:
  app:
    image: emailai:1
    build: {context: web, dockerfile: Dockerfile}
    ports:
      - {target: 3000, published: "3000", host_ip: 127.0.0.1}
      - {target: 3000, published: 3001, host_ip: "::1", protocol: udp, mode: host}
      - {target: 80, published: 8000}
      - {target: 81, published: 8001}
      - {target: 9000}
    volumes:
      - {type: volume, source: data, target: /data}
      - {type: bind, source: ./ssl, target: /etc/nginx/ssl/, read_only: true}
      - {type: volume, target: /anonymous}
    environment: {A: 1, B: ""}
    depends_on: {db: {condition: service_started}}
    healthcheck: {test: [CMD-SHELL, "curl -f 'http://localhost:3000/api/health' || exit 1"], interval: 90s,
      timeout: 0.5s}
    restart: unless-stopped
"""
    first, second = (seen(Compose(file=written(tmp_path, text))).services[0] for text in (short, long))
    assert first == second
    assert first.health is not None
    assert (first.health.program, first.health.path, first.health.interval) == ("curl", "/api/health", 90)
    assert [(each.host, each.published, each.target) for each in first.ports] == [
        ("127.0.0.1", "3000", 3000), ("::1", "3001", 3000), ("", "8000", 80), ("", "8001", 81), ("", "", 9000)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("test", "program", "database"),
    [
        (["CMD", "pg_isready", "-U", "emailai", "-d", "emailai_prod"], "pg_isready", "emailai_prod"),
        ("pg_isready -demailai_prod", "pg_isready", "emailai_prod"),
        ("/usr/bin/pg_isready --dbname=emailai_prod", "pg_isready", "emailai_prod"),
        ("pg_isready", "pg_isready", ""),
        (["NONE"], None, ""),
    ],
)
def test_what_a_health_check_asks(tmp_path: Path, test: Any, program: str | None, database: str) -> None:
    text = json.dumps({"services": {"db": {"image": "postgres:15", "healthcheck": {"test": test}}}})
    health = seen(Compose(file=written(tmp_path, text))).services[0].health
    assert (health and health.program) == program
    assert health is None or health.database == database


def test_references_are_filled_in_as_compose_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOLIVE_EMPTY", "")
    document = {
        "a": "$A ${A}-$$B ${NONE:-x${A}} ${GOLIVE_EMPTY-y}|${GOLIVE_EMPTY:-z}|${A:+there}|${NONE:+there}",
        "b": ["${NONE}", {"c": "${MISSING}"}],
    }
    found = composing.interpolate(document, {"A": "1", "GOLIVE_EMPTY": ""})
    assert found.document == {"a": "1 1-$B x1 |z|there|", "b": ["", {"c": ""}]}
    assert found.unset == ("MISSING", "NONE")


def test_files_of_variables_are_read_or_said_to_be_unread(tmp_path: Path) -> None:
    (tmp_path / "app.env").write_text("# comment\nexport A=1\nB='2'\nEMPTY=\nno line\n")
    text = "services: {app: {image: 'x:1', env_file: [app.env, {path: none.env}]}}"
    target = Compose(file=written(tmp_path, text), services=Services(database=None, proxy=None))
    [app] = seen(target).services
    assert (app.variables, app.empty, app.unread) == (("A", "B", "EMPTY"), ("EMPTY",), ("none.env",))
    assert judged(seen(target), target)["app_gets_its_variables"].startswith("cannot tell: files of variables")


LAUGHS = "services:\n" + "".join(f"  a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9) if n else 'x'}]\n" for n in range(12))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("services: [", "no YAML: "),
        ("services: {a: 1}\nservices: {b: 2}", "no YAML: "),
        ("- a", "no map of keys"),
        ("\x00", "no YAML: "),
        ("services: {a: {b: &x [*x]}}", "an anchor holds itself"),
        (LAUGHS, "its anchors come to too much"),
    ],
)
def test_a_file_that_is_no_compose_file_is_one_finding(tmp_path: Path, text: str, told: str) -> None:
    target = Compose(file=written(tmp_path, text))
    evidence = seen(target)
    assert evidence.flaw.startswith(told)
    found = judged(evidence, target)
    assert found.pop("file_is_valid") == evidence.flaw
    assert set(found.values()) == {"cannot tell: the compose file can't be used"}


def test_a_file_that_is_not_there_is_one_finding(tmp_path: Path) -> None:
    assert seen(Compose(file=tmp_path / "none.yml")).flaw == "can't be read: No such file or directory"


@pytest.mark.parametrize(
    ("host", "failing"),
    [("", True), ("0.0.0.0", True), ("::", True), ("9.9.9.9", True), ("127.0.0.1", False), ("10.0.0.5", False)],
)
def test_what_is_public_is_told_by_the_address(tmp_path: Path, host: str, failing: bool) -> None:
    text = json.dumps({"services": {"db": {"ports": [{"target": 5432, "published": 5432, "host_ip": host}]}}})
    target = Compose(file=written(tmp_path, text))
    assert ("database_is_not_published" in judged(seen(target), target)) == failing


def test_what_a_program_complains_of_is_told_without_its_progress() -> None:
    second = """time="2026-11-25T14:02:28Z" level=warning msg="The \\"A\\" variable is not set."
 Network golive1_default  Created
 Container golive1-db-1  Creating
Error response from daemon: No command specified
"""
    first = "Creating network golive1_default\nCreating golive1_db_1 ... error\nERROR: for db  No command specified\n"
    file = Path("/srv/team/compose.yml")
    assert composing.complaint(second, file) == "Error response from daemon: No command specified"
    assert composing.complaint(first, file) == "for db  No command specified"
    assert composing.complaint("ERROR: In file '/srv/team/compose.yml', x", file) == "In file 'compose.yml', x"
    assert composing.complaint("", file) == "no reason was given"


# What is started


MARKS = {"golive.run": "this"}


def isolate(services: dict[str, Any], publish: tuple[str, ...] = (), /, **more: Any) -> dict[str, Any]:
    return isolated({"services": services, **more}, "golive1", MARKS, publish=publish, address="127.0.0.1")


def test_a_project_is_started_apart_from_all_else() -> None:
    made = isolate(
        {
            "app": {"container_name": "prod-app", "image": "team/app:1", "build": {"context": "/x", "tags": ["y"]},
                    "ports": ["3000:3000", "[::1]:3000:3000"], "labels": ["a=b"]},
            "worker": {"image": "team/app:1"},
            "db": {"image": "postgres:15", "ports": [{"target": 53, "published": "53", "protocol": "udp"}]},
        },
        ("db/5432",),
        name="prod",
        volumes={"data": {"name": "prod-data"}, "cache": None},
        networks={"inner": {"name": "prod-net", "internal": True}},
    )  # fmt: skip
    app, worker, db = (made["services"][name] for name in ("app", "worker", "db"))
    assert "container_name" not in app
    assert app["image"] == worker["image"] == "golive1-app"
    assert app["build"] == {"context": "/x", "labels": MARKS}
    assert app["labels"] == {"a": "b", **MARKS}
    assert app["ports"] == ["127.0.0.1::3000/tcp"]
    assert worker["ports"] == []
    assert db["ports"] == ["127.0.0.1::53/udp", "127.0.0.1::5432/tcp"]
    assert made["volumes"] == {"data": {"labels": MARKS}, "cache": {"labels": MARKS}}
    assert made["networks"] == {"default": {"labels": MARKS}, "inner": {"internal": True, "labels": MARKS}}
    assert "name" not in made


@pytest.mark.parametrize("section", ["volumes", "networks"])
def test_what_belongs_to_another_deployment_is_refused(section: str) -> None:
    with pytest.raises(StackError, match=f"the {section[:-1]} data is external"):
        isolate({"app": {}}, (), **{section: {"data": {"external": True}}})


def test_a_port_of_no_service_is_refused() -> None:
    with pytest.raises(StackError, match="publish: no service web, the compose file has app"):
        isolate({"app": {}}, ("web/80",))


def test_what_is_mounted_and_is_not_there_is_found(tmp_path: Path) -> None:
    services = {"nginx": {"volumes": [f"{tmp_path}:/a", f"{tmp_path}/none:/b:ro", "named:/c"]}}
    assert missing_binds({"services": services}) == [("nginx", f"{tmp_path}/none")]


def test_without_a_program_the_stack_says_what_to_install() -> None:
    with pytest.raises(StackError, match=r"^no Compose program: .*apt-get install docker-compose$"):
        project.start(Wanted(compose=GUIDE))


def test_a_file_that_is_not_there_is_no_stack(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"^no compose file .*none\.yml$"):
        project.start(Wanted(compose=tmp_path / "none.yml"))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"compose": "x", "app": {"image": "y"}}, "compose without"),
        ({"compose": "x", "launcher": "containers"}, "compose without"),
        ({"variables": {"A": "b"}}, "beside a compose file only"),
        ({"compose": "x", "publish": ["db"]}, "pattern"),
    ],
)
def test_a_stack_that_is_two_things_is_refused(given: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Wanted.model_validate(given)


def test_shapes_are_read_as_they_stand() -> None:
    assert composing.published({"ports": ["80", 81, "x:y", None]}) == [
        Published("", "", 80, "tcp"),
        Published("", "", 81, "tcp"),
    ]
    assert composing.mounted({"volumes": ["a:/b:ro"]}) == [Mounted("volume", "a", "/b", True)]
    assert composing.conditions({"depends_on": {"db": None}}) == {"db": "service_started"}
