"""Gets fresh links for dead ones: the watcher checks the record once more, within its budget."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from taskdash.domain.errors import StoreError
from taskdash.domain.words import REMOVED
from taskdash.results.links import host_and_port, safe_url
from taskdash.watch.machine import Clock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from taskdash.domain.task import Task
    from taskdash.results.saved_results import Wanted
    from taskdash.store.store import Store, StoreThread

LONGEST_WAIT_S: Final = 20.0
"""The budget, or a gateway that wants quiet, may delay a check for longer; then the link stays dead."""
LOOK_EVERY_S: Final = 0.1
ANEW_AFTER_S: Final = 60.0
"""A younger answer is reused for the other results of its task."""
_LOG = logging.getLogger(__name__)


class Renewed(NamedTuple):
    """The result of renewing a dead link."""

    wanted: Wanted | None
    """The result with its fresh link; None if there is none."""
    why_not: str = ""
    """Completes "the link has probably expired, and ..."; "" if no check was made."""


class _Answer(NamedTuple):
    task: Task
    urls: tuple[str, ...]


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
        self._asked: dict[int, tuple[float, asyncio.Task[_Answer | None]]] = {}

    async def renew(self, wanted: Wanted) -> Renewed:
        """Return the result with the fresh link from its record, which is checked again if it has no other yet."""
        try:
            found = await self._store.run(partial(_links_of, seq=wanted.seq))
            if fresh := _fresh(wanted, found):
                # The record was already checked again, for another result or by somebody else.
                return Renewed(fresh)
            if self._begin is not None and not await self._begin():
                return Renewed(None)
            answer = await asyncio.shield(self._answer(wanted.seq))
        except StoreError:
            _LOG.warning("a record was not asked for again", exc_info=True)
            return Renewed(None)
        if answer is None:
            return Renewed(None, "its record could not be asked for again")
        if fresh := _fresh(wanted, answer):
            return Renewed(fresh)
        if answer.task.purged:
            return Renewed(None, REMOVED[0].lower() + REMOVED[1:])
        if (problem := answer.task.problem) is not None:
            return Renewed(None, f"asked again for its record: {problem.kind.value}")
        return Renewed(None, "its record, asked for again, has no other one")

    def _answer(self, seq: int) -> asyncio.Task[_Answer | None]:
        at_s, asked = self._asked.get(seq, (0.0, None))
        if asked is None or (asked.done() and self._clock.now_s() >= at_s + ANEW_AFTER_S):
            asked = asyncio.get_running_loop().create_task(self._ask(seq))
            self._asked[seq] = self._clock.now_s(), asked
        return asked

    async def _ask(self, seq: int) -> _Answer | None:
        """Request a check of a task; return the task afterwards, or None if it was not checked in time."""
        now_ms, until_s = self._clock.now_ms(), self._clock.now_s() + LONGEST_WAIT_S
        mark = await self._store.run(lambda store: store.checks.ask([seq], now_ms))
        try:
            while self._clock.now_s() < until_s:
                await self._clock.sleep(LOOK_EVERY_S)
                found = await self._store.run(partial(_links_of, seq=seq))
                if found is None or found.task.asked_at_ms is None:
                    return found
        finally:
            await self._store.run(lambda store: store.checks.withdraw([seq], mark))
        return None


def _links_of(store: Store, seq: int) -> _Answer | None:
    return next((_Answer(task, urls) for task, urls in store.tasks.links([seq])), None)


def _fresh(wanted: Wanted, found: _Answer | None) -> Wanted | None:
    urls = found.urls if found is not None else ()
    url = urls[wanted.n - 1] if wanted.n <= len(urls) else wanted.url
    if url == wanted.url:
        return None
    return replace(wanted, url=url, host=host_and_port(safe_url(url) or "")[0])
