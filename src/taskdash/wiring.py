"""Assembles the dashboard's context and services from the settings in force.

Modules not needed for the first frame are imported when used, in other threads after that frame.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from taskdash.config.keys import find_key, keyless_environ, known_keys
from taskdash.config.locations import download_dir, previews_dir
from taskdash.config.own_files import load_view
from taskdash.config.profile import DEFAULT_KEY_VARIABLE
from taskdash.domain.errors import KeyMissingError, UsageError
from taskdash.domain.secret import KnownKeys
from taskdash.store.store import StoreThread
from taskdash.ui.context import Context, Service
from taskdash.ui.keymap import make_keymap
from taskdash.watch.machine import Clock
from taskdash.watch.thread import WatcherThread

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from taskdash.config.profile import Profile
    from taskdash.config.settings import Settings, View
    from taskdash.domain.secret import Secret
    from taskdash.results.download_thread import DownloadThread
    from taskdash.results.own_commands import FinishCommand, OwnCommands, Programs
    from taskdash.results.previews import Previews
    from taskdash.watch.watcher import Watcher

COPY_NAME: Final = "copied.txt"
"""The file beside the saved look with the last text too large for the terminal's clipboard."""


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


async def _build_other_watcher(
    profile: Profile,
    environ: Mapping[str, str],
    keys: KnownKeys,
    store_path: Path,
    on_change: Callable[[], None],
) -> Watcher:
    """Build the watcher of a profile other than the one in use, with its own key, if it has one."""
    key = None
    with suppress(KeyMissingError):
        key = (await asyncio.to_thread(find_key, profile, environ)).secret
        keys.add(key)
    return await _build_watcher(profile, key, store_path, on_change)


def _serve_others(
    settings: Settings, environ: Mapping[str, str], store_path: Path, keys: KnownKeys
) -> dict[str, Service]:
    """Return the services of the other profiles whose tasks are in a view."""
    shown = [view.shown_profiles(settings.profiles, settings.profile) for view in settings.views]
    others = {}
    for name in dict.fromkeys(name for names in shown for name in names if name != settings.profile):
        profile = settings.profiles[name]
        own = replace(settings, profile=name, auto_download=False)
        others[name] = Service(
            watcher=WatcherThread(partial(_build_other_watcher, profile, environ, keys, store_path)),
            on_finish=open_finish_command(own, environ, store_path, keys),
            make_downloads=partial(download_thread, own, store_path, keys),
            make_previews=partial(open_previews, profile),
        )
    return others


def open_finish_command(
    settings: Settings, environ: Mapping[str, str], store_path: Path, keys: KnownKeys
) -> FinishCommand | None:
    """Return the runner of the user's command for finished tasks; None if there is no such command.

    The command gets no API key, but the paths of list and config, so that `taskdash show` in it finds the same task.
    """
    if not settings.on_finish:
        return None
    from taskdash.results.own_commands import FinishCommand

    programs = _programs(settings, environ, store_path, keys)
    return FinishCommand(settings.on_finish, settings.profile, programs)


def _open_own_commands(
    settings: Settings, environ: Mapping[str, str], store_path: Path, keys: KnownKeys
) -> OwnCommands:
    from taskdash.results.own_commands import OwnCommands

    return OwnCommands(_programs(settings, environ, store_path, keys))


def _programs(settings: Settings, environ: Mapping[str, str], store_path: Path, keys: KnownKeys) -> Programs:
    """Return the runner of the user's programs, which passes on the paths of list and config but no keys."""
    from taskdash.results.own_commands import Programs

    config = {"TASKDASH_CONFIG": str(settings.config_file)} if settings.config_file else {}
    return Programs(
        store_path=store_path.absolute(),
        environ=dict(environ) | config,
        keys=keys,
        hidden={DEFAULT_KEY_VARIABLE, *(each.api_key_env or "" for each in settings.profiles.values())},
    )


def first_view_of(settings: Settings) -> View:
    """Return the initial look; if results expire, it has a column for that, unless the config sets the columns."""
    view = settings.view
    if settings.in_use.result_ttl_ms is None or "view.columns" in settings.origins:
        return view
    return replace(view, columns=(*view.columns[:-1], "expires", view.columns[-1]))


def download_thread(settings: Settings, store_path: Path, keys: KnownKeys, **where: bool) -> DownloadThread:
    """Return what saves results beside the dashboard or a command; see `DownloadThread`."""
    from taskdash.results.download_thread import DownloadThread

    return DownloadThread(settings, store_path, keys, **where)


def open_context(
    settings: Settings,
    environ: Mapping[str, str],
    store_path: Path,
    *,
    view_path: Path | None = None,
    config_path: Path | None = None,
    keys: KnownKeys | None = None,
    is_demo: bool = False,
) -> Context:
    """Return everything the dashboard needs, with nothing started but the opening of the store, in its own thread.

    The look is saved, and a first config written, only if there is a path for them; found keys are added to `keys`.

    Raises:
        UsageError: there is no home directory to find the download folder in.
    """
    keys = KnownKeys() if keys is None else keys
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
        others=_serve_others(settings, environ, store_path, keys),
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
        reopen=partial(
            open_context,
            environ=environ,
            store_path=store_path,
            view_path=view_path,
            keys=keys,
            is_demo=is_demo,
        ),
        on_finish=open_finish_command(settings, environ, store_path, keys),
        make_commands=partial(_open_own_commands, settings, environ, store_path, keys),
        make_downloads=partial(download_thread, settings, store_path, keys, has_key=key is not None),
        make_previews=partial(open_previews, profile, store_path.parent if is_demo else None),
        is_demo=is_demo,
    )


def open_previews(profile: Profile, demo_folder: Path | None = None) -> Previews:
    """Return the service that fetches previews of a gateway's results; the demo caches them beside its store."""
    from taskdash.results.previews import PreviewFiles, Previews, can_decode, picture_fetcher

    try:
        folder = demo_folder / "previews" if demo_folder else previews_dir()
    except UsageError:
        # Without a cache folder, each preview is fetched when it is viewed.
        folder = None
    return Previews(
        picture_fetcher(profile.base_url, allow_private=profile.allow_private),
        PreviewFiles(folder) if folder else None,
        ffmpeg=shutil.which("ffmpeg"),
        is_installed=can_decode(),
    )
