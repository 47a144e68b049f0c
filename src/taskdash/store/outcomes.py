"""What a check brought, as it is kept: the task's row, the record's body, the text that filters look in, and news."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from taskdash.domain.telling import is_news
from taskdash.store.news import keep_untold
from taskdash.store.query_sql import STATE_CODES
from taskdash.store.rows import dump_json, search_text

if TYPE_CHECKING:
    import sqlite3

    from taskdash.domain.outcome import Outcome
    from taskdash.domain.task import Task

RECORD_COLUMNS: Final = (
    "raw_state",
    "model",
    "variant",
    "cost_time_ms",
    "complete_time_ms",
    "create_time_ms",
    "progress",
    "result_count",
    "checked_at_ms",
    "finished_at_ms",
    "checks",
    "misses",
    "fail_code",
    "fail_msg",
    "prompt",
)
"""What a check may change of a task, besides its state, its problem and its next check."""
_UPDATE: Final = (
    f"UPDATE tasks SET {', '.join(f'{name} = :{name}' for name in RECORD_COLUMNS)}, state = :state_code, "
    "problem_kind = :problem_kind, problem_message = :problem_message, problem_since_ms = :problem_since_ms, "
    # A request made while the check was under way is a wish for a later answer than this one.
    "next_check_at_ms = CASE WHEN asked_at_ms IS :asked_before THEN :next_check_at_ms ELSE next_check_at_ms END, "
    "asked_at_ms = CASE WHEN asked_at_ms IS :asked_before THEN NULL ELSE asked_at_ms END "
    # The file may have become another one since, in which the place is another task's.
    "WHERE seq = :seq AND profile = :profile AND task_id = :task_id AND checks = :checks_before"
)
_KEEP_BODY: Final = (
    "INSERT OR REPLACE INTO bodies (seq, raw, param, result_urls, credits_consumed, extra) "
    "VALUES (?, ?, ?, ?, ?, ?)"
)


def keep_outcome(connection: sqlite3.Connection, outcome: Outcome) -> None:
    """Write one down, in the caller's transaction; nothing is written where a later check of its task was."""
    is_newest = connection.execute(_UPDATE, _update_values(outcome)).rowcount
    if is_newest and outcome.record is not None:
        connection.execute(_KEEP_BODY, _body_values(outcome))
        if is_news(outcome.before, outcome.task):
            keep_untold(connection, outcome.task.seq)
        if _searched(outcome.before) != _searched(outcome.task):
            _index(connection, outcome.task)


def _update_values(outcome: Outcome) -> dict[str, object]:
    task, problem = outcome.task, outcome.task.problem
    names = (*RECORD_COLUMNS, "seq", "profile", "task_id", "next_check_at_ms")
    return {name: getattr(task, name) for name in names} | {
        "state_code": STATE_CODES[task.state],
        "problem_kind": problem.kind.value if problem else None,
        "problem_message": problem.message if problem else None,
        "problem_since_ms": problem.since_ms if problem else None,
        "asked_before": outcome.before.asked_at_ms,
        "checks_before": outcome.before.checks,
    }


def _searched(task: Task) -> tuple[str | None, ...]:
    """What a check may change of the text that filter words are looked up in."""
    return task.prompt, task.model, task.fail_code, task.fail_msg


def _index(connection: sqlite3.Connection, task: Task) -> None:
    """Renew a task's search text, with the label and note it has now: they may have been edited meanwhile."""
    label, note = connection.execute("SELECT label, note FROM tasks WHERE seq = ?", (task.seq,)).fetchone()
    folded = search_text(replace(task, label=label, note=note))
    connection.execute("UPDATE search SET folded = ? WHERE seq = ?", (folded, task.seq))


def _body_values(outcome: Outcome) -> tuple[object, ...]:
    record = outcome.record
    assert record is not None  # noqa: S101 - only called for an outcome with a record
    return (
        outcome.task.seq,
        outcome.raw,
        dump_json(record.param),
        dump_json(list(record.result_urls)),
        record.credits_consumed,
        dump_json(record.extra),
    )
