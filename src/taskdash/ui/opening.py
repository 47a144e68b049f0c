"""What the first frame shows: the head of the list and its first task, read while Textual is still being imported."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from taskdash.ui.widgets.window import Place, Window, read_window

if TYPE_CHECKING:
    from taskdash.domain.query import Query
    from taskdash.domain.task import TaskDetail
    from taskdash.store.store import Store

_PLACE = Place(height=20)
"""Nobody has asked for the height of the terminal yet: a window is three times as high as this."""


class Opening(NamedTuple):
    """The list as it is opened."""

    window: Window
    detail: TaskDetail | None
    """The task under the cursor; None where the list is empty."""
    newest_seq: int | None
    """The task that was added last; None in an empty store."""


def read_opening(store: Store, query: Query, now_ms: int) -> Opening:
    """Read the head of `query`."""
    window = read_window(store, query, _PLACE, now_ms)
    task = window.row(window.cursor)
    newest_seq = store.tasks.newest_seq()
    return Opening(window, store.tasks.detail(task.seq) if task else None, newest_seq)
