"""The request that began a task, as its record echoes it, letter for letter: for sending the same once more.

What is shown of it is made inert and cut (`api.record`); a prompt with joined emoji or of great length would not be
the same afterwards. So this reads it from the body as it was kept, and it is never shown as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from taskdash.api.body import UnreadableError, json_document
from taskdash.api.envelope import envelope_of
from taskdash.api.record import request_in

if TYPE_CHECKING:
    from taskdash.domain.task import Json


def echoed_request(body: bytes, task_id: str) -> Json:
    """The `createTask` request in the body of an answer; None where there is none, or no body."""
    try:
        record = envelope_of(json_document(body.decode("utf-8-sig", "replace")), task_id).record
    except UnreadableError:
        return None
    return request_in(record) if record is not None else None
