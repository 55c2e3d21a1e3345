"""The Dockerfile as it is written: what the image is made from, what gets into it, as whom and how it runs."""

from __future__ import annotations

import re
from itertools import pairwise

from checks._host import judge_all
from checks._support import NODE, supported
from fixtures.environment.sections.dockerfile import Dockerfile
from fixtures.probes.dockerfile import Copied, DockerfileEvidence, Stage
from fixtures.vocabulary import ADVISORY, CRITICAL, ESTATE, HIGH, LOW, MEDIUM, RELEASE, CannotTell, check, expect

LOCKED = (
    ("npm", "ci"),
    ("yarn", "--immutable"),
    ("yarn", "--frozen-lockfile"),
    ("pnpm", "--frozen-lockfile"),
    ("bun", "--frozen-lockfile"),
)
ROOT = ("", "root", "0")
DEVELOPERS = (".env", ".env.production", ".git", "node_modules")
FETCHERS = ("curl", "wget")


def usable(seen: DockerfileEvidence) -> None:
    """Only a file with a stage is judged."""
    if seen.flaw or not seen.stages:
        raise CannotTell("there is no Dockerfile that could be read", cause="program")


def last(seen: DockerfileEvidence) -> Stage:
    """The stage that is the image."""
    usable(seen)
    return seen.stages[-1]


def runs(stages: tuple[Stage, ...] | list[Stage], *words: str) -> bool:
    """Whether one of these stages runs a command that has all of these words."""
    return any(set(words) <= set(command) for stage in stages for command in stage.own)


def node_tag(stage: Stage) -> str:
    """The tag of an image of Node's."""
    name, _, tag = stage.image.partition("@")[0].rpartition("/")[2].partition(":")
    if not name.startswith("node"):
        raise CannotTell(f"{stage.image or 'the base'} is no image of Node's", cause="program")
    return tag


def is_alpine(stage: Stage) -> bool:
    """Whether the image is Alpine's, as far as its name tells."""
    return "alpine" in stage.image


def packages(stage: Stage) -> set[str]:
    """The packages that Alpine's or Debian's manager is told to add."""
    return {
        word
        for command in stage.commands
        if {"apk", "apt-get", "apt"} & set(command[:1]) and {"add", "install"} & set(command)
        for word in command[1:]
        if not word.startswith("-")
    }


def copies(stage: Stage, source: str) -> list[Copied]:
    """What is copied from another stage whose source ends so."""
    return [one for one in stage.copied if one.stage and any(each.rstrip("/").endswith(source) for each in one.sources)]


@check(severity=HIGH, scope=RELEASE, guide="image.multi-stage")
def check_file_can_be_read(seen: DockerfileEvidence) -> None:
    """The Dockerfile is there, and begins from an image.

    Fix: correct `file` in the environment, or the file.
    """
    expect(not seen.flaw and bool(seen.stages), seen=seen.flaw or "no stage", required="a Dockerfile")


@check(severity=HIGH, scope=ESTATE, guide=("image.base", "node.version"))
def check_base_is_a_supported_node(seen: DockerfileEvidence) -> None:
    """The image is made from a line of Node.js with long-term support that still gets fixes.

    The guide's node:18-alpine ended in April 2025.

    Fix: `FROM node:24.11-alpine3.22`.
    """
    tag = node_tag(last(seen))
    major = re.match(r"\d+", tag)
    if major is None:
        raise CannotTell(f"node:{tag or 'latest'} names no version", cause="program")
    expect(int(major[0]) % 2 == 0, seen=f"node:{tag}, no LTS line", required="an even version")
    supported("Node.js", major[0], NODE, seen.observed_at.date())


@check(severity=MEDIUM, scope=ESTATE, guide="image.base")
def check_base_is_pinned(seen: DockerfileEvidence) -> None:
    """Every image that stages begin with is pinned by a digest, or by two parts of a version at least.

    The guide's node:18-alpine is another image after each release.

    Fix: `node:24.11-alpine3.22`, or `@sha256:…`, and something that renews it (Dependabot, Renovate).
    """
    usable(seen)
    floating = {
        one.image for one in seen.stages if "@sha256:" not in one.image and not re.search(r":\d+\.\d+", one.image)
    }
    judge_all(sorted(floating - {"scratch"}), "a digest, or a tag such as 24.11-alpine3.22")


@check(severity=LOW, scope=RELEASE, guide="image.libc6-compat")
def check_final_image_has_what_native_modules_want(seen: DockerfileEvidence) -> None:
    """On Alpine, libc6-compat is in the image that runs, and not only in the stage that installs.

    The guide adds it to the stage `deps` alone.

    Fix: `RUN apk add --no-cache libc6-compat openssl` in the runner stage; or an image of Debian's (`-slim`).
    """
    image = last(seen)
    if is_alpine(image):
        there = {"libc6-compat", "gcompat"} & packages(image)
        expect(bool(there), seen="not in the final stage", required="libc6-compat")


@check(severity=LOW, scope=ESTATE, guide="image.workdir")
def check_app_is_where_it_is_expected(seen: DockerfileEvidence, target: Dockerfile) -> None:
    """The image's working directory is the declared one (guide: /app).

    Fix: `WORKDIR /app` in the final stage.
    """
    found = last(seen).workdir
    expect(found == target.expect.workdir, seen=found or "none", required=target.expect.workdir)


@check(severity=MEDIUM, scope=RELEASE, guide="image.npm-ci")
def check_dependencies_are_those_of_the_lockfile(seen: DockerfileEvidence) -> None:
    """Dependencies are installed exactly as the lockfile says, and it is in the directory that the builder gets.

    In a monorepo it stands at the root, outside of the guide's context ./apps/web.

    Fix: `npm ci`; `context: .` with `dockerfile: apps/web/Dockerfile` where the lockfile is at the root.
    """
    usable(seen)
    every = list(seen.stages)
    locked = [words for words in LOCKED if runs(every, *words)]
    loose = any(
        command[:2] in (("npm", "install"), ("npm", "i")) and "-g" not in command
        for one in every
        for command in one.own
    )
    expect(bool(locked) and not loose, seen="npm install" if loose else "no `npm ci`", required="npm ci, or its like")
    expect(bool(seen.lockfiles), seen="no lockfile in the builder's context", required="package-lock.json, or its like")


@check(severity=LOW, scope=RELEASE, guide="image.telemetry-disabled")
def check_telemetry_is_off(seen: DockerfileEvidence) -> None:
    """NEXT_TELEMETRY_DISABLED is 1 where the app is built and where it runs.

    Fix: `ENV NEXT_TELEMETRY_DISABLED=1` in both stages.
    """
    usable(seen)
    building = [one for one in seen.stages if builds(one)]
    judged = list(
        dict.fromkeys((*(one.name or str(one.line) for one in building), last(seen).name or str(last(seen).line)))
    )
    found = [
        name
        for name in judged
        for one in seen.stages
        if name in (one.name, str(one.line)) and one.variables.get("NEXT_TELEMETRY_DISABLED") != "1"
    ]
    judge_all((f"stage {name}" for name in found), "NEXT_TELEMETRY_DISABLED=1")


@check(severity=ADVISORY, scope=ESTATE, guide="image.telemetry-disabled")
def check_variables_are_written_with_an_equals_sign(seen: DockerfileEvidence) -> None:
    """Variables are written `ENV NAME=value`: the form without the sign is a legacy one, of which builds warn.

    Fix: `ENV NODE_ENV=production`.
    """
    usable(seen)
    judge_all((f"line {line}" for line in seen.legacy), "ENV NAME=value")


def builds(stage: Stage) -> bool:
    """Whether a stage builds the app."""
    return any(
        ("run" in command and "build" in command) or ("next" in command and "build" in command) for command in stage.own
    )


@check(severity=HIGH, scope=RELEASE, guide="image.prisma-generate")
def check_prisma_client_is_generated(seen: DockerfileEvidence) -> None:
    """Prisma's client is generated before the app is built.

    Fix: `RUN npx prisma generate` before `RUN npm run build`.
    """
    usable(seen)
    order = [
        "generate" if {"prisma", "generate"} <= set(command) else "build"
        for one in seen.stages
        for command in one.own
        if {"prisma", "generate"} <= set(command)
        or {"run", "build"} <= set(command)
        or {"next", "build"} <= set(command)
    ]
    expect("generate" in order, seen="no `prisma generate`", required="one before the build")
    expect(order[0] == "generate", seen="the build comes before it", required="one before the build")


@check(severity=HIGH, scope=RELEASE, guide="image.next-build")
def check_app_is_built_in_a_stage_of_its_own(seen: DockerfileEvidence) -> None:
    """The app is built in a stage that is not the image.

    Fix: `RUN npm run build` in a stage `builder`.
    """
    usable(seen)
    building = [one for one in seen.stages if builds(one)]
    expect(bool(building), seen="no stage builds the app", required="a stage that runs `npm run build`")
    expect(not builds(last(seen)), seen="the final stage builds it", required="a stage before it")


@check(severity=HIGH, scope=RELEASE, guide="image.node-env")
def check_image_is_for_production(seen: DockerfileEvidence) -> None:
    """NODE_ENV is production in the image: compose passes none, and Next.js takes none from .env files.

    Fix: `ENV NODE_ENV=production` in the final stage.
    """
    found = last(seen).variables.get("NODE_ENV", "not set")
    expect(found == "production", seen=found, required="production")


@check(severity=HIGH, scope=RELEASE, guide=("image.runs-as-nextjs", "image.user-uid"))
def check_image_does_not_run_as_root(seen: DockerfileEvidence) -> None:
    """The image runs as an account of its own.

    Fix: `USER nextjs`, after everything that root must do.
    """
    found = last(seen).user.partition(":")[0]
    expect(found not in ROOT, seen=found or "no USER", required="an account")


def numbers(stage: Stage, program: str, *options: str) -> list[str]:
    """The values of an option of a program that makes accounts or groups."""
    found = []
    for command in stage.commands:
        if command[:1] and command[0] in (program, program.replace("add", "") + "add"):
            found += [after for word, after in pairwise(command) if word in options]
    return found


@check(severity=LOW, scope=ESTATE, guide=("image.group-gid", "image.user-uid"))
def check_accounts_are_those_of_the_guide(seen: DockerfileEvidence, target: Dockerfile) -> None:
    """The account and its group have the declared number (1001), and the account is in that group.

    The guide's `adduser` names no group: on Alpine it then gets one of its own, or `nogroup`.

    Fix: `RUN addgroup --system --gid 1001 nodejs && adduser --system --uid 1001 --ingroup nodejs nextjs`.
    """
    image, wanted = last(seen), str(target.expect.account)
    made = [command for command in image.commands if command[:1] and command[0] in ("adduser", "useradd")]
    expect(bool(made), seen="no account is made", required="one")
    uids = [*numbers(image, "adduser", "--uid", "-u"), *numbers(image, "useradd", "--uid", "-u")]
    gids = [*numbers(image, "addgroup", "--gid", "-g"), *numbers(image, "groupadd", "--gid", "-g")]
    expect(wanted in uids, seen=f"uid {', '.join(uids) or 'of the system'}", required=wanted)
    expect(wanted in gids, seen=f"gid {', '.join(gids) or 'of the system'}", required=wanted)
    member = {"-G", "--ingroup", "-g", "--gid", "--group"}
    expect(any(member & set(command) for command in made), seen="the account is put into no group", required="a group")


@check(severity=HIGH, scope=RELEASE, guide="image.standalone")
def check_standalone_build_is_asked_for(seen: DockerfileEvidence) -> None:
    """What the image copies is what Next.js makes: `.next/standalone`, with `output: 'standalone'` in its config.

    The guide copies it, and its next.config does not ask for it: the COPY fails.

    Fix: `output: 'standalone'` in next.config.
    """
    expect(bool(copies(last(seen), ".next/standalone")), seen="no COPY of .next/standalone", required="one")
    if seen.standalone is None:
        raise CannotTell("there is no next.config beside it: name it under `next_config`", cause="program")
    expect(seen.standalone, seen=f"{seen.next_config} without output: 'standalone'", required="output: 'standalone'")


@check(severity=MEDIUM, scope=RELEASE, guide=("image.static-assets", "image.public-assets"))
def check_static_files_are_copied(seen: DockerfileEvidence) -> None:
    """The image has public/ and .next/static, which the standalone build leaves out.

    Fix: `COPY --from=builder /app/.next/static ./.next/static`, `COPY --from=builder /app/public ./public`.
    """
    image = last(seen)
    judge_all((f"no COPY of {name}" for name in (".next/static", "public") if not copies(image, name)), "both")


@check(severity=LOW, scope=ESTATE, guide="image.file-ownership")
def check_build_belongs_to_the_account(seen: DockerfileEvidence) -> None:
    """The standalone build and its static files are copied as the account's, for the cache that it writes there.

    Fix: `COPY --from=builder --chown=nextjs:nodejs /app/.next/standalone ./`.
    """
    image = last(seen)
    found = [one for name in (".next/standalone", ".next/static") for one in copies(image, name)]
    judge_all((f"line {one.line}: no --chown" for one in found if not one.owner), "--chown")


@check(severity=LOW, scope=ESTATE, guide="image.expose-3000")
def check_port_is_exposed(seen: DockerfileEvidence, target: Dockerfile) -> None:
    """The image says which port it listens on.

    Fix: `EXPOSE 3000`.
    """
    found = [one.partition("/")[0] for one in last(seen).exposed]
    expect(str(target.expect.port) in found, seen=", ".join(found) or "none", required=str(target.expect.port))


@check(severity=HIGH, scope=RELEASE, guide="image.port-3000")
def check_server_listens_where_others_reach_it(seen: DockerfileEvidence, target: Dockerfile) -> None:
    """The server listens on the declared port, on every address of its container.

    The standalone server binds to HOSTNAME, which Docker sets to the container's id: a health check of localhost may
    then meet nobody. The guide sets PORT alone.

    Fix: `ENV PORT=3000 HOSTNAME=0.0.0.0`.
    """
    found = last(seen).variables
    port = found.get("PORT", "not set")
    expect(port in (str(target.expect.port), "not set"), seen=f"PORT {port}", required=str(target.expect.port))
    expect(found.get("HOSTNAME") in ("0.0.0.0", "::"), seen="no HOSTNAME", required="HOSTNAME=0.0.0.0")  # noqa: S104


@check(severity=MEDIUM, scope=RELEASE, guide="image.cmd")
def check_server_gets_its_signals(seen: DockerfileEvidence) -> None:
    """The image runs `node server.js` itself, not through a shell or npm, which keep SIGTERM to themselves.

    Fix: `CMD ["node", "server.js"]`.
    """
    image = last(seen)
    expect(bool(image.command), seen="no CMD", required='CMD ["node", "server.js"]')
    shown = " ".join(image.command)
    expect(not image.shell_form, seen=f"a shell runs {shown}", required='CMD ["node", "server.js"]')
    expect(image.command[0] not in ("npm", "yarn", "pnpm", "npx"), seen=shown, required='CMD ["node", "server.js"]')


@check(severity=MEDIUM, scope=RELEASE, guide="image.multi-stage")
def check_only_build_output_gets_into_the_image(seen: DockerfileEvidence) -> None:
    """There are several stages, and the final one copies from them alone.

    Fix: stages deps, builder and runner; no `COPY . .` in the last.
    """
    image = last(seen)
    expect(len(seen.stages) > 1, seen="one stage", required="several")
    judge_all(
        (f"line {one.line}: COPY {' '.join(one.sources)}" for one in image.copied if not one.stage), "COPY --from"
    )


@check(severity=HIGH, scope=RELEASE, guide=("image.multi-stage", "sec.env-not-in-code"))
def check_secrets_are_not_sent_to_the_builder(seen: DockerfileEvidence) -> None:
    """.dockerignore leaves environment files, the repository and node_modules out: `COPY . .` takes all that is sent.

    The guide has no such file.

    Fix: `.dockerignore` with `.env*`, `.git`, `node_modules`, `.next`.
    """
    usable(seen)
    expect(seen.ignored is not None, seen="no .dockerignore", required=".env*, .git and node_modules in it")
    expect(not seen.sent, seen=f"{', '.join(seen.sent)} would be sent", required="left out")
    left_out = [pattern.strip("/").removeprefix("**/") for pattern in seen.ignored or ()]
    lacking = [
        name
        for name in DEVELOPERS
        if not any(re.fullmatch(re.escape(one).replace(r"\*", ".*"), name) for one in left_out)
    ]
    expect(not lacking, seen=f"nothing about {', '.join(lacking)}", required=".env*, .git and node_modules in it")


@check(severity=CRITICAL, scope=RELEASE, guide=("sec.env-not-in-code", "sec.oauth-secrets"))
def check_no_secret_is_in_the_file(seen: DockerfileEvidence) -> None:
    """No secret stands in the file: whoever has the image reads it in its history.

    Fix: `RUN --mount=type=secret,id=NAME`, and change the one that was written down.
    """
    usable(seen)
    judge_all(seen.literal, "none")


@check(severity=MEDIUM, scope=RELEASE, guide="sec.env-not-in-code")
def check_no_secret_is_an_argument(seen: DockerfileEvidence) -> None:
    """No secret is an argument of the build: `docker history` shows its value.

    Fix: `RUN --mount=type=secret,id=NAME`.
    """
    usable(seen)
    found = [
        name for name in seen.arguments if re.search(r"(PASSWORD|SECRET|TOKEN|PRIVATE_KEY|DATABASE_URL)(_|$)", name)
    ]
    judge_all(found, "none")


@check(severity=HIGH, scope=RELEASE, guide="image.base")
def check_health_check_has_its_program(seen: DockerfileEvidence) -> None:
    """A health check calls a program that the image has: Node's images on Alpine and `-slim` have no curl.

    Fix: `HEALTHCHECK CMD ["wget", "-qO/dev/null", "http://localhost:3000/api/health"]` on Alpine.
    """
    image = last(seen)
    program = next((word for word in image.health if word in FETCHERS), "")
    lacks = program == "curl" or (program == "wget" and not is_alpine(image))
    bare = is_alpine(image) or "slim" in image.image
    expect(not (lacks and bare and program not in packages(image)), seen=f"no {program} in it", required=f"{program}")


@check(
    severity=HIGH, scope=RELEASE, guide="compose.migrate-exec", applies=lambda target: target.migrations
)  # fmt: skip
def check_migrations_can_be_run(seen: DockerfileEvidence) -> None:
    """The image that migrates has Prisma's program and the migrations of its release.

    The guide's runner has neither: `npx prisma migrate deploy` fetches today's version of it, and finds no schema.

    Fix: a stage of its own (`FROM builder AS migrator`), or `COPY --from=builder /app/prisma ./prisma` and Prisma.
    """
    image = last(seen)
    has_schema = bool(copies(image, "prisma")) and not all(
        source.endswith(".prisma") for one in copies(image, "prisma") for source in one.sources
    )
    names = {one.name for one in seen.stages}
    apart = any("migrat" in name for name in names)
    expect(has_schema or apart, seen="neither prisma/ nor a stage for migrations", required="one of them")
