"""Runs acts one after another: later keys wait until an act has ended or opened a dialog, but not for long."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from contextvars import ContextVar
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, Final, ParamSpec, TypeVar

from textual.worker import WorkerError, get_current_worker

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from textual.screen import Screen
    from textual.widget import AwaitMount
    from textual.worker import WorkType

MAX_WAIT_S: Final = 0.25
"""How long a key waits for the act before it; only acts that take longer, say on a locked store, may overlap."""
_KEY: Final[ContextVar[asyncio.Future[AwaitMount | None]]] = ContextVar("key")
"""Resolved once later keys need not wait for the current act, with the dialog to wait for instead, if any."""

P = ParamSpec("P")
S = TypeVar("S", bound="Screen[Any]")


def in_order(
    action: Callable[Concatenate[S, P], Coroutine[Any, Any, None]],
) -> Callable[Concatenate[S, P], Awaitable[None]]:
    """Decorate an action so that later keys wait for it."""

    @wraps(action)
    async def begin(screen: S, /, *args: P.args, **kwargs: P.kwargs) -> None:
        key: asyncio.Future[AwaitMount | None] = asyncio.get_running_loop().create_future()

        async def act() -> None:
            _KEY.set(key)
            try:
                await action(screen, *args, **kwargs)
            finally:
                let_keys_go_on()

        # Pass a function, not a coroutine: a worker cancelled before it starts would never await it.
        work: WorkType[None] = act
        screen.run_worker(work, group="act")
        with suppress(TimeoutError):
            dialog = await asyncio.wait_for(asyncio.shield(key), MAX_WAIT_S)
            if dialog is not None:
                await dialog

    return begin


def let_keys_go_on(dialog: AwaitMount | None = None) -> None:
    """Let later keys proceed before this act ends, or as soon as the `dialog` it opens is mounted."""
    if not (key := _KEY.get()).done():
        key.set_result(dialog)


async def are_acts_done(screen: Screen[Any]) -> bool:
    """Wait for the acts started before this one; return whether none of them failed.

    Undo is meant for the last change typed, even if it is still being made. If that fails, it reports so itself, and no
    earlier change must be undone in its place.
    """
    own = get_current_worker()
    # Of this screen only: the act that opened it lasts as long as the screen.
    ours = (each for each in screen.workers if each.node is screen and each.group == "act")
    acts = [each for each in ours if each is not own and not each.is_finished]
    try:
        if acts:  # given none, it would wait for all workers
            await screen.workers.wait_for_complete(acts)
    except WorkerError:
        return False
    return True
