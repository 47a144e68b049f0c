"""Tells what has waited too long: by the history of its kind and gateway, in filters and in what is printed."""

from __future__ import annotations

import json

import pytest
from tests.store_lists import NOW, added, ids, recorded

from taskdash.domain.query import Query
from taskdash.domain.task import State
from taskdash.domain.task_json import task_json
from taskdash.store.store import Store


def finish(store: Store, count: int, cost_ms: int, profile: str = "p", model: str = "image") -> None:
    for n in range(count):
        task = added(store, f"task_done_{model}_{n}", profile)
        recorded(store, task, model=model, cost_time_ms=cost_ms)


def wait(store: Store, name: str, since_s: int, profile: str = "p", model: str = "image") -> int:
    task = added(store, f"task_{name}", profile)
    return recorded(
        store, task, State.WAITING, model=model, create_time_ms=NOW - 1000 * since_s, now_ms=NOW - 1
    ).seq


@pytest.mark.parametrize("finished", [4, 5])
def test_a_wait_is_overdue_beyond_twice_what_nine_in_ten_of_its_kind_take(
    store: Store, finished: int
) -> None:
    finish(store, finished, 30_000)
    finish(store, 10, 600_000, model="video")
    wait(store, "young", 60)
    wait(store, "film", 601, model="video")
    late = wait(store, "late", 61)
    added(store, "task_new")
    recorded(store, added(store, "task_failed"), State.FAIL, model="image", create_time_ms=NOW - 900_000)
    # Of a history of four nothing is told.
    overdue = ["task_late"] if finished == 5 else []
    assert ids(store, "overdue:yes") == overdue
    assert {*ids(store, "overdue:no")} == {"task_young", "task_film", "task_late"} - {*overdue}
    assert {*ids(store, "!overdue:yes")} == {*ids(store)} - {*overdue}
    told = [json.loads(item) for item in store.documents.json_items(Query("p"), NOW)]
    assert [each["taskId"] for each in told if each["overdue"]] == overdue
    seqs = store.tasks.seqs(Query("p"), NOW)
    details = list(store.tasks.details(seqs, now_ms=NOW))
    assert [json.dumps(task_json(each)) for each in details] == [json.dumps(each) for each in told]
    assert not any(each.is_overdue for each in store.tasks.details([late]))


def test_it_becomes_overdue_by_the_clock_alone_and_each_gateway_has_its_own_history(store: Store) -> None:
    finish(store, 5, 30_000)
    finish(store, 5, 90_000, "q")
    wait(store, "here", 50)
    wait(store, "there", 100, "q")
    query = Query(None)
    assert store.history.overdue(None, NOW) == []
    late = NOW + 11_000
    assert [task.task_id for task in store.tasks.by_seq(store.history.overdue(None, late))] == ["task_here"]
    assert store.history.overdue("q", late) == []
    later = [json.loads(item) for item in store.documents.json_items(query, NOW + 100_000)]
    assert {each["taskId"] for each in later if each["overdue"]} == {"task_here", "task_there"}


def test_a_variant_that_differs_has_a_limit_of_its_own_and_others_that_of_their_model(store: Store) -> None:
    def sized(size: str) -> dict[str, dict[str, str]]:
        return {"input": {"size": size}}

    for n in range(10):
        for size, cost_ms in (("small", 10_000), ("large", 60_000)):
            task = added(store, f"task_{size}_{n}")
            recorded(store, task, model="image", cost_time_ms=cost_ms + n, param=sized(size))
    for size, since_s in (("small", 30), ("large", 100), ("other", 100), ("large", 130)):
        task = added(store, f"task_{size}_{since_s}", label=size)
        created_ms = NOW - 1000 * since_s
        recorded(
            store,
            task,
            State.WAITING,
            model="image",
            param=sized(size),
            create_time_ms=created_ms,
            now_ms=NOW - 1,
        )
    assert {*ids(store, "overdue:yes")} == {"task_small_30", "task_large_130"}
    assert store.history.overdue_by_label("p", NOW) == {"small": 1, "large": 1}


def test_what_was_charged_is_known_and_more_than_nothing(store: Store) -> None:
    for name, amount, state in (
        ("paid", 4.5, State.SUCCESS),
        ("lost", 2.0, State.FAIL),
        ("free", 0.0, State.FAIL),
        ("untold", None, State.FAIL),
    ):
        recorded(store, added(store, f"task_{name}"), state, credits=amount)
    assert ids(store, "charged:yes") == ["task_lost", "task_paid"]
    assert ids(store, "charged:yes state:fail") == ["task_lost"]
    assert ids(store, "charged:no") == ["task_free"]


def test_a_whole_label_is_told_from_one_that_begins_alike_and_from_none(store: Store) -> None:
    for label in ("mugs", "mugs 2", "Mugs", None):
        added(store, f"task_{label}".replace(" ", "_"), label=label)
    assert ids(store, "label:=mugs") == ["task_mugs"]
    assert ids(store, 'label:="mugs 2"') == ["task_mugs_2"]
    assert ids(store, 'label:=""') == ["task_None"]
    assert len(ids(store, '!label:=""')) == 3
