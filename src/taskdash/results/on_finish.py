"""The user's own command, run once for each task that finishes.

The queue is the store: a thread claims a task when it has a hand free, and runs the command then. What is left when
taskdash ends is run by whoever watches next; what was claimed is never run again, whatever became of it.
"""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Final

from taskdash.domain.errors import StoreError
from taskdash.domain.notices import Way
from taskdash.domain.untrusted import inert_line
from taskdash.results.own_commands import end_runs, kill_all
from taskdash.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future

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
        self._pool = ThreadPoolExecutor(AT_ONCE, "on-finish")
        self._looks: list[Future[None]] = []
        self._lock = threading.Lock()
        self._closing = False
        self._told: set[str] = set()
        self._on_trouble: Callable[[str], None] = lambda _: None
        self.running = 0

    def listen(self, on_trouble: Callable[[str], None]) -> None:
        """Have `on_trouble` called from any thread, with one line, when the command fails in a way not told yet."""
        self._on_trouble = on_trouble

    def wake(self) -> None:
        """Look into the store for ends that are still to be told."""
        with self._lock:
            if self._closing:
                return
            self._looks = [look for look in self._looks if not look.done()]
            # What is new may be missed by those that have begun.
            waiting = sum(not look.running() for look in self._looks)
            self._looks += [self._pool.submit(self._look) for _ in range(waiting, AT_ONCE)]

    def is_idle(self, timeout_s: float) -> bool:
        """Wait until all that was there at the last `wake` is run; return whether it was within the time."""
        return not wait(self._looks, timeout_s).not_done

    def close(self, grace_s: float = 0.0) -> None:
        """Begin nothing more; end what still runs after `grace_s` seconds."""
        with self._lock:
            self._closing = True
        self._pool.shutdown(wait=False)
        end_runs(self._looks, self._programs.stop, grace_s)

    def kill(self) -> None:
        """Kill what runs, as this process ends without waiting for it; may be called from any thread."""
        kill_all()

    def _look(self) -> None:
        """Run the command for one task after the other, until none is left."""
        if self._closing:
            return
        try:
            with Store(self._programs.store_path) as store:
                while not self._closing:
                    seq = store.news.claim_next(self._profile, Way.COMMAND)
                    if seq is None:
                        return
                    self._run(store, seq)
        except StoreError as error:
            _log.warning("on_finish waits for the store: %s", error)
            again = threading.Timer(RETRY_S, self.wake)
            again.daemon = True
            again.start()

    def _run(self, store: Store, seq: int) -> None:
        with self._lock:
            self.running += 1
        try:
            detail = store.tasks.detail(seq)
            if detail is not None:
                self._run_for(detail)
        except StoreError:
            raise
        except Exception as error:
            # No traceback: it might show values.
            _log.error("on_finish: %s", type(error).__name__)
            self._on_trouble(f"on_finish: {type(error).__name__} in taskdash")
        finally:
            with self._lock:
                self.running -= 1

    def _run_for(self, detail: TaskDetail) -> None:
        began_s = time.monotonic()
        ran = self._programs.run(self._arguments, [detail])
        task_id, took_s = detail.task.task_id, time.monotonic() - began_s
        level = logging.WARNING if ran.fault else logging.INFO
        _log.log(level, "on_finish for %s %s, %.1f s", task_id, ran.fault or "ran", took_s)
        for line in ran.output.splitlines()[:MAX_LOGGED_LINES]:
            _log.info("on_finish for %s printed: %s", task_id, inert_line(line, 1_000))
        with self._lock:
            # Each kind of failure is told once: a command that is wrong fails for every task.
            is_news = bool(ran.fault) and ran.fault not in self._told
            self._told.add(ran.fault)
        if is_news:
            whose = f" for {task_id}; the log has more" if ran.started else ""
            self._on_trouble(f"on_finish: {inert_line(self._arguments[0], 80)} {ran.fault}{whose}")
