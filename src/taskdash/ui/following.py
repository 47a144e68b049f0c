"""Keeps a screen up with what others do: what is written to the store, and what the watcher says of itself.

A part that wants to know plugs itself in: `on_written` for the list, `on_round` for whatever changes besides.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from taskdash.ui.desk import Desk

POLL_S: Final = 0.4
REFRESH_EVERY_S: Final = 0.1


class Following:
    """Notices this process's watcher, other dashboards and scripts."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._news = asyncio.Event()
        self._version = -1
        self.on_written: list[Callable[[], Awaitable[None]]] = []
        """Awaited, one after the other, when another connection has written to the store, and once at the start."""
        self.on_round: list[Callable[[], None]] = []
        """Called after those, and at least every `POLL_S` seconds."""

    def start_watcher(self) -> None:
        """Have the watcher begin, and hear of what it does; needs the running loop."""
        loop = asyncio.get_running_loop()

        def tell() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._news.set)

        self._desk.watcher.start(tell)

    async def run(self) -> None:
        """Follow for as long as the screen stands."""
        await self._desk.read_history()
        while True:
            if self._desk.store.stamp.may_have_changed():
                await self._look()
            for show in self.on_round:
                show()
            try:
                async with asyncio.timeout(POLL_S):
                    await self._news.wait()
            except TimeoutError:
                continue
            self._news.clear()
            await asyncio.sleep(REFRESH_EVERY_S)

    async def _look(self) -> None:
        version = await self._desk.store.run(lambda store: store.database.data_version())
        if version != self._version:
            self._version = version
            for listener in self.on_written:
                await listener()
