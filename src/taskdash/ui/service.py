"""The services for the tasks of one profile: watcher, downloads, previews and usual durations."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from taskdash.domain.task import State

if TYPE_CHECKING:
    from collections.abc import Callable

    from taskdash.domain.task import Task
    from taskdash.domain.usual import Durations
    from taskdash.results.download_thread import DownloadThread
    from taskdash.results.own_commands import FinishCommand
    from taskdash.results.previews import Previews
    from taskdash.store.store import StoreThread
    from taskdash.watch.thread import WatcherThread


@dataclass(kw_only=True, eq=False, repr=False)
class Service:
    """The services of one profile, with its own key, limits and rules. Each is made or started when first needed."""

    watcher: WatcherThread
    on_finish: FinishCommand | None = None
    """The user's own command for tasks that finish; None if there is none."""
    make_downloads: Callable[[], DownloadThread] | None = None
    """Makes the thread that saves results, importing what that needs; None: nothing can be saved."""
    make_previews: Callable[[], Previews] | None = None
    """Makes the previews of results, importing what they need; None: there are none."""
    durations: Durations | None = field(default=None, init=False)
    """How long tasks take, learned from finished ones; None until `learn_from`."""
    _previews: Previews | None = field(default=None, init=False)
    _downloads: DownloadThread | None = field(default=None, init=False)

    async def learn_from(self, store: StoreThread, profile: str) -> None:
        """Learn how long the tasks of the profile take. Not done at startup, as the first frame does not need it."""
        from taskdash.domain.usual import Durations

        finished = await store.run(lambda store: store.history.durations(profile))
        self.durations = Durations(finished)

    async def see_waiting(self, store: StoreThread, profile: str) -> None:
        """Learn which tasks are waiting, and for how long: they will take longer than that."""
        waiting = await store.run(lambda store: store.history.waiting(profile))
        if self.durations is not None:
            self.durations.see_waiting(waiting)

    def learn(self, task: Task) -> None:
        if self.durations is not None and task.state is State.SUCCESS:
            self.durations.learn(task.model, task.variant, task.cost_time_ms)

    async def own_previews(self) -> Previews:
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

    def downloads(self, listener: Callable[[], None]) -> DownloadThread | None:
        """Return the thread that saves results, made and started on first use; None: nothing can be saved."""
        if self._downloads is None and self.make_downloads is not None:
            self._downloads = self.make_downloads()
            self._downloads.start(listener)
        return self._downloads

    def end_results(self) -> None:
        if self._previews is not None:
            self._previews.close()
        if self._downloads is not None:
            self._downloads.stop()
