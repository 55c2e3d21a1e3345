"""Writing a finished run in every format, `verdict.json` last: what can't be written makes it CANNOT TELL."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from fixtures.environment.redaction import Redactor
from fixtures.evidence.store import write_private
from reports import wording
from reports.records import Run, Verdict
from reports.verdict import INTERNAL


def write(run: Run, directory: Path, redactor: Redactor, troubles: Iterable[str] = ()) -> Run:
    """Write every report, and return the run as it was told in the end; it never raises.

    `troubles` are what went wrong before. `report.html` is pytest-html's; it is replaced where it tells another
    verdict than this.
    """
    found = [*troubles, *_formats(run, directory, redactor, page=False)]
    if found:
        run = failed(run, found)
        _formats(run, directory, redactor, page=True)
    if unwritten := _verdict(run, directory, redactor):
        run = failed(run, [*found, *unwritten])
        _formats(run, directory, redactor, page=True)
    return run


def failed(run: Run, troubles: list[str]) -> Run:
    """The run that can't tell, because it could not be written down."""
    reason = wording.clip(wording.line("; ".join(troubles)), 300)
    return replace(run, verdict=Verdict.CANNOT_TELL, exit_code=INTERNAL, reason=reason, complete=False)


def trouble(what: str, error: Exception) -> str:
    """One line: what could not be written, and why."""
    why = error.strerror if isinstance(error, OSError) and error.strerror else f"{type(error).__name__}: {error}"
    return f"{what} can't be written: {why}"


def _formats(run: Run, directory: Path, redactor: Redactor, *, page: bool) -> list[str]:
    from reports.junit import junit
    from reports.markdown import summary

    html = directory / "report.html"
    found = [
        *_attempt("summary.md", lambda: write_private(directory / "summary.md", redactor.text(summary(run)))),
        *_attempt("junit.xml", lambda: write_private(directory / "junit.xml", map(redactor.text, junit(run)))),
        *_attempt("report.html", lambda: _html(run, html, redactor, page=page)),
    ]
    if page and found and html.is_file():
        html.unlink()  # rather none than one that says something else
    return found


def _html(run: Run, path: Path, redactor: Redactor, *, page: bool) -> None:
    if page:
        from reports.html import page as whole

        write_private(path, redactor.text(whole(run)))
    elif path.exists():
        write_private(path, redactor.text(path.read_text(encoding="utf-8")))


def _verdict(run: Run, directory: Path, redactor: Redactor) -> list[str]:
    from reports.verdict_json import document

    return _attempt("verdict.json", lambda: write_private(directory / "verdict.json", document(run, redactor.tree)))


def _attempt(what: str, write_it: Callable[[], None]) -> list[str]:
    try:
        write_it()
    except Exception as error:  # whatever it is, the others are written, and the verdict says so
        return [trouble(what, error)]
    return []
