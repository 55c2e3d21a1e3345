"""The suite's own book of outcomes: pytest calls a crashed worker and a bug *failed*, we do not (DESIGN 6)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from fixtures.catalogue import Binding
from fixtures.plugin import RUN, row_of, selected
from fixtures.vocabulary import Check
from reports import wording
from reports.outcomes import Judged
from reports.records import Outcome, Row

if TYPE_CHECKING:
    from fixtures.environment.loading import Environment

LEDGER: pytest.StashKey[Ledger] = pytest.StashKey()


class Ledger:
    """What was selected, what became of it, and what failed beside it; the controller's."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self.chosen: dict[str, Binding] = {}
        """The rows that were selected, by key: one that is selected twice is one row."""
        self.rows: dict[str, Row] = {}
        self.strays: list[str] = []
        """What failed and is no check of the environment: whatever it is, it is not GO."""

    def select(self, ids: Iterable[str]) -> None:
        """Remember what was selected."""
        self.chosen = selected(self._config, ids)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Scrub what a broken module says."""
        if report.failed:
            report.longrepr = wording.plain(self._config.stash[RUN].redactor.text(str(report.longrepr)))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note the outcome of a row once, and scrub its text of secrets and escapes before anything prints it."""
        if isinstance(report.longrepr, str):
            report.longrepr = wording.plain(self._config.stash[RUN].redactor.text(report.longrepr))
        if isinstance(reason := getattr(report, "wasxfail", None), str):
            report.wasxfail = wording.line(reason)
        row = row_of(self._config, report.nodeid)
        if row is None:
            if report.failed:
                self.strays.append(report.nodeid)
            return
        carried = getattr(report, "golive", None)
        if carried is None:
            if report.when in ("setup", "call", "teardown"):
                return
            carried = plain(Judged(Outcome.CANNOT_TELL, seen="the worker crashed", cause="a worker: crashed"))
        self.rows[row.key] = entry(row.check, row.target, carried, self._config)


def plain(judged: Judged) -> dict[str, str]:
    """Text only: this is what crosses from a worker to the controller."""
    return {key: str(value) for key, value in vars(judged).items()}


def entry(check: Check, target: str, carried: dict[str, str], config: pytest.Config) -> Row:
    """The row of a report, scrubbed."""
    clean = config.stash[RUN].redactor.text
    return Row(
        id=check.id,
        target=target,
        outcome=Outcome(carried["outcome"]),
        severity=check.severity.value,
        scope=check.scope.value,
        rule=check.rule,
        seen=clean(carried["seen"]),
        required=carried["required"],
        fix=check.fix,
        see=here(check.see, config.stash[RUN].environment, target),
        statements=check.statements,
        note=carried["note"],
        cause=clean(carried["cause"]),
    )


def here(see: str, environment: Environment, target: str) -> str:
    """The command for this target: HOST is its host, where a plain connection to that name leads to it."""
    section, _, name = target.partition(".")
    looked_at = environment.sections.get(section, {}).get(name)
    url = getattr(looked_at, "url", None)
    if not isinstance(url, str) or getattr(looked_at, "connect", None):
        return see
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or parts.port not in (None, 443):
        return see
    return re.sub(r"\bHOST\b", parts.hostname, see)


def text(check: Check, target: str, judged: Judged) -> str:
    """What pytest prints of a check that did not pass: no traceback, no dump."""
    parts = [f"{check.severity.value} {check.id} {target}: {check.rule}", f"  seen      {judged.seen}"]
    parts += [f"  required  {judged.required}"] if judged.required else []
    parts += [f"  note      {judged.note}"] if judged.note else []
    parts += [f"  fix       {check.fix}"] if check.fix else []
    return "\n".join(parts)
