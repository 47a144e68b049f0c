"""Holds what one dashboard works with: settings, store and watcher, and the ways out of the terminal."""

from __future__ import annotations

import asyncio
import threading
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from taskdash.config.own_files import save_view, write_first_config
from taskdash.config.profile import DEFAULT_KEY_VARIABLE
from taskdash.config.settings import View
from taskdash.domain.errors import UsageError
from taskdash.domain.query import Query, Sort
from taskdash.domain.secret import KnownKeys, Secret
from taskdash.store.transaction_gate import TRANSACTIONS
from taskdash.ui.keymap import DEFAULT_KEYS, Keymap, key_name
from taskdash.ui.service import Service
from taskdash.ui.widgets.window import Place, Window, read_window

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from taskdash.config.settings import Settings
    from taskdash.domain.task import Task, TaskDetail
    from taskdash.domain.usual import Usual
    from taskdash.results.own_commands import Ended, OwnCommands
    from taskdash.results.previews import Previews
    from taskdash.store.store import Store, StoreThread
    from taskdash.watch.machine import Clock

CLOSE_GRACE_S: Final = 2.0
"""How long a list that another program has locked is waited for at the end."""
_FIRST_PLACE: Final = Place(height=20)
"""Nobody has asked for the height of the terminal yet: a window is three times as high as this."""


class Opening(NamedTuple):
    """The list as it is opened."""

    window: Window
    detail: TaskDetail | None
    """The task under the cursor; None where the list is empty."""
    newest_seq: int | None
    """The task that was added last; None in an empty store."""


def read_opening(store: Store, query: Query, now_ms: int) -> Opening:
    """Read the head of `query`."""
    window = read_window(store, query, _FIRST_PLACE, now_ms)
    task = window.row(window.cursor)
    newest_seq = store.tasks.newest_seq()
    return Opening(window, store.tasks.detail(task.seq) if task else None, newest_seq)


@dataclass(kw_only=True, eq=False, repr=False)
class Context(Service):
    """The surroundings of one dashboard on the list of one profile, made by `wiring`; it serves that profile itself."""

    settings: Settings
    """Those in force, with the profile in use."""
    store: StoreThread
    others: Mapping[str, Service] = field(default_factory=dict)
    """What serves the other profiles whose tasks a view shows."""
    clock: Clock
    environ: Mapping[str, str] = field(default_factory=dict)
    """What a browser and a clipboard program get; it has no key in it."""
    keys: KnownKeys = field(default_factory=KnownKeys)
    """Never taken for a task ID, never copied."""
    key_advice: str | None = None
    """How to set a key, where none is set."""
    keymap: Keymap = field(default_factory=lambda: DEFAULT_KEYS)
    """The keys of each action."""
    view: View = field(default_factory=View)
    """The look in force."""
    first_view: View = field(default_factory=View)
    """The look as the config has it."""
    view_path: Path | None = None
    """Where the look is remembered; None: nowhere."""
    copy_path: Path | None = None
    """Where a copy is saved that is too much for the terminal; None: nowhere."""
    config_path: Path | None = None
    """Where a first config may be written; None: nowhere."""
    reopen: Callable[[Settings], Context] | None = None
    """Makes the context for other settings, such as another profile; raises TaskdashError where it cannot."""
    make_commands: Callable[[], OwnCommands] | None = None
    """Makes what runs the user's own commands for keys, with all that it imports; None: nothing runs them."""
    is_demo: bool = False
    seen_at_ms: int | None = field(default=None, init=False)
    """When somebody was last there, by what was typed; None until the list was looked at."""
    looked_at: set[int] = field(default_factory=set, init=False)
    """The tasks that had ended unseen and that the cursor was on in this run, by `seq`."""
    adding: list[tuple[Sequence[str], Future[Any]]] = field(default_factory=list, init=False)
    """What was to be added, and what became of it, as far as the user was not told."""
    is_view_kept: bool = field(default=True, init=False)
    """Whether the look in force was remembered."""
    _commands: OwnCommands | None = field(default=None, init=False)

    def key_of(self, action: str) -> str:
        """Return the first key of an action, as people call it; "" where it has none."""
        return next(map(key_name, self.keymap[action]), "")

    @property
    def profile(self) -> str:
        """Return the name of the profile in use."""
        return self.settings.profile

    @property
    def result_ttl_ms(self) -> int | None:
        """Return how long result links live; None where that is not known."""
        return self.settings.in_use.result_ttl_ms

    @property
    def key_variable(self) -> str:
        """Return the environment variable that holds the key, or may."""
        return self.settings.in_use.api_key_env or DEFAULT_KEY_VARIABLE

    @property
    def is_first_start(self) -> bool:
        """Return whether there is neither a key nor a config: one can be written that keeps a key."""
        return bool(self.key_advice) and self.config_path is not None and self.settings.config_file is None

    @cached_property
    def opening(self) -> Future[Opening]:
        """Return what the first frame shows; it is read in the store's thread from when it is first asked for."""
        query = Query(self.profile, sort=Sort.of(self.view.sort))
        return self.store.submit(partial(read_opening, query=query, now_ms=self.clock.now_ms()))

    def open_profile(self, name: str) -> Context:
        """Make the context of another profile.

        Raises:
            TaskdashError: its list cannot be opened.
        """
        return self._reopened(replace(self.settings, profile=name))

    def keep_key(self, text: str) -> Context:
        """Write a first config with an API key in it, and make the context that uses it.

        Raises:
            TaskdashError: it is no key, or the config cannot be written.
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
        """Keep the look in force for the next time; return why it could not be kept, for people."""
        view = self.view
        warning = save_view(self.view_path, view, self.first_view) if self.view_path else None
        self.is_view_kept = view is self.view
        return warning

    # What serves the profile in use, and those of views

    @property
    def services(self) -> dict[str, Service]:
        """Return what serves each profile whose tasks may be shown, that in use first."""
        return {self.profile: self, **self.others}

    def wake(self) -> None:
        """Tell the watchers that something was added or asked for."""
        for service in self.services.values():
            service.watcher.wake()

    def pause(self, paused: bool) -> None:
        """Stop or resume scheduled checks."""
        for service in self.services.values():
            service.watcher.pause(paused)

    def why_unchecked(self, profile: str) -> str:
        """Return why tasks of a profile are not checked; "" where they are."""
        if profile == self.profile:
            return self.key_advice or ""
        if profile not in self.others:
            return f"the profile {profile} is not watched here"
        return "" if self.others[profile].watcher.status.has_key else f"no API key for the profile {profile}"

    def checkable(self, tasks: Sequence[Task]) -> tuple[list[Task], str]:
        """Return those of tasks that can be checked, and why the others cannot."""
        why_not = {task.profile: self.why_unchecked(task.profile) for task in tasks}
        return [task for task in tasks if not why_not[task.profile]], "; ".join(
            filter(None, why_not.values())
        )

    def ttl_ms_of(self, task: Task) -> int | None:
        """Return how long the result links of a task live; None where that is not known."""
        return self.settings.ttls_ms(task.profile).get(task.profile)

    def usual(self, task: Task) -> Usual | None:
        """Return how long a task of this kind usually takes, by the history of its profile on this list."""
        service = self.services.get(task.profile)
        durations = service.durations if service else None
        return durations.usual(task.model, task.variant) if durations else None

    async def read_history(self) -> None:
        """Learn how long tasks take here."""
        for profile, service in reversed(self.services.items()):
            await service.learn_from(self.store, profile)

    async def read_waiting(self) -> None:
        """Learn which tasks wait, and for how long by now."""
        for profile, service in self.services.items():
            await service.see_waiting(self.store, profile)

    async def previews(self, profile: str = "") -> Previews:
        """Return what brings pictures of results, of the profile in use unless another is named.

        Raises:
            LookupError: there are no pictures here.
        """
        return await self.services[profile or self.profile].own_previews()

    async def previews_for(self, seq: int) -> Previews:
        """Return what brings pictures of the results of a task, by the rules of its profile where that is known.

        Raises:
            LookupError: there are no pictures here.
        """
        tasks = await self.store.run(lambda store: store.tasks.heads([seq])) if self.others else []
        return await self.previews(
            next((task.profile for task in tasks if task.profile in self.services), "")
        )

    async def missing_for_pictures(self) -> str:
        """Return what has to be installed for pictures of results, for people; "" where nothing is missing."""
        return (await self.previews()).missing if self.make_previews else ""

    def run_command(self, name: str, seqs: Sequence[int], on_end: Callable[[Ended], None]) -> None:
        """Begin to run a command of the user's for tasks; `on_end` is called from another thread."""
        if self._commands is None:
            assert self.make_commands is not None  # noqa: S101 - there are commands only where they can be run
            self._commands = self.make_commands()

        def read(seqs: Sequence[int]) -> list[TaskDetail]:
            return self.store.submit(lambda store: list(store.tasks.details(seqs, raw=False))).result()

        self._commands.run(self.settings.commands[name], seqs, read, on_end)

    @property
    def at_work(self) -> str:
        """Return which of the user's own programs still run, for people; "" where none does."""
        commands = [service.on_finish for service in self.services.values()]
        names = ["on_finish"] if any(each is not None and each.running for each in commands) else []
        return ", ".join([*names, *(self._commands.running if self._commands else ())])

    @asynccontextmanager
    async def at_rest(self) -> AsyncIterator[None]:
        """Hold neither the lease nor a lock of the list in the block: this process may be stopped in it for ever."""
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
        """End the watcher, the user's own programs after `grace_s` seconds, and close the store."""
        if not self.is_view_kept:
            self.remember_view()
        if (seen_ms := self.seen_at_ms) is not None:
            with suppress(RuntimeError):  # it is closed already
                self.store.submit(lambda store: store.news.see(self.profile, seen_ms))
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
        """Return IDs that were to be added when the store was closed, and could not be: it was locked to the end."""
        left = [ids for ids, adding in self.adding if adding.cancelled() or adding.exception()]
        return list(dict.fromkeys(each for ids in left for each in ids))
