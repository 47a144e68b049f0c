"""Lists as files: whatever a list has in it comes back from every form, and any text is read or refused."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskdash.domain.task import Problem, ProblemKind, SavedResult, State, Task, TaskDetail, Verdict
from taskdash.domain.task_file import read_tasks
from taskdash.domain.task_json import FIELDS, TaskFileError, task_json

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


@pytest.mark.parametrize("first", ["", " \t", "sep=;", " SEP=; ", "\u00a0"])
def test_a_line_without_content_may_stand_before_the_header(first: str) -> None:
    found = read_tasks(f"{first}\r\ntaskId;label\r\nt-1;mine\r\n", "p", 5)
    assert [(each.task.task_id, each.task.label) for each in found or ()] == [("t-1", "mine")]


@given(
    st.text()
    | st.builds(
        lambda head, tail: head + tail,
        st.sampled_from(["[{", "[", "[[tasks]]\n", "taskId,addedAt\n", '[{"taskId":"a","addedAt":1']),
        st.text(),
    )
)
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(TaskFileError):
        for detail in read_tasks(text, "p", 5) or ():
            assert detail.task.task_id


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
