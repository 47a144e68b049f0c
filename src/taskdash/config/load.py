"""From command line, environment and file to `Settings`: the earlier of these wins, then the default.

What reads a file's tables is imported only where there is a file: most commands start without one.
"""

from __future__ import annotations

import os
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from taskdash.config.locations import config_path
from taskdash.config.settings import DEFAULT_PROFILE, Profile, Settings
from taskdash.domain.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from taskdash.config.config_file import ConfigFile

PROFILE_VARIABLE: Final = "TASKDASH_PROFILE"
BASE_URL_VARIABLE: Final = "TASKDASH_BASE_URL"


def load_settings(
    config_file: Path | None,
    environ: Mapping[str, str],
    *,
    profile: str | None = None,
    log_level: str | None = None,
    action_names: Collection[str] | None = None,
    theme_names: Collection[str] | None = None,
) -> Settings:
    """Find out what is in force.

    Args:
        config_file: what `--config` says; None where it says nothing.
        environ: the environment; of it count `TASKDASH_CONFIG`, `TASKDASH_PROFILE`, `TASKDASH_BASE_URL`.
        profile: what `--profile` says.
        log_level: what `--log-level` says; already one of `LOG_LEVELS`.
        action_names: what `[keys]` may name; None takes any action.
        theme_names: what `[view]` may name as its theme; None takes any.

    Raises:
        ConfigError: a setting is wrong, or the file cannot be read.
        UsageError: the command line or the environment is wrong.
    """
    path, named_by = config_path(config_file, environ)
    file = _read(path, named_by)
    settings = Settings()
    if file is not None:
        from taskdash.config.file_settings import settings_of

        settings = settings_of(file, action_names, theme_names)
    settings = _with_profile(settings, *_asked_profile(profile, environ), file)
    settings = _with_base_url(settings, environ.get(BASE_URL_VARIABLE))
    if log_level is not None:
        origins = {**settings.origins, "log_level": "--log-level"}
        settings = replace(settings, log_level=log_level, origins=origins)
    return settings


def _read(path: Path, named_by: str) -> ConfigFile | None:
    # Most commands run without a file, and need not load what reads one.
    if not named_by and not os.path.lexists(path):
        return None
    from taskdash.config.config_file import read_config_file

    return read_config_file(path, named_by)


def _asked_profile(option: str | None, environ: Mapping[str, str]) -> tuple[str | None, str]:
    if option is not None:
        return option, "--profile"
    return environ.get(PROFILE_VARIABLE) or None, f"environment {PROFILE_VARIABLE}"


def _with_profile(settings: Settings, asked: str | None, origin: str, file: ConfigFile | None) -> Settings:
    """Choose the profile in use: the one asked for, the file's, aigptimage, or the only one there is."""
    profiles = dict(settings.profiles)
    named = asked or settings.profile
    name = named or (next(iter(profiles)) if len(profiles) == 1 else DEFAULT_PROFILE)
    if name == DEFAULT_PROFILE and (named or not profiles):
        profiles.setdefault(DEFAULT_PROFILE, Profile(name=DEFAULT_PROFILE))
    if name not in profiles:
        raise _no_such_profile(named, profiles, origin if asked else "", file)
    origins = {**settings.origins, "profile": origin} if asked else settings.origins
    return replace(settings, profile=name, profiles=MappingProxyType(profiles), origins=origins)


def _no_such_profile(
    name: str, profiles: Collection[str], origin: str, file: ConfigFile | None
) -> UsageError:
    from taskdash.config.wording import looks_like_key, one_of, quoted, suggestion

    there = one_of(profiles)
    place = f"{file.shown_path}: " if file else ""
    if not name:
        return ConfigError(
            f'{place}profile: say which of the profiles is in use, as in profile = "kie": {there}'
        )
    near = "" if looks_like_key(name) else suggestion(name, profiles)
    if not origin:
        return ConfigError(f"{place}profile: there is no table for {quoted(name)}, use {there}.{near}")
    source = origin.removeprefix("environment ")
    return UsageError(f"{source}: there is no profile {quoted(name)}, use {there}.{near}")


def _with_base_url(settings: Settings, text: str | None) -> Settings:
    if not text:
        return settings
    from taskdash.config.base_url import BaseUrlError, checked_base_url

    try:
        profile = replace(settings.in_use, base_url=checked_base_url(text))
    except BaseUrlError as error:
        raise UsageError(f"{BASE_URL_VARIABLE}: {error}") from None
    profiles = {**settings.profiles, profile.name: profile}
    origins = {**settings.origins, f"profiles.{profile.name}.base_url": f"environment {BASE_URL_VARIABLE}"}
    return replace(settings, profiles=MappingProxyType(profiles), origins=origins)
