"""What `check` and `wait` do about tasks that finish beside them: the user's own command, and who tells of it."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from taskdash.cli.output import talk
from taskdash.domain.errors import StoreError
from taskdash.domain.notices import Way
from taskdash.watch.machine import is_alive, this_process

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from taskdash.cli.session import Session
    from taskdash.store.store import Store, StoreThread

POLL_S: Final = 0.1
SAY_AFTER_S: Final = 1.0
DRAIN_S: Final = 120.0
"""How long a command waits for `on_finish`, before it leaves the rest to whoever watches next."""


class Finishing:
    """The user's own command beside a watcher; without one in the config it does nothing."""

    def __init__(self, session: Session, store: StoreThread) -> None:
        from taskdash.wiring import open_finish_command

        self._profile = session.profile.name
        self._store = store
        self._command = open_finish_command(
            session.settings, session.environ, session.store_path, session.keys
        )
        if self._command is not None:
            self._command.listen(talk)

    def with_wake(self, listener: Callable[[], None]) -> Callable[[], None]:
        """`listener`, and a look for what has finished."""
        command = self._command
        if command is None:
            return listener

        def both() -> None:
            listener()
            command.wake()

        return both

    async def finish(self, is_over: Callable[[], bool]) -> None:
        """Run the command for all that has finished, before the process ends; not once `is_over`."""
        command, profile = self._command, self._profile
        if command is None:
            # The next one drops them as well: no reason for this command to fail.
            with suppress(StoreError):
                await self._store.run(lambda store: store.news.drop(profile, Way.COMMAND))
            return
        if is_over():
            return
        command.wake()
        began_s, has_said = time.monotonic(), False
        while not command.is_idle(0.0):
            await asyncio.sleep(POLL_S)
            waited_s = time.monotonic() - began_s
            if is_over() or waited_s > DRAIN_S:
                return
            if waited_s > SAY_AFTER_S and not has_said:
                has_said = True
                talk("waiting for on_finish")

    def close(self) -> None:
        """End what still runs."""
        if self._command is not None:
            self._command.close()


def mark_told(store: Store, profile: str, seqs: Sequence[int]) -> None:
    """Note that the user has read of these ends on this command's own output, unless a dashboard tells of them."""
    # Where the store fails, a dashboard tells it again: no reason for this command to fail.
    with suppress(StoreError):
        has_dashboard = any(
            viewer.follows and viewer.process != this_process() and is_alive(viewer.process)
            for viewer in store.gateways.viewers(profile)
        )
        if not has_dashboard and store.news.is_any(profile, Way.SCREEN):
            store.news.claim(Way.SCREEN, seqs)
