"""Lists of a given length for benchmarks: believable tasks in every state, written through the real store."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Final

from taskdash.domain.outcome import apply_answer
from taskdash.domain.task import Answer, Record, State, Task
from taskdash.store.store import Store

if TYPE_CHECKING:
    from pathlib import Path

MODELS: Final = (
    "gpt-image-2-text-to-image",
    "gpt-image-2-image-to-image",
    "seedance-2.0-text-to-video",
    "seedance-2.0-image-to-video",
)
_WORDS: Final = (
    *("a", "cat", "robot", "painter", "misty", "mountain"),
    *("sunrise", "city", "night", "ocean", "silk", "dunes"),
)
_BATCH: Final = 5_000


def build(path: Path, count: int, *, waiting: int = 50, seed: int = 1) -> None:
    """Write a store of `count` tasks, `waiting` of them unfinished and the rest finished, 1 in 10 failed."""
    chance = random.Random(seed)  # noqa: S311 - a benchmark's data
    now_ms = time.time_ns() // 1_000_000
    ids = [f"{chance.getrandbits(128):032x}" for _ in range(count)]
    with Store(path) as store:
        store.tasks.add("aigptimage", ids, now_ms)
        from taskdash.domain.query import Query

        tasks = store.tasks.rows(Query("aigptimage"), now_ms)
        spread = set(chance.sample(range(count), min(waiting, count)))
        for first in range(0, count, _BATCH):
            outcomes = [
                apply_answer(task, _answer(task, n in spread, chance, now_ms), now_ms)
                for n, task in enumerate(tasks[first : first + _BATCH], first)
            ]
            store.checks.record(outcomes)


def _answer(task: Task, waiting: bool, chance: random.Random, now_ms: int) -> Answer:
    state = State.WAITING if waiting else State.FAIL if chance.random() < 0.1 else State.SUCCESS
    created_ms = now_ms - chance.randrange(1_000, 30 * 86_400_000)
    prompt = " ".join(chance.choices(_WORDS, k=chance.randrange(4, 30)))
    cost_ms = int(chance.lognormvariate(3.4, 0.4) * 1000) if state is State.SUCCESS else None
    record = Record(
        task_id=task.task_id,
        state=state,
        raw_state=state.value,
        model=chance.choice(MODELS),
        param={"input": {"prompt": prompt, "size": "1024x1024"}},
        prompt=prompt,
        result_urls=(f"https://cdn.example.com/{task.task_id}.png",) if state is State.SUCCESS else (),
        fail_code="400" if state is State.FAIL else None,
        fail_msg="Sorry, but the image we created may violate content policies."
        if state is State.FAIL
        else None,
        cost_time_ms=cost_ms,
        complete_time_ms=created_ms + cost_ms if cost_ms else None,
        create_time_ms=created_ms,
    )
    return Answer(record=record, raw=b'{"code":200,"msg":"success","data":{}}' * 20)
