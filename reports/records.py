"""The finished run: plain frozen records that every report format renders and none decides about."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from fixtures.vocabulary import Fact


class Outcome(StrEnum):
    """What became of one check on one target (DESIGN 6)."""

    PASSED = "passed"
    FAILED = "failed"
    WARNED = "warned"
    WAIVED = "waived"
    CANNOT_TELL = "cannot-tell"


class Verdict(StrEnum):
    """The answer of a run; the last line printed starts with it."""

    GO = "GO"
    GO_WITH_WARNINGS = "GO WITH WARNINGS"
    NO_GO = "NO-GO"
    CANNOT_TELL = "CANNOT TELL"


FLEETING = "warned: seen in "
"""How the note of a finding begins that a later look did not confirm."""


class Rollback(StrEnum):
    """Whether rolling the release back may heal what fails."""

    HELPS = "helps"
    MAY_HELP = "may help"
    DOES_NOT = "does not help"


def is_finding(outcome: Outcome, cause: str, note: str) -> bool:
    """Whether a row was judged and found wanting, whatever its severity; not what one look of several saw."""
    judged = outcome in (Outcome.FAILED, Outcome.WARNED, Outcome.WAIVED) and not cause
    return judged and not note.startswith(FLEETING)


@dataclass(frozen=True, slots=True)
class Row:
    """One check on one target with its outcome; `cause` names the root cause of what was not seen, `note` says why
    an outcome is warned or waived, `under` names the failed check that explains why this one was not seen.

    Beside earlier runs: `standing` is new, known or fixed, empty where there is none to compare with; `since` is when
    it began to fail, an ISO text; `rollback` is said of what failed.
    """

    id: str
    target: str
    outcome: Outcome
    severity: str
    scope: str
    rule: str
    seen: str = ""
    required: str = ""
    fix: str = ""
    see: str = ""
    statements: tuple[str, ...] = ()
    note: str = ""
    cause: str = ""
    under: str = ""
    standing: str = ""
    since: str = ""
    rollback: str = ""

    @property
    def finding(self) -> bool:
        """Whether it was judged and found wanting."""
        return is_finding(self.outcome, self.cause, self.note)

    @property
    def unseen(self) -> bool:
        """Whether the check could not be judged: cannot tell, or only warned because it weighs less."""
        return self.outcome is Outcome.CANNOT_TELL or (self.outcome is Outcome.WARNED and bool(self.cause))

    @property
    def blind(self) -> bool:
        """Whether nothing was seen of it, waived or not."""
        return self.unseen or (self.outcome is Outcome.WAIVED and bool(self.cause))

    @property
    def label(self) -> str:
        """The check and its target in one word: `reach.origin_answers [endpoints.web]`."""
        return f"{self.id} [{self.target}]" if self.target else self.id

    @property
    def area(self) -> str:
        """The area a check belongs to: the first part of its id."""
        return self.id.partition(".")[0]


@dataclass(frozen=True, slots=True)
class EvidenceNote:
    """One piece of evidence: its file below the run directory (of a replay, where it is kept), when it was seen, how
    long that took (seconds), and how old it may be when an earlier run's is reused (`accept`, seconds)."""

    kind: str
    target: str
    file: str
    observed_at: str
    seconds: float
    ok: bool
    reused_from: str = ""
    accept: float = 0.0


@dataclass(frozen=True)
class Baseline:
    """The run that this one is compared with: the last GO, or the one that was named."""

    directory: str
    verdict: str
    release: str
    started_at: datetime

    @property
    def name(self) -> str:
        """What it is called in one word."""
        return self.release or self.directory.rpartition("/")[2]


@dataclass(frozen=True)
class Drift:
    """A fact that was another one in the baseline: a value, or a set with what came (`now`) and went (`before`)."""

    target: str
    fact: str
    before: Fact
    now: Fact


@dataclass(frozen=True)
class Run:
    """A finished run, ready to be written in any format; times are UTC, `command` is the line that repeats it.

    `environment_file` is the file that it was judged by, and `environment_digest` the SHA-256 of all its layers.
    `vanished` are the rows that the baseline had and the environment does not make any more; `facts` and `measures` are
    those of the evidence, by target. `rechecked` is the directory of the run of which only what failed or was not seen
    was looked at again.
    """

    verdict: Verdict
    exit_code: int
    reason: str
    environment: str
    release: str
    ticket: str
    run: str
    started_at: datetime
    judged_at: datetime
    complete: bool
    selected: int
    generated: int
    rows: tuple[Row, ...] = ()
    not_covered: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    evidence: tuple[EvidenceNote, ...] = ()
    replayed: bool = False
    rechecked: str = ""
    baseline: Baseline | None = None
    drift: tuple[Drift, ...] = ()
    vanished: tuple[str, ...] = ()
    facts: dict[str, dict[str, Fact]] = field(default_factory=dict)
    measures: dict[str, dict[str, float]] = field(default_factory=dict)
    directory: str = ""
    suite_version: str = ""
    environment_file: str = ""
    environment_digest: str = ""
    evidence_digest: str = ""
    command: str = ""
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def seen(self) -> tuple[str, str] | None:
        """When the first and the last piece of evidence was seen, as ISO texts in UTC; None where there is none."""
        moments = sorted(note.observed_at for note in self.evidence if note.ok)
        return (moments[0], moments[-1]) if moments else None
