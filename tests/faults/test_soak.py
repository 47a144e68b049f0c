"""A day of checks through the real watcher, in virtual time: what it holds at the end is what it held at the start."""

from __future__ import annotations

import gc
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import linear_regression
from typing import Final

import pytest
from tests.fake_clock import World

from taskdash.domain.gateways import Limits
from taskdash.domain.schedule import plan_for

DAY: Final = 864_000
"""Ten checks a second for 24 hours."""
ASKED: Final = 46
BOOKS_TURNS: Final = 17
"""Of five seconds each: then what was sent lately is as much as it will be."""
"""Tasks without an end that somebody asks about every five seconds; the rest of the budget is for new ones."""
BLOCK_BYTES: Final = 64
"""What a block of Python's own allocator holds, about: in a short run whole pages of memory say nothing."""


class Held:
    """What the process holds: memory, file descriptors and threads, each time somebody looked."""

    def __init__(self, *, pages: bool) -> None:
        """`pages`: measure what the system gave us, not what Python has in use of it."""
        self._pages = pages
        self.checks: list[int] = []
        self.memory: list[int] = []
        self.descriptors: set[int] = set()
        self.threads: set[int] = set()

    def look(self, checks: int) -> None:
        """Note what is held after so many checks."""
        # It is bounded; its filling up is no leak.
        plan_for.cache_clear()
        gc.collect()
        self.checks.append(checks)
        self.memory.append(_resident_bytes() if self._pages else sys.getallocatedblocks() * BLOCK_BYTES)
        self.descriptors.add(len(list(Path("/proc/self/fd").iterdir())))
        self.threads.add(threading.active_count())

    @property
    def slope_mb(self) -> float:
        """How much memory 100,000 checks add, in MB, by least squares."""
        return linear_regression(self.checks, self.memory).slope * 100_000 / 1_048_576


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """In memory, where there is such a place: two thirds of the time would be waiting for the disk."""
    memory = Path("/dev/shm")  # noqa: S108 - the folder in it is of a name of its own
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else tmp_path) as name:
        yield Path(name)


async def test_a_day_of_checks_leaves_memory_files_and_threads_as_they_were(
    folder: Path, long: bool, record_property: Callable[[str, object], None]
) -> None:
    wanted, every = (DAY, DAY // 50) if long else (1_900, 200)
    world = World(folder, limits=Limits(20, 1_200), share=0.5)
    asked = [f"task_asked_{n}" for n in range(ASKED)]
    for task_id in asked:
        world.gateway.add(task_id, ends_at_s=float("inf"))
    world.add(*asked)
    held = Held(pages=long)
    checks = turn = 0
    async with world.watching():
        while checks < wanted or len(held.checks) < 5:
            await _five_seconds(world, asked, turn)
            turn += 1
            checks += world.gateway.count()
            world.gateway.arrivals.clear()
            # The first tenth is for caches to fill, and the books of what was sent lately.
            if checks > wanted // 10 and turn > BOOKS_TURNS and checks - max(held.checks, default=0) >= every:
                held.look(checks)
    world.mine.close()
    record_property(
        "figure",
        f"{checks:,} checks: {held.slope_mb:+.3f} MB of memory per 100,000,"
        f" {sorted(held.descriptors)} file descriptors, {sorted(held.threads)} threads",
    )
    # A block that is lost with each check would be 6; a short run is told by five looks, some dozen turns apart.
    assert held.slope_mb < (1.0 if long else 4.0)
    assert len(held.descriptors) == 1
    assert len(held.threads) == 1


async def _five_seconds(world: World, asked: list[str], turn: int) -> None:
    """Ask about all that has no end, while others begin and end."""
    ends_at_s = world.clock.s + 20 * world.seed.lognormvariate(0, 0.4)
    world.gateway.add(f"task_new_{turn}", ends_at_s=ends_at_s)
    world.add(f"task_new_{turn}")
    world.ask(*asked)
    await world.clock.run_for(5)
    # Nobody asks the gateway about this one any more.
    old = f"task_new_{turn - 60}"
    world.gateway.ends_at_s.pop(old, None)
    world.gateway.created_ms.pop(old, None)
