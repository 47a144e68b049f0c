"""Runs the dashboard on the user's list or on the demo, from the check for a terminal to the exit code.

Modules not needed for the first frame are imported when used, in other threads after that frame.
"""

from __future__ import annotations

import gc
import os
import sys
import termios
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final

from taskdash.cli.log import start_log
from taskdash.cli.output import talk, tell_not_added
from taskdash.config.files import view_path
from taskdash.ui.leaving import wait_for_foreground
from taskdash.wiring import open_context

if TYPE_CHECKING:
    from collections.abc import Callable

    from taskdash.cli.process import Session
    from taskdash.ui.context import Context

FPS: Final = "240"
"""Maximum frames per second. At Textual's default of 60, one key in a hundred waits 16 ms for its frame."""
THREADS_TURN_S: Final = 0.0005
"""The interpreter's switch interval. Frames are written by a separate thread, which Python's default of 5 ms would
delay by that much.
"""
OPENING_S: Final = 0.4
FINISH_GRACE_S: Final = 10.0
"""How long the user's programs may keep running after the dashboard has closed."""


def open_dashboard(session: Session) -> int:
    """Open the dashboard; return the exit code, which is 2 without a terminal."""
    if not has_terminal():
        dumb = " that can be drawn on (TERM is dumb)" if os.environ.get("TERM") == "dumb" else ""
        talk(
            f"taskdash: the dashboard needs a terminal{dumb}; `taskdash list` prints the list, "
            "`taskdash --help` shows the commands"
        )
        return 2
    start_log(session)
    wiring = session.wiring
    return run_app(partial(open_context, wiring, view_path=view_path(), config_path=session.config_path))


def has_terminal() -> bool:
    """Return whether there is a terminal to draw on and to read keys from.

    Textual reads keys from stdin and draws on stderr, and would spin without both. A dumb terminal has no cursor to
    move.
    """
    return (
        os.environ.get("TERM") != "dumb"
        and sys.stdin is not None
        and sys.stdin.isatty()
        and sys.__stderr__ is not None
        and sys.__stderr__.isatty()
    )


def run_app(open_it: Callable[[], Context]) -> int:
    """Run the dashboard, and then the demo if the user chose it there; return the exit code."""
    try:
        wait_for_foreground()
    except termios.error:
        talk("taskdash: the dashboard needs a terminal, and cannot run in the background")
        return 2
    os.environ.setdefault("TEXTUAL_FPS", FPS)
    for name in ("COLUMNS", "LINES"):
        # If a shell exports these, Textual believes them rather than the terminal, and never follows a resize.
        os.environ.pop(name, None)
    # Textual draws on stderr, but asks stdout for the size, which may be a file.
    sys.__stdout__ = sys.__stderr__  # type: ignore[misc]
    # Everything imported and built before the first frame stays alive: collecting garbage would only cost time.
    gc.disable()
    sys.setswitchinterval(THREADS_TURN_S)
    context = open_it()
    # The store's thread reads the head of the list while Textual is imported.
    opening = context.opening
    from taskdash.ui.app import Dashboard

    # Report an unreadable list before touching the terminal, but do not wait for one that is locked or being repaired.
    with suppress(TimeoutError):
        opening.result(OPENING_S)
    app = Dashboard(context, waits_for_list=not opening.done())
    app.run_in_terminal()
    # The dashboard may have switched to another context.
    _close(app.context, app.return_code or 0)
    lost = [task_id for each in (*app.left_contexts, app.context) for task_id in each.not_added()]
    tell_not_added(lost, " because the list stayed locked")
    if app.unusable is not None:
        raise app.unusable
    if app.crash is not None:
        raise app.crash
    if app.wants_demo:
        # Not imported for the user's own list.
        from taskdash.cli.demo import run_demo

        return run_demo()
    return app.return_code or (6 if lost else 0)


def _close(context: Context, code: int) -> None:
    """Stop the background work. The user's programs get a grace period, unless a signal ended the dashboard."""
    if code >= 128 or not context.at_work:
        context.close()
        return
    talk(f"waiting up to {FINISH_GRACE_S:.0f}s for {context.at_work} (Ctrl+C to stop)")
    try:
        context.close(FINISH_GRACE_S)
    except KeyboardInterrupt:
        context.close()
