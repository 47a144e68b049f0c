"""Runs the dashboard on the user's list or on the demo, from the check for a terminal to the exit code.

Modules not needed for the first frame are imported when used, in other threads after that frame.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import termios
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from taskdash.cli.log import start_log
from taskdash.cli.output import talk, tell_not_added
from taskdash.config.files import download_dir, view_path
from taskdash.config.keys import find_key, keyless_environ, known_keys
from taskdash.config.load import load_view
from taskdash.domain.errors import KeyMissingError
from taskdash.store.store import StoreThread
from taskdash.store.store_file import SLOW_RECOVERY_TOLD_TO
from taskdash.ui.context import Context, Service
from taskdash.ui.keymap import make_keymap
from taskdash.ui.leaving import wait_for_foreground
from taskdash.watch.machine import Clock
from taskdash.watch.thread import WatcherThread

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from taskdash.cli.process import Session, Wiring
    from taskdash.config.profile import Profile
    from taskdash.config.settings import Settings, View
    from taskdash.domain.secret import Secret
    from taskdash.watch.watcher import Watcher

COPY_NAME: Final = "copied.txt"
"""The file beside the saved look with the last text too large for the terminal's clipboard."""
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
    # From here on, the dashboard has the terminal.
    SLOW_RECOVERY_TOLD_TO[:] = [app.tell_of_mending]
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


# What it works with


def open_context(
    wiring: Wiring, *, view_path: Path | None = None, config_path: Path | None = None, is_demo: bool = False
) -> Context:
    """Return everything the dashboard needs, with nothing started but the opening of the store, in its own thread.

    The look is saved, and a first config written, only if there is a path for them; found keys are added to the known.

    Raises:
        UsageError: there is no home directory to find the download folder in.
    """
    settings, environ, store_path, keys = wiring
    profile, first_view = settings.in_use, first_view_of(settings)
    key, advice = None, None
    try:
        key = find_key(profile, environ).secret
    except KeyMissingError as error:
        advice = error.brief
    keys.add(*known_keys(settings, environ), *([key] if key else []))
    if not os.environ.get("HOME", "").startswith("/"):
        # Without a home it may raise: better now than when a result is saved.
        download_dir(settings)
    build_watcher = partial(
        _build_watcher, profile, key, store_path, trust_env=not is_demo, forgets_gone_files=True
    )
    return Context(
        settings=settings,
        store=StoreThread(store_path, "store", is_patient=True),
        watcher=WatcherThread(build_watcher),
        others=_serve_others(wiring),
        clock=Clock(),
        # Even in the demo the real environment, as browser and clipboard need it.
        environ=keyless_environ(settings, os.environ, keys),
        keys=keys,
        key_advice=advice,
        keymap=make_keymap(settings.key_preset, settings.keys, settings.config_file, settings.commands),
        view=load_view(view_path, first_view) if view_path else first_view,
        first_view=first_view,
        view_path=view_path,
        copy_path=(view_path or store_path).parent / COPY_NAME,
        config_path=config_path,
        reopen=lambda other: open_context(
            wiring._replace(settings=other), view_path=view_path, is_demo=is_demo
        ),
        on_finish=wiring.finish_command(),
        make_commands=wiring.own_commands,
        make_downloads=partial(wiring.downloads, has_key=key is not None),
        make_previews=partial(wiring.previews, is_demo=is_demo),
        is_demo=is_demo,
    )


def first_view_of(settings: Settings) -> View:
    """Return the initial look; if results expire, it has a column for that, unless the config sets the columns."""
    view = settings.view
    if settings.in_use.result_ttl_ms is None or "view.columns" in settings.origins:
        return view
    return replace(view, columns=(*view.columns[:-1], "expires", view.columns[-1]))


def _serve_others(wiring: Wiring) -> dict[str, Service]:
    """Return the services of the other profiles whose tasks are in a view."""
    settings = wiring.settings
    shown = [view.shown_profiles(settings.profiles, settings.profile) for view in settings.views]
    others = {}
    for name in dict.fromkeys(name for names in shown for name in names if name != settings.profile):
        own = wiring._replace(settings=replace(settings, profile=name, auto_download=False))
        others[name] = Service(
            watcher=WatcherThread(partial(_build_other_watcher, own)),
            on_finish=own.finish_command(),
            make_downloads=own.downloads,
            make_previews=own.previews,
        )
    return others


async def _build_watcher(
    profile: Profile,
    key: Secret | None,
    store_path: Path,
    on_change: Callable[[], None],
    *,
    trust_env: bool = True,
    forgets_gone_files: bool = False,
) -> Watcher:
    from taskdash.store.saved import forget_gone_files
    from taskdash.watch.watcher import build_watcher

    store = StoreThread(store_path, "watcher-store")
    if forgets_gone_files:
        forget_gone_files(store)
    return await build_watcher(profile, key, store_path, on_change, trust_env=trust_env, store=store)


async def _build_other_watcher(own: Wiring, on_change: Callable[[], None]) -> Watcher:
    """Build the watcher of a profile other than the dashboard's, with its own key, if it has one."""
    key, profile = None, own.settings.in_use
    with suppress(KeyMissingError):
        key = (await asyncio.to_thread(find_key, profile, own.environ)).secret
        own.keys.add(key)
    return await _build_watcher(profile, key, own.store_path, on_change)
