"""A task's JSON: the contract's fields in their order, whatever is known of it."""

from __future__ import annotations

from taskdash.domain.task import Problem, ProblemKind, SavedResult, State, Task, TaskDetail
from taskdash.domain.task_json import FIELDS, task_json

CONTRACT = [
    "taskId",
    "model",
    "state",
    "rawState",
    "param",
    "resultUrls",
    "failCode",
    "failMsg",
    "costTime",
    "completeTime",
    "createTime",
    "profile",
    "label",
    "note",
    "addedAt",
    "checkedAt",
    "problem",
    "saved",
]


def test_the_fields_are_the_contracts_in_their_order() -> None:
    assert list(FIELDS) == CONTRACT
    task = Task(seq=1, profile="p", task_id="t", added_at_ms=5)
    assert list(task_json(TaskDetail(task=task))) == CONTRACT


def test_what_is_not_known_is_null_and_lists_are_lists() -> None:
    values = task_json(TaskDetail(task=Task(seq=1, profile="p", task_id="t", added_at_ms=5)))
    known = {"taskId": "t", "state": "new", "profile": "p", "addedAt": 5, "resultUrls": [], "saved": []}
    assert values == dict.fromkeys(CONTRACT) | known


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
        problem=Problem(ProblemKind.SERVER_ERROR, "HTTP 503", 6),
    )
    values = task_json(
        TaskDetail(
            task=task, param={"input": {}}, result_urls=("https://x.test",), saved=(SavedResult(1, "/a"),)
        )
    )
    assert values["problem"] == {"kind": "server error", "message": "HTTP 503", "since": 6}
    assert (values["state"], values["rawState"], values["param"]) == ("fail", "canceled", {"input": {}})
    assert (values["resultUrls"], values["saved"], values["costTime"]) == (["https://x.test"], ["/a"], 7)
