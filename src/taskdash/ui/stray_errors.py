"""Errors that no handler of Textual sees: in threads, and in callbacks of the event loop.

Python would print them, with a traceback, where nobody reads it while the dashboard has the screen.
"""

from __future__ import annotations

import logging
import threading
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

_log = logging.getLogger(__name__)


def catch_stray_errors(loop: asyncio.AbstractEventLoop, fatal: Callable[[Exception], None]) -> None:
    """Hand each to `fatal`, on the loop."""

    def in_thread(stray: threading.ExceptHookArgs) -> None:
        if isinstance(stray.exc_value, Exception):
            with suppress(RuntimeError):  # the loop has ended, and with it what the thread was for
                loop.call_soon_threadsafe(partial(fatal, stray.exc_value))

    def in_callback(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if "handle" in context and isinstance(error, Exception):
            fatal(error)
        else:
            # Of tasks that were dropped: what they were for has ended.
            _log.warning("%s (%s)", context.get("message"), type(error).__name__)

    threading.excepthook = in_thread
    loop.set_exception_handler(in_callback)
