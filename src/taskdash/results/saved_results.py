"""Which results are to be saved and which are, and who of all processes on a list saves which."""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, Self

from taskdash.domain.task import State, Verdict
from taskdash.results.folder import plain_name, stem_of
from taskdash.results.links import host_and_port, safe_url
from taskdash.results.part import part_key
from taskdash.store.store_file import lock_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from taskdash.domain.task import Task
    from taskdash.store.store import Store, StoreThread

LONG_AGO_MS: Final = 3_600_000
ID_CHARS: Final = 8
"""Enough of an ID for `taskdash show`."""
PROMPT_CHARS: Final = 28
_ORIGIN: Final = 1 << 61
"""`seq` may be negative, a place in a file may not."""
_RESULTS: Final = 1 << 20
"""More results than a task can have."""
_HELD: Final = (errno.EACCES, errno.EAGAIN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A result to be saved."""

    seq: int
    n: int
    """From 1."""
    url: str
    task_id: str
    stem: str
    """The file's name without its ending."""
    host: str
    key: str
    """See `part.part_key`."""
    seen_ms: int | None = None
    """When its task was seen to finish, if it had just done so; None: long ago."""


class SavedResults:
    """What the list knows of saved files, asked and told off the event loop."""

    def __init__(self, store: StoreThread, now_ms: Callable[[], int]) -> None:
        self.store = store
        self._now_ms = now_ms

    async def is_saved(self, wanted: Wanted) -> bool:
        """Return whether a result is, and its file is still there and as large as it was."""

        def look(store: Store) -> bool:
            file = store.saved.of([wanted.seq]).get(wanted.seq, {}).get(wanted.n)
            return file is not None and file.is_there()

        return await self.store.run(look)

    async def keep(self, wanted: Wanted, path: Path, size: int) -> None:
        """Take note that it is."""
        now_ms = self._now_ms()
        await self.store.run(lambda store: store.saved.keep(wanted.seq, wanted.n, path, size, now_ms))

    async def wanted_of(self, seqs: Sequence[int]) -> tuple[list[Wanted], int]:
        """Return what of the results of tasks is to be saved; see the function of this name."""
        return await self.store.run(partial(wanted_of, seqs=seqs))


def wanted_of(store: Store, seqs: Sequence[int], *, only_picked: bool = False) -> tuple[list[Wanted], int]:
    """Return the results of tasks that are not saved, in order, and how many are saved already."""
    done = store.saved.of(seqs)
    verdicts = store.verdicts.of(seqs) if only_picked else {}
    wanted, known = [], 0
    for task, urls in store.tasks.links(seqs):
        if task.state is not State.SUCCESS:
            continue
        files = done.get(task.seq, {})
        given = verdicts.get(task.seq, {})
        asked = [n for n, _ in enumerate(urls, 1) if not only_picked or given.get(n) is Verdict.PICKED]
        lacking = [n for n in asked if n not in files or not files[n].is_there()]
        known += len(asked) - len(lacking)
        if lacking:
            wanted += _results_of(store, task, urls, lacking)
    return wanted, known


def _seen_to_finish_ms(task: Task) -> int | None:
    """Return when the list learned that a task had ended; None where that was long after its end.

    That is by the clock of this computer. The gateway's may differ, so an hour more or less tells nothing.
    """
    seen_ms, ended_ms = task.finished_at_ms, task.complete_time_ms
    if seen_ms is not None and ended_ms is not None and abs(seen_ms - ended_ms) > LONG_AGO_MS:
        return None
    return seen_ms


def _stem(store: Store, task: Task) -> str:
    """Return what a task's files are called after: label or prompt, and as much of its ID as tells it from others."""
    name = plain_name(task.label or "") or plain_name(_beginning(task.prompt or ""))
    if not name:
        return stem_of(None, task.task_id)
    start = task.task_id[:ID_CHARS]
    is_alone = len(store.documents.ids_like(task.profile, start, 2)) == 1
    return f"{name}-{stem_of(None, start if is_alone else task.task_id)}"


def _beginning(prompt: str) -> str:
    """Return the first words of a prompt, as many as a name has room for."""
    start = " ".join(prompt[: 4 * PROMPT_CHARS].split())
    if len(start) <= PROMPT_CHARS:
        return start
    words, _, rest = start[: PROMPT_CHARS + 1].rpartition(" ")
    # Some languages, and some words, know no blanks.
    return words if len(words) > PROMPT_CHARS // 2 or not rest else start[:PROMPT_CHARS]


def _results_of(store: Store, task: Task, urls: Sequence[str], numbers: Iterable[int]) -> list[Wanted]:
    stem = _stem(store, task)
    return [
        Wanted(
            seq=task.seq,
            n=n,
            url=urls[n - 1],
            task_id=task.task_id,
            stem=f"{stem}-{n}",
            host=host_and_port(safe_url(urls[n - 1]) or "")[0],
            key=part_key(str(store.path), task.profile, task.task_id, str(n)),
            seen_ms=_seen_to_finish_ms(task),
        )
        for n in numbers
    ]


class ResultLocks:
    """Locks of single bytes of one file beside the store, each of which stands for a result.

    The file is empty and stays so. Such locks are the process's: within it, `acquire` says no as well.
    """

    def __init__(self, store_path: Path) -> None:
        """Open the file, making it where it is missing.

        Raises:
            OSError: it cannot be.
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self._descriptor = os.open(lock_path(store_path, "downloads"), flags, 0o600)
        self._taken: set[tuple[int, int]] = set()

    def acquire(self, seq: int, n: int) -> bool:
        """Claim result `n` of a task; return whether it is this one's now."""
        if (seq, n) in self._taken:
            return False
        try:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _place(seq, n))
        except OSError as error:
            if error.errno in _HELD:
                return False
            # A file system without locks: then nobody can be asked.
        self._taken.add((seq, n))
        return True

    def release(self, seq: int, n: int) -> None:
        """Let others have it."""
        self._taken.discard((seq, n))
        with suppress(OSError):
            fcntl.lockf(self._descriptor, fcntl.LOCK_UN, 1, _place(seq, n))

    def close(self) -> None:
        """Let others have all."""
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _place(seq: int, n: int) -> int:
    return _ORIGIN + seq * _RESULTS + n
