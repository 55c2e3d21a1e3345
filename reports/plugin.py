"""The ledger of outcomes, the verdict, the exit code and the reports of a run (DESIGN 6 and 7)."""

from __future__ import annotations

import hashlib
import json
import shlex
import signal
from collections.abc import Generator
from dataclasses import asdict
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pytest

from fixtures.environment.policy import Settings
from fixtures.evidence.store import Store, now, write_private
from fixtures.plugin import MOMENT, RUN, is_worker, row_of, selected
from fixtures.run import Run as GateRun
from fixtures.run import declared_environment
from fixtures.vocabulary import Check
from reports.causes import fold
from reports.outcomes import Judged, judge
from reports.records import EvidenceNote, Outcome, Row, Run
from reports.redacted import redacted
from reports.verdict import verdict
from reports.waivers import review

LEDGER: pytest.StashKey[dict[str, Row]] = pytest.StashKey()
SELECTED: pytest.StashKey[list[str]] = pytest.StashKey()
STRAYS: pytest.StashKey[list[str]] = pytest.StashKey()
FINISHED: pytest.StashKey[Run] = pytest.StashKey()
POLICY: pytest.StashKey[tuple[Settings, datetime]] = pytest.StashKey()


def pytest_configure(config: pytest.Config) -> None:
    """Open the ledger, and ask pytest-html for its one file."""
    config.stash[LEDGER] = {}
    config.stash[SELECTED] = []
    run = config.stash.get(RUN, None)
    if run is None or is_worker(config):
        return
    config.pluginmanager.register(Ledger(config), "golive-ledger")
    if not config.option.htmlpath:
        config.option.htmlpath = str(run.directory / "report.html")
        config.option.self_contained_html = True


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """From here on a killed run leaves a verdict that says CANNOT TELL."""
    run = session.config.stash.get(RUN, None)
    if run is None:
        return
    from reports.verdict_json import unfinished

    document = unfinished(run.environment.name, run.release, run.started_at, run.kind)
    write_private(run.directory / "verdict.json", json.dumps(document, indent=1))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Remember what was selected, without workers."""
    if not is_worker(session.config):
        session.config.stash[SELECTED] = [item.nodeid for item in session.items]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node: Any, ids: list[str]) -> None:
    """Remember what was selected, with workers."""
    node.config.stash[SELECTED] = list(ids)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Give a check's report its outcome in the suite's words, and a text of what was seen and is required."""
    report = yield
    row = row_of(item)
    if row is None or call.when == "teardown":
        return report
    error = call.excinfo.value if call.excinfo is not None else None
    if call.when == "setup" and error is None:
        return report
    if isinstance(error, (KeyboardInterrupt, SystemExit)):
        return report
    judged = judge(row.check, row.target, error, *_policy(item.config))
    report.golive = _plain(judged, row.target)  # type: ignore[attr-defined]
    match judged.outcome:
        case Outcome.WARNED | Outcome.WAIVED:
            report.outcome, report.wasxfail = "skipped", judged.note
        case Outcome.FAILED | Outcome.CANNOT_TELL:
            report.outcome = "failed"
        case Outcome.PASSED:
            report.outcome = "passed"
            if judged.unneeded:
                report.wasxfail = judged.note
    if error is not None:
        report.longrepr = _text(row.check, row.target, judged)
    report.sections = []
    return report


class Ledger:
    """The controller's own book of outcomes: pytest calls a crashed worker *failed*, we do not."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self.strays = config.stash[STRAYS] = []
        """What failed and is no check of the environment: whatever it is, it is not GO."""

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Scrub what a broken module says."""
        if report.failed:
            report.longrepr = self._config.stash[RUN].redactor.text(str(report.longrepr))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note the outcome of a row once, and scrub its text before anything prints it."""
        if isinstance(report.longrepr, str):
            report.longrepr = self._config.stash[RUN].redactor.text(report.longrepr)
        rows = dict(selected(self._config.stash[RUN].rows, [report.nodeid]))
        row = rows.get(report.nodeid)
        if row is None:
            if report.failed:
                self.strays.append(report.nodeid)
            return
        plain = getattr(report, "golive", None)
        if plain is None:
            if report.when in ("setup", "call", "teardown"):
                return
            crashed = Judged(Outcome.CANNOT_TELL, seen="the worker crashed", cause="a worker: crashed")
            plain = _plain(crashed, row.target)
        self._config.stash[LEDGER][report.nodeid] = _row(row.check, plain, self._config)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, None, None]:
    """Judge the run, write every report, set the exit code, and print the verdict as the last line."""
    config = session.config
    run = config.stash.get(RUN, None)
    if run is None or is_worker(config):
        yield
        return
    # What is left (to answer, to write it down, to clean up) takes a bounded time, and nothing may come between.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    run.finish()
    finished = redacted(_finish(session, run), run.redactor.text)
    config.stash[FINISHED] = finished
    session.exitstatus = finished.exit_code
    try:
        yield
    finally:
        session.exitstatus = finished.exit_code
        _write(finished, run)
        terminal = config.pluginmanager.get_plugin("terminalreporter")
        if terminal is not None:
            from reports.terminal import lines

            for line in lines(finished, width=config.get_terminal_writer().fullwidth):
                terminal.write_line(run.redactor.text(line))


@pytest.hookimpl(optionalhook=True)
def pytest_html_report_title(report: Any) -> None:
    """The title of the ticket's attachment."""
    run = report._config.stash.get(RUN, None)
    if run is not None:
        report.title = f"golive {run.environment.name} {run.release}".strip()


@pytest.hookimpl(optionalhook=True)
def pytest_html_results_summary(prefix: list[str], session: pytest.Session) -> None:
    """Our own static document comes first: it is readable without JavaScript."""
    finished = session.config.stash.get(FINISHED, None)
    if finished is not None:
        from reports.html import static_document

        prefix.append(session.config.stash[RUN].redactor.text(static_document(finished)))


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Where the reports go."""
    run = config.stash.get(RUN, None)
    return [] if run is None else [f"golive: {run.environment.name}, {len(run.rows)} checks, {run.directory}"]


def _finish(session: pytest.Session, run: GateRun) -> Run:
    config = session.config
    ledger = config.stash[LEDGER]
    chosen_ids: list[str] = config.stash[SELECTED]
    chosen = selected(run.rows, chosen_ids)
    rows = [ledger[nodeid] for nodeid, _ in chosen if nodeid in ledger]
    rows = list(fold(rows, frozenset(row.check.id for row in run.rows if row.check.root)))
    interrupted = {2: "interrupted", 3: "internal error"}.get(int(session.exitstatus), "")
    if run.broken:
        interrupted = "; ".join(run.broken)
    elif strays := config.stash[STRAYS]:
        interrupted = interrupted or f"{strays[0]} failed and is no check"
    if run.trouble:
        interrupted = run.trouble
    word, code, reason = verdict(
        rows,
        expected=len(chosen),
        generated=len(run.rows),
        protected=run.settings.protected,
        interrupted=interrupted,
    )
    if interrupted and not run.trouble and int(session.exitstatus) in (2, 3):
        code = int(session.exitstatus)
    unseen = Judged(Outcome.CANNOT_TELL, seen="selected, never run", cause="the run: never run")
    if run.trouble:
        unseen = Judged(Outcome.CANNOT_TELL, seen=run.trouble, cause="the stack: could not be started")
    missing = [
        _row(
            row.check,
            _plain(unseen, row.target),
            config,
        )
        for nodeid, row in chosen
        if nodeid not in ledger
    ]
    from fixtures.environment.model import load_sections

    declared = {name.partition(".")[0] for name in run.environment.targets()}
    notes = _evidence(run)
    complete = len(chosen) == len(run.rows)
    return Run(
        verdict=word,
        exit_code=code,
        reason=reason,
        environment=run.environment.name,
        release=run.release,
        ticket=run.ticket,
        run=run.kind,
        started_at=run.started_at,
        judged_at=config.stash[MOMENT] if run.replay and not config.option.env else now(),
        complete=complete and not interrupted and not missing,
        selected=len(chosen),
        generated=len(run.rows),
        rows=tuple(rows + missing),
        not_covered=tuple(f"{name} (not declared)" for name in load_sections() if name not in declared),
        warnings=(
            *(f"fault put in: {name}" for name in [run.fault] if name),
            *review(
                run.settings.waivers, (*rows, *missing), config.stash[MOMENT], complete=len(chosen) == len(run.rows)
            ),
        ),
        evidence=notes,
        replayed=run.replay is not None,
        directory=str(run.directory),
        command=_command(config),
        suite_version=_version(),
        environment_digest=run.environment.digest,
        evidence_digest=_digest(run.store),
    )


def _write(finished: Run, run: GateRun) -> None:
    from reports.junit import junit
    from reports.markdown import summary
    from reports.verdict_json import document

    text = run.redactor.text
    write_private(run.directory / "summary.md", text(summary(finished)))
    write_private(run.directory / "junit.xml", text(junit(finished)))
    tree = run.redactor.tree(document(finished))
    write_private(run.directory / "verdict.json", json.dumps(tree, indent=1, ensure_ascii=False))
    html = run.directory / "report.html"
    if html.exists():
        write_private(html, text(html.read_text(encoding="utf-8")))


def _evidence(run: GateRun) -> tuple[EvidenceNote, ...]:
    return tuple(
        EvidenceNote(
            kind=saved.kind,
            target=saved.target,
            file=f"evidence/{run.store.path(saved.kind, saved.target, saved.look).name}",
            observed_at=saved.observed_at.isoformat(),
            seconds=saved.seconds,
            ok=saved.failure is None,
            reused_from=saved.reused_from,
            accept=saved.accept,
        )
        for saved in run.store.all()
    )


def _digest(store: Store) -> str:
    digest = hashlib.sha256()
    for path in sorted(store.directory.glob("*.json")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _policy(config: pytest.Config) -> tuple[Settings, datetime]:
    if POLICY not in config.stash:
        run = config.stash.get(RUN, None)
        if run is not None:
            settings = run.settings
        else:
            settings = declared_environment(Path(config.workerinput["golive"]["names"])).settings  # type: ignore[attr-defined]
        if config.option.fail_on:
            settings = settings.with_fail_on(config.option.fail_on)
        config.stash[POLICY] = (settings, config.stash[MOMENT])
    return config.stash[POLICY]


def _command(config: pytest.Config) -> str:
    """How to run this again: a run needs a report directory of its own."""
    given = [argument for argument in config.invocation_params.args if not argument.startswith("--report-dir")]
    return shlex.join(["pytest", *given])


def _plain(judged: Judged, target: str) -> dict[str, str]:
    """Text only: this is what crosses from a worker to the controller."""
    return {key: str(value) for key, value in asdict(judged).items()} | {"target": target}


def _row(check: Check, plain: dict[str, str], config: pytest.Config) -> Row:
    clean = config.stash[RUN].redactor.text
    return Row(
        id=check.id,
        target=plain["target"],
        outcome=Outcome(plain["outcome"]),
        severity=check.severity.value,
        scope=check.scope.value,
        rule=check.rule,
        seen=clean(plain["seen"]),
        required=plain["required"],
        fix=check.fix,
        see=check.see,
        statements=check.statements,
        note=plain["note"],
        cause=clean(plain["cause"]),
    )


def _text(check: Check, target: str, judged: Judged) -> str:
    parts = [f"{check.severity.value} {check.id} {target}: {check.rule}", f"  seen      {judged.seen}"]
    parts += [f"  required  {judged.required}"] if judged.required else []
    parts += [f"  note      {judged.note}"] if judged.note else []
    parts += [f"  fix       {check.fix}"] if check.fix else []
    return "\n".join(parts)


def _version() -> str:
    try:
        return version("golive")
    except PackageNotFoundError:
        return "0.1.0"
