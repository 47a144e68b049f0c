"""Which results are to be saved and which are, and who of all processes on a list saves which."""

from __future__ import annotations

import errno
import fcntl
import json
import os
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final, Self

from taskdash.domain.secret import KnownKeys
from taskdash.domain.task import State
from taskdash.domain.task_json import task_json
from taskdash.results.faults import DiskError
from taskdash.results.file_names import result_stem
from taskdash.results.links import host_and_port, safe_url
from taskdash.results.origin import origin_from, sidecar_name, with_origin
from taskdash.results.part import part_key
from taskdash.store.store_file import lock_path

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from pathlib import Path

    from taskdash.config.settings import Settings
    from taskdash.domain.task import Task, TaskDetail
    from taskdash.results.folder import Folder
    from taskdash.results.part import PartFile
    from taskdash.store.store import Store, StoreThread

LONG_AGO_MS: Final = 3_600_000
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Says how a saved file tells where it came from: by its name, beside it, and in itself."""

    file_name: str | None = None
    """The template for its name."""
    has_sidecar: bool = False
    """Whether its task stands beside it as JSON."""
    is_embedded: bool = False
    """Whether a picture names its task in its own metadata."""
    keys: KnownKeys = field(default_factory=KnownKeys)
    """What no file may have in it."""

    @classmethod
    def of(cls, settings: Settings, keys: KnownKeys) -> Self:
        """Return what the config says of it."""
        return cls(
            file_name=settings.file_name,
            has_sidecar=settings.sidecar,
            is_embedded=settings.embed,
            keys=keys,
        )


class SavedResults:
    """Asks the list for saved files and tells it of them, and tells the files of the list, off the event loop."""

    def __init__(
        self, store: StoreThread, now_ms: Callable[[], int], provenance: Provenance | None = None
    ) -> None:
        self.store = store
        self._now_ms = now_ms
        self._provenance = provenance or Provenance()

    async def is_saved(self, wanted: Wanted) -> bool:
        """Return whether a result is, and its file is still there and as large as it was."""

        def look(store: Store) -> bool:
            file = store.saved.of([wanted.seq]).get(wanted.seq, {}).get(wanted.n)
            return file is not None and file.is_there()

        return await self.store.run(look)

    async def keep(self, wanted: Wanted, path: Path, size: int, digest: str) -> None:
        """Take note that it is; `digest` is the SHA-256 of the file."""
        now_ms = self._now_ms()
        await self.store.run(lambda store: store.saved.keep(wanted.seq, wanted.n, path, size, now_ms, digest))

    async def mark(self, wanted: Wanted, part: PartFile, ending: str) -> str:
        """Have a picture name its task, if that is wanted; return why it does not, though it should."""
        detail = await self._detail(wanted) if self._provenance.is_embedded else None
        if detail is not None:
            try:
                pieces = with_origin(part.read, part.size, ending, detail.task, wanted.n)
                if pieces is not None:
                    part.rewrite(pieces)
            except DiskError as error:
                return f"saved without metadata: {error}"
        return ""

    async def describe(self, wanted: Wanted, path: Path, folder: Folder) -> str:
        """Write the task of a saved file beside it, if that is wanted; return why it is not there, though it should."""
        detail = await self._detail(wanted) if self._provenance.has_sidecar else None
        if detail is None:
            return ""
        text = json.dumps(task_json(detail), indent=2) + "\n"

        def is_ours(there: bytes) -> bool:
            origin = origin_from(there)
            return origin is not None and origin.task_id == detail.task.task_id

        try:
            folder.put(sidecar_name(path.name), text.encode(), is_ours)
        except DiskError as error:
            return f"saved without a sidecar: {error}"
        return ""

    async def _detail(self, wanted: Wanted) -> TaskDetail | None:
        """Return a task without any key; None where it was removed meanwhile."""
        detail = await self.store.run(lambda store: store.tasks.detail(wanted.seq, raw=False))
        return detail and self._provenance.keys.redact_values(detail)

    async def wanted_of(
        self, seqs: Sequence[int], only: Collection[tuple[int, int]] | None = None
    ) -> tuple[list[Wanted], int]:
        """Return what of the results of tasks is to be saved; see the function of this name."""
        file_name = self._provenance.file_name
        return await self.store.run(partial(wanted_of, seqs=seqs, only=only, file_name=file_name))


def wanted_of(
    store: Store,
    seqs: Sequence[int],
    *,
    only: Collection[tuple[int, int]] | None = None,
    file_name: str | None = None,
) -> tuple[list[Wanted], int]:
    """Return the results of tasks that are not saved, in order, and how many are saved already.

    With `only`, by `seq` and number, others are left out; `file_name` is the template for their names.
    """
    done = store.saved.of(seqs)
    wanted, known = [], 0
    for task, urls in store.tasks.links(seqs):
        if task.state is not State.SUCCESS:
            continue
        files = done.get(task.seq, {})
        asked = [n for n, _ in enumerate(urls, 1) if only is None or (task.seq, n) in only]
        lacking = [n for n in asked if n not in files or not files[n].is_there()]
        known += len(asked) - len(lacking)
        if lacking:
            wanted += _results_of(store, task, urls, lacking, file_name)
    return wanted, known


def _seen_to_finish_ms(task: Task) -> int | None:
    """Return when the list learned that a task had ended; None where that was long after its end.

    That is by the clock of this computer. The gateway's may differ, so an hour more or less tells nothing.
    """
    seen_ms, ended_ms = task.finished_at_ms, task.complete_time_ms
    if seen_ms is not None and ended_ms is not None and abs(seen_ms - ended_ms) > LONG_AGO_MS:
        return None
    return seen_ms


def _results_of(
    store: Store, task: Task, urls: Sequence[str], numbers: Iterable[int], file_name: str | None
) -> list[Wanted]:
    return [
        Wanted(
            seq=task.seq,
            n=n,
            url=urls[n - 1],
            task_id=task.task_id,
            stem=result_stem(store, task, n, file_name),
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
        """Open the file, making it where it is missing."""
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
