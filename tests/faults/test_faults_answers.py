"""What the API, or whoever answers in its place, may say: the real program reads it, and keeps its head.

Most rows share one run of `check` over several hundred tasks, each with an answer of its own, and one dashboard.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
from tests.bodies import (
    Body,
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
from tests.faults.sweep import Play, ScriptedServer, cpu_s, running, sweep, task_id
from tests.servers import FakeApi, Request, sends
from tests.warm import Piped

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


def says(reply: Reply | Body | bytes) -> Play:
    """Sends an answer; an error's status is its code only where the case says so."""
    if isinstance(reply, Reply):
        return sends(reply.encode())
    return sends(http_reply(200, reply if isinstance(reply, bytes) else json.dumps(reply).encode()))


Own = Callable[[], str]
"""Gives the ID of the task that the next case is for."""


# The answers.


def codes(own: Own) -> Iterator[Case]:
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
        ("A7", error_body(402, "no"), "no credits: "),
        ("A7", {"code": "500", "message": "no"}, "server error: .*code 500: no"),
        ("A7", {"error": {"code": 503, "message": "no"}}, "server error: "),
    ):
        known = waiting_body(own())
        yield Case(row, reply, said, kept, known)
    fine: tuple[Any, ...] = ("200", 200.0, 0, 1, None, "success", [], 10**30)
    for code in fine:
        yield Case("A7", success_body(own()) | {"code": code}, shown={"state": "success"})
    failed = fail_body(own())
    yield Case("A7", Reply(501, failed | {"code": 501}), shown={"state": "fail", "failCode": "400"})
    # The worse of both counts.
    yield Case("A7", Reply(500, success_body(own())), "server error: ", {"state": "new"})


def texts(own: Own) -> Iterator[Case]:
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
        each = own()
        yield Case("A8", text.replace(b"ID", each.encode()), "unreadable: ", kept, waiting_body(each))
    marked = b"\xef\xbb\xbf" + json.dumps(success_body(own())).encode()
    yield Case("A8", marked, shown={"state": "success", "resultUrls": [URL]})


def numbers(own: Own) -> Iterator[Case]:
    kept = {"state": "waiting", "createTime": 1777474689024}
    for text in (
        b"[" * 100_000, b'{"a":' * 100_000, b"[" * 100_000 + b"]" * 100_000,
        b'{"data":' + b"[" * 5_000 + b"]" * 5_000 + b"}", b"[" + b"0," * 1_000_000 + b"0]",
    ):  # fmt: skip
        yield Case("A9", text, "unreadable: ", kept, waiting_body(own()))
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
        body = success_body(own())
        body["data"][name] = "HERE"
        yield Case("A9", json.dumps(body).replace('"HERE"', value).encode(), shown=fine | shown)


TYPES: Final[tuple[Any, ...]] = (
    None, True, False, 0, -1, 1.5, 10**30, "", "text", [], {"a": {"b": "text"}}, [[1], {"a": None}],
)  # fmt: skip


def mutations(own: Own) -> Iterator[Case]:
    """Each field of a success missing, and of each of twelve types in its place; and fields nobody knows."""
    for name in success_body("")["data"]:
        # Without a state, or with another ID, it is another answer: what is left is that nothing breaks.
        whole: dict[str, Any] = {"state": "success", "createTime": CREATED_MS, "resultUrls": [URL]}
        whole.pop({"resultJson": "resultUrls"}.get(name, name), None)
        shown = {} if name in ("taskId", "state") else whole
        for value in (..., *TYPES):
            body = success_body(own())
            if value is ...:
                del body["data"][name]
            else:
                body["data"][name] = value
            said = "(unreadable: .*another task.*)?$" if name == "taskId" else ""
            yield Case("A10", body, said, shown)
    for name in ("msg", "extra", "data"):
        for value in (..., *TYPES):
            body = success_body(own())
            if value is ...:
                body.pop(name, None)
            else:
                body[name] = value
            said, shown = ("", {})
            if name == "data":
                is_empty = value is None or value in ("", [])
                said, shown = "not found" if is_empty else "unreadable: no record", {"state": "new"}
            yield Case("A10", body, said, shown)


def states(own: Own) -> Iterator[Case]:
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
        body = waiting_body(own(), state=state)
        yield Case("A11", body, shown={"state": "waiting", "rawState": word})
    for body in (
        {"status": "timeout", "taskId": own(), "message": "try again"},
        {"code": 504, "status": "error", "taskId": own(), "msg": "upstream"},
    ):
        yield Case("A11", body, "unreadable|server error", {"state": "new"})
    long_word = waiting_body(own(), state="x" * 10_000)
    yield Case("A11", long_word, shown={"state": "waiting"})


def strangers(own: Own) -> Iterator[Case]:
    for before, kind in ((success_body, "success"), (fail_body, "fail")):
        for make in (waiting_body, fail_body if kind == "success" else success_body):
            each = own()
            ended = before(each)
            urls = [URL] if kind == "success" else []
            shown = {
                "state": kind,
                "rawState": kind,
                "resultUrls": urls,
                "createTime": ended["data"]["createTime"],
            }
            yield Case("A12", make(each), f"unreadable: the task had ended as {kind}", shown, ended)
    kept = {"state": "waiting", "resultUrls": []}
    for other in (
        success_body("task_other"),
        success_body(own().upper()),
        success_body(own() + "\u202e"),
        fail_body("5064bd1a-025a-490b-b28f-6a9fa12eb88a"),
    ):
        said = "unreadable: the answer is about another task"
        yield Case("A13", other, said, kept, waiting_body(own()))


def results(own: Own) -> Iterator[Case]:
    """Results that are none; and those of other forms, and many."""
    for value in (
        "no {json", "[1, 2", '{"resultUrls": [', "{}", "[]", "null", '""', "7", 7, True, [], {}, {"a": 1}, [None, [7]],
        '{"resultUrls": null}', '{"resultUrls": {}}', '{"resultUrls": "none"}', '{"resultUrls": [7, null, [], {}]}',
        '"\\"{}\\""', "\x00", "{" * 50_000, '{"input": "https://input.example/x.png"}',
    ):  # fmt: skip
        body = success_body(own(), resultJson=value)
        yield Case("A14", body, shown={"state": "success", "resultUrls": []})
    yield Case("A14", success_body(own(), resultJson={"output": [{"url": URL}]}), shown={"resultUrls": [URL]})
    yield Case("A15", success_body(own(), [*NO_LINKS, URL]), shown={"resultUrls": [URL]})
    odd = {"resultUrls": list(ODD_LINKS.values())}
    yield Case("A15", success_body(own(), list(ODD_LINKS)), shown=odd)
    urls = many_links(10_000)
    yield Case("A16", success_body(own(), urls), shown={"resultUrls": urls})


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


def params(own: Own) -> Iterator[Case]:
    """The echoed request in every form; and texts of a megabyte."""
    wanted: dict[str, Any] = {"input": {"prompt": "a cat"}}
    text = json.dumps(wanted)
    long_text = "word " * 200_000
    forms: tuple[tuple[Any, dict[str, Any]], ...] = (
        ("no {json", {"param": "no {json"}),
        (wanted, {"param": wanted}),
        (json.dumps(json.dumps(text)), {"param": wanted}),
        (json.dumps([wanted]), {"param": [wanted]}),
        (7, {}),
        (json.dumps({"input": {"prompt": ["a", "cat"]}}), {}),
        (json.dumps({f"key {n}": "v" * 100 for n in range(9_000)}), {}),
        ('{"input": {"prompt": "a cat"', {"param": '{"input": {"prompt": "a cat"'}),
    )
    for value, shown in forms:
        yield Case("A18", success_body(own(), param=value), shown={"state": "success", **shown})
    # Four times over is once too often: it stays a text.
    yield Case(
        "A18", success_body(own(), param=json.dumps(json.dumps(json.dumps(text)))), shown={"param": text}
    )
    yield Case("A17", fail_body(own(), failMsg=long_text), shown={"state": "fail"})
    prompt = json.dumps({"input": {"prompt": long_text}})
    yield Case("A17", success_body(own(), param=prompt), shown={"state": "success"})
    large = success_body(own(), param="x" * CAP_BYTES)
    yield Case("A17", large, "unreadable: the answer is larger than 4 MiB", {"state": "new"})


def times(own: Own) -> Iterator[Case]:
    for value, moment in (
        (0, None), (-1, None), (-1777459967759, None), (1e20, None), (1e300, None), ("yesterday", None), (True, None),
        ("", None), ([], None), ("2026-04-29 10:52:47", None), ("2026-04-29T10:52:47Z", 1777459967000),
        (1777459967, 1777459967000),
        ("1777459967759", CREATED_MS), (1777459967759.4, CREATED_MS), ("1e12", None), (17774599677590, None),
    ):  # fmt: skip
        for name in ("createTime", "completeTime"):
            body = success_body(own())
            body["data"][name] = value
            yield Case("A19", body, shown={name: moment})
    costs: tuple[Any, ...] = (-1, "soon", True, [], 1e15, 10**30)
    for cost in costs:
        yield Case("A19", success_body(own(), costTime=cost), shown={"state": "success"})


TYPES_OF_FIELDS: Final = {
    "taskId": str, "state": str, "rawState": str | None, "model": str | None, "resultUrls": list,
    "failCode": str | None, "failMsg": str | None, "costTime": int | None, "completeTime": int | None,
    "createTime": int | None, "saved": list, "label": str | None, "note": str | None, "addedAt": int,
    "checkedAt": int | None, "problem": dict | None,
    "credits": int | float | None, "recordPath": str | None, "verdicts": list,
}  # fmt: skip
"""Shows that what scripts get has these, whatever came."""


@pytest.mark.row(
    "A3", "A4", "A7", "A8", "A9", "A10", "A11", "A12", "A13", "A14", "A15", "A16", "A17", "A18", "A19"
)
def test_every_answer_is_a_problem_that_is_said_or_the_record_that_can_be_read_of_it(tmp_path: Path) -> None:
    cases: dict[str, Case] = {}
    for make in (codes, texts, numbers, mutations, states, strangers, results, params, times):
        for case in make(lambda: task_id(len(cases))):
            cases[task_id(len(cases))] = case
    with ScriptedServer() as server:
        taskdash = Command(tmp_path, server, per_second=1000)
        server.plays = {each: says(case.before) for each, case in cases.items() if case.before is not None}
        assert sweep(taskdash, [*server.plays], is_listed=False).returncode == 0
        server.plays = {each: says(case.reply) for each, case in cases.items()}
        swept = sweep(taskdash, cases)
    for each, case in cases.items():
        task, problem = swept.tasks[each], swept.problem(each)
        assert re.match(case.said, problem) if case.said else not problem, (case, problem)
        assert problem.isprintable()
        assert task == task | dict(case.shown), case
        for name, kind in TYPES_OF_FIELDS.items():
            assert isinstance(task[name], kind), (name, task[name])
            assert not isinstance(task[name], bool), (name, task[name])
        assert isinstance(task["overdue"], bool)
        assert all(isinstance(url, str) for url in task["resultUrls"])
    ids = {
        row: [each for each, case in cases.items() if case.row == row] for row in ("A10", "A11", "A14", "A17")
    }
    # What came can be seen as it came.
    assert len(ids["A10"]) == 13 * (10 + 3)
    for each in (ids["A10"][40], ids["A14"][0]):
        assert taskdash("show", each, "--raw").stdout.rstrip("\n") == json.dumps(cases[each].reply)
    assert len(swept.tasks[ids["A11"][-1]]["rawState"]) <= 64
    message, prompt, _ = (swept.tasks[each] for each in ids["A17"])
    for text in (message["failMsg"], prompt["param"]["input"]["prompt"]):
        assert (text[:9], text[-6:], len(text) <= MAX_TEXT) == ("word word", "…[cut]", True)


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
        screen.wait_for("API key rejected (HTTP 401)")
        assert "API key rejected" in screen.lines[0]
        screen.wait_for("press r to retry")
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
        screen.wait_for_none("API key rejected")
        screen.quit()
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
        screen.quit()


@dataclass(slots=True)
class Outage:
    """A gateway that fails whatever comes at first and two probes after that, recovers, and fails once more."""

    failed_at_s: list[float] = field(default_factory=list)
    probed_at_s: list[float] = field(default_factory=list)
    good: int = 0

    def __call__(self, request: Request) -> Reply | Body:
        began_s = self.failed_at_s[0] if self.failed_at_s else request.at_s
        if request.at_s - began_s < 0.5:
            self.failed_at_s.append(request.at_s)
            return Reply(503)
        if len(self.probed_at_s) < 2 or (self.good >= 12 and len(self.probed_at_s) == 2):
            self.probed_at_s.append(request.at_s)
            return Reply(500)
        self.good += 1
        return success_body(request.task_id or "")


@pytest.mark.row("A6")
def test_failures_between_good_answers_cost_growing_pauses_and_are_overcome(tmp_path: Path) -> None:
    answer = Outage()
    with FakeApi(default=answer, key=KEY) as api:
        taskdash = Command(tmp_path, api)
        taskdash.ok("wait", *IDS[:50], "--timeout", "60", timeout_s=60)
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
    started: list[tuple[FakeApi, Piped]] = []
    with ExitStack() as stack:
        for number, reply in enumerate(replies if long else replies[:2]):
            api = stack.enter_context(FakeApi(key=KEY))
            for each in IDS[:12]:
                api.set(each, success_body(each))
            api.set(IDS[0], [reply, success_body(IDS[0])])
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
    cases: tuple[tuple[Any, str, str], ...] = (
        (1e9, "", "1h"), ("abc", "-5", "5s"), (-5, "1e999", "5s"),
        (None, "Wed, 21 Oct 2015 07:28:00 GMT", "1s"), (0, "", "1s"),
        (True, "", "5s"), ([], "soon", "5s"), (None, "99999999999", "1h"), (0.2, "-1", "1s"),
    )  # fmt: skip
    with FakeApi(key=KEY) as api:
        for number, (seconds, header, wait) in enumerate(cases if long else cases[:2]):
            api.override = rate_limit_reply(seconds, **({"Retry-After": header} if header else {}))
            done = Command(tmp_path / str(number), api)("check", IDS[0], "--no-wait")
            assert done.returncode == 5
            assert f"checks go on in {wait}" in done.stderr


# What the dashboard shows of them


def has_all(wanted: tuple[str, ...], text: str) -> bool:
    return all(each in text for each in wanted)


def next_check(screen: str) -> str:
    found = re.search(r"next check +(.*?) *$", screen, re.MULTILINE)
    return found[1] if found else "never"


@pytest.mark.row("A3", "A4", "A11", "A14", "A16", "A19")
def test_the_dashboard_shows_of_each_what_it_was_and_when_it_is_asked_for_again(
    taskdash: Command, api: FakeApi
) -> None:
    replies: dict[str, tuple[Reply | Body, str]] = {
        "times": (success_body(IDS[0], createTime="yesterday", completeTime=0, costTime="soon"), "yesterday"),
        "result": (success_body(IDS[1], resultJson='{"resultUrls": "no [b]links[/b]'), "links[/b]"),
        "state": (waiting_body(IDS[2], state="paused [red]"), "next check"),
        "missing": (error_reply(404), "next check"),
        "lost": (error_reply(404), "next check"),
        "null": (error_reply(422, "recordInfo is null"), "next check"),
        "refused": (error_reply(422, "no such ID"), "no such ID"),
        "long": (fail_body(IDS[7], failMsg="word " * 200_000), "word word word"),
        "many": (success_body(IDS[8], many_links(10_000)), "9,950 more"),
    }
    taskdash.write_config(api.url, top=NO_PICTURES)
    now_ms = time.time_ns() // 1_000_000
    tasks = []
    for each, (name, (reply, _)) in zip(IDS, replies.items(), strict=False):
        api.set(each, reply)
        added_ms = now_ms - 864_000_000 * (name == "lost")
        tasks.append({"taskId": each, "label": f"<{name}>", "addedAt": added_ms})
    taskdash.import_tasks(*tasks)
    details = {}
    with taskdash.dashboard(columns=150, rows=110) as screen:
        screen.wait_for(lambda text: "New 4" in text and "Waiting 1" in text and "Success 3" in text)
        screen.send("g")
        for name, (_, mark) in replies.items():
            # A long message leaves no room for the label below it.
            named = "× fail · " if name == "long" else f"label         <{name}>"
            screen.wait_for(partial(has_all, (named, mark)))
            time.sleep(0.2)  # a frame is read in parts
            details[name] = screen.text
            screen.send("j")
        screen.quit()
    soon = "(just )?now|in [0-9]s"
    for name, shown, again in (
        ("missing", "! not found", soon),
        ("lost", "! not found", r"in \d+h"),
        ("null", "created a moment ago", soon),
        ("refused", "! rejected", "never"),
        ("state", "◐ paused [red]", "in [23][0-9]s"),
    ):
        assert shown in details[name]
        assert re.fullmatch(again, next_check(details[name])), name
    # What made no sense can be seen as it was.
    assert "No links in the result" in details["result"]
    assert re.search(r'resultJson +\{"resultUrls": "no \[b\]links\[/b\]', details["result"])
    for name in ("created", "completed", "✓ success in"):
        assert re.search(rf"│ {name} +\?", details["times"]), name
    # Of many links the first are shown, and all are counted.
    assert has_all(("9,950 more", "00049.png", "and 9,950 more"), details["many"])
    assert "00050.png" not in details["many"]


@pytest.mark.row("A15", "A16")
def test_a_link_that_is_none_is_never_opened_and_many_are_painted_at_once(
    taskdash: Command, api: FakeApi, long: bool
) -> None:
    taskdash.write_config(api.url, top=NO_PICTURES)
    taskdash.browser()
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
        screen.wait_for("4.png (is")
        for number in range(1, 5):
            screen.send(str(number), shows="not opened")
        assert taskdash.visited == []
        painted_s = []
        # The best of many: the long version takes the time from the clock, which runs for other processes too.
        for _ in range(10 if long else 3):
            screen.send("j", shows=f"1 {URL}")
            time.sleep(0.3)  # moves in a row are shown together
            seen, at_s, busy_s = len(screen.raw), time.perf_counter(), cpu_s(screen.pid)
            screen.send("j")
            while b"9,950 more" not in screen.raw[seen:]:
                assert time.perf_counter() < at_s + 5
                time.sleep(0.002)
            # Where other tests run beside it, what it computes says more than the clock on the wall.
            painted_s.append(time.perf_counter() - at_s if long else cpu_s(screen.pid) - busy_s)
            screen.send("g", shows="4.png (is")
        assert min(painted_s) < 0.1, painted_s
        screen.send("j", shows=f"1 {URL}")
        screen.send("1", shows=lambda _: taskdash.visited)
        screen.quit()
    assert taskdash.visited == [URL]
