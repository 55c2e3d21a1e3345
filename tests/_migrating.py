"""A PostgreSQL for a test's own databases, and histories of migrations as Prisma writes them."""

from __future__ import annotations

import hashlib
import re
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from fixtures.environment.secrets import Secret
from fixtures.environment.sections.migrations import Migrations
from fixtures.environment.sections.postgres import Postgres, PostgresExpectations
from fixtures.probes import Context, drift, migrations
from fixtures.probes.drift import DriftEvidence
from fixtures.probes.migrations import MigrationsEvidence
from fixtures.stack.throwaway import Server

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
TABLE = """
CREATE TABLE _prisma_migrations (
  id VARCHAR(36) PRIMARY KEY NOT NULL, checksum VARCHAR(64) NOT NULL, finished_at TIMESTAMPTZ,
  migration_name VARCHAR(255) NOT NULL, logs TEXT, rolled_back_at TIMESTAMPTZ,
  started_at TIMESTAMPTZ NOT NULL DEFAULT now(), applied_steps_count INTEGER NOT NULL DEFAULT 0)
"""
GRANT = (
    "GRANT SELECT (id, migration_name, checksum, started_at, finished_at, rolled_back_at, applied_steps_count)"
    " ON _prisma_migrations TO verifier"
)


@dataclass(frozen=True)
class Live:
    """A database and the directory of the migrations that made it."""

    server: Server
    database: str
    directory: Path
    app_role: str = "app"

    def connect(self, user: str = "") -> psycopg.Connection[Any]:
        """A connection of the superuser, or of a role."""
        return self.server.connect(self.database, user) if user else self.server.connect(self.database)

    def sql(self, *statements: str) -> list[tuple[Any, ...]]:
        """Run statements as the superuser; the rows of the last one."""
        with self.connect() as connection:
            for statement in statements:
                cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def postgres(self, role: str = "verifier", **more: Any) -> Postgres:
        """The declaration of this database."""
        at, password = self.server.host, self.server.password
        url = f"postgresql://{role}:{password}@/{self.database}?host={at}&port={self.server.port}"
        return Postgres(
            url=Secret(url), app_role=self.app_role, expect=PostgresExpectations(extensions=("pg_trgm",)), **more
        )

    def target(self, **more: Any) -> Migrations:
        """The declaration of its migrations."""
        return Migrations.model_validate({"database": "primary", "source": str(self.directory), **more})

    def context(self, seconds: float = 60.0, **servers: Postgres) -> Context:
        """What a probe is given."""
        known = servers or {"primary": self.postgres()}
        targets = {f"postgres.{name}": server for name, server in known.items()}
        return Context("migrations.app", time.monotonic() + seconds, targets=targets)

    def history(self, **more: Any) -> MigrationsEvidence:
        """What the probe of migrations sees."""
        seen = migrations.look(self.target(**more), self.context())
        assert isinstance(seen, MigrationsEvidence)
        return seen

    def drift(self, **more: Any) -> DriftEvidence:
        """What the probe of drift sees."""
        seen = drift.look(self.target(**more), self.context())
        assert isinstance(seen, DriftEvidence)
        return seen


def write(directory: Path, scripts: Mapping[str, str]) -> Path:
    """A directory of migrations."""
    for name, text in scripts.items():
        (directory / name).mkdir(parents=True, exist_ok=True)
        (directory / name / "migration.sql").write_text(text, "utf-8", newline="")
    return directory


def deploy(connection: psycopg.Connection[Any], scripts: Mapping[str, str]) -> None:
    """Apply scripts as `migrate deploy` does: each whole, by the simple protocol, and note them."""
    for number, (name, text) in enumerate(sorted(scripts.items())):
        for part in apart(text):
            connection.execute(part.encode())
        connection.execute("DISCARD ALL")  # each in a deploy of its own
        moment = BEGAN + timedelta(minutes=number)
        connection.execute(
            "INSERT INTO _prisma_migrations (id, checksum, migration_name, started_at, finished_at,"
            " applied_steps_count) VALUES (%s, %s, %s, %s, %s, 1)",
            (str(uuid.uuid4()), hashlib.sha256(text.encode()).hexdigest(), name, moment, moment + timedelta(seconds=1)),
        )


def apart(text: str) -> list[str]:
    """A script, parted where its author says so: what can't run in a transaction was applied by hand."""
    return re.split(r"^-- by hand\n", text, flags=re.MULTILINE)


@contextmanager
def live(server: Server, directory: Path, scripts: Mapping[str, str], *, schema: str = "public") -> Iterator[Live]:
    """A database that `migrator` migrated for `app`, which `verifier` may look at."""
    name = f"d_{uuid.uuid4().hex[:12]}"
    with server.connect() as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER migrator").format(sql.Identifier(name)))
    found = Live(server, name, write(directory, scripts))
    found.sql("CREATE EXTENSION pg_trgm", "ALTER DATABASE " + name + f" SET search_path = '{schema}'")
    with found.connect("migrator") as connection:
        connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema)))
        connection.execute(TABLE.encode())
        deploy(connection, scripts)
        connection.execute(GRANT.encode())
        connection.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO verifier, app").format(sql.Identifier(schema)))
    try:
        yield found
    finally:
        with server.connect() as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def roles(server: Server) -> None:
    """The roles of all databases, once."""
    with server.connect() as connection:
        for role, options in (
            ("migrator", "LOGIN CREATEROLE"),
            ("app", "LOGIN"),
            ("verifier", "LOGIN"),
            ("reporting", "NOLOGIN"),
        ):
            connection.execute(f"CREATE ROLE {role} {options} PASSWORD '{server.password}'".encode())
        connection.execute("GRANT pg_monitor TO verifier")
        connection.execute("ALTER ROLE verifier SET default_transaction_read_only = on")
        connection.execute("GRANT reporting TO migrator WITH ADMIN OPTION")
