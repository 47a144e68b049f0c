"""What the list knows of saved results, for whoever saves them: asked and told off the event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from taskdash.domain.task import State
from taskdash.results.downloads import Wanted
from taskdash.results.folder import plain_name, stem_of
from taskdash.results.links import host_and_port, safe_url
from taskdash.results.part import part_key

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from taskdash.domain.task import Task
    from taskdash.store.store import Store, StoreThread

LONG_AGO_MS: Final = 3_600_000
ID_CHARS: Final = 8
"""Enough of an ID for `taskdash show`."""
PROMPT_CHARS: Final = 28


class SavedMemory:
    """The list's memory of saved files."""

    def __init__(self, store: StoreThread, now_ms: Callable[[], int]) -> None:
        self._store = store
        self._now_ms = now_ms

    async def is_saved(self, wanted: Wanted) -> bool:
        """Whether it is, and its file is still there and as large as it was."""

        def look(store: Store) -> bool:
            file = store.saved.of([wanted.seq]).get(wanted.seq, {}).get(wanted.n)
            return file is not None and file.is_there()

        return await self._store.run(look)

    async def keep(self, wanted: Wanted, path: Path, size: int) -> None:
        """Take note that it is."""
        now_ms = self._now_ms()
        await self._store.run(lambda store: store.saved.keep(wanted.seq, wanted.n, path, size, now_ms))


def wanted_of(store: Store, seqs: Sequence[int]) -> tuple[list[Wanted], int]:
    """The results of tasks that are not saved, in order, and how many are saved already."""
    done = store.saved.of(seqs)
    wanted, known = [], 0
    for task, urls in store.documents.links(seqs):
        files = done.get(task.seq, {})
        for each in _results_of(task, urls, str(store.path)):
            file = files.get(each.n)
            if file is not None and file.is_there():
                known += 1
            else:
                wanted.append(each)
    return wanted, known


def _seen_to_finish_ms(task: Task) -> int | None:
    """Return when the list learned that a task had ended; None where that was long after its end.

    That is by the clock of this computer. The gateway's may differ, so an hour more or less tells nothing.
    """
    seen_ms, ended_ms = task.finished_at_ms, task.complete_time_ms
    if seen_ms is not None and ended_ms is not None and abs(seen_ms - ended_ms) > LONG_AGO_MS:
        return None
    return seen_ms


def _stem(task: Task, n: int) -> str:
    """Name a result after its label or prompt, its ID and its number, so that every file can be traced to its task."""
    name = plain_name(task.label or "") or plain_name(_beginning(task.prompt or ""))
    if not name:
        return f"{stem_of(None, task.task_id)}-{n}"
    return f"{name}-{stem_of(None, task.task_id[:ID_CHARS])}-{n}"


def _beginning(prompt: str) -> str:
    """Return the first words of a prompt, as many as a name has room for."""
    start = " ".join(prompt[: 4 * PROMPT_CHARS].split())
    if len(start) <= PROMPT_CHARS:
        return start
    words, _, rest = start[: PROMPT_CHARS + 1].rpartition(" ")
    # Some languages, and some words, know no blanks.
    return words if len(words) > PROMPT_CHARS // 2 or not rest else start[:PROMPT_CHARS]


def _results_of(task: Task, urls: Sequence[str], list_name: str) -> list[Wanted]:
    if task.state is not State.SUCCESS:
        return []
    return [
        Wanted(
            seq=task.seq,
            n=n,
            url=url,
            task_id=task.task_id,
            stem=_stem(task, n),
            host=host_and_port(safe_url(url) or "")[0],
            key=part_key(list_name, task.profile, task.task_id, str(n)),
            seen_ms=_seen_to_finish_ms(task),
        )
        for n, url in enumerate(urls, 1)
    ]
