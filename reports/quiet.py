"""A gate's terminal without what pytest says of checks and our own ending says better; -v brings all of it back."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from fixtures.plugin import RUN, row_of


def quieten(config: pytest.Config) -> None:
    """Leave out pytest's header, its short summary, its sections of checks, and where pytest-html wrote its file.

    Who asks for a short summary (`-r`) gets pytest's whole ending.
    """
    if any(argument.startswith("-r") for argument in config.invocation_params.args):
        return
    config.option.no_header = True
    # That of `pyproject.toml` is for the suite's own tests.
    config.option.reportchars = ""
    config.pluginmanager.register(_Quiet(config), "golive-quiet")


class _Quiet:
    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    @pytest.hookimpl(wrapper=True)
    def pytest_sessionstart(self) -> Generator[None]:
        """Say what is judged, in place of versions and paths; pytest-html is told nothing of the end."""
        yield
        config, run = self._config, self._config.stash[RUN]
        terminal = config.pluginmanager.get_plugin("terminalreporter")
        if terminal is not None and terminal.showheader:
            terminal.write_line(run.redactor.text(f"golive: {run.environment.name}, {len(run.rows)} checks"))
        name = "pytest_terminal_summary"
        plugins = config.pluginmanager.get_plugins()
        loud = [plugin for plugin in plugins if type(plugin).__module__.startswith("pytest_html.")]
        setattr(config.hook, name, config.pluginmanager.subset_hook_caller(name, loud))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: Any) -> Generator[None]:
        """Whatever else failed or broke is told by pytest as ever."""
        stats = terminalreporter.stats
        told = {word: stats[word] for word in ("failed", "error") if word in stats}
        for word, reports in told.items():
            stats[word] = [report for report in reports if row_of(self._config, report.nodeid) is None]
        try:
            return (yield)
        finally:
            stats.update(told)
