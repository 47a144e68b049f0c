"""Runs a watcher in a thread with its own event loop, where no stalled terminal stops it, and reports its status."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from taskdash.domain.errors import TaskdashError

if TYPE_CHECKING:
    from taskdash.domain.task import ProblemKind
    from taskdash.watch.watcher import Watcher

T = TypeVar("T")

Build = Callable[[Callable[[], None]], Awaitable["Watcher"]]
"""Builds the watcher on the thread's loop, given the callback for changes."""
YIELD_S: Final = 5.0
"""How long a process that is being suspended waits for an unresponsive watcher."""
CONNECTION: Final = "connection"


class WatchStatus(NamedTuple):
    """Tells how a watcher is doing at a moment. Times are Unix milliseconds."""

    leading: bool = False
    """Whether this process sends the checks."""
    has_key: bool = True
    watcher_pid: int | None = None
    """The process that sends them; None if none is known."""
    watcher_stopped: bool = False
    """Whether the other watcher holds the lease but is stopped (SIGSTOP), so nothing is checked."""
    differs: str = ""
    """The difference from the process that sends the checks: "API key", "base URL", or `CONNECTION`, if that one
    cannot reach the gateway and this one may; "" for none."""
    key_doubted: bool = False
    """Whether the sending process's key was refused, with no proper answer since."""
    paused: bool = False
    """Whether this or another dashboard has paused scheduled checks."""
    used: int = 0
    """Checks sent in the last 60 s."""
    per_second: int = 0
    per_minute: int = 0
    """With `per_second`, the limits of the budget."""
    tier: str | None = None
    """The key's tier, if it is known or assumed."""
    learned: str | None = None
    """A line on the key's limits as reported by the server."""
    problem: ProblemKind | None = None
    """The problem with the gateway or the key, not with a single task."""
    message: str = ""
    paths_remark: str = ""
    """A line on paths in the config that the gateway may not have."""
    held_until_ms: int | None = None
    """When checks resume, or a refused key is tried again; None if at most the budget holds checks up."""
    over_budget: bool = False
    """Whether due checks have to wait for the budget."""
    due: int = 0
    """The number of tasks due for a check."""
    new: int = 0
    """How many of them were never checked."""
    next_check_at_ms: int | None = None
    """When the next check that is not due yet falls due, at the latest; None if there is none."""
    store_problem: str | None = None
    """Why the store cannot be used at present; nothing is checked until it can."""
    failure: str | None = None
    """Why this watcher has crashed; this process sends no more checks."""


class _UnwaitedThreads(ThreadPoolExecutor):
    """Runs threads that an event loop does not wait for when it is closed."""

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002 - the base's signature
        """Cancel pending work; let running threads take as long as they like."""
        super().shutdown(wait=False, cancel_futures=True)


def run_unwaited(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` like `asyncio.run`, but do not wait for threads: a DNS look-up may take another minute."""
    with asyncio.Runner() as runner:
        runner.get_loop().set_default_executor(_UnwaitedThreads(thread_name_prefix="loop"))
        return runner.run(main)


class WatcherThread:
    """Runs a watcher beside the dashboard. Its methods may be called from any thread."""

    def __init__(self, build: Build) -> None:
        self._build = build
        self._watcher: Watcher | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)
        self._listener: Callable[[], None] | None = None
        self._stopping = False
        self._paused = False
        self._yielding = False
        self._failed: str | None = None

    @property
    def status(self) -> WatchStatus:
        """Return the watcher's last status."""
        status = self._watcher.status if self._watcher else WatchStatus()
        return status._replace(failure=self._failed)

    def start(self, listener: Callable[[], None]) -> None:
        """Start watching; `listener` is called on the watcher's thread whenever something changes."""
        self._listener = listener
        self._thread.start()

    def wake(self) -> None:
        """Notify the watcher that something was added or asked for."""
        self._call(lambda watcher: watcher.wake())

    def pause(self, paused: bool) -> None:
        """Stop or resume scheduled checks."""
        self._paused = paused
        self._call(lambda watcher: watcher.pause(paused))

    def yield_lease(self, yielding: bool) -> None:
        """Give up the lease before this process is stopped, waiting for that briefly; compete for it again after."""
        self._yielding = yielding
        self._call(lambda watcher: watcher.yield_lease(yielding))
        loop, watcher = self._loop, self._watcher
        if yielding and loop is not None and watcher is not None and self._thread.is_alive():
            with suppress(RuntimeError, TimeoutError):  # it has ended, or does not respond: suspend anyway
                asyncio.run_coroutine_threadsafe(watcher.stood_down(), loop).result(YIELD_S)

    def stop(self, timeout_s: float = 5.0) -> None:
        """Stop the watcher: store the answers that arrived, drop the requests in flight."""
        self._stopping = True
        self._call(lambda watcher: watcher.stop())
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _call(self, action: Callable[[Watcher], None]) -> None:
        loop, watcher = self._loop, self._watcher
        if loop is not None and watcher is not None:
            with suppress(RuntimeError):  # the loop has just been closed
                loop.call_soon_threadsafe(action, watcher)

    def _run(self) -> None:
        try:
            run_unwaited(self._watch())
        except BaseException as error:
            said = str(error) if isinstance(error, TaskdashError) else f"{type(error).__name__} in taskdash"
            self._failed = f"the watcher has stopped: {said}"
        self._tell()

    async def _watch(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._watcher = await self._build(self._tell)
        # Apply the calls made before the watcher existed.
        self._watcher.pause(self._paused)
        self._watcher.yield_lease(self._yielding)
        if self._stopping:
            self._watcher.stop()
        await self._watcher.run()

    def _tell(self) -> None:
        if self._listener is not None:
            self._listener()
