"""Judging several answers: what is wrong with any of them is said first, what was not seen second."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

from checks._words import refuse
from fixtures.vocabulary import CannotTell


class Answer(Protocol):
    """An answer by its name; without a status there was none, for the reason in `error`."""

    @property
    def name(self) -> str:
        """What was asked for."""

    @property
    def status(self) -> int | None:
        """The status code."""

    @property
    def error(self) -> str | None:
        """Why there is no answer."""


A = TypeVar("A", bound=Answer)


def unanswered(answer: Answer) -> str:
    """Why an answer can't be judged, if it can't."""
    return "" if answer.status is not None else answer.error or "no answer"


def judge(
    answers: Iterable[A],
    wrong: Callable[[A], str],
    required: str,
    *,
    none: str = "",
    unseen: Callable[[A], str] = unanswered,
) -> None:
    """Require that nothing is `wrong` with any answer; then, that each was seen; `none` says what it means if none is.

    A finding stands whatever else was not seen.
    """
    known = tuple(answers)
    refuse([f"{a.name}: {what}" for a in known if not unseen(a) and (what := wrong(a))], required)
    for answer in known:
        if why := unseen(answer):
            raise CannotTell(f"{answer.name} is not answered ({why})", cause="outage")
    if none and not known:
        raise CannotTell(none, cause="program")


def told(answer: Answer) -> str:
    """The status, or why there is none."""
    return f"no answer ({answer.error})" if answer.status is None else f"{answer.status}"
