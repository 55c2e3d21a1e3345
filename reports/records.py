"""The finished run: plain frozen records that every report format renders and none decides about."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


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


@dataclass(frozen=True, slots=True)
class Row:
    """One check on one target with its outcome; `cause` names the root cause of what was not seen, `note` says why
    an outcome is warned or waived, `under` names the failed check that explains why this one was not seen."""

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
class Run:
    """A finished run, ready to be written in any format; times are UTC, `command` is the line that repeats it.

    `environment_file` is the file that it was judged by, and `environment_digest` the SHA-256 of all its layers.
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
