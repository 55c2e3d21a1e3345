"""The end of a run in pytest's hooks: outcomes, the verdict, the exit code and the reports (DESIGN 6 and 7)."""

from __future__ import annotations

import json
from collections.abc import Generator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.plugin import BEGUN, MOMENT, RUN, SETTINGS, is_worker, row_of
from fixtures.signals import ignore_signals, interrupted
from reports import wording
from reports.ledger import LEDGER, Ledger, plain, text
from reports.records import Outcome, Run, Verdict
from reports.verdict import ended

if TYPE_CHECKING:
    from fixtures.environment.loading import Environment
    from fixtures.environment.policy import Settings
    from fixtures.run import Run as GateRun
    from reports.past import Past

FINISHED: pytest.StashKey[Run] = pytest.StashKey()
TOLD: pytest.StashKey[bool] = pytest.StashKey()
"""Set when the verdict was printed."""

PAST: pytest.StashKey[Past | None] = pytest.StashKey()
"""What this run is compared with, where that is named."""

POLICY: pytest.StashKey[tuple[Settings, datetime]] = pytest.StashKey()


def pytest_golive_asked(config: pytest.Config, environment: Environment) -> None:
    """Read the run that is named to be compared with; one that the file names may not be there yet."""
    from reports.past import BadPast, named

    given, declared = config.option.baseline, environment.settings.run.baseline
    config.stash[PAST] = None
    place = Path(given) if given else declared
    if place is None or not (given or place.exists()):
        return
    try:
        config.stash[PAST] = named(place.absolute(), environment.name)
    except BadPast as error:
        where = f"--baseline={given}" if given else f"run.baseline ({declared})"
        raise pytest.UsageError(f"{where}: {error}") from None


def pytest_golive_begin(config: pytest.Config, run: GateRun) -> None:
    """Open the ledger, write a verdict that says CANNOT TELL until another is known, ask pytest-html for its file."""
    from fixtures.evidence.store import write_private
    from reports.verdict_json import unfinished

    config.stash[LEDGER] = Ledger(config)
    config.pluginmanager.register(config.stash[LEDGER], "golive-ledger")
    if config.option.verbose <= 0:
        from reports.quiet import quieten

        quieten(config)
    if not config.option.htmlpath:
        config.option.htmlpath = str(run.directory / "report.html")
        config.option.self_contained_html = True
    document = unfinished(
        run.environment.name,
        run.release,
        run.started_at,
        run.kind,
        ticket=run.ticket,
        replayed=run.replay is not None,
    )
    write_private(run.directory / "verdict.json", run.redactor.text(json.dumps(document, indent=1)))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> Generator[None, int, int]:
    """A run that is interrupted, or breaks, before its session begins ends with a verdict as well."""
    code = yield
    if BEGUN in config.stash and TOLD not in config.stash and code != pytest.ExitCode.USAGE_ERROR:
        run = config.stash.get(RUN, None)
        name = f"{run.environment.name} {run.release}".strip() if run else config.stash[BEGUN]
        print(f"{Verdict.CANNOT_TELL} {wording.line(name)}: {ended(int(code)) or 'the run broke off'}")  # noqa: T201
    return code


def pytest_collection_finish(session: pytest.Session) -> None:
    """Remember what was selected, without workers."""
    if LEDGER in session.config.stash:
        session.config.stash[LEDGER].select(item.nodeid for item in session.items)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node: Any, ids: list[str]) -> None:
    """Remember what was selected, with workers."""
    if LEDGER in node.config.stash:
        node.config.stash[LEDGER].select(ids)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Give a check's report its outcome in the suite's words, and a text of what was seen and is required."""
    report = yield
    row = row_of(item.config, item.nodeid)
    if row is None or call.when == "teardown":
        return report
    error = call.excinfo.value if call.excinfo is not None else None
    if call.when == "setup" and error is None:
        return report
    if isinstance(error, (KeyboardInterrupt, SystemExit)):
        return report
    from reports.outcomes import judge

    judged = judge(row.check, row.target, error, *_policy(item.config))
    report.golive = plain(judged)  # type: ignore[attr-defined]
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
        report.longrepr = text(row.check, row.target, judged)
    report.sections = []
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, None, None]:
    """Judge the run, write every report, set the exit code, and print the verdict as the last line."""
    config = session.config
    run = config.stash.get(RUN, None)
    if run is None or is_worker(config):
        yield
        return
    ignore_signals()
    if interrupted() and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        session.exitstatus = pytest.ExitCode.INTERRUPTED
    from reports.finishing import finish, unjudged
    from reports.redacted import redacted
    from reports.writing import trouble, write

    if session.exitstatus == pytest.ExitCode.USAGE_ERROR:
        # pytest says in one line what is wrong with the command line; what was written when it began stands.
        yield
        return
    try:
        run.finish()
        finished = finish(session, run, config.stash[PAST])
    except Exception as error:  # a bug or a disk: it is not NO-GO, and the last line is the verdict
        finished = unjudged(config, error)
    finished = redacted(finished, run.redactor.text)
    config.stash[FINISHED] = finished
    session.exitstatus = finished.exit_code
    troubles: list[str] = []
    try:
        yield
    except Exception as error:
        troubles = [trouble(Path(config.option.htmlpath).name, error)]
    finished = write(finished, run.directory, run.redactor, troubles)
    session.exitstatus = finished.exit_code
    _tell(config, finished)


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


@pytest.hookimpl(optionalhook=True)
def pytest_html_results_table_row(report: pytest.TestReport, cells: list[str]) -> None:
    """Leave out what passed: our own table has it, and a browser does not show ten thousands of rows."""
    if hasattr(report, "golive") and report.passed and not hasattr(report, "wasxfail"):
        del cells[:]


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Where the reports go."""
    run = config.stash.get(RUN, None)
    return [] if run is None else [f"golive: {run.environment.name}, {len(run.rows)} checks, {run.directory}"]


def _tell(config: pytest.Config, finished: Run) -> None:
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    if terminal is None:
        return
    from reports.terminal import lines

    try:
        ending = lines(finished, width=config.get_terminal_writer().fullwidth)
    except Exception:
        ending = [wording.verdict_line(finished)]
    config.stash[TOLD] = True
    for line in ending:
        terminal.write_line(config.stash[RUN].redactor.text(line))


def _policy(config: pytest.Config) -> tuple[Settings, datetime]:
    if POLICY not in config.stash:
        settings = config.stash[SETTINGS]
        if config.option.fail_on:
            settings = settings.with_fail_on(config.option.fail_on)
        config.stash[POLICY] = (settings, config.stash[MOMENT])
    return config.stash[POLICY]
