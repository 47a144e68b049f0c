"""Lists in a store, as tests make them: tasks that were checked, and what a filter finds of them."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

from tests.bodies import Body

from taskdash.api.wire import parse_answer
from taskdash.domain.query import Query, parse_filter
from taskdash.domain.record import Answer, Outcome, Record, apply_answer
from taskdash.domain.task import ProblemKind, State, Task, TaskDetail
from taskdash.store.store import Store

NOW = 1_790_000_000_000
WORDS = (
    *["fox", "Robot", "Ärger", "straße", "日本の狐", "50%_off", "a*b", "[x]", "what?", "É", "🦊"],
    "e\u0301",
)


def added(
    store: Store, task_id: str, profile: str = "p", now_ms: int = NOW, label: str | None = None
) -> Task:
    store.additions.add(profile, [task_id], now_ms, label=label)
    return store.tasks.find(profile, task_id)


def answered(store: Store, task: Task, answer: Answer, now_ms: int = NOW) -> Task:
    """Keep what a check of a task brought, and return the task as it is then."""
    store.checks.record([apply_answer(task, answer, now_ms)])
    return store.tasks.find(task.profile, task.task_id)


def recorded(
    store: Store,
    task: Task,
    state: State = State.SUCCESS,
    raw: bytes = b"{}",
    now_ms: int = NOW,
    **record: Any,
) -> Task:
    """Keep a record of a task with these fields, and return the task as it is then."""
    answer = Answer(record=Record(state=state, raw_state=state.value, **record), raw=raw)
    return answered(store, task, answer, now_ms)


def replied(store: Store, body: Body, profile: str = "p", now_ms: int = NOW) -> Task:
    """Keep what the API said of the task that a body names, and return the task as it is then."""
    task_id = str(body["data"]["taskId"])
    answer = parse_answer(200, {"content-type": "application/json"}, json.dumps(body).encode(), task_id)
    return answered(store, store.tasks.find(profile, task_id), answer, now_ms)


def detail_of(store: Store, task_id: str, profile: str = "p") -> TaskDetail:
    return store.tasks.find_detail(profile, task_id)


def ids(store: Store, words: str = "", profile: str | None = "p") -> list[str]:
    """Return the IDs of the list, or of what a filter finds in it, in its order."""
    return [task.task_id for task in store.tasks.rows(Query(profile, terms=parse_filter(words)), NOW)]


def plans_of(store: Store, work: Callable[[Store], object], about: str) -> list[str]:
    """Return how SQLite goes about those statements of `work` that contain a text."""
    asked: list[str] = []
    store.connection.set_trace_callback(asked.append)
    work(store)
    store.connection.set_trace_callback(None)
    plans = [store.rows(f"EXPLAIN QUERY PLAN {sql}") for sql in asked if about in sql]
    return [" | ".join(str(step[3]) for step in plan) for plan in plans]


def fill(store: Store, count: int = 600) -> list[Task]:
    """Make a list of two profiles, in every state, with every word in every field and every kind of gap."""
    chance = random.Random(11)  # noqa: S311 - the same list in every run

    def some(share: float = 0.6) -> str | None:
        return " ".join(chance.choices(WORDS, k=3)) if chance.random() < share else None

    store.additions.add("p", [f"task_{chance.getrandbits(64):016x}" for _ in range(count)], NOW - 5_000)
    store.additions.add("q", ["task_other_fox"], NOW)
    outcomes: list[Outcome] = []
    for task in store.tasks.rows(Query("p"), NOW):
        if (kind := chance.random()) < 0.1:
            continue
        if kind < 0.2:
            answer = Answer(problem=chance.choice(list(ProblemKind)), message="no")
        else:
            state = chance.choice([State.WAITING, State.SUCCESS, State.FAIL])
            record = Record(
                state=state,
                raw_state=state.value,
                model=some(),
                prompt=some(),
                fail_code="400" if state is State.FAIL else None,
                fail_msg=some() if state is State.FAIL else None,
                cost_time_ms=chance.choice([None, 1_000, 30_000, 60_000]),
                credits=(None, 0, 2.5, 40)[len(outcomes) % 4],
                create_time_ms=chance.choice([None, NOW - chance.randrange(4) * 3_600_000]),
            )
            answer = Answer(record=record, raw=b"{}")
        outcomes.append(apply_answer(task, answer, NOW - chance.randrange(7)))
    store.checks.record(outcomes)
    for task in store.tasks.rows(Query("p"), NOW)[::7]:
        store.edits.edit([task.seq], label=some(1), note=some())
    return store.tasks.rows(Query("p"), NOW)
