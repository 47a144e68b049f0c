"""Lists as files: whatever a list has in it comes back from every form, and any text is read or refused."""

from __future__ import annotations

import csv
import io
import json

import pytest
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st

from taskdash.domain.task import Json, Problem, ProblemKind, SavedResult, State, Task, TaskDetail, Verdict
from taskdash.domain.task_file import read_tasks
from taskdash.domain.task_json import CSV_FIELDS, FIELDS, TaskFileError, export_json, task_json, toml_table
from taskdash.domain.untrusted import inert, inert_json, inert_line

CONTRACT = [
    "taskId", "model", "state", "rawState", "param", "resultUrls", "failCode", "failMsg", "costTime",
    "completeTime", "createTime", "profile", "label", "note", "addedAt", "checkedAt", "problem", "saved",
    "credits", "recordPath", "verdicts", "overdue",
]  # fmt: skip


def test_what_is_not_known_is_null_and_lists_are_lists() -> None:
    values = task_json(TaskDetail(task=Task(seq=1, profile="p", task_id="t", added_at_ms=5)))
    known = {
        "taskId": "t",
        "state": "new",
        "profile": "p",
        "addedAt": 5,
        "overdue": False,
        **{name: [] for name in ("resultUrls", "saved", "verdicts")},
    }
    assert values == dict.fromkeys(CONTRACT) | known
    assert list(values) == list(FIELDS) == CONTRACT


def test_everything_that_is_known_is_there() -> None:
    task = Task(
        seq=1,
        profile="p",
        task_id="t",
        added_at_ms=5,
        state=State.FAIL,
        raw_state="canceled",
        fail_code="400",
        fail_msg="no",
        cost_time_ms=7,
        credits=420.0,
        record_path="/api/v1/veo/record-info",
        problem=Problem(ProblemKind.SERVER_ERROR, "HTTP 503", 6),
    )
    values = task_json(
        TaskDetail(
            task=task,
            param={"input": {}},
            result_urls=("https://x.test", "https://y.test", "https://z.test"),
            saved=(SavedResult(1, "/a"),),
            verdicts={1: Verdict.REJECTED, 3: Verdict.PICKED},
        )
    )
    assert values["problem"] == {"kind": "server error", "message": "HTTP 503", "since": 6}
    assert (values["state"], values["rawState"], values["param"]) == ("fail", "canceled", {"input": {}})
    assert (repr(values["credits"]), values["recordPath"]) == ("420", "/api/v1/veo/record-info")
    assert (len(values["resultUrls"]), values["saved"], values["costTime"]) == (3, ["/a"], 7)  # type: ignore[arg-type]
    assert values["verdicts"] == ["rejected", None, "picked"]


@pytest.mark.parametrize("first", ["", " \t", ",,,", "sep=;", " SEP=; ", "\u00a0", "\x0c", "\u2028sep=,\x0b"])
def test_a_line_without_content_may_stand_before_the_header(first: str) -> None:
    found = read_tasks(f"{first}\r\ntaskId;label\r\nt-1;mine\r\n", "p", 5)
    assert [(each.task.task_id, each.task.label) for each in found or ()] == [("t-1", "mine")]


texts = st.text(max_size=30)
lines = st.none() | texts.map(inert_line).filter(bool)
long_texts = st.none() | texts.map(inert).filter(bool)
times = st.none() | st.integers(-(2**53), 2**53)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
).map(inert_json)
objects = st.dictionaries(texts, values, max_size=3).map(inert_json)


@st.composite
def details(draw: st.DrawFn) -> TaskDetail:
    state = draw(st.sampled_from(State))
    checked_ms = draw(times)
    amount = draw(st.none() | st.integers(0, 10**6).map(float))
    # A text that is a number is taken for the amount where there is none.
    consumed = (
        draw(lines) if amount is not None else draw(lines.filter(lambda said: not (said or "")[:1].isdigit()))
    )
    problem = draw(
        st.none() | st.builds(Problem, st.sampled_from(ProblemKind), texts.map(inert_line), st.integers(0, 9))
    )
    task = Task(
        seq=0,
        profile=draw(st.sampled_from(["aigptimage", "kie"])),
        task_id=draw(st.from_regex(r"[A-Za-z0-9._:-]{1,128}", fullmatch=True)),
        added_at_ms=draw(st.integers(0, 2**53)),
        state=state,
        raw_state=draw(lines),
        model=draw(lines),
        prompt=draw(long_texts),
        label=draw(lines),
        note=draw(long_texts),
        fail_code=draw(lines),
        fail_msg=draw(long_texts),
        cost_time_ms=draw(times),
        complete_time_ms=draw(times),
        create_time_ms=draw(times),
        progress=draw(lines),
        checked_at_ms=checked_ms if state is State.NEW else checked_ms or 1,
        problem=problem,
        credits=amount,
        result_expires_at_ms=draw(times),
        renewed_at_ms=draw(times),
        purged=draw(st.booleans()),
    )
    result_urls = tuple(draw(st.lists(texts.map(inert_line), max_size=3)))
    given_verdicts = {n: draw(st.none() | st.sampled_from(Verdict)) for n, _ in enumerate(result_urls, 1)}
    return TaskDetail(
        task=task,
        param=draw(objects),
        result_urls=result_urls,
        verdicts={n: verdict for n, verdict in given_verdicts.items() if verdict},
        credits_consumed=consumed,
        extra=draw(objects),  # type: ignore[arg-type] # what is made inert stays an object
        saved=tuple(
            SavedResult(n, draw(texts.map(inert_line)), draw(st.none() | st.integers(1, 2**40)))
            for n in sorted(draw(st.sets(st.integers(1, 9), max_size=3)))
        ),
        raw=draw(texts.filter(lambda text: text.isprintable())).encode("utf-8", "replace"),
    )


def as_json(tasks: list[TaskDetail]) -> str:
    return json.dumps([export_json(detail) for detail in tasks])


def as_csv(tasks: list[TaskDetail]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CSV_FIELDS)
    for detail in tasks:
        row = export_json(detail)
        writer.writerow(
            json.dumps(row[name]) if isinstance(row[name], list | dict) else row[name] for name in CSV_FIELDS
        )
    return out.getvalue()


def as_toml(tasks: list[TaskDetail]) -> str:
    return "".join(tomli_w.dumps({"tasks": [toml_table(export_json(detail))]}) + "\n" for detail in tasks)


@settings(max_examples=20)
@given(st.lists(details(), min_size=1, max_size=3))
def test_every_form_gives_back_what_was_exported(tasks: list[TaskDetail]) -> None:
    wanted: list[dict[str, Json]] = [export_json(detail) for detail in tasks]
    for text, keeps_raw in ((as_json(tasks), True), (as_csv(tasks), False), (as_toml(tasks), False)):
        found = read_tasks(text, "other", 5)
        assert found is not None
        for got, want in zip([export_json(detail) for detail in found], wanted, strict=True):
            assert got == (want if keeps_raw else {**want, "raw": None})


@given(
    st.text()
    | st.builds(
        lambda head, tail: head + tail,
        st.sampled_from(["[{", "[", "[[tasks]]\n", "taskId,addedAt\n", '[{"taskId":"a","addedAt":1']),
        st.text(),
    )
)
def test_any_text_is_read_or_refused(text: str) -> None:
    refusal = "line 1"
    try:
        for detail in read_tasks(text, "p", 5) or ():
            assert detail.task.task_id
    except TaskFileError as error:
        refusal = str(error)
    assert refusal.startswith("line ")


@pytest.mark.parametrize(
    "text", ["", "[1, 2]", "[{}]", '[{"taskId": "a"}]', '{"taskId": "a"}', "taskId\nx", "[tasks]\na=1"]
)
def test_other_texts_are_left_to_the_paste_finder(text: str) -> None:
    assert read_tasks(text, "p", 5) is None


@pytest.mark.parametrize(
    ("more", "credits"),
    [
        ({"credits": 0}, 0),
        ({"credits": 2.5, "creditsConsumed": "3"}, 2.5),
        ({"creditsConsumed": "3"}, 3),
        ({"creditsConsumed": "a lot"}, None),
        ({}, None),
    ],
)
def test_a_list_of_before_has_its_credits_as_a_text(more: dict[str, object], credits: float | None) -> None:  # noqa: A002
    tasks = read_tasks(json.dumps([{"taskId": "t", "addedAt": 1, **more}]), "p", 0)
    assert tasks is not None
    assert [detail.task.credits for detail in tasks] == [credits]


@pytest.mark.parametrize("credits", ['"x"', "true", "-1", "1e300"])
def test_credits_that_are_no_amount_refuse_the_file(credits: str) -> None:  # noqa: A002
    tasks = read_tasks(f'[{{"taskId": "t", "addedAt": 1, "credits": {credits}}}]', "p", 0)
    assert tasks is not None
    with pytest.raises(TaskFileError, match="line 1: credits is"):
        list(tasks)


@pytest.mark.parametrize("verdicts", ['"picked"', '["loved"]', "[1]", "[[]]", "[null, null]"])
def test_verdicts_that_are_none_of_the_results_refuse_the_file(verdicts: str) -> None:
    tasks = read_tasks(
        f'[{{"taskId": "t", "label": "", "resultUrls": ["a"], "verdicts": {verdicts}}}]', "p", 0
    )
    assert tasks is not None
    with pytest.raises(TaskFileError, match=r"line 1: verdicts (is not a list|has more)"):
        list(tasks)
