"""Every format renders every outcome, survives hostile text, and is quick."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest

from reports import html, junit, markdown, terminal, verdict_json
from reports.records import EvidenceNote, Outcome, Row, Run, Verdict

SCHEMA = json.loads(Path(verdict_json.__file__).with_name("verdict.schema.json").read_text(encoding="utf-8"))
START = datetime(2026, 11, 24, 9, 15, 2, tzinfo=UTC)
HOSTILE = (
    "<script>alert(1)</script> a|b `x` ``y`` \"q\" 'p' & \x1b[31mred\x00 \ud800 \u202e @all *b*\n# head\nGO prod: fine"
)

H = HOSTILE


def row(outcome: Outcome, name: str = "auth.redirect", target: str = "auth.google", **more: str) -> Row:
    """A row with everything filled in."""
    base = Row(
        name, target, outcome, "critical", "release", "The redirect is public.", "http://app2", "https://d", "set URL",
        "curl -s https://d", ("G-1",),
    )  # fmt: skip
    return replace(base, **more)  # type: ignore[arg-type]


def sample() -> Run:
    """A run with every outcome and one root cause for three checks."""
    cause = "postgres.primary: connection refused"
    rows = (
        row(Outcome.PASSED, "dns.resolves", severity="low"),
        row(Outcome.FAILED),
        row(Outcome.FAILED, "backups.fresh", "backups.database", severity="high", scope="estate"),
        row(Outcome.WARNED, "endpoints.web", severity="medium", note="1 of 2 looks"),
        row(Outcome.WAIVED, "headers.csp", severity="low", note="waived until 2026-12-31 (OPS-12)"),
        *(row(Outcome.CANNOT_TELL, f"migrations.{n}", "db", seen="", cause=cause) for n in ("one", "two", "three")),
    )
    return Run(
        Verdict.NO_GO, 1, "2 blocking", "prod", "4f2c1ab", "OPS-1", "gate", START, START + timedelta(seconds=48),
        True, 8, 8, rows, ("IPv6",), ("clock off",),
        (EvidenceNote("restore", "db", "evidence/restore.json", "2026-11-24T03:10:00Z", 1.5, True, "20261124T0310Z"),),
        directory="reports/out/prod/x",
    )  # fmt: skip


def hostile() -> Run:
    """A run whose every text is hostile."""
    rows = tuple(Row(HOSTILE, HOSTILE, outcome, "high", "release", H, H, H, H, H, (H,), H, H) for outcome in Outcome)
    return replace(
        sample(), rows=rows, reason=HOSTILE, environment=HOSTILE, release=HOSTILE, ticket=HOSTILE, directory=HOSTILE,
        not_covered=(HOSTILE,), warnings=(HOSTILE,), selected=5, generated=5, extra={HOSTILE: HOSTILE},
        evidence=(EvidenceNote(HOSTILE, HOSTILE, HOSTILE, HOSTILE, 0.1, False, HOSTILE),),
    )  # fmt: skip


class Tags(HTMLParser):
    """Collects the tags and checks that they are balanced."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An opening tag; no attribute may run a script."""
        self.seen.add(tag)
        assert not [name for name, _ in attrs if name.startswith("on")]
        if tag not in {"br", "meta"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """A closing tag closes the last one opened."""
        assert self.open.pop() == tag


def test_terminal_ends_as_designed() -> None:
    found = terminal.lines(sample())
    assert found[-1] == "NO-GO prod 4f2c1ab: 2 blocking"
    assert (
        found[-2] == "8 of 8 gate checks · 1 passed · 2 failed · 1 warned · 1 waived · 3 not seen (3 critical) · 48 s"
    )
    assert found[-3] == "report       reports/out/prod/x/report.html"
    text = "\n".join(found)
    assert "BLOCKING 2\n 1 critical · rollback may help" in text
    assert "NOT SEEN: 1 cause, 3 checks (3 critical)" in text
    assert text.count("connection refused") == 1
    assert "WARNED 1     endpoints.web" in text
    assert "WAIVED 1     headers.csp" in text
    assert "NOT COVERED  IPv6" in text
    assert "REUSED       restore db" in text


def test_terminal_says_partial() -> None:
    run = replace(sample(), selected=12, generated=214, complete=False)
    assert terminal.lines(run)[-1] == "NO-GO prod 4f2c1ab: PARTIAL (12 of 214), 2 blocking"
    said = replace(run, reason="PARTIAL (12 of 214), 2 blocking", release="")
    assert terminal.lines(said)[-1] == "NO-GO prod: PARTIAL (12 of 214), 2 blocking"
    assert verdict_json.document(replace(run, complete=True))["complete"] is False


def test_terminal_wraps_and_keeps_urls_whole() -> None:
    url = "https://example.net/" + "a" * 120
    run = replace(sample(), rows=(row(Outcome.FAILED, seen="word " * 50 + url),))
    found = terminal.lines(run, width=80)
    assert any(url in text for text in found)
    assert all(len(text) <= 80 for text in found if url not in text)


def test_terminal_is_not_fooled_by_hostile_text() -> None:
    found = terminal.lines(hostile())
    assert not re.search("[\x00-\x1f\x7f-\x9f\u202e\ud800]", "".join(found))
    assert found[-1].startswith("NO-GO ")
    assert not [text for text in found if text.startswith("GO ")]


def test_html_has_everything_without_script() -> None:
    text = html.page(sample())
    tags = Tags()
    tags.feed(text)
    assert tags.open == []
    assert {"style", "details", "table", "article"} <= tags.seen
    assert "script" not in tags.seen
    body = text[text.index("<article") :]
    order = [body.index(word) for word in ("NO-GO", "Blocking", "Cannot tell", "Warned", "Waived",
                                           "Not covered", "Reused evidence", "All 8 checks")]  # fmt: skip
    assert order == sorted(order)
    assert "3 checks not seen" in body
    assert "prefers-color-scheme:dark" in text
    assert "@media print" in text
    assert html.static_document(sample()).partition("<article")[2] in text


def test_html_escapes() -> None:
    tags = Tags()
    text = html.page(hostile())
    tags.feed(text)
    assert tags.open == []
    assert "script" not in tags.seen
    assert not re.search("[\x00\x1b\u202e\ud800]", text)
    evil = html.page(replace(sample(), rows=(row(Outcome.FAILED, see="javascript:alert(1)"),)))
    assert 'href="javascript' not in evil


def test_markdown_fits_and_escapes() -> None:
    text = markdown.summary(sample())
    assert text.startswith("## NO-GO · prod 4f2c1ab\n\n**2 blocking**\n")
    assert "1. **critical** `auth.redirect` on `auth.google`" in text
    assert text.count("connection refused") == 1
    bad = markdown.summary(hostile())
    assert "\n# head" not in bad
    assert "**<script>" not in bad
    assert r"a\|b \`x\`" in bad
    assert "``` <script>" in bad
    many = tuple(row(outcome, f"a.b{n}", cause=f"cause {n}") for n in range(99) for outcome in Outcome)
    full = replace(sample(), rows=many, not_covered=("x",) * 99, warnings=("w",) * 99)
    assert len(markdown.summary(full).splitlines()) <= markdown.MOST_LINES


def test_junit_maps_outcomes() -> None:
    suite = ElementTree.fromstring(junit.junit(sample())).find("testsuite")  # noqa: S314 - our own text
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors"), suite.get("skipped")) == (
        "8",
        "2",
        "3",
        "2",
    )
    case = next(case for case in suite.findall("testcase") if case.find("failure") is not None)
    properties = {item.get("name"): item.get("value") for item in case.iter("property")}
    assert properties == {"severity": "critical", "outcome": "failed", "scope": "release", "statements": "G-1"}
    messages = [item.get("message") for item in suite.iter("skipped")]
    assert "waived: waived until 2026-12-31 (OPS-12)" in messages
    ElementTree.fromstring(junit.junit(hostile()).encode())  # noqa: S314 - our own text


def test_document_fits_its_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    for run in (sample(), hostile()):
        found = json.loads(json.dumps(verdict_json.document(run), ensure_ascii=False).encode())
        jsonschema.validate(found, SCHEMA, cls=jsonschema.Draft202012Validator)
    found = verdict_json.document(sample())
    assert found["counts"] == {
        "generated": 8, "selected": 8, "passed": 1, "failed": 2, "warned": 1, "waived": 1, "cannot-tell": 3,
    }  # fmt: skip
    assert found["started_at"] == "2026-11-24T09:15:02Z"


def test_unfinished_cannot_tell() -> None:
    found = verdict_json.unfinished("prod", "r1", START, "gate")
    jsonschema.validate(found, SCHEMA, cls=jsonschema.Draft202012Validator)
    assert (found["verdict"], found["exit_code"], found["complete"]) == ("CANNOT TELL", 10, False)
    assert found.keys() == verdict_json.document(sample()).keys()
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**found, "verdict": "GO"}, SCHEMA)


@pytest.mark.parametrize("render", [html.page, markdown.summary, junit.junit, verdict_json.document, terminal.lines])
def test_an_empty_run_and_a_thousand_rows(render: Callable[[Run], object]) -> None:
    assert render(replace(sample(), rows=(), evidence=(), release="", selected=0, generated=0))
    outcomes = list(Outcome)
    rows = tuple(row(outcomes[n % 5], f"area{n % 20}.check{n}", cause=f"c{n % 7}") for n in range(1000))
    start = time.perf_counter()
    render(replace(sample(), rows=rows, selected=1000, generated=1000))
    assert time.perf_counter() - start < 1
