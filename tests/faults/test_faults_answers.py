"""What the API, or whoever answers in its place, may say: the real program reads it, and keeps its head.

Most rows share one run of `check` over several hundred tasks, each with an answer of its own, and one dashboard.
"""

from __future__ import annotations

import json
import re
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import pytest
from tests.bodies import (
    Reply,
    error_body,
    error_reply,
    fail_body,
    http_reply,
    rate_limit_reply,
    success_body,
    waiting_body,
)
from tests.command import KEY, Command
from tests.faults.sweep import ScriptedServer, Swept, cpu_s, running, sweep, task_id
from tests.servers import FakeApi, sends

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.bodies import Body
    from tests.servers import Request

URL: Final = "https://cdn.example.com/result.png"
CREATED_MS: Final = 1777459967759
NO_PICTURES: Final = "[view]\npreview = false\n"
"""Links here lead nowhere, and nobody is to look for where."""
MAX_TEXT: Final = 65_536
CAP_BYTES: Final = 4 << 20


@dataclass(frozen=True, slots=True)
class Case:
    """One answer, and what it makes of its task."""

    row: str
    reply: Reply | Body | bytes
    said: str = ""
    """A pattern of kind and message; empty: there is no problem."""
    shown: Mapping[str, Any] = field(default_factory=dict)
    """Fields of `list --json`."""
    before: Body | None = None
    """The answer of an earlier check, if there was one."""

    def encoded(self, body: Reply | Body | bytes) -> bytes:
        """The answer's bytes; an error's status is its code only where the case says so."""
        if isinstance(body, Reply):
            return body.encode()
        return http_reply(200, body if isinstance(body, bytes) else json.dumps(body).encode())


@dataclass(frozen=True, slots=True)
class Run:
    """The one run."""

    taskdash: Command
    swept: Swept
    cases: dict[str, Case]

    def check(self, row: str) -> dict[str, Case]:
        """Every case of a row came out as it says; return them."""
        found = {each: case for each, case in self.cases.items() if case.row == row}
        assert found
        for each, case in found.items():
            task, problem = self.swept.tasks[each], self.swept.problem(each)
            assert re.match(case.said, problem) if case.said else not problem, (case, problem)
            assert problem.isprintable()
            for name, value in case.shown.items():
                assert task[name] == value, (case, name, task[name])
        return found


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, outage: object) -> Iterator[Run]:  # noqa: ARG001 - runs beside it
    """All cases, put to one process; those that had a record before, to another one first."""
    with ScriptedServer() as server:
        taskdash = Command(tmp_path_factory.mktemp("answers"), server, per_second=1000)
        cases: dict[str, Case] = {}
        for make in (codes, texts, numbers, mutations, states, strangers, results, params, times):
            for case in make(len(cases)):
                cases[task_id(len(cases))] = case
        known = [each for each, case in cases.items() if case.before is not None]
        for each in known:
            server.plays[each] = sends(cases[each].encoded(cases[each].before or {}))
        assert sweep(taskdash, known, is_listed=False).returncode == 0
        for each, case in cases.items():
            server.plays[each] = sends(case.encoded(case.reply))
        yield Run(taskdash, sweep(taskdash, cases), cases)


# The answers. Each function gets the number of its first case.


def codes(first: int) -> Iterator[Case]:
    kept = {"state": "waiting", "createTime": 1777474689024}
    null = error_body(422, "recordInfo is null")
    for row, reply, said in (
        ("A3", error_reply(404), "not found: .*task not found"),
        ("A4", error_reply(422, "recordInfo is null"), "not found: .*created a moment ago"),
        ("A4", null, "not found: .*created a moment ago"),
        ("A4", null | {"code": 200}, "not found: .*created a moment ago"),
        ("A4", error_body(200, "success"), "not found: .*created a moment ago"),
        ("A4", error_reply(422), "rejected: .*validation failed"),
        ("A4", error_reply(400, "recordInfo is null"), "rejected: "),
        ("A7", error_body(404, "no"), "not found: .*code 404: no"),
        ("A7", error_body(500, "no"), "server error: .*code 500: no"),
        ("A7", error_body(455, "no"), "server error: "),
        ("A7", error_body(402, "no"), "no credits: "),
        ("A7", error_body(422, "no"), "rejected: "),
        ("A7", {"code": "500", "message": "no"}, "server error: .*code 500: no"),
        ("A7", {"code": 404.0, "data": None}, "not found: "),
        ("A7", {"error": {"code": 503, "message": "no"}}, "server error: "),
    ):
        known = waiting_body(task_id(first))
        yield Case(row, reply, said, kept, known)
        first += 1
    fine: tuple[Any, ...] = ("200", 200.0, 0, 1, None, "success", [], 10**30)
    for code in fine:
        yield Case("A7", success_body(task_id(first)) | {"code": code}, shown={"state": "success"})
        first += 1
    failed = fail_body(task_id(first))
    yield Case("A7", Reply(501, failed | {"code": 501}), shown={"state": "fail", "failCode": "400"})
    first += 1
    why = {"state": "fail", "failMsg": "The prompt was flagged"}
    for around, fields in (
        ({"code": 501, "msg": why["failMsg"]}, {"failMsg": None}),
        ({}, {"failMsg": {"message": why["failMsg"]}}),
        ({}, {"failMsg": [why["failMsg"]]}),
        ({}, {"failMsg": None, "resultJson": json.dumps({"error": {"message": why["failMsg"]}})}),
    ):
        yield Case("A7", fail_body(task_id(first), **fields) | around, shown=why)
        first += 1
    # The worse of both counts.
    yield Case("A7", Reply(500, success_body(task_id(first))), "server error: ", {"state": "new"})


def texts(first: int) -> Iterator[Case]:
    kept = {"state": "waiting", "createTime": 1777474689024, "model": "gpt-image-2-text-to-image"}
    good = json.dumps(success_body("ID"))
    for text in (
        b"", b" \r\n", b"\xef\xbb\xbf", b"{", b"null", b"[]", b'"text"', b"7", b"{}", b"undefined", b"\x00" * 100,
        good.encode("utf-16"), good.encode("utf-16-be"), good.encode("utf-32"),
        good.replace("gpt", "\xff").encode("latin-1"), good.encode()[:-2], good.encode() + b"}", good.encode() * 2,
        b"callback(%s)" % good.encode(), b"//x\n" + good.encode(),
        good.replace('"', "'").encode(), b"data: " + good.encode(), b"\xff\xd8\xff\xe0",
        b"{\"data\": null}", b'{"data": [[]]}',
    ):  # fmt: skip
        each = task_id(first)
        yield Case("A8", text.replace(b"ID", each.encode()), "unreadable: ", kept, waiting_body(each))
        first += 1
    marked = b"\xef\xbb\xbf" + json.dumps(success_body(task_id(first))).encode()
    yield Case("A8", marked, shown={"state": "success", "resultUrls": [URL]})


def numbers(first: int) -> Iterator[Case]:
    kept = {"state": "waiting", "createTime": 1777474689024}
    for text in (
        b"[" * 100_000, b'{"a":' * 100_000, b"[" * 100_000 + b"]" * 100_000,
        b'{"data":' + b"[" * 5_000 + b"]" * 5_000 + b"}", b"[" + b"0," * 1_000_000 + b"0]",
    ):  # fmt: skip
        yield Case("A9", text, "unreadable: ", kept, waiting_body(task_id(first)))
        first += 1
    fine: dict[str, Any] = {"state": "success", "resultUrls": [URL]}
    odd: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("createTime", "9" * 5_000, {"createTime": None}),
        ("costTime", "-" + "9" * 4_000, {}),
        ("costTime", "NaN", {"createTime": CREATED_MS}),
        ("completeTime", "-Infinity", {"completeTime": None}),
        ("createTime", "1e400", {"createTime": None}),
        ("costTime", "1e308", {}),
        ("failCode", "99999999999999999999999", {}),
        ("model", r'"\ud800 lone"', {"model": "\ufffd lone"}),
        ("model", r'"\udc00\ud800"', {"model": "\ufffd\ufffd"}),
        ("model", '"one", "model": "two"', {"model": "two"}),
        ("model", r'"\u0000\u001b[2J"', {"model": "\ufffd\ufffd[2J"}),
        ("__proto__", '{"a": 1}', {}),
        ("param", r'"{\"input\": {\"prompt\": \"\\ud800\"}}"', {"param": {"input": {"prompt": "\ufffd"}}}),
        ("param", json.dumps("[" * 100_000), {}),
        ("failMsg", "[" * 900 + "]" * 900, {}),
    )
    for name, value, shown in odd:
        body = success_body(task_id(first))
        body["data"][name] = "HERE"
        yield Case("A9", json.dumps(body).replace('"HERE"', value).encode(), shown=fine | shown)
        first += 1


TYPES: Final[tuple[Any, ...]] = (
    None, True, False, 0, -1, 1.5, 10**30, "", "text", [], {"a": {"b": "text"}}, [[1], {"a": None}],
)  # fmt: skip


def mutations(first: int) -> Iterator[Case]:
    """Each field of a success missing, and of each of twelve types in its place; and fields nobody knows."""
    for name in success_body("")["data"]:
        # Without a state, or with another ID, it is another answer: what is left is that nothing breaks.
        whole: dict[str, Any] = {"state": "success", "createTime": CREATED_MS, "resultUrls": [URL]}
        whole.pop({"resultJson": "resultUrls"}.get(name, name), None)
        shown = {} if name in ("taskId", "state") else whole
        for value in (..., *TYPES):
            body = success_body(task_id(first))
            if value is ...:
                del body["data"][name]
            else:
                body["data"][name] = value
            said = "(unreadable: .*another task.*)?$" if name == "taskId" else ""
            yield Case("A10", body, said, shown)
            first += 1
    for name in ("msg", "extra", "data"):
        for value in (..., *TYPES):
            body = success_body(task_id(first))
            if value is ...:
                body.pop(name, None)
            else:
                body[name] = value
            said, shown = ("", {})
            if name == "data":
                is_empty = value is None or value in ("", [])
                said, shown = "not found" if is_empty else "unreadable: no record", {"state": "new"}
            yield Case("A10", body, said, shown)
            first += 1


def states(first: int) -> Iterator[Case]:
    for state, word in (
        ("paused", "paused"),
        ("QUEUED_2", "QUEUED_2"),
        ("\x1b[31mred\x07", "\ufffd[31mred\ufffd"),
        ("[red]x[/]", "[red]x[/]"),
        ("two\nlines", "two lines"),
        ("\u202eevil", "evil"),
        ("successful", "successful"),
        ("画", "画"),
    ):
        body = waiting_body(task_id(first), state=state)
        yield Case("A11", body, shown={"state": "waiting", "rawState": word})
        first += 1
    # The words of OpenAI, Replicate, Kling, ModelScope, DashScope and Midjourney proxies.
    for kind, words in (
        ("success", ("succeed", "SUCCEEDED", "Completed", "done", "FINISHED")),
        ("fail", ("FAILURE", "cancel", "timeout", "timed_out", "expired", "aborted", "Rejected", "errored")),
    ):
        for word in words:
            body = waiting_body(task_id(first), state=word)
            yield Case("A11", body, shown={"state": kind, "rawState": word})
            first += 1
    for body in (
        {"status": "timeout", "taskId": task_id(first), "message": "try again"},
        {"code": 504, "status": "error", "taskId": task_id(first), "msg": "upstream"},
    ):
        yield Case("A11", body, "unreadable|server error", {"state": "new"})
        first += 1
    long_word = waiting_body(task_id(first), state="x" * 10_000)
    yield Case("A11", long_word, shown={"state": "waiting"})


def strangers(first: int) -> Iterator[Case]:
    for before, kind in ((success_body, "success"), (fail_body, "fail")):
        for make in (waiting_body, fail_body if kind == "success" else success_body):
            each = task_id(first)
            ended = before(each)
            urls = [URL] if kind == "success" else []
            shown = {
                "state": kind,
                "rawState": kind,
                "resultUrls": urls,
                "createTime": ended["data"]["createTime"],
            }
            yield Case("A12", make(each), f"unreadable: the task had ended as {kind}", shown, ended)
            first += 1
    kept = {"state": "waiting", "resultUrls": []}
    for other in (
        success_body("task_other"),
        success_body(task_id(first).upper()),
        success_body(task_id(first) + "\u202e"),
        fail_body("5064bd1a-025a-490b-b28f-6a9fa12eb88a"),
    ):
        said = "unreadable: the answer is about another task"
        yield Case("A13", other, said, kept, waiting_body(task_id(first)))
        first += 1


def results(first: int) -> Iterator[Case]:
    """Results that are none; and those of other forms, and many."""
    for value in (
        "no {json", "[1, 2", '{"resultUrls": [', "{}", "[]", "null", '""', "7", 7, True, [], {}, {"a": 1}, [None, [7]],
        '{"resultUrls": null}', '{"resultUrls": {}}', '{"resultUrls": "none"}', '{"resultUrls": [7, null, [], {}]}',
        '"\\"{}\\""', "\x00", "{" * 50_000, '{"input": "https://input.example/x.png"}',
    ):  # fmt: skip
        body = success_body(task_id(first), resultJson=value)
        yield Case("A14", body, shown={"state": "success", "resultUrls": []})
        first += 1
    for other in (
        {"resultUrls": [{"resultUrl": URL}]},
        {"output": [{"url": URL}]},
        json.dumps(json.dumps({"resultUrls": [URL]})),
        f"```json\n{json.dumps({'resultUrls': [URL]})}\n```",
        f"data: {json.dumps({'resultUrls': [URL]})}\n\n",
    ):
        yield Case("A14", success_body(task_id(first), resultJson=other), shown={"resultUrls": [URL]})
        first += 1
    yield Case("A15", success_body(task_id(first), [*NO_LINKS, URL]), shown={"resultUrls": [URL]})
    first += 1
    odd = {"resultUrls": list(ODD_LINKS.values())}
    yield Case("A15", success_body(task_id(first), list(ODD_LINKS)), shown=odd)
    first += 1
    urls = many_links(10_000)
    yield Case("A16", success_body(task_id(first), urls), shown={"resultUrls": urls})


NO_LINKS: Final = (
    "javascript:alert(1)", "JaVaScRiPt:alert(1)", "file:///etc/passwd", "data:text/html,<script>alert(1)</script>",
    "-x", "--flag=evil", "%action--evil", "http://", "https://", "//cdn.example.com/x", "ftp://cdn.example.com/x",
    "vbscript:x", "https://cdn.exa\x00mple.com/", "https://cdn.example.com/" + "x" * 65_536, "https://[",
)  # fmt: skip
ODD_LINKS: Final = {
    "https://cdn.example.com/\x1b]52;c;aG9zdGlsZQ==\x07": "https://cdn.example.com/%1B]52;c;aG9zdGlsZQ==",
    "https://cdn.example.com/\u202egnp.exe": "https://cdn.example.com/%E2%80%AEgnp.exe",
    "https://cdn.example.com/two words": "https://cdn.example.com/two%20words",
}
"""What a browser would take, and as what."""


def many_links(count: int) -> list[str]:
    return [f"https://cdn.example.com/{number:05}.png" for number in range(count)]


def params(first: int) -> Iterator[Case]:
    """The echoed request in every form; and texts of a megabyte."""
    wanted: dict[str, Any] = {"input": {"prompt": "a cat"}}
    text = json.dumps(wanted)
    long_text = "word " * 200_000
    forms: tuple[tuple[Any, dict[str, Any]], ...] = (
        ("no {json", {"param": "no {json"}),
        (wanted, {"param": wanted}),
        (json.dumps(text), {"param": wanted}),
        (json.dumps(json.dumps(text)), {"param": wanted}),
        (json.dumps([wanted]), {"param": [wanted]}),
        (json.dumps({"input": json.dumps(wanted["input"])}), {"param": wanted}),
        (7, {}),
        (json.dumps({"input": {"prompt": ["a", "cat"]}}), {}),
        (json.dumps({f"key {n}": "v" * 100 for n in range(9_000)}), {}),
        ('{"input": {"prompt": "a cat"', {"param": '{"input": {"prompt": "a cat"'}),
    )
    for value, shown in forms:
        yield Case("A18", success_body(task_id(first), param=value), shown={"state": "success", **shown})
        first += 1
    # Four times over is once too often: it stays a text.
    yield Case("A18", success_body(task_id(first), param=json.dumps(json.dumps(json.dumps(text)))), shown={})
    first += 1
    yield Case("A17", fail_body(task_id(first), failMsg=long_text), shown={"state": "fail"})
    first += 1
    prompt = json.dumps({"input": {"prompt": long_text}})
    yield Case("A17", success_body(task_id(first), param=prompt), shown={"state": "success"})
    first += 1
    large = success_body(task_id(first), param="x" * CAP_BYTES)
    yield Case("A17", large, "unreadable: the answer is larger than 4 MiB", {"state": "new"})


def times(first: int) -> Iterator[Case]:
    for value, moment in (
        (0, None), (-1, None), (-1777459967759, None), (1e20, None), (1e300, None), ("yesterday", None), (True, None),
        ("", None), ([], None), ("2026-04-29T10:52:47Z", None), (1777459967, 1777459967000),
        ("1777459967759", CREATED_MS), (1777459967759.4, CREATED_MS), ("1e12", None), (17774599677590, None),
    ):  # fmt: skip
        for name in ("createTime", "completeTime"):
            body = success_body(task_id(first))
            body["data"][name] = value
            yield Case("A19", body, shown={name: moment})
            first += 1
    costs: tuple[Any, ...] = (-1, "soon", True, [], 1e15, 10**30)
    for cost in costs:
        yield Case("A19", success_body(task_id(first), costTime=cost), shown={"state": "success"})
        first += 1


# One run for all of them. A3 and A4 are in it for what is said; for how often they are asked see below.


@pytest.mark.row("A7")
def test_the_worse_of_status_and_code_counts(run: Run) -> None:
    run.check("A7")


@pytest.mark.row("A8")
def test_what_is_no_text_of_json_is_unreadable_and_the_record_stays(run: Run) -> None:
    run.check("A8")


@pytest.mark.row("A9")
def test_what_json_allows_and_no_program_can_use_is_cleaned_or_refused(run: Run) -> None:
    run.check("A9")


@pytest.mark.row("A10")
def test_a_field_of_any_type_costs_no_other_field(run: Run) -> None:
    cases = run.check("A10")
    assert len(cases) == 13 * (10 + 3)
    # Whatever came, what scripts get has the types that they were promised.
    types = {
        "taskId": str, "state": str, "rawState": str | None, "model": str | None, "resultUrls": list,
        "failCode": str | None, "failMsg": str | None, "costTime": int | None, "completeTime": int | None,
        "createTime": int | None, "saved": list, "label": str | None, "note": str | None, "addedAt": int,
        "checkedAt": int | None, "problem": dict | None,
    }  # fmt: skip
    for task in run.swept.tasks.values():
        for name, kind in types.items():
            assert isinstance(task[name], kind), (name, task[name])
            assert not isinstance(task[name], bool), (name, task[name])
        assert all(isinstance(url, str) for url in task["resultUrls"])
    each, case = list(cases.items())[40]
    assert run.taskdash("show", each, "--raw").stdout.rstrip("\n") == json.dumps(case.reply)


@pytest.mark.row("A11")
def test_an_unknown_state_is_shown_as_it_is_and_counts_as_unfinished(run: Run) -> None:
    cases = run.check("A11")
    assert len(run.swept.tasks[list(cases)[-1]]["rawState"]) <= 64


@pytest.mark.row("A12")
def test_what_has_ended_stays_ended(run: Run) -> None:
    run.check("A12")


@pytest.mark.row("A13")
def test_the_record_of_another_task_is_dropped_and_said(run: Run) -> None:
    run.check("A13")


@pytest.mark.row("A14")
def test_a_result_without_links_is_legal_and_its_text_is_kept(run: Run) -> None:
    each, case = next(iter(run.check("A14").items()))
    raw = run.taskdash("show", each, "--raw").stdout
    assert raw.rstrip("\n") == json.dumps(case.reply)


@pytest.mark.row("A17")
def test_a_text_of_a_megabyte_is_cut_with_a_mark(run: Run) -> None:
    message, prompt, _ = run.check("A17")
    for text in (run.swept.tasks[message]["failMsg"], run.swept.tasks[prompt]["param"]["input"]["prompt"]):
        assert text.startswith("word word")
        assert text.endswith("…[cut]")
        assert len(text) <= MAX_TEXT


@pytest.mark.row("A18")
def test_the_echoed_request_is_read_in_every_form_or_stays_a_text(run: Run) -> None:
    run.check("A18")


@pytest.mark.row("A19")
def test_a_time_that_is_none_is_left_out(run: Run) -> None:
    run.check("A19")


# A gateway that refuses (rows A1, A2) or fails (A6): who is left alone, for how long

IDS: Final = [task_id(number) for number in range(90)]
MOST_BEFORE_BELIEF: Final = 33
"""As many as may be under way at once, and one more that says that the key is refused."""


@pytest.mark.row("A1")
def test_a_refused_key_stops_every_check_but_a_rare_try_and_one_for_who_asks(
    taskdash: Command, api: FakeApi
) -> None:
    taskdash.write_config(api.url, top=NO_PICTURES)
    for each in IDS:
        api.set(each, success_body(each))
    taskdash("add", *IDS)
    api.override = Reply(401)
    with taskdash.dashboard() as screen:
        screen.wait_for("Unauthorized: the server refuses this key")
        assert "unauthorized" in screen.lines[0]
        assert "set the right one" in screen.text
        time.sleep(0.3)  # what was under way when the first was refused
        count = api.count()
        assert count <= MOST_BEFORE_BELIEF
        time.sleep(1.2)
        assert api.count() == count
        api.override = Reply(403)
        screen.send("r")
        api.wait_for(lambda: api.count() == count + 1)
        time.sleep(0.7)
        assert api.count() == count + 1
        api.override = None
        screen.send("r")
        # Those that were never asked for are, at once; the others have a pause of their own.
        api.wait_for(lambda: api.count() >= count + 2 + len(IDS) - MOST_BEFORE_BELIEF, 15)
        screen.wait_for_none("Unauthorized")
        screen.send("q")
        assert screen.wait_exit() == 0
        assert KEY not in screen.raw.decode(errors="replace")


@pytest.mark.row("A2")
def test_missing_credits_slow_the_checks_and_cost_no_row(taskdash: Command, api: FakeApi) -> None:
    taskdash.write_config(api.url, top=NO_PICTURES)
    for each in IDS:
        api.set(each, Reply(402))
    api.set(IDS[0], success_body(IDS[0]))
    taskdash("add", *IDS)
    with taskdash.dashboard() as screen:
        screen.wait_for("No credits")
        screen.wait_for("trying again in")
        time.sleep(0.3)
        count = api.count()
        assert count <= 33
        time.sleep(1.2)
        assert api.count() == count
        assert "All 90" in screen.text
        assert "Success 1 " in screen.text
        screen.send("q")
        assert screen.wait_exit() == 0


@pytest.mark.row("A1", "A7")
def test_a_refusal_in_the_body_of_a_200_is_one(tmp_path: Path) -> None:
    with ExitStack() as stack:
        started = []
        for number, (reply, code, said) in enumerate(
            (
                ({"code": "401", "message": "no"}, 4, "unauthorized: "),
                (error_body(429, "slow down", {"retryAfter": 7}), 5, "rate limited: .*in 7 s"),
            )
        ):
            api = stack.enter_context(FakeApi(key=KEY, default=reply))
            (tmp_path / str(number)).mkdir()
            process = Command(tmp_path / str(number), api).start("check", *IDS[:40])
            started.append((stack.enter_context(running(process)), api, code, said))
        for process, api, code, said in started:
            _, stderr = process.communicate(timeout=40)
            assert process.returncode == code
            assert re.search(said, stderr)
            assert api.count() <= 33


@dataclass(slots=True)
class Outage:
    """A gateway that fails whatever comes at first and two probes after that, recovers, and fails once more."""

    failed_at_s: list[float] = field(default_factory=list)
    probed_at_s: list[float] = field(default_factory=list)
    good: int = 0

    def __call__(self, request: Request) -> Reply | Body:
        """Answer one request."""
        began_s = self.failed_at_s[0] if self.failed_at_s else request.at_s
        if request.at_s - began_s < 0.5:
            self.failed_at_s.append(request.at_s)
            return Reply(503)
        if len(self.probed_at_s) < 2 or (self.good >= 12 and len(self.probed_at_s) == 2):
            self.probed_at_s.append(request.at_s)
            return Reply(500)
        self.good += 1
        return success_body(request.task_id or "")


@pytest.fixture(scope="module")
def outage(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Outage, Command, subprocess.Popen[str]]]:
    """A `wait` that rides an outage out. It takes some seconds of waiting, so it runs while the other tests do."""
    answer = Outage()
    with FakeApi(default=answer, key=KEY) as api:
        taskdash = Command(tmp_path_factory.mktemp("outage"), api)
        with running(taskdash.start("wait", *IDS[:50], "--timeout", "60")) as process:
            yield answer, taskdash, process


@pytest.mark.row("A6")
def test_failures_between_good_answers_cost_growing_pauses_and_are_overcome(
    outage: tuple[Outage, Command, subprocess.Popen[str]],
) -> None:
    answer, taskdash, process = outage
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 0, stderr
    # Those that were under way together, then a probe at a time, each after a longer pause.
    assert len(answer.failed_at_s) <= 32
    first_s, second_s, again_s = answer.probed_at_s
    assert first_s - answer.failed_at_s[-1] >= 0.7
    assert second_s - first_s >= 1.4
    assert again_s > second_s
    assert {task["state"] for task in taskdash.json("list", "--json")} == {"success"}


# 429, row A5


@pytest.mark.row("A5")
def test_nothing_is_sent_before_the_later_of_both_waiting_times(tmp_path: Path, long: bool) -> None:
    replies = (
        rate_limit_reply("2.0", **{"Retry-After": "1"}),
        rate_limit_reply(1, **{"Retry-After": "2"}),
        rate_limit_reply(2),
        Reply(429, b"", {"Retry-After": "2"}),
    )
    started: list[tuple[FakeApi, subprocess.Popen[str]]] = []
    with ExitStack() as stack:
        for number, reply in enumerate(replies if long else replies[:2]):
            api = stack.enter_context(FakeApi(key=KEY))
            for each in IDS[:12]:
                api.set(each, success_body(each))
            api.set(IDS[0], [reply, success_body(IDS[0])])
            (tmp_path / str(number)).mkdir()
            taskdash = Command(tmp_path / str(number), api)
            process = stack.enter_context(running(taskdash.start("wait", *IDS[:12], "--timeout", "30")))
            started.append((api, process))
        for api, process in started:
            _, stderr = process.communicate(timeout=40)
            assert process.returncode == 0, stderr
            refused_s = next(request.at_s for request in api.requests if request.task_id == IDS[0])
            # What was under way when the refusal came is no longer ours to hold back.
            later = [request.at_s - refused_s for request in api.requests if request.at_s > refused_s + 0.5]
            assert later
            assert min(later) >= 2.0
            assert min(later) < 8.0


@pytest.mark.row("A5")
def test_a_senseless_waiting_time_is_bounded(tmp_path: Path, long: bool) -> None:
    cases: list[tuple[Any, str, int]] = [
        (1e9, "", 3600),
        ("abc", "-5", 5),
    ]
    if long:
        cases += [
            (-5, "1e999", 5),
            (None, "Wed, 21 Oct 2015 07:28:00 GMT", 1),
            (0, "", 1),
            (True, "", 5),
            ([], "soon", 5),
            (None, "99999999999", 3600),
            (0.2, "-1", 1),
        ]
    started: list[tuple[int, subprocess.Popen[str]]] = []
    with ExitStack() as stack:
        for number, (seconds, header, wait_s) in enumerate(cases):
            headers = {"Retry-After": header} if header else {}
            api = stack.enter_context(FakeApi(key=KEY, default=rate_limit_reply(seconds, **headers)))
            (tmp_path / str(number)).mkdir()
            taskdash = Command(tmp_path / str(number), api)
            process = stack.enter_context(running(taskdash.start("check", IDS[0])))
            started.append((wait_s, process))
        for wait_s, process in started:
            _, stderr = process.communicate(timeout=40)
            assert process.returncode == 5
            assert f"checks go on in {wait_s} s" in stderr


# What the dashboard shows of them


def has_all(wanted: tuple[str, ...], text: str) -> bool:
    return all(each in text for each in wanted)


@pytest.fixture(scope="module")
def details(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The screen with each of several tasks under the cursor, by its label."""
    replies: dict[str, tuple[Reply | Body, str]] = {
        "times": (success_body(IDS[0], createTime="yesterday", completeTime=0, costTime="soon"), "yesterday"),
        "result": (success_body(IDS[1], resultJson='{"resultUrls": "no [b]links[/b]'), "links[/b]"),
        "state": (waiting_body(IDS[2], state="paused [red]"), "next check"),
        "missing": (error_reply(404), "next check"),
        "lost": (error_reply(404), "next check"),
        "null": (error_reply(422, "recordInfo is null"), "next check"),
        "refused": (error_reply(422, "no such ID"), "no such ID"),
        "long": (fail_body(IDS[7], failMsg="word " * 200_000), "word word word"),
        "many": (success_body(IDS[8], many_links(10_000)), "10,000 results"),
    }
    found = {}
    bodies = [reply for reply, _ in replies.values()]
    with FakeApi(dict(zip(IDS, bodies, strict=False)), key=KEY) as api:
        taskdash = Command(tmp_path_factory.mktemp("details"))
        taskdash.write_config(api.url, top=NO_PICTURES)
        now_ms = time.time_ns() // 1_000_000
        added_ms = {"lost": now_ms - 10 * 86_400_000}
        file = taskdash.folder / "list.json"
        tasks = [
            {"taskId": each, "label": f"<{name}>", "addedAt": added_ms.get(name, now_ms)}
            for each, name in zip(IDS, replies, strict=False)
        ]
        file.write_text(json.dumps(tasks))
        assert taskdash("import", str(file)).returncode == 0
        with taskdash.dashboard(columns=150, rows=110) as screen:
            screen.wait_for(lambda text: "New 4" in text and "Waiting 1" in text and "Success 3" in text)
            screen.send("g")
            for name, (_, mark) in replies.items():
                # A long message leaves no room for the label below it.
                named = "Failure: " if name == "long" else f"label        <{name}>"
                screen.wait_for(partial(has_all, (named, mark)))
                time.sleep(0.2)  # a frame is read in parts
                found[name] = screen.text
                screen.send("j")
            screen.send("q")
            assert screen.wait_exit() == 0
    return found


def next_check(screen: str) -> str:
    found = re.search(r"next check +(.*?) *$", screen, re.MULTILINE)
    return found[1] if found else "never"


@pytest.mark.row("A3")
def test_an_id_that_is_not_found_is_kept_and_checked_ever_more_rarely(
    run: Run, details: dict[str, str]
) -> None:
    run.check("A3")
    assert "! not found" in details["missing"]
    assert re.fullmatch("(just )?now|in [0-9]s", next_check(details["missing"]))
    assert "! not found" in details["lost"]
    assert re.fullmatch(r"in \d+h", next_check(details["lost"]))


@pytest.mark.row("A4")
def test_no_record_yet_is_asked_again_and_what_is_refused_is_not(run: Run, details: dict[str, str]) -> None:
    run.check("A4")
    assert "created a moment ago" in details["null"]
    assert re.fullmatch("(just )?now|in [0-9]s", next_check(details["null"]))
    assert "! rejected" in details["refused"]
    assert next_check(details["refused"]) == "never"


@pytest.mark.row("A11")
def test_an_unknown_state_is_checked_at_leisure(details: dict[str, str]) -> None:
    assert "◐ paused [red]" in details["state"]
    assert re.fullmatch("in [23][0-9]s", next_check(details["state"]))


@pytest.mark.row("A14", "A19")
def test_what_made_no_sense_can_be_seen_as_it_was(details: dict[str, str]) -> None:
    assert "No link in the result" in details["result"]
    assert re.search(r'resultJson +\{"resultUrls": "no \[b\]links\[/b\]', details["result"])
    for name in ("created", "completed", "costTime"):
        assert re.search(rf"│ {name} +\?", details["times"]), name
    assert "yesterday" in details["times"]


@pytest.mark.row("A16")
def test_of_many_links_the_first_are_shown_and_all_are_counted(run: Run, details: dict[str, str]) -> None:
    run.check("A16")
    assert "10,000 results" in details["many"]
    assert "00049.png" in details["many"]
    assert "and 9,950 more" in details["many"]
    assert "00050.png" not in details["many"]


@pytest.mark.row("A15", "A16")
def test_a_link_that_is_none_is_never_opened_and_many_are_painted_at_once(
    run: Run, taskdash: Command, api: FakeApi, tmp_path: Path, long: bool
) -> None:
    run.check("A15")
    taskdash.write_config(api.url, top=NO_PICTURES)
    visited, browser = tmp_path / "visited", tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >> "{visited}"\n')
    browser.chmod(0o755)
    taskdash.env["BROWSER"] = str(browser)
    taskdash.env["DISPLAY"] = ":99"
    unsafe = [
        "https://user:password@cdn.example.com/1.png",
        "https://cdn.example.com:99999/2.png",
        "https://cdn.example.com:$(id)/3.png",
        "https://cdn`id`.example.com/4.png",
    ]
    many, good, bad = IDS[:3]
    api.set(many, success_body(many, many_links(10_000)))
    api.set(good, success_body(good, [URL]))
    api.set(bad, success_body(bad, [*NO_LINKS, *unsafe]))
    taskdash("add", bad, good, many)
    with taskdash.dashboard(columns=150, rows=80) as screen:
        screen.wait_for("Success 3")
        screen.wait_for("4 results")
        for number in range(1, 5):
            screen.send(str(number))
            screen.wait_for("not opened")
        assert not visited.exists()
        painted_s = []
        # The best of many: the long version takes the time from the clock, which runs for other processes too.
        for _ in range(10 if long else 3):
            screen.send("j")
            screen.wait_for("1 result")
            time.sleep(0.3)  # moves in a row are shown together
            seen, at_s, busy_s = len(screen.raw), time.perf_counter(), cpu_s(screen.pid)
            screen.send("j")
            while b"10,000 results" not in screen.raw[seen:]:
                assert time.perf_counter() < at_s + 5
                time.sleep(0.002)
            # Where other tests run beside it, what it computes says more than the clock on the wall.
            painted_s.append(time.perf_counter() - at_s if long else cpu_s(screen.pid) - busy_s)
            screen.send("g")
            screen.wait_for("4 results")
        assert min(painted_s) < 0.1, painted_s
        screen.send("j")
        screen.wait_for("1 result")
        screen.send("1")
        screen.wait_for(lambda _: visited.exists() and visited.read_text())
        screen.send("q")
        assert screen.wait_exit() == 0
    assert visited.read_text().split() == [URL]
