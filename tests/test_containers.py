"""Stacks in containers, against a real daemon: the same verdict as child processes, faults, errors, nothing left."""

from __future__ import annotations

import http.client
import io
import os
import signal
import socket
import ssl
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import docker.errors
import pytest
from testcontainers.core.waiting_utils import WaitStrategyTarget

from fixtures.environment.policy import App
from fixtures.environment.policy import Stack as Wanted
from fixtures.stack import cleaning, containers, images, programs, rundir, start, troubles, watchdog
from fixtures.stack.errors import StackError
from fixtures.stack.faults import find, load_faults
from fixtures.stack.stack import Stack
from fixtures.stack.throwaway import throwaway
from tests import _docker as seen
from tests.drill import deviations

CONTAINERS = str(seen.ROOT / "environments" / "containers.yaml")


@pytest.fixture(scope="module")
def client() -> Any:
    return containers.connect().client


@pytest.fixture(scope="module")
def own_image(client: Any) -> str:
    """The stack's own image, built if this daemon does not have it yet."""
    return images.ensure(client, lambda _: None)


@pytest.fixture(scope="module")
def stack(own_image: str) -> Iterator[Stack]:
    with start(wanted=Wanted(launcher="containers")) as running:
        yield running


def environment(directory: Path, text: str) -> str:
    """An environment file that extends the shipped one."""
    path = directory / "own.yaml"
    path.write_text(f"schema: 1\nextends: {CONTAINERS}\n{text}\n")
    return str(path)


# The verdict


def test_the_verdict_is_that_of_child_processes(tmp_path: Path, client: Any, own_image: str) -> None:
    code, output = seen.gate(tmp_path / "containers", "containers", "-v")
    assert code == 0, output
    assert output.strip().splitlines()[-1].startswith("GO containers:")
    # 10 s are wanted of an idle machine; this one may be busy.
    assert float(output.partition("stack started in ")[2].split()[0]) < 20
    code, output = seen.gate(tmp_path / "demo", "demo")
    assert code == 0, output
    outcomes = seen.outcomes(tmp_path / "containers")
    assert outcomes == seen.outcomes(tmp_path / "demo")
    assert {"failover", "outage"} <= {name.partition(".")[0] for name, _, _ in outcomes}, "experiments are made in both"


def test_workers_share_one_stack_and_two_runs_do_not(tmp_path: Path, client: Any, own_image: str) -> None:
    begun = time.time()
    runs = [seen.begin(tmp_path / str(number), "containers", "-n2", "-k", "redirects") for number in range(2)]
    for run in runs:
        output, _ = run.communicate(timeout=120)
        assert run.returncode == 0, output
        assert len(seen.runs_seen(client, begun, run.pid)) == 1
        seen.nothing_is_left(client, run.pid)


# Nothing is left


@pytest.mark.parametrize(
    ("number", "moment"),
    [
        (signal.SIGKILL, "network"),
        (signal.SIGKILL, "containers"),
        (signal.SIGKILL, "looking"),
        (signal.SIGTERM, "containers"),
        (signal.SIGINT, "looking"),
        (signal.SIGTERM, "experiment"),
        (signal.SIGTERM, "stopping"),
        (signal.SIGKILL, "stopping"),
    ],
)
def test_a_run_that_is_ended_leaves_nothing(
    tmp_path: Path, client: Any, own_image: str, number: signal.Signals, moment: str
) -> None:
    narrow = ("-k", "redirects") if moment == "stopping" else ()
    run = seen.begin(tmp_path / "run", "containers", *narrow)
    came: dict[str, Callable[[], object]] = {
        "network": lambda: client.networks.list(filters={"label": f"golive.pid={run.pid}"}),
        "containers": lambda: len(seen.of_owner(client, run.pid)) > 3,
        "looking": lambda: list((tmp_path / "run").glob("evidence/*.json")),
        "experiment": lambda: client.containers.list(
            all=True, filters={"label": f"golive.pid={run.pid}", "status": "exited"}, ignore_removed=True
        ),
        "stopping": lambda: seen.verdict(tmp_path / "run")["verdict"] != "CANNOT TELL",
    }
    seen.until(lambda: (tmp_path / "run" / "verdict.json").exists())
    seen.until(came[moment])
    run.send_signal(number)
    run.communicate(timeout=30)
    seen.nothing_is_left(client, run.pid)
    if moment != "stopping":
        assert seen.verdict(tmp_path / "run")["verdict"] == "CANNOT TELL"


def test_the_next_start_sweeps_what_killed_runs_left_and_touches_nothing_else(
    tmp_path: Path, client: Any, own_image: str
) -> None:
    run = seen.begin(tmp_path / "run", "containers", "-k", "redirects")
    seen.until(lambda: len(seen.of_owner(client, run.pid)) > 7)
    [directory] = seen.directories(run.pid)
    guard, _ = (directory / "watchdog").read_text().split()
    os.kill(int(guard), signal.SIGKILL)
    run.kill()
    run.communicate(timeout=30)
    mine = containers.labels("golive-stack-elsewhere")
    others = [
        client.containers.create(own_image, ["true"], labels=labels)
        for labels in ({}, {**mine, "golive.machine": "another", "golive.pid": "1"}, mine)
    ]
    try:
        assert seen.of_owner(client, run.pid)
        rundir.sweep()
        containers.sweep(containers.connect())
        seen.nothing_is_left(client, run.pid, within=3)
        for other in others:
            other.reload()
    finally:
        for other in others:
            other.remove(force=True)


def test_what_is_left_is_told_by_its_owner() -> None:
    mine = containers.labels("run")
    assert not containers.is_orphan(mine)
    assert containers.is_orphan({**mine, "golive.born": "another start"})
    assert containers.is_orphan({**mine, "golive.boot": "before the machine was started again"})
    assert not containers.is_orphan({**mine, "golive.born": "another start", "golive.machine": "another"})
    assert not containers.is_orphan({**containers.labels("run", keep=True), "golive.born": "another start"})
    assert not containers.is_orphan({cleaning.RUN: "run"})


def test_a_kept_stack_says_how_to_reach_and_how_to_end_it(tmp_path: Path, client: Any, own_image: str) -> None:
    process = seen.begin(tmp_path / "run", "containers", "-k", "redirects", "--keep-stack")
    output, _ = process.communicate(timeout=120)
    [directory] = seen.directories(process.pid)
    try:
        assert process.returncode == 0, output
        reach = output.partition("the stack stays: ")[2].splitlines()[0]
        page = subprocess.run(reach.split(), capture_output=True, text=True, timeout=20, check=False)
        assert "EmailAI" in page.stdout, page.stderr
        assert (directory / "variables").stat().st_mode & 0o777 == 0o600
        containers.sweep(containers.connect())
        assert len(seen.of_owner(client, process.pid)) > 7
    finally:
        end = output.partition("to end it: ")[2].splitlines()[0].split()
        subprocess.run([sys.executable, *end[1:]], cwd=seen.ROOT, timeout=60, check=True)
    seen.nothing_is_left(client, process.pid, within=3)


RYUK = """
import socket
with socket.create_server(("", 8080)) as server:
    print("ryuk Started!", flush=True)
    talking, _ = server.accept()
    while talking.recv(1024):
        talking.sendall(b"ACK\\n")
"""


def test_ryuk_is_used_where_its_image_is(tmp_path: Path, client: Any, own_image: str) -> None:
    """A stand-in that speaks as Ryuk does; without the image, as in every other test here, it is done without."""
    name = "golive-test-ryuk:1"
    build(client, name, {"Dockerfile": f'FROM {own_image}\nCOPY r.py /\nCMD ["python3", "/r.py"]\n', "r.py": RYUK})
    begun = int(time.time())
    try:
        variables = {"RYUK_CONTAINER_IMAGE": name, "TESTCONTAINERS_RYUK_DISABLED": ""}
        run = seen.begin(tmp_path / "run", "containers", "-k", "redirects", variables=variables)
        output, _ = run.communicate(timeout=120)
        assert run.returncode == 0, output
        seen.nothing_is_left(client, run.pid)
        used = client.events(since=begun, until=int(time.time()) + 1, filters={"image": name, "event": "create"})
        assert len(list(used)) == 1
        assert client.containers.list(all=True, filters={"ancestor": name}) == []
    finally:
        client.images.remove(name, force=True)


# Faults


HANDFUL = (
    "headers.no_nosniff",
    "certificate.expired",
    "health.frozen",
    "database.no_pg_trgm",
    "app.one_instance_is_down",
    "health.lies_in_an_outage",
    "lb.next_instance_is_not_tried",
    "outage.primary_is_stopped",
    "outage.replica_hangs",
)
"""Faults of every area, and of each experiment; the drill in child processes makes all that both launchers can."""
ONLY_HERE = tuple(fault.id for fault in load_faults() if fault.launcher == "containers")


@pytest.mark.parametrize("fault", [*HANDFUL, *ONLY_HERE])
def test_a_fault_is_caught_as_in_child_processes(tmp_path: Path, stack: Stack, fault: str) -> None:
    assert deviations(stack, find(fault), tmp_path / "run", "containers") == []


def ask(stack: Stack, path: str, within: float = 8.0) -> int:
    """The status of an answer of the balancer; 0 without one."""
    values = stack.variables
    context = ssl.create_default_context(cafile=values["ca"])
    host, _, port = values["web_connect"].rpartition(":")
    try:
        with (
            socket.create_connection((host, int(port)), timeout=within) as plain,
            context.wrap_socket(plain, server_hostname="emailai.test") as secure,
        ):
            connection = http.client.HTTPConnection("emailai.test")
            connection.sock = secure
            connection.request("GET", path, headers={"Connection": "close"})
            answer = connection.getresponse()
            answer.read()
            return answer.status
    except (OSError, http.client.HTTPException):
        return 0


def test_an_experiment_never_goes_through_all_variables(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """pytest changes one with each test while an experiment is made in another thread: who iterates then fails."""

    def refuse(_: object) -> Iterator[str]:
        raise AssertionError("went through the environment")

    with monkeypatch.context() as changed:
        changed.setattr(type(os.environ), "__iter__", refuse)
        stack.stop_service("redis")
        stack.start_service("redis")
        stack.kill_service("app1")
        stack.start_service("app1")


# Errors


def test_without_a_daemon_the_run_cannot_tell_and_says_what_to_do(tmp_path: Path) -> None:
    code, output = seen.gate(tmp_path / "run", "containers", variables={"DOCKER_HOST": f"unix://{tmp_path}/none.sock"})
    assert code == 10
    assert output.strip().splitlines()[-1].startswith("CANNOT TELL containers: no stack: no Docker daemon answers at")
    assert "Traceback" not in output


def test_a_socket_without_permission_is_told(tmp_path: Path) -> None:
    path = tmp_path / "docker.sock"
    tmp_path.chmod(0o755)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        path.chmod(0)
        told = unprivileged(lambda: trouble_of(lambda: containers.connect()), DOCKER_HOST=f"unix://{path}")
    assert told.startswith(f"no permission on unix://{path}: join the group of the socket")


def trouble_of(action: Callable[[], object]) -> str:
    try:
        action()
    except StackError as error:
        return str(error)
    return "no error"


def unprivileged(action: Callable[[], str], **variables: str) -> str:
    """What an action tells in a child process that is not root."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        told = "the child failed"
        try:
            os.environ.update(variables)
            if os.geteuid() == 0:
                os.setgroups([])
                os.setegid(65534)
                os.seteuid(65534)
            told = action()
        finally:
            os.write(writing, told.encode())
            os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as stream:
        return stream.read()


def test_an_image_that_is_not_to_be_had_is_told(tmp_path: Path, client: Any) -> None:
    env = environment(tmp_path, "stack: {images: {redis: 'registry.invalid/redis:7'}}")
    code, output = seen.gate(tmp_path / "run", env)
    assert code == 10
    assert (
        "no stack: the image registry.invalid/redis:7 is not on the daemon, and the registry can't be reached"
        in (output.strip().splitlines()[-1])
    )
    assert "Traceback" not in output


def test_a_failed_build_shows_its_last_lines(tmp_path: Path, client: Any) -> None:
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text(f"FROM {images.BASE}\nRUN for i in $(seq 60); do echo line $i of 60; done; exit 3\n")
    told = trouble_of(lambda: images.ensure(client, lambda _: None, dockerfile))
    assert told.startswith("the image could not be built: The command")
    assert "line 60 of 60" in told
    assert "line 30 of 60" not in told
    assert not images.present(client, images.tag(dockerfile))


def test_a_build_without_space_is_told(tmp_path: Path, client: Any) -> None:
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text(f"FROM {images.BASE}\nRUN echo filling && cat /etc/os-release >/dev/full\n")
    told = trouble_of(lambda: images.ensure(client, lambda _: None, dockerfile))
    assert told.startswith(troubles.DISK_FULL)
    assert "filling" in told


def test_a_container_that_ends_at_once_shows_its_last_lines(tmp_path: Path, client: Any, own_image: str) -> None:
    env = environment(tmp_path, f"stack: {{images: {{redis: '{images.BASE}'}}}}")
    process = seen.begin(tmp_path / "run", env)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 10, output
    assert "no stack: redis ended at once, exit code 127" in output.strip().splitlines()[-1]
    assert "redis-server: not found" in output
    assert "Traceback" not in output
    seen.nothing_is_left(client, process.pid)


def test_of_what_a_container_wrote_the_last_50_lines_are_shown(client: Any, own_image: str) -> None:
    command = ("sh", "-c", "for i in $(seq 60); do echo line $i of 60; done; exit 3")
    wanted = Wanted(launcher="containers", app=App(image=own_image, command=command))
    with leaving_nothing(client):
        told = trouble_of(lambda: start(wanted=wanted))
    assert "ended at once, exit code 3; its last lines:\nline 11 of 60\n" in told
    assert told.endswith("line 60 of 60")


@contextmanager
def leaving_nothing(client: Any) -> Iterator[None]:
    """Stacks of this process that start within this leave nothing behind it."""

    def own() -> set[str]:
        return {run for run, found in cleaning.runs(client).items() if found.get("golive.pid") == str(os.getpid())}

    before = own()
    yield
    seen.until(lambda: own() <= before, within=3)


def test_a_port_that_is_never_opened_is_told(monkeypatch: pytest.MonkeyPatch, client: Any, own_image: str) -> None:
    class Hasty(containers.Ready):
        """Waits less for the app than for all else."""

        def wait_until_ready(self, container: WaitStrategyTarget) -> None:
            if self.service.name.startswith("app"):
                self.with_startup_timeout(4)
            super().wait_until_ready(container)

    monkeypatch.setattr(containers, "Ready", Hasty)
    wanted = Wanted(launcher="containers", app=App(image=own_image, command=("sh", "-c", "echo waiting; sleep 99")))
    with leaving_nothing(client):
        told = trouble_of(lambda: start(wanted=wanted))
    assert "runs but is not ready after 4 s: nothing listens on port 3000 of its container" in told
    assert "waiting" in told


@pytest.mark.parametrize(
    ("told", "start"),
    [
        (
            "Error processing tar file(exit status 1): write /big: no space left on device",
            "the disk of the Docker daemon",
        ),
        (
            "could not find an available, non-overlapping IPv4 address pool among the defaults",
            "the Docker daemon has no",
        ),
        ("something else", "something else"),
    ],
)
def test_what_the_daemon_refuses_is_told(told: str, start: str) -> None:
    """The words are those of a daemon on a full file system, and of one without networks."""
    assert troubles.in_general(docker.errors.APIError("500", explanation=told)).startswith(start)


@pytest.mark.parametrize(
    ("told", "inside"),
    [
        ("write /big: no space left on device", "is full"),
        ("pull access denied for nobody/nothing, repository does not exist", "the registry does not give it out"),
        ("dial tcp: lookup registry.invalid: no such host", "the registry can't be reached"),
    ],
)
def test_why_an_image_is_not_to_be_had(told: str, inside: str) -> None:
    assert inside in troubles.no_image("nobody/nothing", docker.errors.APIError("500", explanation=told))


# A team's own app, and other images


APP = """
import json, os, psycopg
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        status, body = 200, {"app": "another", "key": os.environ["TEAM_KEY"]}
        if self.path == "/up":
            try:
                with psycopg.connect(os.environ["DATABASE_URL"], prepare_threshold=None, connect_timeout=2) as c:
                    body = {"orders": c.execute("SELECT count(*) FROM orders").fetchone()[0]}
            except psycopg.Error:
                status, body = 503, {}
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
    def log_message(self, *args): pass

ThreadingHTTPServer((os.environ["HOSTNAME"], int(os.environ["PORT"])), Handler).serve_forever()
"""
MIGRATE = """
import os, sys, psycopg
with psycopg.connect(os.environ["DIRECT_URL"]) as c:
    c.execute("CREATE TABLE orders (id int)"); c.execute("INSERT INTO orders VALUES (1), (2)")
print("migrated")
"""


@pytest.fixture(scope="module")
def team_image(client: Any, own_image: str) -> Iterator[str]:
    """An app that is not the reference app: other answers, its own migration command."""
    dockerfile = f'FROM {own_image}\nCOPY app.py migrate.py /team/\nUSER nobody\nCMD ["python3", "/team/app.py"]\n'
    name = "golive-test-team:1"
    build(client, name, {"Dockerfile": dockerfile, "app.py": APP, "migrate.py": MIGRATE})
    yield name
    client.images.remove(name, force=True)


def build(client: Any, name: str, files: dict[str, str]) -> None:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for path, text in files.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(text.encode())
            tar.addfile(entry, io.BytesIO(text.encode()))
    archive.seek(0)
    client.images.build(fileobj=archive, custom_context=True, tag=name, rm=True, forcerm=True)


def team(image: str, **more: Any) -> Wanted:
    """The stack of the team's image, on three instances."""
    values = {
        "image": image, "port": 4000, "instances": 3, "health": "/up",
        "environment": {"TEAM_KEY": "not-in-the-image", "DATABASE_URL": "{database_url}"}, **more,
    }  # fmt: skip
    return Wanted.model_validate({"launcher": "containers", "app": values})


def test_a_teams_own_app_runs_behind_the_guides_balancer(client: Any, team_image: str) -> None:
    wanted = team(team_image, migrations=["python3", "/team/migrate.py"])
    with leaving_nothing(client), start(wanted=wanted) as stack:
        assert {"app1_url", "app2_url", "app3_url"} <= set(stack.variables)
        assert ask(stack, "/up") == 200
        assert stack.sql("SELECT count(*) FROM orders") == [(2,)]
        stack.stop_service("primary")
        seen.until(lambda: ask(stack, "/up") in (503, 504), within=15)


def test_a_teams_own_app_is_verified_by_the_gate(tmp_path: Path, client: Any, team_image: str) -> None:
    (tmp_path / "migrations" / "20260101_init").mkdir(parents=True)
    (tmp_path / "migrations" / "20260101_init" / "migration.sql").write_text("CREATE TABLE orders (id int);")
    env = environment(
        tmp_path,
        f"stack: {{app: {{image: '{team_image}', port: 4000, instances: 3, health: /up, migrations: migrations,"
        " environment: {TEAM_KEY: not-in-the-image, DATABASE_URL: '{database_url}'}}}\n"
        "instances: {app3: {url: '${stack:app3_url}'}}\nbackups: null\nrecovery: null\nappbackups: null",
    )
    code, output = seen.gate(tmp_path / "run", env)
    assert code == 1, output
    rows = {(row["id"], row["target"]): row["outcome"] for row in seen.verdict(tmp_path / "run")["checks"]}
    assert rows["tls.tls_1_3_is_offered", "endpoints.web"] == "passed"
    assert rows["headers.nosniff_on_pages", "endpoints.web"] == "passed"
    assert rows["health.says_healthy", "endpoints.web"] == "failed"
    assert any(target == "instances.app3" for _, target in rows)
    assert "not-in-the-image" not in output


def test_a_migration_that_fails_is_told(client: Any, team_image: str) -> None:
    wanted = team(team_image, migrations=["python3", "-c", "raise SystemExit('no')"])
    with leaving_nothing(client):
        told = trouble_of(lambda: start(wanted=wanted))
    assert told.startswith("migrations failed, exit code 1: python3 -c")
    assert told.endswith("no")


def test_another_image_of_a_service_gets_the_same_configuration(client: Any, own_image: str) -> None:
    name = "golive-test-server:1"
    build(client, name, {"Dockerfile": f'FROM {own_image}\nENTRYPOINT ["/bin/false"]\nLABEL another=1\n'})
    try:
        wanted = Wanted(launcher="containers", images={"primary": name, "nginx": name})
        with start(wanted=wanted) as stack:
            running = client.containers.list(filters={"label": f"{cleaning.RUN}={stack.run_dir.name}"})
            assert sum(container.image.tags == [name] for container in running) == 2
            assert ask(stack, "/api/health") == 200
            assert stack.sql("SHOW archive_mode") == [("on",)]
    finally:
        client.images.remove(name, force=True)


def test_a_look_into_a_minimal_container_changes_nothing_in_it(client: Any) -> None:
    """No procps, no service manager, no Python: and the same files before and after."""
    from fixtures.environment.sections.hosts import Host
    from fixtures.probes import Context
    from fixtures.probes.hosts import HostEvidence, look

    container = client.containers.run(
        images.BASE,
        ["sleep", "300"],
        detach=True,
        network_mode="none",
        user="nobody",
        mem_limit="64m",
        nano_cpus=500000000,
    )
    try:
        host = Host.model_validate(
            {
                "connect": f"docker://{container.name}",
                "role": "app",
                "app": {"program": "sleep", "directory": "/usr"},
                "files": {"shadow": {"path": "/etc/shadow", "mode": "0640"}},
                "jobs": {"backup": {"command": "/opt/backup.sh", "log": "/var/log/backup.log"}},
                "expect": {"updated": True, "synchronised": True, "renewal": "certbot"},
            }
        )
        seen = look(host, Context("hosts.app", time.monotonic() + 60))
        assert isinstance(seen, HostEvidence)
        assert container.diff() is None
        assert [one["Names"] for one in [{"Names": row[-1]} for row in container.top()["Processes"]]] == ["sleep 300"]
        assert (seen.os.id, seen.system.container) == ("debian", True)
        assert (seen.resources.limit, seen.resources.quota) == (64 * 2**20, 0.5)
        assert seen.network.listeners == ()
        assert [(one.name, one.user) for one in seen.running.processes or ()] == [("sleep", "nobody")]
        assert seen.files[0].mode == "0640"
    finally:
        container.remove(force=True)


def test_what_a_service_shares_is_read_by_the_suite(stack: Stack) -> None:
    stack.sql("SELECT pg_switch_wal()")
    archive = Path(stack.variables["archive_dir"])
    seen.until(lambda: [path for path in archive.iterdir() if len(path.name) == 24], within=20)


def test_a_watchdog_is_still_there_while_the_stack_runs(stack: Stack) -> None:
    pid, born = (stack.run_dir / "watchdog").read_text().split()
    assert watchdog.birth(int(pid)) == born


def test_a_throwaway_server_is_a_container_where_no_program_is_installed(
    monkeypatch: pytest.MonkeyPatch, client: Any, own_image: str
) -> None:
    monkeypatch.setattr(programs, "postgres_of", lambda _: None)
    with leaving_nothing(client):
        with throwaway(images.POSTGRES) as server, server.connect() as connection:
            found = connection.execute("SHOW server_version_num").fetchall()
            assert int(found[0][0]) // 10000 == images.POSTGRES
        with pytest.raises(StackError, match="docker pull postgres:99"), throwaway(99):
            pass
