"""The stack itself: what the reference app does when its database goes and comes back."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from fixtures.stack import start
from fixtures.stack.plan import INSTANCES
from fixtures.stack.stack import Stack

SOON = 4.0  # about two seconds on an idle machine; this one may be busy


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with start() as running:
        yield running


def health(stack: Stack, instance: str) -> tuple[int, dict[str, Any]]:
    """The status and the document of an instance's health endpoint, on a new connection."""
    url = f"http://{stack.plan.layout.outside(instance)}/api/health"
    try:
        with urllib.request.urlopen(url, timeout=15) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


@pytest.mark.parametrize("instance", INSTANCES)
def test_the_app_notices_an_outage_and_its_end_soon(stack: Stack, instance: str) -> None:
    pids = {name: stack.pid(name) for name in (*INSTANCES, "pgbouncer")}
    assert health(stack, instance)[0] == 200
    stack.stop_service("primary")
    try:
        begun = time.monotonic()
        status, document = health(stack, instance)
        assert time.monotonic() - begun < SOON
    finally:
        stack.start_service("primary")
    assert status == 503
    assert set(document) == {"status", "database", "timestamp"}
    assert (document["status"], document["database"]) == ("unhealthy", "disconnected")
    begun = time.monotonic()
    while health(stack, instance)[0] != 200:
        assert time.monotonic() - begun < SOON
        time.sleep(0.05)
    assert {name: stack.pid(name) for name in pids} == pids
