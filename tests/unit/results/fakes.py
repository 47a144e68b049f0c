"""What fetches nothing, what nobody else holds, a clock that a test moves, one result saved alone, and programs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from taskdash.domain.secret import KnownKeys, Secret
from taskdash.results.fetch import Fetcher
from taskdash.results.folder import Folder
from taskdash.results.own_commands import Programs
from taskdash.results.part import PartFile, Sink
from taskdash.results.saved_results import ResultLocks
from taskdash.watch.machine import Clock

KEY = "sk-canary-0123456789abcdef"


def programs(store_path: Path, environ: Mapping[str, str], *, limit_s: float = 20) -> Programs:
    """Return what runs the user's programs, and keeps two keys from them."""
    keys, hidden = KnownKeys([Secret(KEY)]), {"AIGPTIMAGE_API_KEY"}
    return Programs(store_path=store_path, environ=environ, keys=keys, hidden=hidden, limit_s=limit_s)


async def save(folder: Folder, fetcher: Fetcher, url: str, stem: str = "hero-1", key: str = "a" * 32) -> Path:
    """Save one result, as downloads do, on no list."""
    with PartFile(folder, key) as part:
        return part.keep(stem, await fetcher.fetch(url, part))


class FakeLocks(ResultLocks):
    """Locks that are free to all, or held by another process."""

    def __init__(self, *, is_free: bool = True) -> None:
        self.is_free = is_free

    def acquire(self, seq: int, n: int) -> bool:  # noqa: ARG002 - the real one's signature
        return self.is_free

    def release(self, seq: int, n: int) -> None:
        pass


class FakeFetcher(Fetcher):
    """Asks nobody: each result is an empty picture."""

    def __init__(self) -> None:
        self.fetches = 0

    async def fetch(self, url: str, sink: Sink) -> str:  # noqa: ARG002 - the real one's signature
        self.fetches += 1
        return "png"


class StillClock(Clock):
    """A clock that stands still, and waits as the test says: not at all, if it says nothing."""

    def __init__(self, at_ms: int = 0, sleep: Callable[[float], Awaitable[object]] | None = None) -> None:
        self.at_ms = at_ms
        self.waits_s: list[float] = []
        """Return how long it was to wait each time."""
        self._sleep = sleep or (lambda _: asyncio.sleep(0))

    def now_ms(self) -> int:
        return self.at_ms

    def now_s(self) -> float:
        return self.now_ms() / 1_000

    async def sleep(self, wait_s: float) -> None:
        self.waits_s.append(wait_s)
        await self._sleep(wait_s)


class QuickClock(StillClock):
    """A clock on which time passes as soon as somebody waits for it."""

    async def sleep(self, wait_s: float) -> None:
        self.at_ms += round(1_000 * wait_s)
        await super().sleep(wait_s)
