"""Determines which results to save and under which names, and gets fresh links for dead ones.

A name has no special meaning to any file system. It has no ending, which is determined as the file arrives. For a fresh
link the watcher checks the record once more, within its budget.
"""

from __future__ import annotations

import asyncio
import logging
import re
import unicodedata
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeAlias

from taskdash.config.settings import FILE_NAME_PART
from taskdash.domain.errors import StoreError
from taskdash.domain.task import State, Task
from taskdash.domain.words import REMOVED, moment
from taskdash.results.part import part_key
from taskdash.watch.machine import Clock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Sequence

    from taskdash.store.store import Store, StoreThread

MAX_STEM_CHARS: Final = 80
MAX_STEM_BYTES: Final = 128
"""With a number and an ending, this is as much as file systems with short names take (eCryptfs: 143 bytes)."""
ID_CHARS: Final = 8
"""Enough of an ID for `taskdash show`."""
PROMPT_CHARS: Final = 28
_KEPT_END_BYTES: Final = 48
"""How much of the end of a name that is too long is kept: an ID and a number."""
_NOT_IN_NAMES = re.compile(r"[^\w.+-]+")
# Device names on Windows, to which the folder may be shared.
_DEVICES = re.compile(r"(?:con|prn|aux|nul|(?:com|lpt)[0-9¹²³])(?:\..*)?", re.IGNORECASE)
_SAME_AGAIN = re.compile(r"([._+-])\1+")
LONG_AGO_MS: Final = 3_600_000
LONGEST_WAIT_S: Final = 20.0
"""The budget, or a gateway that wants quiet, may delay a check for longer; then the link stays dead."""
LOOK_EVERY_S: Final = 0.1

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Names a result to be saved, and its link."""

    seq: int
    n: int
    """From 1."""
    url: str
    task_id: str
    stem: str
    key: str
    seen_ms: int | None = None
    """When its task was seen to finish, if it had just done so; None if it finished long ago."""


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
        # Seen by the clock of this computer. The gateway's may differ, so less than an hour means nothing.
        seen_ms, ended_ms = task.finished_at_ms, task.complete_time_ms
        if seen_ms is not None and ended_ms is not None and abs(seen_ms - ended_ms) > LONG_AGO_MS:
            seen_ms = None
        wanted += [
            Wanted(
                seq=task.seq,
                n=n,
                url=urls[n - 1],
                task_id=task.task_id,
                stem=result_stem(store, task, n, file_name),
                key=part_key(str(store.path), task.profile, task.task_id, str(n)),
                seen_ms=seen_ms,
            )
            for n in lacking
        ]
    return wanted, known


# Names


def plain_name(text: str, most_chars: int = MAX_STEM_CHARS) -> str:
    """Return a text as part of a file name, without anything special to a file system; it may be empty."""
    name = _within(_plain(text)[:most_chars], MAX_STEM_BYTES).rstrip(".-_+")
    return f"task-{name}" if _DEVICES.fullmatch(name) else name


def _plain(text: str) -> str:
    return _NOT_IN_NAMES.sub("-", unicodedata.normalize("NFC", text)).strip(".-_+")


def _within(text: str, most_bytes: int) -> str:
    return text.encode("utf-8", "replace")[:most_bytes].decode("utf-8", "ignore")


def result_stem(store: Store, task: Task, n: int, template: str | None = None) -> str:
    """Return the file name of a task's result `n`, without ending.

    Without a template it is the label or prompt, as much of the ID as tells it from others, and `n`.
    """
    bare = f"{plain_name(task.task_id) or 'task'}-{n}"
    if template is not None:
        return _filled(template, task, n) or bare
    name = plain_name(task.label or "") or plain_name(_beginning(task.prompt or "", PROMPT_CHARS))
    if not name:
        return bare
    start = task.task_id[:ID_CHARS]
    is_alone = len(store.documents.like("task_id", task.profile, start, 2)) == 1
    end = f"-{plain_name(start) or 'task'}-{n}" if is_alone else f"-{bare}"
    return _within(name, MAX_STEM_BYTES - len(end.encode())) + end


def _filled(template: str, task: Task, n: int) -> str:
    created = moment(task.added_at_ms if task.create_time_ms is None else task.create_time_ms)
    texts = {"label": task.label or "", "prompt": task.prompt or "", "model": task.model or ""}
    values = {**texts, "id": task.task_id, "n": str(n), "created": created.replace(" ", "_")}

    def value(match: re.Match[str]) -> str:
        chars = int(match[2] or (MAX_STEM_CHARS if match[1] in texts else MAX_STEM_BYTES))
        return _plain(_beginning(values[match[1]], chars))

    name = _SAME_AGAIN.sub(r"\1", _plain(re.sub(FILE_NAME_PART, value, template)))
    if len(name.encode()) > MAX_STEM_BYTES:
        # The end of a name tells results apart, so some of its middle is cut out.
        end = name.encode()[-_KEPT_END_BYTES:].decode("utf-8", "ignore")
        name = _within(name, MAX_STEM_BYTES - _KEPT_END_BYTES) + end
    return plain_name(name, MAX_STEM_BYTES)


def _beginning(text: str, most_chars: int) -> str:
    """Return as many of the first words of a text as a name has room for."""
    start = " ".join(text[: 4 * most_chars].split())
    if len(start) <= most_chars:
        return start
    words, _, rest = start[: most_chars + 1].rpartition(" ")
    # Some languages, and some words, have no blanks.
    return words if len(words) > most_chars // 2 or not rest else start[:most_chars]


# Fresh links


_Found: TypeAlias = tuple[Task, tuple[str, ...]] | None
"""A task with its links; None if it is no longer on the list, or was not checked in time."""


class Renewals:
    """Requests checks of tasks whose links are dead, one for all results of a task."""

    def __init__(
        self,
        store: StoreThread,
        *,
        begin: Callable[[], Awaitable[bool]] | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Prepare to ask; `begin`, if any, sees to it that somebody watches, and returns False where nobody can."""
        self._store = store
        self._begin = begin
        self._clock = clock or Clock()
        self._asking: dict[int, asyncio.Task[_Found]] = {}

    async def renew(self, wanted: Wanted) -> tuple[Wanted | None, str]:
        """Return the result with the fresh link from its record, which is checked again if it has no other yet.

        Without a fresh link, return None, and what completes "the link has probably expired, and ..."; "" if no check
        was made.
        """
        try:
            found = await self._store.run(lambda store: _links_of(store, wanted.seq))
            if fresh := _fresh(wanted, found):
                # The record was already checked again, for another result or by somebody else.
                return fresh, ""
            if self._begin is not None and not await self._begin():
                return None, ""
            if (asking := self._asking.get(wanted.seq)) is None:
                asking = self._asking[wanted.seq] = asyncio.create_task(self._ask(wanted.seq))
                asking.add_done_callback(lambda _: self._asking.pop(wanted.seq))
            answer = await asyncio.shield(asking)
        except StoreError:
            _LOG.warning("a record was not asked for again", exc_info=True)
            return None, ""
        if answer is None:
            return None, "its record could not be asked for again"
        if fresh := _fresh(wanted, answer):
            return fresh, ""
        if answer[0].purged:
            return None, REMOVED[0].lower() + REMOVED[1:]
        if (problem := answer[0].problem) is not None:
            return None, f"asked again for its record: {problem.kind.value}"
        return None, "its record, asked for again, has no other one"

    async def _ask(self, seq: int) -> _Found:
        """Request a check of a task; return the task afterwards, or None if it was not checked in time."""
        now_ms, until_s = self._clock.now_ms(), self._clock.now_s() + LONGEST_WAIT_S
        mark = await self._store.run(lambda store: store.checks.ask([seq], now_ms))
        try:
            while self._clock.now_s() < until_s:
                await self._clock.sleep(LOOK_EVERY_S)
                found = await self._store.run(lambda store: _links_of(store, seq))
                if found is None or found[0].asked_at_ms is None:
                    return found
        finally:
            await self._store.run(lambda store: store.checks.withdraw([seq], mark))
        return None


def _links_of(store: Store, seq: int) -> _Found:
    return next(iter(store.tasks.links([seq])), None)


def _fresh(wanted: Wanted, found: _Found) -> Wanted | None:
    urls = found[1] if found is not None else ()
    url = urls[wanted.n - 1] if wanted.n <= len(urls) else wanted.url
    if url == wanted.url:
        return None
    return replace(wanted, url=url)
