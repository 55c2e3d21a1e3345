"""A running stack that one run after another looks at: what tests of an operator's second question need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from fixtures.environment.policy import Stack as Wanted
from fixtures.stack import start
from fixtures.stack.faults import find
from fixtures.stack.stack import Stack

FAULT = "headers.no_nosniff"
# By what looks from outside: the file of the balancer is not declared here.
CAUGHT = sorted(name for name in find(FAULT).caught_by if name.startswith("headers."))
FILE = """\
schema: 1
policy: {{fail_on: low}}
run: {{gate: {{settle: 0s}}, confirm: {{looks: 1}}, limits: {{per_second: 200}}{more_run}}}
{more}
endpoints:
  web:
    url: {web_url}
    connect: '{web_connect}'
    connect_http: '{web_connect_http}'
    ca: {ca}
    redirects_here: [http://emailai.test]
    paths: {{public: [/, /login], private: [/dashboard, /api/user/me]}}
    health: {{within: 10s}}
    page: {{within: 10s, p95: 10s, samples: 5}}
    expect: {{p95: 10s}}
    deep: {{when: gate}}
redis:
  main: {{url: '{redis_url}', expect: {{eviction: allkeys-lru, persistence: none}}}}
"""


@contextmanager
def one_stack() -> Iterator[Stack]:
    """A healthy stack with one instance."""
    with start(wanted=Wanted(instances=1)) as stack:
        yield stack


@contextmanager
def broken(stack: Stack, fault: str = FAULT) -> Iterator[None]:
    """The stack with a fault in it."""
    stack.apply(find(fault).change)
    try:
        yield
    finally:
        stack.reset()


def file_of(path: Path, values: Mapping[str, str], more: str = "", more_run: str = "") -> Path:
    """An environment file of that stack's origin and Redis, which any mistake fails."""
    path.write_text(FILE.format(**values, more=more, more_run=more_run), encoding="utf-8")
    path.chmod(0o600)
    return path
