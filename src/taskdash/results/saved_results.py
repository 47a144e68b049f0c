"""Records saved results: on the list, in a picture's metadata and in a sidecar; and locks them between processes.

PNG and JPEG get their task and its prompt: a few bytes are inserted before the image data, and nothing else in the file
is touched.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import struct
import zlib
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple, Self, TypeAlias

from taskdash.domain.id_forms import is_task_id
from taskdash.domain.task_json import task_json
from taskdash.domain.untrusted import inert_line
from taskdash.results.links import DiskError
from taskdash.store.store_file import lock_path

if TYPE_CHECKING:
    from pathlib import Path

    from taskdash.config.settings import Settings
    from taskdash.domain.secret import KnownKeys
    from taskdash.domain.task import Task, TaskDetail
    from taskdash.results.folder import Folder
    from taskdash.results.part import PartFile
    from taskdash.results.wanted import Wanted
    from taskdash.store.store import Store, StoreThread
    from taskdash.watch.machine import Clock

_Read: TypeAlias = Callable[[int, int], bytes]
"""Reads from a file, given an offset and a number of bytes."""
PNG: Final = b"\x89PNG\r\n\x1a\n"
_PNG_HEADER: Final = b"\0\0\0\rIHDR"
_AFTER_HEADER: Final = len(PNG) + 25
_U32: Final = struct.Struct(">I")
_KEYWORD: Final = b"taskdash"
_LANGUAGE: Final = b"\0\0\0\0\0"
"""Follows the keyword in an `iTXt` chunk: not compressed, and no particular language."""
_JPEG: Final = b"\xff\xd8"
_COMMENT: Final = 0xFE
_APPLICATIONS: Final = range(0xE0, 0xF0)
_MAX_COMMENT_BYTES: Final = 65_533
_MAX_APPLICATIONS: Final = 1_000
_SEARCHED_BYTES: Final = 1_048_576
"""How much of a picture is searched for its origin, which comes before the image data."""
_ORIGIN: Final = re.compile(rb"taskdash(?:\0{5}| )(\{[^}]{1,4096}\})")
MAX_MARKED_BYTES: Final = 32 * 1_048_576
"""A larger picture gets no metadata: what follows them is in memory while they are inserted."""
_MIDDLE: Final = 1 << 61
"""Added because `seq` may be negative, and a file offset may not."""
_RESULTS: Final = 1 << 20
"""More results than a task can have."""
_HELD: Final = (errno.EACCES, errno.EAGAIN)


class SavedResults:
    """Looks up and records saved files in the list, and writes metadata and sidecars, off the event loop."""

    def __init__(self, store: StoreThread, clock: Clock, settings: Settings, keys: KnownKeys) -> None:
        self.store = store
        self._clock = clock
        self.settings = settings
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
        detail = await self._detail(wanted) if self.settings.embed else None
        if detail is not None:
            try:
                insertion = origin_for(part.read, ending, detail.task, wanted.n)
                if insertion is not None and part.size <= MAX_MARKED_BYTES:
                    part.insert(*insertion)
            except DiskError as error:
                return f"saved without metadata: {error}"
        return ""

    async def keep(self, wanted: Wanted, path: Path, size: int, digest: str, folder: Folder) -> str:
        """Record that a result is saved; `digest` is the SHA-256 of the file.

        Its task is written to a sidecar beside it, if configured; return why that failed, or "".
        """
        now_ms = self._clock.now_ms()
        await self.store.run(lambda store: store.saved.keep(wanted.seq, wanted.n, path, size, now_ms, digest))
        detail = await self._detail(wanted) if self.settings.sidecar else None
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


# The origin of a file


class Origin(NamedTuple):
    """Names the task that a file is a result of."""

    profile: str
    task_id: str
    number: int | None
    """Which of its results, from 1; None if unknown."""


def origin_from(text: str | bytes) -> Origin | None:
    """Return the task named by JSON from a picture's metadata or from `show --json`; None for other texts."""
    try:
        values = json.loads(text)
        task_id, profile, number = (values.get(name) for name in ("taskId", "profile", "result"))
        if number is None and len(values.get("resultUrls", ())) == 1:
            number = 1
    except (ValueError, RecursionError, AttributeError, TypeError):
        return None
    if not isinstance(task_id, str) or not is_task_id(task_id) or not isinstance(profile, str):
        return None
    return Origin(inert_line(profile, 200), task_id, number if type(number) is int and number > 0 else None)


def sidecar_name(name: str) -> str:
    """Return the name of the sidecar, the file with the task of a saved file."""
    stem, _, ending = name.rpartition(".")
    return f"{stem or name}.json" if ending != "json" else f"{name}.json"


def origin_for(read: _Read, ending: str, task: Task, number: int) -> tuple[int, bytes] | None:
    """Return what to insert into a picture to name its origin, and where; None if it is no PNG or JPEG, or broken."""
    origin = json.dumps({"taskId": task.task_id, "profile": task.profile, "result": number}).encode()
    prompt = (task.prompt or "").encode()
    if ending == "png" and read(0, _AFTER_HEADER).startswith(PNG + _PNG_HEADER):
        described = [b"iTXtDescription" + _LANGUAGE + prompt] if prompt else []
        chunks = [*described, b"iTXt" + _KEYWORD + _LANGUAGE + origin]
        parts = [_U32.pack(len(each) - 4) + each + _U32.pack(zlib.crc32(each)) for each in chunks]
        return _AFTER_HEADER, b"".join(parts)
    if ending != "jpg" or read(0, len(_JPEG)) != _JPEG:
        return None
    if (place := _after_applications(read)) is None:
        return None
    texts = [prompt[:_MAX_COMMENT_BYTES].decode("utf-8", "ignore").encode(), _KEYWORD + b" " + origin]
    parts = [struct.pack(">BBH", 0xFF, _COMMENT, len(each) + 2) + each for each in texts if each]
    return place, b"".join(parts)


def _after_applications(read: _Read) -> int | None:
    """Return where a JPEG's application segments end, which some programs expect first; None if it is broken."""
    place = len(_JPEG)
    for _ in range(_MAX_APPLICATIONS):
        head = read(place, 4)
        if len(head) < 4 or head[0] != 0xFF:
            return None
        if head[1] not in _APPLICATIONS:
            return place
        place += 2 + int.from_bytes(head[2:])
    return None


def origin_in(file: BinaryIO) -> Origin | None:
    """Return the origin in a picture's metadata; None if there is none. Raises OSError if it cannot be read."""
    start = file.read(_SEARCHED_BYTES)
    if not start.startswith((PNG, _JPEG)):
        return None
    return next((origin for text in _ORIGIN.findall(start) if (origin := origin_from(text))), None)


# Locks


class ResultLocks:
    """Locks single bytes of one file beside the store, each of which stands for a result, in a `with` block.

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
    return _MIDDLE + seq * _RESULTS + n
