"""Hosts: what a look's parts are read as, what is said of silence, a look at this machine, and judgements of both."""

from __future__ import annotations

import shutil
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from checks import hosts as judged
from fixtures.environment.sections.hosts import GUIDE, Host
from fixtures.probes import Context, _host
from fixtures.probes._host import Answer, refusal, silent, split
from fixtures.probes._host_files import certificates, files, logs, rotated, scheduled
from fixtures.probes._host_network import Listener, network
from fixtures.probes._host_processes import running
from fixtures.probes._host_system import resources, space, system
from fixtures.probes._host_upkeep import inside, programs, updates, users
from fixtures.probes.hosts import SCRIPT, HostEvidence, look, read, wanted
from fixtures.vocabulary import Bug, CannotTell, Finding
from tests.records.hosts import HOST, HOST_TARGET
from tests.test_checks import judge


def answer(**parts: str) -> Answer:
    return Answer(parts, sent=1000.0, received=1002.0)


def context(seconds: float = 30.0) -> Context:
    return Context("hosts.one", time.monotonic() + seconds)


def local(**more: Any) -> Host:
    return Host.model_validate({"connect": "local://", "role": "bastion"} | more)


def here(**more: Any) -> HostEvidence:
    seen = look(local(**more), context())
    assert isinstance(seen, HostEvidence)
    return seen


# What a file may say


@pytest.mark.parametrize(
    "address",
    [
        "local://", "ssh://app1.internal", "ssh://verifier@app1.internal:2222", "ssh://verifier@[2001:db8::1]:22",
        "docker://emailai-app-1", "docker://nextjs@0123abc", "podman://app", "kubectl://app-7d9?namespace=prod&container=app",
    ],
)  # fmt: skip
def test_addresses_are_testinfras(address: str) -> None:
    assert Host.model_validate({"connect": address, "role": "app"}).connect == address


@pytest.mark.parametrize(
    "address",
    [
        "ssh://-oProxyCommand=touch@x", "ssh://a;b", "ssh://user:password@host", "docker://$(id)", "docker://a b", "ssh://",
        "kubectl://app?kubeconfig=/x", "paramiko://host", "ansible://all", "host", "ssh://host?sudo=true",
    ],
)  # fmt: skip
def test_other_addresses_are_refused(address: str) -> None:
    with pytest.raises(ValidationError, match="local://, ssh://USER@HOST:PORT"):
        Host.model_validate({"connect": address, "role": "app"})


@pytest.mark.parametrize(
    "path", ["relative", "/a b", "/a;b", "/$(id)", "/a'b", '/a"b', "/a\nb", "/*", "/a`b`", "/a|b", "/a>b"]
)
def test_paths_hold_nothing_that_a_shell_takes_for_its_own(path: str) -> None:
    with pytest.raises(ValidationError):
        local(data=[path])


@pytest.mark.parametrize(
    ("written", "read_as"), [("0600", "0600"), (600, "0600"), ("640", "0640"), (755, "0755"), (0, "0000")]
)
def test_a_mode_is_octal_however_it_is_written(written: Any, read_as: str) -> None:
    assert local(files={"x": {"path": "/x", "mode": written}}).files["x"].mode == read_as


@pytest.mark.parametrize("mode", ["0900", "rw-------", True, 6000, "7777777", -1])
def test_another_mode_is_refused(mode: Any) -> None:
    with pytest.raises(ValidationError):
        local(files={"x": {"path": "/x", "mode": mode}})


def test_a_host_of_two_roles_needs_the_most_of_both() -> None:
    host = local(role=["app", "database"])
    assert host.needs == GUIDE["database"]
    assert local(role="balancer").needs.cores is None
    assert local(role="app", expect={"needs": {}}).needs.cores is None


# Asking


def test_what_stands_before_the_first_mark_is_a_greeting() -> None:
    text = "Welcome!\nmark os\n\nx mark os\nmark os\nID=debian\nmark end\n"
    assert split(text, "mark") == {"os": "\nx mark os\nID=debian", "end": ""}


def test_only_safe_words_are_sent() -> None:
    with pytest.raises(Bug, match="no word for a host"):
        _host.ask(local(), context(), SCRIPT, [("file", "/a b")])


def test_the_look_is_plain_sh_that_a_linter_takes() -> None:
    subprocess.run(["sh", "-n", str(SCRIPT)], check=True)
    SCRIPT.read_text("ascii")
    if program := shutil.which("shellcheck"):
        subprocess.run([program, "-s", "sh", str(SCRIPT)], check=True)


@pytest.mark.parametrize(
    ("told", "cause"),
    [
        ("Error response from daemon: No such container: app", "outage"),
        ("Error: No such container: app", "outage"),
        ("Error response from daemon: Container 0123 is not running", "outage"),
        ("Error response from daemon: Container 0123 is paused, unpause the container before exec", "outage"),
        ("permission denied while trying to connect to the Docker daemon socket at "
        "unix:///var/run/docker.sock", "permission"),
        ("Got permission denied while trying to connect to the Docker daemon socket", "permission"),
        ("Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon "
        "running?", "network"),
        ('OCI runtime exec failed: exec failed: unable to start container process: exec: "/bin/sh": stat /bin/sh: no '
         "such file or directory: unknown", "program"),
        ('Error: no container with name or ID "app" found: no such container', "outage"),
        ('Error from server (NotFound): pods "app-7d9" not found', "outage"),
        ('Error from server (Forbidden): pods "app" is forbidden: User "x" cannot create "pods/exec"', "permission"),
        ("error: You must be logged in to the server (Unauthorized)", "permission"),
        ("The connection to the server localhost:8080 was refused - did you specify the right host or "
        "port?", "network"),
        ("Unable to connect to the server: dial tcp: lookup api: no such host", "network"),
    ],
)  # fmt: skip
def test_what_ways_to_containers_complain_of_has_a_cause(told: str, cause: str) -> None:
    found = refusal(told)
    assert found is not None
    assert found[0] == cause


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ("ssh: Could not resolve hostname app9: Name or service not known", "dns"),
        ("ssh: connect to host app1 port 22: Connection refused", "refused"),
        ("ssh: connect to host app1 port 22: Connection timed out", "timeout"),
        ("ssh: connect to host app1 port 22: No route to host", "unreachable"),
        ("kex_exchange_identification: Connection closed by remote host", "reset"),
        ("verifier@app1: Permission denied (publickey).", ""),
        ("Host key verification failed.", ""),
    ],
)
def test_silence_of_ssh_has_a_reason_that_controls_know(told: str, reason: str) -> None:
    assert silent(told) == reason


def test_a_container_that_is_not_there_is_told() -> None:
    host = Host.model_validate({"connect": "docker://golive-no-such-container", "role": "app"})
    with pytest.raises(CannotTell) as caught:
        look(host, context())
    assert caught.value.cause in ("outage", "network", "permission", "program")
    assert "\n" not in caught.value.message


def test_a_program_that_is_missing_here_is_called_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CannotTell, match="docker is not installed here"):
        look(Host.model_validate({"connect": "docker://app", "role": "app"}), context())


def test_a_look_that_hangs_says_where(tmp_path: Path) -> None:
    script = tmp_path / "hangs.sh"
    script.write_text('printf "%s system\\nkernel Linux\\n%s space\\n" "$1" "$1"; sleep 30\n')
    with pytest.raises(CannotTell) as caught:
        _host.ask(local(), context(1.5), script, [])
    assert (caught.value.cause, caught.value.message) == ("deadline", "its look did not end in time, at: space")


def test_a_look_that_floods_is_ended(tmp_path: Path) -> None:
    script = tmp_path / "floods.sh"
    script.write_text('printf "%s system\\n" "$1"; while :; do echo 0123456789012345678901234567890123456789; done\n')
    with pytest.raises(CannotTell, match="more than anybody wants to hear, at: system"):
        _host.ask(local(), context(60), script, [])


# A look at this machine


def test_this_machine_is_seen_without_a_service_manager_or_procps(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hunter2-hunter2\n")
    secret.chmod(0o604)
    log = tmp_path / "backup.log"
    log.write_text("dumping\nBackup successful: x\n")
    seen = here(
        files={"secret": {"path": str(secret)}, "none": {"path": str(tmp_path / "none")}},
        jobs={"backup": {"command": "/opt/backup.sh", "log": str(log)}},
        data=[str(tmp_path)],
    )
    assert (seen.files[0].mode, seen.files[1].there, seen.files[1].denied) == ("0604", False, False)
    assert (seen.resources.cores or 0) >= 1
    assert (seen.resources.memory or 0) > 2**26
    assert seen.system.skew == 0.0
    assert seen.network.listeners is not None
    assert (seen.logs[0].readable, seen.logs[0].good, seen.logs[0].bad) == (True, 1, 0)
    assert seen.logs[0].file.modified is not None
    assert abs(seen.logs[0].file.modified - datetime.now(UTC)) < timedelta(minutes=5)
    assert "hunter2" not in seen.model_dump_json()


@pytest.mark.parametrize("by", ["name", "path"])
def test_a_process_is_found_by_its_name_or_by_a_path_among_its_words(tmp_path: Path, by: str) -> None:
    file = tmp_path / "server.js"
    file.touch()
    env = {"NODE_ENV": "development", "NODE_OPTIONS": "--inspect", "PASSWORD": "hunter2-hunter2"}
    with subprocess.Popen([shutil.which("tail") or "tail", "-f", str(file)], env=env) as process:
        try:
            deadline = time.monotonic() + 20
            found: list[Any] = []
            while not found and time.monotonic() < deadline:
                seen = here(role="app", app={"program": "tail" if by == "name" else str(file)})
                found = [one for one in seen.running.processes or () if one.pid == process.pid]
        finally:
            process.kill()
    assert by == "name" or seen.running.processes == tuple(found), "and by nobody else, not even the look itself"
    assert found[0].variables == {"NODE_ENV": "development"}
    assert found[0].inspector
    assert found[0].started is not None
    assert abs(found[0].started - datetime.now(UTC)) < timedelta(minutes=2)
    assert "hunter2" not in seen.model_dump_json()


def test_what_is_no_linux_is_told() -> None:
    with pytest.raises(CannotTell, match="it runs Darwin, not Linux"):
        read(answer(system="kernel Darwin\nnow 1001", end=""), container=False)


def test_everything_that_is_declared_is_asked_for() -> None:
    words = list(wanted(HOST_TARGET))
    assert {word for word, _ in words} == {
        "file", "data", "log", "job", "unit", "watch", "tool", "program", "app", "users", "ask",
    }  # fmt: skip
    assert all(_host._SAFE.fullmatch(part) for pair in words for part in pair)


# Reading


def test_limits_of_both_kinds_of_control_groups_are_read() -> None:
    memory = "MemTotal:       8388608 kB\nMemAvailable:   4194304 kB"
    second = answer(
        cpu="8",
        memory=memory,
        cgroup="cpu.max 150000 100000\nmemory.max 1073741824\nmemory.current 900\ninactive_file 100",
    )
    first = answer(
        cpu="8",
        memory=memory,
        cgroup="cpu/cpu.cfs_quota_us 150000\ncpu/cpu.cfs_period_us 100000\nmemory/memory.limit_in_bytes 1073741824\n"
        "memory/memory.usage_in_bytes 900\ninactive_file 7\ntotal_inactive_file 100",
    )
    for seen in (resources(second), resources(first)):
        assert (seen.cores, seen.quota, seen.limit, seen.used) == (8.0, 1.5, 2**30, 800)
    free = resources(answer(cpu="2", cgroup="cpu.max max 100000\nmemory.max max"))
    assert (free.quota, free.limit) == (None, None)
    assert (
        resources(answer(cgroup="cpu/cpu.cfs_quota_us -1\nmemory/memory.limit_in_bytes 9223372036854771712")).limit
        is None
    )


def test_a_clock_is_ahead_or_behind_or_may_be_right() -> None:
    def skew(now: int) -> float | None:
        return system(answer(system=f"kernel Linux\nnow {now}"), False).skew

    assert [skew(999), skew(1000), skew(1002)] == [0.0, 0.0, 0.0]
    assert skew(1010) == 8.0
    assert skew(990) == -9.0


def test_filesystems_have_space_inodes_and_disks() -> None:
    seen = space(
        answer(
            disks="sda 1\nnvme0n1 0",
            space="/ /dev/nvme0n1p1 1000 600 300 67% /\n/data /dev/sda1 2000 100 1900 5% /data\n/none df: no such file",
            inodes="/ /dev/nvme0n1p1 100 99 1 99% /\n/data /dev/sda1 0 0 0 - /data",
        )
    )
    assert [(one.place, round(one.free, 2), one.inodes_free, one.turning) for one in seen] == [
        ("/", 0.33, 0.01, False),
        ("/data", 0.95, None, True),
    ]


def test_sockets_of_both_families_are_read() -> None:
    four = (
        "   0: 0100007F:1920 00000000:0000 0A 00000000:00000000 00:00000000 00000000   110        0 1 1 0 100 0 0 10 0"
    )
    any6 = (
        "   1: 00000000000000000000000000000000:0BB8 00000000000000000000000000000000:0000 0A "
        "00000000:00000000 00:00000000 00000000  1001 0 2 1"
    )
    mapped = any6.replace("00000000000000000000000000000000:0BB8", "0000000000000000FFFF00000100007F:2409")
    busy = four.replace(" 0A ", " 01 ")
    seen = network(
        answer(sockets="\n".join(("readable", four, any6, mapped, busy, "rubbish")), addresses="|-- 10.0.0.5")
    )
    assert seen.listeners == (
        Listener(address="::", port=3000, uid=1001),
        Listener(address="127.0.0.1", port=6432, uid=110),
        Listener(address="127.0.0.1", port=9225, uid=1001),
    )
    assert network(answer(sockets="")).listeners is None


def test_units_and_timers_are_those_of_systemd() -> None:
    seen = running(
        answer(
            processes="readable\nruns nginx",
            units="Id=nginx.service\nLoadState=loaded\nActiveState=active\nUnitFileState=enabled\nNRestarts=2\n\n"
            "Id=pgbouncer.service\nLoadState=not-found\nActiveState=inactive\nUnitFileState=\nNRestarts=0",
            timers="Thu 2026-11-26 03:12:00 UTC 9h left Wed 2026-11-25 03:12:00 UTC 14h ago certbot.timer "
            "certbot.service\n"
            "- - Wed 2026-11-25 03:12:00 UTC 14h ago backup.timer backup.service",
        )
    )
    assert [(one.name, one.loaded, one.restarts) for one in seen.units or ()] == [
        ("nginx", True, 2),
        ("pgbouncer", False, 0),
    ]
    assert [(one.name, one.scheduled) for one in seen.timers or ()] == [("certbot", True), ("backup", False)]


def test_a_file_that_may_not_be_asked_for_is_not_missing() -> None:
    seen = files(
        answer(
            files="/a 640 root postgres 12 1795000000 regular file\n/b stat: cannot statx '/b': No such "
            "file or directory\n"
            "/c stat: cannot statx '/c': Permission denied\n/d sudo: a password is required"
        )
    )
    assert [(one.there, one.denied) for one in seen] == [(True, False), (False, False), (False, True), (False, True)]
    assert (seen[0].mode, seen[0].group, seen[0].kind) == ("0640", "postgres", "regular file")


def test_crontabs_of_the_system_and_of_accounts_are_read() -> None:
    seen = scheduled(
        answer(
            cron="/etc/crontab: SHELL=/bin/sh\n/etc/cron.d/x: 0 2 * * * root /opt/scripts/backup-db.sh >> "
            "/var/log/backup.log 2>&1\n"
            "/var/spool/cron/crontabs/postgres: @daily /opt/other.sh --token=secret\ncrontab: root */5 * * "
            "* * cd /srv && /srv/x\nspool"
        )
    )
    assert seen is not None
    assert not seen.all_read
    assert [(one.account, one.when, one.paths) for one in seen.lines] == [
        ("root", "0 2 * * *", ("/opt/scripts/backup-db.sh", "/var/log/backup.log")),
        ("postgres", "@daily", ("/opt/other.sh",)),
        ("root", "*/5 * * * *", ("/srv", "/srv/x")),
    ]
    assert "secret" not in seen.model_dump_json()


def test_logs_are_counted_and_rotated() -> None:
    seen = logs(
        answer(
            logs="log /a 640 root adm 9 1795000000 regular file\ntrouble 2\ngood 1\nbad 0\nlog /b stat: no such file"
        )
    )
    assert [(one.trouble, one.good, one.readable) for one in seen] == [(2, 1, True), (0, 0, False)]
    assert rotated(answer(rotation='readable\n/var/log/a.log {\n"/var/log/b/*.log" /var/log/c {')) == (
        "/var/log/a.log", "/var/log/b/*.log", "/var/log/c",
    )  # fmt: skip
    assert rotated(answer(rotation="")) is None


def test_what_is_no_certificate_has_no_fingerprint() -> None:
    seen = certificates(
        answer(certificates="file /a\n-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----\nfile /b\n")
    )
    assert [(one.path, one.fingerprint) for one in seen] == [("/a", ""), ("/b", "")]


def test_versions_know_the_package_that_they_come_from() -> None:
    seen = programs(
        answer(
            packages="nginx 1.22.1-9+deb12u2\nredis-server 5:7.0.15-1~deb12u1\npostgresql-15 15.9-1.pgdg120+1",
            programs="nginx nginx version: nginx/1.22.1\nredis Redis server v=7.0.15 sha=0:0\nnode v24.11.1\n"
            "postgres postgres (PostgreSQL) 15.9 (Debian 15.9-1.pgdg120+1)\npgbouncer PgBouncer 1.25.2",
        )
    )
    assert {one.name: (one.version, one.package) for one in seen} == {
        "nginx": ("1.22.1", "1.22.1-9+deb12u2"),
        "redis": ("7.0.15", "5:7.0.15-1~deb12u1"),
        "node": ("24.11.1", ""),
        "postgres": ("15.9", "15.9-1.pgdg120+1"),
        "pgbouncer": ("1.25.2", ""),
    }
    assert judged.of_distribution("1.22.1-9+deb12u2")
    assert not judged.of_distribution("15.9-1.pgdg120+1")
    assert not judged.of_distribution("")


def test_updates_secrets_and_the_app_are_none_where_they_are_not_known() -> None:
    assert (updates(answer()), users(answer()), inside(answer())) == (None, None, None)
    assert users(answer(users="all \nscram \nmd5 ")) is None
    seen = updates(answer(updates="lists 1795000000\nasked\nsecurity openssl\nunattended\nperiodic"))
    assert seen is not None
    assert (seen.waiting, seen.automatic) == (("openssl",), True)
    app = inside(
        answer(
            app="directory\nbuild abc\nthere server.js 1001 1001 644\nenvironment .env\ngroup "
            "nodejs:1001\nuser nextjs:1001:65533"
        )
    )
    assert app is not None
    assert (app.build, app.there, app.account) == ("abc", {"server.js": (1001, 1001, "0644")}, (1001, 65533))


# Judging


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        ({"os": HOST.os.model_copy(update={"id": "nixos"})}, CannotTell),
        ({"os": HOST.os.model_copy(update={"version": ""})}, CannotTell),
        ({"os": HOST.os.model_copy(update={"version": "14"})}, CannotTell),
        ({"os": HOST.os.model_copy(update={"version": "9"})}, Finding),
    ],
)
def test_a_system_that_is_not_known_is_none_to_judge(change: dict[str, Any], outcome: type[Exception]) -> None:
    with pytest.raises(outcome):
        judge("hosts.operating_system_is_supported", HOST.model_copy(update=change))


@pytest.mark.parametrize(
    "name",
    [
        "services.inspector_is_off", "services.app_runs_in_production_mode", "services.app_sends_no_telemetry",
        "services.app_runs_as_its_account", "services.pooler_may_open_enough_files",
    ],
)  # fmt: skip
def test_where_no_process_is_seen_nothing_is_proven(name: str) -> None:
    seen = HOST.model_copy(update={"running": HOST.running.model_copy(update={"processes": ()})})
    with pytest.raises(CannotTell):
        judge(name, seen)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("files.files_are_not_open_to_others", {"files": ()}),
        ("files.stored_secrets_are_no_md5", {"users": None}),
        ("hosts.inner_ports_are_not_public", {"network": HOST.network.model_copy(update={"listeners": None})}),
        (
            "jobs.jobs_are_scheduled",
            {"scheduled": HOST.scheduled and HOST.scheduled.model_copy(update={"lines": (), "all_read": False})},
        ),
        ("jobs.logs_are_rotated", {"rotated": None}),
        (
            "upkeep.security_updates_are_installed",
            {"updates": HOST.updates and HOST.updates.model_copy(update={"asked": False})},
        ),
        (
            "upkeep.security_updates_are_installed",
            {
                "updates": HOST.updates
                and HOST.updates.model_copy(update={"known_at": HOST.observed_at - timedelta(days=9)})
            },
        ),
        ("installed.prisma_client_is_generated", {"inside": None}),
    ],
)
def test_what_was_not_seen_is_no_judgement(name: str, change: dict[str, Any]) -> None:
    with pytest.raises(CannotTell):
        judge(name, HOST.model_copy(update=change))


def test_an_inspector_on_loopback_is_a_tunnels_end_and_elsewhere_a_door() -> None:
    def seen(address: str) -> HostEvidence:
        more = (*(HOST.network.listeners or ()), Listener(address=address, port=9229, uid=1001))
        return HOST.model_copy(update={"network": HOST.network.model_copy(update={"listeners": more})})

    judge("services.inspector_is_off", seen("127.0.0.1"))
    with pytest.raises(Finding, match=r"0\.0\.0\.0:9229"):
        judge("services.inspector_is_off", seen("0.0.0.0"))


def test_a_wildcard_on_a_host_without_a_public_address_is_none() -> None:
    more = (*(HOST.network.listeners or ()), Listener(address="0.0.0.0", port=5432, uid=110))
    inner = HOST.network.model_copy(update={"listeners": more, "addresses": ("127.0.0.1", "172.17.0.2")})
    judge("hosts.inner_ports_are_not_public", HOST.model_copy(update={"network": inner}))
