"""Opens what dashboard and commands share, from the settings in force. Each module it needs is imported when used."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from taskdash.config.files import previews_dir
from taskdash.config.keys import DEFAULT_KEY_VARIABLE
from taskdash.domain.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from taskdash.config.profile import Profile
    from taskdash.config.settings import Settings
    from taskdash.domain.secret import KnownKeys
    from taskdash.results.download_thread import DownloadThread
    from taskdash.results.own_commands import FinishCommand, OwnCommands, Programs
    from taskdash.results.previews import Previews


def open_finish_command(
    settings: Settings, environ: Mapping[str, str], store_path: Path, keys: KnownKeys
) -> FinishCommand | None:
    """Return the runner of the user's command for finished tasks; None if there is no such command."""
    if not settings.on_finish:
        return None
    from taskdash.results.own_commands import FinishCommand, Programs

    programs = _programs(Programs, settings, environ, store_path, keys)
    return FinishCommand(settings.on_finish, settings.profile, programs)


def open_own_commands(
    settings: Settings, environ: Mapping[str, str], store_path: Path, keys: KnownKeys
) -> OwnCommands:
    """Return the runner of the commands that the user has bound to keys."""
    from taskdash.results.own_commands import OwnCommands, Programs

    return OwnCommands(_programs(Programs, settings, environ, store_path, keys))


def _programs(
    make: type[Programs], settings: Settings, environ: Mapping[str, str], store_path: Path, keys: KnownKeys
) -> Programs:
    """Return the runner of the user's programs.

    It passes on no API key, but the paths of list and config: `taskdash show` in a program finds the same task.
    """
    config = {"TASKDASH_CONFIG": str(settings.config_file)} if settings.config_file else {}
    return make(
        store_path=store_path.absolute(),
        environ=dict(environ) | config,
        keys=keys,
        hidden={DEFAULT_KEY_VARIABLE, *(each.api_key_env or "" for each in settings.profiles.values())},
    )


def download_thread(settings: Settings, store_path: Path, keys: KnownKeys, **where: bool) -> DownloadThread:
    """Return what saves results beside the dashboard or a command; see `DownloadThread`."""
    from taskdash.results.download_thread import DownloadThread

    return DownloadThread(settings, store_path, keys, **where)


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
