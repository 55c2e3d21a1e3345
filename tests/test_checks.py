"""Checks that no fault of a stack can prove: evidence that makes each fail, beside evidence that passes."""

from __future__ import annotations

import contextlib
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fixtures import vocabulary
from fixtures.catalogue import checks, generate
from fixtures.environment.loading import Environment
from fixtures.environment.model import Target
from fixtures.environment.policy import Settings
from fixtures.environment.sections.endpoints import Endpoint, Paths
from fixtures.environment.sections.instances import Instance
from fixtures.environment.sections.postgres import Postgres, PostgresExpectations
from fixtures.probes._sign_in import Reply as AuthReply
from fixtures.probes.auth import Landing, ProtectedEvidence
from fixtures.probes.forged import ForgedEvidence
from fixtures.vocabulary import CannotTell, Evidence, Finding
from tests.records import NOW, beside, fails, targets

FAILS = fails()
"""By the check's id: evidence that passes, and the change to it that must fail."""
DECLARED = targets()
BESIDE = beside()


def checked() -> dict[str, Callable[..., None]]:
    """Every check by its id."""
    return {declared.id: f for _, f in checks().functions if (declared := vocabulary.check_of(f)) is not None}


def judge(name: str, seen: Evidence) -> None:
    """Call the check of this id on evidence, with the declarations that it asks for."""
    found = checked()
    kinds = {key: kind for key, kind in typing.get_type_hints(found[name]).items() if key != "return"}
    found[name](**{key: argument(kind, name, seen) for key, kind in kinds.items()})


def argument(kind: Any, name: str, seen: Evidence) -> Any:
    """A declaration, the evidence itself, two pieces of it where all targets are judged, or what another area has."""
    if typing.get_origin(kind) is tuple:
        return (FAILS[name][0], seen)
    if kind in DECLARED:
        return DECLARED[kind]
    return seen if isinstance(seen, kind) else BESIDE[kind]


@pytest.mark.parametrize("name", FAILS)
def test_a_check_passes_and_fails(name: str) -> None:
    seen, change = FAILS[name]
    judge(name, seen)
    with pytest.raises(Finding):
        judge(name, seen.model_copy(update=change))


def test_no_forged_request_proves_nothing() -> None:
    nothing = ForgedEvidence(observed_at=NOW, replies=())
    asked = [name for name in checked() if name.startswith("forged.")]
    assert len(asked) > 3
    for name in asked:
        with pytest.raises(CannotTell, match="nothing of the kind was asked"):
            judge(name, nothing)


@pytest.mark.parametrize(
    ("status", "leads", "end", "outcome"),
    [
        (None, "", None, CannotTell),
        (503, "", 503, Finding),
        (500, "", 500, Finding),
        (307, "https://web.test/login", 500, Finding),
        (307, "https://web.test/login", None, CannotTell),
        (307, "https://web.test/login", 200, None),
        (401, "", 401, None),
        (403, "", 403, None),
    ],
)
def test_a_private_page_that_fails_leads_nowhere(
    status: int | None, leads: str, end: int | None, outcome: type[Exception] | None
) -> None:
    answer = AuthReply(name="/dashboard", status=status, leads=leads)
    page = Landing(reply=answer, at="https://web.test/x", status=end, error=None if end else "timeout")
    seen = ProtectedEvidence(observed_at=NOW, origin="https://web.test", pages=(page,))
    with pytest.raises(outcome) if outcome else contextlib.nullcontext():
        judge("auth.protected_pages_lead_to_the_sign_in", seen)


def test_no_private_page_proves_nothing_of_the_way_to_the_sign_in() -> None:
    with pytest.raises(CannotTell, match="no private page was asked for"):
        judge(
            "auth.protected_pages_lead_to_the_sign_in",
            ProtectedEvidence(observed_at=NOW, origin="https://web.test", pages=()),
        )


def rows(given: dict[str, Any] | None = None, /, **targets: Target) -> set[str]:
    """The ids of the checks that make a row for these targets, `a_b` standing for `a.b`."""
    sections: dict[str, dict[str, Target]] = {}
    for key, target in targets.items():
        section, _, name = key.partition("_")
        sections.setdefault(section, {})[name] = target
    settings = Settings.model_validate({"schema": 1, **(given or {})})
    made = generate(Environment("given", Path("given.yaml"), settings, sections, {}, ""))
    assert not made.broken
    return {row.check.id for row in made.rows}


def test_what_loads_or_changes_is_looked_at_only_where_it_is_named() -> None:
    limited = Endpoint(url="https://web.test", body_limit=2000)
    assert not [name for name in rows(endpoints_web=limited) if name.startswith("bodies.")]
    named = rows({"intrusive": ["bodies.larger_ones_are_refused"]}, endpoints_web=limited)
    assert {name for name in named if name.startswith("bodies.")} == {"bodies.larger_ones_are_refused"}


def test_builds_are_compared_only_where_they_show_themselves() -> None:
    both: dict[str, Target] = {
        "endpoints_web": Endpoint.model_validate({"url": "https://web.test", "instance": {"header": "x-instance"}}),
        "instances_a": Instance(url="http://a.test:3000"),
    }
    more = rows({"release": {"build_id": "html"}}, **both) - rows(**both)
    assert more == {"balancer.answers_are_of_one_build", "balancer.instances_run_one_build"}


BARE = Endpoint(url="https://web.test")
NO_EXTENSIONS = PostgresExpectations(extensions=())


@pytest.mark.parametrize(
    ("declared", "undeclared", "names"),
    [
        (
            Endpoint(url="https://web.test", paths=Paths(private=("/account",))),
            BARE,
            {
                "http.private_paths_need_a_session",
                "headers.hsts_on_redirects",
                "caching.private_answers_are_not_publicly_cached",
                "forged.middleware_is_not_skipped",
            },
        ),
        (
            Endpoint(url="https://web.test", redirects_here=("https://www.web.test",)),
            Endpoint(url="https://web.test", redirects_here=("http://www.web.test",)),
            {"http.other_hosts_lead_to_the_canonical_one", "headers.hsts_on_redirects"},
        ),
        (
            Endpoint(url="https://web.test", paths=Paths(private=("/api/me", "/account"))),
            Endpoint(url="https://web.test", paths=Paths(private=("/api/me",))),
            {"headers.hsts_on_redirects"},
        ),
    ],
)
def test_an_endpoint_makes_rows_of_what_it_declares(declared: Endpoint, undeclared: Endpoint, names: set[str]) -> None:
    assert rows(endpoints_web=declared) - rows(endpoints_web=undeclared) == names


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"app_role": None}, {"database.application_role_can_log_in", "database.application_role_has_no_privileges"}),
        (
            {"expect": NO_EXTENSIONS},
            {
                "database.uuid_ossp_is_installed",
                "database.pg_trgm_is_installed",
                "database.declared_extensions_are_available",
                "database.declared_extensions_are_installed",
            },
        ),
        ({"expect": PostgresExpectations(extensions=("pg_trgm",))}, {"database.uuid_ossp_is_installed"}),
        (
            {"replica_of": "primary"},
            {
                "database.primary_accepts_writes",
                "database.wal_archiving_is_on",
                "database.wal_archiving_succeeds",
            },
        ),
    ],
)
def test_a_server_makes_rows_of_what_it_declares(change: dict[str, Any], names: set[str]) -> None:
    whole = DECLARED[Postgres]
    fewer = rows(postgres_primary=whole) - rows(postgres_primary=whole.model_copy(update=change))
    assert {one for one in fewer if one.startswith("database.")} == names
