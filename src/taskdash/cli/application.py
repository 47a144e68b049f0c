"""The dashboard as an application on the terminal: what it needs of the process, and its run from first to last."""

from __future__ import annotations

import gc
import os
import sys
import termios
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from taskdash.cli.output import talk, tell_not_added
from taskdash.store.store_file import SLOW_RECOVERY_TOLD_TO
from taskdash.ui.job_control import wait_for_foreground

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from taskdash.config.settings import Settings
    from taskdash.domain.secret import KnownKeys
    from taskdash.ui.context import Context

FPS: Final = "240"
"""Frames a second at most. At Textual's own 60, one key in a hundred waits 16 ms for its frame."""
THREADS_TURN_S: Final = 0.0005
"""How long a thread may keep the interpreter from others. A frame is written by a thread of its own: with Python's 5 ms
it would be seen so much later.
"""
OPENING_S: Final = 0.4
"""How long the first frame waits for the list."""
FINISH_GRACE_S: Final = 10.0
"""How long `on_finish` may go on after the dashboard has ended."""


def has_terminal() -> bool:
    """Whether there is a terminal to draw on and to read keys from.

    Textual reads keys from stdin and draws on stderr: without both it would spin on nothing. A dumb terminal has no
    cursor to move.
    """
    return (
        os.environ.get("TERM") != "dumb"
        and sys.stdin is not None
        and sys.stdin.isatty()
        and sys.__stderr__ is not None
        and sys.__stderr__.isatty()
    )


def open_app(
    settings: Settings,
    environ: Mapping[str, str],
    store_path: Path,
    *,
    view_path: Path | None = None,
    config_path: Path | None = None,
    keys: KnownKeys | None = None,
    is_demo: bool = False,
    open_demo: Callable[[], int] | None = None,
) -> int:
    """Run the dashboard to its end; return the exit code.

    Args:
        settings: Those in force.
        environ: Where keys may be.
        store_path: Where the list is.
        view_path: Where the look is remembered, if at all.
        config_path: Where a first config may be written, if anywhere.
        keys: Every key that is known; those that are found are added.
        is_demo: Whether this is the demo.
        open_demo: What follows where the user chose the demo instead.
    """
    try:
        if has_terminal():
            wait_for_foreground()
    except termios.error:
        talk("taskdash: the dashboard needs a terminal, and this one does not let it out of the background")
        return 2
    os.environ.setdefault("TEXTUAL_FPS", FPS)
    for name in ("COLUMNS", "LINES"):
        # Where a shell exports them Textual would believe them instead of the terminal, and never follow a resize.
        os.environ.pop(name, None)
    # It asks stdout about the size, which may be a file: it draws on stderr.
    sys.__stdout__ = sys.__stderr__  # type: ignore[misc]
    # What is imported and built until the first frame stays: collecting in between only costs.
    gc.disable()
    sys.setswitchinterval(THREADS_TURN_S)
    from taskdash.wiring import open_context

    context = open_context(
        settings,
        environ,
        store_path,
        view_path=view_path,
        config_path=config_path,
        keys=keys,
        is_demo=is_demo,
    )
    # The store's thread reads the head of the list while Textual is imported.
    opening = context.opening
    from taskdash.ui.app import Dashboard

    # A list that cannot be read is told before the terminal is touched, one that is locked or mended is not waited for.
    with suppress(TimeoutError):
        opening.result(OPENING_S)
    app = Dashboard(context, waits_for_list=not opening.done())
    # From here on the terminal is the screen's.
    SLOW_RECOVERY_TOLD_TO[:] = [app.tell_of_mending]
    app.run_in_terminal()
    # The dashboard may have gone over to another context.
    _close(app.context, app.return_code or 0)
    lost = [task_id for each in (*app.left_contexts, app.context) for task_id in each.not_added()]
    tell_not_added(lost, ", as the list was locked to the end")
    if app.unusable is not None:
        raise app.unusable
    if app.crash is not None:
        raise app.crash
    if app.wants_demo and open_demo is not None:
        return open_demo()
    return app.return_code or (6 if lost else 0)


def _close(context: Context, code: int) -> None:
    """End what runs beside the dashboard. A command of the user's gets some time, unless a signal ended us."""
    if code >= 128 or context.on_finish is None or not context.on_finish.running:
        context.close()
        return
    talk(f"waiting {FINISH_GRACE_S:.0f} s at most for on_finish; Ctrl+C ends it")
    try:
        context.close(FINISH_GRACE_S)
    except KeyboardInterrupt:
        context.close()
