"""Keeps a screen up to date with writes to the store, news from the watchers, and damage to the store's file."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from taskdash.domain.errors import StoreError
from taskdash.ui.text.status import sentence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from textual.worker import WorkType

    from taskdash.ui.context import Context
    from taskdash.ui.screens.main import MainScreen
    from taskdash.watch.machine import Clock

POLL_S: Final = 0.5
REFRESH_EVERY_S: Final = 0.1
PATIENCE_S: Final = 1.0
"""How long a look at the store may take before the user is told that it is locked."""
_LOCKED: Final = "Another program has locked the list: waiting for it. Showing the list as last read."
READS_APART: Final = 10
"""The pause after a read of a whole list, as a multiple of the time it took."""


class Pace:
    """Rate limits a read that takes long on a long list."""

    def __init__(self, clock: Clock, state: object = None) -> None:
        """`state` is that of the list when it was last read; None: it was not read yet."""
        self._clock = clock
        self._read = state
        self._is_reading = False
        self._again_at_s = 0.0

    def is_time(self, state: object) -> bool:
        """Return whether to read now: the list has changed, no read is running, and the pause is over."""
        return state != self._read and not self._is_reading and self._clock.now_s() >= self._again_at_s

    @contextmanager
    def reading(self, state: object) -> Iterator[None]:
        """Mark the block as a read of the list in this state, and time it."""
        began_s = self._clock.now_s()
        self._read, self._is_reading = state, True
        try:
            yield
        finally:
            now_s = self._clock.now_s()
            self._again_at_s = now_s + READS_APART * (now_s - began_s)
            self._is_reading = False


class Following:
    """Follows what this process's watchers, other dashboards and scripts do."""

    def __init__(self, context: Context, screen: MainScreen) -> None:
        self._context, self._screen = context, screen
        self._news = asyncio.Event()
        self._version = -1
        self.mishap = ""
        """How the store's file was damaged or replaced, until `forget`; "" if it was not."""
        self._trouble = ""

    def start(self) -> None:
        """Start the watchers, and follow them and the store; needs a running loop."""
        loop = asyncio.get_running_loop()

        def tell() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._news.set)

        for service in self._context.services.values():
            service.watcher.start(tell)
        follow: WorkType[None] = self._run
        self._screen.run_worker(follow, group="follow")

    def banner(self) -> str:
        """Return what is wrong with the store, while the list stays on screen as last read; "" if nothing is."""
        return self._trouble or (f"{sentence(self.mishap)} Esc dismisses this." if self.mishap else "")

    def forget(self) -> bool:
        """Dismiss the mishap; return whether there was one."""
        was_there, self.mishap = bool(self.mishap), ""
        return was_there

    async def _run(self) -> None:
        while True:
            if self._context.store.change_hint.may_have_changed() or self._trouble:
                await self._look_patiently()
                self._screen.show_status()
            for line in self._context.store.take_mishaps():
                self.mishap = line
                self._screen.say(sentence(line), "error")
            try:
                async with asyncio.timeout(POLL_S):
                    await self._news.wait()
            except TimeoutError:
                continue
            self._news.clear()
            self._screen.show_status()
            await asyncio.sleep(REFRESH_EVERY_S)

    async def _look_patiently(self) -> None:
        """Look for writes. A store that is locked or fails is reported, and never blocks the screen."""
        looking = asyncio.ensure_future(self._look())
        try:
            while not (await asyncio.wait({looking}, timeout=PATIENCE_S))[0]:
                self._trouble = self._trouble or _LOCKED
                self._screen.show_status()
            looking.result()
        except StoreError as error:
            self._trouble = f"{sentence(str(error))} Showing the list as last read; retrying."
            self._version = -1
        else:
            self._trouble = ""
        finally:
            looking.cancel()

    async def _look(self) -> None:
        if self._context.durations is None:
            await self._context.read_history()
        version = await self._context.store.run(lambda store: store.data_version())
        if version != self._version:
            self._version = version
            await self._context.read_waiting()
            await self._screen.follow_writes()
