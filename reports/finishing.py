"""From a session that ended to the finished run that every report renders."""

from __future__ import annotations

import hashlib
import shlex
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pytest

from fixtures.environment.document import shown
from fixtures.environment.model import load_sections, unread
from fixtures.evidence.declaration import DECLARATION
from fixtures.evidence.store import Saved, Store, now
from fixtures.plugin import MOMENT, RUN
from fixtures.run import Run as GateRun
from reports import wording
from reports.causes import fold
from reports.changes import compared, drift, vanished
from reports.covering import not_covered
from reports.facts import told
from reports.ledger import LEDGER, entry, plain
from reports.outcomes import Judged
from reports.past import Past, below
from reports.records import Baseline, EvidenceNote, Outcome, Run, Verdict
from reports.verdict import INTERNAL, ended, verdict
from reports.version import VERSION
from reports.waivers import review


def finish(session: pytest.Session, run: GateRun, named: Past | None = None) -> Run:
    """The run with its verdict; without a `named` past it is compared with the runs beside it."""
    config = session.config
    ledger = config.stash[LEDGER]
    past = named or below(run.directory.parent, run.environment.name, run.looked_from, run.directory)
    rows = [ledger.rows[key] for key in ledger.chosen if key in ledger.rows]
    rows = compared(rows, past, run.release, wording.iso(run.started_at))
    rows = list(fold(rows, frozenset(row.check.id for row in run.rows if row.check.root)))
    gone = vanished(past.baseline, ((row.check.id, row.target) for row in run.rows))
    interrupted = ended(int(session.exitstatus))
    if run.broken:
        interrupted = "; ".join(run.broken)
    elif ledger.strays:
        interrupted = interrupted or f"{ledger.strays[0]} failed and is no check"
    if run.trouble:
        interrupted = run.trouble
    word, code, reason = verdict(
        rows,
        expected=len(ledger.chosen),
        generated=len(run.rows),
        protected=run.settings.protected,
        interrupted=interrupted,
        vanished=len(gone),
    )
    if interrupted and not run.trouble and int(session.exitstatus) in (2, 3):
        code = int(session.exitstatus)
    missing = [
        entry(row.check, row.target, plain(_never_run(run)), config)
        for key, row in ledger.chosen.items()
        if key not in ledger.rows
    ]
    judged = [(row.check.id, row.target) for row in run.rows]
    facts, measures = told(_pieces(run))
    pieces = [saved.model_copy(update={"evidence": None}) for saved in _pieces(run)]
    # Each stack has certificates and a database of its own: that these are others says nothing.
    before = past.baseline.facts if past.baseline and run.settings.stack is None else {}
    complete = set(ledger.chosen) == {row.key for row in run.rows}
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
        selected=len(ledger.chosen),
        generated=len(run.rows),
        rows=tuple(rows + missing),
        not_covered=not_covered(
            run.unbound, load_sections(), judged, list(run.environment.targets()), unread(run.settings)
        ),
        warnings=(
            *(f"fault put in: {name}" for name in [run.fault] if name),
            *_before_the_release(pieces),
            *review(run.settings.waivers, (*rows, *missing), config.stash[MOMENT], complete=complete),
        ),
        evidence=_evidence(run, pieces),
        replayed=run.replay is not None,
        rechecked=shown(run.recheck.directory) if run.recheck else "",
        baseline=_baseline(past),
        drift=drift(before, facts),
        vanished=gone,
        facts=facts,
        measures=measures,
        directory=shown(run.directory),
        command=_command(config, run, again=code in (1, 10) and not interrupted),
        suite_version=VERSION,
        environment_file=_environment_file(config, run),
        environment_digest=run.environment.digest,
        evidence_digest=_digest(run.store),
    )


def unjudged(config: pytest.Config, error: Exception) -> Run:
    """The run where judging it failed: nothing but that."""
    run = config.stash[RUN]
    return Run(
        verdict=Verdict.CANNOT_TELL,
        exit_code=INTERNAL,
        reason=f"the run could not be judged: {type(error).__name__}: {error}",
        environment=run.environment.name,
        release=run.release,
        ticket=run.ticket,
        run=run.kind,
        started_at=run.started_at,
        judged_at=now(),
        complete=False,
        selected=0,
        generated=len(run.rows),
        replayed=run.replay is not None,
        directory=shown(run.directory),
        command=_command(config, run),
        suite_version=VERSION,
    )


def _never_run(run: GateRun) -> Judged:
    if run.trouble:
        return Judged(Outcome.CANNOT_TELL, seen=run.trouble, cause="the stack: could not be started")
    return Judged(Outcome.CANNOT_TELL, seen="selected, never run", cause="the run: never run")


def _baseline(past: Past) -> Baseline | None:
    found = past.baseline
    return Baseline(shown(found.directory), found.verdict, found.release, found.at) if found else None


def _pieces(run: GateRun) -> Iterator[Saved]:
    """What was judged by, one at a time; not what a saved run has of something else."""
    foreign = run.replay.foreign if run.replay else {}
    return (saved for saved in run.store.all() if saved.target not in foreign)


def _before_the_release(pieces: Iterable[Saved]) -> list[str]:
    """What was seen of an earlier release and is judged for this one: true of all that no release changes."""
    seen: dict[tuple[str, str], list[str]] = {}
    for saved in pieces:
        if saved.deployed_since:
            seen.setdefault((saved.release, saved.deployed_since), []).append(f"{saved.kind} of {saved.target}")
    return [
        f"seen of release {earlier or '(none named)'}, before {now} was deployed: {', '.join(names)}; "
        f"--run=nightly --release={now} looks again"
        for (earlier, now), names in seen.items()
    ]


def _evidence(run: GateRun, pieces: Iterable[Saved]) -> tuple[EvidenceNote, ...]:
    where = f"{shown(_seen_by(run))}/" if run.replay else ""
    return tuple(
        EvidenceNote(
            kind=saved.kind,
            target=saved.target,
            file=f"{where}evidence/{run.store.path(saved.kind, saved.target, saved.look).name}",
            observed_at=saved.observed_at.isoformat(),
            seconds=saved.seconds,
            ok=saved.failure is None,
            reused_from=saved.reused_from,
            accept=saved.accept,
        )
        for saved in pieces
    )


def _digest(store: Store) -> str:
    digest = hashlib.sha256()
    for path in sorted(store.directory.glob("*.json")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _environment_file(config: pytest.Config, run: GateRun) -> str:
    if run.replay is not None and not config.option.env:
        return shown(_seen_by(run) / DECLARATION)
    return shown(run.environment.path)


def _seen_by(run: GateRun) -> Path:
    """The directory of the run whose evidence is judged."""
    return run.store.directory.parent


def _command(config: pytest.Config, run: GateRun, *, again: bool = False) -> str:
    """How to run this again: a run needs a report directory of its own, and `latest` will be another one.

    `again`: only what failed or was not seen, where that can be taken apart.
    """
    arguments = config.invocation_params.args
    given = [argument for argument in arguments if not argument.startswith("--report-dir")]
    if again and run.replay is None and run.settings.stack is None:
        given = [argument for argument in given if not argument.startswith("--recheck=")]
        return shlex.join([*started(arguments, sys.orig_argv), *given, f"--recheck={shown(run.directory)}"])
    if run.replay is not None:
        saved = f"--replay={shown(_seen_by(run))}"
        given = [saved if argument.startswith("--replay=") else argument for argument in given]
    return shlex.join([*started(arguments, sys.orig_argv), *given])


def started(arguments: Sequence[str], typed: Sequence[str]) -> list[str]:
    """How pytest was started, without its `arguments`, from the whole line that was `typed` (`sys.orig_argv`)."""
    before = list(typed[: len(typed) - len(arguments)])
    if not before or list(typed[len(before) :]) != list(arguments):
        return [sys.executable, "-m", "pytest"]
    if len(before) != 2:
        return before
    # A script: the system has put the interpreter of its first line before it, and looked for it on PATH.
    script = before[1]
    return [Path(script).name if shutil.which(Path(script).name) == script else script]
