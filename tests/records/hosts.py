"""Evidence of `hosts` that is healthy, and what makes the checks of its areas fail."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from fixtures.environment.model import Target
from fixtures.environment.sections.hosts import Host
from fixtures.probes._host_files import CertificateSeen, CronLine, FileSeen, LogSeen, ScheduledSeen
from fixtures.probes._host_network import Listener, NetworkSeen
from fixtures.probes._host_processes import ProcessSeen, RunningSeen, TimerSeen, UnitSeen
from fixtures.probes._host_system import OsSeen, ResourcesSeen, SpaceSeen, SystemSeen
from fixtures.probes._host_upkeep import (
    ClockSeen,
    InsideSeen,
    ProgramSeen,
    RenewalSeen,
    UpdatesSeen,
    UsersSeen,
)
from fixtures.probes.hosts import HostEvidence
from fixtures.probes.pgbouncer import PgBouncerEvidence
from fixtures.vocabulary import Evidence
from tests.records import NOW, Fails
from tests.records.pgbouncer import PGBOUNCER

GIB = 1024**3
SCRIPT, KEY, LOG = "/opt/scripts/backup-db.sh", "/etc/nginx/ssl/origin-key.pem", "/var/log/backup.log"
HOST_TARGET = Host.model_validate(
    {
        "connect": "ssh://verifier@app1.internal",
        "role": ["app", "database", "pooler", "balancer"],
        "services": ["pgbouncer"],
        "tools": ["aws"],
        "files": {
            "key": {"path": KEY, "owner": "root"},
            "script": {"path": SCRIPT, "mode": "0755", "executable": True},
        },
        "data": ["/var/lib/postgresql"],
        "jobs": {"backup": {"command": SCRIPT, "at": "0 2 * * *", "log": LOG}},
        "logs": ["/var/log/emailai.log"],
        "app": {"account": "nextjs", "directory": "/app"},
        "users": "/etc/pgbouncer/userlist.txt",
        "pooler": "main",
        "expect": {"updated": True, "synchronised": True, "renewal": "certbot"},
    }
)


def a_file(path: str, mode: str, **more: Any) -> FileSeen:
    """A file that is there."""
    known = {"owner": "root", "group": "root", "kind": "regular file", "modified": NOW - timedelta(hours=3)}
    return FileSeen(path=path, there=True, mode=mode, **known | more)


NODE = ProcessSeen(
    name="node",
    pid=41,
    uid=1001,
    user="nextjs",
    files=1048576,
    variables={"NODE_ENV": "production", "NEXT_TELEMETRY_DISABLED": "1"},
)
POOLER = ProcessSeen(name="pgbouncer", pid=42, uid=110, user="postgres", files=4096)
UNIT = UnitSeen(name="pgbouncer", loaded=True, active="active", enabled="enabled", restarts=0)
PLACE = SpaceSeen(
    place="/var/lib/postgresql", device="/dev/sdb", size=200 * GIB, free=0.5, inodes_free=0.9, turning=False
)
BACKUP = CronLine(file="/etc/cron.d/backup", when="0 2 * * *", account="postgres", paths=(SCRIPT, LOG))
BACKUP_LOG = LogSeen(file=a_file(LOG, "0640"), readable=True, good=1)
APP_LOG = LogSeen(file=a_file("/var/log/emailai.log", "0640"), readable=True)
RUNNING = RunningSeen(
    processes=(NODE, POOLER),
    services=("cron", "pgbouncer"),
    units=(UNIT,),
    timers=(TimerSeen(name="certbot", starts="certbot.service", scheduled=True),),
)
LISTENING = (
    Listener(address="127.0.0.1", port=6432, uid=110),
    Listener(address="10.0.0.5", port=3000, uid=1001),
    Listener(address="0.0.0.0", port=443, uid=0),
)
NETWORK = NetworkSeen(listeners=LISTENING, addresses=("127.0.0.1", "10.0.0.5", "8.8.8.8"))
INSIDE = InsideSeen(
    directory=True,
    build="kT9vQ2mXc4Lr7Zp1WsB8d",
    there={
        "server.js": (1001, 1001, "0644"),
        ".next/static": (1001, 1001, "0755"),
        "node_modules/.prisma/client": (1001, 1001, "0755"),
    },
    group=1001,
    account=(1001, 1001),
)
HOST = HostEvidence(
    observed_at=NOW,
    system=SystemSeen(kernel="Linux", uid=1000, skew=0.0, zone="UTC", up=1e6, service_manager=True),
    os=OsSeen(id="debian", version="13", name="Debian GNU/Linux 13 (trixie)"),
    resources=ResourcesSeen(cores=8, memory=32 * GIB, available=20 * GIB),
    space=(PLACE.model_copy(update={"place": "/", "device": "/dev/sda1"}), PLACE),
    network=NETWORK,
    running=RUNNING,
    files=(a_file(KEY, "0600"), a_file(SCRIPT, "0755")),
    certificates=(CertificateSeen(path="/etc/nginx/ssl/origin-cert.pem", fingerprint="ab" * 32),),
    logs=(APP_LOG, BACKUP_LOG),
    scheduled=ScheduledSeen(lines=(BACKUP,), all_read=True),
    rotated=("/var/log/*.log",),
    programs=(
        ProgramSeen(name="node", version="24.11.1"),
        ProgramSeen(name="nginx", version="1.26.3", package="1.26.3-3+deb13u1"),
        ProgramSeen(name="postgres", version="17.6", package="17.6-1.pgdg13+1"),
        ProgramSeen(name="pgbouncer", version="1.25.2", package="1.25.2-1.pgdg13+1"),
    ),
    tools=("aws",),
    updates=UpdatesSeen(asked=True, known_at=NOW - timedelta(hours=5), automatic=True),
    clock=ClockSeen(kept=True, right=True),
    renewal=RenewalSeen(installed=True, certificates=("yourdomain.com",), reloads=True),
    users=UsersSeen(total=2, scram=1, md5=0),
    inside=INSIDE,
)


def resources(**change: Any) -> dict[str, Any]:
    """Other resources."""
    return {"resources": HOST.resources.model_copy(update=change)}


def place(**change: Any) -> dict[str, Any]:
    """Another filesystem of the data."""
    return {"space": (HOST.space[0], PLACE.model_copy(update=change))}


def program(name: str, version: str, package: str = "") -> dict[str, Any]:
    """Another version of a program."""
    others = tuple(one for one in HOST.programs if one.name != name)
    return {"programs": (ProgramSeen(name=name, version=version, package=package), *others)}


def running(**change: Any) -> dict[str, Any]:
    """Something else that runs."""
    return {"running": RUNNING.model_copy(update=change)}


def node(**change: Any) -> dict[str, Any]:
    """Another process of the app."""
    return running(processes=(NODE.model_copy(update=change), POOLER))


def listening(*more: Listener) -> dict[str, Any]:
    """More that listens."""
    return {"network": NETWORK.model_copy(update={"listeners": (*LISTENING, *more)})}


def inside(**change: Any) -> dict[str, Any]:
    """Something else in the app's directory."""
    return {"inside": INSIDE.model_copy(update=change)}


def log(**change: Any) -> dict[str, Any]:
    """Another log of the job."""
    return {"logs": (APP_LOG, BACKUP_LOG.model_copy(update=change))}


TARGETS: dict[type[Target], Target] = {Host: HOST_TARGET}
BESIDE: dict[type[Evidence], Evidence] = {PgBouncerEvidence: PGBOUNCER}
FAILS: Fails = {
    "files.declared_files_are_there": (HOST, {"files": (a_file(KEY, "0600"), FileSeen(path=SCRIPT, there=False))}),
    "files.files_belong_to_their_owners": (
        HOST,
        {"files": (a_file(KEY, "0600", owner="www-data"), a_file(SCRIPT, "0755"))},
    ),
    "files.stored_secrets_are_no_md5": (HOST, {"users": UsersSeen(total=2, scram=1, md5=1)}),
    "hosts.clock_is_right": (HOST, {"system": HOST.system.model_copy(update={"skew": -90.0})}),
    "hosts.cores_are_enough": (HOST, resources(quota=1.0)),
    "hosts.data_is_on_an_ssd": (HOST, place(turning=True)),
    "hosts.disk_is_large_enough": (HOST, place(size=50 * GIB)),
    "hosts.inner_ports_are_not_public": (HOST, listening(Listener(address="::", port=5432, uid=110))),
    "hosts.memory_is_as_recommended": (HOST, resources(memory=12 * GIB)),
    "hosts.memory_is_enough": (HOST, resources(limit=2 * GIB)),
    "hosts.memory_is_left": (HOST, resources(limit=32 * GIB, used=31 * GIB)),
    "hosts.node_is_supported": (HOST, program("node", "20.19.5")),
    "hosts.operating_system_is_supported": (HOST, {"os": OsSeen(id="ubuntu", version="20.04", name="Ubuntu 20.04")}),
    "hosts.servers_are_supported": (HOST, program("nginx", "1.26.3", "1.26.3-1~bookworm")),
    "hosts.space_is_left": (HOST, place(inodes_free=0.01)),
    "installed.accounts_are_those_of_the_guide": (HOST, inside(account=(1001, 65533))),
    "installed.app_cannot_be_changed_by_others": (
        HOST,
        inside(there={**INSIDE.there, "server.js": (1001, 1001, "0666")}),
    ),
    "installed.app_is_a_standalone_build": (
        HOST,
        inside(there={**INSIDE.there, "node_modules/typescript": (0, 0, "0755")}),
    ),
    "installed.hosts_run_one_build": (HOST, inside(build="another")),
    "installed.no_environment_file_is_installed": (HOST, inside(environment=(".env.production",))),
    "installed.prisma_client_is_generated": (
        HOST,
        inside(there={name: found for name, found in INSIDE.there.items() if "prisma" not in name}),
    ),
    "jobs.cron_runs": (HOST, running(services=("pgbouncer",))),
    "jobs.job_logs_are_private": (HOST, log(file=a_file(LOG, "0644"))),
    "jobs.jobs_are_scheduled": (
        HOST,
        {"scheduled": ScheduledSeen(lines=(BACKUP.model_copy(update={"when": "0 3 * * *"}),), all_read=True)},
    ),
    "jobs.jobs_last_succeeded": (HOST, log(good=0)),
    "jobs.jobs_left_a_fresh_log": (HOST, log(file=a_file(LOG, "0640", modified=NOW - timedelta(hours=30)))),
    "jobs.logs_are_rotated": (HOST, {"rotated": ("/var/log/nginx/*.log",)}),
    "jobs.logs_tell_of_no_trouble": (HOST, {"logs": (APP_LOG.model_copy(update={"trouble": 3}), BACKUP_LOG)}),
    "services.app_has_its_port": (HOST, listening(Listener(address="127.0.0.1", port=3000, uid=33))),
    "services.app_runs_as_its_account": (HOST, node(user="root", uid=0)),
    "services.declared_services_run": (HOST, running(units=(UNIT.model_copy(update={"active": "failed"}),))),
    "services.pooler_may_open_enough_files": (
        HOST,
        running(processes=(NODE, POOLER.model_copy(update={"files": 1024}))),
    ),
    "services.services_do_not_restart": (HOST, running(units=(UNIT.model_copy(update={"restarts": 4}),))),
    "services.services_start_with_the_machine": (
        HOST,
        running(units=(UNIT.model_copy(update={"enabled": "disabled"}),)),
    ),
    "upkeep.certbot_is_installed": (
        HOST,
        {"renewal": RenewalSeen(installed=True)} | {"system": HOST.system.model_copy(update={"uid": 0})},
    ),
    "upkeep.no_restart_is_due": (HOST, {"system": HOST.system.model_copy(update={"restart_pending": True})}),
    "upkeep.renewal_is_scheduled": (HOST, running(timers=())),
    "upkeep.renewal_reaches_the_server": (
        HOST,
        {"renewal": RenewalSeen(installed=True, certificates=("yourdomain.com",))},
    ),
    "upkeep.security_updates_are_automatic": (
        HOST,
        {"updates": UpdatesSeen(asked=True, known_at=NOW, automatic=False)},
    ),
    "upkeep.security_updates_are_installed": (
        HOST,
        {"updates": UpdatesSeen(asked=True, known_at=NOW, automatic=True, waiting=("openssl", "libssl3"))},
    ),
    "upkeep.time_is_synchronised": (HOST, {"clock": ClockSeen(kept=True, right=False)}),
    "upkeep.tools_are_installed": (HOST, {"tools": ()}),
}
