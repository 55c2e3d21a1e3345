"""Every format renders every outcome, survives hostile text, and is quick."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.environment.loading import load
from fixtures.environment.redaction import Redactor
from fixtures.words import age
from reports import causes, html, junit, markdown, terminal, verdict_json, wording
from reports.covering import not_covered
from reports.finishing import started
from reports.ledger import here
from reports.records import EvidenceNote, Outcome, Row, Run, Verdict
from reports.redacted import redacted
from reports.verdict import verdict

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


def document(run: Run) -> dict[str, Any]:
    """verdict.json as it is read."""
    found: dict[str, Any] = json.loads("".join(verdict_json.document(run)).encode())
    return found


def xml(run: Run) -> str:
    """junit.xml as it is written."""
    return "".join(junit.junit(run))


FORMATS: list[Callable[[Run], object]] = [html.page, markdown.summary, xml, document, terminal.lines]


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
        (EvidenceNote("RestoreEvidence", "db", "evidence/db.RestoreEvidence.json", "2026-11-24T03:10:00Z", 1.5, True,
                      "20261124T0310Z", 604800.0),),
        directory="reports/out/prod/x", command="pytest --env=prod --recheck=reports/out/prod/x",
    )  # fmt: skip


ROOTS = frozenset({"reach.origin_answers"})


def dead(*more: Row) -> Run:
    """A run whose origin is down: one check failed, four could not be judged because of that."""
    name, origin = "reach.origin_answers", "endpoints.web"
    refused, late = "endpoints.web: outage: connection refused", "endpoints.web: outage: no answer in time"
    rows = (
        row(Outcome.FAILED, name, origin, seen="no answer"),
        row(Outcome.PASSED, name, "endpoints.api"),
        row(Outcome.CANNOT_TELL, "tls.one", origin, seen="connection refused", cause=refused),
        row(Outcome.CANNOT_TELL, "tls.two", origin, severity="high", cause=refused),
        row(Outcome.CANNOT_TELL, "http.three", origin, severity="high", cause=late),
        row(Outcome.WARNED, "http.four", origin, severity="low", cause=late, note="warned: not seen"),
        *more,
    )
    return judged(*causes.fold(rows, ROOTS))


def judged(*rows: Row, **more: object) -> Run:
    """A run of these rows with the verdict they have."""
    answer = verdict(rows, expected=len(rows), generated=len(rows), protected=False)
    word, code, why = answer
    base = replace(sample(), rows=rows, verdict=word, exit_code=code, reason=why, selected=len(rows))
    return replace(base, generated=len(rows), **more)  # type: ignore[arg-type]


def unseen(target: str = "postgres.primary", word: str = "permission", text: str = "role refused", n: int = 1) -> Row:
    """A critical row not seen for this cause."""
    return row(Outcome.CANNOT_TELL, f"database.c{n}", target, seen=text, cause=f"{target}: {word}: {text}")


KINDS: dict[str, Callable[[], Run]] = {
    "every outcome": lambda: sample(),
    "hostile": lambda: hostile(),
    "dead origin": lambda: dead(),
    "cannot tell": lambda: judged(row(Outcome.PASSED, "tls.x"), unseen(), unseen(n=2)),
    "warnings": lambda: judged(row(Outcome.PASSED), row(Outcome.WARNED, note="warned: below fail_on")),
    "go": lambda: judged(row(Outcome.PASSED, note="passes now: drop the waiver OPS-3")),
    "partial": lambda: replace(judged(row(Outcome.PASSED)), generated=9, exit_code=10, complete=False),
    "empty": lambda: judged(evidence=()),
    "interrupted": lambda: replace(
        judged(row(Outcome.FAILED)), verdict=Verdict.CANNOT_TELL, exit_code=2, reason="interrupted", complete=False
    ),
}


def hostile() -> Run:
    """A run whose every text is hostile."""
    rows = tuple(Row(HOSTILE, HOSTILE, outcome, "high", "release", H, H, H, H, H, (H,), H, H, H) for outcome in Outcome)
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
    assert "headers.csp [auth.google] until 2026-12-31 (OPS-12), 37 days left" in text
    assert "REUSED       restore db 24 Nov 03:10Z (6 h old, limit 7 d) from 20261124T0310Z" in text
    assert "again        pytest --env=prod --recheck=reports/out/prod/x" in found


def test_terminal_says_partial() -> None:
    run = replace(sample(), selected=12, generated=214, complete=False)
    assert terminal.lines(run)[-1] == "NO-GO prod 4f2c1ab: PARTIAL (12 of 214), 2 blocking"
    assert document(run)["complete"] is False


def test_what_is_not_covered_is_one_line_a_reason_with_the_checks() -> None:
    unbound = {"redis (not declared)": ("redis.a", "redis.b"), "nothing declared that they judge": ("http.c",)}
    rows = [
        ("http.d", "endpoints.web"),
        ("http.e", "endpoints.web"),
        ("http.e", "endpoints.api"),
        ("all", "environment"),
    ]
    targets = [f"endpoints.{name}" for name in ("web", "api", "a", "b", "c", "d")]
    lines = not_covered(unbound, ["dns", "redis", "endpoints"], rows, targets, ["born", "release.build_id"])
    assert lines == (
        "dns (not declared)",
        "nothing declared that they judge: http.c",
        "redis (not declared): redis.a, redis.b",
        "endpoints.api (judged of others only): http.d",
        "endpoints.a, endpoints.b, endpoints.c, … 1 more (judged of others only): http.d, http.e",
        "no check reads: born, release.build_id",
    )
    shown = [line for line in terminal.lines(replace(sample(), not_covered=lines), width=80) if len(line) <= 80]
    start = shown.index("NOT COVERED  dns (not declared)")
    assert [line.strip() for line in shown[start + 1 : start + 4]] == list(lines[1:4])


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
    fragment = html.static_document(sample()).partition("<article")[2]
    assert fragment.replace(re.findall('<details class="gl-all gl-pytest">.*?</details>\n', fragment)[0], "") in text


def test_html_says_once_what_many_targets_have_in_common() -> None:
    alike = [row(Outcome.PASSED, "tls.versions", f"endpoints.site{n}", seen="", required="") for n in range(300)]
    pair = [row(Outcome.FAILED, "tls.groups", f"endpoints.site{n}") for n in (7, 8)]
    other = row(Outcome.FAILED, "tls.groups", "endpoints.site9", seen="something else")
    table = html.page(judged(*alike, *pair, other)).partition('<table class="gl-rows">')[2].partition("</table>")[0]
    assert table.count("<tr>") == 4
    assert "<details><summary>300 targets</summary>endpoints.site0<br>" in table
    assert ">endpoints.site7<br>endpoints.site8<" in table
    assert all(f"endpoints.site{n}<" in table for n in range(300))


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
    suite = ElementTree.fromstring(xml(sample())).find("testsuite")  # noqa: S314 - our own text
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
    ElementTree.fromstring(xml(hostile()).encode())  # noqa: S314 - our own text


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_run_fits_the_schema(kind: str) -> None:
    found = document(KINDS[kind]())
    jsonschema.validate(found, SCHEMA, cls=jsonschema.Draft202012Validator)


def test_the_document_counts_and_says_when() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    found = document(sample())
    assert found["counts"] == {
        "generated": 8, "selected": 8, "passed": 1, "failed": 2, "warned": 1, "waived": 1, "cannot-tell": 3,
    }  # fmt: skip
    assert found["started_at"] == "2026-11-24T09:15:02Z"


def test_unfinished_cannot_tell() -> None:
    found = verdict_json.unfinished("prod", "r1", START, "gate")
    jsonschema.validate(found, SCHEMA, cls=jsonschema.Draft202012Validator)
    assert (found["verdict"], found["exit_code"], found["complete"]) == ("CANNOT TELL", 10, False)
    assert found.keys() == document(sample()).keys()
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**found, "verdict": "GO"}, SCHEMA)


@pytest.mark.parametrize("render", FORMATS)
def test_an_empty_run_and_a_thousand_rows(render: Callable[[Run], object]) -> None:
    assert render(replace(sample(), rows=(), evidence=(), release="", selected=0, generated=0))
    outcomes = list(Outcome)
    rows = tuple(row(outcomes[n % 5], f"area{n % 20}.check{n}", cause=f"c{n % 7}") for n in range(1000))
    start = time.process_time()
    render(replace(sample(), rows=rows, selected=1000, generated=1000))
    assert time.process_time() - start < 1


def test_a_dead_origin_reads_as_one_failure() -> None:
    run = dead()
    assert [r.under for r in run.rows] == ["", "", *["reach.origin_answers [endpoints.web]"] * 4]
    assert run.reason == "1 blocking, 4 not seen because of it"
    hides = "4 checks (1 critical, 2 high, 1 low) of endpoints.web not seen"
    for text in ("\n".join(terminal.lines(run)), html.page(run), markdown.summary(run)):
        assert text.count(hides) == 1
        assert "connection refused" not in text.partition('<details class="gl-all">')[0]
    assert "NOT SEEN:" not in "\n".join(terminal.lines(run))
    page = html.page(run)
    assert "<h2>Cannot tell" not in page
    assert page.partition('<details class="gl-all">')[2].count("because of reach.origin_answers [endpoints.web]") == 4
    checks = {check["id"]: check for check in document(run)["checks"]}
    assert checks["tls.one"]["under"] == "reach.origin_answers [endpoints.web]"
    assert 'message="endpoints.web: outage: connection refused (because of' in xml(run)


def test_only_an_outage_of_the_same_target_is_folded() -> None:
    permission = unseen("endpoints.web", "permission", "refused", 1)
    elsewhere = unseen("postgres.primary", "outage", "refused", 2)
    run = dead(permission, elsewhere)
    assert [r.under for r in run.rows[-2:]] == ["", ""]
    assert run.reason == "1 blocking, 4 not seen because of it, 2 more not seen"
    assert "NOT SEEN: 2 causes, 2 checks (2 critical)" in terminal.lines(run)
    waived = tuple(replace(r, outcome=Outcome.WAIVED) if r.id in ROOTS else r for r in run.rows)
    assert not any(r.under for r in causes.fold(waived, ROOTS))
    assert causes.fold(run.rows, frozenset())[2].under == ""


def test_one_cause_word_of_one_target_is_one_cause_with_its_details() -> None:
    rows = [unseen(text="refused", word="outage"), unseen(text="timeout", word="outage", n=2), unseen(n=3)]
    found = causes.causes(judged(*rows))
    assert [(cause.name, len(cause.rows)) for cause in found] == [
        ("postgres.primary: outage", 2),
        ("postgres.primary: permission, not outage", 1),
    ]
    assert found[0].details() == ["refused", "timeout"]


@pytest.mark.parametrize(
    ("cause", "parts"),
    [
        ("a.b: outage: x: y", ("a.b", "outage", "x: y")),
        ("a.b: bug in the suite: KeyError", ("a.b", "bug", "KeyError")),
        ("the run: never run", ("the run", "", "never run")),
        ("", ("", "", "")),
    ],
)
def test_the_parts_of_a_cause(cause: str, parts: tuple[str, str, str]) -> None:
    found = causes.reason(row(Outcome.CANNOT_TELL, cause=cause))
    assert (found.target, found.word, found.message) == parts


def test_a_run_that_cannot_tell_says_what_it_means_and_what_to_do() -> None:
    bug = unseen("endpoints.web", "bug", "KeyError", 4)
    note = EvidenceNote("TlsEvidence", "endpoints.web", "evidence/w.TlsEvidence.json", "", 0.1, False)
    passed = [row(Outcome.PASSED, "tls.a"), row(Outcome.PASSED, "tls.b"), row(Outcome.PASSED, "dns.c")]
    run = judged(*passed, unseen(), unseen(n=2), bug, evidence=(note,))
    text = "\n".join(terminal.lines(run, width=200))
    assert "SEEN AND FINE 3   tls (2) · dns (1)" in text
    assert "   do        check the credentials of postgres.primary" in text
    assert "   do        report it, with evidence/w.TlsEvidence.json" in text
    assert (
        "meaning      nothing seen is wrong, but 3 checks of database were not seen. "
        "Do not promote; no reason to roll back." in text
    )
    assert text.endswith("3 of 6 checks not seen (postgres.primary permission; endpoints.web bug)")
    assert 'href="evidence/w.TlsEvidence.json"' in html.page(run)


@pytest.mark.parametrize(
    ("scopes", "advice"),
    [
        (("release",), "this release may have caused what fails: rolling back may help."),
        (("estate",), "what fails is posture, not this release: rolling back does not help. Repair it in place."),
        (("release", "estate"), "rolling back may help with 1 of 2 (a.c0), not with the rest."),
    ],
)
def test_a_no_go_says_whether_rolling_back_helps(scopes: tuple[str, ...], advice: str) -> None:
    rows = [row(Outcome.FAILED, f"a.c{n}", scope=scope) for n, scope in enumerate(scopes)]
    assert wording.meaning(judged(*rows)) == advice


def test_a_run_that_failed_and_was_interrupted_advises_no_rollback() -> None:
    assert wording.meaning(KINDS["interrupted"]()).startswith("1 check failed, but the run did not reach its end.")
    assert wording.meaning(KINDS["partial"]()).endswith("Do not promote on this run alone.")
    assert wording.meaning(KINDS["empty"]()).startswith("nothing was seen")
    assert wording.meaning(KINDS["go"]()) == ""


@pytest.mark.parametrize(
    ("typed", "command"),
    [
        ([".venv/bin/python", "-m", "pytest", "--env=a"], [".venv/bin/python", "-m", "pytest"]),
        (["/v/bin/python", "/v/bin/pytest", "--env=a"], ["/v/bin/pytest"]),
        (["python3", "-c", "import pytest; pytest.main(['--env=a'])"], [sys.executable, "-m", "pytest"]),
        ([], [sys.executable, "-m", "pytest"]),
    ],
)
def test_the_command_is_the_one_that_was_typed(typed: list[str], command: list[str]) -> None:
    assert started(["--env=a"], typed) == command


def test_a_script_on_the_path_needs_no_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "pytest"
    script.touch(mode=0o700)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert started(["--env=a"], ["/v/bin/python", str(script), "--env=a"]) == ["pytest"]


def test_a_go_is_said_once() -> None:
    run = judged(row(Outcome.PASSED))
    for render in (markdown.summary, html.page):
        shown = render(run).partition('<details class="gl-all">')[0]
        assert (shown.count("1 of 1"), shown.count("(48 s)")) == (1, 1)
    assert terminal.lines(run)[-2:] == ["1 of 1 gate checks · 1 passed · 48 s", "GO prod 4f2c1ab: 1 of 1 checks passed"]


@pytest.mark.parametrize(
    ("fix", "shown"),
    [
        ("put `ssl_protocols TLSv1.2;` into *it*", r"put `ssl_protocols TLSv1.2;` into \*it\*"),
        ("an open `quote", r"an open \`quote"),
        ("``two`` `a``b`", r"\`\`two\`\` \`a\`\`b\`"),
        ("`a` and `<b>`", "`a` and `<b>`"),
    ],
)
def test_code_in_a_fix_is_code_in_the_summary(fix: str, shown: str) -> None:
    assert f"   - fix: {shown}\n" in markdown.summary(judged(row(Outcome.FAILED, fix=fix)))


def test_the_report_calls_things_what_the_other_formats_call_them() -> None:
    digests = {"environment_digest": "a" * 64, "evidence_digest": "b" * 64}
    page = html.page(judged(row(Outcome.FAILED), environment_file="environments/prod.yaml", **digests))
    assert "observed" not in page.lower().partition("<article")[2].replace("observed_at", "")
    assert "The redirect is public. <em>· rollback may help</em>" in page
    for name, value in (("Environment file", "environments/prod.yaml"), ("Environment, SHA-256", "a" * 64)):
        assert re.search(f"<dt>{name}</dt><dd>(<code>)?{value}<", page)


def test_the_table_of_pytest_html_is_behind_a_summary_where_there_is_one() -> None:
    assert '<details class="gl-all gl-pytest">' in html.static_document(sample())
    assert "gl-pytest" not in html.page(sample()).partition("<article")[2]
    assert ":not(:has(.gl-pytest[open])) :is(#results-table," in html.static_document(sample())


def test_what_only_warns_is_named_in_every_ending() -> None:
    many = [replace(unseen(n=n), outcome=Outcome.WARNED, severity="low", note="warned: not seen") for n in range(5)]
    run = judged(row(Outcome.PASSED), *many)
    first = "(database.c0, database.c1, database.c2, … 2 more)"
    for text in (" ".join("\n".join(terminal.lines(run)).split()), markdown.summary(run), html.page(run)):
        assert text.count(first) == 1
    warned = html.page(run).partition("<h2>Warned")[2].partition("</section>")[0]
    assert warned.count('<span class="gl-id">') == 5


def test_what_is_not_covered_is_counted_where_it_is_too_long_and_whole_in_the_report() -> None:
    ids = ", ".join(f"compose.a_check_with_a_long_name_{n}" for n in range(25))
    keys = ", ".join(f"release.key_{n}" for n in range(25))
    run = replace(sample(), not_covered=(f"compose (not declared): {ids}", f"no check reads: {keys}", "IPv6"))
    shown = terminal.lines(run, width=80)
    start = shown.index("NOT COVERED  compose (not declared): 25 checks")
    assert [line.strip() for line in shown[start + 1 : start + 3]] == ["no check reads: 25 keys", "IPv6"]
    assert "compose (not declared): 25 checks · no check reads: 25 keys · IPv6" in markdown.summary(run)
    section = html.page(run).partition("<h2>Not covered")[2].partition("</section>")[0]
    assert "<summary>compose (not declared) (25)</summary>" in section
    assert [name for name in ids.split(", ") if f"<li>{name}</li>" not in section] == []


def test_what_was_not_kept_is_one_cause_that_says_it_once() -> None:
    text = "not among the kept evidence"
    rows = [unseen("the saved run", "incomplete", text, n) for n in range(3)]
    run = judged(row(Outcome.PASSED), *rows)
    assert run.reason == "3 of 4 checks not seen (the saved run incomplete)"
    assert "\n".join(terminal.lines(run)).count(text) == 1


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        ("{url: 'https://a.test'}", "curl https://a.test/ https://www.a.test"),
        ("{url: 'https://a.test:443'}", "curl https://a.test/ https://www.a.test"),
        ("{url: 'https://a.test:8443'}", "curl https://HOST/ https://www.HOST"),
        ("{url: 'https://a.test', connect: '127.0.0.1:9'}", "curl https://HOST/ https://www.HOST"),
    ],
)
def test_a_command_names_the_host_where_that_leads_to_it(tmp_path: Path, target: str, shown: str) -> None:
    (tmp_path / "x.yaml").write_text(f"schema: 1\nendpoints: {{web: {target}}}\n", encoding="utf-8")
    environment = load(str(tmp_path / "x.yaml"))
    assert here("curl https://HOST/ https://www.HOST", environment, "endpoints.web") == shown
    assert here("curl https://HOST/", environment, "postgres.none") == "curl https://HOST/"


def test_a_waiver_that_is_not_needed_any_more_is_named() -> None:
    for render in (markdown.summary, html.page, lambda run: "\n".join(terminal.lines(run))):
        assert "passes now: drop the waiver OPS-3" in render(KINDS["go"]())


@pytest.mark.parametrize(
    ("until", "left"), [("2026-12-31", "37 days left"), ("2026-11-25", "1 day left"), ("2026-11-24", "its last day")]
)
def test_the_days_a_waiver_has_left(until: str, left: str) -> None:
    waived = row(Outcome.WAIVED, note=f"waived until {until} (OPS-12): until the new build")
    assert wording.waiver(waived, START) == f"until {until} (OPS-12), {left}: until the new build"
    odd = row(Outcome.WAIVED, note="waived until 2026-99-99 (X): y")
    assert wording.waiver(odd, START) == "waived until 2026-99-99 (X): y"


@pytest.mark.parametrize(
    ("seconds", "words"), [(40, "40 s"), (2700, "45 m"), (21900, "6 h"), (129600, "36 h"), (604800, "7 d"), (-5, "0 s")]
)
def test_an_age_in_words(seconds: float, words: str) -> None:
    assert age(seconds) == words


def test_what_is_warned_says_what_was_seen_and_counts_what_was_not() -> None:
    seen = row(Outcome.WARNED, "http.slow", "endpoints.web", seen="p95 1.7 s", note="warned: below fail_on")
    blind = replace(unseen(), outcome=Outcome.WARNED, severity="low", note="warned: not seen")
    found = causes.warned(judged(seen, blind))
    assert found == [
        "http.slow [endpoints.web]: p95 1.7 s (below fail_on)",
        "1 not seen (1 low): postgres.primary: permission, not outage (database.c1)",
    ]
    assert "2 warned (1 not seen)" in wording.counts_line(judged(seen, blind))


@pytest.mark.parametrize("width", [20, 60, 80, 200])
def test_the_terminal_keeps_to_its_width(width: int) -> None:
    copied = ("again", "report", "   see it", "NO-GO")
    for text in terminal.lines(dead(unseen()), width=width):
        longest = max(map(len, text.split()), default=0)
        assert len(text) <= max(width, 40) or text.startswith(copied) or 13 + longest > max(width, 40)


SECRET = 'hunter2 <&"quoted"> and/more='


@pytest.mark.parametrize("secret", [SECRET, "x" * 290 + "-end-of-the-secret"])
@pytest.mark.parametrize("render", FORMATS)
def test_no_rendering_splits_a_secret(secret: str, render: Callable[[Run], object]) -> None:
    text = f"{'y' * 20} {secret} tail"
    rows = tuple(replace(r, seen=text, note=text, see=f"curl {secret}", statements=(text,)) for r in sample().rows)
    leaky = replace(sample(), rows=rows, extra={secret: text}, not_covered=(text,), command=f"pytest {secret}")
    clean = redacted(leaky, Redactor([secret]).text)
    assert clean.rows[0].seen == f"{'y' * 20} *** tail"
    assert clean.extra == {"***": f"{'y' * 20} *** tail"}
    assert (clean.verdict, clean.rows[0].outcome, clean.started_at) == (Verdict.NO_GO, Outcome.PASSED, START)
    shown = json.dumps(render(clean))
    for piece in ("hunter2", "quoted", "xxxxxx", "end-of-the"):
        assert piece not in shown
    assert any(piece in json.dumps(render(leaky)) for piece in ("hunter2", "xxxxxx"))


def test_evidence_links_lead_below_the_run_directory_and_nowhere_else() -> None:
    note = EvidenceNote("AuthEvidence", "auth.google", "evidence/auth.google.AuthEvidence.json", "", 0.1, True)
    other = replace(note, kind="TlsEvidence", file="evidence/auth.google.TlsEvidence.json")
    page = html.page(judged(row(Outcome.FAILED), evidence=(note, other)))
    card = page.partition('<div class="gl-card gl-nogo">')[2].partition("</div>")[0]
    assert re.findall('href="(evidence[^"]*)"', card) == ["evidence/auth.google.AuthEvidence.json"]
    for file in ("javascript:alert(1)", "/etc/passwd", "evidence/../../x.json", "evidence/a/b.json"):
        assert file not in re.findall('href="([^"]*)"', html.page(judged(evidence=(replace(note, file=file),))))


def test_the_first_box_counts_by_area_and_severity() -> None:
    page = html.page(dead())
    box = page.partition('<section class="gl-box">')[2].partition("</section>")[0]
    lines = [re.sub("<[^>]+>|&#8239;", " ", part).split() for part in box.split("</tr>")]
    assert lines[0] == ["area", "crit", "high", "low"]
    assert lines[1] == ["reach", "1", "✗", "·", "·"]
    assert lines[2] == ["http", "·", "1", "?", "1", "?"]
    assert lines[3] == ["tls", "1", "?", "1", "?", "·"]


def test_the_fragment_brings_what_the_page_around_it_lacks() -> None:
    fragment = html.static_document(sample())
    assert fragment.startswith('<meta name="viewport"')
    style = fragment.partition("<style>")[2].partition("</style>")[0]
    assert ":not(:has(#results-table > tbody))" in style
    assert style.count("{") == style.count("}")


TEXT = st.text(st.sampled_from("`*_<>[]()#@|~\\&$!-+=. \n\t1aé\x1b\u202e\u2028"), max_size=30)


def outside_code(text: str) -> str:
    """A line of Markdown without its code spans, escaped characters and our own bold marks; every span is closed."""
    kept, at = "", 0
    while at < len(text):
        if text[at] == "\\" and at + 1 < len(text):
            at += 2
        elif text[at] == "`":
            fence = re.match("`+", text[at:])
            assert fence is not None
            closing = re.compile(rf"(?<!`){fence[0]}(?!`)").search(text, at + len(fence[0]))
            assert closing is not None, text
            at = closing.end()
        else:
            kept, at = kept + text[at], at + 1
    return kept.replace("**", "")


@settings(max_examples=150, deadline=None)
@given(st.lists(TEXT, min_size=5, max_size=5), st.sampled_from(list(Outcome)))
def test_no_text_becomes_markdown(texts: list[str], outcome: Outcome) -> None:
    a, b, c, d, e = texts
    rows = (Row(a or "a", b, outcome, "high", "release", c, d, e, a, b, (c,), d, e), row(Outcome.FAILED, see=a, fix=b))
    run = judged(*rows, environment=a, release=b, ticket=c, not_covered=(d,), warnings=(e,), command=a, directory=b)
    for line in markdown.summary(run).splitlines():
        assert re.match(r"## [A-Z]|### (Blocking|Not seen): \d|\*\*|\d+ of |run |\d\. \*\*| *- [\w*]|[A-Z]|$", line), (
            line
        )
        assert not re.search(r"[<>@|*`$\[\]\x1b\u202e\u2028]", outside_code(line)), line


def test_markdown_fits_with_everything_in_it() -> None:
    rows = [row(Outcome.FAILED, f"a.b{n}") for n in range(30)]
    rows += [unseen(f"endpoints.e{n}", "network", "x", n) for n in range(30)]
    rows += [row(Outcome.WARNED, f"c.d{n}", note="w") for n in range(30)]
    rows += [row(Outcome.WAIVED, f"c.e{n}", note=f"waived until 2026-12-31 (OPS-{n}): y") for n in range(30)]
    rows += [row(Outcome.PASSED, f"f.e{n}", note="passes now") for n in range(30)]
    run = judged(*dead().rows, *rows, not_covered=("x",) * 99, warnings=("w",) * 99)
    assert 30 < len(markdown.summary(run).splitlines()) <= markdown.MOST_LINES


@pytest.mark.parametrize("render", FORMATS)
def test_a_thousand_checks_behind_one_dead_origin(render: Callable[[Run], object]) -> None:
    rows = [unseen("endpoints.web", "outage", f"text {n % 3}", n) for n in range(1000)]
    start = time.process_time()
    render(dead(*rows))
    assert time.process_time() - start < 1
