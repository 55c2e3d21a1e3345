"""Structured fields: items, lists and dictionaries, read as strictly as browsers read them.

Source: RFC 8941, section 4.2, and what RFC 9651 adds to it (dates and display strings). A field that can't be read is
ignored as a whole by its reader.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

_KEY = re.compile(r"[a-z*][a-z0-9_.*-]*")
_TOKEN = re.compile(r"[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]*")
_NUMBER = re.compile(r"-?(\d{1,12}\.\d{1,3}|\d{1,15})(?![\d.])")
_STRING = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"')
_BYTES = re.compile(r":[A-Za-z0-9+/=]*:")
_DATE = re.compile(r"@-?\d{1,15}(?![\d.])")
_DISPLAY = re.compile(r'%"((?:[ !#$&-~]|%[0-9a-f]{2})*)"')


class UnreadableError(ValueError):
    """The field is no structured field."""


@dataclass(frozen=True)
class Token:
    """A bare word, which is not the string of the same letters."""

    text: str


@dataclass(frozen=True)
class Item:
    """A value with its parameters; an inner list is a tuple of items, other kinds than tokens are text or a flag."""

    value: Token | str | bool | tuple[Item, ...]
    parameters: dict[str, Token | str | bool] = field(default_factory=dict)


class _Reader:
    def __init__(self, text: str) -> None:
        if not text.isascii():
            raise UnreadableError("other than ASCII")
        self.text, self.at = text.strip(" "), 0

    def take(self, pattern: re.Pattern[str]) -> str | None:
        match = pattern.match(self.text, self.at)
        if match is None:
            return None
        self.at = match.end()
        return match[0]

    def need(self, pattern: re.Pattern[str], what: str) -> str:
        found = self.take(pattern)
        if found is None:
            raise UnreadableError(f"{what} expected at {self.text[self.at : self.at + 20]!r}")
        return found

    def bare(self) -> Token | str | bool:
        """One bare item."""
        for pattern in (_NUMBER, _BYTES, _DATE):
            if (found := self.take(pattern)) is not None:
                return found
        for pattern in (_STRING, _DISPLAY):
            if (found := self.take(pattern)) is not None:
                return re.sub(r'\\(["\\])', r"\1", found[found.index('"') + 1 : -1])
        if (found := self.take(_TOKEN)) is not None:
            return Token(found)
        return self.need(re.compile(r"\?[01]"), "a value") == "?1"

    def parameters(self) -> dict[str, Token | str | bool]:
        """`;key=value` after an item."""
        found: dict[str, Token | str | bool] = {}
        while self.take(re.compile(r";")) is not None:
            self.take(re.compile(r" *"))
            key = self.need(_KEY, "a key")
            found[key] = self.bare() if self.take(re.compile(r"=")) is not None else True
        return found

    def member(self) -> Item:
        """An item or an inner list."""
        if self.take(re.compile(r"\(")) is None:
            value: Token | str | bool | tuple[Item, ...] = self.bare()
            return Item(value, self.parameters())
        items: list[Item] = []
        while True:
            self.take(re.compile(r" *"))
            if self.take(re.compile(r"\)")) is not None:
                return Item(tuple(items), self.parameters())
            items.append(Item(self.bare(), self.parameters()))
            if self.text[self.at : self.at + 1] not in (" ", ")"):
                raise UnreadableError(f"a blank or ) expected at {self.text[self.at : self.at + 20]!r}")

    def end(self) -> None:
        """Nothing is left."""
        if self.at < len(self.text):
            raise UnreadableError(f"unexpected {self.text[self.at : self.at + 20]!r}")


def item(values: Sequence[str]) -> Item:
    """The item of a field; raises `UnreadableError`, also for a field sent twice."""
    reader = _Reader(", ".join(values))
    found = reader.member()
    reader.end()
    if isinstance(found.value, tuple):
        raise UnreadableError("a list where one value is expected")
    return found


def dictionary(values: Sequence[str]) -> dict[str, Item]:
    """The members of a field, which may be sent in parts; of a repeated key the last counts."""
    reader = _Reader(", ".join(values))
    found: dict[str, Item] = {}
    while reader.at < len(reader.text):
        key = reader.need(_KEY, "a key")
        if reader.take(re.compile(r"=")) is not None:
            found[key] = reader.member()
        else:
            found[key] = Item(True, reader.parameters())
        reader.take(re.compile(r"[ \t]*"))
        if reader.at == len(reader.text):
            break
        reader.need(re.compile(r",[ \t]*"), "a comma")
        if reader.at == len(reader.text):
            raise UnreadableError("a comma at the end")
    return found
