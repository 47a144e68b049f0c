"""Acts one after the other: the keys after one wait until it has ended or opened a dialog, but not for long."""

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
"""How long the next key waits for what the last one does: they go one after the other, unless the store is locked."""
_KEY: Final[ContextVar[asyncio.Future[AwaitMount | None]]] = ContextVar("key")
"""Done once the keys after the one that began this act need not wait for it any more, but for a dialog it opens."""

P = ParamSpec("P")
S = TypeVar("S", bound="Screen[Any]")


def in_order(
    action: Callable[Concatenate[S, P], Coroutine[Any, Any, None]],
) -> Callable[Concatenate[S, P], Awaitable[None]]:
    """Make an action that the keys after it wait for."""

    @wraps(action)
    async def begin(screen: S, /, *args: P.args, **kwargs: P.kwargs) -> None:
        key: asyncio.Future[AwaitMount | None] = asyncio.get_running_loop().create_future()

        async def act() -> None:
            _KEY.set(key)
            try:
                await action(screen, *args, **kwargs)
            finally:
                let_keys_go_on()

        # Handed over as a function: a coroutine that is ended before it begins would be left behind unawaited.
        work: WorkType[None] = act
        screen.run_worker(work, group="act")
        with suppress(TimeoutError):
            dialog = await asyncio.wait_for(asyncio.shield(key), MAX_WAIT_S)
            if dialog is not None:
                await dialog

    return begin


def let_keys_go_on(dialog: AwaitMount | None = None) -> None:
    """Have the keys after this act wait for it no longer, or only until the `dialog` it opens is there."""
    if not (key := _KEY.get()).done():
        key.set_result(dialog)


async def are_acts_done(screen: Screen[Any]) -> bool:
    """Wait for the acts that were begun before this one; return whether none of them has failed.

    The last change that was typed is the one to undo, even while it is still being made. One that fails is told of by
    itself, and an earlier change is not what was meant.
    """
    own = get_current_worker()
    # Of this screen: the act that has opened it lasts as long as it does.
    ours = (each for each in screen.workers if each.node is screen and each.group == "act")
    acts = [each for each in ours if each is not own and not each.is_finished]
    try:
        if acts:  # of none it would wait for all that works
            await screen.workers.wait_for_complete(acts)
    except WorkerError:
        return False
    return True
