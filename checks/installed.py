"""The app as it is installed on hosts: Next.js's standalone build."""

from __future__ import annotations

from checks._host import judge_all
from fixtures.environment.sections.hosts import Host
from fixtures.probes._host_upkeep import InsideSeen
from fixtures.probes.hosts import HostEvidence
from fixtures.vocabulary import CRITICAL, HIGH, LOW, RELEASE, CannotTell, Finding, check, expect

CREATED_BY_BUILD = ("server.js", ".next/static")


def installed(target: Host) -> bool:
    """Whether the app's directory is declared."""
    return target.app is not None and target.app.directory is not None


def inside_of(seen: HostEvidence) -> InsideSeen:
    """What is in the app's directory."""
    if seen.inside is None or not seen.inside.directory:
        raise CannotTell("the app's directory is not there, or not ours to look into", cause="permission")
    return seen.inside


@check(severity=HIGH, scope=RELEASE, guide=("image.standalone", "image.next-build"), applies=installed)
def check_app_is_a_standalone_build(seen: HostEvidence) -> None:
    """What is installed is Next.js's standalone build: its server, its static files, a build id, and no tool of a
    developer's.

    The guide copies `.next/standalone`, which `next build` makes with `output: 'standalone'` alone; its next.config
    does not say so.

    Fix: `output: 'standalone'` in next.config.

    See: `ls /app /app/.next`
    """
    found = inside_of(seen)
    wrong = [f"no {name}" for name in CREATED_BY_BUILD if name not in found.there]
    wrong += ["no .next/BUILD_ID"] if not found.build else []
    wrong += [f"{name} is there" for name in ("node_modules/typescript", "node_modules/eslint") if name in found.there]
    judge_all(wrong, "a standalone build")


@check(severity=CRITICAL, scope=RELEASE, guide=("image.multi-stage", "sec.env-not-in-code"), applies=installed)
def check_no_environment_file_is_installed(seen: HostEvidence) -> None:
    """Neither an environment file nor a repository is installed beside the app: `COPY . .` takes them along.

    Fix: `.dockerignore` with `.env*` and `.git`; change the secrets of every image that was pushed with one.

    See: `ls -a /app`
    """
    found = inside_of(seen)
    judge_all([*found.environment, *(["a repository"] if ".git" in found.there else [])], "neither")


@check(severity=LOW, scope=RELEASE, guide="image.file-ownership", applies=installed)
def check_app_cannot_be_changed_by_others(seen: HostEvidence) -> None:
    """The app's files are its account's (1001) or root's, and nobody else may write to them.

    Fix: `COPY --chown=nextjs:nodejs`.

    See: `stat -c '%u:%g %a %n' /app/server.js /app/.next/static`
    """
    found = inside_of(seen)
    account = found.account[0] if found.account else 1001
    wrong = [
        f"{name} is uid {uid}'s, mode {mode}"
        for name, (uid, _, mode) in found.there.items()
        if name in CREATED_BY_BUILD and (uid not in (0, account) or int(mode, 8) & 0o002)
    ]
    judge_all(wrong, "root's or the app's, and not writable for others")


@check(severity=LOW, scope=RELEASE, guide=("image.group-gid", "image.user-uid"), applies=installed)
def check_accounts_are_those_of_the_guide(seen: HostEvidence) -> None:
    """The account nextjs is uid 1001, the group nodejs gid 1001, and the account's own group is that one.

    The guide's `adduser` names no group, so that on Alpine the account's group is another.

    Fix: `adduser --system --uid 1001 --ingroup nodejs nextjs`.

    See: `id nextjs`
    """
    found = inside_of(seen)
    if found.account is None and found.group is None:
        raise Finding(seen="neither nextjs nor nodejs", required="both")
    uid, gid = found.account or (None, None)
    expect(uid == 1001, seen=f"nextjs is uid {uid}", required="1001")
    expect(found.group == 1001, seen=f"nodejs is gid {found.group}", required="1001")
    expect(gid == found.group, seen=f"the group of nextjs is {gid}", required="nodejs")


@check(severity=HIGH, scope=RELEASE, guide="image.prisma-generate", applies=installed)
def check_prisma_client_is_generated(seen: HostEvidence) -> None:
    """Prisma's client is there, as `prisma generate` makes it.

    Fix: `RUN npx prisma generate` before `npm run build`.

    See: `ls /app/node_modules/.prisma/client`
    """
    found = inside_of(seen)
    expect("node_modules/.prisma/client" in found.there, seen="no node_modules/.prisma/client", required="a client")


@check(severity=HIGH, scope=RELEASE, guide="image.next-build")
def check_hosts_run_one_build(hosts: tuple[HostEvidence, ...]) -> None:
    """Every host has the same build of the app.

    Fix: deploy the same release everywhere; `generateBuildId` from the commit where each host builds by itself.

    See: `cat /app/.next/BUILD_ID`
    """
    found = {one.inside.build for one in hosts if one.inside is not None and one.inside.build}
    expect(len(found) < 2, seen=f"{len(found)} different ones", required="one build")
