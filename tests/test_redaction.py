"""The redactor hides a secret in every usual spelling, and nothing else."""

from __future__ import annotations

import base64
import html
import json
import re
import shlex
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.environment.redaction import Redactor, any_of

SECRET = "p@ss w'rd/\"<é>&+"


@pytest.mark.parametrize(
    "spelled",
    [
        SECRET,
        quote(SECRET),
        quote(SECRET, safe=""),
        quote(SECRET, safe="").lower(),
        quote_plus(SECRET),
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
        shlex.quote(SECRET),
        html.escape(SECRET),
        repr(SECRET),
    ],
)
def test_every_spelling_goes(spelled: str) -> None:
    shown = Redactor([SECRET]).text(f"before {spelled} after")
    assert shown in ("before *** after", 'before "***" after', "before '***' after")


@given(st.text(min_size=6, max_size=30, alphabet=st.characters(codec="utf-8")), st.binary(max_size=7), st.binary())
def test_base64_goes_at_every_alignment(secret: str, before: bytes, after: bytes) -> None:
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        shown = Redactor([secret]).text(encode(before + secret.encode() + after).decode())
        assert "***" in shown


def test_the_password_of_a_url_goes_alone() -> None:
    redactor = Redactor(["postgres://verify:hun%2Fter2@db.internal/app"])
    assert redactor.text("hun%2Fter2 and hun/ter2 at db.internal") == "*** and *** at db.internal"
    assert Redactor(["host=db password=hunter22 user=x"]).text("got hunter22") == "got ***"


def test_the_longest_secret_goes_first() -> None:
    assert Redactor(["secret", "secret-and-more"]).text("a secret-and-more b secret") == "a *** b ***"


@given(st.lists(st.text(min_size=1, max_size=6, alphabet="ab/'"), min_size=1, max_size=8), st.text(alphabet="abc/'"))
def test_a_text_loses_what_it_would_lose_with_every_secret_tried_at_every_place(secrets: list[str], text: str) -> None:
    every = "|".join(map(re.escape, sorted(secrets, key=len, reverse=True)))
    assert re.sub(any_of(sorted(set(secrets))), "***", text) == re.sub(every, "***", text)


def test_trees_keep_their_shape() -> None:
    tree = {"a": ["x-canary-x", 3, None], "canary": ({"b": True},)}
    assert Redactor(["canary"]).tree(tree) == {"a": ["x-***-x", 3, None], "***": ({"b": True},)}


def test_without_secrets_nothing_changes() -> None:
    assert Redactor([]).text("as it is") == "as it is"
    assert Redactor([""]).text("as it is") == "as it is"


def test_a_redactor_shows_no_secret() -> None:
    assert "canary" not in repr(Redactor(["canary-secret"]))
