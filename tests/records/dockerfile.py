"""Evidence of `dockerfile` that is healthy, and what makes its checks fail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fixtures.environment.model import Target
from fixtures.environment.sections.dockerfile import Dockerfile
from fixtures.probes.dockerfile import DockerfileEvidence, read
from tests.records import NOW, Fails

TEXT = """
FROM node:24.11-alpine3.22 AS base
FROM base AS deps
RUN apk add --no-cache libc6-compat
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci
FROM base AS builder
WORKDIR /app
COPY --from=deps /app/node_modules ./node_modules
COPY . .
ENV NEXT_TELEMETRY_DISABLED=1
RUN npx prisma generate && npm run build
FROM builder AS migrator
CMD ["npx", "prisma", "migrate", "deploy"]
FROM base AS runner
WORKDIR /app
RUN apk add --no-cache libc6-compat openssl
ENV NODE_ENV=production NEXT_TELEMETRY_DISABLED=1 PORT=3000 HOSTNAME=0.0.0.0
RUN addgroup --system --gid 1001 nodejs && adduser --system --uid 1001 --ingroup nodejs nextjs
COPY --from=builder /app/public ./public
COPY --from=builder --chown=nextjs:nodejs /app/.next/standalone ./
COPY --from=builder --chown=nextjs:nodejs /app/.next/static ./.next/static
USER nextjs
EXPOSE 3000
HEALTHCHECK --interval=30s CMD ["wget", "-qO/dev/null", "http://localhost:3000/api/health"]
CMD ["node", "server.js"]
"""
DOCKERFILE_TARGET = Dockerfile(file=Path("apps/web/Dockerfile"), migrations=True)


def evidence(text: str) -> DockerfileEvidence:
    """What the probe would see of this text, all else being well."""
    return DockerfileEvidence.model_validate(
        {
            "observed_at": NOW,
            "file": "Dockerfile",
            "ignored": (".env*", ".git", "node_modules", ".next"),
            "lockfiles": ("package-lock.json",),
            "next_config": "next.config.mjs",
            "standalone": True,
            **read(text),
        }
    )


DOCKERFILE = evidence(TEXT)


def changed(old: str, new: str) -> dict[str, Any]:
    """Another text in one place."""
    assert old in TEXT
    found = evidence(TEXT.replace(old, new))
    return {name: getattr(found, name) for name in ("stages", "legacy", "literal", "arguments", "flaw")}


TARGETS: dict[type[Target], Target] = {Dockerfile: DOCKERFILE_TARGET}
FAILS: Fails = {
    "dockerfile.accounts_are_those_of_the_guide": (DOCKERFILE, changed(" --ingroup nodejs", "")),
    "dockerfile.app_is_built_in_a_stage_of_its_own": (DOCKERFILE, changed("USER nextjs", "RUN npm run build")),
    "dockerfile.app_is_where_it_is_expected": (DOCKERFILE, changed("WORKDIR /app\nRUN apk", "WORKDIR /srv\nRUN apk")),
    "dockerfile.base_is_a_supported_node": (DOCKERFILE, changed("node:24.11-alpine3.22", "node:18.20-alpine3.20")),
    "dockerfile.base_is_pinned": (DOCKERFILE, changed("node:24.11-alpine3.22", "node:24-alpine")),
    "dockerfile.build_belongs_to_the_account": (DOCKERFILE, changed(" --chown=nextjs:nodejs", "")),
    "dockerfile.dependencies_are_those_of_the_lockfile": (DOCKERFILE, changed("npm ci", "npm install")),
    "dockerfile.file_can_be_read": (DOCKERFILE, {"flaw": "can't be read: No such file or directory"}),
    "dockerfile.final_image_has_what_native_modules_want": (DOCKERFILE, changed("libc6-compat openssl", "openssl")),
    "dockerfile.health_check_has_its_program": (DOCKERFILE, changed('"wget", "-qO/dev/null"', '"curl", "-f"')),
    "dockerfile.image_does_not_run_as_root": (DOCKERFILE, changed("USER nextjs", "USER root")),
    "dockerfile.image_is_for_production": (DOCKERFILE, changed("NODE_ENV=production ", "")),
    "dockerfile.migrations_can_be_run": (DOCKERFILE, changed("AS migrator", "AS other")),
    "dockerfile.no_secret_is_an_argument": (DOCKERFILE, changed("COPY . .", "COPY . .\nARG DATABASE_URL")),
    "dockerfile.no_secret_is_in_the_file": (DOCKERFILE, changed("COPY . .", "COPY . .\nENV NEXTAUTH_SECRET=abcdefgh")),
    "dockerfile.only_build_output_gets_into_the_image": (DOCKERFILE, changed("USER nextjs", "COPY . .\nUSER nextjs")),
    "dockerfile.port_is_exposed": (DOCKERFILE, changed("EXPOSE 3000", "EXPOSE 8080")),
    "dockerfile.prisma_client_is_generated": (DOCKERFILE, changed("npx prisma generate && ", "")),
    "dockerfile.secrets_are_not_sent_to_the_builder": (DOCKERFILE, {"ignored": None}),
    "dockerfile.server_gets_its_signals": (DOCKERFILE, changed('["node", "server.js"]', "node server.js")),
    "dockerfile.server_listens_where_others_reach_it": (DOCKERFILE, changed(" HOSTNAME=0.0.0.0", "")),
    "dockerfile.standalone_build_is_asked_for": (DOCKERFILE, {"standalone": False}),
    "dockerfile.static_files_are_copied": (DOCKERFILE, changed("COPY --from=builder /app/public ./public", "")),
    "dockerfile.telemetry_is_off": (DOCKERFILE, changed("ENV NEXT_TELEMETRY_DISABLED=1\n", "")),
    "dockerfile.variables_are_written_with_an_equals_sign": (DOCKERFILE, {"legacy": (15,)}),
}
