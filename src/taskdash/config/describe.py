"""`config show`: what is in force and where it came from, with no key in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from taskdash.config import locations
from taskdash.config.keys import find_key, key_origin
from taskdash.config.profile_table import PROFILE_KEYS
from taskdash.config.table import duration_text
from taskdash.config.view_file import VIEW_KEYS
from taskdash.config.wording import without_keys
from taskdash.domain.errors import KeyMissingError, UsageError
from taskdash.domain.values import value

if TYPE_CHECKING:
    from taskdash.config.settings import Profile, Settings
    from taskdash.domain.task import Json

_GLOBAL_SCALARS: Final = ("bell", "auto_download", "max_result_mib", "log_level", "key_preset")


@value(frozen=True, slots=True)
class Setting:
    """One line of `config show`."""

    key: str
    """Its dotted name, as in `profiles.kie.tier`."""
    value: Json
    """As JSON has it; an API key is masked."""
    origin: str
    """`default`, `file /path`, `environment NAME`, `--profile` or `command NAME`."""

    @property
    def text(self) -> str:
        """The value as one line of text."""
        if self.value is None:
            return "not set"
        if isinstance(self.value, bool):
            return str(self.value).lower()
        if isinstance(self.value, list):
            return " ".join(str(item) for item in self.value) if self.value else "none"
        return str(self.value)


def describe(settings: Settings, environ: Mapping[str, str], *, run_commands: bool = True) -> list[Setting]:
    """Tell every setting in force, and the key of every profile masked.

    Args:
        settings: what is in force.
        environ: where the keys of profiles may be.
        run_commands: whether the command that brings the key of the profile in use is run; those of other
            profiles never are, for they may ask for a password.
    """
    lines = [Setting("profile", settings.profile, _origin(settings, "profile"))]
    lines.append(_download_dir(settings))
    commands = (("open_command", settings.open_command), ("on_finish", settings.on_finish))
    lines += [Setting(key, _arguments(command), _origin(settings, key)) for key, command in commands]
    lines += [Setting(key, getattr(settings, key), _origin(settings, key)) for key in _GLOBAL_SCALARS]
    for action, keys in settings.keys.items():
        lines.append(Setting(f"keys.{without_keys(action)}", [*keys], _origin(settings, f"keys.{action}")))
    lines += [_view_setting(settings, key) for key in VIEW_KEYS]
    for profile in settings.profiles.values():
        lines += _profile_settings(settings, profile)
        run = run_commands and profile.name == settings.profile
        lines.append(_masked_key(profile, environ, run=run))
    return lines


def _origin(settings: Settings, key: str) -> str:
    return settings.origins.get(key, "default")


def _arguments(arguments: tuple[str, ...]) -> Json:
    return [without_keys(argument) for argument in arguments]


def _download_dir(settings: Settings) -> Setting:
    try:
        value: Json = without_keys(str(locations.download_dir(settings)), 4_096)
    except UsageError:
        value = None
    return Setting("download_dir", value, _origin(settings, "download_dir"))


def _view_setting(settings: Settings, key: str) -> Setting:
    value = getattr(settings.view, key)
    if isinstance(value, tuple):
        value = [*value]
    elif isinstance(value, Mapping):
        value = [f"{name}={width}" for name, width in value.items()]
    elif isinstance(value, str):
        value = without_keys(value)
    return Setting(f"view.{key}", value, _origin(settings, f"view.{key}"))


def _profile_settings(settings: Settings, profile: Profile) -> Iterator[Setting]:
    for key in PROFILE_KEYS:
        name = f"profiles.{profile.name}.{key}"
        # The key itself has a line of its own, wherever it comes from.
        if key != "api_key" and (value := _profile_value(profile, key)) is not None:
            yield Setting(name, value, _origin(settings, name))


def _profile_value(profile: Profile, key: str) -> Json:
    """None for what this profile does not have, such as own limits beside a tier."""
    if key == "tier":
        return f"{profile.tier} (assumed)" if profile.tier_assumed else profile.tier
    if key == "result_ttl":
        return "none" if profile.result_ttl_ms is None else duration_text(profile.result_ttl_ms)
    if key == "api_key_command":
        command = profile.api_key_command
        # Arguments may be secret too, such as the token of a vault.
        return f"{without_keys(command[0])} ({len(command) - 1} arguments not shown)" if command else None
    value: Json = getattr(profile, key)
    return value


def _masked_key(profile: Profile, environ: Mapping[str, str], *, run: bool) -> Setting:
    name = f"profiles.{profile.name}.api_key"
    origin = key_origin(profile)
    if profile.api_key_command and not run:
        return Setting(name, "not asked for (the command was not run)", origin)
    try:
        found = find_key(profile, environ)
    except KeyMissingError as error:
        return Setting(name, f"not set: {error}", origin)
    return Setting(name, found.secret.masked(), found.origin)
