"""The PgBouncer probe against a real pooler: what a user of the statistics sees, and who gets no answer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.environment.secrets import Secret
from fixtures.environment.sections.pgbouncer import PgBouncer
from fixtures.probes import Context
from fixtures.probes._sql import console
from fixtures.probes.pgbouncer import Database, PgBouncerEvidence, look
from fixtures.stack import start
from fixtures.stack.stack import Stack
from fixtures.vocabulary import Bug, CannotTell

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """A pooler in front of a primary, as the demonstration has it."""
    with start() as running:
        yield running


def context(seconds: float = 10.0) -> Context:
    return Context("pgbouncer.main", time.monotonic() + seconds)


def seen(url: str) -> PgBouncerEvidence:
    found = look(PgBouncer(console=Secret(url)), context())
    assert isinstance(found, PgBouncerEvidence)
    return found


def cause(url: str) -> str:
    with pytest.raises(CannotTell) as caught:
        seen(url)
    assert caught.value.target == "pgbouncer.main"
    return caught.value.cause


def test_the_settings_in_force_and_the_databases_without_the_console(stack: Stack) -> None:
    found = seen(stack.variables["pgbouncer_admin_url"])
    assert (found.auth_type, found.pool_mode) == ("scram-sha-256", "transaction")
    assert (found.default_pool_size, found.max_client_conn) == (25, 1000)
    primary = stack.plan.layout.inside("primary")
    entry = {"name": "emailai_prod", "database": "emailai_prod", "host": primary.host, "port": primary.port}
    assert found.databases == (Database(**entry, pool_mode=None, pool_size=25, reserve=5),)
    assert (found.min_pool_size, found.reserve_pool_size, found.reserve_pool_timeout) == (5, 5, 5.0)
    assert found.max_prepared_statements is None
    assert found.version.startswith("PgBouncer ")
    assert PgBouncerEvidence.model_validate_json(found.model_dump_json()) == found


def test_database_and_options_of_the_url_do_not_matter(stack: Stack) -> None:
    assert seen(f"{stack.variables['pgbouncer_url']}?options=-cstatement_timeout%3D1").max_client_conn == 1000


def test_who_is_not_let_in_is_permission(stack: Stack) -> None:
    url = stack.variables["pgbouncer_admin_url"]
    assert cause(url.replace(stack.plan.passwords["verifier"], "wrong-password")) == "permission"
    assert cause(stack.plan.database_url("emailai", "pgbouncer", "pgbouncer")) == "permission"
    assert cause(stack.variables["primary_url"]) == "permission"


def test_a_pooler_that_is_not_there_is_an_outage() -> None:
    assert cause("postgresql://verifier:secret@127.0.0.1:9/pgbouncer") == "outage"


def test_a_pooler_that_says_nothing_costs_its_time_only(stack: Stack) -> None:
    with stack.paused("pgbouncer"), pytest.raises(CannotTell) as caught:
        look(PgBouncer(console=Secret(stack.variables["pgbouncer_admin_url"])), context(2.0))
    assert caught.value.cause == "outage"


def test_only_what_looks_is_asked(stack: Stack) -> None:
    url = Secret(stack.variables["pgbouncer_admin_url"])
    with console(url, context()) as pooler, pytest.raises(Bug):
        pooler.show("FDS")


def test_the_line_of_the_documentation_is_the_one_of_the_stack() -> None:
    lines = (ROOT / "docs" / "permissions" / "pgbouncer.ini").read_text().splitlines()
    (line,) = (line for line in lines if not line.startswith(";"))
    assert line in (ROOT / "fixtures" / "stack" / "templates" / "pgbouncer.ini").read_text().splitlines()
