"""The user's own command, run once for each task that finishes.

The queue is the store: a thread claims a task when it has a hand free, and runs the command then. What is left when
taskdash ends is run by whoever watches next; what was claimed is never run again, whatever became of it.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Final

from taskdash.domain.errors import StoreError
from taskdash.domain.notices import Way
from taskdash.domain.untrusted import inert_line
from taskdash.results.own_commands import end_threads, kill_all
from taskdash.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from taskdash.domain.task import TaskDetail
    from taskdash.results.own_commands import Programs

AT_ONCE: Final = 2
RETRY_S: Final = 5.0
MAX_LOGGED_LINES: Final = 40

_log = logging.getLogger(__name__)
# Where nobody wants a log, Python would print warnings to stderr, across the dashboard.
_log.addHandler(logging.NullHandler())


class FinishCommand:
    """Runs `on_finish` in threads of its own: nothing here waits for them but `is_idle` and `close`."""

    def __init__(self, arguments: Sequence[str], profile: str, programs: Programs) -> None:
        """Prepare; nothing runs before the first `wake`."""
        self._arguments = tuple(arguments)
        self._profile = profile
        self._programs = programs
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._wakes = 0
        self._seen = [0] * AT_ONCE
        self._running = 0
        self._closing = False
        self._told: set[str] = set()
        self._on_trouble: Callable[[str], None] = lambda _: None

    def listen(self, on_trouble: Callable[[str], None]) -> None:
        """Have `on_trouble` called from any thread, with one line, when the command fails in a way not told yet."""
        self._on_trouble = on_trouble

    @property
    def running(self) -> int:
        """Return how many runs are under way."""
        return self._running

    def wake(self) -> None:
        """Look into the store for ends that are still to be told."""
        with self._changed:
            if self._closing:
                return
            self._wakes += 1
            if not self._threads:
                self._threads = [
                    threading.Thread(target=self._work, args=(n,), name=f"on-finish-{n}", daemon=True)
                    for n in range(AT_ONCE)
                ]
                for thread in self._threads:
                    thread.start()
            self._changed.notify_all()

    def is_idle(self, timeout_s: float) -> bool:
        """Wait until all that was there at the last `wake` is run; return whether it was within the time."""
        with self._changed:
            wakes = self._wakes
            return self._changed.wait_for(lambda: min(self._seen) >= wakes and not self._running, timeout_s)

    def close(self, grace_s: float = 0.0) -> None:
        """Begin nothing more; end what still runs after `grace_s` seconds."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        end_threads(self._threads, self._programs.stop, grace_s)

    def kill(self) -> None:
        """Kill what runs, as this process ends without waiting for it; may be called from any thread."""
        kill_all()

    def _work(self, number: int) -> None:
        store: Store | None = None
        timeout_s: float | None = None
        try:
            while (wakes := self._next_wake(self._seen[number], timeout_s)) is not None:
                try:
                    store = store or Store(self._programs.store_path)
                    self._run_all(store)
                    timeout_s = None
                except StoreError as error:
                    _log.warning("on_finish waits for the store: %s", error)
                    timeout_s = RETRY_S
                with self._changed:
                    self._seen[number] = wakes
                    self._changed.notify_all()
        finally:
            if store is not None:
                store.close()

    def _next_wake(self, seen: int, timeout_s: float | None) -> int | None:
        """Wait for another wake than the one `seen`; return its number, None once closing."""
        with self._changed:
            self._changed.wait_for(lambda: self._closing or self._wakes > seen, timeout_s)
            return None if self._closing else self._wakes

    def _run_all(self, store: Store) -> None:
        while not self._closing:
            seq = store.news.claim_next(self._profile, Way.COMMAND)
            if seq is None:
                return
            with self._changed:
                self._running += 1
            try:
                detail = store.tasks.detail(seq)
                if detail is not None:
                    self._run(detail)
            except StoreError:
                raise
            except Exception as error:
                # No traceback: it might show values.
                _log.error("on_finish: %s", type(error).__name__)
                self._on_trouble(f"on_finish: {type(error).__name__} in taskdash")
            finally:
                with self._changed:
                    self._running -= 1

    def _run(self, detail: TaskDetail) -> None:
        began_s = time.monotonic()
        ran = self._programs.run(self._arguments, [detail])
        task_id, took_s = detail.task.task_id, time.monotonic() - began_s
        level = logging.WARNING if ran.fault else logging.INFO
        _log.log(level, "on_finish for %s %s, %.1f s", task_id, ran.fault or "ran", took_s)
        for line in ran.output.splitlines()[:MAX_LOGGED_LINES]:
            _log.info("on_finish for %s printed: %s", task_id, inert_line(line, 1_000))
        with self._changed:
            # Each kind of failure is told once: a command that is wrong fails for every task.
            is_news = bool(ran.fault) and ran.fault not in self._told
            self._told.add(ran.fault)
        if is_news:
            whose = f" for {task_id}; the log has more" if ran.started else ""
            self._on_trouble(f"on_finish: {inert_line(self._arguments[0], 80)} {ran.fault}{whose}")
