"""A team's own compose file as a stack, against a real daemon: reached, judged, removed; what goes wrong is told."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from fixtures import composing
from fixtures.environment.policy import Stack as Wanted
from fixtures.environment.sections.compose import Compose
from fixtures.probes import Context
from fixtures.probes.compose import ComposeEvidence, look
from fixtures.stack import containers, images, rundir
from fixtures.stack.compose import Project, start
from fixtures.stack.errors import StackError
from tests import _docker as seen
from tests.test_compose_files import GUIDE, GUIDE_GETS_WRONG

REDIS = """
services:
  redis:
    image: IMAGE
    container_name: golive-fixed-name
    command: [redis-server, --requirepass, "${REDIS_PASSWORD}"]
    ports: ["6379:6379"]
    volumes: [data:/var/lib/redis]
    restart: unless-stopped
    healthcheck: {test: "redis-cli -a $$REDISCLI_AUTH ping | grep -q PONG", interval: 500ms}
    environment: {REDISCLI_AUTH: "${REDIS_PASSWORD}"}
volumes:
  data: {name: golive-fixed-volume}
"""
WEB = """
services:
  web:
    image: IMAGE
    command: [python3, -m, http.server, "8000"]
    ports: ["80:8000"]
"""


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    client = containers.connect().client
    with closing(client):
        yield client


@pytest.fixture(scope="module")
def image(client: Any) -> str:
    """The stack's own image, built if this daemon does not have it yet: Redis and Python are in it."""
    return images.ensure(client, lambda _: None)


@pytest.fixture
def write(tmp_path: Path, image: str) -> Callable[..., Path]:
    """Writes a compose file, beside the file of an image to build."""

    def write(text: str, dockerfile: str = "") -> Path:
        directory = tmp_path / "team"
        directory.mkdir(exist_ok=True)
        (directory / "Dockerfile").write_text(f"FROM {image}\n{dockerfile}\n")
        file = directory / "docker-compose.prod.yml"
        file.write_text(text.replace("IMAGE", image))
        return file

    return write


def environment(directory: Path, compose: str, text: str = "", stack: str = "") -> str:
    """An environment file beside the team's directory."""
    path = directory / "own.yaml"
    path.write_text(
        "schema: 1\nrun: {gate: {settle: 0s}, confirm: {apart: 100ms}}\n"
        f"stack: {{compose: {compose}, within: 30s{stack}}}\n{text}\n"
    )
    return str(path)


REDIS_ENVIRONMENT = """
compose: {prod: {file: team/docker-compose.prod.yml, services: {app: null, database: null, proxy: null},
  variables: {REDIS_PASSWORD: "${env:REDIS_PASSWORD}"}}}
redis: {main: {url: "redis://:${env:REDIS_PASSWORD}@${stack:redis/6379}/0"}}
"""
REDIS_STACK = ', variables: {REDIS_PASSWORD: "${env:REDIS_PASSWORD}"}'


@contextmanager
def leaving_nothing(client: Any) -> Iterator[None]:
    """Stacks of this process that start within this leave nothing."""
    yield
    seen.nothing_is_left(client, os.getpid(), within=5)
    assert not client.images.list(filters={"label": f"golive.pid={os.getpid()}"})


def bring_up(file: Path, **more: Any) -> Project:
    return start(Wanted.model_validate({"compose": file, "within": "15s", **more}))


def trouble(client: Any, file: Path, **more: Any) -> str:
    """What is told when a project can't be started; it leaves nothing."""
    with leaving_nothing(client), pytest.raises(StackError) as caught, bring_up(file, **more):
        pass
    return str(caught.value)


# The gate


def test_two_projects_of_one_file_run_at_once_and_are_judged(
    tmp_path: Path, client: Any, write: Callable[..., Path]
) -> None:
    """Both have the same fixed port, container and volume in their file; one of the runs has workers."""
    write(REDIS)
    password = f"pa$${secrets.token_hex(8)}$x"
    env = environment(tmp_path, "team/docker-compose.prod.yml", REDIS_ENVIRONMENT, REDIS_STACK)
    runs = [
        seen.begin(tmp_path / str(number), env, *options, variables={"REDIS_PASSWORD": password})
        for number, options in enumerate(((), ("-n2",)))
    ]
    for number, run in enumerate(runs):
        output, _ = run.communicate(timeout=150)
        rows = {row["id"]: row["outcome"] for row in seen.verdict(tmp_path / str(number))["checks"]}
        assert run.returncode == 1, output
        assert rows["redis.answers"] == rows["redis.strangers_are_refused"] == "passed"
        assert rows["redis.memory_is_bounded"] != "passed"
        assert rows["compose.variables_are_set"] == "passed"
        assert "Traceback" not in output
        assert password not in output
        for path in (tmp_path / str(number)).rglob("*"):
            assert not path.is_file() or password.encode() not in path.read_bytes(), path
        seen.nothing_is_left(client, run.pid)
    assert not client.volumes.list(filters={"name": "golive-fixed-volume"})


def test_a_port_that_the_environment_names_wrongly_is_one_line(
    tmp_path: Path, client: Any, write: Callable[..., Path]
) -> None:
    write(WEB)
    text = 'instances: {web: {url: "http://${stack:web/80}"}}'
    run = seen.begin(tmp_path / "run", environment(tmp_path, "team/docker-compose.prod.yml", text))
    output, _ = run.communicate(timeout=100)
    assert run.returncode == 10, output
    assert "${stack:web/80}, a value that comes from a started stack; the started stack gives" in output
    assert "web/8000" in output
    assert "Traceback" not in output
    seen.nothing_is_left(client, run.pid)


def test_faults_are_for_the_suites_own_stack(tmp_path: Path, write: Callable[..., Path]) -> None:
    write(WEB)
    text = 'instances: {web: {url: "http://${stack:web/8000}"}}'
    env = environment(tmp_path, "team/docker-compose.prod.yml", text)
    code, output = seen.gate(tmp_path / "run", env, "--fault=headers.no_nosniff")
    assert code == 4
    assert "--fault is refused" in output


# Nothing is left


@pytest.mark.parametrize(
    ("number", "moment"),
    [
        (signal.SIGKILL, "building"),
        (signal.SIGTERM, "building"),
        (signal.SIGKILL, "starting"),
        (signal.SIGINT, "starting"),
        (signal.SIGKILL, "looking"),
        (signal.SIGTERM, "looking"),
    ],
)
def test_a_run_that_is_ended_leaves_nothing(
    tmp_path: Path, client: Any, write: Callable[..., Path], number: signal.Signals, moment: str
) -> None:
    building = moment == "building"
    mark = f"golive-test-{secrets.token_hex(6)}"
    text = WEB.replace("image: IMAGE", "build: .") if building else WEB
    write(f"{text}  other: {{image: IMAGE, command: [sleep, '99']}}\n", f"RUN sleep 60; echo {mark}")
    wanted = 'instances: {web: {url: "http://${stack:web/8000}"}}'
    env = environment(tmp_path, "team/docker-compose.prod.yml", wanted)
    run = seen.begin(tmp_path / "run", env)
    came: dict[str, Callable[[], object]] = {
        "building": lambda: commands(mark),
        "starting": lambda: seen.of_owner(client, run.pid),
        "looking": lambda: list((tmp_path / "run").glob("evidence/*.json")),
    }
    seen.until(came[moment])
    run.send_signal(number)
    run.communicate(timeout=30)
    seen.nothing_is_left(client, run.pid)
    assert seen.verdict(tmp_path / "run")["verdict"] == "CANNOT TELL"
    seen.until(lambda: not programs(tmp_path), within=10)
    seen.until(lambda: not commands(mark) and not steps(client, mark), within=10)
    assert not client.images.list(filters={"label": f"golive.pid={run.pid}"})


def steps(client: Any, mark: str) -> list[Any]:
    """The containers of a build's steps that have this word in their command; the builder gives them no label."""
    found = client.containers.list(all=True, ignore_removed=True)
    return [each for each in found if mark in " ".join(each.attrs["Config"]["Cmd"] or ())]


def programs(directory: Path) -> list[str]:
    """Compose programs that work on a file of this directory."""
    return commands(f"--project-directory {directory.resolve()}/")


def commands(words: str) -> list[str]:
    """The commands of running processes that have these words in them; the tests' own have not."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
        if words in line:
            found.append(line)
    return found


def test_the_next_start_sweeps_what_a_killed_run_and_its_watchdog_left(
    tmp_path: Path, client: Any, write: Callable[..., Path]
) -> None:
    write(REDIS.replace("image: IMAGE", "build: ."))
    env = environment(tmp_path, "team/docker-compose.prod.yml", REDIS_ENVIRONMENT, REDIS_STACK)
    run = seen.begin(tmp_path / "run", env, variables={"REDIS_PASSWORD": "longer-than-that"})
    seen.until(lambda: list((tmp_path / "run").glob("evidence/*.json")))
    [directory] = seen.directories(run.pid)
    guard, _ = (directory / "watchdog").read_text().split()
    os.kill(int(guard), signal.SIGKILL)
    run.kill()
    run.communicate(timeout=30)
    assert len(seen.of_owner(client, run.pid)) == 3
    assert client.images.list(filters={"label": f"golive.pid={run.pid}"})
    shutil.rmtree(directory)
    with leaving_nothing(client), bring_up(write(WEB)):
        seen.nothing_is_left(client, run.pid, within=3)
        assert not client.images.list(filters={"label": f"golive.pid={run.pid}"})


def test_a_kept_project_says_how_to_end_it(tmp_path: Path, client: Any, write: Callable[..., Path]) -> None:
    write(WEB)
    text = 'instances: {web: {url: "http://${stack:web/8000}"}}'
    process = seen.begin(tmp_path / "run", environment(tmp_path, "team/docker-compose.prod.yml", text), "--keep-stack")
    output, _ = process.communicate(timeout=120)
    [directory] = seen.directories(process.pid)
    try:
        path = Path(output.partition("addresses: ")[2].splitlines()[0])
        assert path.stat().st_mode & 0o777 == 0o600
        values = dict(line.split("=", 1) for line in path.read_text().splitlines())
        assert answers(values["web/8000"])
        rundir.sweep()
        containers.sweep(containers.connect())
        assert answers(values["web/8000"])
    finally:
        end = output.partition("to end it: ")[2].splitlines()[0].split()
        subprocess.run([sys.executable, *end[1:]], cwd=seen.ROOT, timeout=60, check=True)
    assert str(directory) in end[-1]
    seen.nothing_is_left(client, process.pid, within=3)


def answers(at: str) -> bool:
    """Whether an HTTP server answers there."""
    host, _, port = at.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        return connection.recv(12).startswith(b"HTTP/")


# What is reached


def test_published_ports_and_those_the_environment_adds_are_reached(client: Any, write: Callable[..., Path]) -> None:
    text = """
services:
  web:
    build: .
    image: team/web:1
    ports: ["80:8000"]
    environment: ["GIVEN=${GIVEN}", A=1e3, B=y, C=08, D=1.50, E=0x1F, F=1_000, G=12:30, H=null, I=2026-01-01]
    depends_on: [job]
  job: {image: "team/web:1", command: ["true"], ports: []}
  extra: {image: IMAGE, command: [sleep, "99"], profiles: [extra]}
"""
    file = write(text, "CMD python3 -m http.server 8000 & env >/tmp/env; cd /tmp; exec python3 -m http.server 8001")
    given = "a$b\"c'$$d ${e}"
    with leaving_nothing(client), bring_up(file, variables={"GIVEN": given}, publish=["web/8001"]) as project:
        found = project.variables
        assert answers(found["web/8000"])
        assert answers(found["web/8001"])
        assert found["web-1/8000"] == found["web/8000"]
        assert all(at.startswith("127.0.0.1:") for key, at in found.items() if "/" in key)
        [web] = client.containers.list(filters={"label": ["com.docker.compose.service=web", project_label(project)]})
        env = dict(each.split("=", 1) for each in web.attrs["Config"]["Env"])
        assert env["GIVEN"] == given
        assert [env[name] for name in "ABCDEFGHI"] == [
            "1e3", "y", "08", "1.50", "0x1F", "1_000", "12:30", "null", "2026-01-01"
        ]  # fmt: skip
        assert not client.containers.list(filters={"label": ["com.docker.compose.service=extra"]}, all=True)
        assert not images.present(client, "team/web:1")


def project_label(project: Project) -> str:
    return f"com.docker.compose.project={project.name}"


def test_the_program_and_the_suite_itself_see_the_same_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / GUIDE.name
    shutil.copy(GUIDE, file)
    (tmp_path / "apps" / "web").mkdir(parents=True)
    target = Compose(file=file, variables={"DB_PASSWORD": "x"})

    def see() -> ComposeEvidence:
        found = look(target, Context("compose.prod", time.monotonic() + 20))
        assert isinstance(found, ComposeEvidence)
        return found

    with_program = see()
    assert with_program.by
    monkeypatch.setattr(composing, "find", lambda: None)
    by_itself = see()

    def shape(evidence: ComposeEvidence) -> Any:
        bare = evidence.model_dump(exclude={"by", "observed_at"})
        folder = f"{tmp_path.resolve()}/"
        for service in bare["services"]:
            service["context"] = service["context"].removeprefix(folder).removeprefix("./")
            for mount in service["mounts"]:
                mount["source"] = mount["source"].removeprefix(folder).removeprefix("./")
        bare["services"] = sorted(bare["services"], key=lambda each: str(each["name"]))
        return bare

    assert shape(with_program) == shape(by_itself)


def test_what_is_on_the_deployments_machine_alone_is_no_flaw(tmp_path: Path) -> None:
    file = tmp_path / "compose.yml"
    file.write_text("services: {app: {build: nowhere}, web: {image: 'x:1', env_file: [none.env]}}")
    found = look(Compose(file=file), Context("compose.prod", time.monotonic() + 20))
    assert isinstance(found, ComposeEvidence)
    assert (found.flaw, found.services[1].unread) == ("", ("none.env",))


def test_what_the_program_refuses_is_the_flaw_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "compose.yml"
    file.write_text("services: {app: {image: x, prots: ['80']}}")
    found = look(Compose(file=file), Context("compose.prod", time.monotonic() + 20))
    assert isinstance(found, ComposeEvidence)
    assert "prots" in found.flaw
    assert str(tmp_path) not in found.flaw


# Errors


def test_the_guides_own_file_is_told_what_is_missing_and_nothing_is_made(tmp_path: Path, client: Any) -> None:
    """Docker would make directories of nginx.conf and ssl, which the guide does not say how to make."""
    directory = tmp_path / "team"
    directory.mkdir()
    shutil.copy(GUIDE, directory / "docker-compose.prod.yml")
    (directory / "apps" / "web").mkdir(parents=True)
    text = "compose: {prod: {file: team/docker-compose.prod.yml}}"
    process = seen.begin(tmp_path / "run", environment(tmp_path, "team/docker-compose.prod.yml", text))
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 10, output
    last = output.strip().splitlines()[-1]
    assert last.startswith("CANNOT TELL own: no stack: nginx mounts ")
    assert last.endswith("nginx.conf, which does not exist")
    assert "not set, so empty: DATABASE_URL, DB_PASSWORD, GOOGLE_CLIENT_ID" in output
    assert "Traceback" not in output
    assert sorted(path.name for path in directory.iterdir()) == ["apps", "docker-compose.prod.yml"]
    seen.nothing_is_left(client, process.pid)


def test_the_guides_own_file_is_judged_where_it_is_not_started(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(f"schema: 1\nrun: {{gate: {{settle: 0s}}}}\ncompose: {{prod: {{file: '{GUIDE}'}}}}\n")
    code, output = seen.gate(tmp_path / "run", str(path))
    assert code == 1, output
    assert output.strip().splitlines()[-1].startswith("NO-GO own:")
    failed = {row["id"].partition(".")[2] for row in seen.verdict(tmp_path / "run")["checks"] if row["seen"]}
    assert failed == set(GUIDE_GETS_WRONG)


def test_without_a_program_there_is_one_line(tmp_path: Path, write: Callable[..., Path]) -> None:
    write(WEB)
    text = 'instances: {web: {url: "http://${stack:web/8000}"}}'
    env = environment(tmp_path, "team/docker-compose.prod.yml", text)
    code, output = seen.gate(tmp_path / "run", env, variables={"PATH": str(tmp_path)})
    assert code == 10, output
    assert output.strip().splitlines()[-1].startswith("CANNOT TELL own: no stack: no Compose program")
    assert "Traceback" not in output


def test_a_file_that_the_program_refuses_is_told(client: Any, write: Callable[..., Path]) -> None:
    told = trouble(client, write("services: {app: {image: x, prots: ['80']}}"))
    assert told.startswith("docker-compose.prod.yml can't be used: ")
    assert "prots" in told
    assert "\n" not in told


def test_an_image_that_is_not_to_be_had_is_told(client: Any, write: Callable[..., Path]) -> None:
    told = trouble(client, write("services: {app: {image: 'registry.invalid/emailai:1'}}"))
    assert told.startswith(
        "the image registry.invalid/emailai:1 is not on the daemon, and the registry can't be reached"
    )
    assert "\n" not in told


def test_a_build_that_fails_shows_its_last_lines(client: Any, write: Callable[..., Path]) -> None:
    mark = f"golive-test-{secrets.token_hex(6)}"
    script = f"RUN for i in $(seq 60); do echo line $i of 60; done; : {mark}; exit 3"
    told = trouble(client, write("services: {app: {build: .}}", script))
    assert told.startswith("an image of docker-compose.prod.yml could not be built")
    assert "line 60 of 60" in told
    assert "line 20 of 60" not in told
    assert len(told.splitlines()) <= images.LAST_LINES + 1
    assert not steps(client, mark)


def test_a_container_that_ends_early_shows_its_last_lines(client: Any, write: Callable[..., Path]) -> None:
    script = "for i in $$(seq 90); do echo line $$i of 90; done; exit 3"
    told = trouble(client, write(f"services: {{app: {{image: IMAGE, command: [sh, -c, '{script}']}}}}"))
    assert told.startswith("app ended at once, exit code 3; its last lines:\nline 41 of 90")
    assert told.endswith("line 90 of 90")


def test_a_dependency_that_ends_early_is_told_instead_of_what_waits_for_it(
    client: Any, write: Callable[..., Path]
) -> None:
    text = """
services:
  app:
    image: IMAGE
    command: [sleep, "99"]
    depends_on: {db: {condition: service_healthy}}
  db:
    image: IMAGE
    command: [sh, -c, "echo no password; exit 1"]
    healthcheck: {test: "true", interval: 1s}
"""
    assert trouble(client, write(text)) == "db ended at once, exit code 1; its last lines:\nno password"


def test_a_container_that_ends_again_and_again_is_told(client: Any, write: Callable[..., Path]) -> None:
    text = "services: {app: {image: IMAGE, restart: always, command: [sh, -c, 'echo no port; exit 4']}}"
    told = trouble(client, write(text), within="40s")
    assert told.startswith("app ends again and again, exit code 4, ")
    assert told.endswith("no port")


def test_a_program_that_is_not_in_the_image_is_told(client: Any, write: Callable[..., Path]) -> None:
    told = trouble(client, write("services: {app: {image: IMAGE, command: [no-such-program]}}"))
    assert "no-such-program" in told
    assert told.startswith("app can't be started: ")


def test_what_the_daemon_refuses_is_told(client: Any, write: Callable[..., Path]) -> None:
    told = trouble(client, write("services: {app: {image: IMAGE}}"))
    assert told.startswith("docker-compose.prod.yml could not be started: ")
    assert "o command specified" in told
    assert "Created" not in told
    assert "\n" not in told


def test_a_port_that_is_never_opened_is_told(client: Any, write: Callable[..., Path]) -> None:
    file = write(WEB.replace('[python3, -m, http.server, "8000"]', '[sh, -c, "echo waiting; sleep 99"]'))
    told = trouble(client, file, within="2s")
    assert told == "web runs but nothing listens on its port 8000 after 2 s; its last lines:\nwaiting"


def test_a_health_check_that_calls_what_the_image_lacks_is_told(client: Any, write: Callable[..., Path]) -> None:
    """As the guide's own does: node:18-alpine has no curl."""
    health = '["CMD", "curl", "-f", "http://localhost:8000/api/health"]'
    told = trouble(client, write(f"{WEB}    healthcheck: {{test: {health}, interval: 300ms, retries: 1}}\n"))
    assert told.startswith("web is unhealthy: its health check says: ")
    assert "curl" in told.splitlines()[0]
