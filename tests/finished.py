"""Tasks of a list that end, as a check finds them to have."""

from __future__ import annotations

import json

from tests.bodies import Body

from taskdash.api.wire import parse_answer
from taskdash.domain.record import apply_answer
from taskdash.store.store import Store


def record(store: Store, profile: str, body: Body, now_ms: int) -> int:
    """Write down what a check of a listed task brought; return the task's `seq`."""
    task_id = str(body["data"]["taskId"])
    answer = parse_answer(200, {}, json.dumps(body).encode(), task_id)
    outcome = apply_answer(store.tasks.find(profile, task_id), answer, now_ms)
    store.checks.record([outcome])
    return outcome.task.seq
