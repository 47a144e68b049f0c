"""Opens what dashboard and commands share, from the settings in force. Each module it needs is imported when used."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, NamedTuple

from taskdash.config.files import previews_dir
from taskdash.config.keys import DEFAULT_KEY_VARIABLE
from taskdash.domain.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from taskdash.config.settings import Settings
    from taskdash.domain.secret import KnownKeys
    from taskdash.results.download_thread import DownloadThread
    from taskdash.results.own_commands import FinishCommand, OwnCommands, Programs
    from taskdash.results.previews import Previews


class Wiring(NamedTuple):
    """Opens the services of the profile in use."""

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
            ffmpeg=shutil.which("ffmpeg"),
            is_installed=can_decode(),
        )
