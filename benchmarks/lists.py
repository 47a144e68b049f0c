"""Lists of a given length for benchmarks and tests: believable tasks in every state, 100,000 in a few seconds.

The rows are those that the watcher would have left; written one by one through it they would take half a minute.
"""

from __future__ import annotations

import random
import time
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

from taskdash.domain.task import State
from taskdash.store.rows import STATE_CODES, folded_search_text
from taskdash.store.store import Store

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

PROFILE: Final = "aigptimage"
MODELS: Final = (
    "gpt-image-2-text-to-image",
    "gpt-image-2-image-to-image",
    "seedance-2.0-text-to-video",
    "seedance-2.0-image-to-video",
)
WORDS: Final = (
    *("a", "cat", "robot", "painter", "misty", "mountain"),
    *("sunrise", "city", "night", "ocean", "silk", "dunes"),
)
REFUSED: Final = "Sorry, but the image we created may violate content policies."
RAW: Final = b'{"code":200,"msg":"success","data":{}}' * 20
_TASK: Final = (
    "INSERT INTO tasks (seq, profile, task_id, state, raw_state, model, label, cost_time_ms, complete_time_ms, "
    "create_time_ms, result_count, added_at_ms, checked_at_ms, next_check_at_ms, finished_at_ms, checks, fail_code, "
    "fail_msg, prompt) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_BODY: Final = "INSERT INTO bodies (seq, raw, param, result_urls) VALUES (?, ?, ?, ?)"
_SEARCH: Final = "INSERT INTO search (seq, profile, state, folded) VALUES (?, ?, ?, ?)"
_BATCH: Final = 10_000


class _Rows(NamedTuple):
    """One task as it is stored."""

    task: tuple[object, ...]
    body: tuple[object, ...]
    search: tuple[object, ...]


def build(
    path: Path,
    count: int,
    *,
    waiting: int = 50,
    newest: bool = False,
    labels: int = 0,
    raw: bytes = RAW,
    seed: int = 1,
) -> None:
    """Write a store of `count` tasks, 1 in 10 of those that have ended failed.

    Args:
        path: The store; it must not exist.
        count: How many tasks.
        waiting: How many of them are unfinished and due.
        newest: These are the first of the list, not any.
        labels: Of so many tasks in a row one has a label, where that is more than 0.
        raw: The body of each.
        seed: Of what is made up.
    """
    chance = random.Random(seed)  # noqa: S311 - a benchmark's data
    now_ms = time.time_ns() // 1_000_000
    waiting = min(waiting, count)
    unfinished = set(range(waiting) if newest else chance.sample(range(count), waiting))
    with Store(path) as store, store.writing() as connection:
        made = connection.execute(
            "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL AND type IN ('index', 'trigger') "
            "AND tbl_name = 'tasks'"
        ).fetchall()
        for kind, name, _ in made:
            connection.execute(f"DROP {kind} {name}")
        rows = (_rows(n - count, n in unfinished, labels, raw, chance, now_ms) for n in range(count))
        _write(connection, rows)
        connection.execute("INSERT INTO counts SELECT profile, state, count(*) FROM tasks GROUP BY 1, 2")
        connection.execute("UPDATE numbers SET value = ? WHERE name = 'lowest_seq'", (-count,))
        for _, _, sql in made:
            connection.execute(sql)


def _write(connection: sqlite3.Connection, rows: Iterator[_Rows]) -> None:
    while batch := list(islice(rows, _BATCH)):
        for statement, values in zip((_TASK, _BODY, _SEARCH), zip(*batch, strict=True), strict=True):
            connection.executemany(statement, values)


def _rows(seq: int, is_waiting: bool, labels: int, raw: bytes, chance: random.Random, now_ms: int) -> _Rows:
    state = State.WAITING if is_waiting else State.FAIL if chance.random() < 0.1 else State.SUCCESS
    done, failed = state is State.SUCCESS, state is State.FAIL
    created_ms = now_ms - int(chance.random() * 30 * 86_400_000) - 1_000
    cost_ms = int(chance.lognormvariate(3.4, 0.4) * 1000) if done else None
    prompt = " ".join(chance.choices(WORDS, k=4 + int(26 * chance.random())))
    task_id = f"{chance.getrandbits(128):032x}"
    model = MODELS[int(len(MODELS) * chance.random())]
    label = f"batch {-seq // labels}" if labels and seq % labels == 0 else None
    complete_ms = created_ms + cost_ms if cost_ms else None
    next_ms, ended_ms = (now_ms, None) if is_waiting else (None, now_ms)
    fail_code, fail_msg = ("400", REFUSED) if failed else (None, None)
    failure = f"400 {REFUSED}" if failed else ""
    code = STATE_CODES[state]
    # Nothing in these texts needs an escape.
    param = f'{{"input":{{"prompt":"{prompt}","size":"1024x1024"}}}}'
    urls = f'["https://cdn.example.com/{task_id}.png"]' if done else "[]"
    return _Rows(
        (
            *(seq, PROFILE, task_id, code, state.value, model, label, cost_ms, complete_ms, created_ms),
            *(int(done), now_ms, now_ms, next_ms, ended_ms, 1, fail_code, fail_msg, prompt),
        ),
        (seq, raw, param, urls),
        (seq, PROFILE, code, folded_search_text(task_id, label, None, prompt, model, failure)),
    )
