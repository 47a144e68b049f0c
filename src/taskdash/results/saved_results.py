"""Tells which results are to be saved and under which names, which are, and which process on a list saves which.

A name means nothing to any file system. It has no ending: that is found out as the file arrives.
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
from taskdash.results.faults import DiskError
from taskdash.results.links import host_and_port, safe_url
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
"""What a text may have in a template, more first, until the name is no longer than `MAX_STEM_BYTES`."""
_NOT_IN_NAMES = re.compile(r"[^\w.+-]+")
# Names of devices on Windows, where the folder may be shared to.
_DEVICES = re.compile(r"(?:con|prn|aux|nul|(?:com|lpt)[0-9¹²³])(?:\..*)?", re.IGNORECASE)
_SAME_AGAIN = re.compile(r"([._+-])\1+")
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
    host: str
    key: str
    seen_ms: int | None = None
    """When its task was seen to finish, if it had just done so; None: long ago."""


class SavedResults:
    """Asks the list for saved files and tells it of them, and tells the files of the list, off the event loop."""

    def __init__(self, store: StoreThread, clock: Clock, settings: Settings, keys: KnownKeys) -> None:
        self.store = store
        self._clock = clock
        self._settings = settings
        self._keys = keys
        """What no file may have in it."""

    async def is_saved(self, wanted: Wanted) -> bool:
        """Return whether a result is, and its file is still there and as large as it was."""

        def look(store: Store) -> bool:
            file = store.saved.of([wanted.seq]).get(wanted.seq, {}).get(wanted.n)
            return file is not None and file.is_there()

        return await self.store.run(look)

    async def keep(self, wanted: Wanted, path: Path, size: int, digest: str) -> None:
        """Take note that it is; `digest` is the SHA-256 of the file."""
        now_ms = self._clock.now_ms()
        await self.store.run(lambda store: store.saved.keep(wanted.seq, wanted.n, path, size, now_ms, digest))

    async def mark(self, wanted: Wanted, part: PartFile, ending: str) -> str:
        """Have a picture name its task, if that is wanted; return why it does not, though it should."""
        detail = await self._detail(wanted) if self._settings.embed else None
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
        """Return a task without any key; None where it was removed meanwhile."""
        detail = await self.store.run(lambda store: store.tasks.detail(wanted.seq, raw=False))
        return detail and self._keys.redact_values(detail)

    async def wanted_of(
        self, seqs: Sequence[int], only: Collection[tuple[int, int]] | None = None
    ) -> tuple[list[Wanted], int]:
        """Return what of the results of tasks is to be saved; see the function of this name."""
        named = self._settings.file_name
        return await self.store.run(lambda store: wanted_of(store, seqs, only=only, file_name=named))


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
    """Return when the list learned that a task had ended; None where that was long after its end.

    That is by the clock of this computer. The gateway's may differ, so an hour more or less tells nothing.
    """
    seen_ms, ended_ms = task.finished_at_ms, task.complete_time_ms
    if seen_ms is not None and ended_ms is not None and abs(seen_ms - ended_ms) > LONG_AGO_MS:
        return None
    return seen_ms


# Names


def stem_of(label: str | None, task_id: str) -> str:
    """Return the first part of a file name: the label, else the ID, as `plain_name` leaves them."""
    return plain_name(label or "") or plain_name(task_id) or "task"


def plain_name(text: str, most_chars: int = MAX_STEM_CHARS) -> str:
    """Return a text as a part of a file name, with nothing in it that means something to a system; it may be empty."""
    name = _plain(text)[:most_chars].encode("utf-8", "replace")[:MAX_STEM_BYTES].decode("utf-8", "ignore")
    name = name.rstrip(".-_+")
    return f"task-{name}" if _DEVICES.fullmatch(name) else name


def _plain(text: str) -> str:
    return _NOT_IN_NAMES.sub("-", unicodedata.normalize("NFC", text)).strip(".-_+")


def result_stem(store: Store, task: Task, n: int, template: str | None = None) -> str:
    """Return what the file of a task's result `n` is called.

    Without a template that is the label or prompt, as much of the ID as tells it from others, and `n`.
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

    # The end of a name tells results apart: rather than it, texts give way.
    names = map(fill, _TEXT_CHARS)
    name = next((name for name in names if len(name.encode()) <= MAX_STEM_BYTES), fill(0))
    return plain_name(name, MAX_STEM_BYTES)


def _beginning(text: str, most_chars: int) -> str:
    """Return the first words of a text, as many as a name has room for."""
    start = " ".join(text[: 4 * most_chars].split())
    if len(start) <= most_chars:
        return start
    words, _, rest = start[: most_chars + 1].rpartition(" ")
    # Some languages, and some words, know no blanks.
    return words if len(words) > most_chars // 2 or not rest else start[:most_chars]


# Locks


class ResultLocks:
    """Locks of single bytes of one file beside the store, each of which stands for a result.

    The file is empty and stays so. Such locks are the process's: within it, `acquire` says no as well.
    """

    def __init__(self, store_path: Path) -> None:
        """Open the file, making it where it is missing. Raises OSError where it cannot be made."""
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
