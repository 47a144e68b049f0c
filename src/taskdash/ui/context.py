"""Gives a dashboard all that it works with: settings, store, and the services of each profile."""

from __future__ import annotations

import asyncio
import threading
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from taskdash.config.keys import DEFAULT_KEY_VARIABLE
from taskdash.config.load import save_view, write_first_config
from taskdash.config.settings import View
from taskdash.domain.errors import UsageError
from taskdash.domain.query import Query, parse_sort
from taskdash.domain.secret import KnownKeys, Secret
from taskdash.domain.task import State
from taskdash.store.store_file import TRANSACTIONS
from taskdash.ui.keymap import DEFAULT_KEYS, Keymap, key_name
from taskdash.ui.widgets.window import Place, Window, read_window

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from taskdash.config.settings import Settings
    from taskdash.domain.task import Task, TaskDetail
    from taskdash.domain.usual import Durations, Usual
    from taskdash.results.download_thread import DownloadThread
    from taskdash.results.own_commands import Ended, FinishCommand, OwnCommands
    from taskdash.results.previews import Previews
    from taskdash.store.store import Store, StoreThread
    from taskdash.watch.machine import Clock
    from taskdash.watch.thread import WatcherThread

CLOSE_GRACE_S: Final = 2.0
"""How long to wait on closing for a list that another program has locked."""


@dataclass(kw_only=True, eq=False, repr=False)
class Service:
    """Serves one profile by its own key, limits and rules; each service is made or started when first needed."""

    watcher: WatcherThread
    on_finish: FinishCommand | None = None
    """The user's own command for tasks that finish; None if there is none."""
    make_downloads: Callable[[], DownloadThread] | None = None
    """Makes the thread that saves results, importing what that needs; None: nothing can be saved."""
    make_previews: Callable[[], Previews] | None = None
    """Makes the previews of results, importing what they need; None: there are none."""
    durations: Durations | None = field(default=None, init=False)
    """How long tasks take, learned from finished ones; None until `learn_from`."""
    downloads: DownloadThread | None = field(default=None, init=False)
    """The thread that saves results; None until `open_downloads`."""
    _previews: Previews | None = field(default=None, init=False)

    async def learn_from(self, store: StoreThread, profile: str) -> None:
        """Learn how long the tasks of the profile take. Not done at startup, as the first frame does not need it."""
        from taskdash.domain.usual import Durations

        self.durations = Durations(await store.run(lambda store: store.history.durations(profile)))

    async def see_waiting(self, store: StoreThread, profile: str) -> None:
        """Learn which tasks are waiting, and for how long: they will take longer than that."""
        waiting = await store.run(lambda store: store.history.waiting(profile))
        if self.durations is not None:
            self.durations.see_waiting(waiting)

    def learn(self, task: Task) -> None:
        if self.durations is not None and task.state is State.SUCCESS:
            self.durations.learn(task.model, task.variant, task.cost_time_ms)

    async def previews(self) -> Previews:
        """Return the previews of results, made on first use, off the event loop.

        Raises:
            LookupError: previews are not available here.
        """
        if self._previews is None:
            if self.make_previews is None:
                raise LookupError("there are no pictures here")
            self._previews = await asyncio.to_thread(self.make_previews)
        return self._previews

    def retry_previews(self) -> None:
        if self._previews is not None:
            self._previews.forget_refusals()

    def rest_previews(self) -> None:
        """Stop the idle decoder processes, which thumbnails keep ready."""
        if self._previews is not None:
            self._previews.rest()

    def open_downloads(self, listener: Callable[[], None]) -> DownloadThread | None:
        """Return the thread that saves results, made and started on first use; None: nothing can be saved."""
        if self.downloads is None and self.make_downloads is not None:
            self.downloads = self.make_downloads()
            self.downloads.start(listener)
        return self.downloads

    def end_results(self) -> None:
        if self._previews is not None:
            self._previews.close()
        if self.downloads is not None:
            self.downloads.stop()


@dataclass(kw_only=True, eq=False, repr=False)
class Context(Service):
    """Carries what one dashboard works with, made by `cli.dashboard`; also the `Service` of the profile in use."""

    settings: Settings
    store: StoreThread
    others: Mapping[str, Service] = field(default_factory=dict)
    """The services of other profiles whose tasks a view shows."""
    clock: Clock
    environ: Mapping[str, str] = field(default_factory=dict)
    """The environment of browsers and clipboard programs, without API keys."""
    keys: KnownKeys = field(default_factory=KnownKeys)
    """Known API keys: never taken for task IDs, never copied."""
    key_advice: str | None = None
    """How to set a key, if none is set."""
    keymap: Keymap = field(default_factory=lambda: DEFAULT_KEYS)
    view: View = field(default_factory=View)
    """The look in force."""
    first_view: View = field(default_factory=View)
    """The look as the config has it."""
    view_path: Path | None = None
    """Where the look is remembered; None: nowhere."""
    copy_path: Path | None = None
    """Where a copy too large for the terminal is saved; None: nowhere."""
    config_path: Path | None = None
    """Where a first config may be written; None: nowhere."""
    reopen: Callable[[Settings], Context] | None = None
    """Makes the context for other settings, such as another profile; raises TaskdashError if it cannot."""
    make_commands: Callable[[], OwnCommands] | None = None
    """Makes the runner of the user's own commands, importing what that needs; None: they cannot be run."""
    is_demo: bool = False
    seen_at_ms: int | None = field(default=None, init=False)
    """When the user last typed, pasted or used the mouse; None until the list was shown."""
    looked_at: set[int] = field(default_factory=set, init=False)
    """The tasks, by `seq`, that ended unseen and that the user has looked at in this run."""
    adding: list[tuple[Sequence[str], Future[Any]]] = field(default_factory=list, init=False)
    """IDs submitted to the store and their results; cleared when a failure was reported."""
    is_view_kept: bool = field(default=True, init=False)
    """Whether the look in force has been saved."""
    _commands: OwnCommands | None = field(default=None, init=False)

    def key_of(self, action: str) -> str:
        """Return the display name of an action's first key; "" if it has none."""
        return next(map(key_name, self.keymap[action]), "")

    @property
    def profile(self) -> str:
        return self.settings.profile

    @property
    def result_ttl_ms(self) -> int | None:
        """Return how long result links live; None if unknown."""
        return self.settings.in_use.result_ttl_ms

    @property
    def key_variable(self) -> str:
        """Return the environment variable that may hold the key."""
        return self.settings.in_use.api_key_env or DEFAULT_KEY_VARIABLE

    @property
    def is_first_start(self) -> bool:
        """Return whether there is neither a key nor a config, and a first config may be written."""
        return bool(self.key_advice) and self.config_path is not None and self.settings.config_file is None

    @cached_property
    def opening(self) -> Future[tuple[Window, TaskDetail | None]]:
        """Return the head of the list, and the task under the cursor.

        The first access starts reading them, in the store's thread, for the first frame.
        """
        query, now_ms = Query(self.profile, sort=parse_sort(self.view.sort)), self.clock.now_ms()

        def read(store: Store) -> tuple[Window, TaskDetail | None]:
            # The terminal's height is not known yet; the window read is three times as high as this.
            window = read_window(store, query, Place(), 20, now_ms)
            task = window.row(window.cursor)
            return window, store.tasks.detail(task.seq) if task else None

        return self.store.submit(read)

    def open_profile(self, name: str) -> Context:
        """Make the context of another profile.

        Raises:
            TaskdashError: its list cannot be opened.
        """
        return self._reopened(replace(self.settings, profile=name))

    def keep_key(self, text: str) -> Context:
        """Write a first config with an API key in it, and make the context that uses it.

        Raises:
            TaskdashError: it is not a key, or the config cannot be written.
        """
        try:
            key = Secret(text)
        except ValueError as error:
            raise UsageError(f"The key {error}") from None
        if self.config_path is None:
            raise UsageError("No config file to save a key to")
        profile = replace(self.settings.in_use, api_key=key, api_key_env=None)
        write_first_config(self.config_path, profile)
        profiles = {**self.settings.profiles, profile.name: profile}
        return self._reopened(replace(self.settings, profiles=profiles, config_file=self.config_path))

    def _reopened(self, settings: Settings) -> Context:
        if self.reopen is None:
            raise UsageError("This dashboard has one list only")
        return self.reopen(settings)

    def remember_view(self) -> str | None:
        """Save the look in force for the next run; return a warning for the user, if any."""
        view = self.view
        warning = save_view(self.view_path, view, self.first_view) if self.view_path else None
        self.is_view_kept = view is self.view
        return warning

    # The services of the profile in use, and of those in views

    @property
    def services(self) -> dict[str, Service]:
        """Return the service of each profile whose tasks may be shown, the one in use first."""
        return {self.profile: self, **self.others}

    def wake(self) -> None:
        """Notify the watchers that tasks were added or checks requested."""
        for service in self.services.values():
            service.watcher.wake()

    def pause(self, paused: bool) -> None:
        """Stop scheduled checks, or resume them."""
        for service in self.services.values():
            service.watcher.pause(paused)

    def why_unchecked(self, profile: str) -> str:
        """Return why tasks of a profile are not checked; "" if they are."""
        if profile == self.profile:
            return self.key_advice or ""
        if profile not in self.others:
            return f"the profile {profile} is not watched here"
        return "" if self.others[profile].watcher.status.has_key else f"no API key for the profile {profile}"

    def checkable(self, tasks: Sequence[Task]) -> tuple[list[Task], str]:
        """Return the tasks that can be checked, and why the others cannot."""
        why_not = {task.profile: self.why_unchecked(task.profile) for task in tasks}
        checkable = [task for task in tasks if not why_not[task.profile]]
        return checkable, "; ".join(filter(None, why_not.values()))

    def ttl_ms_of(self, task: Task) -> int | None:
        """Return how long the result links of a task live; None if unknown."""
        return self.settings.ttls_ms(task.profile).get(task.profile)

    def usual(self, task: Task) -> Usual | None:
        """Return how long a task of this kind usually takes, by the history of its profile on this list."""
        service = self.services.get(task.profile)
        durations = service.durations if service else None
        return durations.usual(task.model, task.variant) if durations else None

    async def read_history(self) -> None:
        """Learn from the list how long tasks take."""
        for profile, service in reversed(self.services.items()):
            await service.learn_from(self.store, profile)

    async def read_waiting(self) -> None:
        """Learn which tasks are waiting, and for how long."""
        for profile, service in self.services.items():
            await service.see_waiting(self.store, profile)

    async def previews_for(self, seq: int) -> Previews:
        """Return the previews of a task's results, by the rules of its profile if that is known.

        Raises:
            LookupError: previews are not available here.
        """
        tasks = await self.store.run(lambda store: store.tasks.heads([seq])) if self.others else []
        services = (self.services[task.profile] for task in tasks if task.profile in self.services)
        return await next(services, self).previews()

    async def missing_for_pictures(self) -> str:
        """Return a message on what to install for pictures of results; "" if nothing is missing."""
        return (await self.previews()).missing if self.make_previews else ""

    def run_command(self, name: str, seqs: Sequence[int], on_end: Callable[[Ended], None]) -> None:
        """Start one of the user's own commands for tasks; `on_end` is called from another thread."""
        if self._commands is None:
            assert self.make_commands is not None  # noqa: S101 - there are commands only where they can be run
            self._commands = self.make_commands()

        def read(seqs: Sequence[int]) -> list[TaskDetail]:
            return self.store.submit(lambda store: list(store.tasks.details(seqs, raw=False))).result()

        self._commands.run(self.settings.commands[name], seqs, read, on_end)

    @property
    def at_work(self) -> str:
        """Return the names of the user's own programs that still run, joined by commas; "" if none does."""
        commands = [service.on_finish for service in self.services.values()]
        names = ["on_finish"] if any(each is not None and each.is_running for each in commands) else []
        return ", ".join([*names, *(self._commands.running if self._commands else ())])

    @asynccontextmanager
    async def at_rest(self) -> AsyncIterator[None]:
        """Hold neither the lease nor a lock on the list in the block, during which this process may be stopped."""
        watchers = [service.watcher for service in self.services.values()]
        try:
            await asyncio.gather(*(asyncio.to_thread(each.yield_lease, True) for each in watchers))
            TRANSACTIONS.close()
            await asyncio.to_thread(TRANSACTIONS.wait_until_clear)
            yield
        finally:
            TRANSACTIONS.open()
            for watcher in watchers:
                watcher.yield_lease(False)

    def close(self, grace_s: float = 0.0) -> None:
        """Stop the watchers, end the user's own programs after `grace_s` seconds, and close the store."""
        if not self.is_view_kept:
            self.remember_view()
        if (seen_ms := self.seen_at_ms) is not None:
            with suppress(RuntimeError):  # it is closed already
                self.store.submit(lambda store: store.news.saw(self.profile, seen_ms))
                if self.looked_at:
                    self.store.submit(lambda store: store.news.look_at(self.looked_at))
        for service in self.services.values():
            service.end_results()
        impatient = threading.Timer(CLOSE_GRACE_S, self.store.interrupt)
        impatient.start()
        for service in self.others.values():
            service.watcher.stop(0.0)
        for service in self.services.values():
            service.watcher.stop()
        for service in self.services.values():
            if service.on_finish is not None:
                service.on_finish.close(grace_s)
        if self._commands is not None:
            self._commands.close(grace_s)
        self.store.close()
        impatient.cancel()

    def not_added(self) -> list[str]:
        """Return the IDs that could not be added before the store was closed, as it was locked to the end."""
        left = [ids for ids, adding in self.adding if adding.cancelled() or adding.exception()]
        return list(dict.fromkeys(each for ids in left for each in ids))
