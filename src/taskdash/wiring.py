"""Wires up what the dashboard and the commands work with, by the settings in force.

Modules not needed for the first frame are imported when used, in other threads after that frame.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from taskdash.config.files import download_dir, previews_dir
from taskdash.config.keys import DEFAULT_KEY_VARIABLE, find_key, keyless_environ, known_keys
from taskdash.config.load import load_view
from taskdash.domain.errors import KeyMissingError, UsageError
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
    from taskdash.domain.secret import KnownKeys, Secret
    from taskdash.results.download_thread import DownloadThread
    from taskdash.results.own_commands import FinishCommand, OwnCommands, Programs
    from taskdash.results.previews import Previews
    from taskdash.watch.watcher import Watcher

COPY_NAME: Final = "copied.txt"
"""The file beside the saved look with the last text too large for the terminal's clipboard."""


class Wiring(NamedTuple):
    """Opens what dashboard and commands share, for the profile in use; each module it needs is imported when used."""

    settings: Settings
    environ: Mapping[str, str]
    store_path: Path
    keys: KnownKeys

    def finish_command(self) -> FinishCommand | None:
        """Return the runner of the user's command for finished tasks; None if there is no such command."""
        if not self.settings.on_finish:
            return None
        from taskdash.results.own_commands import FinishCommand, Programs

        return FinishCommand(self.settings.on_finish, self.settings.profile, self._programs(Programs))

    def own_commands(self) -> OwnCommands:
        """Return the runner of the commands that the user has bound to keys."""
        from taskdash.results.own_commands import OwnCommands, Programs

        return OwnCommands(self._programs(Programs))

    def _programs(self, make: type[Programs]) -> Programs:
        """Return the runner of the user's programs.

        It passes on no API key, but the paths of list and config: `taskdash show` in a program finds the same task.
        """
        settings = self.settings
        config = {"TASKDASH_CONFIG": str(settings.config_file)} if settings.config_file else {}
        return make(
            store_path=self.store_path.absolute(),
            environ=dict(self.environ) | config,
            keys=self.keys,
            hidden={DEFAULT_KEY_VARIABLE, *(each.api_key_env or "" for each in settings.profiles.values())},
        )

    def downloads(self, **where: bool) -> DownloadThread:
        """Return what saves results beside the dashboard or a command; see `DownloadThread`."""
        from taskdash.results.download_thread import DownloadThread

        return DownloadThread(self.settings, self.store_path, self.keys, **where)

    def previews(self, *, is_demo: bool = False) -> Previews:
        """Return the service that fetches previews of results; the demo caches them beside its store."""
        from shutil import which

        from taskdash.results.previews import PreviewFiles, Previews, can_decode, picture_fetcher

        try:
            folder = self.store_path.parent / "previews" if is_demo else previews_dir()
        except UsageError:
            # Without a cache folder, each preview is fetched when it is viewed.
            folder = None
        profile = self.settings.in_use
        return Previews(
            picture_fetcher(profile.base_url, allow_private=profile.allow_private),
            PreviewFiles(folder) if folder else None,
            ffmpeg=which("ffmpeg"),
            is_installed=can_decode(),
        )


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

    # It waits for a list that another process holds, as the dashboard does.
    store = StoreThread(store_path, "watcher-store", is_patient=True)
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
