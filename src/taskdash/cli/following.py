"""What `check` and `wait` share: the tasks they are about, and a watcher beside them.

Neither sends a request by itself. They mark tasks in the store, where whoever watches finds them: a dashboard, another
command, or, while nobody else does, the watcher that runs beside the command and checks only what is asked for. So
any number of them together send no more than one would.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from taskdash.cli.ending import end_soon
from taskdash.cli.finishing import Finishing
from taskdash.cli.output import talk
from taskdash.domain.errors import UnknownTaskError, UsageError
from taskdash.domain.id_forms import has_known_form
from taskdash.domain.task import ProblemKind, State
from taskdash.domain.words import length, span, state_word
from taskdash.store.store import StoreThread
from taskdash.store.transaction_gate import TRANSACTIONS
from taskdash.watch.status import CONNECTION

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from taskdash.cli.ending import TimeLimit
    from taskdash.cli.progress import Progress
    from taskdash.cli.session import Session
    from taskdash.domain.secret import Secret
    from taskdash.domain.task import Task
    from taskdash.store.store import Store
    from taskdash.watch.status import WatchStatus
    from taskdash.watch.watcher import Watcher

POLL_S: Final = 0.1
SLOW_AFTER_S: Final = 3.0
"""How long the budget may hold something up before it is worth a word."""
ELSEWHERE_S: Final = 15.0
"""How long a watcher with another key, which is refused, is given to make room."""
RETRY_NEWS_MS: Final = 30_000
"""A time at which a key is tried again is told anew where it differs by so much."""
EXIT_CODES: Final = {
    ProblemKind.UNAUTHORIZED: 4,
    ProblemKind.NOT_FOUND: 3,
    ProblemKind.UNREACHABLE: 5,
    ProblemKind.RATE_LIMITED: 5,
    ProblemKind.SERVER_ERROR: 5,
    ProblemKind.NO_CREDITS: 1,
    ProblemKind.REJECTED: 1,
    ProblemKind.UNREADABLE: 1,
}
STAND_DOWN_S: Final = 2.0
"""How long a command that is to stop waits for its checks to be written down ..."""
REST_S: Final = 2.0
"""... and for what its stores are at."""
_FIRST_COUNTS: Final = (6, 4, 3, 5, 124, 1)
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


async def pause(news: asyncio.Event, timeout_s: float) -> None:
    """Until there are news, or `timeout_s` seconds have passed."""
    # Not `wait_for`: in Python 3.11 it may swallow a cancellation that comes together with the event.
    with suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            await news.wait()
    news.clear()


def first_cause(codes: set[int]) -> int:
    """The exit code of several causes; 0 for none."""
    return next((code for code in _FIRST_COUNTS if code in codes), 0)


def find_or_add(session: Session, store: Store, texts: Sequence[str]) -> list[Task]:
    """The named tasks, each once; an ID that is not on the list is added if it has a known form.

    Raises:
        UnknownTaskError: one has none, or a prefix fits several; then nothing was added.
        UsageError: one is an API key.
    """
    profile = session.profile.name
    keys = {key.reveal() for key in session.keys}
    if not keys.isdisjoint(texts):
        raise UsageError("an API key was given where a task ID belongs; it was not used")
    missing: list[str] = []
    for text in texts:
        try:
            task = store.tasks.find(profile, text)
        except UnknownTaskError:
            if not has_known_form(text):
                raise
            missing.append(text)
        else:
            if task.task_id != text:
                talk(f"{text} is short for {task.task_id}")
    if missing:
        added = store.additions.add(profile, missing, session.now_ms()).added
        talk(f"added to the list: {', '.join(added)}")
    found = [store.tasks.find(profile, text) for text in texts]
    return list({task.seq: task for task in found}.values())


def word(task: Task) -> str:
    """The state as one word; `new` for what was never answered."""
    return State.NEW.value if task.state is State.NEW else state_word(task)


def change_line(before: Task, after: Task) -> str | None:
    """What is new about a task, for people; None where nothing is."""
    problem = after.problem
    if problem is not None and (before.problem is None or before.problem.kind is not problem.kind):
        return f"{after.task_id}: {problem.kind.value}: {problem.message}"
    if word(before) == word(after):
        return None
    end = ""
    if after.state is State.SUCCESS and after.cost_time_ms is not None:
        end = f" in {length(after.cost_time_ms)}"
    elif after.state is State.FAIL:
        end = f": {after.fail_msg or after.fail_code or 'no reason given'}"
    return f"{after.task_id}: {word(before)} -> {word(after)}{end}"


class Elsewhere:
    """Tells whether an answer came by another key or gateway than this command's."""

    def __init__(self) -> None:
        self._differed = False
        self._began_s: float | None = None

    def answers(self, status: WatchStatus) -> bool:
        """Whether an answer that is found now did; a watcher that does not make room is believed after a while."""
        # Before the watcher beside this command has said who leads, that may be anybody.
        is_unknown = not status.leading and status.watcher_pid is None
        differs = bool(status.differs) or is_unknown
        # The lease may have changed hands since the answer.
        did, self._differed = differs or self._differed, differs
        if not did:
            return False
        now_s = time.monotonic()
        self._began_s = now_s if self._began_s is None else self._began_s
        return now_s < self._began_s + ELSEWHERE_S


class Notices:
    """Says once, and only once, what holds checks up."""

    def __init__(self, session: Session, progress: Progress) -> None:
        self._session = session
        self._progress = progress
        self._said: set[str] = set()
        self._over_budget_since_s: float | None = None
        self._retry_at_ms = 0

    def see(self, status: WatchStatus) -> None:
        """Look at what the watcher says of itself."""
        if status.differs == CONNECTION:
            self.say(
                f"the watcher (pid {status.watcher_pid}) cannot reach the gateway: this command tries by itself"
            )
        elif status.differs:
            self.say(
                f"the watcher (pid {status.watcher_pid}) uses a different {status.differs}: "
                "this command takes over if that one does not work"
            )
        else:
            self._see_refusal(status)
        if status.watcher_stopped:
            self.say(
                f"the watcher (pid {status.watcher_pid}) is stopped, so nothing is checked: "
                f"continue it with kill -CONT {status.watcher_pid}, or end it"
            )
        if not status.over_budget:
            self._over_budget_since_s = None
        elif self._over_budget_since_s is None:
            self._over_budget_since_s = time.monotonic()
        elif time.monotonic() - self._over_budget_since_s >= SLOW_AFTER_S:
            self.say(self._budget_line(status))

    def _see_refusal(self, status: WatchStatus) -> None:
        """Say when a key is tried again that was refused to the watcher."""
        retry_at_ms = status.held_until_ms
        is_refused = status.problem is ProblemKind.UNAUTHORIZED and not status.leading
        if not is_refused or retry_at_ms is None or abs(retry_at_ms - self._retry_at_ms) < RETRY_NEWS_MS:
            return
        self._retry_at_ms = retry_at_ms
        wait = span(max(0, retry_at_ms - self._session.now_ms()))
        self.say_again(
            f"the gateway refuses the key of the watcher (pid {status.watcher_pid}): it tries again in {wait}"
        )

    def say(self, text: str) -> None:
        """One line on stderr, unless it was said before."""
        if text not in self._said:
            self._said.add(text)
            self.say_again(text)

    def say_again(self, text: str) -> None:
        """One line on stderr, whatever was said before."""
        self._progress.clear()
        talk(text)

    def _budget_line(self, status: WatchStatus) -> str:
        line = f"slowed down by the budget of {status.per_second} checks per second, {status.per_minute} per minute"
        if not (status.tier or "").endswith("(assumed)"):
            return line
        setting = f"profiles.{self._session.profile.name}.tier"
        return f"{line}: tier {status.tier}; set {setting} in the config if it is another"


async def run_beside_watcher(
    session: Session,
    key: Secret,
    work: Callable[[Watcher, StoreThread, asyncio.Event], Awaitable[None]],
    *,
    limit: TimeLimit | None = None,
) -> int:
    """Run `work` beside a watcher that checks only what is asked for.

    `work` gets the watcher, a store and an event that is set whenever the watcher has news. It is cancelled when a
    signal comes or the watcher fails. The user's own command is waited for no longer than the `limit` allows.

    Returns:
        The number of the signal that ended it, or 0.

    Raises:
        TaskdashError: of `work`, or of the watcher.
    """
    from taskdash.cli.logs import start_log
    from taskdash.wiring import build_watcher

    start_log(session)
    news = asyncio.Event()
    store = StoreThread(session.store_path, "store", on_mishap=session.tell_mishap)
    finishing = Finishing(session, store)
    on_change = finishing.with_wake(news.set)
    watcher = await build_watcher(session.profile, key, session.store_path, on_change, scheduled=False)
    running = asyncio.create_task(watcher.run())
    working = asyncio.ensure_future(work(watcher, store, news))
    ended_by = cancel_on_signal(working)
    stop_at_rest(watcher)
    try:
        await asyncio.wait({running, working}, return_when=asyncio.FIRST_COMPLETED)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        await finishing.finish(lambda: bool(ended_by) or (limit is not None and not limit.left_s))
    finally:
        watcher.stop()
        await asyncio.gather(running, return_exceptions=True)
        finishing.close()
        store.close()
    for each in (running, working):
        if not each.cancelled() and (failure := each.exception()) is not None:
            raise failure
    return ended_by[0] if ended_by else 0


def stop_at_rest(watcher: Watcher | None = None) -> None:
    """Be stopped by Ctrl+Z, as a job of a shell, neither with the lease in hand nor with the list locked.

    Where no shell could continue it, nothing stops.
    """
    loop = asyncio.get_running_loop()
    stopping: set[asyncio.Task[None]] = set()

    def listen() -> None:
        loop.add_signal_handler(signal.SIGTSTP, stop_soon)

    def stop_soon() -> None:
        if not stopping:
            stopping.add(task := loop.create_task(stop()))
            task.add_done_callback(stopping.discard)

    async def stop() -> None:
        if watcher is not None:
            watcher.yield_lease(True)
            with suppress(TimeoutError):
                async with asyncio.timeout(STAND_DOWN_S):
                    await watcher.stood_down()
        TRANSACTIONS.close()
        try:
            await asyncio.to_thread(TRANSACTIONS.wait_until_clear, REST_S)
            loop.remove_signal_handler(signal.SIGTSTP)
            signal.raise_signal(signal.SIGTSTP)
            listen()
        finally:
            TRANSACTIONS.open()
        if watcher is not None:
            watcher.yield_lease(False)

    if signal.getsignal(signal.SIGTSTP) is not signal.SIG_IGN:
        listen()


def cancel_on_signal(working: asyncio.Future[Any]) -> list[int]:
    """Cancel on the first signal, leave a second later or at once on the second; return where their numbers are put."""
    numbers: list[int] = []

    def leave(number: int) -> None:
        if numbers:
            os._exit(128 + number)
        end_soon(128 + number)
        numbers.append(number)
        working.cancel()

    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            asyncio.get_running_loop().add_signal_handler(number, leave, number)
    return numbers
