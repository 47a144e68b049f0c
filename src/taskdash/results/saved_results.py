"""Determines which results to save and under which names, records saved ones, and locks results between processes.

A name has no special meaning to any file system. It has no ending, which is determined as the file arrives.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import unicodedata
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from taskdash.config.kinds import FILE_NAME_PART
from taskdash.domain.task import State
from taskdash.domain.task_json import task_json
from taskdash.domain.words import moment
from taskdash.results.links import DiskError, host_and_port, safe_url
from taskdash.results.origin import origin_from, sidecar_name, with_origin
from taskdash.results.part import part_key
from taskdash.store.store_file import lock_path

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from taskdash.config.settings import Settings
    from taskdash.domain.secret import KnownKeys
    from taskdash.domain.task import Task, TaskDetail
    from taskdash.results.folder import Folder
    from taskdash.results.part import PartFile
    from taskdash.store.store import Store, StoreThread
    from taskdash.watch.machine import Clock

MAX_STEM_CHARS: Final = 80
MAX_STEM_BYTES: Final = 200
ID_CHARS: Final = 8
"""Enough of an ID for `taskdash show`."""
PROMPT_CHARS: Final = 28
_TEXT_CHARS: Final = (MAX_STEM_BYTES, 80, 40, 20, 10)
"""Limits for each text in a template, tried in this order until the name is no longer than `MAX_STEM_BYTES`."""
_NOT_IN_NAMES = re.compile(r"[^\w.+-]+")
# Device names on Windows, to which the folder may be shared.
_DEVICES = re.compile(r"(?:con|prn|aux|nul|(?:com|lpt)[0-9¹²³])(?:\..*)?", re.IGNORECASE)
_SAME_AGAIN = re.compile(r"([._+-])\1+")
LONG_AGO_MS: Final = 3_600_000
_ORIGIN: Final = 1 << 61
"""Added because `seq` may be negative, and a file offset may not."""
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
    host: str
    key: str
    seen_ms: int | None = None
    """When its task was seen to finish, if it had just done so; None if it finished long ago."""


class SavedResults:
    """Looks up and records saved files in the list, and writes metadata and sidecars, off the event loop."""

    def __init__(self, store: StoreThread, clock: Clock, settings: Settings, keys: KnownKeys) -> None:
        self.store = store
        self._clock = clock
        self._settings = settings
        self._keys = keys
        """The keys that no file may contain."""

    async def is_saved(self, wanted: Wanted) -> bool:
        """Return whether a result is saved, and its file still exists in its original size."""

        def look(store: Store) -> bool:
            file = store.saved.of([wanted.seq]).get(wanted.seq, {}).get(wanted.n)
            return file is not None and file.is_there()

        return await self.store.run(look)

    async def mark(self, wanted: Wanted, part: PartFile, ending: str) -> str:
        """Write a picture's task to its metadata, if configured; return why that failed, or ""."""
        detail = await self._detail(wanted) if self._settings.embed else None
        if detail is not None:
            try:
                pieces = with_origin(part.read, part.size, ending, detail.task, wanted.n)
                if pieces is not None:
                    part.rewrite(pieces)
            except DiskError as error:
                return f"saved without metadata: {error}"
        return ""

    async def keep(self, wanted: Wanted, path: Path, size: int, digest: str, folder: Folder) -> str:
        """Record that a result is saved; `digest` is the SHA-256 of the file.

        Its task is written to a sidecar beside it, if configured; return why that failed, or "".
        """
        now_ms = self._clock.now_ms()
        await self.store.run(lambda store: store.saved.keep(wanted.seq, wanted.n, path, size, now_ms, digest))
        detail = await self._detail(wanted) if self._settings.sidecar else None
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
        """Return a task with keys redacted; None if it was removed meanwhile."""
        detail = await self.store.run(lambda store: store.tasks.detail(wanted.seq, raw=False))
        return detail and self._keys.redact_values(detail)

    async def wanted_of(
        self, seqs: Sequence[int], only: Collection[tuple[int, int]] | None = None
    ) -> tuple[list[Wanted], int]:
        """Return the results of tasks that are to be saved; see the function of this name."""
        named = self._settings.file_name
        return await self.store.run(lambda store: wanted_of(store, seqs, only=only, file_name=named))


def wanted_of(
    store: Store,
    seqs: Sequence[int],
    *,
    only: Collection[tuple[int, int]] | None = None,
    file_name: str | None = None,
) -> tuple[list[Wanted], int]:
    """Return the unsaved results of tasks, in order, and how many are already saved.

    `only` restricts them to some, by `seq` and number; `file_name` is the template for their names.
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
        wanted += [
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
            for n in lacking
        ]
    return wanted, known


def _seen_to_finish_ms(task: Task) -> int | None:
    """Return when the list learned that a task had ended; None if that was long after its end.

    Measured by the clock of this computer. The gateway's may differ, so less than an hour means nothing.
    """
    seen_ms, ended_ms = task.finished_at_ms, task.complete_time_ms
    if seen_ms is not None and ended_ms is not None and abs(seen_ms - ended_ms) > LONG_AGO_MS:
        return None
    return seen_ms


# Names


def stem_of(label: str | None, task_id: str) -> str:
    """Return the first part of a file name: the label, else the ID, cleaned by `plain_name`."""
    return plain_name(label or "") or plain_name(task_id) or "task"


def plain_name(text: str, most_chars: int = MAX_STEM_CHARS) -> str:
    """Return a text as part of a file name, without anything special to a file system; it may be empty."""
    name = _plain(text)[:most_chars].encode("utf-8", "replace")[:MAX_STEM_BYTES].decode("utf-8", "ignore")
    name = name.rstrip(".-_+")
    return f"task-{name}" if _DEVICES.fullmatch(name) else name


def _plain(text: str) -> str:
    return _NOT_IN_NAMES.sub("-", unicodedata.normalize("NFC", text)).strip(".-_+")


def result_stem(store: Store, task: Task, n: int, template: str | None = None) -> str:
    """Return the file name of a task's result `n`, without ending.

    Without a template it is the label or prompt, as much of the ID as tells it from others, and `n`.
    """
    if template is not None:
        return _filled(template, task, n) or f"{stem_of(None, task.task_id)}-{n}"
    name = plain_name(task.label or "") or plain_name(_beginning(task.prompt or "", PROMPT_CHARS))
    if not name:
        return f"{stem_of(None, task.task_id)}-{n}"
    start = task.task_id[:ID_CHARS]
    is_alone = len(store.documents.ids_like(task.profile, start, 2)) == 1
    return f"{name}-{stem_of(None, start if is_alone else task.task_id)}-{n}"


def _filled(template: str, task: Task, n: int) -> str:
    created = moment(task.added_at_ms if task.create_time_ms is None else task.create_time_ms)
    texts = {"label": task.label or "", "prompt": task.prompt or "", "model": task.model or ""}
    values = {**texts, "id": task.task_id, "n": str(n), "created": created.replace(" ", "_")}

    def fill(most_chars: int) -> str:
        def value(match: re.Match[str]) -> str:
            is_text = match[1] in texts
            chars = int(match[2] or (MAX_STEM_CHARS if is_text else MAX_STEM_BYTES))
            return _plain(_beginning(values[match[1]], min(chars, most_chars) if is_text else chars))

        return _SAME_AGAIN.sub(r"\1", _plain(re.sub(FILE_NAME_PART, value, template)))

    # The end of a name tells results apart, so texts are shortened instead.
    names = map(fill, _TEXT_CHARS)
    name = next((name for name in names if len(name.encode()) <= MAX_STEM_BYTES), fill(0))
    return plain_name(name, MAX_STEM_BYTES)


def _beginning(text: str, most_chars: int) -> str:
    """Return as many of the first words of a text as a name has room for."""
    start = " ".join(text[: 4 * most_chars].split())
    if len(start) <= most_chars:
        return start
    words, _, rest = start[: most_chars + 1].rpartition(" ")
    # Some languages, and some words, have no blanks.
    return words if len(words) > most_chars // 2 or not rest else start[:most_chars]


# Locks


class ResultLocks:
    """Locks of single bytes of one file beside the store, each of which stands for a result, in a `with` block.

    The file stays empty. Such locks belong to the process, so `acquire` keeps track of those held within it.
    """

    def __init__(self, store_path: Path) -> None:
        """Open the file, creating it if missing. Raises OSError if it cannot be created."""
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self._descriptor = os.open(lock_path(store_path, "downloads"), flags, 0o600)
        self._taken: set[tuple[int, int]] = set()

    def acquire(self, seq: int, n: int) -> bool:
        """Try to lock result `n` of a task; return whether that succeeded."""
        if (seq, n) in self._taken:
            return False
        try:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _place(seq, n))
        except OSError as error:
            if error.errno in _HELD:
                return False
            # A file system without locks, so there is nobody to ask.
        self._taken.add((seq, n))
        return True

    def release(self, seq: int, n: int) -> None:
        """Unlock a result."""
        self._taken.discard((seq, n))
        with suppress(OSError):
            fcntl.lockf(self._descriptor, fcntl.LOCK_UN, 1, _place(seq, n))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)


def _place(seq: int, n: int) -> int:
    return _ORIGIN + seq * _RESULTS + n
