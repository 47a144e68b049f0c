"""Keys whose action reads or writes the store: one that has to wait for it does not hold up the keys after it."""

from __future__ import annotations

import asyncio
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, Final, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from textual.screen import Screen

PATIENCE_S: Final = 0.25
"""How long the next key waits for what the last one does: they go one after the other, unless the store is locked."""

P = ParamSpec("P")
Acting = TypeVar("Acting", bound="Screen[Any]")

_acting: set[asyncio.Future[None]] = set()


def patient(
    action: Callable[Concatenate[Acting, P], Awaitable[None]],
) -> Callable[Concatenate[Acting, P], Awaitable[None]]:
    """Make an action of a screen one that is gone on with beside the keys, where it takes long."""

    @wraps(action)
    async def begin(screen: Acting, /, *args: P.args, **kwargs: P.kwargs) -> None:
        async def act() -> None:
            await action(screen, *args, **kwargs)

        def told(acting: asyncio.Future[None]) -> None:
            _acting.discard(acting)
            error = None if acting.cancelled() else acting.exception()
            if isinstance(error, Exception):
                screen.app._handle_exception(error)  # noqa: SLF001 - as for an error in any handler

        acting = asyncio.ensure_future(act())
        _acting.add(acting)
        acting.add_done_callback(told)
        await asyncio.wait({acting}, timeout=PATIENCE_S)

    return begin
