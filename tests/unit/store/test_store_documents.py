"""The quick way to a task's JSON says what the long way says, whatever stands in the rows."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.store_lists import added, answered, recorded

from taskdash.domain.query import Query, parse_filter
from taskdash.domain.record import Answer
from taskdash.domain.task import Problem, ProblemKind, State, Task, TaskDetail, Verdict
from taskdash.domain.task_json import FIELDS, task_json
from taskdash.domain.untrusted import inert, inert_json, inert_line
from taskdash.store.saved import SavedAs
from taskdash.store.store import Store

NOW_MS = 1_780_000_000_000
EVERYTHING = Query(None)

texts = st.text(max_size=20)


def the_long_way(store: Store) -> list[object]:
    seqs = store.tasks.seqs(EVERYTHING, NOW_MS)
    return [task_json(detail) for detail in store.tasks.details(seqs)]


def the_quick_way(store: Store) -> list[object]:
    items = store.documents.json_items(EVERYTHING, NOW_MS)
    assert all(item.isascii() and item.isprintable() for item in items)
    return [json.loads(item) for item in items]


LISTS = st.fixed_dictionaries(
    {
        **dict.fromkeys(("label", "note", "prompt"), texts),
        "param": st.dictionaries(
            texts, texts | st.lists(st.floats(allow_nan=False, allow_infinity=False)), max_size=3
        ),
        "urls": st.lists(texts, max_size=2),
        **dict.fromkeys(("message", "path"), st.none() | texts),
        "verdicts": st.lists(st.none() | st.sampled_from(Verdict), max_size=2),
        "credits": st.none() | st.floats(0, 1e6) | st.integers(0, 10**9) | st.just(1.6953125),
    }
)


@settings(max_examples=25)
@given(LISTS)
def test_both_ways_to_json_agree(store: Store, of: dict[str, Any]) -> None:
    store.connection.executescript("DELETE FROM tasks;")
    task, other = added(store, "task_a", label=of["label"]), added(store, "task_b")
    store.edits.edit([task.seq], label=of["label"], note=of["note"])
    prompt, urls = inert(of["prompt"]), tuple(map(inert_line, of["urls"]))
    recorded(
        store,
        task,
        prompt=prompt,
        param=inert_json(of["param"]),
        result_urls=urls,
        cost_time_ms=32_241,
        credits=of["credits"],
    )
    if of["message"] is not None:
        problem = Answer(problem=ProblemKind.SERVER_ERROR, message=inert_line(of["message"]))
        answered(store, other, problem)
    store.verdicts.give([(task.seq, n, verdict) for n, verdict in enumerate(of["verdicts"], 1)], NOW_MS)
    if of["path"] is not None:
        store.saved.keep(task.seq, 1, Path(inert_line(of["path"])), 7, NOW_MS)
    assert the_quick_way(store) == the_long_way(store)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE tasks SET label = 'a' || char(127) || 'b'",
        "UPDATE tasks SET label = 7",
        "UPDATE tasks SET label = x'ff41'",
        "UPDATE tasks SET cost_time_ms = '1, \"x\": 2'",
        "UPDATE tasks SET cost_time_ms = 1.5",
        "UPDATE tasks SET state = 9",
        "UPDATE tasks SET credits = '1, \"x\": 2', record_path = x'ff41'",
        "UPDATE tasks SET credits = 1e999",
        "UPDATE tasks SET problem_kind = 'odd'",
        "UPDATE bodies SET param = '{\"a\": 1'",
        "UPDATE bodies SET param = '{\"a\": 1}, {}'",
        "UPDATE bodies SET result_urls = 'nonsense'",
        "UPDATE bodies SET param = '{' || char(10) || '}'",
        "INSERT INTO verdicts SELECT seq, 1, 'loved', 1 FROM tasks",
        "UPDATE tasks SET picked_count = 'x'",
    ],
)
def test_a_row_that_a_foreign_hand_changed_stays_one_json_document(store: Store, change: str) -> None:
    recorded(store, added(store, "task_a"), param={"a": 1})
    store.connection.execute(change)
    (found,) = the_quick_way(store)
    assert isinstance(found, dict)
    assert len(found) == len(FIELDS)
    assert "x" not in found


def a_task(name: str, **changes: object) -> TaskDetail:
    task = Task(seq=0, profile="p", task_id=name, added_at_ms=NOW_MS)
    return TaskDetail(task=replace(task, **changes))  # type: ignore[arg-type] # the names are Task's own


def test_tasks_of_another_list_come_on_top_in_their_order_and_those_listed_stay(store: Store) -> None:
    store.additions.add("p", ["task_mine"], NOW_MS, label="mine")
    failed, theirs = a_task("task_a", state=State.FAIL), a_task("task_mine", label="theirs")
    tasks = [a_task("task_b"), theirs, failed, a_task("task_b")]
    assert store.documents.import_tasks(tasks, NOW_MS) == (2, 2)
    rows = store.tasks.rows(EVERYTHING, NOW_MS)
    assert [(row.task_id, row.label) for row in rows] == [
        ("task_b", None),
        ("task_a", None),
        ("task_mine", "mine"),
    ]
    assert [row.next_check_at_ms for row in rows] == [NOW_MS, None, NOW_MS]
    assert store.checks.finished_since("p", NOW_MS) == []


def test_tasks_that_cannot_all_be_written_are_not_written_at_all(store: Store) -> None:
    with pytest.raises(OverflowError):
        store.documents.import_tasks([a_task("task_a"), a_task("task_b", cost_time_ms=2**70)], NOW_MS)
    assert store.tasks.seqs(EVERYTHING, NOW_MS) == []


def test_what_was_taken_over_is_found_by_its_words(store: Store) -> None:
    store.documents.import_tasks([a_task("task_a", prompt="A red FOX", note="later", problem=None)], NOW_MS)
    for words in ("fox", "note:later", "task_a"):
        assert store.tasks.seqs(EVERYTHING._replace(terms=parse_filter(words)), NOW_MS)


def test_a_problem_that_was_taken_over_is_a_miss(store: Store) -> None:
    problem = Problem(ProblemKind.NOT_FOUND, "message", NOW_MS)
    store.documents.import_tasks([a_task("task_a", problem=problem, checked_at_ms=NOW_MS)], NOW_MS)
    task = store.tasks.find("p", "task_a")
    assert (task.problem, task.misses, task.checks) == (problem, 1, 1)


def test_a_content_is_known_when_its_file_is_gone_and_while_its_task_is_listed(store: Store) -> None:
    task = recorded(store, added(store, "task_a"), result_urls=("https://x/1",))
    path, digest = Path("/nowhere/a.png"), "ab" * 32
    store.saved.keep(task.seq, 1, path, 5, NOW_MS, "cd" * 32)
    store.saved.keep(task.seq, 1, path, 5, NOW_MS, digest)
    assert {each.sha256 for each in store.saved.results_at(path)} == {"cd" * 32, digest}
    store.saved.forget_gone()
    assert store.saved.results_at(path) == []
    assert store.saved.results_with(digest) == [SavedAs("p", "task_a", 1, None, digest)]
    removal = store.edits.remove([task.seq], NOW_MS)
    assert store.saved.results_with(digest) == []
    added(store, "task_a")
    store.edits.restore(removal)
    assert [each.task_id for each in store.saved.results_with(digest)] == ["task_a"]
