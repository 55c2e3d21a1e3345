"""Root causes: what was not seen, grouped by why, and folded under the failed check that explains it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from reports import wording
from reports.records import Outcome, Row, Run

PHRASES = {
    "outage": "outage",
    "permission": "permission, not outage",
    "network": "our network, not the target",
    "unproven": "an outage, or our own network",
    "deadline": "too slow to be seen",
    "program": "no usable answer",
    "age": "not looked at lately",
    "incomplete": "not among the kept evidence",
    "elsewhere": "evidence of something else",
    "bug": "bug in the suite",
}
_DO = {
    "outage": "look at the log and the state of {target}: our network is fine, it does not answer",
    "permission": "check the credentials of {target}: rotated, or rights not granted? Renew them and run again",
    "network": "our own network: let this vantage reach {target}, or run from one that does",
    "unproven": "declare a control for the vantage of {target}: another host there that answers whenever ours is fine",
    "deadline": "look at the load of {target}; if it is always this slow, give it a longer deadline",
    "program": "compare what {target} is with what the environment file says of it",
    "age": "let --run=nightly look at {target}",
    "incomplete": "look in a run of its own: the saved one did not need it, or ended before it was seen",
    "elsewhere": "look at {target} itself, or judge the saved run by the environment it was seen in",
    "bug": "report it, with {evidence}",
}
_DO_ELSE = "run again; if it comes back, report it with the run's directory"
_MOST_FILES = 2
_MOST_IDS = 3


@dataclass(frozen=True)
class Reason:
    """Why something was not seen; `word` is empty where the cause is none of `PHRASES`."""

    target: str
    word: str
    message: str


@dataclass(frozen=True)
class Cause:
    """One root cause and the checks that were not seen because of it, the worst first."""

    target: str
    word: str
    name: str
    rows: tuple[Row, ...]

    @property
    def severities(self) -> str:
        """The number of checks by severity, the worst first, as `6 critical, 11 high`."""
        return wording.severity_counts(self.rows)

    def at_stake(self, limit: int = 4) -> str:
        """The ids of the checks not seen, the worst first, at most `limit`."""
        return ids(self.rows, limit)

    def details(self) -> list[str]:
        """What was seen, each different text once."""
        texts = []
        for row in self.rows:
            texts.append(reason(row).message if self.word else wording.line(row.seen))
            texts += [wording.line(row.note)] if row.outcome is Outcome.CANNOT_TELL else []
        return [text for text in dict.fromkeys(texts) if text not in ("", self.name, PHRASES.get(self.word))]


def reason(row: Row) -> Reason:
    """The parts of a row's cause, `<target>: <word>: <message>`: the only place that takes it apart."""
    text = wording.line(row.cause)
    target, _, rest = text.partition(": ")
    word, _, message = rest.partition(": ")
    word = "bug" if word == PHRASES["bug"] else word
    if word in PHRASES:
        return Reason(target, word, message)
    return Reason(target, "", rest)


def fold(rows: Iterable[Row], roots: frozenset[str]) -> tuple[Row, ...]:
    """The rows, those not seen because of an outage that a failed check of `roots` explains marked as `under` it."""
    rows = tuple(rows)
    failed = sorted((row for row in rows if row.id in roots and row.outcome is Outcome.FAILED), key=wording.order)
    explained = {row.target: row.label for row in reversed(failed)}
    under = (_root(row, explained) for row in rows)
    return tuple(row if row.under == root else replace(row, under=root) for row, root in zip(rows, under, strict=True))


def hidden(run: Run) -> dict[str, tuple[Row, ...]]:
    """The rows not seen because of a failed check, the worst first, by that check's label."""
    found: dict[str, list[Row]] = {}
    for row in sorted((row for row in run.rows if row.under), key=wording.order):
        found.setdefault(row.under, []).append(row)
    return {label: tuple(rows) for label, rows in found.items()}


def hides(rows: tuple[Row, ...]) -> str:
    """`84 checks (12 critical, 30 high) of endpoints.web not seen`."""
    targets = wording.listed(sorted({reason(row).target for row in rows}), 3, ", ")
    return f"{wording.plural(len(rows), 'check')} ({wording.severity_counts(rows)}) of {targets} not seen"


def causes(run: Run) -> list[Cause]:
    """What was not seen and no failed check explains, by root cause, the worst and largest first."""
    return grouped(row for row in wording.of(run, Outcome.CANNOT_TELL) if not row.under)


def grouped(rows: Iterable[Row]) -> list[Cause]:
    """Rows not seen, by target and cause word, the worst and largest first."""
    groups: dict[tuple[str, str, str], list[Row]] = {}
    for row in sorted(rows, key=wording.order):
        why = reason(row)
        if why.word:
            key = (why.target, why.word, f"{why.target}: {PHRASES[why.word]}")
        else:
            text = wording.line(row.cause) or wording.line(row.note) or f"{wording.line(row.target)}: cause not known"
            key = (why.target, "", text)
        groups.setdefault(key, []).append(row)
    found = [Cause(*key, tuple(rows)) for key, rows in groups.items()]
    return sorted(found, key=lambda cause: (wording.rank(cause.rows[0].severity), -len(cause.rows), cause.name))


def to_do(cause: Cause, run: Run) -> str:
    """What helps to see it next time."""
    if cause.word not in _DO:
        return _DO_ELSE
    return _DO[cause.word].format(target=cause.target, evidence=_evidence(cause.target, run))


def clause(rows: Iterable[Row]) -> str:
    """The causes in short, `postgres.primary permission; endpoints.web outage`, at most four."""
    names = dict.fromkeys(f"{cause.target} {cause.word}".strip() for cause in grouped(rows))
    return wording.listed((name for name in names if name), 4, "; ")


def ids(rows: Iterable[Row], limit: int) -> str:
    """The ids of rows, each once, at most `limit`."""
    return wording.listed(dict.fromkeys(wording.line(row.id) for row in rows), limit, ", ")


def warned(run: Run) -> list[str]:
    """What is warned, each finding in one line; what was not seen by its cause, with the first of its checks."""
    seen = [wording.noted(row) for row in wording.of(run, Outcome.WARNED) if not row.unseen]
    return seen + [named(text, rows) for text, rows in warned_blindly(run)]


def named(text: str, rows: Iterable[Row]) -> str:
    """The text and the first of the checks that it is about."""
    return f"{text} ({ids(rows, _MOST_IDS)})"


def warned_blindly(run: Run) -> list[tuple[str, tuple[Row, ...]]]:
    """What was not seen and only warned, together by its cause: how much it is and why, and the rows."""
    rows = [row for row in wording.of(run, Outcome.WARNED) if row.unseen]
    blind = grouped(row for row in rows if not row.under)
    found = [(f"{len(cause.rows)} not seen ({cause.severities}): {cause.name}", cause.rows) for cause in blind]
    for label in dict.fromkeys(row.under for row in rows if row.under):
        under = tuple(row for row in rows if row.under == label)
        many = f"{len(under)} not seen ({wording.severity_counts(under)})"
        found.append((f"{many} because of {wording.line(label)}", under))
    return found


def _root(row: Row, explained: dict[str, str]) -> str:
    if not explained or not row.unseen:
        return ""
    why = reason(row)
    return explained.get(why.target, "") if why.word == "outage" else ""


def _evidence(target: str, run: Run) -> str:
    notes = [note for note in run.evidence if note.target == target]
    notes = [note for note in notes if not note.ok] or notes
    files = [wording.line(note.file) for note in notes[:_MOST_FILES]]
    return " and ".join(files) if files else "the run's directory"
